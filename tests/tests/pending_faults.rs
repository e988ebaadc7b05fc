//! Faults that wait before they cost stake, through real transactions.
//!
//! 1. Anyone proves a wrong header; the accused is jailed at once and slashed when the delay is over, by itself.
//! 2. Governance cancels a fault that waits; the same is never taken again.
//! 3. What shows nothing is refused with its number and changes nothing.
//! 4. A vote attributes a fault; a second one is its appeal.
//! 5. What has left the validator since the fault pays when it is due, also when it matures in the meantime.
//! 6. More faults than one block takes are carried over.
//! 7. A key of before, and a set of before, are judged as they were.

use dadbs_app::{bank, staking};
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::gov::v1::{MsgSubmitProposal, MsgSubmitProposalResponse, MsgVote};
use dadbs_proto::dadbs::slashing::v1::{
    Fault, FaultRequest, FaultResponse, FaultsRequest, FaultsResponse, MsgCancelFault,
    MsgResolveFault, MsgSubmitInvalidHeader, MsgSubmitInvalidHeaderResponse,
};
use dadbs_tests::headers::Case;
use dadbs_tests::stake::{DADB, delegate, redelegate, rotate, undelegate, unjail};
use dadbs_tests::{Chain, consensus_key, response};
use dadbs_types::{AccountAddress, Code, limits};
use prost_types::Any;
use tendermint::vote::Type;
use tendermint::{AppHash, Hash};

const DELAY: i64 = 50;

fn chain() -> Chain {
    let mut chain = Chain::staked(
        6,
        4,
        &[
            ("staking.unbonding_time", 1_000),
            ("slashing.fault_delay", 50),
            ("slashing.downtime_jail_duration", 10),
            ("slashing.jailed_power_per_hour", 1_000_000),
            ("gov.min_deposit", 1_000_000),
            ("gov.expedited_min_deposit", 5_000_000),
            ("gov.voting_period", 3),
            ("gov.expedited_voting_period", 2),
            ("gov.timelock", 0),
            ("mint.inflation_min", 0),
            ("mint.inflation_max", 0),
            ("fees.burned", 0),
        ],
    );
    for _ in 0..3 {
        chain.block(vec![]);
    }
    chain
}

fn holds(chain: &Chain) {
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
}

fn tokens(chain: &Chain, index: u8) -> u64 {
    staking::require(chain.app.store(), chain.address(index)).unwrap().tokens
}

fn is_jailed(chain: &Chain, index: u8) -> bool {
    staking::require(chain.app.store(), chain.address(index)).unwrap().jailed
}

fn supply(chain: &Chain) -> u128 {
    bank::supply(chain.app.store()).unwrap()[0].amount.0
}

