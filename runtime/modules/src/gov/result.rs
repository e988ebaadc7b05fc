//! Results, and what follows from them.

use super::proposal::{Kind, Proposal, Status, write, write_extra};
use super::settle::end;
use crate::context::Rows;
use crate::params::{self, PPM, Param};
use crate::votes::{self, Electorate, Tally};
use dadbs_store::Store;
use dadbs_types::{BlockInfo, Event, Fatal};

/// What a vote came to (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is executed.
    Passed,
    /// It is not.
    Rejected,
    /// It is not, and deposits burn.
    Vetoed,
}

/// What decides (rule 4), in millionths.
#[derive(Clone, Copy, Debug)]
pub struct Bar {
    /// Of all power, what must vote; ages add to neither.
    pub quorum: u64,
    /// Of the votes but abstentions, what more must be for it.
    pub threshold: u64,
    /// Of the votes, what more is a veto.
    pub veto: u64,
}

impl Bar {
    /// What decides on a proposal now.
    pub fn of(rows: &impl Rows, kind: Kind, expedited: bool) -> Result<Bar, Fatal> {
        let mut threshold = params::get(rows, kind.threshold())?;
        let mut quorum = params::get(rows, Param::GovQuorum)?;
        if expedited {
            threshold = threshold.max(params::get(rows, Param::GovExpeditedThreshold)?);
            quorum = params::get(rows, Param::GovExpeditedQuorum)?;
        }
        Ok(Bar { quorum, threshold, veto: params::get(rows, Param::GovVetoThreshold)? })
    }

    /// Rule 4, by multiplication across.
    pub fn verdict(self, tally: Tally) -> Verdict {
        let whole = u128::from(PPM);
        let turnout: u128 = tally.counts.into_iter().map(u128::from).sum();
        let has_quorum = turnout * whole >= u128::from(tally.electorate) * u128::from(self.quorum);
        let [yes, abstain, no, veto] = tally.weighted();
        let decided = yes + no + veto;
        let voted = decided + abstain;
        if voted == 0 || !has_quorum || decided == 0 {
            return Verdict::Rejected;
        }
        if veto * whole > voted * u128::from(self.veto) {
            return Verdict::Vetoed;
        }
        if yes * whole > decided * u128::from(self.threshold) {
            return Verdict::Passed;
        }
        Verdict::Rejected
    }
}

/// Ends a proposal that did not find its deposit (rule 1).
pub fn expire(
    store: &mut Store,
    events: &mut Vec<Event>,
    proposal: &Proposal,
) -> Result<(), Fatal> {
    let expired = Proposal { status: Status::Expired, ..proposal.clone() };
    end(store, proposal, &expired, 0)?;
    events.push(
        Event::new("inactive_proposal")
            .with("proposal_id", proposal.id)
            .with("proposal_result", "proposal_dropped"),
    );
    Ok(())
}

/// Ends a vote (rules 4 to 6).
pub fn conclude(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    proposal: &Proposal,
    electorate: &Electorate,
) -> Result<(), Fatal> {
    let tally = votes::tally(store, proposal.id, electorate)?;
    let bar = Bar::of(store, proposal.kind, proposal.expedited)?;
    let verdict = bar.verdict(tally);
    let [yes, abstain, no, veto] = tally.counts;
    let told = |result: &str| {
        let event = Event::new("proposal_result")
            .with("proposal_id", proposal.id)
            .with("proposal_result", result)
            .with("yes", yes)
            .with("abstain", abstain)
            .with("no", no)
            .with("veto", veto)
            .with("power", tally.electorate);
        if tally.extra == [0; 4] { event } else { event.with("age", format!("{:?}", tally.extra)) }
    };
    if proposal.expedited && verdict == Verdict::Rejected {
        let period = params::millis(store, Param::GovVotingPeriod)?;
        let voting_end = proposal.voting_start.saturating_add(period);
        let ordinary = Proposal { expedited: false, voting_end, ..proposal.clone() };
        write(store, Some(proposal), &ordinary)?;
        votes::extend(store, proposal.id, voting_end)?;
        events.push(told("expedited_proposal_rejected"));
        return Ok(());
    }
    let mut changed = Proposal { counts: tally.counts, ..proposal.clone() };
    if tally.extra != [0; 4] {
        write_extra(store, proposal.id, tally.extra)?;
    }
    match verdict {
        Verdict::Passed => {
            changed.status = Status::Queued;
            changed.eta = block.unix_ms();
            if changed.kind.is_locked() {
                let lock = params::millis(store, Param::GovTimelock)?;
                changed.eta = changed.eta.max(changed.voting_end.saturating_add(lock));
            }
            votes::close(store, changed.id)?;
            write(store, Some(proposal), &changed)?;
            events.push(told("proposal_passed").with("eta", changed.eta));
        }
        Verdict::Rejected => {
            changed.status = Status::Rejected;
            end(store, proposal, &changed, 0)?;
            events.push(told("proposal_rejected"));
        }
        Verdict::Vetoed => {
            changed.status = Status::Vetoed;
            end(store, proposal, &changed, PPM)?;
            events.push(told("proposal_vetoed"));
        }
    }
    Ok(())
}

/// Notes that the messages ran.
pub fn executed(
    store: &mut Store,
    events: &mut Vec<Event>,
    proposal: &Proposal,
    gas_used: u64,
) -> Result<(), Fatal> {
    let executed = Proposal { status: Status::Executed, ..proposal.clone() };
    end(store, proposal, &executed, 0)?;
    events.push(
        Event::new("proposal_executed").with("proposal_id", proposal.id).with("gas_used", gas_used),
    );
    Ok(())
}

/// Notes that a step failed, whose work was undone (rule 7). All nodes agree on `reason`; `log` is for people.
pub fn failed(
    store: &mut Store,
    events: &mut Vec<Event>,
    proposal: &Proposal,
    reason: &str,
    log: &str,
) -> Result<(), Fatal> {
    let failed =
        Proposal { status: Status::Failed, failed_reason: reason.into(), ..proposal.clone() };
    end(store, proposal, &failed, 0)?;
    events.push(
        Event::new("proposal_failed")
            .with("proposal_id", proposal.id)
            .with("reason", reason)
            .with("log", log),
    );
    Ok(())
}
