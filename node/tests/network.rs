//! Networks of real processes under CometBFT: boot, faults of one node, joining, starting again; and what
//! `dadbs start` refuses, which needs no CometBFT.

mod common;

use common::cli::{command, text};
use common::comet::Killed;
use common::network::{Network, children, free_base, signal, wait_exit, wait_for};
use dadbs::genesis_doc::Document;
use nix::sys::signal::Signal;
use serde_json::{Value as Json, json};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};
use tendermint::{PublicKey, validator, vote};

/// The hash of the validators that the genesis names.
fn validators_hash(home: &Path) -> String {
    let text = std::fs::read(home.join("cometbft/config/genesis.json")).unwrap();
    let document = Document::from_json(&text).unwrap();
    let info = |known: &dadbs_types::ValidatorUpdate| {
        let key = PublicKey::from_raw_ed25519(&known.key).unwrap();
        validator::Info::new(key, vote::Power::try_from(known.power).unwrap())
    };
    let updates = document.genesis.validator_updates();
    validator::Set::without_proposer(updates.iter().map(info).collect()).hash().to_string()
}

/// `dadbs testnet start` with its first answer.
fn testnet(network: &Network) -> (Killed, Json) {
    let log = network.dir.path().join("log");
    let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
    let mut child = command(network.dir.path())
        .args(["testnet", "start", "-o", "json", "--cometbft"])
        .arg(network.cometbft())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let log = || std::fs::read_to_string(network.dir.path().join("log")).unwrap();
    let ready = serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}\n{}", log()));
    (Killed(child), ready)
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn one_command_runs_four_validators_and_another_start_goes_on() {
    let network = Network::make(4, 0);
    let started = Instant::now();
    let (mut process, ready) = testnet(&network);
    eprintln!("first block after {:.1} s", started.elapsed().as_secs_f64());
    assert_eq!(ready["nodes"].as_array().unwrap().len(), 4);

    network.json(0, &["sql", "create", "shop"]);
    network.wait_for_all();
    let create = "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)";
    network.json(1, &["sql", "exec", "shop", create]);
    network.wait_for_all();
    network.json(2, &["sql", "exec", "shop", "INSERT INTO item VALUES (1, 'bolt')"]);
    network.wait_for_all();
    // A header that more than two thirds of the genesis' validators signed carries the row.
    let pinned = validators_hash(&network.home(3));
    let verified = network.json(3, &["verify", "shop", "item", "1", "--validators-hash", &pinned]);
    assert_eq!(verified["row"], json!({ "id": 1, "name": "bolt" }));
    network.assert_equal(&[0, 1, 2, 3]);

    // A node that is killed comes back by itself.
    let nodes = children(process.0.id());
    assert_eq!(nodes.len(), 4);
    let name = |pid: &u32| std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap();
    let third = nodes.iter().find(|pid| name(pid).contains("node2")).unwrap();
    signal(*third, Signal::SIGKILL);
    network.json(0, &["sql", "exec", "shop", "INSERT INTO item VALUES (2, 'nut')"]);
    network.wait_height(2, network.height(0));
    network.assert_equal(&[0, 1, 2, 3]);

    let stopped = Instant::now();
    signal(process.0.id(), Signal::SIGINT);
    let status = wait_exit(&mut process);
    assert!(status.success(), "{status}");
    eprintln!("stopped after {:.1} s", stopped.elapsed().as_secs_f64());
    for member in &network.members {
        for (name, addr) in member.listen.named() {
            assert!(TcpListener::bind(addr).is_ok(), "{} still has {name}", member.name);
        }
    }

    let (mut process, ready) = testnet(&network);
    assert!(ready["height"].as_u64().unwrap() > 4, "{ready}");
    let read = network.json(3, &["sql", "query", "shop", "SELECT count(*) FROM item"]);
    assert_eq!(read["rows"], json!([[2]]));
    network.wait_for_all();
    network.json(3, &["sql", "exec", "shop", "INSERT INTO item VALUES (3, 'screw')"]);
    // The nodes end with their parent, however it ends.
    process.0.kill().unwrap();
    process.0.wait().unwrap();
    let addr = network.members[0].listen.grpc;
    wait_for("the nodes end with their parent", || TcpListener::bind(addr).ok());
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn validators_of_a_new_network_are_paid_for_storage() {
    // Validators earn by storage alone.
    let params = [
        ("rewards.epoch", 5),
        ("rewards.challenge_blocks", 40),
        ("rewards.weight_storage", 1_000_000),
        ("rewards.weight_compute", 0),
        ("rewards.weight_uptime", 0),
        ("rewards.weight_bandwidth", 0),
        ("fees.burned", 1_000_000),
    ];
    let network = Network::start_with(3, 1, &params);
    let epoch = || network.json(0, &["query", "rewards", "epoch"])["epoch"].as_u64().unwrap();
    let mut sent = 0;
    let mut work = || {
        sent += 1;
        network.json(0, &["tx", "send", "dev1", &sent.to_string()]);
    };
    work();
    assert_eq!(epoch(), 1);
    let answered = || {
        let scores = network.json(0, &["query", "rewards", "scores"]);
        let scores = scores["scores"].as_array().unwrap().clone();
        assert_eq!(scores.len(), 3);
        let of = |score: &Json| score["answered"].as_array().unwrap().len();
        scores.iter().map(of).collect::<Vec<_>>()
    };
    wait_for("all answers", || (answered() == [4, 4, 4]).then_some(()));
    let owed = || -> f64 {
        let operator = network.json(0, &["query", "rewards", "scores"]);
        let operator = operator["scores"][0]["validator"].as_str().unwrap().to_owned();
        let sql = format!(
            "SELECT outstanding FROM chain.validator_rewards WHERE validator = '{operator}'"
        );
        let rows = network.json(0, &["sql", "query", "", &sql]);
        // No row before its first reward.
        rows["rows"][0][0].as_f64().unwrap_or(0.0)
    };
    let before = owed();
    while epoch() == 1 {
        work();
    }
    // At least 7 % a year of 5,000,000 DADB for five seconds, by three, less tax and commission.
    assert!(owed() - before > 10_000.0, "{before} and {}", owed());
    wait_for("answers of the next epoch", || (answered() == [4, 4, 4]).then_some(()));
    network.wait_for_all();
    network.assert_equal(&[0, 1, 2, 3]);
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn a_killed_node_catches_up_and_a_stranger_joins() {
    let mut network = Network::start_all(4, 1);
    network.json(0, &["sql", "create", "shop"]);
    network.json(0, &["sql", "exec", "shop", "CREATE TABLE item (id INTEGER PRIMARY KEY)"]);
    let insert = |network: &Network, id: u32| {
        let sql = format!("INSERT INTO item VALUES ({id})");
        network.json(0, &["sql", "exec", "shop", &sql]);
    };
    network.kill(3);
    for id in 0..5 {
        insert(&network, id);
    }
    network.start(3);
    network.wait_height(3, network.height(0));
    // CometBFT alone is killed: the node starts it again.
    let engine = network.engine_pid(1).unwrap();
    signal(engine, Signal::SIGKILL);
    wait_for("another CometBFT", || network.engine_pid(1).filter(|pid| *pid != engine));
    insert(&network, 5);
    network.assert_equal(&[0, 1, 2, 3, 4]);

    // A stranger knows an RPC and a peer.
    let home = network.dir.path().join("stranger");
    let base = free_base(6).to_string();
    let rpc = format!("http://{}", network.members[4].listen.rpc);
    let peer = network.peer(0);
    let join = |more: &[&str]| {
        let args = ["join", "--rpc", &rpc, "--peer", &peer, "--base-port", &base, "-o", "json"];
        command(&home).args(args).arg("--private-network").args(more).output().unwrap()
    };
    assert!(refusal(&join(&["--chain-id", "other"]), 2).contains("not of \"other\""));
    assert!(refusal(&join(&["--genesis-hash", "00"]), 2).contains("has the hash"));
    let joined = join(&["--chain-id", "dadbs-testnet-1"]);
    assert!(joined.status.success(), "{}", text(&joined.stderr));
    let joined: Json = serde_json::from_slice(&joined.stdout).unwrap();
    assert_eq!(joined["validator"], false);
    let mut stranger = Killed(network.start_command(&home).spawn().unwrap());
    let node = format!("http://{}", joined["grpc"].as_str().unwrap());
    let ask =
        |args: &[&str]| command(&home).args(["--node", &node, "-o", "json"]).args(args).output();
    let target = network.height(0);
    wait_for("the stranger follows", || {
        let status: Json = serde_json::from_slice(&ask(&["status"]).unwrap().stdout).ok()?;
        (status["height"].as_u64()? >= target).then_some(())
    });
    let verified =
        ask(&["verify", "shop", "item", "5", "--validators-hash", &validators_hash(&home)]);
    let verified: Json = serde_json::from_slice(&verified.unwrap().stdout).unwrap();
    assert_eq!(verified["row"], json!({ "id": 5 }));
    signal(stranger.0.id(), Signal::SIGTERM);
    assert!(wait_exit(&mut stranger).success());

    // All at once stop and start again.
    for number in 0..5 {
        network.stop(number);
    }
    for number in 0..5 {
        network.start(number);
    }
    network.wait_height(0, target);
    insert(&network, 6);
    network.assert_equal(&[0, 1, 2, 3, 4]);
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn a_peer_of_another_chain_is_refused_by_name() {
    let network = Network::start_all(1, 0);
    let other = Alone::make();
    let home = network.dir.path().join("other");
    let joined = command(&home)
        .args(["join", "--private-network", "--base-port", &free_base(6).to_string()])
        .args(["--peer", &network.peer(0), "--genesis"])
        .arg(other.home().join("cometbft/config/genesis.json"))
        .output()
        .unwrap();
    assert!(joined.status.success(), "{}", text(&joined.stderr));
    let stranger = Killed(network.start_command(&home).spawn().unwrap());
    let log = || std::fs::read_to_string(home.join("log")).unwrap();
    wait_for("the stranger's log", || log().contains("different network").then_some(()));
    network.json(0, &["sql", "create", "shop"]);
    drop(stranger);
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn a_node_of_another_genesis_does_not_follow_and_says_why() {
    let network = Network::start_all(1, 0);
    network.json(0, &["sql", "create", "shop"]);
    let genesis = network.home(0).join("cometbft/config/genesis.json");
    let text = std::fs::read_to_string(genesis).unwrap();
    let changed = text.replacen("1000000000000\"", "1000000000001\"", 1);
    assert_ne!(changed, text);
    let file = network.dir.path().join("changed.json");
    std::fs::write(&file, changed).unwrap();
    let home = network.dir.path().join("other");
    let joined = command(&home)
        .args(["join", "--private-network", "--base-port", &free_base(6).to_string()])
        .args(["--peer", &network.peer(0), "--genesis"])
        .arg(file)
        .output()
        .unwrap();
    assert!(joined.status.success(), "{}", self::text(&joined.stderr));
    let stranger = Killed(network.start_command(&home).spawn().unwrap());
    let log = || std::fs::read_to_string(home.join("log")).unwrap();
    wait_for("the stranger says why", || log().contains("compare its genesis_hash").then_some(()));
    network.json(0, &["sql", "exec", "shop", "CREATE TABLE item (id INTEGER PRIMARY KEY)"]);
    drop(stranger);
}

#[test]
#[ignore = "slow: needs CometBFT and /usr/share/proj/proj.db of the package proj-data"]
fn proj_db_is_imported_into_four_validators() {
    let network = Network::start_all(4, 0);
    let file = "/usr/share/proj/proj.db";
    let import = ["import", file, "--database", "proj", "--accept-losses"];
    let started = Instant::now();
    let done = network.json(0, &import);
    eprintln!("imported after {:.1} s: {}", started.elapsed().as_secs_f64(), done["sent"]);
    assert_eq!(done["equal"], true);
    let height = network.assert_equal(&[0, 1, 2, 3]);
    for number in 0..4 {
        let check = network.json(number, &["import", file, "--database", "proj", "--check"]);
        assert_eq!(check["equal"], true, "node{number}");
    }
    let pinned = validators_hash(&network.home(1));
    let verify = ["verify", "proj", "geodetic_crs", "EPSG", "4326", "--validators-hash", &pinned];
    let verified = network.json(2, &verify);
    assert_eq!(verified["row"]["name"], "WGS 84");
    eprintln!("{height} blocks with equal hashes, {:.1} s", started.elapsed().as_secs_f64());
}

/// The message of a command that must fail with this code.
fn refusal(output: &Output, code: i32) -> String {
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{message}{}", text(&output.stdout));
    message
}

const FUND: &str = "dadbs15yk64u7zc9g9k2yr2wmzeva5qgwxps6y5g5299=1000000";

/// A home of one validator, and a CometBFT that only waits.
struct Alone {
    dir: tempfile::TempDir,
    base: u16,
}

impl Alone {
    fn make() -> Alone {
        let dir = tempfile::tempdir().unwrap();
        let alone = Alone { dir, base: free_base(6) };
        let base = alone.base.to_string();
        let init = ["init", "--fund", FUND, "--base-port", &base, "--chain-id", "alone-1"];
        let made = command(&alone.home()).args(init).output().unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        alone.cometbft("echo 0.38.25; [ $1 = version ] || exec sleep 60");
        alone
    }

    fn home(&self) -> PathBuf {
        self.dir.path().join("home")
    }

    fn cometbft(&self, script: &str) {
        let path = self.dir.path().join("cometbft");
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn start(&self) -> Command {
        let mut start = command(&self.home());
        start.arg("start").arg("--cometbft").arg(self.dir.path()).env("PATH", "/usr/bin:/bin");
        start
    }

    fn refused(&self, code: i32) -> String {
        refusal(&self.start().output().unwrap(), code)
    }
}

#[test]
fn start_says_what_is_wrong_with_cometbft() {
    let alone = Alone::make();
    std::fs::remove_file(alone.dir.path().join("cometbft")).unwrap();
    assert!(alone.refused(2).contains("install-cometbft.sh"));
    alone.cometbft("echo 0.39.4");
    let wrong = alone.refused(2);
    assert!(wrong.contains("version \"0.39.4\"") && wrong.contains("0.38.x"), "{wrong}");
    // One that ends at once is given up with its last words.
    alone.cometbft("[ $1 = version ] && echo 0.38.25 || { echo the reason >&2; exit 3; }");
    let started = Instant::now();
    let given_up = alone.refused(1);
    assert!(given_up.contains("the reason") && given_up.contains("does not run"), "{given_up}");
    assert!(started.elapsed() < Duration::from_mins(1));
}

#[test]
fn start_refuses_a_home_that_is_not_its_own() {
    let alone = Alone::make();
    let nothing = command(alone.dir.path()).arg("start").output().unwrap();
    assert!(refusal(&nothing, 2).contains("dadbs init"));
    let other = alone.start().args(["--chain-id", "other-1"]).output().unwrap();
    assert!(refusal(&other, 2).contains("\"alone-1\""));
    let again = command(&alone.home()).args(["init", "--fund", FUND]).output().unwrap();
    assert!(refusal(&again, 2).contains("\"alone-1\" already"));
    let key = alone.home().join("cometbft/config/priv_validator_key.json");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(alone.refused(2).contains("chmod 600"));
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    let genesis = alone.home().join("cometbft/config/genesis.json");
    let text = std::fs::read_to_string(&genesis).unwrap();
    std::fs::write(&genesis, text.replace("1000000\"", "2000000\"")).unwrap();
    assert!(alone.refused(2).contains("put the genesis of the chain back"));
}

#[test]
fn start_names_taken_ports_and_a_home_in_use() {
    let alone = Alone::make();
    let taken = TcpListener::bind(("127.0.0.1", alone.base + 2)).unwrap();
    let port = alone.refused(6);
    assert!(port.contains("listen.grpc in node.json"), "{port}");
    drop(taken);
    let mut first = alone.start().stdout(Stdio::piped()).spawn().map(Killed).unwrap();
    let mut line = String::new();
    BufReader::new(first.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    assert!(line.contains("alone-1"), "{line}");
    assert!(alone.refused(2).contains("in use by another dadbs process"));
    // The same key in a copied home with ports of its own.
    let copy = alone.dir.path().join("copy");
    let copied = Command::new("cp").arg("-r").arg(alone.home()).arg(&copy).status().unwrap();
    assert!(copied.success());
    std::fs::remove_file(copy.join("abci.sock")).unwrap();
    let settings = std::fs::read_to_string(copy.join("node.json")).unwrap();
    let base = free_base(6);
    let moved = (0..6).fold(settings, |text, offset| {
        text.replace(&format!(":{}\"", alone.base + offset), &format!(":{}\"", base + offset))
    });
    std::fs::write(copy.join("node.json"), moved).unwrap();
    let twice = alone.start().arg("--home").arg(&copy).output().unwrap();
    assert!(refusal(&twice, 2).contains("sign against each other"));
    // Ctrl-C ends both, though CometBFT is not ready.
    signal(first.0.id(), Signal::SIGINT);
    assert!(wait_exit(&mut first).success());
}
