// class: 2
// The previous bidder is refunded before the new bid stands in the table: a contract that gets the refund bids or closes against old state (re-entrancy in bid refunds).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod auction {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "lots")]
    struct Lot {
        #[key(auto)]
        id: i64,
        seller: String,
        text: String,
        ends_ms: i64,
        leader: Option<String>,
        #[check("bid >= 0")]
        bid: i64,
        closed: bool,
    }

    #[table(name = "refunds")]
    struct Refund {
        #[key]
        bidder: String,
        #[check("amount > 0")]
        amount: i64,
    }

    #[init]
    fn init() {}

    #[call]
    fn open(ctx: &Context, text: String, hours: u32) -> Result<i64, Refusal> {
        if !(1..=720).contains(&hours) {
            return Err("a lot is open for 1 to 720 hours".into());
        }
        let ends_ms = ctx.time_ms + i64::from(hours) * 3_600_000;
        let seller = ctx.caller.clone();
        ctx.db.lots().insert(&Lot { id: 0, seller, text, ends_ms, leader: None, bid: 0, closed: false })
    }

    fn owe(ctx: &Context, bidder: &str, more: i64) -> Result<(), Refusal> {
        let amount = match ctx.db.refunds().get(bidder)? {
            Some(refund) => refund.amount.checked_add(more).ok_or("the refund is too much")?,
            None => more,
        };
        let refund = Refund { bidder: bidder.into(), amount };
        if !ctx.db.refunds().update(&refund)? {
            ctx.db.refunds().insert(&refund)?;
        }
        Ok(())
    }

    #[call(payable)]
    fn bid(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut lot = ctx.db.lots().get(id)?.ok_or("there is no such lot")?;
        let amount = calls::paid(DENOM)?;
        if lot.closed || ctx.time_ms >= lot.ends_ms {
            return Err("the lot is over".into());
        }
        if amount <= lot.bid {
            return Err(format!("bid more than {}", lot.bid).into());
        }
        if let Some(loser) = lot.leader.replace(ctx.caller.clone()) {
            calls::transfer(&loser, &[(DENOM, lot.bid)])?;
        }
        lot.bid = amount;
        ctx.db.lots().update(&lot)?; // FAULT
        Ok(())
    }

    /// Anybody may close what is over: the coins go to its seller, as a credit.
    #[call]
    fn close(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut lot = ctx.db.lots().get(id)?.ok_or("there is no such lot")?;
        if lot.closed || ctx.time_ms < lot.ends_ms {
            return Err("the lot cannot be closed now".into());
        }
        lot.closed = true;
        ctx.db.lots().update(&lot)?;
        if lot.bid > 0 { owe(ctx, &lot.seller, lot.bid) } else { Ok(()) }
    }

    #[call]
    fn pull(ctx: &Context) -> Result<i64, Refusal> {
        let refund = ctx.db.refunds().get(&ctx.caller)?.ok_or("nothing is owed to you")?;
        ctx.db.refunds().delete(&ctx.caller)?;
        calls::transfer(&ctx.caller, &[(DENOM, refund.amount)])?;
        Ok(refund.amount)
    }

    #[view]
    fn lot(ctx: &Context, id: i64) -> Result<Option<Lot>, Refusal> {
        ctx.db.lots().get(id)
    }
}
