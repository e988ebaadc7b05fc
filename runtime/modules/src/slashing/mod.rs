//! Slashing: judges validators by what the consensus engine says of them.
//!
//! State: `chain.missed_blocks(operator, chunk, bits)`, a bit per missed height; `chain.evidence`, what was punished, with
//! what the validator's tokens paid at once;
//! `chain.jailed_power(hour, power)`, what was jailed for downtime in an hour; `chain.faults`, what waits before it
//! costs stake ([`faults`]).
//!
//! Messages: `cosmos.slashing.v1beta1.MsgUnjail`, and those of [`faults`].
//!
//! Events: `liveness(validator, height, missed)`, `evidence(validator, kind, height, outcome)`, and those of
//! `staking`.
//!
//! 1. A height that a validator of the set did not sign is written down; one that it signed writes nothing. A vote
//!    for nothing is a signature.
//! 2. A validator that has been in the set for the whole window and has missed more of it than it may is slashed,
//!    jailed for a while, and its misses are forgotten.
//! 3. In one hour no more than a part of all power is jailed for downtime, beyond the first validator: else a third
//!    of the power could have all others jailed by leaving out their signatures. Who is spared is judged again at the
//!    next miss.
//! 4. Who signed twice for one height, or against light clients, is slashed, jailed for ever and tombstoned, under
//!    whatever key it was done. What has left it since pays in instalments, the first in the same block.
//! 5. Evidence of an unknown validator, of one that is unbonded or tombstoned, and evidence older than the unbonding
//!    time changes nothing; an event says why.
//! 6. An operator ends its jail when the time is over and its own delegation suffices.
//!
//! What is proven by protocol, and what by a vote:
//!
//! | fault | who proves it | costs at most |
//! |---|---|---|
//! | two votes for one height, an attack on light clients | the consensus engine, by its evidence | `slash_fraction_double_sign`, and the validator never returns |
//! | missing signatures | the consensus engine, by the commit of each block | `slash_fraction_downtime` |
//! | a signed header with a wrong app hash or hash of results | anyone, by a message | `slash_fraction_invalid_state`, after `fault_delay` |
//! | leaving transactions out | nobody: a vote attributes it | `slash_fraction_censorship`, after `fault_delay` |
//! | a false state that no signature proves | nobody: a vote attributes it | `slash_fraction_invalid_state`, after `fault_delay` |
//!
//! The last three wait ([`faults`]): an honest validator whose software or disk is broken signs wrong headers, too, and
//! a vote may err. That a node leaves a transaction out no node can tell from a network that did not deliver it.

mod fault;
mod faults;
mod keeper;
#[cfg(test)]
mod tests;

pub use dadbs_headers::{Accusation, Parts};
pub use fault::{Fault, FaultKind, FaultStatus, due_faults, fault, faults};
pub use faults::{
    Attribution, accuse, attribute, cancel_fault, check_attribution, decode_accusation,
    execute_fault, fail_fault,
};
pub use keeper::{Liveness, begin_block, init, liveness, unjail};

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_missed_blocks (
        operator TEXT NOT NULL,
        chunk INTEGER NOT NULL,
        bits BLOB NOT NULL,
        PRIMARY KEY (operator, chunk)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_evidence (
        consensus_address TEXT NOT NULL,
        height INTEGER NOT NULL,
        kind TEXT NOT NULL,
        power INTEGER NOT NULL,
        burned INTEGER NOT NULL,
        PRIMARY KEY (consensus_address, height, kind)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_faults (
        id INTEGER PRIMARY KEY NOT NULL,
        validator TEXT NOT NULL,
        kind TEXT NOT NULL,
        height INTEGER NOT NULL,
        power INTEGER NOT NULL,
        fraction INTEGER NOT NULL,
        due INTEGER NOT NULL,
        status TEXT NOT NULL,
        submitter TEXT NOT NULL,
        evidence TEXT NOT NULL,
        evidence_hash BLOB NOT NULL,
        burned INTEGER NOT NULL
    ) STRICT",
    "CREATE UNIQUE INDEX chain_faults_validator ON chain_faults (validator, kind, height)",
    "CREATE INDEX chain_faults_due ON chain_faults (status, due, id)",
    "CREATE TABLE chain_jailed_power (
        hour INTEGER NOT NULL PRIMARY KEY,
        power INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
];
