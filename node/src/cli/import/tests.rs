//! The planner on hand-made files: each collision that real databases bring.

use super::batch::next_batch;
use super::plan::{self, NAMESPACE_FOR_CHECKS, Plan, Verdict};
use super::rehearse::rehearse;
use super::source::{RowReader, Source};
use super::stream::{Item, Stream};
use crate::cli::exit::Exit;
use dadbs_sql::Namespace;
use dadbs_types::Value;
use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// A file made by a script, with its draft completed by the rehearsal.
struct Case {
    _folder: tempfile::TempDir,
    source: Source,
    plan: Plan,
}

fn case(script: &str) -> Case {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("source.db");
    let connection = Connection::open(&path).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, false).unwrap();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_FKEY, false).unwrap();
    connection.execute_batch(script).unwrap();
    drop(connection);
    let source = Source::open(&path).unwrap();
    source.check().unwrap();
    let mut plan = plan::draft(&source, &Namespace::database(NAMESPACE_FOR_CHECKS)).unwrap();
    rehearse(&source, &mut plan).unwrap();
    Case { _folder: folder, source, plan }
}

impl Case {
    fn verdict(&self, name: &str) -> &Verdict {
        let line = self.plan.report.iter().find(|line| line.name == name);
        &line.unwrap_or_else(|| panic!("{name} is not in {:?}", self.plan.report)).verdict
    }

    fn refused(&self, name: &str) -> &str {
        match self.verdict(name) {
            Verdict::Refused(why) => why,
            other => panic!("{name} is {other:?}"),
        }
    }

    fn order(&self) -> Vec<&str> {
        self.plan.tables.iter().map(|table| table.info.name.as_str()).collect()
    }

    fn items(&self, from: u64) -> Vec<Item> {
        let mut stream = Stream::at(&self.source.connection, &self.plan, from);
        let mut items = Vec::new();
        while let Some(item) = stream.next_item().unwrap() {
            items.push(item);
        }
        items
    }
}

#[test]
fn rule_1_every_object_is_reported() {
    let case = case(
        "CREATE TABLE \"my table\" (\"a \"\"b\" TEXT, c BLOB, d DECIMAL(10,2), e DATE);
         INSERT INTO \"my table\" VALUES ('x', x'00ff', '1.10', '2024-02-29');
         CREATE INDEX \"an index\" ON \"my table\" (\"a \"\"b\");
         CREATE VIEW v AS SELECT \"a \"\"b\" AS x, date(e) FROM \"my table\";
         CREATE VIEW broken AS SELECT * FROM nowhere;
         CREATE TRIGGER t AFTER INSERT ON \"my table\" BEGIN SELECT 1; END;
         CREATE TABLE seq (id INTEGER PRIMARY KEY AUTOINCREMENT);
         INSERT INTO seq VALUES (7);
         ANALYZE;",
    );
    assert_eq!(case.verdict("my table"), &Verdict::Kept);
    assert_eq!(case.verdict("an index"), &Verdict::Kept);
    assert_eq!(case.verdict("v"), &Verdict::Kept);
    assert!(case.refused("broken").contains("no such table"));
    assert!(case.refused("t").contains("not offered"));
    assert!(
        matches!(case.verdict("seq"), Verdict::Translated(what) if what.contains("AUTOINCREMENT"))
    );
    assert!(matches!(case.verdict("sqlite_sequence"), Verdict::LeftOut(_)));
    assert!(matches!(case.verdict("sqlite_stat1"), Verdict::LeftOut(_)));
    let open = |all, names: &[&str]| {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        case.plan.unaccepted(all, &names).len()
    };
    assert_eq!((open(false, &[]), open(false, &["T"]), open(true, &[])), (2, 1, 0));
    assert_eq!(open(false, &["t", "broken"]), 0);
}

