//! Write DADBS contracts in Rust.
//!
//! 1. A contract is one module under [`contract`]; its functions marked `#[init]`, `#[call]`,
//!    `#[view]` and `#[migrate]` become entry points, every other function stays private.
//! 2. Parameters are positional. `&str`, `String`, `&[u8]`, `Vec<u8>`, `i64`, `u32`, `f64`, `bool` and
//!    [`Value`] are required; `Option` of them takes NULL, and may be left out at the end; a last
//!    parameter [`Rest`] takes all that follow. A first parameter `&Context` takes the facts of the call.
//! 3. A wrong argument ends the call before the contract's code runs, and the message names it.
//! 4. An entry point returns nothing, a value, a tuple of values (one row), a row of a table, a `Vec` or
//!    `Option` of rows, [`Table`], [`Rows`], or a `Result` of these with [`Refusal`]: an error, like a
//!    panic, undoes everything the call did.
//! 5. Structs with `#[table]` are tables: made by `init`, brought to the new declaration by `migrate`
//!    ([`schema`]), reached as `ctx.db.<name>()`.
//! 6. [`sql!`] runs a statement that `dadbs contract build` has checked; [`mod@sql`] runs any text.
//! 7. Enums with `#[error]` are refusals with a name and a number; structs with `#[event]` have `emit`.
//! 8. Functions with `#[validate(table)]`, `#[on_insert(table)]`, `#[on_update(table)]` and
//!    `#[on_delete(table)]` are rules of a table ([`rules`]). `#[can_read(table)]` and `#[can_write(table)]` are its
//!    row access: functions of a row and the caller that become SQL, or constants that are SQL.
//! 9. Functions with `#[scheduled]` are asked for as `ctx.later().<name>(..)` ([`later`]).
//! 10. What the contract offers stands in a custom section, so that tools list it without running it.
//! 11. Memory is never given back during a call (see [`allocator`]): a call is short, its memory ends
//!     with it.
//! 12. With the feature `std` a contract has the standard library: what a chain cannot offer (files, network,
//!     threads, the clock) fails when it is used. Without it, contracts are `no_std` and smaller.
//! 13. Outside `wasm32` every host function panics; the crate builds there for editors and lints only.
//!
//! ```
//! use dadbs_sdk::prelude::*;
//!
//! #[contract]
//! mod guestbook {
//!     use super::*;
//!
//!     /// What a guest wrote.
//!     #[table(name = "entries")]
//!     struct Entry {
//!         #[key(auto)]
//!         id: i64,
//!         author: String,
//!         text: String,
//!     }
//!
//!     #[init]
//!     fn init() {}
//!
//!     /// Signs the book; answers the number of the entry.
//!     #[call]
//!     fn sign(ctx: &Context, text: String) -> Result<i64, Refusal> {
//!         ctx.db.entries().insert(&Entry { id: 0, author: ctx.caller.clone(), text })
//!     }
//! }
//! # fn main() {}
//! ```
#![cfg_attr(all(target_arch = "wasm32", not(feature = "std")), no_std)]
#[doc(hidden)]
pub extern crate alloc;

pub mod address;
pub mod allocator;
pub mod calls;
pub mod entry;
mod host;
pub mod later;
pub mod rules;
pub mod schema;
pub mod sql;
pub mod table;
pub mod value;

pub use dadbs_sdk_macros::{contract, sql};
pub use dadbs_types::Value;
pub use entry::{Refusal, Rest};
pub use host::{Context, abort, context, emit, gas_used, log};
pub use rules::{Updated, Written};
pub use value::{Rows, Table, ValueRef};

/// What a contract needs in scope.
pub mod prelude {
    pub use crate::alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};
    pub use crate::{
        Context, Refusal, Rest, Rows, Table, Updated, Value, ValueRef, Written, abort, calls,
        context, contract, emit, log, params, sql,
    };
}

/// Statement parameters: `params![name, 7, None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::value::AsValue::as_value(&$value)),*] };
}
