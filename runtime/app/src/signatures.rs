//! Signatures that were verified already, so that no node verifies one twice.
//!
//! 1. An entry is SHA-256 over sign hash, public key and signature: all that verification depends on.
//! 2. Only a valid signature is remembered; a miss costs a verification, never a wrong answer.
//! 3. The memory is bounded: the older half is forgotten when it is full.
//! 4. The number of a committed account never changes, and what is signed holds it: it is remembered too.

use crate::tx::Tx;
use dadbs_types::{AccountAddress, Hash, Rejection};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
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

/// Numbers of committed accounts (rule 4); forgotten as a whole when there are too many.
#[derive(Clone, Debug, Default)]
pub struct AccountNumbers(Arc<Mutex<BTreeMap<AccountAddress, u64>>>);

impl AccountNumbers {
    /// The number of an account, if it is remembered.
    pub fn get(&self, address: AccountAddress) -> Option<u64> {
        self.with(|numbers| numbers.get(&address).copied())
    }

    /// Remembers the number of a committed account.
    pub fn remember(&self, address: AccountAddress, number: u64) {
        self.with(|numbers| {
            if numbers.len() >= GENERATION_MAX {
                numbers.clear();
            }
            numbers.insert(address, number);
        });
    }

    fn with<T>(&self, look: impl FnOnce(&mut BTreeMap<AccountAddress, u64>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
