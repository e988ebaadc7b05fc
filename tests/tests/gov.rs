//! Governance from proposals to what they change, through real transactions.
//!
//! 1. A proposal finds its deposit, is voted on and executed by itself; what it changes holds from the next block.
//! 2. What is not as it may be is refused with its number and changes nothing.
//! 3. An execution that fails leaves nothing, says why, and gives deposits back.
//! 4. Deposits go back or burn, to the coin.
//! 5. Coins that vote are locked, for the largest of their votes.
//! 6. An expedited proposal that does not pass becomes an ordinary one.
//! 7. A contract of governance moves to the code that the proposal names by its hash.
//! 8. A planned upgrade halts the old software before its block, and the new one goes on.
//! 9. A pause stops messages and contracts, never governance, and ends by itself.
//! 10. A thousand proposals that end at once are carried over, and stop nothing; their results are those of their end.
//! 11. Stake votes: operators for what their delegators leave open, and for as long as it is staked.
//! 12. Coins of the community are spent by vote.
//! 13. Where governance says so, older stake decides between the votes; each vote counts by the rule of its beginning.
#![allow(
    clippy::too_many_lines,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    clippy::wildcard_imports,
    reason = "tests are long"
)]

mod support;

use dadbs_app::{App, AppConfig, Block, BlockOutcome, Genesis, Software, TxResult, Upgrade};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::query::v1beta1::PageRequest;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::consensus::v1::MsgUpdateParams as ConsensusUpdate;
use dadbs_proto::cosmos::distribution::v1beta1::{MsgCommunityPoolSpend, MsgFundCommunityPool};
use dadbs_proto::cosmos::gov::v1::*;
use dadbs_proto::cosmos::upgrade::v1beta1::{MsgSoftwareUpgrade, Plan};
use dadbs_proto::dadbs::circuit::v1::{MsgPause, MsgResume};
use dadbs_proto::dadbs::contract::v1::{MsgMigrate, MsgStoreCode};
use dadbs_proto::dadbs::gov::v1::{MsgLockedVote, TallyRequest, TallyResponse};
use dadbs_proto::dadbs::params::v1::msg_update_params::Change;
use dadbs_proto::dadbs::params::v1::{MsgUpdateParams, ParamsRequest, ParamsResponse};
use dadbs_proto::tendermint::types::{AbciParams, BlockParams, EvidenceParams, ValidatorParams};
use dadbs_tests::{Chain, key, response};
use dadbs_types::ConsensusParams;
use dadbs_types::{AccountAddress, Code, Value};
use prost_types::Any;
use support::{contract, function, number, verdict};

const ACCOUNTS: u8 = 6;
/// Seconds of the periods, which are blocks: a block takes a second.
const VOTING: u64 = 10;
const EXPEDITED: u64 = 5;
const TIMELOCK: u64 = 4;
const DEPOSIT: u64 = 1_000_000;

fn authority() -> String {
    AccountAddress::of_module("gov").to_string()
}

fn genesis() -> Genesis {
    let mut genesis = dadbs_tests::genesis(ACCOUNTS);
    genesis.guardian = Some(key(5).address());
    for (name, value) in [
        ("gov.min_deposit", DEPOSIT),
        ("gov.expedited_min_deposit", 5 * DEPOSIT),
        ("gov.deposit_period", 20),
        ("gov.voting_period", VOTING),
        ("gov.expedited_voting_period", EXPEDITED),
        ("gov.timelock", TIMELOCK),
        ("circuit.guardian_period", 60),
        ("circuit.guardian_rest", 300),
        // The supply moves by deposits alone.
        ("mint.inflation_min", 0),
        ("mint.inflation_max", 0),
        ("fees.burned", 0),
    ] {
        genesis.params.insert(name.into(), value);
    }
    genesis
}

fn chain() -> Chain {
    Chain::of(App::memory().unwrap(), &genesis())
}

fn coins(amount: u64) -> Vec<Coin> {
    vec![Coin { denom: "udadb".into(), amount: amount.to_string() }]
}

fn submission(index: u8, messages: Vec<Any>, deposit: u64) -> MsgSubmitProposal {
    MsgSubmitProposal {
        messages,
        initial_deposit: coins(deposit),
        proposer: key(index).address().to_string(),
        metadata: String::new(),
        title: "a title".into(),
        summary: "a summary".into(),
        expedited: false,
    }
}

fn submit(chain: &mut Chain, message: &MsgSubmitProposal) -> u64 {
    let index = (0..ACCOUNTS).find(|index| key(*index).address().to_string() == message.proposer);
    let result = chain.run(index.unwrap(), vec![any(message)]);
    assert!(result.is_ok(), "{}", result.log);
    response::<MsgSubmitProposalResponse>(&result).proposal_id
}

/// A proposal of these messages with its deposit.
fn propose(chain: &mut Chain, messages: Vec<Any>) -> u64 {
    submit(chain, &submission(0, messages, DEPOSIT))
}

/// Votes with locked coins.
fn vote(
    chain: &mut Chain,
    index: u8,
    proposal_id: u64,
    option: VoteOption,
    locked: u64,
) -> TxResult {
    let options = vec![WeightedVoteOption { option: option.into(), weight: "1".into() }];
    let voter = key(index).address().to_string();
    let message = MsgLockedVote { proposal_id, voter, options, locked, metadata: String::new() };
    chain.run(index, vec![any(&message)])
}

fn yes(chain: &mut Chain, proposal_id: u64) {
    let result = vote(chain, 1, proposal_id, VoteOption::Yes, 1_000);
    assert!(result.is_ok(), "{}", result.log);
}

fn blocks(chain: &mut Chain, count: u64) -> Vec<BlockOutcome> {
    (0..count).map(|_| checked(chain, vec![])).collect()
}

/// A block, after which every invariant holds.
fn checked(chain: &mut Chain, txs: Vec<Vec<u8>>) -> BlockOutcome {
    let outcome = chain.block(txs);
    invariants(chain);
    outcome
}

fn invariants(chain: &Chain) {
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
}

fn status(chain: &Chain, id: u64) -> String {
    let sql = format!("SELECT status FROM chain.proposals WHERE id = {id}");
    match &chain.rows("", &sql)[0][0] {
        Value::Text(status) => status.clone(),
        other => panic!("{other:?}"),
    }
}

fn failed_reason(chain: &Chain, id: u64) -> Value {
    let sql = format!("SELECT failed_reason FROM chain.proposals WHERE id = {id}");
    chain.rows("", &sql)[0][0].clone()
}

fn held(chain: &Chain, index: u8) -> i64 {
    let sql =
        format!("SELECT amount FROM chain.balances WHERE address = '{}'", key(index).address());
    match chain.rows("", &sql)[0][0] {
        Value::Integer(amount) => amount,
        _ => panic!("an amount"),
    }
}

fn count(chain: &Chain, table: &str) -> Value {
    chain.rows("", &format!("SELECT count(*) FROM chain.{table}"))[0][0].clone()
}

fn param(chain: &Chain, name: &str) -> u64 {
    let answer: ParamsResponse =
        chain.query("/dadbs.params.v1.Query/Params", &ParamsRequest {}).unwrap();
    answer.params.iter().find(|param| param.name == name).unwrap().value
}

