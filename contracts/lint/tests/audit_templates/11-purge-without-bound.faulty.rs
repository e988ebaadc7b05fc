// class: unbounded-scan; from: deletion of expired entries has no upper bound
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod sessions {
    use super::*;

    /// Rows that one call removes at most.
    const PURGE_MAX: u32 = 200;
    const DAY_MS: i64 = 86_400_000;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        account: String,
        #[index]
        __FIELD1__: i64,
    }

    #[init]
    fn init() {}

    /// Opens a session of the caller.
    #[call]
    fn __CALL1__(ctx: &Context, days: u32) -> Result<i64, Refusal> {
        let days = i64::from(days.clamp(1, 30));
        let account = ctx.caller.clone();
        let __FIELD1__ = ctx.time_ms + days * DAY_MS;
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, account, __FIELD1__ })
    }

    /// Ends a session of the caller.
    #[call]
    fn close(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        Ok(sql!("DELETE FROM __TABLE1__ WHERE id = ? AND account = ?", id, ctx.caller)? > 0)
    }

    /// What is past is of no use to anyone.
    fn __HELPER1__(__VAR1__: i64) -> Result<u32, Refusal> {
        let gone = sql!("DELETE FROM __TABLE1__ WHERE __FIELD1__ < ?", __VAR1__)?;
        if gone > PURGE_MAX {
            log("many sessions have ended");
        }
        Ok(gone)
    }

    /// Removes sessions that have ended; anyone may pay for that.
    #[call]
    fn __CALL2__(ctx: &Context) -> Result<u32, Refusal> {
        __HELPER1__(ctx.time_ms)
    }
}
