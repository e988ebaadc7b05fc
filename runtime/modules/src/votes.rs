//! Votes on open ballots, and their running tally. Lies below staking, which tells of changed shares.
//!
//! State: `chain.ballots(id, closed, ends)`; `chain.votes(ballot, voter, yes, abstain, no, veto, locked, metadata)`;
//! `chain.tallies(ballot, validator, yes, abstain, no, veto)`; `chain.ballot_ages(ballot, start, bonus, full)`, how a
//! ballot counts the age of shares, if it does ([`age`]). What ended ballots wait with is in [`frozen`].
//!
//! Invariant: the tallies of an open ballot are what its votes give, counted anew.
//!
//! 1. An account has one vote on a ballot; another one replaces it. It may vote on `VOTES_OPEN_MAX` open
//!    ballots.
//! 2. A vote spreads all of its power over the options, in parts of 10^18. An amount is spread by floors; what is
//!    left goes to the last option chosen.
//! 3. Its power is the voter's shares of validators, and coins that it locks for this ballot. A vote without
//!    power is refused, but for an operator's, whose validator has shares.
//! 4. The tally counts by validator the shares that have voted, and follows every change of shares
//!    ([`shares_changed`]); the row without a validator counts locked coins, one of `age:` and a validator the shares
//!    that the age of those that have voted adds.
//! 5. The result counts the validators of the set only: shares are worth floor(shares * tokens / all shares).
//!    Shares that did not vote follow the operator's vote, if there is one.
//! 6. All power is the bonded tokens and the coins locked for this ballot.
//! 7. Locked coins lie under a lock of the bank until the vote is removed: they cannot move, nor be staked, nor
//!    count again as stake.
//! 8. A closed ballot takes no votes and follows no shares. [`sweep`] removes what is left of it, a bounded
//!    number of rows at a time.

mod age;
mod frozen;
mod tally;
mod weights;

use crate::bank;
use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::limits::VOTES_OPEN_MAX;
use dadbs_types::{AccountAddress, Code, Error, Fatal, Value};
use tally::{adjust, aged, sweep_tallies};

pub use age::{AgeRule, Ages, Held, age_rule};
pub use frozen::keep as keep_electorate;
pub use tally::{Electorate, Tally, Validator, invariant, tally};
pub use weights::{Counts, OPTIONS, WHOLE, Weights};

const VOTES: Table = Table("chain.votes");
const BALLOTS: Table = Table("chain.ballots");
const BALLOT_AGES: Table = Table("chain.ballot_ages");

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_ballots (
        id INTEGER PRIMARY KEY NOT NULL,
        closed INTEGER NOT NULL,
        ends INTEGER NOT NULL
    ) STRICT",
    "CREATE TABLE chain_votes (
        ballot INTEGER NOT NULL,
        voter TEXT NOT NULL,
        yes INTEGER NOT NULL,
        abstain INTEGER NOT NULL,
        no INTEGER NOT NULL,
        veto INTEGER NOT NULL,
        locked INTEGER NOT NULL,
        metadata TEXT NOT NULL,
        PRIMARY KEY (ballot, voter),
        UNIQUE (voter, ballot)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_tallies (
        ballot INTEGER NOT NULL,
        validator TEXT NOT NULL,
        yes INTEGER NOT NULL,
        abstain INTEGER NOT NULL,
        no INTEGER NOT NULL,
        veto INTEGER NOT NULL,
        PRIMARY KEY (ballot, validator)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_electorates (
        time INTEGER NOT NULL,
        operator TEXT NOT NULL,
        bonded INTEGER NOT NULL,
        tokens INTEGER NOT NULL,
        shares INTEGER NOT NULL,
        ages BLOB NOT NULL,
        PRIMARY KEY (time, operator)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_frozen_tallies (
        ballot INTEGER NOT NULL,
        validator TEXT NOT NULL,
        end INTEGER NOT NULL,
        yes INTEGER NOT NULL,
        abstain INTEGER NOT NULL,
        no INTEGER NOT NULL,
        veto INTEGER NOT NULL,
        PRIMARY KEY (ballot, validator)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_ballot_ages (
        ballot INTEGER PRIMARY KEY NOT NULL,
        start INTEGER NOT NULL,
        bonus INTEGER NOT NULL,
        full INTEGER NOT NULL
    ) STRICT",
];

/// A vote as it is cast or kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vote {
    /// The ballot.
    pub ballot: u64,
    /// Who votes.
    pub voter: AccountAddress,
    /// For what.
    pub weights: Weights,
    /// Coins that are locked for it, in the base denomination.
    pub locked: u64,
    /// A text for people.
    pub metadata: String,
}

/// What a voter has staked (rule 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stake {
    /// Validators and the voter's shares of them, each once.
    pub delegations: Vec<(AccountAddress, Held)>,
    /// True if the voter operates a validator that has shares.
    pub is_operator: bool,
}

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// Opens a ballot that begins and ends at times in milliseconds since 1970.
pub fn open(store: &mut Store, ballot: u64, start: u64, ends: u64) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_ballots (id, closed, ends) VALUES (?1, 0, ?2)",
        &[&integer(ballot)?, &integer(ends)?],
    )?;
    age::begin(store, ballot, start / 1_000)
}

