//! Which transactions a block may hold.
//!
//! 1. A proposal keeps the mempool's order, and with it each sender's.
//! 2. Its bytes are within what the engine allows, its gas limits within the block's gas.
//! 3. A transaction that does not fit is left for a later block, and so is all that its sender sent after it.
//! 4. A proposal is refused if honest nodes cannot have made it: a transaction that does not decode, or
//!    gas limits over the block's gas.

use crate::tx::Tx;
use dadbs_types::AccountAddress;
use dadbs_types::limits::{BLOCK_BYTES_MAX, BLOCK_GAS_MAX};
use std::collections::BTreeSet;

/// Rules 1 to 3.
pub(crate) fn prepare(txs: Vec<Vec<u8>>, tx_bytes_max: usize) -> Vec<Vec<u8>> {
    let mut bytes_left = tx_bytes_max.min(BLOCK_BYTES_MAX);
    let mut gas_left = BLOCK_GAS_MAX;
    let mut waiting: BTreeSet<AccountAddress> = BTreeSet::new();
    let mut chosen = Vec::new();
    for bytes in txs {
        let Ok(tx) = Tx::decode(&bytes) else { continue };
        // The engine counts a length prefix of at most 10 bytes per transaction.
        let len = bytes.len().saturating_add(10);
        if waiting.contains(&tx.sender) || len > bytes_left || tx.gas_limit > gas_left {
            waiting.insert(tx.sender);
            continue;
        }
        bytes_left -= len;
        gas_left -= tx.gas_limit;
        chosen.push(bytes);
    }
    chosen
}

/// Rule 4.
pub(crate) fn process(txs: &[Vec<u8>]) -> bool {
    let mut gas: u64 = 0;
    txs.iter().all(|bytes| match Tx::decode(bytes) {
        Ok(tx) => {
            gas = gas.saturating_add(tx.gas_limit);
            gas <= BLOCK_GAS_MAX
        }
        Err(_) => false,
    })
}
