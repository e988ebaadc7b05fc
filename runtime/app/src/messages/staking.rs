//! The messages of staking and slashing.

use super::{address, any, coins};
use dadbs_modules::staking::{self, Commission, Create, Description, Edit};
use dadbs_modules::{Context, slashing};
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::cosmos::crypto::ed25519::PubKey;
use dadbs_proto::cosmos::slashing::v1beta1::MsgUnjailResponse;
use dadbs_proto::cosmos::staking::v1beta1 as wire;
use dadbs_proto::dadbs::staking::v1::{
    MsgAdmitOperator, MsgAdmitOperatorResponse, MsgRotateConsPubKey, MsgRotateConsPubKeyResponse,
};
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Amount, Code, Error, OperatorAddress, Rejection, decimal};
use prost::{Message, Name};
use prost_types::{Any, Timestamp};

/// What a text says to leave as it is.
const UNCHANGED: &str = "[do-not-modify]";

fn charge(context: &mut Context<'_>, rows: u64) -> Result<(), Error> {
    Ok(context.gas.charge_times(price::ROW_WRITE, rows)?)
}

/// The account of an operator's address.
pub(crate) fn operator(text: &str) -> Result<AccountAddress, Rejection> {
    let parsed: Result<OperatorAddress, _> = text.parse();
    parsed.map(|operator| operator.0).map_err(|error| Rejection::new(Code::InvalidAddress, error.0))
}

/// An amount of the base denomination.
fn amount(coin: Option<&WireCoin>) -> Result<u64, Rejection> {
    let named = coins(coin.map(std::slice::from_ref).unwrap_or_default())?;
    let refuse = |message: String| Err(Rejection::new(Code::InvalidCoins, message));
    match &named[..] {
        [coin] if coin.denom != DENOM => refuse(format!("stake is {DENOM}, not {}", coin.denom)),
        [coin] if coin.amount == Amount::ZERO => refuse("the amount is 0: name at least 1".into()),
        [coin] => match i64::try_from(coin.amount.0) {
            Ok(amount) => Ok(amount.unsigned_abs()),
            Err(_) => refuse(format!("{coin} is beyond 2^63 - 1")),
        },
        _ => refuse("no amount is named".into()),
    }
}

fn key(any: Option<&Any>) -> Result<[u8; 32], Rejection> {
    let refuse = |message: &str| Rejection::new(Code::InvalidPubKey, message);
    let any = any.ok_or_else(|| refuse("the consensus key is missing"))?;
    if any.type_url != PubKey::type_url() {
        return Err(refuse("a consensus key is a cosmos.crypto.ed25519.PubKey"));
    }
    let decoded = PubKey::decode(any.value.as_slice()).ok();
    let canonical = decoded.filter(|key| key.encode_to_vec() == any.value);
    canonical
        .and_then(|key| key.key.try_into().ok())
        .ok_or_else(|| refuse("an ed25519 key has 32 bytes"))
}

fn rate(text: &str) -> Result<u64, Rejection> {
    decimal::to_ppm(text).ok_or_else(|| {
        let message = format!(
            "\"{text}\" is not a rate: write it as a whole number of 10^-18, and not finer than 10^-6"
        );
        Rejection::new(Code::InvalidCommission, message)
    })
}

fn whole(text: &str) -> Result<u64, Rejection> {
    let number = Amount::parse(text).and_then(|amount| i64::try_from(amount.0).ok());
    number.map(i64::unsigned_abs).ok_or_else(|| {
        Rejection::new(Code::InvalidCoins, format!("\"{text}\" is not an amount of 0 to 2^63 - 1"))
    })
}

fn at(seconds: u64) -> Timestamp {
    Timestamp { seconds: i64::try_from(seconds).unwrap_or(i64::MAX), nanos: 0 }
}

fn described(wire: Option<wire::Description>) -> Description {
    let wire = wire.unwrap_or_default();
    Description {
        moniker: wire.moniker,
        identity: wire.identity,
        website: wire.website,
        security_contact: wire.security_contact,
        details: wire.details,
    }
}

pub(super) fn create_validator(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &wire::MsgCreateValidator,
) -> Result<Any, Error> {
    charge(context, 10)?;
    if !msg.delegator_address.is_empty() && address(&msg.delegator_address)? != sender {
        let message = "the operator delegates first: leave delegator_address empty";
        return Err(Error::rejected(Code::InvalidAddress, message));
    }
    let rates = msg.commission.clone().unwrap_or_default();
    let create = Create {
        operator: sender,
        consensus_key: key(msg.pubkey.as_ref())?,
        amount: amount(msg.value.as_ref())?,
        commission: Commission {
            ppm: rate(&rates.rate)?,
            max_ppm: rate(&rates.max_rate)?,
            max_change_ppm: rate(&rates.max_change_rate)?,
            time: 0,
        },
        min_self_delegation: whole(&msg.min_self_delegation)?,
        description: described(msg.description.clone()),
    };
    staking::create_validator(&mut context.writer(), create)?;
    any(&wire::MsgCreateValidatorResponse {})
}

