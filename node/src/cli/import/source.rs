//! The source: any SQLite file, opened read-only, seen as of one moment.
//!
//! 1. One read transaction covers the whole import: writers of the source do not change what is read.
//! 2. A file that is not SQLite, encrypted, truncated, damaged or locked is refused with what to do.
//! 3. Rows come in the order of the rowid, or of the primary key of a WITHOUT ROWID table.
//! 4. Values keep their storage class; a TEXT that is not UTF-8 is refused.

use super::ddl::quote;
use crate::cli::exit::{Exit, Failure, Outcome};
use dadbs_types::Value;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, params_from_iter};
use std::collections::BTreeMap;
use std::path::Path;

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) not_null: bool,
    /// Position in the primary key, from 1; 0 if it is not part of it.
    pub(crate) key: usize,
    pub(crate) generated: bool,
}

/// A foreign key of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ForeignKey {
    /// SQLite's number of it.
    pub(crate) id: i64,
    pub(crate) parent: String,
    pub(crate) columns: Vec<String>,
    /// Columns of the parent; empty for its primary key.
    pub(crate) parent_columns: Vec<String>,
}

/// A table as SQLite describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TableInfo {
    pub(crate) name: String,
    pub(crate) columns: Vec<Column>,
    pub(crate) without_rowid: bool,
    /// The INTEGER PRIMARY KEY, which is the rowid.
    pub(crate) rowid_alias: Option<String>,
    /// What the rowid is called where no column has that name.
    pub(crate) rowid_name: Option<&'static str>,
    pub(crate) foreign_keys: Vec<ForeignKey>,
}

impl TableInfo {
    /// Reads the description of a table.
    pub(crate) fn read(connection: &Connection, name: &str) -> Outcome<TableInfo> {
        let mut columns = Vec::new();
        let mut statement = connection
            .prepare("SELECT name, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1)")?;
        let mut rows = statement.query([name])?;
        while let Some(row) = rows.next()? {
            let hidden: i64 = row.get(3)?;
            columns.push(Column {
                name: row.get(0)?,
                not_null: row.get(1)?,
                key: row.get::<_, i64>(2)?.try_into().unwrap_or(0),
                generated: hidden == 2 || hidden == 3,
            });
        }
        let without_rowid: bool = connection.query_row(
            "SELECT wr FROM pragma_table_list WHERE schema = 'main' AND name = ?1",
            [name],
            |row| row.get(0),
        )?;
        let key_index: bool = connection.query_row(
            "SELECT count(*) > 0 FROM pragma_index_list(?1) WHERE origin = 'pk'",
            [name],
            |row| row.get(0),
        )?;
        // A primary key without an index of its own is the rowid.
        let alias = columns.iter().find(|column| column.key > 0 && !key_index && !without_rowid);
        let rowid_alias = alias.map(|column| column.name.clone());
        let taken = |name: &str| columns.iter().any(|c| c.name.eq_ignore_ascii_case(name));
        let rowid_name = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !taken(name));
        let rowid_name = rowid_name.filter(|_| !without_rowid);
        let foreign_keys = foreign_keys(connection, name)?;
        let name = name.to_owned();
        Ok(TableInfo { name, columns, without_rowid, rowid_alias, rowid_name, foreign_keys })
    }

    /// True if a rowid that is no column is carried beside the columns.
    pub(crate) fn hidden_rowid(&self) -> bool {
        !self.without_rowid && self.rowid_alias.is_none() && self.rowid_name.is_some()
    }

    /// The SQL expressions of what is carried: the hidden rowid, then the columns that are stored by
    /// an INSERT.
    pub(crate) fn carried(&self) -> Vec<String> {
        let rowid = self.rowid_name.filter(|_| self.hidden_rowid()).map(str::to_owned);
        let columns = self.columns.iter().filter(|column| !column.generated);
        rowid.into_iter().chain(columns.map(|column| quote(&column.name))).collect()
    }

    /// The SQL expressions that order the rows (rule 3).
    pub(crate) fn order(&self) -> Vec<String> {
        match (self.without_rowid, &self.rowid_alias, self.rowid_name) {
            (false, Some(alias), _) => vec![quote(alias)],
            (false, None, Some(rowid)) => vec![rowid.to_owned()],
            _ => {
                let mut key: Vec<_> = self.columns.iter().filter(|c| c.key > 0).collect();
                key.sort_by_key(|column| column.key);
                if key.is_empty() {
                    // No name reaches the rowid: every column together is the best order there is.
                    key = self.columns.iter().filter(|c| !c.generated).collect();
                }
                key.iter().map(|column| quote(&column.name)).collect()
            }
        }
    }

    /// `INSERT` of one row of what is carried.
    pub(crate) fn insert(&self) -> String {
        let carried = self.carried();
        let marks = vec!["?"; carried.len()].join(", ");
        format!("INSERT INTO {} ({}) VALUES ({marks})", quote(&self.name), carried.join(", "))
    }

    /// `SELECT` of what is carried and then of the order, after a key if `after` (its values are the
    /// parameters); both readers of a table, here and on the chain, use it.
    pub(crate) fn page(&self, after: bool, limit: u64, offset: u64) -> String {
        let order = self.order();
        let mut columns = self.carried();
        columns.extend(order.iter().cloned());
        let after = if after {
            let marks = vec!["?"; order.len()].join(", ");
            match order.as_slice() {
                [only] => format!(" WHERE {only} > ?"),
                several => format!(" WHERE ({}) > ({marks})", several.join(", ")),
            }
        } else {
            String::new()
        };
        let skipped = if offset > 0 { format!(" OFFSET {offset}") } else { String::new() };
        format!(
            "SELECT {} FROM {}{after} ORDER BY {} LIMIT {limit}{skipped}",
            columns.join(", "),
            quote(&self.name),
            order.join(", ")
        )
    }
}

