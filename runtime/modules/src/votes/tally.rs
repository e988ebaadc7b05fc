//! What votes come to, validator by validator.

use super::weights::sum;
use super::{Ages, BALLOTS, Counts, Stake, age_rule, counts, frozen, vote, votes};
use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::{AccountAddress, Fatal, Value};

const TALLIES: Table = Table("chain.tallies");

/// A validator of the set, as far as votes count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Validator {
    /// Its operator.
    pub operator: AccountAddress,
    /// Its bonded tokens.
    pub tokens: u64,
    /// All of its shares.
    pub shares: u64,
    /// Their ages.
    pub ages: Ages,
}

/// Whose votes count (rules 5 and 6).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Electorate {
    /// All bonded tokens.
    pub bonded: u64,
    /// The validators of the set.
    pub validators: Vec<Validator>,
}

/// What a ballot has come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Tokens for each option.
    pub counts: Counts,
    /// What the age of stake adds to them.
    pub extra: Counts,
    /// All power (rule 6).
    pub electorate: u64,
}

impl Tally {
    /// The votes with what the age of stake adds to them, for each option.
    pub fn weighted(&self) -> [u128; 4] {
        std::array::from_fn(|option| {
            u128::from(self.counts[option]) + u128::from(self.extra[option])
        })
    }
}

/// The row of what ages add to the votes of a validator's shares (rule 4).
pub(super) fn aged(validator: AccountAddress) -> String {
    format!("age:{validator}")
}

/// The row of a tally; `validator` is empty for locked coins (rule 4).
pub(super) fn tallied(rows: &impl Rows, ballot: u64, validator: &str) -> Result<Counts, Fatal> {
    let found = rows.rows(
        "SELECT yes, abstain, no, veto FROM chain_tallies WHERE ballot = ?1 AND validator = ?2",
        &[&integer(ballot)?, &Value::Text(validator.into())],
    )?;
    found.first().map_or(Ok([0; 4]), |row| counts(TALLIES, row, 0))
}

/// Takes one count out of a row of the tally and puts another in.
pub(super) fn adjust(
    store: &mut Store,
    ballot: u64,
    validator: &str,
    minus: Counts,
    plus: Counts,
) -> Result<(), Fatal> {
    if minus == plus {
        return Ok(());
    }
    let mut after = tallied(store, ballot, validator)?;
    for (option, count) in after.iter_mut().enumerate() {
        let less = count.checked_sub(minus[option]);
        *count = less.and_then(|less| less.checked_add(plus[option])).ok_or_else(|| {
            Fatal::new(format!("chain.tallies of ballot {ballot} lacks votes of {validator}"))
        })?;
    }
    let (ballot, validator) = (integer(ballot)?, Value::Text(validator.into()));
    if after == [0; 4] {
        store.execute(
            "DELETE FROM chain_tallies WHERE ballot = ?1 AND validator = ?2",
            &[&ballot, &validator],
        )?;
        return Ok(());
    }
    let [yes, abstain, no, veto] = after;
    store.execute(
        "INSERT INTO chain_tallies (ballot, validator, yes, abstain, no, veto)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (ballot, validator) DO UPDATE SET
         yes = excluded.yes, abstain = excluded.abstain, no = excluded.no, veto = excluded.veto",
        &[&ballot, &validator, &integer(yes)?, &integer(abstain)?, &integer(no)?, &integer(veto)?],
    )?;
    Ok(())
}

/// The result so far (rules 5 and 6), or at its end if it stands in line for it; bounded by the number of validators.
/// `today` is the electorate as it is.
pub fn tally(rows: &impl Rows, ballot: u64, today: &Electorate) -> Result<Tally, Fatal> {
    match frozen::of(rows, ballot)? {
        None => count(rows, ballot, today, |row| tallied(rows, ballot, row)),
        Some((end, then)) => {
            count(rows, ballot, &then, |row| frozen::tallied_at(rows, ballot, end, row))
        }
    }
}

