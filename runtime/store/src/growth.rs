//! How many bytes the rows of a user's database take, as storage rent counts them.
//!
//! 1. A row takes its key, its encoded row, [`ROW_BYTES`], and [`INDEX_ENTRY_BYTES`] for each index of its table,
//!    a partial one too; the rows of `chain.schema` about a database's objects are its own.
//! 2. Growth is summed from captured changes, with the indexes that the table has at that moment. An index that is made
//!    or dropped grows its database by the entries of all rows, which are counted with the statement's gas.
//! 3. What a savepoint undoes, it takes out. A transaction that is kept adds its sums to the block's.
//! 4. Changes of nothing are kept, too: they show that a database was written to.

use crate::Store;
use crate::capture::{Capture, scan};
use crate::gas::Spend;
use crate::layout::{Layout, quoted};
use crate::user::out_of_gas;
use crate::{restore, schema};
use dadbs_sqlite::Connection;
use dadbs_types::{Error, Fatal, Row, Value};
use std::collections::BTreeMap;

/// What a row takes beside its key and its encoding.
pub const ROW_BYTES: u64 = 64;
/// What a row takes for each index of its table.
pub const INDEX_ENTRY_BYTES: u64 = 32;

/// What counting one row of a table takes, in steps.
const COUNT_STEPS: u64 = 2;

/// The table whose rows belong to the databases that they name (rule 1).
pub(crate) const SCHEMA_TABLE: &str = "chain_schema";

/// One captured change.
#[derive(Clone, Copy, Debug)]
struct Growth {
    database: u64,
    bytes: i64,
}

/// What the open transaction did to a database.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    bytes: i64,
    changes: usize,
}

/// The bytes that databases have grown by since the block began.
#[derive(Default)]
pub(crate) struct Growths {
    /// Of the open transaction, change by change, so that savepoints can cut them back.
    changes: Vec<Growth>,
    /// Their sums.
    open: BTreeMap<u64, Open>,
    /// Of the transactions that were kept.
    kept: BTreeMap<u64, i64>,
}

impl Growths {
    pub(crate) fn mark(&self) -> usize {
        self.changes.len()
    }

    pub(crate) fn push(&mut self, database: u64, bytes: i64) {
        if database != schema::CHAIN {
            self.changes.push(Growth { database, bytes });
            let open = self.open.entry(database).or_default();
            open.bytes = open.bytes.saturating_add(bytes);
            open.changes = open.changes.saturating_add(1);
        }
    }

    pub(crate) fn truncate(&mut self, mark: usize) {
        for growth in self.changes.drain(mark.min(self.changes.len())..) {
            if let Some(open) = self.open.get_mut(&growth.database) {
                open.bytes = open.bytes.saturating_sub(growth.bytes);
                open.changes = open.changes.saturating_sub(1);
            }
        }
        self.open.retain(|_, open| open.changes > 0);
    }

    /// Rule 3.
    fn keep(&mut self) {
        self.changes.clear();
        for (database, open) in std::mem::take(&mut self.open) {
            let sum = self.kept.entry(database).or_default();
            *sum = sum.saturating_add(open.bytes);
        }
    }

    /// Forgets everything: the block is over.
    pub(crate) fn clear(&mut self) {
        *self = Growths::default();
    }
}

/// What a row takes (rule 1).
fn row_bytes(key: &[u8], row: &[u8], indexes: u64) -> u64 {
    let entries = indexes.saturating_mul(INDEX_ENTRY_BYTES);
    (key.len() as u64)
        .saturating_add(row.len() as u64)
        .saturating_add(ROW_BYTES)
        .saturating_add(entries)
}

/// What a change of a row adds.
pub(crate) fn of_change(
    layout: &Layout,
    key: &[u8],
    old: Option<&[u8]>,
    new: Option<&[u8]>,
) -> Result<(u64, i64), Fatal> {
    let bytes = |side: Option<&[u8]>| {
        let bytes = side.map_or(0, |row| row_bytes(key, row, layout.indexes));
        i64::try_from(bytes).unwrap_or(i64::MAX)
    };
    let database = match new.or(old) {
        Some(row) if &*layout.table == SCHEMA_TABLE => named_database(row)?,
        _ => layout.database,
    };
    Ok((database, bytes(new).saturating_sub(bytes(old))))
}

/// The database that a row of `chain.schema` is about.
fn named_database(row: &[u8]) -> Result<u64, Fatal> {
    let row = Row::decode(row)
        .map_err(|error| Fatal::new(format!("a captured row of {SCHEMA_TABLE}: {error}")))?;
    // The second column; the first, its number, is the key and stands in the row too.
    let database = schema::integer(row.values.get(1));
    Ok(u64::try_from(database).unwrap_or(schema::CHAIN))
}