fn update(changes: &[(&str, u64, Option<u64>)]) -> Any {
    let changes = changes
        .iter()
        .map(|(name, value, replaces)| Change {
            name: (*name).into(),
            value: *value,
            replaces: *replaces,
        })
        .collect();
    any(&MsgUpdateParams { authority: authority(), changes })
}

fn consensus_update(max_bytes: i64, max_gas: i64, evidence_s: i64) -> ConsensusUpdate {
    ConsensusUpdate {
        authority: authority(),
        block: Some(BlockParams { max_bytes, max_gas }),
        evidence: Some(EvidenceParams {
            max_age_num_blocks: 1,
            max_age_duration: Some(prost_types::Duration { seconds: evidence_s, nanos: 0 }),
            max_bytes: 1_048_576,
        }),
        validator: Some(ValidatorParams { pub_key_types: vec!["ed25519".into()] }),
        abci: None,
    }
}

fn kinds(outcomes: &[BlockOutcome]) -> Vec<&str> {
    outcomes.iter().flat_map(|outcome| &outcome.events).map(|event| event.kind.as_str()).collect()
}

#[test]
fn rule_1_a_parameter_changes_by_vote() {
    let mut chain = chain();
    let name = "contract.schedule_block_gas";
    let before = param(&chain, name);
    let message = submission(0, vec![update(&[(name, 7, Some(before))])], DEPOSIT / 4);
    let id = submit(&mut chain, &message);
    assert_eq!((id, status(&chain, id).as_str()), (1, "deposit"));
    let deposit = MsgDeposit {
        proposal_id: id,
        depositor: key(1).address().to_string(),
        amount: coins(DEPOSIT * 3 / 4),
    };
    assert!(chain.run(1, vec![any(&deposit)]).is_ok());
    assert_eq!(status(&chain, id), "voting");
    yes(&mut chain, id);
    let tally: QueryTallyResultResponse = chain
        .query("/cosmos.gov.v1.Query/TallyResult", &QueryTallyResultRequest { proposal_id: id })
        .unwrap();
    assert_eq!(tally.tally.unwrap().yes_count, "1000");
    let voted: QueryVoteResponse = chain
        .query(
            "/cosmos.gov.v1.Query/Vote",
            &QueryVoteRequest { proposal_id: id, voter: key(1).address().to_string() },
        )
        .unwrap();
    assert_eq!(voted.vote.unwrap().options[0].weight, "1.000000000000000000");

    let outcomes = blocks(&mut chain, VOTING - 1);
    assert_eq!(kinds(&outcomes), ["proposal_result"]);
    assert_eq!((status(&chain, id).as_str(), param(&chain, name)), ("queued", before));
    let outcomes = blocks(&mut chain, TIMELOCK);
    assert_eq!(kinds(&outcomes), ["proposal_executed", "proposal_settled", "proposal_settled"]);
    assert_eq!((status(&chain, id).as_str(), param(&chain, name)), ("executed", 7));
    let answer: QueryProposalResponse = chain
        .query("/cosmos.gov.v1.Query/Proposal", &QueryProposalRequest { proposal_id: id })
        .unwrap();
    let proposal = answer.proposal.unwrap();
    assert_eq!(proposal.status, i32::from(ProposalStatus::Passed));
    assert_eq!(proposal.final_tally_result.unwrap().yes_count, "1000");
    assert_eq!(proposal.messages.len(), 1);
    for table in
        ["deposits", "settlements", "votes", "tallies", "ballots", "locks", "proposal_queue"]
    {
        assert_eq!(count(&chain, table), Value::Integer(0), "{table}");
    }
    let rest = blocks(&mut chain, 2);
    assert_eq!(rest[0].app_hash, rest[1].app_hash, "the root rests");
}

#[test]
fn rule_1_proposals_are_listed_by_pages() {
    let mut chain = chain();
    for _ in 0..7 {
        propose(&mut chain, vec![]);
    }
    let page = |key: Vec<u8>, offset, reverse| {
        let pagination = PageRequest { key, offset, limit: 3, reverse, ..PageRequest::default() };
        let request = QueryProposalsRequest {
            pagination: Some(pagination),
            ..QueryProposalsRequest::default()
        };
        let answer: QueryProposalsResponse =
            chain.query("/cosmos.gov.v1.Query/Proposals", &request).unwrap();
        let ids: Vec<u64> = answer.proposals.iter().map(|proposal| proposal.id).collect();
        (ids, answer.pagination.unwrap().next_key)
    };
    let (first, next) = page(vec![], 0, false);
    let (second, next) = (first, page(next, 0, false));
    assert_eq!((second, next.0), (vec![1, 2, 3], vec![4, 5, 6]));
    let last = page(next.1, 0, false);
    assert_eq!((last.0, last.1.is_empty()), (vec![7], true));
    let (newest, next) = page(vec![], 1, true);
    assert_eq!((newest, page(next, 0, true).0), (vec![6, 5, 4], vec![3, 2, 1]));
    assert_eq!(page(vec![], 9, true).0, Vec::<u64>::new());
    let filtered = QueryProposalsRequest {
        proposal_status: ProposalStatus::Passed.into(),
        ..QueryProposalsRequest::default()
    };
    let answer: QueryProposalsResponse =
        chain.query("/cosmos.gov.v1.Query/Proposals", &filtered).unwrap();
    assert!(answer.proposals.is_empty());
}

