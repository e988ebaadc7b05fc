//! Stake through real transactions, and the set as a consensus engine keeps it.
//!
//! 1. A validator is made, gains power by delegations, and is in the set two heights later.
//! 2. Stake that is withdrawn comes back after the unbonding time, and not before.
//! 3. Whoever does not operate a validator does not act for it.
//! 4. What cannot be is refused by number, at the price of the fee alone.
//! 5. A block in which no stake moves writes nothing.
//! 6. Nobody sends coins into the pools.
//! 7. However much matures at once, a block handles a bounded part, and the rest follows.

use dadbs_app::staking;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::gov::v1::MsgSubmitProposal;
use dadbs_proto::cosmos::staking::v1beta1::MsgUndelegateResponse;
use dadbs_tests::consensus::ValidatorSet;
use dadbs_tests::stake::{DADB, cancel, create, delegate, redelegate, rotate, undelegate, unjail};
use dadbs_tests::{Chain, consensus_key, response};
use dadbs_types::Code;

/// Unbonding takes 100 seconds: blocks are a second apart.
fn chain(accounts: u8, validators: u8) -> Chain {
    let params = [
        ("staking.unbonding_time", 100),
        ("gov.voting_period", 100),
        ("gov.expedited_voting_period", 100),
    ];
    Chain::staked(accounts, validators, &params)
}

fn holds(chain: &Chain) {
    let broken = staking::invariant(chain.app.store()).unwrap();
    assert!(broken.is_empty(), "{broken:?}");
    let broken = dadbs_app::bank::invariant(chain.app.store()).unwrap();
    assert!(broken.is_empty(), "{broken:?}");
}

