//! `dadbs.node.v1.Query`: what the node says of itself.

use super::{Api, ApiError};
use crate::convert::ns_of_time;
use crate::engine::Engine;
use dadbs_proto::dadbs::fees::v1::{BaseFeeRequest, BaseFeeResponse};
use dadbs_proto::dadbs::node::v1::{
    LimitsResponse, StatusResponse, TrustResponse, limits_response::Limit,
};
use dadbs_types::{gas, limits};
use prost::Message;

impl Api {
    pub(super) fn status(&self) -> Result<StatusResponse, ApiError> {
        let info = self.core.info()?;
        let params = self.params()?;
        // Without CometBFT's RPC the time is unknown; the rest is answered all the same.
        let time_ns = match &self.engine {
            Engine::Dev(engine) => engine.tip().borrow().time_ns,
            engine @ Engine::CometBft(_) => engine
                .newest()
                .ok()
                .and_then(|(signed, _)| ns_of_time(signed.header.time))
                .unwrap_or(0),
        };
        Ok(StatusResponse {
            chain_id: params.chain_id,
            height: info.height,
            app_hash: info.app_hash.to_vec(),
            time_ns,
            engine: self.engine.name().into(),
            version: env!("CARGO_PKG_VERSION").into(),
            min_gas_price: self.base_fee()?.suggested_gas_price,
            gas_schedule: gas::SCHEDULE_VERSION,
        })
    }

    /// The price of gas.
    pub(super) fn base_fee(&self) -> Result<BaseFeeResponse, ApiError> {
        let request = BaseFeeRequest {}.encode_to_vec();
        let (_, answer) = self.core.query("/dadbs.fees.v1.Query/BaseFee", &request)?;
        BaseFeeResponse::decode(&answer[..])
            .map_err(|_| ApiError::unavailable("the price of gas cannot be decoded"))
    }

    pub(super) fn limits() -> LimitsResponse {
        let limit = |(name, value, unit, meaning): &(&str, u64, &str, &str)| Limit {
            name: (*name).into(),
            value: *value,
            unit: (*unit).into(),
            meaning: (*meaning).into(),
        };
        LimitsResponse { limits: limits::TABLE.iter().map(limit).collect() }
    }

    pub(super) fn trust(&self) -> Result<TrustResponse, ApiError> {
        let (signed, validators) = self.engine.newest()?;
        Ok(TrustResponse {
            chain_id: self.params()?.chain_id,
            height: signed.header.height.value(),
            validators_hash: validators.hash().as_bytes().to_vec(),
        })
    }
}
