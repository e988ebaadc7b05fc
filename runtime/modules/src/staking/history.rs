//! Which set signed which height: the hash by which headers name it.
//!
//! State: `chain.validator_sets(height, time, hash)`, a row for each set, with the first height that it signs and the
//! time of the block that made it.
//!
//! 1. A row is written when the set changes, and only then: the set of a height is that of the newest row up to it.
//! 2. A set whose successor is older than the unbonding time is forgotten, at most [`FORGOTTEN`] when one is written:
//!    so what is kept shrinks whenever it can.

use super::set::told;
use crate::context::{Rows, Table, Writer, integer};
use crate::params::{self, Param};
use dadbs_types::{Fatal, Value};

const SETS: Table = Table("chain.validator_sets");

/// Sets that are forgotten at once (rule 2).
const FORGOTTEN: usize = 10;

/// Keeps the hash of what the consensus engine was told as that of the set from `height` on.
pub(super) fn note(writer: &mut Writer<'_>, height: u64) -> Result<(), Fatal> {
    let hash = dadbs_headers::set_hash(told(writer.store)?)
        .map_err(|error| Fatal::new(format!("chain.validator_set cannot be hashed: {error}")))?;
    let now = writer.block.time_s();
    writer.store.execute(
        "INSERT INTO chain_validator_sets (height, time, hash) VALUES (?1, ?2, ?3)
         ON CONFLICT (height) DO UPDATE SET time = excluded.time, hash = excluded.hash",
        &[&integer(height)?, &integer(now)?, &Value::Blob(hash.to_vec())],
    )?;
    forget(writer, now)
}

/// Rule 2.
fn forget(writer: &mut Writer<'_>, now: u64) -> Result<(), Fatal> {
    let kept = params::get(writer.store, Param::UnbondingTime)?;
    let oldest = writer.store.rows(
        "SELECT height, time FROM chain_validator_sets ORDER BY height LIMIT ?1",
        &[&integer(FORGOTTEN as u64 + 1)?],
    )?;
    for pair in oldest.windows(2) {
        let [old, successor] = pair else { continue };
        if SETS.count(successor, 1)?.saturating_add(kept) >= now {
            break;
        }
        writer.store.execute(
            "DELETE FROM chain_validator_sets WHERE height = ?1",
            &[&integer(SETS.count(old, 0)?)?],
        )?;
    }
    Ok(())
}

/// The hash of the set that signs a height; `None` if it is forgotten or was never known.
pub fn set_hash_at(rows: &impl Rows, height: u64) -> Result<Option<Vec<u8>>, Fatal> {
    let found = rows.rows(
        "SELECT hash FROM chain_validator_sets WHERE height <= ?1 ORDER BY height DESC LIMIT 1",
        &[&integer(height)?],
    )?;
    found.first().map(|row| SETS.blob(row, 0)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::staking::tests::{DADB, World};

    fn heights(world: &World) -> Vec<u64> {
        let rows = world.store.query("SELECT height FROM chain_validator_sets", &[]).unwrap();
        rows.iter().map(|row| SETS.count(row, 0).unwrap()).collect()
    }

    fn change(world: &mut World) {
        world.delegate(5, 0, DADB).unwrap();
        world.end();
    }

    #[test]
    fn rule_1_a_row_for_each_change() {
        let mut world = World::new(2);
        world.end();
        assert_eq!(heights(&world), [1]);
        change(&mut world);
        world.end();
        assert_eq!(heights(&world), [1, 4]);
        let hash = |height| set_hash_at(&world.store, height).unwrap();
        assert_eq!((hash(0), hash(1)), (None, hash(3)));
        assert_ne!(hash(3), hash(4));
        assert_eq!(hash(4), hash(1_000));
    }

    #[test]
    fn rule_2_what_is_older_than_stake_waits_is_forgotten() {
        let mut world = World::new(2);
        for _ in 0..15 {
            change(&mut world);
        }
        assert_eq!(heights(&world).len(), 16);
        world.skip(101);
        change(&mut world);
        assert_eq!(heights(&world).len(), 17 - FORGOTTEN);
        change(&mut world);
        // The set of the time of quiet signs until the first change after it.
        assert_eq!(heights(&world), [17, 18, 19]);
    }
}
