// class: 8
//! Clubs: members collect points, a club has the sum of them.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod clubs {
    use super::*;

    /// A club and the points of its members.
    #[table(name = "clubs")]
    struct Club {
        #[key]
        name: String,
        captain: String,
        points: i64,
    }

    /// Somebody in a club.
    #[table(name = "members")]
    struct Member {
        #[key]
        account: String,
        #[index]
        club: String,
        points: i64,
        rank: i64,
    }

    /// The rank of a club.
    #[table(name = "honours")]
    struct Honour {
        #[key]
        club: String,
        rank: i64,
    }

    #[error]
    enum ClubError {
        /// There is no such club.
        NoClub { club: String },
        /// The caller is in no club.
        NoMember,
    }

    #[event]
    struct Honoured<'a> {
        club: &'a str,
        rank: i64,
    }

    #[init]
    fn init() {}

    /// Founds a club of the caller.
    #[call]
    fn found(ctx: &Context, name: String) -> Result<(), Refusal> {
        let captain = ctx.caller.clone();
        ctx.db.clubs().insert(&Club { name, captain, points: 0 })
    }

    /// Joins a club.
    #[call]
    fn join(ctx: &Context, club: String) -> Result<(), Refusal> {
        if ctx.db.clubs().get(&club)?.is_none() {
            return Err(ClubError::NoClub { club }.into());
        }
        let account = ctx.caller.clone();
        ctx.db.members().insert(&Member { account, club, points: 0, rank: 0 })
    }

    /// Collects a point for the caller.
    #[call]
    fn collect(ctx: &Context) -> Result<i64, Refusal> {
        let mut member = ctx.db.members().get(&ctx.caller)?.ok_or(ClubError::NoMember)?;
        member.points += 1;
        ctx.db.members().update(&member)?;
        Ok(member.points)
    }

    #[on_insert(clubs)]
    fn enlist(ctx: &Context, clubs: &[Club]) -> Result<(), Refusal> {
        clubs.iter().try_for_each(|club| {
            ctx.db.honours().insert(&Honour { club: club.name.clone(), rank: 0 })
        })
    }

    /// A club has the points of its members.
    #[on_update(members)]
    fn add_up(members: &[Updated<Member>]) -> Result<(), Refusal> {
        for Updated { old, new } in members {
            let more = new.points - old.points;
            sql!("UPDATE clubs SET points = points + ? WHERE name = ?", more, new.club)?;
        }
        Ok(())
    }

    #[on_update(clubs)]
    fn promote(ctx: &Context, clubs: &[Updated<Club>]) -> Result<(), Refusal> {
        for Updated { new: club, .. } in clubs {
            let rank = club.points / 1_000;
            if let Some(mut captain) = ctx.db.members().get(&club.captain)? {
                captain.rank = rank;
                ctx.db.members().update(&captain)?;
            }
        }
        Ok(())
    }

    #[on_update(honours)]
    fn announce(honours: &[Updated<Honour>]) {
        for Updated { old, new } in honours {
            if old.rank != new.rank {
                Honoured { club: &new.club, rank: new.rank }.emit();
            }
        }
    }
}
