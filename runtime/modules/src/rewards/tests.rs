//! The rules of the module, on a store in memory.

use super::*;
use crate::context::Writer;
use crate::distribution;
use crate::random::Random;
use crate::staking::tests::{DADB, World, account};
use dadbs_types::{Code, Error};

const DAY: i64 = 86_400_000_000_000;

/// A chain over staking and this module, whose first epoch has begun.
fn world(validators: u8) -> World {
    let mut world = World::new(validators);
    init(&mut world.store).unwrap();
    end(&mut world);
    world
}

fn end(world: &mut World) {
    end_block(&mut world.writer()).unwrap();
    assert_eq!(invariant(&world.store).unwrap(), Vec::<String>::new());
}

/// The epoch's time and answers are over.
fn pass(world: &mut World) {
    world.block.height += 101;
    world.block.time_ns += DAY;
}

fn set_score(writer: &mut Writer<'_>, number: u8, power: u64, answered: u64) {
    writer
        .store
        .execute(
            "UPDATE chain_storage_scores SET power = ?2, answered = ?3 WHERE validator = ?1",
            &[
                &crate::context::operator_key(account(number)),
                &crate::context::integer(power).unwrap(),
                &crate::context::integer(answered).unwrap(),
            ],
        )
        .unwrap();
}

fn earned(world: &World, number: u8) -> u64 {
    let rewards = distribution::rewards(&world.store, account(number)).unwrap();
    rewards.outstanding + rewards.commission
}

fn community(world: &World) -> u64 {
    bank::balance(&world.store, distribution::community_pool(), DENOM).unwrap()
}

fn earn(world: &mut World, amount: u64) {
    bank::issue(&mut world.store, DENOM, amount).unwrap();
    collect(&mut world.store, amount).unwrap();
}

#[test]
fn rule_1_the_parts_are_the_whole() {
    let world = world(1);
    let parts = divide(&world.store, 10).unwrap();
    assert_eq!(parts, Parts { uptime: 2, storage: 4, pool: 4 });
    let mut random = Random(3);
    for _ in 0..1_000 {
        let amount = random.next() >> (1 + random.below(63));
        let Parts { uptime, storage, pool } = divide(&world.store, amount).unwrap();
        assert_eq!(uptime + storage + pool, amount);
        assert!(pool - amount * 2 / 10 * 2 <= 6 && storage <= amount / 5 * 2 + 2, "{amount}");
    }
}

#[test]
fn rule_2_an_epoch_lasts_for_its_time_and_its_answers() {
    let mut world = world(1);
    let first = epoch(&world.store).unwrap();
    assert_eq!((first.number, first.height, first.challenges, first.last_height), (1, 1, 4, 101));
    let begin = world.block.clone();
    for (blocks, time_ns, number) in
        [(100, 2 * DAY, 1), (101, DAY - 1_000_000, 1), (101, DAY, 2), (102, DAY, 2)]
    {
        world.block.height = begin.height + blocks;
        world.block.time_ns = begin.time_ns + time_ns;
        end(&mut world);
        assert_eq!(epoch(&world.store).unwrap().number, number, "{blocks} blocks, {time_ns} ns");
    }
}

#[test]
fn rule_3_who_is_in_the_set_at_the_beginning_has_challenges() {
    let world = world(3);
    let begun = scores(&world.store).unwrap();
    assert_eq!(begun.len(), 3);
    assert!(begun.iter().all(|score| score.power == 100 && score.answered == 0));
    let running = epoch(&world.store).unwrap();
    assert_eq!(issued(&world.store, &running, account(2)).unwrap().len(), 4);
    assert_eq!(issued(&world.store, &running, account(7)).unwrap(), vec![]);
}

#[test]
fn rule_4_a_challenge_is_one_hash() {
    let golden = challenge(&[1; 32], &[2; 20], 3, 4);
    let hex: String = golden.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "93dbfbf8d98f1d4fcf7c93b5be3f03dd823b00de6552355ace023b60a6c22745");
    for other in [
        challenge(&[2; 32], &[2; 20], 3, 4),
        challenge(&[1; 32], &[1; 20], 3, 4),
        challenge(&[1; 32], &[2; 20], 4, 4),
        challenge(&[1; 32], &[2; 20], 3, 5),
    ] {
        assert_ne!(golden, other);
    }
}

