//! Software upgrades and consensus parameters on real networks under CometBFT.
//!
//! 1. All nodes halt at the height of a plan that has passed, CometBFT with them, and the software of before refuses to go
//!    on; a node that was behind still comes to that height; the next software goes on, and there is no way back.
//! 2. A network that is kept running is not started again: it ends with the exit code of an upgrade.
//! 3. Consensus parameters change by vote, in CometBFT, and every height keeps its own.
//! 4. The exported state of a network begins another one, with the same validators.
#![allow(clippy::too_many_lines, reason = "journeys are long")]

mod common;

use common::cli::command;
use common::comet::Killed;
use common::engine::smaller_blocks;
use common::network::{Network, SHORT, wait_for};
use dadbs::{NodeError, StartConfig, run_node};
use dadbs_app::{Software, Upgrade};
use serde_json::{Value as Json, json};
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The software after this one, which knows the upgrade `v2`.
const NEXT: Software =
    Software { upgrades: &[Upgrade { name: "v2", migrate: |_| Ok(()) }], gas_schedule: 99 };

/// Makes a proposal, which all validators vote for.
fn propose(network: &Network, args: &[&str]) -> String {
    let made = network.json(0, &[&["gov"], args].concat());
    let id = made["proposal_id"].to_string();
    for validator in 0..4 {
        let key = format!("dev{validator}");
        network.json(validator, &["gov", "vote", &id, "yes", "--from", &key]);
    }
    id
}

fn wait_executed(network: &Network, id: &str) {
    wait_for("the proposal is executed", || {
        // Seldom, so that the planned height does not pass meanwhile.
        std::thread::sleep(Duration::from_millis(500));
        network.try_tick(0);
        (network.json(0, &["gov", "tally", id])["status"] == "executed").then_some(())
    });
}

fn consensus_params(network: &Network, height: u64) -> Json {
    let answer =
        wait_for("parameters", || network.rpc(0, &format!("consensus_params?height={height}")));
    assert_eq!(answer["block_height"], height.to_string());
    answer["consensus_params"].clone()
}

fn app_version(network: &Network, height: u64) -> Json {
    let commit = wait_for("a header", || network.rpc(0, &format!("commit?height={height}")));
    // CometBFT leaves 0 out.
    let version = &commit["signed_header"]["header"]["version"]["app"];
    if version.is_null() { json!("0") } else { version.clone() }
}

fn assert_note(network: &Network, number: usize, height: u64) {
    let note = std::fs::read(network.home(number).join("upgrade-info.json")).unwrap();
    let note: Json = serde_json::from_slice(&note).unwrap();
    assert_eq!(note, json!({ "name": "v2", "height": height, "info": "sha256:00" }));
}

/// Waits until the node has halted, and CometBFT is gone.
fn assert_halted(network: &mut Network, number: usize, height: u64) {
    let status = network.wait_exit(number);
    let log = network.log(number);
    assert_eq!(status.code(), Some(9), "node{number}: {log}");
    let told = format!(
        "UPGRADE \"v2\" NEEDED at height {height}: the state rests at height {}",
        height - 1
    );
    assert!(log.contains(&told), "node{number}: {log}");
    assert_note(network, number, height);
    let listen = network.members[number].listen;
    for addr in [listen.cometbft_rpc, listen.p2p, listen.grpc] {
        wait_for("the port is free", || TcpListener::bind(addr).ok());
    }
}

/// A node of the next software, in this process.
struct NextNode {
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), NodeError>>,
}

fn start_next(runtime: &Runtime, network: &Network, number: usize) -> NextNode {
    let config = StartConfig {
        home: network.home(number),
        cometbft: Some(network.cometbft().into()),
        chain_id: None,
        software: NEXT,
    };
    let (stop, stopped) = oneshot::channel();
    let shutdown = async { drop(stopped.await) };
    NextNode { stop, running: runtime.spawn(run_node(config, |_| {}, shutdown)) }
}

