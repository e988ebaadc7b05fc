// class: 3
// Right: a sign-in deletes at most eight sessions that are over; the rest goes with later sign-ins, and what is over is not accepted anyway.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod sessions {
    use super::*;

    const LIFE_MS: i64 = 15 * 60 * 1_000;
    /// Each call adds one row and removes up to eight: the table shrinks to what is alive.
    const SWEEP: i64 = 8;

    #[table(name = "members")]
    struct Member {
        #[key]
        address: String,
        nick: String,
    }

    #[table(name = "sessions", index(ends_ms))]
    struct Session {
        #[key]
        token: String,
        #[index]
        member: String,
        ends_ms: i64,
    }

    #[error]
    enum SessionError {
        /// Sign up first.
        Stranger,
        /// Sign in again.
        Over,
        /// A token has 32 to 64 letters.
        BadToken,
    }

    #[init]
    fn init() {}

    fn token(text: &str) -> Result<String, SessionError> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if plain && (32..=64).contains(&text.len()) {
            Ok(text.to_owned())
        } else {
            Err(SessionError::BadToken)
        }
    }

    fn alive(ctx: &Context, token: &str) -> Result<Session, Refusal> {
        ctx.db
            .sessions()
            .get(token)?
            .filter(|session| session.ends_ms > ctx.time_ms)
            .ok_or_else(|| SessionError::Over.into())
    }

    #[call]
    fn sign_up(ctx: &Context, nick: String) -> Result<(), Refusal> {
        if nick.chars().count() > 30 {
            return Err("a nick has at most 30 letters".into());
        }
        ctx.db.members().insert(&Member { address: ctx.caller.clone(), nick })
    }

    #[call]
    fn sign_in(ctx: &Context, wish: &str) -> Result<i64, Refusal> {
        let member = ctx.db.members().get(&ctx.caller)?.ok_or(SessionError::Stranger)?;
        sql!(
            "DELETE FROM sessions WHERE token IN
             (SELECT token FROM sessions WHERE ends_ms <= ? ORDER BY ends_ms LIMIT ?)",
            ctx.time_ms,
            SWEEP
        )?;
        let session =
            Session { token: token(wish)?, member: member.address, ends_ms: ctx.time_ms + LIFE_MS };
        ctx.db.sessions().insert(&session)?;
        Ok(session.ends_ms)
    }

    /// Prolongs a session of the caller.
    #[call]
    fn keep(ctx: &Context, token: &str) -> Result<i64, Refusal> {
        let mut session = alive(ctx, token)?;
        if session.member != ctx.caller {
            return Err(SessionError::Stranger.into());
        }
        session.ends_ms = ctx.time_ms + LIFE_MS;
        ctx.db.sessions().update(&session)?;
        Ok(session.ends_ms)
    }

    /// Ends one session: the token is the key, so one row goes at most.
    #[call]
    fn sign_out(ctx: &Context, token: &str) -> Result<bool, Refusal> {
        let gone = sql!("DELETE FROM sessions WHERE token = ? AND member = ?", token, ctx.caller)?;
        Ok(gone == 1)
    }

    #[view]
    fn whose(ctx: &Context, token: &str) -> Result<Option<Member>, Refusal> {
        let session = alive(ctx, token)?;
        ctx.db.members().get(&session.member)
    }
}
