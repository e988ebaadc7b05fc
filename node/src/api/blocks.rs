//! `cosmos.base.tendermint.v1beta1.Service` and blocks with their transactions.

use super::{Api, ApiError, decode};
use crate::convert::height_i64;
use crate::index::PAGE_MAX;
use dadbs_proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use dadbs_proto::cosmos::base::tendermint::v1beta1::{
    GetBlockByHeightRequest, GetBlockByHeightResponse, GetLatestBlockResponse,
    GetLatestValidatorSetRequest, GetLatestValidatorSetResponse, GetNodeInfoResponse,
    GetSyncingResponse, GetValidatorSetByHeightRequest, GetValidatorSetByHeightResponse, Validator,
    VersionInfo,
};
use dadbs_proto::cosmos::crypto::ed25519::PubKey;
use dadbs_proto::cosmos::tx::v1beta1::{GetBlockWithTxsRequest, GetBlockWithTxsResponse, Tx};
use dadbs_proto::tendermint::p2p::{DefaultNodeInfo, DefaultNodeInfoOther, ProtocolVersion};
use dadbs_proto::tendermint::types::{Block, BlockId};
use prost::Message;
use serde_json::Value;
use tendermint_proto::v0_38::types as pb;

/// A positive height.
fn height(height: i64) -> Result<u64, ApiError> {
    u64::try_from(height)
        .ok()
        .filter(|height| *height > 0)
        .ok_or_else(|| ApiError::invalid(format!("height {height} must be at least 1")))
}

/// The items of a page, by offset and limit, and how many there are.
fn page<T>(items: Vec<T>, asked: Option<PageRequest>) -> (Vec<T>, PageResponse) {
    let asked = asked.unwrap_or_default();
    let limit = if asked.limit == 0 { PAGE_MAX } else { asked.limit.min(PAGE_MAX) };
    let total = items.len() as u64;
    let bound = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let page = items.into_iter().skip(bound(asked.offset)).take(bound(limit)).collect();
    (page, PageResponse { next_key: Vec::new(), total })
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_string()
}

impl Api {
    fn block(&self, height: Option<u64>) -> Result<(BlockId, Block), ApiError> {
        let (id, block) = self.engine.block(height)?;
        let id = pb::BlockId::from(id).encode_to_vec();
        let block = pb::Block::from(block).encode_to_vec();
        Ok((decode(&id)?, decode(&block)?))
    }

    pub(super) fn latest_block(&self) -> Result<GetLatestBlockResponse, ApiError> {
        let (id, block) = self.block(None)?;
        Ok(GetLatestBlockResponse { block_id: Some(id), block: Some(block) })
    }

    pub(super) fn block_by_height(
        &self,
        request: GetBlockByHeightRequest,
    ) -> Result<GetBlockByHeightResponse, ApiError> {
        let (id, block) = self.block(Some(height(request.height)?))?;
        Ok(GetBlockByHeightResponse { block_id: Some(id), block: Some(block) })
    }

    pub(super) fn get_block_with_txs(
        &self,
        request: &GetBlockWithTxsRequest,
    ) -> Result<GetBlockWithTxsResponse, ApiError> {
        let (id, block) = self.block(Some(height(request.height)?))?;
        let txs = block.data.iter().flat_map(|data| &data.txs);
        // A block may hold bytes that are no transaction; they failed and show as an empty one.
        let txs = txs.map(|tx| Tx::decode(&tx[..]).unwrap_or_default()).collect();
        let (txs, pagination) = page(txs, request.pagination.clone());
        Ok(GetBlockWithTxsResponse {
            txs,
            block_id: Some(id),
            block: Some(block),
            pagination: Some(pagination),
        })
    }

    pub(super) fn syncing(&self) -> Result<GetSyncingResponse, ApiError> {
        let status = self.engine.comet_status()?;
        let syncing = status.is_some_and(|status| status["sync_info"]["catching_up"] != false);
        Ok(GetSyncingResponse { syncing })
    }

    pub(super) fn node_info(&self) -> Result<GetNodeInfoResponse, ApiError> {
        let node = match self.engine.comet_status()? {
            Some(mut status) => status["node_info"].take(),
            None => crate::rpc::dev_node_info(self.dev()?),
        };
        let number = |name: &str| text(&node["protocol_version"][name]).parse().unwrap_or(0);
        let info = DefaultNodeInfo {
            protocol_version: Some(ProtocolVersion {
                p2p: number("p2p"),
                block: number("block"),
                app: number("app"),
            }),
            default_node_id: text(&node["id"]),
            listen_addr: text(&node["listen_addr"]),
            network: text(&node["network"]),
            version: text(&node["version"]),
            channels: hex::decode(text(&node["channels"])).unwrap_or_default(),
            moniker: text(&node["moniker"]),
            other: Some(DefaultNodeInfoOther {
                tx_index: "on".into(),
                rpc_address: text(&node["other"]["rpc_address"]),
            }),
        };
        let version = VersionInfo {
            name: "dadbs".into(),
            app_name: "dadbs".into(),
            version: env!("CARGO_PKG_VERSION").into(),
        };
        Ok(GetNodeInfoResponse {
            default_node_info: Some(info),
            application_version: Some(version),
        })
    }

    fn validators(
        &self,
        height: u64,
        asked: Option<PageRequest>,
    ) -> Result<(Vec<Validator>, PageResponse), ApiError> {
        let set = self.engine.validators(height)?;
        let validator = |info: &tendermint::validator::Info| Validator {
            address: hex::encode_upper(info.address.as_bytes()),
            pub_key: Some(prost_types::Any {
                type_url: "/cosmos.crypto.ed25519.PubKey".into(),
                value: PubKey { key: info.pub_key.to_bytes() }.encode_to_vec(),
            }),
            voting_power: i64::try_from(info.power.value()).unwrap_or(i64::MAX),
            proposer_priority: info.proposer_priority.value(),
        };
        Ok(page(set.validators().iter().map(validator).collect(), asked))
    }

    pub(super) fn latest_validators(
        &self,
        request: GetLatestValidatorSetRequest,
    ) -> Result<GetLatestValidatorSetResponse, ApiError> {
        let height = self.engine.newest()?.0.header.height.value();
        let (validators, pagination) = self.validators(height, request.pagination)?;
        let block_height = height_i64(height);
        Ok(GetLatestValidatorSetResponse { block_height, validators, pagination: Some(pagination) })
    }

    pub(super) fn validators_by_height(
        &self,
        request: GetValidatorSetByHeightRequest,
    ) -> Result<GetValidatorSetByHeightResponse, ApiError> {
        let (validators, pagination) =
            self.validators(height(request.height)?, request.pagination)?;
        let block_height = request.height;
        Ok(GetValidatorSetByHeightResponse {
            block_height,
            validators,
            pagination: Some(pagination),
        })
    }
}
