//! No text reaches another database, the node's tables or SQLite's own.

mod twin;

use std::sync::{Arc, Mutex};

use dadbs_sql::Statement;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use twin::{Outcome, Twins, run};

/// Names that an attacker tries, each in the place of a table.
const NAMES: &[&str] = &[
    "d2_secret",
    "D2_SECRET",
    "\"d2_secret\"",
    "[d2_secret]",
    "`d2_secret`",
    "'d2_secret'",
    "d2_secret/**/",
    "/* t */ d2_secret -- t\n",
    "main.d2_secret",
    "main . \"d2_secret\"",
    "\"main\".[d2_secret]",
    "temp.d2_secret",
    "secret",
    "\"secret\"",
    "d33_secret",
    "node_secret",
    "main.node_secret",
    "chain_accounts",
    "chain.node_secret",
    "chain.d2_secret",
    "chain.\"../d2_secret\"",
    "chain.\"accounts; DROP TABLE d2_secret\"",
    "\"t\"\" AS t; DROP TABLE d2_secret; --\"",
    "[t AS t, d2_secret]",
    "`t``, d2_secret`",
    "\"\"",
    "d3_t",
    "\"d3_\"\"d2_secret\"",
    "\" d2_secret\"",
    "\u{ff44}2_secret",
    "d2\u{200b}_secret",
    "\u{feff}d2_secret",
    "sqlite_schema",
    "sqlite_master",
    "\"SQLITE_MASTER\"",
    "main.sqlite_schema",
    "sqlite_temp_schema",
    "sqlite_sequence",
    "pragma_table_info",
    "pragma_table_info('d2_secret')",
    "dbstat",
    "json_each",
    "t AS d2_secret",
    "t, d2_secret",
    "(d2_secret)",
    "(SELECT * FROM d2_secret)",
];

const TEMPLATES: &[&str] = &[
    "SELECT * FROM {}",
    "SELECT * FROM t, {}",
    "SELECT (SELECT max(id) FROM {}) FROM t",
    "SELECT id FROM t WHERE id IN {}",
    "SELECT id FROM t JOIN {} USING (id)",
    "WITH c AS (SELECT * FROM {}) SELECT * FROM c",
    "WITH {} AS (SELECT 1 AS id) SELECT * FROM {}",
    "WITH t AS (SELECT 1 AS id) SELECT * FROM (WITH {} AS (SELECT 2 AS id) SELECT 1), {}",
    "SELECT * FROM (WITH {} AS (SELECT 2 AS id) SELECT 1) AS x, {}",
    "INSERT INTO {} VALUES (1, 2)",
    "INSERT INTO t(id) SELECT id FROM {}",
    "UPDATE {} SET id = 1",
    "UPDATE t SET n = x.n FROM {} AS x",
    "DELETE FROM {}",
    "DELETE FROM t WHERE id = 1 RETURNING (SELECT id FROM {})",
    "REPLACE INTO {} DEFAULT VALUES",
    "CREATE TABLE {} (id)",
    "CREATE TABLE z(a REFERENCES {})",
    "CREATE TABLE z(a CHECK (a IN (SELECT id FROM {})))",
    "CREATE INDEX i ON {} (id)",
    "CREATE INDEX {} ON t(n)",
    "CREATE VIEW z AS SELECT * FROM {}",
    "CREATE VIEW {} AS SELECT 1 AS id",
    "DROP TABLE {}",
    "DROP VIEW IF EXISTS {}",
    "DROP INDEX {}",
    "ALTER TABLE {} RENAME TO z",
    "ALTER TABLE t RENAME TO {}",
    "ALTER TABLE {} ADD COLUMN c",
    "ALTER TABLE {} DROP COLUMN n",
    "SELECT * FROM t INDEXED BY {}",
    "SELECT {}.id FROM t",
    "SELECT {} FROM t",
    "UPDATE t SET n = 1 RETURNING {}.id",
    "SELECT {}(1)",
    "SELECT 1 AS {}",
    "SELECT 1 COLLATE {}",
];