#[test]
fn rule_8_power_counts_as_far_as_it_was_there_all_the_time() {
    let mut world = world(3);
    let begun = score(&world.store, account(0)).unwrap().unwrap();
    let answered = Score { answered: 0b1011, ..begun };
    let mut validator = crate::staking::validator(&world.store, account(0)).unwrap().unwrap();
    assert_eq!(answered.worth(&validator), 300);
    validator.tokens = 1_000 * DADB;
    assert_eq!(answered.worth(&validator), 300, "stake that came since does not count");
    validator.tokens = 50 * DADB + 999_999;
    assert_eq!(answered.worth(&validator), 150, "stake that has left does not count");
    validator.jailed = true;
    assert_eq!(answered.worth(&validator), 0);
    validator.jailed = false;
    validator.status = crate::staking::Status::Unbonding;
    assert_eq!(answered.worth(&validator), 0);
    let begun = score(&world.store, account(1)).unwrap().unwrap();
    let validator = crate::staking::validator(&world.store, account(1)).unwrap().unwrap();
    assert_eq!(begun.worth(&validator), 0, "nothing is answered");
    pass(&mut world);
    earn(&mut world, 1_000);
    end(&mut world);
    assert_eq!((pool(&world.store).unwrap(), community(&world)), (0, 1_000), "no score at all");
}

#[test]
fn rule_9_nothing_is_lost_and_no_more_than_there_is_is_paid() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let mut world = world(4);
        let amount = random.next() >> (8 + random.below(56));
        let mut expected = Vec::new();
        for number in 0..4 {
            let (power, answered) = (1 + random.below(100), random.below(16));
            set_score(&mut world.writer(), number, power, answered);
            expected.push(power * u64::from(answered.count_ones()));
        }
        earn(&mut world, amount);
        let supply = bank::supply_of(&world.store, DENOM).unwrap();
        pass(&mut world);
        end(&mut world);
        // 2 % of tax, rounded down.
        let divided = amount - amount / 50;
        let sum: u64 = expected.iter().sum();
        let mut given = 0;
        for (number, score) in (0..).zip(&expected) {
            let part = u128::from(divided) * u128::from(*score) / u128::from(sum.max(1));
            assert_eq!(u128::from(earned(&world, number)), part, "seed {seed}");
            given += earned(&world, number);
        }
        assert!(given <= divided, "seed {seed}");
        assert_eq!(given + community(&world), amount, "seed {seed}");
        assert_eq!(pool(&world.store).unwrap(), 0);
        assert_eq!(bank::supply_of(&world.store, DENOM).unwrap(), supply);
        assert_eq!(bank::invariant(&world.store).unwrap(), Vec::<String>::new());
    }
}

#[test]
fn rule_6_refusals_have_numbers() {
    let mut world = world(1);
    world.block.height = 2;
    let running = epoch(&world.store).unwrap();
    let good = Answer {
        operator: account(0),
        epoch: running.number,
        index: 0,
        table: "t",
        key: &[],
        row: &[],
        proof: &[],
    };
    let name = "t".repeat(70_000);
    let mut refused = |answer: &Answer<'_>| match submit(&mut world.writer(), answer) {
        Err(Error::Rejected(rejection)) => rejection.code,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&Answer { epoch: 0, ..good }), Code::WrongEpoch);
    assert_eq!(refused(&Answer { epoch: 2, ..good }), Code::WrongEpoch);
    assert_eq!(refused(&Answer { operator: account(1), ..good }), Code::NoChallenge);
    assert_eq!(refused(&Answer { index: 4, ..good }), Code::NoChallenge);
    assert_eq!(refused(&Answer { index: u64::MAX, ..good }), Code::NoChallenge);
    assert_eq!(refused(&good), Code::WrongAnswer);
    assert_eq!(refused(&Answer { table: &name, ..good }), Code::WrongAnswer);
    assert_eq!(refused(&Answer { proof: &[0x4c; 9_000], ..good }), Code::WrongAnswer);
    world.block.height = 102;
    let late = submit(&mut world.writer(), &good);
    assert!(matches!(late, Err(Error::Rejected(r)) if r.code == Code::ChallengeOver));
}
