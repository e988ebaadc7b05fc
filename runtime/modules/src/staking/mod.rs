//! Staking: who validates, with which power, and whose stake stands behind it.
//!
//! State: `chain.validators`, one row per validator; `chain.consensus_keys(address, operator)`, every key that ever
//! was a validator's; `chain.delegations(delegator, validator, shares, since)`, `since` being their age ([`votes::Held`](crate::votes::Held)); `chain.unbondings` and
//! `chain.redelegations`, one row per entry; `chain.validator_set(key, power)`, what the consensus engine was told;
//! `chain.validator_sets(height, time, hash)`, the hashes of the sets of the past ([`history`]);
//! `chain.admissions(operator)`, whom governance admits. The coins are in two pools: `bonded_tokens_pool` and
//! `not_bonded_tokens_pool`; `chain.slashes`, what entries have still to pay ([`instalments`]).
//!
//! Messages: those of `cosmos.staking.v1beta1`, and `dadbs.staking.v1.MsgRotateConsPubKey`.
//!
//! Events: `create_validator`, `edit_validator`, `delegate`, `unbond`, `redelegate`, `cancel_unbonding_delegation`,
//! `rotate_cons_pubkey`, `complete_unbonding`, `complete_redelegation`, `validator_status`, `validator_set_guard`,
//! `jail`, `unjail`, `slash`, `slash_entries`.
//!
//! 1. Shares and tokens follow the arithmetic of [`shares`]; slashing changes tokens, never shares, so it meets all
//!    delegators of a validator alike, those who came after the fault too.
//! 2. Tokens of bonded validators are in the bonded pool; those of all others, and of unbondings, in the other.
//! 3. A validator's power is its tokens divided by [`POWER_REDUCTION`]; at the end of a block the strongest that are
//!    not jailed are the set, as many as there may be, by tokens and then by operator.
//! 4. The consensus engine is told the difference between that set and what it was told last: each key once, 0 for
//!    known keys only, and never an empty set; then the old one stays, and `validator_set_guard` says so.
//! 5. Stake that leaves waits for the unbonding time, and can be slashed for what was done before it left.
//!    A delegation that slashing has left nothing of ends at once.
//! 6. Stake that moved to another validator can be slashed for what the first did, and moves on only when it has
//!    matured.
//! 7. A consensus key is one validator's for ever, also after it was replaced or its validator is gone. Nothing proves
//!    that who names a key holds it, since Cosmos' messages have no place for a proof: who sees a key on its way can
//!    name it first, at the price of its own stake, and is then the one who is slashed for what is signed with it; the
//!    other one makes another key. Keys of genesis come first, and those of validators are never open to others.
//! 8. A validator whose operator's own delegation falls below its minimum by a withdrawal is jailed.
//! 9. What matures is handled at the end of a block, at most `MATURITIES_BLOCK_MAX`; the rest in the next. What is
//!    slashed of entries is bounded alike, and nothing is free before it has paid ([`instalments`]).
//! 10. A validator that is unbonded and has no shares is removed, unless it is tombstoned: its operator never
//!     returns.

mod delegation;
mod entries;
mod history;
mod instalments;
mod invariant;
mod maturity;
mod operator;
mod query;
mod set;
pub mod shares;
mod slash;
#[cfg(test)]
mod slash_tests;
#[cfg(test)]
pub(crate) mod tests;
mod validator;

pub use delegation::{
    cancel_unbonding, delegate, delegated_shares, delegations_of, redelegate, undelegate,
};
pub use entries::{Entry, Redelegation, Unbonding};
pub use history::set_hash_at;
pub use instalments::pay_slashes;
pub use invariant::invariant;
pub use operator::{
    Create, Edit, admit, check_description, create_validator, edit_validator, rotate_key,
};
pub use query::{
    Delegation, delegations_page, delegations_to_page, delegators_validators_page,
    every_delegation, redelegations_page, unbondings_from_page, unbondings_page,
};
pub use set::{GenesisValidator, difference, end_block, init, told_updates, updates_of};
pub use slash::{Slash, jail, slash, tombstone, unjail};
pub use validator::{
    Commission, Description, Status, Validator, bonded_validators, by_consensus_address,
    consensus_address, operator_of, require, validator, validators,
};

use crate::bank;
use crate::context::Rows;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Fatal};

/// Tokens of one unit of power: 1 DADB.
pub const POWER_REDUCTION: u64 = 1_000_000;

/// The account that holds the tokens of bonded validators.
pub fn bonded_pool() -> AccountAddress {
    AccountAddress::of_module(bank::BONDED_POOL)
}

/// The account that holds all other stake.
pub fn not_bonded_pool() -> AccountAddress {
    AccountAddress::of_module(bank::NOT_BONDED_POOL)
}

