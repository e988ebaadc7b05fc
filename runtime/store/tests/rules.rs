//! The rules of the module headers, one test each.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    unreachable_pub,
    reason = "numbers in tests are small, and modules are shared"
)]

mod support;

use dadbs_store::{ReadLimits, Store};
use dadbs_types::gas::price;
use dadbs_types::row::{leaf_key, leaf_value};
use dadbs_types::{Code, Error, GasMeter, Key, Row, Value, limits};
use support::*;

/// The last block's changes of one table: key, row before, row after.
fn changes(store: &Store, table: &str) -> Vec<(Key, Option<Row>, Option<Row>)> {
    let row = |bytes: Option<Vec<u8>>| bytes.map(|bytes| Row::decode(&bytes).unwrap());
    let journal = store.journal(store.height()).unwrap().unwrap();
    let of_table = journal.into_iter().filter(|change| *change.table == *table);
    of_table
        .map(|c| (Key(dadbs_types::value::decode_row(&c.key).unwrap()), row(c.old), row(c.new)))
        .collect()
}

fn inserted(create: &str, insert: &str) -> (Vec<Value>, Row) {
    let mut store = Store::memory().unwrap();
    block(&mut store, &[create]);
    block(&mut store, &[insert]);
    let mut changes = changes(&store, "d1_t");
    assert_eq!(changes.len(), 1);
    let (key, old, new) = changes.remove(0);
    assert_eq!(old, None);
    store.verify_rows().unwrap().check().unwrap();
    (key.0, new.unwrap())
}

fn row(rowid: Option<i64>, values: &[Value]) -> Row {
    Row { rowid, values: values.to_vec() }
}

#[test]
fn layout_rule_1_and_2_keys_and_hidden_rowids() {
    let insert = "INSERT INTO t VALUES (7, 'x')";
    let (seven, x) = (Value::from(7), Value::from("x"));
    let cases = [
        ("(a INTEGER PRIMARY KEY, b) ", vec![seven.clone()], None),
        ("(a INT NOT NULL PRIMARY KEY, b)", vec![seven.clone()], Some(1)),
        ("(a INT PRIMARY KEY, b TEXT) STRICT", vec![seven.clone()], Some(1)),
        ("(a INT PRIMARY KEY, b)", vec![1.into()], None),
        ("(a INT, b)", vec![1.into()], None),
        ("(a INT, b, PRIMARY KEY (b, a)) WITHOUT ROWID", vec![x.clone(), seven.clone()], None),
        (
            "(a INT NOT NULL, b NOT NULL, PRIMARY KEY (b, a))",
            vec![x.clone(), seven.clone()],
            Some(1),
        ),
    ];
    for (columns, key, rowid) in cases {
        let expected = (key, row(rowid, &[seven.clone(), x.clone()]));
        assert_eq!(inserted(&format!("CREATE TABLE t{columns}"), insert), expected, "{columns}");
    }
}

#[test]
fn layout_rule_3_virtual_columns_are_left_out() {
    let create =
        "CREATE TABLE t(a INTEGER PRIMARY KEY, b AS (a + 1) VIRTUAL, c AS (a * 2) STORED, d)";
    let (_, new) = inserted(create, "INSERT INTO t(a, d) VALUES (7, 'd')");
    assert_eq!(new, row(None, &[7.into(), 14.into(), "d".into()]));
}

#[test]
fn layout_rule_4_reals_are_as_they_read_back() {
    let create = "CREATE TABLE t(a INTEGER PRIMARY KEY, r REAL, x ANY, n REAL) STRICT";
    let mut store = Store::memory().unwrap();
    block(
        &mut store,
        &[create, "INSERT INTO t VALUES (1, -0.0, -0.0, 3)", "INSERT INTO t VALUES (2, 1, 1, 1)"],
    );
    begin(&mut store);
    let zero = Value::Real(-0.0);
    let update = "UPDATE t SET r = ?, x = ?, n = 4 WHERE a = 2";
    run(&mut store, update, &[vec![zero.clone(), zero.clone()]]).unwrap();
    end(&mut store);
    let (_, _, new) = changes(&store, "d1_t").remove(0);
    let new = new.unwrap();
    assert!(new.values[1].same_bits(&Value::Real(0.0)), "{new:?}");
    assert!(new.values[2].same_bits(&Value::Real(0.0)), "{new:?}");
    assert!(new.values[3].same_bits(&Value::Real(4.0)), "{new:?}");
    store.verify_rows().unwrap().check().unwrap();
}

