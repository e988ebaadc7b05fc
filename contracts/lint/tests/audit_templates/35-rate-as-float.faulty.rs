// class: float-money; from: exchange rate is a float and the payout is rounded from it
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod bureau {
    use super::*;
    use dadbs_sdk::calls;

    /// What the rate is counted in.
    const MICRO: i64 = 1_000_000;

    /// The rate, and who sets it; one row.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        id: i64,
        setter: String,
        /// Millionths of the other coin for one.
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        since_ms: i64,
    }

    #[init]
    fn init(ctx: &Context, rate: u32) -> Result<(), Refusal> {
        let (setter, since_ms) = (ctx.caller.clone(), ctx.time_ms);
        let row = __STRUCT1__ { id: 1, setter, __FIELD1__: i64::from(rate), since_ms };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn rate(ctx: &Context) -> Result<__STRUCT1__, Refusal> {
        ctx.db.__TABLE1__().get(1)?.ok_or_else(|| "there is no rate".into())
    }

    fn __HELPER1__(amount: i64, rate: i64) -> Result<i64, Refusal> {
        let __VAR1__ = amount as f64 * (rate as f64 / MICRO as f64);
        if __VAR1__ > 9e18 {
            return Err("that is too much".into());
        }
        Ok(__VAR1__ as i64)
    }

    #[call]
    fn __CALL1__(ctx: &Context, __FIELD1__: u32) -> Result<(), Refusal> {
        let mut row = rate(ctx)?;
        if row.setter != ctx.caller {
            return Err("only the setter changes the rate".into());
        }
        row.__FIELD1__ = i64::from(__FIELD1__);
        row.since_ms = ctx.time_ms;
        ctx.db.__TABLE1__().update(&row)?;
        Ok(())
    }

    /// Changes coins that come along.
    #[call(payable)]
    fn __CALL2__(ctx: &Context) -> Result<i64, Refusal> {
        let funds = calls::invocation().funds;
        let Some((_, sent)) = funds.iter().find(|(denom, _)| denom == "udad") else {
            return Err("nothing was sent".into());
        };
        let out = __HELPER1__(*sent, rate(ctx)?.__FIELD1__)?;
        calls::transfer(&ctx.caller, &[("ueur", out)])?;
        Ok(out)
    }

    /// How old the rate is, in hours.
    #[view]
    fn age(ctx: &Context) -> Result<f64, Refusal> {
        let age_ms = ctx.time_ms - rate(ctx)?.since_ms;
        Ok(age_ms as f64 / 3_600_000.0)
    }
}
