//! The tables of the store itself, and the catalog of schema objects.
//!
//! 1. `node_*` tables are this node's bookkeeping: not captured, not in the root.
//! 2. `chain_schema` holds one row per table, index and view of every database, so that schema
//!    objects are leaves like any row. `seq` is the order of creation, which is consensus state:
//!    it decides which index SQLite picks.
//! 3. Database 0 is the chain itself: the tables `chain_*`, except `chain_schema`.
//! 4. After a statement that changes the schema the catalog is compared with `sqlite_schema`, never
//!    predicted: what SQLite did is what is recorded.

use dadbs_sql::{Namespace, Object, ObjectKind, Schema, user_text};
use dadbs_sqlite::Connection;
use dadbs_types::{Fatal, Value};
use std::cell::RefCell;
use std::collections::BTreeMap;

/// The version of the tables below.
pub(crate) const FORMAT: i64 = 1;

/// The store's own tables (rules 1 and 2).
pub(crate) const TABLES: &str = "
    CREATE TABLE node_state(
        id INTEGER PRIMARY KEY CHECK (id = 1),
        format INTEGER NOT NULL,
        height INTEGER NOT NULL,
        time_ms INTEGER NOT NULL,
        app_hash BLOB NOT NULL,
        committed INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE node_block(
        height INTEGER PRIMARY KEY,
        time_ms INTEGER NOT NULL,
        app_hash BLOB NOT NULL,
        changes INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE node_journal(
        height INTEGER NOT NULL,
        chunk INTEGER NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (height, chunk)
    ) STRICT;
    CREATE TABLE chain_schema(
        seq INTEGER PRIMARY KEY,
        database INTEGER NOT NULL,
        kind TEXT NOT NULL,
        name TEXT NOT NULL,
        physical TEXT NOT NULL UNIQUE COLLATE NOCASE,
        from_terms INTEGER NOT NULL,
        sql TEXT NOT NULL,
        physical_sql TEXT NOT NULL
    ) STRICT;
    CREATE INDEX chain_schema_database ON chain_schema(database);
";

/// The database that holds the chain's own tables.
pub(crate) const CHAIN: u64 = 0;

/// The prefix of a database's physical names.
pub(crate) fn prefix(database: u64) -> String {
    if database == CHAIN { "chain_".into() } else { Namespace::database(database).prefix().into() }
}

/// A database id as SQLite holds it.
pub(crate) fn id(database: u64) -> Value {
    // Ids count contracts; beyond i64 nothing was ever created, so the lookup finds nothing.
    Value::Integer(i64::try_from(database).unwrap_or(-1))
}

/// The text of a value that the table's type guarantees.
pub(crate) fn text(value: Option<&Value>) -> String {
    if let Some(Value::Text(text)) = value { text.clone() } else { String::new() }
}

/// The integer of a value that the table's type guarantees.
pub(crate) fn integer(value: Option<&Value>) -> i64 {
    if let Some(Value::Integer(integer)) = value { *integer } else { 0 }
}

/// All rows of a trusted query.
pub(crate) fn rows(
    connection: &Connection,
    sql: &'static str,
    params: &[&Value],
) -> Result<Vec<Vec<Value>>, Fatal> {
    let mut rows = Vec::new();
    connection.query(sql, params, &mut |row| {
        rows.push(row.to_vec());
        Ok(())
    })?;
    Ok(rows)
}

/// The first value of a trusted query's first row, an integer.
pub(crate) fn count(
    connection: &Connection,
    sql: &'static str,
    params: &[&Value],
) -> Result<u64, Fatal> {
    let rows = rows(connection, sql, params)?;
    let first = integer(rows.first().and_then(|row| row.first()));
    Ok(u64::try_from(first).unwrap_or(0))
}

/// Objects of the whole store, which a schema change costs.
pub(crate) fn objects(connection: &Connection) -> Result<u64, Fatal> {
    count(connection, "SELECT count(*) FROM chain_schema", &[])
}

/// Objects of one database.
pub(crate) fn objects_of(connection: &Connection, database: u64) -> Result<u64, Fatal> {
    count(connection, "SELECT count(*) FROM chain_schema WHERE database = ?1", &[&id(database)])
}

/// The front door's view of the catalog, read on demand: nothing to go stale.
pub(crate) struct Catalog<'a> {
    connection: &'a Connection,
    failure: RefCell<Option<Fatal>>,
}

impl<'a> Catalog<'a> {
    pub(crate) fn new(connection: &'a Connection) -> Catalog<'a> {
        Catalog { connection, failure: RefCell::new(None) }
    }

    /// The failure of a lookup, which the front door took for an absent object.
    pub(crate) fn check(self) -> Result<(), Fatal> {
        self.failure.into_inner().map_or(Ok(()), Err)
    }
}

impl Schema for Catalog<'_> {
    fn object(&self, physical: &str) -> Option<Object> {
        if physical.eq_ignore_ascii_case("chain_schema") {
            return Some(Object { kind: ObjectKind::Table, from_terms: 1 });
        }
        let found = rows(
            self.connection,
            "SELECT kind, from_terms FROM chain_schema WHERE physical = ?1",
            &[&Value::from(physical)],
        );
        match found {
            Ok(rows) => rows.first().map(|row| Object {
                kind: match text(row.first()).as_str() {
                    "view" => ObjectKind::View,
                    "index" => ObjectKind::Index,
                    _ => ObjectKind::Table,
                },
                from_terms: usize::try_from(integer(row.get(1))).unwrap_or(1),
            }),
            Err(failure) => {
                *self.failure.borrow_mut() = Some(failure);
                None
            }
        }
    }
}

/// What the statement that changed the schema says of the object it made.
pub(crate) struct Made<'a> {
    /// The user's own text of a CREATE.
    pub text: Option<&'a str>,
    /// Tables in the FROM clause, with views expanded.
    pub from_terms: usize,
}

