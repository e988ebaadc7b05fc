//! The age of shares, and what it adds to votes.
//!
//! 1. Shares are as old as the time at which their stake came. What comes to shares of the same account and validator
//!    is mixed with them: their time is then the mean by shares, rounded up, where what is older than `gov.age_full`
//!    counts as that old. So joining stake makes nothing older at that moment; what is joined ages as one from then on.
//! 2. What leaves leaves the rest as old as it was. Withdrawn stake is new when it is delegated again, also by a
//!    cancellation. Stake that moves to another validator keeps its age: it was at stake all the time, and nobody is
//!    to stay with a bad validator for the sake of its age. Slashing takes tokens and leaves shares and ages.
//! 3. Ages are counted in months of 30 days, from the first that begins when the stake is there; all that came in one
//!    month is alike, so a validator has its shares by months ([`Ages`]), a bounded number.
//! 4. A ballot has its rule for ever: its beginning, and `gov.age_bonus` and `gov.age_full` as they were then. Shares
//!    count for `floor(shares * bonus * min(age, full) / full)` more, by their age at the beginning: when anybody votes
//!    changes nothing, and stake that came later adds nothing. Without a bonus a ballot has no rule and no rows of it.
//! 5. Shares that did not vote follow the operator's vote with their own ages: what the validator's months give, less
//!    what has voted, and never more than the bonus of the shares themselves.
//! 6. What age adds is counted apart, and decides between the votes only. The quorum is plain stake of plain stake:
//!    however old, less than the quorum never passes, and no more than all can vote. Locked coins have no age.

use super::BALLOT_AGES;
use crate::context::{Rows, integer};
use crate::params::{self, MONTH, MONTHS, PPM, Param};
use dadbs_store::Store;
use dadbs_types::{Fatal, Value};
use std::collections::BTreeMap;

/// Months that a validator's shares are kept apart by: the longest full age, and a vote of a year before it ends.
const KEPT: u64 = MONTHS + 14;

/// Shares of one account and validator, and how old they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// How many.
    pub shares: u64,
    /// When they came, in the mean; seconds since 1970.
    pub since: u64,
}

impl Held {
    /// With more shares (rule 1), where nothing is older than `oldest`.
    #[must_use]
    pub fn joined(self, more: Held, oldest: u64) -> Held {
        if self.shares == 0 {
            return more;
        }
        let shares = self.shares.saturating_add(more.shares);
        let moment = |held: Held| u128::from(held.shares) * u128::from(held.since.max(oldest));
        let mean = (moment(self) + moment(more)).div_ceil(u128::from(shares));
        Held { shares, since: u64::try_from(mean).unwrap_or(u64::MAX) }
    }

    /// With as many shares (rule 2).
    #[must_use]
    pub fn left(self, shares: u64) -> Held {
        Held { shares, ..self }
    }

    /// The month from which it ages (rule 3).
    pub(crate) fn month(self) -> u64 {
        self.since.div_ceil(MONTH)
    }
}

/// A validator's shares by the months from which they age (rule 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ages(BTreeMap<u64, u64>);

impl Ages {
    /// As the table keeps them: 12 bytes for each month, its number and the shares, the largest byte first.
    pub fn to_bytes(&self) -> Vec<u8> {
        let months = self.0.iter().flat_map(|(month, shares)| {
            let month = u32::try_from(*month).unwrap_or(u32::MAX).to_be_bytes();
            month.into_iter().chain(shares.to_be_bytes())
        });
        months.collect()
    }

    /// What [`Ages::to_bytes`] gave; none if it is something else.
    pub fn of_bytes(bytes: &[u8]) -> Option<Ages> {
        let months = bytes.chunks(12).map(|entry| {
            let (month, shares) = entry.split_at_checked(4)?;
            let month = u32::from_be_bytes(month.try_into().ok()?);
            Some((month.into(), u64::from_be_bytes(shares.try_into().ok()?)))
        });
        months.collect::<Option<_>>().map(Ages)
    }

