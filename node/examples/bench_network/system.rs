//! The systems that are compared: four validators each, on loopback, with the same CometBFT and the same
//! configuration of it, which is that of `dadbs testnet`.

use crate::Options;
use crate::load::{Lane, Txs};
use crate::process::{Running, children, folder_bytes};
use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs::engine::cometbft::CometBft;
use dadbs::network::home::{COMET, socket};
use dadbs::network::manifest::{Manifest, Member, Placement};
use dadbs::network::settings::Settings;
use dadbs::network::{cometbft_config, testnet};
use dadbs_client::tx::any;
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx};
use dadbs_proto::dadbs::contract::v1::{MsgExecute, MsgInstantiate};
use dadbs_proto::dadbs::sql::v1::{MsgExec, QueryRequest, QueryResponse, Row, Statement};
use dadbs_types::{Amount, Value};
use prost::Message;
use prost_types::Any;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const CHAIN: &str = "bench-1";
const VALIDATORS: u16 = 4;
/// The gas limit of a transaction of one row.
const GAS: u64 = 300_000;
/// What is offered for gas, in least prices: full blocks raise the price.
const OFFER: u64 = 10;
/// Rows of one sender.
const IDS: i64 = 10_000_000;

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Signed transactions of one row through the stock contract, indexed by the node.
    Dadbs,
    /// CometBFT's kvstore as an external application; `indexed` by CometBFT.
    Kvstore { indexed: bool },
}

/// A network that runs.
pub(crate) struct System {
    kind: Kind,
    folder: tempfile::TempDir,
    members: Vec<Member>,
    running: Vec<Running>,
}

fn now_ns() -> Result<i64> {
    Ok(i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos())?)
}

/// The key of an account of the genesis, which has its number.
fn key(number: usize) -> SecretKey {
    let mut bytes = [0x11; 32];
    bytes[24..].copy_from_slice(&(number as u64 + 1).to_be_bytes());
    SecretKey::from_bytes(&bytes).expect("a small scalar is a key")
}

/// Ports below those that the system hands out.
fn free_base() -> Result<u16> {
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let mut bases = (30_200u16..32_600).step_by(30);
    bases.find(|base| (*base..base + 30).all(is_free)).context("there are no 30 free ports")
}

fn sign(number: usize, sequence: u64, gas_limit: u64, message: Any) -> Vec<u8> {
    let key = key(number);
    let account_number = number as u64;
    let signer = Signer { address: key.address(), account_number, sequence };
    let price = u128::from(dadbs_genesis::MIN_FEE_PER_MILLION_GAS * OFFER);
    let fee = Fee { gas_limit, amount: (u128::from(gas_limit) * price).div_ceil(1_000_000) };
    UnsignedTx::new(vec![message]).sign(&key, &signer, &fee, CHAIN)
}

fn exec(number: usize, sql: &str, row: Vec<Value>) -> Any {
    let rows = if row.is_empty() { Vec::new() } else { vec![Row::from(row)] };
    any(&MsgExec {
        sender: key(number).address().to_string(),
        database: "bench".into(),
        statements: vec![Statement { sql: sql.into(), rows }],
    })
}

/// One row of 100 bytes, signed by account `number`.
fn insert(number: usize, sequence: u64) -> Vec<u8> {
    let id = i64::try_from(number).unwrap_or(0) * IDS + i64::try_from(sequence).unwrap_or(0);
    let row = vec![Value::Integer(id), format!("{id:->88}").into()];
    sign(number, sequence, GAS, exec(number, "INSERT INTO item VALUES (?, ?)", row))
}

/// What the owner, account 0, sends before the load: a table into which everyone may insert.
fn table() -> Vec<Vec<u8>> {
    let sender = key(0).address().to_string();
    let database = MsgInstantiate {
        sender: sender.clone(),
        code_id: 1,
        name: "bench".into(),
        admin: String::new(),
        arguments: vec![Value::Null.into()],
    };
    let create = "CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT NOT NULL)";
    let grant = MsgExecute {
        sender,
        contract: "bench".into(),
        entry: "grant".into(),
        arguments: ["public", "insert", "item"].map(|text| Value::from(text).into()).to_vec(),
        funds: Vec::new(),
    };
    let messages = [any(&database), exec(0, create, Vec::new()), any(&grant)];
    (0..).zip(messages).map(|(sequence, message)| sign(0, sequence, 100_000_000, message)).collect()
}

