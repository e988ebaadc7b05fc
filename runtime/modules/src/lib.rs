//! The chain modules. Each keeps its state in `chain_*` tables of the one store, so that one mechanism
//! gives SQL reads, proofs and history for all of it.
//!
//! 1. A module's tables are written by its own keeper only; others call the keeper.
//! 2. A keeper checks everything first and writes last.
//! 3. Imports follow
//!    `params, auth <- bank <- fees, feegrant, mint, distribution, votes <- staking <- slashing, rewards <- gov, upgrade <- consensus, circuit <- rent <- contract`.

pub mod auth;
pub mod bank;
pub mod circuit;
pub mod consensus;
mod context;
pub mod contract;
pub mod distribution;
pub mod feegrant;
pub mod fees;
pub mod gov;
pub mod mint;
pub mod params;
#[cfg(test)]
mod random;
pub mod rent;
pub mod rewards;
pub mod slashing;
pub mod staking;
pub mod upgrade;
pub mod votes;

pub use context::{Context, Rows, Table, Writer, certain};