/// The tables that preparing and running a text touches, as SQLite sees them.
fn touched(twins: &mut Twins, statement: &Statement) -> (Vec<String>, Outcome) {
    let names = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&names);
    twins
        .physical
        .authorizer(Some(move |context: AuthContext<'_>| {
            let name = match context.action {
                AuthAction::Read { table_name, .. } => Some(format!("read {table_name}")),
                AuthAction::Insert { table_name }
                | AuthAction::Update { table_name, .. }
                | AuthAction::Delete { table_name }
                | AuthAction::CreateTable { table_name }
                | AuthAction::DropTable { table_name }
                | AuthAction::AlterTable { table_name, .. } => Some(format!("write {table_name}")),
                AuthAction::CreateIndex { table_name, index_name }
                | AuthAction::DropIndex { table_name, index_name } => {
                    sink.lock().unwrap().push(format!("write {index_name}"));
                    Some(format!("write {table_name}"))
                }
                AuthAction::CreateView { view_name } | AuthAction::DropView { view_name } => {
                    Some(format!("write {view_name}"))
                }
                AuthAction::Reindex { index_name } => Some(format!("write {index_name}")),
                AuthAction::Select | AuthAction::Function { .. } => None,
                other => Some(format!("other {other:?}")),
            };
            sink.lock().unwrap().extend(name);
            Authorization::Allow
        }))
        .unwrap();
    let outcome = run(&twins.physical, &statement.physical, &[]);
    twins.physical.authorizer(None::<fn(AuthContext<'_>) -> Authorization>).unwrap();
    (Arc::try_unwrap(names).unwrap().into_inner().unwrap(), outcome)
}

fn is_inside(access: &str, statement: &Statement) -> bool {
    let (how, table) = access.split_once(' ').unwrap();
    let schema = matches!(table, "sqlite_master" | "sqlite_temp_master");
    table.is_empty()
        || table.starts_with("d3_")
        || table.starts_with("sqlite_autoindex_d3_")
        || (how == "read" && table == "chain_accounts")
        || (schema && statement.kind.is_schema_change() && how != "other")
}

fn setup(twins: &Twins) {
    for text in ["CREATE TABLE t(id INTEGER PRIMARY KEY, n)", "INSERT INTO t VALUES (1, 1), (2, 2)"]
    {
        twins.run(text, &[]).unwrap();
    }
}

#[test]
fn no_attack_touches_a_foreign_table() {
    let mut twins = Twins::new();
    setup(&twins);
    let (mut tried, mut accepted) = (0, 0);
    for template in TEMPLATES {
        for name in NAMES {
            tried += 1;
            let text = template.replace("{}", name);
            let Ok(statement) = twins.prepare(&text) else { continue };
            accepted += 1;
            twins.physical.execute_batch("SAVEPOINT attack").unwrap();
            let (names, outcome) = touched(&mut twins, &statement);
            for access in names {
                assert!(is_inside(&access, &statement), "{text}\n{}\n{access}", statement.physical);
            }
            if let Outcome::Rows(_, rows) = outcome {
                let shown = format!("{rows:?}");
                assert!(!shown.contains("666") && !shown.contains("777"), "{text}: {shown}");
            }
            twins.physical.execute_batch("ROLLBACK TO attack; RELEASE attack").unwrap();
        }
    }
    assert!(tried > 1_000 && accepted > 200, "{tried} tried, {accepted} accepted");
}

#[test]
fn the_watch_sees_a_foreign_table() {
    let mut twins = Twins::new();
    setup(&twins);
    let mut statement = twins.prepare("SELECT id FROM t").unwrap();
    statement.physical = "SELECT id FROM d2_secret".to_owned();
    let (names, _) = touched(&mut twins, &statement);
    assert!(names.iter().any(|access| !is_inside(access, &statement)), "{names:?}");
}

#[test]
fn a_shared_name_stays_in_its_own_database() {
    let twins = Twins::new();
    setup(&twins);
    let other = dadbs_sql::Namespace::database(2);
    let catalog = twin::Catalog::default();
    let statement =
        dadbs_sql::prepare("SELECT id FROM secret", &other, dadbs_sql::Purpose::Read, &catalog)
            .unwrap();
    assert_eq!(statement.physical, "SELECT id FROM d2_secret AS secret");
    let statement = twins.prepare("SELECT id FROM secret").unwrap();
    assert_eq!(statement.physical, "SELECT id FROM d3_secret AS secret");
}
