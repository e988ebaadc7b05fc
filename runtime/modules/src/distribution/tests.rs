//! The rules of the module, and random sequences against exact fractions.
#![allow(clippy::cast_possible_truncation, reason = "test data is small")]

use super::*;
use crate::random::Random;
use crate::{auth, bank, params};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{Amount, Code, Coin, Error, Event};
use std::collections::BTreeMap;

fn address(number: u8) -> AccountAddress {
    AccountAddress([number; 20])
}

const VALIDATORS: [u8; 3] = [201, 202, 203];

struct Bench {
    store: Store,
    events: Vec<Event>,
    /// (validator, delegator) -> shares: what staking will know.
    shares: BTreeMap<(u8, u8), u64>,
    random: Random,
}

impl Bench {
    fn new(seed: u64) -> Bench {
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        params::init(&mut store, &BTreeMap::new()).unwrap();
        auth::init(&mut store).unwrap();
        bank::init(&mut store).unwrap();
        init(&mut store).unwrap();
        Bench { store, events: Vec::new(), shares: BTreeMap::new(), random: Random(seed) }
    }

    fn set_shares(&mut self, validator: u8, delegator: u8, after: u64) -> u64 {
        let before = self.shares.get(&(validator, delegator)).copied().unwrap_or(0);
        let (v, d) = (address(validator), address(delegator));
        let paid =
            before_shares_change(&mut self.store, &mut self.events, v, d, before, after).unwrap();
        if after == 0 {
            self.shares.remove(&(validator, delegator));
        } else {
            self.shares.insert((validator, delegator), after);
        }
        paid
    }

    fn share(&self, validator: u8, power: u64, commission_ppm: u64) -> Share {
        let of = self.shares.iter().filter(|((v, _), _)| *v == validator);
        let shares = of.map(|(_, shares)| *shares).sum();
        Share { operator: address(validator), power, shares, commission_ppm }
    }

    /// Mints and distributes.
    fn reward(&mut self, signers: &[Share], proposer: Option<&Share>, amount: u64, tip: u64) {
        bank::issue(&mut self.store, DENOM, amount + tip).unwrap();
        distribute(&mut self.store, &mut self.events, signers, proposer, amount, tip).unwrap();
    }

    fn held(&self, of: AccountAddress) -> u64 {
        bank::balance(&self.store, of, DENOM).unwrap()
    }

    fn check(&self) {
        let delegations: Vec<_> =
            self.shares.iter().map(|((v, d), s)| (address(*v), address(*d), *s)).collect();
        assert_eq!(invariant(&self.store, &delegations).unwrap(), Vec::<String>::new());
        assert_eq!(bank::invariant(&self.store).unwrap(), Vec::<String>::new());
    }
}

