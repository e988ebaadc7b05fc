//! Messages of staking, from the account with this number.

use crate::{Chain, consensus_key};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::crypto::ed25519::PubKey;
use dadbs_proto::cosmos::slashing::v1beta1::MsgUnjail;
use dadbs_proto::cosmos::staking::v1beta1::{
    CommissionRates, Description, MsgBeginRedelegate, MsgCancelUnbondingDelegation,
    MsgCreateValidator, MsgDelegate, MsgUndelegate,
};
use dadbs_proto::dadbs::staking::v1::MsgRotateConsPubKey;
use prost_types::Any;

/// 1 DADB.
pub const DADB: u64 = 1_000_000;

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
fn coin(amount: u64) -> Option<Coin> {
    Some(Coin { denom: "udadb".into(), amount: amount.to_string() })
}

#[expect(clippy::unnecessary_wraps, reason = "a field of the wire")]
fn key(key: [u8; 32]) -> Option<Any> {
    Some(any(&PubKey { key: key.to_vec() }))
}

/// A validator of the account, with [`consensus_key`] of `key_index`, 10 % commission.
pub fn create(chain: &Chain, index: u8, key_index: u8, amount: u64) -> Any {
    any(&MsgCreateValidator {
        description: Some(Description { moniker: format!("m{index}"), ..Description::default() }),
        commission: Some(CommissionRates {
            rate: "100000000000000000".into(),
            max_rate: "200000000000000000".into(),
            max_change_rate: "10000000000000000".into(),
        }),
        min_self_delegation: "1".into(),
        delegator_address: String::new(),
        validator_address: chain.operator(index).to_string(),
        pubkey: key(consensus_key(key_index)),
        value: coin(amount),
    })
}

/// Delegates to the validator of account `validator`.
pub fn delegate(chain: &Chain, index: u8, validator: u8, amount: u64) -> Any {
    any(&MsgDelegate {
        delegator_address: chain.address(index).to_string(),
        validator_address: chain.operator(validator).to_string(),
        amount: coin(amount),
    })
}

/// Withdraws stake.
pub fn undelegate(chain: &Chain, index: u8, validator: u8, amount: u64) -> Any {
    any(&MsgUndelegate {
        delegator_address: chain.address(index).to_string(),
        validator_address: chain.operator(validator).to_string(),
        amount: coin(amount),
    })
}

/// Moves stake.
pub fn redelegate(chain: &Chain, index: u8, from: u8, to: u8, amount: u64) -> Any {
    any(&MsgBeginRedelegate {
        delegator_address: chain.address(index).to_string(),
        validator_src_address: chain.operator(from).to_string(),
        validator_dst_address: chain.operator(to).to_string(),
        amount: coin(amount),
    })
}

/// Delegates again what was withdrawn at a height.
pub fn cancel(chain: &Chain, index: u8, validator: u8, height: u64, amount: u64) -> Any {
    any(&MsgCancelUnbondingDelegation {
        delegator_address: chain.address(index).to_string(),
        validator_address: chain.operator(validator).to_string(),
        amount: coin(amount),
        creation_height: height.cast_signed(),
    })
}

/// Gives the validator [`consensus_key`] of `key_index`.
pub fn rotate(chain: &Chain, index: u8, key_index: u8) -> Any {
    any(&MsgRotateConsPubKey {
        validator_address: chain.operator(index).to_string(),
        new_pubkey: key(consensus_key(key_index)),
    })
}

/// Ends a jail.
pub fn unjail(chain: &Chain, index: u8) -> Any {
    any(&MsgUnjail { validator_addr: chain.operator(index).to_string() })
}
