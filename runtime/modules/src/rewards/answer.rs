//! Challenges and their answers.

use super::epoch::{Epoch, epoch, score};
use crate::context::{Rows, Writer, integer, operator_key};
use dadbs_types::row::{leaf_key, leaf_value};
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, Hash, OperatorAddress, Rejection};

/// An answer to a challenge (rule 4).
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    /// The validator that was asked.
    pub operator: AccountAddress,
    /// The epoch that it was asked in.
    pub epoch: u64,
    /// Which of its challenges, from 0.
    pub index: u64,
    /// The row's table, by its physical name.
    pub table: &'a str,
    /// The row's key, as leaves hash it.
    pub key: &'a [u8],
    /// The row, as leaves hash it.
    pub row: &'a [u8],
    /// The Merkle proof of its leaf.
    pub proof: &'a [u8],
}

/// The longest physical name of a table that is looked at.
const TABLE_BYTES_MAX: usize = 256;

impl Answer<'_> {
    /// The bytes that are read to verify it.
    pub fn len(&self) -> usize {
        [self.table.len(), self.key.len(), self.row.len(), self.proof.len()]
            .into_iter()
            .fold(0, usize::saturating_add)
    }

    /// True if it says nothing at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A challenge: the answer is the leaf nearest to it (rule 4).
///
/// ```text
/// BLAKE3("dadbs storage challenge 1" || root || consensus address || u64 epoch || u64 index), little-endian
/// ```
pub fn challenge(root: &Hash, consensus_address: &[u8; 20], epoch: u64, index: u64) -> Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"dadbs storage challenge 1");
    hasher.update(root);
    hasher.update(consensus_address);
    hasher.update(&epoch.to_le_bytes());
    hasher.update(&index.to_le_bytes());
    *hasher.finalize().as_bytes()
}

/// A validator's challenges of the running epoch, by index, each with whether it is answered; none if it was not in the set.
pub fn issued(
    rows: &impl Rows,
    epoch: &Epoch,
    operator: AccountAddress,
) -> Result<Vec<(Hash, bool)>, Fatal> {
    let Some(score) = score(rows, operator)? else { return Ok(Vec::new()) };
    let issued = (0..epoch.challenges).map(|index| {
        let target = challenge(&epoch.root, &score.consensus_address, epoch.number, index);
        (target, score.answered >> index & 1 == 1)
    });
    Ok(issued.collect())
}

fn refuse(code: Code, message: String) -> Error {
    Rejection::new(code, message).into()
}

/// `MsgSubmitStorageProof`, whose gas the caller has charged (rules 4 and 6).
pub fn submit(writer: &mut Writer<'_>, answer: &Answer<'_>) -> Result<(), Error> {
    let running = epoch(writer.store)?;
    check_time(&running, answer, writer.block.height)?;
    let name = OperatorAddress(answer.operator);
    let score = score(writer.store, answer.operator)?.filter(|_| answer.index < running.challenges);
    let Some(score) = score else {
        let message = format!(
            "{name} has no challenge {} in epoch {}: `dadbs query rewards challenges` lists them",
            answer.index, running.number
        );
        return Err(refuse(Code::NoChallenge, message));
    };
    let bit = 1 << answer.index;
    if score.answered & bit != 0 {
        let message = format!("challenge {} of {name} is answered already", answer.index);
        return Err(refuse(Code::ChallengeAnswered, message));
    }
    let target = challenge(&running.root, &score.consensus_address, running.number, answer.index);
    verify(&running.root, &target, answer)?;
    writer.store.execute(
        "UPDATE chain_storage_scores SET answered = ?2 WHERE validator = ?1",
        &[&operator_key(answer.operator), &integer(score.answered | bit)?],
    )?;
    writer.events.push(
        Event::new("storage_proof")
            .with("validator", name)
            .with("epoch", running.number)
            .with("index", answer.index),
    );
    Ok(())
}

/// Rule 6.
fn check_time(running: &Epoch, answer: &Answer<'_>, height: u64) -> Result<(), Error> {
    if answer.epoch != running.number {
        let message = format!("epoch {} is running, not {}", running.number, answer.epoch);
        return Err(refuse(Code::WrongEpoch, message));
    }
    if height > running.last_height {
        let message = format!(
            "answers of epoch {} counted up to height {}",
            running.number, running.last_height
        );
        return Err(refuse(Code::ChallengeOver, message));
    }
    Ok(())
}

/// Rule 4: row and proof are the leaf of this root that is nearest to the target.
fn verify(root: &Hash, target: &Hash, answer: &Answer<'_>) -> Result<(), Error> {
    if answer.table.len() > TABLE_BYTES_MAX {
        let message = format!("a table's name has at most {TABLE_BYTES_MAX} bytes");
        return Err(refuse(Code::WrongAnswer, message));
    }
    let (key, value) = (leaf_key(answer.table, answer.key), leaf_value(answer.row));
    dadbs_merkle::verify_nearest(root, target, &key, &value, answer.proof)
        .map_err(|error| refuse(Code::WrongAnswer, format!("challenge {}: {error}", answer.index)))
}