#[test]
fn change_rule_2_a_moved_key_ends_and_begins() {
    let mut store = Store::memory().unwrap();
    block(
        &mut store,
        &["CREATE TABLE t(a INTEGER PRIMARY KEY, b)", "INSERT INTO t VALUES (1, 'x')"],
    );
    block(&mut store, &["UPDATE t SET a = 2"]);
    let x = |a: i64| Some(row(None, &[a.into(), "x".into()]));
    let expected = [(Key(vec![1.into()]), x(1), None), (Key(vec![2.into()]), None, x(2))];
    assert_eq!(changes(&store, "d1_t"), expected);
}

#[test]
fn user_rule_2_all_rows_or_none() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY)"]);
    begin(&mut store);
    let rows: Vec<Vec<Value>> = [1i64, 2, 1].map(|a| vec![a.into()]).into();
    assert_eq!(code(run(&mut store, "INSERT INTO t VALUES (?)", &rows)), Code::SqlConstraint);
    let short = [vec![1.into()], vec![]];
    assert_eq!(code(run(&mut store, "INSERT INTO t VALUES (?)", &short)), Code::SqlParameters);
    assert_eq!(run(&mut store, "INSERT INTO t VALUES (?)", &[]).unwrap().changes, 0);
    assert_eq!(query(&mut store, "SELECT count(*) FROM t").rows, [[0.into()]]);
    let done = run(&mut store, "INSERT INTO t VALUES (?) RETURNING a", &rows[..2]).unwrap();
    assert_eq!((done.changes, done.columns, done.rows), (2, vec!["a".into()], rows[..2].to_vec()));
    end(&mut store);
    assert_eq!(changes(&store, "d1_t").len(), 2);
}

#[test]
fn user_rule_3_a_statement_writes_no_more_rows_than_its_gas_pays_for() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY, b)"]);
    begin(&mut store);
    let rows: Vec<Vec<Value>> = (0..2_000i64).map(|a| vec![a.into()]).collect();
    run(&mut store, "INSERT INTO t(a) VALUES (?)", &rows).unwrap();
    end(&mut store);
    let hash = store.app_hash();
    begin(&mut store);
    let mut gas = GasMeter::new(100 * price::ROW_WRITE);
    assert_eq!(code(store.exec(1, "UPDATE t SET b = a", &[], &mut gas)), Code::OutOfGas);
    assert_eq!(gas.used(), gas.limit());
    store.rollback_tx().unwrap();
    assert_eq!(store.finish_block().unwrap(), hash);
    store.commit().unwrap();
    begin(&mut store);
    let mut gas = GasMeter::new(GAS);
    let (done, parts) = store.exec_parts(1, "UPDATE t SET b = a", &[], &mut gas);
    assert_eq!((done.unwrap().changes, parts.rows_written), (2_000, 2_000));
    assert_eq!(parts.gas(), gas.used());
    assert!(parts.write_gas > 2_000 * price::ROW_WRITE);
    end(&mut store);
}

#[test]
fn user_rule_4_results_are_bounded() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY, b BLOB)"]);
    begin(&mut store);
    let big = vec![Value::Blob(vec![1; limits::SQL_RESULT_BYTES_MAX / 2])];
    run(&mut store, "INSERT INTO t(b) VALUES (?)", &vec![big; 3]).unwrap();
    let mut gas = GasMeter::new(GAS);
    let all = store.query_user(1, "SELECT b FROM t", &[], &mut gas);
    assert_eq!(code(all), Code::SqlTooLarge);
    // The statement is undone although SQLite had written all rows when the first one came.
    let returning = "UPDATE t SET a = a + 10 RETURNING b";
    assert_eq!(code(run(&mut store, returning, &[])), Code::SqlTooLarge);
    assert_eq!(query(&mut store, "SELECT max(a) FROM t").rows, [[3.into()]]);
    end(&mut store);
}

