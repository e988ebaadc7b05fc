//! The methods as the embedded engine answers them.

use super::methods::Answer;
use super::params::Params;
use super::{COMETBFT_VERSION, Facade, RpcError, shapes};
use crate::convert::{exec_tx_result, tx_hash};
use crate::engine::dev::DevEngine;
use crate::engine::dev::blocks::StoredBlock;
use crate::engine::dev::mempool::Submitted;
use crate::genesis_doc;
use dadbs_app::TxResult;
use serde_json::{Value, json};
use std::time::Duration;

/// How long `broadcast_tx_commit` waits for the block.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// Blocks of one `blockchain` answer, as in CometBFT.
const BLOCKCHAIN_MAX: u64 = 20;

/// The methods, beside those of [`super::methods`].
pub(super) const NAMES: &[&str] = &[
    "abci_info",
    "block",
    "block_by_hash",
    "blockchain",
    "broadcast_tx_async",
    "broadcast_tx_commit",
    "broadcast_tx_sync",
    "commit",
    "consensus_params",
    "genesis",
    "header",
    "health",
    "net_info",
    "num_unconfirmed_txs",
    "status",
    "validators",
];

pub(super) async fn call(
    facade: &Facade,
    engine: &DevEngine,
    method: &str,
    params: &Params,
) -> Answer {
    match method {
        "broadcast_tx_sync" => {
            let tx = params.bytes("tx", 0)?;
            let hash = hex::encode_upper(tx_hash(&tx));
            Ok(checked(&hash, &submit(engine, tx).await?))
        }
        "broadcast_tx_async" => {
            let tx = params.bytes("tx", 0)?;
            let hash = hex::encode_upper(tx_hash(&tx));
            // Whatever the check says, the answer is the hash.
            drop(submit(engine, tx).await);
            Ok(json!({ "code": 0, "data": "", "log": "", "codespace": "", "hash": hash }))
        }
        "broadcast_tx_commit" => broadcast_tx_commit(facade, engine, params.bytes("tx", 0)?).await,
        "health" => Ok(json!({})),
        "net_info" => {
            Ok(json!({ "listening": false, "listeners": [], "n_peers": "0", "peers": [] }))
        }
        _ => {
            let query = Query::parse(method, params)?;
            let engine = engine.clone();
            let answered = tokio::task::spawn_blocking(move || query.answer(&engine));
            answered.await.map_err(|_| RpcError::internal("the call panicked"))?
        }
    }
}

/// A method that reads files: run on a thread of its own.
enum Query {
    AbciInfo,
    Block(Option<u64>),
    BlockByHash(Vec<u8>),
    Blockchain(Option<u64>, Option<u64>),
    Commit(Option<u64>),
    ConsensusParams(Option<u64>),
    Genesis,
    Header(Option<u64>),
    Status,
    Unconfirmed,
    Validators(Option<u64>),
}

impl Query {
    fn parse(method: &str, params: &Params) -> Result<Query, RpcError> {
        let height = || params.number("height", 0);
        Ok(match method {
            "abci_info" => Query::AbciInfo,
            "block" => Query::Block(height()?),
            "block_by_hash" => Query::BlockByHash(params.hash("hash", 0)?),
            "blockchain" => {
                Query::Blockchain(params.number("minHeight", 0)?, params.number("maxHeight", 1)?)
            }
            "commit" => Query::Commit(height()?),
            "consensus_params" => Query::ConsensusParams(height()?),
            "genesis" => Query::Genesis,
            "header" => Query::Header(height()?),
            "num_unconfirmed_txs" => Query::Unconfirmed,
            "status" => Query::Status,
            "validators" => Query::Validators(height()?),
            other => return Err(RpcError::no_method(other)),
        })
    }

