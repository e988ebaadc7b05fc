//! What SQLite calls back: row changes, the authorizer, random functions. All of them get the same
//! [`State`], which the connection owns at a fixed address.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, c_char, c_int, c_void};
use std::sync::Arc;

use dadbs_types::gas::price;
use dadbs_types::{Code, Value};
use libsqlite3_sys as ffi;

use crate::authorizer::{self, Seen};
use crate::capture::{Event, Operation};
use crate::failure::{self, SqlFailure};
use crate::meter::MeterHandle;
use crate::statement;

/// What capturing a row costs in steps: the price of a written row and its bytes, so that a statement
/// meets its limit while it writes and not after.
fn captured_steps(bytes: u64) -> u64 {
    let bytes = bytes.saturating_mul(price::ROW_WRITE_BYTE) / price::SQL_STEP;
    bytes.saturating_add(price::ROW_WRITE / price::SQL_STEP)
}

/// Whose statements run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Trusted,
    User,
}

/// What the callbacks share with the connection.
pub(crate) struct State {
    pub(crate) meter: MeterHandle,
    pub(crate) events: RefCell<Vec<Event>>,
    /// Why the running statement must not succeed although SQLite saw no error.
    pub(crate) poison: RefCell<Option<SqlFailure>>,
    /// Steps that captured rows cost since the running statement began.
    pub(crate) captured: Cell<u64>,
    pub(crate) mode: Cell<Mode>,
    pub(crate) seen: Cell<Seen>,
    pub(crate) random: RefCell<blake3::OutputReader>,
    /// UUIDs of version 7 that were made since the clock was set.
    pub(crate) uuids: Cell<u32>,
    table: RefCell<Arc<str>>,
}

impl State {
    pub(crate) fn new(meter: MeterHandle) -> State {
        State {
            meter,
            events: RefCell::default(),
            poison: RefCell::default(),
            captured: Cell::new(0),
            mode: Cell::new(Mode::Trusted),
            seen: Cell::default(),
            random: RefCell::new(random_stream([0; 32])),
            uuids: Cell::new(0),
            table: RefCell::new("".into()),
        }
    }

    /// The running statement fails with `why` at its next check.
    fn poison(&self, why: SqlFailure) {
        self.poison.borrow_mut().get_or_insert(why);
        self.meter.stop();
    }

    /// The shared name of a table: one allocation per change of table, none per row.
    fn table(&self, name: &str) -> Arc<str> {
        let mut last = self.table.borrow_mut();
        if **last != *name {
            *last = name.into();
        }
        last.clone()
    }
}

/// The endless bytes behind `random()` for one transaction.
pub(crate) fn random_stream(seed: [u8; 32]) -> blake3::OutputReader {
    blake3::Hasher::new_derive_key("dadbs 1 sqlite random").update(&seed).finalize_xof()
}

/// SQLite's authorizer; a panic must not unwind into C, and none can happen here.
pub(crate) unsafe extern "C" fn authorize(
    state: *mut c_void,
    action: c_int,
    first: *const c_char,
    second: *const c_char,
    schema: *const c_char,
    _within: *const c_char,
) -> c_int {
    // SAFETY: the connection registered a State that outlives every statement; it is only shared.
    let state = unsafe { &*state.cast::<State>() };
    // SAFETY: SQLite passes NULL or valid C strings for the time of this call.
    let text = |p: *const c_char| unsafe { (!p.is_null()).then(|| CStr::from_ptr(p)) };
    let mut seen = state.seen.get();
    seen.note(action, text(first));
    state.seen.set(seen);
    let allowed = state.mode.get() == Mode::Trusted
        || authorizer::allows(action, text(first), text(second), text(schema), seen);
    if allowed { ffi::SQLITE_OK } else { ffi::SQLITE_DENY }
}

/// SQLite's preupdate hook.
pub(crate) unsafe extern "C" fn preupdate(
    state: *mut c_void,
    db: *mut ffi::sqlite3,
    operation: c_int,
    _schema: *const c_char,
    table: *const c_char,
    old_rowid: ffi::sqlite3_int64,
    new_rowid: ffi::sqlite3_int64,
) {
    // SAFETY: as in `authorize`.
    let state = unsafe { &*state.cast::<State>() };
    // SAFETY: SQLite passes a valid C string, the name in its schema.
    let name = unsafe { CStr::from_ptr(table) }.to_bytes();
    if name.starts_with(b"node_") {
        return;
    }
    let Ok(name) = std::str::from_utf8(name) else {
        state.poison(SqlFailure::rejected(Code::SqlRefused, "the name of a table is not UTF-8"));
        return;
    };
    let operation = match operation {
        ffi::SQLITE_INSERT => Operation::Insert,
        ffi::SQLITE_DELETE => Operation::Delete,
        _ => Operation::Update,
    };
    let old = (operation != Operation::Insert).then(|| row(state, db, ffi::sqlite3_preupdate_old));
    let new = (operation != Operation::Delete).then(|| row(state, db, ffi::sqlite3_preupdate_new));
    let bytes: usize = old.iter().chain(&new).flatten().map(Value::len).sum();
    let steps = captured_steps(bytes as u64);
    state.meter.charge(steps);
    state.captured.set(state.captured.get().saturating_add(steps));
    let table = state.table(name);
    state.events.borrow_mut().push(Event { table, operation, old_rowid, new_rowid, old, new });
}

type Column = unsafe extern "C" fn(*mut ffi::sqlite3, c_int, *mut *mut ffi::sqlite3_value) -> c_int;

fn row(state: &State, db: *mut ffi::sqlite3, column: Column) -> Vec<Value> {
    // SAFETY: called from within the preupdate hook of this connection.
    let count = unsafe { ffi::sqlite3_preupdate_count(db) };
    let mut values = Vec::with_capacity(usize::try_from(count).unwrap_or(0));
    for index in 0..count {
        let mut value = std::ptr::null_mut();
        // SAFETY: within the hook, the index is below the count; SQLite owns the value.
        let code = unsafe { column(db, index, &raw mut value) };
        if code == ffi::SQLITE_RANGE {
            // A VIRTUAL generated column: it is computed when read, never stored.
            values.push(Value::Null);
            continue;
        }
        if code != ffi::SQLITE_OK || value.is_null() {
            state.poison(SqlFailure::Fatal(failure::fatal(db, code, "reading a changed row")));
            return values;
        }
        // SAFETY: a valid value, alive until the hook returns.
        match unsafe { statement::value(value) } {
            Ok(value) => values.push(value.to_value()),
            Err(why) => {
                state.poison(SqlFailure::Rejected(why));
                values.push(Value::Null);
            }
        }
    }
    values
}
