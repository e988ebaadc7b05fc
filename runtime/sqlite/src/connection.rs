//! A connection: opened in one pinned way, with trusted statements and the capture buffer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::{CString, c_int};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr;

use dadbs_types::{Fatal, Value, limits};
use libsqlite3_sys as ffi;

use crate::authorizer::Seen;
use crate::capture::Event;
use crate::failure::SqlFailure;
use crate::hook::{self, Mode, State};
use crate::meter::MeterHandle;
use crate::statement::Statement;
use crate::user::UserCache;
use crate::{failure, functions, pin};

/// Values of trusted statements, in bytes: code and journal entries are longer than users' values.
const TRUSTED_VALUE_BYTES_MAX: c_int = 1_000_000_000;

/// Values and rows of user statements, in bytes.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
const USER_VALUE_BYTES_MAX: c_int = limits::SQL_VALUE_BYTES_MAX as c_int;

/// How long a reader waits for a lock that recovery or a checkpoint holds, in milliseconds.
const BUSY_TIMEOUT_MS: c_int = 5_000;

/// Settings of every connection.
const SETTINGS: &[(c_int, c_int)] = &[
    (ffi::SQLITE_DBCONFIG_DEFENSIVE, 1),
    (ffi::SQLITE_DBCONFIG_ENABLE_FKEY, 1),
    // Without it the plan of `LIKE ?` depends on the bound value.
    (ffi::SQLITE_DBCONFIG_ENABLE_QPSG, 1),
    (ffi::SQLITE_DBCONFIG_ENABLE_TRIGGER, 0),
    (ffi::SQLITE_DBCONFIG_ENABLE_VIEW, 1),
    (ffi::SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0),
    (ffi::SQLITE_DBCONFIG_WRITABLE_SCHEMA, 0),
    (ffi::SQLITE_DBCONFIG_DQS_DML, 0),
    (ffi::SQLITE_DBCONFIG_DQS_DDL, 0),
    (ffi::SQLITE_DBCONFIG_LEGACY_ALTER_TABLE, 0),
    (ffi::SQLITE_DBCONFIG_REVERSE_SCANORDER, 0),
    // Significant digits of REAL as TEXT.
    (ffi::SQLITE_DBCONFIG_FP_DIGITS, 17),
];

/// Limits of every connection.
const LIMITS: &[(c_int, usize)] = &[
    // A stored text beyond the limit would keep the file from opening. ALTER lengthens texts up to
    // the longest value of a user; the store refuses what is then over SQL_PHYSICAL_BYTES_MAX.
    (ffi::SQLITE_LIMIT_SQL_LENGTH, 2 * limits::SQL_VALUE_BYTES_MAX),
    (ffi::SQLITE_LIMIT_COLUMN, limits::SQL_COLUMNS_MAX),
    (ffi::SQLITE_LIMIT_COMPOUND_SELECT, limits::SQL_COMPOUND_MAX),
    (ffi::SQLITE_LIMIT_VARIABLE_NUMBER, limits::SQL_PARAMETERS_MAX),
    (ffi::SQLITE_LIMIT_EXPR_DEPTH, 1_000),
    (ffi::SQLITE_LIMIT_VDBE_OP, 250_000),
    (ffi::SQLITE_LIMIT_FUNCTION_ARG, 100),
    (ffi::SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1_000),
    // VACUUM INTO attaches its target.
    (ffi::SQLITE_LIMIT_ATTACHED, 1),
    (ffi::SQLITE_LIMIT_TRIGGER_DEPTH, 1_000),
    (ffi::SQLITE_LIMIT_WORKER_THREADS, 0),
];

/// One open database. It may move between threads and is used by one at a time.
pub struct Connection {
    db: *mut ffi::sqlite3,
    state: Box<State>,
    trusted: RefCell<HashMap<(usize, usize), Statement>>,
    pub(crate) users: UserCache,
}

// SAFETY: SQLite is built with SQLITE_THREADSAFE=2: a connection may be used by any thread, one at a
// time. Connection is not Sync, and everything that points into it moves with it.
unsafe impl Send for Connection {}

