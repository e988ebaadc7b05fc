//! `dadbs.node.v1.Query`: what the node says of itself.

use super::{Api, ApiError};
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
        let time_ns = self.engine.as_ref().map_or(0, |engine| engine.tip().borrow().time_ns);
        let engine = if self.engine.is_some() { "dev" } else { "cometbft" };
        Ok(StatusResponse {
            chain_id: params.chain_id,
            height: info.height,
            app_hash: info.app_hash.to_vec(),
            time_ns,
            engine: engine.into(),
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
        let engine = self.dev()?;
        let height = engine.tip().borrow().height;
        Ok(TrustResponse {
            chain_id: self.params()?.chain_id,
            height,
            validators_hash: engine.validators().hash().as_bytes().to_vec(),
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
