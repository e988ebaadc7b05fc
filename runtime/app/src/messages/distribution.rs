//! `cosmos.distribution.v1beta1`: rewards and the community pool.

use super::{address, any, coins, operator};
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
use dadbs_types::{AccountAddress, Code, Error, OperatorAddress};
use prost_types::Any;

messages! {
    /// A message of this module.
    DistributionMsg;
    /// Names where rewards go.
    SetWithdrawAddress(MsgSetWithdrawAddress) delegator_address;
    /// Pays a delegator's rewards.
    WithdrawRewards(MsgWithdrawDelegatorReward) delegator_address;
    /// Pays a validator's commission.
    WithdrawCommission(MsgWithdrawValidatorCommission) validator_address;
    /// Gives coins to the community pool.
    FundPool(MsgFundCommunityPool) depositor;
    /// Spends from the community pool.
    SpendPool(MsgCommunityPoolSpend) authority;
}

impl DistributionMsg {
    /// True if it is this account that must sign.
    pub(crate) fn is_signer(&self, account: AccountAddress) -> bool {
        match self {
            Self::WithdrawCommission(_) => self.signer() == OperatorAddress(account).to_string(),
            _ => self.signer() == account.to_string(),
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
