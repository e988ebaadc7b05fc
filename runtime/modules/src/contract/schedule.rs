//! Calls that a contract has asked for at a later height or time.
//!
//! State: `chain.schedules(clock, due, id, contract, entry, arguments, every, gas, prepaid, attempts,
//! by_time)`; clock is `height` or `time` while it waits, `running`, or `parked`.
//!
//! Events: `schedule.add(id, contract, entry, clock, due)`, `schedule.cancel(id, contract)`,
//! `schedule.run(id, contract, entry, gas_used)`, `schedule.fail(id, contract, entry, code, attempt)`,
//! `schedule.park(id, contract, entry, why)`.
//!
//! 1. A contract has at most `SCHEDULES_MAX`, parked ones included. A schedule is due later than the block
//!    that makes it.
//! 2. The price of one call, its gas at the chain's least fee, is taken from the contract and held by
//!    `escrow` until the call begins; then it is a fee, whatever the call uses. `cancel` gives back
//!    what is held.
//! 3. Due ones run at the end of a block: in even blocks those by time first, in odd ones those by
//!    height; each kind in the order of due and id. When the next one does not fit what is left of the
//!    block's budget, the rest waits.
//! 4. Caller and origin of a scheduled call are the contract; it sees all rows.
//! 5. A call that succeeds ends its schedule, or moves it on by its interval: to the first point that is
//!    not past, so missed ones are left out, and paid for again.
//! 6. A call that fails leaves nothing behind and is tried again after 10 and then 100 blocks, or
//!    1 and then 10 minutes, paid for each time.
//! 7. After `SCHEDULE_ATTEMPTS_MAX` failures, or when the contract cannot pay, it is parked: it stays as
//!    a row that never runs, until it is cancelled.
//! 8. Those of paused contracts wait, and the others do not wait for them.
//! 9. A block without due ones writes nothing.

use super::host::Frame;
use super::keeper::{metered, outermost, run as enter};
use super::query::{Contract, contract_by_id};
use super::rules::Rules;
use crate::context::{Context, Rows, Table, integer};
use crate::{auth, bank, circuit};
use dadbs_abi::entry;
use dadbs_store::Store;
use dadbs_types::limits::{
    SCHEDULE_ARGUMENT_BYTES_MAX, SCHEDULE_ATTEMPTS_MAX, SCHEDULE_GAS_MAX, SCHEDULE_GAS_MIN,
    SCHEDULES_MAX,
};
use dadbs_types::{AccountAddress, BlockInfo, Code, Error, Event, Fatal, Rejection, Value};
use dadbs_vm::Schedule;

const SCHEDULES: Table = Table("chain.schedules");

/// Milliseconds of the first wait after a failure by time; blocks of one by height.
const BACK_OFF: (i64, i64) = (60_000, 10);

/// A schedule whose time has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// Its number.
    pub id: i64,
    /// The gas of one call.
    pub gas: u64,
    contract: u64,
    entry: String,
    arguments: Vec<u8>,
    every: i64,
    /// The height or time at which it is due.
    at: i64,
    prepaid: u64,
    attempts: u64,
    by_time: bool,
}

/// The account that holds what was paid for calls that have not begun.
pub fn escrow() -> AccountAddress {
    AccountAddress::of_module("schedules")
}

fn refuse(what: impl Into<String>) -> Error {
    Error::rejected(Code::InvalidSchedule, what)
}

/// What one call costs (rule 2).
fn price(context: &Context<'_>, gas: u64) -> Result<u64, Error> {
    let price = u128::from(context.fee_per_million_gas) * u128::from(gas);
    u64::try_from(price.div_ceil(1_000_000)).map_err(|_| refuse("its price is beyond 2^63"))
}

fn now(block: &BlockInfo, by_time: bool) -> i64 {
    if by_time { block.time_ms() } else { i64::try_from(block.height).unwrap_or(i64::MAX) }
}