#[test]
fn user_rule_5_errors_name_things_as_the_user_does() {
    let mut store = Store::memory().unwrap();
    block(
        &mut store,
        &["CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT UNIQUE)", "INSERT INTO t VALUES (1, 'x')"],
    );
    begin(&mut store);
    for sql in ["INSERT INTO t VALUES (2, 'x')", "SELECT c FROM t", "SELECT * FROM u"] {
        let error = run(&mut store, sql, &[]).unwrap_err().to_string();
        assert!(
            !error.contains("d1_") && (error.contains("t.b") || error.contains(['c', 'u'])),
            "{error}"
        );
    }
    end(&mut store);
}

#[test]
fn user_rule_7_objects_are_bounded() {
    let mut store = Store::memory().unwrap();
    begin(&mut store);
    exec(&mut store, "CREATE TABLE t(a INTEGER PRIMARY KEY)");
    for index in 1..limits::SQL_OBJECTS_MAX {
        exec(&mut store, &format!("CREATE INDEX i{index} ON t(a)"));
    }
    assert_eq!(code(run(&mut store, "CREATE VIEW v AS SELECT 1", &[])), Code::SqlTooLarge);
    exec(&mut store, "DROP INDEX i1");
    exec(&mut store, "CREATE VIEW v AS SELECT 1");
    end(&mut store);
}

#[test]
fn user_rule_8_no_view_is_broken() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a, b)", "CREATE VIEW v AS SELECT b FROM t"]);
    begin(&mut store);
    let refused =
        ["CREATE VIEW w AS SELECT * FROM missing", "DROP TABLE t", "ALTER TABLE t DROP COLUMN b"];
    for sql in refused {
        let error = run(&mut store, sql, &[]).unwrap_err().to_string();
        assert!(error.contains("view") && !error.contains("d1_"), "{error}");
    }
    exec(&mut store, "ALTER TABLE t RENAME COLUMN b TO c");
    exec(&mut store, "ALTER TABLE t RENAME TO u");
    assert_eq!(query(&mut store, "SELECT * FROM v").rows.len(), 0);
    exec(&mut store, "DROP VIEW v");
    exec(&mut store, "DROP TABLE u");
    end(&mut store);
}

#[test]
fn user_rule_9_alter_lengthens_no_text_beyond_its_limit() {
    let mut store = Store::memory().unwrap();
    // Short now; each mention grows with the name.
    let sums = vec!["b"; 150].join("+");
    let columns: Vec<_> = (0..15).map(|n| format!("{sums} AS x{n}")).collect();
    let view = format!("CREATE VIEW v AS SELECT {} FROM t", columns.join(", "));
    block(&mut store, &["CREATE TABLE t(a, b)", &view]);
    begin(&mut store);
    for (name, refused) in
        [("c".repeat(120), true), ("c".repeat(128), true), ("c".repeat(3), false)]
    {
        let altered = run(&mut store, &format!("ALTER TABLE t RENAME COLUMN b TO {name}"), &[]);
        match altered {
            Ok(_) => assert!(!refused, "{name}"),
            Err(error) => {
                assert!(refused && !error.to_string().contains("d1_"), "{name}: {error}");
                assert_eq!(code::<()>(Err(error)), Code::SqlTooLarge, "{name}");
            }
        }
    }
    assert!(query(&mut store, "SELECT x0 FROM v").rows.is_empty());
    end(&mut store);
}

