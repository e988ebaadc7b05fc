//! Other contracts, coins and schedules.
//!
//! 1. A call of another contract that fails has left nothing behind; its caller may go on.
//! 2. Arguments and results are rows; a result is what the entry point has written.
//! 3. Statements see and touch the rows that the caller may (`can_read`, `can_write`), in calls and views;
//!    [`as_contract`] is for those that need all rows.

use crate::entry::FromValue;
use crate::host;
use crate::value::{RowReader, ValueRef, decode_row, encode_row};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use dadbs_types::Value;
use dadbs_types::value::Reader;

/// Why a call, transfer or schedule failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// The namespace of the number.
    pub codespace: String,
    /// The number of the failure.
    pub number: i64,
    /// What the other contract said, else the meaning of the number.
    pub text: String,
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}/{}]", self.text, self.codespace, self.number)
    }
}

impl core::error::Error for CallError {}

impl From<CallError> for crate::Refusal {
    fn from(error: CallError) -> crate::Refusal {
        crate::Refusal::new(error.to_string())
    }
}

/// A denomination and an amount.
pub type Coin<'a> = (&'a str, i64);

/// What [`invocation`] tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The account that signed the transaction; for a scheduled call the contract itself.
    pub origin: String,
    /// True if statements are held to the caller's rows.
    pub row_access: bool,
    /// The coins that came with this call; they are the contract's already.
    pub funds: Vec<(String, i64)>,
}

/// Who signed, and what was sent along.
pub fn invocation() -> Invocation {
    let bytes = host::invocation();
    let row = decode_row(&bytes);
    let (head, coins) = row.split_at(row.len().min(2));
    let coin = |pair: &[ValueRef<'_>]| match *pair {
        [ValueRef::Text(denom), ValueRef::Integer(amount)] => (denom.into(), amount),
        _ => host::abort("the host has told malformed coins; this is a fault of the node"),
    };
    Invocation {
        origin: head.first().and_then(|origin| origin.text()).unwrap_or_default().into(),
        row_access: head.get(1) == Some(&ValueRef::Integer(1)),
        funds: coins.chunks(2).map(coin).collect(),
    }
}

/// The rows that another contract has answered.
pub struct Answer {
    bytes: Vec<u8>,
}

impl Answer {
    /// The rows; none if the entry point answers nothing.
    pub fn rows(&self) -> impl Iterator<Item = Vec<ValueRef<'_>>> {
        // Four bytes of count stand before the rows.
        RowReader { reader: Reader::new(self.bytes.get(4..).unwrap_or_default()) }
    }

    /// The first value of the first row, or NULL.
    pub fn value(&self) -> Value {
        let first = self.rows().next().and_then(|row| row.first().map(|value| value.to_value()));
        first.unwrap_or(Value::Null)
    }
}

