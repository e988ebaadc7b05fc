// class: 8
// A deleted chore inserts its follow-up and every inserted chore deletes the one of its name in the archive, whose deletion inserts a chore again: a ring over delete and insert.
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

    #[on_delete(chores)]
    fn finished(ctx: &Context, gone: &[Chore]) -> Result<(), Refusal> {
        gone.iter().try_for_each(|chore| archive(ctx, chore))
    }

    /// What comes into the archive is planned once more.
    #[on_insert(archive)]
    fn repeat(ctx: &Context, rows: &[Archived]) -> Result<(), Refusal> {
        for Archived { owner, name, times, .. } in rows {
            let chore = Chore { owner: owner.clone(), name: name.clone(), times: times + 1 };
            ctx.db.chores().insert(&chore)?; // FAULT
        }
        Ok(())
    }

    /// A chore that is planned leaves the archive, and is tidied up at once.
    #[on_insert(chores)]
    fn tidy(ctx: &Context, rows: &[Chore]) -> Result<(), Refusal> {
        for Chore { owner, name, .. } in rows.iter().filter(|chore| chore.times > 0) {
            ctx.db.archive().delete(owner, name)?;
            ctx.db.chores().delete(owner, name)?;
        }
        Ok(())
    }

    #[view]
    fn chore(ctx: &Context, owner: &str, name: &str) -> Result<Option<Chore>, Refusal> {
        ctx.db.chores().get(owner, name)
    }
}
