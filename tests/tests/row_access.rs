//! Which rows a caller reads and writes.
//!
//! 1. Whatever a caller asks, the answer is the one of a database without predicates that holds the rows
//!    that the caller may read, and nothing else: errors too.
//! 2. Hidden rows change no answer, no error and no effect on what is seen.
//! 3. Writes touch rows that the caller may read and write; a row that is written must be writable.
//! 4. What would show or touch hidden rows in another way is refused.
//! 5. Views, calls and reads without a contract are held to the same; a reader without a name sees what
//!    `caller()` is NULL for.
//! 6. The contract itself may see all rows.
//! 7. Predicates that do not fit the schema keep a contract from being made, and from changing its tables.
#![allow(
    clippy::too_many_lines,
    clippy::cast_possible_wrap,
    clippy::wildcard_imports,
    reason = "tests are long"
)]

mod support;

use dadbs_abi::section::Kind;
use dadbs_proto::dadbs::contract::v1::{ViewRequest, ViewResponse};
use dadbs_proto::dadbs::sql::v1::{QueryRequest, QueryResponse};
use dadbs_tests::Chain;
use dadbs_types::{Code, Value};
use std::fmt::Write as _;
use support::*;

const READ: &str = "owner = caller() OR EXISTS (SELECT 1 FROM members m WHERE m.name = caller() AND m.level > 8 AND orders.kind = 'x')";
const WRITE: &str = "owner = caller() AND amount < 1000 -- the owner's";

/// The visible rows are the same everywhere; the hidden ones are not.
fn world(chain: &mut Chain, name: &str, hidden: Option<i64>) {
    let me = chain.address(1).to_string();
    let other = chain.address(0).to_string();
    let mut rows = format!(
        "(1, '{me}', 'mine', 10, 'a', '{{}}'), (2, '{me}', 'also', 20, 'b', '{{}}'), (7, '{me}', NULL, 70, 'c', '{{\"a\":1}}'), \
         (9, '{me}', 'big', 2000, 'd', '{{}}')"
    );
    if let Some(seed) = hidden {
        for index in 0..6 {
            let id = 100 + index * 3 + seed;
            let _ = write!(
                rows,
                ", ({id}, '{other}', 'secret{seed}{index}', {}, 'x', 'no json {seed}')",
                index * 37 * seed
            );
        }
    }
    let statements = [
        "CREATE TABLE orders (id INTEGER PRIMARY KEY, owner TEXT NOT NULL, secret TEXT, amount INTEGER, kind TEXT, doc TEXT)",
        "CREATE INDEX by_owner ON orders (owner)",
        "CREATE INDEX by_secret ON orders (secret)",
        "CREATE TABLE members (name TEXT, level INTEGER)",
        "CREATE TABLE items (id INTEGER PRIMARY KEY, orders INTEGER, name TEXT)",
        "CREATE VIEW seen AS SELECT * FROM orders",
        "INSERT INTO items VALUES (1, 1, 'bolt'), (2, 1, 'nut'), (3, 100, 'gear'), (4, 101, 'cog'), (5, 7, 'pin')",
        &format!("INSERT INTO orders VALUES {rows}"),
        &format!("INSERT INTO members VALUES ('{other}', 9), ('{me}', 1)"),
    ];
    let init = function("init", 510_000, &statements, "");
    let predicates =
        [row(Kind::CanRead, "Orders", &[READ]), row(Kind::CanWrite, "orders", &[WRITE])];
    let rows = if hidden.is_some() { &predicates[..] } else { &[] };
    make(chain, name, described(&init, rows));
}

/// What a transaction answered, as far as a contract or a client that trusts codes can tell.
fn answer(chain: &mut Chain, name: &str, entry: &str, sql: &str) -> String {
    let result = chain.call(1, name, entry, vec![sql.into()]);
    if result.is_ok() {
        format!("{:?}", support::rows(&result))
    } else {
        format!("{}/{} {}", result.codespace, result.code, result.log)
    }
}

