//! `cosmos.feegrant.v1beta1` and `dadbs.fees.v1`: who pays fees for whom.
//!
//! 1. An allowance on the wire is basic or periodic, inside at most one list of messages and one list of
//!    contracts, in any order.
//! 2. Amounts are in the base denomination; no amount is no limit. Times are whole milliseconds, rounded down.
//! 3. A contract's allowance is granted by its admin and pays for calls of this contract only.

use super::{address, any, coins};
use crate::tx::{Msg, strict};
use dadbs_modules::feegrant::{self, Allowance, Period, Purpose};
use dadbs_modules::{Context, bank, contract};
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::cosmos::feegrant::v1beta1::{
    AllowedMsgAllowance, BasicAllowance, Grant, MsgGrantAllowance, MsgGrantAllowanceResponse,
    MsgRevokeAllowance, MsgRevokeAllowanceResponse, PeriodicAllowance,
};
use dadbs_proto::dadbs::fees::v1::{
    AllowedContractAllowance, MsgEndSponsorship, MsgEndSponsorshipResponse, MsgSponsorCalls,
    MsgSponsorCallsResponse,
};
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Code, Coin, Error, Rejection};
use prost::{Message, Name};
use prost_types::{Any, Duration, Timestamp};

messages! {
    /// A message of this module.
    FeeGrantMsg;
    /// Grants an allowance.
    Grant(MsgGrantAllowance) granter;
    /// Ends an allowance.
    Revoke(MsgRevokeAllowance) granter;
    /// Lets a contract pay for its calls.
    Sponsor(MsgSponsorCalls) sender;
    /// Ends that.
    EndSponsorship(MsgEndSponsorship) sender;
}

/// The messages of a transaction as an allowance sees them.
pub(crate) fn purposes(msgs: &[Msg]) -> Vec<Purpose<'_>> {
    msgs.iter()
        .map(|msg| {
            let contract = match msg {
                Msg::Execute(msg) => Some(msg.contract.as_str()),
                Msg::SqlExec(msg) => Some(msg.database.as_str()),
                _ => None,
            };
            Purpose { type_url: msg.type_url(), contract }
        })
        .collect()
}

/// Runs a message.
pub(super) fn run(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &FeeGrantMsg,
) -> Result<Any, Error> {
    // The allowance with its two indexes, and the grantee's account.
    context.gas.charge_times(price::ROW_WRITE, 3)?;
    let now = context.block.unix_ms();
    match msg {
        FeeGrantMsg::Grant(msg) => {
            let granted = decode(sender, Some(address(&msg.grantee)?), msg.allowance.as_ref())?;
            feegrant::grant(context.store, context.events, granted, now)?;
            any(&MsgGrantAllowanceResponse {})
        }
        FeeGrantMsg::Revoke(msg) => {
            let grantee = Some(address(&msg.grantee)?);
            feegrant::revoke(context.store, context.events, sender, grantee)?;
            any(&MsgRevokeAllowanceResponse {})
        }
        FeeGrantMsg::Sponsor(msg) => {
            let granter = administered(context, sender, &msg.contract)?;
            let grantee = grantee(&msg.grantee)?;
            let mut granted = decode(granter, grantee, msg.allowance.as_ref())?;
            granted.contracts = vec![msg.contract.clone()];
            feegrant::grant(context.store, context.events, granted, now)?;
            any(&MsgSponsorCallsResponse {})
        }
        FeeGrantMsg::EndSponsorship(msg) => {
            let granter = administered(context, sender, &msg.contract)?;
            let grantee = grantee(&msg.grantee)?;
            feegrant::revoke(context.store, context.events, granter, grantee)?;
            any(&MsgEndSponsorshipResponse {})
        }
    }
}

fn grantee(text: &str) -> Result<Option<AccountAddress>, Rejection> {
    if text.is_empty() { Ok(None) } else { address(text).map(Some) }
}

/// The address of a contract whose admin the sender is (rule 3).
fn administered(
    context: &Context<'_>,
    sender: AccountAddress,
    name: &str,
) -> Result<AccountAddress, Error> {
    let contract = contract::require(context.store, name)?;
    if contract.admin != Some(sender) {
        let message = format!("only the admin of {name} says whose calls it pays for");
        return Err(Error::rejected(Code::NotAdmin, message));
    }
    Ok(contract.address)
}

fn refuse(what: impl Into<String>) -> Rejection {
    Rejection::new(Code::InvalidFeeAllowance, what)
}

