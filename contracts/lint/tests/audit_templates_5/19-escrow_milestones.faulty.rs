// class: 1
// Any caller releases a milestone, and to an address of his choice (arbitrary send, missing payer check).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod escrow_milestones {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "jobs", check("payer <> worker"))]
    struct Job {
        #[key(auto)]
        id: i64,
        #[index]
        payer: String,
        worker: String,
        #[check("held >= 0")]
        held: i64,
        cancelled: bool,
    }

    #[error]
    enum JobError {
        /// There is no such job.
        NotFound { id: i64 },
        /// The job does not hold so much.
        TooLittle { held: i64 },
        /// This is for another party of the job.
        NotYou { id: i64 },
    }

    #[event]
    struct Released<'a> {
        id: i64,
        to: &'a str,
        amount: i64,
    }

    #[init]
    fn init() {}

    fn job(ctx: &Context, id: i64) -> Result<Job, Refusal> {
        Ok(ctx.db.jobs().get(id)?.ok_or(JobError::NotFound { id })?)
    }

    fn only(ctx: &Context, party: &str, id: i64) -> Result<(), JobError> {
        if party == ctx.caller { Ok(()) } else { Err(JobError::NotYou { id }) }
    }

    #[call(payable)]
    fn hire(ctx: &Context, worker: String) -> Result<i64, Refusal> {
        address::check(&worker)?;
        let held = calls::paid(DENOM)?;
        if held == 0 {
            return Err("send the wage along".into());
        }
        let payer = ctx.caller.clone();
        ctx.db.jobs().insert(&Job { id: 0, payer, worker, held, cancelled: false })
    }

    /// Lowers what the job holds, then pays.
    fn take(ctx: &Context, mut job: Job, to: &str, amount: i64) -> Result<i64, Refusal> {
        if amount < 1 || amount > job.held {
            return Err(JobError::TooLittle { held: job.held }.into());
        }
        job.held -= amount;
        ctx.db.jobs().update(&job)?;
        Released { id: job.id, to, amount }.emit();
        calls::transfer(to, &[(DENOM, amount)])?;
        Ok(job.held)
    }

    #[call]
    fn release(ctx: &Context, id: i64, to: &str, amount: i64) -> Result<i64, Refusal> {
        let job = job(ctx, id)?;
        address::check(to)?;
        take(ctx, job, to, amount) // FAULT
    }

    /// The worker gives the rest back.
    #[call]
    fn resign(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut job = job(ctx, id)?;
        only(ctx, &job.worker, id)?;
        job.cancelled = true;
        let (payer, rest) = (job.payer.clone(), job.held);
        if rest == 0 {
            ctx.db.jobs().update(&job)?;
            return Ok(0);
        }
        take(ctx, job, &payer, rest)
    }

    #[view]
    fn jobs_of(ctx: &Context, payer: &str) -> Result<Vec<Job>, Refusal> {
        ctx.db.jobs().by_payer(payer, 50)
    }
}
