//! Messages of governance: proposals and votes, and what only proposals may do.
//!
//! 1. A message of a proposal is decoded as strictly as one of a transaction, and signed by the account of
//!    governance.
//! 2. [`kind_of`] lists what proposals may do; anything else is refused when the proposal is made.
//! 3. What can be checked without the state of the day of execution is checked then, too.
//! 4. Governance names the hashes of the old and the new code when it migrates a contract.

use super::distribution::DistributionMsg;
use super::staking::StakingMsg;
use super::{address, any};
use crate::electorate;
use crate::tx::{Msg, strict};
use dadbs_modules::gov::{Kind, Submission};
use dadbs_modules::params::{self, Change, Param};
use dadbs_modules::votes::{Counts, Vote, WHOLE, Weights};
use dadbs_modules::{Context, circuit, fees, gov, upgrade};
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::gov::v1::{
    MsgCancelProposal, MsgCancelProposalResponse, MsgDeposit, MsgDepositResponse,
    MsgSubmitProposal, MsgSubmitProposalResponse, MsgVote, MsgVoteResponse, MsgVoteWeighted,
    MsgVoteWeightedResponse, WeightedVoteOption,
};
use dadbs_proto::cosmos::upgrade::v1beta1::{
    MsgCancelUpgrade, MsgCancelUpgradeResponse, MsgSoftwareUpgrade, MsgSoftwareUpgradeResponse,
    Plan,
};
use dadbs_proto::dadbs::circuit::v1::{
    MsgPause, MsgPauseResponse, MsgResume, MsgResumeResponse, MsgSetGuardian,
    MsgSetGuardianResponse,
};
use dadbs_proto::dadbs::gov::v1::{MsgLockedVote, MsgLockedVoteResponse};
use dadbs_proto::dadbs::params::v1::{MsgUpdateParams, MsgUpdateParamsResponse};
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price;
use dadbs_types::limits::{PARAM_CHANGES_MAX, PROPOSAL_MESSAGES_MAX};
use dadbs_types::{AccountAddress, Amount, Code, Error, Rejection};
use prost::{Message, Name};
use prost_types::{Any, Timestamp};

