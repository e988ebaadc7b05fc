//! Rewards for what validators contribute, from inflation to the accounts of delegators.
//!
//! 1. Who signs earns the part of uptime at once, who answers storage challenges the part of storage at the end of the
//!    epoch, nobody the parts of compute and bandwidth.
//! 2. An answer is the row that its challenge selects, in time, once, whoever sends it.
//! 3. A validator that is jailed at the end earns nothing of storage, one that joins has challenges from the next epoch on.
//! 4. An idle chain ends no epoch, and its root rests.
//! 5. The answers are made from the rows of the epoch's root, whatever has changed since.
//! 6. An exported state carries the epoch, its scores and what storage has earned.
#![allow(clippy::cast_possible_truncation, reason = "test data is small")]

use dadbs_app::{App, AppConfig, BlockOutcome, distribution, rewards};
use dadbs_client::tx::any;
use dadbs_proto::dadbs::rewards::v1::{
    ChallengesRequest, ChallengesResponse, EpochRequest, EpochResponse, MsgSubmitStorageProof,
    ScoresRequest, ScoresResponse,
};
use dadbs_tests::stake::{DADB, create, undelegate};
use dadbs_tests::{Chain, SHORT_VOTES, staked_genesis};
use dadbs_types::{AccountAddress, Code};
use prost_types::Any;

const EPOCH: i64 = 100;
const WINDOW: u64 = 10;

fn genesis(validators: u8) -> dadbs_app::Genesis {
    let mut genesis = staked_genesis(8, validators);
    let params = [
        ("rewards.epoch", EPOCH as u64),
        ("rewards.challenge_blocks", WINDOW),
        ("mint.inflation_min", 1_000_000),
        ("mint.inflation_max", 1_000_000),
        ("fees.burned", 1_000_000),
    ];
    let params = SHORT_VOTES.iter().chain(&params);
    genesis.params.extend(params.map(|(name, value)| ((*name).to_string(), *value)));
    genesis
}

/// A chain in its first epoch, which its first block has begun.
fn chain(validators: u8) -> Chain {
    let mut chain = Chain::of(App::memory().unwrap(), &genesis(validators));
    work(&mut chain);
    chain
}

/// A block with a transaction.
fn work(chain: &mut Chain) -> BlockOutcome {
    let message = chain.send(6, chain.address(7), 1);
    let tx = chain.sign(6, vec![message]);
    let outcome = chain.block(vec![tx]);
    assert!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
    outcome
}

fn answers(chain: &Chain, validator: u8) -> Vec<MsgSubmitStorageProof> {
    let answers = chain.app.queries().unwrap().storage_answers(chain.address(validator)).unwrap();
    let own = chain.address(5).to_string();
    answers
        .into_iter()
        .map(|answer| MsgSubmitStorageProof { submitter: own.clone(), ..answer })
        .collect()
}

/// Runs answers of account 5 in one transaction.
fn submit(chain: &mut Chain, answers: &[MsgSubmitStorageProof]) -> BlockOutcome {
    let messages: Vec<Any> = answers.iter().map(any).collect();
    let tx = chain.sign(5, messages);
    let outcome = chain.block(vec![tx]);
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
    outcome
}

fn accepted(chain: &mut Chain, answers: &[MsgSubmitStorageProof]) -> BlockOutcome {
    let outcome = submit(chain, answers);
    assert!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
    outcome
}

fn refused(chain: &mut Chain, answer: &MsgSubmitStorageProof, code: Code) {
    let outcome = submit(chain, std::slice::from_ref(answer));
    let result = &outcome.tx_results[0];
    assert_eq!(
        (result.codespace.as_str(), result.code),
        (code.codespace(), code.number()),
        "{}",
        result.log
    );
}

/// What a block has minted.
fn minted(outcome: &BlockOutcome) -> u64 {
    let minted = outcome.events.iter().find(|event| event.kind == "mint").unwrap();
    minted.attributes[0].1.trim_end_matches("udadb").parse().unwrap()
}

