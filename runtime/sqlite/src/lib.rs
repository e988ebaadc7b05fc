//! The pinned and patched SQLite, and the only foreign function calls of the project.
//!
//! 1. The build is pinned: [`Connection`] refuses to open on any other SQLite, patch or compile option.
//! 2. Work is counted in *steps*, a function of statement, parameters and logical content. A user
//!    statement has a number of steps; when they are used up, it alone is undone and the
//!    transaction stays open.
//! 3. A failure is a [`Rejection`](dadbs_types::Rejection), the same on every node, or a
//!    [`Fatal`](dadbs_types::Fatal), and the node stops.
//! 4. Every row that a statement changes is captured as an [`Event`], whoever changed it: REPLACE,
//!    UPSERT, foreign key cascades.
//! 5. Time is what [`Connection::set_clock`] says; random values come from [`Connection::set_seed`].
//! 6. User statements reach only what the [authorizer](mod@authorizer) allows: the second lock
//!    behind the SQL front door.
#![allow(unsafe_code)]

pub mod authorizer;
mod calendar;
mod capture;
mod connection;
mod decimal;
mod failure;
pub mod functions;
mod hook;
mod meter;
pub mod pin;
mod statement;
mod user;

pub use capture::{Event, Operation};
pub use connection::Connection;
pub use failure::SqlFailure;
pub use statement::ValueRef;
pub use user::{Run, StopRow, UserStatement};
