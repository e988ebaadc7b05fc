//! Every row of the table of refusals has a text that it refuses, with its reason and place.

mod twin;

use dadbs_sql::{Namespace, Purpose, RowAccess, prepare, prepare_for, refusals};
use dadbs_types::Code;
use twin::Catalog;

/// What the message must name, and a text.
const TEXTS: &[(&str, &str)] = &[
    ("TEMP", "CREATE TEMP TABLE t(a)"),
    ("TEMP", "CREATE TEMPORARY VIEW v AS SELECT 1"),
    ("AS SELECT", "CREATE TABLE t AS SELECT 1"),
    ("AUTOINCREMENT", "CREATE TABLE t(a INTEGER PRIMARY KEY AUTOINCREMENT)"),
    ("AUTOINCREMENT", "CREATE TABLE t(a INTEGER, PRIMARY KEY (a AUTOINCREMENT))"),
    ("virtual tables", "CREATE VIRTUAL TABLE t USING fts5(a)"),
    ("triggers", "CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END"),
    ("triggers", "CREATE TEMP TRIGGER IF NOT EXISTS x DELETE ON t BEGIN SELECT 1; END;"),
    ("triggers", "DROP TRIGGER x"),
    ("ATTACH", "ATTACH 'f' AS x"),
    ("ATTACH", "DETACH x"),
    ("PRAGMA", "PRAGMA foreign_keys = OFF"),
    ("PRAGMA", "PRAGMA table_info(t)"),
    ("VACUUM", "VACUUM"),
    ("VACUUM", "VACUUM main INTO 'f'"),
    ("REINDEX", "REINDEX t"),
    ("ANALYZE", "ANALYZE"),
    ("EXPLAIN", "EXPLAIN SELECT 1"),
    ("EXPLAIN", "EXPLAIN QUERY PLAN SELECT 1"),
    ("BEGIN", "BEGIN IMMEDIATE"),
    ("COMMIT", "COMMIT"),
    ("COMMIT", "END TRANSACTION"),
    ("ROLLBACK", "ROLLBACK TO x"),
    ("SAVEPOINT", "SAVEPOINT x"),
    ("RELEASE", "RELEASE x"),
    ("OR FAIL", "INSERT OR FAIL INTO t VALUES (1)"),
    ("OR FAIL", "UPDATE OR FAIL t SET a = 1"),
    ("CONFLICT FAIL", "CREATE TABLE t(a UNIQUE ON CONFLICT FAIL)"),
    ("CONFLICT FAIL", "CREATE TABLE t(a, CHECK (a > 0) ON CONFLICT FAIL)"),
    ("OR ROLLBACK", "INSERT OR ROLLBACK INTO t VALUES (1)"),
    ("OR ROLLBACK", "UPDATE OR ROLLBACK t SET a = 1"),
    ("CONFLICT ROLLBACK", "CREATE TABLE t(a NOT NULL ON CONFLICT ROLLBACK)"),
    ("CONFLICT ROLLBACK", "CREATE TABLE t(a PRIMARY KEY ON CONFLICT ROLLBACK)"),
    ("CONFLICT ROLLBACK", "CREATE TABLE t(a, PRIMARY KEY (a) ON CONFLICT ROLLBACK)"),
    ("CONFLICT ROLLBACK", "CREATE TABLE t(a, UNIQUE (a) ON CONFLICT ROLLBACK)"),
    ("DEFERRABLE", "CREATE TABLE t(a REFERENCES u DEFERRABLE INITIALLY DEFERRED)"),
    ("DEFERRABLE", "CREATE TABLE t(a REFERENCES u(b) ON DELETE CASCADE DEFERRABLE)"),
    ("DEFERRABLE", "CREATE TABLE t(a, FOREIGN KEY (a) REFERENCES u DEFERRABLE)"),
    ("DEFERRABLE", "ALTER TABLE t ADD COLUMN a REFERENCES u DEFERRABLE INITIALLY IMMEDIATE"),
    (
        "recursive",
        "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT * FROM c",
    ),
    ("recursive", "WITH c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT * FROM c"),
    ("recursive", "WITH a AS (SELECT * FROM b), b AS (SELECT * FROM a) SELECT 1"),
    ("recursive", "WITH c AS (SELECT 1 WHERE 1 IN c) SELECT * FROM c"),
    (
        "recursive",
        "WITH c AS (SELECT * FROM (WITH d AS (SELECT * FROM \"C\") SELECT * FROM d)) SELECT 1",
    ),
    ("functions", "SELECT load_extension('x')"),
    ("functions", "SELECT a FROM t ORDER BY sqlite_version()"),
    ("functions", "SELECT \"last_insert_rowid\"()"),
    ("functions", "SELECT changes(*) OVER ()"),
    ("functions", "CREATE INDEX i ON t(soundex(a))"),
    ("functions", "SELECT sin(1)"),
    ("table-valued", "SELECT * FROM pragma_table_list('t')"),
    ("table-valued", "SELECT * FROM main.json_each('[1]')"),
    ("table-valued", "SELECT 1 IN json_each('[1]')"),
    ("table-valued", "SELECT * FROM t, json_tree"),
    ("table-valued", "SELECT * FROM t, generate_series(1, 2) AS g"),
    ("table-valued", "SELECT 1 IN json_tree('[1]')"),
    ("table-valued", "SELECT * FROM pragma_table_info('t')"),
    ("collations", "SELECT a COLLATE unicode FROM t"),
    ("collations", "CREATE TABLE t(a COLLATE \"icu\")"),
    ("collations", "CREATE INDEX i ON t(a COLLATE x)"),
    ("ORDER BY or LIMIT", "DELETE FROM t ORDER BY a LIMIT 1"),
    ("ORDER BY or LIMIT", "UPDATE t SET a = 1 LIMIT 1"),
    ("named parameters", "SELECT :a"),
    ("named parameters", "SELECT @a"),
    ("named parameters", "SELECT $a"),
    ("schema names", "SELECT * FROM main.t"),
    ("schema names", "SELECT * FROM \"temp\".t"),
    ("schema names", "INSERT INTO main.t VALUES (1)"),
    ("schema names", "UPDATE d2.t SET a = 1"),
    ("schema names", "CREATE TABLE main.t(a)"),
    ("schema names", "DROP INDEX main.i"),
    ("schema names", "ALTER TABLE temp.t RENAME TO u"),
    ("chain tables outside", "INSERT INTO chain.accounts VALUES (1)"),
    ("chain tables outside", "UPDATE chain.accounts SET n = 1"),
    ("chain tables outside", "DELETE FROM \"CHAIN\".accounts"),
    ("chain tables outside", "CREATE TABLE chain.t(a)"),
    ("chain tables outside", "CREATE INDEX chain.i ON accounts(n)"),
    ("chain tables outside", "DROP TABLE chain.accounts"),
    ("chain tables outside", "ALTER TABLE chain.accounts RENAME TO t"),
    ("views over chain", "CREATE VIEW v AS SELECT * FROM chain.accounts"),
    ("views over chain", "CREATE VIEW v AS SELECT 1 WHERE 1 IN (SELECT n FROM chain.accounts)"),
    ("three parts", "SELECT chain.accounts.n FROM chain.accounts"),
    ("three parts", "SELECT main.t.a FROM t"),
    ("sqlite_", "SELECT * FROM sqlite_schema"),
    ("sqlite_", "SELECT * FROM \"SQLITE_master\""),
    ("sqlite_", "CREATE TABLE sqlite_x(a)"),
    ("sqlite_", "DROP TABLE sqlite_stat1"),
    ("pragma_", "SELECT * FROM pragma_database_list"),
    ("MATCH", "SELECT * FROM t WHERE t MATCH 'x'"),
    ("REGEXP", "SELECT a REGEXP 'x' FROM t"),
    ("RAISE", "SELECT RAISE(IGNORE)"),
    ("RAISE", "SELECT RAISE(ABORT, 'x')"),
    ("ALTER TABLE other", "ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0)"),
    ("ALTER TABLE other", "ALTER TABLE t DROP CONSTRAINT c"),
    ("ALTER TABLE other", "ALTER TABLE t ALTER COLUMN a SET NOT NULL"),
    ("ALTER TABLE other", "ALTER TABLE t ALTER COLUMN a DROP NOT NULL"),
    ("five or more", "SELECT * FROM (SELECT a, a, a, A, \"a\" FROM t)"),
    ("five or more", "WITH c AS (SELECT * FROM t a, t b, t c, t d, t e) SELECT * FROM c"),
    ("five or more", "CREATE VIEW v AS SELECT a.*, *, 1 AS a, 2 AS a FROM t a, u b"),
    ("five or more", "CREATE VIEW v(a, a, a, a, a) AS SELECT 1, 2, 3, 4, 5"),
    (
        "five or more",
        "WITH c AS (SELECT * FROM t a, t b), d AS (SELECT * FROM c, c e, t) SELECT * FROM d",
    ),
    ("colon and digits", "CREATE TABLE t(\"a:1\")"),
    ("colon and digits", "ALTER TABLE t RENAME COLUMN a TO [b:22]"),
    ("more than one", "SELECT 1; DELETE FROM t"),
    ("without a statement", "  ;;; -- nothing"),
    ("code 0", "SELECT 'a\0b'"),
];

