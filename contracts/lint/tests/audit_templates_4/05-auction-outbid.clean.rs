// class: 2
// Right: whoever is outbid gets a credit in the same statement batch and fetches it later: the credit is emptied before the coins go (pull payments).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod auction {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "lots")]
    struct Lot {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        what: String,
        ends_ms: i64,
        best: i64,
        bidder: Option<String>,
        settled: bool,
    }

    #[table(name = "credits")]
    struct Credit {
        #[key]
        owner: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    #[error]
    enum AuctionError {
        NoLot { id: i64 },
        Over { id: i64 },
        NotOver { id: i64 },
        TooLow { least: i64 },
        Nothing,
    }

    #[init]
    fn init() {}

    fn lot(ctx: &Context, id: i64) -> Result<Lot, Refusal> {
        Ok(ctx.db.lots().get(id)?.ok_or(AuctionError::NoLot { id })?)
    }

    fn credit(ctx: &Context, owner: &str, amount: i64) -> Result<(), Refusal> {
        let before = ctx.db.credits().get(owner)?;
        let known = before.is_some();
        let amount = before.map_or(0, |credit| credit.amount) + amount;
        let row = Credit { owner: owner.into(), amount };
        if known {
            ctx.db.credits().update(&row)?;
        } else {
            ctx.db.credits().insert(&row)?;
        }
        Ok(())
    }

    #[call]
    fn offer(ctx: &Context, what: String, ends_ms: i64, least: i64) -> Result<i64, Refusal> {
        if ends_ms <= ctx.time_ms || least < 0 {
            return Err("an auction ends later and begins at 0 or more".into());
        }
        let seller = ctx.caller.clone();
        let lot = Lot { id: 0, seller, what, ends_ms, best: least, bidder: None, settled: false };
        ctx.db.lots().insert(&lot)
    }

    #[call(payable)]
    fn bid(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let sent = calls::paid(DENOM)?;
        let mut lot = lot(ctx, id)?;
        if ctx.time_ms >= lot.ends_ms {
            return Err(AuctionError::Over { id }.into());
        }
        if sent <= lot.best {
            return Err(AuctionError::TooLow { least: lot.best + 1 }.into());
        }
        if let Some(beaten) = lot.bidder.replace(ctx.caller.clone()) {
            credit(ctx, &beaten, lot.best)?;
        }
        lot.best = sent;
        ctx.db.lots().update(&lot)?;
        Ok(())
    }

    /// Ends an auction: the seller gets a credit.
    #[call]
    fn settle(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut lot = lot(ctx, id)?;
        if ctx.time_ms < lot.ends_ms || lot.settled {
            return Err(AuctionError::NotOver { id }.into());
        }
        if lot.seller != ctx.caller && lot.bidder.as_deref() != Some(ctx.caller.as_str()) {
            return Err("seller and winner settle".into());
        }
        lot.settled = true;
        ctx.db.lots().update(&lot)?;
        if lot.bidder.is_some() {
            credit(ctx, &lot.seller, lot.best)?;
        }
        Ok(())
    }

    /// Pays out what the caller has.
    #[call]
    fn fetch(ctx: &Context) -> Result<i64, Refusal> {
        let credit = ctx.db.credits().get(&ctx.caller)?.ok_or(AuctionError::Nothing)?;
        ctx.db.credits().delete(&ctx.caller)?;
        calls::transfer(&ctx.caller, &[(DENOM, credit.amount)])?;
        Ok(credit.amount)
    }
}
