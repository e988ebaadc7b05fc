//! What proposals hold: messages, checked when the proposal is made, run when it has passed.
//!
//! 1. A message of a proposal is decoded as strictly as one of a transaction, and signed by the account of
//!    governance.
//! 2. [`kind_of`] lists what proposals may do; anything else is refused when the proposal is made.
//! 3. What can be checked without the state of the day of execution is checked then, too.
//! 4. Governance names the hashes of the old and the new code when it migrates a contract.

use super::{GovMsg, changes, consensus_changes, deposited, guardian, plan};
use crate::messages::distribution::DistributionMsg;
use crate::messages::faults::{self, FaultMsg};
use crate::messages::staking::StakingMsg;
use crate::messages::{any, run_one};
use crate::tx::{Msg, strict};
use dadbs_modules::gov::{Kind, Submission};
use dadbs_modules::{Context, circuit, gov, slashing, upgrade};
use dadbs_proto::cosmos::gov::v1::{MsgSubmitProposal, MsgSubmitProposalResponse};
use dadbs_types::gas::price;
use dadbs_types::limits::PROPOSAL_MESSAGES_MAX;
use dadbs_types::{AccountAddress, Code, Error, Rejection};
use prost::Message;
use prost_types::Any;

pub(super) fn submit(
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
        Msg::Gov(GovMsg::UpdateParams(_) | GovMsg::UpdateConsensus(_))
        | Msg::Staking(StakingMsg::AdmitOperator(_)) => Ok(Kind::Params),
        Msg::Fault(FaultMsg::Resolve(_)) => Ok(Kind::Fault),
        // An appeal needs no more than any question.
        Msg::Fault(FaultMsg::Cancel(_)) => Ok(Kind::Text),
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
        Msg::Gov(GovMsg::UpdateConsensus(msg)) => Ok(consensus_changes(msg).map(drop)?),
        Msg::Gov(GovMsg::SoftwareUpgrade(msg)) => {
            let plan = plan(msg.plan.as_ref())?;
            if plan.height <= context.block.height {
                let message = format!("height {} is past", plan.height);
                return Err(Error::rejected(Code::InvalidUpgrade, message));
            }
            upgrade::check(&plan)
        }
        Msg::Fault(FaultMsg::Resolve(msg)) => {
            slashing::check_attribution(&faults::attribution(msg)?)
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
            run_one(context, gov::authority(), &msg)
        });
        run.map_err(|error| numbered(index, error))?;
    }
    Ok(())
}