/// Queries that try to learn of hidden rows.
fn inferences(me: &str) -> Vec<String> {
    let bomb = "abs(-9223372036854775807 - 1)";
    let mut queries: Vec<String> = [
        "SELECT * FROM orders ORDER BY id",
        "SELECT count(*) FROM orders",
        "SELECT count(*), sum(amount), min(id), max(id), avg(amount), total(amount) FROM orders",
        "SELECT max(secret) FROM orders",
        "SELECT min(secret), group_concat(secret, ',' ORDER BY secret) FROM orders",
        "SELECT DISTINCT owner FROM orders",
        "SELECT owner, count(*) FROM orders GROUP BY owner ORDER BY 1",
        "SELECT owner FROM orders GROUP BY owner HAVING count(*) > 4",
        "SELECT id FROM orders ORDER BY secret, id",
        "SELECT id FROM orders ORDER BY secret DESC LIMIT 1",
        "SELECT id FROM orders ORDER BY amount DESC LIMIT 1 OFFSET 3",
        "SELECT id FROM orders o ORDER BY (SELECT count(*) FROM orders p WHERE p.secret > o.secret), id",
        "SELECT id FROM orders WHERE secret LIKE 'secret%'",
        "SELECT id FROM orders WHERE secret GLOB 's*'",
        "SELECT id FROM orders WHERE secret > 's'",
        "SELECT id FROM orders WHERE id = 100",
        "SELECT id FROM orders WHERE id IN (100, 101, 102)",
        "SELECT id FROM orders WHERE id BETWEEN 50 AND 500",
        "SELECT id FROM orders WHERE owner <> 'x' ORDER BY 1",
        "SELECT id FROM orders WHERE NOT owner = 'x' ORDER BY 1",
        "SELECT id FROM orders WHERE 1 OR owner = 'x' ORDER BY 1",
        "SELECT id FROM orders WHERE owner IS NOT NULL OR 1 ORDER BY 1",
        "SELECT EXISTS (SELECT 1 FROM orders WHERE secret LIKE 'secret%')",
        "SELECT NOT EXISTS (SELECT 1 FROM orders WHERE id = 100)",
        "SELECT (SELECT secret FROM orders WHERE id = 100)",
        "SELECT coalesce((SELECT amount FROM orders WHERE id = 101), -1)",
        "SELECT 100 IN (SELECT id FROM orders)",
        "SELECT 'x' IN (SELECT kind FROM orders)",
        "SELECT items.name FROM items JOIN orders ON orders.id = items.orders ORDER BY 1",
        "SELECT items.name, orders.secret FROM items LEFT JOIN orders ON orders.id = items.orders ORDER BY 1",
        "SELECT count(*) FROM items RIGHT JOIN orders ON orders.id = items.orders",
        "SELECT count(*) FROM items FULL JOIN orders ON orders.id = items.orders",
        "SELECT count(*) FROM orders a, orders b",
        "SELECT count(*) FROM orders a JOIN orders b ON a.id < b.id",
        "SELECT count(*) FROM orders a CROSS JOIN orders b WHERE a.secret < b.secret",
        "SELECT count(*) FROM items NATURAL JOIN orders",
        "SELECT count(*) FROM items JOIN orders USING (id)",
        "SELECT name FROM items WHERE orders IN (SELECT id FROM orders) ORDER BY 1",
        "SELECT name FROM items WHERE orders NOT IN (SELECT id FROM orders) ORDER BY 1",
        "SELECT name FROM items i WHERE EXISTS (SELECT 1 FROM orders WHERE id = i.orders) ORDER BY 1",
        "SELECT id FROM orders UNION SELECT id FROM items ORDER BY 1",
        "SELECT id FROM orders UNION ALL SELECT id FROM orders ORDER BY 1",
        "SELECT id FROM items EXCEPT SELECT id FROM orders ORDER BY 1",
        "SELECT orders FROM items INTERSECT SELECT id FROM orders ORDER BY 1",
        "WITH o AS (SELECT * FROM orders) SELECT count(*) FROM o",
        "WITH o AS MATERIALIZED (SELECT * FROM orders) SELECT max(secret) FROM o",
        "WITH o AS NOT MATERIALIZED (SELECT * FROM orders) SELECT max(secret) FROM o WHERE secret > 'n'",
        "WITH members AS (SELECT 'ME' AS name, 9 AS level) SELECT count(*) FROM orders",
        "WITH m AS (SELECT 1), members(name, level) AS (VALUES ('ME', 99)) SELECT id FROM orders ORDER BY id",
        "SELECT count(*) FROM (SELECT * FROM orders) AS orders",
        "SELECT count(*) FROM (SELECT * FROM (SELECT * FROM orders))",
        "SELECT x.id FROM orders AS x WHERE x.owner <> 'ME' ORDER BY 1",
        "SELECT orders.id FROM orders WHERE orders.owner <> 'ME'",
        "SELECT o.* FROM orders o ORDER BY o.id LIMIT 2",
        "SELECT id, row_number() OVER (ORDER BY secret) FROM orders ORDER BY 1",
        "SELECT id, rank() OVER (ORDER BY amount DESC) FROM orders ORDER BY 1",
        "SELECT id, lag(secret) OVER (ORDER BY id) FROM orders ORDER BY 1",
        "SELECT id, lead(amount) OVER (ORDER BY id) FROM orders ORDER BY 1",
        "SELECT id, count(*) OVER () FROM orders ORDER BY 1",
        "SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM orders ORDER BY 1",
        "SELECT first_value(secret) OVER (ORDER BY secret DESC) FROM orders LIMIT 1",
        "SELECT ntile(3) OVER (ORDER BY id) FROM orders ORDER BY 1",
        "SELECT json_group_array(secret ORDER BY id) FROM orders",
        "SELECT count(*) FILTER (WHERE owner <> 'ME') FROM orders",
        "SELECT (SELECT count(*) FROM orders) FROM (SELECT 'ME' AS owner, 'x' AS kind)",
        "SELECT (SELECT count(*) FROM orders WHERE owner = f.owner) FROM (SELECT 'OTHER' AS owner) f",
        "SELECT CASE WHEN (SELECT count(*) FROM orders) > 4 THEN 'more' ELSE 'few' END",
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM orders WHERE kind = 'x') THEN BOMB ELSE 0 END",
        "SELECT sum(9223372036854775807) FROM orders WHERE kind = 'x'",
        "SELECT id FROM orders WHERE kind = 'x' AND BOMB",
        "SELECT id FROM orders WHERE CASE WHEN kind = 'x' THEN BOMB ELSE 1 END ORDER BY id",
        "SELECT CASE WHEN kind = 'x' THEN BOMB ELSE 1 END FROM orders",
        "SELECT id FROM orders ORDER BY CASE WHEN kind = 'x' THEN BOMB ELSE id END",
        "SELECT count(*) FROM orders GROUP BY CASE WHEN kind = 'x' THEN BOMB ELSE 1 END",
        "SELECT count(*) FROM orders HAVING max(CASE WHEN kind = 'x' THEN BOMB ELSE 1 END) > 0",
        "SELECT count(*) FROM items JOIN orders ON CASE WHEN kind = 'x' THEN BOMB ELSE 1 END",
        "SELECT count(*) FROM items LEFT JOIN orders ON CASE WHEN kind = 'x' THEN BOMB ELSE 1 END",
        "SELECT count(*) FROM items i WHERE (SELECT CASE WHEN kind = 'x' THEN BOMB END FROM orders WHERE id = i.orders) IS NULL",
        "SELECT max(CASE WHEN kind = 'x' THEN BOMB ELSE 1 END) OVER () FROM orders",
        "SELECT json_extract(doc, '$.a') FROM orders ORDER BY id",
        "SELECT id FROM orders WHERE json_extract(doc, '$.a') = 1",
        "SELECT id FROM orders WHERE doc -> 'a' IS NOT NULL",
        "SELECT id, e.value FROM orders, json_each(orders.doc) AS e ORDER BY id",
        "SELECT count(*) FROM orders o JOIN json_tree(o.doc) AS t ON t.key = 'a'",
        "SELECT id, (SELECT count(*) FROM json_each(doc)) FROM orders ORDER BY id",
        "SELECT e.value FROM json_each((SELECT json_group_array(secret) FROM orders)) AS e ORDER BY 1",
        "SELECT e.value FROM json_each('[1, 100, 101]') AS e WHERE e.value IN (SELECT id FROM orders)",
        "SELECT decimal_sum(amount) FROM orders",
        "SELECT id FROM orders WHERE kind = 'x' AND decimal(secret) > 0",
        "SELECT id FROM orders ORDER BY CASE WHEN kind = 'x' THEN decimal_key(secret) END, id",
        "SELECT count(*) FROM orders WHERE kind = 'x' AND date_add('eon', 1, secret) IS NULL",
        "SELECT json_group_object(secret, amount) FROM (SELECT * FROM orders ORDER BY id)",
        "SELECT id FROM orders WHERE length(zeroblob(amount * 100000000)) > 0 AND kind = 'x'",
        "SELECT id FROM orders WHERE secret > 's' AND BOMB",
        "SELECT id FROM orders INDEXED_BY WHERE id > 50",
        "SELECT likely(secret > 's') FROM orders ORDER BY id",
        "SELECT id FROM orders WHERE likelihood(kind = 'x', 0.9) AND BOMB",
        "SELECT * FROM orders WHERE id = 100 OR BOMB IS NULL LIMIT 0",
        "SELECT id FROM orders WHERE (id, owner) IN (SELECT orders, 'OTHER' FROM items)",
        "SELECT id FROM orders WHERE (owner, id) > ('a', 50) ORDER BY 1",
        "SELECT typeof(secret), count(*) FROM orders GROUP BY 1 ORDER BY 1",
        "SELECT hex(secret) FROM orders WHERE id >= 100",
        "SELECT id FROM orders WHERE owner IN (SELECT name FROM members) ORDER BY 1",
        "SELECT m.name, count(o.id) FROM members m LEFT JOIN orders o ON o.owner = m.name GROUP BY 1 ORDER BY 1",
        "VALUES ((SELECT count(*) FROM orders))",
        "SELECT * FROM (VALUES (1)) JOIN orders ON id > 99",
        "SELECT 1 WHERE (SELECT count(*) FROM orders) = 10",
        "SELECT id FROM ORDERS WHERE \"Orders\".id > 50",
        "SELECT id FROM [orders] `o` WHERE o.id > 50",
        "SELECT count(*) FROM orders -- WHERE owner = 'ME'",
        "SELECT count(*) FROM orders /* , */ WHERE /* */ id > 50",
        "SELECT count(*) FROM (orders)",
        "SELECT count(*) FROM (orders JOIN items ON items.orders = orders.id)",
        "SELECT sum(length(secret)) FROM orders",
        "SELECT owner || secret FROM orders ORDER BY 1",
        "SELECT id FROM orders WHERE secret COLLATE NOCASE > 'S' ORDER BY 1",
    ]
    .iter()
    .map(|query| query.replace("BOMB", bomb).replace("'ME'", &format!("'{me}'")))
    .collect();
    queries.retain(|query| !query.contains("INDEXED_BY"));
    queries
}

