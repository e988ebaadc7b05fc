//! Statements of users and trusted statements on real files.

use std::path::Path;

use dadbs_sqlite::{Connection, Operation, Run, SqlFailure, StopRow};
use dadbs_types::{Code, Value};

const PLENTY: u64 = 1_000_000_000;

type Rows = Vec<Vec<Value>>;

fn run(connection: &Connection, sql: &str, steps: u64) -> Result<(Run, Rows), SqlFailure> {
    let mut rows = Vec::new();
    let mut statement = connection.prepare_user(sql)?;
    let run = statement.run(&[], steps, &mut |row| {
        rows.push(row.iter().map(|value| value.to_value()).collect());
        Ok(())
    })?;
    Ok((run, rows))
}

fn rows(connection: &Connection, sql: &str) -> Rows {
    run(connection, sql, PLENTY).unwrap_or_else(|why| panic!("{sql}: {why:?}")).1
}

fn rejection(connection: &Connection, sql: &str) -> Code {
    match run(connection, sql, PLENTY) {
        Err(SqlFailure::Rejected(rejection)) => rejection.code,
        other => panic!("{sql}: {other:?}"),
    }
}

fn block() -> Connection {
    let connection = Connection::memory().unwrap();
    connection.batch("BEGIN").unwrap();
    connection
}

#[test]
fn opens_and_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let writer = Connection::open_writer(&path).unwrap();
    writer.batch("BEGIN; CREATE TABLE d1_t(id INTEGER PRIMARY KEY, v TEXT) STRICT").unwrap();
    let two = Value::from("two");
    assert_eq!(writer.execute("INSERT INTO d1_t(v) VALUES ('one'), (?1)", &[&two]).unwrap(), 2);
    assert_eq!(rows(&writer, "SELECT v FROM d1_t"), [["one".into()], ["two".into()]]);
    let events = writer.capture_take();
    assert_eq!(events.len(), 2);
    assert_eq!(&*events[1].table, "d1_t");
    assert_eq!(events[1].operation, Operation::Insert);
    assert_eq!(events[1].new, Some(vec![Value::Integer(2), "two".into()]));
    writer.batch("COMMIT").unwrap();
    let reader = Connection::open_reader(&path).unwrap();
    assert_eq!(rows(&reader, "SELECT count(*) FROM d1_t"), [[Value::Integer(2)]]);
    assert!(Connection::open_reader(Path::new("/nonexistent/file")).is_err());
}

#[test]
fn user_rule_2_a_stopped_statement_is_undone_alone() {
    let connection = block();
    connection.batch("CREATE TABLE d1_t(id INTEGER PRIMARY KEY, v)").unwrap();
    rows(&connection, "INSERT INTO d1_t(v) VALUES (1),(2),(3),(4),(5),(6),(7),(8)");
    let mark = connection.capture_mark();
    let update = "UPDATE d1_t SET v=v+1 RETURNING v";
    let steps = run(&connection, update, PLENTY).unwrap().0.steps;
    for max in 0..=steps {
        let before = rows(&connection, "SELECT * FROM d1_t");
        let mark = connection.capture_mark();
        assert_eq!(run(&connection, update, max), Err(SqlFailure::Steps(max)));
        assert_eq!(rows(&connection, "SELECT * FROM d1_t"), before);
        assert_eq!(connection.capture_mark(), mark);
    }
    assert!(run(&connection, update, steps + 1).is_ok());
    let before = rows(&connection, "SELECT * FROM d1_t");
    let mut statement = connection.prepare_user(update).unwrap();
    assert_eq!(statement.run(&[], PLENTY, &mut |_| Err(StopRow)), Err(SqlFailure::Stopped));
    assert_eq!(rows(&connection, "SELECT * FROM d1_t"), before);
    assert_eq!(connection.capture_mark(), mark + 16);
    connection.batch("COMMIT").unwrap();
}

#[test]
fn failures_are_classified() {
    let connection = block();
    connection
        .batch(
            "CREATE TABLE d1_p(id INTEGER PRIMARY KEY, v INT NOT NULL CHECK(v>0)) STRICT;
             CREATE TABLE d1_c(p INT REFERENCES d1_p(id)) STRICT;
             CREATE TABLE chain_x(a); CREATE TABLE node_x(a)",
        )
        .unwrap();
    for (sql, code) in [
        ("INSERT INTO d1_p VALUES (1, 0)", Code::SqlConstraint),
        ("INSERT INTO d1_p VALUES (1, 'x')", Code::SqlConstraint),
        ("INSERT INTO d1_p VALUES ('x', 1)", Code::SqlError),
        ("INSERT INTO d1_c VALUES (7)", Code::SqlForeignKey),
        ("SELECT * FROM d1_nothing", Code::SqlError),
        ("SELECT * FRM d1_p", Code::SqlSyntax),
        ("SELECT 1; SELECT 2", Code::SqlSyntax),
        ("SELECT ?1", Code::SqlParameters),
        ("SELECT zeroblob(2000000)", Code::SqlTooLarge),
        ("SELECT abs(-9223372036854775807-1)", Code::SqlError),
        ("SELECT CAST(x'ff' AS TEXT)", Code::SqlError),
        (
            "INSERT INTO d1_p SELECT 1, 1 WHERE 1=CAST(x'ff' AS TEXT) OR 1 RETURNING CAST(x'ff' AS TEXT)",
            Code::SqlError,
        ),
        ("SELECT * FROM sqlite_schema", Code::SqlRefused),
        ("SELECT sqlite_version()", Code::SqlRefused),
        ("SELECT changes()", Code::SqlRefused),
        ("PRAGMA page_size", Code::SqlRefused),
        ("COMMIT", Code::SqlRefused),
        ("SAVEPOINT x", Code::SqlRefused),
        ("ATTACH 'x' AS y", Code::SqlRefused),
        ("ANALYZE", Code::SqlRefused),
        (
            "CREATE TABLE d1_x(a DEFAULT (sqlite_version()), CHECK(a <> sqlite_source_id()))",
            Code::SqlRefused,
        ),
        ("VACUUM", Code::SqlError),
        ("REPLACE INTO sqlite_schema(type) VALUES ('x')", Code::SqlError),
        ("DROP TABLE chain_x", Code::SqlRefused),
        ("INSERT INTO chain_x VALUES (1)", Code::SqlRefused),
        ("SELECT * FROM node_x", Code::SqlRefused),
        ("SELECT * FROM pragma_table_list", Code::SqlRefused),
        ("SELECT * FROM pragma_table_info('d1_p')", Code::SqlRefused),
        ("CREATE TEMP TABLE d1_x(a)", Code::SqlRefused),
        ("CREATE TABLE other(a)", Code::SqlRefused),
        ("CREATE TRIGGER d1_x AFTER INSERT ON d1_p BEGIN SELECT 1; END", Code::SqlRefused),
    ] {
        assert_eq!(rejection(&connection, sql), code, "{sql}");
        assert!(rows(&connection, "SELECT * FROM d1_p").is_empty());
    }
    connection.batch("COMMIT").unwrap();
}
