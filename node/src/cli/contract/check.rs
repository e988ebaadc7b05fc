//! Checks the SQL of a contract with SQLite itself, before anything is sent.
//!
//! 1. The declared tables are made, then the `sql!` statements that change the schema, in the order of
//!    the source: so what `#[init]` makes by hand is known too.
//! 2. Every `sql!` statement passes the chain's front door and is compiled by SQLite; the number of its
//!    parameters fits, and a query is one.
//! 3. Predicates of `can_read` and `can_write` pass the chain's own check and compile over their table: all
//!    that they may use beside columns is `caller()`.
//! 4. A fault tells the place in the source and SQLite's own words; all faults are told at once.

use super::super::exit::{Failure, Outcome};
use super::super::functions;
use dadbs_abi::section::{Kind, Row};
use dadbs_sql::{Namespace, Object, Purpose, Schema};
use dadbs_types::Value;
use dadbs_types::value::Reader;
use rusqlite::Connection;
use std::fmt::Write as _;
use std::path::Path;

/// One `sql!`.
struct Statement {
    /// `file:line:column`.
    place: String,
    is_query: bool,
    parameters: usize,
    text: String,
}

/// No object is known: the front door takes every name for a table.
struct AnyTable;

impl Schema for AnyTable {
    fn object(&self, _: &str) -> Option<Object> {
        None
    }
}

/// Checks tables, statements and predicates; `root` is the folder that places begin at.
pub(super) fn check(description: &[Row], section: &[u8], root: &Path) -> Outcome {
    let fault = |error: rusqlite::Error| Failure::other(format!("SQLite: {error}"));
    let database = Connection::open_in_memory().map_err(fault)?;
    functions::add(&database).map_err(fault)?;
    let mut faults = Vec::new();
    for table in description.iter().filter(|row| row.kind == Kind::Table) {
        for statement in &table.more {
            let made = pass(statement, Purpose::Write).and_then(|()| {
                database.execute_batch(statement).map_err(|error| error.to_string())
            });
            if let Err(error) = made {
                faults.push(format!("table {}: {error}\n  in {statement}", table.name));
            }
        }
    }
    let statements = statements(section)?;
    for statement in statements.iter().filter(|statement| is_schema(&statement.text)) {
        if let Err(error) = database.execute_batch(&statement.text) {
            faults.push(statement.shown(&error.to_string(), root));
        }
    }
    for statement in statements.iter().filter(|statement| !is_schema(&statement.text)) {
        if let Err(error) = statement.check(&database) {
            faults.push(statement.shown(&error, root));
        }
    }
    let physical = Connection::open_in_memory().map_err(fault)?;
    functions::add(&physical).map_err(fault)?;
    let declared = description.iter().filter(|row| row.kind == Kind::Table);
    let declared = declared.flat_map(|row| row.more.iter().map(String::as_str));
    let by_hand = statements.iter().map(|statement| statement.text.as_str());
    for statement in declared.chain(by_hand.filter(|text| is_schema(text))) {
        // What is wrong with one of them is among the faults already.
        if let Ok(passed) = prepare(statement, Purpose::Write) {
            drop(physical.execute_batch(&passed.physical));
        }
    }
    for row in description.iter().filter(|row| matches!(row.kind, Kind::CanRead | Kind::CanWrite)) {
        let predicate = row.more.first().map_or("", String::as_str);
        if let Err(error) = predicate_fits(&physical, &row.name, predicate) {
            faults.push(format!("{}({}): {error}\n  in {predicate}", row.kind.name(), row.name));
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::other(faults.join("\n\nerror: "))) }
}

/// The database that a contract is checked in.
fn database_1() -> Namespace {
    Namespace::database(1)
}

/// What the chain's front door makes of a statement.
fn prepare(text: &str, purpose: Purpose) -> Result<dadbs_sql::Statement, String> {
    let passed = dadbs_sql::prepare(text, &database_1(), purpose, &AnyTable);
    passed.map_err(|rejection| rejection.message)
}

/// What the chain's front door says.
fn pass(text: &str, purpose: Purpose) -> Result<(), String> {
    prepare(text, purpose).map(drop)
}

/// Rule 3: the statements that the chain uses a predicate in compile.
fn predicate_fits(database: &Connection, table: &str, predicate: &str) -> Result<(), String> {
    let used = dadbs_sql::predicate_statements(table, predicate, &database_1(), &AnyTable);
    for statement in used.map_err(|rejection| rejection.message)? {
        database.prepare(&statement).map_err(|error| {
            let message = match error {
                rusqlite::Error::SqlInputError { msg, .. } => msg,
                error => error.to_string(),
            };
            // The user's names, not those of database 1.
            message.replace("main.", "").replace(database_1().prefix(), "")
        })?;
    }
    Ok(())
}

