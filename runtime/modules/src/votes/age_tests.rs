//! The rules of ages, against a model that keeps every delegation's age and counts ballots anew.
#![allow(clippy::cast_precision_loss, reason = "the model counts in floats, within a margin")]

use super::age::{AgeRule, Ages, Held};
use super::*;
use crate::params::{MONTH, MONTHS, PPM, Param};
use crate::random::Random;
use crate::staking::tests::{World, account, refused};
use crate::staking::{self, cancel_unbonding, delegations_of, unbondings_page};
use std::collections::BTreeMap;

const DADB: u64 = 1_000_000;
const YEAR: u64 = 31_536_000;
const ACCOUNTS: u8 = 8;
const VALIDATORS: u8 = 3;

fn world(bonus: u64) -> World {
    let mut world = World::new(VALIDATORS);
    world.set(Param::GovAgeBonus, bonus);
    world
}

fn now(world: &World) -> u64 {
    world.block.time_s()
}

fn later(world: &mut World, seconds: u64) {
    world.skip(i64::try_from(seconds).unwrap());
}

fn begin(world: &mut World, ballot: u64) {
    let start = now(world);
    open(&mut world.store, ballot, start * 1_000, u64::MAX >> 1).unwrap();
}

fn stake_of(store: &Store, voter: AccountAddress) -> Result<Stake, Fatal> {
    let is_operator = staking::validator(store, voter)?.is_some_and(|own| own.shares > 0);
    Ok(Stake { delegations: delegations_of(store, voter)?, is_operator })
}

fn electorate(world: &World) -> Electorate {
    let of = |validator: staking::Validator| Validator {
        operator: validator.operator,
        tokens: validator.tokens,
        shares: validator.shares,
        ages: validator.ages,
    };
    let validators = staking::bonded_validators(&world.store).unwrap().into_iter().map(of);
    let bonded = staking::total_bonded(&world.store).unwrap();
    Electorate { bonded, validators: validators.collect() }
}

fn votes_for(world: &mut World, ballot: u64, voter: u8, weights: Weights) -> Result<(), Error> {
    let stake = stake_of(&world.store, account(voter)).unwrap();
    let vote = Vote { ballot, voter: account(voter), weights, locked: 0, metadata: String::new() };
    cast(&mut world.store, &vote, &stake)
}

fn yes(world: &mut World, ballot: u64, voter: u8) {
    votes_for(world, ballot, voter, Weights::new([WHOLE, 0, 0, 0]).unwrap()).unwrap();
}

fn counted(world: &World, ballot: u64) -> Tally {
    let broken = invariant(&world.store, |voter| stake_of(&world.store, voter)).unwrap();
    assert_eq!(broken, Vec::<String>::new());
    tally(&world.store, ballot, &electorate(world)).unwrap()
}

fn rows(world: &World, sql: &'static str) -> usize {
    world.store.query(sql, &[]).unwrap().len()
}

/// What shares are worth in shares and seconds, where months take nothing away.
fn exact(held: Held, start: u64, full: u64) -> u128 {
    u128::from(held.shares) * u128::from(start.saturating_sub(held.since).min(full))
}

#[test]
fn rule_1_joining_makes_nothing_older_at_any_beginning_before() {
    let mut random = Random(1);
    for _ in 0..20_000 {
        let full = MONTH + random.below(YEAR);
        let now = 10 * YEAR + random.below(YEAR);
        let mut any = || {
            let (bits, years) = (random.below(60), 1 + random.below(5 * YEAR));
            Held { shares: 1 + random.below(2 << bits), since: now - random.below(years) }
        };
        let (one, other) = (any(), any());
        let joined = one.joined(other, now - full);
        assert_eq!(joined.shares, one.shares + other.shares);
        for start in [now, now - random.below(2 * MONTH)] {
            let parts = exact(one, start, full) + exact(other, start, full);
            assert!(exact(joined, start, full) <= parts, "{one:?} {other:?} {joined:?}");
        }
        // What they had at most is lost by the second to which the mean is rounded.
        let parts = exact(one, now, full) + exact(other, now, full);
        assert!(parts - exact(joined, now, full) <= u128::from(joined.shares));
    }
}

