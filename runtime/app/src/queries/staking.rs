//! The queries of staking and slashing, as Cosmos has them.

use super::page::Page;
use super::{Reading, pack};
use crate::messages::{address, operator};
use dadbs_modules::bank;
use dadbs_modules::params::{self, Param};
use dadbs_modules::slashing::{self, Liveness};
use dadbs_modules::staking::{self, Delegation, Entry, Redelegation, Status, Unbonding, Validator};
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::crypto::ed25519::PubKey;
use dadbs_proto::cosmos::slashing::v1beta1 as slashing_wire;
use dadbs_proto::cosmos::staking::v1beta1::{
    self as wire, BondStatus, Commission, CommissionRates, DelegationResponse, Params, Pool,
    QueryDelegationRequest, QueryDelegationResponse, QueryDelegatorDelegationsRequest,
    QueryDelegatorDelegationsResponse, QueryDelegatorUnbondingDelegationsRequest,
    QueryDelegatorUnbondingDelegationsResponse, QueryDelegatorValidatorRequest,
    QueryDelegatorValidatorResponse, QueryDelegatorValidatorsRequest,
    QueryDelegatorValidatorsResponse, QueryParamsRequest, QueryParamsResponse, QueryPoolRequest,
    QueryPoolResponse, QueryRedelegationsRequest, QueryRedelegationsResponse,
    QueryUnbondingDelegationRequest, QueryUnbondingDelegationResponse,
    QueryValidatorDelegationsRequest, QueryValidatorDelegationsResponse, QueryValidatorRequest,
    QueryValidatorResponse, QueryValidatorUnbondingDelegationsRequest,
    QueryValidatorUnbondingDelegationsResponse, QueryValidatorsRequest, QueryValidatorsResponse,
    RedelegationEntry, RedelegationEntryResponse, RedelegationResponse, UnbondingDelegation,
    UnbondingDelegationEntry,
};
use dadbs_store::View;
use dadbs_types::coin::DENOM;
use dadbs_types::{
    AccountAddress, Code, ConsensusAddress, Error, OperatorAddress, Rejection, decimal,
};
use prost_types::{Duration, Timestamp};

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
fn at(seconds: u64) -> Option<Timestamp> {
    Some(Timestamp { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanos: 0 })
}

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
fn lasting(seconds: u64) -> Option<Duration> {
    Some(Duration { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanos: 0 })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
fn coin(amount: u64) -> Option<Coin> {
    Some(Coin { denom: DENOM.into(), amount: amount.to_string() })
}

fn bond_status(status: Status) -> BondStatus {
    match status {
        Status::Bonded => BondStatus::Bonded,
        Status::Unbonding => BondStatus::Unbonding,
        Status::Unbonded => BondStatus::Unbonded,
    }
}

fn named_status(name: &str) -> Result<Option<Status>, Rejection> {
    match BondStatus::from_str_name(name) {
        _ if name.is_empty() => Ok(None),
        Some(BondStatus::Unspecified) => Ok(None),
        Some(BondStatus::Bonded) => Ok(Some(Status::Bonded)),
        Some(BondStatus::Unbonding) => Ok(Some(Status::Unbonding)),
        Some(BondStatus::Unbonded) => Ok(Some(Status::Unbonded)),
        None => {
            let message = format!("\"{name}\" is no status: use BOND_STATUS_BONDED and the like");
            Err(Rejection::new(Code::InvalidRequest, message))
        }
    }
}

fn validator_of(validator: Validator) -> Result<wire::Validator, Error> {
    let commission = validator.commission;
    let description = validator.description.clone();
    Ok(wire::Validator {
        operator_address: validator.address().to_string(),
        consensus_pubkey: Some(pack(&PubKey { key: validator.consensus_key.to_vec() })?),
        jailed: validator.jailed,
        status: bond_status(validator.status).into(),
        tokens: validator.tokens.to_string(),
        delegator_shares: decimal::of_whole(validator.shares),
        description: Some(wire::Description {
            moniker: description.moniker,
            identity: description.identity,
            website: description.website,
            security_contact: description.security_contact,
            details: description.details,
        }),
        unbonding_height: signed(validator.unbonding_height),
        unbonding_time: at(validator.unbonding_time),
        commission: Some(Commission {
            commission_rates: Some(CommissionRates {
                rate: decimal::of_ppm(commission.ppm),
                max_rate: decimal::of_ppm(commission.max_ppm),
                max_change_rate: decimal::of_ppm(commission.max_change_ppm),
            }),
            update_time: at(commission.time),
        }),
        min_self_delegation: validator.min_self_delegation.to_string(),
        unbonding_on_hold_ref_count: 0,
        unbonding_ids: Vec::new(),
    })
}

pub(super) fn validators(
    reading: &mut Reading<'_>,
    request: QueryValidatorsRequest,
) -> Result<QueryValidatorsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let status = named_status(&request.status)?;
    let (offset, limit) = page.range();
    let found = staking::validators(&reading.view, status, offset, limit)?;
    let (found, pagination) = page.cut(found);
    let validators = found.into_iter().map(validator_of).collect::<Result<_, _>>()?;
    Ok(QueryValidatorsResponse { validators, pagination })
}

