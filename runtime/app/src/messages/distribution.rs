//! `cosmos.distribution.v1beta1`: rewards and the community pool.

use super::{address, any, coins, operator};
use crate::tx::strict;
use dadbs_modules::{Context, distribution, staking};
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::cosmos::distribution::v1beta1::{
    MsgCommunityPoolSpend, MsgCommunityPoolSpendResponse, MsgFundCommunityPool,
    MsgFundCommunityPoolResponse, MsgSetWithdrawAddress, MsgSetWithdrawAddressResponse,
    MsgWithdrawDelegatorReward, MsgWithdrawDelegatorRewardResponse, MsgWithdrawValidatorCommission,
    MsgWithdrawValidatorCommissionResponse,
};
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Code, Error, OperatorAddress, Rejection};
use prost::Name;
use prost_types::Any;

/// A message of this module.
#[derive(Clone, Debug, PartialEq)]
pub enum DistributionMsg {
    /// Names where rewards go.
    SetWithdrawAddress(MsgSetWithdrawAddress),
    /// Pays a delegator's rewards.
    WithdrawRewards(MsgWithdrawDelegatorReward),
    /// Pays a validator's commission.
    WithdrawCommission(MsgWithdrawValidatorCommission),
    /// Gives coins to the community pool.
    FundPool(MsgFundCommunityPool),
    /// Spends from the community pool.
    SpendPool(MsgCommunityPoolSpend),
}

impl DistributionMsg {
    /// Decodes a message; `None` if the type is another module's.
    pub(crate) fn decode(type_url: &str, bytes: &[u8]) -> Option<Result<Self, Rejection>> {
        let name = type_url.strip_prefix("/cosmos.distribution.v1beta1.")?;
        Some(match name {
            "MsgSetWithdrawAddress" => strict(bytes).map(Self::SetWithdrawAddress),
            "MsgWithdrawDelegatorReward" => strict(bytes).map(Self::WithdrawRewards),
            "MsgWithdrawValidatorCommission" => strict(bytes).map(Self::WithdrawCommission),
            "MsgFundCommunityPool" => strict(bytes).map(Self::FundPool),
            "MsgCommunityPoolSpend" => strict(bytes).map(Self::SpendPool),
            _ => return None,
        })
    }

    /// The account, or the operator's address, that must sign.
    pub fn signer(&self) -> &str {
        match self {
            Self::SetWithdrawAddress(msg) => &msg.delegator_address,
            Self::WithdrawRewards(msg) => &msg.delegator_address,
            Self::WithdrawCommission(msg) => &msg.validator_address,
            Self::FundPool(msg) => &msg.depositor,
            Self::SpendPool(msg) => &msg.authority,
        }
    }

    /// True if it is this account that must sign.
    pub(crate) fn is_signer(&self, account: AccountAddress) -> bool {
        match self {
            Self::WithdrawCommission(_) => self.signer() == OperatorAddress(account).to_string(),
            _ => self.signer() == account.to_string(),
        }
    }

    /// The name that `message.action` events carry.
    pub fn type_url(&self) -> String {
        match self {
            Self::SetWithdrawAddress(_) => MsgSetWithdrawAddress::type_url(),
            Self::WithdrawRewards(_) => MsgWithdrawDelegatorReward::type_url(),
            Self::WithdrawCommission(_) => MsgWithdrawValidatorCommission::type_url(),
            Self::FundPool(_) => MsgFundCommunityPool::type_url(),
            Self::SpendPool(_) => MsgCommunityPoolSpend::type_url(),
        }
    }

    /// The rows that it writes at most.
    fn rows(&self) -> u64 {
        match self {
            Self::SetWithdrawAddress(_) => 1,
            Self::FundPool(_) => 2,
            Self::SpendPool(_) => 3,
            Self::WithdrawCommission(_) => 4,
            Self::WithdrawRewards(_) => 5,
        }
    }
}

/// Runs a message.
pub(super) fn run(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &DistributionMsg,
) -> Result<Any, Error> {
    context.gas.charge_times(price::ROW_WRITE, msg.rows())?;
    let Context { store, events, .. } = context;
    match msg {
        DistributionMsg::SetWithdrawAddress(msg) => {
            let to = address(&msg.withdraw_address)?;
            distribution::set_withdraw_address(store, events, sender, to)?;
            any(&MsgSetWithdrawAddressResponse {})
        }
        DistributionMsg::WithdrawRewards(msg) => {
            let validator = operator(&msg.validator_address)?;
            let shares = staking::delegated_shares(&**store, sender, validator)?;
            let paid = distribution::withdraw_rewards(store, events, validator, sender, shares)?;
            any(&MsgWithdrawDelegatorRewardResponse { amount: udadb(paid) })
        }
        DistributionMsg::WithdrawCommission(_) => {
            let paid = distribution::withdraw_commission(store, events, sender)?;
            any(&MsgWithdrawValidatorCommissionResponse { amount: udadb(paid) })
        }
        DistributionMsg::FundPool(msg) => {
            distribution::fund_pool(store, events, sender, &coins(&msg.amount)?)?;
            any(&MsgFundCommunityPoolResponse {})
        }
        DistributionMsg::SpendPool(msg) => {
            if sender != AccountAddress::of_module("gov") {
                let message = "only governance spends from the community pool: propose it";
                return Err(Error::rejected(Code::Unauthorized, message));
            }
            let to = address(&msg.recipient)?;
            distribution::spend_pool(store, events, to, &coins(&msg.amount)?)?;
            any(&MsgCommunityPoolSpendResponse {})
        }
    }
}

fn udadb(amount: u64) -> Vec<WireCoin> {
    let coin = WireCoin { denom: DENOM.into(), amount: amount.to_string() };
    if amount == 0 { Vec::new() } else { vec![coin] }
}
