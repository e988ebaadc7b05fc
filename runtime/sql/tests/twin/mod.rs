//! Twins: plain SQLite with the user's text beside SQLite with the printed text.

#![allow(dead_code)] // Each test binary uses a part of it.
#![allow(unsafe_code)] // One foreign call, where the connection is opened.

use std::cell::RefCell;
use std::collections::BTreeMap;

use dadbs_sql::{
    Alter, Kind, Namespace, Object, ObjectKind, Purpose, Schema, Statement, prepare, user_text,
};
use dadbs_types::Rejection;
use rusqlite::config::DbConfig;
use rusqlite::types::Value;
use rusqlite::{Connection, Error, params_from_iter};

/// What a statement did: column names and rows, or class and text of the error.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Outcome {
    Rows(Vec<String>, Vec<Vec<String>>),
    Failed(i32, String),
}

/// The catalog of a test.
#[derive(Default)]
pub(crate) struct Catalog(RefCell<BTreeMap<String, Object>>);

impl Schema for Catalog {
    fn object(&self, physical: &str) -> Option<Object> {
        self.0.borrow().get(physical).copied()
    }
}

impl Catalog {
    pub(crate) fn follow(&self, statement: &Statement) {
        let Some(name) = statement.object.clone() else { return };
        let mut objects = self.0.borrow_mut();
        let mut create = |kind, from_terms| {
            objects.entry(name.clone()).or_insert(Object { kind, from_terms });
        };
        match statement.kind {
            Kind::CreateTable => create(ObjectKind::Table, 1),
            Kind::CreateIndex => create(ObjectKind::Index, 1),
            Kind::CreateView => create(ObjectKind::View, statement.from_terms),
            Kind::DropTable | Kind::DropIndex | Kind::DropView => {
                objects.remove(&name);
            }
            Kind::AlterTable(Alter::Rename) => {
                if let (Some(object), Some(new)) = (objects.remove(&name), &statement.related) {
                    objects.insert(new.clone(), object);
                }
            }
            _ => {}
        }
    }
}

pub(crate) struct Twins {
    pub(crate) plain: Connection,
    pub(crate) physical: Connection,
    pub(crate) namespace: Namespace,
    pub(crate) catalog: Catalog,
}

unsafe extern "C" {
    /// The meter of a connection, in the pinned build of SQLite; steps used, then the most steps.
    fn dadbs_meter_of(db: *mut rusqlite::ffi::sqlite3) -> *mut [u64; 2];
}

/// The pinned build gives a connection no steps until somebody meters it.
pub(crate) fn unmetered(connection: Connection) -> Connection {
    // SAFETY: the handle is open, the meter lives as long as it, and no statement runs.
    unsafe { (*dadbs_meter_of(connection.handle()))[1] = u64::MAX };
    connection
}

fn open() -> Connection {
    let connection = unmetered(Connection::open_in_memory().unwrap());
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DML, false).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DQS_DDL, false).unwrap();
    connection.execute_batch("PRAGMA foreign_keys = ON").unwrap();
    connection
}

const CHAIN: &str = "(address TEXT PRIMARY KEY, sequence INTEGER, n INTEGER)";
const CHAIN_ROWS: &str = "VALUES ('a1', 7, 1), ('a2', 9, 2)";

impl Twins {
    pub(crate) fn new() -> Twins {
        let (plain, physical) = (open(), open());
        let batch = |connection: &Connection, name: &str| {
            connection
                .execute_batch(&format!(
                    "CREATE TABLE {name} {CHAIN}; INSERT INTO {name} {CHAIN_ROWS};"
                ))
                .unwrap();
        };
        plain.execute_batch("ATTACH ':memory:' AS chain").unwrap();
        batch(&plain, "chain.accounts");
        batch(&physical, "chain_accounts");
        physical
            .execute_batch(
                "CREATE TABLE d2_secret(id, n); INSERT INTO d2_secret VALUES (666, 666);
                 CREATE TABLE d33_secret(id, n); CREATE TABLE node_secret(id, n);
                 CREATE TABLE secret(id, n); INSERT INTO secret VALUES (777, 777);",
            )
            .unwrap();
        let namespace = Namespace::database(3);
        Twins { plain, physical, namespace, catalog: Catalog::default() }
    }

    pub(crate) fn prepare(&self, text: &str) -> Result<Statement, Rejection> {
        prepare(text, &self.namespace, Purpose::Write, &self.catalog)
    }

    /// Runs the text on both sides; `Err` if the front door rejects it.
    pub(crate) fn run(
        &self,
        text: &str,
        values: &[Value],
    ) -> Result<(Outcome, Outcome), Rejection> {
        let statement = self.prepare(text)?;
        let plain = run(&self.plain, text, values);
        let mut physical = run(&self.physical, &statement.physical, values);
        match &mut physical {
            Outcome::Rows(..) => self.catalog.follow(&statement),
            Outcome::Failed(_, message) => *message = user_text(message, &self.namespace),
        }
        Ok((plain, physical))
    }

    /// All rows of all tables on both sides.
    pub(crate) fn contents(&self) -> (Vec<String>, Vec<String>) {
        (contents(&self.plain, ""), contents(&self.physical, "d3_"))
    }
}

pub(crate) fn run(connection: &Connection, text: &str, values: &[Value]) -> Outcome {
    fetch(connection, text, values).unwrap_or_else(|error| match error {
        Error::SqliteFailure(code, message) => {
            Outcome::Failed(code.extended_code, message.unwrap_or_default())
        }
        Error::SqlInputError { error, msg, .. } => Outcome::Failed(error.extended_code, msg),
        other => Outcome::Failed(-1, other.to_string()),
    })
}

fn fetch(connection: &Connection, text: &str, values: &[Value]) -> Result<Outcome, Error> {
    let mut statement = connection.prepare(text)?;
    let names: Vec<String> = statement.column_names().map(ToString::to_string).collect();
    let count = statement.parameter_count().min(values.len());
    let mut rows = statement.query(params_from_iter(&values[..count]))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let cells: Result<Vec<_>, Error> =
            (0..names.len()).map(|at| row.get_ref(at).map(|cell| format!("{cell:?}"))).collect();
        found.push(cells?);
    }
    Ok(Outcome::Rows(names, found))
}

fn contents(connection: &Connection, prefix: &str) -> Vec<String> {
    let tables = "SELECT name FROM main.sqlite_schema WHERE type = 'table' \
         AND name GLOB ?1 AND name NOT LIKE 'sqlite_%' ORDER BY lower(name)";
    let mut statement = connection.prepare(tables).unwrap();
    let names: Vec<String> = statement
        .query_map([format!("{prefix}*")], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    names
        .iter()
        .map(|name| {
            let rows = run(connection, &format!("SELECT * FROM main.\"{name}\" ORDER BY 1"), &[]);
            format!("{}: {rows:?}", name.trim_start_matches(prefix).to_ascii_lowercase())
        })
        .collect()
}
