//! `dadbs.node.v1.Query`: what the node says of itself.

use super::{Api, ApiError};
use crate::convert::ns_of_time;
use crate::engine::Engine;
use dadbs_proto::dadbs::node::v1::{
    LimitsResponse, StatusResponse, TrustResponse, limits_response::Limit,
};
use dadbs_types::{gas, limits};

/// The price of one gas in udadb from that of a million, as a decimal.
fn gas_price(per_million: u64) -> String {
    let text = format!("{}.{:06}", per_million / 1_000_000, per_million % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

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
            min_gas_price: gas_price(params.min_fee_per_million_gas),
            gas_schedule: gas::SCHEDULE_VERSION,
        })
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

#[cfg(test)]
mod tests {
    use super::gas_price;

    #[test]
    fn gas_prices_have_no_trailing_zeros() {
        assert_eq!(gas_price(2_500), "0.0025");
        assert_eq!(gas_price(0), "0");
        assert_eq!(gas_price(1_000_000), "1");
        assert_eq!(gas_price(12_000_001), "12.000001");
    }
}
