//! Comparing every row with the tree: what a scrubber or `doctor` runs.
//!
//! 1. Every row of a captured table has the leaf of its bytes, and no leaf is without a row.

use crate::Store;
use crate::restore;
use dadbs_types::Fatal;
use dadbs_types::row::{leaf_key, leaf_value};

/// How many differences a report names.
const NAMED_MAX: usize = 20;

/// What the comparison found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowsReport {
    /// Rows read.
    pub rows: u64,
    /// Rows whose leaf is absent or differs.
    pub wrong: u64,
    /// Leaves without a row.
    pub missing: u64,
    /// The first wrong rows: physical table and key bytes in hexadecimal.
    pub named: Vec<(String, String)>,
}

impl RowsReport {
    /// A failure that names the differences, if there are any.
    pub fn check(&self) -> Result<(), Fatal> {
        if self.wrong == 0 && self.missing == 0 {
            return Ok(());
        }
        Err(Fatal::new(format!(
            "{} of {} rows differ from the state tree and {} are missing, first {:?}: state.db is \
             damaged; restore it from a backup or start this node again from a peer's state",
            self.wrong, self.rows, self.missing, self.named
        )))
    }
}

impl Store {
    /// Compares every row with the committed tree (rule 1); no block may be open.
    pub fn verify_rows(&self) -> Result<RowsReport, Fatal> {
        if self.check_open().is_ok() {
            return Err(Fatal::new("verify_rows while a block is open"));
        }
        let mut report = RowsReport::default();
        let mut matched: u64 = 0;
        restore::each_row(&self.connection, &mut |table, key, row| {
            report.rows = report.rows.saturating_add(1);
            let leaf = self.tree.get(&leaf_key(table, key));
            matched = matched.saturating_add(u64::from(leaf.is_some()));
            if leaf == Some(leaf_value(row)) {
                return;
            }
            report.wrong = report.wrong.saturating_add(1);
            if report.named.len() < NAMED_MAX {
                report.named.push((table.to_owned(), restore::hex(key)));
            }
        })?;
        report.missing = (self.tree.len() as u64).saturating_sub(matched);
        Ok(report)
    }
}