    /// Takes shares out and puts others in; what is older than it can count becomes one month.
    ///
    /// # Errors
    /// If the shares were not there.
    pub fn replace(&mut self, before: Held, after: Held, now: u64) -> Result<(), Fatal> {
        let oldest = (now / MONTH).saturating_sub(KEPT);
        while let Some(entry) = self.0.first_entry().filter(|entry| *entry.key() < oldest) {
            let shares = entry.remove();
            self.add(oldest, shares);
        }
        let month = before.month().max(oldest);
        if before.shares > 0 {
            let held = self.0.remove(&month).unwrap_or(0);
            let rest = held.checked_sub(before.shares).ok_or_else(|| {
                Fatal::new(format!(
                    "a validator has {held} shares of month {month}, {} leave: restore the store",
                    before.shares
                ))
            })?;
            self.add(month, rest);
        }
        self.add(after.month().max(oldest), after.shares);
        Ok(())
    }

    fn add(&mut self, month: u64, shares: u64) {
        if shares > 0 {
            let sum = self.0.entry(month).or_insert(0);
            *sum = sum.saturating_add(shares);
        }
    }

    /// What delegations give; for the invariant. What this has as its oldest month may be of older ones.
    #[must_use]
    pub fn recounted(&self, delegations: impl Iterator<Item = Held>) -> Ages {
        let oldest = self.0.keys().next().copied().unwrap_or(0);
        let mut ages = Ages::default();
        delegations.for_each(|held| ages.add(held.month().max(oldest), held.shares));
        ages
    }
}

/// How a ballot counts ages (rule 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AgeRule {
    /// When the vote began, seconds since 1970.
    pub start: u64,
    /// What the full age adds, in millionths.
    pub bonus: u64,
    /// The full age, in seconds.
    pub full: u64,
}

impl AgeRule {
    fn extra(self, shares: u64, month: u64) -> u64 {
        let age = self.start.saturating_sub(month.saturating_mul(MONTH)).min(self.full);
        // 63, 20 and 27 bits.
        let product = u128::from(shares) * u128::from(self.bonus) * u128::from(age);
        let extra = product / (u128::from(PPM) * u128::from(self.full.max(1)));
        u64::try_from(extra).unwrap_or(shares)
    }

    /// What age adds to shares, in shares.
    pub fn extra_of(self, held: Held) -> u64 {
        self.extra(held.shares, held.month())
    }

    /// What age adds to the shares of a validator that did not vote (rule 5).
    pub(super) fn extra_of_rest(self, ages: &Ages, voted: u128, rest: u64) -> u64 {
        let all = ages.0.iter().map(|(month, shares)| u128::from(self.extra(*shares, *month)));
        let left = all.sum::<u128>().saturating_sub(voted);
        let most = params::part(rest, self.bonus);
        u64::try_from(left).unwrap_or(most).min(most)
    }
}

/// Gives a ballot that begins its rule, if there is a bonus (rule 4).
pub(super) fn begin(store: &mut Store, ballot: u64, start: u64) -> Result<(), Fatal> {
    let bonus = params::get(store, Param::GovAgeBonus)?;
    if bonus > 0 {
        let full = params::get(store, Param::GovAgeFull)?;
        store.execute(
            "INSERT INTO chain_ballot_ages (ballot, start, bonus, full) VALUES (?1, ?2, ?3, ?4)",
            &[&integer(ballot)?, &integer(start)?, &integer(bonus)?, &integer(full)?],
        )?;
    }
    Ok(())
}

/// The rule of a ballot, if it has one.
pub fn age_rule(rows: &impl Rows, ballot: u64) -> Result<Option<AgeRule>, Fatal> {
    let found = rows.rows(
        "SELECT start, bonus, full FROM chain_ballot_ages WHERE ballot = ?1",
        // A number beyond 63 bits exists no more than any other unknown one.
        &[&Value::Integer(i64::try_from(ballot).unwrap_or(-1))],
    )?;
    let Some(row) = found.first() else { return Ok(None) };
    let count = |column| BALLOT_AGES.count(row, column);
    Ok(Some(AgeRule { start: count(0)?, bonus: count(1)?, full: count(2)? }))
}
