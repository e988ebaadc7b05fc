//! Random statements on the patched, metered engine and on the pristine one: the same rows, changes,
//! messages and tables; and stopped anywhere, a statement leaves nothing behind.
mod common;

use std::collections::BTreeMap;

use common::{Dice, Pristine};
use dadbs_sqlite::{Connection, Event, Run, SqlFailure};
use dadbs_types::{Value, value::encode_row};

const PLENTY: u64 = 1 << 40;

const SCHEMA: &[&str] = &[
    "CREATE TABLE d1_a(id INTEGER PRIMARY KEY, k INT UNIQUE, v, w TEXT NOT NULL DEFAULT 'w' CHECK(length(w)<12))",
    "CREATE INDEX d1_a_v ON d1_a(v, w)",
    "CREATE TABLE d1_b(p TEXT, q INT, r REAL, PRIMARY KEY(p, q)) WITHOUT ROWID",
    "CREATE TABLE d1_c(id INTEGER PRIMARY KEY, a INT REFERENCES d1_a(id) ON DELETE CASCADE ON UPDATE CASCADE, n ANY) STRICT",
    "CREATE INDEX d1_c_a ON d1_c(a)",
    "CREATE TABLE d1_d(a INT REFERENCES d1_a(k) ON DELETE SET NULL ON UPDATE CASCADE, t TEXT)",
    "CREATE TABLE d1_e(c INT REFERENCES d1_c(id) ON DELETE RESTRICT, n NUMERIC)",
    "CREATE TABLE d1_g(id INTEGER PRIMARY KEY, x INT, s INT AS (x*2) STORED, z INT AS (x+1) VIRTUAL UNIQUE)",
    "CREATE VIEW d1_view AS SELECT a.id, a.w, count(c.id) AS n FROM d1_a a LEFT JOIN d1_c c ON c.a=a.id GROUP BY a.id",
];

fn expression(dice: &mut Dice, depth: u32) -> String {
    let n = dice.below(40);
    if depth == 0 || n < 14 {
        return match n % 7 {
            0 => "NULL".into(),
            1 => format!("{}", dice.below(40)),
            2 => format!("-{}", dice.below(9)),
            3 => format!("'{}'", dice.pick(&["a", "b", "abc", "7", "x%", "zz zz"])),
            4 => format!("{}.5", dice.below(9)),
            5 => format!("x'{:02x}'", dice.below(128)),
            _ => format!("'{}'", "q".repeat(usize::try_from(dice.below(14)).unwrap())),
        };
    }
    let (a, b) = (expression(dice, depth - 1), expression(dice, depth - 1));
    match n {
        14..=18 => format!("({a} {} {b})", dice.pick(&["+", "-", "*", "/", "%", "||", "&", "<<"])),
        19..=23 => format!("({a} {} {b})", dice.pick(&["=", "<", ">=", "IS", "<>", "AND", "OR"])),
        24 => format!("({a} LIKE {b})"),
        25 => format!("substr({a}, {b}, 3)"),
        26 => format!("replace({a}, 'a', {b})"),
        27 => format!("hex({a})"),
        28 => format!("coalesce({a}, {b})"),
        29 => format!("instr({a}, {b})"),
        30 => format!("CASE WHEN {a} THEN {b} ELSE 1 END"),
        31 => format!("CAST({a} AS {})", dice.pick(&["TEXT", "INTEGER", "REAL", "BLOB"])),
        32 => format!("abs({a})"),
        33 => format!("(SELECT max(k) FROM d1_a WHERE v={a})"),
        34 => format!("printf('%d|%s', {a}, {b})"),
        35 => format!("round({a}, 2)"),
        36 => format!("({a} IN (SELECT v FROM d1_a))"),
        37 => format!("trim({a}, {b})"),
        _ => format!("length({a})"),
    }
}

/// A text of a column of `d1_a`, `d1_c` or an expression.
fn operand(dice: &mut Dice, columns: &[&str]) -> String {
    if dice.below(3) == 0 { expression(dice, 2) } else { dice.pick(columns).into() }
}

