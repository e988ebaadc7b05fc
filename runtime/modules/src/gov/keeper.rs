//! What accounts do with proposals.

use super::escrow;
use super::proposal::{Kind, Proposal, Status, deposit_of, require, write};
use crate::context::integer;
use crate::params::{self, Param};
use crate::votes::{self, Stake, Vote};
use crate::{auth, bank};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::{
    PROPOSAL_METADATA_BYTES_MAX, PROPOSAL_SUMMARY_BYTES_MAX, PROPOSAL_TITLE_BYTES_MAX,
};
use dadbs_types::{AccountAddress, BlockInfo, Code, Error, Event, Fatal, Rejection, Value};

/// A proposal as it is made.
#[derive(Clone, Debug)]
pub struct Submission<'a> {
    /// Who makes it.
    pub proposer: AccountAddress,
    /// What it is about.
    pub kind: Kind,
    /// Its encoded messages, for [`super::messages`].
    pub messages: &'a [u8],
    /// The types of the messages, for the event.
    pub types: String,
    /// One line for people.
    pub title: &'a str,
    /// More for people.
    pub summary: &'a str,
    /// A text, such as an address.
    pub metadata: &'a str,
    /// True for the short period.
    pub expedited: bool,
    /// The first deposit, in the base denomination.
    pub deposit: u64,
}

fn least_deposit(store: &Store, expedited: bool) -> Result<u64, Fatal> {
    let param = if expedited { Param::GovExpeditedMinDeposit } else { Param::GovMinDeposit };
    params::get(store, param)
}

fn too_small(amount: u64, least: u64) -> Error {
    let message = format!("a deposit of {amount}{DENOM} is too small: at least {least}{DENOM}");
    Error::rejected(Code::DepositTooSmall, message)
}

fn check_text(name: &str, text: &str, most: usize, code: Code) -> Result<(), Rejection> {
    if text.len() <= most {
        return Ok(());
    }
    let message = format!("the {name} has {} bytes, the limit is {most}", text.len());
    Err(Rejection::new(code, message))
}

/// Makes a proposal; answers its number (rules 1 and 2).
pub fn submit(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    submission: &Submission<'_>,
) -> Result<u64, Error> {
    let &Submission { proposer, title, summary, metadata, expedited, .. } = submission;
    if title.is_empty() {
        return Err(Error::rejected(Code::InvalidProposal, "a proposal has a title"));
    }
    let code = Code::InvalidProposal;
    check_text("title", title, PROPOSAL_TITLE_BYTES_MAX, code)?;
    check_text("summary", summary, PROPOSAL_SUMMARY_BYTES_MAX, code)?;
    check_text("metadata", metadata, PROPOSAL_METADATA_BYTES_MAX, code)?;
    let ppm = params::get(store, Param::GovInitialDeposit)?;
    let least = params::part_up(least_deposit(store, expedited)?, ppm);
    if submission.deposit < least {
        return Err(too_small(submission.deposit, least));
    }
    let id = auth::next_number(store, "proposal")?;
    let submitted = block.unix_ms();
    let period = params::millis(store, Param::GovDepositPeriod)?;
    let proposal = Proposal {
        id,
        status: Status::Deposit,
        kind: submission.kind,
        proposer,
        title: title.into(),
        summary: summary.into(),
        metadata: metadata.into(),
        expedited,
        submitted,
        deposit_end: submitted.saturating_add(period),
        voting_start: 0,
        voting_end: 0,
        eta: 0,
        deposit: 0,
        counts: [0; 4],
        failed_reason: String::new(),
    };
    store.execute(
        "INSERT INTO chain_proposal_messages (proposal, messages) VALUES (?1, ?2)",
        &[&integer(id)?, &submission.messages.into()],
    )?;
    events.push(
        Event::new("submit_proposal")
            .with("proposal_id", id)
            .with("proposal_proposer", proposer)
            .with("proposal_messages", &submission.types),
    );
    write(store, None, &proposal)?;
    add_deposit(store, events, block, &proposal, proposer, submission.deposit)?;
    Ok(id)
}