fn encoded(coins: &[Coin<'_>]) -> Vec<u8> {
    let values: Vec<ValueRef<'_>> = coins
        .iter()
        .flat_map(|(denom, amount)| [ValueRef::Text(denom), ValueRef::Integer(*amount)])
        .collect();
    if values.is_empty() { Vec::new() } else { encode_row(&values) }
}

/// The result slot, as an output or as a failure.
fn answered(status: i32) -> Result<Answer, CallError> {
    let bytes = if host::result_len() > 0 { host::result() } else { Vec::new() };
    if status == 0 {
        return Ok(Answer { bytes });
    }
    let row = decode_row(&bytes);
    let text = |index: usize| row.get(index).and_then(|value| value.text()).unwrap_or_default();
    Err(CallError {
        codespace: text(0).into(),
        number: row.get(1).and_then(|value| value.integer()).unwrap_or_default(),
        text: text(2).into(),
    })
}

/// Runs `call_<entry>` of another contract, with coins of this one.
pub fn call(
    contract: &str,
    entry: &str,
    arguments: &[ValueRef<'_>],
    coins: &[Coin<'_>],
) -> Result<Answer, CallError> {
    answered(host::call(contract, entry, &encode_row(arguments), &encoded(coins)))
}

/// Runs `view_<entry>` of another contract.
pub fn view(contract: &str, entry: &str, arguments: &[ValueRef<'_>]) -> Result<Answer, CallError> {
    answered(host::view(contract, entry, &encode_row(arguments)))
}

/// Sends coins of this contract to an address.
pub fn transfer(to: &str, coins: &[Coin<'_>]) -> Result<(), CallError> {
    answered(host::transfer(to, &encoded(coins))).map(drop)
}

/// What an address holds of a denomination.
pub fn balance(address: &str, denom: &str) -> i64 {
    let bytes = host::balance(address, denom);
    decode_row(&bytes).first().and_then(|value| value.integer()).unwrap_or_default()
}

/// When a scheduled call is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// At the end of the block of this height.
    Height(i64),
    /// At the end of the first block with this time or a later one, in milliseconds since 1970.
    Time(i64),
}

/// Asks for `scheduled_<entry>`, once or again after every `every` blocks or milliseconds (0 for once), with
/// this much gas. Takes the price of the first call from this contract; gives the schedule's number.
pub fn schedule(
    entry: &str,
    arguments: &[ValueRef<'_>],
    due: Due,
    every: i64,
    gas: i64,
) -> Result<i64, CallError> {
    schedule_encoded(entry, &encode_row(arguments), due, every, gas)
}

/// As [`schedule`], with one encoded row of arguments.
pub(crate) fn schedule_encoded(
    entry: &str,
    arguments: &[u8],
    due: Due,
    every: i64,
    gas: i64,
) -> Result<i64, CallError> {
    let (clock, due) = match due {
        Due::Height(height) => ("height", height),
        Due::Time(time) => ("time", time),
    };
    let when = [
        ValueRef::Text(clock),
        ValueRef::Integer(due),
        ValueRef::Integer(every),
        ValueRef::Integer(gas),
    ];
    let answer = answered(host::schedule(entry, arguments, &encode_row(&when)))?;
    Ok(decode_row(&answer.bytes).first().and_then(|value| value.integer()).unwrap_or_default())
}

/// Ends a schedule of this contract; the price of a call that has not begun comes back.
pub fn cancel(number: i64) -> Result<(), CallError> {
    answered(host::cancel(&encode_row(&[ValueRef::Integer(number)]))).map(drop)
}

/// Runs `work` with all rows, whatever the caller may read and write.
pub fn as_contract<T>(work: impl FnOnce() -> T) -> T {
    let before = invocation().row_access;
    host::row_access(false);
    let done = work();
    host::row_access(before);
    done
}

/// One changed row that a rule of a table is shown: the row before and the row after.
pub type Change<'a> = (Option<Vec<ValueRef<'a>>>, Option<Vec<ValueRef<'a>>>);

/// The changed rows that `validate_`, `on_insert_`, `on_update_` and `on_delete_` are shown.
pub fn changes<'a>() -> Vec<Change<'a>> {
    // The call ends with the instance, so the input lives as long as anything.
    let input: &'static [u8] = host::input().leak();
    // A count, the row of verb and number, then pairs.
    let mut rows = RowReader { reader: Reader::new(input.get(4..).unwrap_or_default()) }.skip(1);
    let side = |row: Vec<ValueRef<'a>>| if row.is_empty() { None } else { Some(row) };
    let mut changes = Vec::new();
    while let (Some(old), Some(new)) = (rows.next(), rows.next()) {
        changes.push((side(old), side(new)));
    }
    changes
}

/// The denomination of the chain's own coin, in which fees and scheduled calls are paid.
pub const DENOM: &str = "udadb";

/// What came with this call in the one denomination that is taken, 0 if nothing came; other coins are
/// refused.
pub fn paid(denom: &str) -> Result<i64, crate::Refusal> {
    let mut sum = 0;
    for (sent, amount) in invocation().funds {
        if sent != denom {
            return Err(crate::Refusal::new(format!(
                "{amount}{sent} came with the call, which takes {denom} only"
            )));
        }
        sum += amount;
    }
    Ok(sum)
}

impl Answer {
    /// The first row; empty if there is none.
    pub fn row(&self) -> Vec<ValueRef<'_>> {
        self.rows().next().unwrap_or_default()
    }
}

/// A column of a row that another contract has answered; what generated clients read.
///
/// # Errors
/// It has another type: the other contract is not the one that the client was generated from.
pub fn column<'a, T: FromValue<'a>>(row: &[ValueRef<'a>], at: usize) -> Result<T, CallError> {
    let value = row.get(at).copied().unwrap_or(ValueRef::Null);
    T::from_value(value).ok_or_else(|| CallError {
        codespace: "client".into(),
        number: 0,
        text: format!(
            "column {} of the answer is {}, the client expects {}: generate it again",
            at + 1,
            value.type_name(),
            T::TYPE
        ),
    })
}