fn foreign_keys(connection: &Connection, table: &str) -> Outcome<Vec<ForeignKey>> {
    let mut found: BTreeMap<i64, ForeignKey> = BTreeMap::new();
    let mut statement = connection.prepare(
        "SELECT id, \"table\", \"from\", \"to\" FROM pragma_foreign_key_list(?1) ORDER BY id, seq",
    )?;
    let mut rows = statement.query([table])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let parent: String = row.get(1)?;
        let new = ForeignKey { id, parent, columns: Vec::new(), parent_columns: Vec::new() };
        let key = found.entry(id).or_insert(new);
        key.columns.push(row.get(2)?);
        key.parent_columns.extend(row.get::<_, Option<String>>(3)?);
    }
    Ok(found.into_values().collect())
}

/// A row of `sqlite_schema`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SchemaObject {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) table: String,
    /// Absent for an index that a constraint made.
    pub(crate) sql: Option<String>,
}

/// An open source (rule 1).
pub(crate) struct Source {
    pub(crate) connection: Connection,
}

impl Source {
    /// Opens a file and begins the read transaction (rule 2).
    pub(crate) fn open(path: &Path) -> Outcome<Source> {
        let name = path.display();
        if !path.is_file() {
            return Err(Failure::new(Exit::NotFound, format!("{name} is not a file")));
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let explain =
            |error: &rusqlite::Error| Failure::other(format!("{name}: {}", advice(error)));
        let connection = Connection::open_with_flags(path, flags).map_err(|e| explain(&e))?;
        let begun = connection.execute_batch("PRAGMA query_only = 1; BEGIN").and_then(|()| {
            connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        });
        begun.map_err(|e| explain(&e))?;
        Ok(Source { connection })
    }

    /// Refuses a damaged file (rule 2): rows that cannot be read, or that break their own constraints.
    pub(crate) fn check(&self) -> Outcome {
        let mut statement = self.connection.prepare("PRAGMA integrity_check(5)")?;
        let found: Result<Vec<String>, _> = statement.query_map([], |row| row.get(0))?.collect();
        let found = match found {
            Ok(lines) if lines == ["ok"] => return Ok(()),
            // Virtual tables of modules that are not part of this build are refused later, by name.
            Ok(lines) if lines.iter().all(|line| line.contains("virtual table")) => return Ok(()),
            Ok(lines) => lines.join("; "),
            Err(error) if error.to_string().contains("no such module") => return Ok(()),
            Err(error) => advice(&error),
        };
        Err(Failure::other(format!(
            "the source fails its own integrity check: {found}. Repair it (`sqlite3 FILE .recover`) and import the copy"
        )))
    }

    /// Every schema object in the order of creation.
    pub(crate) fn objects(&self) -> Outcome<Vec<SchemaObject>> {
        let sql = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY rowid";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map([], |row| {
            let (kind, name) = (row.get(0)?, row.get(1)?);
            Ok(SchemaObject { kind, name, table: row.get(2)?, sql: row.get(3)? })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn advice(error: &rusqlite::Error) -> String {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseCorrupt, DatabaseLocked, NotADatabase};
    match error.sqlite_error_code() {
        Some(NotADatabase) => {
            "not an SQLite database, or an encrypted one: decrypt it into a plain file first".into()
        }
        Some(DatabaseCorrupt) => format!("damaged or truncated ({error}): try `sqlite3 FILE .recover`"),
        Some(DatabaseBusy | DatabaseLocked) => {
            "locked by another process: close it there, or import a copy (`sqlite3 FILE '.backup COPY'`)".into()
        }
        _ => error.to_string(),
    }
}

/// The value of a cell (rule 4).
pub(crate) fn value_of(cell: ValueRef<'_>) -> Result<Value, &'static str> {
    Ok(match cell {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(integer) => Value::Integer(integer),
        ValueRef::Real(real) => Value::Real(real),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text).map_err(|_| "a TEXT that is not UTF-8")?;
            Value::Text(text.to_owned())
        }
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
    })
}

/// A value as a parameter.
pub(crate) fn parameter(value: &Value) -> ToSqlOutput<'_> {
    ToSqlOutput::Borrowed(match value {
        Value::Null => ValueRef::Null,
        Value::Integer(integer) => ValueRef::Integer(*integer),
        Value::Real(real) => ValueRef::Real(*real),
        Value::Text(text) => ValueRef::Text(text.as_bytes()),
        Value::Blob(bytes) => ValueRef::Blob(bytes),
    })
}

