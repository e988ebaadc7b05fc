//! Time per step of ordinary statements and of bombs, and the ratio to scanning integers.
//! `cargo run --release -p dadbs-sqlite --example bench_steps`
#![allow(clippy::cast_precision_loss)]
#[path = "../tests/common/bombs.rs"]
mod bombs;

use std::time::Instant;

use dadbs_sqlite::{Connection, SqlFailure};

const STEPS_MAX: u64 = 20_000_000;

fn main() {
    let connection = Connection::memory().expect("a pinned build");
    let setup = "CREATE TABLE numbers(value INTEGER PRIMARY KEY);
         INSERT INTO numbers WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 100000)
         SELECT i FROM n";
    for sql in std::iter::once(&setup).chain(bombs::SETUP) {
        connection.batch(sql).expect("setup");
        connection.capture_truncate(0);
    }
    println!(
        "{:26} {:>12} {:>10} {:>9} {:>7}  end",
        "statement", "steps", "ms", "ns/step", "ratio"
    );
    let mut reference = measure(&connection, "SELECT sum(k) FROM d1_n").1;
    for (name, sql) in bombs::STATEMENTS {
        let (steps, ns, end) = measure(&connection, sql);
        if *name == "scan integers" {
            reference = ns;
        }
        let ms = ns * steps as f64 / 1e6;
        println!("{name:26} {steps:>12} {ms:>10.3} {ns:>9.1} {:>7.1}  {end}", ns / reference);
    }
    one_row_insert(&connection);
}

fn measure(connection: &Connection, sql: &str) -> (u64, f64, String) {
    connection.batch("BEGIN").expect("no transaction is open");
    let mut statement = connection.prepare_user(sql).expect("compiles");
    let start = Instant::now();
    let result = statement.run(&[], STEPS_MAX, &mut |_| Ok(()));
    let ns = start.elapsed().as_nanos() as f64;
    drop(statement);
    connection.batch("ROLLBACK").expect("a transaction is open");
    connection.capture_truncate(0);
    let (steps, end) = match result {
        Ok(run) => (run.steps, "done".to_owned()),
        Err(SqlFailure::Steps(steps)) => (steps, "out of steps".to_owned()),
        Err(SqlFailure::Rejected(why)) => (1, why.message),
        Err(why) => (1, format!("{why:?}")),
    };
    (steps, ns / steps as f64, end)
}

/// The cost of capture and metering on the commonest write.
fn one_row_insert(connection: &Connection) {
    use dadbs_types::Value;
    const ROWS: i64 = 200_000;
    connection.batch("CREATE TABLE d1_plain(id INTEGER PRIMARY KEY, v TEXT)").expect("ddl");
    connection.batch("CREATE TABLE node_plain(id INTEGER PRIMARY KEY, v TEXT)").expect("ddl");
    let text = Value::Text("x".repeat(100));
    connection.batch("BEGIN").expect("no transaction is open");
    let start = Instant::now();
    for id in 0..ROWS {
        let params = [&Value::Integer(id), &text];
        connection.execute("INSERT INTO node_plain VALUES (?1, ?2)", &params).expect("inserts");
    }
    let bare = start.elapsed();
    let start = Instant::now();
    for id in 0..ROWS {
        let params = [Value::Integer(id), text.clone()];
        let mut statement =
            connection.prepare_user("INSERT INTO d1_plain VALUES (?1, ?2)").expect("compiles");
        statement.run(&params, 100_000, &mut |_| Ok(())).expect("inserts");
        connection.capture_truncate(0);
    }
    let metered = start.elapsed();
    connection.batch("ROLLBACK").expect("a transaction is open");
    println!(
        "insert of one 100 B row: trusted, not captured {:.2} us; user, captured {:.2} us; ratio {:.2}",
        bare.as_secs_f64() * 1e6 / ROWS as f64,
        metered.as_secs_f64() * 1e6 / ROWS as f64,
        metered.as_secs_f64() / bare.as_secs_f64()
    );
}
