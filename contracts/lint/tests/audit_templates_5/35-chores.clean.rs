// class: 8
// A deleted chore goes to the archive, and no trigger listens to the archive; the follow-up is asked for by a call.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod chores {
    use super::*;

    #[table(name = "chores")]
    struct Chore {
        #[key]
        owner: String,
        #[key]
        name: String,
        #[check("times >= 0")]
        times: i64,
    }

    #[table(name = "archive")]
    struct Archived {
        #[key]
        owner: String,
        #[key]
        name: String,
        times: i64,
        at_ms: i64,
    }

    #[init]
    fn init() {}

    fn archive(ctx: &Context, chore: &Chore) -> Result<(), Refusal> {
        let Chore { owner, name, times } = chore;
        let (owner, name, at_ms) = (owner.clone(), name.clone(), ctx.time_ms);
        let row = Archived { owner, name, times: *times, at_ms };
        if ctx.db.archive().update(&row)? { Ok(()) } else { ctx.db.archive().insert(&row) }
    }

    #[call]
    fn plan(ctx: &Context, name: String) -> Result<(), Refusal> {
        ctx.db.chores().insert(&Chore { owner: ctx.caller.clone(), name, times: 0 })
    }

    #[call]
    fn finish(ctx: &Context, name: &str) -> Result<(), Refusal> {
        if !ctx.db.chores().delete(&ctx.caller, name)? {
            return Err(format!("you have not planned {name}").into());
        }
        Ok(())
    }

    /// Plans an archived chore again.
    #[call]
    fn again(ctx: &Context, name: &str) -> Result<i64, Refusal> {
        let old = ctx.db.archive().get(&ctx.caller, name)?.ok_or("that was never done")?;
        let times = old.times + 1;
        ctx.db.archive().delete(&old.owner, name)?;
        ctx.db.chores().insert(&Chore { owner: old.owner, name: old.name, times })?;
        Ok(times)
    }

    #[on_delete(chores)]
    fn finished(ctx: &Context, gone: &[Chore]) -> Result<(), Refusal> {
        gone.iter().try_for_each(|chore| archive(ctx, chore))
    }

    #[view]
    fn chore(ctx: &Context, owner: &str, name: &str) -> Result<Option<Chore>, Refusal> {
        ctx.db.chores().get(owner, name)
    }
}
