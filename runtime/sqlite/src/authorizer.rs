//! The second lock: what a user statement may reach, whatever text got past the front door.
//!
//! 1. Tables and views of databases (`d<number>_*`) may be read and written; `chain_*` only read.
//!    Everything else, `sqlite_schema` and `node_*` among it, does not exist for users.
//! 2. Only the functions of [`functions`](mod@crate::functions), and the tables of JSON
//!    ([`TABLE_FUNCTIONS`](dadbs_types::functions::TABLE_FUNCTIONS)).
//! 3. No ATTACH, PRAGMA, TEMP objects, transactions, savepoints, ANALYZE, virtual tables, triggers.
//! 4. DDL may touch `sqlite_schema` on its own behalf; the engine itself (DEFENSIVE) keeps others
//!    from writing it.

use std::ffi::{CStr, c_int};

use dadbs_types::functions::TABLE_FUNCTIONS;
use libsqlite3_sys as ffi;

use crate::functions;

/// What the statements since the last look did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// A schema object is created, changed or dropped.
    pub(crate) ddl: bool,
    /// A transaction or savepoint is rolled back.
    pub(crate) rollback: bool,
    /// A transaction is committed.
    pub(crate) commit: bool,
}

impl Seen {
    pub(crate) fn note(&mut self, action: c_int, first: Option<&CStr>) {
        match action {
            ffi::SQLITE_TRANSACTION | ffi::SQLITE_SAVEPOINT => match first.map(CStr::to_bytes) {
                Some(b"ROLLBACK") => self.rollback = true,
                Some(b"COMMIT") => self.commit = true,
                _ => {}
            },
            _ if is_ddl(action) => self.ddl = true,
            _ => {}
        }
    }
}

fn is_ddl(action: c_int) -> bool {
    matches!(
        action,
        ffi::SQLITE_CREATE_TABLE
            | ffi::SQLITE_CREATE_INDEX
            | ffi::SQLITE_CREATE_VIEW
            | ffi::SQLITE_CREATE_TRIGGER
            | ffi::SQLITE_CREATE_VTABLE
            | ffi::SQLITE_CREATE_TEMP_TABLE
            | ffi::SQLITE_CREATE_TEMP_INDEX
            | ffi::SQLITE_CREATE_TEMP_VIEW
            | ffi::SQLITE_CREATE_TEMP_TRIGGER
            | ffi::SQLITE_DROP_TABLE
            | ffi::SQLITE_DROP_INDEX
            | ffi::SQLITE_DROP_VIEW
            | ffi::SQLITE_DROP_TRIGGER
            | ffi::SQLITE_DROP_VTABLE
            | ffi::SQLITE_DROP_TEMP_TABLE
            | ffi::SQLITE_DROP_TEMP_INDEX
            | ffi::SQLITE_DROP_TEMP_VIEW
            | ffi::SQLITE_DROP_TEMP_TRIGGER
            | ffi::SQLITE_ALTER_TABLE
            | ffi::SQLITE_REINDEX
            | ffi::SQLITE_ATTACH
            | ffi::SQLITE_DETACH
    )
}

/// `d<number>_...`: an object of a database, or the index that SQLite makes for its constraint.
fn is_database_object(name: &[u8]) -> bool {
    let name = name.strip_prefix(b"sqlite_autoindex_").unwrap_or(name);
    let Some(rest) = name.strip_prefix(b"d") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest.get(digits) == Some(&b'_')
}

fn is_table_function(name: &[u8]) -> bool {
    TABLE_FUNCTIONS.iter().any(|function| function.as_bytes() == name)
}

fn is_schema_table(name: &[u8]) -> bool {
    // RENAME looks for triggers and views in the temporary schema too, which is always empty.
    name == b"sqlite_master" || name == b"sqlite_schema" || name == b"sqlite_temp_master"
}

/// Rules 1 to 4, for one callback of SQLite's authorizer.
pub(crate) fn allows(
    action: c_int,
    first: Option<&CStr>,
    second: Option<&CStr>,
    schema: Option<&CStr>,
    seen: Seen,
) -> bool {
    let name = first.map_or(&b""[..], CStr::to_bytes);
    let main = schema.is_none_or(|schema| schema.to_bytes() == b"main")
        || (seen.ddl && name == b"sqlite_temp_master");
    match action {
        ffi::SQLITE_SELECT | ffi::SQLITE_RECURSIVE => true,
        ffi::SQLITE_READ => {
            main && (is_database_object(name)
                || name.starts_with(b"chain_")
                || is_table_function(name)
                || (seen.ddl && (is_schema_table(name) || name == b"pragma_quick_check")))
        }
        // ADD COLUMN checks the rows of a STRICT table this way.
        ffi::SQLITE_PRAGMA => seen.ddl && name == b"quick_check",
        ffi::SQLITE_INSERT | ffi::SQLITE_UPDATE | ffi::SQLITE_DELETE => {
            // SQLite asks for the schema's row before it says which DDL it is for.
            main && (is_database_object(name) || is_schema_table(name))
        }
        ffi::SQLITE_FUNCTION => {
            let name = second.map_or(&b""[..], CStr::to_bytes);
            functions::is_allowed(name) || (seen.ddl && functions::is_internal(name))
        }
        // CREATE INDEX fills the index as REINDEX does; that statement is the front door's to refuse.
        ffi::SQLITE_CREATE_TABLE
        | ffi::SQLITE_CREATE_VIEW
        | ffi::SQLITE_DROP_TABLE
        | ffi::SQLITE_DROP_VIEW
        | ffi::SQLITE_REINDEX => main && is_database_object(name),
        // The second argument is the table.
        ffi::SQLITE_CREATE_INDEX | ffi::SQLITE_DROP_INDEX => {
            let table = second.map_or(&b""[..], CStr::to_bytes);
            main && is_database_object(name) && is_database_object(table)
        }
        // The first argument is the schema, the second the table.
        ffi::SQLITE_ALTER_TABLE => {
            name == b"main" && is_database_object(second.map_or(b"", CStr::to_bytes))
        }
        _ => false,
    }
}