#[test]
fn rules_1_and_2_a_hundred_inferences_learn_nothing() {
    let mut chain = Chain::memory(2);
    world(&mut chain, "one", Some(1));
    world(&mut chain, "two", Some(2));
    world(&mut chain, "twin", None);
    let queries = inferences(&chain.address(1).to_string());
    assert!(queries.len() >= 100, "{}", queries.len());
    let mut answered = 0;
    for query in &queries {
        let expected = answer(&mut chain, "twin", "query", query);
        for name in ["one", "two"] {
            let got = answer(&mut chain, name, "query", query);
            assert_eq!(got, expected, "{name}: {query}");
        }
        answered += usize::from(expected.starts_with('['));
    }
    assert!(answered > 95, "most are answered: {answered}");
    // The owner of the hidden rows sees them, so that there was something to find.
    let all =
        chain.call(0, "one", "query", vec!["SELECT count(*), sum(kind = 'x') FROM orders".into()]);
    assert_eq!(support::rows(&all)[1], [Value::Integer(6), Value::Integer(6)]);
}

#[test]
fn rule_3_writes_touch_the_callers_rows() {
    let mut chain = Chain::memory(2);
    world(&mut chain, "one", Some(1));
    world(&mut chain, "two", Some(2));
    world(&mut chain, "twin", None);
    let me = chain.address(1).to_string();
    let bomb = "abs(-9223372036854775807 - 1)";
    let statements = [
        "UPDATE orders SET amount = amount + 1 WHERE id <> 9 AND owner <> 'x' AND kind <> 'x'".to_owned(),
        format!("UPDATE orders SET amount = 5 WHERE kind = 'x' AND {bomb}"),
        format!(
            "UPDATE orders AS o SET amount = CASE WHEN o.kind = 'x' THEN {bomb} ELSE 3 END WHERE o.id < 8"
        ),
        format!("DELETE FROM orders WHERE kind = 'x' OR CASE WHEN id > 99 THEN {bomb} END"),
        "DELETE FROM orders AS \"o o\" WHERE secret = 'also'".to_owned(),
        format!("INSERT INTO orders VALUES (3, '{me}', 'new', 1, 'n', NULL)"),
        format!(
            "INSERT INTO orders VALUES (3, '{me}', 'newer', 2, 'n', NULL) ON CONFLICT (id) DO UPDATE SET secret = excluded.secret"
        ),
        "INSERT INTO orders SELECT id + 1000, owner, secret, 1, kind, doc FROM orders WHERE amount < 1000".to_owned(),
        "UPDATE items SET name = name || (SELECT count(*) FROM orders)".to_owned(),
        "DELETE FROM items WHERE orders NOT IN (SELECT id FROM orders)".to_owned(),
        "UPDATE items SET name = o.secret FROM orders AS o WHERE o.id = items.orders".to_owned(),
    ];
    let hidden = "SELECT count(*), sum(amount), group_concat(secret) FROM orders WHERE kind = 'x'";
    let before =
        [answer(&mut chain, "one", "all", hidden), answer(&mut chain, "two", "all", hidden)];
    for sql in &statements {
        let expected = answer(&mut chain, "twin", "change", sql);
        for name in ["one", "two"] {
            assert_eq!(answer(&mut chain, name, "change", sql), expected, "{name}: {sql}");
            for seen in ["SELECT * FROM orders ORDER BY id", "SELECT * FROM items ORDER BY id"] {
                let twin = answer(&mut chain, "twin", "query", seen);
                assert_eq!(answer(&mut chain, name, "query", seen), twin, "{name}: {sql}");
            }
        }
    }
    let after =
        [answer(&mut chain, "one", "all", hidden), answer(&mut chain, "two", "all", hidden)];
    assert_eq!(before, after, "hidden rows are as they were");

    let other = chain.address(0).to_string();
    for (sql, expected) in [
        ("UPDATE orders SET amount = 7", "[[Integer(6)]]"),
        ("UPDATE orders SET amount = 6 WHERE id = 9", "[[Integer(0)]]"),
        ("DELETE FROM orders WHERE id = 9", "[[Integer(0)]]"),
        ("UPDATE orders SET amount = 5000 WHERE id = 1", "sql/9"),
        (&*format!("UPDATE orders SET owner = '{other}' WHERE id = 1"), "sql/9"),
        (&*format!("INSERT INTO orders VALUES (50, '{other}', 's', 1, 'n', NULL)"), "sql/9"),
        (
            &*format!(
                "INSERT INTO orders VALUES (51, '{me}', 's', 1, 'n', NULL), (52, '{other}', 's', 1, 'n', NULL)"
            ),
            "sql/9",
        ),
        (
            &*format!(
                "INSERT INTO orders VALUES (101, '{me}', 's', 1, 'n', NULL) ON CONFLICT (id) DO UPDATE SET secret = 'mine'"
            ),
            "[[Integer(0)]]",
        ),
        ("UPDATE orders SET id = 200 WHERE id = 1", "[[Integer(1)]]"),
    ] {
        let got = answer(&mut chain, "one", "change", sql);
        assert!(got.starts_with(expected), "{sql}: {got}");
    }
    assert_eq!(answer(&mut chain, "one", "all", hidden), after[0]);
    let count =
        answer(&mut chain, "one", "all", "SELECT count(*) FROM orders WHERE id IN (50, 51, 52)");
    assert!(count.contains("Integer(0)"), "{count}");
}