fn count(
    rows: &impl Rows,
    ballot: u64,
    electorate: &Electorate,
    tallied: impl Fn(&str) -> Result<Counts, Fatal>,
) -> Result<Tally, Fatal> {
    let beyond = || Fatal::new(format!("the votes on ballot {ballot} are beyond the supply"));
    let locked = tallied("")?;
    let (mut counts, mut extra) = (locked, [0; 4]);
    let rule = age_rule(rows, ballot)?;
    for validator in electorate.validators.iter().filter(|validator| validator.shares > 0) {
        let voted = tallied(&validator.operator.to_string())?;
        let rest = u128::from(validator.shares).saturating_sub(sum(voted));
        let rest = u64::try_from(rest).map_err(|_| beyond())?;
        let operators = vote(rows, ballot, validator.operator)?;
        let follow = |rest| operators.as_ref().map_or([0; 4], |vote| vote.weights.split(rest));
        let count = |counts: &mut Counts, voted: Counts, follow: Counts| -> Result<(), Fatal> {
            for (option, count) in counts.iter_mut().enumerate() {
                let shares = u128::from(voted[option]) + u128::from(follow[option]);
                let tokens = shares * u128::from(validator.tokens) / u128::from(validator.shares);
                let tokens = u64::try_from(tokens).map_err(|_| beyond())?;
                *count = count.checked_add(tokens).ok_or_else(beyond)?;
            }
            Ok(())
        };
        count(&mut counts, voted, follow(rest))?;
        if let Some(rule) = rule {
            let voted = tallied(&aged(validator.operator))?;
            let rest = rule.extra_of_rest(&validator.ages, sum(voted), rest);
            count(&mut extra, voted, follow(rest))?;
        }
    }
    let all = sum(locked) + u128::from(electorate.bonded);
    Ok(Tally { counts, extra, electorate: u64::try_from(all).map_err(|_| beyond())? })
}

/// Removes at most `rows` rows of a closed ballot; gives how many more may be removed.
pub(super) fn sweep_tallies(store: &mut Store, ballot: u64, rows: u64) -> Result<u64, Fatal> {
    let deleted = store.execute(
        "DELETE FROM chain_tallies WHERE ballot = ?1 AND validator IN
         (SELECT validator FROM chain_tallies WHERE ballot = ?1 ORDER BY validator LIMIT ?2)",
        &[&integer(ballot)?, &integer(rows)?],
    )?;
    Ok(rows.saturating_sub(deleted as u64))
}

/// The module's invariant; a message for each row that breaks it. `stake` answers what a voter has staked.
pub fn invariant(
    rows: &impl Rows,
    stake: impl Fn(AccountAddress) -> Result<Stake, Fatal>,
) -> Result<Vec<String>, Fatal> {
    use std::collections::BTreeMap;
    let mut expected: BTreeMap<(u64, String), Counts> = BTreeMap::new();
    let mut add = |ballot, validator: String, plus: Counts| {
        let counts = expected.entry((ballot, validator)).or_insert([0; 4]);
        for (count, plus) in counts.iter_mut().zip(plus) {
            *count = count.saturating_add(plus);
        }
    };
    let open = rows.rows("SELECT id FROM chain_ballots WHERE closed = 0 ORDER BY id", &[])?;
    for row in &open {
        let ballot = BALLOTS.count(row, 0)?;
        let rule = age_rule(rows, ballot)?;
        for vote in votes(rows, ballot, "", i64::MAX as u64)? {
            add(ballot, String::new(), vote.weights.split(vote.locked));
            for (operator, held) in stake(vote.voter)?.delegations {
                add(ballot, operator.to_string(), vote.weights.split(held.shares));
                if let Some(rule) = rule {
                    add(ballot, aged(operator), vote.weights.split(rule.extra_of(held)));
                }
            }
        }
    }
    expected.retain(|_, counts| *counts != [0; 4]);
    let found = rows.rows(
        "SELECT ballot, validator, yes, abstain, no, veto FROM chain_tallies
         JOIN chain_ballots ON id = ballot WHERE closed = 0",
        &[],
    )?;
    let mut broken = Vec::new();
    for row in &found {
        let key = (TALLIES.count(row, 0)?, TALLIES.text(row, 1)?);
        let (kept, counted) = (counts(TALLIES, row, 2)?, expected.remove(&key));
        if counted != Some(kept) {
            broken.push(format!("the tally of {key:?} is {kept:?}, its votes give {counted:?}"));
        }
    }
    broken.extend(expected.iter().map(|(key, counts)| format!("no tally of {key:?}: {counts:?}")));
    Ok(broken)
}
