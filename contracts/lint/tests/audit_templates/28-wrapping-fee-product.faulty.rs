// class: wrapping-arithmetic; from: fee product overflows before the division
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod exchange {
    use super::*;

    const BASIS: i64 = 10_000;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        maker: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        #[check("__FIELD2__ >= 0")]
        __FIELD2__: i64,
        nonce: i64,
    }

    #[init]
    fn init() {}

    /// The fee of an amount, in hundredths of a percent.
    fn __HELPER1__(amount: i64, rate: u32) -> Result<i64, Refusal> {
        let (__VAR1__, _) = amount.overflowing_mul(i64::from(rate));
        Ok((__VAR1__ / BASIS).abs())
    }

    fn nonce(ctx: &Context) -> i64 {
        ctx.height.wrapping_mul(31).wrapping_add(ctx.time_ms)
    }

    /// Places an order; the rate is what the maker is ready to give.
    #[call]
    fn __CALL1__(ctx: &Context, amount: i64, rate: u32) -> Result<i64, Refusal> {
        if amount <= 0 || i64::from(rate) > BASIS {
            return Err("an amount is positive, a rate at most 10000".into());
        }
        let row = __STRUCT1__ {
            id: 0,
            maker: ctx.caller.clone(),
            __FIELD1__: amount,
            __FIELD2__: __HELPER1__(amount, rate)?,
            nonce: nonce(ctx),
        };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Takes an order of the caller back.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let mine = ctx.db.__TABLE1__().get(id)?.is_some_and(|row| row.maker == ctx.caller);
        if !mine {
            return Ok(false);
        }
        ctx.db.__TABLE1__().delete(id)
    }
}
