//! Rewards, from the fees of a block to the accounts of delegators.
//!
//! 1. What a block earns goes to those who signed the one before, by power; the validator takes its commission, its
//!    delegators share the rest by their shares, and who was absent earns nothing.
//! 2. A tip goes to the proposer.
//! 3. Rewards are paid when shares change, and when they are asked for, to the withdraw address.
//! 4. The share of the bonded stake moves inflation.
//! 5. A validator that ends leaves nothing behind.
//! 6. What an idle chain has not paid yet belongs to those whose stake was there before the block's transactions.
//! 7. Whatever happens to the stake, the books balance: random operations with absences and evidence.

#![allow(clippy::cast_possible_truncation, reason = "accounts are few")]

use dadbs_app::{App, distribution};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::distribution::v1beta1::{
    MsgSetWithdrawAddress, MsgWithdrawDelegatorReward, MsgWithdrawDelegatorRewardResponse,
    MsgWithdrawValidatorCommission, MsgWithdrawValidatorCommissionResponse,
    QueryDelegationTotalRewardsRequest, QueryDelegationTotalRewardsResponse,
    QueryValidatorCommissionRequest, QueryValidatorCommissionResponse,
};
use dadbs_tests::craft::Craft;
use dadbs_tests::stake::{DADB, delegate, redelegate, undelegate, unjail};
use dadbs_tests::{Chain, Random, SHORT_VOTES, consensus_key, response, staked_genesis};
use dadbs_types::{AccountAddress, Misbehavior, MisbehaviorKind};
use prost_types::Any;

/// Accounts with four validators of 100 DADB each; what is not named is 0, so that amounts are exact.
fn chain(params: &[(&str, u64)]) -> Chain {
    let mut genesis = staked_genesis(8, 4);
    let still =
        ["mint.inflation_min", "mint.inflation_max", "fees.burned", "distribution.community_tax"];
    genesis.params.extend(still.map(|name| (name.to_string(), 0)));
    let params = SHORT_VOTES.iter().chain(params);
    genesis.params.extend(params.map(|(name, value)| ((*name).to_string(), *value)));
    Chain::of(App::memory().unwrap(), &genesis)
}

fn holds(chain: &Chain) {
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
}

fn balance(chain: &Chain, address: AccountAddress) -> u64 {
    dadbs_app::bank::balance(chain.app.store(), address, "udadb").unwrap()
}

fn pool(chain: &Chain) -> u64 {
    balance(chain, AccountAddress::of_module("community_pool"))
}

fn address_of(validator: u8) -> [u8; 20] {
    dadbs_app::staking::consensus_address(&consensus_key(validator)).0
}

/// A block with one transaction of account 7 at this fee, of which 2,500 are the price of its gas.
fn earn(chain: &mut Chain, fee: u64, proposer: [u8; 20]) {
    chain.resync();
    let message = chain.send(7, chain.address(7), 1);
    let mut craft = Craft::new(7, chain.sequence(7), vec![message], 1_000_000);
    craft.fee().amount[0].amount = fee.to_string();
    let mut block = chain.next_block(vec![craft.bytes()]);
    block.info.proposer_address = proposer;
    let outcome = chain.apply(&block);
    assert!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
    chain.resync();
    holds(chain);
}

