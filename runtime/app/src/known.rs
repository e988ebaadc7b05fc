//! Transactions that were decoded already: check, recheck, proposals and execution each need one again.
//!
//! 1. Decoding is a function of the bytes, and the memory answers by their SHA-256: it changes no result.
//! 2. Only what decodes is remembered.
//! 3. The memory is bounded by the transactions' bytes: the older half is forgotten when it is full.

use crate::tx::Tx;
use dadbs_types::{Hash, Rejection};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of transactions of one generation; decoded they take about three times as much.
const GENERATION_BYTES_MAX: usize = 16_777_216;

#[derive(Debug, Default)]
struct Generations {
    young: BTreeMap<Hash, Arc<Tx>>,
    old: BTreeMap<Hash, Arc<Tx>>,
    young_bytes: usize,
}

/// The memory; clones share it. Held for a look-up only.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownTxs(Arc<Mutex<Generations>>);

impl KnownTxs {
    /// Decodes a transaction, or finds it.
    pub(crate) fn decode(&self, bytes: &[u8]) -> Result<Arc<Tx>, Rejection> {
        let hash: Hash = Sha256::digest(bytes).into();
        if let Some(tx) = self.with(|known| known.find(&hash)) {
            return Ok(tx);
        }
        let tx = Arc::new(Tx::decode(bytes)?);
        self.with(|known| known.remember(hash, &tx));
        Ok(tx)
    }

    fn with<T>(&self, look: impl FnOnce(&mut Generations) -> T) -> T {
        // A panic elsewhere cannot leave a map half-written.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Generations {
    fn find(&self, hash: &Hash) -> Option<Arc<Tx>> {
        self.young.get(hash).or_else(|| self.old.get(hash)).cloned()
    }

    fn remember(&mut self, hash: Hash, tx: &Arc<Tx>) {
        if self.young_bytes.saturating_add(tx.len) > GENERATION_BYTES_MAX {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        if self.young.insert(hash, tx.clone()).is_none() {
            self.young_bytes = self.young_bytes.saturating_add(tx.len);
        }
    }
}
