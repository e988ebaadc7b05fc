// class: float-money; from: fee is computed with a floating point percentage and cut
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod gateway {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        merchant: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        #[check("__FIELD2__ >= 0")]
        __FIELD2__: i64,
    }

    #[event]
    struct Settled<'a> {
        merchant: &'a str,
        /// Share of the fee, for charts.
        share: f64,
    }

    #[init]
    fn init() {}

    /// 2.9 percent and 30 on top.
    fn __HELPER1__(amount: i64) -> Option<i64> {
        let __VAR1__ = (amount as f64 * 0.029) as i64;
        __VAR1__.checked_add(30)
    }

    /// Pays a merchant what comes along, less the fee.
    #[call(payable)]
    fn __CALL1__(ctx: &Context, merchant: String) -> Result<i64, Refusal> {
        dadbs_sdk::address::check(&merchant)?;
        let funds = calls::invocation().funds;
        let sent = funds.iter().find_map(|(denom, sent)| (denom == "udad").then_some(*sent));
        let __FIELD1__ = sent.ok_or("nothing was sent")?;
        let fee = __HELPER1__(__FIELD1__).ok_or("the amount is too large")?;
        if fee >= __FIELD1__ {
            return Err("the amount does not cover the fee".into());
        }
        let row = __STRUCT1__ { id: 0, merchant, __FIELD1__, __FIELD2__: fee };
        let number = ctx.db.__TABLE1__().insert(&row)?;
        calls::transfer(&row.merchant, &[("udad", __FIELD1__ - fee)])?;
        Settled { merchant: &row.merchant, share: 0.029 }.emit();
        Ok(number)
    }

    #[view]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<Option<__STRUCT1__>, Refusal> {
        ctx.db.__TABLE1__().get(id)
    }
}
