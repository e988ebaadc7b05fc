//! A real CometBFT over a unix socket: the same transactions as the dev engine give the same state.

mod common;

use base64::Engine as _;
use common::comet::{self, Comet};
use common::{ALICE, BOB, Node, base64, key, number, send_tx};
use dadbs::engine::dev::blocks::BlockStore;
use dadbs_app::Genesis;
use dadbs_types::{AccountAddress, Vote};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const TO: AccountAddress = AccountAddress([9; 20]);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs in a child of the other tests"]
async fn child_node() {
    comet::child().await;
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

/// The hash after these blocks of a chain with one validator, by a core that nothing disturbs.
fn replay(genesis: &Genesis, blocks: Vec<Value>) -> String {
    let power = genesis.validator_updates()[0].power;
    // Alone, it signed every block.
    let signed = |block: &Value| {
        let address = hex::decode(block["block"]["header"]["proposer_address"].as_str().unwrap());
        let is_first = block["block"]["header"]["height"] == "1";
        let address = address.unwrap().try_into().unwrap();
        (!is_first).then_some(Vote { address, power, signed: true }).into_iter().collect()
    };
    hex::encode_upper(common::replay(
        genesis,
        blocks.into_iter().map(|block| {
            let votes = signed(&block);
            (block, votes)
        }),
    ))
}

/// The outcomes under the dev engine, its blocks, and the hash after them. Its one validator has this key.
async fn on_dev(validator_seed: &str) -> (Vec<Value>, Vec<Value>, String) {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("validator.key");
    std::fs::write(&path, validator_seed).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let node = Node::start(home.path()).await;
    let mut outcomes = Vec::new();
    for tx in txs() {
        let sent = node.result("broadcast_tx_commit", json!({ "tx": base64(&tx) })).await;
        outcomes.push(outcome(&sent));
    }
    let mut blocks = Vec::new();
    for height in 1..=node.height().await {
        blocks.push(node.result("block", json!({ "height": height.to_string() })).await);
    }
    node.stop().await.unwrap();
    let stored = BlockStore::open(&home.path().join("blocks.db")).unwrap();
    let newest = stored.get(blocks.len() as u64).unwrap().unwrap();
    (outcomes, blocks, hex::encode_upper(&newest.results.unwrap().app_hash))
}

async fn commit(comet: &Comet, tx: &[u8]) -> Value {
    let committed = comet.result("broadcast_tx_commit", json!({ "tx": base64(tx) })).await;
    outcome(&committed)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds and runs CometBFT"]
async fn the_same_transactions_give_the_same_state_under_both_engines() {
    let mut comet = Comet::new(&[]);
    let genesis = comet.genesis();
    let (expected, blocks, hash) = on_dev(&comet.validator_seed()).await;
    assert_eq!(expected[2]["code"], 5, "{expected:?}");
    assert_eq!(hash, replay(&genesis, blocks), "blocks of the dev engine");
    comet.start().await;
    let mut seen = Vec::new();
    let all = txs();
    for (index, tx) in all.iter().enumerate() {
        if index == 3 {
            // CometBFT restarts and shakes hands with the application that lived on.
            comet.kill_engine();
            comet.start_engine();
            comet.wait_ready().await;
        }
        seen.push(commit(&comet, tx).await);
    }
    assert_eq!(seen, expected);
    let info = comet.result("abci_info", json!({})).await["response"].take();
    let hash = {
        let text = info["last_block_app_hash"].as_str().unwrap();
        hex::encode_upper(base64::engine::general_purpose::STANDARD.decode(text).unwrap())
    };
    let height = number(&info["last_block_height"]);
    assert!(height >= all.len() as u64);
    let mut blocks = Vec::new();
    for height in 1..=height {
        blocks.push(comet.result("block", json!({ "height": height.to_string() })).await);
    }
    // Block times are rows of the state by way of inflation, so it is the blocks that must be the same.
    assert_eq!(hash, replay(&genesis, blocks), "blocks of CometBFT");

    // The index and the queries serve under CometBFT as well.
    let client = dadbs_client::Client::connect(&format!("http://{}", comet.grpc)).await.unwrap();
    assert_eq!(client.balance(TO).await.unwrap(), 26);
    assert_eq!(client.status().await.unwrap().engine, "cometbft");
    let found = client.find(&dadbs_client::tx::hash(&all[0])).await.unwrap();
    assert_eq!(found.unwrap().code, 0);
    assert!(client.trust().await.unwrap().height >= all.len() as u64);
    let sent = client.broadcast(send_tx(ALICE, 4, TO, 1)).await.unwrap();
    assert_eq!(client.wait(&sent, Duration::from_secs(20)).await.unwrap().response.code, 0);
}

/// Every committed transaction is in the index once, and the facade answers what CometBFT answers.
async fn check_index(comet: &Comet) -> u64 {
    let status = comet.result("status", json!({})).await;
    assert_eq!(status["node_info"]["other"]["tx_index"], "on");
    let newest = number(&status["sync_info"]["latest_block_height"]);
    let started = Instant::now();
    loop {
        let found = comet.result("tx_search", json!({ "query": "tx.height>0" })).await;
        if found["total_count"] == json!(count(comet, newest).await.to_string()) {
            break;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{}", comet.logs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    for height in 1..=newest {
        let at = json!({ "height": height.to_string() });
        let block = comet.direct("block", at.clone()).await;
        let ours = comet.result("block_results", at.clone()).await;
        let theirs = comet.direct("block_results", at).await;
        for field in ["height", "txs_results", "app_hash"] {
            assert_eq!(normal(&ours[field]), normal(&theirs[field]), "block {height}, {field}");
        }
        let query = json!({ "query": format!("tx.height={height}"), "per_page": "100" });
        let found = comet.result("tx_search", query).await;
        let found = found["txs"].as_array().unwrap().iter().map(|tx| tx["tx"].clone());
        assert_eq!(found.collect::<Value>(), block["block"]["data"]["txs"], "block {height}");
    }
    newest
}

/// CometBFT leaves out what is empty.
fn normal(value: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let kept = fields.iter().filter(|(_, value)| {
                ![Value::Null, json!(""), json!([]), json!(0)].contains(value)
            });
            kept.map(|(name, value)| (name.clone(), normal(value))).collect()
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        value => value.clone(),
    }
}

async fn count(comet: &Comet, newest: u64) -> usize {
    let mut count = 0;
    for height in 1..=newest {
        let block = comet.direct("block", json!({ "height": height.to_string() })).await;
        count += block["block"]["data"]["txs"].as_array().unwrap().len();
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds and runs CometBFT"]
async fn the_index_misses_nothing_whatever_is_killed() {
    let mut comet = Comet::new(&[]);
    comet.start().await;
    let mut sequence = 0;
    for round in 0..8 {
        for _ in 0..40 {
            let tx = json!({ "tx": base64(&send_tx(ALICE, sequence, TO, 1)) });
            let sent = comet::rpc(comet.facade, "broadcast_tx_sync", tx).await;
            // CometBFT may still replay a block of its log, with this transaction in it.
            let known = sent["error"]["data"] == "tx already exists in cache";
            assert!(known || [json!(0), json!(32)].contains(&sent["result"]["code"]), "{sent}");
            sequence += 1;
        }
        tokio::time::sleep(Duration::from_millis(15 * round)).await;
        match round % 3 {
            0 => comet.kill_node(),
            1 => comet.kill_engine(),
            _ => {}
        }
        comet.kill_node();
        comet.kill_engine();
        if round == 4 {
            for name in ["index.db", "index.db-wal", "index.db-shm"] {
                drop(std::fs::remove_file(comet.home().join(name)));
            }
        }
        comet.start().await;
        // What waited in the mempool is gone with CometBFT.
        let address = key(ALICE).address();
        let client =
            dadbs_client::Client::connect(&format!("http://{}", comet.grpc)).await.unwrap();
        sequence = client.account(address).await.unwrap().sequence;
    }
    let newest = check_index(&comet).await;
    println!("{newest} blocks, {sequence} transactions, 8 kills");
    assert!(sequence > 40, "{sequence}");
}

async fn app_hash(comet: &Comet) -> (Value, Value) {
    let info = comet.result("abci_info", json!({})).await["response"].take();
    (info["last_block_height"].clone(), info["last_block_app_hash"].clone())
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    drop(std::fs::remove_dir_all(to));
    assert!(
        std::process::Command::new("cp").arg("-a").args([from, to]).status().unwrap().success()
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds and runs CometBFT"]
async fn a_lost_home_is_replayed_into_the_same_hash() {
    let mut comet = Comet::new(&[]);
    comet.start().await;
    for sequence in 0..12 {
        assert_eq!(commit(&comet, &send_tx(ALICE, sequence, TO, 1)).await["code"], 0);
    }
    // A few heights are lost: the home of an earlier time comes back.
    comet.kill_node();
    comet.kill_engine();
    let earlier = comet.dir.path().join("earlier");
    copy(&comet.home(), &earlier);
    comet.start().await;
    for sequence in 12..20 {
        assert_eq!(commit(&comet, &send_tx(ALICE, sequence, TO, 1)).await["code"], 0);
    }
    // The proof block follows.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = app_hash(&comet).await;
    comet.kill_node();
    comet.kill_engine();
    copy(&earlier, &comet.home());
    comet.start().await;
    assert_eq!(app_hash(&comet).await, before);
    check_index(&comet).await;
    // All of it is lost; CometBFT's blocks are kept.
    comet.kill_node();
    comet.kill_engine();
    std::fs::remove_dir_all(comet.home()).unwrap();
    comet.start().await;
    assert_eq!(app_hash(&comet).await, before);
    let newest = check_index(&comet).await;
    println!("{newest} blocks replayed into {}", before.1);
    assert_eq!(commit(&comet, &send_tx(ALICE, 20, TO, 1)).await["code"], 0);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds and runs CometBFT"]
async fn health_follows_cometbft() {
    let mut comet = Comet::new(&[]);
    comet.start().await;
    let healthz = |addr| async move {
        let request = b"GET /healthz HTTP/1.0\r\nHost: x\r\n\r\n";
        serde_json::from_str::<Value>(&common::http(addr, request).await).unwrap()
    };
    let started = Instant::now();
    while healthz(comet.facade).await["serves"] != true {
        assert!(started.elapsed() < Duration::from_secs(20), "{}", comet.logs());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    comet.kill_engine();
    let started = Instant::now();
    let why = loop {
        let state = healthz(comet.facade).await;
        if state["serves"] == false {
            break state["why"].clone();
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{state}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(why.as_str().unwrap().contains("CometBFT's RPC"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: runs npm, cosmrs and CometBFT"]
async fn real_clients_work_in_front_of_cometbft() {
    let mut comet = Comet::new(&[common::clients::account()]);
    comet.start().await;
    let url = format!("http://{}", comet.facade);
    common::clients::cosmjs(url.clone(), TO).await;
    let mut other = Comet::new(&[common::clients::account()]);
    other.start().await;
    common::clients::cosmrs(format!("http://{}", other.facade), TO).await;
    // The block and transaction queries, as gRPC clients ask them.
    let grpc = comet.grpc.to_string();
    let call = |method: &'static str, data: &'static str| {
        let grpc = grpc.clone();
        async move {
            let text = common::clients::grpcurl(&["-d", data, &grpc, method]).await;
            serde_json::from_str::<Value>(&text).unwrap()
        }
    };
    let latest = call("cosmos.base.tendermint.v1beta1.Service/GetLatestBlock", "{}").await;
    assert!(number(&latest["block"]["header"]["height"]) > 3, "{latest}");
    let at = r#"{"height": 2}"#;
    let block = call("cosmos.base.tendermint.v1beta1.Service/GetBlockByHeight", at).await;
    let with_txs = call("cosmos.tx.v1beta1.Service/GetBlockWithTxs", at).await;
    assert_eq!(with_txs["block"], block["block"]);
    assert_eq!(with_txs["block"]["header"]["height"], "2");
    assert_eq!(
        with_txs["txs"].as_array().map_or(0, Vec::len),
        block["block"]["data"]["txs"].as_array().map_or(0, Vec::len)
    );
    let info = call("cosmos.base.tendermint.v1beta1.Service/GetNodeInfo", "{}").await;
    assert_eq!(info["defaultNodeInfo"]["version"], "0.38.25", "{info}");
    let set = call("cosmos.base.tendermint.v1beta1.Service/GetLatestValidatorSet", "{}").await;
    assert_eq!(set["validators"].as_array().unwrap().len(), 1, "{set}");
    let syncing = call("cosmos.base.tendermint.v1beta1.Service/GetSyncing", "{}").await;
    assert_ne!(syncing["syncing"], true);
    let health = call("grpc.health.v1.Health/Check", "{}").await;
    assert_eq!(health["status"], "SERVING");
}

/// The messages of a websocket that subscribed to blocks and transactions, until a transaction was told.
async fn told(
    addr: std::net::SocketAddr,
    subscribed: tokio::sync::oneshot::Sender<()>,
) -> Vec<Value> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
    let head = "GET /websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        answer.push(stream.read_u8().await.unwrap());
    }
    assert!(answer.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&answer));
    for (id, query) in
        [(1, "tm.event='NewBlock'"), (2, "tm.event='Tx'"), (3, "tm.event='NewBlockHeader'")]
    {
        let params = json!({ "query": query });
        let text = json!({ "jsonrpc": "2.0", "id": id, "method": "subscribe", "params": params })
            .to_string();
        // A text frame with a mask of zeros.
        let mut frame = vec![0x81, 0x80 | 0x7e];
        frame.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        stream.write_all(&frame).await.unwrap();
    }
    let (mut found, mut subscribed) = (Vec::new(), Some(subscribed));
    loop {
        let (kind, length) =
            (stream.read_u8().await.unwrap() & 0xf, stream.read_u8().await.unwrap());
        let length = match length {
            126 => u64::from(stream.read_u16().await.unwrap()),
            127 => stream.read_u64().await.unwrap(),
            length => u64::from(length),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        stream.read_exact(&mut payload).await.unwrap();
        if kind != 1 {
            continue;
        }
        let message: Value = serde_json::from_slice(&payload).unwrap();
        if message["result"] == json!({}) {
            found.push(message);
            if found.len() == 3
                && let Some(subscribed) = subscribed.take()
            {
                subscribed.send(()).unwrap();
            }
            continue;
        }
        found.push(message);
        // The three subscriptions, and the three events of the transaction's block.
        if found.iter().any(|message| message["id"] == 2 && message["result"] != json!({}))
            && found.len() >= 6
        {
            found.truncate(6);
            found.sort_by_key(|message| (message["result"] != json!({}), message["id"].as_u64()));
            return found;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds and runs CometBFT"]
async fn a_websocket_tells_what_cometbft_tells() {
    let mut comet = Comet::new(&[]);
    comet.start().await;
    // The first blocks are over.
    assert_eq!(commit(&comet, &send_tx(ALICE, 0, TO, 1)).await["code"], 0);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let mut tellers = Vec::new();
    for addr in [comet.facade, comet.rpc_addr] {
        let (subscribed, is_subscribed) = tokio::sync::oneshot::channel();
        tellers.push(tokio::spawn(told(addr, subscribed)));
        is_subscribed.await.unwrap();
    }
    assert_eq!(commit(&comet, &send_tx(ALICE, 1, TO, 1)).await["code"], 0);
    let mut seen = Vec::new();
    for teller in tellers {
        let told = tokio::time::timeout(Duration::from_secs(20), teller).await.unwrap().unwrap();
        seen.push(normal(&Value::Array(told)));
    }
    assert_eq!(seen[0], seen[1]);
}
