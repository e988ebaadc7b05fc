// class: 6
// The step to version 2 is a call without a guard: anybody runs it again and sets all limits and the guardian anew (re-initialisation via an upgrade step).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod versions {
    use super::*;
    use dadbs_sdk::address;

    #[table(name = "state")]
    struct State {
        #[key]
        id: i64,
        version: u32,
        guardian: String,
        #[check("limit_per_day > 0")]
        limit_per_day: i64,
    }

    #[table(name = "posts")]
    struct Post {
        #[key]
        author: String,
        #[key]
        day: i64,
        #[check("number BETWEEN 1 AND 1000")]
        number: i64,
        text: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let guardian = ctx.caller.clone();
        ctx.db.state().insert(&State { id: 1, version: 1, guardian, limit_per_day: 10 })
    }

    fn state(ctx: &Context) -> Result<State, Refusal> {
        let Some(state) = ctx.db.state().get(1)? else {
            return Err("the contract has no state".into());
        };
        Ok(state)
    }

    /// From version 1 to version 2: another guardian, and limits that can be chosen.
    #[call]
    fn upgrade_to_v2(ctx: &Context, guardian: String, limit_per_day: i64) -> Result<(), Refusal> {
        address::check(&guardian)?;
        let state = State { id: 1, version: 2, guardian, limit_per_day };
        ctx.db.state().update(&state)?; // FAULT
        Ok(())
    }

    #[call]
    fn post(ctx: &Context, text: String) -> Result<i64, Refusal> {
        let state = state(ctx)?;
        let day = ctx.time_ms / 86_400_000;
        let number = ctx.db.posts().get(&ctx.caller, day)?.map_or(1, |post| post.number + 1);
        if number > state.limit_per_day {
            return Err(format!("{} posts a day are enough", state.limit_per_day).into());
        }
        let post = Post { author: ctx.caller.clone(), day, number, text };
        if !ctx.db.posts().update(&post)? {
            ctx.db.posts().insert(&post)?;
        }
        Ok(number)
    }

    #[call]
    fn erase(ctx: &Context, author: &str, day: i64) -> Result<bool, Refusal> {
        let is_guardian = state(ctx)?.guardian == ctx.caller;
        if !is_guardian && author != ctx.caller {
            return Err("only the author and the guardian erase".into());
        }
        ctx.db.posts().delete(author, day)
    }

    #[view]
    fn version(ctx: &Context) -> Result<u32, Refusal> {
        state(ctx).map(|state| state.version)
    }
}