#[test]
fn rule_1_a_unit_of_ten_years_ages_nothing() {
    let mut world = world(PPM);
    world.delegate(5, 0, 1).unwrap();
    later(&mut world, 10 * YEAR);
    world.delegate(5, 0, 900 * DADB).unwrap();
    begin(&mut world, 1);
    yes(&mut world, 1, 5);
    assert_eq!(counted(&world, 1).extra, [0; 4]);
    // And a year later it is as old as if it had come alone.
    later(&mut world, YEAR + MONTH);
    begin(&mut world, 2);
    yes(&mut world, 2, 5);
    assert_eq!(counted(&world, 2).extra[0], 900 * DADB + 1);
}

#[test]
fn rule_1_dust_takes_no_more_than_a_second_each_time() {
    let mut world = world(PPM);
    world.delegate(5, 0, 100 * DADB).unwrap();
    later(&mut world, YEAR);
    let before = delegations_of(&world.store, account(5)).unwrap()[0].1;
    for _ in 0..100 {
        world.delegate(5, 0, 1).unwrap();
    }
    let after = delegations_of(&world.store, account(5)).unwrap()[0].1;
    assert!((before.since + 1..=before.since + 200).contains(&after.since), "{before:?} {after:?}");
}

#[test]
fn rule_2_what_leaves_and_comes_back_is_new() {
    let mut world = world(PPM);
    world.delegate(5, 0, 100 * DADB).unwrap();
    world.end();
    later(&mut world, 2 * YEAR);
    let since = delegations_of(&world.store, account(5)).unwrap()[0].1.since;
    world.undelegate(5, 0, 60 * DADB).unwrap();
    let rest = delegations_of(&world.store, account(5)).unwrap()[0].1;
    assert_eq!(rest, Held { shares: 40 * DADB, since }, "the rest is as old as before");
    let height = unbondings_page(&world.store, account(5), None, (0, 1)).unwrap()[0].entry;
    let back = (account(5), account(0), height.creation_height);
    cancel_unbonding(&mut world.writer(), back.0, back.1, back.2, 60 * DADB).unwrap();
    begin(&mut world, 1);
    yes(&mut world, 1, 5);
    // 40 of a year, which is the most, and 60 of no time; up to a month of all is cut off.
    let extra = counted(&world, 1).extra[0];
    assert!((31 * DADB..=40 * DADB).contains(&extra), "{extra}");
    // What has left whole begins anew.
    world.undelegate(5, 0, 100 * DADB).unwrap();
    assert_eq!(counted(&world, 1), Tally { electorate: 300 * DADB, ..Tally::default() });
    world.end();
    world.delegate(5, 0, 100 * DADB).unwrap();
    assert_eq!(counted(&world, 1).counts[0], 100 * DADB);
    assert_eq!(counted(&world, 1).extra, [0; 4]);
}

#[test]
fn rule_2_moved_stake_keeps_its_age_and_loops_add_nothing() {
    let mut world = world(PPM);
    world.set(Param::MaxEntries, 100);
    world.delegate(5, 0, 100 * DADB).unwrap();
    world.delegate(6, 0, 100 * DADB).unwrap();
    world.end();
    later(&mut world, YEAR / 2);
    begin(&mut world, 1);
    for voter in [5, 6] {
        yes(&mut world, 1, voter);
    }
    let before = counted(&world, 1).extra[0];
    for from in [0, 1, 2] {
        world.redelegate(5, from, (from + 1) % 3, 30 * DADB).unwrap();
        assert!(counted(&world, 1).extra[0] <= before);
        // Nothing that was moved moves on before it has matured.
        world.end();
        later(&mut world, 200);
        world.end();
    }
    let after = counted(&world, 1).extra[0];
    let lost = before - after;
    assert!(lost * 13 <= before, "at most a month of it: {before}, {after}");
    begin(&mut world, 2);
    for voter in [5, 6] {
        yes(&mut world, 2, voter);
    }
    assert!(counted(&world, 2).extra[0] <= before + before / 5);
}

