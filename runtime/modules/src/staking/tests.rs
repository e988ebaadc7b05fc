//! The rules of the module, on a store in memory.

use super::*;
use crate::auth;
use crate::context::Writer;
use crate::params::{self, Change, Param};
use dadbs_store::Store;
use dadbs_types::{AccountAddress, BlockInfo, Code, Error, ValidatorUpdate};
use std::collections::BTreeMap;

const START: u64 = 1_700_000_000;
pub(crate) const DADB: u64 = 1_000_000;

/// A chain of blocks over the module alone.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) block: BlockInfo,
    pub(crate) events: Vec<dadbs_types::Event>,
}

pub(crate) fn account(n: u8) -> AccountAddress {
    AccountAddress([n; 20])
}

pub(crate) fn key(n: u8) -> [u8; 32] {
    [n; 32]
}

impl World {
    /// Accounts 0 to 9 with 1000 DADB each; the first `validators` operate one each with 100 DADB.
    pub(crate) fn new(validators: u8) -> World {
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        let chosen = BTreeMap::from([
            ("staking.unbonding_time".to_string(), 100),
            ("slashing.fault_delay".to_string(), 20),
            ("gov.voting_period".to_string(), 100),
            ("gov.expedited_voting_period".to_string(), 100),
            ("slashing.signed_blocks_window".to_string(), 10),
            ("slashing.min_signed_per_window".to_string(), 500_000),
        ]);
        params::init(&mut store, &chosen).unwrap();
        auth::init(&mut store).unwrap();
        bank::init(&mut store).unwrap();
        crate::distribution::init(&mut store).unwrap();
        crate::votes::init(&mut store).unwrap();
        for n in 0..10 {
            auth::create_account(&mut store, account(n)).unwrap();
            bank::mint(&mut store, account(n), DENOM, 1_000 * DADB).unwrap();
        }
        let time_ns = i64::try_from(START * 1_000_000_000).unwrap();
        let block = BlockInfo { time_ns, ..BlockInfo::default() };
        let mut world = World { store, block, events: Vec::new() };
        let genesis: Vec<_> = (0..validators)
            .map(|n| GenesisValidator {
                operator: account(n),
                consensus_key: key(n),
                tokens: 100 * DADB,
                moniker: format!("v{n}"),
                commission_ppm: 100_000,
            })
            .collect();
        init(&mut world.writer(), &genesis).unwrap();
        crate::slashing::init(&mut world.store).unwrap();
        world.block.height = 1;
        world
    }

    pub(crate) fn writer(&mut self) -> Writer<'_> {
        Writer { store: &mut self.store, block: &self.block, events: &mut self.events, rows: 0 }
    }

    /// Ends the block; the next one is a second later.
    pub(crate) fn end(&mut self) -> Vec<ValidatorUpdate> {
        let updates = end_block(&mut self.writer()).unwrap();
        let broken = (invariant(&self.store).unwrap(), bank::invariant(&self.store).unwrap());
        assert_eq!(broken, (Vec::new(), Vec::new()), "at {}", self.block.height);
        self.block.height += 1;
        self.skip(1);
        self.block.votes.clear();
        self.block.misbehavior.clear();
        updates
    }

    pub(crate) fn skip(&mut self, seconds: i64) {
        self.block.time_ns += seconds * 1_000_000_000;
    }

    pub(crate) fn set(&mut self, param: Param, value: u64) {
        params::apply(&mut self.store, &[Change { param, value, replaces: None }]).unwrap();
    }

    pub(crate) fn held(&self, n: u8) -> u64 {
        bank::balance(&self.store, account(n), DENOM).unwrap()
    }

    pub(crate) fn validator(&self, n: u8) -> Validator {
        validator(&self.store, account(n)).unwrap().unwrap()
    }

    pub(crate) fn delegate(&mut self, from: u8, to: u8, amount: u64) -> Result<u64, Error> {
        delegate(&mut self.writer(), account(from), account(to), amount)
    }

    pub(crate) fn undelegate(
        &mut self,
        from: u8,
        to: u8,
        amount: u64,
    ) -> Result<(u64, u64), Error> {
        undelegate(&mut self.writer(), account(from), account(to), amount)
    }

    pub(crate) fn redelegate(
        &mut self,
        who: u8,
        from: u8,
        to: u8,
        amount: u64,
    ) -> Result<u64, Error> {
        redelegate(&mut self.writer(), account(who), (account(from), account(to)), amount)
    }

    pub(crate) fn create(&mut self, n: u8, amount: u64) -> Result<(), Error> {
        create_validator(&mut self.writer(), asked(n, amount))
    }

    pub(crate) fn slash(&mut self, n: u8, height: u64, power: u64, ppm: u64) -> u64 {
        let slash_of = Slash { operator: account(n), height, power, ppm, reason: "test" };
        let supply = bank::supply_of(&self.store, DENOM).unwrap();
        slash(&mut self.writer(), &slash_of).unwrap();
        pay_slashes(&mut self.writer()).unwrap();
        supply - bank::supply_of(&self.store, DENOM).unwrap()
    }

    pub(crate) fn shares(&self, from: u8, to: u8) -> u64 {
        delegated_shares(&self.store, account(from), account(to)).unwrap()
    }
}

