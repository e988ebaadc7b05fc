// class: unbounded-scan; from: pagination loop walks the whole table inside one transaction
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod census {
    use super::*;

    const PAGE: u32 = 100;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        #[unique]
        account: String,
        #[check("__FIELD1__ BETWEEN 0 AND 1000")]
        __FIELD1__: i64,
    }

    /// The last census; one row.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        cursor: i64,
        running: i64,
        total: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, cursor: 0, running: 0, total: 0 })
    }

    #[call]
    fn __CALL1__(ctx: &Context, size: u32) -> Result<i64, Refusal> {
        let account = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, account, __FIELD1__: i64::from(size) })
    }

    fn __HELPER1__(page: &[__STRUCT1__]) -> i64 {
        page.iter().map(|row| row.__FIELD1__).sum()
    }

    /// Counts on; anyone may pay for it. Answers the latest total.
    #[call]
    fn __CALL2__(ctx: &Context) -> Result<i64, Refusal> {
        let mut state = ctx.db.__TABLE2__().get(1)?.ok_or("not set up")?;
        loop {
            let __VAR1__ = ctx.db.__TABLE1__().scan_after(state.cursor, PAGE)?;
            let Some(last) = __VAR1__.last() else { break };
            state.cursor = last.id;
            state.running += __HELPER1__(&__VAR1__);
        }
        state.total = state.running;
        state.cursor = 0;
        state.running = 0;
        ctx.db.__TABLE2__().update(&state)?;
        Ok(state.total)
    }
}
