//! Deposits of ended proposals (rules 8 to 10).

use super::escrow;
use super::proposal::{Proposal, Status, deposits, write};
use crate::context::{Table, integer};
use crate::{bank, params, votes};
use dadbs_store::Store;
use dadbs_types::limits::SETTLED_BLOCK_MAX;
use dadbs_types::{AccountAddress, Error, Event, Fatal, Value};

const SETTLEMENTS: Table = Table("chain.settlements");

/// Writes the end of a proposal and puts its deposits in line; `burn` millionths of them burn.
pub(super) fn end(
    store: &mut Store,
    before: &Proposal,
    ended: &Proposal,
    burn: u64,
) -> Result<(), Fatal> {
    if before.status == Status::Voting {
        votes::close(store, ended.id)?;
    }
    store.execute(
        "INSERT INTO chain_settlements (proposal, burn, after) VALUES (?1, ?2, '')",
        &[&integer(ended.id)?, &integer(burn)?],
    )?;
    write(store, Some(before), ended)
}

/// Pays deposits back and removes votes, a bounded number of rows (rule 9).
pub fn settle(store: &mut Store, events: &mut Vec<Event>) -> Result<(), Fatal> {
    let mut left = SETTLED_BLOCK_MAX;
    while left > 0 {
        let found = store.query(
            "SELECT proposal, burn, after FROM chain_settlements ORDER BY proposal LIMIT 1",
            &[],
        )?;
        let Some(row) = found.first() else { break };
        let (proposal, burn) = (SETTLEMENTS.count(row, 0)?, SETTLEMENTS.count(row, 1)?);
        let waiting = deposits(store, proposal, &SETTLEMENTS.text(row, 2)?, left)?;
        for (depositor, amount) in &waiting {
            events.push(repay(store, proposal, *depositor, *amount, burn)?);
            left -= 1;
        }
        match waiting.last() {
            Some((last, _)) if left == 0 => {
                store.execute(
                    "UPDATE chain_settlements SET after = ?2 WHERE proposal = ?1",
                    &[&integer(proposal)?, &Value::Text(last.to_string())],
                )?;
            }
            _ => {
                let settled = &[&integer(proposal)?];
                store.execute("DELETE FROM chain_settlements WHERE proposal = ?1", settled)?;
                left = left.saturating_sub(1);
            }
        }
    }
    votes::sweep(store, left)?;
    Ok(())
}

/// Pays one deposit back, or notes that it cannot (rule 10).
fn repay(
    store: &mut Store,
    proposal: u64,
    depositor: AccountAddress,
    amount: u64,
    burn: u64,
) -> Result<Event, Fatal> {
    let burned = params::part_up(amount, burn).min(amount);
    let event = Event::new("proposal_settled")
        .with("proposal_id", proposal)
        .with("depositor", depositor)
        .with("refunded", amount - burned)
        .with("burned", burned);
    store.savepoint()?;
    match move_deposit(store, proposal, depositor, amount, burned) {
        Ok(()) => {
            store.release()?;
            Ok(event)
        }
        Err(Error::Rejected(rejection)) => {
            store.rollback_to()?;
            Ok(event.with("failed", rejection))
        }
        Err(Error::Fatal(fatal)) => Err(fatal),
    }
}

fn move_deposit(
    store: &mut Store,
    proposal: u64,
    depositor: AccountAddress,
    amount: u64,
    burned: u64,
) -> Result<(), Error> {
    bank::burn(store, escrow(), burned)?;
    bank::deposit(store, escrow(), depositor, amount - burned)?;
    store.execute(
        "DELETE FROM chain_deposits WHERE proposal = ?1 AND depositor = ?2",
        &[&integer(proposal)?, &Value::Text(depositor.to_string())],
    )?;
    Ok(())
}