pub(super) fn validator(
    reading: &mut Reading<'_>,
    request: QueryValidatorRequest,
) -> Result<QueryValidatorResponse, Error> {
    let found = staking::require(&reading.view, operator(&request.validator_addr)?)?;
    Ok(QueryValidatorResponse { validator: Some(validator_of(found)?) })
}

fn delegation_of(view: &View, delegation: Delegation) -> Result<DelegationResponse, Error> {
    let validator = staking::require(view, delegation.operator)?;
    Ok(DelegationResponse {
        delegation: Some(wire::Delegation {
            delegator_address: delegation.delegator.to_string(),
            validator_address: validator.address().to_string(),
            shares: decimal::of_whole(delegation.shares),
        }),
        balance: coin(validator.pool().worth(delegation.shares)?),
    })
}

pub(super) fn validator_delegations(
    reading: &mut Reading<'_>,
    request: QueryValidatorDelegationsRequest,
) -> Result<QueryValidatorDelegationsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let operator = operator(&request.validator_addr)?;
    let found = staking::delegations_to_page(&reading.view, operator, page.range())?;
    let (found, pagination) = page.cut(found);
    let delegation_responses = found
        .into_iter()
        .map(|delegation| delegation_of(&reading.view, delegation))
        .collect::<Result<_, _>>()?;
    Ok(QueryValidatorDelegationsResponse { delegation_responses, pagination })
}

pub(super) fn delegator_delegations(
    reading: &mut Reading<'_>,
    request: QueryDelegatorDelegationsRequest,
) -> Result<QueryDelegatorDelegationsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let delegator = address(&request.delegator_addr)?;
    let found = staking::delegations_page(&reading.view, delegator, page.range())?;
    let (found, pagination) = page.cut(found);
    let delegation_responses = found
        .into_iter()
        .map(|delegation| delegation_of(&reading.view, delegation))
        .collect::<Result<_, _>>()?;
    Ok(QueryDelegatorDelegationsResponse { delegation_responses, pagination })
}

pub(super) fn delegation(
    reading: &mut Reading<'_>,
    request: QueryDelegationRequest,
) -> Result<QueryDelegationResponse, Error> {
    let (delegator, operator) =
        (address(&request.delegator_addr)?, operator(&request.validator_addr)?);
    let shares = staking::delegated_shares(&reading.view, delegator, operator)?;
    if shares == 0 {
        let message = format!("{delegator} delegates nothing to {}", request.validator_addr);
        return Err(Error::rejected(Code::NotFound, message));
    }
    let found = delegation_of(&reading.view, Delegation { delegator, operator, shares })?;
    Ok(QueryDelegationResponse { delegation_response: Some(found) })
}

fn unbonding_entry(unbonding: &Unbonding) -> UnbondingDelegationEntry {
    let Entry { creation_height, completion_time, initial_balance } = unbonding.entry;
    UnbondingDelegationEntry {
        creation_height: signed(creation_height),
        completion_time: at(completion_time),
        initial_balance: initial_balance.to_string(),
        balance: unbonding.balance.to_string(),
        unbonding_id: unbonding.id,
        unbonding_on_hold_ref_count: 0,
    }
}

/// One message for each delegator and validator, in the order of the entries.
fn unbondings_of(found: &[Unbonding]) -> Vec<UnbondingDelegation> {
    let same =
        |a: &Unbonding, b: &Unbonding| (a.delegator, a.operator) == (b.delegator, b.operator);
    found
        .chunk_by(same)
        .filter_map(|entries| {
            let first = entries.first()?;
            Some(UnbondingDelegation {
                delegator_address: first.delegator.to_string(),
                validator_address: OperatorAddress(first.operator).to_string(),
                entries: entries.iter().map(unbonding_entry).collect(),
            })
        })
        .collect()
}

