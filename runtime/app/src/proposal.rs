//! Which transactions a block may hold.
//!
//! 1. A proposal keeps the mempool's order, and with it each sender's: the sequences of one sender follow
//!    each other.
//! 2. Its bytes are within what the engine allows, its gas limits within the block's gas.
//! 3. A transaction that does not fit, whose sequence does not follow, or that rule 4 would refuse is left out,
//!    and so is all that its sender sent after it.
//! 4. A proposal is refused if honest nodes cannot have made it: a transaction that does not decode, sequences
//!    of a sender that do not follow each other, a signature of a committed account that does not verify, a
//!    sender without an account, a fee below the price of gas, gas limits over the block's gas.
//! 5. Rule 4 looks at the proposal and the last committed state only, so all honest nodes agree.

use crate::known::KnownTxs;
use crate::tx::Tx;
use dadbs_types::limits::BLOCK_BYTES_MAX;
use dadbs_types::{AccountAddress, Fatal};
use std::collections::{BTreeMap, BTreeSet};

/// The sequences that follow, by sender (rule 1).
#[derive(Default)]
struct Sequences(BTreeMap<AccountAddress, u64>);

impl Sequences {
    /// The first of a sender may be any.
    fn follows(&self, tx: &Tx) -> bool {
        self.0.get(&tx.sender).is_none_or(|next| *next == tx.sequence)
    }

    fn advance(&mut self, tx: &Tx) {
        self.0.insert(tx.sender, tx.sequence.saturating_add(1));
    }
}

/// Rules 1 to 3; the bounds are the bytes and the gas of the block.
pub(crate) fn prepare(
    known: &KnownTxs,
    txs: Vec<Vec<u8>>,
    (bytes_max, gas_max): (usize, u64),
    mut is_valid: impl FnMut(&Tx) -> Result<bool, Fatal>,
) -> Result<Vec<Vec<u8>>, Fatal> {
    let mut bytes_left = bytes_max.min(BLOCK_BYTES_MAX);
    let mut gas_left = gas_max;
    let mut waiting: BTreeSet<AccountAddress> = BTreeSet::new();
    let mut sequences = Sequences::default();
    let mut chosen = Vec::new();
    for bytes in txs {
        let Ok(tx) = known.decode(&bytes) else { continue };
        // The engine counts a length prefix of at most 10 bytes per transaction.
        let len = bytes.len().saturating_add(10);
        let fits = len <= bytes_left && tx.gas_limit <= gas_left;
        if waiting.contains(&tx.sender) || !fits || !sequences.follows(&tx) || !is_valid(&tx)? {
            waiting.insert(tx.sender);
            continue;
        }
        bytes_left -= len;
        gas_left -= tx.gas_limit;
        sequences.advance(&tx);
        chosen.push(bytes);
    }
    Ok(chosen)
}

/// Rule 4; `is_valid` judges fee and signature by the committed state.
pub(crate) fn process(
    known: &KnownTxs,
    txs: &[Vec<u8>],
    gas_max: u64,
    mut is_valid: impl FnMut(&Tx) -> Result<bool, Fatal>,
) -> Result<bool, Fatal> {
    let mut gas: u64 = 0;
    let mut sequences = Sequences::default();
    for bytes in txs {
        let Ok(tx) = known.decode(bytes) else { return Ok(false) };
        gas = gas.saturating_add(tx.gas_limit);
        if gas > gas_max || !sequences.follows(&tx) || !is_valid(&tx)? {
            return Ok(false);
        }
        sequences.advance(&tx);
    }
    Ok(true)
}
