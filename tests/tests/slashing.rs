//! Judgement through blocks: missing signatures, evidence, jail, and what the queries say of them.
//!
//! 1. A validator that misses too much is slashed and jailed, leaves the set, and comes back when it asks.
//! 2. Evidence slashes stake behind the validator, what was withdrawn since and what moved away since, and it never
//!    comes back.
//! 3. Evidence that shows nothing changes nothing but an event.
//! 4. What was burned is gone from the supply, and every account can still leave.
//! 5. A block in which all sign writes nothing.

use dadbs_app::{bank, staking};
use dadbs_proto::cosmos::slashing::v1beta1::{
    QuerySigningInfoRequest, QuerySigningInfoResponse, QuerySigningInfosRequest,
    QuerySigningInfosResponse,
};
use dadbs_proto::cosmos::staking::v1beta1::{
    QueryDelegationRequest, QueryDelegationResponse, QueryPoolRequest, QueryPoolResponse,
    QueryValidatorsRequest, QueryValidatorsResponse,
};
use dadbs_tests::stake::{DADB, delegate, redelegate, undelegate, unjail};
use dadbs_tests::{Chain, consensus_key};
use dadbs_types::{Code, Misbehavior, MisbehaviorKind};

fn chain() -> Chain {
    Chain::staked(
        6,
        4,
        &[
            ("staking.unbonding_time", 1_000),
            ("slashing.signed_blocks_window", 6),
            ("slashing.min_signed_per_window", 500_000),
            ("slashing.downtime_jail_duration", 10),
            ("mint.inflation_min", 0),
            ("mint.inflation_max", 0),
            ("fees.burned", 0),
        ],
    )
}

fn address(index: u8) -> [u8; 20] {
    staking::consensus_address(&consensus_key(index)).0
}

fn holds(chain: &Chain) {
    let store = chain.app.store();
    let broken = [staking::invariant(store).unwrap(), bank::invariant(store).unwrap()];
    assert!(broken.concat().is_empty(), "{broken:?}");
}

