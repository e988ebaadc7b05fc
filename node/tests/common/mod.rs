//! A dev node in this process, for tests.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses a part")]

pub mod cli;
pub mod clients;
pub mod comet;
pub mod counted;
pub mod engine;
pub mod network;
pub mod proxy;
pub mod selects;

use dadbs::{DevConfig, DevReady, NodeError, run_dev};
use dadbs_client::tx::any;
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx};
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_types::{AccountAddress, Amount};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub const CHAIN: &str = "dadbs-test-1";
/// The faucet is account 0.
pub const FAUCET: u8 = 1;
pub const ALICE: u8 = 2;
pub const BOB: u8 = 3;

pub fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32]).unwrap()
}

pub fn config(home: &Path) -> DevConfig {
    let funded = |number| (key(number).address(), Amount(1_000_000_000_000));
    let genesis = dadbs_genesis::genesis(
        CHAIN,
        1_700_000_000_000_000_000,
        vec![funded(FAUCET), funded(ALICE), funded(BOB)],
    );
    DevConfig {
        grpc_addr: ([127, 0, 0, 1], 0).into(),
        rpc_addr: ([127, 0, 0, 1], 0).into(),
        faucet: Some([FAUCET; 32]),
        ..DevConfig::new(home.to_path_buf(), genesis)
    }
}

pub struct Node {
    pub ready: DevReady,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), NodeError>>,
}

impl Node {
    pub async fn start(home: &Path) -> Node {
        Node::with(config(home)).await.unwrap()
    }

    pub async fn with(config: DevConfig) -> Result<Node, NodeError> {
        let (stop, stopped) = oneshot::channel::<()>();
        let (up, mut is_up) = oneshot::channel();
        let mut running =
            tokio::spawn(run_dev(config, |ready| up.send(ready.clone()).unwrap(), async move {
                drop(stopped.await);
            }));
        tokio::select! {
            ready = &mut is_up => match ready {
                Ok(ready) => Ok(Node { ready, stop, running }),
                Err(_) => Err(running.await.unwrap().unwrap_err()),
            },
            ended = &mut running => Err(ended.unwrap().unwrap_err()),
        }
    }

    pub async fn stop(self) -> Result<(), NodeError> {
        self.stop.send(()).unwrap();
        tokio::time::timeout(Duration::from_secs(20), self.running).await.unwrap().unwrap()
    }

    pub fn grpc_url(&self) -> String {
        format!("http://{}", self.ready.grpc_addr)
    }

    pub async fn rpc(&self, method: &str, params: Value) -> Value {
        let request = json!({ "jsonrpc": "2.0", "id": 7, "method": method, "params": params });
        let answer = self.post(&request.to_string()).await;
        assert_eq!(answer["id"], 7, "{answer}");
        answer
    }

    pub async fn result(&self, method: &str, params: Value) -> Value {
        let mut answer = self.rpc(method, params).await;
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].take()
    }

    pub async fn post(&self, body: &str) -> Value {
        let request = format!(
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            body.len()
        );
        let answer = http(self.ready.rpc_addr, request.as_bytes()).await;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    pub async fn get(&self, path: &str) -> Value {
        let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answer = http(self.ready.rpc_addr, request.as_bytes()).await;
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer}"))
    }

    pub async fn height(&self) -> u64 {
        let status = self.result("status", json!({})).await;
        number(&status["sync_info"]["latest_block_height"])
    }

    /// The account number is that of genesis.
    pub async fn send(&self, from: u8, sequence: u64, to: AccountAddress, amount: u64) -> Value {
        let tx = send_tx(from, sequence, to, amount);
        self.result("broadcast_tx_commit", json!({ "tx": base64(&tx) })).await
    }
}

pub fn number(value: &Value) -> u64 {
    value.as_str().unwrap_or_else(|| panic!("{value} is no string")).parse().unwrap()
}

pub fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub fn send_tx(from: u8, sequence: u64, to: AccountAddress, amount: u64) -> Vec<u8> {
    let key = key(from);
    let send = MsgSend {
        from_address: key.address().to_string(),
        to_address: to.to_string(),
        amount: vec![Coin { denom: "udadb".into(), amount: amount.to_string() }],
    };
    let signer =
        Signer { address: key.address(), account_number: u64::from(from - FAUCET), sequence };
    let fee = Fee { gas_limit: 500_000, amount: 1_250 };
    UnsignedTx::new(vec![any(&send)]).sign(&key, &signer, &fee, CHAIN)
}

/// The body of the answer to one HTTP/1.1 request.
pub async fn http(addr: std::net::SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.split_once("\r\n\r\n") {
        Some((_, body)) => body.to_string(),
        None => answer,
    }
}

/// Executes blocks, as RPC shows them, by a core that nothing disturbs, with the votes that each carries; each header
/// names the hash before it. Gives the last hash.
pub fn replay(
    genesis: &dadbs_app::Genesis,
    blocks: impl Iterator<Item = (Value, Vec<dadbs_types::Vote>)>,
) -> dadbs_types::Hash {
    use ::base64::Engine as _;
    let mut core = dadbs_app::App::memory().unwrap();
    let mut app_hash = core.init_chain(genesis).unwrap();
    for ((answer, votes), height) in blocks.zip(1..) {
        let header = &answer["block"]["header"];
        let bytes = |field: &Value| hex::decode(field.as_str().unwrap()).unwrap();
        assert_eq!(bytes(&header["app_hash"]), app_hash, "before height {height}");
        let time = header["time"].as_str().unwrap();
        let time = tendermint::Time::parse_from_rfc3339(time).unwrap();
        let info = dadbs_types::BlockInfo {
            height,
            time_ns: dadbs::convert::ns_of_time(time).unwrap(),
            proposer_address: bytes(&header["proposer_address"]).try_into().unwrap(),
            votes,
            misbehavior: Vec::new(),
        };
        let txs = answer["block"]["data"]["txs"].as_array().into_iter().flatten();
        let base64 = ::base64::engine::general_purpose::STANDARD;
        let txs = txs.map(|tx| base64.decode(tx.as_str().unwrap()).unwrap()).collect();
        app_hash = core.finalize_block(&dadbs_app::Block { info, txs }).unwrap().app_hash;
        core.commit().unwrap();
    }
    app_hash
}
