//! The one store: one SQLite file with one writer, which holds user tables, chain tables, height,
//! app hash and journal; and in memory the state tree over all its rows.
//!
//! - [`store`]: open, blocks, commit
//! - [`savepoint`]: transactions and what they undo
//! - [`user`]: statements of users, their gas and bounds
//! - [`view`]: reads and proofs beside the writer
//! - [`change`], [`journal`]: what a block changed, and its format
//! - [`checkpoint`], [`restore`]: how a start gets the tree back
//! - [`verify`]: comparing rows with the tree
//! - [`schema`]: the store's own tables and the catalog

mod capture;
pub mod change;
pub mod checkpoint;
pub mod failpoint;
pub mod gas;
pub mod journal;
mod layout;
pub mod restore;
pub mod savepoint;
pub mod schema;
pub mod store;
pub mod user;
pub mod verify;
pub mod view;

pub use checkpoint::CheckpointJob;
pub use gas::GasParts;
pub use store::{Store, StoreConfig};
pub use user::{Executed, Queried};
pub use verify::RowsReport;
pub use view::{READERS_MAX, ReadLimits, Readers, RowProof, SchemaObject, TableRows, View};