#[test]
fn rule_4_other_ways_are_refused() {
    let mut chain = Chain::memory(2);
    world(&mut chain, "one", Some(1));
    let me = chain.address(1).to_string();
    for sql in [
        "SELECT * FROM seen",
        "SELECT count(*) FROM items, seen",
        "SELECT 1 IN seen",
        "SELECT * FROM orders INDEXED BY by_secret WHERE secret > ''",
        "SELECT * FROM orders NOT INDEXED",
        "UPDATE orders SET amount = 1 FROM items WHERE items.orders = orders.id",
        &*format!("REPLACE INTO orders VALUES (100, '{me}', 's', 1, 'n', NULL)"),
        &*format!("INSERT OR REPLACE INTO orders VALUES (100, '{me}', 's', 1, 'n', NULL)"),
        "UPDATE OR REPLACE orders SET id = 100 WHERE id = 1",
        "CREATE TABLE copies (x)",
        "CREATE VIEW v AS SELECT * FROM orders",
        "CREATE UNIQUE INDEX u ON orders (secret)",
        "ALTER TABLE orders DROP COLUMN secret",
        "DROP TABLE orders",
        "SELECT caller()",
        "SELECT rowid FROM orders",
    ] {
        let got = answer(&mut chain, "one", "exec", sql);
        assert!(got.starts_with("sql/2") || got.starts_with("sql/4"), "{sql}: {got}");
        assert!(!got.contains("secret1"), "{sql}: {got}");
    }
    // Uniqueness cannot be hidden, but whose row it is can.
    let taken = answer(
        &mut chain,
        "one",
        "exec",
        &format!("INSERT INTO orders VALUES (101, '{me}', 's', 1, 'n', NULL)"),
    );
    assert!(taken.starts_with("sql/5") && !taken.contains("secret"), "{taken}");
}