fn select(dice: &mut Dice) -> String {
    let e = expression(dice, 2);
    let limit = dice.below(20);
    match dice.below(12) {
        0 => format!("SELECT *, {e} FROM d1_a WHERE v >= {e} OR k < {limit}"),
        1 => format!("SELECT w, count(*), sum(k), group_concat(v) FROM d1_a GROUP BY w HAVING count(*) > {}", limit / 8),
        2 => format!("SELECT a.id, c.n FROM d1_a a LEFT JOIN d1_c c ON c.a=a.id ORDER BY c.n DESC, a.w LIMIT {limit}"),
        3 => format!("SELECT DISTINCT v FROM d1_a UNION SELECT n FROM d1_c EXCEPT SELECT {e}"),
        4 => format!("WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM r WHERE i < {}) SELECT i, {e} FROM r", limit * 5),
        5 => "SELECT id, sum(k) OVER (ORDER BY w, id ROWS 2 PRECEDING), rank() OVER (ORDER BY v) FROM d1_a".into(),
        6 => format!("SELECT count(*) FROM d1_a, d1_c WHERE d1_a.v=d1_c.n OR {e}"),
        7 => "SELECT * FROM d1_view WHERE n > 0 ORDER BY 2, 1".into(),
        8 => format!("SELECT * FROM d1_b WHERE p > {e} ORDER BY q LIMIT {limit} OFFSET 2"),
        9 => format!("SELECT (SELECT n FROM d1_c WHERE a=d1_a.id ORDER BY 1 LIMIT 1), {e} FROM d1_a"),
        10 => format!("VALUES ({e}, 1), (2, {e})"),
        _ => "SELECT *, x||s FROM d1_g ORDER BY z".into(),
    }
}

fn write(dice: &mut Dice) -> String {
    let (e, f) = (expression(dice, 2), expression(dice, 1));
    let (n, m) = (dice.below(60), dice.below(60));
    let conflict = dice.pick(&["", "", "OR IGNORE", "OR REPLACE", "OR ABORT"]);
    let returning = dice.pick(&["", "", " RETURNING *"]);
    match dice.below(24) {
        0..=2 => format!(
            "INSERT {conflict} INTO d1_a(id, k, v, w) VALUES ({n}, {m}, {e}, 'w{n}'), ({m}, {n}, {f}, 'm'){returning}"
        ),
        3 => format!(
            "INSERT {conflict} INTO d1_a(k, v, w) SELECT k+{n}, v, w FROM d1_a WHERE id%7<{m}%7 LIMIT 20{returning}"
        ),
        4 => format!(
            "INSERT INTO d1_a(k, v) VALUES ({m}, {e}) ON CONFLICT(k) DO UPDATE SET v=excluded.v, k=k+{n}{returning}"
        ),
        5 => format!(
            "UPDATE {conflict} d1_a SET v={}, k=k+{} WHERE id < {m}{returning}",
            operand(dice, &["k", "w", "id"]),
            n % 5
        ),
        6 => format!("UPDATE {conflict} d1_a SET id=id+{} WHERE k > {m}", n % 9),
        7 => format!("DELETE FROM d1_a WHERE id%{}={}{returning}", n % 11 + 2, m % 3),
        8..=9 => format!(
            "INSERT {conflict} INTO d1_b VALUES ('p{}', {m}, {e}), ('p{n}', {}, {f}){returning}",
            m % 9,
            n % 4
        ),
        10 => format!(
            "UPDATE {conflict} d1_b SET q=q+1, r={} WHERE p < 'p{n}'{returning}",
            operand(dice, &["q", "p", "r"])
        ),
        11 => format!("DELETE FROM d1_b WHERE q>{m} OR r={e}"),
        12..=13 => format!(
            "INSERT {conflict} INTO d1_c(a, n) SELECT id, {e} FROM d1_a WHERE id%{}=1{returning}",
            n % 5 + 1
        ),
        14 => format!(
            "UPDATE d1_c SET n=s.v FROM (SELECT id, v FROM d1_a WHERE k<{m}) AS s WHERE d1_c.a=s.id{returning}"
        ),
        15 => format!("DELETE FROM d1_c WHERE id>{n} OR a IN (SELECT id FROM d1_a WHERE v={e})"),
        16 => format!("INSERT INTO d1_d SELECT k, w FROM d1_a WHERE k<{m} LIMIT 9"),
        17 => format!("INSERT INTO d1_d VALUES ({n}, {e}), (NULL, {f}){returning}"),
        18 => "DELETE FROM d1_d".into(),
        19 => format!("INSERT INTO d1_e SELECT id, {e} FROM d1_c WHERE id%{}=0 LIMIT 3", n % 6 + 1),
        20 => format!("DELETE FROM d1_e WHERE n IS {e} OR c%2={}", n % 2),
        21 => format!(
            "INSERT {conflict} INTO d1_g(id, x) VALUES ({}, {m}), ({m}, {n}){returning}",
            n % 30
        ),
        22 => format!("UPDATE {conflict} d1_g SET x=x+{} WHERE s > {m}{returning}", n % 3),
        _ => format!("DELETE FROM d1_g WHERE z < {n}"),
    }
}