#[test]
fn other_databases_and_the_store_itself_are_out_of_reach() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY)"]);
    begin(&mut store);
    for name in [
        "d1_t",
        "main.d1_t",
        "node_state",
        "sqlite_schema",
        "sqlite_master",
        "chain_schema",
        "temp.x",
        "pragma_table_list",
        "chain.nothing",
        "dbstat",
    ] {
        for sql in [format!("SELECT * FROM {name}"), format!("DELETE FROM {name}")] {
            let mut gas = GasMeter::new(GAS);
            let result = store.exec(2, &sql, &[], &mut gas);
            assert!(matches!(result, Err(Error::Rejected(_))), "{sql}: {result:?}");
        }
    }
    assert_eq!(code(run(&mut store, "DELETE FROM chain.schema", &[])), Code::SqlRefused);
    assert_eq!(query(&mut store, "SELECT name FROM chain.schema").rows, [["t".into()]]);
    end(&mut store);
}

#[test]
fn savepoint_rule_3_no_foreign_key_stays_violated() {
    let mut store = Store::memory().unwrap();
    block(
        &mut store,
        &[
            "CREATE TABLE p(a INTEGER PRIMARY KEY)",
            "INSERT INTO p VALUES (1)",
            "CREATE TABLE c(a INTEGER PRIMARY KEY, p INT REFERENCES p(a))",
            "INSERT INTO c VALUES (1, 1)",
        ],
    );
    let hash = store.app_hash();
    begin(&mut store);
    let tricks = [
        "CREATE TABLE x(p INT REFERENCES p(a) DEFERRABLE INITIALLY DEFERRED)",
        "PRAGMA defer_foreign_keys = 1",
        "DELETE FROM p",
        "DROP TABLE p",
        "INSERT INTO c VALUES (2, 9)",
        "UPDATE c SET p = 9",
        "INSERT OR REPLACE INTO p SELECT 5 UNION ALL SELECT 1 WHERE 0",
    ];
    for sql in &tricks[..6] {
        assert!(matches!(run(&mut store, sql, &[]), Err(Error::Rejected(_))), "{sql}");
    }
    assert_eq!(store.commit_tx(), Ok(()));
    assert_eq!(store.finish_block().unwrap(), hash);
    store.commit().unwrap();
}

#[test]
fn explain_leaves_nothing_and_costs_what_exec_costs() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY, b)"]);
    begin(&mut store);
    for sql in
        ["INSERT INTO t VALUES (1, 'x')", "ALTER TABLE t ADD COLUMN c DEFAULT 5", "DROP TABLE t"]
    {
        let mut gas = GasMeter::new(GAS);
        let (_, parts) = store.explain(1, sql, &[], &mut gas).unwrap();
        assert_eq!(gas.used(), parts.gas());
        let mut gas = GasMeter::new(GAS);
        store.exec(1, sql, &[], &mut gas).unwrap();
        assert_eq!(gas.used(), parts.gas(), "{sql}");
    }
    end(&mut store);
}

#[test]
fn schema_rule_2_objects_are_leaves_in_the_order_of_creation() {
    let mut store = Store::memory().unwrap();
    block(
        &mut store,
        &["CREATE TABLE b(x INTEGER PRIMARY KEY)", "CREATE TABLE a(x)", "CREATE INDEX i ON a(x)"],
    );
    assert_eq!(store.leaves(), 3);
    block(&mut store, &["ALTER TABLE b RENAME TO c", "CREATE VIEW v AS SELECT x FROM a"]);
    let view = store.readers().view().unwrap();
    let objects = view.schema(1).unwrap();
    let names: Vec<_> = objects.iter().map(|object| object.name.as_str()).collect();
    assert_eq!(names, ["c", "a", "i", "v"]);
    assert_eq!(objects[3].sql, "CREATE VIEW v AS SELECT x FROM a");
    assert!(objects[0].sql.contains('c') && !objects[0].sql.contains("d1_"), "{}", objects[0].sql);
    assert_eq!(view.tables(1).unwrap(), ["c", "a"]);
}

