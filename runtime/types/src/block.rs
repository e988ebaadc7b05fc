//! The facts of a block that execution may see: arguments, never read from a clock.

/// What the consensus engine says of the block that is executed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Height of the block; the first is the genesis' `initial_height`.
    pub height: u64,
    /// Block time: nanoseconds since 1970-01-01 UTC, as the header carries it.
    pub time_ns: i64,
    /// Address (20 bytes) of the validator that proposed the block.
    pub proposer_address: [u8; 20],
}

impl BlockInfo {
    /// Block time in whole milliseconds since 1970, SQLite's resolution.
    pub fn time_ms(&self) -> i64 {
        self.time_ns.div_euclid(1_000_000)
    }
}
