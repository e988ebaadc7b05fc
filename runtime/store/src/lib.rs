//! The one store: one SQLite file with one writer, which holds user tables, chain tables, height,
//! app hash and journal; and in memory the state tree over all its rows.
//!
//! - [`store`]: open, blocks, commit
//! - [`savepoint`]: transactions and what they undo
//! - [`user`]: statements of users, their gas and bounds
//! - `access`: which rows a caller sees and touches
//! - [`view`]: reads and proofs beside the writer
//! - [`change`], [`journal`]: what a block changed, and its format
//! - [`changed`]: what a statement changed, for rules of tables
//! - [`checkpoint`], [`restore`]: how a start gets the tree back
//! - `export`: the rows in a file for another chain
//! - [`growth`]: the bytes of databases, as storage rent counts them
//! - [`verify`]: comparing rows with the tree
//! - [`schema`]: the store's own tables and the catalog

mod access;
mod capture;
pub mod change;
pub mod changed;
pub mod checkpoint;
mod export;
pub mod failpoint;
pub mod gas;
pub mod growth;
pub mod journal;
mod layout;
pub mod restore;
pub mod savepoint;
pub mod schema;
pub mod store;
pub mod user;
pub mod verify;
pub mod view;

pub use changed::ChangedRow;
pub use checkpoint::CheckpointJob;
pub use dadbs_sql::RowAccess;
pub use dadbs_sqlite::pin::{PATCH_VERSION as SQLITE_PATCH, SOURCE_ID as SQLITE_SOURCE};
pub use gas::GasParts;
pub use store::{Store, StoreConfig};
pub use user::{Executed, Queried};
pub use verify::RowsReport;
pub use view::{READERS_MAX, ReadLimits, Readers, RowProof, SchemaObject, TableRows, View};
