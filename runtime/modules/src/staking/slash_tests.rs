//! The rules of slashing and of its instalments, on a store in memory.

use super::tests::{DADB, World, account, refused, update};
use super::*;
use crate::context::Rows;
use crate::params::Param;
use crate::{auth, bank};
use dadbs_types::limits::SLASHED_BLOCK_MAX;
use dadbs_types::{AccountAddress, Code, Value};

#[test]
fn rule_2_the_validator_pays_the_fraction() {
    let mut world = World::new(2);
    world.delegate(5, 0, 100 * DADB).unwrap();
    world.end();
    assert_eq!(world.slash(0, world.block.height, 200, 50_000), 10 * DADB);
    assert_eq!(world.validator(0).tokens, 190 * DADB);
    assert_eq!(bank::supply(&world.store).unwrap()[0].amount.0, u128::from(10_190 * DADB));
    assert_eq!(world.end(), [update(0, 190)]);
    // Delegators bear it alike: 100 of 200 shares are worth 95.
    let (_, amount) = world.undelegate(5, 0, 95 * DADB).unwrap();
    assert_eq!((amount, world.shares(5, 0)), (95 * DADB, 0));
    world.end();
    // Never more than there is.
    assert_eq!(world.slash(0, world.block.height, u64::MAX, 1_000_000), 95 * DADB);
    assert_eq!(refused(world.delegate(5, 0, 1)), Code::Worthless);
    world.end();
}

#[test]
fn rules_3_and_4_what_left_after_the_fault_pays_the_fraction() {
    let mut world = World::new(2);
    world.delegate(5, 0, 100 * DADB).unwrap();
    world.undelegate(5, 0, 10 * DADB).unwrap();
    world.end();
    let fault = world.block.height;
    world.end();
    world.undelegate(5, 0, 40 * DADB).unwrap();
    world.redelegate(5, 0, 1, 30 * DADB).unwrap();
    world.end();
    // 5 % of 190: 2 from the unbonding, 1.5 from what moved, the rest from the validator.
    assert_eq!(world.slash(0, fault, 190, 50_000), 9_500_000);
    let left = unbondings_page(&world.store, account(5), None, (0, 10)).unwrap();
    assert_eq!(left.iter().map(|u| u.balance).collect::<Vec<_>>(), [10 * DADB, 38 * DADB]);
    assert_eq!(world.shares(5, 1), 28_500_000);
    assert_eq!(world.validator(1).tokens, 128_500_000);
    assert_eq!(world.validator(0).tokens, 114 * DADB);
    world.end();
    // Again: what left pays of what it began with, the validator of the 114 that it has.
    assert_eq!(world.slash(0, fault, 190, 50_000), 2 * DADB + 1_500_000 + 5_700_000);
    world.end();
    // The power at the fault bounds what the validator pays, and what has matured is out of reach.
    world.skip(100);
    world.end();
    assert_eq!(world.slash(0, fault, 20, 50_000), DADB);
    world.end();
}

#[test]
fn rule_4_moved_stake_that_was_withdrawn_pays_and_not_twice() {
    let mut world = World::new(2);
    world.delegate(5, 0, 100 * DADB).unwrap();
    world.end();
    let fault = world.block.height;
    world.end();
    world.redelegate(5, 0, 1, 100 * DADB).unwrap();
    world.end();
    world.undelegate(5, 1, 99 * DADB).unwrap();
    world.end();
    // 10 % of the 100 that moved, all from the withdrawal; the delegation that is left pays nothing more.
    assert_eq!(world.slash(0, fault, 200, 100_000), 20 * DADB);
    let left = unbondings_page(&world.store, account(5), None, (0, 10)).unwrap();
    assert_eq!(left[0].balance, 89 * DADB);
    assert_eq!((world.shares(5, 1), world.validator(0).tokens), (DADB, 90 * DADB));
    world.end();
    // What the withdrawal no longer holds, the delegation pays, and never more than it has.
    world.slash(0, fault, 0, 900_000);
    let left = unbondings_page(&world.store, account(5), None, (0, 10)).unwrap();
    assert_eq!((left[0].balance, world.shares(5, 1)), (0, 0));
    assert_eq!(world.validator(1).tokens, 100 * DADB);
    world.end();
}

