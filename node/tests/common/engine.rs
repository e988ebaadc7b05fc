//! A chain for journeys, whichever engine orders its blocks; wallets on it; and a contract to upgrade.

use super::cli::{Dev, command, text};
use super::network::{Network, SHORT, wait_for};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

/// The engine, with what runs on it.
pub enum Engine {
    /// The embedded one, with the default periods: time is moved on.
    Dev(Dev),
    /// Four validators under CometBFT, with short periods: time passes.
    CometBft(Network),
}

impl Engine {
    pub fn dev() -> Engine {
        Engine::Dev(Dev::start())
    }

    pub fn cometbft() -> Engine {
        // Long enough for all votes of a journey on a busy machine.
        let periods = [("gov.voting_period", 20), ("gov.expedited_voting_period", 20)];
        Engine::CometBft(Network::start_with(4, 0, &[SHORT, &periods].concat()))
    }

    pub fn home(&self) -> &Path {
        match self {
            Engine::Dev(dev) => dev.home.path(),
            Engine::CometBft(network) => network.dir.path(),
        }
    }

    /// Where gRPC listens: `host:port`.
    pub fn grpc(&self) -> String {
        match self {
            Engine::Dev(dev) => dev.grpc.trim_start_matches("http://").to_owned(),
            Engine::CometBft(network) => network.members[0].listen.grpc.to_string(),
        }
    }

    /// The URL of the RPC.
    pub fn rpc(&self) -> String {
        match self {
            Engine::Dev(dev) => dev.rpc.clone(),
            Engine::CometBft(network) => format!("http://{}", network.members[0].listen.rpc),
        }
    }

    /// The keys that operate the validators of genesis.
    pub fn operators(&self) -> &'static [&'static str] {
        match self {
            Engine::Dev(_) => &["dev0"],
            Engine::CometBft(_) => &["dev0", "dev1", "dev2", "dev3"],
        }
    }

    pub fn run(&self, args: &[&str]) -> Output {
        let node = format!("http://{}", self.grpc());
        command(self.home()).args(["--node", &node]).args(args).output().unwrap()
    }

    /// Runs a command that must succeed; its JSON.
    pub fn json(&self, args: &[&str]) -> Json {
        let output = self.run(&[args, &["-o", "json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// All validators of genesis vote for proposals, each on its own.
    pub fn validators_vote(&self, proposals: &[String]) {
        std::thread::scope(|scope| {
            for operator in self.operators() {
                scope.spawn(move || {
                    for id in proposals {
                        self.json(&["gov", "vote", id, "yes", "--from", operator]);
                    }
                });
            }
        });
    }

    /// Block time goes on by so many seconds, and what that ends is executed.
    pub fn pass(&self, seconds: u64) {
        match self {
            Engine::Dev(_) => drop(self.json(&["advance-time", &seconds.to_string()])),
            Engine::CometBft(network) => {
                std::thread::sleep(Duration::from_secs(seconds + 1));
                for _ in 0..3 {
                    network.tick();
                }
            }
        }
    }

    /// Votes end, and what has passed is executed.
    pub fn end_votes(&self) {
        let params = self.json(&["gov", "params"]);
        for name in ["gov.voting_period", "gov.timelock"] {
            let found = params.as_array().unwrap().iter().find(|param| param["name"] == name);
            self.pass(found.unwrap()["value"].as_u64().unwrap());
        }
    }

    /// Waits for the status of a proposal.
    pub fn wait_status(&self, proposal: &str, status: &str) -> Json {
        wait_for(&format!("proposal {proposal} is {status}"), || {
            let tally = self.json(&["gov", "tally", proposal]);
            (tally["status"] == status).then_some(tally)
        })
    }
}

/// A new key with coins.
pub struct Wallet {
    /// Its name in the keyring.
    pub name: String,
    pub address: String,
    pub words: String,
}

impl Wallet {
    /// A new key that `dev4` pays 1,000 DADB.
    pub fn new(engine: &Engine, name: &str) -> Wallet {
        let add = ["keys", "add", name, "--keyring-backend", "test", "-o", "json"];
        let made = engine.run(&add);
        assert!(made.status.success(), "{}", text(&made.stderr));
        let words = text(&made.stderr).lines().last().unwrap().to_owned();
        let made: Json = serde_json::from_slice(&made.stdout).unwrap();
        engine.json(&["tx", "send", name, "1000000000", "--from", "dev4"]);
        let address = made["address"].as_str().unwrap().to_owned();
        Wallet { name: name.into(), address, words }
    }
}

/// A module whose entry points run statements; without names, which the command line would leave out.
fn module(entries: &[(&str, &[&str])]) -> Vec<u8> {
    let (mut data, mut functions, mut at) = (String::new(), String::new(), 0);
    for (entry, statements) in entries {
        let mut calls = String::new();
        for sql in *statements {
            writeln!(data, "(data (i32.const {at}) \"{sql}\")").unwrap();
            write!(calls, "(call 2 (i32.const {at}) (i32.const {}))", sql.len()).unwrap();
            at += sql.len();
        }
        writeln!(functions, "(func (export \"{entry}\") {calls})").unwrap();
    }
    let text = format!(
        r#"(module
        (import "dadbs_1" "sql_exec" (func (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "dadbs_abi_1"))
        (func (param i32 i32)
          (if (i32.lt_s
                (call 0 (local.get 0) (local.get 1) (i32.const 0) (i32.const 0))
                (i32.const 0))
            (then unreachable)))
        {data}{functions})"#
    );
    wat::parse_str(text).unwrap()
}

/// Two versions of a contract, as files: the later one migrates the table `note`, which holds `text`, to one with `stars`.
pub fn versions(folder: &Path, text: &str) -> [PathBuf; 2] {
    let insert = format!("INSERT INTO note VALUES ('{text}')");
    let made = ["CREATE TABLE note (text TEXT)", &insert];
    let change = ["ALTER TABLE note ADD COLUMN stars INTEGER NOT NULL DEFAULT 3"];
    let old = module(&[("init", &made)]);
    let new = module(&[("init", &made), ("migrate", &change)]);
    [("old.wasm", old), ("new.wasm", new)].map(|(name, module)| {
        let path = folder.join(name);
        std::fs::write(&path, module).unwrap();
        path
    })
}

/// The file of a proposal that changes all consensus parameters, with this age of evidence.
pub fn smaller_blocks(folder: &Path, age: &str) -> String {
    let file = folder.join("smaller_blocks.json");
    let proposal = json!({
        "title": "Smaller blocks",
        "messages": [{
            "@type": "/cosmos.consensus.v1.MsgUpdateParams",
            "block": { "max_bytes": "5000000", "max_gas": "1500000000" },
            "evidence": { "max_age_num_blocks": "1", "max_age_duration": age, "max_bytes": "1048576" },
            "validator": { "pub_key_types": ["ed25519"] },
        }],
    });
    std::fs::write(&file, proposal.to_string()).unwrap();
    file.to_str().unwrap().to_owned()
}
