// class: float-money; from: balance is multiplied by a float inside a statement
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod savings {
    use super::*;
    use dadbs_sdk::calls;

    const YEAR_MS: i64 = 31_536_000_000;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        #[check("__FIELD1__ BETWEEN 0 AND 1000000000000000")]
        __FIELD1__: i64,
        __FIELD2__: i64,
    }

    #[init]
    fn init() {}

    fn __HELPER1__() -> i64 {
        let funds = calls::invocation().funds;
        funds.iter().filter(|(denom, _)| denom == "udad").map(|(_, sent)| *sent).next().unwrap_or(0)
    }

    /// Opens an account of the caller.
    #[call(payable)]
    fn __CALL1__(ctx: &Context) -> Result<(), Refusal> {
        let account = ctx.caller.clone();
        let sent = __HELPER1__();
        if sent == 0 {
            return Err("send something along".into());
        }
        let row = __STRUCT1__ { account, __FIELD1__: sent, __FIELD2__: ctx.time_ms };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Adds the interest of a full year to the caller's account; false if none is over.
    #[call]
    fn __CALL2__(ctx: &Context) -> Result<bool, Refusal> {
        let __VAR1__ = ctx.time_ms - YEAR_MS;
        let changed = sql!(
            "UPDATE __TABLE1__ SET __FIELD1__ = CAST(__FIELD1__ * 1.035 AS INTEGER), __FIELD2__ = ?
             WHERE account = ? AND __FIELD2__ <= ?",
            ctx.time_ms,
            ctx.caller,
            __VAR1__
        )?;
        Ok(changed > 0)
    }

    /// How long the caller's year has gone on, from 0 to 1.
    #[view]
    fn progress(ctx: &Context) -> Result<f64, Refusal> {
        let Some(row) = ctx.db.__TABLE1__().get(&ctx.caller)? else { return Ok(0.0) };
        let gone = (ctx.time_ms - row.__FIELD2__).clamp(0, YEAR_MS);
        Ok(gone as f64 / YEAR_MS as f64)
    }
}
