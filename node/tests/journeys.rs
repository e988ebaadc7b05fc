//! Journeys of validators, money and votes: each by one client, written once, for either engine.
//!
//! A new key is paid, and then it
//! 1. stakes: makes a validator and delegates to another one,
//! 2. votes with its stake on two proposals of its own, and sees the other validators' votes in the tally,
//! 3. by the first of them changes a parameter,
//! 4. by the second upgrades a contract of governance to code with a pinned hash, which migrates a table.
//!
//! The clients are the command line, cosmjs unmodified, and grpcurl, which knows the chain by reflection alone. On the dev
//! engine the default periods pass in a moment; four validators under CometBFT have short ones.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::cli::text;
use common::clients::{cosmjs_script, grpcurl_command};
use common::engine::{Engine, Wallet, versions};
use common::network::wait_for;
use dadbs_types::{AccountAddress, OperatorAddress};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;

const PARAMETER: &str = "contract.schedule_block_gas";

fn sha256(path: &Path) -> [u8; 32] {
    Sha256::digest(std::fs::read(path).unwrap()).into()
}

/// A consensus key that signs nothing: its validator has little power.
fn consensus_key(name: &str) -> String {
    let key = ed25519_consensus::SigningKey::from(<[u8; 32]>::from(Sha256::digest(name)));
    BASE64.encode(key.verification_key().as_bytes())
}

/// The operator's address of an account.
fn operator_of(address: &str) -> String {
    OperatorAddress(address.parse().unwrap()).to_string()
}

fn address_of(engine: &Engine, key: &str) -> String {
    engine.json(&["keys", "show", key])["address"].as_str().unwrap().to_owned()
}

fn by_the_command_line(engine: &Engine) {
    let wallet = Wallet::new(engine, "cli");
    let run = |args: &[&str]| engine.json(&[args, &["--from", "cli"]].concat());
    let [old, new] = versions(engine.home(), "cli");

    let key = consensus_key("cli");
    let made = ["--amount", "1000000", "--moniker", "cli", "--pubkey", &key];
    run(&[&["tx", "staking", "create-validator"], &made[..]].concat());
    run(&["tx", "staking", "delegate", "dev0", "300000000"]);
    let validator = engine.json(&["query", "staking", "validator", "cli"]);
    assert_eq!(validator["operator"], operator_of(&wallet.address));
    assert_eq!((&validator["tokens"], &validator["moniker"]), (&json!("1000000"), &json!("cli")));
    assert_eq!(validator["consensus_pubkey"], key);
    let delegations = run(&["query", "staking", "delegations"]);
    assert_eq!(delegations.as_array().unwrap().len(), 2, "{delegations}");

    let publish = ["contract", "publish", "cli_notes", "--governed", "--path"];
    let published = run(&[&publish[..], &[old.to_str().unwrap()]].concat());
    let change = format!("{PARAMETER}=7000001");
    let proposed = [
        run(&["gov", "propose", "params", &change]),
        run(&["gov", "propose", "contract", "cli_notes", new.to_str().unwrap()]),
    ];
    let ids = proposed.map(|made| made["proposal_id"].to_string());
    // Who votes sees what is pinned.
    let shown = engine.json(&["gov", "proposal", &ids[1]]);
    assert_eq!(shown["messages"][1]["code_hash"], BASE64.encode(sha256(&new)), "{shown}");
    let shown = text(&engine.run(&["gov", "proposal", &ids[1]]).stdout);
    for (field, path) in [("code_hash", &new), ("replaces_hash", &old)] {
        assert!(shown.contains(&format!("{field}: {}", hex::encode(sha256(path)))), "{shown}");
    }
    for id in &ids {
        run(&["gov", "vote", id, "yes"]);
        let yes = engine.json(&["gov", "tally", id])["yes"].clone();
        assert!(yes == "301000000" || yes == "300000000", "{yes}");
    }
    engine.validators_vote(&ids);
    for id in &ids {
        assert_eq!(engine.json(&["gov", "tally", id])["outlook"], "passes");
    }
    engine.end_votes();
    for id in &ids {
        engine.wait_status(id, "executed");
    }
    let params = engine.json(&["query", "params"]);
    let changed = params.as_array().unwrap().iter().find(|param| param["name"] == PARAMETER);
    assert_eq!(changed.unwrap()["value"], 7_000_001);
    let contracts = engine.json(&["contract", "list"]);
    let runs = contracts.as_array().unwrap().iter().find(|found| found["name"] == "cli_notes");
    let code = runs.unwrap()["code_id"].clone();
    assert_ne!(code, published["code_id"]);
    let code = engine.json(&["query", "code", &code.to_string()]);
    assert_eq!(code["code_hash"], hex::encode(sha256(&new)), "{code}");
    let rows = engine.json(&["sql", "query", "cli_notes", "SELECT text, stars FROM note"]);
    assert_eq!(rows["rows"], json!([["cli", 3]]));
}