fn stop_next(runtime: &Runtime, node: NextNode) {
    node.stop.send(()).unwrap();
    runtime.block_on(node.running).unwrap().unwrap();
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rules_1_and_3_a_network_is_upgraded_by_vote() {
    let mut network = Network::start_with(4, 0, SHORT);

    // Rule 3, with the Cosmos message.
    let before = network.height(0);
    let file = smaller_blocks(network.dir.path(), "50s");
    let id = propose(&network, &["submit", &file]);
    wait_executed(&network, &id);
    network.try_tick(0);
    let genesis = consensus_params(&network, before);
    assert_eq!(genesis["block"], json!({ "max_bytes": "8388608", "max_gas": "2000000000" }));
    let now = consensus_params(&network, network.height(0));
    assert_eq!(now["block"], json!({ "max_bytes": "5000000", "max_gas": "1500000000" }));
    assert_eq!(now["evidence"]["max_age_duration"], "50000000000");
    assert_eq!(now["validator"]["pub_key_types"], json!(["ed25519"]));
    let others = [genesis, now].map(|params| params["version"].clone());
    assert_eq!(others[0], others[1], "the app version is for upgrades alone");
    assert!(network.assert_block_updates(0) > 0);
    eprintln!("consensus parameters changed by vote {id}");

    // Rule 1.
    let height = network.height(0) + 60;
    let id = propose(
        &network,
        &["propose", "upgrade", "v2", &height.to_string(), "--info", "sha256:00"],
    );
    wait_executed(&network, &id);
    assert_eq!(network.json(1, &["query", "upgrade"])["height"], height);
    // One node stays behind.
    network.kill(3);
    let note = network.home(0).join("upgrade-info.json");
    wait_for("it halts", || {
        network.try_tick(0);
        note.exists().then_some(())
    });
    for number in 0..3 {
        assert_halted(&mut network, number, height);
    }
    eprintln!("three nodes halted before block {height}");
    // The software of before refuses.
    network.start(0);
    assert_halted(&mut network, 0, height);

    let runtime = Runtime::new().unwrap();
    let mut next: Vec<NextNode> =
        (0..3).map(|number| start_next(&runtime, &network, number)).collect();
    for number in 0..3 {
        network.wait_height(number, height + 1);
    }
    eprintln!("the next software goes on at {}", network.height(0));
    // Who was behind comes to the height with the software of before, from peers with the next.
    network.start(3);
    assert_halted(&mut network, 3, height);
    next.push(start_next(&runtime, &network, 3));
    network.wait_height(3, height + 1);
    for _ in 0..3 {
        assert!(network.try_tick(3));
    }
    assert_eq!(app_version(&network, height), "0");
    assert_eq!(app_version(&network, height + 1), "1");
    assert_eq!(consensus_params(&network, height + 1)["version"]["app"], "1");
    let newest = network.assert_equal(&[0, 1, 2, 3]);
    eprintln!("four equal nodes at {newest}, app version 1");

    // No way back, and the next software starts again.
    stop_next(&runtime, next.remove(0));
    network.start(0);
    assert_eq!(network.wait_exit(0).code(), Some(9));
    let log = network.log(0);
    assert!(log.contains("this software is too old: the state took up upgrade \"v2\""), "{log}");
    next.push(start_next(&runtime, &network, 0));
    network.wait_height(0, newest);
    assert!(network.try_tick(0));
    for node in next {
        stop_next(&runtime, node);
    }
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rule_2_a_network_that_is_kept_running_ends() {
    let network = Network::make_with(4, 0, SHORT);
    let start = || {
        let mut start = command(network.dir.path());
        start.args(["testnet", "start", "--cometbft"]).arg(network.cometbft());
        start.stdout(Stdio::null()).stderr(Stdio::piped());
        Killed(start.spawn().unwrap())
    };
    let mut running = start();
    for number in 0..4 {
        network.wait_height(number, 1);
    }
    let log = {
        let mut stderr = running.0.stderr.take().unwrap();
        std::thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        })
    };
    let height = network.height(0) + 40;
    let id = propose(
        &network,
        &["propose", "upgrade", "v2", &height.to_string(), "--info", "sha256:00"],
    );
    wait_executed(&network, &id);
    let status = wait_for("it ends", || {
        network.try_tick(0);
        running.0.try_wait().unwrap()
    });
    let log = log.join().unwrap();
    assert_eq!(status.code(), Some(9), "{log}");
    let last = log.lines().filter(|line| !line.contains(" | ")).collect::<Vec<_>>().join("\n");
    eprintln!("{last}");
    assert!(
        last.contains("the network halted for an upgrade: ") && last.contains("NEEDED"),
        "{last}"
    );
    for number in 0..4 {
        assert_note(&network, number, height);
    }
    // Another start of the same software ends at once, the same way.
    let mut again = start();
    let status = wait_for("it ends again", || again.0.try_wait().unwrap());
    let mut log = String::new();
    again.0.stderr.take().unwrap().read_to_string(&mut log).unwrap();
    assert_eq!(status.code(), Some(9), "{log}");
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rule_4_an_exported_state_begins_another_network() {
    let mut network = Network::start_with(4, 0, SHORT);
    network.json(0, &["sql", "create", "shop"]);
    network
        .json(0, &["sql", "exec", "shop", "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)"]);
    network.json(0, &["sql", "exec", "shop", "INSERT INTO item VALUES (1, 'bolt')"]);
    network.json(0, &["tx", "staking", "delegate", "dev2", "7000000", "--from", "dev1"]);
    network.try_tick(0);
    network.wait_for_all();
    let peers: Vec<String> = (0..4).map(|number| network.peer(number)).collect();
    let (height, _) = network.state(0).unwrap();
    let running = network.run(0, &["genesis", "export", "x", "--new-chain-id", "next-1"]);
    assert!(!running.status.success());
    for number in 0..4 {
        network.stop(number);
    }
    let folder = network.dir.path().join("export");
    let dadbs = |args: &[&str]| {
        let output = command(network.dir.path()).args(args).args(["-o", "json"]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answer: Json = serde_json::from_slice(&output.stdout).unwrap();
        eprintln!("{answer}");
        answer
    };
    let text = |path: std::path::PathBuf| path.to_str().unwrap().to_owned();
    let (home, exported) = (text(network.home(0)), text(folder));
    let next_id = ["--new-chain-id", "next-1", "--home", &home];
    let made = dadbs(&[&["genesis", "export", &exported], &next_id[..]].concat());
    let first = made["initial_height"].as_u64().unwrap();
    assert!(first > height && made["validators"] == 4, "{made}");
    let old = network.dir.path().join("old");
    std::fs::rename(network.folder(), &old).unwrap();
    for (number, member) in network.members.iter().enumerate() {
        let (home, keys) = (text(network.home(number)), text(old.join(&member.name)));
        let listen = member.listen;
        let addrs = [
            listen.grpc,
            listen.rpc,
            listen.p2p,
            listen.metrics,
            listen.cometbft_rpc,
            listen.cometbft_metrics,
        ];
        let base = addrs.iter().map(std::net::SocketAddr::port).min().unwrap().to_string();
        let mut args = vec!["init", "--private-network", "--home", &home, "--base-port", &base];
        args.extend(["--exported", &exported, "--keys-of", &keys]);
        for (_, peer) in peers.iter().enumerate().filter(|(other, _)| *other != number) {
            args.extend(["--peer", peer]);
        }
        let made = dadbs(&args);
        assert_eq!((&made["validator"], &made["chain_id"]), (&json!(true), &json!("next-1")));
    }
    for number in 0..4 {
        network.start(number);
    }
    for number in 0..4 {
        network.wait_height(number, first);
    }
    let rows = network.json(3, &["sql", "query", "shop", "SELECT name FROM item"]);
    assert!(rows.to_string().contains("bolt"), "{rows}");
    let validator = network.json(1, &["query", "staking", "validator", "dev2"]);
    assert_eq!(validator["tokens"], "107000000");
    network.json(2, &["sql", "exec", "shop", "INSERT INTO item VALUES (2, 'nut')"]);
    assert!(network.try_tick(0));
    network.wait_for_all();
    let states: Vec<_> = (0..4).map(|number| network.state(number)).collect();
    assert!(states.iter().all(|state| *state == states[0]), "{states:?}");
    eprintln!("another network goes on from height {first} to {}", states[0].as_ref().unwrap().0);
}
