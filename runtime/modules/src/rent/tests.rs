//! The arithmetic of rent, and what the end of a block does to many contracts.

use super::account::{load, prepaid_least, save};
use super::price::price;
use super::*;
use crate::context::{Writer, integer};
use crate::params::{self, Change, Param};
use crate::{auth, bank, contract, distribution};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::STORAGE_BLOCK_MAX;
use dadbs_types::{BlockInfo, Event, Value};
use std::collections::BTreeMap;

const START_S: u64 = 1_700_000_000;

/// Splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

fn store(price: u64) -> Store {
    let mut store = Store::memory().unwrap();
    store.begin_block(0, 0).unwrap();
    let chosen = BTreeMap::from([("storage.price".to_string(), price)]);
    params::init(&mut store, &chosen).unwrap();
    auth::init(&mut store).unwrap();
    bank::init(&mut store).unwrap();
    distribution::init(&mut store).unwrap();
    contract::init(&mut store).unwrap();
    init(&mut store, START_S).unwrap();
    store
}

fn vote(store: &mut Store, value: u64) {
    let change = Change { param: Param::StoragePrice, value, replaces: None };
    params::apply(store, &[change]).unwrap();
}

/// Ends a block at a time; gives its events.
fn end(store: &mut Store, now: u64, grown: &[(u64, i64)]) -> Vec<Event> {
    let block =
        BlockInfo { time_ns: i64::try_from(now).unwrap() * 1_000_000_000, ..BlockInfo::default() };
    let mut events = Vec::new();
    let mut writer = Writer { store, block: &block, events: &mut events, rows: 0 };
    end_block(&mut writer, &grown.iter().copied().collect()).unwrap();
    events
}

/// Contracts with these numbers, and nothing else.
fn contracts(store: &mut Store, count: u64) {
    for id in 1..=count {
        store
            .execute(
                "INSERT INTO chain_contracts (id, name, address, code_id, creator)
                 VALUES (?1, ?2, '', 1, '')",
                &[&integer(id).unwrap(), &Value::Text(format!("c{id}"))],
            )
            .unwrap();
    }
}

fn prepay(store: &mut Store, id: u64, amount: u64, now: u64) {
    let price = price(store, now).unwrap();
    let mut account = load(store, id, &price).unwrap();
    account.balance += amount;
    bank::mint(store, escrow(), DENOM, amount).unwrap();
    save(store, &account).unwrap();
}

fn states(store: &Store) -> BTreeMap<String, u64> {
    let mut states = BTreeMap::new();
    for row in store.query("SELECT state, count(*) FROM chain_storage GROUP BY state", &[]).unwrap()
    {
        let [Value::Text(state), Value::Integer(count)] = &row[..] else { panic!("{row:?}") };
        states.insert(state.clone(), count.unsigned_abs());
    }
    states
}

#[test]
fn rule_3_what_is_paid_does_not_depend_on_how_often_it_is_settled() {
    let mut random = Random(7);
    for round in 0..300 {
        let (mut index, mut exact) = (0u128, 0u128);
        let at = |index| Price { price: 1, index, now: 0, on_since: 0, grace: 0 };
        let mut account = Account::new(1, &at(0));
        let whole = 1 << 60;
        account.balance = whole;
        for _ in 0..100 {
            account.bytes = match random.below(4) {
                0 => random.below(1_000),
                1 => random.below(1 << 40),
                _ => account.bytes,
            };
            let price =
                [0u64, 1, 1_000, 1_000_000_000_000][usize::try_from(random.below(4)).unwrap()];
            let passed = u128::from(price) * u128::from(random.below(3_000));
            index += passed;
            exact += u128::from(account.bytes) * passed;
            if exact.div_ceil(GIB_PERIOD) > u128::from(whole) {
                break;
            }
            let price = at(index);
            if random.below(2) == 0 {
                account.settle(&price);
                assert_eq!(u128::from(whole - account.balance), exact.div_ceil(GIB_PERIOD));
                assert_eq!(account.debt, 0);
            }
            // Asking changes nothing, and agrees.
            let (balance, debt) = account.standing(&price);
            assert_eq!(u128::from(whole - balance), exact.div_ceil(GIB_PERIOD), "round {round}");
            assert_eq!(debt, 0);
            // A contract pays up to `covered`, and not one second of the least price longer.
            let covered = account.covered();
            if covered < u128::MAX {
                assert_eq!(account.standing(&at(covered)).1, 0);
                assert!(account.standing(&at(covered + 1)).1 > 0);
            }
            account.settle(&price);
        }
    }
}

#[test]
fn rule_3_what_no_number_holds_is_cut_and_stops_nothing() {
    let price = Price { price: 1, index: u128::MAX, now: 0, on_since: 0, grace: 0 };
    let mut account = Account::new(1, &Price { index: 0, ..price });
    account.bytes = i64::MAX.unsigned_abs();
    account.balance = 5;
    assert_eq!(account.settle(&price), 5);
    assert_eq!((account.balance, account.debt), (0, i64::MAX.unsigned_abs() - 5));
    assert_eq!(account.settle(&price), 0, "settled twice at one time");
    let dear = Price { price: u64::MAX, ..price };
    assert_eq!(prepaid_least(u64::MAX, &dear), i64::MAX.unsigned_abs());
}