/// `schedule` (rules 1 and 2).
pub(super) fn add(
    context: &mut Context<'_>,
    contract: &Contract,
    rules: &Rules,
    schedule: &Schedule<'_>,
) -> Result<i64, Error> {
    let by_time = match schedule.clock {
        "height" => false,
        "time" => true,
        _ => return Err(refuse("the clock is height or time")),
    };
    if schedule.due <= now(context.block, by_time) {
        return Err(refuse("it is due in the past: a schedule begins after this block"));
    }
    if schedule.every < 0 {
        return Err(refuse("the interval is negative"));
    }
    let gas = u64::try_from(schedule.gas).unwrap_or(0);
    if !(SCHEDULE_GAS_MIN..=SCHEDULE_GAS_MAX).contains(&gas) {
        return Err(refuse(format!(
            "a scheduled call has {SCHEDULE_GAS_MIN} to {SCHEDULE_GAS_MAX} gas, not {}",
            schedule.gas
        )));
    }
    if schedule.arguments.len() > SCHEDULE_ARGUMENT_BYTES_MAX {
        return Err(refuse(format!(
            "the arguments have more than {SCHEDULE_ARGUMENT_BYTES_MAX} bytes"
        )));
    }
    let export = format!("{}{}", entry::SCHEDULED_PREFIX, schedule.entry);
    if !rules.is_scheduled(&export) {
        return Err(refuse(format!("there is no entry point {}", export.escape_debug())));
    }
    let held = context.store.query(
        "SELECT count(*) FROM chain_schedules WHERE contract = ?1",
        &[&integer(contract.id)?],
    )?;
    let held = held.first().map_or(Ok(0), |row| SCHEDULES.count(row, 0))?;
    if held >= SCHEDULES_MAX as u64 {
        return Err(refuse(format!("the contract has {held} schedules, the most there can be")));
    }
    let prepaid = price(context, gas)?;
    bank::deposit(context.store, contract.address, escrow(), prepaid)?;
    let id = i64::try_from(auth::next_number(context.store, "schedule")?).unwrap_or(i64::MAX);
    let due = Due {
        id,
        gas,
        contract: contract.id,
        entry: schedule.entry.into(),
        arguments: schedule.arguments.to_vec(),
        every: schedule.every,
        at: schedule.due,
        prepaid,
        attempts: 0,
        by_time,
    };
    insert(context.store, &due, schedule.clock)?;
    context.events.push(
        due.event("schedule.add", &contract.name)
            .with("clock", schedule.clock)
            .with("due", schedule.due),
    );
    Ok(id)
}

/// `cancel` (rule 2).
pub(super) fn cancel(
    context: &mut Context<'_>,
    contract: &Contract,
    number: i64,
) -> Result<(), Error> {
    let (owner, number) = (integer(contract.id)?, Value::Integer(number));
    let removed = context.store.query(
        "DELETE FROM chain_schedules WHERE contract = ?1 AND id = ?2 RETURNING prepaid",
        &[&owner, &number],
    )?;
    let Some(row) = removed.first() else {
        return Err(refuse("the contract has no schedule with this number"));
    };
    let prepaid = SCHEDULES.count(row, 0)?;
    bank::deposit(context.store, escrow(), contract.address, prepaid)?;
    let Value::Integer(number) = number else { return Ok(()) };
    context
        .events
        .push(Event::new("schedule.cancel").with("id", number).with("contract", &contract.name));
    Ok(())
}

impl Due {
    /// How long to wait after the failure that comes now (rule 6).
    fn wait(&self) -> i64 {
        let (first_ms, first_blocks) = BACK_OFF;
        let first = if self.by_time { first_ms } else { first_blocks };
        let failures = u32::try_from(self.attempts).unwrap_or(u32::MAX);
        first.saturating_mul(10_i64.saturating_pow(failures))
    }

    /// The next point of its interval that is not past (rule 5).
    fn following(&self, now: i64) -> Option<i64> {
        let later = self.at.saturating_add(self.every);
        let later = if later > now { later } else { now.saturating_add(self.every) };
        (self.every > 0).then_some(later)
    }

    fn event(&self, kind: &str, contract: &str) -> Event {
        Event::new(kind).with("id", self.id).with("contract", contract).with("entry", &self.entry)
    }
}

fn insert(store: &mut Store, due: &Due, clock: &str) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_schedules (clock, due, id, contract, entry, arguments, every, gas,
         prepaid, attempts, by_time) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
        &[
            &clock.into(),
            &Value::Integer(due.at),
            &Value::Integer(due.id),
            &integer(due.contract)?,
            &due.entry.as_str().into(),
            &due.arguments.as_slice().into(),
            &Value::Integer(due.every),
            &integer(due.gas)?,
            &integer(due.prepaid)?,
            &integer(due.attempts)?,
            &due.by_time.into(),
        ],
    )?;
    Ok(())
}

/// Removes it; false if it is gone.
fn remove(store: &mut Store, due: &Due) -> Result<bool, Fatal> {
    let removed = store.execute(
        "DELETE FROM chain_schedules WHERE contract = ?1 AND id = ?2",
        &[&integer(due.contract)?, &Value::Integer(due.id)],
    )?;
    Ok(removed > 0)
}