impl Capture {
    /// Counts an index that a statement made or dropped (rule 2).
    pub(crate) fn indexes_changed(&mut self, database: u64, rows: u64, before: u64, after: u64) {
        let entries = |indexes: u64| {
            let bytes = rows.saturating_mul(indexes).saturating_mul(INDEX_ENTRY_BYTES);
            i64::try_from(bytes).unwrap_or(i64::MAX)
        };
        self.growths.push(database, entries(after).saturating_sub(entries(before)));
    }
}

impl Store {
    /// The databases of users that the open transaction has written to, with the bytes that it added to each.
    ///
    /// # Errors
    /// If captured rows cannot be taken over.
    pub fn written_databases(&mut self) -> Result<BTreeMap<u64, i64>, Fatal> {
        self.capture.absorb(&self.connection, None)?;
        let open = &self.capture.growths.open;
        Ok(open.iter().map(|(database, open)| (*database, open.bytes)).collect())
    }

    /// The bytes that the open transaction added to a database; `None` if it has not written to it.
    ///
    /// # Errors
    /// If captured rows cannot be taken over.
    pub fn written_to(&mut self, database: u64) -> Result<Option<i64>, Fatal> {
        self.capture.absorb(&self.connection, None)?;
        Ok(self.capture.growths.open.get(&database).map(|open| open.bytes))
    }

    /// The bytes that transactions of this block, kept before the open one, have added to a database.
    pub fn kept_growth(&self, database: u64) -> i64 {
        self.capture.growths.kept.get(&database).copied().unwrap_or(0)
    }

    /// The bytes that the kept transactions of this block have added to each database; they count once.
    pub fn take_growth(&mut self) -> BTreeMap<u64, i64> {
        std::mem::take(&mut self.capture.growths.kept)
    }

    /// Rule 3.
    pub(crate) fn keep_growth(&mut self) -> Result<(), Fatal> {
        self.capture.absorb(&self.connection, None)?;
        self.capture.growths.keep();
        Ok(())
    }

    /// The bytes of every user's database, counted from its rows: for audits, and where nothing was counted before.
    ///
    /// # Errors
    /// If a table cannot be read.
    pub fn recount(&self) -> Result<BTreeMap<u64, u64>, Fatal> {
        let mut sums: BTreeMap<u64, u64> = BTreeMap::new();
        for name in restore::tables(&self.connection)? {
            let Some(layout) = Layout::load(&self.connection, &name)? else { continue };
            if layout.database == schema::CHAIN && &*layout.table != SCHEMA_TABLE {
                continue;
            }
            let read = scan(&self.connection, &layout.select(false), &[], &mut |values| {
                let (key, row) = layout.scanned(values)?;
                let (database, bytes) = of_change(&layout, &key, None, Some(&row))?;
                let sum = sums.entry(database).or_default();
                *sum = sum.saturating_add(u64::try_from(bytes).unwrap_or(0));
                Ok(())
            });
            read.map_err(|error| match error {
                Error::Fatal(fatal) => fatal,
                Error::Rejected(rejection) => Fatal::new(rejection.message),
            })?;
        }
        sums.remove(&schema::CHAIN);
        Ok(sums)
    }

    /// The table of an index that a statement makes or drops, and its indexes before (rule 2).
    pub(crate) fn table_of_index(&mut self, index: &str) -> Result<Option<String>, Fatal> {
        let found = self.query(
            "SELECT tbl_name FROM sqlite_schema WHERE type = 'index' AND name = ?1 COLLATE NOCASE",
            &[&Value::from(index)],
        )?;
        Ok(found.first().map(|row| schema::text(row.first())))
    }

    /// The indexes of a table; none if there is no table.
    pub(crate) fn indexes_of(&self, table: &str) -> Result<u64, Fatal> {
        indexes(&self.connection, table)
    }

    /// Counts the rows of a table within the statement's gas, by rows and not by pages.
    pub(crate) fn count_rows(&self, table: &str, spend: &mut Spend<'_>) -> Result<u64, Error> {
        let most = i64::try_from(spend.steps_max() / COUNT_STEPS).unwrap_or(i64::MAX);
        let sql = format!("SELECT count(*) FROM (SELECT 1 FROM {} LIMIT ?1)", quoted(table));
        let mut rows = Ok(0);
        scan(&self.connection, &sql, &[Value::Integer(most)], &mut |values| {
            rows = u64::try_from(values.first().map_or(0, |count| schema::integer(Some(count))));
            Ok(())
        })?;
        let rows = rows.unwrap_or(0);
        if rows >= most.unsigned_abs() {
            return Err(out_of_gas(spend.gas));
        }
        spend.steps(rows.saturating_mul(COUNT_STEPS), 0)?;
        Ok(rows)
    }
}

/// The indexes of a table beside the one that is the table itself.
fn indexes(connection: &Connection, table: &str) -> Result<u64, Fatal> {
    Ok(Layout::load(connection, table)?.map_or(0, |layout| layout.indexes))
}