pub(super) fn edit_validator(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &wire::MsgEditValidator,
) -> Result<Any, Error> {
    charge(context, 1)?;
    let before = staking::require(context.store, sender)?.description;
    let new = described(msg.description.clone());
    let chosen = |new: String, before: String| if new == UNCHANGED { before } else { new };
    let description = Description {
        moniker: chosen(new.moniker, before.moniker),
        identity: chosen(new.identity, before.identity),
        website: chosen(new.website, before.website),
        security_contact: chosen(new.security_contact, before.security_contact),
        details: chosen(new.details, before.details),
    };
    let named = |text: &String| !text.is_empty();
    let edit = Edit {
        operator: sender,
        description,
        commission_ppm: Some(&msg.commission_rate)
            .filter(|text| named(text))
            .map(|text| rate(text))
            .transpose()?,
        min_self_delegation: Some(&msg.min_self_delegation)
            .filter(|text| named(text))
            .map(|text| whole(text))
            .transpose()?,
    };
    staking::edit_validator(&mut context.writer(), edit)?;
    any(&wire::MsgEditValidatorResponse {})
}

pub(super) fn delegate(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &wire::MsgDelegate,
) -> Result<Any, Error> {
    charge(context, 4)?;
    let (operator, amount) = (operator(&msg.validator_address)?, amount(msg.amount.as_ref())?);
    staking::delegate(&mut context.writer(), sender, operator, amount)?;
    any(&wire::MsgDelegateResponse {})
}

pub(super) fn undelegate(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &wire::MsgUndelegate,
) -> Result<Any, Error> {
    // Two of them are written when it matures.
    charge(context, 8)?;
    let (operator, amount) = (operator(&msg.validator_address)?, amount(msg.amount.as_ref())?);
    let (time, tokens) = staking::undelegate(&mut context.writer(), sender, operator, amount)?;
    any(&wire::MsgUndelegateResponse {
        completion_time: Some(at(time)),
        amount: Some(WireCoin { denom: DENOM.into(), amount: tokens.to_string() }),
    })
}

pub(super) fn redelegate(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &wire::MsgBeginRedelegate,
) -> Result<Any, Error> {
    // One of them is written when it matures.
    charge(context, 9)?;
    let from = operator(&msg.validator_src_address)?;
    let to = operator(&msg.validator_dst_address)?;
    let amount = amount(msg.amount.as_ref())?;
    let time = staking::redelegate(&mut context.writer(), sender, (from, to), amount)?;
    any(&wire::MsgBeginRedelegateResponse { completion_time: Some(at(time)) })
}

pub(super) fn cancel_unbonding(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &wire::MsgCancelUnbondingDelegation,
) -> Result<Any, Error> {
    charge(context, 5)?;
    let (operator, amount) = (operator(&msg.validator_address)?, amount(msg.amount.as_ref())?);
    let height = u64::try_from(msg.creation_height)
        .map_err(|_| Rejection::new(Code::InvalidRequest, "the height is negative"))?;
    staking::cancel_unbonding(&mut context.writer(), sender, operator, height, amount)?;
    any(&wire::MsgCancelUnbondingDelegationResponse {})
}

pub(super) fn rotate_key(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &MsgRotateConsPubKey,
) -> Result<Any, Error> {
    charge(context, 4)?;
    let key = key(msg.new_pubkey.as_ref())?;
    staking::rotate_key(&mut context.writer(), sender, key)?;
    any(&MsgRotateConsPubKeyResponse {})
}

pub(super) fn admit(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &MsgAdmitOperator,
) -> Result<Any, Error> {
    charge(context, 1)?;
    if sender != AccountAddress::of_module("gov") {
        let message = "only governance admits operators: submit a proposal with this message";
        return Err(Error::rejected(Code::Unauthorized, message));
    }
    let operator = operator(&msg.validator_address)?;
    staking::admit(&mut context.writer(), operator, msg.admitted)?;
    any(&MsgAdmitOperatorResponse {})
}

pub(super) fn unjail(context: &mut Context<'_>, sender: AccountAddress) -> Result<Any, Error> {
    charge(context, 1)?;
    slashing::unjail(&mut context.writer(), sender)?;
    any(&MsgUnjailResponse {})
}