/// True if the statement changes the schema, by its first word.
fn is_schema(text: &str) -> bool {
    let word = text.trim_start().split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("");
    ["CREATE", "ALTER", "DROP"].iter().any(|known| word.eq_ignore_ascii_case(known))
}

fn statements(section: &[u8]) -> Outcome<Vec<Statement>> {
    let malformed = || Failure::other("the section of sql! is malformed: build with this SDK");
    let mut reader = Reader::new(section);
    let mut statements = Vec::new();
    while !reader.rest().is_empty() {
        let row = reader.row().map_err(|_| malformed())?;
        let [Value::Text(place), Value::Text(kind), Value::Text(count), Value::Text(text)] =
            &row[..]
        else {
            return Err(malformed());
        };
        statements.push(Statement {
            place: place.clone(),
            is_query: kind == "query",
            parameters: count.parse().map_err(|_| malformed())?,
            text: text.clone(),
        });
    }
    // The linker orders them as it likes; places are told in order.
    statements.sort_by_key(|statement| {
        let mut parts = statement.place.rsplitn(3, ':');
        let mut number = || parts.next().and_then(|n| n.parse::<u32>().ok()).unwrap_or(0);
        let (column, line) = (number(), number());
        (parts.next().unwrap_or_default().to_owned(), line, column)
    });
    Ok(statements)
}

impl Statement {
    fn check(&self, database: &Connection) -> Result<(), String> {
        pass(&self.text, if self.is_query { Purpose::Read } else { Purpose::Write })?;
        let prepared = database.prepare(&self.text).map_err(|error| match error {
            rusqlite::Error::SqlInputError { msg, .. } => msg,
            error => error.to_string(),
        })?;
        let expected = prepared.parameter_count();
        if expected != self.parameters {
            return Err(format!("it has {expected} parameters, {} are given", self.parameters));
        }
        Ok(())
    }

    /// The fault as a compiler shows one (rule 4).
    fn shown(&self, error: &str, root: &Path) -> String {
        let mut parts = self.place.rsplitn(3, ':');
        let (_, line) = (parts.next(), parts.next().and_then(|line| line.parse::<usize>().ok()));
        let mut out = format!("{error}\n  --> {}", self.place);
        let source = parts.next().and_then(|file| std::fs::read_to_string(root.join(file)).ok());
        let source = source.as_deref().and_then(|text| text.lines().nth(line?.checked_sub(1)?));
        if let (Some(source), Some(line)) = (source, line) {
            let _ = write!(out, "\n   |\n{line:>3}| {source}\n   |");
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(name: &str, create: &str) -> Row {
        let (name, fields, doc) = (name.into(), String::new(), String::new());
        Row { kind: Kind::Table, name, fields, doc, more: vec![create.into()] }
    }

    #[test]
    fn rule_3_predicates_are_what_the_chain_takes() {
        let tables = [
            table(
                "notes",
                "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, owner TEXT NOT NULL) STRICT",
            ),
            table(
                "readers",
                "CREATE TABLE readers (note INTEGER NOT NULL, name TEXT NOT NULL) STRICT",
            ),
        ];
        let checked = |kind, predicate: &str| {
            let (name, fields, doc) = ("notes".into(), String::new(), String::new());
            let row = Row { kind, name, fields, doc, more: vec![predicate.into()] };
            let rows = [&tables[..], &[row]].concat();
            check(&rows, &[], Path::new("")).map_err(|failure| failure.message)
        };
        let shared = "owner = caller() OR EXISTS (SELECT 1 FROM readers r
            WHERE r.note = notes.id AND r.name = caller()) -- readers, too";
        for predicate in ["0", "owner = caller()", "unixepoch() > 7", shared] {
            checked(Kind::CanRead, predicate).unwrap();
            checked(Kind::CanWrite, predicate).unwrap();
        }
        for (wrong, why) in [
            ("ovner = caller()", "no such column: ovner"),
            ("height() > 5", "can_read(notes): "),
            ("owner = block_time()", "can_read(notes): "),
            ("owner = ?", "takes parameters"),
            ("owner IN (SELECT name FROM writers)", "no such table: "),
        ] {
            let message = checked(Kind::CanRead, wrong).expect_err(wrong);
            assert!(message.contains(why), "{wrong}: {message}");
            assert!(!message.contains("d1_"), "{message}");
        }
    }
}
