// class: unbounded-scan; from: scheduled upkeep loads the whole table
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod leases {
    use super::*;
    use dadbs_sdk::calls;

    const BATCH: u32 = 40;
    const HOUR_MS: i64 = 3_600_000;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        name: String,
        tenant: String,
        ends_ms: i64,
        __FIELD1__: bool,
    }

    /// Where the upkeep goes on.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        last: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, last: String::new() })?;
        calls::schedule("__CALL2__", &[], calls::Due::Time(ctx.time_ms + HOUR_MS), HOUR_MS, 5_000_000)?;
        Ok(())
    }

    #[call]
    fn __CALL1__(ctx: &Context, name: String, hours: u32) -> Result<(), Refusal> {
        let ends_ms = ctx.time_ms + i64::from(hours.min(720)) * HOUR_MS;
        let tenant = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { name, tenant, ends_ms, __FIELD1__: false })
    }

    fn __HELPER1__(ctx: &Context, last: &str) -> Result<Vec<__STRUCT1__>, Refusal> {
        let page = ctx.db.__TABLE1__().scan_after(last, BATCH)?;
        Ok(page.into_iter().filter(|lease| lease.name.as_str() > last).collect())
    }

    /// Marks leases that have ended.
    #[scheduled]
    fn __CALL2__(ctx: &Context) -> Result<(), Refusal> {
        let mut state = ctx.db.__TABLE2__().get(1)?.ok_or("not set up")?;
        let __VAR1__ = __HELPER1__(ctx, &state.last)?;
        let full = __VAR1__.len() >= BATCH as usize;
        state.last = __VAR1__.last().filter(|_| full).map(|row| row.name.clone()).unwrap_or_default();
        for mut lease in __VAR1__.into_iter().filter(|row| !row.__FIELD1__ && row.ends_ms < ctx.time_ms) {
            lease.__FIELD1__ = true;
            ctx.db.__TABLE1__().update(&lease)?;
        }
        ctx.db.__TABLE2__().update(&state)?;
        Ok(())
    }
}