/// Lets a ballot go on to another end.
pub fn extend(store: &mut Store, ballot: u64, ends: u64) -> Result<(), Fatal> {
    store.execute(
        "UPDATE chain_ballots SET ends = ?2 WHERE id = ?1",
        &[&integer(ballot)?, &integer(ends)?],
    )?;
    Ok(())
}

/// Closes a ballot (rule 8).
pub fn close(store: &mut Store, ballot: u64) -> Result<(), Fatal> {
    store.execute("UPDATE chain_ballots SET closed = 1 WHERE id = ?1", &[&integer(ballot)?])?;
    Ok(())
}

fn reason(ballot: u64) -> String {
    format!("votes/{ballot}")
}

fn counts(table: Table, row: &[Value], from: usize) -> Result<Counts, Fatal> {
    let mut counts = [0; 4];
    for (column, count) in counts.iter_mut().enumerate() {
        *count = table.count(row, from.saturating_add(column))?;
    }
    Ok(counts)
}

fn to_vote(row: &[Value]) -> Result<Vote, Fatal> {
    Ok(Vote {
        ballot: VOTES.count(row, 0)?,
        voter: VOTES.address(row, 1)?,
        weights: Weights(counts(VOTES, row, 2)?),
        locked: VOTES.count(row, 6)?,
        metadata: VOTES.text(row, 7)?,
    })
}

/// The vote of an account on a ballot, if there is one.
pub fn vote(rows: &impl Rows, ballot: u64, voter: AccountAddress) -> Result<Option<Vote>, Fatal> {
    let found = rows.rows(
        "SELECT ballot, voter, yes, abstain, no, veto, locked, metadata FROM chain_votes
         WHERE ballot = ?1 AND voter = ?2",
        &[&integer(ballot)?, &Value::Text(voter.to_string())],
    )?;
    found.first().map(|row| to_vote(row)).transpose()
}

/// Votes on a ballot in the order of their voters, from those after `after` on.
pub fn votes(rows: &impl Rows, ballot: u64, after: &str, limit: u64) -> Result<Vec<Vote>, Fatal> {
    let found = rows.rows(
        "SELECT ballot, voter, yes, abstain, no, veto, locked, metadata FROM chain_votes
         WHERE ballot = ?1 AND voter > ?2 ORDER BY voter LIMIT ?3",
        &[&integer(ballot)?, &Value::Text(after.into()), &integer(limit)?],
    )?;
    found.iter().map(|row| to_vote(row)).collect()
}

/// Votes of an account on open ballots, each with the ballot's end.
fn open_votes(rows: &impl Rows, voter: AccountAddress) -> Result<Vec<(Vote, u64)>, Fatal> {
    let found = rows.rows(
        "SELECT ballot, voter, yes, abstain, no, veto, locked, metadata, ends
         FROM chain_votes JOIN chain_ballots ON id = ballot
         WHERE voter = ?1 AND closed = 0 ORDER BY ballot",
        &[&Value::Text(voter.to_string())],
    )?;
    found.iter().map(|row| Ok((to_vote(row)?, BALLOTS.count(row, 8)?))).collect()
}