#[test]
fn rule_2_what_is_refused() {
    let mut genesis = genesis();
    genesis.params.insert("gov.voting_period".into(), 30);
    let mut chain = Chain::of(App::memory().unwrap(), &genesis);
    let own = key(0).address().to_string();
    let param = update(&[("gov.timelock", 5, None)]);
    let send = chain.send(0, key(1).address(), 5);
    let foreign = any(&MsgUpdateParams { authority: own.clone(), changes: vec![] });
    let from_gov = any(&dadbs_proto::cosmos::bank::v1beta1::MsgSend {
        from_address: authority(),
        to_address: own.clone(),
        amount: coins(5),
    });
    let nested = any(&MsgSubmitProposal { proposer: authority(), ..submission(0, vec![], 5) });
    let mut garbled = param.clone();
    garbled.value.push(0);
    let unpinned = any(&MsgMigrate {
        sender: authority(),
        contract: "shop".into(),
        code_id: 1,
        ..MsgMigrate::default()
    });
    let upgrade = |height| {
        let plan = Some(Plan { name: "v2".into(), height, ..Plan::default() });
        any(&MsgSoftwareUpgrade { authority: authority(), plan })
    };
    let (past, future) = (upgrade(1), upgrade(1_000_000));
    let pause =
        |scope: &str| any(&MsgPause { authority: authority(), scope: scope.into(), seconds: 5 });
    for (name, code, messages, deposit) in [
        ("a deposit that is too small", Code::DepositTooSmall, vec![], DEPOSIT / 4 - 1),
        ("more than is held", Code::InsufficientFunds, vec![], i64::MAX as u64),
        ("a message of another signer", Code::InvalidProposalMessage, vec![send], DEPOSIT),
        ("another authority", Code::InvalidProposalMessage, vec![foreign], DEPOSIT),
        ("money of governance", Code::InvalidProposalMessage, vec![from_gov], DEPOSIT),
        ("a proposal in a proposal", Code::InvalidProposalMessage, vec![nested], DEPOSIT),
        ("an encoding of its own", Code::TxDecode, vec![garbled], DEPOSIT),
        (
            "an unknown parameter",
            Code::InvalidRequest,
            vec![update(&[("gov.x", 1, None)])],
            DEPOSIT,
        ),
        (
            "a value out of bounds",
            Code::InvalidRequest,
            vec![update(&[("gov.quorum", 1_000_001, None)])],
            DEPOSIT,
        ),
        ("no change", Code::InvalidRequest, vec![update(&[])], DEPOSIT),
        ("too many messages", Code::InvalidProposal, vec![param.clone(); 11], DEPOSIT),
        ("a migration to any code", Code::InvalidProposalMessage, vec![unpinned], DEPOSIT),
        (
            "an upgrade that takes parameters past the timelock",
            Code::InvalidProposal,
            vec![param.clone(), future],
            DEPOSIT,
        ),
        ("an upgrade in the past", Code::InvalidUpgrade, vec![past], DEPOSIT),
        (
            "a pause of votes",
            Code::InvalidPause,
            vec![pause("message:/cosmos.gov.v1.MsgVote")],
            DEPOSIT,
        ),
    ] {
        let result = chain.run(0, vec![any(&submission(0, messages, deposit))]);
        assert_eq!(verdict(&result), number(code), "{name}: {}", result.log);
    }
    for (name, code, message) in [
        (
            "no title",
            Code::InvalidProposal,
            MsgSubmitProposal { title: String::new(), ..submission(0, vec![], DEPOSIT) },
        ),
        (
            "a long title",
            Code::InvalidProposal,
            MsgSubmitProposal { title: "t".repeat(256), ..submission(0, vec![], DEPOSIT) },
        ),
        (
            "a long summary",
            Code::InvalidProposal,
            MsgSubmitProposal { summary: "t".repeat(10_201), ..submission(0, vec![], DEPOSIT) },
        ),
        (
            "other coins",
            Code::InvalidCoins,
            MsgSubmitProposal {
                initial_deposit: vec![Coin { denom: "uatom".into(), amount: "5".into() }],
                ..submission(0, vec![], DEPOSIT)
            },
        ),
        (
            "an overflowing amount",
            Code::InvalidCoins,
            MsgSubmitProposal {
                initial_deposit: vec![Coin {
                    denom: "udadb".into(),
                    amount: "9223372036854775808".into(),
                }],
                ..submission(0, vec![], DEPOSIT)
            },
        ),
    ] {
        let result = chain.run(0, vec![any(&message)]);
        assert_eq!(verdict(&result), number(code), "{name}: {}", result.log);
    }
    assert_eq!(count(&chain, "proposals"), Value::Integer(0));

    let id = propose(&mut chain, vec![]);
    let over = vote(&mut chain, 0, id, VoteOption::Yes, 2_000_000_000_000);
    assert_eq!(verdict(&over), number(Code::InsufficientFunds));
    let weighted = |options: &[(i32, &str)]| {
        let options = options
            .iter()
            .map(|(option, weight)| WeightedVoteOption {
                option: *option,
                weight: (*weight).into(),
            })
            .collect();
        any(&MsgVoteWeighted {
            proposal_id: id,
            voter: own.clone(),
            options,
            metadata: String::new(),
        })
    };
    let plain = |proposal_id, option| {
        any(&MsgVote { proposal_id, voter: own.clone(), option, metadata: String::new() })
    };
    let deposit = |proposal_id, amount| {
        any(&MsgDeposit { proposal_id, depositor: own.clone(), amount: coins(amount) })
    };
    let cancel = |index: u8| {
        any(&MsgCancelProposal { proposal_id: id, proposer: key(index).address().to_string() })
    };
    for (name, code, index, message) in [
        ("a vote without power", Code::NoVotingPower, 0, plain(id, 1)),
        ("no such option", Code::InvalidVote, 0, plain(id, 9)),
        ("no such proposal", Code::ProposalNotFound, 0, plain(99, 1)),
        ("a number beyond 63 bits", Code::ProposalNotFound, 0, plain(u64::MAX, 1)),
        ("weights beyond 1", Code::InvalidVote, 0, weighted(&[(1, "0.7"), (2, "0.7")])),
        ("no options", Code::InvalidVote, 0, weighted(&[])),
        ("a dusty deposit", Code::DepositTooSmall, 0, deposit(id, DEPOSIT / 100 - 1)),
        ("no deposit", Code::DepositTooSmall, 0, deposit(id, 0)),
        ("a deposit on nothing", Code::ProposalNotFound, 0, deposit(99, DEPOSIT)),
        ("another's proposal", Code::NotProposer, 1, cancel(1)),
        (
            "what governance does alone",
            Code::Unauthorized,
            0,
            any(&MsgUpdateParams {
                authority: own.clone(),
                changes: vec![Change { name: "gov.timelock".into(), value: 5, replaces: None }],
            }),
        ),
        (
            "a stranger's pause",
            Code::Unauthorized,
            0,
            any(&MsgPause { authority: own.clone(), scope: "contracts".into(), seconds: 5 }),
        ),
    ] {
        let result = chain.run(index, vec![message]);
        assert_eq!(verdict(&result), number(code), "{name}: {}", result.log);
        invariants(&chain);
    }
    blocks(&mut chain, 30);
    let late = vote(&mut chain, 0, id, VoteOption::Yes, 5);
    assert_eq!(verdict(&late), number(Code::InactiveProposal));
    assert_eq!(verdict(&chain.run(0, vec![deposit(id, DEPOSIT)])), number(Code::InactiveProposal));
    assert_eq!(verdict(&chain.run(0, vec![cancel(0)])), number(Code::InactiveProposal));
}

#[test]
fn rule_3_a_failed_execution_leaves_nothing() {
    let mut chain = chain();
    let before = held(&chain, 0);
    // The first message holds, the second finds another value than it replaces.
    let id = propose(
        &mut chain,
        vec![update(&[("gov.timelock", 9, None)]), update(&[("gov.quorum", 400_000, Some(1))])],
    );
    let spent = before - held(&chain, 0) - DEPOSIT as i64;
    yes(&mut chain, id);
    let outcomes = blocks(&mut chain, VOTING + TIMELOCK);
    assert_eq!(kinds(&outcomes), ["proposal_result", "proposal_failed", "proposal_settled"]);
    assert_eq!(status(&chain, id), "failed");
    let failed = outcomes.iter().flat_map(|outcome| &outcome.events);
    let failed = failed.clone().find(|event| event.kind == "proposal_failed").unwrap();
    assert!(
        failed.attributes[2].1.starts_with("message 1 of the proposal: gov.quorum is"),
        "{failed:?}"
    );
    let reason = Value::from("sdk/18: A field of the request has a value that is not allowed.");
    assert_eq!(failed_reason(&chain, id), reason);
    assert_eq!(param(&chain, "gov.timelock"), TIMELOCK);
    assert_eq!(held(&chain, 0), before - spent, "the deposit is back");

    // Parameters that do not fit each other are refused when they are executed.
    let id =
        propose(&mut chain, vec![update(&[("gov.expedited_voting_period", VOTING + 1, None)])]);
    yes(&mut chain, id);
    blocks(&mut chain, VOTING + TIMELOCK);
    assert_eq!(
        (status(&chain, id).as_str(), param(&chain, "gov.expedited_voting_period")),
        ("failed", EXPEDITED)
    );
    // Nor is a period cut by more than a half.
    let id = propose(&mut chain, vec![update(&[("gov.voting_period", EXPEDITED - 1, None)])]);
    yes(&mut chain, id);
    blocks(&mut chain, VOTING + TIMELOCK);
    assert_eq!(
        (status(&chain, id).as_str(), param(&chain, "gov.voting_period")),
        ("failed", VOTING)
    );
}

