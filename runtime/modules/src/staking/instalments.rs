//! What has left a validator since its fault, slashed a bounded number of entries in each block.
//!
//! State: `chain.slashes(id, validator, height, fraction, unbonding, unbondings, redelegation, redelegations,
//! burned)`, one row for each slash that is not paid whole: entries up to the numbers `unbonding` and `redelegation`
//! have been looked at, up to `unbondings` and `redelegations` they are to be.
//!
//! 1. A slash is for the unbondings and redelegations that left its validator since the height of the fault and were
//!    there when it was judged; what leaves later has paid with the validator's tokens.
//! 2. At the begin of a block at most `SLASHED_BLOCK_MAX` entries are looked at: the oldest slash first, its unbondings
//!    by their numbers, then its redelegations; the first instalment is in the block of the judgement.
//! 3. An entry that matures before it was looked at pays then; while slashes wait, a block matures no more than
//!    `SLASHED_BLOCK_MAX` entries, redelegations before unbondings.
//! 4. An unbonding that is still to pay is not delegated again.
//! 5. Moved stake moves on only when its redelegation is gone, and what is withdrawn of it matures no sooner.
//! 6. So every entry pays every slash that it is for exactly once, and before its stake is out of reach.

use super::entries::{Redelegation, Unbonding};
use super::slash::{Slash, slash_moved, slash_unbonding};
use crate::auth;
use crate::context::{Rows, Table, Writer, certain, integer, operator_key};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::SLASHED_BLOCK_MAX;
use dadbs_types::{AccountAddress, Event, Fatal, OperatorAddress, Value};

const SLASHES: Table = Table("chain.slashes");

/// Numbers of entries: those up to `reached` are done, those up to `last` are to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Line {
    reached: u64,
    last: u64,
}

impl Line {
    fn waits(self, id: u64) -> bool {
        self.reached < id && id <= self.last
    }

    fn is_done(self) -> bool {
        self.reached >= self.last
    }

    /// After entries were looked at, of as many as there was room for.
    fn advance(&mut self, seen: usize, room: u64, newest: Option<u64>) {
        self.reached = newest.filter(|_| seen as u64 >= room).unwrap_or(self.last);
    }
}

/// A slash that entries have still to pay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pending {
    id: u64,
    operator: AccountAddress,
    height: u64,
    ppm: u64,
    unbondings: Line,
    redelegations: Line,
    burned: u64,
}

impl Pending {
    fn of_row(row: &[Value]) -> Result<Pending, Fatal> {
        let line = |column| -> Result<Line, Fatal> {
            Ok(Line { reached: SLASHES.count(row, column)?, last: SLASHES.count(row, column + 1)? })
        };
        Ok(Pending {
            id: SLASHES.count(row, 0)?,
            operator: SLASHES.operator(row, 1)?.0,
            height: SLASHES.count(row, 2)?,
            ppm: SLASHES.count(row, 3)?,
            unbondings: line(4)?,
            redelegations: line(6)?,
            burned: SLASHES.count(row, 8)?,
        })
    }

    fn save(&self, store: &mut Store) -> Result<(), Fatal> {
        store.execute(
            "UPDATE chain_slashes SET unbonding = ?2, redelegation = ?3, burned = ?4 WHERE id = ?1",
            &[
                &integer(self.id)?,
                &integer(self.unbondings.reached)?,
                &integer(self.redelegations.reached)?,
                &integer(self.burned)?,
            ],
        )?;
        Ok(())
    }

    /// True if the unbonding is still to pay.
    pub(super) fn waits_for(&self, unbonding: &Unbonding) -> bool {
        self.operator == unbonding.operator
            && self.height <= unbonding.entry.creation_height
            && self.unbondings.waits(unbonding.id)
    }

    /// True if the redelegation is still to pay.
    fn waits_for_moved(&self, moved: &Redelegation) -> bool {
        self.operator == moved.from
            && self.height <= moved.entry.creation_height
            && self.redelegations.waits(moved.id)
    }

    /// Looks at the next entries, at most `room`; returns how many it saw (rule 2).
    fn pay(&mut self, writer: &mut Writer<'_>, room: u64) -> Result<u64, Fatal> {
        let Line { reached, last } = self.unbondings;
        let unbondings = Unbonding::numbered(writer.store, self.operator, (reached, last), room)?;
        for unbonding in &unbondings {
            self.pay_unbonding(writer, &mut unbonding.clone())?;
        }
        let newest = unbondings.last().map(|unbonding| unbonding.id);
        self.unbondings.advance(unbondings.len(), room, newest);
        let room = room.saturating_sub(unbondings.len() as u64);
        let Line { reached, last } = self.redelegations;
        let moves = Redelegation::numbered(writer.store, self.operator, (reached, last), room)?;
        for moved in &moves {
            self.pay_moved(writer, moved)?;
        }
        let newest = moves.last().map(|moved| moved.id);
        if room > 0 {
            self.redelegations.advance(moves.len(), room, newest);
        }
        Ok((unbondings.len() + moves.len()) as u64)
    }

