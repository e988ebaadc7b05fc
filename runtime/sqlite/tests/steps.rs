//! Steps are a function of statement, parameters and logical content.
#[path = "common/bombs.rs"]
#[allow(dead_code)]
mod bombs;
#[path = "common/compiles.rs"]
mod compiles;

use std::path::Path;

use dadbs_sqlite::{Connection, SqlFailure};
use dadbs_types::Value;

const PLENTY: u64 = 3_000_000;

const NUMBERS: &str = "CREATE TABLE numbers(value INTEGER PRIMARY KEY);
    INSERT INTO numbers WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 3000)
    SELECT i FROM n";

/// Small enough to be quick, with the same shapes as the bombs.
fn setup() -> Vec<String> {
    let small = |sql: &&str| {
        sql.replace("900000", "60000").replace("400000", "3000").replace("5000", "300")
    };
    std::iter::once(NUMBERS.to_owned()).chain(bombs::SETUP.iter().map(small)).collect()
}

fn load(path: &Path) -> Connection {
    let connection = Connection::open_writer(path).unwrap();
    for sql in setup() {
        connection.batch(&sql).unwrap();
        connection.capture_truncate(0);
    }
    connection
}

/// The steps of every statement (or the limit), each in a transaction that is rolled back.
fn steps(connection: &Connection) -> Vec<(&'static str, u64)> {
    let mut all = Vec::new();
    for (name, sql) in bombs::STATEMENTS {
        connection.batch("BEGIN").unwrap();
        let mut statement = connection.prepare_user(sql).unwrap();
        match statement.run(&[], PLENTY, &mut |_| Ok(())) {
            Ok(_) | Err(SqlFailure::Steps(_) | SqlFailure::Rejected(_)) => {}
            Err(why) => panic!("{name}: {why:?}"),
        }
        all.push((*name, statement.steps()));
        drop(statement);
        connection.batch("ROLLBACK").unwrap();
        connection.capture_truncate(0);
    }
    all
}

#[test]
fn steps_do_not_depend_on_cache_file_or_history() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let connection = load(&path);
    let cold = steps(&connection);
    assert!(cold.iter().filter(|(_, steps)| *steps < PLENTY).count() > 25);
    assert_eq!(steps(&connection), cold, "warm, statements kept");

    // Grow and shrink the file, then bring the same rows back.
    connection.batch("BEGIN; CREATE TABLE d1_waste(b)").unwrap();
    connection.batch("INSERT INTO d1_waste SELECT randomblob(5000) FROM numbers").unwrap();
    connection.batch("CREATE TEMP TABLE kept AS SELECT * FROM d1_n").unwrap();
    connection.batch("DELETE FROM d1_n WHERE id%3<>1; DROP TABLE d1_waste").unwrap();
    connection.batch("INSERT INTO d1_n SELECT * FROM kept WHERE id%3<>1 ORDER BY id DESC").unwrap();
    connection.batch("DROP TABLE kept; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
    assert_eq!(steps(&connection), cold, "churned");

    connection.batch("PRAGMA cache_size=10; PRAGMA shrink_memory").unwrap();
    assert_eq!(steps(&connection), cold, "hardly any cache");
    drop(connection);

    let connection = Connection::open_writer(&path).unwrap();
    assert_eq!(steps(&connection), cold, "opened again");
    let copy = folder.path().join("copy.db");
    connection.batch(&format!("VACUUM INTO '{}'", copy.display())).unwrap();
    assert_eq!(steps(&Connection::open_writer(&copy).unwrap()), cold, "VACUUM INTO");
    connection.batch("PRAGMA page_size=8192").unwrap();
}

#[test]
fn steps_do_not_depend_on_when_a_column_was_added() {
    let make = |late: bool| {
        let connection = Connection::memory().unwrap();
        let columns = if late { "" } else { ", more TEXT DEFAULT 'added', last INT DEFAULT 7" };
        connection
            .batch(&format!("CREATE TABLE d1_t(id INTEGER PRIMARY KEY, a BLOB, b TEXT{columns})"))
            .unwrap();
        connection.batch(NUMBERS).unwrap();
        connection
            .batch("INSERT INTO d1_t(id, a, b) SELECT value, zeroblob(value*7%3000), printf('%.*c', value%700, 'b') FROM numbers WHERE value<=500")
            .unwrap();
        if late {
            connection.batch("ALTER TABLE d1_t ADD COLUMN more TEXT DEFAULT 'added'").unwrap();
            connection.batch("ALTER TABLE d1_t ADD COLUMN last INT DEFAULT 7").unwrap();
        }
        connection.batch("CREATE TABLE d1_u(id INTEGER PRIMARY KEY, a BLOB, b TEXT, more TEXT DEFAULT 'added', last INT DEFAULT 7); BEGIN").unwrap();
        let statements = [
            "SELECT sum(last), max(more) FROM d1_t",
            "SELECT * FROM d1_t ORDER BY last, more, id DESC",
            "SELECT b, count(*) FROM d1_t WHERE last=7 GROUP BY b",
            "INSERT INTO d1_u SELECT * FROM d1_t",
            "UPDATE d1_t SET last=last+1 WHERE id%2",
            "CREATE INDEX d1_i ON d1_t(more, last)",
            "DELETE FROM d1_t WHERE last=7",
        ];
        statements.map(|sql| {
            let mut statement = connection.prepare_user(sql).unwrap();
            statement.run(&[], PLENTY, &mut |_| Ok(())).unwrap().steps
        })
    };
    assert_eq!(make(false), make(true));
}