pub(super) fn unbonding_delegation(
    reading: &mut Reading<'_>,
    request: QueryUnbondingDelegationRequest,
) -> Result<QueryUnbondingDelegationResponse, Error> {
    let (delegator, operator) =
        (address(&request.delegator_addr)?, operator(&request.validator_addr)?);
    let page = Page::of(None)?;
    let found = staking::unbondings_page(&reading.view, delegator, Some(operator), page.range())?;
    let unbond = unbondings_of(&found).into_iter().next().ok_or_else(|| {
        let message = format!("{delegator} withdraws nothing from {}", request.validator_addr);
        Rejection::new(Code::NotFound, message)
    })?;
    Ok(QueryUnbondingDelegationResponse { unbond: Some(unbond) })
}

pub(super) fn delegator_unbondings(
    reading: &mut Reading<'_>,
    request: QueryDelegatorUnbondingDelegationsRequest,
) -> Result<QueryDelegatorUnbondingDelegationsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let delegator = address(&request.delegator_addr)?;
    let found = staking::unbondings_page(&reading.view, delegator, None, page.range())?;
    let (found, pagination) = page.cut(found);
    let unbonding_responses = unbondings_of(&found);
    Ok(QueryDelegatorUnbondingDelegationsResponse { unbonding_responses, pagination })
}

pub(super) fn validator_unbondings(
    reading: &mut Reading<'_>,
    request: QueryValidatorUnbondingDelegationsRequest,
) -> Result<QueryValidatorUnbondingDelegationsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let operator = operator(&request.validator_addr)?;
    let found = staking::unbondings_from_page(&reading.view, operator, page.range())?;
    let (found, pagination) = page.cut(found);
    let unbonding_responses = unbondings_of(&found);
    Ok(QueryValidatorUnbondingDelegationsResponse { unbonding_responses, pagination })
}

fn redelegation_entry(
    view: &View,
    moved: &Redelegation,
) -> Result<RedelegationEntryResponse, Error> {
    let Entry { creation_height, completion_time, initial_balance } = moved.entry;
    let to = staking::validator(view, moved.to)?;
    let worth = match to {
        Some(to) if moved.shares <= to.shares => to.pool().worth(moved.shares)?,
        _ => 0,
    };
    Ok(RedelegationEntryResponse {
        redelegation_entry: Some(RedelegationEntry {
            creation_height: signed(creation_height),
            completion_time: at(completion_time),
            initial_balance: initial_balance.to_string(),
            shares_dst: decimal::of_whole(moved.shares),
            unbonding_id: moved.id,
            unbonding_on_hold_ref_count: 0,
        }),
        balance: worth.to_string(),
    })
}

pub(super) fn redelegations(
    reading: &mut Reading<'_>,
    request: QueryRedelegationsRequest,
) -> Result<QueryRedelegationsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let named = |text: &String| if text.is_empty() { Ok(None) } else { operator(text).map(Some) };
    let delegator = match request.delegator_addr.as_str() {
        "" => None,
        text => Some(address(text)?),
    };
    let ends = (named(&request.src_validator_addr)?, named(&request.dst_validator_addr)?);
    let found = staking::redelegations_page(&reading.view, delegator, ends, page.range())?;
    let (found, pagination) = page.cut(found);
    let same = |a: &Redelegation, b: &Redelegation| {
        (a.delegator, a.from, a.to) == (b.delegator, b.from, b.to)
    };
    let mut redelegation_responses = Vec::new();
    for entries in found.chunk_by(same) {
        let Some(first) = entries.first() else { continue };
        redelegation_responses.push(RedelegationResponse {
            redelegation: Some(wire::Redelegation {
                delegator_address: first.delegator.to_string(),
                validator_src_address: OperatorAddress(first.from).to_string(),
                validator_dst_address: OperatorAddress(first.to).to_string(),
                // As in Cosmos, the entries stand beside it.
                entries: Vec::new(),
            }),
            entries: entries
                .iter()
                .map(|entry| redelegation_entry(&reading.view, entry))
                .collect::<Result<_, _>>()?,
        });
    }
    Ok(QueryRedelegationsResponse { redelegation_responses, pagination })
}

pub(super) fn delegator_validators(
    reading: &mut Reading<'_>,
    request: QueryDelegatorValidatorsRequest,
) -> Result<QueryDelegatorValidatorsResponse, Error> {
    let page = Page::of(request.pagination)?;
    let delegator = address(&request.delegator_addr)?;
    let found = staking::delegations_page(&reading.view, delegator, page.range())?;
    let (found, pagination) = page.cut(found);
    let one = |delegation: &Delegation| {
        validator_of(staking::require(&reading.view, delegation.operator)?)
    };
    let validators = found.iter().map(one).collect::<Result<_, _>>()?;
    Ok(QueryDelegatorValidatorsResponse { validators, pagination })
}

