//! Governance on a dev node: the command line, and upgrades. Other clients: `journeys.rs`.
//!
//! 1. A proposal is made, voted on, watched and executed from the command line; time is moved on by the dev engine.
//! 2. A node that comes to an upgrade that it does not know ends with its own exit code and leaves a note.
//! 3. A wrong header is proven, appealed, and another fault attributed, from the command line.
//! 4. The RPC tells the consensus parameters of every height, of the next one, and of none beyond.
#![allow(clippy::too_many_lines, reason = "journeys are long")]

mod common;

use common::Node;
use common::cli::{Dev, text};
use common::engine::smaller_blocks;
use dadbs::NodeError;
use dadbs_app::{Software, Upgrade};
use dadbs_proto::dadbs::dev::v1::dev_client::DevClient;
use dadbs_proto::dadbs::dev::v1::{AdvanceBlocksRequest, AdvanceTimeRequest};
use dadbs_tests::headers::Voted;
use serde_json::json;
use tendermint::vote::Type;

/// The software after this one, which knows the upgrade `v2`.
const NEXT: Software =
    Software { upgrades: &[Upgrade { name: "v2", migrate: |_| Ok(()) }], ..Software::THIS };

const PERIODS: [&str; 8] = [
    "--param",
    "gov.voting_period=3600",
    "--param",
    "gov.expedited_voting_period=60",
    "--param",
    "gov.timelock=60",
    "--param",
    "gov.min_deposit=1000000",
];

