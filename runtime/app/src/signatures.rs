//! Signatures that were verified already, so that no node verifies one twice.
//!
//! 1. An entry is SHA-256 over sign hash, public key and signature: all that verification depends on.
//! 2. Only a valid signature is remembered; a miss costs a verification, never a wrong answer.
//! 3. The memory is bounded: the older half is forgotten when it is full.

use crate::tx::Tx;
use dadbs_types::{Hash, Rejection};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Entries of one generation: 32 bytes each.
const GENERATION_MAX: usize = 50_000;

#[derive(Debug, Default)]
struct Generations {
    young: BTreeSet<Hash>,
    old: BTreeSet<Hash>,
}

/// The memory, shared by CheckTx and block execution; held for a look-up only.
#[derive(Clone, Debug, Default)]
pub struct VerifiedSignatures(Arc<Mutex<Generations>>);

impl VerifiedSignatures {
    /// Verifies the signature of `tx` over `sign_hash` unless it is known to be valid.
    pub fn verify(&self, tx: &Tx, sign_hash: Hash) -> Result<(), Rejection> {
        let entry: Hash = Sha256::new()
            .chain_update(sign_hash)
            .chain_update(&tx.public_key)
            .chain_update(tx.signature())
            .finalize()
            .into();
        if self.with(|known| known.young.contains(&entry) || known.old.contains(&entry)) {
            return Ok(());
        }
        tracing::trace_span!("signature").in_scope(|| tx.verify_signature(sign_hash))?;
        self.with(|known| {
            if known.young.len() >= GENERATION_MAX {
                known.old = std::mem::take(&mut known.young);
            }
            known.young.insert(entry);
        });
        Ok(())
    }

    fn with<T>(&self, look: impl FnOnce(&mut Generations) -> T) -> T {
        // A panic elsewhere cannot leave a set of hashes half-written.
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
