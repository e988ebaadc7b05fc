//! `cosmos.distribution.v1beta1.Query`.

use super::Reading;
use crate::messages::{address, operator};
use dadbs_modules::params::{self, Param};
use dadbs_modules::{bank, distribution, staking};
use dadbs_proto::cosmos::base::v1beta1::DecCoin;
use dadbs_proto::cosmos::distribution::v1beta1::{
    DelegationDelegatorReward, Params, QueryCommunityPoolRequest, QueryCommunityPoolResponse,
    QueryDelegationRewardsRequest, QueryDelegationRewardsResponse,
    QueryDelegationTotalRewardsRequest, QueryDelegationTotalRewardsResponse,
    QueryDelegatorValidatorsRequest, QueryDelegatorValidatorsResponse,
    QueryDelegatorWithdrawAddressRequest, QueryDelegatorWithdrawAddressResponse,
    QueryParamsRequest, QueryParamsResponse, QueryValidatorCommissionRequest,
    QueryValidatorCommissionResponse, QueryValidatorDistributionInfoRequest,
    QueryValidatorDistributionInfoResponse, QueryValidatorOutstandingRewardsRequest,
    QueryValidatorOutstandingRewardsResponse, ValidatorAccumulatedCommission,
    ValidatorOutstandingRewards,
};
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Error, OperatorAddress, decimal};

/// An amount of the base denomination.
fn whole(amount: u64) -> Vec<DecCoin> {
    coins(decimal::of_whole(amount), amount == 0)
}

/// An amount in parts of [`distribution::SCALE`], of which the wire has a tenth.
fn parts(parts: u128) -> Vec<DecCoin> {
    let amount = parts / 10;
    coins(amount.to_string(), amount == 0)
}

fn coins(amount: String, none: bool) -> Vec<DecCoin> {
    if none { Vec::new() } else { vec![DecCoin { denom: DENOM.into(), amount }] }
}

pub(super) fn params(
    reading: &mut Reading<'_>,
    _: QueryParamsRequest,
) -> Result<QueryParamsResponse, Error> {
    let tax = params::get(&reading.view, Param::CommunityTax)?;
    let params = Params {
        community_tax: decimal::of_ppm(tax),
        base_proposer_reward: decimal::of_ppm(0),
        bonus_proposer_reward: decimal::of_ppm(0),
        withdraw_addr_enabled: true,
    };
    Ok(QueryParamsResponse { params: Some(params) })
}

pub(super) fn validator_info(
    reading: &mut Reading<'_>,
    request: QueryValidatorDistributionInfoRequest,
) -> Result<QueryValidatorDistributionInfoResponse, Error> {
    let validator = operator(&request.validator_address)?;
    let commission = distribution::rewards(&reading.view, validator)?.commission;
    Ok(QueryValidatorDistributionInfoResponse {
        operator_address: validator.to_string(),
        self_bond_rewards: parts(pending(reading, validator, validator)?),
        commission: whole(commission),
    })
}

pub(super) fn outstanding(
    reading: &mut Reading<'_>,
    request: QueryValidatorOutstandingRewardsRequest,
) -> Result<QueryValidatorOutstandingRewardsResponse, Error> {
    let validator = operator(&request.validator_address)?;
    let rewards = distribution::rewards(&reading.view, validator)?;
    let all = rewards.outstanding.saturating_add(rewards.commission);
    let rewards = ValidatorOutstandingRewards { rewards: whole(all) };
    Ok(QueryValidatorOutstandingRewardsResponse { rewards: Some(rewards) })
}

pub(super) fn commission(
    reading: &mut Reading<'_>,
    request: QueryValidatorCommissionRequest,
) -> Result<QueryValidatorCommissionResponse, Error> {
    let validator = operator(&request.validator_address)?;
    let rewards = distribution::rewards(&reading.view, validator)?;
    let commission = ValidatorAccumulatedCommission { commission: whole(rewards.commission) };
    Ok(QueryValidatorCommissionResponse { commission: Some(commission) })
}

fn pending(
    reading: &Reading<'_>,
    validator: AccountAddress,
    delegator: AccountAddress,
) -> Result<u128, Error> {
    let shares = staking::delegated_shares(&reading.view, delegator, validator)?;
    Ok(distribution::pending(&reading.view, validator, delegator, shares)?)
}

pub(super) fn delegation_rewards(
    reading: &mut Reading<'_>,
    request: QueryDelegationRewardsRequest,
) -> Result<QueryDelegationRewardsResponse, Error> {
    let delegator = address(&request.delegator_address)?;
    let validator = operator(&request.validator_address)?;
    Ok(QueryDelegationRewardsResponse { rewards: parts(pending(reading, validator, delegator)?) })
}

pub(super) fn total_rewards(
    reading: &mut Reading<'_>,
    request: QueryDelegationTotalRewardsRequest,
) -> Result<QueryDelegationTotalRewardsResponse, Error> {
    let delegator = address(&request.delegator_address)?;
    let mut rewards = Vec::new();
    let mut total: u128 = 0;
    for (validator, held) in staking::delegations_of(&reading.view, delegator)? {
        let reward = distribution::pending(&reading.view, validator, delegator, held.shares)?;
        total = total.saturating_add(reward);
        rewards.push(DelegationDelegatorReward {
            validator_address: OperatorAddress(validator).to_string(),
            reward: parts(reward),
        });
    }
    Ok(QueryDelegationTotalRewardsResponse { rewards, total: parts(total) })
}

pub(super) fn delegator_validators(
    reading: &mut Reading<'_>,
    request: QueryDelegatorValidatorsRequest,
) -> Result<QueryDelegatorValidatorsResponse, Error> {
    let delegator = address(&request.delegator_address)?;
    let validators = staking::delegations_of(&reading.view, delegator)?
        .into_iter()
        .map(|(validator, _)| OperatorAddress(validator).to_string())
        .collect();
    Ok(QueryDelegatorValidatorsResponse { validators })
}

pub(super) fn withdraw_address(
    reading: &mut Reading<'_>,
    request: QueryDelegatorWithdrawAddressRequest,
) -> Result<QueryDelegatorWithdrawAddressResponse, Error> {
    let to = distribution::withdraw_address(&reading.view, address(&request.delegator_address)?)?;
    Ok(QueryDelegatorWithdrawAddressResponse { withdraw_address: to.to_string() })
}

pub(super) fn community_pool(
    reading: &mut Reading<'_>,
    _: QueryCommunityPoolRequest,
) -> Result<QueryCommunityPoolResponse, Error> {
    let held = bank::balance(&reading.view, distribution::community_pool(), DENOM)?;
    Ok(QueryCommunityPoolResponse { pool: whole(held) })
}
