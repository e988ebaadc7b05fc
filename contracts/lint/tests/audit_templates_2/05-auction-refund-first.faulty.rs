//! An auction with one lot per row: who is outbid gets the coins back at once.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod auction {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// What is sold.
    #[table(name = "lots")]
    struct Lot {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        title: String,
        ends_ms: i64,
        bidder: Option<String>,
        #[check("bid >= 0")]
        bid: i64,
        closed: bool,
    }

    #[error]
    enum AuctionError {
        /// There is no such lot.
        NotFound { id: i64 },
        /// The lot takes no bids.
        Ended { id: i64 },
        /// Bid more than this.
        TooLow { bid: i64 },
        /// Only its seller closes a lot, after its end.
        NotYet { id: i64 },
    }

    /// A lot has a new highest bid.
    #[event]
    struct Raised<'a> {
        id: i64,
        bidder: &'a str,
        bid: i64,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    /// Puts a lot up; answers its number.
    #[call]
    fn put_up(ctx: &Context, title: String, ends_ms: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        let lot = Lot { id: 0, seller, title, ends_ms, bidder: None, bid: 0, closed: false };
        ctx.db.lots().insert(&lot)
    }

    fn lot(ctx: &Context, id: i64) -> Result<Lot, Refusal> {
        Ok(ctx.db.lots().get(id)?.ok_or(AuctionError::NotFound { id })?)
    }

    fn refund(bidder: Option<&str>, bid: i64) -> Result<(), Refusal> {
        let Some(bidder) = bidder else { return Ok(()) };
        calls::transfer(bidder, &[(DENOM, bid)])?;
        Ok(())
    }

    /// Bids what comes along.
    #[call(payable)]
    fn bid(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut lot = lot(ctx, id)?;
        let offered = calls::paid(DENOM)?;
        if lot.closed || ctx.time_ms >= lot.ends_ms {
            return Err(AuctionError::Ended { id }.into());
        }
        if offered <= lot.bid {
            return Err(AuctionError::TooLow { bid: lot.bid }.into());
        }
        refund(lot.bidder.as_deref(), lot.bid)?;
        lot.bidder = Some(ctx.caller.clone());
        lot.bid = offered;
        ctx.db.lots().update(&lot)?;
        Raised { id, bidder: &ctx.caller, bid: offered }.emit();
        Ok(())
    }

    /// Ends a lot and pays its seller.
    #[call]
    fn close(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut lot = lot(ctx, id)?;
        if lot.closed || lot.seller != ctx.caller || ctx.time_ms < lot.ends_ms {
            return Err(AuctionError::NotYet { id }.into());
        }
        lot.closed = true;
        ctx.db.lots().update(&lot)?;
        if lot.bidder.is_some() { refund(Some(&lot.seller), lot.bid) } else { Ok(()) }
    }
}