#[test]
fn virtual_tables_go_with_their_shadows() {
    let case = case(
        "CREATE TABLE docs_content (id INTEGER PRIMARY KEY, c0);
         CREATE TABLE docs_own (id INTEGER PRIMARY KEY);
         PRAGMA writable_schema = 1;
         INSERT INTO sqlite_schema VALUES
            ('table', 'docs', 'docs', 0, 'CREATE VIRTUAL TABLE docs USING fts5(body)');
         PRAGMA writable_schema = 0;",
    );
    assert!(case.refused("docs").contains("virtual"));
    assert!(case.refused("docs_content").contains("shadow of the virtual table"));
    assert_eq!(case.order(), ["docs_own"]);
}

#[test]
fn rowids_are_carried_where_they_are_hidden() {
    let case = case(
        "CREATE TABLE plain (a, b);
         CREATE TABLE nullable (a TEXT, PRIMARY KEY (a));
         CREATE TABLE named (rowid TEXT, a);
         CREATE TABLE alias (id INTEGER PRIMARY KEY, a);
         CREATE TABLE wr (k TEXT, l INT, v, PRIMARY KEY (l, k)) WITHOUT ROWID;
         CREATE TABLE hides (rowid, _rowid_, oid);
         INSERT INTO plain (rowid, a) VALUES (-3, 1.0), (9, x'');
         INSERT INTO nullable VALUES (NULL), (NULL), ('x');
         INSERT INTO named VALUES ('r', 1);
         INSERT INTO wr VALUES ('b', 1, NULL), ('a', 2, NULL), ('a', 1, NULL);",
    );
    let inserts: Vec<_> = case.plan.tables.iter().map(|table| table.insert.as_str()).collect();
    assert_eq!(
        inserts,
        [
            "INSERT INTO \"plain\" (rowid, \"a\", \"b\") VALUES (?, ?, ?)",
            "INSERT INTO \"nullable\" (rowid, \"a\") VALUES (?, ?)",
            "INSERT INTO \"named\" (_rowid_, \"rowid\", \"a\") VALUES (?, ?, ?)",
            "INSERT INTO \"alias\" (\"id\", \"a\") VALUES (?, ?)",
            "INSERT INTO \"wr\" (\"k\", \"l\", \"v\") VALUES (?, ?, ?)",
        ]
    );
    assert!(case.refused("hides").contains("hide its rowid"));
    let mut reader = RowReader::new(&case.source.connection, &case.plan.tables[0].info, 0);
    assert_eq!(
        reader.next_row().unwrap().unwrap(),
        [Value::Integer(-3), Value::Real(1.0), Value::Null]
    );
    let mut reader = RowReader::new(&case.source.connection, &case.plan.tables[4].info, 1);
    let second = reader.next_row().unwrap().unwrap();
    assert_eq!(second[..2], [Value::Text("b".into()), Value::Integer(1)]);
}

#[test]
fn generated_columns_are_left_out() {
    let case = case(
        "CREATE TABLE g (a INT, b INT AS (a * 2), c TEXT AS (a || 'x') STORED);
         INSERT INTO g VALUES (1), (2);",
    );
    assert_eq!(case.plan.tables[0].insert, "INSERT INTO \"g\" (rowid, \"a\") VALUES (?, ?)");
}

#[test]
fn rule_4_parents_come_first() {
    let case = case(
        "CREATE TABLE child (id INTEGER PRIMARY KEY, p REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
         CREATE TABLE other (id INTEGER PRIMARY KEY);
         CREATE TABLE parent (id INTEGER PRIMARY KEY);
         INSERT INTO parent VALUES (1); INSERT INTO child VALUES (1, 1);",
    );
    assert_eq!(case.order(), ["other", "parent", "child"]);
    assert!(
        matches!(case.verdict("child"), Verdict::Translated(what) if what.contains("DEFERRABLE"))
    );
}

#[test]
fn rule_4_a_circle_begins_with_null() {
    let case = case(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES b);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a INT REFERENCES a);
         INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1), (2, NULL);",
    );
    assert_eq!(case.order(), ["b", "a"]);
    assert_eq!(case.plan.tables[0].late, ["a"]);
    let fixup =
        Item::Row { table: 0, fixup: true, values: vec![Value::Integer(1), Value::Integer(1)] };
    assert_eq!(case.items(0).last(), Some(&fixup));
    let null = Item::Row { table: 0, fixup: false, values: vec![Value::Integer(1), Value::Null] };
    assert!(case.items(0).contains(&null));
}

