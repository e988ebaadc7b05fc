// class: missing-caller-check; from: authorization is evaluated after the effect and does not revert it
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod grants {
    use super::*;
    use dadbs_sdk::calls;

    /// Money that is set aside for somebody.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        sponsor: String,
        grantee: String,
        #[check("__FIELD1__ >= 0")]
        __FIELD1__: i64,
    }

    #[error]
    enum GrantError {
        /// There is no such grant.
        NotFound { id: i64 },
        /// Coins must come along.
        NoCoins,
    }

    #[init]
    fn init() {}

    fn __HELPER1__() -> Option<i64> {
        let funds = calls::invocation().funds;
        funds.into_iter().find_map(|(denom, amount)| (denom == "udad").then_some(amount))
    }

    /// Sets coins aside.
    #[call(payable)]
    fn __CALL1__(ctx: &Context, grantee: String) -> Result<i64, Refusal> {
        dadbs_sdk::address::check(&grantee)?;
        let __FIELD1__ = __HELPER1__().ok_or(GrantError::NoCoins)?;
        let sponsor = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, sponsor, grantee, __FIELD1__ })
    }

    /// Pays a grant out; false if the caller is not its sponsor.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let mut __VAR1__ = ctx.db.__TABLE1__().get(id)?.ok_or(GrantError::NotFound { id })?;
        let due = __VAR1__.__FIELD1__;
        if due == 0 {
            return Ok(false);
        }
        __VAR1__.__FIELD1__ = 0;
        ctx.db.__TABLE1__().update(&__VAR1__)?;
        calls::transfer(&__VAR1__.grantee, &[("udad", due)])?;
        if __VAR1__.sponsor != ctx.caller {
            return Ok(false);
        }
        emit("granted", &[("to", &__VAR1__.grantee)]);
        Ok(true)
    }
}