impl System {
    /// Makes the homes, starts all processes, and waits for a block of every node.
    pub(crate) async fn start(kind: Kind, options: &Options) -> Result<System> {
        let folder = tempfile::tempdir()?;
        let indexer = match kind {
            Kind::Kvstore { indexed: true } => "kv",
            _ => "null",
        };
        let mut cometbft = BTreeMap::from([("tx_index.indexer".to_string(), json!(indexer))]);
        for setting in &options.set {
            let (name, value) = setting.split_once('=').context("--set NAME=VALUE")?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| json!(value));
            cometbft.insert(name.into(), value);
        }
        let manifest = Manifest {
            chain_id: CHAIN.into(),
            validators: VALIDATORS,
            full_nodes: 0,
            placement: Placement::Processes,
            base_port: Some(free_base()?),
            accounts: 1,
            balance: 1,
            cometbft,
        };
        let accounts = (0..=options.lanes())
            .map(|number| (key(number).address(), Amount(1_000_000_000_000)))
            .collect();
        let genesis = dadbs_genesis::genesis(CHAIN, now_ns()?, accounts);
        testnet::init(&folder.path().join("testnet"), &manifest, genesis)?;
        let members = manifest.members();
        let mut system = System { kind, folder, members, running: Vec::new() };
        match kind {
            Kind::Dadbs => system.start_dadbs(options)?,
            Kind::Kvstore { .. } => system.start_kvstore(options)?,
        }
        for node in 0..system.members.len() {
            system.wait_height(node, 1).await?;
        }
        if kind == Kind::Dadbs {
            system.make_table().await?;
        }
        Ok(system)
    }

    fn home(&self, node: usize) -> PathBuf {
        self.folder.path().join("testnet").join(&self.members[node].name)
    }

    fn start_dadbs(&mut self, options: &Options) -> Result<()> {
        let mut command = Command::new(&options.dadbs);
        command.args(["testnet", "start", "--cometbft"]).arg(&options.cometbft);
        command.env("DADBS_HOME", self.folder.path());
        self.running.push(Running::start(&mut command, &self.folder.path().join("log"))?);
        Ok(())
    }

    /// The application of a node first, then its engine.
    fn start_kvstore(&mut self, options: &Options) -> Result<()> {
        for node in 0..self.members.len() {
            let home = self.home(node);
            let settings = Settings::read(&home)?;
            let comet = home.join(COMET);
            std::fs::write(comet.join("config/config.toml"), cometbft_config::render(&settings))?;
            let mut app = Command::new(&options.kvstore);
            app.args(["kvstore", "--log_level", "error", "--address"]);
            app.arg(format!("unix://{}", socket(&home).display()));
            self.running.push(Running::start(&mut app, &home.join("app.log"))?);
            let mut engine = Command::new(&options.cometbft);
            engine.args(["start", "--home", "."]).current_dir(&comet);
            self.running.push(Running::start(&mut engine, &home.join("engine.log"))?);
        }
        Ok(())
    }

    /// CometBFT's own RPC of a node.
    pub(crate) fn comet(&self, node: usize) -> Result<CometBft> {
        Ok(self.members[node].listen.cometbft_rpc.to_string().parse()?)
    }

    /// Where clients send transactions: with dadbs the facade in front of CometBFT.
    fn door(&self, node: usize, options: &Options) -> Result<CometBft> {
        match self.kind {
            Kind::Dadbs if !options.direct => {
                Ok(self.members[node].listen.rpc.to_string().parse()?)
            }
            _ => self.comet(node),
        }
    }

    /// The processes of the applications and of the engines.
    pub(crate) fn pids(&self) -> Result<(Vec<u32>, Vec<u32>)> {
        let (apps, engines): (Vec<u32>, Vec<u32>) = match self.kind {
            Kind::Dadbs => {
                let apps = children(self.running[0].pid());
                let engines = apps.iter().flat_map(|app| children(*app)).collect();
                (apps, engines)
            }
            Kind::Kvstore { .. } => {
                let pids = |from| self.running.iter().skip(from).step_by(2).map(Running::pid);
                (pids(0).collect(), pids(1).collect())
            }
        };
        ensure!(apps.len() == self.members.len() && engines.len() == apps.len(), "a node is gone");
        Ok((apps, engines))
    }

    /// The bytes of all files of the homes.
    pub(crate) fn disk_bytes(&self) -> u64 {
        folder_bytes(&self.folder.path().join("testnet"))
    }

    async fn wait_height(&self, node: usize, height: u64) -> Result<()> {
        let (comet, began) = (self.comet(node)?, Instant::now());
        while crate::load::app_height(&comet).await.unwrap_or(0) < height {
            if began.elapsed() > Duration::from_mins(1) {
                let log = std::fs::read_to_string(self.folder.path().join("log"));
                bail!("node{node} does not reach height {height}\n{}", log.unwrap_or_default());
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn make_table(&self) -> Result<()> {
        let comet = self.comet(0)?;
        for tx in table() {
            let params = json!({ "tx": BASE64.encode(tx) });
            let checked = comet.demand("broadcast_tx_sync", &params).await?;
            ensure!(checked["code"] == 0, "{checked}");
        }
        let began = Instant::now();
        while self.rows().await.is_err() {
            ensure!(began.elapsed() < Duration::from_secs(30), "the table was not made");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// The rows of the table.
    async fn rows(&self) -> Result<u64> {
        let sql = "SELECT count(*) FROM item".into();
        let request = QueryRequest {
            database: "bench".into(),
            sql,
            parameters: Vec::new(),
            sender: String::new(),
        };
        let data = hex::encode(request.encode_to_vec());
        let params = json!({ "path": "/dadbs.sql.v1.Query/Query", "data": data });
        let answer = self.comet(0)?.demand("abci_query", &params).await?;
        let value = answer["response"]["value"].as_str().context("no value")?;
        let answer = QueryResponse::decode(&BASE64.decode(value)?[..])?;
        let row = answer.rows.into_iter().next().map(Vec::<Value>::from).unwrap_or_default();
        match row.first() {
            Some(Value::Integer(count)) => Ok(u64::try_from(*count)?),
            other => bail!("a count is {other:?}"),
        }
    }

    /// What the application holds of the load, counted by itself.
    pub(crate) async fn stored(&self) -> Result<u64> {
        if self.kind == Kind::Dadbs {
            return self.rows().await;
        }
        let info = self.comet(0)?.demand("abci_info", &json!({})).await?;
        let data: Json = serde_json::from_str(info["response"]["data"].as_str().unwrap_or(""))?;
        data["size"].as_u64().context("the size of the kvstore")
    }

    /// One lane for each sender; each has its own account and one node.
    pub(crate) fn lanes(&self, options: &Options, tx_bytes: usize) -> Result<Vec<Lane>> {
        let count = options.lanes();
        let txs: Vec<Txs> = match self.kind {
            Kind::Dadbs => {
                presigned(count, options.presigned()).into_iter().map(Txs::Signed).collect()
            }
            Kind::Kvstore { .. } => {
                (0..count).map(|lane| Txs::Pairs { lane, next: 0, bytes: tx_bytes }).collect()
            }
        };
        let doors = (0..self.members.len())
            .map(|node| self.door(node, options))
            .collect::<Result<Vec<_>>>()?;
        let lane =
            |(number, txs): (usize, Txs)| Lane { door: doors[number % doors.len()].clone(), txs };
        Ok(txs.into_iter().enumerate().map(lane).collect())
    }
}

/// Transactions of every sender, signed on all threads.
fn presigned(lanes: usize, each: usize) -> Vec<std::vec::IntoIter<Vec<u8>>> {
    let began = Instant::now();
    let numbers: Vec<usize> = (1..=lanes).collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let sign_all = |number: usize| -> Vec<Vec<u8>> {
        (0..each).map(|sequence| insert(number, sequence as u64)).collect()
    };
    let signed: Vec<_> = std::thread::scope(|scope| {
        let shares: Vec<_> = numbers
            .chunks(lanes.div_ceil(threads))
            .map(|share| {
                scope.spawn(move || share.iter().map(|number| sign_all(*number)).collect())
            })
            .collect();
        shares
            .into_iter()
            .flat_map(|share| -> Vec<Vec<Vec<u8>>> { share.join().expect("signing does not fail") })
            .collect()
    });
    eprintln!("signed {} transactions in {:.0} s", lanes * each, began.elapsed().as_secs_f64());
    signed.into_iter().map(Vec::into_iter).collect()
}

/// The bytes of a transaction of one row, the size that every system gets.
pub(crate) fn tx_bytes() -> usize {
    insert(1, 0).len()
}
