//! How the rows of a table become leaves: which columns are the key, which are stored.
//!
//! 1. The key is the primary key if all its columns are NOT NULL, in the order of its declaration,
//!    else the rowid. An `INTEGER PRIMARY KEY` is the rowid.
//! 2. The hidden rowid is part of the row if the table has one and it is not the key.
//! 3. VIRTUAL generated columns are not stored, so they are left out.
//! 4. A column of REAL affinity holds a REAL for every integer, as it reads back; the capture may show
//!    the value before that. The engine gives every -0.0 as 0.0, which no SQL can tell apart.

use crate::schema;
use crate::view::TableRows;
use dadbs_sqlite::{Connection, Event};
use dadbs_types::{Fatal, Key, Row, Value};
use std::fmt::Write as _;
use std::sync::Arc;

/// Key bytes and row bytes.
pub(crate) type Leaf = (Vec<u8>, Vec<u8>);

/// One stored column.
#[derive(Debug)]
struct Column {
    /// Position in the declaration, VIRTUAL columns included.
    index: usize,
    name: String,
    /// Rule 4.
    real: bool,
}

/// The layout of one table.
#[derive(Debug)]
pub(crate) struct Layout {
    /// Physical name, lower case, as leaves and journal say it.
    pub table: Arc<str>,
    /// Physical name as declared.
    declared: String,
    columns: Vec<Column>,
    /// Rule 1: declared positions of the key columns; `None` if the rowid is the key.
    key: Option<Vec<usize>>,
    /// A name that reaches the rowid, of tables that have one.
    rowid: Option<&'static str>,
    /// The database whose table it is; 0 for the chain's own.
    pub database: u64,
    /// Indexes, beside the one that a table without rowids is itself.
    pub indexes: u64,
}

/// A name as an SQL identifier.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The database of a physical table `d<id>_...`; 0 for the chain's own.
fn database_of(physical: &str) -> u64 {
    let id = physical.strip_prefix(['d', 'D']).and_then(|rest| rest.split_once('_'));
    id.and_then(|(id, _)| id.parse().ok()).unwrap_or(schema::CHAIN)
}

/// REAL affinity by SQLite's rules for the declared type (section 3.1 of its datatype page).
fn has_real_affinity(declared_type: &str, strict: bool) -> bool {
    let upper = declared_type.to_ascii_uppercase();
    if strict {
        return upper == "REAL";
    }
    let has = |part: &str| upper.contains(part);
    let earlier = has("INT") || has("CHAR") || has("CLOB") || has("TEXT") || has("BLOB");
    !earlier && !upper.is_empty() && (has("REAL") || has("FLOA") || has("DOUB"))
}

/// What stands behind the columns of a CREATE TABLE.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Options {
    strict: bool,
    without_rowid: bool,
}

impl Options {
    /// The options of a statement as SQLite stores it; no bracket follows the one of the columns.
    fn of(physical_sql: &str) -> Options {
        let tail = physical_sql.rsplit(')').next().unwrap_or("").to_ascii_uppercase();
        Options { strict: tail.contains("STRICT"), without_rowid: tail.contains("WITHOUT") }
    }
}

fn text(value: &Value) -> &str {
    if let Value::Text(text) = value { text } else { "" }
}

fn integer(value: &Value) -> i64 {
    if let Value::Integer(integer) = value { *integer } else { 0 }
}

impl Layout {
    /// The layout in names, for clients.
    pub(crate) fn describe(&self) -> TableRows {
        let name = |index: &usize| {
            let found = self.columns.iter().find(|column| column.index == *index);
            found.map(|column| column.name.clone()).unwrap_or_default()
        };
        TableRows {
            key: self.key.iter().flatten().map(name).collect(),
            columns: self.columns.iter().map(|column| column.name.clone()).collect(),
            hidden_rowid: self.key.is_some() && self.rowid.is_some(),
        }
    }