fn udadb(amount: u64) -> Coin {
    Coin { denom: DENOM.into(), amount: Amount(u128::from(amount)) }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rule_1_a_block_is_divided_by_power_and_the_rest_goes_to_the_pool() {
    let mut bench = Bench::new(0);
    bench.set_shares(201, 1, 100);
    bench.set_shares(202, 2, 100);
    let signers = [bench.share(201, 2, 0), bench.share(202, 1, 0)];
    // 2 % tax of 1,000; 980 in three parts; the tip of 7 is the second one's.
    bench.reward(&signers, Some(&signers[1]), 1_000, 7);
    assert_eq!(rewards(&bench.store, address(201)).unwrap().outstanding, 653);
    assert_eq!(rewards(&bench.store, address(202)).unwrap().outstanding, 326 + 7);
    assert_eq!(bench.held(account()), 653 + 333);
    assert_eq!(bench.held(community_pool()), 20 + 1);
    bench.reward(&[], None, 100, 3);
    assert_eq!(bench.held(community_pool()), 124, "nobody signed, nobody proposed");
    bench.check();
}

#[test]
fn rule_2_commission_comes_first_and_nobody_earns_without_shares() {
    let mut bench = Bench::new(0);
    bench.set_shares(201, 1, 10);
    let share = bench.share(201, 1, 105_000);
    bench.reward(&[share], None, 102, 0);
    // 2 tax, 100 left, 10.5 % of it rounded down.
    let earned = rewards(&bench.store, address(201)).unwrap();
    assert_eq!((earned.outstanding, earned.commission), (90, 10));
    let nobody = bench.share(203, 5, 0);
    assert_eq!(nobody.shares, 0);
    bench.reward(&[nobody], Some(&nobody), 1_000, 5);
    assert_eq!(rewards(&bench.store, address(203)).unwrap(), Rewards::default());
    assert_eq!(bench.held(community_pool()), 2 + 1_005);
    bench.check();
}

#[test]
fn rules_3_and_4_shares_earn_alike_from_their_start_and_fractions_are_not_lost() {
    let mut bench = Bench::new(0);
    for delegator in 1..=3 {
        bench.set_shares(201, delegator, 1);
    }
    let share = bench.share(201, 1, 0);
    bench.reward(&[share], Some(&share), 0, 100);
    assert_eq!(bench.set_shares(201, 1, 1), 33);
    bench.set_shares(201, 4, 3);
    // 67 of the first are there; 3 of the 6 shares are new.
    let share = bench.share(201, 1, 0);
    bench.reward(&[share], Some(&share), 0, 60);
    assert_eq!(bench.set_shares(201, 4, 0), 30);
    assert_eq!(bench.set_shares(201, 2, 0), 43);
    assert_eq!(bench.set_shares(201, 3, 0), 43);
    bench.check();
    assert_eq!(bench.set_shares(201, 1, 0), 10);
    let left = rewards(&bench.store, address(201)).unwrap();
    assert_eq!(u128::from(left.outstanding) * SCALE, left.remainder, "one udadb of fractions");
    assert_eq!(left.outstanding, 1);
    bench.check();
}

#[test]
fn rule_6_what_does_not_fit_goes_to_the_pool() {
    let mut bench = Bench::new(0);
    bench.set_shares(201, 1, 1);
    let share = bench.share(201, 1, 0);
    let most = i64::MAX as u64;
    let mut paid: u128 = 0;
    // The coins go round and round to one share: its account is what is minted anew here.
    for _ in 0..5 {
        bench.reward(&[share], Some(&share), 0, most);
        paid += u128::from(bench.set_shares(201, 1, 1));
        for account in [address(1), community_pool()] {
            let held = bench.held(account);
            bank::take_fee(&mut bench.store, account, &udadb(held)).unwrap();
            bank::burn_taken(&mut bench.store, DENOM, held).unwrap();
        }
        bench.check();
    }
    assert_eq!(paid / u128::from(most), 3, "3 * 2^63 * 10^19 are below 2^128, 4 are not");
}

#[test]
fn rule_7_rewards_go_to_the_withdraw_address() {
    let mut bench = Bench::new(0);
    bench.set_shares(201, 1, 5);
    let share = bench.share(201, 1, 500_000);
    bench.reward(&[share], Some(&share), 0, 1_000);
    let (store, events) = (&mut bench.store, &mut bench.events);
    let refused = set_withdraw_address(store, events, address(1), community_pool());
    assert_eq!(code(refused), Code::Unauthorized);
    set_withdraw_address(store, events, address(1), address(9)).unwrap();
    assert_eq!(withdraw_rewards(store, events, address(201), address(1), 5), Ok(500));
    set_withdraw_address(store, events, address(1), address(1)).unwrap();
    assert_eq!(withdraw_address(store, address(1)), Ok(address(1)));
    set_withdraw_address(store, events, address(201), address(8)).unwrap();
    assert_eq!(withdraw_commission(store, events, address(201)), Ok(500));
    assert_eq!(code(withdraw_commission(store, events, address(201))), Code::NoCommission);
    let refused = withdraw_rewards(store, events, address(201), address(7), 0);
    assert_eq!(code(refused), Code::NoDelegation);
    assert_eq!((bench.held(address(9)), bench.held(address(8))), (500, 500));
    bench.check();
}

#[test]
fn rule_8_a_validator_that_ends_leaves_nothing() {
    let mut bench = Bench::new(0);
    for delegator in 1..=7 {
        bench.set_shares(201, delegator, 1);
    }
    let share = bench.share(201, 1, 100_000);
    bench.reward(&[share], Some(&share), 0, 1_000);
    for delegator in 1..=7 {
        assert_eq!(bench.set_shares(201, delegator, 0), 128);
    }
    remove_validator(&mut bench.store, &mut bench.events, address(201)).unwrap();
    assert_eq!(bench.held(address(201)), 100);
    assert_eq!(bench.held(community_pool()), 4);
    assert_eq!(bench.held(account()), 0);
    assert_eq!(bench.store.query("SELECT * FROM chain_validator_rewards", &[]), Ok(vec![]));
    assert_eq!(bench.store.query("SELECT * FROM chain_reward_starts", &[]), Ok(vec![]));
    bench.check();
}

#[test]
fn rule_9_the_pool_pays_what_it_holds() {
    let mut bench = Bench::new(0);
    bank::mint(&mut bench.store, address(1), DENOM, 100).unwrap();
    let (store, events) = (&mut bench.store, &mut bench.events);
    fund_pool(store, events, address(1), &[udadb(60)]).unwrap();
    assert_eq!(code(fund_pool(store, events, address(1), &[udadb(41)])), Code::InsufficientFunds);
    assert_eq!(code(fund_pool(store, events, address(1), &[])), Code::InvalidCoins);
    let other = Coin { denom: "uother".into(), amount: Amount(1) };
    assert_eq!(code(fund_pool(store, events, address(1), &[other])), Code::InvalidCoins);
    assert_eq!(code(spend_pool(store, events, address(2), &[udadb(61)])), Code::InsufficientFunds);
    assert_eq!(code(spend_pool(store, events, account(), &[udadb(1)])), Code::Unauthorized);
    spend_pool(store, events, address(2), &[udadb(60)]).unwrap();
    assert_eq!((bench.held(address(2)), bench.held(community_pool())), (60, 0));
    bench.check();
}

/// Exact rewards: numerator over a common denominator cannot be had, so the model keeps each delegation's
/// reward as a float-free pair of bounds from the definition of rule 3, summed reward by reward.
#[derive(Default)]
struct Exact {
    /// For each delegation: the sum over rewards of reward * shares / all shares, in 10^-19, rounded down
    /// and up for each reward alone.
    owed: BTreeMap<(u8, u8), (u128, u128)>,
}

impl Exact {
    fn reward(&mut self, shares: &BTreeMap<(u8, u8), u64>, validator: u8, amount: u64) {
        let of = || shares.iter().filter(|((v, _), _)| *v == validator);
        let all: u128 = of().map(|(_, shares)| u128::from(*shares)).sum();
        for (key, shares) in of() {
            let product = u128::from(amount) * u128::from(*shares);
            // amount * shares < 2^80 in these tests: scaled by parts.
            let whole = product / all * SCALE;
            let (low, high) =
                ((product % all) * SCALE / all, ((product % all) * SCALE).div_ceil(all));
            let owed = self.owed.entry(*key).or_default();
            *owed = (owed.0 + whole + low, owed.1 + whole + high);
        }
    }
}

#[test]
fn random_sequences_pay_what_is_earned_and_all_withdrawals_succeed_in_any_order() {
    for seed in 0..300 {
        let mut bench = Bench::new(seed);
        let mut exact = Exact::default();
        let mut paid: BTreeMap<(u8, u8), u64> = BTreeMap::new();
        let mut settlements: u128 = 0;
        for step in 0..60 {
            let validator = VALIDATORS[bench.random.below(3) as usize];
            let delegator = bench.random.below(6) as u8;
            match bench.random.below(5) {
                0 | 1 => {
                    let bits = 1 + bench.random.below(40);
                    let after =
                        if bench.random.below(4) == 0 { 0 } else { bench.random.below(1 << bits) };
                    let got = bench.set_shares(validator, delegator, after);
                    *paid.entry((validator, delegator)).or_default() += got;
                    settlements += 1;
                }
                2 => {
                    let shares = bench.shares.get(&(validator, delegator)).copied();
                    if let Some(shares) = shares {
                        let got = bench.set_shares(validator, delegator, shares);
                        *paid.entry((validator, delegator)).or_default() += got;
                        settlements += 1;
                    }
                }
                _ => {
                    let bits = 1 + bench.random.below(38);
                    let amount = bench.random.below(1 << bits);
                    let share = bench.share(validator, 1, 0);
                    bench.reward(&[], Some(&share), 0, amount);
                    if share.shares > 0 {
                        exact.reward(&bench.shares, validator, amount);
                    }
                }
            }
            if step % 10 == 9 {
                bench.check();
            }
        }
        // Everyone withdraws, in an order of the seed, and leaves.
        let mut all: Vec<(u8, u8)> = bench.shares.keys().copied().collect();
        while !all.is_empty() {
            let next = bench.random.below(all.len() as u64) as usize;
            let (validator, delegator) = all.swap_remove(next);
            let got = bench.set_shares(validator, delegator, 0);
            *paid.entry((validator, delegator)).or_default() += got;
            settlements += 1;
        }
        bench.check();
        for (key, (low, high)) in &exact.owed {
            let got = u128::from(paid.get(key).copied().unwrap_or(0));
            // Each settlement of anyone drops less than one udadb, which the others share later.
            let slack = settlements + 1;
            assert!(got <= high / SCALE + slack, "seed {seed} {key:?}: {got} for {high}");
            assert!(got + slack >= low / SCALE, "seed {seed} {key:?}: {got} for {low}");
        }
        let given: u64 = paid.values().sum();
        let left: u64 = VALIDATORS
            .iter()
            .map(|v| rewards(&bench.store, address(*v)).unwrap().outstanding)
            .sum();
        assert!(u128::from(left) <= settlements, "seed {seed}: {left} left of {given}");
    }
}