#[test]
fn rule_1_the_engine_is_told_how_long_evidence_counts() {
    let mut chain = chain();
    let longer = 2 * param(&chain, "staking.unbonding_time");
    let change = update(&[("staking.unbonding_time", longer, None)]);
    let id = propose(&mut chain, vec![change]);
    yes(&mut chain, id);
    let outcomes = blocks(&mut chain, VOTING + TIMELOCK + 2);
    let told: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| outcome.consensus_params)
        .map(|told| told.evidence_age)
        .collect();
    assert_eq!((status(&chain, id).as_str(), told), ("executed", vec![longer]));
}

#[test]
fn rule_4_deposits_go_back_or_burn() {
    let mut chain = chain();
    let supply = |chain: &Chain| chain.rows("", "SELECT amount FROM chain.supply")[0][0].clone();
    let Value::Integer(whole) = supply(&chain) else { panic!("a supply") };
    // Not enough in time.
    let before = held(&chain, 0);
    let message = submission(0, vec![], DEPOSIT / 2);
    let id = submit(&mut chain, &message);
    let fee = before - held(&chain, 0) - (DEPOSIT / 2) as i64;
    blocks(&mut chain, 20);
    assert_eq!(status(&chain, id), "expired");
    assert_eq!(held(&chain, 0), before - fee);
    // Vetoed.
    let id = propose(&mut chain, vec![]);
    assert!(vote(&mut chain, 2, id, VoteOption::NoWithVeto, 5).is_ok());
    blocks(&mut chain, VOTING);
    assert_eq!(status(&chain, id), "vetoed");
    assert_eq!(supply(&chain), Value::Integer(whole - DEPOSIT as i64));
    // Nobody has voted: refused, and the deposit comes back.
    let before = held(&chain, 0);
    let id = propose(&mut chain, vec![]);
    let fee = before - held(&chain, 0) - DEPOSIT as i64;
    blocks(&mut chain, VOTING);
    assert_eq!(status(&chain, id), "rejected");
    assert_eq!(held(&chain, 0), before - fee);
    // Taken back: half burns.
    let id = propose(&mut chain, vec![]);
    let cancel = MsgCancelProposal { proposal_id: id, proposer: key(0).address().to_string() };
    let canceled = chain.run(0, vec![any(&cancel)]);
    assert!(canceled.is_ok(), "{}", canceled.log);
    assert_eq!(status(&chain, id), "canceled");
    assert_eq!(supply(&chain), Value::Integer(whole - (DEPOSIT + DEPOSIT / 2) as i64));
    invariants(&chain);
}

#[test]
fn rule_5_locked_coins_stay() {
    let mut chain = chain();
    let first = propose(&mut chain, vec![]);
    let second = propose(&mut chain, vec![]);
    let held = held(&chain, 2) as u64;
    // The fees of what follows stay free.
    let free = 3_000_000;
    assert!(vote(&mut chain, 2, first, VoteOption::Yes, held / 2).is_ok());
    assert!(vote(&mut chain, 2, second, VoteOption::No, held - free).is_ok());
    let send = chain.send(2, key(3).address(), free);
    assert_eq!(verdict(&chain.run(2, vec![send])), number(Code::InsufficientFunds));
    let send = chain.send(2, key(3).address(), 1_000);
    assert!(chain.run(2, vec![send]).is_ok());
    // Fewer are locked after another vote.
    assert!(vote(&mut chain, 2, second, VoteOption::Yes, 10).is_ok());
    let send = chain.send(2, key(3).address(), 4_000_000);
    assert!(chain.run(2, vec![send]).is_ok());
    let over = chain.send(2, key(3).address(), held / 2);
    assert_eq!(verdict(&chain.run(2, vec![over.clone()])), number(Code::InsufficientFunds));
    blocks(&mut chain, VOTING);
    assert!(chain.run(2, vec![over]).is_ok(), "free after the vote");
    invariants(&chain);
}

#[test]
fn rule_6_expedited() {
    let mut chain = chain();
    let expedited =
        |messages| MsgSubmitProposal { expedited: true, ..submission(0, messages, 5 * DEPOSIT) };
    let id = submit(&mut chain, &expedited(vec![]));
    yes(&mut chain, id);
    blocks(&mut chain, EXPEDITED);
    assert_eq!(status(&chain, id), "executed");
    // More than half, less than two thirds.
    let id = submit(&mut chain, &expedited(vec![]));
    assert!(vote(&mut chain, 1, id, VoteOption::Yes, 60).is_ok());
    assert!(vote(&mut chain, 2, id, VoteOption::No, 40).is_ok());
    let outcomes = blocks(&mut chain, EXPEDITED - 2);
    assert_eq!(kinds(&outcomes), ["proposal_result"]);
    assert_eq!(status(&chain, id), "voting");
    assert_eq!(count(&chain, "votes"), Value::Integer(2));
    blocks(&mut chain, VOTING - EXPEDITED);
    assert_eq!(status(&chain, id), "executed");
}

fn versioned(version: &str) -> Vec<u8> {
    let insert = format!("INSERT INTO t VALUES ('{version}')");
    let more = [
        function("init", 510_000, &["CREATE TABLE t (v TEXT)"], ""),
        function("migrate", 520_000, &[&insert], ""),
    ];
    contract(&more.concat(), &[])
}