fn by_cosmjs(engine: &Engine) {
    let wallet = Wallet::new(engine, "cosmjs");
    let [old, new] = versions(engine.home(), "cosmjs");
    let status = engine.json(&["status"]);
    let facts = json!({
        "authority": AccountAddress::of_module("gov").to_string(),
        "operator": operator_of(&address_of(engine, "dev0")),
        "ownOperator": operator_of(&wallet.address),
        "key": consensus_key("cosmjs"),
        "contract": "cosmjs_notes",
        "before": old,
        "after": new,
        "gas": 7_000_002,
    });
    let mut script = cosmjs_script("journey.mjs")
        .args([&engine.rpc(), &wallet.words, status["chain_id"].as_str().unwrap()])
        .arg(facts.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut last = String::new();
    for line in BufReader::new(script.stdout.take().unwrap()).lines() {
        last = line.unwrap();
        if let Some(ids) = last.strip_prefix("voted ") {
            let ids: Vec<String> = ids.split(' ').map(str::to_owned).collect();
            engine.validators_vote(&ids);
        } else if last == "time" {
            engine.end_votes();
        }
    }
    assert!(script.wait().unwrap().success());
    assert_eq!(last, "cosmjs ok");
}

/// grpcurl, and what signs for it.
struct Grpcurl<'a> {
    engine: &'a Engine,
    wallet: Wallet,
}

