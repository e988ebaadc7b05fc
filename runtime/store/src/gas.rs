//! What a statement costs, part by part.
//!
//! 1. Gas is the sum over [`GasParts::table`]: counts times the prices of `dadbs_types::gas::price`.
//! 2. Work is charged in pieces while it goes on: text before it is parsed, steps by a limit that the
//!    gas left allows, each returned row as it comes, written rows after each run.

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
    /// Steps of SQLite's virtual machine.
    pub steps: u64,
    /// Rows changed, rows of a rewritten table included.
    pub rows_written: u64,
    /// Bytes of changed rows, old and new.
    pub bytes_written: u64,
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
    /// Name, count and price of each part (rule 1).
    pub fn table(&self) -> [(&'static str, u64, u64); 9] {
        [
            ("statement", self.statements, price::SQL_STATEMENT),
            ("text byte", self.text_bytes, price::SQL_TEXT_BYTE),
            ("step", self.steps, price::SQL_STEP),
            ("row written", self.rows_written, price::ROW_WRITE),
            ("byte written", self.bytes_written, price::ROW_WRITE_BYTE),
            ("row read", self.rows_read, price::ROW_READ),
            ("byte read", self.bytes_read, price::ROW_READ_BYTE),
            ("schema change", self.schema_changes, price::SCHEMA_CHANGE),
            ("schema object", self.schema_objects, price::SCHEMA_OBJECT),
        ]
    }

    /// The gas of all parts.
    pub fn gas(&self) -> u64 {
        let parts = self.table();
        parts.iter().fold(0, |sum: u64, (_, n, price)| sum.saturating_add(n.saturating_mul(*price)))
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

    pub(crate) fn steps(&mut self, steps: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| parts.steps = parts.steps.saturating_add(steps))
    }

    pub(crate) fn row_read(&mut self, bytes: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.rows_read = parts.rows_read.saturating_add(1);
            parts.bytes_read = parts.bytes_read.saturating_add(bytes);
        })
    }

    pub(crate) fn rows_written(&mut self, rows: u64, bytes: u64) -> Result<(), OutOfGas> {
        self.charge(|parts| {
            parts.rows_written = parts.rows_written.saturating_add(rows);
            parts.bytes_written = parts.bytes_written.saturating_add(bytes);
        })
    }

    pub(crate) fn written(&mut self, changes: &[Change]) -> Result<(), OutOfGas> {
        let bytes = changes.iter().map(Change::row_bytes).fold(0, u64::saturating_add);
        self.rows_written(changes.len() as u64, bytes)
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
        spend.steps(1_000).unwrap();
        spend.row_read(64).unwrap();
        spend.rows_written(3, 300).unwrap();
        spend.schema_change(7).unwrap();
        let parts = spend.parts;
        let sum = 10_000 + 5_000 + 30_000 + 264 + 45_000 + 3_000 + 200_000 + 28_000;
        assert_eq!((parts.gas(), meter.used()), (sum, sum));
    }
}