#[test]
fn store_rule_6_a_second_writer_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(config(folder.path(), 0)).unwrap();
    let Err(second) = Store::open(config(folder.path(), 0)) else { panic!("two writers") };
    assert!(second.message.contains("another process"), "{second}");
    drop(store);
    Store::open(config(folder.path(), 0)).unwrap();
}

#[test]
fn view_rule_1_a_view_keeps_its_height() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY)", "INSERT INTO t VALUES (1)"]);
    let readers = store.readers();
    let mut old = readers.view().unwrap();
    let count = |view: &mut dadbs_store::View| {
        view.query(Some(1), "SELECT count(*) FROM t", &[], ReadLimits::default()).unwrap().rows[0]
            [0]
        .clone()
    };
    begin(&mut store);
    exec(&mut store, "INSERT INTO t VALUES (2)");
    let mut during = std::thread::spawn(move || readers.view().unwrap()).join().unwrap();
    assert_eq!((count(&mut during), during.height()), (1.into(), 1));
    end(&mut store);
    assert_eq!((count(&mut old), old.height(), old.time_ms()), (1.into(), 1, 1_700_000_001_000));
    let mut new = store.readers().view().unwrap();
    assert_eq!((count(&mut new), new.height(), new.app_hash()), (2.into(), 2, store.app_hash()));
}

#[test]
fn view_rule_2_views_are_counted_per_purpose() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY)"]);
    let (queries, checks) = (store.readers(), store.readers().apart());
    let mut views: Vec<_> =
        (0..dadbs_store::READERS_MAX).map(|_| queries.view().unwrap()).collect();
    assert_eq!(code(store.readers().view().map(drop)), Code::InvalidRequest);
    assert_eq!(checks.view().unwrap().height(), 1);
    views.pop();
    queries.view().unwrap();
}

#[test]
fn view_rule_3_reads_are_bounded() {
    let mut store = Store::memory().unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY)"]);
    begin(&mut store);
    let rows: Vec<Vec<Value>> = (0..1_000i64).map(|a| vec![a.into()]).collect();
    run(&mut store, "INSERT INTO t VALUES (?)", &rows).unwrap();
    end(&mut store);
    let mut view = store.readers().view().unwrap();
    let limits = ReadLimits { steps: 100_000, rows: 1_000, bytes: 8_000 };
    let mut read = |sql: &str, limits| view.query(Some(1), sql, &[], limits);
    assert_eq!(read("SELECT a FROM t", limits).unwrap().rows.len(), 1_000);
    assert_eq!(
        code(read("SELECT a FROM t", ReadLimits { rows: 999, ..limits })),
        Code::SqlTooLarge
    );
    assert_eq!(
        code(read("SELECT a FROM t", ReadLimits { bytes: 7_999, ..limits })),
        Code::SqlTooLarge
    );
    let join = "SELECT count(*) FROM t, t AS u, t AS v WHERE t.a + u.a + v.a = -1";
    assert_eq!(code(read(join, limits)), Code::SqlTooLarge);
    assert_eq!(code(read("DELETE FROM t", limits)), Code::SqlRefused);
    assert_eq!(code(read("SELECT ?", limits)), Code::SqlParameters);
}