fn hash(chain: &Chain, code_id: u64) -> Vec<u8> {
    let sql = format!("SELECT hash FROM chain.codes WHERE id = {code_id}");
    match &chain.rows("", &sql)[0][0] {
        Value::Blob(hash) => hash.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn rule_7_a_contract_is_upgraded_by_vote() {
    let mut chain = chain();
    let old = chain.store_code(0, versioned("one"));
    let made = chain.instantiate(0, old, "shop", &authority());
    assert!(chain.run(0, vec![made]).is_ok());
    // The hash of the new code is known before it is stored: another chain tells it.
    let wasm = versioned("two");
    let code_hash = {
        let mut other = Chain::memory(1);
        let id = other.store_code(0, wasm.clone());
        hash(&other, id)
    };
    let replaces_hash = hash(&chain, old);
    let migrate = |code_hash: &[u8], replaces_hash: &[u8]| {
        any(&MsgMigrate {
            sender: authority(),
            contract: "shop".into(),
            code_id: 0,
            arguments: vec![],
            code_hash: code_hash.to_vec(),
            replaces_hash: replaces_hash.to_vec(),
        })
    };
    let store = any(&MsgStoreCode { sender: authority(), wasm });
    let good = propose(&mut chain, vec![store, migrate(&code_hash, &replaces_hash)]);
    let stale = propose(&mut chain, vec![migrate(&code_hash, &replaces_hash)]);
    let unknown = propose(&mut chain, vec![migrate(&[7; 32], &replaces_hash)]);
    for id in [good, stale, unknown] {
        yes(&mut chain, id);
    }
    blocks(&mut chain, VOTING + TIMELOCK);
    assert_eq!(status(&chain, good), "executed", "{:?}", failed_reason(&chain, good));
    assert_eq!(chain.rows("shop", "SELECT v FROM t"), [[Value::from("two")]]);
    let reasons = [stale, unknown].map(|id| failed_reason(&chain, id));
    assert_eq!(
        reasons,
        [
            Value::from("contract/11: The hash of a code is not the one that was named."),
            Value::from("contract/1: No code has this id."),
        ]
    );
}

#[test]
fn rule_7_contracts_need_two_thirds() {
    let mut chain = chain();
    let store = any(&MsgStoreCode { sender: authority(), wasm: versioned("one") });
    let id = propose(&mut chain, vec![store]);
    assert!(vote(&mut chain, 1, id, VoteOption::Yes, 66).is_ok());
    assert!(vote(&mut chain, 2, id, VoteOption::No, 34).is_ok());
    blocks(&mut chain, VOTING);
    assert_eq!(status(&chain, id), "rejected");
}

fn migrate_v2(store: &mut dadbs_store::Store) -> Result<(), dadbs_types::Error> {
    store.execute("CREATE TABLE chain_v2 (x INTEGER PRIMARY KEY NOT NULL) STRICT", &[])?;
    store.execute("INSERT INTO chain_v2 (x) VALUES (2)", &[])?;
    Ok(())
}

const V2: &[Upgrade] = &[Upgrade { name: "v2", migrate: migrate_v2 }];

#[test]
fn rule_8_an_upgrade_halts_the_old_and_lets_the_new_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let config = |software| AppConfig { software, ..AppConfig::new(folder.path()) };
    let old = || config(Software::THIS);
    let new = || config(Software { upgrades: V2, gas_schedule: 99 });
    let mut chain = Chain::of(App::open(&old()).unwrap(), &genesis());
    let height = 40;
    let plan = Plan { name: "v2".into(), height, info: "https://x/v2".into(), ..Plan::default() };
    let message = any(&MsgSoftwareUpgrade { authority: authority(), plan: Some(plan) });
    let id = propose(&mut chain, vec![message]);
    yes(&mut chain, id);
    blocks(&mut chain, VOTING);
    assert_eq!(status(&chain, id), "executed");
    // The new software, too early.
    drop(chain);
    let early = App::open(&new()).err().unwrap();
    assert!(early.message.contains("too early"), "{early}");
    let mut chain = Chain::of(App::open(&old()).unwrap(), &genesis());
    while chain.height < 39 {
        chain.block(vec![]);
    }
    let before = chain.app.info();
    let send = chain.send(0, key(1).address(), 5);
    let block: Block = {
        let tx = chain.sign(0, vec![send]);
        chain.next_block(vec![tx])
    };
    let halted = chain.app.finalize_block(&block).err().unwrap();
    assert!(halted.message.starts_with("UPGRADE \"v2\" NEEDED at height 40"), "{halted}");
    let halt = halted.halt.unwrap();
    assert_eq!((halt.name.as_str(), halt.height, halt.info.as_str()), ("v2", 40, "https://x/v2"));
    drop(chain);
    let refused = App::open(&old()).err().unwrap();
    assert!(refused.halt.is_some(), "{refused}");
    let mut app = App::open(&new()).unwrap();
    assert_eq!(app.info(), before);
    let outcome = app.finalize_block(&block).unwrap();
    assert_eq!(outcome.events[0].kind, "upgrade_applied");
    assert!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
    // The engine puts the new app version into its headers.
    assert_eq!(outcome.consensus_params.map(|told| told.app_version), Some(1));
    app.commit().unwrap();
    drop(app);
    let refused = App::open(&old()).err().unwrap();
    assert!(refused.message.contains("too old"), "{refused}");
    let mut chain = Chain::of(App::open(&new()).unwrap(), &genesis());
    let versions = "SELECT version FROM chain.versions WHERE name = 'gas_schedule'";
    assert_eq!(chain.rows("", versions), [[Value::from("99")]]);
    assert_eq!(chain.rows("", "SELECT x FROM chain.v2"), [[Value::Integer(2)]]);
    checked(&mut chain, vec![]);
}

#[test]
fn rule_8_software_with_other_versions_does_not_open_the_state() {
    let folder = tempfile::tempdir().unwrap();
    let config = |software| AppConfig { software, ..AppConfig::new(folder.path()) };
    drop(Chain::of(App::open(&config(Software::THIS)).unwrap(), &genesis()));
    let other = Software { gas_schedule: 99, ..Software::THIS };
    let refused = App::open(&config(other)).err().unwrap();
    let ours = Software::THIS.gas_schedule;
    assert!(
        refused.message.contains("has gas_schedule 99")
            && refused
                .message
                .contains(&format!("the chain has gas_schedule {ours} since its genesis")),
        "{refused}"
    );
    App::open(&config(Software::THIS)).unwrap();
}

#[test]
fn rule_1_consensus_parameters_are_voted_on() {
    let mut chain = chain();
    let before = chain.app.consensus_params().unwrap();
    let wait = param(&chain, "staking.unbonding_time");
    assert_eq!(before.evidence_age, wait);
    let good = consensus_update(5_000_000, 1_500_000_000, i64::try_from(wait).unwrap() - 1);
    let changed: [fn(&mut ConsensusUpdate); 9] = [
        |m| m.block = None,
        |m| m.block.as_mut().unwrap().max_bytes = -1,
        |m| m.block.as_mut().unwrap().max_bytes = 9_000_000,
        |m| m.block.as_mut().unwrap().max_gas = 1,
        |m| m.evidence.as_mut().unwrap().max_age_num_blocks = 2,
        |m| m.evidence.as_mut().unwrap().max_age_duration = None,
        |m| m.evidence.as_mut().unwrap().max_bytes = 0,
        |m| m.validator.as_mut().unwrap().pub_key_types.push("secp256k1".into()),
        |m| m.abci = Some(AbciParams { vote_extensions_enable_height: 5 }),
    ];
    for change in changed {
        let mut bad = good.clone();
        change(&mut bad);
        let message = any(&submission(0, vec![any(&bad)], DEPOSIT));
        let refused = chain.run(0, vec![message]);
        assert_eq!((refused.codespace.as_str(), refused.code), ("sdk", 18), "{bad:?}");
    }
    let own = any(&ConsensusUpdate { authority: key(0).address().to_string(), ..good.clone() });
    let refused = chain.run(0, vec![own]);
    assert_eq!((refused.codespace.as_str(), refused.code), ("sdk", 4), "{}", refused.log);
    // What depends on the day is refused then: evidence beyond stake, too short for it, a target of gas above.
    let too_long = consensus_update(5_000_000, 1_500_000_000, i64::try_from(wait).unwrap() + 1);
    let too_short =
        consensus_update(5_000_000, 1_500_000_000, i64::try_from(wait / 2).unwrap() - 1);
    let too_full = consensus_update(5_000_000, 999_999_999, i64::try_from(wait).unwrap());
    for bad in [too_long, too_short, too_full] {
        let id = propose(&mut chain, vec![any(&bad)]);
        yes(&mut chain, id);
        blocks(&mut chain, VOTING + TIMELOCK + 2);
        assert_eq!(status(&chain, id), "failed");
    }
    assert_eq!(chain.app.consensus_params().unwrap(), before);
    let id = propose(&mut chain, vec![any(&good)]);
    yes(&mut chain, id);
    let outcomes = blocks(&mut chain, VOTING + TIMELOCK + 2);
    let told: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.consensus_params).collect();
    let expected = ConsensusParams {
        block_bytes: 5_000_000,
        block_gas: 1_500_000_000,
        evidence_age: wait - 1,
        app_version: 0,
    };
    assert_eq!((status(&chain, id).as_str(), told), ("executed", vec![expected]));
    // And from then on a block has as much gas and no more.
    let greedy = |chain: &mut Chain| {
        let send = chain.send(0, key(1).address(), 5);
        chain.sign_with_gas(0, vec![send], 1_500_000_001)
    };
    let tx = greedy(&mut chain);
    assert!(!chain.app.process_proposal(std::slice::from_ref(&tx)).unwrap());
    assert!(chain.app.prepare_proposal(vec![tx], 5_000_000).unwrap().is_empty());
}