#[test]
fn rule_3_a_validator_has_a_bounded_number_of_months() {
    let mut random = Random(3);
    let (mut ages, mut all) = (Ages::default(), Vec::new());
    let mut now = 40 * YEAR;
    for _ in 0..2_000 {
        now += random.below(MONTH);
        let new = Held { shares: 1 + random.below(1_000), since: now - random.below(MONTH) };
        ages.replace(Held::default(), new, now).unwrap();
        all.push(new);
        if random.below(3) == 0 {
            let gone = all.swap_remove(usize::try_from(random.below(all.len() as u64)).unwrap());
            ages.replace(gone, Held::default(), now).unwrap();
        }
        assert!(ages.to_bytes().len() <= 65 * 12);
        assert_eq!(Ages::of_bytes(&ages.to_bytes()), Some(ages.clone()));
        // A vote that began up to a year ago, with any full age.
        let rule = AgeRule {
            start: now - random.below(YEAR),
            bonus: random.below(PPM) + 1,
            full: MONTH + random.below((MONTHS - 1) * MONTH),
        };
        let expected: u64 = all.iter().map(|held| rule.extra_of(*held)).sum();
        let shares = all.iter().map(|held| held.shares).sum();
        let found = rule.extra_of_rest(&ages, 0, shares);
        assert!((expected..=expected + all.len() as u64).contains(&found), "{found} {expected}");
    }
    assert!(ages.replace(Held { shares: 1_000_000, since: now }, Held::default(), now).is_err());
    assert_eq!(Ages::of_bytes(&[0; 13]), None);
}

#[test]
fn rule_4_the_bonus_is_bounded() {
    let rule = AgeRule { start: 50 * YEAR, bonus: PPM, full: MONTHS * MONTH };
    let most = i64::MAX as u64;
    assert_eq!(rule.extra_of(Held { shares: most, since: 0 }), most, "double, and no more");
    assert_eq!(rule.extra_of(Held { shares: most, since: 50 * YEAR }), 0);
    assert_eq!(rule.extra_of(Held { shares: most, since: 60 * YEAR }), 0, "it came later");
    for (param, bad) in [
        (Param::GovAgeBonus, PPM + 1),
        (Param::GovAgeFull, MONTH - 1),
        (Param::GovAgeFull, MONTHS * MONTH + 1),
    ] {
        assert!(param.bounded(bad).is_err());
    }
    assert_eq!(refused(params_change(Param::GovAgeBonus, PPM + 1)), Code::InvalidRequest);
}

fn params_change(param: Param, value: u64) -> Result<(), Error> {
    let mut world = World::new(1);
    crate::params::change(
        &mut world.store,
        &[crate::params::Change { param, value, replaces: None }],
    )
}

#[test]
fn rule_4_without_a_bonus_nothing_is_written_and_a_change_is_for_later_votes() {
    let mut world = world(0);
    world.delegate(5, 0, 100 * DADB).unwrap();
    later(&mut world, 2 * YEAR);
    begin(&mut world, 1);
    yes(&mut world, 1, 5);
    world.set(Param::GovAgeBonus, 500_000);
    yes(&mut world, 1, 0);
    assert_eq!(counted(&world, 1).extra, [0; 4]);
    assert_eq!(rows(&world, "SELECT 1 FROM chain_ballot_ages"), 0);
    assert_eq!(rows(&world, "SELECT 1 FROM chain_tallies WHERE validator LIKE 'age:%'"), 0);
    begin(&mut world, 2);
    yes(&mut world, 2, 5);
    // It is what it was for the second vote, too, when the parameters change again.
    world.set(Param::GovAgeBonus, PPM);
    world.set(Param::GovAgeFull, MONTHS * MONTH);
    world.delegate(5, 1, DADB).unwrap();
    assert_eq!(counted(&world, 2).extra[0], 50 * DADB);
    world.set(Param::GovAgeBonus, 0);
    yes(&mut world, 2, 0);
    assert_eq!(counted(&world, 2).extra[0], 100 * DADB, "half of 200 behind the operator");
    close(&mut world.store, 2).unwrap();
    sweep(&mut world.store, 100).unwrap();
    assert_eq!(rows(&world, "SELECT 1 FROM chain_ballot_ages"), 0);
}