fn message(text: &str, purpose: Purpose) -> (Code, String) {
    let outcome = prepare(text, &Namespace::database(3), purpose, &Catalog::default());
    match outcome {
        Ok(statement) => panic!("accepted: {text}\n{}", statement.physical),
        Err(rejection) => (rejection.code, rejection.message),
    }
}

#[test]
fn every_text_is_refused_with_its_reason_and_place() {
    for (reason, text) in TEXTS {
        let (code, message) = message(text, Purpose::Write);
        assert_eq!(code, Code::SqlRefused, "{text}: {message}");
        assert!(message.contains(reason), "{text}: {message}");
        assert!(message.starts_with("at 1:"), "{text}: {message}");
    }
}

/// The messages of what is refused where rows are protected.
fn under_row_access() -> Vec<String> {
    let predicates = [("t".to_owned(), "a = caller()".to_owned())];
    let access = RowAccess { can_read: predicates.into(), ..RowAccess::default() };
    let (catalog, namespace) = (Catalog::default(), Namespace::database(3));
    let view = prepare("CREATE VIEW v AS SELECT 1", &namespace, Purpose::Write, &catalog);
    catalog.follow(&view.unwrap());
    let texts = ["SELECT * FROM v", "REPLACE INTO t VALUES (1)", "CREATE TABLE u (a)"];
    let refused = |text| prepare_for(text, &namespace, Purpose::Write, &catalog, &access);
    texts.iter().map(|text| refused(text).unwrap_err().message).collect()
}

