//! Calls that the contract asks for, as `ctx.later().<name>(..)` for each `#[scheduled] fn <name>`.
//!
//! 1. A request begins with its arguments; [`Request::at_height`] or [`Request::at_time`] asks for it and gives
//!    the schedule's number, which [`Later::cancel`] takes.
//! 2. The contract pays each call before it begins: its gas at the chain's least fee.
//! 3. In a scheduled call the caller and the origin are the contract itself, and it sees all rows.
//! 4. Methods are inlined: a contract that asks for nothing has the bytes that it had without them.
//!
//! ```
//! # use dadbs_sdk::prelude::*;
//! # #[contract]
//! # mod reminders {
//! # use super::*;
//! # #[table] struct Note { #[key] id: i64 }
//! # #[init] fn init() {}
//! #[scheduled]
//! fn forget(ctx: &Context, id: i64) -> Result<(), Refusal> {
//!     ctx.db.note().delete(id).map(drop)
//! }
//!
//! #[call]
//! fn keep_for_a_day(ctx: &Context, id: i64) -> Result<i64, Refusal> {
//!     Ok(ctx.later().forget(id).gas(500_000).at_time(ctx.time_ms + 86_400_000)?)
//! }
//! # }
//! # fn main() {}
//! ```

use crate::calls::{self, CallError, Due};
use crate::value::{ValueRef, encode_row};
use alloc::vec::Vec;

/// Gas of a scheduled call, unless the request says otherwise.
pub const GAS: i64 = 1_000_000;

/// The scheduled entry points: `#[contract]` adds a method for each.
#[derive(Clone, Copy, Debug)]
pub struct Later;

impl crate::Context {
    /// The scheduled entry points of the contract, to ask for.
    #[inline]
    pub fn later(&self) -> Later {
        Later
    }
}

impl Later {
    /// Ends a schedule of this contract; the price of a call that has not begun comes back.
    #[inline]
    pub fn cancel(self, number: i64) -> Result<(), CallError> {
        calls::cancel(number)
    }
}

/// A call that is being asked for.
#[derive(Clone, Debug)]
#[must_use = "a request is made by at_height or at_time"]
pub struct Request {
    entry: &'static str,
    /// One encoded row.
    arguments: Vec<u8>,
    every: i64,
    gas: i64,
}

impl Request {
    /// A request for `scheduled_<entry>`.
    #[doc(hidden)]
    #[inline]
    pub fn new(entry: &'static str, arguments: &[ValueRef<'_>]) -> Request {
        Request { entry, arguments: encode_row(arguments), every: 0, gas: GAS }
    }

    /// The gas of one call.
    #[inline]
    pub fn gas(self, gas: i64) -> Request {
        Request { gas, ..self }
    }

    /// Again and again: after so many blocks, or milliseconds if it is asked for by time.
    #[inline]
    pub fn every(self, interval: i64) -> Request {
        Request { every: interval, ..self }
    }

    /// At the end of the block of this height; gives the schedule's number.
    #[inline]
    pub fn at_height(self, height: i64) -> Result<i64, CallError> {
        self.ask(Due::Height(height))
    }

    /// At the end of the first block with this time or a later one, in milliseconds since 1970; gives the
    /// schedule's number.
    #[inline]
    pub fn at_time(self, time_ms: i64) -> Result<i64, CallError> {
        self.ask(Due::Time(time_ms))
    }

    #[inline]
    fn ask(self, due: Due) -> Result<i64, CallError> {
        calls::schedule_encoded(self.entry, &self.arguments, due, self.every, self.gas)
    }
}
