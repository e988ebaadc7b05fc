//! Every query of the node under its full gRPC method name, protobuf bytes in and out.
//!
//! 1. gRPC and ABCI Query answer from this one table, so they answer alike.
//! 2. The table is the descriptor set: every method of every service that is not a `Msg`. What is not
//!    answered here is answered by the core.
//! 3. A failure is an [`ApiError`]: a gRPC code, a message, and the core's number where it has one.
//! 4. Calls block; servers run them on threads of their own and bound their number.

mod blocks;
mod dev;
mod error;
mod node;
mod sql;
mod tx;

pub use error::ApiError;

use crate::core_thread::Core;
use crate::engine::Engine;
use crate::engine::dev::DevEngine;
use crate::index::TxIndex;
use crate::metrics::Metrics;
use dadbs_app::ChainParams;
use dadbs_client::SecretKey;
use prost::Message;
use std::sync::{Arc, Mutex};

/// The parts that answer queries.
pub struct Api {
    core: Core,
    index: Arc<TxIndex>,
    engine: Engine,
    /// Locked while a faucet's transaction waits, so that sequences follow each other.
    faucet: Option<Mutex<SecretKey>>,
}

/// The height that was read, and the encoded answer.
pub type Answer = Result<(u64, Vec<u8>), ApiError>;

/// The paths that are served (rule 2), sorted.
pub fn paths() -> Vec<String> {
    let descriptors = prost_types::FileDescriptorSet::decode(dadbs_proto::FILE_DESCRIPTOR_SET);
    let mut paths = Vec::new();
    for file in descriptors.unwrap_or_default().file {
        for service in &file.service {
            if service.name() == "Msg" {
                continue;
            }
            for method in &service.method {
                paths.push(format!("/{}.{}/{}", file.package(), service.name(), method.name()));
            }
        }
    }
    paths.sort();
    paths
}

/// The services that are served, sorted: those of [`paths`].
pub fn services() -> Vec<String> {
    let mut services: Vec<String> = paths()
        .iter()
        .filter_map(|path| path.trim_start_matches('/').split('/').next().map(str::to_string))
        .collect();
    services.dedup();
    services
}

fn decode<Request: Message + Default>(bytes: &[u8]) -> Result<Request, ApiError> {
    Request::decode(bytes).map_err(|error| {
        ApiError::invalid(format!(
            "the request is not a {}: {error}",
            std::any::type_name::<Request>()
        ))
    })
}

impl Api {
    /// What the node tells Prometheus.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.core.metrics()
    }

    /// The parts of a node; the faucet is the dev engine's.
    pub fn new(core: Core, index: Arc<TxIndex>, engine: Engine, faucet: Option<SecretKey>) -> Api {
        Api { core, index, engine, faucet: faucet.map(Mutex::new) }
    }

    /// Answers one call (rule 4: blocks).
    pub fn call(&self, path: &str, request: &[u8]) -> Answer {
        match path {
            "/cosmos.tx.v1beta1.Service/Simulate" => self.answer(self.simulate(&decode(request)?)?),
            "/cosmos.tx.v1beta1.Service/BroadcastTx" => {
                self.answer(self.broadcast(decode(request)?)?)
            }
            "/cosmos.tx.v1beta1.Service/GetTx" => self.answer(self.get_tx(&decode(request)?)?),
            "/cosmos.tx.v1beta1.Service/GetTxsEvent" => {
                self.answer(self.get_txs_event(&decode(request)?)?)
            }
            "/cosmos.tx.v1beta1.Service/GetBlockWithTxs" => {
                self.answer(self.get_block_with_txs(&decode(request)?)?)
            }
            "/cosmos.base.tendermint.v1beta1.Service/GetNodeInfo" => self.answer(self.node_info()?),
            "/cosmos.base.tendermint.v1beta1.Service/GetSyncing" => self.answer(self.syncing()?),
            "/cosmos.base.tendermint.v1beta1.Service/GetLatestBlock" => {
                self.answer(self.latest_block()?)
            }
            "/cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight" => {
                self.answer(self.block_by_height(decode(request)?)?)
            }
            "/cosmos.base.tendermint.v1beta1.Service/GetLatestValidatorSet" => {
                self.answer(self.latest_validators(decode(request)?)?)
            }
            "/cosmos.base.tendermint.v1beta1.Service/GetValidatorSetByHeight" => {
                self.answer(self.validators_by_height(decode(request)?)?)
            }
            "/dadbs.sql.v1.Query/Explain" => self.answer(self.explain(decode(request)?)?),
            "/dadbs.sql.v1.Query/Prove" => self.answer(self.prove(decode(request)?)?),
            "/dadbs.node.v1.Query/Status" => self.answer(self.status()?),
            "/dadbs.node.v1.Query/Limits" => self.answer(Api::limits()),
            "/dadbs.node.v1.Query/Trust" => self.answer(self.trust()?),
            "/dadbs.dev.v1.Dev/Faucet" => self.answer(self.faucet(&decode(request)?)?),
            "/dadbs.dev.v1.Dev/AdvanceBlocks" => {
                self.answer(self.advance_blocks(decode(request)?)?)
            }
            "/dadbs.dev.v1.Dev/AdvanceTime" => self.answer(self.advance_time(decode(request)?)?),
            _ => Ok(self.core.query(path, request)?),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "answers are temporaries")]
    fn answer(&self, response: impl Message) -> Answer {
        let height = self.core.info()?.height;
        Ok((height, response.encode_to_vec()))
    }

    /// What genesis fixed for the chain.
    fn params(&self) -> Result<ChainParams, ApiError> {
        Ok(self.core.params()?)
    }

    /// The embedded engine, or why there is none.
    fn dev(&self) -> Result<&DevEngine, ApiError> {
        match &self.engine {
            Engine::Dev(engine) => Ok(engine),
            Engine::CometBft(_) => Err(ApiError::unavailable(
                "this node runs under CometBFT; only the embedded engine does this",
            )),
        }
    }
}