    fn answer(self, engine: &DevEngine) -> Answer {
        match self {
            Query::AbciInfo => Ok(abci_info(engine)),
            Query::Block(height) => Ok(block(&stored(engine, height)?.1)),
            Query::BlockByHash(hash) => match engine.blocks().height_of(&hash)? {
                Some(height) => Ok(block(&stored(engine, Some(height))?.1)),
                None => Ok(json!({ "block_id": shapes::block_id(None), "block": null })),
            },
            Query::Blockchain(from, to) => blockchain(engine, from, to),
            Query::Commit(height) => {
                let (_, block) = stored(engine, height)?;
                let signed = json!({
                    "header": shapes::header(&block.header),
                    "commit": shapes::commit(&block.commit),
                });
                Ok(json!({ "signed_header": signed, "canonical": true }))
            }
            Query::ConsensusParams(height) => {
                let newest = engine.tip().borrow().height;
                let height = height.filter(|height| *height != 0).unwrap_or(newest);
                let next = newest.saturating_add(1);
                if height > next {
                    return Err(RpcError::internal(format!(
                        "height {height} must be less than or equal to the next height {next}"
                    )));
                }
                let params = genesis_doc::consensus_params(&engine.consensus_params(height)?);
                Ok(json!({ "block_height": height.to_string(), "consensus_params": params }))
            }
            Query::Genesis => genesis(engine),
            Query::Header(height) => {
                Ok(json!({ "header": shapes::header(&stored(engine, height)?.1.header) }))
            }
            Query::Status => status(engine),
            Query::Unconfirmed => {
                let (txs, bytes) = engine.waiting();
                Ok(json!({
                    "n_txs": txs.to_string(),
                    "total": txs.to_string(),
                    "total_bytes": bytes.to_string(),
                    "txs": null,
                }))
            }
            Query::Validators(height) => Ok(validators(engine, height)),
        }
    }
}

/// The block of a height, by default the newest.
fn stored(engine: &DevEngine, height: Option<u64>) -> Result<(u64, StoredBlock), RpcError> {
    let newest = engine.tip().borrow().height;
    let height = height.filter(|height| *height != 0).unwrap_or(newest);
    // A subscriber hears of a block from the index, a moment before the tip moves.
    let found = engine.blocks().get(height)?;
    match found.filter(|block| height <= newest || block.results.is_some()) {
        Some(block) => Ok((height, block)),
        None if height > newest => Err(RpcError::internal(format!(
            "height {height} must be less than or equal to the current blockchain height {newest}"
        ))),
        None => Err(RpcError::internal(format!("there is no block {height}"))),
    }
}

fn block(block: &StoredBlock) -> Value {
    json!({ "block_id": shapes::block_id(Some(&block.id)), "block": shapes::block(block) })
}

fn blockchain(engine: &DevEngine, from: Option<u64>, to: Option<u64>) -> Answer {
    let newest = engine.tip().borrow().height;
    let oldest = engine.blocks().oldest()?;
    let to = to.filter(|to| *to != 0).unwrap_or(newest).min(newest);
    let from = from.unwrap_or(oldest).max(oldest).max(to.saturating_sub(BLOCKCHAIN_MAX - 1));
    let mut metas = Vec::new();
    for height in (from..=to).rev() {
        metas.push(shapes::block_meta(&stored(engine, Some(height))?.1));
    }
    Ok(json!({ "last_height": newest.to_string(), "block_metas": metas }))
}

fn genesis(engine: &DevEngine) -> Answer {
    let document = genesis_doc::document(engine.genesis())
        .map_err(|error| RpcError::internal(error.to_string()))?;
    Ok(json!({ "genesis": document }))
}

fn validators(engine: &DevEngine, height: Option<u64>) -> Value {
    let height = height.filter(|height| *height != 0).unwrap_or(engine.tip().borrow().height);
    let validators: Vec<Value> =
        engine.validators().validators().iter().map(shapes::validator).collect();
    let count = validators.len().to_string();
    json!({
        "block_height": height.to_string(),
        "validators": validators,
        "count": count,
        "total": count,
    })
}

fn abci_info(engine: &DevEngine) -> Value {
    let tip = engine.tip().borrow().clone();
    json!({
        "response": {
            "data": "dadbs",
            "version": env!("CARGO_PKG_VERSION"),
            "last_block_height": tip.height.to_string(),
            "last_block_app_hash": shapes::base64(&tip.app_hash),
        }
    })
}

