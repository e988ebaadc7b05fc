//! What ended ballots that stand in line are counted by.
//!
//! State: `chain.electorates(time, operator, bonded, tokens, shares, ages)`;
//! `chain.frozen_tallies(ballot, validator, end, yes, abstain, no, veto)`; times are milliseconds since 1970.
//!
//! 1. The result of a ballot is that of its end, however long it stands in line: of the votes until then, and of the
//!    stake before the first block whose time is not before it.
//! 2. A block that leaves ballots in line which have ended since the block before keeps the electorate of its begin
//!    ([`keep`]), a row for each validator of the set. A ballot is counted by the first electorate that was kept at or
//!    after its end, and by that of the day if there is none.
//! 3. The running tally follows shares for as long as a ballot is open, since one that is expedited may be voted on for
//!    longer. A row of it that changes after the end is copied first, once for each end, and the result reads the copy.
//! 4. Electorates go when nothing stands in line any more, copies with the other rows of their ballot.

use super::tally::{Electorate, Validator, tallied};
use super::{Ages, BALLOTS, Counts, counts};
use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::{Fatal, Value};

const ELECTORATES: Table = Table("chain.electorates");
const FROZEN: Table = Table("chain.frozen_tallies");

/// Until when a ballot takes votes; 0 if it is gone.
fn end_of(rows: &impl Rows, ballot: u64) -> Result<u64, Fatal> {
    let found = rows.rows("SELECT ends FROM chain_ballots WHERE id = ?1", &[&integer(ballot)?])?;
    found.first().map_or(Ok(0), |row| BALLOTS.count(row, 0))
}

fn newest(rows: &impl Rows) -> Result<u64, Fatal> {
    let found = rows.rows("SELECT coalesce(max(time), 0) FROM chain_electorates", &[])?;
    found.first().map_or(Ok(0), |row| ELECTORATES.count(row, 0))
}

/// Keeps the electorate of a block's begin for the ballots that stand in line then, of which `last` ended last; none if
/// nothing does (rules 2 and 4).
pub fn keep(
    store: &mut Store,
    now: u64,
    last: Option<u64>,
    electorate: impl FnOnce(&Store) -> Result<Electorate, Fatal>,
) -> Result<(), Fatal> {
    let newest = newest(store)?;
    let Some(last) = last else {
        if newest > 0 {
            store.execute("DELETE FROM chain_electorates", &[])?;
        }
        return Ok(());
    };
    if last <= newest {
        return Ok(());
    }
    let electorate = electorate(store)?;
    for validator in &electorate.validators {
        store.execute(
            "INSERT INTO chain_electorates (time, operator, bonded, tokens, shares, ages)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                &integer(now)?,
                &Value::Text(validator.operator.to_string()),
                &integer(electorate.bonded)?,
                &integer(validator.tokens)?,
                &integer(validator.shares)?,
                &Value::Blob(validator.ages.to_bytes()),
            ],
        )?;
    }
    Ok(())
}

/// What a ballot that stands in line is counted by, with its end; none if it does not (rule 2).
pub(super) fn of(rows: &impl Rows, ballot: u64) -> Result<Option<(u64, Electorate)>, Fatal> {
    let end = end_of(rows, ballot)?;
    let found = rows.rows(
        "SELECT operator, bonded, tokens, shares, ages FROM chain_electorates
         WHERE time = (SELECT min(time) FROM chain_electorates WHERE time >= ?1) ORDER BY operator",
        &[&integer(end)?],
    )?;
    let Some(first) = found.first() else { return Ok(None) };
    let bonded = ELECTORATES.count(first, 1)?;
    let validator = |row: &Vec<Value>| {
        let ages = Ages::of_bytes(&ELECTORATES.blob(row, 4)?).ok_or_else(|| {
            Fatal::new("chain.electorates: ages are malformed: restore the store")
        })?;
        let (tokens, shares) = (ELECTORATES.count(row, 2)?, ELECTORATES.count(row, 3)?);
        Ok(Validator { operator: ELECTORATES.address(row, 0)?, tokens, shares, ages })
    };
    let validators = found.iter().map(validator).collect::<Result<_, Fatal>>()?;
    Ok(Some((end, Electorate { bonded, validators })))
}

/// A row of a tally as it was at an end (rule 3).
pub(super) fn tallied_at(
    rows: &impl Rows,
    ballot: u64,
    end: u64,
    validator: &str,
) -> Result<Counts, Fatal> {
    let found = rows.rows(
        "SELECT yes, abstain, no, veto FROM chain_frozen_tallies
         WHERE ballot = ?1 AND validator = ?2 AND end = ?3",
        &[&integer(ballot)?, &Value::Text(validator.into()), &integer(end)?],
    )?;
    match found.first() {
        Some(row) => counts(FROZEN, row, 0),
        None => tallied(rows, ballot, validator),
    }
}

/// Copies a row that is about to change after the end (rule 3).
pub(super) fn copy(store: &mut Store, ballot: u64, end: u64, validator: &str) -> Result<(), Fatal> {
    let [yes, abstain, no, veto] = tallied_at(store, ballot, end, validator)?;
    store.execute(
        "INSERT INTO chain_frozen_tallies (ballot, validator, end, yes, abstain, no, veto)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (ballot, validator) DO UPDATE SET
         end = excluded.end, yes = excluded.yes, abstain = excluded.abstain, no = excluded.no,
         veto = excluded.veto",
        &[
            &integer(ballot)?,
            &Value::Text(validator.into()),
            &integer(end)?,
            &integer(yes)?,
            &integer(abstain)?,
            &integer(no)?,
            &integer(veto)?,
        ],
    )?;
    Ok(())
}

/// Removes at most `rows` copies of a closed ballot; gives how many more may be removed.
pub(super) fn sweep(store: &mut Store, ballot: u64, rows: u64) -> Result<u64, Fatal> {
    let deleted = store.execute(
        "DELETE FROM chain_frozen_tallies WHERE ballot = ?1 AND validator IN
         (SELECT validator FROM chain_frozen_tallies WHERE ballot = ?1 ORDER BY validator LIMIT ?2)",
        &[&integer(ballot)?, &integer(rows)?],
    )?;
    Ok(rows.saturating_sub(deleted as u64))
}
