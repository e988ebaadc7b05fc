//! The rows that a statement changed, as rules of tables are shown them.
//!
//! 1. A changed row is the net change of one key since a mark; keys stand in their order, by table.
//! 2. Its sides have every stored column, trailing NULLs included.

use crate::Store;
use crate::change::{Change, net};
use crate::layout::Layout;
use dadbs_sql::Namespace;
use dadbs_types::{Fatal, Row, Value};

/// One changed row (rules 1 and 2).
#[derive(Clone, Debug, PartialEq)]
pub struct ChangedRow {
    /// The user's name of the table, lower case.
    pub table: String,
    /// The rowid after the change, if the table has one and the row is there.
    pub rowid: Option<i64>,
    /// The row before.
    pub old: Option<Vec<Value>>,
    /// The row after.
    pub new: Option<Vec<Value>>,
    /// Bytes of both sides.
    pub bytes: u64,
}

impl Store {
    /// A mark for [`Store::changed_rows`].
    ///
    /// # Errors
    /// If captured rows cannot be taken over.
    pub fn mark(&mut self) -> Result<usize, Fatal> {
        self.capture.absorb(&self.connection, None)?;
        Ok(self.capture.mark())
    }

    /// The net changes since `mark` in those tables of a database that `wanted` names.
    ///
    /// # Errors
    /// If a captured row does not decode: a fault.
    pub fn changed_rows(
        &mut self,
        database: u64,
        mark: usize,
        wanted: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<ChangedRow>, Fatal> {
        self.capture.absorb(&self.connection, None)?;
        let prefix = Namespace::database(database).prefix().to_owned();
        let name = |change: &Change| change.table.strip_prefix(&*prefix).map(str::to_owned);
        let changes: Vec<Change> = self
            .capture
            .since(mark)
            .iter()
            .filter(|change| name(change).is_some_and(|name| wanted(&name)))
            .cloned()
            .collect();
        let mut rows = Vec::new();
        for change in net(changes) {
            let Some(table) = name(&change) else { continue };
            let layout =
                self.capture.layout(&self.connection, &change.table)?.ok_or_else(|| {
                    Fatal::new(format!("{} changed and does not exist", change.table))
                })?;
            rows.push(changed(&layout, table, &change)?);
        }
        Ok(rows)
    }
}

fn changed(layout: &Layout, table: String, change: &Change) -> Result<ChangedRow, Fatal> {
    let side = |bytes: &Option<Vec<u8>>| -> Result<Option<Row>, Fatal> {
        let Some(bytes) = bytes else { return Ok(None) };
        let mut row = Row::decode(bytes)
            .map_err(|error| Fatal::new(format!("a captured row of {table}: {error}")))?;
        let columns = layout.stored_columns().max(row.values.len());
        row.values.resize(columns, Value::Null);
        Ok(Some(row))
    };
    let (old, new) = (side(&change.old)?, side(&change.new)?);
    let rowid = match &new {
        Some(row) if layout.keyed_by_rowid() => rowid_of_key(&change.key).or(row.rowid),
        Some(row) => row.rowid,
        None => None,
    };
    Ok(ChangedRow {
        rowid,
        bytes: change.row_bytes(),
        old: old.map(|row| row.values),
        new: new.map(|row| row.values),
        table,
    })
}

fn rowid_of_key(key: &[u8]) -> Option<i64> {
    match dadbs_types::value::decode_row(key).ok()?.as_slice() {
        [Value::Integer(rowid)] => Some(*rowid),
        _ => None,
    }
}
