// class: unbounded-scan; from: iteration over all holders in one call exceeds the gas limit
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod rewards {
    use super::*;

    /// Rows of one round of work.
    const PAGE: i64 = 50;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        #[unique]
        member: String,
        __FIELD1__: i64,
    }

    /// Where the last call stopped, and who runs it; one row.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        runner: String,
        seen: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, runner: ctx.caller.clone(), seen: 0 })
    }

    /// Joins; a member joins once.
    #[call]
    fn __CALL1__(ctx: &Context) -> Result<i64, Refusal> {
        let member = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, member, __FIELD1__: 0 })
    }

    fn __HELPER1__(id: i64, points: u32) -> Result<(), Refusal> {
        sql!("UPDATE __TABLE1__ SET __FIELD1__ = __FIELD1__ + ? WHERE id = ?", points, id)?;
        Ok(())
    }

    /// Gives points; answers how many members got them.
    #[call]
    fn __CALL2__(ctx: &Context, points: u32) -> Result<i64, Refusal> {
        let mut state = ctx.db.__TABLE2__().get(1)?.ok_or("not set up")?;
        if state.runner != ctx.caller {
            return Err("only the runner gives points".into());
        }
        let found = sql!("SELECT id FROM __TABLE1__ WHERE id > 0 ORDER BY id")?;
        state.seen = 0;
        let mut given = 0i64;
        for (__VAR1__,) in found.decode::<(i64,)>() {
            __HELPER1__(__VAR1__, points)?;
            state.seen = __VAR1__;
            given += 1;
        }
        if given < PAGE {
            state.seen = 0;
        }
        ctx.db.__TABLE2__().update(&state)?;
        Ok(given)
    }
}