fn storage(chain: &Chain) -> u64 {
    rewards::pool(chain.app.store()).unwrap()
}

fn community(chain: &Chain) -> u64 {
    let pool = AccountAddress::of_module("community_pool");
    dadbs_app::bank::balance(chain.app.store(), pool, "udadb").unwrap()
}

fn earned(chain: &Chain, validator: u8) -> u64 {
    let rewards = distribution::rewards(chain.app.store(), chain.address(validator)).unwrap();
    rewards.outstanding + rewards.commission
}

fn epoch(chain: &Chain) -> EpochResponse {
    chain.query("/dadbs.rewards.v1.Query/Epoch", &EpochRequest {}).unwrap()
}

fn scores(chain: &Chain) -> ScoresResponse {
    chain.query("/dadbs.rewards.v1.Query/Scores", &ScoresRequest {}).unwrap()
}

#[test]
fn rule_1_one_answers_all_and_one_half() {
    let mut chain = chain(2);
    assert_eq!((epoch(&chain).epoch, epoch(&chain).height, storage(&chain)), (1, 1, 0));
    let (all, half) = (answers(&chain, 0), answers(&chain, 1));
    assert_eq!((all.len(), half.len()), (4, 4));
    let mut expected = 0;
    for answers in [&all[..], &half[..2]] {
        expected += minted(&accepted(&mut chain, answers)) * 4 / 10;
        assert_eq!(storage(&chain), expected);
    }
    let standing = scores(&chain).scores;
    let mut standing: Vec<_> =
        standing.iter().map(|score| (score.answered.clone(), score.power, score.score)).collect();
    standing.sort();
    assert_eq!(standing, [(vec![0, 1], 100, 200), (vec![0, 1, 2, 3], 100, 400)]);
    let request = ChallengesRequest { validator_address: chain.operator(1).to_string() };
    let open: ChallengesResponse =
        chain.query("/dadbs.rewards.v1.Query/Challenges", &request).unwrap();
    assert_eq!(open.last_height, 1 + WINDOW);
    let answered: Vec<_> = open.challenges.iter().map(|one| one.answered).collect();
    assert_eq!(answered, [true, true, false, false]);
    while chain.height < 1 + WINDOW {
        chain.block(vec![]);
    }
    assert_eq!(epoch(&chain).pool, expected);
    // The end of the epoch: ten minutes at most are minted.
    chain.skipped_seconds += EPOCH;
    let (before, pool) = ([earned(&chain, 0), earned(&chain, 1)], community(&chain));
    let outcome = work(&mut chain);
    let minted = minted(&outcome);
    // 100 % a year of 8,000,200 DADB, for 109 seconds; what was minted before raises it a little.
    let least = 8_000_200 * DADB / 31_557_600 * 109;
    assert!((least..least + least / 1_000).contains(&minted), "{minted}, at least {least}");
    expected += minted * 4 / 10;
    let (uptime, taxed) = (minted * 2 / 10, expected - expected / 50);
    // Each signed: half of uptime, less the tax of 2 %. Of storage 400 and 200 parts of 600.
    let each = (uptime - uptime / 50) / 2;
    let paid = [taxed * 2 / 3, taxed / 3];
    let after = [earned(&chain, 0), earned(&chain, 1)];
    assert_eq!([after[0] - before[0], after[1] - before[1]], [each + paid[0], each + paid[1]]);
    // Compute and bandwidth, the taxes, and what did not divide.
    let rest = minted + (expected - minted * 4 / 10) - 2 * each - paid[0] - paid[1];
    assert_eq!(community(&chain) - pool, rest);
    assert_eq!(storage(&chain), 0);
    let rewarded: Vec<_> = outcome.events.iter().filter(|e| e.kind == "epoch_reward").collect();
    let amounts: Vec<&str> = rewarded
        .iter()
        .map(|event| event.attributes.iter().find(|(key, _)| key == "amount").unwrap().1.as_str())
        .collect();
    let mut expected = paid.map(|amount| format!("{amount}udadb"));
    expected.sort();
    let mut amounts = amounts.clone();
    amounts.sort_unstable();
    assert_eq!(amounts, expected);
    assert_eq!((epoch(&chain).epoch, epoch(&chain).height), (2, chain.height));
    assert!(scores(&chain).scores.iter().all(|score| score.answered.is_empty()));
}

