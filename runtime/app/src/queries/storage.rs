//! The queries of storage rent.

use super::Reading;
use dadbs_modules::contract;
use dadbs_modules::params::{self, Param};
use dadbs_modules::rent::{self, State};
use dadbs_proto::dadbs::storage::v1::{
    PriceRequest, PriceResponse, StorageRequest, StorageResponse,
};
use dadbs_types::{Error, Fatal};

/// The time of the last block, seconds since 1970.
fn now(reading: &Reading<'_>) -> u64 {
    u64::try_from(reading.view.time_ms().div_euclid(1_000)).unwrap_or(0)
}

fn price_now(reading: &Reading<'_>) -> Result<rent::Price, Fatal> {
    rent::price(&reading.view, now(reading))
}

pub(super) fn storage(
    reading: &mut Reading<'_>,
    request: StorageRequest,
) -> Result<StorageResponse, Error> {
    let contract = contract::require(&reading.view, &request.contract)?;
    let price = price_now(reading)?;
    let Some(account) = rent::account(&reading.view, contract.id)? else {
        let state = State::Active.name().into();
        return Ok(StorageResponse { state, ..StorageResponse::default() });
    };
    let (balance, debt) = account.standing(&price);
    let state = account.state(&price);
    Ok(StorageResponse {
        bytes: account.bytes,
        balance,
        debt,
        state: state.name().into(),
        paid_until: account.paid_until(&price).filter(|_| state == State::Active),
        least: account.least(&price),
        frozen_from: account.frozen_from(&price).filter(|_| state == State::Grace),
    })
}

pub(super) fn price(reading: &mut Reading<'_>, _: PriceRequest) -> Result<PriceResponse, Error> {
    let price = price_now(reading)?.price;
    Ok(PriceResponse { price, grace: params::get(&reading.view, Param::StorageGrace)? })
}
