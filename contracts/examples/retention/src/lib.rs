//! An example contract: records that are deleted by schedule when their time is over.
//!
//! 1. A record is kept for the days of its kind, from when it was written.
//! 2. Once a day, paid from the contract's own coins, at most `SWEEP_MAX` records whose time is over are
//!    deleted; the rest goes the next day.
//! 3. A record on hold stays; only the owner of the contract holds and lets go.
//! 4. Every deletion is noted, whoever causes it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod retention {
    use super::*;

    const DAY_MS: i64 = 86_400_000;
    /// Records that one sweep deletes.
    const SWEEP_MAX: i64 = 100;
    /// Gas of one sweep.
    const SWEEP_GAS: i64 = 5_000_000;

    /// Who made the contract, and the schedule of its sweeps.
    #[table(name = "settings")]
    struct Settings {
        #[key]
        #[check("id = 1")]
        id: i64,
        owner: String,
        schedule: Option<i64>,
    }

    /// How long records of a kind are kept.
    #[table(name = "kinds")]
    struct Kind {
        #[key]
        name: String,
        #[check("days BETWEEN 1 AND 36500")]
        days: i64,
    }

    /// What is kept for its time.
    #[table(name = "records")]
    struct Record {
        #[key(auto)]
        id: i64,
        #[references("kinds(name)")]
        kind: String,
        author: String,
        content: String,
        #[index]
        expires_ms: i64,
        held: bool,
    }

    /// That there was a record.
    #[table(name = "deletions")]
    struct Deletion {
        #[key]
        record: i64,
        kind: String,
        at_ms: i64,
    }

    #[error]
    enum RetentionError {
        /// Only who made the contract may do this.
        NotOwner,
        /// There is no such record.
        NotFound { id: i64 },
        /// There is no such kind.
        NoKind { name: String },
        /// Sweeps are scheduled already.
        Started { schedule: i64 },
        /// A record on hold stays.
        Held { id: i64 },
    }

    /// Records whose time was over are gone.
    #[event]
    struct Swept {
        records: u32,
    }

    /// The caller owns the contract.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let owner = ctx.caller.clone();
        ctx.db.settings().insert(&Settings { id: 1, owner, schedule: None })
    }

    fn owned(ctx: &Context) -> Result<Settings, Refusal> {
        let settings = ctx.db.settings().get(1)?.ok_or(RetentionError::NotOwner)?;
        if settings.owner == ctx.caller {
            Ok(settings)
        } else {
            Err(RetentionError::NotOwner.into())
        }
    }

    /// Sets the days of a kind, for records that are written from now on.
    #[call]
    fn keep(ctx: &Context, name: String, days: i64) -> Result<(), Refusal> {
        owned(ctx)?;
        let kind = Kind { name, days };
        if !ctx.db.kinds().update(&kind)? {
            ctx.db.kinds().insert(&kind)?;
        }
        Ok(())
    }

    /// Begins the daily sweeps, which the contract pays: send coins along.
    #[call(payable)]
    fn start(ctx: &Context) -> Result<i64, Refusal> {
        let mut settings = owned(ctx)?;
        if let Some(schedule) = settings.schedule {
            return Err(RetentionError::Started { schedule }.into());
        }
        let sweep = ctx.later().sweep().gas(SWEEP_GAS).every(DAY_MS);
        let schedule = sweep.at_time(ctx.time_ms + DAY_MS)?;
        settings.schedule = Some(schedule);
        ctx.db.settings().update(&settings)?;
        Ok(schedule)
    }

    /// Ends the sweeps.
    #[call]
    fn stop(ctx: &Context) -> Result<(), Refusal> {
        let mut settings = owned(ctx)?;
        if let Some(schedule) = settings.schedule.take() {
            ctx.later().cancel(schedule)?;
            ctx.db.settings().update(&settings)?;
        }
        Ok(())
    }

    /// Writes a record; answers its number.
    #[call]
    fn record(ctx: &Context, kind: String, content: String) -> Result<i64, Refusal> {
        let Some(found) = ctx.db.kinds().get(&kind)? else {
            return Err(RetentionError::NoKind { name: kind }.into());
        };
        let expires_ms = ctx.time_ms + found.days * DAY_MS;
        let author = ctx.caller.clone();
        ctx.db.records().insert(&Record { id: 0, kind, author, content, expires_ms, held: false })
    }

    /// Keeps a record beyond its time (1), or no longer (0).
    #[call]
    fn hold(ctx: &Context, id: i64, held: bool) -> Result<(), Refusal> {
        owned(ctx)?;
        let mut record = ctx.db.records().get(id)?.ok_or(RetentionError::NotFound { id })?;
        record.held = held;
        ctx.db.records().update(&record)?;
        Ok(())
    }

    /// Deletes a record before its time.
    #[call]
    fn erase(ctx: &Context, id: i64) -> Result<(), Refusal> {
        owned(ctx)?;
        if ctx.db.records().delete(id)? {
            Ok(())
        } else {
            Err(RetentionError::NotFound { id }.into())
        }
    }

    /// What the contract has left for sweeps, in udadb.
    #[view]
    fn left(ctx: &Context) -> i64 {
        calls::balance(&ctx.contract_address, calls::DENOM)
    }

    /// Rule 2.
    #[scheduled]
    fn sweep(ctx: &Context) -> Result<(), Refusal> {
        let records = sql!(
            "DELETE FROM records WHERE id IN (SELECT id FROM records
             WHERE expires_ms <= ? AND held = 0 ORDER BY expires_ms LIMIT ?)",
            ctx.time_ms,
            SWEEP_MAX
        )?;
        Swept { records }.emit();
        Ok(())
    }

    /// Rules 3 and 4.
    #[on_delete(records)]
    fn noted(ctx: &Context, gone: &[Record]) -> Result<(), Refusal> {
        for Record { id, kind, held, .. } in gone {
            if *held {
                return Err(RetentionError::Held { id: *id }.into());
            }
            let deletion = Deletion { record: *id, kind: kind.clone(), at_ms: ctx.time_ms };
            ctx.db.deletions().insert(&deletion)?;
        }
        Ok(())
    }
}