#[test]
fn rule_2_only_the_selected_row_counts_in_time_and_once() {
    let mut chain = chain(2);
    let good = answers(&chain, 0);
    let others = answers(&chain, 1);
    let with = |change: &dyn Fn(&mut MsgSubmitStorageProof)| {
        let mut changed = good[0].clone();
        change(&mut changed);
        changed
    };
    let other = good.iter().find(|answer| answer.key != good[0].key).unwrap();
    let wrong = [
        with(&|answer| *answer = MsgSubmitStorageProof { index: 0, ..other.clone() }),
        with(&|answer| answer.validator_address = others[0].validator_address.clone()),
        with(&|answer| answer.row[0] ^= 1),
        with(&|answer| answer.row.clear()),
        with(&|answer| answer.key[0] ^= 1),
        with(&|answer| answer.table = "chain_nothing".into()),
        with(&|answer| answer.table = "t".repeat(70_000)),
        with(&|answer| answer.proof.truncate(answer.proof.len() - 1)),
        with(&|answer| answer.proof.push(0)),
        with(&|answer| answer.proof.clear()),
        with(&|answer| answer.proof = vec![0x4c; 20_000]),
        with(&|answer| {
            answer.row.clear();
            answer.key.clear();
            answer.table.clear();
            answer.proof = vec![0x4c, 0x4f, 0];
        }),
    ];
    // All in one block, so that they come in time.
    let txs = wrong.iter().map(|answer| chain.sign(5, vec![any(answer)])).collect();
    for (at, result) in chain.block(txs).tx_results.iter().enumerate() {
        let verdict = (result.codespace.as_str(), result.code);
        let code = Code::WrongAnswer;
        assert_eq!(verdict, (code.codespace(), code.number()), "{at}: {}", result.log);
    }
    refused(&mut chain, &with(&|answer| answer.epoch = 2), Code::WrongEpoch);
    refused(&mut chain, &with(&|answer| answer.index = 4), Code::NoChallenge);
    let stranger = chain.operator(7).to_string();
    refused(
        &mut chain,
        &with(&|answer| answer.validator_address.clone_from(&stranger)),
        Code::NoChallenge,
    );
    accepted(&mut chain, &good[..1]);
    refused(&mut chain, &good[0], Code::ChallengeAnswered);
    while chain.height < WINDOW {
        chain.block(vec![]);
    }
    // The last height at which it counts, and the first at which it does not.
    accepted(&mut chain, &good[1..2]);
    assert_eq!(chain.height, 1 + WINDOW);
    refused(&mut chain, &good[2], Code::ChallengeOver);
    // What was right in one epoch is nothing in the next.
    chain.skipped_seconds += EPOCH;
    work(&mut chain);
    refused(&mut chain, &good[2], Code::WrongEpoch);
    refused(&mut chain, &with(&|answer| answer.epoch = 2), Code::WrongAnswer);
}

#[test]
fn rule_2_what_is_refused_pays_for_its_bytes() {
    let mut chain = chain(1);
    let mut answer = answers(&chain, 0).remove(0);
    let used = |chain: &mut Chain, answer: &MsgSubmitStorageProof| {
        submit(chain, std::slice::from_ref(answer)).tx_results[0].gas_used
    };
    answer.row = vec![1; 1_000];
    let small = used(&mut chain, &answer);
    answer.row = vec![1; 501_000];
    let large = used(&mut chain, &answer);
    // 10 gas a byte of the transaction, and 10 to hash it.
    assert!((10_000_000..10_000_200).contains(&(large - small)), "{small} and {large}");
}

