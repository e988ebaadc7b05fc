// class: call-before-state; from: auction pays the former bidder before the new bid is stored
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod auction {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        seller: String,
        ends_ms: i64,
        bidder: Option<String>,
        #[check("__FIELD1__ >= 0")]
        __FIELD1__: i64,
    }

    #[error]
    enum AuctionError {
        /// There is no such auction that goes on.
        Over { id: i64 },
        /// A bid is more than the last one.
        TooLow { least: i64 },
    }

    #[init]
    fn init() {}

    #[call]
    fn __CALL1__(ctx: &Context, minutes: u32) -> Result<i64, Refusal> {
        let ends_ms = ctx.time_ms + i64::from(minutes) * 60_000;
        let seller = ctx.caller.clone();
        let row = __STRUCT1__ { id: 0, seller, ends_ms, bidder: None, __FIELD1__: 0 };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn __HELPER1__() -> i64 {
        let funds = calls::invocation().funds;
        funds.iter().find(|(denom, _)| denom == "udad").map_or(0, |(_, sent)| *sent)
    }

    /// Bids what comes along.
    #[call(payable)]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let found = ctx.db.__TABLE1__().get(id)?.filter(|row| ctx.time_ms < row.ends_ms);
        let mut row = found.ok_or(AuctionError::Over { id })?;
        let (sent, last) = (__HELPER1__(), row.__FIELD1__);
        if sent <= last {
            return Err(AuctionError::TooLow { least: last + 1 }.into());
        }
        let give_back = |to: &str| calls::transfer(to, &[("udad", last)]);
        let former = row.bidder.replace(ctx.caller.clone());
        row.__FIELD1__ = sent;
        ctx.db.__TABLE1__().update(&row)?;
        if let Some(__VAR1__) = former {
            give_back(&__VAR1__)?;
        }
        emit("bid", &[("by", &ctx.caller)]);
        Ok(())
    }
}