    /// The layout of a physical table, if the catalog has it.
    pub(crate) fn load(connection: &Connection, table: &str) -> Result<Option<Layout>, Fatal> {
        let name = Value::from(table);
        let mut found = table
            .eq_ignore_ascii_case("chain_schema")
            .then(|| ("chain_schema".to_owned(), Options { strict: true, without_rowid: false }));
        // Not pragma_table_list: it walks through all objects of the store and compiles their views.
        connection.query(
            "SELECT physical, physical_sql FROM chain_schema WHERE physical = ?1 AND kind = 'table'",
            &[&name],
            &mut |row| {
                found = Some((text(&row[0]).to_owned(), Options::of(text(&row[1]))));
                Ok(())
            },
        )?;
        let Some((declared, options)) = found else { return Ok(None) };
        let mut all = Vec::new();
        connection.query(
            "SELECT name, type, \"notnull\", pk, hidden FROM pragma_table_xinfo(?1) ORDER BY cid",
            &[&name],
            &mut |row| {
                all.push(row.to_vec());
                Ok(())
            },
        )?;
        let (mut key_index, mut indexes) = (false, 0u64);
        connection.query("SELECT origin FROM pragma_index_list(?1)", &[&name], &mut |row| {
            let is_key = text(&row[0]) == "pk";
            key_index |= is_key;
            indexes += u64::from(!(is_key && options.without_rowid));
            Ok(())
        })?;
        Self::of(declared, options, &all, key_index, indexes).map(Some)
    }

    /// True if a table names its columns rowid, `_rowid_` and oid, so that its own rowid cannot be
    /// read: such a table must not come into being.
    pub(crate) fn hides_rowid(connection: &Connection, table: &str) -> Result<bool, Fatal> {
        let mut hides = 0;
        connection.query(
            "SELECT count(*) FROM pragma_table_xinfo(?1) WHERE lower(name) IN ('rowid', '_rowid_', 'oid')",
            &[&Value::from(table)],
            &mut |row| {
                hides = row.first().map_or(0, integer);
                Ok(())
            },
        )?;
        Ok(hides == 3)
    }

    fn of(
        declared: String,
        options: Options,
        all: &[Vec<Value>],
        key_index: bool,
        indexes: u64,
    ) -> Result<Layout, Fatal> {
        let Options { strict, without_rowid } = options;
        let mut key: Vec<(i64, usize, bool)> = all
            .iter()
            .enumerate()
            .map(|(index, column)| (integer(&column[3]), index, integer(&column[2]) != 0))
            .filter(|(position, ..)| *position > 0)
            .collect();
        key.sort_unstable();
        // A rowid table whose primary key has no index of its own: it is the rowid.
        let is_rowid = !without_rowid && (key.is_empty() || !key_index);
        let not_null = without_rowid || key.iter().all(|(_, _, not_null)| *not_null);
        let columns = all.iter().enumerate().filter(|(_, c)| integer(&c[4]) != 2);
        let columns = columns.map(|(index, column)| Column {
            index,
            name: text(&column[0]).to_owned(),
            real: has_real_affinity(text(&column[1]), strict),
        });
        let named = |name: &str| all.iter().any(|c| text(&c[0]).eq_ignore_ascii_case(name));
        let rowid = ["rowid", "_rowid_", "oid"].into_iter().find(|name| !named(name));
        if !without_rowid && rowid.is_none() {
            return Err(Fatal::new(format!("the rowid of table {declared} cannot be named")));
        }
        Ok(Layout {
            database: database_of(&declared),
            table: declared.to_ascii_lowercase().into(),
            columns: columns.collect(),
            declared,
            key: (!is_rowid && not_null).then(|| key.into_iter().map(|(_, i, _)| i).collect()),
            rowid: if without_rowid { None } else { rowid },
            indexes,
        })
    }

    fn stored(column: &Column, value: &Value) -> Value {
        match value {
            #[expect(clippy::cast_precision_loss, reason = "as SQLite converts it")]
            Value::Integer(integer) if column.real => Value::Real(*integer as f64),
            value => value.clone(),
        }
    }