#[test]
fn rules_4_and_5_stake_that_comes_before_a_vote_adds_nothing_silent_or_not() {
    let mut world = world(PPM);
    later(&mut world, 5 * YEAR);
    world.delegate(5, 0, 900 * DADB).unwrap();
    world.delegate(6, 0, 900 * DADB).unwrap();
    begin(&mut world, 1);
    yes(&mut world, 1, 0);
    yes(&mut world, 1, 6);
    // The operator's own 100 alone are old, however much new stake is silent behind it.
    let tally = counted(&world, 1);
    assert_eq!((tally.counts[0], tally.extra[0]), (1_900 * DADB, 100 * DADB));
    yes(&mut world, 1, 5);
    assert_eq!(counted(&world, 1), tally, "who votes for oneself counts as much");
}

#[test]
fn rule_5_split_accounts_count_as_much_as_one() {
    let mut world = world(333_333);
    for (voter, amount) in [(4, 600), (5, 100), (6, 200), (7, 300)] {
        world.delegate(voter, 1, amount * DADB + u64::from(voter)).unwrap();
    }
    later(&mut world, YEAR / 2);
    begin(&mut world, 1);
    let one = Weights::new([WHOLE, 0, 0, 0]).unwrap();
    let other = Weights::new([0, 0, WHOLE, 0]).unwrap();
    votes_for(&mut world, 1, 4, one).unwrap();
    for voter in [5, 6, 7] {
        votes_for(&mut world, 1, voter, other).unwrap();
    }
    let Tally { extra: [one, _, split, _], .. } = counted(&world, 1);
    assert!(one > 0 && one.abs_diff(split) <= 8, "{one} {split}");
}

/// What a model knows: who holds what since when, and how open ballots count.
#[derive(Default)]
struct Model {
    held: BTreeMap<(u8, u8), Held>,
    rules: BTreeMap<u64, Option<AgeRule>>,
    votes: BTreeMap<(u64, u8), Weights>,
    full: u64,
}

impl Model {
    /// Takes over the shares that the chain has; those that are more came at `since`.
    fn follow(&mut self, world: &World, since: u64, what: &str) {
        for (who, to) in (0..ACCOUNTS).flat_map(|who| (0..VALIDATORS).map(move |to| (who, to))) {
            let shares = world.shares(who, to);
            let before = self.held.get(&(who, to)).copied().unwrap_or_default();
            let oldest = now(world).saturating_sub(self.full);
            let after = if before.shares == 0 {
                Held { shares, since }
            } else if shares > before.shares {
                let came = shares - before.shares;
                let sum = u128::from(before.shares) * u128::from(before.since.max(oldest))
                    + u128::from(came) * u128::from(since.max(oldest));
                let up = sum.div_ceil(u128::from(shares));
                Held { shares, since: u64::try_from(up).unwrap() }
            } else {
                Held { shares, ..before }
            };
            self.held.remove(&(who, to));
            if shares > 0 {
                self.held.insert((who, to), after);
            }
        }
        for who in 0..ACCOUNTS {
            let known = self.held.range((who, 0)..(who + 1, 0));
            let known: BTreeMap<_, _> =
                known.map(|((_, to), held)| (account(*to), *held)).collect();
            let kept = delegations_of(&world.store, account(who)).unwrap().into_iter().collect();
            assert_eq!(known, kept, "{what} of {who}");
        }
    }

    /// Counts a ballot delegation by delegation; `0` and `1` are what is plain, and what age adds.
    fn count(&self, ballot: u64, electorate: &Electorate) -> [[f64; 4]; 2] {
        let mut counts = [[0.0; 4]; 2];
        for ((who, to), held) in &self.held {
            let found = electorate.validators.iter().find(|known| known.operator == account(*to));
            let vote = self.votes.get(&(ballot, *who)).or(self.votes.get(&(ballot, *to)));
            let (Some(validator), Some(weights)) = (found, vote) else { continue };
            let price = validator.tokens as f64 / validator.shares as f64;
            let age = self.rules[&ballot].map_or(0.0, |rule| {
                let month = held.since.div_ceil(MONTH) * MONTH;
                let age = rule.start.saturating_sub(month).min(rule.full) as f64;
                age / rule.full as f64 * rule.bonus as f64 / 1e6
            });
            for (option, part) in weights.parts().into_iter().enumerate() {
                let plain = held.shares as f64 * price * part as f64 / WHOLE as f64;
                counts[0][option] += plain;
                counts[1][option] += plain * age;
            }
        }
        counts
    }

