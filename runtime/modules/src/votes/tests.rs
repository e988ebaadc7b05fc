//! The rules of votes, against a model that counts everything anew.

use super::weights::sum;
use super::*;
use crate::random::Random;
use crate::{auth, params};
use dadbs_types::coin::DENOM;
use std::collections::BTreeMap;

const END: u64 = 1;

fn account(index: u8) -> AccountAddress {
    AccountAddress([index; 20])
}

fn store() -> Store {
    let mut store = Store::memory().unwrap();
    store.begin_block(0, 0).unwrap();
    params::init(&mut store, &BTreeMap::new()).unwrap();
    auth::init(&mut store).unwrap();
    bank::init(&mut store).unwrap();
    init(&mut store).unwrap();
    for index in 0..20 {
        bank::mint(&mut store, account(index), DENOM, 1_000_000).unwrap();
    }
    store
}

fn all(option: usize) -> Weights {
    let mut weights = [0; 4];
    weights[option] = WHOLE;
    Weights::new(weights).unwrap()
}

fn ballot(ballot: u64, voter: u8, weights: Weights, locked: u64) -> Vote {
    Vote { ballot, voter: account(voter), weights, locked, metadata: String::new() }
}

fn held(shares: u64) -> Held {
    Held { shares, since: 0 }
}

fn stake(delegations: &[(u8, u64)]) -> Stake {
    let delegations =
        delegations.iter().map(|(who, shares)| (account(*who), held(*shares))).collect();
    Stake { delegations, is_operator: false }
}

fn code(result: Result<(), Error>) -> Option<Code> {
    match result {
        Ok(()) => None,
        Err(Error::Rejected(rejection)) => Some(rejection.code),
        Err(Error::Fatal(fatal)) => panic!("{fatal}"),
    }
}

fn validator(operator: u8, tokens: u64, shares: u64) -> Validator {
    Validator { operator: account(operator), tokens, shares, ages: Ages::default() }
}

#[test]
fn rule_2_nothing_is_lost_in_a_split() {
    let third = WHOLE / 3;
    let weights = Weights::new([third, third, 0, WHOLE - 2 * third]).unwrap();
    for amount in [0, 1, 2, 3, 10, 999_999_999, i64::MAX as u64] {
        let split = weights.split(amount);
        assert_eq!(sum(split), u128::from(amount));
        assert!(split[0] == split[1] && split[2] == 0 && split[3] >= split[0]);
    }
    assert!(Weights::new([WHOLE, 1, 0, 0]).is_err());
    assert!(Weights::new([u64::MAX; 4]).is_err());
}

#[test]
fn rule_3_a_vote_has_power() {
    let mut store = store();
    open(&mut store, 1, 0, END).unwrap();
    let nothing = cast(&mut store, &ballot(1, 0, all(0), 0), &Stake::default());
    assert_eq!(code(nothing), Some(Code::NoVotingPower));
    let dust = cast(&mut store, &ballot(1, 0, all(0), 0), &stake(&[(9, 0)]));
    assert_eq!(code(dust), Some(Code::NoVotingPower));
    let operator = Stake { is_operator: true, ..Stake::default() };
    assert_eq!(code(cast(&mut store, &ballot(1, 0, all(0), 0), &operator)), None);
    assert_eq!(code(cast(&mut store, &ballot(1, 1, all(0), 1), &Stake::default())), None);
    let more = cast(&mut store, &ballot(1, 2, all(0), 1_000_001), &Stake::default());
    assert_eq!(code(more), Some(Code::InsufficientFunds));
}

#[test]
fn rules_1_5_and_6_delegators_override_their_operator() {
    let mut store = store();
    open(&mut store, 1, 0, END).unwrap();
    let electorate = Electorate {
        bonded: 300,
        validators: vec![validator(9, 200, 400), validator(8, 100, 100)],
    };
    let count = |store: &Store| tally(store, 1, &electorate).unwrap();
    assert_eq!(count(&store), Tally { electorate: 300, ..Tally::default() });
    // Operator 9 has 40 shares of its own, and its 400 are worth 200.
    cast(&mut store, &ballot(1, 9, all(0), 0), &stake(&[(9, 40)])).unwrap();
    assert_eq!(count(&store).counts, [200, 0, 0, 0]);
    cast(&mut store, &ballot(1, 1, all(2), 0), &stake(&[(9, 100), (8, 30)])).unwrap();
    assert_eq!(count(&store).counts, [150, 0, 80, 0]);
    // Another vote replaces it, and coins that are locked count besides.
    cast(&mut store, &ballot(1, 1, all(3), 7), &stake(&[(9, 100), (8, 30)])).unwrap();
    assert_eq!(
        count(&store),
        Tally { counts: [150, 0, 0, 87], electorate: 307, ..Tally::default() }
    );
    cast(&mut store, &ballot(1, 1, all(1), 5), &stake(&[(9, 100), (8, 30)])).unwrap();
    assert_eq!(
        count(&store),
        Tally { counts: [150, 85, 0, 0], electorate: 305, ..Tally::default() }
    );
    let missing = Electorate { bonded: 300, validators: vec![validator(8, 100, 100)] };
    assert_eq!(tally(&store, 1, &missing).unwrap().counts, [0, 35, 0, 0]);
}

