//! Time, random values and floats are the same on every node.

use dadbs_sqlite::Connection;
use dadbs_types::Value;

fn one(connection: &Connection, sql: &str) -> Vec<Value> {
    let mut rows = Vec::new();
    let mut statement = connection.prepare_user(sql).unwrap_or_else(|why| panic!("{sql}: {why:?}"));
    statement
        .run(&[], 1 << 40, &mut |row| {
            rows.extend(row.iter().map(|value| value.to_value()));
            Ok(())
        })
        .unwrap_or_else(|why| panic!("{sql}: {why:?}"));
    rows
}

#[test]
fn rule_5_time_is_the_clock_s() {
    let connection = Connection::memory().unwrap();
    connection.set_clock(1_700_000_000_123);
    let text = |sql: &str| one(&connection, sql);
    let now = "2023-11-14 22:13:20";
    assert_eq!(
        text("SELECT CURRENT_TIMESTAMP, datetime(), datetime('now')"),
        [now.into(), now.into(), now.into()]
    );
    assert_eq!(
        text("SELECT CURRENT_DATE, CURRENT_TIME, date(), time('now')"),
        ["2023-11-14".into(), "22:13:20".into(), "2023-11-14".into(), "22:13:20".into()]
    );
    assert_eq!(
        text("SELECT strftime('%f'), unixepoch(), unixepoch('subsec')"),
        ["20.123".into(), 1_700_000_000i64.into(), 1_700_000_000.123.into()]
    );
    assert_eq!(text("SELECT julianday()"), [Value::Real(2_460_263.425_927_349_4)]);
    assert_eq!(
        text("SELECT datetime('now', 'localtime'), datetime('now', 'utc')"),
        [now.into(), now.into()]
    );
    assert_eq!(
        text("SELECT timediff('now', '2023-11-13 22:13:20')"),
        ["+0000-00-01 00:00:00.123".into()]
    );
    one(
        &connection,
        "CREATE TABLE d1_t(id INTEGER PRIMARY KEY, at TEXT DEFAULT CURRENT_TIMESTAMP, n INT DEFAULT (unixepoch()))",
    );
    one(&connection, "CREATE VIEW d1_v AS SELECT datetime('now') AS at FROM d1_t");
    one(&connection, "INSERT INTO d1_t(id) VALUES (1)");
    connection.set_clock(1_700_000_060_000);
    one(&connection, "INSERT INTO d1_t(id) VALUES (2)");
    assert_eq!(text("SELECT at, n FROM d1_t WHERE id=1"), [now.into(), 1_700_000_000i64.into()]);
    assert_eq!(
        text("SELECT at, n FROM d1_t WHERE id=2"),
        ["2023-11-14 22:14:20".into(), 1_700_000_060i64.into()]
    );
    assert_eq!(text("SELECT DISTINCT at FROM d1_v"), ["2023-11-14 22:14:20".into()]);
}

#[test]
fn rule_5_random_is_the_seed_s() {
    let connection = Connection::memory().unwrap();
    let draw =
        || one(&connection, "SELECT random(), random(), hex(randomblob(8)), abs(random())>=0");
    connection.set_seed([7; 32]);
    let first = draw();
    assert_ne!(draw(), first);
    connection.set_seed([7; 32]);
    assert_eq!(draw(), first);
    connection.set_seed([8; 32]);
    assert_ne!(draw(), first);
    connection.set_seed([7; 32]);
    assert_eq!(first, golden_random());
    assert!(
        connection
            .prepare_user("SELECT randomblob(2000000)")
            .unwrap()
            .run(&[], 1 << 40, &mut |_| Ok(()))
            .is_err()
    );
}

#[test]
fn a_rowid_is_never_random() {
    let connection = Connection::memory().unwrap();
    connection.batch("BEGIN").unwrap();
    one(&connection, "CREATE TABLE d1_t(id INTEGER PRIMARY KEY, v)");
    one(&connection, "INSERT INTO d1_t VALUES (9223372036854775807, 'last')");
    let mut next = connection.prepare_user("INSERT INTO d1_t(v) VALUES ('more')").unwrap();
    assert!(next.run(&[], 1_000, &mut |_| Ok(())).is_err());
    assert!(connection.is_in_transaction());
    assert_eq!(one(&connection, "SELECT v FROM d1_t"), ["last".into()]);
}

