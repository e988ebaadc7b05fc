//! Captured row changes.

use std::sync::Arc;

use dadbs_types::Value;

/// What happened to a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A new row.
    Insert,
    /// A changed row; its key may have changed too.
    Update,
    /// A removed row.
    Delete,
}

/// One row change, in the order in which SQLite made them.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// The table's physical name as declared.
    pub table: Arc<str>,
    /// What happened.
    pub operation: Operation,
    /// The rowid before; 0 in a table without rowids.
    pub old_rowid: i64,
    /// The rowid after; 0 in a table without rowids.
    pub new_rowid: i64,
    /// The row before, in declared column order; a VIRTUAL generated column holds NULL.
    pub old: Option<Vec<Value>>,
    /// The row after, likewise.
    pub new: Option<Vec<Value>>,
}
