//! What the application says of transactions and blocks.

use dadbs_types::{ConsensusParams, Error, Event, Fatal, Hash, Rejection, ValidatorUpdate};

/// The outcome of one transaction, as ABCI's `ExecTxResult`.
///
/// The header of the next block hashes `code`, `data`, `gas_wanted` and `gas_used` of every result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TxResult {
    /// 0 or the number of the rejection.
    pub code: u32,
    /// The namespace of the number; empty on success.
    pub codespace: String,
    /// On success an encoded `TxMsgData` with one response per message.
    pub data: Vec<u8>,
    /// For people; covered by no hash.
    pub log: String,
    /// The gas limit of the transaction.
    pub gas_wanted: u64,
    /// The gas that was used, at most `gas_wanted`.
    pub gas_used: u64,
    /// Events; those of the fee stay when the messages fail.
    pub events: Vec<Event>,
}

impl TxResult {
    /// A refusal; `gas_wanted` and `gas_used` are 0.
    pub fn rejected(rejection: &Rejection) -> TxResult {
        let mut log = rejection.message.clone();
        let mut end = dadbs_types::limits::TX_FAILURE_LOG_BYTES_MAX.min(log.len());
        while !log.is_char_boundary(end) {
            end -= 1;
        }
        log.truncate(end);
        TxResult {
            code: rejection.code.number(),
            codespace: rejection.code.codespace().into(),
            log,
            ..TxResult::default()
        }
    }

    /// True if the transaction did what it says.
    pub fn is_ok(&self) -> bool {
        self.code == 0
    }
}

/// The outcome of a block that was executed but is not committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockOutcome {
    /// One result per transaction, in order.
    pub tx_results: Vec<TxResult>,
    /// Events of the block itself.
    pub events: Vec<Event>,
    /// What changes in the validator set, each key once.
    pub validator_updates: Vec<ValidatorUpdate>,
    /// The consensus parameters from the next block on, if one of them changes.
    pub consensus_params: Option<ConsensusParams>,
    /// The root over all rows after the block.
    pub app_hash: Hash,
}

/// Splits a core result: a rejection is an answer, a fault is not.
pub fn rejection<T>(result: Result<T, Error>) -> Result<Result<T, Rejection>, Fatal> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Rejected(rejection)) => Ok(Err(rejection)),
        Err(Error::Fatal(fatal)) => Err(fatal),
    }
}