fn asked(n: u8, amount: u64) -> Create {
    Create {
        operator: account(n),
        consensus_key: key(n),
        amount,
        commission: Commission { ppm: 100_000, max_ppm: 200_000, max_change_ppm: 10_000, time: 0 },
        min_self_delegation: 1,
        description: Description { moniker: format!("v{n}"), ..Description::default() },
    }
}

pub(crate) fn update(n: u8, power: u64) -> ValidatorUpdate {
    ValidatorUpdate { key: key(n), power }
}

pub(crate) fn refused<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    match result {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    }
}

#[test]
fn rules_2_and_3_stake_is_power_at_the_end_of_the_block() {
    let mut world = World::new(2);
    assert_eq!(world.end(), []);
    assert_eq!(total_bonded(&world.store), Ok(200 * DADB));
    world.delegate(5, 0, 7 * DADB + 1).unwrap();
    assert_eq!(world.held(5), 993 * DADB - 1);
    assert_eq!(world.end(), [update(0, 107)]);
    world.delegate(5, 0, DADB - 2).unwrap();
    assert_eq!(world.end(), []);
    assert_eq!(refused(world.delegate(5, 0, 0)), Code::InvalidCoins);
    assert_eq!(refused(world.delegate(5, 9, 1)), Code::ValidatorNotFound);
    assert_eq!(refused(world.delegate(5, 0, 1_000 * DADB)), Code::InsufficientFunds);
}

#[test]
fn rule_3_the_strongest_are_the_set_and_the_others_wait() {
    let mut world = World::new(2);
    world.set(Param::MaxValidators, 2);
    world.create(3, 50 * DADB).unwrap();
    assert_eq!(world.end(), []);
    assert_eq!(world.validator(3).status, Status::Unbonded);
    world.delegate(5, 3, 60 * DADB).unwrap();
    // The weaker by operator leaves, where stake is equal.
    assert_eq!(world.end(), [update(1, 0), update(3, 110)]);
    assert_eq!(world.validator(1).status, Status::Unbonding);
    assert_eq!(world.validator(3).bonded_height, 2);
    world.skip(100);
    world.end();
    assert_eq!(world.validator(1).status, Status::Unbonded);
    world.set(Param::MaxValidators, 3);
    assert_eq!(world.end(), [update(1, 100)]);
}

#[test]
fn rule_3_less_than_one_unit_is_no_power() {
    let mut world = World::new(1);
    world.set(Param::MinSelfDelegation, 1);
    world.create(3, DADB - 1).unwrap();
    assert_eq!(world.end(), []);
    world.delegate(3, 3, 1).unwrap();
    assert_eq!(world.end(), [update(3, 1)]);
}

#[test]
fn rule_4_the_set_is_never_empty() {
    let mut world = World::new(1);
    jail(&mut world.writer(), account(0), 0, "test").unwrap();
    assert_eq!(world.end(), []);
    assert!(world.events.iter().any(|event| event.kind == "validator_set_guard"));
    // Another one may take its place: the old one leaves with it.
    world.create(3, DADB).unwrap();
    assert_eq!(world.end(), [update(0, 0), update(3, 1)]);
    assert_eq!(world.validator(0).status, Status::Unbonding);
}

#[test]
fn rule_5_stake_that_leaves_waits() {
    let mut world = World::new(2);
    world.delegate(5, 0, 10 * DADB).unwrap();
    world.end();
    let (time, amount) = world.undelegate(5, 0, 4 * DADB).unwrap();
    assert_eq!((time, amount), (START + 101, 4 * DADB));
    // What follows in the same block is one entry with it.
    world.undelegate(5, 0, DADB).unwrap();
    assert_eq!(unbondings_page(&world.store, account(5), None, (0, 10)).unwrap().len(), 1);
    assert_eq!(world.end(), [update(0, 105)]);
    assert_eq!(world.held(5), 990 * DADB);
    world.skip(97);
    world.end();
    assert_eq!(world.held(5), 990 * DADB);
    world.end();
    world.end();
    assert_eq!(world.held(5), 995 * DADB);
    assert_eq!(refused(world.undelegate(5, 0, 5 * DADB + 1)), Code::DelegationNotFound);
    assert_eq!(refused(world.undelegate(6, 0, 1)), Code::DelegationNotFound);
    for _ in 0..7 {
        world.undelegate(5, 0, 1).unwrap();
        world.end();
    }
    assert_eq!(refused(world.undelegate(5, 0, 1)), Code::TooManyEntries);
}

