//! Dividends of a cooperative: its manager declares one, it is credited to the holders of shares.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod dividends {
    use super::*;

    /// Holders that are read at once.
    const PAGE: u32 = 50;

    /// Who declares, and how far the credits of a round have come.
    #[table(name = "state")]
    struct State {
        #[key]
        #[check("id = 1")]
        id: i64,
        manager: String,
        per_share: i64,
        credited_to: String,
    }

    /// Who holds shares; everybody may join.
    #[table(name = "holders")]
    struct Holder {
        #[key]
        account: String,
        shares: i64,
        credit: i64,
    }

    #[error]
    enum DividendError {
        /// Only the manager may do this.
        NotManager,
    }

    /// The caller manages.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let manager = ctx.caller.clone();
        ctx.db.state().insert(&State { id: 1, manager, per_share: 0, credited_to: String::new() })
    }

    /// Joins with one share.
    #[call]
    fn join(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.holders().insert(&Holder { account: ctx.caller.clone(), shares: 1, credit: 0 })
    }

    fn managed(ctx: &Context) -> Result<State, Refusal> {
        match ctx.db.state().get(1)? {
            Some(state) if state.manager == ctx.caller => Ok(state),
            _ => Err(DividendError::NotManager.into()),
        }
    }

    /// Credits one page of holders; answers the last of them, if there was one.
    fn credit_page(ctx: &Context, after: &str, per_share: i64) -> Result<Option<String>, Refusal> {
        let mut last = None;
        for mut holder in ctx.db.holders().scan_after(after, PAGE)? {
            holder.credit += holder.shares * per_share;
            ctx.db.holders().update(&holder)?;
            last = Some(holder.account);
        }
        Ok(last)
    }

    /// Begins a round.
    #[call]
    fn declare(ctx: &Context, per_share: u32) -> Result<(), Refusal> {
        let mut state = managed(ctx)?;
        state.per_share = per_share.into();
        state.credited_to.clear();
        ctx.db.state().update(&state)?;
        Ok(())
    }

    /// Credits the round to the next holders; call it until it answers false.
    #[call]
    fn credit(ctx: &Context) -> Result<bool, Refusal> {
        let mut state = managed(ctx)?;
        let Some(last) = credit_page(ctx, &state.credited_to, state.per_share)? else {
            return Ok(false);
        };
        state.credited_to = last;
        ctx.db.state().update(&state)?;
        Ok(true)
    }

    /// The credit of an account.
    #[view]
    fn credit_of(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.holders().get(account)?.map_or(0, |holder| holder.credit))
    }
}
