//! SQL from a contract. Every table of a contract is its own; names need no prefix.

use crate::host;
use crate::value::{RowReader, Rows, Table, ValueRef, encode_row};
use alloc::vec::Vec;
use core::fmt;
use dadbs_abi::status;
use dadbs_types::value::Reader;

/// Why a statement failed. The host keeps the details: a refusal that comes from this error reaches the
/// caller with the statement's own code and text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// One of `dadbs_abi::status`.
    pub status: i32,
}

impl SqlError {
    /// One sentence for people.
    pub fn meaning(self) -> &'static str {
        match self.status {
            status::SQL_SYNTAX => "the statement cannot be parsed",
            status::SQL_REFUSED => "the statement uses what this database does not offer",
            status::SQL_TOO_LARGE => "the statement, a value or a result is over a limit",
            status::SQL_CONSTRAINT => "a NOT NULL, UNIQUE, CHECK or PRIMARY KEY constraint failed",
            status::SQL_FOREIGN_KEY => "a foreign key constraint failed",
            status::SQL_PARAMETERS => "the number of parameters does not fit the statement",
            _ => "the statement failed",
        }
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.meaning())
    }
}

impl core::error::Error for SqlError {}

/// `Ok` with a count, or the error behind a negative status.
fn checked(status: i32) -> Result<u32, SqlError> {
    u32::try_from(status).map_err(|_| SqlError { status })
}

/// Runs a statement once; returns the number of rows that it changed.
pub fn exec(sql: &str, params: &[ValueRef<'_>]) -> Result<u32, SqlError> {
    let mut rows = Rows::new();
    if !params.is_empty() {
        rows.push(params);
    }
    exec_encoded(sql, rows.encoded())
}

/// Runs a statement once per row of parameters, all or nothing; not at all without rows.
pub fn exec_rows(sql: &str, rows: &Rows) -> Result<u32, SqlError> {
    if rows.is_empty() { Ok(0) } else { exec_encoded(sql, rows.encoded()) }
}

/// Runs a statement once per encoded row of parameters, or once if the list is empty.
pub fn exec_encoded(sql: &str, rows: &[u8]) -> Result<u32, SqlError> {
    checked(host::sql_exec(sql, rows))
}

/// What RETURNING of the statement before has given.
pub fn returned() -> Option<Table> {
    (host::result_len() > 0).then(|| Table::new(host::result()))
}

/// Runs a SELECT.
pub fn query(sql: &str, params: &[ValueRef<'_>]) -> Result<Table, SqlError> {
    query_encoded(sql, &encode_row(params))
}

/// Runs a SELECT with an encoded row of parameters.
pub fn query_encoded(sql: &str, params: &[u8]) -> Result<Table, SqlError> {
    checked(host::sql_query(sql, params))?;
    Ok(Table::new(host::result()))
}

/// What a statement reads and writes.
pub struct Inspection {
    bytes: Vec<u8>,
}

impl Inspection {
    /// The accesses: verb (`select`, `insert`, ...) and table.
    pub fn accesses(&self) -> impl Iterator<Item = (&str, &str)> {
        // Four bytes of count stand before the rows.
        let rows = RowReader { reader: Reader::new(self.bytes.get(4..).unwrap_or_default()) };
        rows.map(|row| match row[..] {
            [ValueRef::Text(verb), ValueRef::Text(table)] => (verb, table),
            _ => {
                host::abort("the host has answered a malformed access; this is a fault of the node")
            }
        })
    }
}

/// What a statement reads and writes, without running it.
pub fn inspect(sql: &str) -> Result<Inspection, SqlError> {
    checked(host::sql_inspect(sql))?;
    Ok(Inspection { bytes: host::result() })
}
