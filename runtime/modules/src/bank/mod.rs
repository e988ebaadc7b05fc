//! Balances and supply.
//!
//! State: `chain.balances(address, denom, amount)`, no row for nothing;
//! `chain.supply(denom, amount)`; `chain.locks(address, reason, amount)`, in the base denomination.
//!
//! Messages: `cosmos.bank.v1beta1.MsgSend`.
//!
//! Events: `transfer(recipient, sender, amount)`, as Cosmos indexers know it.
//!
//! Invariants: the supply of a denomination is the sum of its balances; no lock is above its account's balance.
//!
//! 1. An amount is an integer of 1 to 2^63 - 1; the supply of a denomination stays below 2^63.
//! 2. A transfer moves what the sender holds, never more, and creates the recipient's account.
//! 3. The coins of a message are sorted by denomination, without duplicates, none of them zero.
//! 4. Fees are counted while a block runs and credited to the fee collector at its end, in one row.
//! 5. Locks lie over each other: what an account may spend is its balance less the largest of its locks.

mod keeper;

pub use keeper::{
    balance, balances, burn, burn_fee, check_coins, credit, deposit, init, invariant, lock, locked,
    mint, spendable, supply, transfer, unlock,
};

use dadbs_types::AccountAddress;

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_balances (
        address TEXT NOT NULL,
        denom TEXT NOT NULL,
        amount INTEGER NOT NULL CHECK (amount > 0),
        PRIMARY KEY (address, denom)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_supply (
        denom TEXT NOT NULL PRIMARY KEY,
        amount INTEGER NOT NULL CHECK (amount >= 0)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_locks (
        address TEXT NOT NULL,
        reason TEXT NOT NULL,
        amount INTEGER NOT NULL CHECK (amount > 0),
        PRIMARY KEY (address, reason)
    ) STRICT, WITHOUT ROWID",
];

/// The account that holds collected fees.
pub fn fee_collector() -> AccountAddress {
    AccountAddress::of_module("fee_collector")
}
