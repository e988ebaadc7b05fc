//! `decimal_sum(x)` and `decimal_avg(x, scale)`, as aggregates and over windows.
//!
//! 1. The sum is exact and does not depend on the order of the rows. Its scale is the largest of the
//!    numbers that are in it.
//! 2. NULLs are left out; the sum and the average of nothing are NULL, as of `sum(x)`.
//! 3. The average is the exact sum by the number of its terms, rounded once, half away from zero, to the
//!    scale, which is the same in all rows that count. Its sum may have more than 38 digits.

use std::ffi::{CStr, c_int, c_void};

use dadbs_types::{Fatal, Value};
use libsqlite3_sys as ffi;

use super::added::{fail, give, number, scale};
use crate::decimal::{Decimal, Sum};
use crate::failure;
use crate::hook::State;
use crate::statement::{self, ValueRef};

const SUM: &CStr = c"decimal_sum";
const AVERAGE: &CStr = c"decimal_avg";

/// Of each row, beyond what every step of an aggregate costs.
const STEPS: u64 = 8;

/// Of a result: it puts the parts of all scales together.
const RESULT_STEPS: u64 = 64;

/// Of an average beyond that: it divides.
const DIVISION_STEPS: u64 = 64;

/// What an aggregate has seen.
struct Running {
    sum: Sum,
    /// Of an average.
    scale: Option<u32>,
}

/// Adds the functions to a connection.
pub(super) fn register(db: *mut ffi::sqlite3, state: *const State) -> Result<(), Fatal> {
    for (name, arguments) in [(SUM, 1), (AVERAGE, 2)] {
        // SAFETY: `db` is open; the state lives longer than the connection's statements.
        let code = unsafe {
            ffi::sqlite3_create_window_function(
                db,
                name.as_ptr(),
                arguments,
                ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS | ffi::SQLITE_DETERMINISTIC,
                state.cast_mut().cast::<c_void>(),
                Some(step),
                Some(finish),
                Some(value),
                Some(inverse),
                None,
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(failure::fatal(db, code, "registering sums"));
        }
    }
    Ok(())
}

/// The place of the running aggregate's sum, which SQLite fills with zeros; NULL before the first row
/// of one that `make` does not begin.
unsafe fn place(context: *mut ffi::sqlite3_context, make: bool) -> *mut *mut Running {
    let bytes = if make { size_of::<*mut Running>() } else { 0 };
    let bytes = c_int::try_from(bytes).unwrap_or(0);
    // SAFETY: the caller's context is the running call's.
    unsafe { ffi::sqlite3_aggregate_context(context, bytes) }.cast()
}

/// One row's number, if it has one, and the scale of an average; an error is already given.
unsafe fn row(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) -> Option<(Decimal, Option<u32>)> {
    // SAFETY: registered with a State and so many arguments, which stay as they are during the call.
    let (state, first, second) = unsafe {
        let state = &*ffi::sqlite3_user_data(context).cast::<State>();
        let second = (count > 1).then(|| statement::value(*arguments.add(1)));
        (state, statement::value(*arguments), second)
    };
    state.meter.charge(STEPS);
    let read = || {
        let first = first.map_err(|why| why.message)?;
        if first == ValueRef::Null {
            return Ok(None);
        }
        let second = second.transpose().map_err(|why| why.message)?;
        Ok(Some((number(first)?, second.map(scale).transpose()?)))
    };
    let name = if count > 1 { AVERAGE } else { SUM };
    // SAFETY: the context is the running call's.
    read().map_err(|why: String| unsafe { fail(context, name, &why) }).ok()?
}

unsafe extern "C" fn step(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as SQLite calls it; the place is NULL without memory, else ours until `finish`.
    unsafe {
        let Some((number, scale)) = row(context, count, arguments) else { return };
        let place = place(context, true);
        if place.is_null() {
            return ffi::sqlite3_result_error_nomem(context);
        }
        if (*place).is_null() {
            *place = Box::into_raw(Box::new(Running { sum: Sum::new(), scale }));
        }
        if (**place).scale != scale {
            return fail(context, AVERAGE, "the scale is not the same in all rows; write a number");
        }
        (**place).sum.add(number);
    }
}

unsafe extern "C" fn inverse(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: as in `step`; what is taken back was added, so there is a sum.
    unsafe {
        let Some((number, _)) = row(context, count, arguments) else { return };
        let place = place(context, false);
        if !place.is_null() && !(*place).is_null() {
            (**place).sum.remove(number);
        }
    }
}

unsafe extern "C" fn value(context: *mut ffi::sqlite3_context) {
    // SAFETY: as in `step`.
    unsafe {
        let meter = (*ffi::sqlite3_user_data(context).cast::<State>()).meter;
        meter.charge(RESULT_STEPS);
        let place = place(context, false);
        if place.is_null() || (*place).is_null() {
            return;
        }
        let running = &**place;
        let (name, result) = match running.scale {
            None => (SUM, running.sum.total()),
            Some(scale) => {
                meter.charge(DIVISION_STEPS);
                (AVERAGE, running.sum.average(scale))
            }
        };
        match result {
            None => {}
            Some(Ok(number)) => give(context, &Value::Text(number.to_string())),
            Some(Err(why)) => fail(context, name, &why.to_string()),
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