fn run(chain: &mut Chain, index: u8, message: prost_types::Any) {
    let result = chain.run(index, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    holds(chain);
}

fn refused(chain: &mut Chain, index: u8, message: prost_types::Any) -> Code {
    let result = chain.run(index, vec![message]);
    holds(chain);
    let code = Code::ALL
        .iter()
        .find(|code| code.number() == result.code && code.codespace() == result.codespace);
    *code.unwrap_or_else(|| panic!("{result:?}"))
}

fn balance(chain: &Chain, index: u8) -> u64 {
    dadbs_app::bank::balance(chain.app.store(), chain.address(index), "udadb").unwrap()
}

fn power(set: &ValidatorSet, index: u8) -> Option<u64> {
    set.0.get(&consensus_key(index)).copied()
}

#[test]
fn rule_1_a_validator_joins_gains_power_and_leaves() {
    let mut chain = chain(6, 4);
    assert_eq!(chain.consensus.current.0.len(), 4);
    let message = create(&chain, 4, 4, 50 * DADB);
    run(&mut chain, 4, message);
    assert_eq!(
        (power(&chain.consensus.current, 4), power(&chain.consensus.next, 4)),
        (None, Some(50))
    );
    chain.block(vec![]);
    assert_eq!(power(&chain.consensus.current, 4), Some(50));
    let message = delegate(&chain, 5, 4, 100 * DADB);
    run(&mut chain, 5, message);
    assert_eq!(power(&chain.consensus.next, 4), Some(150));
    let message = redelegate(&chain, 5, 4, 0, 40 * DADB);
    run(&mut chain, 5, message);
    let next = &chain.consensus.next;
    assert_eq!((power(next, 4), power(next, 0)), (Some(110), Some(140)));
    let message = undelegate(&chain, 4, 4, 50 * DADB);
    run(&mut chain, 4, message);
    assert_eq!(power(&chain.consensus.next, 4), None);
    // Its signature is in two more commits.
    for expected in [true, true, false] {
        assert_eq!(power(&chain.consensus.last, 4).is_some(), expected);
        chain.block(vec![]);
        holds(&chain);
    }
}

#[test]
fn rule_2_withdrawn_stake_comes_back_in_time() {
    let mut chain = chain(6, 4);
    let message = delegate(&chain, 5, 0, 10 * DADB);
    run(&mut chain, 5, message);
    let message = undelegate(&chain, 5, 0, 4 * DADB);
    let result = chain.run(5, vec![message]);
    let answer: MsgUndelegateResponse = response(&result);
    assert_eq!(answer.amount.unwrap().amount, "4000000");
    assert_eq!(answer.completion_time.unwrap().seconds, 1_700_000_000 + 2 + 100);
    let message = cancel(&chain, 5, 0, 2, DADB);
    run(&mut chain, 5, message);
    let before = balance(&chain, 5);
    chain.skipped_seconds = 98;
    chain.block(vec![]);
    assert_eq!(balance(&chain, 5), before + 3 * DADB);
    holds(&chain);
}

#[test]
fn rule_3_only_the_operator_acts_for_a_validator() {
    let mut chain = chain(6, 4);
    for message in [unjail(&chain, 0), rotate(&chain, 0, 9), create(&chain, 0, 9, DADB)] {
        assert_eq!(refused(&mut chain, 5, message), Code::Unauthorized);
        chain.resync();
    }
    let message = rotate(&chain, 0, 9);
    run(&mut chain, 0, message);
    let next = &chain.consensus.next;
    assert_eq!((power(next, 0), power(next, 9)), (None, Some(100)));
}

#[test]
fn rule_4_what_cannot_be_is_refused() {
    let mut chain = chain(6, 4);
    let before = chain.rows("", "SELECT * FROM chain.validators");
    for (message, code) in [
        (create(&chain, 5, 0, DADB), Code::ConsensusKeyUsed),
        (create(&chain, 5, 5, DADB - 1), Code::SelfDelegation),
        (create(&chain, 5, 5, 1 << 63), Code::InvalidCoins),
        (delegate(&chain, 5, 0, 0), Code::InvalidCoins),
        (delegate(&chain, 5, 0, u64::MAX), Code::InvalidCoins),
        (delegate(&chain, 5, 0, (1 << 63) - 1), Code::Worthless),
        (delegate(&chain, 5, 0, 2_000_000 * DADB), Code::InsufficientFunds),
        (delegate(&chain, 5, 5, 1), Code::ValidatorNotFound),
        (undelegate(&chain, 5, 0, 1), Code::DelegationNotFound),
        (redelegate(&chain, 5, 0, 0, 1), Code::InvalidRedelegation),
        (redelegate(&chain, 5, 0, 1, 1), Code::DelegationNotFound),
        (cancel(&chain, 5, 0, 1, 1), Code::UnbondingNotFound),
        (unjail(&chain, 5), Code::ValidatorNotFound),
    ] {
        assert_eq!(refused(&mut chain, 5, message.clone()), code, "{message:?}");
    }
    assert_eq!(chain.rows("", "SELECT * FROM chain.validators"), before);
}

#[test]
fn rule_5_a_block_without_stake_writes_nothing() {
    let mut chain = chain(6, 4);
    let message = delegate(&chain, 5, 0, 10 * DADB);
    run(&mut chain, 5, message);
    let first = chain.block(vec![]);
    let second = chain.block(vec![]);
    assert_eq!(first.app_hash, second.app_hash);
    assert!(second.events.is_empty() && second.validator_updates.is_empty());
}

#[test]
fn rule_6_the_pools_take_no_transfers() {
    let mut chain = chain(6, 4);
    for name in ["bonded_tokens_pool", "not_bonded_tokens_pool", "fee_collector"] {
        let pool = dadbs_types::AccountAddress::of_module(name);
        let message = chain.send(5, pool, 1);
        assert_eq!(refused(&mut chain, 5, message), Code::Unauthorized);
    }
    let bonded = dadbs_types::AccountAddress::of_module("bonded_tokens_pool");
    let held = dadbs_app::bank::balance(chain.app.store(), bonded, "udadb");
    assert_eq!(held, Ok(400_000_000));
}

#[test]
#[ignore = "slow: ten thousand unbondings"]
fn rule_7_ten_thousand_unbondings_and_a_thousand_votes_end_at_once() {
    const DELEGATORS: u8 = 100;
    let mut chain = Chain::staked(
        DELEGATORS,
        4,
        &[
            ("staking.unbonding_time", 10_000),
            ("staking.max_entries", 100),
            ("gov.voting_period", 10_000),
            ("gov.expedited_voting_period", 10_000),
            ("gov.min_deposit", 1),
            ("gov.age_bonus", 1_000_000),
        ],
    );
    let each = |chain: &mut Chain, message: fn(&Chain, u8, u8, u64) -> prost_types::Any, amount| {
        let txs: Vec<_> = (0..DELEGATORS)
            .map(|index| {
                let messages = (0..4).map(|validator| message(chain, index, validator, amount));
                let messages = messages.collect();
                chain.sign_with_gas(index, messages, 3_000_000)
            })
            .collect();
        let outcome = chain.block(txs);
        let failed = outcome.tx_results.iter().find(|result| !result.is_ok());
        assert!(failed.is_none(), "{failed:?}");
    };
    each(&mut chain, delegate, 100 * DADB);
    for _ in 0..25 {
        each(&mut chain, undelegate, DADB);
    }
    let waiting =
        |chain: &Chain| chain.rows("", "SELECT count(*) FROM chain.unbondings")[0][0].clone();
    assert_eq!(waiting(&chain), dadbs_types::Value::Integer(10_000));
    holds(&chain);
    for proposer in 0..20 {
        let proposal = dadbs_client::tx::any(&MsgSubmitProposal {
            initial_deposit: vec![Coin { denom: "udadb".into(), amount: "1".into() }],
            proposer: chain.address(proposer).to_string(),
            title: "one of many".into(),
            ..MsgSubmitProposal::default()
        });
        let tx = chain.sign_with_gas(proposer, vec![proposal; 50], 90_000_000);
        assert!(chain.block(vec![tx]).tx_results[0].is_ok());
    }
    let voting = |chain: &Chain| {
        let sql = "SELECT count(*) FROM chain.proposals WHERE status = 'voting'";
        chain.rows("", sql)[0][0].clone()
    };
    assert_eq!(voting(&chain), dadbs_types::Value::Integer(1_000));
    chain.skipped_seconds = 20_000;
    let mut longest = std::time::Duration::ZERO;
    let mut blocks = 0;
    while waiting(&chain) != dadbs_types::Value::Integer(0) {
        let began = std::time::Instant::now();
        chain.block(vec![]);
        longest = longest.max(began.elapsed());
        blocks += 1;
    }
    holds(&chain);
    assert_eq!(voting(&chain), dadbs_types::Value::Integer(0));
    println!("{blocks} blocks, the longest {} ms", longest.as_millis());
    assert_eq!(blocks, 10_000 / dadbs_types::limits::MATURITIES_BLOCK_MAX);
    assert!(longest.as_millis() < 500, "{longest:?}");
}