#[test]
fn staking_rule_5_a_delegation_that_is_worth_nothing_ends_at_once() {
    let mut world = World::new(2);
    world.delegate(5, 0, 100 * DADB).unwrap();
    world.end();
    world.slash(0, world.block.height, 200, 1_000_000);
    world.end();
    let (time, amount) = world.undelegate(5, 0, 7).unwrap();
    assert_eq!((time, amount, world.shares(5, 0)), (world.block.time_s(), 0, 0));
    assert_eq!(unbondings_page(&world.store, account(5), None, (0, 10)), Ok(Vec::new()));
    world.undelegate(0, 0, 1).unwrap();
    assert_eq!(world.validator(0).shares, 0);
    world.end();
    assert_eq!(refused(world.undelegate(5, 0, 7)), Code::DelegationNotFound);
    // The validator begins anew, and nothing of it is left in the way.
    world.delegate(5, 0, DADB).unwrap();
    assert_eq!(world.shares(5, 0), DADB);
    world.end();
}

const BOUND: u64 = SLASHED_BLOCK_MAX as u64;
const FRACTION: u64 = 50_000;

fn holder(n: u32) -> AccountAddress {
    let mut bytes = [0xaa; 20];
    bytes[..4].copy_from_slice(&n.to_be_bytes());
    AccountAddress(bytes)
}

fn number(world: &World, sql: &'static str) -> u64 {
    match world.store.rows(sql, &[]).unwrap()[0][0] {
        Value::Integer(number) => number.unsigned_abs(),
        _ => panic!("{sql}"),
    }
}

fn supply(world: &World) -> u64 {
    bank::supply_of(&world.store, DENOM).unwrap()
}

fn waiting(world: &World) -> u64 {
    number(world, "SELECT count(*) FROM chain_slashes")
}

/// Stake of 1 DADB of each of many holders, which leaves validator 0 after a fault: the first `moved` holders move it
/// to validator 1, the others withdraw it; returns the height of the fault.
fn leave(world: &mut World, moved: u32, withdrawn: u32) -> u64 {
    for n in 0..moved + withdrawn {
        auth::create_account(&mut world.store, holder(n)).unwrap();
        bank::mint(&mut world.store, holder(n), DENOM, DADB).unwrap();
        delegate(&mut world.writer(), holder(n), account(0), DADB).unwrap();
    }
    world.end();
    let fault = world.block.height;
    world.end();
    for n in 0..moved {
        redelegate(&mut world.writer(), holder(n), (account(0), account(1)), DADB).unwrap();
    }
    for n in moved..moved + withdrawn {
        undelegate(&mut world.writer(), holder(n), account(0), DADB).unwrap();
    }
    world.end();
    fault
}

fn judge(world: &mut World, operator: u8, height: u64, power: u64) {
    let operator = account(operator);
    let fault = Slash { operator, height, power, ppm: FRACTION, reason: "test" };
    slash(&mut world.writer(), &fault).unwrap();
}

/// The next block's begin and end; returns what it burned.
fn block(world: &mut World) -> u64 {
    let before = supply(world);
    pay_slashes(&mut world.writer()).unwrap();
    world.end();
    before - supply(world)
}

#[test]
fn instalments_rule_2_ten_thousand_entries_pay_what_they_would_pay_at_once() {
    let mut world = World::new(2);
    let fault = leave(&mut world, 1_000, 9_000);
    let before = supply(&world);
    judge(&mut world, 0, fault, 10_100);
    assert_eq!(before - supply(&world), 5 * DADB, "the validator pays at once");
    let mut blocks = 0;
    while waiting(&world) > 0 {
        let burned = block(&mut world);
        assert!(burned <= BOUND * DADB / 20, "{burned} in one block");
        blocks += 1;
    }
    assert_eq!(blocks, 10_000 / BOUND);
    // Five percent of all 10,100 that stood behind the validator.
    assert_eq!(before - supply(&world), 505 * DADB);
    assert_eq!(number(&world, "SELECT sum(balance) FROM chain_unbondings"), 8_550 * DADB);
    assert_eq!((world.validator(0).tokens, world.validator(1).tokens), (95 * DADB, 1_050 * DADB));
    assert_eq!(block(&mut world), 0);
}

