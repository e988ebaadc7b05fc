//! The rules of the module, on a store in memory.

use super::*;
use crate::staking::tests::{World, account, key, refused};
use crate::staking::{self, Status, consensus_address};
use dadbs_types::{Code, Misbehavior, MisbehaviorKind, ValidatorUpdate, Vote};

const DADB: u64 = 1_000_000;

fn address(n: u8) -> [u8; 20] {
    consensus_address(&key(n)).0
}

/// A block whose commit lacks the signatures of some of the validators.
fn block(world: &mut World, validators: u8, absent: &[u8]) -> Vec<ValidatorUpdate> {
    let vote = |n| Vote { address: address(n), power: 100, signed: !absent.contains(&n) };
    world.block.votes = (0..validators).map(vote).collect();
    begin_block(&mut world.writer()).unwrap();
    world.end()
}

fn misses(world: &World, n: u8) -> u64 {
    liveness(&world.store, &world.validator(n), world.block.height - 2).unwrap().missed
}

#[test]
fn rule_1_misses_are_counted_in_the_window() {
    let mut world = World::new(2);
    // The first block carries no commit.
    block(&mut world, 0, &[]);
    for _ in 0..3 {
        block(&mut world, 2, &[1]);
    }
    assert_eq!((misses(&world, 1), misses(&world, 0)), (3, 0));
    for _ in 0..7 {
        block(&mut world, 2, &[]);
    }
    assert_eq!(misses(&world, 1), 3);
    block(&mut world, 2, &[]);
    assert_eq!(misses(&world, 1), 2);
    // Strangers, and validators that have left the set, miss nothing.
    world.block.votes = vec![Vote { address: [9; 20], power: 1, signed: false }];
    begin_block(&mut world.writer()).unwrap();
}

#[test]
fn rule_1_rows_are_written_on_a_miss_only_and_old_ones_go() {
    let mut world = World::new(2);
    let rows = |world: &World| {
        world
            .store
            .query("SELECT chunk FROM chain_missed_blocks ORDER BY chunk", &[])
            .unwrap()
            .len()
    };
    block(&mut world, 2, &[]);
    assert_eq!(rows(&world), 0);
    block(&mut world, 2, &[1]);
    assert_eq!(rows(&world), 1);
    world.block.height = 1_030;
    block(&mut world, 2, &[1]);
    assert_eq!(rows(&world), 2);
    world.block.height = 1_040;
    block(&mut world, 2, &[1]);
    assert_eq!(rows(&world), 1);
    assert_eq!(misses(&world, 1), 1);
}

#[test]
fn rule_2_who_misses_too_much_is_jailed_and_returns() {
    let mut world = World::new(2);
    block(&mut world, 0, &[]);
    // Half of ten may be missed: the sixth miss of a whole window is one too many.
    for n in 0..10 {
        assert_eq!(block(&mut world, 2, if n < 5 { &[1] } else { &[] }), [], "{n}");
    }
    for n in 0..5 {
        assert_eq!(block(&mut world, 2, &[1]), [], "{n}");
    }
    let updates = block(&mut world, 2, &[1]);
    assert_eq!(updates, [ValidatorUpdate { key: key(1), power: 0 }]);
    let jailed = world.validator(1);
    assert!(jailed.jailed && !jailed.tombstoned);
    assert_eq!((jailed.tokens, jailed.status), (99 * DADB, Status::Unbonding));
    // It may be missing still, in the commits that follow.
    block(&mut world, 2, &[1]);
    assert_eq!(world.validator(1).tokens, 99 * DADB);
    assert_eq!(refused(unjail(&mut world.writer(), account(1))), Code::StillJailed);
    assert_eq!(refused(unjail(&mut world.writer(), account(0))), Code::NotJailed);
    // The hour of the meter is over, too.
    world.skip(3_600);
    unjail(&mut world.writer(), account(1)).unwrap();
    assert_eq!(world.end(), [ValidatorUpdate { key: key(1), power: 99 }]);
    // What it missed before is forgotten, and the window begins again.
    let back = world.block.height;
    for _ in 0..10 {
        assert_eq!(block(&mut world, 2, &[1]), []);
    }
    assert_eq!(block(&mut world, 2, &[1]).len(), 1);
    assert_eq!(world.block.height, back + 11);
}

