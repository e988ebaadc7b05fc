//! Nanoseconds of compiling per gas of statements whose compiling is long for their text.
//! `cargo run --release -p dadbs-sqlite --example bench_sql_compile`
#![allow(clippy::cast_precision_loss)]
#[path = "../tests/common/compiles.rs"]
mod compiles;

use std::time::Instant;

use dadbs_sqlite::Connection;
use dadbs_types::gas::price;

fn main() {
    let connection = Connection::memory().expect("a pinned build");
    for sql in compiles::setup() {
        connection.batch(&sql).expect("setup");
    }
    println!("{:26} {:>6} {:>9} {:>10} {:>8}  end", "statement", "bytes", "steps", "us", "ns/gas");
    for (name, sql) in compiles::statements() {
        let (mut best, mut end) = (f64::MAX, String::new());
        for _ in 0..3 {
            // DDL empties the cache of statements.
            connection.batch("CREATE TABLE d9_x(a); DROP TABLE d9_x").expect("runs");
            let _ = connection.prepare_user("SELECT a FROM d1_v11").expect("compiles");
            let start = Instant::now();
            end = match connection.prepare_user(&sql) {
                Ok(_) => String::new(),
                Err(why) => format!("{why:?}").chars().take(120).collect(),
            };
            best = best.min(start.elapsed().as_secs_f64() * 1e9);
        }
        let steps = connection.compile_steps();
        let text = price::SQL_STATEMENT + price::SQL_TEXT_BYTE * sql.len() as u64;
        let gas = text + steps * price::SQL_STEP;
        println!(
            "{name:26} {:6} {steps:9} {:10.0} {:8.2}  {end}",
            sql.len(),
            best / 1e3,
            best / gas as f64
        );
    }
}
