//! The methods of the facade.

use super::params::Params;
use super::{COMETBFT_VERSION, Facade, RpcError, shapes};
use crate::convert::{exec_tx_result, tx_hash};
use crate::engine::dev::Tip;
use crate::engine::dev::blocks::StoredBlock;
use crate::engine::dev::mempool::Submitted;
use crate::genesis_doc;
use crate::index::{Condition, PAGE_MAX, parse_query};
use dadbs_app::TxResult;
use serde_json::{Value, json};
use std::time::Duration;

/// How long `broadcast_tx_commit` waits for the block.
const COMMIT_WAIT: Duration = Duration::from_secs(10);
/// Blocks of one `blockchain` answer, as in CometBFT.
const BLOCKCHAIN_MAX: u64 = 20;
/// The methods that are served.
pub(super) const NAMES: &[&str] = &[
    "abci_info",
    "abci_query",
    "block",
    "block_by_hash",
    "block_results",
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
    "tx",
    "tx_search",
    "validators",
];

type Answer = Result<Value, RpcError>;

pub(super) async fn call(facade: &Facade, method: &str, params: &Params) -> Answer {
    match method {
        "abci_query" => abci_query(facade, params).await,
        "broadcast_tx_sync" => {
            let tx = params.bytes("tx", 0)?;
            let hash = hex::encode_upper(tx_hash(&tx));
            Ok(checked(&hash, &submit(facade, tx).await?))
        }
        "broadcast_tx_async" => {
            let tx = params.bytes("tx", 0)?;
            let hash = hex::encode_upper(tx_hash(&tx));
            // Whatever the check says, the answer is the hash.
            drop(submit(facade, tx).await);
            Ok(json!({ "code": 0, "data": "", "log": "", "codespace": "", "hash": hash }))
        }
        "broadcast_tx_commit" => broadcast_tx_commit(facade, params.bytes("tx", 0)?).await,
        "health" => Ok(json!({})),
        "net_info" => {
            Ok(json!({ "listening": false, "listeners": [], "n_peers": "0", "peers": [] }))
        }
        _ => {
            let query = Query::parse(method, params)?;
            let facade = facade.clone();
            let answered = tokio::task::spawn_blocking(move || query.answer(&facade));
            answered.await.map_err(|_| RpcError::internal("the call panicked"))?
        }
    }
}

/// A method that reads files: run on a thread of its own.
enum Query {
    AbciInfo,
    Block(Option<u64>),
    BlockByHash(Vec<u8>),
    BlockResults(Option<u64>),
    Blockchain(Option<u64>, Option<u64>),
    Commit(Option<u64>),
    ConsensusParams(Option<u64>),
    Genesis,
    Header(Option<u64>),
    Status,
    Tx(Vec<u8>),
    TxSearch { query: String, page: u64, per_page: u64, newest_first: bool },
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
            "block_results" => Query::BlockResults(height()?),
            "blockchain" => {
                Query::Blockchain(params.number("minHeight", 0)?, params.number("maxHeight", 1)?)
            }
            "commit" => Query::Commit(height()?),
            "consensus_params" => Query::ConsensusParams(height()?),
            "genesis" => Query::Genesis,
            "header" => Query::Header(height()?),
            "num_unconfirmed_txs" => Query::Unconfirmed,
            "status" => Query::Status,
            "tx" => Query::Tx(params.hash("hash", 0)?),
            "tx_search" => Query::TxSearch {
                query: params.text("query", 0)?.unwrap_or_default(),
                page: params.number("page", 2)?.unwrap_or(1),
                per_page: params.number("per_page", 3)?.unwrap_or(30),
                newest_first: params.text("order_by", 4)?.as_deref() == Some("desc"),
            },
            "validators" => Query::Validators(height()?),
            other => return Err(RpcError::no_method(other)),
        })
    }

    fn answer(self, facade: &Facade) -> Answer {
        match self {
            Query::AbciInfo => Ok(abci_info(facade)),
            Query::Block(height) => Ok(block(&stored(facade, height)?.1)),
            Query::BlockByHash(hash) => match facade.engine.blocks().height_of(&hash)? {
                Some(height) => Ok(block(&stored(facade, Some(height))?.1)),
                None => Ok(json!({ "block_id": shapes::block_id(None), "block": null })),
            },
            Query::BlockResults(height) => block_results(facade, height),
            Query::Blockchain(from, to) => blockchain(facade, from, to),
            Query::Commit(height) => {
                let (_, block) = stored(facade, height)?;
                let signed = json!({
                    "header": shapes::header(&block.header),
                    "commit": shapes::commit(&block.commit),
                });
                Ok(json!({ "signed_header": signed, "canonical": true }))
            }
            Query::ConsensusParams(height) => {
                let height = height.unwrap_or(tip(facade).height);
                let params = genesis_doc::consensus_params();
                Ok(json!({ "block_height": height.to_string(), "consensus_params": params }))
            }
            Query::Genesis => genesis(facade),
            Query::Header(height) => {
                Ok(json!({ "header": shapes::header(&stored(facade, height)?.1.header) }))
            }
            Query::Status => status(facade),
            Query::Tx(hash) => tx(facade, &hash),
            Query::TxSearch { query, page, per_page, newest_first } => {
                tx_search(facade, &query, page, per_page, newest_first)
            }
            Query::Unconfirmed => {
                let (txs, bytes) = facade.engine.waiting();
                Ok(json!({
                    "n_txs": txs.to_string(),
                    "total": txs.to_string(),
                    "total_bytes": bytes.to_string(),
                    "txs": null,
                }))
            }
            Query::Validators(height) => Ok(validators(facade, height)),
        }
    }
}

