//! The methods that are answered alike under every engine: from the index and from our own queries.
//!
//! 1. `tx`, `tx_search`, `block_results` and `block_search` come from the index; block events are not
//!    indexed, so `block_search` knows heights only.
//! 2. `abci_query` is answered here, not through the engine's one connection for queries.

use super::params::Params;
use super::{Facade, RpcError, Source, comet, dev, shapes};
use crate::index::{COUNT_MAX, Condition, PAGE_MAX, parse_query};
use serde_json::{Value, json};

/// The methods, beside those of the engine.
pub(super) const NAMES: &[&str] =
    &["abci_query", "block_results", "block_search", "tx", "tx_search"];

pub(super) type Answer = Result<Value, RpcError>;

pub(super) async fn call(facade: &Facade, method: &str, params: &Params) -> Answer {
    match method {
        "abci_query" => abci_query(facade, params).await,
        "block_results" => block_results(facade, params).await,
        "block_search" => block_search(facade, params).await,
        "tx" => {
            let hash = params.hash("hash", 0)?;
            on_a_thread(facade, move |facade| tx(facade, &hash)).await
        }
        "tx_search" => {
            let search = Search::parse(params, 2)?;
            on_a_thread(facade, move |facade| tx_search(facade, &search)).await
        }
        _ => engine(facade, method, params).await,
    }
}

/// A method as the engine answers it.
pub(super) async fn engine(facade: &Facade, method: &str, params: &Params) -> Answer {
    match &facade.source {
        Source::Dev(engine) => dev::call(facade, engine, method, params).await,
        Source::CometBft(comet) => comet::call(facade, comet, method, params).await,
    }
}

/// Runs what reads files on a thread of its own.
async fn on_a_thread(
    facade: &Facade,
    work: impl FnOnce(&Facade) -> Answer + Send + 'static,
) -> Answer {
    let facade = facade.clone();
    let answered = tokio::task::spawn_blocking(move || work(&facade));
    answered.await.map_err(|_| RpcError::internal("the call panicked"))?
}

fn tx(facade: &Facade, hash: &[u8]) -> Answer {
    match facade.index.get(hash)? {
        Some(found) => Ok(shapes::tx(&found)),
        None => Err(RpcError::internal(format!("tx ({}) not found", hex::encode_upper(hash)))),
    }
}

struct Search {
    conditions: Vec<Condition>,
    page: u64,
    per_page: u64,
    newest_first: bool,
}

impl Search {
    /// `paging` is the position of `page`.
    fn parse(params: &Params, paging: usize) -> Result<Search, RpcError> {
        let query = params.text("query", 0)?.unwrap_or_default();
        Ok(Search {
            conditions: parse_query(&query).map_err(RpcError::params)?,
            page: params.number("page", paging)?.unwrap_or(1),
            per_page: params.number("per_page", paging + 1)?.unwrap_or(30).clamp(1, PAGE_MAX),
            newest_first: params.text("order_by", paging + 2)?.as_deref() == Some("desc"),
        })
    }

    fn check_page(&self, total: u64) -> Result<(), RpcError> {
        let pages = total.min(COUNT_MAX).div_ceil(self.per_page).max(1);
        if self.page == 0 || self.page > pages {
            let page = self.page;
            let text = format!("page should be within [1, {pages}] range, given {page}");
            return Err(RpcError::internal(text));
        }
        Ok(())
    }
}

fn tx_search(facade: &Facade, search: &Search) -> Answer {
    let Search { conditions, page, per_page, newest_first } = search;
    let (found, total) = facade.index.search(conditions, *page, *per_page, *newest_first)?;
    search.check_page(total)?;
    let txs: Vec<Value> = found.iter().map(shapes::tx).collect();
    Ok(json!({ "txs": txs, "total_count": total.to_string() }))
}

async fn block_results(facade: &Facade, params: &Params) -> Answer {
    let newest = facade.index.height();
    let height = params.number("height", 0)?.filter(|height| *height != 0).unwrap_or(newest);
    let index = facade.index.clone();
    let found = tokio::task::spawn_blocking(move || index.outcome(height))
        .await
        .map_err(|_| RpcError::internal("the search panicked"))??;
    match (found, &facade.source) {
        (Some(outcome), _) => Ok(shapes::block_results(height, &outcome)),
        (None, Source::CometBft(comet)) => {
            comet::call(facade, comet, "block_results", params).await
        }
        (None, Source::Dev(_)) if height > newest => Err(RpcError::internal(format!(
            "height {height} must be less than or equal to the current blockchain height {newest}"
        ))),
        (None, Source::Dev(_)) => {
            Err(RpcError::internal(format!("there are no results of block {height}")))
        }
    }
}

/// Rule 1.
async fn block_search(facade: &Facade, params: &Params) -> Answer {
    let search = Search::parse(params, 1)?;
    let status = engine(facade, "status", &Params::default()).await?;
    let bound = |name: &str| {
        let height = status["sync_info"][name].as_str();
        height.and_then(|height| height.parse::<u64>().ok()).unwrap_or(0)
    };
    let (mut from, mut to) = (bound("earliest_block_height").max(1), bound("latest_block_height"));
    for condition in &search.conditions {
        let Condition::Height(least, most) = condition else {
            return Err(RpcError::params("blocks are found by block.height only"));
        };
        (from, to) = (from.max(*least), to.min(*most));
    }
    let total = (to + 1).saturating_sub(from);
    search.check_page(total)?;
    let skipped = (search.page - 1) * search.per_page;
    let mut blocks = Vec::new();
    for number in skipped..total.min(skipped + search.per_page) {
        let height = if search.newest_first { to - number } else { from + number };
        let params = Params::of_json(&json!({ "height": height.to_string() }));
        blocks.push(engine(facade, "block", &params).await?);
    }
    Ok(json!({ "blocks": blocks, "total_count": total.to_string() }))
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
                "height": facade.index.height().to_string(), "codespace": codespace
            })
        }
    };
    Ok(json!({ "response": response }))
}