#[test]
fn rules_5_and_6_every_path_that_knows_its_caller() {
    let mut chain = Chain::memory(2);
    world(&mut chain, "one", Some(1));
    let sql = "SELECT count(*) FROM orders";
    let counted = |sender: &str| {
        let view: ViewResponse = chain
            .query(
                "/dadbs.contract.v1.Query/View",
                &ViewRequest {
                    sender: sender.into(),
                    contract: "one".into(),
                    entry: "query".into(),
                    arguments: vec![Value::from(sql).into()],
                },
            )
            .unwrap();
        let plain: QueryResponse = chain
            .query(
                "/dadbs.sql.v1.Query/Query",
                &QueryRequest {
                    database: "one".into(),
                    sql: sql.into(),
                    sender: sender.into(),
                    ..QueryRequest::default()
                },
            )
            .unwrap();
        let last = |rows: Vec<_>| rows.into_iter().map(Vec::<Value>::from).next_back().unwrap();
        assert_eq!(last(view.rows), last(plain.rows.clone()));
        last(plain.rows)
    };
    let (me, other) =
        (dadbs_tests::key(1).address().to_string(), dadbs_tests::key(0).address().to_string());
    assert_eq!(counted(&me), [Value::Integer(4)]);
    assert_eq!(counted(&other), [Value::Integer(6)]);
    assert_eq!(counted(""), [Value::Integer(0)]);
    make(&mut chain, "via", contract("", &[]));
    let inner = chain.call(1, "via", "forward", forward("one", "query", &[sql.into()], &[]));
    assert_eq!(support::rows(&inner)[1], [Value::Integer(0)], "a contract is its own caller");
    let all = answer(&mut chain, "one", "all", sql);
    assert!(all.contains("Integer(10)"), "{all}");
}