#[test]
fn instalments_rule_2_the_state_is_that_of_one_payment() {
    let state = |at_once: bool| {
        let mut world = World::new(2);
        let fault = leave(&mut world, 150, 150);
        // Odd amounts, and what moved is withdrawn in part.
        for n in 0..50 {
            undelegate(&mut world.writer(), holder(n), account(1), 970_001 + u64::from(n)).unwrap();
        }
        judge(&mut world, 0, fault, 400);
        while waiting(&world) > 0 {
            if at_once {
                pay_slashes(&mut world.writer()).unwrap();
            } else {
                block(&mut world);
            }
        }
        let rows = |sql| world.store.rows(sql, &[]).unwrap();
        let state = [
            rows("SELECT id, balance FROM chain_unbondings"),
            rows("SELECT delegator, validator, shares FROM chain_delegations"),
            rows("SELECT operator, tokens, shares FROM chain_validators"),
        ];
        (supply(&world), state)
    };
    assert_eq!(state(true), state(false));
}

#[test]
fn instalments_rules_3_and_6_what_matures_first_has_paid() {
    let mut world = World::new(2);
    let fault = leave(&mut world, 250, 250);
    // What moved is withdrawn at once, and its wait grows shorter.
    for n in 0..200 {
        undelegate(&mut world.writer(), holder(n), account(1), DADB).unwrap();
    }
    world.skip(98);
    judge(&mut world, 0, fault, 600);
    while waiting(&world) > 0 {
        block(&mut world);
    }
    for _ in 0..20 {
        world.end();
    }
    assert_eq!(number(&world, "SELECT count(*) FROM chain_unbondings"), 0);
    for n in (0..200).chain(250..500) {
        let held = bank::balance(&world.store, holder(n), DENOM).unwrap();
        assert_eq!(held, 950_000, "holder {n}");
    }
    for n in 200..250 {
        let shares = delegated_shares(&world.store, holder(n), account(1)).unwrap();
        assert_eq!(shares, 950_000, "holder {n}");
    }
}

#[test]
fn instalments_rule_4_an_unbonding_is_not_taken_back_before_it_has_paid() {
    let mut world = World::new(2);
    let fault = leave(&mut world, 0, 250);
    let height = world.block.height - 1;
    judge(&mut world, 0, fault, 350);
    block(&mut world);
    let mut cancel =
        |n, amount| cancel_unbonding(&mut world.writer(), holder(n), account(0), height, amount);
    assert_eq!(refused(cancel(249, 1)), Code::StakeSlashed);
    // The first have paid, and have no more than that left.
    assert_eq!(refused(cancel(0, 950_001)), Code::UnbondingNotFound);
    cancel(0, 950_000).unwrap();
    block(&mut world);
    block(&mut world);
    assert_eq!(waiting(&world), 0);
    cancel_unbonding(&mut world.writer(), holder(249), account(0), height, 950_000).unwrap();
    world.end();
}

#[test]
fn instalments_rule_5_moved_stake_neither_moves_on_nor_is_free_too_soon() {
    let mut world = World::new(3);
    leave(&mut world, 1, 0);
    let free = world.block.time_s() - 1 + 100;
    world.set(Param::GovExpeditedVotingPeriod, 50);
    world.set(Param::GovVotingPeriod, 50);
    world.set(Param::UnbondingTime, 50);
    let on = redelegate(&mut world.writer(), holder(0), (account(1), account(2)), 1);
    assert_eq!(refused(on), Code::InvalidRedelegation);
    let (time, _) = undelegate(&mut world.writer(), holder(0), account(1), DADB / 2).unwrap();
    assert_eq!(time, free, "not after 50 seconds");
    // The block in which it matures is not yet the one in which it moves on.
    world.skip(200);
    let on = redelegate(&mut world.writer(), holder(0), (account(1), account(2)), 1);
    assert_eq!(refused(on), Code::InvalidRedelegation);
    world.end();
    redelegate(&mut world.writer(), holder(0), (account(1), account(2)), 1).unwrap();
    world.end();
}

