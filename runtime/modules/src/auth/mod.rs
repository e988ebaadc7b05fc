//! Accounts: a number, a public key once it is known, and the sequence of transactions.
//!
//! State: `chain.accounts(address, number, public_key, sequence)`, one row per account;
//! `chain.counters(name, value)`, the next number of each kind.
//!
//! 1. An account exists from the first coins it receives, or from genesis.
//! 2. Its number is the next one of the chain and never changes: it is part of what is signed.
//! 3. Its public key is set by its first transaction and never changes.
//! 4. Its sequence grows by one with every transaction that pays a fee, whether or not its messages fail.

mod keeper;

pub use keeper::{Account, advance_sequence, create_account, init, load_account, next_number};

/// The module's tables, one statement each.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_accounts (
        address TEXT NOT NULL PRIMARY KEY,
        number INTEGER NOT NULL,
        public_key BLOB,
        sequence INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_counters (
        name TEXT NOT NULL PRIMARY KEY,
        value INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
];