#[test]
fn view_rule_4_rows_are_proved_at_every_kept_height() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(config(folder.path(), 0)).unwrap();
    let mut hashes = vec![[0; 32]];
    hashes.push(block(&mut store, &["CREATE TABLE t(k TEXT NOT NULL PRIMARY KEY, v INT) STRICT"]));
    for height in 2..=20i64 {
        let mut work = vec![format!("INSERT INTO t VALUES ('k{height}', 0)")];
        work.push(format!("UPDATE t SET v = {height} WHERE k = 'k{}'", height / 2));
        work.push(format!("DELETE FROM t WHERE k = 'k{}'", height - 5));
        hashes.push(block(&mut store, &work.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    for reopened in [false, true] {
        if reopened {
            drop(store);
            store = Store::open(config(folder.path(), 0)).unwrap();
        }
        let mut view = store.readers().view().unwrap();
        for height in 5..=20u64 {
            let mut present = 0;
            for key in 1..=21u64 {
                let proof = view.prove("D1_T", &[format!("k{key}").into()], height).unwrap();
                let leaf = leaf_key(&proof.table, &proof.key);
                let value = (!proof.row.is_empty()).then(|| leaf_value(&proof.row));
                let root = &hashes[height as usize];
                dadbs_merkle::verify(root, &leaf, value.as_ref(), &proof.proof).unwrap();
                // Another value or the opposite claim does not verify.
                let wrong = if value.is_some() { None } else { Some([1; 32]) };
                assert!(dadbs_merkle::verify(root, &leaf, wrong.as_ref(), &proof.proof).is_err());
                present += u64::from(value.is_some());
            }
            assert_eq!(present, 5.min(height - 1), "height {height}");
        }
        for height in [0, 4, 21] {
            assert_eq!(code(view.prove("d1_t", &["k1".into()], height)), Code::NotFound);
        }
        assert_eq!(code(view.prove("d1_t", &[], 20)), Code::InvalidRequest);
        let absent = view.prove("d1_t", &[5.into()], 20).unwrap();
        assert_eq!((absent.row, absent.height), (vec![], 20), "5 is not the key 'k5'");
    }
}

#[test]
fn store_rule_4_the_journal_is_pruned_but_not_what_a_start_needs() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(folder.path(), 50);
    config.journal_heights = 16;
    let mut store = Store::open(config.clone()).unwrap();
    block(&mut store, &["CREATE TABLE t(a INTEGER PRIMARY KEY)"]);
    for height in 2..=139 {
        block(&mut store, &[&format!("INSERT INTO t VALUES ({height})")]);
    }
    let kept = store.query("SELECT min(height), count(*) FROM node_journal", &[]).unwrap();
    assert_eq!(kept, [[51.into(), 89.into()]], "since the older of two checkpoints, 50 and 100");
    let hash = store.app_hash();
    drop(store);
    assert_eq!(Store::open(config).unwrap().app_hash(), hash);
}

#[test]
fn chain_tables_are_leaves_and_their_failures_fatal() {
    let mut store = Store::memory().unwrap();
    store.begin_block(0, 0).unwrap();
    store
        .execute("CREATE TABLE chain_balance(address TEXT PRIMARY KEY, amount INTEGER) STRICT", &[])
        .unwrap();
    let params = [&Value::from("alice"), &Value::from(5)];
    store.execute("INSERT INTO chain_balance VALUES (?1, ?2)", &params).unwrap();
    assert!(store.execute("INSERT INTO chain_balance VALUES (?1, ?2)", &params).is_err());
    assert!(store.execute("DROP TABLE chain_balance", &[]).is_err());
    let genesis = store.finish_block().unwrap();
    store.commit().unwrap();
    assert_eq!((store.height(), store.app_hash(), store.leaves()), (0, genesis, 2));
    assert!(!store.is_new());
    block(&mut store, &["CREATE TABLE t(a)"]);
    begin(&mut store);
    let rows = query(&mut store, "SELECT amount FROM chain.balance WHERE address = 'alice'").rows;
    assert_eq!(rows, [[5.into()]]);
    assert_eq!(code(run(&mut store, "UPDATE chain.balance SET amount = 9", &[])), Code::SqlRefused);
    end(&mut store);
    let view = store.readers().view().unwrap();
    assert_eq!(view.schema(0).unwrap()[0].name, "balance");
}

#[test]
fn random_and_time_are_those_of_the_block() {
    let mut one = Store::memory().unwrap();
    let mut two = Store::memory().unwrap();
    for store in [&mut one, &mut two] {
        block(store, &["CREATE TABLE t(a, b, c)"]);
        block(store, &["INSERT INTO t VALUES (random(), CURRENT_TIMESTAMP, hex(randomblob(8)))"]);
    }
    assert_eq!(one.app_hash(), two.app_hash());
}