#[test]
fn rule_1_a_bounded_number_of_open_ballots() {
    let mut store = store();
    for id in 1..=VOTES_OPEN_MAX + 1 {
        open(&mut store, id, 0, END).unwrap();
    }
    for id in 1..=VOTES_OPEN_MAX {
        cast(&mut store, &ballot(id, 1, all(0), 1), &Stake::default()).unwrap();
    }
    let last = ballot(VOTES_OPEN_MAX + 1, 1, all(0), 1);
    assert_eq!(code(cast(&mut store, &last, &Stake::default())), Some(Code::TooManyVotes));
    cast(&mut store, &ballot(1, 1, all(1), 1), &Stake::default()).unwrap();
    close(&mut store, 5).unwrap();
    assert_eq!(code(cast(&mut store, &last, &Stake::default())), None);
}

#[test]
fn rule_7_locks_lie_over_each_other() {
    let mut store = store();
    open(&mut store, 1, 0, END).unwrap();
    open(&mut store, 2, 0, END).unwrap();
    cast(&mut store, &ballot(1, 1, all(0), 600_000), &Stake::default()).unwrap();
    cast(&mut store, &ballot(2, 1, all(0), 900_000), &Stake::default()).unwrap();
    assert_eq!(bank::spendable(&store, account(1)), Ok(100_000));
    let moved = bank::deposit(&mut store, account(1), account(2), 100_001);
    assert_eq!(code(moved), Some(Code::InsufficientFunds));
    assert_eq!(code(bank::deposit(&mut store, account(1), account(2), 100_000)), None);
    close(&mut store, 2).unwrap();
    assert_eq!(bank::spendable(&store, account(1)), Ok(0));
    sweep(&mut store, 100).unwrap();
    assert_eq!(bank::spendable(&store, account(1)), Ok(300_000));
    cast(&mut store, &ballot(1, 1, all(0), 0), &stake(&[(9, 1)])).unwrap();
    assert_eq!(bank::spendable(&store, account(1)), Ok(900_000));
    assert_eq!(bank::invariant(&store).unwrap(), Vec::<String>::new());
}

#[test]
fn rule_8_a_sweep_is_bounded_and_ends() {
    let mut store = store();
    open(&mut store, 1, 0, END).unwrap();
    for voter in 0..20 {
        cast(&mut store, &ballot(1, voter, all(0), 5), &stake(&[(voter, 1)])).unwrap();
    }
    assert_eq!(sweep(&mut store, 10), Ok(0));
    close(&mut store, 1).unwrap();
    let mut rows = Vec::new();
    while let Ok(removed @ 1..) = sweep(&mut store, 15) {
        rows.push(removed);
    }
    // 21 rows of the tally, 20 votes, one ballot.
    assert_eq!(rows, [15, 15, 12]);
    for table in ["votes", "tallies", "ballots", "locks"] {
        let sql: &'static str = match table {
            "votes" => "SELECT 1 FROM chain_votes",
            "tallies" => "SELECT 1 FROM chain_tallies",
            "ballots" => "SELECT 1 FROM chain_ballots",
            _ => "SELECT 1 FROM chain_locks",
        };
        assert!(store.query(sql, &[]).unwrap().is_empty(), "{table}");
    }
}

fn any_account(random: &mut Random) -> u8 {
    u8::try_from(random.below(12)).unwrap()
}

type Shares = BTreeMap<(AccountAddress, AccountAddress), u64>;

fn staked(shares: &Shares, voter: AccountAddress) -> Stake {
    let of_voter = shares.iter().filter(|((who, _), shares)| *who == voter && **shares > 0);
    Stake {
        delegations: of_voter.map(|((_, operator), shares)| (*operator, held(*shares))).collect(),
        is_operator: false,
    }
}

#[test]
fn the_running_tally_is_what_votes_give_counted_anew() {
    for seed in 0..20 {
        let mut random = Random(seed);
        let mut store = store();
        let mut shares = Shares::new();
        let mut opened = 0;
        for _ in 0..150 {
            match random.below(10) {
                0 => {
                    opened += 1;
                    open(&mut store, opened, 0, END).unwrap();
                }
                1 if opened > 0 => close(&mut store, 1 + random.below(opened)).unwrap(),
                2 => drop(sweep(&mut store, random.below(4)).unwrap()),
                3..=5 => {
                    let (who, operator) =
                        (account(any_account(&mut random)), account(any_account(&mut random)));
                    let before = shares.get(&(who, operator)).copied().unwrap_or(0);
                    let after = random.below(3) * random.below(1_000_000_000_000);
                    shares_changed(&mut store, 0, who, operator, (held(before), held(after)))
                        .unwrap();
                    shares.insert((who, operator), after);
                }
                _ if opened > 0 => {
                    let id = 1 + random.below(opened);
                    let is_open = store
                        .query(
                            "SELECT 1 FROM chain_ballots WHERE id = ?1 AND closed = 0",
                            &[&integer(id).unwrap()],
                        )
                        .unwrap();
                    if is_open.is_empty() {
                        continue;
                    }
                    let part = random.below(WHOLE);
                    let other = random.below(WHOLE - part);
                    let weights = Weights::new([part, other, 0, WHOLE - part - other]).unwrap();
                    let voter = any_account(&mut random);
                    let vote = ballot(id, voter, weights, random.below(3) * random.below(300_000));
                    let stake = staked(&shares, account(voter));
                    match cast(&mut store, &vote, &stake) {
                        Ok(()) | Err(Error::Rejected(_)) => {}
                        Err(Error::Fatal(fatal)) => panic!("seed {seed}: {fatal}"),
                    }
                }
                _ => {}
            }
            let broken = invariant(&store, |voter| Ok(staked(&shares, voter))).unwrap();
            assert_eq!(broken, Vec::<String>::new(), "seed {seed}");
            assert_eq!(bank::invariant(&store).unwrap(), Vec::<String>::new(), "seed {seed}");
        }
    }
}
