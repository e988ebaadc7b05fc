//! The methods as CometBFT answers them: forwarded as they came.
//!
//! 1. At most [`FORWARDS_MAX`] wait for CometBFT at once.
//! 2. `status` says that transactions are indexed: they are, here.
//! 3. `broadcast_tx_commit` answers when the index has the block, so that `tx` finds what was answered.
//! 4. CometBFT's unsafe methods are not forwarded.

use super::methods::Answer;
use super::params::{Params, Received};
use super::{Facade, RpcError};
use crate::engine::cometbft::{CallError, CometBft};
use serde_json::Value;
use std::time::Duration;

/// Calls that wait for CometBFT at once (rule 1).
pub(super) const FORWARDS_MAX: usize = 512;
/// How long an answer may take; `broadcast_tx_commit` waits for a block.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long rule 3 waits.
const INDEX_WAIT: Duration = Duration::from_secs(2);

/// The methods, beside those of [`super::methods`].
pub(super) const NAMES: &[&str] = &[
    "abci_info",
    "block",
    "block_by_hash",
    "blockchain",
    "broadcast_evidence",
    "broadcast_tx_async",
    "broadcast_tx_commit",
    "broadcast_tx_sync",
    "check_tx",
    "commit",
    "consensus_params",
    "consensus_state",
    "dump_consensus_state",
    "genesis",
    "genesis_chunked",
    "header",
    "header_by_hash",
    "health",
    "net_info",
    "num_unconfirmed_txs",
    "status",
    "unconfirmed_txs",
    "validators",
];

pub(super) async fn call(
    facade: &Facade,
    comet: &CometBft,
    method: &str,
    params: &Params,
) -> Answer {
    if !NAMES.contains(&method) && method != "block_results" {
        return Err(RpcError::no_method(method));
    }
    let Ok(_turn) = facade.forwards.try_acquire() else {
        return Err(RpcError::internal("the node is busy; try again in a moment"));
    };
    let called = match params.received() {
        Received::Json(Value::Null) => comet.call(method, &Value::Array(vec![]), TIMEOUT).await,
        Received::Json(params) => comet.call(method, params, TIMEOUT).await,
        Received::Uri(query) => comet.get(method, query, TIMEOUT).await,
    };
    let mut result = called?;
    match method {
        "status" => result["node_info"]["other"]["tx_index"] = "on".into(),
        "broadcast_tx_commit" => {
            let height = result["height"].as_str().and_then(|height| height.parse().ok());
            let mut heights = facade.index.heights();
            let indexed = heights.wait_for(|indexed| *indexed >= height.unwrap_or(0u64));
            // The answer holds without the index.
            drop(tokio::time::timeout(INDEX_WAIT, indexed).await);
        }
        _ => {}
    }
    Ok(result)
}

impl From<CallError> for RpcError {
    fn from(error: CallError) -> RpcError {
        match error {
            CallError::Refused(error) => {
                let text = |name: &str| error[name].as_str().unwrap_or("").to_string();
                RpcError {
                    code: error["code"].as_i64().unwrap_or(-32603),
                    message: text("message").into(),
                    data: text("data"),
                }
            }
            CallError::Silent(error) => RpcError::internal(error.to_string()),
        }
    }
}