macro_rules! messages {
    ($($(#[$meaning:meta])* $variant:ident($type:ty) $signer:ident;)*) => {
        /// A message of governance.
        #[derive(Clone, Debug, PartialEq)]
        pub enum GovMsg { $($(#[$meaning])* $variant($type),)* }

        impl GovMsg {
            /// The message of a type; none if the type is another module's.
            pub(crate) fn decode(type_url: &str, bytes: &[u8]) -> Option<Result<GovMsg, Rejection>> {
                $(if type_url == <$type>::type_url() {
                    return Some(strict(bytes).map(GovMsg::$variant));
                })*
                None
            }

            /// The account that must sign.
            pub fn signer(&self) -> &str {
                match self { $(GovMsg::$variant(msg) => &msg.$signer,)* }
            }

            /// The type, as in the transaction.
            pub fn type_url(&self) -> String {
                match self { $(GovMsg::$variant(_) => <$type>::type_url(),)* }
            }
        }
    };
}

messages! {
    /// Makes a proposal.
    Submit(MsgSubmitProposal) proposer;
    /// Adds to its deposit.
    Deposit(MsgDeposit) depositor;
    /// Votes.
    Vote(MsgVote) voter;
    /// Votes with several options.
    VoteWeighted(MsgVoteWeighted) voter;
    /// Votes with coins that are locked.
    LockedVote(MsgLockedVote) voter;
    /// Takes a proposal back.
    Cancel(MsgCancelProposal) proposer;
    /// Changes parameters.
    UpdateParams(MsgUpdateParams) authority;
    /// Plans a software upgrade.
    SoftwareUpgrade(MsgSoftwareUpgrade) authority;
    /// Takes the plan back.
    CancelUpgrade(MsgCancelUpgrade) authority;
    /// Pauses something.
    Pause(MsgPause) authority;
    /// Ends a pause.
    Resume(MsgResume) authority;
    /// Names the guardian.
    SetGuardian(MsgSetGuardian) authority;
}

/// Runs a message of `sender`.
pub(super) fn run(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &GovMsg,
) -> Result<Any, Error> {
    match msg {
        GovMsg::Submit(msg) => submit(context, sender, msg),
        GovMsg::Deposit(msg) => {
            context.gas.charge_times(price::ROW_WRITE, 6)?;
            let amount = deposited(&msg.amount)?;
            let (store, events) = (&mut *context.store, &mut *context.events);
            gov::deposit(store, events, context.block, msg.proposal_id, sender, amount)?;
            any(&MsgDepositResponse {})
        }
        GovMsg::Vote(msg) => {
            let option = WeightedVoteOption { option: msg.option, weight: "1".into() };
            vote(context, sender, msg.proposal_id, &[option], 0, &msg.metadata)?;
            any(&MsgVoteResponse {})
        }
        GovMsg::VoteWeighted(msg) => {
            vote(context, sender, msg.proposal_id, &msg.options, 0, &msg.metadata)?;
            any(&MsgVoteWeightedResponse {})
        }
        GovMsg::LockedVote(msg) => {
            vote(context, sender, msg.proposal_id, &msg.options, msg.locked, &msg.metadata)?;
            any(&MsgLockedVoteResponse {})
        }
        GovMsg::Cancel(msg) => {
            context.gas.charge_times(price::ROW_WRITE, 4)?;
            let (store, events) = (&mut *context.store, &mut *context.events);
            gov::cancel(store, events, context.block, msg.proposal_id, sender)?;
            any(&MsgCancelProposalResponse {
                proposal_id: msg.proposal_id,
                canceled_time: Some(timestamp(context.block.time_ms())),
                canceled_height: context.block.height,
            })
        }
        GovMsg::Pause(msg) => {
            context.gas.charge(price::ROW_WRITE)?;
            let (store, events) = (&mut *context.store, &mut *context.events);
            circuit::pause(store, events, context.block, sender, &msg.scope, msg.seconds)?;
            any(&MsgPauseResponse {})
        }
        GovMsg::Resume(msg) => {
            context.gas.charge(price::ROW_WRITE)?;
            circuit::resume(context.store, context.events, sender, &msg.scope)?;
            any(&MsgResumeResponse {})
        }
        governed => {
            if sender != gov::authority() {
                let message = format!(
                    "{} is for governance alone: make a proposal with it",
                    governed.type_url()
                );
                return Err(Error::rejected(Code::Unauthorized, message));
            }
            run_governed(context, governed)
        }
    }
}

/// What only governance may do.
fn run_governed(context: &mut Context<'_>, msg: &GovMsg) -> Result<Any, Error> {
    let (store, events) = (&mut *context.store, &mut *context.events);
    match msg {
        GovMsg::UpdateParams(msg) => {
            let changes = changes(msg)?;
            context.gas.charge_times(price::ROW_WRITE, changes.len() as u64)?;
            if changes.iter().any(|change| change.param.definition().name.starts_with("fees.")) {
                fees::pin(store, context.block.height)?;
            }
            params::change(store, &changes)?;
            any(&MsgUpdateParamsResponse {})
        }
        GovMsg::SoftwareUpgrade(msg) => {
            context.gas.charge(price::ROW_WRITE)?;
            upgrade::schedule(store, events, context.block, &plan(msg.plan.as_ref())?)?;
            any(&MsgSoftwareUpgradeResponse {})
        }
        GovMsg::CancelUpgrade(_) => {
            context.gas.charge(price::ROW_WRITE)?;
            upgrade::cancel(store, events)?;
            any(&MsgCancelUpgradeResponse {})
        }
        GovMsg::SetGuardian(msg) => {
            context.gas.charge_times(price::ROW_WRITE, 2)?;
            circuit::set_guardian(store, guardian(msg)?)?;
            any(&MsgSetGuardianResponse {})
        }
        other => Err(Error::fatal(format!("{} is not for governance alone", other.type_url()))),
    }
}

/// Milliseconds since 1970 on the wire.
pub(crate) fn timestamp(ms: i64) -> Timestamp {
    let nanos = i32::try_from(ms.rem_euclid(1_000) * 1_000_000).unwrap_or(0);
    Timestamp { seconds: ms.div_euclid(1_000), nanos }
}

/// The one coin of a deposit, or none.
fn deposited(coins: &[Coin]) -> Result<u64, Rejection> {
    let amount = match coins {
        [] => Some(0),
        [coin] if coin.denom == DENOM => {
            Amount::parse(&coin.amount).and_then(|amount| i64::try_from(amount.0).ok())
        }
        _ => None,
    };
    amount.map(i64::unsigned_abs).ok_or_else(|| {
        let message = format!("a deposit is one amount of {DENOM}, below 2^63");
        Rejection::new(Code::InvalidCoins, message)
    })
}

fn submit(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &MsgSubmitProposal,
) -> Result<Any, Error> {
    context.gas.charge_times(price::ROW_WRITE, 10)?;
    context.gas.charge_times(price::ROW_WRITE_BYTE, msg.encoded_len() as u64)?;
    if msg.messages.len() > PROPOSAL_MESSAGES_MAX {
        let message = format!(
            "{} messages are over the limit of {PROPOSAL_MESSAGES_MAX}: make several proposals",
            msg.messages.len()
        );
        return Err(Error::rejected(Code::InvalidProposal, message));
    }
    let (mut kind, mut is_locked) = (Kind::Text, false);
    for (index, any) in msg.messages.iter().enumerate() {
        let checked = decode(any).and_then(|msg| {
            check(context, &msg)?;
            kind_of(&msg)
        });
        let one = checked.map_err(|error| numbered(index, error))?;
        (kind, is_locked) = (kind.max(one), is_locked || one.is_locked());
    }
    if is_locked && !kind.is_locked() {
        let message =
            "what waits for the timelock cannot go with what does not: make two proposals";
        return Err(Error::rejected(Code::InvalidProposal, message));
    }
    let types: Vec<&str> = msg.messages.iter().map(|any| any.type_url.as_str()).collect();
    let submission = Submission {
        proposer: sender,
        kind,
        messages: &encode(&msg.messages),
        types: types.join(","),
        title: &msg.title,
        summary: &msg.summary,
        metadata: &msg.metadata,
        expedited: msg.expedited,
        deposit: deposited(&msg.initial_deposit)?,
    };
    let (store, events) = (&mut *context.store, &mut *context.events);
    let proposal_id = gov::submit(store, events, context.block, &submission)?;
    any(&MsgSubmitProposalResponse { proposal_id })
}

/// Says which message of a proposal it was.
fn numbered(index: usize, error: Error) -> Error {
    match error {
        Error::Rejected(mut rejection) => {
            rejection.message = format!("message {index} of the proposal: {}", rejection.message);
            Error::Rejected(rejection)
        }
        Error::Fatal(fatal) => Error::Fatal(fatal),
    }
}

/// Messages as a proposal keeps them.
fn encode(messages: &[Any]) -> Vec<u8> {
    MsgSubmitProposal { messages: messages.to_vec(), ..MsgSubmitProposal::default() }
        .encode_to_vec()
}

/// The messages that a proposal keeps.
pub(crate) fn kept(bytes: &[u8]) -> Result<Vec<Any>, Rejection> {
    let kept: MsgSubmitProposal = strict(bytes)?;
    Ok(kept.messages)
}

/// Rule 1.
fn decode(any: &Any) -> Result<Msg, Error> {
    let msg = Msg::decode(&any.type_url, &any.value)?;
    let authority = gov::authority().to_string();
    if msg.signer() != authority {
        let message = format!(
            "{} is signed by \"{}\", a proposal's messages are signed by {authority}",
            msg.type_url(),
            msg.signer()
        );
        return Err(Error::rejected(Code::InvalidProposalMessage, message));
    }
    Ok(msg)
}

/// Rule 2.
fn kind_of(msg: &Msg) -> Result<Kind, Error> {
    match msg {
        Msg::Gov(GovMsg::UpdateParams(_)) | Msg::Staking(StakingMsg::AdmitOperator(_)) => {
            Ok(Kind::Params)
        }
        Msg::Distribution(DistributionMsg::SpendPool(_)) => Ok(Kind::Treasury),
        Msg::Gov(GovMsg::SoftwareUpgrade(_) | GovMsg::CancelUpgrade(_)) => Ok(Kind::Upgrade),
        Msg::Gov(GovMsg::Pause(_) | GovMsg::Resume(_) | GovMsg::SetGuardian(_)) => Ok(Kind::Pause),
        Msg::StoreCode(_)
        | Msg::Instantiate(_)
        | Msg::Migrate(_)
        | Msg::Execute(_)
        | Msg::SqlExec(_) => Ok(Kind::Code),
        other => {
            let message = format!("{} is not open to proposals", other.type_url());
            Err(Error::rejected(Code::InvalidProposalMessage, message))
        }
    }
}

/// Rules 3 and 4.
fn check(context: &Context<'_>, msg: &Msg) -> Result<(), Error> {
    match msg {
        Msg::Gov(GovMsg::UpdateParams(msg)) => changes(msg).map(drop),
        Msg::Gov(GovMsg::SoftwareUpgrade(msg)) => {
            let plan = plan(msg.plan.as_ref())?;
            if plan.height <= context.block.height {
                let message = format!("height {} is past", plan.height);
                return Err(Error::rejected(Code::InvalidUpgrade, message));
            }
            upgrade::check(&plan)
        }
        Msg::Gov(GovMsg::Pause(msg)) => circuit::check_scope(&msg.scope),
        Msg::Gov(GovMsg::Resume(msg)) => circuit::check_scope(&msg.scope),
        Msg::Gov(GovMsg::SetGuardian(msg)) => Ok(guardian(msg).map(drop)?),
        Msg::Migrate(msg) if msg.code_hash.len() != 32 || msg.replaces_hash.len() != 32 => {
            let message = "a migration names code_hash and replaces_hash, SHA-256 of the new and the old code";
            Err(Error::rejected(Code::InvalidProposalMessage, message))
        }
        _ => Ok(()),
    }
}

/// Runs the messages of a proposal, one after the other.
pub(crate) fn execute(context: &mut Context<'_>, messages: &[u8]) -> Result<(), Error> {
    for (index, any) in kept(messages)?.iter().enumerate() {
        let run = decode(any).and_then(|msg| {
            kind_of(&msg)?;
            super::run_one(context, gov::authority(), &msg)
        });
        run.map_err(|error| numbered(index, error))?;
    }
    Ok(())
}

fn changes(msg: &MsgUpdateParams) -> Result<Vec<Change>, Error> {
    if msg.changes.is_empty() || msg.changes.len() > PARAM_CHANGES_MAX {
        let message = format!("name 1 to {PARAM_CHANGES_MAX} changes");
        return Err(Error::rejected(Code::InvalidRequest, message));
    }
    let change = |change: &dadbs_proto::dadbs::params::v1::msg_update_params::Change| {
        let param = Param::named(&change.name)?;
        Ok(Change { param, value: param.bounded(change.value)?, replaces: change.replaces })
    };
    msg.changes.iter().map(change).collect()
}

fn plan(plan: Option<&Plan>) -> Result<upgrade::Plan, Error> {
    let refuse = |message| Error::rejected(Code::InvalidUpgrade, message);
    let plan = plan.ok_or_else(|| refuse("the plan is missing"))?;
    if plan.time.is_some() || plan.upgraded_client_state.is_some() {
        return Err(refuse("a plan has a height; time and upgraded_client_state are not offered"));
    }
    let height = u64::try_from(plan.height).map_err(|_| refuse("the height is negative"))?;
    Ok(upgrade::Plan { name: plan.name.clone(), height, info: plan.info.clone() })
}

fn guardian(msg: &MsgSetGuardian) -> Result<Option<AccountAddress>, Rejection> {
    if msg.guardian.is_empty() { Ok(None) } else { address(&msg.guardian).map(Some) }
}

/// A weight of 0 to 1 with at most 18 places, in 10^-18.
fn weight(text: &str) -> Option<u64> {
    let (whole, places) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(places) || whole.len() > 1 || places.len() > 18 {
        return None;
    }
    let places: u64 = format!("{places:0<18}").parse().ok()?;
    let weight = whole.parse::<u64>().ok()?.checked_mul(WHOLE)?.checked_add(places)?;
    (1..=WHOLE).contains(&weight).then_some(weight)
}

/// A weight on the wire.
pub(crate) fn weight_text(weight: u64) -> String {
    format!("{}.{:018}", weight / WHOLE, weight % WHOLE)
}

fn weights(options: &[WeightedVoteOption]) -> Result<Weights, Rejection> {
    let refuse = |message: String| Rejection::new(Code::InvalidVote, message);
    let mut weights: Counts = [0; 4];
    for WeightedVoteOption { option, weight: text } in options {
        let index = usize::try_from(*option).ok().and_then(|option| option.checked_sub(1));
        let slot = index.and_then(|index| weights.get_mut(index)).ok_or_else(|| {
            refuse(format!("{option} is no option: 1 yes, 2 abstain, 3 no, 4 no with veto"))
        })?;
        if *slot != 0 {
            return Err(refuse(format!("option {option} is named twice")));
        }
        *slot = weight(text).ok_or_else(|| {
            refuse(format!("\"{text}\" is no weight: above 0, at most 1, at most 18 places"))
        })?;
    }
    Weights::new(weights)
}

fn vote(
    context: &mut Context<'_>,
    voter: AccountAddress,
    ballot: u64,
    options: &[WeightedVoteOption],
    locked: u64,
    metadata: &str,
) -> Result<(), Error> {
    let weights = weights(options)?;
    if i64::try_from(locked).is_err() {
        let message = format!("{locked}{DENOM} are beyond 2^63 - 1");
        return Err(Error::rejected(Code::InvalidCoins, message));
    }
    let stake = electorate::stake_of(context.store, voter)?;
    let rows = (stake.delegations.len() as u64).saturating_add(3);
    context.gas.charge_times(price::ROW_WRITE, rows)?;
    let vote = Vote { ballot, voter, weights, locked, metadata: metadata.into() };
    gov::vote(context.store, context.events, context.block, &vote, &stake)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_exact() {
        assert_eq!(weight("1"), Some(WHOLE));
        assert_eq!(weight("1.000000000000000000"), Some(WHOLE));
        assert_eq!(weight("0.5"), Some(WHOLE / 2));
        assert_eq!(weight("0.000000000000000001"), Some(1));
        for bad in [
            "",
            ".",
            "0",
            "0.0",
            "1.1",
            "-1",
            "+1",
            "1e0",
            "01",
            ".5",
            "0.",
            "2",
            "0.0000000000000000001",
        ] {
            assert_eq!(weight(bad), None, "{bad}");
        }
        assert_eq!(weight_text(WHOLE), "1.000000000000000000");
        assert_eq!(weight_text(1), "0.000000000000000001");
    }

    #[test]
    fn options_sum_to_one_and_are_named_once() {
        let option = |option, weight: &str| WeightedVoteOption { option, weight: weight.into() };
        assert!(weights(&[option(1, "0.3"), option(4, "0.7")]).is_ok());
        for bad in [
            vec![],
            vec![option(0, "1")],
            vec![option(5, "1")],
            vec![option(-1, "1")],
            vec![option(1, "0.5")],
            vec![option(1, "0.5"), option(1, "0.5")],
            vec![option(1, "0.5"), option(2, "0.6")],
        ] {
            assert_eq!(weights(&bad).unwrap_err().code, Code::InvalidVote, "{bad:?}");
        }
    }
}