#[test]
fn a_withdrawal_is_taken_back_in_part_and_whole() {
    let mut world = World::new(2);
    world.delegate(5, 0, 10 * DADB).unwrap();
    world.end();
    let height = world.block.height;
    world.undelegate(5, 0, 6 * DADB).unwrap();
    world.end();
    let mut cancel = |height, amount| {
        cancel_unbonding(&mut world.writer(), account(5), account(0), height, amount)
    };
    assert_eq!(refused(cancel(height + 1, 1)), Code::UnbondingNotFound);
    assert_eq!(refused(cancel(height, 6 * DADB + 1)), Code::UnbondingNotFound);
    cancel(height, 2 * DADB).unwrap();
    cancel(height, 4 * DADB).unwrap();
    assert_eq!(refused(cancel(height, 1)), Code::UnbondingNotFound);
    assert_eq!(world.shares(5, 0), 10 * DADB);
    assert_eq!(world.end(), [update(0, 110)]);
}

#[test]
fn rule_6_stake_moves_and_moves_on_only_when_it_has_matured() {
    let mut world = World::new(3);
    world.delegate(5, 0, 10 * DADB).unwrap();
    world.end();
    assert_eq!(world.redelegate(5, 0, 1, 4 * DADB), Ok(START + 101));
    assert_eq!(world.end(), [update(0, 106), update(1, 104)]);
    assert_eq!(refused(world.redelegate(5, 1, 2, 1)), Code::InvalidRedelegation);
    assert_eq!(refused(world.redelegate(5, 0, 0, 1)), Code::InvalidRedelegation);
    assert_eq!(refused(world.redelegate(5, 0, 9, 1)), Code::ValidatorNotFound);
    world.skip(100);
    world.end();
    world.redelegate(5, 1, 2, 4 * DADB).unwrap();
    assert_eq!(world.end(), [update(1, 100), update(2, 104)]);
    for _ in 0..7 {
        world.redelegate(5, 0, 1, 1).unwrap();
    }
    assert_eq!(refused(world.redelegate(5, 0, 1, 1)), Code::TooManyEntries);
}

#[test]
fn rule_7_a_consensus_key_is_used_once() {
    let mut world = World::new(2);
    let again = Create { consensus_key: key(1), ..asked(3, DADB) };
    let result = create_validator(&mut world.writer(), again);
    assert_eq!(refused(result), Code::ConsensusKeyUsed);
    assert_eq!(refused(world.create(1, DADB)), Code::ValidatorExists);
    rotate_key(&mut world.writer(), account(0), key(20)).unwrap();
    world.delegate(5, 0, DADB).unwrap();
    // Both in one block are one change: the old key leaves, the new one has the power.
    assert_eq!(world.end(), [update(0, 0), update(20, 101)]);
    assert_eq!(world.held(0), 999 * DADB);
    let pool = crate::distribution::community_pool();
    assert_eq!(bank::balance(&world.store, pool, DENOM), Ok(DADB), "the price is the community's");
    let old = Create { consensus_key: key(0), ..asked(3, DADB) };
    assert_eq!(refused(create_validator(&mut world.writer(), old)), Code::ConsensusKeyUsed);
    let result = rotate_key(&mut world.writer(), account(1), key(20));
    assert_eq!(refused(result), Code::ConsensusKeyUsed);
    let result = rotate_key(&mut world.writer(), account(0), key(21));
    assert_eq!(refused(result), Code::KeyRotation);
    let found = by_consensus_address(&world.store, consensus_address(&key(0)).0).unwrap();
    assert_eq!(found.unwrap().operator, account(0));
}

#[test]
fn rule_8_an_operator_that_leaves_is_jailed() {
    let mut world = World::new(2);
    world.delegate(5, 0, 10 * DADB).unwrap();
    world.undelegate(0, 0, 100 * DADB).unwrap();
    assert!(world.validator(0).jailed);
    assert_eq!(world.end(), [update(0, 0)]);
    world.skip(100);
    world.end();
    // The rest of the stake can go at any time; then nothing is left of the validator.
    world.undelegate(5, 0, 10 * DADB).unwrap();
    assert_eq!(validator(&world.store, account(0)), Ok(None));
    world.end();
    world.skip(100);
    world.end();
    assert_eq!((world.held(0), world.held(5)), (1_100 * DADB, 1_000 * DADB));
}

