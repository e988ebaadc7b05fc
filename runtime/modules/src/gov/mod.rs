//! Proposals: deposits, votes, results, and what becomes of them at the end of blocks.
//!
//! State: `chain.proposals(id, status, kind, ...)`, `chain.proposal_messages(proposal, messages)`,
//! `chain.proposal_queue(due, proposal)`, `chain.deposits(proposal, depositor, amount)`,
//! `chain.settlements(proposal, burn, after)`; `chain.proposal_ages(proposal, yes, abstain, no, veto)`, what the age of
//! stake has added to a result, where it has; times are milliseconds since 1970. The votes are those of
//! [`crate::votes`]. The application decodes and runs the messages, which are bytes here.
//!
//! Messages: `cosmos.gov.v1.{MsgSubmitProposal, MsgDeposit, MsgVote, MsgVoteWeighted, MsgCancelProposal}` and
//! `dadbs.gov.v1.MsgLockedVote`.
//!
//! Events: `submit_proposal`, `proposal_deposit`, `proposal_vote`, `cancel_proposal` as Cosmos indexers know them;
//! `proposal_result(proposal_id, proposal_result, yes, abstain, no, veto, power)`, with `age` where it adds votes,
//! `proposal_executed(proposal_id, gas_used)`, `proposal_failed(proposal_id, reason, log)`,
//! `proposal_settled(proposal_id, depositor, refunded, burned)`.
//!
//! Invariant: the escrow holds the sum of all deposits.
//!
//! 1. A proposal waits for its deposit; with `min_deposit` it is voted on, for `voting_period`; an expedited
//!    one has a larger deposit and a shorter period. Without its deposit in time it has expired.
//! 2. A deposit is at least `deposit_step` of `min_deposit`, the first one `initial_deposit` of it; deposits are in
//!    the base denomination and held by [`escrow`].
//! 3. Votes count until the end of the period. The result is that of the stake before the first block whose time is
//!    not before it, however long it stands in line: a block has up to `PROPOSALS_BLOCK_MAX` results.
//! 4. The result, in this order: too little power voted (`quorum`), only abstentions, more than
//!    `veto_threshold` of the votes veto: refused; votes for, of all but abstentions, more than the threshold of its
//!    kind: passed. The quorum counts plain stake, all that follows the votes with what age adds to them.
//! 5. An expedited proposal that does not pass and is not vetoed becomes an ordinary one and is voted on to the end
//!    of `voting_period`; its votes stay.
//! 6. What has passed is executed by itself: code, parameters and money after `timelock`, the rest at once; no
//!    proposal has both.
//! 7. An execution that fails leaves nothing but its reason.
//! 8. Deposits go back when a proposal has ended, however it ended; those of a vetoed one burn, and
//!    `cancel_burn` of them when the proposer cancels before the end of the vote.
//! 9. Each block takes at most `PROPOSALS_BLOCK_MAX` steps in the order in which they are due, and settles
//!    `SETTLED_BLOCK_MAX` rows of ended proposals; the rest waits for the next block.
//! 10. A deposit that cannot be paid back stays where it is, with an event, and stops nothing.

mod keeper;
mod proposal;
mod result;
mod settle;

pub use keeper::{Submission, cancel, deposit, submit, vote};
pub use proposal::{
    Kind, Proposal, Status, deposit_of, deposits, ended, extra_of, last_ended, messages, next_due,
    proposal, proposals, require,
};
pub use result::{Bar, Verdict, conclude, executed, expire, failed};
pub use settle::settle;

use crate::bank;
use crate::context::{Rows, Table};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Fatal};

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_proposals (
        id INTEGER PRIMARY KEY NOT NULL,
        status TEXT NOT NULL,
        kind TEXT NOT NULL,
        proposer TEXT NOT NULL,
        title TEXT NOT NULL,
        summary TEXT NOT NULL,
        metadata TEXT NOT NULL,
        expedited INTEGER NOT NULL,
        submitted INTEGER NOT NULL,
        deposit_end INTEGER NOT NULL,
        voting_start INTEGER NOT NULL,
        voting_end INTEGER NOT NULL,
        eta INTEGER NOT NULL,
        deposit INTEGER NOT NULL,
        yes INTEGER NOT NULL,
        abstain INTEGER NOT NULL,
        no INTEGER NOT NULL,
        veto INTEGER NOT NULL,
        failed_reason TEXT NOT NULL
    ) STRICT",
    "CREATE TABLE chain_proposal_messages (
        proposal INTEGER PRIMARY KEY NOT NULL,
        messages BLOB NOT NULL
    ) STRICT",
    "CREATE TABLE chain_proposal_queue (
        due INTEGER NOT NULL,
        proposal INTEGER NOT NULL,
        PRIMARY KEY (due, proposal)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_deposits (
        proposal INTEGER NOT NULL,
        depositor TEXT NOT NULL,
        amount INTEGER NOT NULL CHECK (amount > 0),
        PRIMARY KEY (proposal, depositor)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_proposal_ages (
        proposal INTEGER PRIMARY KEY NOT NULL,
        yes INTEGER NOT NULL,
        abstain INTEGER NOT NULL,
        no INTEGER NOT NULL,
        veto INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE chain_settlements (
        proposal INTEGER PRIMARY KEY NOT NULL,
        burn INTEGER NOT NULL,
        after TEXT NOT NULL
    ) STRICT",
];

/// The account that signs the messages of proposals; it holds nothing.
pub fn authority() -> AccountAddress {
    AccountAddress::of_module("gov")
}

/// The account that holds deposits.
pub fn escrow() -> AccountAddress {
    AccountAddress::of_module("gov_deposits")
}

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// The module's invariant; a message if it is broken.
pub fn invariant(rows: &impl Rows) -> Result<Vec<String>, Fatal> {
    let found = rows.rows("SELECT coalesce(sum(amount), 0) FROM chain_deposits", &[])?;
    let deposits = found.first().map_or(Ok(0), |row| Table("chain.deposits").count(row, 0))?;
    let held = bank::balance(rows, escrow(), DENOM)?;
    if held == deposits {
        return Ok(Vec::new());
    }
    Ok(vec![format!("deposits of proposals are {deposits}{DENOM}, the escrow holds {held}{DENOM}")])
}

#[cfg(test)]
mod tests;
