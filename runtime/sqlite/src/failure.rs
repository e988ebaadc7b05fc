//! What a result code of SQLite means.
//!
//! 1. CONSTRAINT, MISMATCH, TOOBIG, ERROR, RANGE, AUTH and LOCKED depend on statement, parameters
//!    and content alone: a rejection. A violated foreign key has a code of its own.
//! 2. ABORT with the meter's mark means that the steps are used up.
//! 3. Everything else is a fault of this node.
//! 4. A program over the limit of instructions, or a statement whose compilation copies too many
//!    expressions, comes as NOMEM with the patch's mark: too large.

use std::ffi::{CStr, c_int};

use dadbs_types::{Code, Fatal, Rejection};
use libsqlite3_sys as ffi;

use crate::meter::MeterHandle;

/// Why a user statement failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SqlFailure {
    /// The steps are used up; the number is the limit, which is what the statement costs.
    Steps(u64),
    /// The row callback asked to stop.
    Stopped,
    /// A deterministic refusal; names in the text are physical.
    Rejected(Rejection),
    /// The node stops.
    Fatal(Fatal),
}

impl SqlFailure {
    pub(crate) fn rejected(code: Code, message: impl Into<String>) -> SqlFailure {
        SqlFailure::Rejected(Rejection::new(code, message))
    }
}

impl From<Fatal> for SqlFailure {
    fn from(fatal: Fatal) -> SqlFailure {
        SqlFailure::Fatal(fatal)
    }
}

/// The text of the connection's last error.
pub(crate) fn message(db: *mut ffi::sqlite3) -> String {
    // SAFETY: the connection is open; SQLite returns a valid C string that lives until the next call.
    unsafe { CStr::from_ptr(ffi::sqlite3_errmsg(db)) }.to_string_lossy().into_owned()
}

/// A failed call in a user statement (rules 1 to 4).
pub(crate) fn classify(
    db: *mut ffi::sqlite3,
    code: c_int,
    meter: MeterHandle,
    steps_max: u64,
) -> SqlFailure {
    if meter.is_stopped() {
        return SqlFailure::Steps(steps_max);
    }
    if meter.is_too_large() {
        return SqlFailure::rejected(
            Code::SqlTooLarge,
            "the statement compiles to more instructions or copied expressions than are allowed; split it",
        );
    }
    let text = message(db);
    let code = match code & 0xff {
        ffi::SQLITE_CONSTRAINT if code == ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Code::SqlForeignKey,
        ffi::SQLITE_CONSTRAINT => Code::SqlConstraint,
        ffi::SQLITE_TOOBIG => Code::SqlTooLarge,
        ffi::SQLITE_AUTH => Code::SqlRefused,
        ffi::SQLITE_RANGE => Code::SqlParameters,
        // SQLite reports a refused function this way.
        ffi::SQLITE_ERROR if text.starts_with("not authorized") => Code::SqlRefused,
        ffi::SQLITE_ERROR if text.contains("syntax error") => Code::SqlSyntax,
        ffi::SQLITE_ERROR | ffi::SQLITE_MISMATCH | ffi::SQLITE_LOCKED => Code::SqlError,
        _ => return SqlFailure::Fatal(fatal(db, code, "a statement of a user")),
    };
    SqlFailure::rejected(code, text)
}

/// A failed call that must not fail (rule 3).
pub(crate) fn fatal(db: *mut ffi::sqlite3, code: c_int, what: &str) -> Fatal {
    let advice = match code & 0xff {
        ffi::SQLITE_NOMEM => "give the node more memory",
        ffi::SQLITE_IOERR => "check the disk and its cables, then restart or restore a snapshot",
        ffi::SQLITE_FULL => "free disk space, then restart",
        ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => "restore the file from a snapshot",
        ffi::SQLITE_BUSY | ffi::SQLITE_PROTOCOL => {
            "end the other process that has the file open, then restart"
        }
        ffi::SQLITE_CANTOPEN | ffi::SQLITE_READONLY | ffi::SQLITE_PERM => {
            "check that the node may read and write the file and its directory"
        }
        _ => "this is a defect of the node: report it with this message",
    };
    Fatal::new(format!("SQLite failed with {code} ({}) in {what}; {advice}", message(db)))
}
