// class: 3
// The number of members is a column that joining and leaving keep; nothing is counted.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod club {
    use super::*;

    const MOST: i64 = 1_000_000;

    #[table(name = "club")]
    struct Club {
        #[key]
        #[check("id = 1")]
        id: i64,
        president: String,
        #[check("members >= 0")]
        members: i64,
    }

    #[table(name = "members")]
    struct Member {
        #[key]
        address: String,
        #[unique]
        badge: String,
        joined_ms: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.club().insert(&Club { id: 1, president: ctx.caller.clone(), members: 0 })
    }

    fn club(ctx: &Context) -> Result<Club, Refusal> {
        ctx.db.club().get(1)?.ok_or_else(|| Refusal::new("the club is not founded"))
    }

    fn shift_members(ctx: &Context, by: i64) -> Result<i64, Refusal> {
        let mut club = club(ctx)?;
        // Members are at most a million.
        club.members += by;
        ctx.db.club().update(&club)?;
        Ok(club.members)
    }

    /// A badge goes to who takes it first.
    #[call]
    fn join(ctx: &Context, badge: String) -> Result<i64, Refusal> {
        if ctx.db.members().by_badge(&badge)?.is_some() {
            return Err(format!("the badge {badge} is taken").into());
        }
        if club(ctx)?.members >= MOST {
            return Err("the club is full".into());
        }
        let (address, joined_ms) = (ctx.caller.clone(), ctx.time_ms);
        ctx.db.members().insert(&Member { address, badge, joined_ms })?;
        shift_members(ctx, 1)
    }

    #[call]
    fn leave(ctx: &Context) -> Result<i64, Refusal> {
        if !ctx.db.members().delete(&ctx.caller)? {
            return Err("you are no member".into());
        }
        shift_members(ctx, -1)
    }

    /// The president removes a member; the badge is unique, so one row goes.
    #[call]
    fn expel(ctx: &Context, badge: &str) -> Result<i64, Refusal> {
        if club(ctx)?.president != ctx.caller {
            return Err("only the president expels".into());
        }
        match sql!("DELETE FROM members WHERE badge = ?", badge)? {
            0 => Err("nobody wears this badge".into()),
            _ => shift_members(ctx, -1),
        }
    }

    #[view]
    fn member(ctx: &Context, address: &str) -> Result<Option<Member>, Refusal> {
        ctx.db.members().get(address)
    }

    #[view]
    fn page(ctx: &Context, after: &str) -> Result<Vec<Member>, Refusal> {
        ctx.db.members().scan_after(after, 50)
    }
}