#[test]
fn instalments_rule_1_what_leaves_after_the_judgement_has_paid_already() {
    let mut world = World::new(2);
    world.delegate(5, 0, 100 * DADB).unwrap();
    let fault = leave(&mut world, 0, 250);
    judge(&mut world, 0, fault, 450);
    block(&mut world);
    let (_, amount) = world.undelegate(5, 0, 50 * DADB).unwrap();
    world.redelegate(5, 0, 1, 40 * DADB).unwrap();
    while waiting(&world) > 0 {
        block(&mut world);
    }
    let left = unbondings_page(&world.store, account(5), None, (0, 10)).unwrap();
    assert_eq!((left[0].balance, amount, world.shares(5, 1)), (50 * DADB, 50 * DADB, 40 * DADB));
}

#[test]
fn instalments_rule_6_two_faults_meet_in_one_entry_and_each_is_paid() {
    let mut world = World::new(3);
    let fault = leave(&mut world, 150, 150);
    for n in 0..75 {
        undelegate(&mut world.writer(), holder(n), account(1), DADB).unwrap();
    }
    world.end();
    let before = supply(&world);
    // The second validator's fault is judged between two instalments of the first's.
    judge(&mut world, 0, fault, 400);
    block(&mut world);
    judge(&mut world, 1, fault, 250);
    block(&mut world);
    assert_eq!(waiting(&world), 2);
    while waiting(&world) > 0 {
        block(&mut world);
    }
    // 5 % of the 400 behind the first; 5 % of the second's own 100, of the 75 that stay, less what these paid for
    // the first, and of the 75 that left again.
    let second = 5 * DADB + 75 * 47_500 + 75 * 50_000;
    let burned = before - supply(&world);
    let expected = 20 * DADB + second;
    assert!(burned.abs_diff(expected) <= 300 * 2 + 75 * 2_500, "{burned}, {expected} expected");
    for n in 0..75 {
        let left = unbondings_page(&world.store, holder(n), None, (0, 2)).unwrap();
        assert_eq!(left[0].balance, 900_000, "5 % of what it began with, twice");
    }
}

/// `cargo test --release -p dadbs-modules -- --ignored --nocapture heaviest` prints the time.
#[test]
#[ignore = "slow: measures the heaviest block of instalments"]
fn the_heaviest_block_of_instalments_is_short() {
    let mut world = World::new(2);
    let fault = leave(&mut world, 2_000, 0);
    for ballot in 1..=dadbs_types::limits::VOTES_OPEN_MAX {
        crate::votes::open(&mut world.store, ballot, 0, u64::MAX >> 1).unwrap();
        for n in 0..2_000 {
            let stake = crate::votes::Stake {
                delegations: delegations_of(&world.store, holder(n)).unwrap(),
                is_operator: false,
            };
            let weights = crate::votes::Weights::new([crate::votes::WHOLE, 0, 0, 0]).unwrap();
            let vote = crate::votes::Vote {
                ballot,
                voter: holder(n),
                weights,
                locked: 0,
                metadata: String::new(),
            };
            crate::votes::cast(&mut world.store, &vote, &stake).unwrap();
        }
    }
    // The second validator's shares are worth less than one: withdrawals are rounded.
    let now = world.block.height;
    judge(&mut world, 1, now, 1_000);
    judge(&mut world, 0, fault, 10_000);
    // All mature in the same block as the second instalment.
    world.skip(200);
    for _ in 0..3 {
        let begin = std::time::Instant::now();
        pay_slashes(&mut world.writer()).unwrap();
        let paid = begin.elapsed();
        end_block(&mut world.writer()).unwrap();
        println!("instalments {paid:?}, whole block {:?}", begin.elapsed());
        assert!(begin.elapsed().as_millis() < 500);
        world.block.height += 1;
    }
}
