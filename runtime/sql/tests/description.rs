//! What a statement says of itself: kind, accesses, objects, counts, and the exact print.

mod twin;

use dadbs_sql::{Alter, Kind, Namespace, Purpose, Statement, prepare, user_text};
use twin::Catalog;

fn describe(text: &str) -> Statement {
    prepare(text, &Namespace::database(3), Purpose::Write, &Catalog::default())
        .unwrap_or_else(|rejection| panic!("{text}: {rejection}"))
}

fn accesses(text: &str) -> String {
    let list: Vec<String> = describe(text)
        .accesses
        .iter()
        .map(|access| format!("{} {}", access.verb.as_str(), access.table))
        .collect();
    list.join(", ")
}

#[test]
fn accesses_are_distinct_and_sorted_with_the_users_names() {
    for (text, expected) in [
        ("SELECT 1", ""),
        ("SELECT * FROM T, t AS x, \"B c\"", "select b c, select t"),
        (
            "SELECT (SELECT 1 FROM a) FROM b WHERE 1 IN c AND EXISTS (SELECT 1 FROM d)",
            "select a, select b, select c, select d",
        ),
        ("SELECT * FROM v JOIN chain.Accounts", "select chain.accounts, select v"),
        ("WITH c AS (SELECT * FROM a) SELECT * FROM c", "select a"),
        ("WITH a AS (SELECT 1), b AS (SELECT * FROM a) SELECT * FROM b, C", "select c"),
        ("SELECT * FROM (WITH a AS (SELECT 1) SELECT * FROM a), a", "select a"),
        ("INSERT INTO t VALUES (1)", "insert t"),
        ("INSERT INTO t SELECT * FROM u", "select u, insert t"),
        ("INSERT INTO t VALUES (1) RETURNING a", "select t, insert t"),
        ("INSERT OR REPLACE INTO t VALUES (1)", "insert t, delete t"),
        ("REPLACE INTO t VALUES (1)", "insert t, delete t"),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING", "insert t"),
        ("INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 1", "insert t, update t"),
        ("WITH t AS (SELECT 1 AS a FROM u) INSERT INTO t SELECT a FROM t", "select u, insert t"),
        ("UPDATE t SET a = 1 WHERE b = 2", "update t"),
        ("UPDATE t SET a = (SELECT max(a) FROM t)", "select t, update t"),
        ("UPDATE OR REPLACE t SET a = u.a FROM u", "select u, update t, delete t"),
        ("DELETE FROM t WHERE a IN u", "select u, delete t"),
        ("DELETE FROM t RETURNING *", "select t, delete t"),
        ("CREATE TABLE t(a REFERENCES u, b REFERENCES t)", "select u, create t, alter u"),
        ("CREATE INDEX i ON t(a)", "create i, alter t"),
        ("CREATE VIEW v AS SELECT * FROM t", "select t, create v"),
        ("DROP TABLE t", "drop t"),
        ("DROP INDEX IF EXISTS i", "drop i"),
        (
            "ALTER TABLE t RENAME TO u",
            "select t, insert t, update t, delete t, create u, alter t, drop t",
        ),
        ("ALTER TABLE t ADD COLUMN a REFERENCES u", "select u, alter t, alter u"),
    ] {
        assert_eq!(accesses(text), expected, "{text}");
    }
}

#[test]
fn kinds_objects_and_counts() {
    let s = describe("CREATE UNIQUE INDEX \"I x\" ON T(a)");
    assert_eq!(
        (s.kind, s.object.as_deref(), s.related.as_deref()),
        (Kind::CreateIndex, Some("d3_i x"), Some("d3_t"))
    );
    let s = describe("ALTER TABLE t RENAME TO \"U\";");
    assert_eq!(
        (s.kind, s.object.as_deref(), s.related.as_deref()),
        (Kind::AlterTable(Alter::Rename), Some("d3_t"), Some("d3_u"))
    );
    assert_eq!(s.user, "ALTER TABLE t RENAME TO \"U\"");
    assert!(s.kind.is_schema_change());
    assert_eq!(describe("ALTER TABLE t DROP COLUMN a").kind, Kind::AlterTable(Alter::DropColumn));
    let s = describe("; SELECT ?2, ? FROM a, (SELECT * FROM b, c) -- end");
    assert_eq!((s.kind, s.parameters, s.from_terms, s.object), (Kind::Select, 3, 4, None));
    assert!(!s.kind.is_schema_change());
    assert_eq!(s.user, "SELECT ?2, ? FROM a, (SELECT * FROM b, c)");
    assert_eq!(describe("WITH c AS (SELECT 1 FROM a, b) SELECT * FROM c, c AS d").from_terms, 4);
    assert_eq!(describe("UPDATE t SET a = 1 FROM u").from_terms, 2);
}

#[test]
fn the_print_is_frozen() {
    for (text, printed) in [
        ("select * from T where t.id=1", "SELECT * FROM d3_t AS t WHERE t.id = 1"),
        (
            "INSERT INTO t VALUES(1,'a',x'0f',1.50,-1)",
            "INSERT INTO d3_t VALUES (1, 'a', X'0f', 1.50, -1)",
        ),
        ("SELECT a+b FROM [x y]", "SELECT a + b AS \"a+b\" FROM \"d3_x y\" AS \"x y\""),
        (
            "DELETE FROM t WHERE t.a=1 RETURNING t.a",
            "DELETE FROM d3_t AS t WHERE t.a = 1 RETURNING d3_t.a",
        ),
        (
            "CREATE TABLE t(a int,check(t.a>0))strict",
            "CREATE TABLE d3_t (a int, CHECK (d3_t.a > 0)) STRICT",
        ),
        (
            "CREATE TABLE t(a ANY PRIMARY KEY) STRICT,WITHOUT ROWID",
            "CREATE TABLE d3_t (a ANY PRIMARY KEY) WITHOUT ROWID, STRICT",
        ),
        (
            "SELECT count(*),1 IN u FROM chain.accounts",
            "SELECT count(*), 1 IN d3_u AS \"1 IN u\" FROM chain_accounts AS accounts",
        ),
    ] {
        let physical = describe(text).physical.replace("count(*) AS \"count(*)\"", "count(*)");
        assert_eq!(physical, printed, "{text}");
    }
}

#[test]
fn a_statement_can_be_cached_and_shared() {
    fn shareable<T: Clone + Send + Sync + 'static>(value: T) -> T {
        value
    }
    let statement = shareable(describe("SELECT 1"));
    assert_eq!(statement.clone(), statement);
}

#[test]
fn stored_definitions_prepare_to_the_same_again() {
    let namespace = Namespace::database(3);
    for text in [
        "CREATE TABLE \"a b\"(x INT CHECK (\"a b\".x > 0), y TEXT REFERENCES \"order\"(k) ON DELETE SET NULL)",
        "CREATE INDEX \"i 1\" ON t(lower(a)) WHERE t.b NOT NULL",
        "CREATE VIEW v AS WITH c AS (SELECT * FROM t) SELECT c.a, u.b + 1 FROM c, u WHERE u.x IN w",
    ] {
        let physical = describe(text).physical;
        let back = user_text(&physical, &namespace);
        assert_eq!(describe(&back).physical, physical, "{back}");
        assert!(!back.contains("d3_"), "{back}");
    }
}
