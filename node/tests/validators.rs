//! Validators of real networks under CometBFT: joining and leaving, jail, evidence.
//!
//! 1. A fifth validator joins by a transaction, gains power by delegation, proposes blocks, and leaves; the network
//!    never stops.
//! 2. A validator that is stopped is jailed and slashed, and comes back.
//! 3. A validator that signs two blocks of one height is slashed and tombstoned, when anyone shows it.
//! 4. A validator that signs a header with a wrong app hash is jailed when anyone proves it, and slashed when the delay is
//!    over; the chain knows the sets of all heights as CometBFT names them.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::network::{Network, SHORT, wait_for};
use dadbs_tests::headers::Voted;
use ed25519_consensus::SigningKey;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use tendermint::Hash;
use tendermint::block::Header;
use tendermint::vote::Type;

/// A network whose validators are soon missed.
fn start(full_nodes: u16) -> Network {
    let slashing = [
        ("slashing.signed_blocks_window", 8),
        ("slashing.min_signed_per_window", 500_000),
        ("slashing.downtime_jail_duration", 2),
    ];
    Network::start_with(4, full_nodes, &[SHORT, &slashing].concat())
}

/// The validators of CometBFT: powers by address.
fn powers(network: &Network) -> Vec<(String, u64)> {
    let answer = wait_for("validators", || network.rpc(0, "validators?per_page=100"));
    let found = answer["validators"].as_array().unwrap();
    let text = |value: &Json| value.as_str().unwrap().to_owned();
    found
        .iter()
        .map(|one| (text(&one["address"]), text(&one["voting_power"]).parse().unwrap()))
        .collect()
}

fn power(network: &Network, address: &str) -> Option<u64> {
    powers(network).into_iter().find(|(found, _)| found == address).map(|(_, power)| power)
}

