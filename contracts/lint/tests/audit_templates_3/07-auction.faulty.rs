// class: 3
//! Auctions: the highest bid wins, the others are given back.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod auction {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Something that is sold to the highest bidder.
    #[table(name = "auctions")]
    struct Auction {
        #[key(auto)]
        id: i64,
        seller: String,
        ends_ms: i64,
        best: i64,
        best_bid: Option<i64>,
    }

    /// What somebody has put in.
    #[table(name = "bids", index(auction, refunded))]
    struct Bid {
        #[key(auto)]
        id: i64,
        #[references("auctions(id)")]
        auction: i64,
        bidder: String,
        #[check("amount > 0")]
        amount: i64,
        refunded: bool,
    }

    #[error]
    enum AuctionError {
        /// There is no such auction.
        NotFound { id: i64 },
        /// The auction has ended, or has not.
        WrongTime { ends_ms: i64 },
        /// Bid more than the best.
        TooLow { best: i64 },
    }

    #[init]
    fn init() {}

    fn auction(ctx: &Context, id: i64) -> Result<Auction, Refusal> {
        ctx.db.auctions().get(id)?.ok_or_else(|| AuctionError::NotFound { id }.into())
    }

    /// Begins an auction of the caller.
    #[call]
    fn begin(ctx: &Context, ends_ms: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        ctx.db.auctions().insert(&Auction { id: 0, seller, ends_ms, best: 0, best_bid: None })
    }

    /// Bids the coins that come along.
    #[call(payable)]
    fn bid(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let open = auction(ctx, id)?;
        if ctx.time_ms >= open.ends_ms {
            return Err(AuctionError::WrongTime { ends_ms: open.ends_ms }.into());
        }
        let amount = calls::paid(DENOM)?;
        if amount <= open.best {
            return Err(AuctionError::TooLow { best: open.best }.into());
        }
        let bidder = ctx.caller.clone();
        let bid = Bid { id: 0, auction: id, bidder, amount, refunded: false };
        let number = ctx.db.bids().insert(&bid)?;
        sql!("UPDATE auctions SET best = ?, best_bid = ? WHERE id = ?", amount, number, id)?;
        Ok(())
    }

    /// Gives bids back that have not won; answers how many.
    #[call]
    fn refund(ctx: &Context, id: i64) -> Result<u32, Refusal> {
        let ended = auction(ctx, id)?;
        if ctx.time_ms < ended.ends_ms || ended.seller != ctx.caller {
            return Err(AuctionError::WrongTime { ends_ms: ended.ends_ms }.into());
        }
        let found = sql!(
            "SELECT id, bidder, amount FROM bids
             WHERE auction = ? AND refunded = 0 AND id <> ? ORDER BY id",
            id,
            ended.best_bid.unwrap_or_default()
        )?;
        let losers: Vec<(i64, String, i64)> = found.decode();
        let mut count = 0;
        for (number, ..) in &losers {
            count += sql!("UPDATE bids SET refunded = 1 WHERE id = ?", *number)?;
        }
        for (_, bidder, amount) in &losers {
            calls::transfer(bidder, &[(DENOM, *amount)])?;
        }
        Ok(count)
    }

    /// The best bid of an auction.
    #[view]
    fn best(id: i64) -> Result<Table, Refusal> {
        Ok(sql!("SELECT best, best_bid FROM auctions WHERE id = ?", id)?)
    }
}
