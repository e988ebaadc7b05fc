// class: wrapping-arithmetic; from: balance addition wraps silently
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod loyalty {
    use super::*;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        __FIELD1__: i64,
        /// Mixes all changes, so that clients see a row that changed.
        mark: i64,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        shop: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, shop: ctx.caller.clone() })
    }

    fn is_shop(ctx: &Context) -> Result<bool, Refusal> {
        Ok(ctx.db.__TABLE2__().get(1)?.is_some_and(|row| row.shop == ctx.caller))
    }

    /// No number of value: it only has to differ.
    fn mixed(mark: i64, by: i64) -> i64 {
        mark.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(by)
    }

    fn __HELPER1__(row: &mut __STRUCT1__, by: i64) -> Result<(), Refusal> {
        row.__FIELD1__ = row.__FIELD1__.checked_add(by).ok_or("the balance would overflow")?;
        row.mark = mixed(row.mark, by);
        Ok(())
    }

    /// Credits an account; answers its balance.
    #[call]
    fn __CALL1__(ctx: &Context, account: String, by: i64) -> Result<i64, Refusal> {
        if !is_shop(ctx)? {
            return Err("only the shop credits".into());
        }
        if by <= 0 {
            return Err("a credit is positive".into());
        }
        if let Some(mut __VAR1__) = ctx.db.__TABLE1__().get(&account)? {
            __HELPER1__(&mut __VAR1__, by)?;
            ctx.db.__TABLE1__().update(&__VAR1__)?;
            return Ok(__VAR1__.__FIELD1__);
        }
        let mark = mixed(0, by);
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { account, __FIELD1__: by, mark })?;
        Ok(by)
    }

    #[view]
    fn __CALL2__(ctx: &Context, account: &str) -> Result<Option<__STRUCT1__>, Refusal> {
        ctx.db.__TABLE1__().get(account)
    }
}