#[test]
fn rule_4_a_circle_that_cannot_be_opened_loses_its_foreign_key() {
    let case = case(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT NOT NULL REFERENCES b);
         CREATE TABLE b (id INTEGER PRIMARY KEY, a INT NOT NULL, FOREIGN KEY (a) REFERENCES a);
         INSERT INTO a VALUES (1, 1); INSERT INTO b VALUES (1, 1);",
    );
    assert!(case.refused("a.fk.b").contains("circle"));
    assert_eq!(
        case.plan.tables[0].create,
        "CREATE TABLE a (id INTEGER PRIMARY KEY, b INT NOT NULL)"
    );
}

#[test]
fn rule_5_rows_that_refer_to_later_rows_are_ordered() {
    let case = case(
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT NOT NULL REFERENCES tree);
         INSERT INTO tree VALUES (1, 3), (2, 1), (3, 3), (4, 2);",
    );
    let listed = case.plan.tables[0].listed.as_ref().unwrap();
    let ids: Vec<_> = listed.iter().map(|key| key[0].clone()).collect();
    assert_eq!(ids, [3, 1, 2, 4].map(Value::Integer));
    let natural = self::case(
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree);
         INSERT INTO tree VALUES (1, NULL), (2, 1);",
    );
    assert!(natural.plan.tables[0].listed.is_none());
    let circle = self::case(
        "CREATE TABLE tree (id INTEGER PRIMARY KEY, up INT REFERENCES tree);
         INSERT INTO tree VALUES (1, 2), (2, 1);",
    );
    assert_eq!(circle.plan.tables[0].late, ["up"]);
}

#[test]
fn foreign_keys_that_the_source_breaks_are_named() {
    let case = case(
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT);
         CREATE TABLE broken (a INT REFERENCES p);
         CREATE TABLE missing (a INT REFERENCES nowhere, b INT REFERENCES p);
         CREATE TABLE nokey (a TEXT REFERENCES p (code));
         INSERT INTO broken VALUES (1), (2); INSERT INTO missing VALUES (1, NULL);
         INSERT INTO nokey VALUES ('x');",
    );
    assert!(case.refused("broken.fk.p").contains("2 rows"));
    assert!(case.refused("missing.fk.nowhere").contains("does not exist"));
    assert!(case.refused("nokey.fk.p").contains("not unique"));
    let create = |name: &str| {
        let table = case.plan.tables.iter().find(|table| table.info.name == name);
        table.unwrap().create.as_str()
    };
    assert_eq!(create("missing"), "CREATE TABLE missing (a INT, b INT REFERENCES p)");
}

#[test]
fn values_that_cannot_be_sent_refuse_their_table() {
    let case = case(
        "CREATE TABLE bad_text (a TEXT); INSERT INTO bad_text VALUES (CAST(x'ff' AS TEXT));
         CREATE TABLE wide (a BLOB); INSERT INTO wide VALUES (zeroblob(800000));
         CREATE TABLE last (a); INSERT INTO last (rowid) VALUES (9223372036854775807);
         CREATE TABLE _dadbs_x (a);
         CREATE TABLE fine (a); CREATE INDEX i ON wide (a);",
    );
    assert!(case.refused("bad_text").contains("not UTF-8"));
    assert!(case.refused("wide").contains("800008 bytes"));
    assert!(case.refused("last").contains("last possible rowid"));
    assert!(case.refused("_dadbs_x").contains("stock contract"));
    assert!(case.refused("i").contains("\"wide\" is refused"));
    assert_eq!(case.order(), ["fine"]);
}

#[test]
fn stream_rule_2_it_begins_anywhere() {
    let case = case(
        "CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (x);
         INSERT INTO a VALUES (1), (2), (3); INSERT INTO b VALUES ('x'), ('y');
         CREATE INDEX i ON b (x); CREATE VIEW v AS SELECT * FROM a;",
    );
    let all = case.items(0);
    assert_eq!(all.len(), 9);
    for from in 0..=all.len() {
        assert_eq!(case.items(from as u64), all[from..], "from {from}");
    }
}

