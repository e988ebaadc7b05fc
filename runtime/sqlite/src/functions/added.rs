//! The scalar functions that SQLite does not have: decimals, UUIDs, calendar arithmetic.
//!
//! 1. An argument that is NULL makes the result NULL.
//! 2. A decimal is TEXT or INTEGER; a REAL is refused, because it is not exact.
//! 3. `uuid()` is random, of version 4. `uuid7()` begins with the block's time; those of one block
//!    are ordered as they were made. Neither is a secret: both follow from the transaction.
//! 4. What is wrong in an argument is an error that says so; texts that are no time or no UUID give
//!    NULL, as in SQLite's own functions of this kind.

use std::ffi::{CStr, c_char, c_int, c_void};

use dadbs_types::limits::SQL_DECIMAL_DIGITS_MAX as DIGITS_MAX;
use dadbs_types::{Fatal, Value};
use libsqlite3_sys as ffi;
use uuid::Uuid;

use crate::calendar::{Time, UNITS, Unit};
use crate::decimal::{Decimal, DecimalError};
use crate::failure;
use crate::hook::State;
use crate::statement::{self, ValueRef};

/// A function of its arguments alone, none of which is NULL.
pub type Pure = fn(&[ValueRef<'_>]) -> Result<Value, String>;

#[derive(Clone, Copy)]
enum Body {
    /// Equal arguments give equal results, so it may stand in an index and in a generated column.
    Pure(Pure),
    /// It draws from the seed.
    Seeded(fn(&State) -> Result<Value, String>),
}

struct Function {
    name: &'static CStr,
    arguments: c_int,
    /// Beyond what every call costs, from `examples/bench_steps.rs`.
    steps: u64,
    body: Body,
}

/// The most arguments of a function.
const ARGUMENTS_MAX: usize = 3;

const FUNCTIONS: &[Function] = &[
    pure(c"decimal", 1, 8, |a| Ok(text(number(a[0])?))),
    pure(c"decimal_add", 2, 16, |a| result(number(a[0])?.add(number(a[1])?))),
    pure(c"decimal_sub", 2, 16, |a| result(number(a[0])?.subtract(number(a[1])?))),
    pure(c"decimal_mul", 2, 16, |a| result(number(a[0])?.multiply(number(a[1])?))),
    pure(c"decimal_div", 3, 64, |a| result(number(a[0])?.divide(number(a[1])?, scale(a[2])?))),
    pure(c"decimal_round", 2, 32, |a| result(number(a[0])?.round(scale(a[1])?))),
    pure(c"decimal_cmp", 2, 16, |a| {
        Ok(Value::Integer(number(a[0])?.compare(number(a[1])?) as i64))
    }),
    pure(c"decimal_key", 1, 8, |a| Ok(Value::Blob(number(a[0])?.key().into()))),
    pure(c"decimal_valid", 3, 8, decimal_valid),
    seeded(c"uuid", 8, |state| {
        let mut bytes = [0; 16];
        state.random.borrow_mut().fill(&mut bytes);
        Ok(text(uuid::Builder::from_random_bytes(bytes).into_uuid().hyphenated()))
    }),
    seeded(c"uuid7", 8, uuid7),
    pure(c"uuid_str", 1, 8, |a| Ok(uuid(a[0]).map_or(Value::Null, |uuid| text(uuid.hyphenated())))),
    pure(c"uuid_blob", 1, 8, |a| {
        Ok(uuid(a[0]).map_or(Value::Null, |uuid| Value::Blob(uuid.into_bytes().into())))
    }),
    pure(c"date_trunc", 2, 16, |a| {
        let unit = unit(a[0])?;
        Ok(time(a[1])?.and_then(|time| time.truncate(unit.0)).map_or(Value::Null, text))
    }),
    pure(c"date_add", 3, 16, |a| {
        let unit = unit(a[0])?.1;
        let ValueRef::Integer(count) = a[1] else {
            return Err("the second argument is no INTEGER; give the number of units".into());
        };
        Ok(time(a[2])?.and_then(|time| time.add(count, unit)).map_or(Value::Null, text))
    }),
    pure(c"date_diff", 3, 16, |a| {
        let unit = unit(a[0])?.1;
        let times = time(a[1])?.zip(time(a[2])?);
        Ok(times.map_or(Value::Null, |(from, to)| Value::Integer(from.until(to, unit))))
    }),
];

const fn pure(name: &'static CStr, arguments: c_int, steps: u64, body: Pure) -> Function {
    Function { name, arguments, steps, body: Body::Pure(body) }
}

const fn seeded(
    name: &'static CStr,
    steps: u64,
    body: fn(&State) -> Result<Value, String>,
) -> Function {
    Function { name, arguments: 0, steps, body: Body::Seeded(body) }
}

/// The functions of their arguments alone, for other connections: name, number of arguments, body.
pub fn pure_functions() -> impl Iterator<Item = (&'static CStr, c_int, Pure)> {
    FUNCTIONS.iter().filter_map(|function| match function.body {
        Body::Pure(body) => Some((function.name, function.arguments, body)),
        Body::Seeded(_) => None,
    })
}

fn text(what: impl std::fmt::Display) -> Value {
    Value::Text(what.to_string())
}

fn result(number: Result<Decimal, DecimalError>) -> Result<Value, String> {
    number.map(text).map_err(|error| error.to_string())
}

/// Rule 2.
pub(super) fn number(value: ValueRef<'_>) -> Result<Decimal, String> {
    match value {
        ValueRef::Text(text) => Decimal::parse(text).ok_or_else(|| {
            let text: String = text.chars().take(40).collect();
            format!(
                "'{text}' is no decimal: write a sign, at most {DIGITS_MAX} digits and one point, as in -12.50"
            )
        }),
        ValueRef::Integer(integer) => Ok(Decimal::integer(integer)),
        ValueRef::Real(_) => Err("a REAL is not exact; write the number as text".into()),
        ValueRef::Blob(_) => Err("a BLOB is no decimal; write the number as text".into()),
        ValueRef::Null => Err("NULL is no decimal".into()),
    }
}

pub(super) fn scale(value: ValueRef<'_>) -> Result<u32, String> {
    match value {
        ValueRef::Integer(scale) => u32::try_from(scale).ok().filter(|scale| *scale <= DIGITS_MAX),
        _ => None,
    }
    .ok_or_else(|| format!("the scale is no INTEGER from 0 to {DIGITS_MAX}"))
}

/// 1 for a canonical TEXT of this precision and scale: what a column `DECIMAL(p, s)` holds.
fn decimal_valid(arguments: &[ValueRef<'_>]) -> Result<Value, String> {
    let precision = scale(arguments[1])
        .map_err(|_| format!("the number of digits is no INTEGER from 1 to {DIGITS_MAX}"))?;
    let scale = scale(arguments[2])?;
    if precision == 0 || scale > precision {
        return Err("there are more digits behind the point than digits".into());
    }
    let ValueRef::Text(text) = arguments[0] else { return Ok(Value::Integer(0)) };
    let number = Decimal::parse(text).filter(|number| number.is_of(precision, scale));
    Ok(Value::Integer(i64::from(number.is_some_and(|number| number.to_string() == text))))
}

/// Rule 3: 48 bits of milliseconds, 32 that count (12 in front of the variant, 20 behind), 42 random.
fn uuid7(state: &State) -> Result<Value, String> {
    let time = u64::try_from(state.meter.clock_ms()).ok().filter(|ms| *ms < 1 << 48);
    let time = time.ok_or("the block's time does not fit a UUID of version 7")?;
    let count = state.uuids.get();
    state.uuids.set(count.checked_add(1).ok_or("too many UUIDs of version 7 in one block")?);
    let mut random = [0; 8];
    state.random.borrow_mut().fill(&mut random);
    let low = (u64::from(count & 0xf_ffff) << 42) | (u64::from_le_bytes(random) >> 22);
    let high = (time << 16) | 0x7000 | u64::from(count >> 20);
    Ok(text(Uuid::from_u64_pair(high, low | 1 << 63).hyphenated()))
}

fn uuid(value: ValueRef<'_>) -> Option<Uuid> {
    match value {
        ValueRef::Text(text) => Uuid::try_parse(text).ok(),
        ValueRef::Blob(bytes) => Uuid::from_slice(bytes).ok(),
        _ => None,
    }
}

fn unit(value: ValueRef<'_>) -> Result<(&str, Unit), String> {
    let ValueRef::Text(text) = value else {
        return Err(format!("the first argument is no unit; write one of {UNITS}"));
    };
    let unit = Unit::of(text).ok_or_else(|| {
        let text: String = text.chars().take(40).collect();
        format!("'{text}' is no unit; write one of {UNITS}")
    })?;
    Ok((text, unit))
}

fn time(value: ValueRef<'_>) -> Result<Option<Time>, String> {
    match value {
        ValueRef::Text("now") => Err("'now' is no time here; write CURRENT_TIMESTAMP".into()),
        ValueRef::Text(text) => Ok(Time::parse(text)),
        _ => Err("a time is TEXT; datetime(number, 'unixepoch') makes one".into()),
    }
}

/// What SQLite gives back to the functions.
struct Registered {
    function: &'static Function,
    state: *const State,
}

/// Adds the functions to a connection.
pub(super) fn register(db: *mut ffi::sqlite3, state: *const State) -> Result<(), Fatal> {
    for function in FUNCTIONS {
        let repeats = match function.body {
            Body::Pure(_) => ffi::SQLITE_DETERMINISTIC,
            Body::Seeded(_) => 0,
        };
        let registered = Box::into_raw(Box::new(Registered { function, state }));
        // SAFETY: `db` is open; SQLite calls `forget` once, when the connection closes or if this
        // fails; the state lives longer than the connection's statements.
        let code = unsafe {
            ffi::sqlite3_create_function_v2(
                db,
                function.name.as_ptr(),
                function.arguments,
                ffi::SQLITE_UTF8 | ffi::SQLITE_INNOCUOUS | repeats,
                registered.cast::<c_void>(),
                Some(call),
                None,
                None,
                Some(forget),
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(failure::fatal(db, code, "registering functions"));
        }
    }
    Ok(())
}

unsafe extern "C" fn forget(registered: *mut c_void) {
    // SAFETY: made by `Box::into_raw` in `register`, given back once.
    drop(unsafe { Box::from_raw(registered.cast::<Registered>()) });
}

unsafe extern "C" fn call(
    context: *mut ffi::sqlite3_context,
    count: c_int,
    arguments: *mut *mut ffi::sqlite3_value,
) {
    // SAFETY: registered with a Registered, whose state lives as long; both are only shared.
    let (registered, state) = unsafe {
        let registered = &*ffi::sqlite3_user_data(context).cast::<Registered>();
        (registered, &*registered.state)
    };
    state.meter.charge(registered.function.steps);
    let mut values = [ValueRef::Null; ARGUMENTS_MAX];
    let count = usize::try_from(count).unwrap_or(0).min(ARGUMENTS_MAX);
    for (at, value) in values.iter_mut().take(count).enumerate() {
        // SAFETY: SQLite passes `count` valid values, which stay as they are during the call.
        match unsafe { statement::value(*arguments.add(at)) } {
            Ok(read) => *value = read,
            // SAFETY: the context is the running call's.
            Err(why) => return unsafe { fail(context, registered.function.name, &why.message) },
        }
    }
    let values = &values[..count];
    // A function without a result gives NULL (rule 1).
    if values.contains(&ValueRef::Null) {
        return;
    }
    let result = match registered.function.body {
        Body::Pure(body) => body(values),
        Body::Seeded(body) => body(state),
    };
    // SAFETY: the context is the running call's.
    unsafe {
        match result {
            Ok(value) => give(context, &value),
            Err(why) => fail(context, registered.function.name, &why),
        }
    }
}

/// # Safety
/// The context is the running call's.
pub(super) unsafe fn give(context: *mut ffi::sqlite3_context, value: &Value) {
    let transient = ffi::SQLITE_TRANSIENT();
    // SAFETY: of the context the caller's promise; SQLite copies text and bytes before this returns.
    unsafe {
        match value {
            Value::Null => ffi::sqlite3_result_null(context),
            Value::Integer(integer) => ffi::sqlite3_result_int64(context, *integer),
            Value::Real(real) => ffi::sqlite3_result_double(context, *real),
            Value::Text(text) => ffi::sqlite3_result_text64(
                context,
                text.as_ptr().cast::<c_char>(),
                text.len() as u64,
                transient,
                statement::UTF8,
            ),
            Value::Blob(bytes) => ffi::sqlite3_result_blob64(
                context,
                bytes.as_ptr().cast(),
                bytes.len() as u64,
                transient,
            ),
        }
    }
}

/// # Safety
/// The context is the running call's.
pub(super) unsafe fn fail(context: *mut ffi::sqlite3_context, name: &CStr, why: &str) {
    let text = format!("{}(): {why}", name.to_string_lossy());
    let len = c_int::try_from(text.len()).unwrap_or(c_int::MAX);
    // SAFETY: of the context the caller's promise; SQLite copies the text before this returns.
    unsafe { ffi::sqlite3_result_error(context, text.as_ptr().cast(), len) };
}
