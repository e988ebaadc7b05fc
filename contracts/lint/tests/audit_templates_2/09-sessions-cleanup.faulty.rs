//! Sessions of devices: anybody opens one, those whose time is over are removed by the way.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod sessions {
    use super::*;

    /// How long a session lasts.
    const SESSION_MS: i64 = 3_600_000;

    /// One device of an account.
    #[table(name = "sessions", index(account, device))]
    struct Session {
        #[key(auto)]
        id: i64,
        account: String,
        #[check("length(device) <= 40")]
        device: String,
        expires_ms: i64,
    }

    #[error]
    enum SessionError {
        /// There is no such session of the caller.
        NotFound { id: i64 },
    }

    /// A session began.
    #[event]
    struct Opened {
        id: i64,
        removed: u32,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    fn remove_stale(now_ms: i64) -> Result<u32, Refusal> {
        let removed = sql!("DELETE FROM sessions WHERE expires_ms < ?", now_ms)?;
        Ok(removed)
    }

    /// Opens a session of the caller; answers its number.
    #[call]
    fn open(ctx: &Context, device: String) -> Result<i64, Refusal> {
        let removed = remove_stale(ctx.time_ms)?;
        let (account, expires_ms) = (ctx.caller.clone(), ctx.time_ms + SESSION_MS);
        let id = ctx.db.sessions().insert(&Session { id: 0, account, device, expires_ms })?;
        Opened { id, removed }.emit();
        Ok(id)
    }

    /// Makes a session last again.
    #[call]
    fn renew(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let found = ctx.db.sessions().get(id)?.filter(|session| session.account == ctx.caller);
        let mut session = found.ok_or(SessionError::NotFound { id })?;
        session.expires_ms = ctx.time_ms + SESSION_MS;
        ctx.db.sessions().update(&session)?;
        Ok(())
    }

    /// Ends a session of the caller.
    #[call]
    fn close(ctx: &Context, id: i64) -> Result<(), Refusal> {
        if sql!("DELETE FROM sessions WHERE id = ? AND account = ?", id, ctx.caller)? == 0 {
            return Err(SessionError::NotFound { id }.into());
        }
        Ok(())
    }

    /// The devices of an account, at most 20.
    #[view]
    fn devices(ctx: &Context, account: &str) -> Result<Table, Refusal> {
        let now = ctx.time_ms;
        Ok(sql!(
            "SELECT device, expires_ms FROM sessions WHERE account = ? AND expires_ms >= ?
             ORDER BY device LIMIT 20",
            account,
            now
        )?)
    }
}
