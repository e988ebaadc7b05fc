//! The host functions: one declaration generated from the table of `dadbs_abi`, and the safe calls.
#![allow(unsafe_code)] // A host function takes addresses in the memory of the guest.

use crate::value::{ValueRef, decode_row, encode_row};
use alloc::string::String;
use alloc::vec::Vec;

macro_rules! declare {
    ($($name:ident($($param:ident),*) $(-> $result:ident)?, $base:literal, $byte:literal, $class:ident, $doc:literal;)*) => {
        #[cfg(target_arch = "wasm32")]
        #[allow(clippy::doc_markdown)]
        mod raw {
            #[link(wasm_import_module = "dadbs_1")]
            unsafe extern "C" {
                $(#[doc = $doc] pub(super) fn $name($($param: i32),*) $(-> $result)?;)*
            }
        }
        #[cfg(not(target_arch = "wasm32"))]
        #[allow(clippy::doc_markdown, clippy::too_many_arguments)]
        mod raw {
            $(#[doc = $doc] pub(super) unsafe fn $name($($param: i32),*) $(-> $result)? {
                panic!("{}{:?} is offered to contracts only", stringify!($name), [$($param),*] as [i32; _])
            })*
        }
    };
}
use dadbs_abi::host_functions;
host_functions!(declare);

/// An address or a length as the interface passes it: 32 bits, read by the host as unsigned.
#[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
fn word(value: usize) -> i32 {
    value as u32 as i32
}

fn address(bytes: &[u8]) -> i32 {
    word(bytes.as_ptr().addr())
}

/// `len` bytes that `read` copies to the address it is given.
#[allow(clippy::cast_sign_loss)]
fn receive(len: i32, read: impl FnOnce(i32)) -> Vec<u8> {
    let len = len as u32 as usize;
    let mut bytes = Vec::<u8>::with_capacity(len);
    read(word(bytes.as_mut_ptr().addr()));
    // SAFETY: the host has written all `len` bytes of the reserved memory, or ended the call.
    unsafe { bytes.set_len(len) };
    bytes
}

/// The whole input.
pub(crate) fn input() -> Vec<u8> {
    // SAFETY: input_len takes nothing; `receive` gives input_read memory of that length.
    unsafe { receive(raw::input_len(), |to| raw::input_read(to)) }
}

/// The length of the result slot.
#[allow(clippy::cast_sign_loss)]
pub(crate) fn result_len() -> usize {
    // SAFETY: takes nothing.
    unsafe { raw::result_len() as u32 as usize }
}

/// The result slot: what the host function before has answered.
pub(crate) fn result() -> Vec<u8> {
    // SAFETY: result_len takes nothing; `receive` gives result_read memory of that length.
    unsafe { receive(raw::result_len(), |to| raw::result_read(to)) }
}

/// Sets the output of the call.
pub(crate) fn output(bytes: &[u8]) {
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::output_write(address(bytes), word(bytes.len())) }
}

/// Ends the call: everything it did is undone, and the caller reads the message.
pub fn abort(message: &str) -> ! {
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::abort(address(message.as_bytes()), word(message.len())) };
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    unreachable!("abort returned");
}

/// Ends the call as [`abort`] does, as the failure of the last statement: with its code and, behind
/// this message, its text.
pub(crate) fn abort_sql(message: &str) -> ! {
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::abort_sql(address(message.as_bytes()), word(message.len())) };
    #[cfg(target_arch = "wasm32")]
    core::arch::wasm32::unreachable();
    #[cfg(not(target_arch = "wasm32"))]
    unreachable!("abort_sql returned");
}

/// A line for the node's log at debug level; no part of any result.
pub fn log(message: &str) {
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::log(address(message.as_bytes()), word(message.len())) }
}

/// Adds an event to the transaction: its type, then its attributes.
pub fn emit(event: &str, attributes: &[(&str, &str)]) {
    let row = [event].into_iter().chain(attributes.iter().flat_map(|(key, value)| [*key, *value]));
    let row: Vec<ValueRef<'_>> = row.map(ValueRef::Text).collect();
    let bytes = encode_row(&row);
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::emit(address(&bytes), word(bytes.len())) }
}

/// The facts of a call.
#[derive(Clone, Debug)]
pub struct Context {
    /// Height of the block.
    pub height: i64,
    /// Block time in milliseconds since 1970-01-01 UTC.
    pub time_ms: i64,
    /// The chain's id.
    pub chain_id: String,
    /// Hash of the transaction, as the host tells it.
    pub tx_hash: dadbs_types::Value,
    /// Address of the account that signed the message.
    pub caller: String,
    /// Name of this contract: the database name.
    pub contract_name: String,
    /// Address of this contract.
    pub contract_address: String,
    /// The tables that the contract declares.
    pub db: crate::table::Db,
}

