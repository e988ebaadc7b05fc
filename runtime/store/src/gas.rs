//! What a statement costs, part by part.
//!
//! 1. Gas is the sum over [`GasParts::table`], by the prices of `dadbs_types::gas::price`.
//! 2. Work is charged before it is done or in bounded pieces: text before it is parsed, compiling and
//!    steps by a limit that the gas left allows, each returned row as it comes. The engine counts a written row
//!    as its price in steps at the moment of writing, so a statement cannot write more rows than its
//!    gas pays for.
//! 3. A failed statement has cost what it used.

use crate::change::Change;
use dadbs_types::gas::price;
use dadbs_types::{GasMeter, OutOfGas};

/// The counts behind the gas of statements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GasParts {
    /// Statements parsed and prepared.
    pub statements: u64,
    /// Bytes of their texts.
    pub text_bytes: u64,
    /// Steps of compiling.
    pub compile_steps: u64,
    /// Steps of SQLite's virtual machine, without those of written rows.
    pub steps: u64,
    /// Rows written, those of a rewritten table included.
    pub rows_written: u64,
    /// Bytes of written rows, old and new, as the journal holds them.
    pub bytes_written: u64,
    /// The gas of written rows and their bytes.
    pub write_gas: u64,
    /// Rows returned.
    pub rows_read: u64,
    /// Bytes of returned rows.
    pub bytes_read: u64,
    /// Statements that change the schema.
    pub schema_changes: u64,
    /// Objects of the store, once per such statement.
    pub schema_objects: u64,
}

impl GasParts {
    /// Name, count and gas of each part (rule 1).
    pub fn table(&self) -> [(&'static str, u64, u64); 9] {
        let row = |name, count: u64, price: u64| (name, count, count.saturating_mul(price));
        [
            row("statement", self.statements, price::SQL_STATEMENT),
            row("text byte", self.text_bytes, price::SQL_TEXT_BYTE),
            row("step of compiling", self.compile_steps, price::SQL_STEP),
            row("step", self.steps, price::SQL_STEP),
            ("row written, with its bytes", self.rows_written, self.write_gas),
            row("row read", self.rows_read, price::ROW_READ),
            row("byte read", self.bytes_read, price::ROW_READ_BYTE),
            row("schema change", self.schema_changes, price::SCHEMA_CHANGE),
            row("schema object", self.schema_objects, price::SCHEMA_OBJECT),
        ]
    }

    /// The gas of all parts.
    pub fn gas(&self) -> u64 {
        self.table().iter().fold(0, |sum: u64, (.., gas)| sum.saturating_add(*gas))
    }
}

/// Charges a meter and remembers for what.
pub(crate) struct Spend<'m> {
    pub(crate) gas: &'m mut GasMeter,
    pub(crate) parts: GasParts,
}

impl<'m> Spend<'m> {
    pub(crate) fn new(gas: &'m mut GasMeter) -> Spend<'m> {
        Spend { gas, parts: GasParts::default() }
    }

    fn charge(&mut self, count: impl FnOnce(&mut GasParts)) -> Result<(), OutOfGas> {
        let before = self.parts.gas();
        count(&mut self.parts);
        self.gas.charge(self.parts.gas().saturating_sub(before))
    }

    pub(crate) fn text(&mut self, bytes: usize) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.statements = parts.statements.saturating_add(1);
            parts.text_bytes = parts.text_bytes.saturating_add(bytes as u64);
        })
    }

    /// The steps that the gas left allows.
    pub(crate) fn steps_max(&self) -> u64 {
        self.gas.remaining() / price::SQL_STEP
    }

    pub(crate) fn compiled(&mut self, steps: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| parts.compile_steps = parts.compile_steps.saturating_add(steps))
    }

    /// Steps of a run, of which `captured` are the price of rows written.
    pub(crate) fn steps(&mut self, steps: u64, captured: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.steps = parts.steps.saturating_add(steps.saturating_sub(captured));
            let gas = captured.saturating_mul(price::SQL_STEP);
            parts.write_gas = parts.write_gas.saturating_add(gas);
        })
    }

    pub(crate) fn row_read(&mut self, bytes: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.rows_read = parts.rows_read.saturating_add(1);
            parts.bytes_read = parts.bytes_read.saturating_add(bytes);
        })
    }

    /// A row of a table that is rewritten without the engine's capture.
    pub(crate) fn row_rewritten(&mut self, bytes: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.rows_written = parts.rows_written.saturating_add(1);
            parts.bytes_written = parts.bytes_written.saturating_add(bytes);
            let gas = bytes.saturating_mul(price::ROW_WRITE_BYTE);
            let gas = gas.saturating_add(price::ROW_WRITE);
            parts.write_gas = parts.write_gas.saturating_add(gas);
        })
    }

    /// Remembers what was written; the steps have paid for it.
    pub(crate) fn written(&mut self, changes: &[Change]) {
        let bytes = changes.iter().map(Change::row_bytes).fold(0, u64::saturating_add);
        self.parts.rows_written = self.parts.rows_written.saturating_add(changes.len() as u64);
        self.parts.bytes_written = self.parts.bytes_written.saturating_add(bytes);
    }

    pub(crate) fn schema_change(&mut self, objects: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.schema_changes = parts.schema_changes.saturating_add(1);
            parts.schema_objects = parts.schema_objects.saturating_add(objects);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_the_meter_holds_the_sum_of_the_parts() {
        let mut meter = GasMeter::new(10_000_000);
        let mut spend = Spend::new(&mut meter);
        spend.text(100).unwrap();
        spend.compiled(20).unwrap();
        spend.steps(1_500, 500).unwrap();
        spend.row_read(64).unwrap();
        spend.row_rewritten(300).unwrap();
        spend.schema_change(7).unwrap();
        let parts = spend.parts;
        let sum = 10_000 + 5_000 + 600 + 30_000 + 15_000 + 264 + 15_000 + 3_000 + 200_000 + 28_000;
        assert_eq!((parts.gas(), meter.used()), (sum, sum));
    }
}
