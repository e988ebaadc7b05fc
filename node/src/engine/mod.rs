//! Consensus engines: what decides the blocks that the core executes.

pub mod cometbft;
pub mod dev;

use crate::api::ApiError;
use crate::core_thread::Core;
use cometbft::CometBft;
use dev::DevEngine;
use dev::mempool::Submitted;
use std::time::{Duration, Instant};
use tendermint::block::{self, signed_header::SignedHeader};
use tendermint::validator;

/// How long a proof waits for the header that carries the newest root.
const HEADER_WAIT: Duration = Duration::from_secs(2);
/// Between two looks at the newest header.
const HEADER_POLL: Duration = Duration::from_millis(5);

/// The engine that a node runs under.
#[derive(Clone)]
pub enum Engine {
    /// The embedded one.
    Dev(DevEngine),
    /// CometBFT, by its RPC if that is known.
    CometBft(Option<Box<CometBft>>),
}

impl Engine {
    /// `dev` or `cometbft`.
    pub fn name(&self) -> &'static str {
        match self {
            Engine::Dev(_) => "dev",
            Engine::CometBft(_) => "cometbft",
        }
    }

    /// Hands a transaction to the mempool; blocks for its check.
    pub fn submit(&self, tx: Vec<u8>) -> Result<Submitted, ApiError> {
        match self {
            Engine::Dev(engine) => Ok(engine.submit(tx)?),
            Engine::CometBft(comet) => Ok(match known(comet.as_deref())?.broadcast(&tx)? {
                Ok((code, codespace, log)) => Submitted::Checked(dadbs_app::TxResult {
                    code,
                    codespace,
                    log,
                    ..dadbs_app::TxResult::default()
                }),
                Err(refusal) if refusal.contains("already exists in cache") => Submitted::Known,
                Err(refusal) => Submitted::Full(refusal),
            }),
        }
    }

    /// The newest signed header and its validators.
    pub fn newest(&self) -> Result<(SignedHeader, validator::Set), ApiError> {
        match self {
            Engine::Dev(engine) => {
                let height = engine.tip().borrow().height;
                let block = engine.blocks().get(height)?;
                let block = block.ok_or_else(|| ApiError::unavailable("there is no block yet"))?;
                let signed = SignedHeader::new(block.header, block.commit)
                    .map_err(|error| ApiError::unavailable(format!("the header: {error}")))?;
                Ok((signed, engine.validators().clone()))
            }
            Engine::CometBft(comet) => {
                let comet = known(comet.as_deref())?;
                let signed = comet.newest()?;
                let validators = comet.validators(signed.header.height.value())?;
                Ok((signed, validators))
            }
        }
    }

    /// A block and its id, by default the newest.
    pub fn block(&self, height: Option<u64>) -> Result<(block::Id, tendermint::Block), ApiError> {
        match self {
            Engine::Dev(engine) => {
                let height = height.unwrap_or(engine.tip().borrow().height);
                let stored = engine.blocks().get(height)?;
                let stored = stored
                    .ok_or_else(|| ApiError::not_found(format!("there is no block {height}")))?;
                let last = Some(stored.last_commit).filter(|last| !last.signatures.is_empty());
                let evidence = tendermint::evidence::List::default();
                let block = tendermint::Block::new(stored.header, stored.txs, evidence, last);
                Ok((stored.id, block))
            }
            Engine::CometBft(comet) => Ok(known(comet.as_deref())?.block(height)?),
        }
    }

    /// The validators of a height.
    pub fn validators(&self, height: u64) -> Result<validator::Set, ApiError> {
        match self {
            Engine::Dev(engine) => Ok(engine.validators().clone()),
            Engine::CometBft(comet) => Ok(known(comet.as_deref())?.validators(height)?),
        }
    }

    /// CometBFT's status, or `None` under the embedded engine.
    pub fn comet_status(&self) -> Result<Option<serde_json::Value>, ApiError> {
        match self {
            Engine::Dev(_) => Ok(None),
            Engine::CometBft(comet) => Ok(Some(known(comet.as_deref())?.status()?)),
        }
    }

    /// As [`Engine::newest`]; waits a while for a header that carries the newest root.
    pub fn newest_root(&self, core: &Core) -> Result<(SignedHeader, validator::Set), ApiError> {
        let started = Instant::now();
        loop {
            let app_hash = core.info()?.app_hash;
            let newest = self.newest()?;
            let is_signed = newest.0.header.app_hash.as_bytes() == app_hash.as_slice();
            if is_signed || started.elapsed() > HEADER_WAIT {
                return Ok(newest);
            }
            std::thread::sleep(HEADER_POLL);
        }
    }
}

fn known(comet: Option<&CometBft>) -> Result<&CometBft, ApiError> {
    comet.ok_or_else(|| {
        ApiError::unavailable(
            "this node does not know CometBFT's RPC; start it with --cometbft-rpc",
        )
    })
}

impl From<cometbft::CometBftError> for ApiError {
    fn from(error: cometbft::CometBftError) -> ApiError {
        ApiError::unavailable(error.to_string())
    }
}
