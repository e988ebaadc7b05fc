//! `#[migrate]` runs with each upgrade: what it does twice must be the same, or it asks for the version first.
//!
//! 1. A write that is not the same when it is done again comes after a condition on stored rows.
//! 2. That condition asks for a column which the migration itself then changes: what stays as it is (a name, an
//!    owner) is no version. Rows that are there or not are one if the migration writes their table.
//! 3. `stored > new` and `stored <= new` are no question if `new` is what is stored then: they hold the next time, too.
//! 4. What whoever upgrades says, and UPDATE of a column by its own condition, is the same when it is done again.
//! 5. A check of the caller in place of the version is enough for what is set, not for what is counted or scaled.

use crate::model::Kind;
use crate::rule::Rule;
use crate::value::Value;
use crate::walk::{Raw, Walk};
use crate::writes::Write;
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::{BinOp, Expr};

/// What one `#[migrate]` has asked and done so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Migration {
    /// Tables and columns that conditions ask for, with the other side of a comparison that includes it.
    asked: BTreeSet<(String, String, Option<String>)>,
    /// Tables and columns that were written; `*` for all of a table.
    written: BTreeSet<(String, String)>,
    /// The texts of what was assigned.
    assigned: BTreeSet<String>,
    /// Writes behind conditions.
    open: Vec<Raw>,
}

impl Walk<'_> {
    /// A condition asks for a stored value.
    pub(crate) fn asked(&mut self, value: &Value, inclusive: Option<String>) {
        self.free.extend(value.column.clone());
        if self.entry != Kind::Migrate {
            return;
        }
        let row = value.row.as_ref().map(|row| (row.table.clone(), String::new()));
        if let Some((table, column)) = value.column.clone().or(row) {
            self.migration.asked.insert((table, column, inclusive));
        }
    }

    /// A comparison in a migration.
    pub(crate) fn compared_version(
        &mut self,
        binary: &syn::ExprBinary,
        left: &Value,
        right: &Value,
    ) {
        let text = |expr: &Expr| expr.to_token_stream().to_string();
        let (of_left, of_right) = match binary.op {
            BinOp::Gt(_) | BinOp::Le(_) => (Some(text(&binary.right)), None),
            BinOp::Lt(_) | BinOp::Ge(_) => (None, Some(text(&binary.left))),
            BinOp::Eq(_) | BinOp::Ne(_) => (None, None),
            _ => return,
        };
        self.asked(left, of_left);
        self.asked(right, of_right);
    }

    /// Something is assigned in a migration.
    pub(crate) fn assigned(&mut self, expr: &Expr) {
        if self.entry == Kind::Migrate {
            self.migration.assigned.insert(expr.to_token_stream().to_string());
        }
    }

    /// A write of a migration.
    pub(crate) fn migrates(&mut self, write: &Write) {
        let table = write.table.clone();
        for column in write.columns() {
            self.migration.written.insert((table.clone(), column));
        }
        let scales = write.relative && !write.idempotent;
        if write.idempotent || self.state.guard && !scales {
            return;
        }
        let what = format!("#[migrate] writes {table} whatever the version is");
        if self.state.row_checked || write.asked {
            let raw = self.raw(Rule::UnprotectedInit, write.span, what);
            self.migration.open.push(raw);
        } else {
            self.report(Rule::UnprotectedInit, write.span, what);
        }
    }

    /// The end of a migration.
    pub(crate) fn migrated(&mut self) {
        let Migration { asked, written, assigned, open } = std::mem::take(&mut self.migration);
        let changes = |(table, column, inclusive): &(String, String, Option<String>)| {
            let again = inclusive.as_ref().is_some_and(|text| assigned.contains(text));
            let is_written = written.iter().any(|(other, changed)| {
                other == table && (column.is_empty() || changed == "*" || changed == column)
            });
            !again && is_written
        };
        if !asked.iter().any(changes) {
            self.found.extend(open);
        }
    }
}