/// Runs a query and gives every row as values.
pub(crate) fn rows(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
) -> Outcome<Vec<Vec<Value>>> {
    let mut statement = connection.prepare_cached(sql)?;
    let count = statement.column_count();
    let mut found = Vec::new();
    let mut rows = statement.query(params_from_iter(parameters.iter().map(parameter)))?;
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(count);
        for index in 0..count {
            let value = value_of(row.get_ref(index)?);
            values.push(value.map_err(|why| Failure::other(format!("the source holds {why}")))?);
        }
        found.push(values);
    }
    Ok(found)
}

/// Reads the rows of one table in order, page by page.
pub(crate) struct RowReader<'a> {
    connection: &'a Connection,
    table: &'a TableInfo,
    after: Option<Vec<Value>>,
    offset: u64,
    page: std::vec::IntoIter<Vec<Value>>,
    done: bool,
    carried: usize,
}

const PAGE_ROWS: u64 = 1_000;

impl<'a> RowReader<'a> {
    /// A reader that leaves out the first `offset` rows.
    pub(crate) fn new(
        connection: &'a Connection,
        table: &'a TableInfo,
        offset: u64,
    ) -> RowReader<'a> {
        let page = Vec::new().into_iter();
        RowReader {
            connection,
            table,
            after: None,
            offset,
            page,
            done: false,
            carried: table.carried().len(),
        }
    }

    /// The next row of what is carried.
    pub(crate) fn next_row(&mut self) -> Outcome<Option<Vec<Value>>> {
        loop {
            if let Some(mut row) = self.page.next() {
                let key = row.split_off(self.carried);
                self.after = Some(key);
                return Ok(Some(row));
            }
            if self.done {
                return Ok(None);
            }
            let sql = self.table.page(self.after.is_some(), PAGE_ROWS, self.offset);
            let page = rows(self.connection, &sql, self.after.as_deref().unwrap_or_default())?;
            self.offset = 0;
            self.done = (page.len() as u64) < PAGE_ROWS;
            self.page = page.into_iter();
        }
    }
}
