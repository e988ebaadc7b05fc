// class: 1
// Fault: `promote` hands out any rank to any address without the officer check that all its neighbours have (modelled on the forgotten `onlyOwner` modifier, as in the Parity wallet and Rubixi findings).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod guild {
    use super::*;

    #[table(name = "ranks")]
    struct Seat {
        #[key]
        who: String,
        #[check("rank BETWEEN 0 AND 2")]
        rank: i64,
    }

    #[table(name = "notices")]
    struct Notice {
        #[key(auto)]
        id: i64,
        by: String,
        #[check("length(body) <= 2000")]
        body: String,
    }

    #[error]
    enum GuildError {
        Outsider,
        RankTooLow { have: i64 },
        UnknownRank { name: String },
    }

    #[event]
    struct Seated<'a> {
        who: &'a str,
        rank: i64,
    }

    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    enum Rank {
        Member = 0,
        Officer = 1,
        Master = 2,
    }

    impl Rank {
        const ALL: [(&'static str, Rank); 3] =
            [("member", Rank::Member), ("officer", Rank::Officer), ("master", Rank::Master)];

        fn parse(name: &str) -> Result<Rank, GuildError> {
            Rank::ALL
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, rank)| *rank)
                .ok_or_else(|| GuildError::UnknownRank { name: name.into() })
        }

        fn number(self) -> i64 {
            match self {
                Rank::Member => 0,
                Rank::Officer => 1,
                Rank::Master => 2,
            }
        }
    }

    mod access {
        use super::*;

        pub(super) fn need(ctx: &Context, least: Rank) -> Result<Seat, Refusal> {
            let Some(seat) = ctx.db.ranks().get(&ctx.caller)? else {
                return Err(GuildError::Outsider.into());
            };
            if seat.rank < least.number() {
                return Err(GuildError::RankTooLow { have: seat.rank }.into());
            }
            Ok(seat)
        }

        pub(super) fn seat(ctx: &Context, who: &str, rank: Rank) -> Result<(), Refusal> {
            let row = Seat { who: who.into(), rank: rank.number() };
            let known = ctx.db.ranks().update(&row)?;
            if !known {
                ctx.db.ranks().insert(&row)?;
            }
            Seated { who, rank: row.rank }.emit();
            Ok(())
        }
    }

    #[init]
    fn found_guild(ctx: &Context) -> Result<(), Refusal> {
        access::seat(ctx, &ctx.caller, Rank::Master)
    }

    #[call]
    fn admit(ctx: &Context, who: &str) -> Result<(), Refusal> {
        access::need(ctx, Rank::Officer)?;
        match ctx.db.ranks().get(who)? {
            Some(_) => Ok(()),
            None => access::seat(ctx, who, Rank::Member),
        }
    }

    #[call]
    fn promote(ctx: &Context, who: &str, rank: &str) -> Result<(), Refusal> {
        let rank = Rank::parse(rank)?;
        access::seat(ctx, who, rank) // FAULT
    }

    #[call]
    fn expel(ctx: &Context, who: &str) -> Result<bool, Refusal> {
        access::need(ctx, Rank::Master)?;
        ctx.db.ranks().delete(who)
    }

    #[call]
    fn post(ctx: &Context, body: String) -> Result<i64, Refusal> {
        let by = access::need(ctx, Rank::Member)?.who;
        ctx.db.notices().insert(&Notice { id: 0, by, body })
    }

    #[view]
    fn latest() -> Result<Table, Refusal> {
        Ok(sql!("SELECT id, by, body FROM notices ORDER BY id DESC LIMIT 20")?)
    }
}