#[test]
fn rule_3_who_has_left_earns_nothing_and_who_joins_waits() {
    let mut chain = chain(2);
    let (first, second) = (answers(&chain, 0), answers(&chain, 1));
    accepted(&mut chain, &first);
    accepted(&mut chain, &second);
    // The operator's own stake leaves, and with it the validator; another joins.
    let leave = undelegate(&chain, 1, 1, 100 * DADB);
    let join = create(&chain, 3, 3, 500 * DADB);
    let result = chain.run(1, vec![leave]);
    assert!(result.is_ok(), "{}", result.log);
    let result = chain.run(3, vec![join]);
    assert!(result.is_ok(), "{}", result.log);
    assert!(answers(&chain, 3).is_empty());
    while chain.height < 1 + WINDOW {
        chain.block(vec![]);
    }
    chain.skipped_seconds += EPOCH;
    let outcome = work(&mut chain);
    let rewarded: Vec<_> = outcome.events.iter().filter(|e| e.kind == "epoch_reward").collect();
    assert_eq!(rewarded.len(), 1);
    let validator = chain.operator(0).to_string();
    assert!(rewarded[0].attributes.iter().any(|(_, value)| *value == validator));
    // Epoch 2 asks those who are in the set now.
    assert_eq!(scores(&chain).scores.len(), 2);
    let (gone, joined) = (answers(&chain, 1), answers(&chain, 3));
    assert_eq!((gone.len(), joined.len()), (0, 4));
    accepted(&mut chain, &joined);
}

#[test]
fn rule_4_an_idle_chain_rests() {
    let mut chain = chain(2);
    work(&mut chain);
    chain.skipped_seconds += 10 * EPOCH;
    let root = chain.app.info().app_hash;
    for _ in 0..2 * WINDOW {
        assert_eq!(chain.block(vec![]).app_hash, root);
    }
    assert_eq!(epoch(&chain).epoch, 1);
    work(&mut chain);
    assert_eq!(epoch(&chain).epoch, 2);
}

#[test]
fn rule_5_answers_are_rows_of_the_epochs_root() {
    let mut chain = chain(1);
    let at_once = answers(&chain, 0);
    // Balances, supply, sequences and parameters of inflation change in each block.
    for _ in 0..WINDOW - 1 {
        work(&mut chain);
        assert_eq!(answers(&chain, 0), at_once);
    }
    accepted(&mut chain, &at_once);
    assert!(answers(&chain, 0).is_empty());
}

#[test]
fn rule_6_an_export_carries_the_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (home, other) = (folder.path().join("home"), folder.path().join("other"));
    let open = |path: &std::path::Path| App::open(&AppConfig::new(path)).unwrap();
    let mut chain = Chain::of(open(&home), &genesis(2));
    work(&mut chain);
    let first = answers(&chain, 0);
    accepted(&mut chain, &first[..3]);
    let (before, standing, held) = (epoch(&chain), scores(&chain), storage(&chain));
    assert!(held > 0);
    let skipped = chain.skipped_seconds;
    drop(chain);
    std::fs::create_dir_all(&other).unwrap();
    let exported =
        dadbs_app::export(&AppConfig::new(&home), "dadbs-other", &other.join("state.db")).unwrap();
    let mut chain = Chain::of_exported(open(&other), &exported, 8);
    chain.skipped_seconds = skipped;
    assert_eq!((epoch(&chain), scores(&chain), storage(&chain)), (before, standing, held));
    // The answer that was made before still counts.
    accepted(&mut chain, &first[3..]);
    while chain.height < 1 + WINDOW {
        chain.block(vec![]);
    }
    chain.skipped_seconds += EPOCH;
    let outcome = work(&mut chain);
    assert!(outcome.events.iter().any(|event| event.kind == "epoch_reward"));
    assert_eq!((epoch(&chain).epoch, storage(&chain)), (2, 0));
}
