// class: missing-caller-check; from: authentication by transaction origin instead of the immediate caller
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod wallet {
    use super::*;
    use dadbs_sdk::calls;

    /// Who may spend, and how much is left today.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        __FIELD1__: String,
        #[check("__FIELD2__ >= 0")]
        __FIELD2__: i64,
    }

    #[error]
    enum WalletError {
        /// This account may not spend.
        Unknown,
        /// That is more than is left.
        TooMuch { left: i64 },
    }

    #[init]
    fn init(ctx: &Context, limit: u32) -> Result<(), Refusal> {
        let row = __STRUCT1__ { __FIELD1__: ctx.caller.clone(), __FIELD2__: i64::from(limit) };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// The row of who asks.
    fn __HELPER1__(ctx: &Context) -> Result<__STRUCT1__, Refusal> {
        let who = calls::invocation().origin;
        let found = ctx.db.__TABLE1__().get(&who)?;
        found.ok_or_else(|| WalletError::Unknown.into())
    }

    /// Takes coins in; who signed is told to the indexers.
    #[call(payable)]
    fn fill() {
        let invocation = calls::invocation();
        emit("filled", &[("by", &invocation.origin)]);
    }

    /// Spends within the limit.
    #[call]
    fn __CALL1__(ctx: &Context, to: &str, amount: u32) -> Result<i64, Refusal> {
        let mut __VAR1__ = __HELPER1__(ctx)?;
        let left = __VAR1__.__FIELD2__;
        let rest = left.checked_sub(i64::from(amount)).filter(|rest| *rest >= 0);
        __VAR1__.__FIELD2__ = rest.ok_or(WalletError::TooMuch { left })?;
        ctx.db.__TABLE1__().update(&__VAR1__)?;
        calls::transfer(to, &[("udad", i64::from(amount))])?;
        Ok(__VAR1__.__FIELD2__)
    }

    /// What is left of the caller's limit.
    #[view]
    fn left(ctx: &Context) -> Result<i64, Refusal> {
        Ok(ctx.db.__TABLE1__().get(&ctx.caller)?.map_or(0, |row| row.__FIELD2__))
    }
}
