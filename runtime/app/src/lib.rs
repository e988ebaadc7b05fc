//! The application: genesis and blocks in; results, events and app hash out.
//!
//! - [`App`] owns the only writer. One thread owns the `App`.
//! - [`Precheck`] and [`Checker`] answer CheckTx on readers of their own; [`Queries`] answers reads from any thread. Neither
//!   shares a lock with the writer.
//!
//! One block, in order: [`App::finalize_block`] -> [`execute::BlockContext::deliver`] for each transaction
//! (decode, ante, messages) -> [`execute::BlockContext::end`] -> root; then [`App::commit`].

pub mod ante;
mod app;
mod check;
mod electorate;
pub mod execute;
mod explain;
mod export;
mod faults;
pub mod genesis;
mod governance;
mod known;
pub mod messages;
pub mod outcome;
mod proposal;
pub mod queries;
mod schedules;
mod settle;
pub mod signatures;
pub mod tx;
mod upgrades;

pub use app::{App, AppConfig, Block, CHECKPOINT_INTERVAL, ChainParams, CheckKind, Info};
pub use check::{Checker, Decoded, Precheck, Prechecked};
pub use dadbs_modules::params::Param;
pub use dadbs_modules::staking::{self, GenesisValidator};
pub use dadbs_modules::{bank, consensus, distribution, rewards, slashing};
pub use dadbs_types::Event;
pub use export::export;
pub use genesis::{ExportedState, Genesis};
pub use outcome::{BlockOutcome, TxResult};
pub use queries::{OpenChallenges, Queries};
pub use upgrades::{Software, UPGRADES, Upgrade};
