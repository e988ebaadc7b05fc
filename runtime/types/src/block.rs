//! The facts of a block that execution may see: arguments, never read from a clock.

use alloc::vec::Vec;

/// What the consensus engine says of the block that is executed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlockInfo {
    /// Height of the block; the first is the genesis' `initial_height`.
    pub height: u64,
    /// Block time: nanoseconds since 1970-01-01 UTC, as the header carries it.
    pub time_ns: i64,
    /// Address (20 bytes) of the validator that proposed the block.
    pub proposer_address: [u8; 20],
    /// Who signed the block before this one, as this block's commit says; empty for the first block.
    pub votes: Vec<Vote>,
    /// Evidence that this block carries.
    pub misbehavior: Vec<Misbehavior>,
}

impl BlockInfo {
    /// Block time in whole milliseconds since 1970, SQLite's resolution.
    pub fn time_ms(&self) -> i64 {
        self.time_ns.div_euclid(1_000_000)
    }

    /// Block time in whole milliseconds since 1970, as tables keep it; 0 before.
    pub fn unix_ms(&self) -> u64 {
        u64::try_from(self.time_ms()).unwrap_or(0)
    }

    /// Block time in whole seconds since 1970; 0 before.
    pub fn time_s(&self) -> u64 {
        u64::try_from(self.time_ns.div_euclid(1_000_000_000)).unwrap_or(0)
    }
}

/// What a validator did about the block before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The validator's consensus address.
    pub address: [u8; 20],
    /// Its power at that height.
    pub power: u64,
    /// True if it signed, for the block or for none; false if its signature is absent.
    pub signed: bool,
}

/// What a validator is shown to have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MisbehaviorKind {
    /// It signed two votes for one height, round and step.
    DuplicateVote,
    /// It signed a header that light clients would follow, and that is not the chain's.
    LightClientAttack,
}

/// Evidence that the consensus engine has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbehavior {
    /// What was done.
    pub kind: MisbehaviorKind,
    /// The validator's consensus address.
    pub address: [u8; 20],
    /// The height at which it was done.
    pub height: u64,
    /// The time of that height, nanoseconds since 1970.
    pub time_ns: i64,
    /// The validator's power at that height.
    pub power: u64,
}

/// What the consensus engine is told to hold blocks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsensusParams {
    /// The bytes of a block, with header, evidence and commit.
    pub block_bytes: u64,
    /// The gas limits of all transactions of a block together.
    pub block_gas: u64,
    /// For how many seconds evidence counts.
    pub evidence_age: u64,
    /// How many upgrades the chain has taken up; stands in every header.
    pub app_version: u64,
}

/// A change of the validator set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidatorUpdate {
    /// The ed25519 key.
    pub key: [u8; 32],
    /// Its power from the second height after this one on; 0 removes it.
    pub power: u64,
}
