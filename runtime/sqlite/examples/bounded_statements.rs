//! Three ways to bound a write statement, and why the engine is patched.
//!
//! A. The patch: the engine stops between two instructions and undoes the statement.
//! B. Two phases: a SELECT, which may be interrupted, finds keys and new values; then one keyed
//!    statement per row.
//! C. A function `tick()`, which the SQL front door adds to every FROM term and DML target, raises an
//!    error when the budget is used up.
//!
//! The first table shows how far C looks away: the longest run of VM steps without a tick. The second
//! shows statements that B computes differently from SQLite.
//! `cargo run --release -p dadbs-sqlite --example bounded_statements`
#![allow(unsafe_code)]

use std::ffi::{CString, c_int, c_void};
use std::ptr;

use dadbs_sqlite::Connection;
use dadbs_types::Value;
use libsqlite3_sys as ffi;

#[derive(Default)]
struct Watch {
    ticks: u64,
    steps: u64,
    since_tick: u64,
    longest: u64,
}

unsafe extern "C" fn tick(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    _arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: registered with a Watch that outlives the connection; nothing else refers to it now.
    let watch = unsafe { &mut *ffi::sqlite3_user_data(context).cast::<Watch>() };
    watch.ticks += 1;
    watch.since_tick = 0;
    // SAFETY: the context is the running call's.
    unsafe { ffi::sqlite3_result_int(context, 1) };
}

unsafe extern "C" fn step(watch: *mut c_void) -> c_int {
    // SAFETY: as in `tick`.
    let watch = unsafe { &mut *watch.cast::<Watch>() };
    watch.steps += 1;
    watch.since_tick += 1;
    watch.longest = watch.longest.max(watch.since_tick);
    0
}

const SETUP: &str = "
    CREATE TABLE n(id INTEGER PRIMARY KEY, k INT, s TEXT);
    INSERT INTO n WITH RECURSIVE i(v) AS (SELECT 1 UNION ALL SELECT v+1 FROM i LIMIT 20000) SELECT v, v*7919%10007, 's'||v FROM i;
    CREATE TABLE m AS SELECT id, k FROM n LIMIT 2000;
    CREATE TABLE p(id INTEGER PRIMARY KEY); INSERT INTO p VALUES (1);
    CREATE TABLE c(p INT REFERENCES p(id) ON DELETE CASCADE); INSERT INTO c SELECT 1 FROM n;
    CREATE INDEX c_p ON c(p)";

/// (shape, statement with ticks where a front door can put them)
const SHAPES: &[(&str, &str)] = &[
    ("scan", "SELECT sum(k) FROM n WHERE tick(id)"),
    ("update", "UPDATE n SET k=k+1 WHERE tick(id)"),
    (
        "join, ticks on both terms",
        "SELECT count(*) FROM m a, m b WHERE a.k+b.k=3 AND tick(a.id) AND tick(b.id)",
    ),
    ("scan that rejects every row", "DELETE FROM n WHERE k<0 AND tick(id)"),
    (
        "join that rejects every pair",
        "SELECT count(*) FROM m a, m b WHERE tick(a.id) AND b.k+0=a.k-99999 AND tick(b.id)",
    ),
    (
        "automatic index",
        "SELECT count(*) FROM m a, n b WHERE b.k=a.k AND tick(a.id) AND tick(b.id)",
    ),
    ("sort, then rows", "SELECT s FROM n WHERE tick(id) ORDER BY k, s LIMIT 1 OFFSET 19999"),
    ("create index", "CREATE INDEX n_s ON n(s, k)"),
    ("foreign key cascade", "DELETE FROM p WHERE tick(id)"),
    ("drop column", "ALTER TABLE n DROP COLUMN s"),
    ("count(*)", "SELECT count(*) FROM n"),
];