async fn advance(grpc: &str, seconds: u64) {
    let mut dev = DevClient::connect(grpc.to_owned()).await.unwrap();
    dev.advance_time(AdvanceTimeRequest { seconds }).await.unwrap();
    // What the end of a period leaves is executed in the block after it.
    dev.advance_blocks(AdvanceBlocksRequest { blocks: 2 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_1_the_command_line() {
    let dev = Dev::with(&PERIODS);
    let params = dev.json(&["query", "params"]);
    let params = params.as_array().unwrap().clone();
    let value = |name: &str| params.iter().find(|p| p["name"] == name).unwrap()["value"].clone();
    assert_eq!((value("gov.voting_period"), value("gov.timelock")), (json!(3600), json!(60)));

    let made = dev.json(&["gov", "propose", "params", "contract.schedule_block_gas=7"]);
    assert_eq!(made["proposal_id"], 1, "{made}");
    let tally = dev.json(&["gov", "tally", "1"]);
    assert_eq!((&tally["status"], &tally["outlook"]), (&json!("voting"), &json!("fails")));
    let refused = dev.fails(3, &["gov", "vote", "1", "yes", "--from", "dev1"]);
    assert!(refused.contains("gov/50") && refused.contains("--locked"), "{refused}");
    // dev0 operates the validator, which has 100 DADB; dev1 locks coins.
    dev.json(&["gov", "vote", "1", "yes=0.75,no=0.25"]);
    dev.json(&["gov", "vote", "1", "yes=0.75,no=0.25", "--locked", "1000", "--from", "dev1"]);
    let tally = dev.json(&["gov", "tally", "1"]);
    assert_eq!(
        (&tally["yes"], &tally["no"], &tally["outlook"]),
        (&json!("75000750"), &json!("25000250"), &json!("passes"))
    );
    let people = text(&dev.run(&["gov", "tally", "1"]).stdout);
    assert!(people.contains("as it stands it passes"), "{people}");
    let listed = text(&dev.run(&["gov", "proposals"]).stdout);
    assert!(listed.contains("contract.schedule_block_gas = 7"), "{listed}");
    let shown = text(&dev.run(&["gov", "proposal", "1"]).stdout);
    assert!(shown.contains("/dadbs.params.v1.MsgUpdateParams"), "{shown}");

    // A file with another kind of message.
    let file = dev.home.path().join("proposal.json");
    let proposal = json!({
        "title": "Pause",
        "summary": "from a file",
        "deposit": "1000000",
        "messages": [{ "@type": "/dadbs.circuit.v1.MsgPause", "scope": "contracts", "seconds": "5000" }],
    });
    std::fs::write(&file, proposal.to_string()).unwrap();
    let file = file.display().to_string();
    assert_eq!(dev.json(&["gov", "submit", &file])["proposal_id"], 2);
    dev.json(&["gov", "vote", "2", "yes"]);
    dev.json(&["gov", "deposit", "2", "1000000", "--from", "dev2"]);
    assert_eq!(dev.json(&["gov", "propose", "text", "--title", "why"])["proposal_id"], 3);
    dev.json(&["gov", "cancel", "3"]);
    dev.fails(3, &["gov", "cancel", "3"]);

    let mut watch = common::cli::command(dev.home.path());
    watch.args(["--node", &dev.grpc, "gov", "tally", "1", "--watch", "-o", "json"]);
    let watch = watch.stdout(std::process::Stdio::piped()).spawn().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    advance(&dev.grpc, 3600).await;
    tokio::time::sleep(std::time::Duration::from_millis(1500)).await;
    advance(&dev.grpc, 60).await;
    let seen = text(&watch.wait_with_output().unwrap().stdout);
    let status =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["status"].clone();
    let seen: Vec<_> = seen.lines().map(status).collect();
    assert_eq!(seen, ["voting", "queued", "executed"]);
    let params = dev.json(&["query", "params"]);
    let changed =
        params.as_array().unwrap().iter().find(|p| p["name"] == "contract.schedule_block_gas");
    assert_eq!(changed.unwrap()["value"], 7);
    let pauses = dev.json(&["query", "pauses"]);
    assert_eq!(pauses["pauses"][0]["scope"], "contracts", "{pauses}");
    dev.fails(3, &["sql", "create", "shop"]);
    advance(&dev.grpc, 5000).await;
    dev.json(&["sql", "create", "shop"]);
}

/// A header of the dev node with another app hash, and its validator's vote for it, in CometBFT's JSON form.
fn accusation(dev: &Dev, height: u64) -> serde_json::Value {
    let commit = dev.get(&format!("commit?height={height}")).unwrap();
    let mut header = commit["signed_header"]["header"].clone();
    header["app_hash"] = hex::encode_upper([0xbd; 32]).into();
    let wrong: tendermint::block::Header = serde_json::from_value(header.clone()).unwrap();
    let seed = std::fs::read_to_string(dev.home.path().join("dev/validator.key")).unwrap();
    let seed: [u8; 32] = hex::decode(seed.trim()).unwrap().try_into().unwrap();
    let key = ed25519_consensus::SigningKey::from(seed);
    let voted = Voted {
        vote_type: Type::Prevote,
        height: wrong.height,
        round: 0,
        time: wrong.time,
        index: 0,
    };
    let vote = voted.sign(&key, &wrong.chain_id, wrong.hash());
    json!({ "header": header, "vote": vote })
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_3_faults_from_the_command_line() {
    let dev = Dev::with(&PERIODS);
    for _ in 0..3 {
        dev.json(&["tx", "send", "dev1", "1"]);
    }
    let file = dev.home.path().join("accusation.json");
    std::fs::write(&file, accusation(&dev, 2).to_string()).unwrap();
    let file = file.display().to_string();
    let submit = ["tx", "slashing", "submit-invalid-header", &file, "--from", "dev1"];
    let made = dev.json(&submit);
    assert_eq!(made["fault_id"], 1, "{made}");
    let again = dev.fails(3, &submit);
    assert!(again.contains("slashing/9"), "{again}");
    let missing = dev.fails(2, &["tx", "slashing", "submit-invalid-header", "nowhere.json"]);
    assert!(missing.contains("nowhere.json"), "{missing}");
    let fault = dev.json(&["query", "slashing", "fault", "1"]);
    assert_eq!((&fault["status"], &fault["power"]), (&json!("pending"), &json!(100)), "{fault}");
    let listed = text(&dev.run(&["query", "slashing", "faults"]).stdout);
    assert!(listed.contains("invalid_state") && listed.contains("pending"), "{listed}");

    // An appeal, in the short period; and a fault that a vote attributes.
    dev.json(&["gov", "propose", "cancel-fault", "1", "--expedited"]);
    dev.json(&["gov", "vote", "1", "yes"]);
    let evidence = "what all others had in their mempools";
    let propose = ["gov", "propose", "resolve-fault", "dev0", "censorship", "2", "20000", evidence];
    dev.json(&[&propose[..], &["--document", &file]].concat());
    dev.json(&["gov", "vote", "2", "yes"]);
    advance(&dev.grpc, 60).await;
    assert_eq!(dev.json(&["query", "slashing", "fault", "1"])["status"], "cancelled");
    advance(&dev.grpc, 3600).await;
    let pending = dev.json(&["query", "slashing", "faults", "--status", "pending"]);
    assert_eq!((&pending[0]["fault_id"], &pending[1]), (&json!(2), &json!(null)), "{pending}");
    assert_eq!(pending[0]["evidence_hash"].as_str().unwrap().len(), 64);
    advance(&dev.grpc, 604_800).await;
    let executed = dev.json(&["query", "slashing", "fault", "2"]);
    assert_eq!((&executed["status"], &executed["burned"]), (&json!("executed"), &json!(2_000_000)));
    dev.fails(5, &["query", "slashing", "fault", "3"]);
    // A chain of one validator goes on although it is jailed.
    dev.json(&["tx", "send", "dev1", "1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_2_a_node_halts_for_an_upgrade() {
    let mut dev = Dev::with(&PERIODS);
    let height = dev.json(&["status"])["height"].as_u64().unwrap() + 20;
    let upgrade = ["gov", "propose", "upgrade", "v2", &height.to_string(), "--info", "sha256:00"];
    assert_eq!(dev.json(&upgrade)["proposal_id"], 1);
    dev.json(&["gov", "vote", "1", "yes"]);
    advance(&dev.grpc, 3600).await;
    assert_eq!(dev.json(&["query", "upgrade"])["name"], "v2");
    let mut client = DevClient::connect(dev.grpc.clone()).await.unwrap();
    drop(client.advance_blocks(AdvanceBlocksRequest { blocks: 30 }).await);
    let ended = dev.child.wait().unwrap();
    assert_eq!(ended.code(), Some(9));
    let note = std::fs::read(dev.home.path().join("dev/upgrade-info.json")).unwrap();
    let note: serde_json::Value = serde_json::from_slice(&note).unwrap();
    assert_eq!(note, json!({ "name": "v2", "height": height, "info": "sha256:00" }));
    // The old software refuses the home, the new one goes on from there.
    let again = common::cli::command(dev.home.path()).args(["dev"]).output().unwrap();
    assert_eq!(again.status.code(), Some(9), "{}", text(&again.stderr));
    assert!(text(&again.stderr).contains("UPGRADE \"v2\" NEEDED"), "{}", text(&again.stderr));
    let home = dev.home.path().join("dev");
    let genesis = dadbs_genesis::genesis("dadbs-dev-1", 0, Vec::new());
    let new = dadbs::DevConfig {
        grpc_addr: ([127, 0, 0, 1], 0).into(),
        rpc_addr: ([127, 0, 0, 1], 0).into(),
        software: NEXT,
        ..dadbs::DevConfig::new(home, genesis)
    };
    let node: Result<Node, NodeError> = Node::with(new).await;
    let node = node.unwrap();
    assert!(node.ready.height >= height, "{}", node.ready.height);
    node.stop().await.unwrap();
}

/// The consensus parameters of all heights and of the next one.
fn consensus_params(dev: &Dev, newest: u64) -> Vec<serde_json::Value> {
    let of = |height: u64| {
        let answer = dev.get(&format!("consensus_params?height={height}")).unwrap();
        assert_eq!(answer["block_height"], height.to_string());
        answer["consensus_params"].clone()
    };
    (1..=newest + 1).map(of).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_4_each_height_keeps_its_consensus_parameters() {
    let mut dev = Dev::with(&PERIODS);
    let file = smaller_blocks(dev.home.path(), "1000000s");
    assert_eq!(dev.json(&["gov", "submit", &file])["proposal_id"], 1);
    dev.json(&["gov", "vote", "1", "yes"]);
    advance(&dev.grpc, 3600).await;
    let newest = dev.json(&["status"])["height"].as_u64().unwrap();
    let before = consensus_params(&dev, newest);
    let genesis = json!({ "max_bytes": "8388608", "max_gas": "2000000000" });
    assert!(before.iter().all(|params| params["block"] == genesis), "{before:?}");
    advance(&dev.grpc, 60).await;
    assert_eq!(dev.json(&["gov", "tally", "1"])["status"], "executed");

    let newest = dev.json(&["status"])["height"].as_u64().unwrap();
    let updates = |height: &u64| {
        let results = dev.get(&format!("block_results?height={height}")).unwrap();
        !results["consensus_param_updates"].is_null()
    };
    let told: Vec<u64> = (1..=newest).filter(updates).collect();
    let [told] = told[..] else { panic!("{told:?}") };
    let all = consensus_params(&dev, newest);
    assert_eq!(all[..before.len()], before, "what was stays");
    for (params, height) in all.iter().zip(1..) {
        let is_new = height > told;
        let now = json!({ "max_bytes": "5000000", "max_gas": "1500000000" });
        assert_eq!(params["block"], if is_new { now } else { genesis.clone() }, "at {height}");
        let age = if is_new { "1000000000000000" } else { "1814400000000000" };
        assert_eq!(params["evidence"]["max_age_duration"], age, "at {height}");
    }
    assert!(told < newest, "both sides are seen");
    let newest_params = dev.get("consensus_params").unwrap()["consensus_params"].clone();
    assert_eq!(Some(&newest_params), all.last());
    assert!(dev.get(&format!("consensus_params?height={}", newest + 2)).is_none());
    let other = dev.get(&format!("consensus_params?height={told}")).unwrap();
    dev.restart();
    assert_eq!(dev.get(&format!("consensus_params?height={told}")).unwrap(), other);
    assert_eq!(consensus_params(&dev, newest), all, "also after a restart");
}
