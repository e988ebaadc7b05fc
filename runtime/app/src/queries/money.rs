//! `cosmos.mint.v1beta1.Query` and `dadbs.fees.v1.Query`.
//!
//! 1. The suggested price is the price itself while it rests at its least, else a quarter more, since it may rise
//!    before the transaction's block.

use super::Reading;
use dadbs_modules::params::{self, Param};
use dadbs_modules::{fees, mint};
use dadbs_proto::cosmos::mint::v1beta1::{
    Params, QueryAnnualProvisionsRequest, QueryAnnualProvisionsResponse, QueryInflationRequest,
    QueryInflationResponse, QueryParamsRequest, QueryParamsResponse,
};
use dadbs_proto::dadbs::fees::v1::{BaseFeeRequest, BaseFeeResponse};
use dadbs_types::coin::DENOM;
use dadbs_types::{Error, decimal};

/// What Cosmos counts a year in; inflation here is by time, so it is the number of seconds.
const BLOCKS_PER_YEAR: u64 = 31_557_600;

/// The price of one gas in udadb from that of a million, as a decimal.
fn gas_price(per_million: u64) -> String {
    let text = format!("{}.{:06}", per_million / 1_000_000, per_million % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

pub(super) fn base_fee(
    reading: &mut Reading<'_>,
    _: BaseFeeRequest,
) -> Result<BaseFeeResponse, Error> {
    let height = reading.view.height().saturating_add(1);
    let price = fees::price(&reading.view, height)?;
    let least = params::get(&reading.view, Param::LeastGasPrice)?;
    let suggested = if price == least { price } else { price.saturating_add(price.div_ceil(4)) };
    Ok(BaseFeeResponse {
        height,
        gas_price: gas_price(price),
        least_gas_price: gas_price(least),
        suggested_gas_price: gas_price(suggested),
    })
}

pub(super) fn mint_params(
    reading: &mut Reading<'_>,
    _: QueryParamsRequest,
) -> Result<QueryParamsResponse, Error> {
    let fraction = |param| Ok::<_, Error>(decimal::of_ppm(params::get(&reading.view, param)?));
    let params = Params {
        mint_denom: DENOM.into(),
        inflation_rate_change: fraction(Param::InflationChange)?,
        inflation_max: fraction(Param::InflationMax)?,
        inflation_min: fraction(Param::InflationMin)?,
        goal_bonded: fraction(Param::GoalBonded)?,
        blocks_per_year: BLOCKS_PER_YEAR,
    };
    Ok(QueryParamsResponse { params: Some(params) })
}

pub(super) fn inflation(
    reading: &mut Reading<'_>,
    _: QueryInflationRequest,
) -> Result<QueryInflationResponse, Error> {
    // Parts of 10^-12 as parts of 10^-18.
    let inflation = u128::from(mint::minter(&reading.view)?.inflation) * 1_000_000;
    Ok(QueryInflationResponse { inflation: inflation.to_string().into_bytes() })
}

pub(super) fn annual_provisions(
    reading: &mut Reading<'_>,
    _: QueryAnnualProvisionsRequest,
) -> Result<QueryAnnualProvisionsResponse, Error> {
    let provisions = mint::annual_provisions(&reading.view)?;
    let annual_provisions = decimal::of_whole(provisions).into_bytes();
    Ok(QueryAnnualProvisionsResponse { annual_provisions })
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
