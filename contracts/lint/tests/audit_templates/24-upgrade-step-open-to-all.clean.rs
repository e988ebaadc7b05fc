// class: unprotected-init; from: migration step is an unguarded public call and can be repeated
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod ledger {
    use super::*;

    const STEP: u32 = 100;

    /// Entries; amounts were in whole coins before version 2.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        account: String,
        #[check("__FIELD1__ BETWEEN 0 AND 1000000000000")]
        __FIELD1__: i64,
    }

    /// How far the upgrade is; one row.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        admin: String,
        done_to: i64,
        ready: bool,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let admin = ctx.caller.clone();
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, admin, done_to: 0, ready: true })
    }

    #[call]
    fn __CALL1__(ctx: &Context, amount: u32) -> Result<i64, Refusal> {
        let row = __STRUCT1__ { id: 0, account: ctx.caller.clone(), __FIELD1__: i64::from(amount) };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn __HELPER1__(ctx: &Context, row: &mut __STRUCT1__) -> Result<(), Refusal> {
        row.__FIELD1__ = row.__FIELD1__.checked_mul(1_000_000).ok_or("an amount is too large")?;
        ctx.db.__TABLE1__().update(row)?;
        Ok(())
    }

    /// Upgrades the next entries to version 2; true when all are done.
    #[call]
    fn __CALL2__(ctx: &Context) -> Result<bool, Refusal> {
        let mut __VAR1__ = ctx.db.__TABLE2__().get(1)?.ok_or("not set up")?;
        if __VAR1__.admin != ctx.caller {
            return Err("only the admin upgrades".into());
        }
        if __VAR1__.ready {
            return Ok(true);
        }
        let page = ctx.db.__TABLE1__().scan_after(__VAR1__.done_to, STEP)?;
        __VAR1__.ready = page.len() < STEP as usize;
        for mut row in page {
            __VAR1__.done_to = row.id;
            __HELPER1__(ctx, &mut row)?;
        }
        ctx.db.__TABLE2__().update(&__VAR1__)?;
        Ok(__VAR1__.ready)
    }
}
