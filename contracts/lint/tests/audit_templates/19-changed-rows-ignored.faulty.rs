// class: ignored-result; from: number of updated rows is not checked before paying
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod refunds {
    use super::*;
    use dadbs_sdk::calls;

    /// What may be refunded.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        customer: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        #[check("state IN ('paid', 'refunded')")]
        state: String,
    }

    #[init]
    fn init() {}

    fn __HELPER1__(funds: &[(String, i64)]) -> Option<i64> {
        funds.iter().find(|(denom, _)| denom == "udad").map(|(_, amount)| *amount)
    }

    #[call(payable)]
    fn __CALL1__(ctx: &Context) -> Result<i64, Refusal> {
        let __FIELD1__ = __HELPER1__(&calls::invocation().funds).ok_or("nothing was sent")?;
        let customer = ctx.caller.clone();
        let row = __STRUCT1__ { id: 0, customer, __FIELD1__, state: "paid".into() };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Gives the caller's coins back, once.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let row = ctx.db.__TABLE1__().get(id)?.filter(|row| row.customer == ctx.caller);
        let Some(row) = row else {
            return Err("there is no such payment of yours".into());
        };
        let __VAR1__ = row.__FIELD1__;
        sql!("UPDATE __TABLE1__ SET state = 'refunded' WHERE id = ? AND state = 'paid'", id)?;
        calls::transfer(&ctx.caller, &[("udad", __VAR1__)])?;
        emit("refunded", &[("customer", &ctx.caller)]);
        Ok(__VAR1__)
    }
}