    fn pay_unbonding(
        &mut self,
        writer: &mut Writer<'_>,
        unbonding: &mut Unbonding,
    ) -> Result<(), Fatal> {
        if self.waits_for(unbonding) {
            let burned = certain(slash_unbonding(writer, unbonding, self.ppm))?;
            self.burned = self.burned.saturating_add(burned);
        }
        Ok(())
    }

    fn pay_moved(&mut self, writer: &mut Writer<'_>, moved: &Redelegation) -> Result<(), Fatal> {
        if self.waits_for_moved(moved) {
            let burned = certain(slash_moved(writer, moved, self.ppm))?;
            self.burned = self.burned.saturating_add(burned);
        }
        Ok(())
    }
}

/// Notes a slash for what has left its validator (rule 1).
pub(super) fn note(writer: &mut Writer<'_>, slash: &Slash) -> Result<(), Fatal> {
    let newest = writer.store.rows(
        "SELECT (SELECT coalesce(max(id), 0) FROM chain_unbondings WHERE validator = ?1),
         (SELECT coalesce(max(id), 0) FROM chain_redelegations WHERE source = ?1)",
        &[&operator_key(slash.operator)],
    )?;
    let last = |column| newest.first().map_or(Ok(0), |row| SLASHES.count(row, column));
    let (unbondings, redelegations) = (last(0)?, last(1)?);
    if slash.ppm == 0 || (unbondings, redelegations) == (0, 0) {
        return Ok(());
    }
    let id = auth::next_number(writer.store, "slash")?;
    writer.store.execute(
        "INSERT INTO chain_slashes (id, validator, height, fraction, unbonding, unbondings, redelegation,
         redelegations, burned) VALUES (?1, ?2, ?3, ?4, 0, ?5, 0, ?6, 0)",
        &[
            &integer(id)?,
            &operator_key(slash.operator),
            &integer(slash.height)?,
            &integer(slash.ppm)?,
            &integer(unbondings)?,
            &integer(redelegations)?,
        ],
    )?;
    Ok(())
}

/// The slashes that entries have still to pay, the oldest first.
pub(super) fn pending(rows: &impl Rows) -> Result<Vec<Pending>, Fatal> {
    let found = rows.rows(
        "SELECT id, validator, height, fraction, unbonding, unbondings, redelegation, redelegations, burned
         FROM chain_slashes ORDER BY id",
        &[],
    )?;
    found.iter().map(|row| Pending::of_row(row)).collect()
}

/// One block's instalments of all slashes (rule 2).
pub fn pay_slashes(writer: &mut Writer<'_>) -> Result<(), Fatal> {
    let mut room = SLASHED_BLOCK_MAX as u64;
    for mut slash in pending(writer.store)? {
        if room == 0 {
            break;
        }
        let before = slash.burned;
        room = room.saturating_sub(slash.pay(writer, room)?);
        let is_paid = slash.unbondings.is_done() && slash.redelegations.is_done();
        if is_paid {
            let id = integer(slash.id)?;
            writer.store.execute("DELETE FROM chain_slashes WHERE id = ?1", &[&id])?;
        } else {
            slash.save(writer.store)?;
        }
        writer.events.push(
            Event::new("slash_entries")
                .with("validator", OperatorAddress(slash.operator))
                .with("height", slash.height)
                .with("burned", format!("{}{DENOM}", slash.burned - before))
                .with("paid", is_paid),
        );
    }
    Ok(())
}

/// What an unbonding that matures has still to pay (rule 3).
pub(super) fn pay_matured(
    writer: &mut Writer<'_>,
    slashes: &mut [Pending],
    unbonding: &mut Unbonding,
) -> Result<(), Fatal> {
    for slash in slashes {
        if slash.waits_for(unbonding) {
            slash.pay_unbonding(writer, unbonding)?;
            slash.save(writer.store)?;
        }
    }
    Ok(())
}

/// What a redelegation that matures has still to pay (rule 3).
pub(super) fn pay_matured_move(
    writer: &mut Writer<'_>,
    slashes: &mut [Pending],
    moved: &Redelegation,
) -> Result<(), Fatal> {
    for slash in slashes {
        if slash.waits_for_moved(moved) {
            slash.pay_moved(writer, moved)?;
            slash.save(writer.store)?;
        }
    }
    Ok(())
}
