//! The dev engine's mempool: transactions in the order of their arrival.
//!
//! 1. A transaction enters if `CheckTx` passes; one that is already in is not entered twice.
//! 2. The number of transactions and their bytes are bounded.
//! 3. A proposal takes them in order of arrival, so each sender's order is kept.
//! 4. After a commit the rest is checked again; what fails leaves.

use crate::convert::tx_hash;
use crate::core_thread::Core;
use dadbs_app::{CheckKind, TxResult};
use dadbs_types::Fatal;
use dadbs_types::limits::TX_BYTES_MAX;
use std::collections::{BTreeSet, VecDeque};

/// Transactions that may wait (rule 2).
pub const MEMPOOL_TXS_MAX: usize = 10_000;
/// Bytes that may wait (rule 2).
pub const MEMPOOL_BYTES_MAX: usize = 67_108_864;

/// What became of a submitted transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// `CheckTx` answered; the transaction is in if the code is 0.
    Checked(TxResult),
    /// It waits already.
    Known,
    /// The mempool is full, or the transaction longer than a block takes; the text says which.
    Full(String),
}

struct Entry {
    hash: [u8; 32],
    tx: Vec<u8>,
}

/// The queue; its owner locks it.
#[derive(Default)]
pub struct Mempool {
    entries: VecDeque<Entry>,
    known: BTreeSet<[u8; 32]>,
    bytes: usize,
}

impl Mempool {
    /// Transactions that wait.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if none waits.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Checks a transaction and enters it (rules 1 and 2).
    pub fn submit(&mut self, core: &Core, tx: Vec<u8>) -> Result<Submitted, Fatal> {
        if tx.len() > TX_BYTES_MAX {
            let text = format!("the transaction has {} bytes, at most {TX_BYTES_MAX}", tx.len());
            return Ok(Submitted::Full(text));
        }
        let hash = tx_hash(&tx);
        if self.known.contains(&hash) {
            return Ok(Submitted::Known);
        }
        if self.entries.len() >= MEMPOOL_TXS_MAX || self.bytes + tx.len() > MEMPOOL_BYTES_MAX {
            let waiting = self.entries.len();
            let text = format!("the mempool is full ({waiting} transactions); try again later");
            return Ok(Submitted::Full(text));
        }
        let result = core.check(&tx, CheckKind::New)?;
        if result.is_ok() {
            self.bytes += tx.len();
            self.known.insert(hash);
            self.entries.push_back(Entry { hash, tx });
        }
        Ok(Submitted::Checked(result))
    }

    /// The first transactions that fit into `bytes_max` (rule 3).
    pub fn reap(&self, bytes_max: usize) -> Vec<Vec<u8>> {
        let mut bytes = 0;
        self.entries
            .iter()
            .take_while(|entry| {
                bytes += entry.tx.len();
                bytes <= bytes_max
            })
            .map(|entry| entry.tx.clone())
            .collect()
    }

    /// Removes transactions by their hash.
    pub fn remove(&mut self, hashes: &BTreeSet<[u8; 32]>) {
        self.retain(|entry| Ok(!hashes.contains(&entry.hash))).unwrap_or_default();
    }

    /// Checks what is left against the new state (rule 4).
    pub fn recheck(&mut self, core: &Core) -> Result<(), Fatal> {
        core.reset_checks();
        self.retain(|entry| Ok(core.check(&entry.tx, CheckKind::Recheck)?.is_ok()))
    }

    fn retain(&mut self, mut keep: impl FnMut(&Entry) -> Result<bool, Fatal>) -> Result<(), Fatal> {
        let mut kept = VecDeque::with_capacity(self.entries.len());
        for entry in std::mem::take(&mut self.entries) {
            if keep(&entry)? {
                kept.push_back(entry);
            } else {
                self.bytes -= entry.tx.len();
                self.known.remove(&entry.hash);
            }
        }
        self.entries = kept;
        Ok(())
    }
}
