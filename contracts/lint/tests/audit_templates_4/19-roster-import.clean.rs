// class: 5
// Right: the first row that fails ends the import, all or nothing, by collecting into one `Result`.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod roster {
    use super::*;

    const MOST: usize = 60;

    #[table(name = "clubs")]
    struct Club {
        #[key(auto)]
        id: i64,
        #[unique]
        name: String,
        secretary: String,
        members: i64,
    }

    #[table(name = "members")]
    struct Member {
        #[key]
        club: i64,
        #[key]
        #[check("length(name) BETWEEN 1 AND 60")]
        name: String,
        since_ms: i64,
        #[check("fee >= 0")]
        fee: i64,
    }

    #[error]
    enum RosterError {
        NoClub { id: i64 },
        NotSecretary,
        WrongPairs,
        TooMany { most: i64 },
    }

    #[init]
    fn init() {}

    #[call]
    fn found(ctx: &Context, name: String) -> Result<i64, Refusal> {
        ctx.db.clubs().insert(&Club { id: 0, name, secretary: ctx.caller.clone(), members: 0 })
    }

    fn kept_by(ctx: &Context, id: i64) -> Result<Club, Refusal> {
        let club = ctx.db.clubs().get(id)?.ok_or(RosterError::NoClub { id })?;
        if club.secretary == ctx.caller { Ok(club) } else { Err(RosterError::NotSecretary.into()) }
    }

    /// Names and fees, one behind the other, as members.
    fn parse(club: i64, since_ms: i64, rest: &[ValueRef<'_>]) -> Result<Vec<Member>, RosterError> {
        if rest.len() % 2 != 0 {
            return Err(RosterError::WrongPairs);
        }
        if rest.len() / 2 > MOST {
            return Err(RosterError::TooMany { most: 60 });
        }
        rest.chunks_exact(2)
            .map(|pair| match *pair {
                [ValueRef::Text(name), ValueRef::Integer(fee)] => {
                    Ok(Member { club, name: name.into(), since_ms, fee })
                }
                _ => Err(RosterError::WrongPairs),
            })
            .collect()
    }

    /// Adds members: name, fee, name, fee, and so on; answers how many there are.
    #[call]
    fn import(ctx: &Context, club: i64, rest: Rest<'_>) -> Result<i64, Refusal> {
        let mut club = kept_by(ctx, club)?;
        let members = parse(club.id, ctx.time_ms, &rest)?;
        let written: Result<Vec<()>, Refusal> =
            members.iter().map(|member| ctx.db.members().insert(member)).collect();
        let added = written?.iter().map(|()| 1i64).sum::<i64>();
        club.members += added;
        ctx.db.clubs().update(&club)?;
        Ok(club.members)
    }

    #[call]
    fn strike(ctx: &Context, club: i64, name: &str) -> Result<bool, Refusal> {
        let mut club = kept_by(ctx, club)?;
        let gone = ctx.db.members().delete(club.id, name)?;
        if gone {
            club.members -= 1;
            ctx.db.clubs().update(&club)?;
        }
        Ok(gone)
    }

    #[call]
    fn hand_over(ctx: &Context, club: i64, secretary: String) -> Result<(), Refusal> {
        dadbs_sdk::address::check(&secretary)?;
        let club = Club { secretary, ..kept_by(ctx, club)? };
        ctx.db.clubs().update(&club).map(drop)
    }

    #[view]
    fn members(club: i64, after: &str) -> Result<Vec<Member>, Refusal> {
        let found = sql!(
            "SELECT club, name, since_ms, fee FROM members WHERE club = ? AND name > ?
             ORDER BY name LIMIT 100",
            club,
            after
        )?;
        Ok(found.decode())
    }
}