/// Golden vectors: text to REAL, REAL to text, arithmetic, sums, rounding.
#[test]
fn floats_are_the_same_to_the_bit() {
    let connection = Connection::memory().unwrap();
    let mut failed = false;
    for (sql, bits) in GOLDEN_REALS {
        let Value::Real(real) = one(&connection, &format!("SELECT {sql}"))[0] else {
            panic!("{sql}")
        };
        failed |= real.to_bits() != *bits;
        println!("{sql} is {real:e}, {:#018x}", real.to_bits());
    }
    for (sql, text) in GOLDEN_TEXTS {
        let value = one(&connection, &format!("SELECT {sql}"))[0].clone();
        failed |= value != (*text).into();
        println!("{sql} is {value:?}");
    }
    assert!(!failed, "see what is printed");
}

fn golden_random() -> Vec<Value> {
    let (a, b) = (-15_381_569_635_948_208i64, -6_719_141_785_254_422_365i64);
    vec![a.into(), b.into(), "EE95A2F13773667E".into(), 1i64.into()]
}

const GOLDEN_REALS: &[(&str, u64)] = &[
    ("CAST('0.1' AS REAL)", 0x3fb9_9999_9999_999a),
    ("0.1+0.2", 0x3fd3_3333_3333_3334),
    ("CAST('1e23' AS REAL)", 0x44b5_2d02_c7e1_4af6),
    ("CAST('9007199254740993' AS REAL)", 0x4340_0000_0000_0000),
    ("CAST('2.2250738585072014e-308' AS REAL)", 0x0010_0000_0000_0000),
    ("CAST('4.9e-324' AS REAL)", 1),
    ("CAST('1.7976931348623157e308' AS REAL)", 0x7fef_ffff_ffff_ffff),
    ("1e308*10", 0x7ff0_0000_0000_0000),
    ("-0.0", 0),
    ("1.0/3", 0x3fd5_5555_5555_5555),
    ("1e16+1.5-1e16", 0x4000_0000_0000_0000),
    ("0.1*3-0.3", 0x3c90_0000_0000_0000),
    ("round(2.675, 2)", 0x4005_5c28_f5c2_8f5c),
    ("round(-1.5)", 0xc000_0000_0000_0000),
    (
        "(SELECT sum(v) FROM (SELECT 1e100 AS v UNION ALL SELECT 1.0 UNION ALL SELECT -1e100))",
        0x3ff0_0000_0000_0000,
    ),
    (
        "(SELECT sum(v) FROM (SELECT 0.1 AS v UNION ALL SELECT 0.2 UNION ALL SELECT 0.3))",
        0x3fe3_3333_3333_3333,
    ),
    (
        "(SELECT avg(v) FROM (SELECT 1 AS v UNION ALL SELECT 2 UNION ALL SELECT 2))",
        0x3ffa_aaaa_aaaa_aaab,
    ),
    (
        "(SELECT total(v) FROM (SELECT 9223372036854775807 AS v UNION ALL SELECT 1))",
        0x43e0_0000_0000_0000,
    ),
];

const GOLDEN_TEXTS: &[(&str, &str)] = &[
    ("CAST(0.1 AS TEXT)", "0.1"),
    ("(0.1+0.2)||''", "0.30000000000000004"),
    ("1e23||''", "1.0e+23"),
    ("(1.0/3)||''", "0.33333333333333332"),
    ("5e-324||''", "4.9406564584124654e-324"),
    ("100.0||''", "100.0"),
    ("1e15||''", "1000000000000000.0"),
    ("printf('%.17g', 0.1)", "0.1"),
    ("printf('%.3f', 2.0005)", "2.001"),
    ("quote(0.1)", "0.1"),
];
