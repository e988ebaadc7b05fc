//! Royalties of a song: what comes in is due to its authors by their shares and is paid in one call.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod royalties {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Authors that one song may have.
    const AUTHORS_MAX: u32 = 12;
    /// The whole, in thousandths.
    const WHOLE: i64 = 1_000;

    /// A song and who registered it.
    #[table(name = "songs")]
    struct Song {
        #[key]
        title: String,
        publisher: String,
        authors: u32,
        shares: i64,
    }

    /// What is due to an author.
    #[table(name = "dues")]
    struct Due {
        #[key(auto)]
        id: i64,
        #[index]
        song: String,
        author: String,
        #[check("share BETWEEN 1 AND 1000")]
        share: i64,
        #[check("due >= 0")]
        due: i64,
    }

    #[error]
    enum RoyaltyError {
        /// There is no such song.
        NotFound { title: String },
        /// Only its publisher may do this.
        NotPublisher { title: String },
        /// Authors or shares are too many.
        TooMany { title: String },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Registers a song of the caller.
    #[call]
    fn register(ctx: &Context, title: String) -> Result<(), Refusal> {
        let publisher = ctx.caller.clone();
        ctx.db.songs().insert(&Song { title, publisher, authors: 0, shares: 0 })
    }

    fn song(ctx: &Context, title: &str) -> Result<Song, Refusal> {
        let found = ctx.db.songs().get(title)?;
        let song = found.ok_or_else(|| RoyaltyError::NotFound { title: title.into() })?;
        if song.publisher != ctx.caller {
            return Err(RoyaltyError::NotPublisher { title: song.title }.into());
        }
        Ok(song)
    }

    /// Adds an author.
    #[call]
    fn add(ctx: &Context, title: &str, author: String, share: i64) -> Result<(), Refusal> {
        address::check(&author)?;
        let mut song = song(ctx, title)?;
        song.authors += 1;
        song.shares += share;
        if song.authors > AUTHORS_MAX || song.shares > WHOLE {
            return Err(RoyaltyError::TooMany { title: song.title }.into());
        }
        ctx.db.songs().update(&song)?;
        ctx.db.dues().insert(&Due { id: 0, song: song.title, author, share, due: 0 })?;
        Ok(())
    }

    /// Shares what comes along and pays what is due, with what is left of earlier payments.
    #[call(payable)]
    fn share_out(ctx: &Context, title: &str) -> Result<i64, Refusal> {
        let song = song(ctx, title)?;
        let income = calls::paid(DENOM)?;
        let mut paid = 0;
        for mut row in ctx.db.dues().by_song(&song.title, AUTHORS_MAX)? {
            let amount = row.due + income * row.share / WHOLE;
            if amount > 0 {
                calls::transfer(&row.author, &[(DENOM, amount)])?;
                paid += amount;
            }
            row.due = 0;
            ctx.db.dues().update(&row)?;
        }
        Ok(paid)
    }
}