impl Connection {
    /// Opens or creates the file for its one writer: WAL, `synchronous=NORMAL`.
    pub fn open_writer(path: &Path) -> Result<Connection, Fatal> {
        let connection =
            Connection::open(path, ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE, true)?;
        connection.batch("PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-262144")?;
        Ok(connection)
    }

    /// Opens an existing file for reading. It sees the last commit; a read transaction keeps its height.
    pub fn open_reader(path: &Path) -> Result<Connection, Fatal> {
        let connection = Connection::open(path, ffi::SQLITE_OPEN_READONLY, false)?;
        connection.batch("PRAGMA query_only=1; PRAGMA cache_size=-16384")?;
        Ok(connection)
    }

    /// A database without a file, for tests.
    pub fn memory() -> Result<Connection, Fatal> {
        Connection::open(
            Path::new(":memory:"),
            ffi::SQLITE_OPEN_READWRITE | ffi::SQLITE_OPEN_CREATE | ffi::SQLITE_OPEN_MEMORY,
            true,
        )
    }

    fn open(path: &Path, flags: c_int, is_writer: bool) -> Result<Connection, Fatal> {
        pin::check()?;
        let name = CString::new(path.as_os_str().as_bytes())
            .map_err(|_| Fatal::new(format!("the path {} holds a NUL byte", path.display())))?;
        let flags = flags | ffi::SQLITE_OPEN_NOMUTEX | ffi::SQLITE_OPEN_EXRESCODE;
        let mut db = ptr::null_mut();
        // SAFETY: a valid C string and a place for the handle, which is closed below on failure.
        let code = unsafe { ffi::sqlite3_open_v2(name.as_ptr(), &raw mut db, flags, ptr::null()) };
        if code != ffi::SQLITE_OK || db.is_null() {
            let fatal = failure::fatal(db, code, &format!("opening {}", path.display()));
            // SAFETY: NULL or a handle that is not used again.
            unsafe { ffi::sqlite3_close(db) };
            return Err(fatal);
        }
        // SAFETY: `db` is open, and the state is owned by the connection that closes it.
        let state = Box::new(State::new(unsafe { MeterHandle::of(db) }));
        let connection =
            Connection { db, state, trusted: RefCell::default(), users: UserCache::new(is_writer) };
        // The first statements read the file: what they find wrong is about this path.
        let about = |fatal: Fatal| Fatal::new(format!("{}: {}", path.display(), fatal.message));
        connection.harden().map_err(about)?;
        // SQLite opens the temporary database at the first RENAME or DROP COLUMN and keeps it; from
        // then on DDL reads its schema too, which costs steps. So it is open from the start.
        connection.batch("CREATE TEMP TABLE opened(a); DROP TABLE temp.opened").map_err(about)?;
        Ok(connection)
    }

    fn harden(&self) -> Result<(), Fatal> {
        let db = self.db;
        for (setting, value) in SETTINGS {
            // SAFETY: these settings take an int and a place for the answer, here NULL.
            let code =
                unsafe { ffi::sqlite3_db_config(db, *setting, *value, ptr::null_mut::<c_int>()) };
            self.must(code, "setting up the connection")?;
        }
        for (limit, value) in LIMITS {
            let value = c_int::try_from(*value).map_err(|_| Fatal::new("a limit is over i32"))?;
            // SAFETY: known limits; the old value is not needed.
            unsafe { ffi::sqlite3_limit(db, *limit, value) };
        }
        self.set_value_bytes_max(TRUSTED_VALUE_BYTES_MAX);
        functions::register(db, &raw const *self.state)?;
        let state = (&raw const *self.state).cast_mut().cast();
        // SAFETY: the state is boxed and dropped after the connection is closed. The hook is set
        // before any statement is compiled: statements from before would keep SQLite's truncate
        // optimization, which captures nothing.
        unsafe {
            ffi::sqlite3_busy_timeout(db, BUSY_TIMEOUT_MS);
            ffi::sqlite3_preupdate_hook(db, Some(hook::preupdate), state);
            ffi::sqlite3_set_authorizer(db, Some(hook::authorize), state);
        }
        Ok(())
    }

