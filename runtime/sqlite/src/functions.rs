//! The SQL functions that users have, and the two that are ours.
//!
//! 1. [`FUNCTIONS`] is the whole list; the authorizer refuses all others by name.
//! 2. `random()` and `randomblob(n)` draw from the transaction's seed.
//! 3. The date and time functions see the block's time as `now`, and `localtime` is UTC.

use std::ffi::{c_int, c_void};

use libsqlite3_sys as ffi;

use crate::failure;
use crate::hook::State;
use dadbs_types::Fatal;

/// Every function that a user statement may call, in lower case, sorted.
pub const FUNCTIONS: &[&str] = &[
    "->",
    "->>",
    "abs",
    "avg",
    "char",
    "coalesce",
    "concat",
    "concat_ws",
    "count",
    "cume_dist",
    "current_date",
    "current_time",
    "current_timestamp",
    "date",
    "datetime",
    "dense_rank",
    "first_value",
    "format",
    "glob",
    "group_concat",
    "hex",
    "if",
    "ifnull",
    "iif",
    "instr",
    "json",
    "json_array",
    "json_array_length",
    "json_extract",
    "json_group_array",
    "json_group_object",
    "json_insert",
    "json_object",
    "json_quote",
    "json_remove",
    "json_replace",
    "json_set",
    "json_type",
    "json_valid",
    "julianday",
    "lag",
    "last_value",
    "lead",
    "length",
    "like",
    "likelihood",
    "likely",
    "lower",
    "ltrim",
    "max",
    "min",
    "nth_value",
    "ntile",
    "nullif",
    "octet_length",
    "percent_rank",
    "printf",
    "quote",
    "random",
    "randomblob",
    "rank",
    "replace",
    "round",
    "row_number",
    "rtrim",
    "sign",
    "strftime",
    "string_agg",
    "substr",
    "substring",
    "sum",
    "time",
    "timediff",
    "total",
    "trim",
    "typeof",
    "unhex",
    "unicode",
    "unixepoch",
    "unlikely",
    "upper",
    "zeroblob",
];

/// True for a function of the list, in any case.
pub(crate) fn is_allowed(name: &[u8]) -> bool {
    let name = name.to_ascii_lowercase();
    FUNCTIONS.binary_search_by(|function| function.as_bytes().cmp(&name)).is_ok()
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
    Ok(())
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