fn ddl(dice: &mut Dice) -> String {
    let (n, t) = (dice.below(4), dice.pick(&["a", "c", "d", "g"]));
    match dice.below(14) {
        0 => format!("CREATE INDEX d1_i{n} ON d1_a(w, v DESC)"),
        1 => format!("CREATE UNIQUE INDEX d1_i{n} ON d1_a(v)"),
        2 => format!("CREATE INDEX d1_i{n} ON d1_c(n) WHERE n IS NOT NULL"),
        3 => format!("CREATE INDEX d1_i{n} ON d1_b(r, length(p))"),
        4..=5 => format!("DROP INDEX d1_i{n}"),
        6 => format!("CREATE TABLE d1_t{n}(x, y DEFAULT 5, PRIMARY KEY(x))"),
        7 => format!("INSERT OR IGNORE INTO d1_t{n}(x) SELECT id FROM d1_a"),
        8 => format!("DROP TABLE d1_t{n}"),
        9 => format!("ALTER TABLE d1_{t} ADD COLUMN more{n} TEXT DEFAULT 'added'"),
        10 => format!("ALTER TABLE d1_{t} DROP COLUMN more{n}"),
        11 => format!("ALTER TABLE d1_{t} RENAME COLUMN more{n} TO more{}", (n + 1) % 4),
        12 => format!("CREATE VIEW d1_v{n} AS SELECT * FROM d1_a"),
        _ => format!("DROP VIEW d1_v{n}"),
    }
}

fn statement(dice: &mut Dice) -> String {
    match dice.below(20) {
        0..=5 => select(dice),
        6..=17 => write(dice),
        _ => ddl(dice),
    }
}

type Outcome = Result<(Vec<Vec<Value>>, u64), String>;

fn run(connection: &Connection, sql: &str, steps: u64) -> Result<Outcome, u64> {
    run_and_count(connection, sql, steps).0
}

/// The outcome, or `Err` if stopped; and the steps, however it ended.
fn run_and_count(connection: &Connection, sql: &str, steps: u64) -> (Result<Outcome, u64>, u64) {
    let (mut rows, mut used) = (Vec::new(), 0);
    let result = connection.prepare_user(sql).and_then(|mut statement| {
        let result = statement.run(&[], steps, &mut |row| {
            rows.push(row.iter().map(|value| value.to_value()).collect());
            Ok(())
        });
        used = statement.steps();
        result
    });
    (outcome(result, rows, sql, steps), used)
}

fn outcome(
    result: Result<Run, SqlFailure>,
    rows: Vec<Vec<Value>>,
    sql: &str,
    steps: u64,
) -> Result<Outcome, u64> {
    match result {
        Ok(run) => {
            assert!(run.steps < steps, "{sql}");
            Ok(Ok((rows, run.changes)))
        }
        Err(SqlFailure::Rejected(why)) => Ok(Err(why.message)),
        Err(SqlFailure::Steps(_)) => Err(steps),
        Err(why) => panic!("{sql}: {why:?}"),
    }
}

/// Every table with its rows, and every object of the schema.
type Dump = BTreeMap<String, Vec<Vec<Value>>>;

fn dump(read: &dyn Fn(&str) -> Vec<Vec<Value>>) -> Dump {
    let schema = read("SELECT type, name, sql FROM sqlite_schema ORDER BY rowid");
    let mut dump = Dump::new();
    for object in &schema {
        if let [Value::Text(kind), Value::Text(name), _] = &object[..]
            && kind == "table"
        {
            dump.insert(name.clone(), read(&format!("SELECT * FROM {name}")));
        }
    }
    dump.insert("sqlite_schema".into(), schema);
    dump
}

fn trusted(connection: &Connection, sql: &str) -> Vec<Vec<Value>> {
    let mut rows = Vec::new();
    // A few hundred different texts in the life of the test.
    let sql: &'static str = Box::leak(sql.to_owned().into_boxed_str());
    connection
        .query(sql, &[], &mut |row| {
            rows.push(row.to_vec());
            Ok(())
        })
        .unwrap();
    rows
}

/// Applies captured events to a dump's rows, as multisets without virtual columns.
fn replay(dump: &Dump, events: &[Event]) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut tables: BTreeMap<String, Vec<Vec<u8>>> = stored(dump);
    for event in events {
        let Some(rows) = tables.get_mut(&*event.table) else { continue };
        if let Some(old) = &event.old {
            let old = encode(&event.table, old);
            let at = rows.iter().position(|row| *row == old).expect("a removed row was there");
            rows.swap_remove(at);
        }
        if let Some(new) = &event.new {
            rows.push(encode(&event.table, new));
        }
    }
    for rows in tables.values_mut() {
        rows.sort();
    }
    tables
}

