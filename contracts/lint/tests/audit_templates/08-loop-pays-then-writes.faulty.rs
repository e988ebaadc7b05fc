// class: call-before-state; from: state of each entry is written after its external transfer in a loop
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod dividends {
    use super::*;
    use dadbs_sdk::calls;

    /// Rows that one call works off.
    const STEP: u32 = 25;

    /// What is owed to whom.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        holder: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        #[index]
        settled: bool,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        issuer: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, issuer: ctx.caller.clone() })
    }

    fn __HELPER1__(ctx: &Context) -> Result<(), Refusal> {
        let issuer = ctx.db.__TABLE2__().get(1)?.map(|row| row.issuer);
        if issuer.as_deref() != Some(ctx.caller.as_str()) {
            return Err("only the issuer may do this".into());
        }
        Ok(())
    }

    #[call]
    fn __CALL1__(ctx: &Context, holder: String, amount: u32) -> Result<i64, Refusal> {
        __HELPER1__(ctx)?;
        let __FIELD1__ = i64::from(amount);
        let row = __STRUCT1__ { id: 0, holder, __FIELD1__, settled: false };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Pays the next few; answers how many.
    #[call]
    fn __CALL2__(ctx: &Context) -> Result<i64, Refusal> {
        __HELPER1__(ctx)?;
        let open = ctx.db.__TABLE1__().by_settled(false, STEP)?;
        let mut paid = 0i64;
        for mut __VAR1__ in open {
            calls::transfer(&__VAR1__.holder, &[("udad", __VAR1__.__FIELD1__)])?;
            __VAR1__.settled = true;
            ctx.db.__TABLE1__().update(&__VAR1__)?;
            paid += 1;
        }
        Ok(paid)
    }
}
