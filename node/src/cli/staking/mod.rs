//! `dadbs tx staking`, `dadbs tx slashing`, `dadbs query staking` and `dadbs query slashing`.

mod faults;
mod query;
mod tx;

pub(super) use query::{Query, SlashingQuery, query, query_slashing};
pub(super) use tx::{SlashingTx, Tx, run, run_slashing};