impl Grpcurl<'_> {
    fn ask(&self, method: &str, request: &Json) -> Result<Json, String> {
        let mut grpcurl = grpcurl_command()
            .args(["-d", "@", &self.engine.grpc(), method])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        grpcurl.stdin.take().unwrap().write_all(request.to_string().as_bytes()).unwrap();
        let output = grpcurl.wait_with_output().unwrap();
        if !output.status.success() {
            return Err(text(&output.stderr));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    }

    fn get(&self, method: &str, request: &Json) -> Json {
        self.ask(method, request).unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Simulates and broadcasts what a command signs, and waits for its block; the transaction's response.
    fn send(&self, args: &[&str]) -> Json {
        let sign = ["--from", &self.wallet.name, "--sign-only"];
        let signed = self.engine.json(&[args, &sign].concat());
        let simulate = json!({ "tx_bytes": signed["tx_bytes"] });
        let simulated = self.get("cosmos.tx.v1beta1.Service/Simulate", &simulate);
        let gas: u64 = simulated["gasInfo"]["gasUsed"].as_str().unwrap().parse().unwrap();
        let request = json!({ "tx_bytes": signed["tx_bytes"], "mode": "BROADCAST_MODE_SYNC" });
        let sent = self.get("cosmos.tx.v1beta1.Service/BroadcastTx", &request);
        assert!(sent["txResponse"]["code"].is_null(), "{sent}");
        assert_eq!(sent["txResponse"]["txhash"], signed["txhash"]);
        let request = json!({ "hash": signed["txhash"] });
        let found = wait_for("a block holds it", || {
            self.ask("cosmos.tx.v1beta1.Service/GetTx", &request).ok()
        });
        let response = &found["txResponse"];
        assert!(response["code"].is_null(), "{found}");
        let used: u64 = response["gasUsed"].as_str().unwrap().parse().unwrap();
        assert!(gas.abs_diff(used) * 10 <= used, "simulated {gas}, used {used}");
        assert_eq!(found["tx"]["signatures"].as_array().unwrap().len(), 1);
        found
    }

    fn propose(&self, args: &[&str]) -> String {
        let found = self.send(&[&["gov", "propose"], args].concat());
        // What Any holds is shown by the types that reflection knows.
        let message = &found["tx"]["body"]["messages"][0];
        assert_eq!(message["@type"], "/cosmos.gov.v1.MsgSubmitProposal", "{message}");
        assert!(
            message["messages"][0]["authority"].is_string()
                || message["messages"][0]["sender"].is_string()
        );
        let events = found["txResponse"]["events"].as_array().unwrap().iter();
        let mut attributes = events.flat_map(|event| event["attributes"].as_array().unwrap());
        let id = attributes.find(|attribute| attribute["key"] == "proposal_id");
        id.unwrap()["value"].as_str().unwrap().to_owned()
    }
}

fn by_grpcurl(engine: &Engine) {
    let grpcurl = Grpcurl { engine, wallet: Wallet::new(engine, "grpcurl") };
    let [old, new] = versions(engine.home(), "grpcurl");
    let own = operator_of(&grpcurl.wallet.address);

    let key = consensus_key("grpcurl");
    let made = ["--amount", "1000000", "--moniker", "grpcurl", "--pubkey", &key];
    grpcurl.send(&[&["tx", "staking", "create-validator"], &made[..]].concat());
    grpcurl.send(&["tx", "staking", "delegate", "dev0", "300000000"]);
    let found =
        grpcurl.get("cosmos.staking.v1beta1.Query/Validator", &json!({ "validator_addr": own }));
    let validator = &found["validator"];
    assert_eq!(
        (&validator["tokens"], &validator["consensusPubkey"]["key"]),
        (&json!("1000000"), &json!(key))
    );
    let all = grpcurl.get("cosmos.staking.v1beta1.Query/Validators", &json!({}));
    assert!(all["validators"].as_array().unwrap().len() > engine.operators().len());

    // Code is stored and made a contract of governance in two transactions.
    let governance = AccountAddress::of_module("gov").to_string();
    grpcurl.send(&["contract", "store", old.to_str().unwrap()]);
    let publish = ["contract", "publish", "grpcurl_notes", "--governed", "--path"];
    grpcurl.send(&[&publish[..], &[old.to_str().unwrap()]].concat());
    let contract = || {
        let request = json!({ "name": "grpcurl_notes" });
        grpcurl.get("dadbs.contract.v1.Query/Contract", &request)["contract"].clone()
    };
    let before = contract();
    assert_eq!(before["admin"], governance);

    let change = format!("{PARAMETER}=7000003");
    let ids = [
        grpcurl.propose(&["params", &change]),
        grpcurl.propose(&["contract", "grpcurl_notes", new.to_str().unwrap()]),
    ];
    let asked = |id: &String| json!({ "proposal_id": id });
    for id in &ids {
        grpcurl.send(&["gov", "vote", id, "yes"]);
        let tally = grpcurl.get("cosmos.gov.v1.Query/TallyResult", &asked(id));
        let yes = &tally["tally"]["yesCount"];
        assert!(yes == "301000000" || yes == "300000000", "{tally}");
        let proposal = grpcurl.get("cosmos.gov.v1.Query/Proposal", &asked(id));
        assert_eq!(proposal["proposal"]["status"], "PROPOSAL_STATUS_VOTING_PERIOD");
    }
    engine.validators_vote(&ids);
    for id in &ids {
        assert_eq!(grpcurl.get("dadbs.gov.v1.Query/Tally", &asked(id))["outlook"], "passes");
    }
    engine.end_votes();
    for id in &ids {
        wait_for("it is executed", || {
            let tally = grpcurl.get("dadbs.gov.v1.Query/Tally", &asked(id));
            (tally["status"] == "executed").then_some(())
        });
        let proposal = grpcurl.get("cosmos.gov.v1.Query/Proposal", &asked(id));
        assert_eq!(proposal["proposal"]["status"], "PROPOSAL_STATUS_PASSED");
    }
    let params = grpcurl.get("dadbs.params.v1.Query/Params", &json!({}));
    let changed = params["params"].as_array().unwrap().iter().find(|p| p["name"] == PARAMETER);
    assert_eq!(changed.unwrap()["value"], "7000003");
    let after = contract();
    assert_ne!(after["codeId"], before["codeId"]);
    let code = grpcurl.get("dadbs.contract.v1.Query/Code", &json!({ "code_id": after["codeId"] }));
    assert_eq!(code["codeHash"], BASE64.encode(sha256(&new)));
    let query = json!({ "database": "grpcurl_notes", "sql": "SELECT text, stars FROM note" });
    let rows = grpcurl.get("dadbs.sql.v1.Query/Query", &query);
    assert_eq!(rows["rows"], json!([{ "values": [{ "text": "grpcurl" }, { "integer": "3" }] }]));
}

#[test]
fn the_command_line_on_the_dev_engine() {
    by_the_command_line(&Engine::dev());
}

#[test]
#[ignore = "slow: runs npm"]
fn cosmjs_on_the_dev_engine() {
    by_cosmjs(&Engine::dev());
}

#[test]
#[ignore = "slow: installs grpcurl"]
fn grpcurl_on_the_dev_engine() {
    by_grpcurl(&Engine::dev());
}

#[test]
#[ignore = "slow: builds and runs CometBFT, runs npm, installs grpcurl"]
fn all_clients_on_four_validators() {
    let engine = Engine::cometbft();
    by_the_command_line(&engine);
    by_cosmjs(&engine);
    by_grpcurl(&engine);
    let Engine::CometBft(network) = &engine else { panic!("it was started") };
    let height = network.assert_equal(&[0, 1, 2, 3]);
    assert!(network.assert_block_updates(0) >= 3, "each journey made a validator");
    eprintln!("four equal nodes at {height} after three journeys");
}