/// Rules 1 and 2.
fn decode(
    granter: AccountAddress,
    grantee: Option<AccountAddress>,
    wire: Option<&Any>,
) -> Result<Allowance, Error> {
    let mut allowance = Allowance {
        granter,
        grantee,
        limit: None,
        expires_ms: None,
        period: None,
        messages: Vec::new(),
        contracts: Vec::new(),
    };
    let mut inner = wire.cloned();
    loop {
        let Some(any) = inner else { return Err(refuse("the allowance is missing").into()) };
        match any.type_url.strip_prefix('/').unwrap_or_default() {
            "cosmos.feegrant.v1beta1.BasicAllowance" => {
                basic(&mut allowance, &strict(&any.value)?)?;
                return Ok(allowance);
            }
            "cosmos.feegrant.v1beta1.PeriodicAllowance" => {
                let periodic: PeriodicAllowance = strict(&any.value)?;
                basic(&mut allowance, &periodic.basic.unwrap_or_default())?;
                let limit = amount(&periodic.period_spend_limit)?;
                let limit = limit.ok_or_else(|| refuse("a period needs a limit"))?;
                let ms = periodic.period.as_ref().and_then(duration_ms);
                let ms = ms.ok_or_else(|| refuse("the period has no length"))?;
                allowance.period = Some(Period { ms, limit, left: limit, reset_ms: 0 });
                return Ok(allowance);
            }
            "cosmos.feegrant.v1beta1.AllowedMsgAllowance" if allowance.messages.is_empty() => {
                let allowed: AllowedMsgAllowance = strict(&any.value)?;
                allowance.messages = listed(allowed.allowed_messages)?;
                inner = allowed.allowance;
            }
            "dadbs.fees.v1.AllowedContractAllowance" if allowance.contracts.is_empty() => {
                let allowed: AllowedContractAllowance = strict(&any.value)?;
                allowance.contracts = listed(allowed.contracts)?;
                inner = allowed.allowance;
            }
            _ => {
                let message = format!("\"{}\" is no allowance here", any.type_url);
                return Err(refuse(message).into());
            }
        }
    }
}

fn listed(list: Vec<String>) -> Result<Vec<String>, Rejection> {
    if list.is_empty() { Err(refuse("a list without entries allows nothing")) } else { Ok(list) }
}

fn basic(allowance: &mut Allowance, wire: &BasicAllowance) -> Result<(), Error> {
    allowance.limit = amount(&wire.spend_limit)?;
    if let Some(expiration) = &wire.expiration {
        let ms = timestamp_ms(expiration);
        allowance.expires_ms = Some(ms.ok_or_else(|| refuse("the expiration is no time"))?);
    }
    Ok(())
}

fn amount(wire: &[WireCoin]) -> Result<Option<u64>, Error> {
    if wire.is_empty() {
        return Ok(None);
    }
    let coins = coins(wire)?;
    bank::check_coins(&coins)?;
    match &coins[..] {
        [Coin { denom, amount }] if denom == DENOM => {
            Ok(Some(u64::try_from(amount.0).unwrap_or(u64::MAX)))
        }
        _ => Err(refuse(format!("fees are paid in {DENOM}, and so are allowances")).into()),
    }
}

fn ms(seconds: i64, nanos: i32) -> Option<u64> {
    let nanos = u64::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000)?;
    let ms = u64::try_from(seconds).ok()?.checked_mul(1_000)?.checked_add(nanos / 1_000_000)?;
    i64::try_from(ms).is_ok().then_some(ms)
}

fn timestamp_ms(time: &Timestamp) -> Option<u64> {
    ms(time.seconds, time.nanos)
}

fn duration_ms(duration: &Duration) -> Option<u64> {
    ms(duration.seconds, duration.nanos)
}

/// An allowance on the wire: basic or periodic, inside its contracts, inside its messages.
pub(crate) fn encode(allowance: &Allowance) -> Grant {
    let udadb = |amount: u64| WireCoin { denom: DENOM.into(), amount: amount.to_string() };
    let seconds = |ms: u64| i64::try_from(ms / 1_000).unwrap_or(i64::MAX);
    let nanos = |ms: u64| i32::try_from(ms % 1_000 * 1_000_000).unwrap_or(0);
    let time = |ms: u64| Timestamp { seconds: seconds(ms), nanos: nanos(ms) };
    let basic = BasicAllowance {
        spend_limit: allowance.limit.map(udadb).into_iter().collect(),
        expiration: allowance.expires_ms.map(time),
    };
    let mut wire = match &allowance.period {
        None => pack(&basic),
        Some(period) => pack(&PeriodicAllowance {
            basic: Some(basic),
            period: Some(Duration { seconds: seconds(period.ms), nanos: nanos(period.ms) }),
            period_spend_limit: vec![udadb(period.limit)],
            period_can_spend: if period.left == 0 { Vec::new() } else { vec![udadb(period.left)] },
            period_reset: Some(time(period.reset_ms)),
        }),
    };
    if !allowance.contracts.is_empty() {
        let contracts = allowance.contracts.clone();
        wire = pack(&AllowedContractAllowance { allowance: Some(wire), contracts });
    }
    if !allowance.messages.is_empty() {
        let allowed_messages = allowance.messages.clone();
        wire = pack(&AllowedMsgAllowance { allowance: Some(wire), allowed_messages });
    }
    Grant {
        granter: allowance.granter.to_string(),
        grantee: allowance.grantee.map(|grantee| grantee.to_string()).unwrap_or_default(),
        allowance: Some(wire),
    }
}

fn pack<M: Message + Name>(message: &M) -> Any {
    Any { type_url: format!("/{}", M::full_name()), value: message.encode_to_vec() }
}
