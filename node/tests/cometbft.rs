//! A real CometBFT over a unix socket: the same transactions as the dev engine give the same state.

mod common;

use common::{ALICE, BOB, CHAIN, Node, base64, config, http, number, send_tx};
use dadbs::engine::dev::blocks::BlockStore;
use dadbs::{AbciAddr, AbciConfig, run_abci};
use dadbs_types::AccountAddress;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const TO: AccountAddress = AccountAddress([9; 20]);

/// Ends CometBFT with the test.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn set(text: &str, key: &str, value: &str) -> String {
    let prefix = format!("{key} = ");
    let lines = text.lines().map(|line| {
        if line.starts_with(&prefix) { format!("{prefix}{value}") } else { line.to_string() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn run(binary: &Path, arguments: &[&str]) {
    assert!(Command::new(binary).args(arguments).stdout(Stdio::null()).status().unwrap().success());
}

async fn rpc(addr: SocketAddr, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = http(addr, request.as_bytes()).await;
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

fn txs() -> Vec<Vec<u8>> {
    let poor = send_tx(ALICE, 2, TO, 2_000_000_000_000);
    vec![
        send_tx(ALICE, 0, TO, 5),
        send_tx(ALICE, 1, TO, 6),
        poor,
        send_tx(BOB, 0, TO, 7),
        send_tx(ALICE, 3, TO, 8),
    ]
}

/// What both engines must agree on.
fn outcome(committed: &Value) -> Value {
    let result = &committed["tx_result"];
    json!({
        "code": result["code"], "data": result["data"], "gas_wanted": result["gas_wanted"],
        "gas_used": result["gas_used"], "events": result["events"], "codespace": result["codespace"],
    })
}

async fn on_dev() -> (Vec<Value>, String) {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let mut outcomes = Vec::new();
    for tx in txs() {
        let sent = node.result("broadcast_tx_commit", json!({ "tx": base64(&tx) })).await;
        outcomes.push(outcome(&sent));
    }
    node.stop().await.unwrap();
    let blocks = BlockStore::open(&home.path().join("blocks.db")).unwrap();
    let newest = blocks.get(blocks.newest().unwrap()).unwrap().unwrap();
    (outcomes, hex::encode_upper(&newest.results.unwrap().app_hash))
}

/// A CometBFT home for one validator, with our genesis.
fn make_home(binary: &Path, home: &Path, socket: &Path, rpc_port: u16) {
    run(binary, &["init", "--home", home.to_str().unwrap()]);
    let path = home.join("config/genesis.json");
    let made: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let genesis = config(home).genesis;
    let document = dadbs::genesis_doc::document(&genesis, &made["validators"]).unwrap();
    assert_eq!(document["chain_id"], CHAIN);
    std::fs::write(&path, document.to_string()).unwrap();
    let path = home.join("config/config.toml");
    let mut text = std::fs::read_to_string(&path).unwrap();
    text = set(&text, "proxy_app", &format!("\"unix://{}\"", socket.display()));
    text = set(&text, "laddr", &format!("\"tcp://127.0.0.1:{rpc_port}\""));
    // The first `laddr` is that of RPC; p2p takes any port.
    let p2p = text.find("[p2p]").unwrap();
    let (head, tail) = text.split_at(p2p);
    text = format!("{head}{}", set(tail, "laddr", "\"tcp://127.0.0.1:0\""));
    text = set(&text, "timeout_commit", "\"50ms\"");
    text = set(&text, "create_empty_blocks", "false");
    text = set(&text, "pprof_laddr", "\"\"");
    std::fs::write(&path, text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds and runs CometBFT"]
async fn the_same_transactions_give_the_same_state_under_both_engines() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = std::env::var_os("DADBS_COMETBFT_DIR")
        .map_or_else(|| root.join("target/cometbft"), std::path::PathBuf::from);
    run(&root.join("devnet/install-cometbft.sh"), &[folder.to_str().unwrap()]);
    let binary = folder.join("cometbft");
    let (expected, expected_hash) = on_dev().await;
    assert_eq!(expected[2]["code"], 5, "{expected:?}");

    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("abci.sock");
    let rpc_addr: SocketAddr = ([127, 0, 0, 1], free_port()).into();
    make_home(&binary, &dir.path().join("comet"), &socket, rpc_addr.port());
    let (stop, stopped) = oneshot::channel::<()>();
    let (up, is_up) = oneshot::channel();
    let abci = AbciConfig {
        home: dir.path().join("app"),
        abci_addr: AbciAddr::Unix(socket),
        grpc_addr: Some(([127, 0, 0, 1], 0).into()),
        cometbft_rpc: Some(format!("http://{rpc_addr}")),
        checkpoint_interval: 1_000,
        verify_rows: true,
    };
    let node = tokio::spawn(run_abci(abci, |ready| up.send(ready.clone()).unwrap(), async move {
        drop(stopped.await);
    }));
    let ready = is_up.await.unwrap();
    let start = || {
        let comet = dir.path().join("comet");
        let log = std::fs::File::create(dir.path().join("comet.log")).unwrap();
        let mut command = Command::new(&binary);
        command.args(["start", "--home", comet.to_str().unwrap()]).stdout(log);
        Killed(command.spawn().unwrap())
    };
    let mut comet = start();
    let started = Instant::now();
    let log = || std::fs::read_to_string(dir.path().join("comet.log")).unwrap();
    while std::net::TcpStream::connect(rpc_addr).is_err() {
        assert!(started.elapsed() < Duration::from_secs(30), "{}", log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut seen = Vec::new();
    let all = txs();
    for (index, tx) in all.iter().enumerate() {
        if index == 3 {
            // CometBFT restarts and shakes hands with the application that lived on.
            drop(comet);
            comet = start();
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let params = json!({ "tx": base64(tx) });
        let committed = loop {
            if std::net::TcpStream::connect(rpc_addr).is_ok() {
                break rpc(rpc_addr, "broadcast_tx_commit", params).await;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        };
        assert!(committed.get("result").is_some(), "{committed} {}", log());
        seen.push(outcome(&committed["result"]));
    }
    assert_eq!(seen, expected);
    let info = rpc(rpc_addr, "abci_info", json!({})).await;
    let info = &info["result"]["response"];
    let hash = {
        use base64::Engine as _;
        let text = info["last_block_app_hash"].as_str().unwrap();
        hex::encode_upper(base64::engine::general_purpose::STANDARD.decode(text).unwrap())
    };
    assert_eq!(hash, expected_hash);
    assert!(number(&info["last_block_height"]) >= all.len() as u64);

    // The index and the queries serve under CometBFT as well.
    let client = dadbs_client::Client::connect(&format!("http://{}", ready.grpc_addr.unwrap()))
        .await
        .unwrap();
    assert_eq!(client.balance(TO).await.unwrap(), 26);
    assert_eq!(client.status().await.unwrap().engine, "cometbft");
    let found = client.find(&dadbs_client::tx::hash(&all[0])).await.unwrap();
    assert_eq!(found.unwrap().code, 0);
    assert!(client.trust().await.unwrap().height >= all.len() as u64);
    let sent = client.broadcast(send_tx(ALICE, 4, TO, 1)).await.unwrap();
    assert_eq!(client.wait(&sent, Duration::from_secs(20)).await.unwrap().response.code, 0);
    drop(comet);
    stop.send(()).unwrap();
    node.await.unwrap().unwrap();
}
