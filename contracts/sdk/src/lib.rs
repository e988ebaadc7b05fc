//! Write DADBS contracts in Rust.
//!
//! 1. A contract is one module under [`contract`]; its functions marked `#[init]`, `#[call]`,
//!    `#[view]` and `#[migrate]` become entry points, every other function stays private.
//! 2. Parameters are positional. `&str`, `String`, `&[u8]`, `Vec<u8>`, `i64`, `u32`, `f64`, `bool` and
//!    [`Value`] are required; `Option` of them takes NULL, and may be left out at the end; a last
//!    parameter [`Rest`] takes all that follow.
//! 3. A wrong argument ends the call before the contract's code runs, and the message names it.
//! 4. An entry point returns nothing, a value, a tuple of values (one row), [`Table`], [`Rows`], or a
//!    `Result` of these with [`Refusal`]: an error, like a panic, undoes everything the call did.
//! 5. What the contract offers stands in a custom section, so that tools list it without running it.
//! 6. Memory is never given back during a call (see [`allocator`]): a call is short, its memory ends
//!    with it.
//! 7. Outside `wasm32` every host function panics; the crate builds there for editors and lints only.
//!
//! ```ignore
//! #![no_std]
//! use dadbs_sdk::prelude::*;
//!
//! #[contract]
//! mod guestbook {
//!     use super::*;
//!
//!     /// Makes the table.
//!     #[init]
//!     fn init() -> Result<(), Refusal> {
//!         sql::exec("CREATE TABLE entries (author TEXT NOT NULL, text TEXT NOT NULL) STRICT", &[])?;
//!         Ok(())
//!     }
//!
//!     /// Signs the book.
//!     #[call]
//!     fn sign(text: &str) -> Result<(), Refusal> {
//!         let author = context().caller;
//!         sql::exec("INSERT INTO entries VALUES (?, ?)", params![author, text])?;
//!         Ok(())
//!     }
//! }
//! ```
#![cfg_attr(target_arch = "wasm32", no_std)]
#[doc(hidden)]
pub extern crate alloc;

pub mod address;
pub mod allocator;
pub mod calls;
pub mod entry;
mod host;
pub mod schema;
pub mod sql;
pub mod table;
pub mod value;

pub use dadbs_sdk_macros::{contract, sql};
pub use dadbs_types::Value;
pub use entry::{Refusal, Rest};
pub use host::{Context, abort, context, emit, log};
pub use value::{Rows, Table, ValueRef};

/// What a contract needs in scope.
pub mod prelude {
    pub use crate::alloc::{borrow::ToOwned, format, string::String, vec, vec::Vec};
    pub use crate::{
        Context, Refusal, Rest, Rows, Table, Value, ValueRef, abort, context, contract, emit, log,
        params, sql,
    };
}

/// Statement parameters: `params![name, 7, None::<i64>]`.
#[macro_export]
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::value::AsValue::as_value(&$value)),*] };
}