#[test]
fn rule_9_pauses() {
    let mut chain = chain();
    chain.create_database(0, "shop");
    chain.create_database(0, "other");
    let guardian = key(5).address().to_string();
    let pause = |scope: &str, seconds| {
        any(&MsgPause { authority: guardian.clone(), scope: scope.into(), seconds })
    };
    let paused = number(Code::Paused);
    for scope in ["contract:shop", "message:/cosmos.bank.v1beta1.MsgSend"] {
        let result = chain.run(5, vec![pause(scope, 20)]);
        assert!(result.is_ok(), "{}", result.log);
    }
    let send = chain.send(0, key(1).address(), 5);
    assert_eq!(verdict(&chain.run(0, vec![send.clone()])), paused);
    assert_eq!(verdict(&chain.sql(0, "shop", "CREATE TABLE t (x)")), paused);
    assert!(chain.sql(0, "other", "CREATE TABLE t (x)").is_ok());
    let resume = MsgResume { authority: guardian.clone(), scope: "contract:shop".into() };
    assert!(chain.run(5, vec![any(&resume)]).is_ok());
    assert!(chain.sql(0, "shop", "CREATE TABLE t (x)").is_ok());
    let outcomes = blocks(&mut chain, 20);
    assert_eq!(kinds(&outcomes), ["circuit.expire"]);
    assert!(chain.run(0, vec![send]).is_ok());

    // Governance ends the guardian's, too, which does not begin again.
    assert!(chain.run(5, vec![pause("contracts", 30)]).is_ok());
    let message = MsgResume { authority: authority(), scope: "contracts".into() };
    let id = propose(&mut chain, vec![any(&message)]);
    yes(&mut chain, id);
    assert_eq!(verdict(&chain.sql(0, "other", "INSERT INTO t VALUES (0)")), paused);
    blocks(&mut chain, VOTING);
    assert_eq!(status(&chain, id), "executed");
    assert!(chain.sql(0, "other", "INSERT INTO t VALUES (0)").is_ok());
    for scope in ["contract:shop", "message:/cosmos.bank.v1beta1.MsgSend"] {
        assert!(chain.run(5, vec![pause(scope, 1)]).is_ok(), "in the same emergency");
    }
    blocks(&mut chain, 60);
    for scope in ["contracts", "contract:shop", "contract:other"] {
        assert_eq!(verdict(&chain.run(5, vec![pause(scope, 1)])), number(Code::InvalidPause));
    }
    for open in
        ["/cosmos.gov.v1.MsgVote", "/cosmos.gov.v1.MsgDeposit", "/dadbs.circuit.v1.MsgResume"]
    {
        let scope = format!("message:{open}");
        assert_eq!(verdict(&chain.run(5, vec![pause(&scope, 1)])), number(Code::InvalidPause));
    }

    // By vote, for longer than the guardian may; nothing stops the vote that ends it.
    let message = MsgPause { authority: authority(), scope: "contracts".into(), seconds: 1_000 };
    let id = propose(&mut chain, vec![any(&message)]);
    yes(&mut chain, id);
    blocks(&mut chain, VOTING);
    assert_eq!(status(&chain, id), "executed", "without a timelock");
    assert_eq!(verdict(&chain.sql(0, "other", "INSERT INTO t VALUES (1)")), paused);
    let refused =
        chain.run(5, vec![any(&MsgResume { authority: guardian, scope: "contracts".into() })]);
    assert_eq!(verdict(&refused), number(Code::InvalidPause));
    let message = MsgResume { authority: authority(), scope: "contracts".into() };
    let id = propose(&mut chain, vec![any(&message)]);
    yes(&mut chain, id);
    blocks(&mut chain, VOTING);
    assert!(chain.sql(0, "other", "INSERT INTO t VALUES (1)").is_ok());
}

fn plain_vote(chain: &mut Chain, index: u8, proposal_id: u64, option: VoteOption) -> TxResult {
    let voter = key(index).address().to_string();
    let option = option.into();
    chain.run(index, vec![any(&MsgVote { proposal_id, voter, option, metadata: String::new() })])
}

fn tally(chain: &Chain, proposal_id: u64) -> TallyResponse {
    chain.query("/dadbs.gov.v1.Query/Tally", &TallyRequest { proposal_id }).unwrap()
}