fn tip(facade: &Facade) -> Tip {
    facade.engine.tip().borrow().clone()
}

/// The block of a height, by default the newest.
fn stored(facade: &Facade, height: Option<u64>) -> Result<(u64, StoredBlock), RpcError> {
    let newest = tip(facade).height;
    let height = height.filter(|height| *height != 0).unwrap_or(newest);
    if height > newest {
        return Err(RpcError::internal(format!(
            "height {height} must be less than or equal to the current blockchain height {newest}"
        )));
    }
    let block = facade.engine.blocks().get(height)?;
    let block = block.ok_or_else(|| RpcError::internal(format!("there is no block {height}")))?;
    Ok((height, block))
}

fn block(block: &StoredBlock) -> Value {
    json!({ "block_id": shapes::block_id(Some(&block.id)), "block": shapes::block(block) })
}

fn block_results(facade: &Facade, height: Option<u64>) -> Answer {
    let (height, block) = stored(facade, height)?;
    let results = block.results.unwrap_or_default();
    let txs: Vec<Value> = results.tx_results.iter().map(shapes::tx_result).collect();
    Ok(json!({
        "height": height.to_string(),
        "txs_results": if txs.is_empty() { Value::Null } else { txs.into() },
        "finalize_block_events": shapes::events(&results.events),
        "validator_updates": null,
        "consensus_param_updates": null,
        "app_hash": shapes::base64(&results.app_hash),
    }))
}

fn blockchain(facade: &Facade, from: Option<u64>, to: Option<u64>) -> Answer {
    let newest = tip(facade).height;
    let oldest = facade.engine.blocks().oldest()?;
    let to = to.filter(|to| *to != 0).unwrap_or(newest).min(newest);
    let from = from.unwrap_or(oldest).max(oldest).max(to.saturating_sub(BLOCKCHAIN_MAX - 1));
    let mut metas = Vec::new();
    for height in (from..=to).rev() {
        metas.push(shapes::block_meta(&stored(facade, Some(height))?.1));
    }
    Ok(json!({ "last_height": newest.to_string(), "block_metas": metas }))
}

fn genesis(facade: &Facade) -> Answer {
    let validators: Value =
        facade.engine.validators().validators().iter().map(shapes::genesis_validator).collect();
    let document = genesis_doc::document(facade.engine.genesis(), &validators)
        .map_err(|error| RpcError::internal(error.to_string()))?;
    Ok(json!({ "genesis": document }))
}

