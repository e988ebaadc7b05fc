//! The SQL functions that users have, and those that are ours.
//!
//! 1. [`dadbs_types::functions`] and [`OPERATORS`] are the whole list; the authorizer refuses all others
//!    by name.
//! 2. `random()`, `randomblob(n)` and the UUIDs draw from the transaction's seed.
//! 3. The date and time functions see the block's time as `now`, and `localtime` is UTC.
//! 4. Our functions (modules `added` and `sum`) cost steps of their own: what they do does not grow with
//!    their arguments, which are bounded.

use std::ffi::{c_int, c_void};

use dadbs_types::Fatal;
use libsqlite3_sys as ffi;

use crate::failure;
use crate::hook::State;

mod added;
mod sum;

pub use added::{Pure, pure_functions};

/// What the authorizer is asked for where a statement has an operator or a keyword.
pub const OPERATORS: &[&str] = &["->", "->>", "current_date", "current_time", "current_timestamp"];

/// True for a function of the list, in any case (rule 1).
pub(crate) fn is_allowed(name: &[u8]) -> bool {
    let Ok(name) = std::str::from_utf8(name) else { return false };
    OPERATORS.contains(&name.to_ascii_lowercase().as_str())
        || dadbs_types::functions::offered(name).is_some()
}

/// True for the functions that SQLite's own DDL calls.
pub(crate) fn is_internal(name: &[u8]) -> bool {
    [&b"sqlite_rename_"[..], b"sqlite_drop_", b"sqlite_add_", b"sqlite_find_", b"sqlite_fail"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// Puts our functions in place of SQLite's.
pub(crate) fn register(db: *mut ffi::sqlite3, state: *const State) -> Result<(), Fatal> {
    type Call =
        unsafe extern "C" fn(*mut ffi::sqlite3_context, c_int, *mut *mut ffi::sqlite3_value);
    let ours: [(_, _, Call); 2] = [(c"random", 0, random), (c"randomblob", 1, randomblob)];
    for (name, arguments, call) in ours {
        // SAFETY: `db` is open; the state lives longer than the connection's statements; no
        // destructor is needed for it.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                db,
                name.as_ptr(),
                arguments,
                ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS,
                state.cast_mut().cast::<c_void>(),
                Some(call),
                None,
                None,
                None,
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(failure::fatal(db, code, "registering random functions"));
        }
    }
    added::register(db, state)?;
    sum::register(db, state)
}

unsafe extern "C" fn random(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    _arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: registered with a State, which is only shared.
    let state = unsafe { &*ffi::sqlite3_user_data(context).cast::<State>() };
    let mut bytes = [0; 8];
    state.random.borrow_mut().fill(&mut bytes);
    // As SQLite: never the least integer, so that abs(random()) cannot fail.
    let random = i64::from_le_bytes(bytes);
    let random = if random < 0 { -(random & i64::MAX) } else { random };
    // SAFETY: the context is the running call's.
    unsafe { ffi::sqlite3_result_int64(context, random) };
}

unsafe extern "C" fn randomblob(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as in `random`; one argument was registered.
    let (state, len) = unsafe {
        let state = &*ffi::sqlite3_user_data(context).cast::<State>();
        (state, ffi::sqlite3_value_int64(*arguments).max(1))
    };
    // SAFETY: the context's connection is open; -1 only asks for the limit.
    let len_max = unsafe {
        let db = ffi::sqlite3_context_db_handle(context);
        ffi::sqlite3_limit(db, ffi::SQLITE_LIMIT_LENGTH, -1)
    };
    let Some(len) = usize::try_from(len).ok().filter(|_| len <= i64::from(len_max)) else {
        // SAFETY: the context is the running call's.
        unsafe { ffi::sqlite3_result_error_toobig(context) };
        return;
    };
    let mut bytes = vec![0; len];
    state.random.borrow_mut().fill(&mut bytes);
    // SAFETY: SQLite copies the bytes before this returns.
    unsafe {
        ffi::sqlite3_result_blob64(
            context,
            bytes.as_ptr().cast(),
            bytes.len() as u64,
            ffi::SQLITE_TRANSIENT(),
        );
    }
}
