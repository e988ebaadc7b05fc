// class: 6
//! A league: its organiser notes results season by season.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod league {
    use super::*;

    /// Teams of a league.
    const TEAMS_MAX: i64 = 32;

    /// The league itself.
    #[table(name = "league")]
    struct League {
        #[key]
        id: i64,
        organiser: String,
        season: i64,
    }

    /// A team; its number is at most `TEAMS_MAX`.
    #[table(name = "teams")]
    struct Team {
        #[key]
        #[check("number BETWEEN 1 AND 32")]
        number: i64,
        name: String,
        points: i64,
    }

    #[error]
    enum LeagueError {
        /// Only the organiser may do this.
        NotOrganiser,
        /// There is no such team.
        NotFound { number: i64 },
        /// A match has 0 to 3 points.
        WrongPoints { points: i64 },
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        begin(ctx, 1)
    }

    /// Begins a season of the caller, without points.
    fn begin(ctx: &Context, season: i64) -> Result<(), Refusal> {
        sql!("DELETE FROM league WHERE id = 1")?;
        let organiser = ctx.caller.clone();
        ctx.db.league().insert(&League { id: 1, organiser, season })?;
        sql!("UPDATE teams SET points = 0 WHERE number BETWEEN 1 AND ?", TEAMS_MAX)?;
        Ok(())
    }

    fn organised(ctx: &Context) -> Result<League, Refusal> {
        match ctx.db.league().get(1)? {
            Some(league) if league.organiser == ctx.caller => Ok(league),
            _ => Err(LeagueError::NotOrganiser.into()),
        }
    }

    /// Admits a team.
    #[call]
    fn admit(ctx: &Context, number: i64, name: String) -> Result<(), Refusal> {
        organised(ctx)?;
        ctx.db.teams().insert(&Team { number, name, points: 0 })
    }

    /// Notes the points of a match.
    #[call]
    fn score(ctx: &Context, number: i64, points: i64) -> Result<i64, Refusal> {
        organised(ctx)?;
        if !(0..=3).contains(&points) {
            return Err(LeagueError::WrongPoints { points }.into());
        }
        let mut team = ctx.db.teams().get(number)?.ok_or(LeagueError::NotFound { number })?;
        team.points += points;
        ctx.db.teams().update(&team)?;
        Ok(team.points)
    }

    /// Begins the next season; answers its number.
    #[call]
    fn restart(ctx: &Context) -> Result<i64, Refusal> {
        let last = organised(ctx)?.season;
        let season = last + 1;
        begin(ctx, season)?;
        Ok(season)
    }

    /// The best teams.
    #[view]
    fn table() -> Result<Table, Refusal> {
        Ok(sql!("SELECT number, name, points FROM teams ORDER BY points DESC, number LIMIT 32")?)
    }
}
