//! The application: genesis and blocks in; results, events and app hash out.
//!
//! - [`App`] owns the only writer. One thread owns the `App`.
//! - [`Checker`] answers CheckTx on its own reader; [`Queries`] answers reads from any thread. Neither
//!   shares a lock with the writer.

pub mod genesis;
pub mod outcome;

pub use genesis::Genesis;
pub use dadbs_types::Event;
pub use outcome::{BlockOutcome, TxResult};

use dadbs_types::{BlockInfo, Fatal, Hash};
use std::path::PathBuf;

/// Where the application keeps its state.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Folder of the store and the code cache; made if absent.
    pub dir: PathBuf,
    /// Heights between two checkpoints of the tree.
    pub checkpoint_interval: u64,
}

/// The deterministic state machine.
pub struct App {}

/// What ABCI's Info answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The last committed height; 0 before the first block.
    pub height: u64,
    /// The app hash of that height.
    pub app_hash: Hash,
    /// True once genesis was applied.
    pub initialized: bool,
}

/// A decided block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The block's facts.
    pub info: BlockInfo,
    /// The transactions as they were proposed.
    pub txs: Vec<Vec<u8>>,
}

/// Why CheckTx is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// A transaction that the mempool does not know.
    New,
    /// A transaction of the mempool, after a block: signatures were verified before.
    Recheck,
}

#[expect(unused_variables, clippy::unimplemented, missing_docs)]
impl App {
    /// Opens or makes the state in `config.dir`.
    pub fn open(config: AppConfig) -> Result<App, Fatal> {
        unimplemented!()
    }
    /// The last committed height.
    pub fn info(&self) -> Info {
        unimplemented!()
    }
    /// Makes the genesis state and its app hash. Called again before the first block it answers the
    /// same; another genesis is a fault.
    pub fn init_chain(&mut self, genesis: &Genesis) -> Result<Hash, Fatal> {
        unimplemented!()
    }
    /// Executes a block inside the open database transaction; nothing is persisted. A block that was
    /// executed and not committed is dropped first.
    pub fn finalize_block(&mut self, block: &Block) -> Result<BlockOutcome, Fatal> {
        unimplemented!()
    }
    /// Persists exactly what `finalize_block` hashed.
    pub fn commit(&mut self) -> Result<(), Fatal> {
        unimplemented!()
    }
    /// The transactions of a proposal, from the mempool's order: each sender's order kept, within
    /// `tx_bytes_max` and the block's gas.
    pub fn prepare_proposal(&self, txs: Vec<Vec<u8>>, tx_bytes_max: usize) -> Vec<Vec<u8>> {
        unimplemented!()
    }
    /// True if honest nodes can have proposed these transactions: each decodes, and all are within limits.
    pub fn process_proposal(&self, txs: &[Vec<u8>]) -> bool {
        unimplemented!()
    }
    /// Runs a transaction without its effects and without verifying signatures; needs no open block.
    pub fn simulate(&mut self, tx: &[u8]) -> Result<TxResult, Fatal> {
        unimplemented!()
    }
    pub fn checker(&self) -> Checker {
        unimplemented!()
    }
    pub fn queries(&self) -> Queries {
        unimplemented!()
    }
}

/// CheckTx: ante checks against the last committed state and the pending transactions of each account.
pub struct Checker {}

#[expect(unused_variables, clippy::unimplemented)]
impl Checker {
    /// Checks one transaction and, if it passes, counts it as pending.
    pub fn check_tx(&mut self, tx: &[u8], kind: CheckKind) -> Result<TxResult, Fatal> {
        unimplemented!()
    }
    /// Forgets what is pending; called after each commit, before rechecks.
    pub fn reset(&mut self) {
        unimplemented!()
    }
}

/// Reads of the last committed height, from any thread.
///
/// Every query of the gRPC API is here under its full method name with protobuf bytes in and out, so
/// that gRPC and ABCI Query answer alike.
#[derive(Clone)]
pub struct Queries {}

#[expect(unused_variables, clippy::unimplemented)]
impl Queries {
    /// Answers `path`, such as `/cosmos.bank.v1beta1.Query/Balance`; the height is the one that was read.
    pub fn query(&self, path: &str, request: &[u8]) -> Result<(u64, Vec<u8>), dadbs_types::Error> {
        unimplemented!()
    }
}
