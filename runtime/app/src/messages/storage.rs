//! `dadbs.storage.v1`: prepaid storage rent.

use super::any;
use crate::tx::strict;
use dadbs_modules::{Context, contract, rent};
use dadbs_proto::dadbs::storage::v1::{
    MsgFundStorage, MsgFundStorageResponse, MsgWithdrawStorage, MsgWithdrawStorageResponse,
};
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Code, Error, Rejection};
use prost::Name;
use prost_types::Any;

/// A message about storage rent.
#[derive(Clone, Debug, PartialEq)]
pub enum StorageMsg {
    /// Prepays.
    Fund(MsgFundStorage),
    /// Takes back.
    Withdraw(MsgWithdrawStorage),
}

impl StorageMsg {
    /// Decodes a message; `None` if the type is another module's.
    pub(crate) fn decode(type_url: &str, bytes: &[u8]) -> Option<Result<Self, Rejection>> {
        Some(match type_url.strip_prefix("/dadbs.storage.v1.")? {
            "MsgFundStorage" => strict(bytes).map(Self::Fund),
            "MsgWithdrawStorage" => strict(bytes).map(Self::Withdraw),
            _ => return None,
        })
    }

    /// The account that must sign.
    pub fn signer(&self) -> &str {
        match self {
            Self::Fund(msg) => &msg.sender,
            Self::Withdraw(msg) => &msg.sender,
        }
    }

    /// The name that `message.action` events carry.
    pub fn type_url(&self) -> String {
        match self {
            Self::Fund(_) => MsgFundStorage::type_url(),
            Self::Withdraw(_) => MsgWithdrawStorage::type_url(),
        }
    }
}

/// Runs a message of `sender`.
pub(super) fn run(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &StorageMsg,
) -> Result<Any, Error> {
    // The contract's storage in two indexes, two balances, what was charged, and where that goes.
    context.gas.charge_times(price::ROW_WRITE, 7)?;
    match msg {
        StorageMsg::Fund(msg) => {
            let contract = contract::require(context.store, &msg.contract)?;
            rent::fund(context, sender, contract.id, msg.amount)?;
            any(&MsgFundStorageResponse {})
        }
        StorageMsg::Withdraw(msg) => {
            let contract = contract::require(context.store, &msg.contract)?;
            let owner = match contract.admin {
                Some(admin) => admin.to_string(),
                None => contract.creator,
            };
            if owner != sender.to_string() {
                let message = format!(
                    "{sender} may not withdraw storage rent of {}: {owner} may",
                    contract.name
                );
                return Err(Error::rejected(Code::NotAdmin, message));
            }
            rent::withdraw(context, sender, contract.id, msg.amount)?;
            any(&MsgWithdrawStorageResponse {})
        }
    }
}