/// The account of the pool of a status (rule 2).
fn pool_of(status: Status) -> AccountAddress {
    match status {
        Status::Bonded => bonded_pool(),
        Status::Unbonding | Status::Unbonded => not_bonded_pool(),
    }
}

/// The tokens of all bonded validators.
pub fn total_bonded(rows: &impl Rows) -> Result<u64, Fatal> {
    bank::balance(rows, bonded_pool(), DENOM)
}

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_validators (
        operator TEXT NOT NULL PRIMARY KEY,
        consensus_key BLOB NOT NULL,
        key_time INTEGER NOT NULL,
        status TEXT NOT NULL,
        jailed INTEGER NOT NULL,
        jailed_until INTEGER NOT NULL,
        tombstoned INTEGER NOT NULL,
        tokens INTEGER NOT NULL CHECK (tokens >= 0),
        shares INTEGER NOT NULL CHECK (shares >= tokens),
        ages BLOB NOT NULL,
        commission INTEGER NOT NULL,
        max_commission INTEGER NOT NULL,
        max_commission_change INTEGER NOT NULL,
        commission_time INTEGER NOT NULL,
        min_self_delegation INTEGER NOT NULL,
        bonded_height INTEGER NOT NULL,
        unbonding_height INTEGER NOT NULL,
        unbonding_time INTEGER NOT NULL,
        moniker TEXT NOT NULL,
        identity TEXT NOT NULL,
        website TEXT NOT NULL,
        security_contact TEXT NOT NULL,
        details TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX chain_validators_tokens ON chain_validators (jailed, tokens DESC, operator)",
    "CREATE INDEX chain_validators_status ON chain_validators (status, unbonding_time, operator)",
    "CREATE TABLE chain_consensus_keys (
        address TEXT NOT NULL PRIMARY KEY,
        operator TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_delegations (
        delegator TEXT NOT NULL,
        validator TEXT NOT NULL,
        shares INTEGER NOT NULL CHECK (shares > 0),
        since INTEGER NOT NULL,
        PRIMARY KEY (delegator, validator)
    ) STRICT, WITHOUT ROWID",
    "CREATE INDEX chain_delegations_validator ON chain_delegations (validator, delegator)",
    "CREATE TABLE chain_unbondings (
        id INTEGER PRIMARY KEY NOT NULL,
        delegator TEXT NOT NULL,
        validator TEXT NOT NULL,
        creation_height INTEGER NOT NULL,
        completion_time INTEGER NOT NULL,
        initial_balance INTEGER NOT NULL CHECK (initial_balance > 0),
        balance INTEGER NOT NULL CHECK (balance >= 0)
    ) STRICT",
    "CREATE INDEX chain_unbondings_delegator ON chain_unbondings (delegator, validator, id)",
    "CREATE INDEX chain_unbondings_validator ON chain_unbondings (validator, id)",
    "CREATE INDEX chain_unbondings_time ON chain_unbondings (completion_time, id)",
    "CREATE TABLE chain_redelegations (
        id INTEGER PRIMARY KEY NOT NULL,
        delegator TEXT NOT NULL,
        source TEXT NOT NULL,
        destination TEXT NOT NULL,
        creation_height INTEGER NOT NULL,
        completion_time INTEGER NOT NULL,
        initial_balance INTEGER NOT NULL CHECK (initial_balance > 0),
        shares INTEGER NOT NULL CHECK (shares > 0)
    ) STRICT",
    "CREATE INDEX chain_redelegations_delegator ON chain_redelegations (delegator, source, destination)",
    "CREATE INDEX chain_redelegations_destination ON chain_redelegations (delegator, destination, completion_time)",
    "CREATE INDEX chain_redelegations_source ON chain_redelegations (source, id)",
    "CREATE INDEX chain_redelegations_time ON chain_redelegations (completion_time, id)",
    "CREATE TABLE chain_slashes (
        id INTEGER PRIMARY KEY NOT NULL,
        validator TEXT NOT NULL,
        height INTEGER NOT NULL,
        fraction INTEGER NOT NULL,
        unbonding INTEGER NOT NULL,
        unbondings INTEGER NOT NULL,
        redelegation INTEGER NOT NULL,
        redelegations INTEGER NOT NULL,
        burned INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE chain_validator_set (
        key BLOB NOT NULL PRIMARY KEY,
        power INTEGER NOT NULL CHECK (power > 0)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_validator_sets (
        height INTEGER PRIMARY KEY NOT NULL,
        time INTEGER NOT NULL,
        hash BLOB NOT NULL
    ) STRICT",
    "CREATE TABLE chain_admissions (
        operator TEXT NOT NULL PRIMARY KEY
    ) STRICT, WITHOUT ROWID",
];