fn run(chain: &mut Chain, index: u8, message: Any) -> dadbs_app::TxResult {
    let result = chain.run(index, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    holds(chain);
    result
}

/// What a validator's delegators are owed, and it itself.
fn owed(chain: &Chain, validator: u8) -> (u64, u64) {
    let rewards = distribution::rewards(chain.app.store(), chain.address(validator)).unwrap();
    (rewards.outstanding, rewards.commission)
}

fn withdraw(chain: &Chain, delegator: u8, validator: u8) -> Any {
    any(&MsgWithdrawDelegatorReward {
        delegator_address: chain.address(delegator).to_string(),
        validator_address: chain.operator(validator).to_string(),
    })
}

#[test]
fn rule_1_signers_earn_by_power() {
    let mut chain = chain(&[]);
    earn(&mut chain, 2_500, [9; 20]);
    assert_eq!(pool(&chain), 2_500, "the first block follows no signatures");
    chain.absent.insert(address_of(3));
    earn(&mut chain, 2_500, [9; 20]);
    // 2,500 in three parts, of which 83 are a commission of a tenth.
    for validator in 0..3 {
        assert_eq!(owed(&chain, validator), (750, 83));
    }
    assert_eq!(owed(&chain, 3), (0, 0));
    assert_eq!(pool(&chain), 2_501);
    chain.absent.clear();
    let message = delegate(&chain, 5, 0, 200 * DADB);
    run(&mut chain, 5, message);
    // Its power counts two heights later, in the commit three heights later.
    chain.block(vec![]);
    chain.block(vec![]);
    let before = owed(&chain, 0).0;
    earn(&mut chain, 2_500, [9; 20]);
    assert_eq!(owed(&chain, 0).0 - before, 1_250 - 125);
}

#[test]
fn rule_2_the_tip_is_the_proposers() {
    let mut chain = chain(&[]);
    earn(&mut chain, 2_500 + 1_000, address_of(2));
    assert_eq!(owed(&chain, 2), (900, 100));
    earn(&mut chain, 2_500 + 999, [9; 20]);
    assert_eq!(pool(&chain), 2_500 + 999, "nobody's tip");
}

#[test]
fn rule_3_rewards_are_paid_to_delegators() {
    let mut chain = chain(&[]);
    let message = delegate(&chain, 5, 0, 300 * DADB);
    run(&mut chain, 5, message);
    let before = owed(&chain, 0).0;
    earn(&mut chain, 2_500 + 4_000, address_of(0));
    let earned = owed(&chain, 0).0 - before;
    // The four powers of the commit are still alike: a quarter of 2,500, and the tip, less a tenth.
    assert_eq!(earned, 563 + 3_600);
    let request =
        QueryDelegationTotalRewardsRequest { delegator_address: chain.address(5).to_string() };
    let path = "/cosmos.distribution.v1beta1.Query/DelegationTotalRewards";
    let answer: QueryDelegationTotalRewardsResponse = chain.query(path, &request).unwrap();
    assert_eq!(answer.rewards[0].validator_address, chain.operator(0).to_string());
    assert_eq!(answer.total[0].amount, format!("{}250000000000000000", earned * 3 / 4));
    // Half of it goes out with the next change of shares, and starts anew.
    let (held, owned) = (balance(&chain, chain.address(5)), balance(&chain, chain.address(6)));
    let message = undelegate(&chain, 5, 0, 100 * DADB);
    let result = run(&mut chain, 5, message);
    let fee = u64::try_from(dadbs_tests::least_fee(dadbs_tests::GAS)).unwrap();
    assert_eq!(balance(&chain, chain.address(5)), held + earned * 3 / 4 - fee);
    assert!(result.events.iter().any(|event| event.kind == "withdraw_rewards"));
    let message = any(&MsgSetWithdrawAddress {
        delegator_address: chain.address(5).to_string(),
        withdraw_address: chain.address(6).to_string(),
    });
    run(&mut chain, 5, message);
    earn(&mut chain, 2_500, [9; 20]);
    let message = withdraw(&chain, 5, 0);
    let result = run(&mut chain, 5, message);
    let answer: MsgWithdrawDelegatorRewardResponse = response(&result);
    let paid: u64 = answer.amount[0].amount.parse().unwrap();
    assert!(paid > 0);
    assert_eq!(balance(&chain, chain.address(6)), owned + paid);
    // The commission is the operator's.
    let commission = owed(&chain, 0).1;
    let request =
        QueryValidatorCommissionRequest { validator_address: chain.operator(0).to_string() };
    let path = "/cosmos.distribution.v1beta1.Query/ValidatorCommission";
    let answer: QueryValidatorCommissionResponse = chain.query(path, &request).unwrap();
    let decimals = format!("{commission}000000000000000000");
    assert_eq!(answer.commission.unwrap().commission[0].amount, decimals);
    let validator_address = chain.operator(0).to_string();
    let result = run(&mut chain, 0, any(&MsgWithdrawValidatorCommission { validator_address }));
    let answer: MsgWithdrawValidatorCommissionResponse = response(&result);
    assert_eq!(answer.amount[0].amount, commission.to_string());
}

#[test]
fn rule_4_inflation_follows_what_is_bonded() {
    let inflation = |bonded: u64| {
        let range = [("mint.inflation_min", 70_000), ("mint.inflation_max", 200_000)];
        let goal = [("mint.goal_bonded", bonded)];
        let mut chain = chain(&[&range[..], &goal].concat());
        for _ in 0..20 {
            chain.skipped_seconds += 600;
            earn(&mut chain, 2_500, [9; 20]);
        }
        match chain.rows("", "SELECT inflation FROM chain.minter")[0][0] {
            dadbs_types::Value::Integer(inflation) => inflation,
            _ => panic!("a number"),
        }
    };
    // 400 of 8,000,400 DADB are bonded: 49 millionths.
    assert!(inflation(1_000_000) > 130_000_000_000);
    assert!(inflation(10) < 130_000_000_000);
}

#[test]
fn rule_5_a_validator_that_ends_leaves_nothing() {
    let mut chain = chain(&[("staking.unbonding_time", 10)]);
    earn(&mut chain, 2_500, [9; 20]);
    earn(&mut chain, 2_500 + 77, address_of(3));
    let owed_to = owed(&chain, 3);
    assert!(owed_to.0 > 0 && owed_to.1 > 0);
    let message = undelegate(&chain, 3, 3, 100 * DADB);
    run(&mut chain, 3, message);
    chain.skipped_seconds += 20;
    for _ in 0..3 {
        chain.block(vec![]);
        holds(&chain);
    }
    assert_eq!(owed(&chain, 3), (0, 0));
    let operator = chain.operator(3);
    for table in ["validator_rewards", "reward_starts"] {
        let sql = format!("SELECT * FROM chain.{table} WHERE validator = '{operator}'");
        assert_eq!(chain.rows("", &sql), Vec::<Vec<_>>::new(), "{table}");
    }
}

#[test]
fn rule_6_who_comes_first_after_a_pause_takes_nothing_of_what_was_due() {
    let mut chain = chain(&[
        ("fees.burned", 1_000_000),
        ("mint.inflation_min", 1_000_000),
        ("mint.inflation_max", 1_000_000),
    ]);
    earn(&mut chain, 2_500, [9; 20]);
    let before = owed(&chain, 0);
    chain.skipped_seconds += 600;
    // A hundred times what all others have staked, in the first transaction that comes.
    let message = delegate(&chain, 5, 0, 10_000 * DADB);
    run(&mut chain, 5, message);
    let (store, operator) = (chain.app.store(), chain.address(0));
    let shares = dadbs_app::staking::delegated_shares(store, chain.address(5), operator).unwrap();
    let pending = distribution::pending(store, operator, chain.address(5), shares).unwrap();
    assert_eq!((shares, pending), (10_000 * DADB, 0));
    // A quarter of the fifth for uptime of ten minutes of 100 % a year on 8,000,400 DADB.
    let quarter = 8_000_400 * DADB * 600 / 31_557_600 / 5 / 4;
    let after = owed(&chain, 0);
    let grown = after.0 + after.1 - before.0 - before.1;
    assert!(grown.abs_diff(quarter) < quarter / 100, "{grown}, not {quarter}");
}

#[test]
fn rule_7_the_books_balance() {
    for seed in 0..4 {
        let mut random = Random(seed);
        let mut chain = chain(&[
            ("staking.unbonding_time", 20),
            ("fees.burned", 500_000),
            ("distribution.community_tax", 20_000),
            ("mint.inflation_min", 70_000),
            ("mint.inflation_max", 200_000),
            ("slashing.signed_blocks_window", 10),
            ("slashing.min_signed_per_window", 500_000),
        ]);
        let mut done = 0;
        for step in 0..120 {
            let (index, validator) = (random.below(7) as u8, random.below(4) as u8);
            let bits = 1 + random.below(26);
            let amount = 1 + random.below(1 << bits);
            let message = match random.below(8) {
                0 | 1 => delegate(&chain, index, validator, amount),
                2 => undelegate(&chain, index, validator, amount),
                3 => redelegate(&chain, index, validator, random.below(4) as u8, amount),
                4 => {
                    let validator_address = chain.operator(index).to_string();
                    any(&MsgWithdrawValidatorCommission { validator_address })
                }
                5 => unjail(&chain, index),
                _ => withdraw(&chain, index, validator),
            };
            chain.absent.clear();
            if random.below(3) == 0 {
                chain.absent.insert(address_of(validator));
            }
            if step % 40 == 39 {
                chain.misbehavior.push(Misbehavior {
                    kind: MisbehaviorKind::DuplicateVote,
                    address: address_of(validator),
                    height: chain.height,
                    time_ns: chain.next_block(vec![]).info.time_ns,
                    power: 100,
                });
            }
            chain.resync();
            let tx = chain.sign_with_gas(index, vec![message], 2_000_000);
            let mut block = chain.next_block(vec![tx]);
            block.info.proposer_address = address_of(random.below(4) as u8);
            done += u32::from(chain.apply(&block).tx_results[0].is_ok());
            assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new(), "{seed}: {step}");
        }
        assert!(done > 40, "seed {seed}: {done} operations did something");
        // Everybody withdraws, and all of it is there.
        for (delegator, validator) in (0..7).flat_map(|d| (0..4).map(move |v| (d, v))) {
            chain.resync();
            let message = withdraw(&chain, delegator, validator);
            let result = chain.run(delegator, vec![message]);
            let operator = chain.address(validator);
            let store = chain.app.store();
            let delegator = chain.address(delegator);
            let shares = dadbs_app::staking::delegated_shares(store, delegator, operator).unwrap();
            assert_eq!(result.is_ok(), shares > 0, "seed {seed}: {}", result.log);
            holds(&chain);
        }
    }
}
