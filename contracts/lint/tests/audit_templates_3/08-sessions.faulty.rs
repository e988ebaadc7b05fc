// class: 3
//! Sessions of devices; those that have expired are swept away by schedule.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod sessions {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;
    const LIFE_MS: i64 = 24 * HOUR_MS;
    /// Sessions that one sweep removes.
    const SWEEP_MAX: u32 = 200;

    /// A device that is logged in.
    #[table(name = "sessions")]
    struct Session {
        #[key]
        account: String,
        #[key]
        device: String,
        #[index]
        expires_ms: i64,
    }

    /// Who made the contract, and the schedule of its sweeps.
    #[table(name = "keeper")]
    struct Keeper {
        #[key]
        address: String,
        schedule: Option<i64>,
    }

    #[error]
    enum SessionError {
        /// Only who made the contract may do this.
        NotKeeper,
        /// There is no such session.
        NotFound { device: String },
    }

    #[event]
    struct Swept {
        sessions: u32,
        most: u32,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.keeper().insert(&Keeper { address: ctx.caller.clone(), schedule: None })
    }

    /// Logs a device of the caller in.
    #[call]
    fn log_in(ctx: &Context, device: String) -> Result<i64, Refusal> {
        let expires_ms = ctx.time_ms + LIFE_MS;
        let session = Session { account: ctx.caller.clone(), device, expires_ms };
        if !ctx.db.sessions().update(&session)? {
            ctx.db.sessions().insert(&session)?;
        }
        Ok(expires_ms)
    }

    /// Logs a device of the caller out.
    #[call]
    fn log_out(ctx: &Context, device: &str) -> Result<(), Refusal> {
        let gone = sql!("DELETE FROM sessions WHERE account = ? AND device = ?", ctx.caller, device)?;
        if gone == 0 {
            return Err(SessionError::NotFound { device: device.into() }.into());
        }
        Ok(())
    }

    /// Begins the sweeps.
    #[call(payable)]
    fn start(ctx: &Context) -> Result<i64, Refusal> {
        calls::paid(calls::DENOM)?;
        let mut keeper = ctx.db.keeper().get(&ctx.caller)?.ok_or(SessionError::NotKeeper)?;
        if let Some(running) = keeper.schedule {
            return Ok(running);
        }
        let number = ctx.later().sweep().every(HOUR_MS).at_time(ctx.time_ms + HOUR_MS)?;
        keeper.schedule = Some(number);
        ctx.db.keeper().update(&keeper)?;
        Ok(number)
    }

    /// Removes what has expired.
    #[scheduled]
    fn sweep(ctx: &Context) -> Result<(), Refusal> {
        let sessions = sweep_before(ctx.time_ms)?;
        Swept { sessions, most: SWEEP_MAX }.emit();
        Ok(())
    }

    fn sweep_before(time_ms: i64) -> Result<u32, Refusal> {
        let gone = sql!("DELETE FROM sessions WHERE expires_ms <= ?", time_ms)?;
        Ok(gone)
    }

    /// True if the device is logged in.
    #[view]
    fn alive(ctx: &Context, account: &str, device: &str) -> Result<bool, Refusal> {
        let found = ctx.db.sessions().get(account, device)?;
        Ok(found.is_some_and(|session| ctx.time_ms < session.expires_ms))
    }
}