#[test]
fn rule_2_missing_at_first_is_not_yet_too_much() {
    let mut world = World::new(2);
    block(&mut world, 0, &[]);
    for n in 0..9 {
        assert_eq!(block(&mut world, 2, &[1]), [], "{n}");
    }
    assert_eq!(block(&mut world, 2, &[1]).len(), 1);
}

#[test]
fn rule_3_a_minority_cannot_jail_the_others() {
    let mut world = World::new(9);
    block(&mut world, 0, &[]);
    let absent = [1, 2, 3, 4, 5];
    let mut jailed = 0;
    for _ in 0..20 {
        jailed += block(&mut world, 9, &absent).len();
    }
    assert_eq!(jailed, 1, "one in the hour, beyond it nothing of ten percent");
    world.skip(3_600);
    jailed += block(&mut world, 9, &absent).len();
    assert_eq!(jailed, 2);
}

fn evidence(world: &World, n: u8, height: u64) -> Misbehavior {
    Misbehavior {
        kind: MisbehaviorKind::DuplicateVote,
        address: address(n),
        height,
        time_ns: world.block.time_ns,
        power: 100,
    }
}

fn judged(world: &mut World, evidence: Misbehavior) -> Vec<ValidatorUpdate> {
    world.block.misbehavior = vec![evidence];
    begin_block(&mut world.writer()).unwrap();
    world.end()
}

fn ignored(world: &World) -> String {
    let event = world.events.iter().rfind(|event| event.kind == "evidence").unwrap();
    event.attributes.iter().find(|(name, _)| name == "ignored").unwrap().1.clone()
}

#[test]
fn rule_4_who_signs_twice_is_slashed_and_never_returns() {
    let mut world = World::new(2);
    world.end();
    let twice = evidence(&world, 1, 1);
    assert_eq!(judged(&mut world, twice.clone()), [ValidatorUpdate { key: key(1), power: 0 }]);
    assert_eq!(world.validator(1).tokens, 95 * DADB);
    world.skip(1_000_000);
    assert_eq!(refused(unjail(&mut world.writer(), account(1))), Code::StillJailed);
    // Evidence that comes again burns nothing more.
    assert_eq!(judged(&mut world, Misbehavior { height: 2, ..twice }), []);
    assert!(ignored(&world).contains("tombstoned"));
    assert_eq!(world.validator(1).tokens, 95 * DADB);
}

#[test]
fn rule_4_a_key_that_was_replaced_is_still_its_operators() {
    let mut world = World::new(2);
    staking::rotate_key(&mut world.writer(), account(1), key(50)).unwrap();
    world.end();
    let before = evidence(&world, 1, 1);
    assert_eq!(judged(&mut world, before), [ValidatorUpdate { key: key(50), power: 0 }]);
    assert!(world.validator(1).tombstoned);
}

#[test]
fn rule_5_evidence_that_shows_nothing_changes_nothing() {
    let mut world = World::new(3);
    world.end();
    let stranger = Misbehavior { address: [9; 20], ..evidence(&world, 1, 1) };
    assert_eq!(judged(&mut world, stranger), []);
    assert!(ignored(&world).contains("unknown"));
    let second = 1_000_000_000;
    let old = evidence(&world, 1, 1);
    let old = Misbehavior { time_ns: old.time_ns - 101 * second, ..old };
    assert_eq!(judged(&mut world, old), []);
    assert!(ignored(&world).contains("older"));
    let just = evidence(&world, 1, 1);
    let just = Misbehavior { time_ns: just.time_ns - 100 * second, ..just };
    assert_eq!(judged(&mut world, just).len(), 1);
    staking::jail(&mut world.writer(), account(2), 0, "test").unwrap();
    world.end();
    world.skip(200);
    world.end();
    let gone = evidence(&world, 2, 1);
    assert_eq!(judged(&mut world, gone), []);
    assert!(ignored(&world).contains("unbonded"));
}

#[test]
fn rule_6_an_operator_needs_its_own_stake_to_return() {
    let mut world = World::new(2);
    staking::undelegate(&mut world.writer(), account(1), account(1), 100 * DADB).unwrap();
    world.end();
    assert_eq!(refused(unjail(&mut world.writer(), account(1))), Code::SelfDelegation);
    staking::delegate(&mut world.writer(), account(1), account(1), DADB).unwrap();
    unjail(&mut world.writer(), account(1)).unwrap();
    assert_eq!(world.end(), [ValidatorUpdate { key: key(1), power: 1 }]);
}
