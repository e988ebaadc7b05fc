//! Storage rent: what a contract's rows cost for as long as they are there.
//!
//! State: `chain.storage(contract, bytes, balance, debt, credit, charged_to, covered, state, since)`, a row for each
//! contract that has ever had rows or was funded; `chain.storage_price(id, price, accrued, at, on_since)`, one row.
//!
//! Accounts: `storage` holds what is prepaid; `storage_rent` what was charged, until the end of the block.
//!
//! Messages: `dadbs.storage.v1.{MsgFundStorage, MsgWithdrawStorage}`.
//!
//! Events: `fund_storage(contract, amount, sender)`, `withdraw_storage(contract, amount, recipient)`,
//! `storage_charged(contract, amount)`, `storage_state(contract, state)`.
//!
//! 1. A contract's bytes are those of its committed rows, as `dadbs_store::growth` counts them: not pages of a file,
//!    whose layout nobody chooses. They are counted in every transaction and written once, at the end of the block.
//! 2. The index is what a GiB has cost since the beginning: each second adds the price. Its row keeps price, index and time of the
//!    last change of the price; the index of now follows from them, so it costs no write.
//! 3. A contract owes `bytes * (index - charged_to)`, divided by [`GIB_PERIOD`] and rounded up. What rounding takes too
//!    much is kept as `credit`, in parts of [`GIB_PERIOD`], and paid first: so it does not matter how often a
//!    contract is settled. It is, before its bytes, its balance or the price of its time change.
//! 4. A price that a vote changes holds from the next block on. One block at most doubles or halves it ([`check_price`]), but it
//!    may go to 0, and from 0 to at most [`START_PRICE_MAX`]. At 0 there is no rent: bytes are counted, and nothing is refused.
//! 5. Life cycle. `active`: a transaction that adds bytes leaves 30 days prepaid at the new size. When the balance
//!    is used up, `grace`: no transaction may add bytes, and rent goes on as debt. After `storage.grace` seconds,
//!    `frozen`: no transaction may write at all; reads are answered. A contract stays frozen until it is funded: rows are
//!    not evicted to an archive, so none is deleted.
//! 6. Grace and frost are counted from when the balance was found used up, and from when there was a price at all, whichever is later.
//! 7. Anyone funds; funding pays the debt first, and whoever leaves none is active at once.
//! 8. Only the contract's admin withdraws, or who made it if it has none, and leaves 30 days prepaid.
//! 9. A contract that another one calls is held to this when the call ends, so that the caller may go on without it; every other
//!    at the end of the transaction. What a transaction frees it may use again.
//! 10. The end of a block moves contracts on whose time has come, at most `STORAGE_BLOCK_MAX`, in the order of their time; the
//!     others follow in the next block. Nothing that a user does can make it fail.
//! 11. Debt is owed by the contract, and is paid by whoever funds it: the chain takes it from no one.
//!
//! The queue of contracts whose balance ends is ordered by the index up to which it pays (`covered`), not by time: a new price
//! changes when that is, and not the order.
//!
//! Arithmetic: bytes are below 2^63, index and its differences below 2^77 (a price below 2^40 for 2^37 seconds);
//! what a product beyond 2^128 would owe is cut to 2^63 - 1, more than there is.

mod account;
mod invariant;
mod keeper;
mod price;
mod settle;
#[cfg(test)]
mod tests;

pub use account::{Account, State, account};
pub use invariant::invariant;
pub use keeper::{check_call, check_writes, fund, init, withdraw};
pub use price::{Price, check_price, price};
pub use settle::{end_block, is_due};

use dadbs_types::AccountAddress;

/// What a price is for: a GiB for 30 days, in byte-seconds.
pub const GIB_PERIOD: u128 = (1 << 30) * PERIOD_S as u128;
/// Seconds of a price, and of what is prepaid at least.
pub const PERIOD_S: u64 = 2_592_000;
/// The greatest price that a vote may begin with, in udadb for a GiB and 30 days: about 1 udadb for a KiB.
pub const START_PRICE_MAX: u64 = 1_000_000_000;

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_storage (
        contract INTEGER PRIMARY KEY NOT NULL,
        bytes INTEGER NOT NULL CHECK (bytes >= 0),
        balance INTEGER NOT NULL CHECK (balance >= 0),
        debt INTEGER NOT NULL CHECK (debt >= 0),
        credit INTEGER NOT NULL CHECK (credit >= 0),
        charged_to TEXT NOT NULL,
        covered TEXT NOT NULL,
        state TEXT NOT NULL,
        since INTEGER NOT NULL
    ) STRICT",
    "CREATE INDEX chain_storage_covered ON chain_storage (state, covered, contract)",
    "CREATE INDEX chain_storage_since ON chain_storage (state, since, contract)",
    "CREATE TABLE chain_storage_price (
        id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
        price INTEGER NOT NULL CHECK (price >= 0),
        accrued TEXT NOT NULL,
        at INTEGER NOT NULL,
        on_since INTEGER NOT NULL
    ) STRICT",
];

/// The account that holds what is prepaid.
pub fn escrow() -> AccountAddress {
    AccountAddress::of_module("storage")
}

/// The account of what was charged.
pub fn collected() -> AccountAddress {
    AccountAddress::of_module("storage_rent")
}
