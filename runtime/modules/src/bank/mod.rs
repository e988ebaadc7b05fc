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
//! 4. Fees are counted while a block runs; where they go is settled at its end, in a few rows.
//! 5. The accounts of the chain's modules take no transfers: coins reach them through their module only.
//! 6. Locks lie over each other: what an account may spend is its balance less the largest of its locks.

mod keeper;

pub use keeper::{
    balance, balances, burn, burn_taken, check_coins, check_recipient, credit, deposit, init,
    invariant, issue, lock, locked, mint, pay_out, spendable, supply, supply_of, take, take_fee,
    transfer, unlock,
};

use dadbs_types::AccountAddress;
use std::sync::LazyLock;

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

/// The module account of bonded stake.
pub const BONDED_POOL: &str = "bonded_tokens_pool";
/// The module account of all other stake.
pub const NOT_BONDED_POOL: &str = "not_bonded_tokens_pool";

/// The names of the chain's own accounts (rule 5); genesis creates them in this order.
pub const MODULE_ACCOUNTS: &[&str] = &[
    "fee_collector",
    "schedules",
    "distribution",
    "community_pool",
    "gov",
    "gov_deposits",
    BONDED_POOL,
    NOT_BONDED_POOL,
    "storage_rewards",
    "storage",
    "storage_rent",
];

/// True for an account of the chain itself (rule 5).
pub fn is_module_account(address: AccountAddress) -> bool {
    static ACCOUNTS: LazyLock<Vec<AccountAddress>> = LazyLock::new(|| {
        MODULE_ACCOUNTS.iter().map(|name| AccountAddress::of_module(name)).collect()
    });
    ACCOUNTS.contains(&address)
}

/// The account in whose name genesis stores code.
pub fn fee_collector() -> AccountAddress {
    AccountAddress::of_module("fee_collector")
}