fn ways_of_c() {
    println!("C: {:30} {:>9} {:>9} {:>22}", "statement", "steps", "ticks", "longest without tick");
    for (shape, sql) in SHAPES {
        let watch = Box::into_raw(Box::<Watch>::default());
        let (setup, sql) = (text(SETUP), text(sql));
        let mut db = ptr::null_mut();
        // SAFETY: SQLite's calls as documented; the watch outlives the connection and is freed once.
        let watch = unsafe {
            assert_eq!(ffi::sqlite3_open(c":memory:".as_ptr(), &raw mut db), 0);
            let none = ptr::null_mut();
            assert_eq!(ffi::sqlite3_exec(db, setup.as_ptr(), None, none, ptr::null_mut()), 0);
            ffi::sqlite3_create_function_v2(
                db,
                c"tick".as_ptr(),
                1,
                ffi::SQLITE_UTF8,
                watch.cast(),
                Some(tick),
                None,
                None,
                None,
            );
            ffi::sqlite3_progress_handler(db, 1, Some(step), watch.cast());
            assert_eq!(
                ffi::sqlite3_exec(db, sql.as_ptr(), None, none, ptr::null_mut()),
                0,
                "{shape}"
            );
            ffi::sqlite3_close(db);
            Box::from_raw(watch)
        };
        println!("   {shape:30} {:>9} {:>9} {:>22}", watch.steps, watch.ticks, watch.longest);
    }
}

fn text(sql: &str) -> CString {
    CString::new(sql).expect("no NUL in a constant")
}

type Rows = Vec<Vec<Value>>;

fn rows(connection: &Connection, sql: &'static str) -> Rows {
    let mut rows = Rows::new();
    let mut collect = |row: &[Value]| {
        rows.push(row.to_vec());
        Ok(())
    };
    connection.query(sql, &[], &mut collect).expect(sql);
    rows
}

/// (statement, its first phase: key and new value, its second phase)
const TWO_PHASES: &[(&str, &str, &str)] = &[
    ("UPDATE t SET v=v*2", "SELECT id, v*2 FROM t", "UPDATE t SET v=?2 WHERE id=?1"),
    (
        "UPDATE t SET v=v+coalesce((SELECT b.v FROM t b WHERE b.id=t.id-1), 0)",
        "SELECT id, v+coalesce((SELECT b.v FROM t b WHERE b.id=t.id-1), 0) FROM t",
        "UPDATE t SET v=?2 WHERE id=?1",
    ),
    (
        "UPDATE t SET v=s.x FROM (SELECT 1 AS id, 10 AS x UNION ALL SELECT 1, 20 UNION ALL SELECT 1, 30) AS s WHERE s.id=t.id",
        "SELECT t.id, s.x FROM t, (SELECT 1 AS id, 10 AS x UNION ALL SELECT 1, 20 UNION ALL SELECT 1, 30) AS s WHERE s.id=t.id",
        "UPDATE t SET v=?2 WHERE id=?1",
    ),
    (
        "INSERT INTO t(id, v) SELECT id+1, v+100 FROM t WHERE id>0 ON CONFLICT(id) DO UPDATE SET v=excluded.v+t.v",
        "SELECT id+1, v+100 FROM t",
        "INSERT INTO t(id, v) VALUES (?1, ?2) ON CONFLICT(id) DO UPDATE SET v=excluded.v+t.v",
    ),
];

fn ways_of_b() {
    println!("\nB: statement, what SQLite makes of (1,1) (2,2) (3,3), what two phases make");
    for (whole, first, second) in TWO_PHASES {
        let open = || {
            let connection = Connection::memory().expect("a pinned build");
            let setup = "CREATE TABLE t(id INTEGER PRIMARY KEY, v INT);
                INSERT INTO t VALUES (1, 1), (2, 2), (3, 3)";
            connection.batch(setup).expect("setup");
            connection
        };
        let (at_once, phased) = (open(), open());
        at_once.batch(whole).expect(whole);
        for row in rows(&phased, first) {
            phased.execute(second, &[&row[0], &row[1]]).expect(second);
        }
        let show = |connection: &Connection| {
            let pair = |row: &Vec<Value>| format!("{row:?}").replace("Integer", "");
            rows(connection, "SELECT * FROM t").iter().map(pair).collect::<Vec<_>>().join(" ")
        };
        let (one, two) = (show(&at_once), show(&phased));
        println!(
            "   {whole}\n      {one}\n      {two}  {}",
            if one == two { "same" } else { "DIFFERS" }
        );
    }
}

fn main() {
    ways_of_c();
    ways_of_b();
}
