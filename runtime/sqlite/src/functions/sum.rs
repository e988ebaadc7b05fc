//! `decimal_sum(x)`, as an aggregate and over windows.
//!
//! 1. The sum is exact and does not depend on the order of the rows. Its scale is the largest of the
//!    numbers that are in it.
//! 2. NULLs are left out; the sum of nothing is NULL, as of `sum(x)`.

use std::ffi::{CStr, c_int, c_void};

use dadbs_types::{Fatal, Value};
use libsqlite3_sys as ffi;

use super::added::{fail, give, number};
use crate::decimal::{Decimal, Sum};
use crate::failure;
use crate::hook::State;
use crate::statement::{self, ValueRef};

const NAME: &CStr = c"decimal_sum";

/// Of each row, beyond what every step of an aggregate costs.
const STEPS: u64 = 8;

/// Of a result: it puts the parts of all scales together.
const RESULT_STEPS: u64 = 64;

/// Adds the function to a connection.
pub(super) fn register(db: *mut ffi::sqlite3, state: *const State) -> Result<(), Fatal> {
    // SAFETY: `db` is open; the state lives longer than the connection's statements.
    let code = unsafe {
        ffi::sqlite3_create_window_function(
            db,
            NAME.as_ptr(),
            1,
            ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS | ffi::SQLITE_DETERMINISTIC,
            state.cast_mut().cast::<c_void>(),
            Some(step),
            Some(finish),
            Some(value),
            Some(inverse),
            None,
        )
    };
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(failure::fatal(db, code, "registering a sum")) }
}

/// The place of the running aggregate's sum, which SQLite fills with zeros; NULL before the first row
/// of one that `make` does not begin.
unsafe fn place(context: *mut ffi::sqlite3_context, make: bool) -> *mut *mut Sum {
    let bytes = if make { size_of::<*mut Sum>() } else { 0 };
    let bytes = c_int::try_from(bytes).unwrap_or(0);
    // SAFETY: the caller's context is the running call's.
    unsafe { ffi::sqlite3_aggregate_context(context, bytes) }.cast()
}

/// One row's number, if it has one; an error is already given.
unsafe fn row(
    context: *mut ffi::sqlite3_context,
    arguments: *mut *mut ffi::sqlite3_value,
) -> Option<Decimal> {
    // SAFETY: registered with a State and one argument, which stays as it is during the call.
    let (state, value) = unsafe {
        let state = &*ffi::sqlite3_user_data(context).cast::<State>();
        (state, statement::value(*arguments))
    };
    state.meter.charge(STEPS);
    let number = match value {
        Ok(ValueRef::Null) => return None,
        Ok(value) => number(value),
        Err(why) => Err(why.message),
    };
    // SAFETY: the context is the running call's.
    number.map_err(|why| unsafe { fail(context, NAME, &why) }).ok()
}

unsafe extern "C" fn step(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as SQLite calls it; the place is NULL without memory, else ours until `finish`.
    unsafe {
        let Some(number) = row(context, arguments) else { return };
        let place = place(context, true);
        if place.is_null() {
            return ffi::sqlite3_result_error_nomem(context);
        }
        if (*place).is_null() {
            *place = Box::into_raw(Box::new(Sum::new()));
        }
        (**place).add(number);
    }
}

unsafe extern "C" fn inverse(
    context: *mut ffi::sqlite3_context,
    _count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as in `step`; what is taken back was added, so there is a sum.
    unsafe {
        let Some(number) = row(context, arguments) else { return };
        let place = place(context, false);
        if !place.is_null() && !(*place).is_null() {
            (**place).remove(number);
        }
    }
}

unsafe extern "C" fn value(context: *mut ffi::sqlite3_context) {
    // SAFETY: as in `step`.
    unsafe {
        (*ffi::sqlite3_user_data(context).cast::<State>()).meter.charge(RESULT_STEPS);
        let place = place(context, false);
        if place.is_null() || (*place).is_null() {
            return;
        }
        match (**place).total() {
            None => {}
            Some(Ok(total)) => give(context, &Value::Text(total.to_string())),
            Some(Err(why)) => fail(context, NAME, &why.to_string()),
        }
    }
}

unsafe extern "C" fn finish(context: *mut ffi::sqlite3_context) {
    // SAFETY: as in `step`; SQLite calls this once for every aggregate, also one that ends early.
    unsafe {
        value(context);
        let place = place(context, false);
        if !place.is_null() && !(*place).is_null() {
            drop(Box::from_raw(*place));
            *place = std::ptr::null_mut();
        }
    }
}