#[test]
fn batch_rules_1_to_3() {
    let case = case(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, x TEXT);
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 500)
         INSERT INTO a SELECT i, hex(zeroblob(50)) FROM n;
         CREATE INDEX i ON a (x);",
    );
    let mut stream = Stream::at(&case.source.connection, &case.plan, 0);
    let (mut pending, mut batches) = (None, Vec::new());
    while let Some(batch) = next_batch(&mut stream, &mut pending, 10_000, 1.0, 10).unwrap() {
        let last = batch.last;
        batches.push(batch);
        if last {
            break;
        }
    }
    assert!(batches.len() > 4);
    assert!(batches.windows(2).all(|pair| pair[0].to == pair[1].from));
    assert_eq!((batches[0].from, batches.last().unwrap().to), (0, 502));
    assert_eq!(batches.iter().map(|batch| batch.rows).sum::<u64>(), 500);
    assert!(batches[0].statements[0].sql.starts_with("CREATE TABLE dadbs_import"));
    assert!(batches[1].statements[0].sql.starts_with("UPDATE dadbs_import SET done = CASE"));
    let end = &batches.last().unwrap().statements;
    assert_eq!(end.last().unwrap().sql, "DROP TABLE dadbs_import");
    // On SQLite the batches do what they say, once, and only in order.
    let copy = Connection::open_in_memory().unwrap();
    let run = |batch: &super::batch::Batch| -> rusqlite::Result<()> {
        copy.execute_batch("SAVEPOINT b")?;
        let all = batch.statements.iter().try_for_each(|statement| {
            let none = vec![dadbs_client::proto::dadbs::sql::v1::Row::default()];
            let rows = if statement.rows.is_empty() { &none } else { &statement.rows };
            rows.iter().try_for_each(|row| {
                let values = crate::cli::output::row_from_wire(row.clone());
                let values = values.iter().map(super::source::parameter);
                copy.execute(&statement.sql, rusqlite::params_from_iter(values)).map(|_| ())
            })
        });
        let end = if all.is_ok() { "RELEASE b" } else { "ROLLBACK TO b; RELEASE b" };
        copy.execute_batch(end)?;
        all
    };
    run(&batches[0]).unwrap();
    assert!(run(&batches[0]).is_err());
    assert!(run(&batches[2]).is_err());
    batches[1..].iter().for_each(|batch| run(batch).unwrap());
    let count: i64 = copy.query_row("SELECT count(*) FROM a", [], |row| row.get(0)).unwrap();
    let tables: i64 =
        copy.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).unwrap();
    assert_eq!((count, tables), (500, 2));
}

#[test]
fn the_source_hash_covers_values_and_order() {
    let hash = |script: &str| case(script).plan.source_hash;
    let one = hash("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2);");
    assert_eq!(one, hash("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2);"));
    assert_ne!(one, hash("CREATE TABLE a (x); INSERT INTO a VALUES (1.0), (2);"));
    assert_ne!(one, hash("CREATE TABLE a (x); INSERT INTO a VALUES (2), (1);"));
    assert_ne!(
        one,
        hash("CREATE TABLE a (x); INSERT INTO a VALUES (1), (2); CREATE INDEX i ON a (x);")
    );
}

#[test]
fn files_that_are_no_sources_are_refused_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.db");
    let open = || Source::open(&path).and_then(|source| source.check()).unwrap_err();
    assert_eq!(open().exit, Exit::NotFound);
    std::fs::write(&path, [7u8; 8192]).unwrap();
    assert!(open().message.contains("encrypted"), "{}", open().message);
    std::fs::remove_file(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE a (x); INSERT INTO a VALUES (zeroblob(20000)), (zeroblob(20000));",
        )
        .unwrap();
    let locker = Connection::open(&path).unwrap();
    locker.execute_batch("BEGIN EXCLUSIVE").unwrap();
    assert!(open().message.contains("locked by another process"), "{}", open().message);
    drop((locker, connection));
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    assert!(open().message.contains("recover"), "{}", open().message);
}