fn validators(facade: &Facade, height: Option<u64>) -> Value {
    let height = height.filter(|height| *height != 0).unwrap_or(tip(facade).height);
    let validators: Vec<Value> =
        facade.engine.validators().validators().iter().map(shapes::validator).collect();
    let count = validators.len().to_string();
    json!({
        "block_height": height.to_string(),
        "validators": validators,
        "count": count,
        "total": count,
    })
}

fn abci_info(facade: &Facade) -> Value {
    let tip = tip(facade);
    json!({
        "response": {
            "data": "dadbs",
            "version": env!("CARGO_PKG_VERSION"),
            "last_block_height": tip.height.to_string(),
            "last_block_app_hash": shapes::base64(&tip.app_hash),
        }
    })
}

fn status(facade: &Facade) -> Answer {
    let (height, newest) = stored(facade, None)?;
    let earliest = facade.engine.blocks().oldest()?;
    let (_, oldest) = stored(facade, Some(earliest))?;
    let validators = facade.engine.validators().validators();
    let validator = validators.first().map(|info| {
        json!({
            "address": hex::encode_upper(info.address.as_bytes()),
            "pub_key": shapes::public_key(info),
            "voting_power": info.power.value().to_string(),
        })
    });
    let address =
        validators.first().map(|info| hex::encode(info.address.as_bytes())).unwrap_or_default();
    let upper = |bytes: &[u8]| hex::encode_upper(bytes);
    Ok(json!({
        "node_info": {
            "protocol_version": { "p2p": "8", "block": "11", "app": "0" },
            "id": address,
            "listen_addr": "tcp://127.0.0.1:26656",
            "network": facade.engine.genesis().chain_id,
            "version": COMETBFT_VERSION,
            "channels": "40202122233038606100",
            "moniker": "dadbs dev",
            "other": { "tx_index": "on", "rpc_address": "tcp://127.0.0.1:26657" }
        },
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

fn tx(facade: &Facade, hash: &[u8]) -> Answer {
    match facade.index.get(hash)? {
        Some(found) => Ok(shapes::tx(&found)),
        None => Err(RpcError::internal(format!("tx ({}) not found", hex::encode_upper(hash)))),
    }
}

fn tx_search(facade: &Facade, query: &str, page: u64, per_page: u64, newest_first: bool) -> Answer {
    let conditions: Vec<Condition> = parse_query(query).map_err(RpcError::params)?;
    let per_page = per_page.clamp(1, PAGE_MAX);
    let (found, total) = facade.index.search(&conditions, page, per_page, newest_first)?;
    let pages = total.div_ceil(per_page).max(1);
    if page == 0 || page > pages {
        let text = format!("page should be within [1, {pages}] range, given {page}");
        return Err(RpcError::internal(text));
    }
    let txs: Vec<Value> = found.iter().map(shapes::tx).collect();
    Ok(json!({ "txs": txs, "total_count": total.to_string() }))
}

async fn abci_query(facade: &Facade, params: &Params) -> Answer {
    let path = params.text("path", 0)?.unwrap_or_default();
    let data = params.hex("data", 1)?;
    let response = match facade.calls.call(&path, data).await {
        Ok((height, value)) => json!({
            "code": 0, "log": "", "info": "", "index": "0", "key": null,
            "value": shapes::base64(&value), "proofOps": null,
            "height": height.to_string(), "codespace": ""
        }),
        Err(error) => {
            let (code, codespace, log) = error.abci();
            json!({
                "code": code, "log": log, "info": "", "index": "0", "key": null,
                "value": null, "proofOps": null,
                "height": tip(facade).height.to_string(), "codespace": codespace
            })
        }
    };
    Ok(json!({ "response": response }))
}

async fn submit(facade: &Facade, tx: Vec<u8>) -> Result<TxResult, RpcError> {
    let engine = facade.engine.clone();
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

async fn broadcast_tx_commit(facade: &Facade, tx: Vec<u8>) -> Answer {
    let hash = tx_hash(&tx);
    let mut tips = facade.engine.tip();
    let check = exec_tx_result(submit(facade, tx).await?);
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
