//! Rewards for what validators contribute, as far as it can be proven.
//!
//! State: `chain.reward_epoch(id, epoch, height, root, ends_ms, challenges, last_height)`, one row;
//! `chain.storage_scores(validator, consensus_address, power, answered)`, a row for each validator of the epoch, whose
//! `answered` has a bit for each challenge.
//!
//! Account: `storage_rewards` holds what storage has earned and was not paid yet.
//!
//! Messages: `dadbs.rewards.v1.MsgSubmitStorageProof`.
//!
//! Events: `reward_epoch(epoch, height, challenges, last_height)`, `storage_proof(validator, epoch, index)`,
//! `epoch_reward(epoch, class, validator, answered, score, amount)`.
//!
//! 1. Inflation is divided by weights, which sum to the whole. The part of uptime goes to those who signed, at once; the part
//!    of storage waits for the end of the epoch. Compute and bandwidth leave no proof on the chain, so nobody is paid
//!    for them: their parts, and what does not divide, go to the community pool. Fees are not divided by weights.
//! 2. An epoch ends, and the next one begins, at the end of the first block that settles after its time is over and after its
//!    challenges can be answered no more: so it is never shorter than that, and an idle chain writes nothing.
//! 3. At its beginning every validator of the set is issued the same number of challenges; who joins later has none until
//!    the next epoch.
//! 4. A challenge is a hash of the epoch's root, the validator's consensus address at its beginning, the epoch and the
//!    challenge's index. Its answer is the leaf of that root that is nearest to it: a row with its Merkle proof, which shows both.
//! 5. The root is that of the height before the epoch's first. It is known in the block that begins the epoch, so that no later
//!    block has to write it down. Who proposes the last block that changes it may choose among the blocks that it could
//!    propose: that is the bias of the challenges.
//! 6. An answer counts after the epoch's first height, up to `rewards.challenge_blocks` after it, and once. It is verified at once, in the
//!    gas of its message, which is charged before.
//! 7. Anyone may submit it and pays the fee. An answer shows that somebody gave this validator timely access to the row, not a copy of its own,
//!    whoever signs: a named prover would sign what another node has sent to it. Who answers for others unasked, and is a
//!    validator, lowers its own part.
//! 8. A validator's score is its power, at the beginning or at the end of the epoch, whichever is less, times its answers. One that
//!    is jailed or not in the set at the end has none.
//! 9. At the end of an epoch its coins are divided by score, each part rounded down, into the rewards of the validators, as any reward;
//!    the community tax, and what is left over, go to the community pool: all of it if no score is above 0.
//! 10. A challenge that was not answered lowers the score and does nothing else. A row that fits no transaction cannot be proven, so
//!     a challenge that selects it is lost, alike for all.
//! 11. An answer publishes its row, also one that a predicate hides from readers: every replica has it anyway.
//! 12. The first block with transactions ends epoch 0, which has no challenges.

mod answer;
mod epoch;
#[cfg(test)]
mod tests;

pub use answer::{Answer, challenge, issued, submit};
pub use epoch::{Epoch, Score, end_block, epoch, init, invariant, score, scores};

use crate::bank;
use crate::context::Rows;
use crate::params::{self, Param};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Fatal};

/// The most challenges of a validator and epoch: they are bits of one integer.
pub const CHALLENGES_MAX: u64 = 32;

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_reward_epoch (
        id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
        epoch INTEGER NOT NULL,
        height INTEGER NOT NULL,
        root BLOB NOT NULL,
        ends_ms INTEGER NOT NULL,
        challenges INTEGER NOT NULL,
        last_height INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE chain_storage_scores (
        validator TEXT NOT NULL PRIMARY KEY,
        consensus_address BLOB NOT NULL,
        power INTEGER NOT NULL CHECK (power > 0),
        answered INTEGER NOT NULL CHECK (answered >= 0)
    ) STRICT, WITHOUT ROWID",
];

/// The account of rule 1: what storage has earned.
pub fn account() -> AccountAddress {
    AccountAddress::of_module("storage_rewards")
}

/// What storage has earned and was not paid yet, in udadb.
pub fn pool(rows: &impl Rows) -> Result<u64, Fatal> {
    bank::balance(rows, account(), DENOM)
}

/// New coins by the weights of rule 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// For those who signed.
    pub uptime: u64,
    /// For those who answer challenges.
    pub storage: u64,
    /// For the community pool.
    pub pool: u64,
}

/// Divides new coins (rule 1).
pub fn divide(rows: &impl Rows, minted: u64) -> Result<Parts, Fatal> {
    let uptime = params::part(minted, params::get(rows, Param::WeightUptime)?);
    let storage = params::part(minted, params::get(rows, Param::WeightStorage)?);
    // The weights sum to the whole, so the parts are no more than that.
    let pool = minted.saturating_sub(uptime).saturating_sub(storage);
    Ok(Parts { uptime, storage, pool })
}

/// Adds coins, which no balance holds yet, to what storage earns: a part of inflation. Whatever else is to be paid for
/// storage, such as rent, joins it here.
pub fn collect(store: &mut Store, amount: u64) -> Result<(), Fatal> {
    bank::credit(store, account(), DENOM, amount)
}