    pub(crate) fn db(&self) -> *mut ffi::sqlite3 {
        self.db
    }

    pub(crate) fn state(&self) -> &State {
        &self.state
    }

    fn must(&self, code: c_int, what: &str) -> Result<(), Fatal> {
        if code == ffi::SQLITE_OK { Ok(()) } else { Err(failure::fatal(self.db, code, what)) }
    }

    fn set_value_bytes_max(&self, bytes: c_int) {
        // SAFETY: a known limit.
        unsafe { ffi::sqlite3_limit(self.db, ffi::SQLITE_LIMIT_LENGTH, bytes) };
    }

    /// Says whose statements run now; the answer is whose ran before.
    pub(crate) fn enter(&self, mode: Mode) -> Mode {
        let before = self.state.mode.replace(mode);
        if before != mode {
            let (attached_max, value_bytes_max) = match mode {
                Mode::Trusted => (1, TRUSTED_VALUE_BYTES_MAX),
                // VACUUM asks no authorizer; without a database to attach it cannot run.
                Mode::User => (0, USER_VALUE_BYTES_MAX),
            };
            self.set_value_bytes_max(value_bytes_max);
            // SAFETY: a known limit.
            unsafe { ffi::sqlite3_limit(self.db, ffi::SQLITE_LIMIT_ATTACHED, attached_max) };
        }
        before
    }

    /// Sets what `now`, `CURRENT_TIMESTAMP` and the like are: milliseconds since the Unix epoch. The
    /// UUIDs of this time are counted from 0.
    pub fn set_clock(&self, time_ms: i64) {
        self.state.uuids.set(0);
        self.state.meter.set_clock(time_ms);
    }

    /// Starts the stream of random bytes behind `random()` and `randomblob()` anew.
    pub fn set_seed(&self, seed: [u8; 32]) {
        *self.state.random.borrow_mut() = hook::random_stream(seed);
    }

    /// Runs one trusted statement; the answer is the number of rows that it changed directly.
    pub fn execute(&self, sql: &'static str, params: &[&Value]) -> Result<usize, Fatal> {
        self.query(sql, params, &mut |_| Ok(()))?;
        // SAFETY: the connection is open.
        Ok(usize::try_from(unsafe { ffi::sqlite3_changes64(self.db) }).unwrap_or(0))
    }

    /// Runs one trusted statement and hands every row to `row`.
    pub fn query(
        &self,
        sql: &'static str,
        params: &[&Value],
        row: &mut dyn FnMut(&[Value]) -> Result<(), Fatal>,
    ) -> Result<(), Fatal> {
        let key = (sql.as_ptr() as usize, sql.len());
        let cached = self.trusted.borrow_mut().remove(&key);
        let mode = self.enter(Mode::Trusted);
        let meter = self.state.meter.start(u64::MAX);
        let result = match cached.map_or_else(|| self.prepare_trusted(sql), Ok) {
            Ok(statement) => {
                let result = self.run_trusted(&statement, sql, params, row);
                statement.clear();
                self.trusted.borrow_mut().insert(key, statement);
                result
            }
            Err(fatal) => Err(fatal),
        };
        self.state.meter.finish(meter);
        self.enter(mode);
        self.take_note();
        result
    }

    fn prepare_trusted(&self, sql: &str) -> Result<Statement, Fatal> {
        match Statement::prepare(self.db, sql) {
            Ok((Some(statement), used)) if sql[used..].trim().is_empty() => Ok(statement),
            Ok(_) => Err(Fatal::new(format!("not exactly one statement: {sql}"))),
            Err(code) => Err(failure::fatal(self.db, code, sql)),
        }
    }