#[test]
fn rule_2_the_index_goes_on_over_changes_of_the_price() {
    let mut store = store(10);
    assert_eq!(price(&store, START_S + 7).unwrap().index, 70);
    vote(&mut store, 20);
    assert_eq!(price(&store, START_S + 7).unwrap().index, 70, "from the next block on");
    end(&mut store, START_S + 7, &[]);
    assert_eq!(price(&store, START_S + 8).unwrap().index, 90);
    vote(&mut store, 0);
    end(&mut store, START_S + 10, &[]);
    assert_eq!(price(&store, START_S + 1_000).unwrap().index, 130);
    vote(&mut store, 3);
    end(&mut store, START_S + 1_000, &[]);
    let later = price(&store, START_S + 1_001).unwrap();
    assert_eq!((later.index, later.on_since), (133, START_S + 1_000));
    assert_eq!(price(&store, 0).unwrap().index, 130, "no time runs backwards");
}

#[test]
fn rule_4_a_vote_doubles_or_halves_a_price_at_most() {
    let store_of = |value| store(value);
    for (before, voted, is_allowed) in [
        (0, START_PRICE_MAX, true),
        (0, START_PRICE_MAX + 1, false),
        (100, 200, true),
        (100, 201, false),
        (100, 50, true),
        (100, 49, false),
        (101, 50, false),
        (101, 51, true),
        (1, 0, true),
        (1, 2, true),
        (1, 3, false),
    ] {
        assert_eq!(check_price(&store_of(before), voted).is_ok(), is_allowed, "{before} {voted}");
    }
    // Several changes of one block are measured by the price that is in force.
    let mut store = store(100);
    vote(&mut store, 200);
    assert!(check_price(&store, 400).is_err());
    vote(&mut store, 0);
    assert!(check_price(&store, START_PRICE_MAX).is_err());
}

#[test]
fn rule_10_many_contracts_move_on_in_the_order_of_their_time_and_within_the_budget() {
    let count = STORAGE_BLOCK_MAX as u64 * 2 + 10;
    let mut store = store(1_000_000_000);
    contracts(&mut store, count);
    let sizes: Vec<_> = (1..=count).map(|id| (id, 1_000_000)).collect();
    for id in 1..=count {
        prepay(&mut store, id, 1_000_000 + id, START_S);
    }
    end(&mut store, START_S, &sizes);
    assert_eq!(states(&store), BTreeMap::from([("active".into(), count)]));
    assert!(!is_due(&store, START_S + PERIOD_S).unwrap(), "nothing is written while all are paid");
    let later = START_S + 3 * PERIOD_S;
    assert!(is_due(&store, later).unwrap());
    let events = end(&mut store, later, &[]);
    let first: Vec<_> = events.iter().filter(|event| event.kind == "storage_state").collect();
    assert_eq!(first.len(), STORAGE_BLOCK_MAX);
    assert_eq!(first[0].attributes[0].1, "c1", "whose balance ended first");
    end(&mut store, later + 1, &[]);
    end(&mut store, later + 2, &[]);
    assert_eq!(states(&store), BTreeMap::from([("grace".into(), count)]));
    assert!(!is_due(&store, later + 3).unwrap());
    let frost = later + params::get(&store, Param::StorageGrace).unwrap();
    end(&mut store, frost, &[]);
    assert_eq!(states(&store).get("frozen"), Some(&(STORAGE_BLOCK_MAX as u64)));
    end(&mut store, frost + 1, &[]);
    end(&mut store, frost + 2, &[]);
    assert_eq!(states(&store), BTreeMap::from([("frozen".into(), count)]));
    let pool = bank::balance(&store, distribution::community_pool(), DENOM).unwrap();
    let paid: u64 = (1..=count).map(|id| 1_000_000 + id).sum();
    assert_eq!(pool, paid, "all that was prepaid was charged");
}

#[test]
fn rule_6_time_without_a_price_counts_for_nothing() {
    let mut store = store(1_000_000_000);
    contracts(&mut store, 1);
    end(&mut store, START_S, &[(1, 1_000_000)]);
    end(&mut store, START_S + 1, &[]);
    let grace = params::get(&store, Param::StorageGrace).unwrap();
    let state =
        |store: &Store, now| account(store, 1).unwrap().unwrap().state(&price(store, now).unwrap());
    assert_eq!(state(&store, START_S + 2), State::Grace);
    end(&mut store, START_S + 1 + grace, &[]);
    assert_eq!(state(&store, START_S + 1 + grace), State::Frozen);
    vote(&mut store, 0);
    end(&mut store, START_S + 2 + grace, &[]);
    assert_eq!(state(&store, START_S + 9 * grace), State::Active, "no rent, no frost");
    vote(&mut store, 500_000_000);
    end(&mut store, START_S + 9 * grace, &[]);
    assert_eq!(state(&store, START_S + 9 * grace + 1), State::Grace, "a grace of its own");
    assert_eq!(state(&store, START_S + 10 * grace), State::Frozen);
}