fn run(chain: &mut Chain, index: u8, message: Any) {
    let result = chain.run(index, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    holds(chain);
}

fn refused(chain: &mut Chain, message: &MsgSubmitInvalidHeader) -> (String, u32) {
    let before = (supply(chain), chain.rows("", "SELECT * FROM chain.faults"));
    let result = chain.run(5, vec![any(message)]);
    assert_eq!((supply(chain), chain.rows("", "SELECT * FROM chain.faults")), before);
    holds(chain);
    (result.codespace, result.code)
}

fn number(code: Code) -> (String, u32) {
    (code.codespace().into(), code.number())
}

fn case(chain: &Chain, height: u64, index: u8) -> Case {
    Case::new(chain, height, consensus_key(index))
}

fn accuse(chain: &mut Chain, case: &Case) -> u64 {
    let message = case.message(chain.address(5));
    let result = chain.run(5, vec![any(&message)]);
    assert!(result.is_ok(), "{}", result.log);
    holds(chain);
    response::<MsgSubmitInvalidHeaderResponse>(&result).fault_id
}

fn fault(chain: &Chain, fault_id: u64) -> Fault {
    let path = "/dadbs.slashing.v1.Query/Fault";
    let found: FaultResponse = chain.query(path, &FaultRequest { fault_id }).unwrap();
    found.fault.unwrap()
}

fn faults(chain: &Chain, status: &str) -> Vec<u64> {
    let request = FaultsRequest { status: status.into(), pagination: None };
    let path = "/dadbs.slashing.v1.Query/Faults";
    let found: FaultsResponse = chain.query(path, &request).unwrap();
    found.faults.iter().map(|fault| fault.fault_id).collect()
}

fn authority() -> String {
    AccountAddress::of_module("gov").to_string()
}

/// Governance decides a message within three blocks.
fn decide(chain: &mut Chain, message: Any) -> Result<(), String> {
    let submission = MsgSubmitProposal {
        messages: vec![message],
        initial_deposit: vec![Coin { denom: "udadb".into(), amount: "5000000".into() }],
        proposer: chain.address(5).to_string(),
        title: "a fault".into(),
        expedited: true,
        ..MsgSubmitProposal::default()
    };
    let result = chain.run(5, vec![any(&submission)]);
    if !result.is_ok() {
        return Err(format!("{}/{}", result.codespace, result.code));
    }
    let proposal_id = response::<MsgSubmitProposalResponse>(&result).proposal_id;
    let vote = |chain: &mut Chain, index: u8| {
        let voter = chain.address(index).to_string();
        let vote = MsgVote { proposal_id, voter, option: 1, metadata: String::new() };
        chain.sign(index, vec![any(&vote)])
    };
    let votes = (0..4).map(|index| vote(chain, index)).collect();
    chain.block(votes);
    for _ in 0..4 {
        chain.block(vec![]);
    }
    holds(chain);
    let sql = format!("SELECT status, failed_reason FROM chain.proposals WHERE id = {proposal_id}");
    let row = chain.rows("", &sql).remove(0);
    if row[0] == "executed".into() { Ok(()) } else { Err(format!("{row:?}")) }
}

fn cancel(chain: &mut Chain, fault_id: u64) -> Result<(), String> {
    decide(chain, any(&MsgCancelFault { authority: authority(), fault_id }))
}

fn resolution(chain: &Chain, index: u8) -> MsgResolveFault {
    MsgResolveFault {
        authority: authority(),
        validator_address: chain.operator(index).to_string(),
        kind: "censorship".into(),
        height: chain.height,
        fraction_ppm: 20_000,
        evidence: "it has left out what all others had in their mempools".into(),
        evidence_hash: vec![7; 32],
    }
}

#[test]
fn rule_1_a_wrong_header_costs_stake_when_the_delay_is_over() {
    let mut chain = chain();
    let before = supply(&chain);
    let mut results = case(&chain, 3, 2);
    results.wrong.app_hash = results.own.app_hash.clone();
    results.wrong.last_results_hash = Some(Hash::Sha256([0xbd; 32]));
    results.vote_type = Type::Prevote;
    let first = case(&chain, 2, 3);
    let id = accuse(&mut chain, &first);
    let other = accuse(&mut chain, &results);
    assert_eq!((id, other), (1, 2));
    assert!(is_jailed(&chain, 3) && is_jailed(&chain, 2));
    assert_eq!((tokens(&chain, 3), supply(&chain)), (100 * DADB, before));
    assert_eq!(
        fault(&chain, other).evidence,
        "last_results_hash of a header, voted for in round 1"
    );
    let found = fault(&chain, id);
    assert_eq!((found.kind.as_str(), found.height, found.power), ("invalid_state", 2, 100));
    assert_eq!((found.fraction_ppm, found.status.as_str()), (100_000, "pending"));
    assert_eq!(found.evidence_hash, first.wrong.hash().as_bytes());
    // It may come back while the fault waits.
    chain.skipped_seconds += 10;
    let message = unjail(&chain, 3);
    run(&mut chain, 3, message);
    chain.skipped_seconds += DELAY - 14;
    chain.block(vec![]);
    assert_eq!(faults(&chain, "pending"), [1, 2]);
    let outcome = chain.block(vec![]);
    assert!(outcome.events.iter().any(|event| event.kind == "fault_executed"));
    chain.block(vec![]);
    holds(&chain);
    assert_eq!((tokens(&chain, 3), tokens(&chain, 2)), (90 * DADB, 90 * DADB));
    assert_eq!(before - supply(&chain), u128::from(20 * DADB));
    assert_eq!((faults(&chain, "executed"), faults(&chain, "")), (vec![1, 2], vec![1, 2]));
    assert_eq!(fault(&chain, id).burned, 10 * DADB);
    assert!(!is_jailed(&chain, 3), "it was jailed when it was proven");
    let operator = chain.address(3);
    assert!(!staking::require(chain.app.store(), operator).unwrap().tombstoned);
    // The same again, and an idle chain rests.
    let message = first.message(chain.address(5));
    assert_eq!(refused(&mut chain, &message), number(Code::FaultKnown));
    chain.block(vec![]);
    let rest = chain.block(vec![]).app_hash;
    assert_eq!(chain.block(vec![]).app_hash, rest);
}

#[test]
fn rule_2_governance_cancels_what_waits() {
    let mut chain = chain();
    let wrong = case(&chain, 2, 3);
    let id = accuse(&mut chain, &wrong);
    cancel(&mut chain, id).unwrap();
    assert_eq!(fault(&chain, id).status, "cancelled");
    chain.skipped_seconds += 2 * DELAY;
    chain.block(vec![]);
    assert_eq!((tokens(&chain, 3), fault(&chain, id).burned), (100 * DADB, 0));
    let message = wrong.message(chain.address(5));
    assert_eq!(refused(&mut chain, &message), number(Code::FaultKnown));
    // What has ended cannot be cancelled, nor what is not there.
    let settled = cancel(&mut chain, id).unwrap_err();
    assert!(settled.contains("slashing/11"), "{settled}");
    let missing = cancel(&mut chain, 99).unwrap_err();
    assert!(missing.contains("slashing/10"), "{missing}");
    let path = "/dadbs.slashing.v1.Query/Fault";
    let refused = chain.query::<FaultResponse>(path, &FaultRequest { fault_id: 99 }).unwrap_err();
    assert!(refused.to_string().contains("[slashing/10]"), "{refused}");
}

#[test]
fn rule_3_what_shows_nothing_is_refused() {
    let mut chain = chain();
    let good = case(&chain, 2, 3);
    let address = chain.address(5);
    let mut rows: Vec<(&str, Code, MsgSubmitInvalidHeader)> = Vec::new();
    let mut spoil = |name, code, spoil: &dyn Fn(&mut Case)| {
        let mut case = good.clone();
        spoil(&mut case);
        rows.push((name, code, case.message(address)));
    };
    spoil("the chain's own header", Code::NoFault, &|case| case.wrong = case.own.clone());
    spoil("another proposal of the same state", Code::NoFault, &|case| {
        case.wrong = case.own.clone();
        case.wrong.data_hash = Some(Hash::Sha256([0xbd; 32]));
    });
    spoil("another chain's headers", Code::ProofForeign, &|case| {
        case.own.chain_id = "other-1".parse().unwrap();
        case.wrong.chain_id = "other-1".parse().unwrap();
        case.signed_chain = "other-1".into();
    });
    spoil("a vote for another chain", Code::ProofUnfounded, &|case| {
        case.signed_chain = "other-1".into();
    });
    spoil("two heights", Code::ProofForeign, &|case| case.wrong.height = 3_u32.into());
    spoil("a height to come", Code::ProofForeign, &|case| {
        case.own.height = 4_000_u32.into();
        case.wrong.height = 4_000_u32.into();
    });
    spoil("too few signatures", Code::ProofUnfounded, &|case| case.signing = 2);
    spoil("a set of other powers", Code::ProofUnfounded, &|case| {
        let mut validators = case.set.validators().clone();
        validators[0].power = 101_u32.into();
        case.set = tendermint::validator::Set::without_proposer(validators);
        case.own.validators_hash = case.set.hash();
    });
    spoil("a set of the accused alone", Code::ProofUnfounded, &|case| {
        let mut validators = case.set.validators().clone();
        validators.retain(|one| one.pub_key.to_bytes() == consensus_key(3));
        case.set = tendermint::validator::Set::without_proposer(validators);
        case.own.validators_hash = case.set.hash();
        case.signing = 1;
    });
    spoil("a header that names other validators", Code::ProofUnfounded, &|case| {
        case.own.validators_hash = Hash::Sha256([9; 32]);
    });
    spoil("a vote for another header", Code::ProofUnsigned, &|case| {
        case.voted = Some(Hash::Sha256([9; 32]));
    });
    spoil("a vote of a stranger", Code::ProofUnsigned, &|case| case.accused = consensus_key(77));
    let message = |change: &dyn Fn(&mut MsgSubmitInvalidHeader)| {
        let mut message = good.message(address);
        change(&mut message);
        message
    };
    let malformed = [
        ("no header", message(&|m| m.header.clear())),
        ("a vote that is none", message(&|m| m.vote = vec![0xff; 40])),
        ("a vote that is too long", message(&|m| m.vote = vec![0; 5_000])),
        ("an unknown field", message(&|m| m.validator_set.extend([0xc0, 0x3e, 1]))),
        ("a header twice", message(&|m| m.signed_header.extend(m.signed_header.clone()))),
    ];
    rows.extend(malformed.map(|(name, message)| (name, Code::ProofMalformed, message)));
    let signature = message(&|m| {
        let at = m.vote.len() - 1;
        m.vote[at] ^= 1;
    });
    let nobody = message(&|m| m.validator_set.clear());
    rows.push(("no validators", Code::ProofUnfounded, nobody));
    rows.push(("a spoiled signature", Code::ProofUnsigned, signature));
    for (name, code, message) in rows {
        assert_eq!(refused(&mut chain, &message), number(code), "{name}");
    }
    // The header is fine, so everything above was refused for what it says; and it is as old as it may be.
    let mut late = good.clone();
    late.own.app_hash = AppHash::try_from(vec![6; 32]).unwrap();
    let blocks = i64::try_from(chain.height + 1 - 2).unwrap();
    chain.skipped_seconds += 1_000 - DELAY - blocks;
    accuse(&mut chain, &late);
    let old = case(&chain, 2, 1).message(address);
    assert_eq!(refused(&mut chain, &old), number(Code::FaultTooOld));
}

#[test]
fn rule_3_gas_is_charged_before_signatures_are_verified() {
    let mut chain = chain();
    let message = case(&chain, 2, 3).message(chain.address(5));
    let tx = chain.sign_with_gas(5, vec![any(&message)], 400_000);
    let result = chain.block(vec![tx]).tx_results.remove(0);
    assert_eq!((result.codespace, result.code), number(Code::OutOfGas));
    assert!(!is_jailed(&chain, 3));
}

#[test]
fn rule_4_a_vote_attributes_and_a_second_one_appeals() {
    let mut chain = chain();
    // Only governance does.
    let message =
        any(&MsgResolveFault { authority: chain.address(5).to_string(), ..resolution(&chain, 1) });
    let result = chain.run(5, vec![message]);
    assert_eq!((result.codespace, result.code), number(Code::Unauthorized));
    let guilty = resolution(&chain, 1);
    decide(&mut chain, any(&guilty)).unwrap();
    let appealed = MsgResolveFault { fraction_ppm: 10_000, ..resolution(&chain, 2) };
    decide(&mut chain, any(&appealed)).unwrap();
    assert_eq!(faults(&chain, "pending"), [1, 2]);
    assert_eq!(fault(&chain, 1).submitter, authority());
    assert!(!is_jailed(&chain, 1), "nothing is proven");
    cancel(&mut chain, 2).unwrap();
    chain.skipped_seconds += DELAY;
    chain.block(vec![]);
    chain.block(vec![]);
    holds(&chain);
    assert_eq!((tokens(&chain, 1), tokens(&chain, 2)), (98 * DADB, 100 * DADB));
    assert!(is_jailed(&chain, 1) && !is_jailed(&chain, 2));
    // The same again, and what is not as it may be.
    let again = decide(&mut chain, any(&guilty)).unwrap_err();
    assert!(again.contains("slashing/9"), "{again}");
    let base = resolution(&chain, 0);
    let more = MsgResolveFault { fraction_ppm: 20_001, ..base.clone() };
    let failed = decide(&mut chain, any(&more)).unwrap_err();
    assert!(failed.contains("slashing/12"), "{failed}");
    let spoiled = [
        MsgResolveFault { kind: "laziness".into(), ..base.clone() },
        MsgResolveFault { evidence: String::new(), ..base.clone() },
        MsgResolveFault {
            evidence: "x".repeat(limits::FAULT_EVIDENCE_BYTES_MAX + 1),
            ..base.clone()
        },
        MsgResolveFault { evidence_hash: vec![1; 31], ..base.clone() },
        MsgResolveFault { fraction_ppm: 0, ..base.clone() },
        MsgResolveFault { fraction_ppm: 1_000_001, ..base.clone() },
    ];
    for message in spoiled {
        assert_eq!(decide(&mut chain, any(&message)), Err("slashing/12".into()), "{message:?}");
    }
    let future = MsgResolveFault { height: 1_000_000, ..base.clone() };
    assert!(decide(&mut chain, any(&future)).unwrap_err().contains("slashing/12"));
    let stranger = MsgResolveFault { validator_address: chain.operator(5).to_string(), ..base };
    assert!(decide(&mut chain, any(&stranger)).unwrap_err().contains("staking/3"));
    // A wrong header is proven, not proposed.
    let mut proof = case(&chain, 2, 0).message(authority());
    proof.submitter = authority();
    assert_eq!(decide(&mut chain, any(&proof)), Err("gov/12".into()));
}

#[test]
fn rule_5_what_has_left_since_pays_too() {
    let mut chain = chain();
    for index in [5, 4] {
        let message = delegate(&chain, index, 3, 100 * DADB);
        run(&mut chain, index, message);
    }
    chain.block(vec![]);
    chain.block(vec![]);
    let height = chain.height;
    let message = undelegate(&chain, 5, 3, 40 * DADB);
    run(&mut chain, 5, message);
    let message = redelegate(&chain, 4, 3, 0, 60 * DADB);
    run(&mut chain, 4, message);
    // As late as it may be.
    chain.skipped_seconds += 1_000 - DELAY - 10;
    let before = supply(&chain);
    let wrong = case(&chain, height, 3);
    let id = accuse(&mut chain, &wrong);
    assert_eq!(fault(&chain, id).power, 300);
    chain.skipped_seconds += DELAY - 2;
    for _ in 0..4 {
        chain.block(vec![]);
        holds(&chain);
    }
    // 10 % of 300: 4 from the withdrawal, 6 from what moved, 20 from the validator.
    assert_eq!(before - supply(&chain), u128::from(30 * DADB));
    assert_eq!((tokens(&chain, 3), tokens(&chain, 0)), (180 * DADB, 154 * DADB));
    assert_eq!(fault(&chain, id).burned, 20 * DADB);
}

#[test]
fn rule_6_many_faults_are_carried_over() {
    let mut chain = chain();
    while chain.height < 16 {
        chain.block(vec![]);
    }
    let cases: Vec<_> = (2..14).map(|height| case(&chain, height, 3)).collect();
    let messages: Vec<_> = cases.iter().map(|case| any(&case.message(chain.address(5)))).collect();
    let result = chain.run(5, messages);
    assert!(result.is_ok(), "{}", result.log);
    assert_eq!(faults(&chain, "pending").len(), 12);
    chain.skipped_seconds += DELAY;
    chain.block(vec![]);
    assert_eq!(faults(&chain, "pending"), [11, 12]);
    chain.block(vec![]);
    holds(&chain);
    assert!(faults(&chain, "pending").is_empty());
    // Each costs a tenth of what is left, rounded down.
    let left = (0..12).fold(100 * DADB, |tokens, _| tokens - tokens / 10);
    assert_eq!(tokens(&chain, 3), left);
}

#[test]
fn rule_7_keys_and_sets_are_those_of_the_height() {
    let mut chain = chain();
    let height = chain.height;
    let message = rotate(&chain, 3, 50);
    run(&mut chain, 3, message);
    let message = delegate(&chain, 5, 0, 900 * DADB);
    run(&mut chain, 5, message);
    for _ in 0..3 {
        chain.block(vec![]);
    }
    // The new key was not of that height's set; the old one names its operator still.
    let early = Case::new(&chain, height, consensus_key(50));
    let message = early.message(chain.address(5));
    assert_eq!(refused(&mut chain, &message), number(Code::ProofUnsigned));
    let old = case(&chain, height, 3);
    assert_eq!(accuse(&mut chain, &old), 1);
    assert_eq!(fault(&chain, 1).validator_address, chain.operator(3).to_string());
    // The set of now does not stand for the height of then.
    let now = Case::new(&chain, chain.height, consensus_key(1));
    let mut then = case(&chain, height, 1);
    then.set = now.set.clone();
    then.own.validators_hash = now.set.hash();
    let message = then.message(chain.address(5));
    assert_eq!(refused(&mut chain, &message), number(Code::ProofUnfounded));
    accuse(&mut chain, &now);
}

#[test]
fn rule_7_who_is_unbonded_is_out_of_reach() {
    let mut chain = chain();
    // It leaves, and comes to nothing but a validator outside of the set.
    let message = undelegate(&chain, 3, 3, 100 * DADB - 1);
    run(&mut chain, 3, message);
    chain.skipped_seconds += 1_001;
    for _ in 0..3 {
        chain.block(vec![]);
    }
    let height = chain.height - 1;
    let mut gone = case(&chain, height, 0);
    gone.accused = consensus_key(3);
    let message = gone.message(chain.address(5));
    assert_eq!(refused(&mut chain, &message), number(Code::ProofUnsigned));
    let resolution = resolution(&chain, 3);
    let refused = decide(&mut chain, any(&resolution)).unwrap_err();
    assert!(refused.contains("slashing/13"), "{refused}");
}