struct Entry {
    kind: String,
    physical: String,
    sql: String,
}

impl Entry {
    /// Of a row (type, name, sql).
    fn of(row: &[Value]) -> Entry {
        Entry { kind: text(row.first()), physical: text(row.get(1)), sql: text(row.get(2)) }
    }
}

/// Adds the one object that a CREATE made, unless it made none (IF NOT EXISTS).
pub(crate) fn add(
    connection: &Connection,
    database: u64,
    physical: &str,
    made: &Made<'_>,
) -> Result<(), Fatal> {
    let found = rows(
        connection,
        "SELECT type, name, sql FROM sqlite_schema WHERE name = ?1 COLLATE NOCASE \
         AND name NOT IN (SELECT physical FROM chain_schema WHERE physical = ?1)",
        &[&Value::from(physical)],
    )?;
    match found.first() {
        Some(row) => insert(connection, database, &prefix(database), &Entry::of(row), made),
        None => Ok(()),
    }
}

/// Brings the catalog of a database in line with `sqlite_schema` (rule 4).
pub(crate) fn sync(connection: &Connection, database: u64, made: &Made<'_>) -> Result<(), Fatal> {
    let prefix = prefix(database);
    let actual = rows(
        connection,
        "SELECT type, name, sql FROM sqlite_schema WHERE substr(name, 1, length(?1)) = ?1 \
         AND sql IS NOT NULL AND tbl_name <> 'chain_schema' ORDER BY rowid",
        &[&Value::from(prefix.as_str())],
    )?;
    let actual: Vec<Entry> = actual.iter().map(|row| Entry::of(row)).collect();
    let known = rows(
        connection,
        "SELECT seq, physical, physical_sql, kind FROM chain_schema WHERE database = ?1 ORDER BY seq",
        &[&id(database)],
    )?;
    let mut gone: BTreeMap<String, &[Value]> =
        known.iter().map(|row| (text(row.get(1)), row.as_slice())).collect();
    let (same, new): (Vec<&Entry>, Vec<&Entry>) =
        actual.iter().partition(|entry| gone.contains_key(&entry.physical));
    for entry in same {
        let row = gone.remove(&entry.physical).unwrap_or_default();
        if text(row.get(2)) != entry.sql {
            update(connection, database, &prefix, entry, row)?;
        }
    }
    for entry in new {
        // A new name while one of the same kind vanished: a statement renames at most one object.
        let renamed = gone.iter().find(|(_, row)| text(row.get(3)) == entry.kind);
        match renamed.map(|(name, _)| name.clone()).and_then(|name| gone.remove(&name)) {
            None => insert(connection, database, &prefix, entry, made)?,
            Some(row) => update(connection, database, &prefix, entry, row)?,
        }
    }
    for row in gone.values() {
        let seq = row.first().unwrap_or(&Value::Null);
        connection.execute("DELETE FROM chain_schema WHERE seq = ?1", &[seq])?;
    }
    Ok(())
}

fn user_name<'a>(entry: &'a Entry, prefix: &str) -> &'a str {
    entry.physical.strip_prefix(prefix).unwrap_or(&entry.physical)
}

fn text_for_user(database: u64, physical_sql: &str) -> String {
    if database == CHAIN {
        return physical_sql.into();
    }
    user_text(physical_sql, &Namespace::database(database))
}

fn insert(
    connection: &Connection,
    database: u64,
    prefix: &str,
    entry: &Entry,
    made: &Made<'_>,
) -> Result<(), Fatal> {
    let sql = made.text.map_or_else(|| text_for_user(database, &entry.sql), str::to_owned);
    let from_terms = i64::try_from(made.from_terms.max(1)).unwrap_or(i64::MAX);
    connection.execute(
        "INSERT INTO chain_schema(database, kind, name, physical, from_terms, sql, physical_sql) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        &[
            &id(database),
            &Value::from(entry.kind.as_str()),
            &Value::from(user_name(entry, prefix)),
            &Value::from(entry.physical.as_str()),
            &Value::from(from_terms),
            &Value::from(sql),
            &Value::from(entry.sql.as_str()),
        ],
    )?;
    Ok(())
}

fn update(
    connection: &Connection,
    database: u64,
    prefix: &str,
    entry: &Entry,
    row: &[Value],
) -> Result<(), Fatal> {
    connection.execute(
        "UPDATE chain_schema SET name = ?2, physical = ?3, sql = ?4, physical_sql = ?5 WHERE seq = ?1",
        &[
            row.first().unwrap_or(&Value::Null),
            &Value::from(user_name(entry, prefix)),
            &Value::from(entry.physical.as_str()),
            &Value::from(text_for_user(database, &entry.sql)),
            &Value::from(entry.sql.as_str()),
        ],
    )?;
    Ok(())
}
