//! The state before the first block.

use dadbs_types::{AccountAddress, Amount};

/// What the first state is made of. Its canonical JSON form lives in `dadbs-genesis`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Names the chain in every signature, 1 to 48 characters.
    pub chain_id: String,
    /// Genesis time, nanoseconds since 1970-01-01 UTC.
    pub time_ns: i64,
    /// Height of the first block, at least 1.
    pub initial_height: u64,
    /// Least fee for 1,000,000 gas, in udadb.
    pub min_fee_per_million_gas: u64,
    /// Prefunded accounts, in udadb; numbered in this order.
    pub accounts: Vec<(AccountAddress, Amount)>,
    /// Modules stored as code 1, 2, ... in this order; the first is the stock `database` contract.
    pub codes: Vec<Vec<u8>>,
}