fn key_file(network: &Network, number: usize) -> Json {
    let path = network.home(number).join("cometbft/config/priv_validator_key.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn signing_key(network: &Network, number: usize) -> SigningKey {
    let file = key_file(network, number);
    let bytes = BASE64.decode(file["priv_key"]["value"].as_str().unwrap()).unwrap();
    SigningKey::from(<[u8; 32]>::try_from(&bytes[..32]).unwrap())
}

fn address(network: &Network, number: usize) -> String {
    key_file(network, number)["address"].as_str().unwrap().to_owned()
}

fn validator(network: &Network, key: &str) -> Json {
    network.json(0, &["query", "staking", "validator", key])
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rule_1_a_fifth_validator_joins_proposes_and_leaves() {
    let network = start(1);
    let (home, fifth) = (network.home(4), address(&network, 4));
    assert_eq!(powers(&network).len(), 4);
    let home = home.to_str().unwrap();
    network.json(
        0,
        &[
            "tx",
            "staking",
            "create-validator",
            "--amount",
            "50000000",
            "--moniker",
            "five",
            "--node-home",
            home,
            "--from",
            "dev4",
        ],
    );
    wait_for("it is in the set", || {
        network.tick();
        (power(&network, &fifth) == Some(50)).then_some(())
    });
    network.json(1, &["tx", "staking", "delegate", "dev4", "150000000", "--from", "dev1"]);
    wait_for("it has more power", || {
        network.tick();
        (power(&network, &fifth) == Some(200)).then_some(())
    });
    let proposed = wait_for("it proposes", || {
        network.tick();
        let newest = network.height(0);
        (1..=newest).rev().take(8).find(|height| {
            let commit = network.rpc(0, &format!("commit?height={height}"));
            commit
                .is_some_and(|found| found["signed_header"]["header"]["proposer_address"] == *fifth)
        })
    });
    eprintln!("it proposed block {proposed}");
    assert_eq!(validator(&network, "dev4")["status"], "BOND_STATUS_BONDED");
    network.json(0, &["tx", "staking", "unbond", "dev4", "50000000", "--from", "dev4"]);
    wait_for("it is out of the set", || {
        network.tick();
        power(&network, &fifth).is_none().then_some(())
    });
    assert_eq!(validator(&network, "dev4")["jailed"], true);
    for _ in 0..3 {
        network.tick();
    }
    network.assert_equal(&[0, 1, 2, 3, 4]);
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rule_2_a_stopped_validator_is_jailed_and_comes_back() {
    let mut network = start(0);
    let third = address(&network, 3);
    network.tick();
    network.kill(3);
    wait_for("it is out of the set", || {
        network.tick();
        power(&network, &third).is_none().then_some(())
    });
    let jailed = validator(&network, "dev3");
    assert_eq!((&jailed["jailed"], &jailed["tokens"]), (&json!(true), &json!("99000000")));
    network.start(3);
    network.wait_height(3, network.height(0));
    std::thread::sleep(std::time::Duration::from_secs(3));
    network.tick();
    network.json(0, &["tx", "slashing", "unjail", "--from", "dev3"]);
    wait_for("it is back", || {
        network.tick();
        (power(&network, &third) == Some(99)).then_some(())
    });
    for _ in 0..12 {
        network.tick();
    }
    assert_eq!(validator(&network, "dev3")["jailed"], false);
    network.assert_equal(&[0, 1, 2, 3]);
}

/// The chain's own header of a height.
fn header(network: &Network, height: u64) -> Header {
    let commit = wait_for("a header", || network.rpc(0, &format!("commit?height={height}")));
    serde_json::from_value(commit["signed_header"]["header"].clone()).unwrap()
}

/// A precommit for another block at the height of a header.
fn precommit(header: &Header, index: u32) -> Voted {
    let (height, time) = (header.height, header.time);
    Voted { vote_type: Type::Precommit, height, round: 0, time, index }
}

fn post(addr: SocketAddr, body: &Json) -> Json {
    let body = body.to_string();
    let mut stream = TcpStream::connect(addr).unwrap();
    let length = body.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rule_3_who_signs_twice_is_tombstoned() {
    let network = start(0);
    for _ in 0..3 {
        network.tick();
    }
    let params = wait_for("parameters", || network.rpc(0, "consensus_params"));
    let age = &params["consensus_params"]["evidence"]["max_age_duration"];
    assert_eq!(age, "60000000000", "as long as stake waits: {params}");
    let key = signing_key(&network, 3);
    let third = address(&network, 3);
    let index = powers(&network).iter().position(|(found, _)| *found == third).unwrap();
    let header = header(&network, network.height(0) - 1);
    let forged = |byte| {
        let index = u32::try_from(index).unwrap();
        precommit(&header, index).sign(&key, &header.chain_id, Hash::Sha256([byte; 32]))
    };
    let evidence = json!({
        "type": "tendermint/DuplicateVoteEvidence",
        "value": {
            "vote_a": forged(1), "vote_b": forged(2), "TotalVotingPower": "400",
            "ValidatorPower": "100", "Timestamp": header.time.to_rfc3339(),
        },
    });
    let request = json!({
        "jsonrpc": "2.0", "id": 1, "method": "broadcast_evidence", "params": { "evidence": evidence },
    });
    let answer = post(network.members[0].listen.cometbft_rpc, &request);
    assert!(answer.get("result").is_some(), "{answer}");
    wait_for("it is out of the set", || {
        network.tick();
        power(&network, &third).is_none().then_some(())
    });
    let slashed = validator(&network, "dev3");
    assert_eq!((&slashed["jailed"], &slashed["tokens"]), (&json!(true), &json!("95000000")));
    let infos = network.json(0, &["query", "slashing", "signing-infos"]);
    let tombstoned = infos.as_array().unwrap().iter().filter(|info| info["tombstoned"] == true);
    assert_eq!(tombstoned.count(), 1);
    let refused = network.run(0, &["tx", "slashing", "unjail", "--from", "dev3"]);
    assert!(!refused.status.success());
    network.tick();
    network.assert_equal(&[0, 1, 2, 3]);
}

/// The chain knows every set by the hash that CometBFT puts into its headers.
fn assert_sets_are_known(network: &Network) {
    let sql = "SELECT height, hex(hash) FROM chain.validator_sets ORDER BY height";
    let rows = network.json(0, &["sql", "query", "", sql]);
    let rows = rows["rows"].as_array().unwrap_or_else(|| panic!("{rows}")).clone();
    assert!(rows.len() > 2, "the set has changed: {rows:?}");
    let newest = network.height(0);
    for (at, row) in rows.iter().enumerate() {
        let first = row[0].as_u64().unwrap();
        let last = rows.get(at + 1).map_or(newest, |next| next[0].as_u64().unwrap() - 1);
        for height in [first, last.min(newest)].into_iter().filter(|height| *height <= newest) {
            let commit =
                wait_for("a header", || network.rpc(0, &format!("commit?height={height}")));
            let named = &commit["signed_header"]["header"]["validators_hash"];
            assert_eq!(named, &row[1], "at {height}");
        }
    }
}

#[test]
#[ignore = "slow: builds and runs CometBFT"]
fn rule_4_who_signs_a_wrong_header_is_proven_to_have() {
    let network = start(0);
    network.json(0, &["tx", "staking", "delegate", "dev1", "25000000", "--from", "dev0"]);
    for _ in 0..4 {
        network.tick();
    }
    let key = signing_key(&network, 3);
    let third = address(&network, 3);
    let mut header = header(&network, network.height(0) - 2);
    let path = network.folder().join("accusation.json");
    let submit = |header: &Header| {
        let vote = precommit(header, 0).sign(&key, &header.chain_id, header.hash());
        let file = json!({ "header": header, "vote": vote });
        std::fs::write(&path, file.to_string()).unwrap();
        let file = path.display().to_string();
        network.run(0, &["tx", "slashing", "submit-invalid-header", &file, "-o", "json"])
    };
    // The chain's own header is no fault.
    let refused = submit(&header);
    assert!(!refused.status.success());
    let refused = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.contains("slashing/7"), "{refused}");
    header.app_hash = tendermint::AppHash::try_from(vec![0xbd; 32]).unwrap();
    let taken = submit(&header);
    assert!(taken.status.success(), "{}", String::from_utf8_lossy(&taken.stderr));
    let again = String::from_utf8_lossy(&submit(&header).stderr).into_owned();
    assert!(again.contains("slashing/9"), "{again}");
    wait_for("it is out of the set", || {
        network.tick();
        power(&network, &third).is_none().then_some(())
    });
    let jailed = validator(&network, "dev3");
    assert_eq!((&jailed["jailed"], &jailed["tokens"]), (&json!(true), &json!("100000000")));
    let fault = || network.json(0, &["query", "slashing", "fault", "1"]);
    assert_eq!((&fault()["status"], &fault()["power"]), (&json!("pending"), &json!(100)));
    std::thread::sleep(std::time::Duration::from_secs(30));
    wait_for("it has cost stake", || {
        network.tick();
        (fault()["status"] == "executed").then_some(())
    });
    assert_eq!(validator(&network, "dev3")["tokens"], "90000000");
    network.json(0, &["tx", "slashing", "unjail", "--from", "dev3"]);
    wait_for("it is back", || {
        network.tick();
        (power(&network, &third) == Some(90)).then_some(())
    });
    for _ in 0..3 {
        network.tick();
    }
    assert_sets_are_known(&network);
    network.assert_equal(&[0, 1, 2, 3]);
}