#[test]
fn every_row_of_the_table_refuses_something() {
    let mut messages: Vec<String> =
        TEXTS.iter().map(|(_, text)| message(text, Purpose::Write).1).collect();
    messages.push(message("DELETE FROM t", Purpose::Read).1);
    messages.extend(under_row_access());
    for (what, why) in refusals() {
        let row = format!("{what}: not offered: {why}");
        assert!(messages.iter().any(|message| message.contains(&row)), "no text for: {what}");
    }
}

#[test]
fn the_place_is_where_the_refused_word_is() {
    for (text, place) in [
        ("SELECT a,\n  load_extension('x')", "at 2:3:"),
        ("SELECT * FROM t JOIN main.u", "at 1:22:"),
        ("INSERT INTO t VALUES (1, 'x', sin(2))", "at 1:31:"),
        ("SELECT 1; SELECT 2", "at 1:11:"),
    ] {
        let (_, message) = message(text, Purpose::Write);
        assert!(message.starts_with(place), "{text}: {message}");
    }
}

#[test]
fn reading_allows_queries_only() {
    let read = |text| prepare(text, &Namespace::database(3), Purpose::Read, &Catalog::default());
    assert!(read("SELECT * FROM chain.accounts").is_ok());
    assert!(read("WITH c AS (SELECT 1) VALUES (1)").is_ok());
    for text in [
        "INSERT INTO t VALUES (1)",
        "WITH c AS (SELECT 1) DELETE FROM t RETURNING *",
        "CREATE TABLE t(a)",
        "DROP VIEW v",
    ] {
        assert_eq!(read(text).unwrap_err().code, Code::SqlRefused, "{text}");
    }
}