#[test]
fn rule_9_what_matures_is_bounded_in_a_block() {
    let mut world = World::new(1);
    world.set(Param::MaxEntries, 100);
    let bound = u64::try_from(dadbs_types::limits::MATURITIES_BLOCK_MAX).unwrap();
    let count = |world: &World| {
        let found = world.store.query("SELECT count(*) FROM chain_unbondings", &[]).unwrap();
        found[0][0].clone()
    };
    world.set(Param::UnbondingTime, 10_000);
    for n in 0..9 {
        world.delegate(n, 0, 100 * DADB).unwrap();
    }
    for _ in 0..70 {
        for n in 1..9 {
            world.undelegate(n, 0, 1).unwrap();
        }
        world.end();
    }
    assert_eq!(count(&world), dadbs_types::Value::Integer(560));
    world.skip(20_000);
    world.end();
    assert_eq!(count(&world), dadbs_types::Value::Integer(i64::try_from(560 - bound).unwrap()));
    world.end();
    assert_eq!(count(&world), dadbs_types::Value::Integer(0));
}

#[test]
fn rule_10_a_tombstoned_operator_never_returns() {
    let mut world = World::new(2);
    tombstone(&mut world.writer(), account(0)).unwrap();
    world.end();
    world.undelegate(0, 0, 100 * DADB).unwrap();
    world.skip(200);
    world.end();
    world.end();
    assert!(world.validator(0).tombstoned);
    let again = Create { consensus_key: key(30), ..asked(0, DADB) };
    let result = create_validator(&mut world.writer(), again);
    assert_eq!(refused(result), Code::ValidatorExists);
}

#[test]
fn create_and_edit_are_bounded() {
    let mut world = World::new(1);
    let mut create = |change: fn(&mut Create)| {
        let mut asked = asked(3, 10 * DADB);
        change(&mut asked);
        refused(create_validator(&mut world.writer(), asked))
    };
    assert_eq!(create(|c| c.commission.ppm = 200_001), Code::InvalidCommission);
    assert_eq!(create(|c| c.commission.max_ppm = 1_000_001), Code::InvalidCommission);
    assert_eq!(create(|c| c.commission.max_change_ppm = 200_001), Code::InvalidCommission);
    assert_eq!(create(|c| c.commission.ppm = 49_999), Code::InvalidCommission);
    assert_eq!(create(|c| c.description.moniker = String::new()), Code::InvalidDescription);
    assert_eq!(create(|c| c.description.details = "x".repeat(281)), Code::InvalidDescription);
    assert_eq!(create(|c| c.amount = DADB - 1), Code::SelfDelegation);
    assert_eq!(create(|c| c.min_self_delegation = 0), Code::SelfDelegation);
    assert_eq!(create(|c| c.min_self_delegation = 11 * DADB), Code::SelfDelegation);
    world.create(3, 10 * DADB).unwrap();
    let same = Edit {
        operator: account(3),
        description: asked(3, 1).description,
        commission_ppm: None,
        min_self_delegation: None,
    };
    let mut edit = |change: Edit| edit_validator(&mut world.writer(), change);
    let early = Edit { commission_ppm: Some(105_000), ..same.clone() };
    assert_eq!(refused(edit(early)), Code::InvalidCommission);
    for least in [1, 10 * DADB + 1] {
        let edited = Edit { min_self_delegation: Some(least), ..same.clone() };
        assert_eq!(refused(edit(edited)), Code::SelfDelegation);
    }
    edit(Edit { min_self_delegation: Some(2 * DADB), ..same.clone() }).unwrap();
    world.skip(86_400);
    let mut edit = |ppm| {
        let change = Edit { commission_ppm: Some(ppm), ..same.clone() };
        edit_validator(&mut world.writer(), change)
    };
    assert_eq!(refused(edit(110_001)), Code::InvalidCommission);
    assert_eq!(refused(edit(49_999)), Code::InvalidCommission);
    edit(110_000).unwrap();
    assert_eq!(refused(edit(100_000)), Code::InvalidCommission);
    assert_eq!(world.validator(3).commission.ppm, 110_000);
}

#[test]
fn admission_may_be_governed() {
    let mut world = World::new(1);
    world.set(Param::AdmissionOpen, 0);
    assert_eq!(refused(world.create(3, DADB)), Code::NotAdmitted);
    admit(&mut world.writer(), account(3), true).unwrap();
    world.create(3, DADB).unwrap();
    admit(&mut world.writer(), account(4), true).unwrap();
    admit(&mut world.writer(), account(4), false).unwrap();
    assert_eq!(refused(world.create(4, DADB)), Code::NotAdmitted);
}