/// The row as captured: the VIRTUAL column `z` of `d1_g` holds NULL.
fn encode(table: &str, row: &[Value]) -> Vec<u8> {
    let mut row = row.to_vec();
    if table == "d1_g" {
        row[3] = Value::Null;
    }
    encode_row(&row)
}

fn stored(dump: &Dump) -> BTreeMap<String, Vec<Vec<u8>>> {
    dump.iter()
        .filter(|(name, _)| !name.starts_with("sqlite_"))
        .map(|(name, rows)| {
            let mut rows: Vec<_> = rows.iter().map(|row| encode(name, row)).collect();
            rows.sort();
            (name.clone(), rows)
        })
        .collect()
}

fn fuzz(seed: u64, statements: u64) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    let connection = Connection::open_writer(&folder.path().join("state.db")).unwrap();
    let pristine = Pristine::memory();
    // Metered too, but never stopped, never committed: it tells whether steps depend on that.
    let twin = Connection::memory().unwrap();
    twin.batch("BEGIN").unwrap();
    let mut dice = Dice::new(seed);
    connection.batch("BEGIN").unwrap();
    pristine.run("BEGIN").unwrap();
    for sql in SCHEMA {
        assert_eq!(
            run(&connection, sql, PLENTY),
            Ok(pristine.run(sql).map(|(rows, _)| (rows, 0))),
            "{sql}"
        );
        run(&twin, sql, PLENTY).unwrap().unwrap();
    }
    connection.batch("SAVEPOINT statement").unwrap();
    let read = |sql: &str| trusted(&connection, sql);
    let mut before = dump(&read);
    let (mut stopped, mut failed) = (0, 0);
    for n in 0..statements {
        let sql = statement(&mut dice);
        let note = format!("seed {seed} statement {n}: {sql}");
        connection.capture_truncate(0);
        let steps = 1 << dice.below(14);
        if let Err(_used) = run(&connection, &sql, steps + dice.below(steps)) {
            stopped += 1;
            assert!(connection.is_in_transaction(), "{note}");
            assert_eq!(connection.capture_mark(), 0, "{note}");
            assert_eq!(dump(&read), before, "{note}");
            assert_eq!(read("PRAGMA integrity_check"), [["ok".into()]], "{note}");
        } else {
            // It was done in full: let the other engine follow below from the same state.
            connection.batch("ROLLBACK TO statement").unwrap();
            connection.capture_truncate(0);
            assert_eq!(dump(&read), before, "{note}");
        }
        let (ours, used) = run_and_count(&connection, &sql, PLENTY);
        let ours = ours.expect("plenty of steps");
        let (theirs, theirs_used) = run_and_count(&twin, &sql, PLENTY);
        twin.capture_truncate(0);
        assert_eq!((theirs.as_ref(), theirs_used), (Ok(&ours), used), "{note}");
        let mut theirs = pristine.run(&sql);
        let after = dump(&read);
        let is_ddl = after.get("sqlite_schema") != before.get("sqlite_schema");
        if let (Ok(theirs), true) = (&mut theirs, ddl_text(&sql)) {
            theirs.1 = 0;
        }
        assert_eq!(ours, theirs, "{note}");
        failed += u64::from(ours.is_err());
        assert_eq!(after, dump(&|sql| pristine.run(sql).unwrap().0), "{note}");
        if !is_ddl {
            connection.capture_with(0, |events| {
                assert_eq!(replay(&before, events), stored(&after), "{note}");
            });
        }
        before = after;
        connection.batch("RELEASE statement; SAVEPOINT statement").unwrap();
        if n % 64 == 63 {
            connection.batch("RELEASE statement; COMMIT; BEGIN; SAVEPOINT statement").unwrap();
            let _ = pristine.run("COMMIT").and_then(|_| pristine.run("BEGIN")).unwrap();
        }
    }
    (stopped, failed)
}

fn ddl_text(sql: &str) -> bool {
    ["CREATE", "DROP", "ALTER"].iter().any(|word| sql.starts_with(word))
}

#[test]
fn metered_statements_do_what_pristine_ones_do() {
    let (mut stopped, mut failed) = (0, 0);
    for seed in 1..=4 {
        let (s, f) = fuzz(seed, 1_000);
        stopped += s;
        failed += f;
    }
    println!("4,000 statements: {stopped} stopped in the middle first, {failed} failed");
    assert!(stopped > 1_000 && failed > 200);
}

#[test]
#[ignore = "slow: 100,000 statements"]
fn metered_statements_do_what_pristine_ones_do_at_length() {
    let results: Vec<_> = (100..200).map(|seed| fuzz(seed, 1_000)).collect();
    let (stopped, failed) = results.iter().fold((0, 0), |(s, f), r| (s + r.0, f + r.1));
    println!("100,000 statements: {stopped} stopped in the middle first, {failed} failed");
}