#[test]
fn limits_hold_at_and_beyond() {
    use dadbs_types::limits::*;
    let columns = |n: usize| (0..n).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", ");
    let terms = |n: usize| (0..n).map(|at| format!("t{at}")).collect::<Vec<_>>().join(", ");
    let compound = |n: usize| vec!["SELECT 1"; n].join(" UNION ALL ");
    let ors = |n: usize| vec!["1"; n].join(" OR ");
    let name = |n: usize| "a".repeat(n);
    let doubled = |n: usize| {
        let ctes: Vec<String> =
            (1..n).map(|at| format!("c{at} AS (SELECT 1 FROM c{0}, c{0} AS x)", at - 1)).collect();
        format!("WITH c0 AS (SELECT 1 FROM t), {} SELECT * FROM c{}", ctes.join(", "), n - 1)
    };
    let cases: Vec<(String, String)> = vec![
        (
            format!("CREATE TABLE t({})", columns(SQL_COLUMNS_MAX)),
            format!("CREATE TABLE t({})", columns(SQL_COLUMNS_MAX + 1)),
        ),
        (
            format!("SELECT {}", columns(SQL_COLUMNS_MAX)),
            format!("SELECT {}", columns(SQL_COLUMNS_MAX + 1)),
        ),
        (
            format!("SELECT 1 FROM {}", terms(SQL_JOIN_TERMS_MAX)),
            format!("SELECT 1 FROM {}", terms(SQL_JOIN_TERMS_MAX + 1)),
        ),
        (compound(SQL_COMPOUND_MAX), compound(SQL_COMPOUND_MAX + 1)),
        (format!("SELECT {}", ors(SQL_DEPTH_MAX)), format!("SELECT {}", ors(SQL_DEPTH_MAX + 1))),
        (
            format!("SELECT * FROM {}", name(SQL_IDENTIFIER_BYTES_MAX)),
            format!("SELECT * FROM {}", name(SQL_IDENTIFIER_BYTES_MAX + 1)),
        ),
        (
            format!("SELECT a AS {}", name(SQL_IDENTIFIER_BYTES_MAX)),
            format!("SELECT a AS {}", name(SQL_IDENTIFIER_BYTES_MAX + 1)),
        ),
        (doubled(9), doubled(10)),
    ];
    for (fits, over) in cases {
        let outcome = prepare(&fits, &Namespace::database(3), Purpose::Write, &Catalog::default());
        assert!(outcome.is_ok(), "{fits}: {outcome:?}");
        assert_eq!(message(&over, Purpose::Write).0, Code::SqlTooLarge, "{over}");
    }
}

#[test]
fn doubling_views_are_counted() {
    let catalog = Catalog::default();
    let prepare = |text: &str| prepare(text, &Namespace::database(3), Purpose::Write, &catalog);
    catalog.follow(&prepare("CREATE TABLE v0(a)").unwrap());
    let mut refused = None;
    for at in 1..20 {
        let text = format!("CREATE VIEW v{at} AS SELECT x.a FROM v{0} AS x, v{0} AS y", at - 1);
        match prepare(&text) {
            Ok(statement) => catalog.follow(&statement),
            Err(rejection) => {
                assert_eq!(rejection.code, Code::SqlTooLarge);
                refused = Some(at);
                break;
            }
        }
    }
    assert_eq!(refused, Some(8), "2 + 4 + ... terms pass 256 in the eighth view");
}

#[test]
fn deep_texts_neither_overflow_nor_hang() {
    for text in [
        format!("SELECT {}1", "- ".repeat(30_000)),
        format!("SELECT {}1", "NOT ".repeat(16_000)),
        format!("SELECT 1{}", " + 1".repeat(16_000)),
        format!("SELECT 1{}", " ISNULL".repeat(9_000)),
        format!("SELECT a{}", " COLLATE BINARY".repeat(4_000)),
        format!("SELECT {}1{}", "(".repeat(32_000), ")".repeat(32_000)),
        format!("SELECT {}1", "CASE WHEN ".repeat(6_000)),
        format!("CREATE TABLE t(a {})", "b ".repeat(32_000)),
        format!("INSERT INTO t({}) VALUES (1)", vec!["abcdef"; 9_000].join(",")),
        format!("INSERT INTO t VALUES (1){}", " ON CONFLICT DO NOTHING".repeat(2_800)),
        format!("SELECT {}", "[".repeat(60_000)),
        format!("{}SELECT 1", "/*".repeat(30_000)),
        "WITH a AS (SELECT 1)".repeat(3_000),
    ] {
        let started = std::time::Instant::now();
        let _ = prepare(&text, &Namespace::database(3), Purpose::Write, &Catalog::default());
        assert!(started.elapsed().as_secs() < 5, "{}", &text[..40]);
    }
}
