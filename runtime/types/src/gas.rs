//! Gas: the meter and the one table of prices.
//!
//! 1. One gas is about one nanosecond of the slowest code that the price allows, on the reference
//!    machine; prices are calibrated for the adversary, so ordinary work runs faster than its gas.
//! 2. Gas is a function of code, input, state and [`SCHEDULE_VERSION`], never of cache or platform.
//! 3. Work is charged before it is done where its size is known before, and in bounded pieces where not.
//! 4. When the limit is reached the whole limit is used: where exactly execution stopped never matters.

use core::fmt;

/// The version of the prices below; a change of any price is a new version.
pub const SCHEDULE_VERSION: u32 = 2;

/// Prices in gas.
pub mod price {
    /// Per byte of the signed transaction: gossip, decoding, storage in blocks.
    pub const TX_BYTE: u64 = 10;
    /// Verifying one secp256k1 signature (30 us).
    pub const SIGNATURE: u64 = 30_000;
    /// Verifying one ed25519 signature of a validator, with its key.
    pub const VALIDATOR_SIGNATURE: u64 = 100_000;
    /// Reading the account and its balance, writing sequence and fee: three rows and their leaves.
    pub const TX_BASE: u64 = 40_000;

    /// One instruction of a contract (see `dadbs-vm` for the weights).
    pub const WASM_OP: u64 = 1;
    /// One call into a contract: an instance made and dropped.
    pub const WASM_CALL: u64 = 20_000;
    /// Initial pages of memory that [`WASM_CALL`] pays for; each further one costs [`WASM_PAGE`].
    pub const WASM_CALL_PAGES: u64 = 4;
    /// One new page (64 KiB) of contract memory.
    pub const WASM_PAGE: u64 = 10_000;
    /// One row of parameters that a contract hands to a statement, besides its bytes.
    pub const WASM_ROW: u64 = 100;
    /// Finding the code of a contract that another one calls, per byte of its module, loaded or not.
    pub const WASM_LOAD_BYTE: u64 = 1;
    /// One savepoint made and left, around a call between contracts or a statement with rules.
    pub const SAVEPOINT: u64 = 10_000;
    /// Storing code: validation and one compilation on every node, whatever the code is.
    pub const CODE_BASE: u64 = 1_000_000;
    /// Storing code, per byte of the module.
    pub const CODE_BYTE: u64 = 100;
    /// Storing code, per function.
    pub const CODE_FUNCTION: u64 = 50_000;
    /// Storing code, per operator.
    pub const CODE_OP: u64 = 2_000;
    /// Storing code, per basic block and local: what the register allocator looks at.
    pub const CODE_BLOCK_LOCAL: u64 = 1_000;

    /// Parsing, rewriting and preparing a statement.
    pub const SQL_STATEMENT: u64 = 10_000;
    /// Per byte of a statement's text.
    pub const SQL_TEXT_BYTE: u64 = 50;
    /// One step of SQLite's virtual machine; bytes count as steps inside the engine.
    pub const SQL_STEP: u64 = 30;
    /// One row changed: capture, journal, leaf and path in the tree.
    pub const ROW_WRITE: u64 = 15_000;
    /// Per byte of a changed row, old and new: copy, journal, hash, write-ahead log.
    pub const ROW_WRITE_BYTE: u64 = 10;
    /// Per row that a statement returns.
    pub const ROW_READ: u64 = 200;
    /// Per byte of a row that a statement returns.
    pub const ROW_READ_BYTE: u64 = 1;
    /// A statement that changes the schema, plus [`SCHEMA_OBJECT`] for each object of the store.
    pub const SCHEMA_CHANGE: u64 = 200_000;
    /// Per schema object in the whole store, when the schema changes: SQLite parses it again.
    pub const SCHEMA_OBJECT: u64 = 4_000;
}

/// The gas limit of a transaction was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfGas;

impl fmt::Display for OutOfGas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("out of gas: raise the gas limit, or do less in one transaction")
    }
}

impl core::error::Error for OutOfGas {}

impl From<OutOfGas> for crate::Error {
    fn from(out: OutOfGas) -> crate::Error {
        crate::Error::rejected(crate::Code::OutOfGas, alloc::format!("{out}"))
    }
}

/// Counts gas up to a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GasMeter {
    limit: u64,
    used: u64,
}

impl GasMeter {
    /// A meter that allows `limit` gas.
    pub fn new(limit: u64) -> GasMeter {
        GasMeter { limit, used: 0 }
    }

    /// The limit.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// What was used, at most the limit.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// What is left.
    pub fn remaining(&self) -> u64 {
        self.limit.saturating_sub(self.used)
    }

    /// Uses `gas`, or all that is left (rule 4).
    pub fn charge(&mut self, gas: u64) -> Result<(), OutOfGas> {
        if gas > self.remaining() {
            self.used = self.limit;
            return Err(OutOfGas);
        }
        self.used = self.used.saturating_add(gas);
        Ok(())
    }

    /// Uses `count` times `price`.
    pub fn charge_times(&mut self, price: u64, count: u64) -> Result<(), OutOfGas> {
        self.charge(price.saturating_mul(count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_the_whole_limit_is_used() {
        let mut meter = GasMeter::new(10);
        assert_eq!(meter.charge(7), Ok(()));
        assert_eq!(meter.charge(4), Err(OutOfGas));
        assert_eq!((meter.used(), meter.remaining()), (10, 0));
        assert_eq!(meter.charge_times(u64::MAX, 3), Err(OutOfGas));
        assert_eq!(meter.charge(0), Ok(()));
    }
}
