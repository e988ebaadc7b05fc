//! A prepared statement, its parameters and its rows.

use std::ffi::{CStr, c_int};
use std::ptr;

use dadbs_types::{Code, Rejection, Value};
use libsqlite3_sys as ffi;

/// A value of a row that SQLite still owns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ValueRef<'a> {
    /// NULL.
    Null,
    /// A 64-bit signed integer.
    Integer(i64),
    /// A float, never NaN and never -0.0.
    Real(f64),
    /// UTF-8 text.
    Text(&'a str),
    /// Bytes.
    Blob(&'a [u8]),
}

impl ValueRef<'_> {
    /// A copy that outlives the row.
    pub fn to_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(integer) => Value::Integer(integer),
            ValueRef::Real(real) => Value::Real(real),
            ValueRef::Text(text) => Value::Text(text.into()),
            ValueRef::Blob(bytes) => Value::Blob(bytes.into()),
        }
    }
}

/// Reads a value; TEXT that is not UTF-8 is refused, -0.0 is 0.0 as in every stored row.
///
/// # Safety
/// `value` is valid and unchanged for `'a`.
pub(crate) unsafe fn value<'a>(value: *mut ffi::sqlite3_value) -> Result<ValueRef<'a>, Rejection> {
    // SAFETY: `value` is valid; text and bytes are asked for in the type that they have, so SQLite
    // converts nothing and the pointers stay valid with the value.
    unsafe {
        Ok(match ffi::sqlite3_value_type(value) {
            ffi::SQLITE_INTEGER => ValueRef::Integer(ffi::sqlite3_value_int64(value)),
            ffi::SQLITE_FLOAT => ValueRef::Real(ffi::sqlite3_value_double(value) + 0.0),
            ffi::SQLITE_TEXT => {
                let text = ffi::sqlite3_value_text(value);
                let bytes = slice(text, ffi::sqlite3_value_bytes(value));
                ValueRef::Text(std::str::from_utf8(bytes).map_err(|_| not_utf8())?)
            }
            ffi::SQLITE_BLOB => {
                let blob = ffi::sqlite3_value_blob(value);
                ValueRef::Blob(slice(blob.cast(), ffi::sqlite3_value_bytes(value)))
            }
            _ => ValueRef::Null,
        })
    }
}

fn not_utf8() -> Rejection {
    Rejection::new(Code::SqlError, "a TEXT value is not UTF-8; store such bytes as a BLOB")
}

unsafe fn slice<'a>(start: *const u8, len: c_int) -> &'a [u8] {
    match usize::try_from(len) {
        // SAFETY: the caller got both from SQLite for the same value.
        Ok(len) if !start.is_null() => unsafe { std::slice::from_raw_parts(start, len) },
        _ => &[],
    }
}

/// The encoding of every text.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
pub(crate) const UTF8: u8 = ffi::SQLITE_UTF8 as u8;

/// A prepared statement; finalized when dropped, which must happen before its connection closes.
pub(crate) struct Statement(*mut ffi::sqlite3_stmt);

impl Statement {
    /// Compiles exactly one statement. `Err` is SQLite's code; an empty text is `Ok(None)`.
    pub(crate) fn prepare(
        db: *mut ffi::sqlite3,
        sql: &str,
    ) -> Result<(Option<Statement>, usize), c_int> {
        let mut statement = ptr::null_mut();
        let mut tail = ptr::null();
        let len = c_int::try_from(sql.len()).map_err(|_| ffi::SQLITE_TOOBIG)?;
        // SAFETY: `db` is open, text and length belong together, both pointers are written.
        let code = unsafe {
            ffi::sqlite3_prepare_v3(
                db,
                sql.as_ptr().cast(),
                len,
                ffi::SQLITE_PREPARE_PERSISTENT,
                &raw mut statement,
                &raw mut tail,
            )
        };
        if code != ffi::SQLITE_OK {
            return Err(code);
        }
        let used = (tail as usize).saturating_sub(sql.as_ptr() as usize).min(sql.len());
        Ok(((!statement.is_null()).then_some(Statement(statement)), used))
    }

    /// Binds a value, which must stay alive and unchanged until [`Statement::clear`].
    pub(crate) unsafe fn bind(&self, index: usize, value: &Value) -> c_int {
        let Ok(n) = c_int::try_from(index + 1) else { return ffi::SQLITE_RANGE };
        // SAFETY: the statement is valid and reset; SQLITE_STATIC is the caller's promise. An empty
        // slice has a dangling pointer that is not NULL, which SQLite does not read.
        unsafe {
            match value {
                Value::Null => ffi::sqlite3_bind_null(self.0, n),
                Value::Integer(integer) => ffi::sqlite3_bind_int64(self.0, n, *integer),
                Value::Real(real) => ffi::sqlite3_bind_double(self.0, n, *real),
                Value::Text(text) => ffi::sqlite3_bind_text64(
                    self.0,
                    n,
                    text.as_ptr().cast(),
                    text.len() as u64,
                    ffi::SQLITE_STATIC(),
                    UTF8,
                ),
                Value::Blob(bytes) => ffi::sqlite3_bind_blob64(
                    self.0,
                    n,
                    bytes.as_ptr().cast(),
                    bytes.len() as u64,
                    ffi::SQLITE_STATIC(),
                ),
            }
        }
    }

    /// One call of `sqlite3_step`.
    pub(crate) fn step(&self) -> c_int {
        // SAFETY: the statement is valid.
        unsafe { ffi::sqlite3_step(self.0) }
    }

    /// Ends a run and forgets the parameters.
    pub(crate) fn clear(&self) {
        // SAFETY: the statement is valid; the code of reset repeats the error of step.
        unsafe {
            ffi::sqlite3_reset(self.0);
            ffi::sqlite3_clear_bindings(self.0);
        }
    }

    pub(crate) fn column_count(&self) -> usize {
        // SAFETY: the statement is valid.
        usize::try_from(unsafe { ffi::sqlite3_column_count(self.0) }).unwrap_or(0)
    }

    pub(crate) fn column_name(&self, index: usize) -> String {
        let index = c_int::try_from(index).unwrap_or(c_int::MAX);
        // SAFETY: the statement is valid; the name is NULL or a C string until the next call.
        unsafe {
            let name = ffi::sqlite3_column_name(self.0, index);
            if name.is_null() {
                return String::new();
            }
            CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }

    pub(crate) fn parameter_count(&self) -> usize {
        // SAFETY: the statement is valid.
        usize::try_from(unsafe { ffi::sqlite3_bind_parameter_count(self.0) }).unwrap_or(0)
    }

    pub(crate) fn is_readonly(&self) -> bool {
        // SAFETY: the statement is valid.
        unsafe { ffi::sqlite3_stmt_readonly(self.0) != 0 }
    }

    /// A column of the current row.
    ///
    /// # Safety
    /// The last step returned a row, and the result is not used after the next call on this statement.
    pub(crate) unsafe fn column<'a>(&self, index: usize) -> Result<ValueRef<'a>, Rejection> {
        let index = c_int::try_from(index).unwrap_or(c_int::MAX);
        // SAFETY: there is a row; an index out of range yields NULL.
        unsafe { value(ffi::sqlite3_column_value(self.0, index)) }
    }
}

impl Drop for Statement {
    fn drop(&mut self) {
        // SAFETY: valid and not used again.
        unsafe { ffi::sqlite3_finalize(self.0) };
    }
}
