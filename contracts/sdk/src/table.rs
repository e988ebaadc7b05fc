//! Rows as structs: what the code behind `#[table]` calls.

use crate::entry::{FromValue, Output, Refusal};
use crate::host;
use crate::sql;
use crate::value::{Rows, Table, ValueRef, encode_row_into};
use alloc::format;
use alloc::vec::Vec;

/// The tables of a contract: `#[contract]` adds a method for each.
#[derive(Clone, Copy, Debug)]
pub struct Db;

/// A struct that is a row; `#[table]` implements it.
pub trait Row: Sized {
    /// Adds a row.
    const INSERT: &'static str;
    /// Writes all columns of the row with a key.
    const UPDATE: &'static str;
    /// Appends the parameters of [`Row::INSERT`], as a list of one row.
    fn write(&self, out: &mut Vec<u8>);
    /// Appends the parameters of [`Row::UPDATE`], as a list of one row.
    fn write_update(&self, out: &mut Vec<u8>);
    /// Appends all columns, as one row.
    fn write_output(&self, out: &mut Vec<u8>);
    /// The row of these columns.
    fn read(row: &[ValueRef<'_>]) -> Self;
}

/// One row of many.
#[doc(hidden)]
pub fn encode_output(row: &[ValueRef<'_>], out: &mut Vec<u8>) {
    encode_row_into(row, out);
}

/// A list of one row.
#[doc(hidden)]
pub fn encode(row: &[ValueRef<'_>], out: &mut Vec<u8>) {
    out.extend_from_slice(&1u32.to_le_bytes());
    encode_row_into(row, out);
}

/// One column of a row; a value of another type ends the call.
#[doc(hidden)]
pub fn field<'a, T: FromValue<'a>>(row: &[ValueRef<'a>], at: usize, name: &str) -> T {
    let value = row.get(at).copied().unwrap_or(ValueRef::Null);
    match T::from_value(value) {
        Some(value) => value,
        None => host::abort(&format!(
            "the column {name} holds {} where the code expects {}: migrate the table",
            value.type_name(),
            T::TYPE
        )),
    }
}

#[doc(hidden)]
pub fn insert<T: Row>(row: &T) -> Result<(), Refusal> {
    let mut parameters = Vec::new();
    row.write(&mut parameters);
    sql::exec_encoded(T::INSERT, &parameters)?;
    Ok(())
}

#[doc(hidden)]
pub fn insert_numbered<T: Row>(row: &T) -> Result<i64, Refusal> {
    insert(row)?;
    let key = sql::returned().and_then(|table| table.value().integer());
    key.ok_or_else(|| "the key of a new row was not returned".into())
}

#[doc(hidden)]
pub fn update<T: Row>(row: &T) -> Result<bool, Refusal> {
    let mut parameters = Vec::new();
    row.write_update(&mut parameters);
    Ok(sql::exec_encoded(T::UPDATE, &parameters)? > 0)
}

#[doc(hidden)]
pub fn one<T: Row>(select: &str, parameters: &[ValueRef<'_>]) -> Result<Option<T>, Refusal> {
    let found = sql::query(select, parameters)?;
    Ok(found.rows().next().map(|row| T::read(&row)))
}

#[doc(hidden)]
pub fn many<T: Row>(select: &str, parameters: &[ValueRef<'_>]) -> Result<Vec<T>, Refusal> {
    let found = sql::query(select, parameters)?;
    Ok(found.rows().map(|row| T::read(&row)).collect())
}

#[doc(hidden)]
pub fn count(table: &str) -> Result<i64, Refusal> {
    let found = sql::query(&format!("SELECT count(*) FROM \"{table}\""), &[])?;
    Ok(found.value().integer().unwrap_or_default())
}

/// One row as the output of a call.
#[doc(hidden)]
pub fn write_row(row: &[ValueRef<'_>]) {
    let mut rows = Rows::new();
    rows.push(row);
    Output::write(rows);
}

impl<T: Row> Output for Vec<T> {
    fn write(self) {
        let mut bytes = Vec::new();
        // More rows than 32 bits count do not fit into the memory.
        bytes.extend_from_slice(&u32::try_from(self.len()).unwrap_or(u32::MAX).to_le_bytes());
        for row in &self {
            row.write_output(&mut bytes);
        }
        host::output(&bytes);
    }
}

impl<T: Row> Output for Option<T> {
    fn write(self) {
        self.into_iter().collect::<Vec<T>>().write();
    }
}

impl Table {
    /// The rows as tuples or other types that are made from a row; a wrong type ends the call.
    pub fn decode<T: FromRow>(&self) -> Vec<T> {
        self.rows().map(|row| T::from_row(&row)).collect()
    }
}

/// What is made from the columns of a row, in order.
pub trait FromRow {
    /// The value; a column of another type ends the call.
    fn from_row(row: &[ValueRef<'_>]) -> Self;
}

macro_rules! from_row {
    ($($name:ident $index:tt),*) => {
        impl<$($name: for<'a> FromValue<'a>),*> FromRow for ($($name,)*) {
            fn from_row(row: &[ValueRef<'_>]) -> Self {
                ($(field::<$name>(row, $index, concat!("number ", $index)),)*)
            }
        }
    };
}
from_row!(A 0);
from_row!(A 0, B 1);
from_row!(A 0, B 1, C 2);
from_row!(A 0, B 1, C 2, D 3);
from_row!(A 0, B 1, C 2, D 3, E 4);
from_row!(A 0, B 1, C 2, D 3, E 4, F 5);
