// class: unprotected-init; from: initial supply can be issued by whoever calls first, and again
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod token {
    use super::*;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        #[check("__FIELD1__ >= 0")]
        __FIELD1__: i64,
    }

    /// The publisher, and whether the supply was issued.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        publisher: String,
        supply: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let publisher = ctx.caller.clone();
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, publisher, supply: 0 })
    }

    fn __HELPER1__(ctx: &Context, account: &str, by: i64) -> Result<(), Refusal> {
        let found = ctx.db.__TABLE1__().get(account)?;
        let held = found.as_ref().map_or(0, |row| row.__FIELD1__);
        let __FIELD1__ = held.checked_add(by).ok_or("too many")?;
        let row = __STRUCT1__ { account: account.into(), __FIELD1__ };
        match found {
            Some(_) => ctx.db.__TABLE1__().update(&row).map(drop),
            None => ctx.db.__TABLE1__().insert(&row),
        }
    }

    /// Issues the supply to the caller.
    #[call]
    fn __CALL1__(ctx: &Context, supply: u32) -> Result<(), Refusal> {
        let mut __VAR1__ = ctx.db.__TABLE2__().get(1)?.ok_or("not set up")?;
        if supply == 0 || __VAR1__.supply != 0 || __VAR1__.publisher != ctx.caller {
            return Err("the publisher issues a positive supply, once".into());
        }
        __VAR1__.supply = i64::from(supply);
        ctx.db.__TABLE2__().update(&__VAR1__)?;
        __HELPER1__(ctx, &ctx.caller, __VAR1__.supply)
    }

    /// Sends tokens of the caller.
    #[call]
    fn __CALL2__(ctx: &Context, to: &str, amount: u32) -> Result<(), Refusal> {
        dadbs_sdk::address::check(to)?;
        __HELPER1__(ctx, &ctx.caller, -i64::from(amount))?;
        __HELPER1__(ctx, to, i64::from(amount))
    }
}