    /// Key and row bytes of values in the order of the declaration.
    fn leaf(&self, values: &[Value], rowid: i64) -> Result<Leaf, Fatal> {
        let at = |index: usize| {
            values.get(index).ok_or_else(|| {
                Fatal::new(format!(
                    "the capture of {} delivered {} values, column {index} is missing",
                    self.declared,
                    values.len()
                ))
            })
        };
        let mut stored = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            stored.push(Self::stored(column, at(column.index)?));
        }
        let key = match &self.key {
            None => Key(vec![Value::Integer(rowid)]),
            Some(columns) => {
                let position = |index: &usize| {
                    let found = self.columns.iter().position(|column| column.index == *index);
                    found.and_then(|p| stored.get(p)).cloned().ok_or_else(|| {
                        Fatal::new(format!("a key column of {} is not stored", self.declared))
                    })
                };
                Key(columns.iter().map(position).collect::<Result<_, _>>()?)
            }
        };
        let rowid = (self.key.is_some() && self.rowid.is_some()).then_some(rowid);
        Ok((key.encode(), Row { rowid, values: stored }.encode()))
    }

    /// Key and row bytes before the event, if there was a row.
    pub(crate) fn before(&self, event: &Event) -> Result<Option<Leaf>, Fatal> {
        event.old.as_ref().map(|values| self.leaf(values, event.old_rowid)).transpose()
    }

    /// Key and row bytes after the event, if there is a row.
    pub(crate) fn after(&self, event: &Event) -> Result<Option<Leaf>, Fatal> {
        event.new.as_ref().map(|values| self.leaf(values, event.new_rowid)).transpose()
    }

    /// The statement that reads all rows, or the row of one key, for [`Layout::scanned`].
    pub(crate) fn select(&self, one: bool) -> String {
        let mut sql = String::from("SELECT ");
        sql.push_str(self.rowid.unwrap_or("0"));
        for column in &self.columns {
            let _ = write!(sql, ", {}", quoted(&column.name));
        }
        let _ = write!(sql, " FROM {}", quoted(&self.declared));
        if one {
            let names: Vec<String> = match &self.key {
                None => vec![self.rowid.unwrap_or("rowid").to_owned()],
                Some(key) => {
                    let of = |i: &usize| self.columns.iter().find(|column| column.index == *i);
                    key.iter().filter_map(of).map(|column| quoted(&column.name)).collect()
                }
            };
            for (i, name) in names.iter().enumerate() {
                let _ = write!(sql, "{}{name} = ?{}", [" WHERE ", " AND "][i.min(1)], i + 1);
            }
        }
        sql
    }

    /// The number of values of a row.
    pub(crate) fn stored_columns(&self) -> usize {
        self.columns.len()
    }

    /// True if the key is the rowid (rule 1).
    pub(crate) fn keyed_by_rowid(&self) -> bool {
        self.key.is_none()
    }

    /// The number of values of the key.
    pub(crate) fn key_len(&self) -> usize {
        self.key.as_ref().map_or(1, Vec::len)
    }

    /// Key and row bytes of a row that [`Layout::select`] reads.
    pub(crate) fn scanned(&self, row: &[Value]) -> Result<Leaf, Fatal> {
        let rowid = row.first().map_or(0, integer);
        let declared = self.columns.last().map_or(0, |column| column.index.saturating_add(1));
        let mut values = vec![Value::Null; declared];
        for (column, value) in self.columns.iter().zip(row.iter().skip(1)) {
            if let Some(slot) = values.get_mut(column.index) {
                *slot = value.clone();
            }
        }
        self.leaf(&values, rowid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_stand_behind_the_last_bracket() {
        let of = |sql| (Options::of(sql).strict, Options::of(sql).without_rowid);
        assert_eq!(of("CREATE TABLE d1_t(strict TEXT DEFAULT ') WITHOUT')"), (false, false));
        assert_eq!(of("CREATE TABLE d1_t(a PRIMARY KEY) WITHOUT ROWID, STRICT"), (true, true));
        assert_eq!(of("CREATE TABLE d1_t(a ANY) strict"), (true, false));
    }

    #[test]
    fn rule_4_affinity_of_declared_types() {
        let rows = [
            ("REAL", true, true),
            ("ANY", true, false),
            ("real", false, true),
            ("DOUBLE PRECISION", false, true),
            ("FLOATING POINT", false, false),
            ("FLOAT", false, true),
            ("NUMERIC", false, false),
            ("CHARREAL", false, false),
            ("", false, false),
        ];
        for (declared, strict, real) in rows {
            assert_eq!(has_real_affinity(declared, strict), real, "{declared} strict {strict}");
        }
    }
}
