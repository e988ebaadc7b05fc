//! The messages of staking and slashing.

use super::{address, any, coins, operator};
use dadbs_modules::staking::{self, Commission, Create, Description, Edit};
use dadbs_modules::{Context, Writer, slashing};
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::cosmos::crypto::ed25519::PubKey;
use dadbs_proto::cosmos::slashing::v1beta1::{MsgUnjail, MsgUnjailResponse};
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

messages! {
    /// A message of these modules.
    StakingMsg;
    /// Makes a validator.
    CreateValidator(wire::MsgCreateValidator) validator_address;
    /// Changes a validator.
    EditValidator(wire::MsgEditValidator) validator_address;
    /// Delegates stake.
    Delegate(wire::MsgDelegate) delegator_address;
    /// Withdraws stake.
    Undelegate(wire::MsgUndelegate) delegator_address;
    /// Moves stake to another validator.
    BeginRedelegate(wire::MsgBeginRedelegate) delegator_address;
    /// Delegates stake again that was withdrawn.
    CancelUnbonding(wire::MsgCancelUnbondingDelegation) delegator_address;
    /// Gives a validator another key.
    RotateConsPubKey(MsgRotateConsPubKey) validator_address;
    /// Admits an operator.
    AdmitOperator(MsgAdmitOperator) authority;
    /// Ends a validator's jail.
    Unjail(MsgUnjail) validator_addr;
}

impl StakingMsg {
    /// True if it is this account that must sign.
    pub(crate) fn is_signer(&self, account: AccountAddress) -> bool {
        match self {
            Self::CreateValidator(_)
            | Self::EditValidator(_)
            | Self::RotateConsPubKey(_)
            | Self::Unjail(_) => self.signer() == OperatorAddress(account).to_string(),
            _ => self.signer() == account.to_string(),
        }
    }

    /// The rows that it writes at most, with those that are written when it matures; a reward that is paid is four.
    fn rows(&self) -> u64 {
        match self {
            Self::EditValidator(_) | Self::AdmitOperator(_) | Self::Unjail(_) => 1,
            Self::RotateConsPubKey(_) => 4,
            Self::Delegate(_) => 8,
            Self::CancelUnbonding(_) => 9,
            Self::Undelegate(_) => 12,
            Self::CreateValidator(_) => 14,
            Self::BeginRedelegate(_) => 17,
        }
    }
}

/// Runs a message.
pub(super) fn run(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &StakingMsg,
) -> Result<Any, Error> {
    context.gas.charge_times(price::ROW_WRITE, msg.rows())?;
    let mut writer = context.writer();
    let answer = match msg {
        StakingMsg::CreateValidator(msg) => create_validator(&mut writer, sender, msg),
        StakingMsg::EditValidator(msg) => edit_validator(&mut writer, sender, msg),
        StakingMsg::Delegate(msg) => delegate(&mut writer, sender, msg),
        StakingMsg::Undelegate(msg) => undelegate(&mut writer, sender, msg),
        StakingMsg::BeginRedelegate(msg) => redelegate(&mut writer, sender, msg),
        StakingMsg::CancelUnbonding(msg) => cancel_unbonding(&mut writer, sender, msg),
        StakingMsg::RotateConsPubKey(msg) => rotate_key(&mut writer, sender, msg),
        StakingMsg::AdmitOperator(msg) => admit(&mut writer, sender, msg),
        StakingMsg::Unjail(_) => unjail(&mut writer, sender),
    }?;
    let rows = writer.rows;
    context.gas.charge_times(price::ROW_WRITE, rows)?;
    Ok(answer)
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

fn create_validator(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &wire::MsgCreateValidator,
) -> Result<Any, Error> {
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
    staking::create_validator(writer, create)?;
    any(&wire::MsgCreateValidatorResponse {})
}

fn edit_validator(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &wire::MsgEditValidator,
) -> Result<Any, Error> {
    let before = staking::require(writer.store, sender)?.description;
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
    staking::edit_validator(writer, edit)?;
    any(&wire::MsgEditValidatorResponse {})
}

fn delegate(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &wire::MsgDelegate,
) -> Result<Any, Error> {
    let (operator, amount) = (operator(&msg.validator_address)?, amount(msg.amount.as_ref())?);
    staking::delegate(writer, sender, operator, amount)?;
    any(&wire::MsgDelegateResponse {})
}

fn undelegate(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &wire::MsgUndelegate,
) -> Result<Any, Error> {
    let (operator, amount) = (operator(&msg.validator_address)?, amount(msg.amount.as_ref())?);
    let (time, tokens) = staking::undelegate(writer, sender, operator, amount)?;
    any(&wire::MsgUndelegateResponse {
        completion_time: Some(at(time)),
        amount: Some(WireCoin { denom: DENOM.into(), amount: tokens.to_string() }),
    })
}

fn redelegate(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &wire::MsgBeginRedelegate,
) -> Result<Any, Error> {
    let from = operator(&msg.validator_src_address)?;
    let to = operator(&msg.validator_dst_address)?;
    let amount = amount(msg.amount.as_ref())?;
    let time = staking::redelegate(writer, sender, (from, to), amount)?;
    any(&wire::MsgBeginRedelegateResponse { completion_time: Some(at(time)) })
}

fn cancel_unbonding(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &wire::MsgCancelUnbondingDelegation,
) -> Result<Any, Error> {
    let (operator, amount) = (operator(&msg.validator_address)?, amount(msg.amount.as_ref())?);
    let height = u64::try_from(msg.creation_height)
        .map_err(|_| Rejection::new(Code::InvalidRequest, "the height is negative"))?;
    staking::cancel_unbonding(writer, sender, operator, height, amount)?;
    any(&wire::MsgCancelUnbondingDelegationResponse {})
}

fn rotate_key(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &MsgRotateConsPubKey,
) -> Result<Any, Error> {
    let key = key(msg.new_pubkey.as_ref())?;
    staking::rotate_key(writer, sender, key)?;
    any(&MsgRotateConsPubKeyResponse {})
}

fn admit(
    writer: &mut Writer<'_>,
    sender: AccountAddress,
    msg: &MsgAdmitOperator,
) -> Result<Any, Error> {
    if sender != AccountAddress::of_module("gov") {
        let message = "only governance admits operators: submit a proposal with this message";
        return Err(Error::rejected(Code::Unauthorized, message));
    }
    let operator = operator(&msg.validator_address)?;
    staking::admit(writer, operator, msg.admitted)?;
    any(&MsgAdmitOperatorResponse {})
}

fn unjail(writer: &mut Writer<'_>, sender: AccountAddress) -> Result<Any, Error> {
    slashing::unjail(writer, sender)?;
    any(&MsgUnjailResponse {})
}