/// The next one to run (rule 3).
pub fn next_due(store: &Store, block: &BlockInfo) -> Result<Option<Due>, Fatal> {
    if circuit::pause_of(store, "contracts")?.is_some() {
        return Ok(None);
    }
    let by_time_first = block.height.is_multiple_of(2);
    for by_time in [by_time_first, !by_time_first] {
        let clock = if by_time { "time" } else { "height" };
        let found = store.rows(
            "SELECT id, gas, contract, entry, arguments, every, due, prepaid, attempts
             FROM chain_schedules WHERE clock = ?1 AND due <= ?2 AND NOT EXISTS
             (SELECT 1 FROM chain_contracts c JOIN chain_pauses ON scope = 'contract:' || c.name
              WHERE c.id = contract)
             ORDER BY due, id LIMIT 1",
            &[&clock.into(), &Value::Integer(now(block, by_time))],
        )?;
        let Some(row) = found.first() else { continue };
        let signed = |column| SCHEDULES.count(row, column).map(u64::cast_signed);
        // A due height or time is positive: it was later than a block.
        return Ok(Some(Due {
            id: signed(0)?,
            gas: SCHEDULES.count(row, 1)?,
            contract: SCHEDULES.count(row, 2)?,
            entry: SCHEDULES.text(row, 3)?,
            arguments: SCHEDULES.blob(row, 4)?,
            every: signed(5)?,
            at: signed(6)?,
            prepaid: SCHEDULES.count(row, 7)?,
            attempts: SCHEDULES.count(row, 8)?,
            by_time,
        }));
    }
    Ok(None)
}

/// Takes what was prepaid and marks it as running; gives the fee (rule 2).
pub fn begin(store: &mut Store, due: &Due) -> Result<u64, Error> {
    remove(store, due)?;
    insert(store, &Due { prepaid: 0, ..due.clone() }, "running")?;
    if due.prepaid > 0 {
        let amount = dadbs_types::Amount(u128::from(due.prepaid));
        let coin = dadbs_types::Coin { denom: dadbs_types::coin::DENOM.into(), amount };
        bank::take_fee(store, escrow(), &coin)?;
    }
    Ok(due.prepaid)
}

fn owner(store: &Store, due: &Due) -> Result<Contract, Fatal> {
    contract_by_id(store, due.contract)?.ok_or_else(|| {
        Fatal::new(format!("chain.schedules names contract {}, which is not there", due.contract))
    })
}

/// The call itself (rule 4).
pub fn run(context: &mut Context<'_>, due: &Due) -> Result<(), Error> {
    context.gas.charge(dadbs_types::gas::price::TX_BASE)?;
    let contract = owner(context.store, due)?;
    let frame = Frame { row_access: false, ..outermost(&contract, contract.address) };
    let export = format!("{}{}", entry::SCHEDULED_PREFIX, due.entry);
    metered(context, |context, gas| {
        enter(context, &contract, frame, &export, &due.arguments, gas).map(drop)
    })
}

/// What becomes of it after the call (rules 5 to 7); `failure` is the call's, which was undone.
pub fn finish(
    context: &mut Context<'_>,
    due: &Due,
    failure: Option<&Rejection>,
) -> Result<(), Error> {
    let contract = owner(context.store, due)?;
    let now = now(context.block, due.by_time);
    // A call may have ended its own schedule.
    let stays = remove(context.store, due)?;
    let (event, next) = if let Some(rejection) = failure {
        let attempts = due.attempts.saturating_add(1);
        let event = due
            .event("schedule.fail", &contract.name)
            .with("code", rejection.code)
            .with("attempt", attempts);
        (event, Some((now.saturating_add(due.wait()), attempts)))
    } else {
        let event = due.event("schedule.run", &contract.name).with("gas_used", context.gas.used());
        (event, due.following(now).map(|later| (later, 0)))
    };
    context.events.push(event);
    let Some((later, attempts)) = next.filter(|_| stays) else { return Ok(()) };
    let mut waiting = Due { at: later, attempts, prepaid: 0, ..due.clone() };
    let why = if attempts >= SCHEDULE_ATTEMPTS_MAX {
        Some("it has failed too often")
    } else {
        // A price that nobody can pay parks the schedule like one that the contract cannot pay.
        let paid = price(context, due.gas).and_then(|price| {
            waiting.prepaid = price;
            bank::deposit(context.store, contract.address, escrow(), price)
        });
        match paid {
            Ok(()) => None,
            Err(Error::Rejected(_)) => Some("the contract cannot pay for the next call"),
            Err(fatal) => return Err(fatal),
        }
    };
    match why {
        None => insert(context.store, &waiting, if due.by_time { "time" } else { "height" })?,
        Some(why) => {
            insert(context.store, &Due { prepaid: 0, ..waiting }, "parked")?;
            context.events.push(due.event("schedule.park", &contract.name).with("why", why));
        }
    }
    Ok(())
}