/// The facts of this call.
pub fn context() -> Context {
    // SAFETY: takes nothing.
    unsafe { raw::context() };
    let bytes = result();
    let row = decode_row(&bytes);
    let [height, time, chain_id, tx_hash, caller, contract_name, contract_address, ..] = &row[..]
    else {
        abort("the host's context is not the row that dadbs_1 tells; this is a fault of the node");
    };
    Context {
        height: height.integer().unwrap_or_default(),
        time_ms: time.integer().unwrap_or_default(),
        chain_id: text(chain_id),
        tx_hash: tx_hash.to_value(),
        caller: text(caller),
        contract_name: text(contract_name),
        contract_address: text(contract_address),
        db: crate::table::Db,
    }
}

/// A fact that does not apply, such as the caller of an anonymous view, is NULL and reads as empty.
fn text(value: &ValueRef<'_>) -> String {
    value.text().unwrap_or_default().into()
}

/// `sql_inspect`.
pub(crate) fn sql_inspect(sql: &str) -> i32 {
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::sql_inspect(address(sql.as_bytes()), word(sql.len())) }
}

/// `sql_query`.
pub(crate) fn sql_query(sql: &str, params: &[u8]) -> i32 {
    let (text, text_len) = (address(sql.as_bytes()), word(sql.len()));
    // SAFETY: both pairs are live slices, which the host only reads.
    unsafe { raw::sql_query(text, text_len, address(params), word(params.len())) }
}

/// `sql_exec`.
pub(crate) fn sql_exec(sql: &str, rows: &[u8]) -> i32 {
    let (text, text_len) = (address(sql.as_bytes()), word(sql.len()));
    // SAFETY: both pairs are live slices, which the host only reads.
    unsafe { raw::sql_exec(text, text_len, address(rows), word(rows.len())) }
}

/// `invocation`: the row that it leaves.
pub(crate) fn invocation() -> Vec<u8> {
    // SAFETY: takes nothing.
    unsafe { raw::invocation() };
    result()
}

/// `call`.
pub(crate) fn call(contract: &str, entry: &str, arguments: &[u8], coins: &[u8]) -> i32 {
    let (name, name_len) = (address(contract.as_bytes()), word(contract.len()));
    let (entry_at, entry_len) = (address(entry.as_bytes()), word(entry.len()));
    let (arguments_at, arguments_len) = (address(arguments), word(arguments.len()));
    let (coins_at, coins_len) = (address(coins), word(coins.len()));
    // SAFETY: the pairs are live slices, which the host only reads.
    unsafe {
        raw::call(
            name,
            name_len,
            entry_at,
            entry_len,
            arguments_at,
            arguments_len,
            coins_at,
            coins_len,
        )
    }
}

/// `view`.
pub(crate) fn view(contract: &str, entry: &str, arguments: &[u8]) -> i32 {
    let (name, name_len) = (address(contract.as_bytes()), word(contract.len()));
    let (entry_at, entry_len) = (address(entry.as_bytes()), word(entry.len()));
    let (arguments_at, arguments_len) = (address(arguments), word(arguments.len()));
    // SAFETY: the pairs are live slices, which the host only reads.
    unsafe { raw::view(name, name_len, entry_at, entry_len, arguments_at, arguments_len) }
}

/// `transfer`.
pub(crate) fn transfer(to: &str, coins: &[u8]) -> i32 {
    let (to_at, to_len) = (address(to.as_bytes()), word(to.len()));
    // SAFETY: both pairs are live slices, which the host only reads.
    unsafe { raw::transfer(to_at, to_len, address(coins), word(coins.len())) }
}

/// `balance`: the row that it leaves.
pub(crate) fn balance(of: &str, denom: &str) -> Vec<u8> {
    let (of_at, of_len) = (address(of.as_bytes()), word(of.len()));
    // SAFETY: both pairs are live slices, which the host only reads.
    unsafe { raw::balance(of_at, of_len, address(denom.as_bytes()), word(denom.len())) };
    result()
}

/// `row_access`.
pub(crate) fn row_access(on: bool) {
    // SAFETY: takes a number.
    unsafe { raw::row_access(i32::from(on)) }
}

/// `schedule`.
pub(crate) fn schedule(entry: &str, arguments: &[u8], when: &[u8]) -> i32 {
    let (entry_at, entry_len) = (address(entry.as_bytes()), word(entry.len()));
    let (arguments_at, arguments_len) = (address(arguments), word(arguments.len()));
    // SAFETY: the pairs are live slices, which the host only reads.
    unsafe {
        raw::schedule(
            entry_at,
            entry_len,
            arguments_at,
            arguments_len,
            address(when),
            word(when.len()),
        )
    }
}

/// `cancel`.
pub(crate) fn cancel(number: &[u8]) -> i32 {
    // SAFETY: the pair is a live slice, which the host only reads.
    unsafe { raw::cancel(address(number), word(number.len())) }
}

/// The gas that the transaction, view or scheduled call has used so far: a part of it is the difference of two.
pub fn gas_used() -> i64 {
    // SAFETY: takes nothing.
    unsafe { raw::gas_used() };
    let bytes = result();
    decode_row(&bytes).first().and_then(|value| value.integer()).unwrap_or_default()
}
