//! Balances and supply.
//!
//! State: `chain.balances(address, denom, amount)`, no row for nothing;
//! `chain.supply(denom, amount)`.
//!
//! Messages: `cosmos.bank.v1beta1.MsgSend`.
//!
//! Events: `transfer(recipient, sender, amount)`, as Cosmos indexers know it.
//!
//! Invariant: the supply of a denomination is the sum of its balances.
//!
//! 1. An amount is an integer of 1 to 2^63 - 1; the supply of a denomination stays below 2^63.
//! 2. A transfer moves what the sender holds, never more, and creates the recipient's account.
//! 3. The coins of a message are sorted by denomination, without duplicates, none of them zero.
//! 4. Fees are counted while a block runs and credited to the fee collector at its end, in one row.
//! 5. Nobody sends coins to an account of a module: they reach it through the module alone.

mod keeper;

pub use keeper::{
    balance, balances, burn, burn_fee, check_coins, credit, deposit, init, invariant, mint, supply,
    transfer,
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
];

/// The module account of bonded stake.
pub const BONDED_POOL: &str = "bonded_tokens_pool";
/// The module account of all other stake.
pub const NOT_BONDED_POOL: &str = "not_bonded_tokens_pool";
const FEE_COLLECTOR: &str = "fee_collector";

/// The accounts that nobody sends coins to (rule 5).
const MODULE_ACCOUNTS: &[&str] = &[FEE_COLLECTOR, BONDED_POOL, NOT_BONDED_POOL];

/// The account that holds collected fees.
pub fn fee_collector() -> AccountAddress {
    AccountAddress::of_module(FEE_COLLECTOR)
}

/// The name of the module whose account it is (rule 5).
pub fn module_of(address: AccountAddress) -> Option<&'static str> {
    MODULE_ACCOUNTS.iter().copied().find(|name| AccountAddress::of_module(name) == address)
}
