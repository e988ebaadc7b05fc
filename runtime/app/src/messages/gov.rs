//! Messages of governance: proposals and votes, and what only proposals may do.

mod content;
mod vote;

use super::{address, any};
use content::submit;
use dadbs_modules::params::{self, Change, Param};
use dadbs_modules::{Context, circuit, consensus, fees, gov, rent, upgrade};
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::consensus::v1 as consensus_wire;
use dadbs_proto::cosmos::gov::v1::{
    MsgCancelProposal, MsgCancelProposalResponse, MsgDeposit, MsgDepositResponse,
    MsgSubmitProposal, MsgVote, MsgVoteResponse, MsgVoteWeighted, MsgVoteWeightedResponse,
    WeightedVoteOption,
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
use dadbs_types::limits::PARAM_CHANGES_MAX;
use dadbs_types::{AccountAddress, Amount, Code, Error, Rejection};
use prost_types::{Any, Timestamp};
use vote::vote;

pub(crate) use content::{execute, kept};
pub(crate) use vote::weight_text;

messages! {
    /// A message of governance.
    GovMsg;
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
    /// Changes what the consensus engine holds blocks to.
    UpdateConsensus(consensus_wire::MsgUpdateParams) authority;
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
            for Change { value, .. } in
                changes.iter().filter(|change| change.param == Param::StoragePrice)
            {
                rent::check_price(store, *value)?;
            }
            params::change(store, &changes)?;
            any(&MsgUpdateParamsResponse {})
        }
        GovMsg::UpdateConsensus(msg) => {
            let changes = consensus_changes(msg)?;
            context.gas.charge_times(price::ROW_WRITE, changes.len() as u64)?;
            consensus::change(store, &changes)?;
            any(&consensus_wire::MsgUpdateParamsResponse {})
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

fn consensus_changes(msg: &consensus_wire::MsgUpdateParams) -> Result<Vec<Change>, Rejection> {
    let refuse = |message| Rejection::new(Code::InvalidRequest, message);
    let (Some(block), Some(evidence), Some(validator)) =
        (&msg.block, &msg.evidence, &msg.validator)
    else {
        return Err(refuse(
            "name block, evidence and validator: the engine replaces each as a whole",
        ));
    };
    if msg.abci.is_some_and(|abci| abci.vote_extensions_enable_height != 0) {
        return Err(refuse("votes of this chain have no extensions"));
    }
    let age = evidence.max_age_duration.filter(|age| age.nanos == 0);
    let asked = consensus::Asked {
        block_bytes: block.max_bytes,
        block_gas: block.max_gas,
        evidence_blocks: evidence.max_age_num_blocks,
        evidence_age: age.map(|age| age.seconds),
        evidence_bytes: evidence.max_bytes,
        key_types: validator.pub_key_types.clone(),
    };
    asked.changes()
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