/// Casts a vote on an open ballot (rules 1 to 4 and 7).
pub fn cast(store: &mut Store, vote: &Vote, stake: &Stake) -> Result<(), Error> {
    let before = self::vote(store, vote.ballot, vote.voter)?;
    let staked = stake.delegations.iter().any(|(_, held)| held.shares > 0);
    if !staked && !stake.is_operator && vote.locked == 0 {
        let message =
            format!("{} has no stake: delegate coins, or lock some for this vote", vote.voter);
        return Err(Error::rejected(Code::NoVotingPower, message));
    }
    if before.is_none() && open_votes(store, vote.voter)?.len() as u64 >= VOTES_OPEN_MAX {
        let message = format!("an account votes on at most {VOTES_OPEN_MAX} proposals at a time");
        return Err(Error::rejected(Code::TooManyVotes, message));
    }
    bank::lock(store, vote.voter, &reason(vote.ballot), vote.locked)?;
    let counted =
        |amount: u64| before.as_ref().map_or([0; 4], |before| before.weights.split(amount));
    let rule = age_rule(store, vote.ballot)?;
    for (operator, held) in &stake.delegations {
        let plus = vote.weights.split(held.shares);
        adjust(store, vote.ballot, &operator.to_string(), counted(held.shares), plus)?;
        if let Some(rule) = rule {
            let extra = rule.extra_of(*held);
            let plus = vote.weights.split(extra);
            adjust(store, vote.ballot, &aged(*operator), counted(extra), plus)?;
        }
    }
    let locked = counted(before.as_ref().map_or(0, |before| before.locked));
    adjust(store, vote.ballot, "", locked, vote.weights.split(vote.locked))?;
    let [yes, abstain, no, veto] = vote.weights.0;
    store.execute(
        "INSERT INTO chain_votes (ballot, voter, yes, abstain, no, veto, locked, metadata)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (ballot, voter) DO UPDATE SET
         yes = excluded.yes, abstain = excluded.abstain, no = excluded.no, veto = excluded.veto,
         locked = excluded.locked, metadata = excluded.metadata",
        &[
            &integer(vote.ballot)?,
            &Value::Text(vote.voter.to_string()),
            &integer(yes)?,
            &integer(abstain)?,
            &integer(no)?,
            &integer(veto)?,
            &integer(vote.locked)?,
            &Value::Text(vote.metadata.clone()),
        ],
    )?;
    Ok(())
}

/// Follows a change of a voter's shares at a time in milliseconds since 1970 (rule 4); gives the number of rows that
/// it wrote at most.
///
/// Staking calls it before or after it writes the shares, which are not read here.
pub fn shares_changed(
    store: &mut Store,
    now: u64,
    delegator: AccountAddress,
    validator: AccountAddress,
    (before, after): (Held, Held),
) -> Result<u64, Fatal> {
    let mut written = 0;
    for (vote, end) in open_votes(store, delegator)? {
        let split = |amounts: [u64; 2]| amounts.map(|amount| vote.weights.split(amount));
        let mut changes = vec![(validator.to_string(), split([before, after].map(|h| h.shares)))];
        if let Some(rule) = age_rule(store, vote.ballot)? {
            changes.push((aged(validator), split([before, after].map(|h| rule.extra_of(h)))));
        }
        for (row, [minus, plus]) in changes {
            if end <= now && minus != plus {
                frozen::copy(store, vote.ballot, end, &row)?;
                written += 1;
            }
            adjust(store, vote.ballot, &row, minus, plus)?;
            written += 1;
        }
    }
    Ok(written)
}

/// Removes at most `rows` rows of closed ballots (rule 8); gives how many.
pub fn sweep(store: &mut Store, rows: u64) -> Result<u64, Fatal> {
    let mut left = rows;
    while left > 0 {
        let found = store
            .query("SELECT id FROM chain_ballots WHERE closed = 1 ORDER BY id LIMIT 1", &[])?;
        let Some(row) = found.first() else { break };
        let ballot = BALLOTS.count(row, 0)?;
        left = sweep_tallies(store, ballot, left)?;
        left = frozen::sweep(store, ballot, left)?;
        for vote in votes(store, ballot, "", left)? {
            if vote.locked > 0 {
                bank::unlock(store, vote.voter, &reason(ballot))?;
            }
            store.execute(
                "DELETE FROM chain_votes WHERE ballot = ?1 AND voter = ?2",
                &[&integer(ballot)?, &Value::Text(vote.voter.to_string())],
            )?;
            left -= 1;
        }
        if left > 0 {
            let ages = "DELETE FROM chain_ballot_ages WHERE ballot = ?1";
            left -= store.execute(ages, &[&integer(ballot)?])? as u64;
        }
        if left > 0 {
            store.execute("DELETE FROM chain_ballots WHERE id = ?1", &[&integer(ballot)?])?;
            left -= 1;
        }
    }
    Ok(rows - left)
}

#[cfg(test)]
mod age_tests;
#[cfg(test)]
mod tests;
