// class: 3
// A cursor knows the head of the queue: one row is read, and a done job is deleted by its key.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod queue {
    use super::*;

    #[table(name = "heads")]
    struct Head {
        #[key]
        id: i64,
        worker: String,
        last_done: i64,
    }

    #[table(name = "jobs")]
    struct Job {
        #[key(auto)]
        id: i64,
        sender: String,
        #[check("length(payload) <= 4096")]
        payload: Vec<u8>,
        waiting: bool,
    }

    #[event]
    struct Done {
        job: i64,
        at_height: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.heads().insert(&Head { id: 1, worker: ctx.caller.clone(), last_done: 0 })
    }

    fn head(ctx: &Context) -> Result<Head, Refusal> {
        ctx.db.heads().get(1)?.ok_or_else(|| Refusal::new("the queue has no head"))
    }

    #[call]
    fn push(ctx: &Context, payload: Vec<u8>) -> Result<i64, Refusal> {
        let sender = ctx.caller.clone();
        ctx.db.jobs().insert(&Job { id: 0, sender, payload, waiting: true })
    }

    fn next(ctx: &Context, head: &Head) -> Result<Option<Job>, Refusal> {
        let mut first = ctx.db.jobs().scan_after(head.last_done, 1)?;
        Ok(first.pop().filter(|job| job.waiting))
    }

    /// The worker ends the first job; NULL if none waits.
    #[call]
    fn work(ctx: &Context) -> Result<Value, Refusal> {
        let mut head = head(ctx)?;
        if head.worker != ctx.caller {
            return Err("only the worker works".into());
        }
        let Some(job) = next(ctx, &head)? else { return Ok(Value::Null) };
        head.last_done = job.id;
        ctx.db.heads().update(&head)?;
        ctx.db.jobs().delete(job.id)?;
        Done { job: job.id, at_height: ctx.height }.emit();
        Ok(Value::Integer(job.id))
    }

    #[call]
    fn replace_payload(ctx: &Context, id: i64, payload: Vec<u8>) -> Result<(), Refusal> {
        match ctx.db.jobs().get(id)? {
            Some(job) if job.sender == ctx.caller && job.waiting => {
                ctx.db.jobs().update(&Job { payload, ..job })?;
                Ok(())
            }
            Some(_) => Err("this job is not yours".into()),
            None => Err("there is no such job".into()),
        }
    }

    #[view]
    fn waiting(ctx: &Context, after: i64) -> Result<Vec<Job>, Refusal> {
        ctx.db.jobs().scan_after(after, 25)
    }
}
