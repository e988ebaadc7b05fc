// class: wrapping-arithmetic; from: saturating subtraction hides a missing balance before a payout
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod tips {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        __FIELD1__: u32,
        payouts: u32,
    }

    #[error]
    enum TipError {
        /// Nobody has tipped the caller.
        NoTips,
        /// That is more than there is.
        TooMuch,
        /// Send between 1 and 4294967295.
        BadAmount,
    }

    #[init]
    fn init() {}

    fn __HELPER1__() -> Result<u32, TipError> {
        let funds = calls::invocation().funds;
        let sent = funds.iter().find(|(denom, _)| denom == "udad").map_or(0, |(_, sent)| *sent);
        u32::try_from(sent).ok().filter(|sent| *sent > 0).ok_or(TipError::BadAmount)
    }

    /// Tips an account.
    #[call(payable)]
    fn __CALL1__(ctx: &Context, account: String) -> Result<(), Refusal> {
        dadbs_sdk::address::check(&account)?;
        let sent = __HELPER1__()?;
        match ctx.db.__TABLE1__().get(&account)? {
            Some(mut row) => {
                row.__FIELD1__ = row.__FIELD1__.checked_add(sent).ok_or(TipError::BadAmount)?;
                ctx.db.__TABLE1__().update(&row)?;
            }
            None => {
                let row = __STRUCT1__ { account, __FIELD1__: sent, payouts: 0 };
                ctx.db.__TABLE1__().insert(&row)?;
            }
        }
        Ok(())
    }

    /// Takes tips of the caller out.
    #[call]
    fn __CALL2__(ctx: &Context, amount: u32) -> Result<u32, Refusal> {
        let mut __VAR1__ = ctx.db.__TABLE1__().get(&ctx.caller)?.ok_or(TipError::NoTips)?;
        if __VAR1__.__FIELD1__ == 0 {
            return Err(TipError::TooMuch.into());
        }
        __VAR1__.__FIELD1__ = __VAR1__.__FIELD1__.saturating_sub(amount);
        __VAR1__.payouts = __VAR1__.payouts.saturating_add(1);
        ctx.db.__TABLE1__().update(&__VAR1__)?;
        calls::transfer(&ctx.caller, &[("udad", i64::from(amount))])?;
        Ok(__VAR1__.__FIELD1__)
    }
}
