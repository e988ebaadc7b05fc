//! What the front door costs, beside SQLite's own compilation of the printed text in the same run.

use std::time::Instant;

use dadbs_sql::{Namespace, Object, Purpose, Schema, prepare};

#[path = "../tests/twin/mod.rs"]
mod twin;

struct Empty;

impl Schema for Empty {
    fn object(&self, _physical: &str) -> Option<Object> {
        None
    }
}

const TEXTS: &[(&str, &str)] = &[
    ("short INSERT", "INSERT INTO items(id, name, price) VALUES (?1, ?2, ?3)"),
    ("literal INSERT", "INSERT INTO items VALUES (17, 'a name of a thing', 12.5)"),
    ("point SELECT", "SELECT name, price FROM items WHERE id = ?1"),
    (
        "UPSERT",
        "INSERT INTO items(id, name, price) VALUES (?1, ?2, ?3) ON CONFLICT(id) DO UPDATE \
         SET name = excluded.name, price = items.price + excluded.price",
    ),
    (
        "UPDATE",
        "UPDATE items SET price = price + 1, name = ?2 WHERE items.id = ?1 RETURNING id, price",
    ),
    (
        "join",
        "SELECT i.name, sum(o.count * i.price) AS total, count(*) FROM items AS i JOIN orders o \
         ON o.item = i.id WHERE o.day BETWEEN ?1 AND ?2 GROUP BY i.name HAVING total > 10 \
         ORDER BY total DESC LIMIT 10",
    ),
];

fn per_round(mut work: impl FnMut()) -> f64 {
    const ROUNDS: u32 = 20_000;
    (0..5)
        .map(|_| {
            let start = Instant::now();
            (0..ROUNDS).for_each(|_| work());
            start.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS)
        })
        .fold(f64::MAX, f64::min)
}

fn main() {
    let namespace = Namespace::database(3);
    let connection = twin::Twins::new().physical;
    connection
        .execute_batch(
            "CREATE TABLE d3_items(id INTEGER PRIMARY KEY, name TEXT, price REAL);
             CREATE TABLE d3_orders(item INT, day INT, count INT)",
        )
        .expect("tables");
    println!("best of 5 x 20,000, us per statement");
    println!("| statement | bytes | front door | sqlite3_prepare | ratio |\n|---|---|---|---|---|");
    for (name, text) in TEXTS {
        let physical =
            prepare(text, &namespace, Purpose::Write, &Empty).expect("accepted").physical;
        let door = per_round(|| {
            std::hint::black_box(prepare(text, &namespace, Purpose::Write, &Empty))
                .expect("accepted");
        });
        let sqlite = per_round(|| {
            std::hint::black_box(connection.prepare(&physical)).expect("compiles");
        });
        println!("| {name} | {} | {door:.1} | {sqlite:.1} | {:.1} |", text.len(), door / sqlite);
    }
}