    fn run_trusted(
        &self,
        statement: &Statement,
        sql: &str,
        params: &[&Value],
        row: &mut dyn FnMut(&[Value]) -> Result<(), Fatal>,
    ) -> Result<(), Fatal> {
        if statement.parameter_count() != params.len() {
            return Err(Fatal::new(format!("{} parameters are given to: {sql}", params.len())));
        }
        for (index, value) in params.iter().enumerate() {
            // SAFETY: the caller clears the statement before `params` ends.
            self.must(unsafe { statement.bind(index, value) }, sql)?;
        }
        let columns = statement.column_count();
        let mut values = Vec::with_capacity(columns);
        loop {
            match statement.step() {
                ffi::SQLITE_ROW => {}
                ffi::SQLITE_DONE => return Ok(()),
                code => {
                    let poison = self.state.poison.borrow_mut().take();
                    return Err(match poison {
                        Some(SqlFailure::Fatal(fatal)) => fatal,
                        Some(why) => Fatal::new(format!("{why:?} in {sql}")),
                        None => failure::fatal(self.db, code, sql),
                    });
                }
            }
            values.clear();
            for index in 0..columns {
                // SAFETY: there is a row, and the value is copied before the next step.
                let value = unsafe { statement.column(index) };
                values.push(
                    value
                        .map_err(|why| Fatal::new(format!("{} in {sql}", why.message)))?
                        .to_value(),
                );
            }
            row(&values)?;
        }
    }

    /// Runs trusted statements one after the other, without parameters: transactions, savepoints,
    /// pragmas, DDL. Rows are dropped.
    pub fn batch(&self, sql: &str) -> Result<(), Fatal> {
        let mode = self.enter(Mode::Trusted);
        let meter = self.state.meter.start(u64::MAX);
        let result = self.batch_in_mode(sql);
        self.state.meter.finish(meter);
        self.enter(mode);
        self.take_note();
        result
    }

    fn batch_in_mode(&self, sql: &str) -> Result<(), Fatal> {
        let mut rest = sql;
        while !rest.trim().is_empty() {
            let (statement, used) = Statement::prepare(self.db, rest)
                .map_err(|code| failure::fatal(self.db, code, sql))?;
            rest = rest.get(used..).unwrap_or_default();
            let Some(statement) = statement else { continue };
            self.run_trusted(&statement, sql, &[], &mut |_| Ok(()))?;
        }
        Ok(())
    }

    /// Flushes statements of users when the schema changed or a change of it was rolled back: a
    /// fresh statement and a kept one must not be told apart.
    pub(crate) fn take_note(&self) {
        let seen = self.state.seen.get();
        if seen == Seen::default() {
            return;
        }
        self.state.seen.set(Seen::default());
        self.users.note(seen);
    }

    /// True between BEGIN and COMMIT or ROLLBACK.
    pub fn is_in_transaction(&self) -> bool {
        // SAFETY: the connection is open.
        unsafe { ffi::sqlite3_get_autocommit(self.db) == 0 }
    }

    /// The number of captured events.
    pub fn capture_mark(&self) -> usize {
        self.state.events.borrow().len()
    }

    /// Drops the events after the mark.
    pub fn capture_truncate(&self, mark: usize) {
        self.state.events.borrow_mut().truncate(mark);
    }

    /// Takes all captured events.
    pub fn capture_take(&self) -> Vec<Event> {
        self.state.events.take()
    }

    /// Looks at the captured events after the mark, in place. `look` must not run statements that
    /// change rows.
    pub fn capture_with<T>(&self, mark: usize, look: impl FnOnce(&[Event]) -> T) -> T {
        let events = self.state.events.borrow();
        look(events.get(mark..).unwrap_or_default())
    }

    /// Not 0 while a foreign key is violated that only COMMIT would check.
    pub fn deferred_foreign_keys(&self) -> i64 {
        let (mut current, mut highest) = (0, 0);
        // SAFETY: the connection is open; both places are written.
        unsafe {
            ffi::sqlite3_db_status(
                self.db,
                ffi::SQLITE_DBSTATUS_DEFERRED_FKS,
                &raw mut current,
                &raw mut highest,
                0,
            );
        }
        i64::from(current)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.trusted.borrow_mut().clear();
        self.users.clear();
        // SAFETY: no statement is left, and the handle is not used again; the state is dropped after.
        unsafe { ffi::sqlite3_close(self.db) };
    }
}
