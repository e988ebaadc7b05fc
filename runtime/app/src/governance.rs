//! Proposals at the end of a block.
//!
//! 1. What is due takes its step: an expiry, a result, an execution; at most `PROPOSALS_BLOCK_MAX` steps a block.
//! 2. Messages run in one transaction of the store, as the account of governance, with the gas limit of the
//!    largest transaction. What is refused, out of gas or panics leaves nothing, and the proposal has failed.
//! 3. Once executions have used `gov.block_gas`, no further one begins in this block.
//! 4. A step that is refused fails its proposal; the others go on.
//! 5. Votes whose time is over end before the block's transactions, which may move stake; for those that stand in
//!    line the electorate is kept.
//! 6. The seed of `random()` is a hash of height and number.

use crate::electorate::electorate;
use crate::execute::{BlockContext, seed};
use crate::messages;
use dadbs_modules::gov::{self, Proposal, Status};
use dadbs_modules::params::{self, Param};
use dadbs_modules::rent;
use dadbs_modules::votes;
use dadbs_types::limits::{PROPOSALS_BLOCK_MAX, TX_GAS_MAX};
use dadbs_types::{Event, Fatal, GasMeter, Rejection};

impl BlockContext<'_> {
    /// Rule 5.
    pub(crate) fn end_votes(&mut self) -> Result<(), Fatal> {
        let mut events = Vec::new();
        for proposal in gov::ended(self.store, self.info, PROPOSALS_BLOCK_MAX)? {
            self.steps += 1;
            self.step(&proposal, &mut events)?;
        }
        self.events.append(&mut events);
        let last = gov::last_ended(self.store, self.info)?;
        votes::keep_electorate(self.store, self.info.unix_ms(), last, electorate)
    }

    /// Moves proposals on and settles those that have ended.
    pub(crate) fn run_proposals(&mut self, events: &mut Vec<Event>) -> Result<(), Fatal> {
        let mut used = 0u64;
        while self.steps < PROPOSALS_BLOCK_MAX {
            let Some(proposal) = gov::next_due(self.store, self.info)? else { break };
            self.steps += 1;
            if proposal.status == Status::Queued {
                if used > 0 && used >= params::get(self.store, Param::GovBlockGas)? {
                    break;
                }
                used = used.saturating_add(self.execute_proposal(&proposal, events)?);
            } else {
                self.step(&proposal, events)?;
            }
        }
        gov::settle(self.store, events)
    }

    /// An expiry or a result (rule 4).
    fn step(&mut self, proposal: &Proposal, events: &mut Vec<Event>) -> Result<(), Fatal> {
        let seed = seed("proposal", self.info.height, proposal.id);
        let outcome = self.attempt(seed, events, |block, events| {
            if proposal.status == Status::Deposit {
                return Ok(gov::expire(block.store, events, proposal)?);
            }
            let electorate = electorate(block.store)?;
            Ok(gov::conclude(block.store, events, block.info, proposal, &electorate)?)
        })?;
        match outcome {
            Ok(()) => Ok(()),
            Err(rejection) => self.fail(proposal, &rejection, events),
        }
    }

    /// Rule 2; gives the gas that was used.
    fn execute_proposal(
        &mut self,
        proposal: &Proposal,
        events: &mut Vec<Event>,
    ) -> Result<u64, Fatal> {
        let seed = seed("proposal", self.info.height, proposal.id);
        let encoded = gov::messages(self.store, proposal.id)?;
        let mut gas = GasMeter::new(TX_GAS_MAX);
        let outcome = self.attempt(seed, events, |block, events| {
            let mut context = block.context(seed, &mut gas, events);
            messages::gov::execute(&mut context, &encoded)?;
            rent::check_writes(&mut context)?;
            Ok(gov::executed(context.store, context.events, proposal, context.gas.used())?)
        })?;
        if let Err(rejection) = outcome {
            self.fail(proposal, &rejection, events)?;
        }
        Ok(gas.used())
    }

    fn fail(
        &mut self,
        proposal: &Proposal,
        rejection: &Rejection,
        events: &mut Vec<Event>,
    ) -> Result<(), Fatal> {
        let reason = format!("{}: {}", rejection.code, rejection.agreed_text());
        self.keep_books(seed("proposal", self.info.height, proposal.id), |block| {
            Ok(gov::failed(block.store, events, proposal, &reason, &rejection.message)?)
        })
    }
}