pub(super) fn delegator_validator(
    reading: &mut Reading<'_>,
    request: QueryDelegatorValidatorRequest,
) -> Result<QueryDelegatorValidatorResponse, Error> {
    let (delegator_addr, validator_addr) = (request.delegator_addr, request.validator_addr);
    let asked = QueryDelegationRequest { delegator_addr, validator_addr: validator_addr.clone() };
    delegation(reading, asked)?;
    let found = validator(reading, QueryValidatorRequest { validator_addr })?;
    Ok(QueryDelegatorValidatorResponse { validator: found.validator })
}

pub(super) fn pool(
    reading: &mut Reading<'_>,
    _: QueryPoolRequest,
) -> Result<QueryPoolResponse, Error> {
    let held = |pool: AccountAddress| bank::balance(&reading.view, pool, DENOM);
    let pool = Pool {
        not_bonded_tokens: held(staking::not_bonded_pool())?.to_string(),
        bonded_tokens: held(staking::bonded_pool())?.to_string(),
    };
    Ok(QueryPoolResponse { pool: Some(pool) })
}

pub(super) fn staking_params(
    reading: &mut Reading<'_>,
    _: QueryParamsRequest,
) -> Result<QueryParamsResponse, Error> {
    let param = |param| params::get(&reading.view, param);
    let short = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(QueryParamsResponse {
        params: Some(Params {
            unbonding_time: lasting(param(Param::UnbondingTime)?),
            max_validators: short(param(Param::MaxValidators)?),
            max_entries: short(param(Param::MaxEntries)?),
            historical_entries: 0,
            bond_denom: DENOM.into(),
            min_commission_rate: decimal::of_ppm(param(Param::MinCommission)?),
        }),
    })
}

fn signing_info_of(
    view: &View,
    validator: &Validator,
) -> Result<slashing_wire::ValidatorSigningInfo, Error> {
    let height = view.height().saturating_sub(1);
    let Liveness { start_height, missed } = slashing::liveness(view, validator, height)?;
    Ok(slashing_wire::ValidatorSigningInfo {
        address: validator.consensus_address().to_string(),
        start_height: signed(start_height),
        index_offset: signed(height.saturating_sub(start_height)),
        jailed_until: at(validator.jailed_until),
        tombstoned: validator.tombstoned,
        missed_blocks_counter: signed(missed),
    })
}

pub(super) fn signing_info(
    reading: &mut Reading<'_>,
    request: slashing_wire::QuerySigningInfoRequest,
) -> Result<slashing_wire::QuerySigningInfoResponse, Error> {
    let ConsensusAddress(address) =
        request.cons_address.parse().map_err(|error: dadbs_types::address::AddressError| {
            Rejection::new(Code::InvalidAddress, error.0)
        })?;
    let found = staking::by_consensus_address(&reading.view, address)?.ok_or_else(|| {
        let message = format!("{} is no validator's", request.cons_address);
        Rejection::new(Code::NotFound, message)
    })?;
    let info = signing_info_of(&reading.view, &found)?;
    Ok(slashing_wire::QuerySigningInfoResponse { val_signing_info: Some(info) })
}

pub(super) fn signing_infos(
    reading: &mut Reading<'_>,
    request: slashing_wire::QuerySigningInfosRequest,
) -> Result<slashing_wire::QuerySigningInfosResponse, Error> {
    let page = Page::of(request.pagination)?;
    let (offset, limit) = page.range();
    let found = staking::validators(&reading.view, None, offset, limit)?;
    let (found, pagination) = page.cut(found);
    let one = |validator: &Validator| signing_info_of(&reading.view, validator);
    let info = found.iter().map(one).collect::<Result<_, _>>()?;
    Ok(slashing_wire::QuerySigningInfosResponse { info, pagination })
}

pub(super) fn slashing_params(
    reading: &mut Reading<'_>,
    _: slashing_wire::QueryParamsRequest,
) -> Result<slashing_wire::QueryParamsResponse, Error> {
    let param = |param| params::get(&reading.view, param);
    let fraction = |ppm: u64| decimal::of_ppm(ppm).into_bytes();
    Ok(slashing_wire::QueryParamsResponse {
        params: Some(slashing_wire::Params {
            signed_blocks_window: signed(param(Param::SignedBlocksWindow)?),
            min_signed_per_window: fraction(param(Param::MinSignedPerWindow)?),
            downtime_jail_duration: lasting(param(Param::DowntimeJailDuration)?),
            slash_fraction_double_sign: fraction(param(Param::SlashFractionDoubleSign)?),
            slash_fraction_downtime: fraction(param(Param::SlashFractionDowntime)?),
        }),
    })
}
