//! Every row change is captured, whoever makes it.

use dadbs_sqlite::{Connection, Event, Operation};
use dadbs_types::{Code, Value};

fn run(connection: &Connection, sql: &str) -> Vec<Event> {
    connection.capture_truncate(0);
    let mut statement = connection.prepare_user(sql).unwrap_or_else(|why| panic!("{sql}: {why:?}"));
    statement.run(&[], 1 << 40, &mut |_| Ok(())).unwrap_or_else(|why| panic!("{sql}: {why:?}"));
    connection.capture_take()
}

fn operations(events: &[Event]) -> Vec<(&str, Operation)> {
    events.iter().map(|event| (&*event.table, event.operation)).collect()
}

fn integers(values: &[i64]) -> Vec<Value> {
    values.iter().map(|value| Value::Integer(*value)).collect()
}

fn open() -> Connection {
    let connection = Connection::memory().unwrap();
    connection
        .batch(
            "CREATE TABLE d1_t(id INTEGER PRIMARY KEY, u INT UNIQUE);
             CREATE TABLE d1_c(t INT REFERENCES d1_t(id) ON DELETE CASCADE ON UPDATE CASCADE);
             CREATE TABLE d1_w(b INT, a INT, PRIMARY KEY(a)) WITHOUT ROWID;
             CREATE TABLE d1_g(id INTEGER PRIMARY KEY, v INT AS (id+1) VIRTUAL, s INT AS (id*2) STORED, last INT);
             CREATE TABLE d1_r(r REAL, n);
             CREATE TABLE node_x(a);
             BEGIN",
        )
        .unwrap();
    connection
}

use Operation::{Delete, Insert, Update};

#[test]
fn rule_4_delete_without_where_is_row_by_row() {
    let connection = open();
    run(&connection, "INSERT INTO d1_t VALUES (1, 10), (2, 20), (3, 30)");
    let events = run(&connection, "DELETE FROM d1_t");
    assert_eq!(operations(&events), [("d1_t", Delete); 3]);
    assert_eq!(events[2].old, Some(integers(&[3, 30])));
    assert_eq!(events[2].old_rowid, 3);
}

#[test]
fn rule_4_replace_reports_its_victims() {
    let connection = open();
    run(&connection, "INSERT INTO d1_t VALUES (1, 10), (2, 20)");
    let events = run(&connection, "REPLACE INTO d1_t VALUES (1, 20)");
    assert_eq!(operations(&events), [("d1_t", Delete), ("d1_t", Delete), ("d1_t", Insert)]);
    let events = run(&connection, "UPDATE d1_t SET id=7");
    assert_eq!((events[0].old_rowid, events[0].new_rowid), (1, 7));
}

#[test]
fn rule_4_cascades_are_reported() {
    let connection = open();
    run(&connection, "INSERT INTO d1_t VALUES (1, 10)");
    run(&connection, "INSERT INTO d1_c VALUES (1), (1)");
    let events = run(&connection, "UPDATE d1_t SET id=5");
    assert_eq!(events.iter().filter(|event| &*event.table == "d1_c").count(), 2);
    assert!(events.iter().all(|event| event.operation == Update));
    let events = run(&connection, "DELETE FROM d1_t");
    assert_eq!(events.len(), 3);
    assert!(events.iter().all(|event| event.operation == Delete));
}

#[test]
fn rule_4_columns_come_in_declared_order() {
    let connection = open();
    let events = run(&connection, "INSERT INTO d1_w VALUES (1, 2)");
    assert_eq!(events[0].new, Some(integers(&[1, 2])));
    let events = run(&connection, "UPDATE d1_w SET b=9");
    assert_eq!(events[0].old, Some(integers(&[1, 2])));
    assert_eq!(events[0].new, Some(integers(&[9, 2])));
    let events = run(&connection, "INSERT INTO d1_g(id, last) VALUES (3, 4)");
    assert_eq!(events[0].new, Some(vec![3i64.into(), Value::Null, 6i64.into(), 4i64.into()]));
    let events = run(&connection, "UPDATE d1_g SET id=5");
    assert_eq!(events[0].new, Some(vec![5i64.into(), Value::Null, 10i64.into(), 4i64.into()]));
}

#[test]
fn negative_zero_is_not_stored() {
    let connection = open();
    let events = run(&connection, "INSERT INTO d1_r VALUES (-0.0, -0.0), (5, -1e-400)");
    for event in &events {
        for value in event.new.as_ref().unwrap() {
            assert!(!matches!(value, Value::Real(real) if real.is_sign_negative()), "{value:?}");
        }
    }
    assert!(matches!(events[1].new.as_ref().unwrap()[0], Value::Real(_)));
    let mut texts = Vec::new();
    connection
        .query("SELECT n||'' FROM d1_r", &[], &mut |row| {
            texts.extend_from_slice(row);
            Ok(())
        })
        .unwrap();
    assert_eq!(texts, ["0.0".into(), "0.0".into()]);
}

#[test]
fn what_is_not_captured() {
    let connection = open();
    connection.execute("INSERT INTO node_x VALUES (1)", &[]).unwrap();
    assert_eq!(connection.capture_mark(), 0);
    connection.execute("INSERT INTO d1_t VALUES (1, 1)", &[]).unwrap();
    assert_eq!(connection.capture_mark(), 1);
    let mut twice = connection.prepare_user("INSERT INTO d1_t VALUES (2, 2), (3, 1)").unwrap();
    assert!(twice.run(&[], 10_000, &mut |_| Ok(())).is_err());
    assert_eq!(connection.capture_mark(), 1, "a failed statement leaves no events");
}

#[test]
fn user_rule_4_text_that_is_not_utf8_is_never_stored() {
    let connection = open();
    let mut statement =
        connection.prepare_user("INSERT INTO d1_r VALUES (1, CAST(x'ff' AS TEXT))").unwrap();
    match statement.run(&[], 10_000, &mut |_| Ok(())) {
        Err(dadbs_sqlite::SqlFailure::Rejected(why)) => assert_eq!(why.code, Code::SqlError),
        other => panic!("{other:?}"),
    }
    drop(statement);
    assert!(connection.is_in_transaction());
    assert!(run(&connection, "DELETE FROM d1_r").is_empty());
}

#[test]
fn deferred_foreign_keys_show() {
    let connection = open();
    connection
        .batch("CREATE TABLE d1_l(t INT REFERENCES d1_t(id) DEFERRABLE INITIALLY DEFERRED)")
        .unwrap();
    assert_eq!(connection.deferred_foreign_keys(), 0);
    run(&connection, "INSERT INTO d1_l VALUES (77)");
    assert_ne!(connection.deferred_foreign_keys(), 0);
    run(&connection, "DELETE FROM d1_l");
    assert_eq!(connection.deferred_foreign_keys(), 0);
}