/// What `status` says of the node.
pub(crate) fn node_info(engine: &DevEngine) -> Value {
    let validators = engine.validators().validators();
    let address = validators.first().map(|info| hex::encode(info.address.as_bytes()));
    json!({
        "protocol_version": { "p2p": "8", "block": "11", "app": "0" },
        "id": address.unwrap_or_default(),
        "listen_addr": "tcp://127.0.0.1:26656",
        "network": engine.genesis().chain_id,
        "version": COMETBFT_VERSION,
        "channels": "40202122233038606100",
        "moniker": "dadbs dev",
        "other": { "tx_index": "on", "rpc_address": "tcp://127.0.0.1:26657" }
    })
}

fn status(engine: &DevEngine) -> Answer {
    let (height, newest) = stored(engine, None)?;
    let earliest = engine.blocks().oldest()?;
    let (_, oldest) = stored(engine, Some(earliest))?;
    let validators = engine.validators().validators();
    let validator = validators.first().map(|info| {
        json!({
            "address": hex::encode_upper(info.address.as_bytes()),
            "pub_key": shapes::public_key(info),
            "voting_power": info.power.value().to_string(),
        })
    });
    let upper = |bytes: &[u8]| hex::encode_upper(bytes);
    Ok(json!({
        "node_info": node_info(engine),
        "sync_info": {
            "latest_block_hash": upper(newest.id.hash.as_bytes()),
            "latest_app_hash": upper(newest.header.app_hash.as_bytes()),
            "latest_block_height": height.to_string(),
            "latest_block_time": newest.header.time.to_rfc3339(),
            "earliest_block_hash": upper(oldest.id.hash.as_bytes()),
            "earliest_app_hash": upper(oldest.header.app_hash.as_bytes()),
            "earliest_block_height": earliest.to_string(),
            "earliest_block_time": oldest.header.time.to_rfc3339(),
            "catching_up": false
        },
        "validator_info": validator
    }))
}

async fn submit(engine: &DevEngine, tx: Vec<u8>) -> Result<TxResult, RpcError> {
    let engine = engine.clone();
    let submitted = tokio::task::spawn_blocking(move || engine.submit(tx))
        .await
        .map_err(|_| RpcError::internal("the check panicked"))??;
    match submitted {
        Submitted::Checked(result) => Ok(result),
        Submitted::Known => Err(RpcError::internal("tx already exists in cache")),
        Submitted::Full(why) => Err(RpcError::internal(why)),
    }
}

fn checked(hash: &str, result: &TxResult) -> Value {
    json!({
        "code": result.code,
        "data": hex::encode_upper(&result.data),
        "log": result.log,
        "codespace": result.codespace,
        "hash": hash,
    })
}

async fn broadcast_tx_commit(facade: &Facade, engine: &DevEngine, tx: Vec<u8>) -> Answer {
    let hash = tx_hash(&tx);
    let mut tips = engine.tip();
    let check = exec_tx_result(submit(engine, tx).await?);
    let answer = |result: Value, height: u64| {
        json!({
            "check_tx": shapes::tx_result(&check),
            "tx_result": result,
            "hash": hex::encode_upper(hash),
            "height": height.to_string(),
        })
    };
    if check.code != 0 {
        return Ok(answer(shapes::tx_result(&exec_tx_result(TxResult::default())), 0));
    }
    let committed = async {
        loop {
            let index = facade.index.clone();
            let found = tokio::task::spawn_blocking(move || index.get(&hash))
                .await
                .map_err(|_| RpcError::internal("the search panicked"))??;
            if let Some(found) = found {
                return Ok(answer(shapes::tx_result(&found.result), found.height));
            }
            if tips.changed().await.is_err() {
                return Err(RpcError::internal("the node stops"));
            }
        }
    };
    match tokio::time::timeout(COMMIT_WAIT, committed).await {
        Ok(answered) => answered,
        Err(_) => Err(RpcError::internal("timed out waiting for tx to be included in a block")),
    }
}