/// Which pages are free depends on what a node has kept and pruned.
#[test]
fn steps_do_not_depend_on_where_tables_lie() {
    let make = |waste: u32| {
        let connection = Connection::memory().unwrap();
        connection.batch("CREATE TABLE chain_waste(b)").unwrap();
        connection.batch(NUMBERS).unwrap();
        let fill = format!(
            "INSERT INTO chain_waste SELECT zeroblob(40000) FROM numbers WHERE value<={waste}; BEGIN"
        );
        connection.batch(&fill).unwrap();
        let mut all = Vec::new();
        // The steps of a record are counted by its eighth bytes.
        for length in 1..=8 {
            let name = "t".repeat(length);
            for sql in [
                format!("CREATE TABLE d1_{name}(id INTEGER PRIMARY KEY, a TEXT, b INT)"),
                format!("CREATE INDEX d1_i{name} ON d1_{name}(a)"),
                format!("ALTER TABLE d1_{name} ADD COLUMN c INT"),
                format!("ALTER TABLE d1_{name} RENAME COLUMN a TO aa"),
                format!("ALTER TABLE d1_{name} DROP COLUMN c"),
                format!("CREATE VIEW d1_v{name} AS SELECT aa FROM d1_{name}"),
                format!("DROP VIEW d1_v{name}"),
                format!("ALTER TABLE d1_{name} RENAME TO d1_r{name}"),
            ] {
                let mut statement = connection.prepare_user(&sql).unwrap();
                all.push(statement.run(&[], PLENTY, &mut |_| Ok(())).unwrap().steps);
            }
        }
        all
    };
    let near = make(0);
    // Numbers of one, two and three bytes.
    assert_eq!(make(100), near);
    assert_eq!(make(3_000), near);
}

#[test]
fn user_rule_3_steps_do_not_depend_on_earlier_statements() {
    let connection = Connection::memory().unwrap();
    connection.batch("BEGIN; CREATE TABLE d1_t(id INTEGER PRIMARY KEY, a TEXT, b INT)").unwrap();
    let run = |sql: &str, params: &[Value]| {
        let mut statement = connection.prepare_user(sql).unwrap();
        statement.run(params, PLENTY, &mut |_| Ok(())).unwrap().steps
    };
    let insert = "INSERT INTO d1_t(a, b) VALUES (?1, ?2)";
    let first = run(insert, &["x".into(), 1i64.into()]);
    assert_eq!(run(insert, &["y".into(), 2i64.into()]), first);
    let point = "SELECT a FROM d1_t WHERE id=?1";
    let fresh = run(point, &[1i64.into()]);
    run("CREATE TABLE d1_other(a)", &[]);
    assert_eq!(run(point, &[1i64.into()]), fresh, "after DDL");
    connection.batch("SAVEPOINT s").unwrap();
    run("CREATE INDEX d1_i ON d1_t(b)", &[]);
    connection.batch("ROLLBACK TO s").unwrap();
    assert_eq!(run(point, &[1i64.into()]), fresh, "after DDL rolled back");
    // A statement that is compiled anew while it is held costs what a fresh one does.
    let mut held = connection.prepare_user(point).unwrap();
    run("CREATE TABLE d1_third(a)", &[]);
    assert_eq!(held.run(&[1i64.into()], PLENTY, &mut |_| Ok(())).unwrap().steps, fresh);
    // A run inside the callback of another one counts for itself.
    let both = "SELECT id FROM d1_t";
    let alone = run(both, &[]);
    let mut outer = connection.prepare_user(both).unwrap();
    let nested = outer.run(&[], PLENTY, &mut |_| {
        assert_eq!(run(point, &[1i64.into()]), fresh);
        connection.execute("DELETE FROM d1_third", &[]).unwrap();
        Ok(())
    });
    assert_eq!(nested.unwrap().steps, alone);
}

