// class: ignored-result; from: failure of an external call is taken for a successful answer
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod lending {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        borrower: String,
        #[check("__FIELD1__ >= 0")]
        __FIELD1__: i64,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        registry: String,
    }

    #[init]
    fn init(ctx: &Context, registry: String) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, registry })
    }

    /// True if the collateral of the account was locked at the registry.
    fn __HELPER1__(registry: &str, account: &str, amount: i64) -> Result<(), Refusal> {
        match calls::call(registry, "lock", params![account, amount], &[]) {
            Ok(_) => emit("locked", &[("account", account)]),
            Err(error) => {
                log(&format!("the registry refused: {error}"));
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn debt(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.__TABLE1__().get(account)?.map_or(0, |row| row.__FIELD1__))
    }

    /// Borrows against collateral.
    #[call]
    fn __CALL1__(ctx: &Context, amount: u32) -> Result<i64, Refusal> {
        let setup = ctx.db.__TABLE2__().get(1)?.ok_or("not set up")?;
        let amount = i64::from(amount);
        let __VAR1__ = debt(ctx, &ctx.caller)?.checked_add(amount).ok_or("too much debt")?;
        let row = __STRUCT1__ { borrower: ctx.caller.clone(), __FIELD1__: __VAR1__ };
        if !ctx.db.__TABLE1__().update(&row)? {
            ctx.db.__TABLE1__().insert(&row)?;
        }
        __HELPER1__(&setup.registry, &ctx.caller, amount)?;
        calls::transfer(&ctx.caller, &[("udad", amount)])?;
        Ok(__VAR1__)
    }

    #[view]
    fn __CALL2__(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        debt(ctx, account)
    }
}