#[test]
fn rule_11_stake_votes() {
    let mut genesis = genesis();
    genesis.validators = dadbs_tests::staked_genesis(ACCOUNTS, 3).validators;
    let mut chain = Chain::of(App::memory().unwrap(), &genesis);
    let bonded = genesis.validators.iter().map(|validator| validator.tokens).sum::<u64>();
    let each = bonded / 3;
    let id = propose(&mut chain, vec![update(&[("gov.timelock", 5, None)])]);
    let refused = plain_vote(&mut chain, 4, id, VoteOption::Yes);
    assert_eq!(verdict(&refused), number(Code::NoVotingPower));
    assert!(plain_vote(&mut chain, 0, id, VoteOption::No).is_ok());
    let stands = tally(&chain, id);
    assert_eq!((stands.yes, stands.no, stands.power), (0, each, bonded));
    assert_eq!(stands.outlook, "fails");

    // A delegator comes, and is counted with its operator until it votes.
    let message = dadbs_tests::stake::delegate(&chain, 4, 0, each);
    assert!(chain.run(4, vec![message]).is_ok());
    assert_eq!(tally(&chain, id).no, 2 * each);
    assert!(plain_vote(&mut chain, 4, id, VoteOption::Yes).is_ok());
    let stands = tally(&chain, id);
    assert_eq!((stands.yes, stands.no, stands.power), (each, each, bonded + each));
    // Its vote follows its shares to another validator, and half of them out.
    let message = dadbs_tests::stake::redelegate(&chain, 4, 0, 1, each);
    assert!(chain.run(4, vec![message]).is_ok());
    assert_eq!((tally(&chain, id).yes, tally(&chain, id).no), (each, each));
    let message = dadbs_tests::stake::undelegate(&chain, 4, 1, each / 2);
    assert!(chain.run(4, vec![message]).is_ok());
    invariants(&chain);
    let stands = tally(&chain, id);
    assert_eq!((stands.yes, stands.power), (each / 2, bonded + each / 2));
    // The second operator votes for all that its delegator does not hold.
    assert!(plain_vote(&mut chain, 1, id, VoteOption::Yes).is_ok());
    let stands = tally(&chain, id);
    assert_eq!((stands.yes, stands.no, stands.outlook.as_str()), (each + each / 2, each, "passes"));
    while status(&chain, id) == "voting" {
        checked(&mut chain, vec![]);
    }
    assert_eq!(status(&chain, id), "queued");
    blocks(&mut chain, TIMELOCK);
    assert_eq!((status(&chain, id).as_str(), param(&chain, "gov.timelock")), ("executed", 5));
    assert_eq!(count(&chain, "tallies"), Value::Integer(0));
}

#[test]
fn rule_11_stake_that_comes_when_the_vote_is_over_does_not_count() {
    let mut genesis = genesis();
    genesis.validators = dadbs_tests::staked_genesis(ACCOUNTS, 3).validators;
    let mut chain = Chain::of(App::memory().unwrap(), &genesis);
    let each = genesis.validators.iter().map(|validator| validator.tokens).sum::<u64>() / 3;
    let id = propose(&mut chain, vec![]);
    assert!(plain_vote(&mut chain, 0, id, VoteOption::Yes).is_ok());
    assert!(plain_vote(&mut chain, 1, id, VoteOption::No).is_ok());
    let sql = format!("SELECT voting_end FROM chain.proposals WHERE id = {id}");
    let Value::Integer(end) = chain.rows("", &sql)[0][0] else { panic!("no end") };
    while chain.next_block(vec![]).info.time_ms() < end {
        checked(&mut chain, vec![]);
    }
    assert_eq!(status(&chain, id), "voting");
    // One block earlier it would pass with this.
    let message = dadbs_tests::stake::delegate(&chain, 4, 0, each);
    assert!(chain.run(4, vec![message]).is_ok());
    invariants(&chain);
    assert_eq!(status(&chain, id), "rejected");
}

#[test]
fn rule_13_older_stake_decides_between_the_votes() {
    let mut genesis = genesis();
    genesis.validators = dadbs_tests::staked_genesis(ACCOUNTS, 3).validators;
    let mut chain = Chain::of(App::memory().unwrap(), &genesis);
    let each = genesis.validators.iter().map(|validator| validator.tokens).sum::<u64>() / 3;
    let agree = |chain: &mut Chain, id| {
        for index in [0, 1] {
            assert!(plain_vote(chain, index, id, VoteOption::Yes).is_ok());
        }
    };
    let too_much = update(&[("gov.age_bonus", 1_000_001, None)]);
    let refused = chain.run(0, vec![any(&submission(0, vec![too_much], DEPOSIT))]);
    assert_eq!(verdict(&refused), number(Code::InvalidRequest));
    let id = propose(&mut chain, vec![update(&[("gov.age_bonus", 1_000_000, None)])]);
    agree(&mut chain, id);
    blocks(&mut chain, VOTING + TIMELOCK);
    assert_eq!(
        (status(&chain, id).as_str(), param(&chain, "gov.age_bonus")),
        ("executed", 1_000_000)
    );
    assert_eq!(count(&chain, "ballot_ages"), Value::Integer(0), "it began without a bonus");

    chain.skipped_seconds = 400 * 86_400;
    for index in [4, 5] {
        let message = dadbs_tests::stake::delegate(&chain, index, 2, each);
        assert!(chain.run(index, vec![message]).is_ok());
    }
    // The bonus ends by vote while the second proposal is voted on.
    let off = propose(&mut chain, vec![update(&[("gov.age_bonus", 0, None)])]);
    agree(&mut chain, off);
    blocks(&mut chain, 4);
    let id = propose(&mut chain, vec![update(&[("gov.timelock", 5, None)])]);
    agree(&mut chain, id);
    for index in [4, 5] {
        assert!(plain_vote(&mut chain, index, id, VoteOption::No).is_ok());
    }
    let stands = tally(&chain, id);
    assert_eq!((stands.yes, stands.no, stands.power), (2 * each, 2 * each, 5 * each));
    assert_eq!((stands.yes_age, stands.no_age), (2 * each, 0), "of full age, and of none");
    assert_eq!(stands.outlook, "passes");
    let request = QueryTallyResultRequest { proposal_id: id };
    let cosmos: QueryTallyResultResponse =
        chain.query("/cosmos.gov.v1.Query/TallyResult", &request).unwrap();
    assert_eq!(cosmos.tally.unwrap().yes_count, (4 * each).to_string());
    let message = dadbs_tests::stake::redelegate(&chain, 0, 0, 1, each / 2);
    assert!(chain.run(0, vec![message]).is_ok());
    invariants(&chain);
    assert_eq!(tally(&chain, id).yes_age, 2 * each, "it was at stake all the time");
    while param(&chain, "gov.age_bonus") > 0 {
        checked(&mut chain, vec![]);
    }
    assert_eq!(status(&chain, id), "voting");
    while status(&chain, id) == "voting" {
        checked(&mut chain, vec![]);
    }
    assert_eq!(status(&chain, id), "queued");
    let result = tally(&chain, id);
    assert_eq!((result.yes, result.no, result.yes_age), (2 * each, 2 * each, 2 * each));
    blocks(&mut chain, TIMELOCK + 1);
    assert_eq!(param(&chain, "gov.timelock"), 5);
    assert_eq!((count(&chain, "ballot_ages"), count(&chain, "tallies")), (0.into(), 0.into()));
}

#[test]
fn rule_12_the_community_spends() {
    let mut chain = chain();
    let fund =
        MsgFundCommunityPool { amount: coins(7_000), depositor: key(0).address().to_string() };
    assert!(chain.run(0, vec![any(&fund)]).is_ok());
    let spend = |amount, to: AccountAddress| {
        any(&MsgCommunityPoolSpend {
            authority: authority(),
            recipient: to.to_string(),
            amount: coins(amount),
        })
    };
    let held = |chain: &Chain, to: AccountAddress| {
        dadbs_app::bank::balance(chain.app.store(), to, "udadb").unwrap()
    };
    let to = AccountAddress([9; 20]);
    let good = propose(&mut chain, vec![spend(5_000, to)]);
    let more = propose(&mut chain, vec![spend(1_000, to), spend(i64::MAX as u64, to)]);
    let module = propose(&mut chain, vec![spend(5, AccountAddress::of_module("gov_deposits"))]);
    for id in [good, more, module] {
        yes(&mut chain, id);
    }
    blocks(&mut chain, VOTING + TIMELOCK);
    let status = [good, more, module].map(|id| status(&chain, id));
    assert_eq!(status, ["executed", "failed", "failed"]);
    assert_eq!(held(&chain, to), 5_000);
}