#[test]
fn steps_of_ddl_are_those_of_a_node_that_was_just_started() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let ddl = [
        "CREATE TABLE d1_t(id INTEGER PRIMARY KEY, a TEXT UNIQUE, b INT) STRICT",
        "INSERT INTO d1_t VALUES (1, 'x', 2), (2, 'y', 3)",
        "ALTER TABLE d1_t RENAME COLUMN b TO c",
        "ALTER TABLE d1_t ADD COLUMN d INT DEFAULT 4",
        "CREATE INDEX d1_i ON d1_t(c, d)",
        "CREATE VIEW d1_v AS SELECT c FROM d1_t",
        "DROP INDEX d1_i",
        "ALTER TABLE d1_t DROP COLUMN d",
        "ALTER TABLE d1_t ADD COLUMN e TEXT",
        "CREATE UNIQUE INDEX d1_j ON d1_t(c)",
        "CREATE TABLE d1_p(id INTEGER PRIMARY KEY)",
        "CREATE TABLE d1_c(a REFERENCES d1_p ON DELETE CASCADE)",
        "CREATE TABLE d1_d(a REFERENCES d1_p ON DELETE SET NULL ON UPDATE CASCADE)",
        "CREATE VIEW d1_w AS SELECT c || c AS s FROM d1_v",
        "CREATE VIEW d1_x AS SELECT s || s AS s FROM d1_w",
        "DELETE FROM d1_p WHERE id IN (SELECT s FROM d1_x)",
        "UPDATE d1_p SET id = 1 WHERE id IN (SELECT s + s AS s FROM d1_x)",
        "ALTER TABLE d1_p RENAME TO d1_q",
        "DROP VIEW d1_x",
        "DROP VIEW d1_w",
        "DROP TABLE d1_q",
        "DROP VIEW d1_v",
        "DROP TABLE d1_t",
    ];
    let run = |connection: &Connection, sql: &str| {
        let mut statement = connection.prepare_user(sql).unwrap();
        let compiled = connection.compile_steps();
        let run = statement.run(&[], PLENTY, &mut |_| Ok(()));
        (compiled, run.unwrap_or_else(|why| panic!("{sql}: {why:?}")).steps)
    };
    let one = Connection::memory().unwrap();
    for sql in ddl {
        let restarted = Connection::open_writer(&path).unwrap();
        assert_eq!(run(&one, sql), run(&restarted, sql), "{sql}");
    }
}

#[test]
fn user_rule_3_compiling_takes_the_same_steps_on_every_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.db");
    let one = Connection::open_writer(&path).unwrap();
    for sql in compiles::setup() {
        one.batch(&sql).unwrap();
    }
    let compile = |connection: &Connection, sql: &str| {
        let failed = connection.prepare_user(sql).err();
        (connection.compile_steps(), failed)
    };
    let statements = compiles::statements();
    let first: Vec<_> = statements.iter().map(|(_, sql)| compile(&one, sql)).collect();
    for ((name, sql), first) in statements.iter().zip(&first) {
        assert_eq!(compile(&one, sql), *first, "{name}: kept");
    }
    let other = Connection::open_writer(&path).unwrap();
    for ((name, sql), first) in statements.iter().zip(&first).rev() {
        assert_eq!(compile(&other, sql), *first, "{name}: just opened, in another order");
    }
    one.batch("BEGIN; SAVEPOINT s; CREATE TABLE d1_x(a); ROLLBACK TO s").unwrap();
    for ((name, sql), first) in statements.iter().zip(&first) {
        assert_eq!(compile(&one, sql), *first, "{name}: the schema was read anew");
    }
}

#[test]
fn user_rule_5_compiling_ends_when_its_steps_are_used_up() {
    let connection = Connection::memory().unwrap();
    for sql in compiles::setup() {
        connection.batch(&sql).unwrap();
    }
    connection.batch("BEGIN").unwrap();
    for (name, sql) in compiles::statements() {
        if connection.prepare_user(&sql).is_err() {
            continue;
        }
        let steps = connection.compile_steps();
        for kept in [true, false] {
            let short = connection.prepare_user_within(&sql, steps - 1).err();
            assert_eq!(short, Some(SqlFailure::Steps(steps - 1)), "{name}, kept: {kept}");
            assert_eq!(connection.compile_steps(), steps - 1, "{name}");
            connection.batch("CREATE TABLE d9_x(a); DROP TABLE d9_x").unwrap();
        }
        assert!(connection.prepare_user_within(&sql, steps).is_ok(), "{name}");
        assert!(connection.is_in_transaction(), "{name}");
    }
}