    fn check(&self, world: &World, what: &str) {
        let electorate = electorate(world);
        for ballot in self.rules.keys() {
            let tally = counted(world, *ballot);
            let expected = self.count(*ballot, &electorate);
            for (found, expected) in [tally.counts, tally.extra].iter().zip(expected) {
                for (found, expected) in found.iter().zip(expected) {
                    let off = (*found as f64 - expected).abs();
                    assert!(off < 100.0, "{what}: ballot {ballot}: {found}, {expected} expected");
                }
            }
            let all: u64 = tally.counts.iter().sum();
            assert!(all <= tally.electorate, "{what}: more than all");
            assert!(tally.extra.iter().sum::<u64>() <= all + 100, "{what}: more than double");
        }
    }
}

#[test]
fn the_tally_is_what_every_delegation_gives_counted_alone() {
    for seed in 0..12 {
        let mut random = Random(seed);
        let mut world = world(PPM);
        world.set(Param::MaxEntries, 100);
        let mut model = Model { full: YEAR, ..Model::default() };
        model.follow(&world, now(&world), "genesis");
        for step in 0..120 {
            let mut any = |bound: u8| u8::try_from(random.below(bound.into())).unwrap();
            let (who, from, to) = (any(ACCOUNTS), any(VALIDATORS), any(VALIDATORS));
            let bits = random.below(26);
            let amount = 1 + random.below(1 << bits);
            let mut since = now(&world);
            let action = random.below(13);
            match action {
                0..=2 => drop(world.delegate(who, to, amount)),
                3 => drop(world.undelegate(who, to, amount)),
                4 | 5 => {
                    since = model.held.get(&(who, from)).map_or(since, |held| held.since);
                    drop(world.redelegate(who, from, to, amount));
                }
                6 => {
                    let waiting =
                        unbondings_page(&world.store, account(who), None, (0, 9)).unwrap();
                    if let Some(one) = waiting.first() {
                        let (operator, height) = (one.operator, one.entry.creation_height);
                        let amount = amount.min(one.balance);
                        let writer = &mut world.writer();
                        drop(cancel_unbonding(writer, account(who), operator, height, amount));
                    }
                }
                7 => {
                    let height = world.block.height.saturating_sub(random.below(3));
                    let power = world.validator(to).tokens / DADB;
                    world.slash(to, height, power, random.below(100_000));
                }
                8 if model.rules.len() < 6 => {
                    let ballot = model.rules.len() as u64 + 1;
                    begin(&mut world, ballot);
                    model.rules.insert(ballot, age_rule(&world.store, ballot).unwrap());
                }
                9 => {
                    world.set(Param::GovAgeBonus, random.below(3) * 500_000);
                    model.full = MONTH + random.below(2 * YEAR);
                    world.set(Param::GovAgeFull, model.full);
                }
                10 => {
                    later(&mut world, random.below(MONTH));
                    world.end();
                    since = now(&world);
                }
                _ => {
                    let ballot = 1 + random.below(model.rules.len() as u64 + 1);
                    let part = random.below(WHOLE);
                    let weights = Weights::new([part, 0, WHOLE - part, 0]).unwrap();
                    let is_open = model.rules.contains_key(&ballot);
                    if is_open && votes_for(&mut world, ballot, who, weights).is_ok() {
                        model.votes.insert((ballot, who), weights);
                    }
                }
            }
            let what = format!("seed {seed}, step {step}, action {action}");
            model.follow(&world, since, &what);
            model.check(&world, &what);
        }
        let aged = model.rules.values().flatten().count();
        assert!(aged > 0, "seed {seed} has no vote with ages");
    }
}
