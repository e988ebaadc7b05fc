// class: 5
//! Bounties: a task is paid to those who have worked on it, in equal parts.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod bounties {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::{CallError, DENOM};

    const WORKERS_MAX: usize = 10;

    /// A task and the coins for it.
    #[table(name = "tasks")]
    struct Task {
        #[key(auto)]
        id: i64,
        #[index]
        sponsor: String,
        #[check("reward > 0")]
        reward: i64,
        open: bool,
    }

    #[error]
    enum BountyError {
        /// The caller has no such task that is open.
        NotFound { id: i64 },
        /// Send the reward along.
        NoReward,
        /// Name 1 to 10 workers.
        WrongWorkers { workers: u32 },
    }

    #[event]
    struct Closed {
        id: i64,
        each: i64,
    }

    #[init]
    fn init() {}

    /// Opens a task with the coins that come along.
    #[call(payable)]
    fn open(ctx: &Context) -> Result<i64, Refusal> {
        let reward = calls::paid(DENOM)?;
        if reward == 0 {
            return Err(BountyError::NoReward.into());
        }
        let sponsor = ctx.caller.clone();
        ctx.db.tasks().insert(&Task { id: 0, sponsor, reward, open: true })
    }

    /// Ends an open task of the caller.
    fn end(ctx: &Context, id: i64) -> Result<Task, Refusal> {
        let found = ctx.db.tasks().get(id)?;
        let own = found.filter(|task| task.open && task.sponsor == ctx.caller);
        let mut task = own.ok_or(BountyError::NotFound { id })?;
        task.open = false;
        ctx.db.tasks().update(&task)?;
        Ok(task)
    }

    fn pay(to: &str, amount: i64) -> Result<(), CallError> {
        calls::transfer(to, &[(DENOM, amount)])
    }

    /// Pays a task to its workers, whose addresses stand one behind the other with blanks between.
    #[call]
    fn close(ctx: &Context, id: i64, workers: &str) -> Result<i64, Refusal> {
        let workers: Vec<&str> = workers.split_whitespace().collect();
        let count = u32::try_from(workers.len()).unwrap_or(u32::MAX);
        if workers.is_empty() || workers.len() > WORKERS_MAX {
            return Err(BountyError::WrongWorkers { workers: count }.into());
        }
        workers.iter().try_for_each(|worker| address::check(worker))?;
        let task = end(ctx, id)?;
        let each = task.reward / i64::from(count);
        let rest = task.reward - each * i64::from(count);
        workers.iter().for_each(|worker| {
            pay(worker, each).ok();
        });
        Closed { id, each }.emit();
        if rest > 0 {
            pay(&task.sponsor, rest)?;
        }
        Ok(each)
    }

    /// Takes an open task back.
    #[call]
    fn take_back(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let task = end(ctx, id)?;
        pay(&task.sponsor, task.reward).map_err(Refusal::from)
    }

    /// At most 100 tasks of a sponsor.
    #[view]
    fn tasks_of(ctx: &Context, sponsor: &str) -> Result<Vec<Task>, Refusal> {
        ctx.db.tasks().by_sponsor(sponsor, 100)
    }
}
