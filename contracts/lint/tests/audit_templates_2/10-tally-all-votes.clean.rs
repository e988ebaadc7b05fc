//! Motions of an assembly that is open to all: votes are counted when a motion is closed.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod motions {
    use super::*;

    /// Votes that one motion takes.
    const VOTES: u32 = 200;

    /// What is voted on.
    #[table(name = "motions")]
    struct Motion {
        #[key(auto)]
        id: i64,
        author: String,
        #[check("length(text) <= 2000")]
        text: String,
        ends_ms: i64,
        votes: u32,
        carried: Option<bool>,
    }

    /// One vote.
    #[table(name = "votes", unique(motion, voter))]
    struct Vote {
        #[key(auto)]
        id: i64,
        #[index]
        motion: i64,
        voter: String,
        yes: bool,
    }

    #[error]
    enum MotionError {
        /// There is no such motion.
        NotFound { id: i64 },
        /// The motion is over, or not over yet.
        WrongTime { id: i64 },
        /// Only its author closes a motion.
        NotAuthor { id: i64 },
        /// The motion takes no more votes.
        Full { id: i64 },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Makes a motion; answers its number.
    #[call]
    fn propose(ctx: &Context, text: String, ends_ms: i64) -> Result<i64, Refusal> {
        let author = ctx.caller.clone();
        let motion = Motion { id: 0, author, text, ends_ms, votes: 0, carried: None };
        ctx.db.motions().insert(&motion)
    }

    fn motion(ctx: &Context, id: i64, is_over: bool) -> Result<Motion, Refusal> {
        let motion = ctx.db.motions().get(id)?.ok_or(MotionError::NotFound { id })?;
        if (ctx.time_ms >= motion.ends_ms) != is_over || motion.carried.is_some() {
            return Err(MotionError::WrongTime { id }.into());
        }
        Ok(motion)
    }

    /// Votes once.
    #[call]
    fn vote(ctx: &Context, id: i64, yes: bool) -> Result<(), Refusal> {
        let mut motion = motion(ctx, id, false)?;
        motion.votes += 1;
        if motion.votes > VOTES {
            return Err(MotionError::Full { id }.into());
        }
        ctx.db.motions().update(&motion)?;
        ctx.db.votes().insert(&Vote { id: 0, motion: id, voter: ctx.caller.clone(), yes })?;
        Ok(())
    }

    /// Counts the votes of a motion whose time is over.
    #[call]
    fn close(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let mut motion = motion(ctx, id, true)?;
        if motion.author != ctx.caller {
            return Err(MotionError::NotAuthor { id }.into());
        }
        let votes = ctx.db.votes().by_motion(id, VOTES)?;
        let yes = votes.iter().filter(|vote| vote.yes).count();
        let carried = yes * 2 > votes.len();
        motion.carried = Some(carried);
        ctx.db.motions().update(&motion)?;
        Ok(carried)
    }

    /// The first votes on a motion.
    #[view]
    fn votes(ctx: &Context, id: i64) -> Result<Vec<Vote>, Refusal> {
        ctx.db.votes().by_motion(id, VOTES.min(100))
    }
}