#[test]
fn rule_7_predicates_fit_the_schema() {
    let mut chain = Chain::memory(2);
    let init = |table: &str| function("init", 510_000, &[table], "");
    let plain = "CREATE TABLE t (owner TEXT, n INTEGER)";
    for (name, table, target, predicate, fits) in [
        ("good", plain, "t", "owner = caller()", true),
        ("comment", plain, "t", "owner = caller() -- is it", true),
        ("no table", plain, "u", "1", false),
        ("no column", plain, "t", "ownr = caller()", false),
        ("a parameter", plain, "t", "owner = ?1", false),
        ("nothing", plain, "t", "", false),
        ("a statement", plain, "t", "1); DELETE FROM t WHERE (1", false),
        ("an aggregate", plain, "t", "count(*) > 0", false),
        ("brackets that close and open", plain, "t", "0) OR (1", false),
        ("an open bracket", plain, "t", "(owner", false),
        ("no rowid", "CREATE TABLE t (k TEXT PRIMARY KEY) WITHOUT ROWID", "t", "1", false),
        ("a column rowid", "CREATE TABLE t (rowid TEXT)", "t", "1", false),
        ("REPLACE", "CREATE TABLE t (k TEXT UNIQUE ON CONFLICT REPLACE)", "t", "1", false),
        ("a view", "CREATE VIEW t AS SELECT 1 AS owner", "t", "1", false),
        ("the chain", plain, "t", "owner IN (SELECT address FROM chain.balances)", true),
    ] {
        let wasm = described(&init(table), &[row(Kind::CanRead, target, &[predicate])]);
        let code = chain.store_code(0, wasm);
        let message = chain.instantiate(0, code, &format!("c{}", chain.height), "");
        let result = chain.run(0, vec![message]);
        assert_eq!(result.is_ok(), fits, "{name}: {}", result.log);
        if !fits {
            assert_eq!(verdict(&result), number(Code::InvalidRowAccess), "{name}: {}", result.log);
        }
    }
    // A column that a predicate names cannot go: the name would be taken from the statement around.
    make(
        &mut chain,
        "kept",
        described(&init(plain), &[row(Kind::CanRead, "t", &["owner = caller()"])]),
    );
    let gone = answer(&mut chain, "kept", "exec_all", "ALTER TABLE t DROP COLUMN owner");
    assert!(gone.starts_with("contract/10"), "{gone}");
    let fine = answer(&mut chain, "kept", "exec_all", "ALTER TABLE t ADD COLUMN more");
    assert_eq!(fine, "[]");
    let other = answer(&mut chain, "kept", "exec_all", "CREATE TABLE u (x)");
    assert_eq!(other, "[]");
}