/// Adds to the deposit of a proposal (rules 1 and 2).
pub fn deposit(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    id: u64,
    depositor: AccountAddress,
    amount: u64,
) -> Result<(), Error> {
    let proposal = require(store, id)?;
    let end = match proposal.status {
        Status::Deposit => proposal.deposit_end,
        Status::Voting => proposal.voting_end,
        _ => 0,
    };
    if block.unix_ms() >= end {
        return Err(inactive(&proposal, "deposits"));
    }
    let ppm = params::get(store, Param::GovDepositStep)?;
    let least = params::part_up(least_deposit(store, proposal.expedited)?, ppm).max(1);
    if amount < least {
        return Err(too_small(amount, least));
    }
    add_deposit(store, events, block, &proposal, depositor, amount)
}

fn inactive(proposal: &Proposal, what: &str) -> Error {
    let Proposal { id, status, .. } = proposal;
    let message = format!("proposal {id} takes no {what}: its status is {}", status.name());
    Error::rejected(Code::InactiveProposal, message)
}

fn add_deposit(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    proposal: &Proposal,
    depositor: AccountAddress,
    amount: u64,
) -> Result<(), Error> {
    let mut changed = proposal.clone();
    if amount > 0 {
        bank::deposit(store, depositor, escrow(), amount)?;
        // Both stay within the supply.
        let sum = deposit_of(store, proposal.id, depositor)?.saturating_add(amount);
        store.execute(
            "INSERT INTO chain_deposits (proposal, depositor, amount) VALUES (?1, ?2, ?3)
             ON CONFLICT (proposal, depositor) DO UPDATE SET amount = excluded.amount",
            &[&integer(proposal.id)?, &Value::Text(depositor.to_string()), &integer(sum)?],
        )?;
        changed.deposit = changed.deposit.saturating_add(amount);
        events.push(
            Event::new("proposal_deposit")
                .with("depositor", depositor)
                .with("amount", format!("{amount}{DENOM}"))
                .with("proposal_id", proposal.id),
        );
    }
    let least = least_deposit(store, proposal.expedited)?;
    if changed.status == Status::Deposit && changed.deposit >= least {
        let period = if changed.expedited {
            Param::GovExpeditedVotingPeriod
        } else {
            Param::GovVotingPeriod
        };
        changed.status = Status::Voting;
        changed.voting_start = block.unix_ms();
        changed.voting_end = changed.voting_start.saturating_add(params::millis(store, period)?);
        votes::open(store, changed.id, changed.voting_start, changed.voting_end)?;
        events.push(Event::new("proposal_deposit").with("voting_period_start", changed.id));
    }
    write(store, Some(proposal), &changed)?;
    Ok(())
}

/// Votes, or votes anew (rule 3).
pub fn vote(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    vote: &Vote,
    stake: &Stake,
) -> Result<(), Error> {
    let proposal = require(store, vote.ballot)?;
    if proposal.status != Status::Voting || block.unix_ms() >= proposal.voting_end {
        return Err(inactive(&proposal, "votes"));
    }
    let code = Code::InvalidVote;
    check_text("metadata", &vote.metadata, PROPOSAL_METADATA_BYTES_MAX, code)?;
    votes::cast(store, vote, stake)?;
    let option: Vec<String> = votes::OPTIONS
        .iter()
        .zip(vote.weights.parts())
        .filter(|(_, weight)| *weight > 0)
        .map(|(option, weight)| match weight {
            votes::WHOLE => (*option).to_owned(),
            weight => format!("{option}:0.{weight:018}"),
        })
        .collect();
    events.push(
        Event::new("proposal_vote")
            .with("voter", vote.voter)
            .with("option", option.join(","))
            .with("locked", vote.locked)
            .with("proposal_id", vote.ballot),
    );
    Ok(())
}

/// Takes a proposal back (rule 8).
pub fn cancel(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    id: u64,
    proposer: AccountAddress,
) -> Result<(), Error> {
    let proposal = require(store, id)?;
    if proposal.proposer != proposer {
        let message = format!("only {} may cancel proposal {id}", proposal.proposer);
        return Err(Error::rejected(Code::NotProposer, message));
    }
    let is_open = match proposal.status {
        Status::Deposit => true,
        Status::Voting => block.unix_ms() < proposal.voting_end,
        _ => false,
    };
    if !is_open {
        return Err(inactive(&proposal, "cancellation"));
    }
    let burn = params::get(store, Param::GovCancelBurn)?;
    let canceled = Proposal { status: Status::Canceled, ..proposal.clone() };
    super::settle::end(store, &proposal, &canceled, burn)?;
    events.push(Event::new("cancel_proposal").with("sender", proposer).with("proposal_id", id));
    Ok(())
}