/// Makes proposals that end at one time, 25 in a transaction, and gives their number.
fn many(chain: &mut Chain, wanted: u64, expedited: bool) -> u64 {
    let deposit = if expedited { 5 * DEPOSIT } else { DEPOSIT };
    let message = MsgSubmitProposal { expedited, ..submission(0, vec![], deposit) };
    let messages = vec![any(&message); 25];
    let txs = (0..wanted / 25).map(|_| chain.sign_with_gas(0, messages.clone(), 90_000_000));
    let txs: Vec<_> = txs.collect();
    let outcome = checked(chain, txs);
    assert!(outcome.tx_results.iter().all(TxResult::is_ok), "{}", outcome.tx_results[0].log);
    let Value::Integer(made) = count(chain, "proposals") else { panic!("no number") };
    made as u64
}

/// The last of 250 proposals that end at once; if `is_late`, stake moves and votes come while it stands in line.
fn carried(expedited: bool, is_late: bool) -> (Vec<u64>, TallyResponse, Chain) {
    let mut genesis = genesis();
    genesis.params.insert("gov.age_bonus".into(), 1_000_000);
    genesis.validators = dadbs_tests::staked_genesis(ACCOUNTS, 3).validators;
    let mut chain = Chain::of(App::memory().unwrap(), &genesis);
    let each = genesis.validators.iter().map(|validator| validator.tokens).sum::<u64>() / 3;
    chain.skipped_seconds = 100 * 86_400;
    assert!(chain.run(4, vec![dadbs_tests::stake::delegate(&chain, 4, 2, each / 2)]).is_ok());
    let last = many(&mut chain, 250, expedited);
    for (index, option) in [(0, VoteOption::Yes), (1, VoteOption::No), (4, VoteOption::Yes)] {
        assert!(plain_vote(&mut chain, index, last, option).is_ok());
    }
    let at_the_end = tally(&chain, last);
    while chain.rows("", "SELECT 1 FROM chain.ballots WHERE closed = 1").is_empty()
        && chain.rows("", "SELECT 1 FROM chain.electorates").is_empty()
    {
        checked(&mut chain, vec![]);
    }
    assert_eq!(count(&chain, "electorates"), Value::Integer(3));
    if is_late {
        // Stake comes to the silent and to who has voted, moves, and leaves.
        let delegate = dadbs_tests::stake::delegate(&chain, 5, 1, each);
        let more = dadbs_tests::stake::delegate(&chain, 4, 2, each);
        let leave = dadbs_tests::stake::undelegate(&chain, 4, 2, each / 4);
        let txs = vec![
            chain.sign(5, vec![delegate]),
            chain.sign(4, vec![more, leave]),
            chain.sign(
                0,
                vec![any(&MsgVote {
                    proposal_id: last,
                    voter: key(0).address().to_string(),
                    option: VoteOption::No.into(),
                    metadata: String::new(),
                })],
            ),
        ];
        let outcome = checked(&mut chain, txs);
        let results: Vec<_> = outcome.tx_results.iter().map(verdict).collect();
        assert_eq!(results[2], number(Code::InactiveProposal), "no votes after the end");
        assert!(outcome.tx_results[..2].iter().all(TxResult::is_ok));
        assert_eq!(status(&chain, last), "voting", "it still stands in line");
        let stands = tally(&chain, last);
        assert_eq!((stands.yes, stands.no), (at_the_end.yes, at_the_end.no));
        assert_eq!((stands.yes_age, stands.power), (at_the_end.yes_age, at_the_end.power));
    }
    let mut results = Vec::new();
    for _ in 0..3 {
        let outcome = checked(&mut chain, vec![]);
        let told = outcome.events.iter().filter(|event| event.kind == "proposal_result");
        for event in told {
            let of = |name: &str| {
                let found = event.attributes.iter().find(|attribute| attribute.0 == name);
                found.map_or(0, |(_, value)| value.parse().unwrap())
            };
            if of("proposal_id") == last {
                results.extend(["yes", "no", "power"].map(of));
            }
        }
    }
    assert_eq!(count(&chain, "electorates"), Value::Integer(0));
    assert_eq!(results, [at_the_end.yes, at_the_end.no, at_the_end.power]);
    let after = tally(&chain, last);
    (results, after, chain)
}

#[test]
fn rule_10_results_that_stand_in_line_are_those_of_their_end() {
    let (undisturbed, result, _) = carried(false, false);
    let (disturbed, same, mut chain) = carried(false, true);
    assert_eq!((undisturbed, &result.status), (disturbed, &same.status));
    assert_eq!(result.yes_age, same.yes_age);
    assert!(result.yes_age > 0, "{result:?}");
    blocks(&mut chain, 10);
    assert_eq!(count(&chain, "frozen_tallies"), Value::Integer(0));
}

#[test]
fn rule_10_an_expedited_vote_that_goes_on_has_followed_the_stake() {
    // The bonus leaves it below two thirds: it goes on as an ordinary one, with what moved meanwhile.
    let (_, _, mut chain) = carried(true, true);
    let stands = tally(&chain, 250);
    assert_eq!((status(&chain, 250).as_str(), stands.status.as_str()), ("voting", "voting"));
    // 1 and 5/4 of what a validator has; 1 and the new 1 that follows it.
    assert_eq!(stands.yes * 8, stands.no * 9);
    while status(&chain, 250) == "voting" {
        checked(&mut chain, vec![]);
    }
}

#[test]
fn rule_10_a_thousand_at_once() {
    let mut chain = chain();
    // One transaction makes 50; they all end at one time.
    let message = any(&submission(0, vec![update(&[("gov.timelock", 0, None)])], DEPOSIT));
    let txs: Vec<_> =
        (0..20).map(|_| chain.sign_with_gas(0, vec![message.clone(); 50], 90_000_000)).collect();
    let outcome = checked(&mut chain, txs);
    assert!(outcome.tx_results.iter().all(TxResult::is_ok), "{}", outcome.tx_results[0].log);
    assert_eq!(count(&chain, "proposals"), Value::Integer(1_000));
    blocks(&mut chain, VOTING - 1);
    let mut ended = Vec::new();
    for _ in 0..11 {
        let started = std::time::Instant::now();
        let outcome = chain.block(vec![]);
        println!("{} events in {:?}", outcome.events.len(), started.elapsed());
        let results = outcome.events.iter().filter(|event| event.kind == "proposal_result");
        ended.push(results.count());
        invariants(&chain);
    }
    assert_eq!(ended, [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 0]);
    assert_eq!(count(&chain, "settlements"), Value::Integer(0));
}