fn run(chain: &mut Chain, index: u8, message: prost_types::Any) {
    let result = chain.run(index, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    holds(chain);
}

fn tokens(chain: &Chain, index: u8) -> u64 {
    staking::require(chain.app.store(), chain.address(index)).unwrap().tokens
}

fn supply(chain: &Chain) -> u128 {
    bank::supply(chain.app.store()).unwrap()[0].amount.0
}

fn twice(chain: &Chain, index: u8, height: u64) -> Misbehavior {
    Misbehavior {
        kind: MisbehaviorKind::DuplicateVote,
        address: address(index),
        height,
        time_ns: chain.next_block(vec![]).info.time_ns,
        power: chain.consensus.last.power(address(index)),
    }
}

#[test]
fn rule_1_a_silent_validator_is_jailed_and_comes_back() {
    let mut chain = chain();
    chain.block(vec![]);
    chain.absent.insert(address(3));
    let before = supply(&chain);
    let mut blocks = 0;
    while chain.consensus.next.power(address(3)) > 0 {
        chain.block(vec![]);
        holds(&chain);
        blocks += 1;
        assert!(blocks < 20, "it is never jailed");
    }
    assert_eq!((blocks, tokens(&chain, 3), before - supply(&chain)), (6, 99 * DADB, 1_000_000));
    chain.absent.clear();
    let message = unjail(&chain, 3);
    let early = chain.run(3, vec![message.clone()]);
    assert_eq!((early.code, early.codespace.as_str()), (Code::StillJailed.number(), "slashing"));
    chain.skipped_seconds += 10;
    run(&mut chain, 3, message);
    assert_eq!(chain.consensus.next.power(address(3)), 99);
    for _ in 0..10 {
        chain.block(vec![]);
    }
    let operator = chain.address(3);
    assert!(!staking::require(chain.app.store(), operator).unwrap().jailed);
}

#[test]
fn rule_2_who_signs_twice_pays_with_all_that_stood_behind_it() {
    let mut chain = chain();
    for index in [5, 4] {
        let message = delegate(&chain, index, 3, 100 * DADB);
        run(&mut chain, index, message);
    }
    chain.block(vec![]);
    chain.block(vec![]);
    let fault = chain.height;
    let message = undelegate(&chain, 5, 3, 40 * DADB);
    run(&mut chain, 5, message);
    let message = redelegate(&chain, 4, 3, 0, 60 * DADB);
    run(&mut chain, 4, message);
    let before = supply(&chain);
    let mut evidence = twice(&chain, 3, fault);
    evidence.power = 300;
    chain.misbehavior.push(evidence);
    chain.block(vec![]);
    holds(&chain);
    // 5 % of 300: 2 from the withdrawal, 3 from what moved, 10 from the validator.
    assert_eq!(before - supply(&chain), 15_000_000);
    assert_eq!((tokens(&chain, 3), tokens(&chain, 0)), (190 * DADB, 157 * DADB));
    assert_eq!(chain.consensus.next.power(address(3)), 0);
    chain.skipped_seconds += 2_000;
    let message = unjail(&chain, 3);
    let refused = chain.run(3, vec![message]);
    assert_eq!(
        (refused.code, refused.codespace.as_str()),
        (Code::StillJailed.number(), "slashing")
    );
    holds(&chain);
}

#[test]
fn rule_3_evidence_that_shows_nothing_changes_nothing() {
    let mut chain = chain();
    for _ in 0..3 {
        chain.block(vec![]);
    }
    let before = (supply(&chain), chain.rows("", "SELECT * FROM chain.validators"));
    let unknown = Misbehavior { address: [9; 20], ..twice(&chain, 3, 1) };
    let old = twice(&chain, 3, 1);
    let old = Misbehavior { time_ns: old.time_ns - 1_001_000_000_000, ..old };
    chain.misbehavior = vec![unknown, old];
    let outcome = chain.block(vec![]);
    let ignored = outcome.events.iter().filter(|event| event.kind == "evidence");
    assert_eq!(ignored.count(), 2);
    assert_eq!((supply(&chain), chain.rows("", "SELECT * FROM chain.validators")), before);
    // The same evidence twice in one block burns once.
    let twice = twice(&chain, 3, 2);
    chain.misbehavior = vec![twice.clone(), twice];
    chain.block(vec![]);
    assert_eq!(before.0 - supply(&chain), 5_000_000);
}

#[test]
fn rule_4_everyone_can_leave_after_a_slash() {
    let mut chain = chain();
    let message = delegate(&chain, 5, 3, 33_333_333);
    run(&mut chain, 5, message);
    let message = delegate(&chain, 4, 3, 7);
    run(&mut chain, 4, message);
    let evidence = twice(&chain, 3, 1);
    chain.misbehavior.push(evidence);
    chain.block(vec![]);
    for index in [5, 4, 3] {
        let request = QueryDelegationRequest {
            delegator_addr: chain.address(index).to_string(),
            validator_addr: chain.operator(3).to_string(),
        };
        let path = "/cosmos.staking.v1beta1.Query/Delegation";
        let answer: QueryDelegationResponse = chain.query(path, &request).unwrap();
        let held = answer.delegation_response.unwrap().balance.unwrap().amount.parse().unwrap();
        let message = undelegate(&chain, index, 3, held);
        run(&mut chain, index, message);
    }
    chain.skipped_seconds += 2_000;
    chain.block(vec![]);
    holds(&chain);
    let path = "/cosmos.staking.v1beta1.Query/Pool";
    let pool: QueryPoolResponse = chain.query(path, &QueryPoolRequest {}).unwrap();
    let pool = pool.pool.unwrap();
    assert_eq!((pool.bonded_tokens.as_str(), pool.not_bonded_tokens.as_str()), ("300000000", "0"));
}

#[test]
fn rule_5_signatures_write_nothing_and_queries_tell() {
    let mut chain = chain();
    chain.block(vec![]);
    let first = chain.block(vec![]);
    let second = chain.block(vec![]);
    assert_eq!(first.app_hash, second.app_hash);
    chain.absent.insert(address(2));
    chain.block(vec![]);
    chain.block(vec![]);
    let path = "/cosmos.slashing.v1beta1.Query/SigningInfos";
    let infos: QuerySigningInfosResponse =
        chain.query(path, &QuerySigningInfosRequest::default()).unwrap();
    let missed: i64 = infos.info.iter().map(|info| info.missed_blocks_counter).sum();
    assert_eq!((infos.info.len(), missed), (4, 2));
    let cons_address = dadbs_types::ConsensusAddress(address(2)).to_string();
    let path = "/cosmos.slashing.v1beta1.Query/SigningInfo";
    let info: QuerySigningInfoResponse =
        chain.query(path, &QuerySigningInfoRequest { cons_address }).unwrap();
    assert_eq!(info.val_signing_info.unwrap().missed_blocks_counter, 2);
    let path = "/cosmos.staking.v1beta1.Query/Validators";
    let request =
        QueryValidatorsRequest { status: "BOND_STATUS_BONDED".into(), ..Default::default() };
    let validators: QueryValidatorsResponse = chain.query(path, &request).unwrap();
    assert_eq!(validators.validators.len(), 4);
    assert_eq!(validators.validators[0].delegator_shares, "100000000000000000000000000");
}
