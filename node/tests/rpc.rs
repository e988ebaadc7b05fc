//! The CometBFT RPC facade: shapes, both forms of a request, refusals.

mod common;

use common::{ALICE, Node, base64, key, number, send_tx};
use dadbs_types::AccountAddress;
use serde_json::{Value, json};

const TO: AccountAddress = AccountAddress([9; 20]);

/// The shape of a value: types instead of values, lists by their first element.
fn shape(value: &Value) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(_) => json!("number"),
        Value::String(text) if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) => {
            json!("\"number\"")
        }
        Value::String(text) if [40, 64].contains(&text.len()) && hex::decode(text).is_ok() => {
            json!("HEX")
        }
        Value::String(_) => json!("text"),
        Value::Array(items) => items.iter().take(1).map(shape).collect(),
        Value::Object(fields) => fields.iter().map(|(k, v)| (k.clone(), shape(v))).collect(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_1_the_shapes_are_cometbfts() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let sent = node.send(ALICE, 0, TO, 7).await;
    assert_eq!(sent["tx_result"]["code"], 0, "{sent}");
    while node.height().await < 3 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let mut shapes = serde_json::Map::new();
    let hash = base64(&hex::decode(sent["hash"].as_str().unwrap()).unwrap());
    for (method, params) in [
        ("status", json!({})),
        ("health", json!({})),
        ("net_info", json!({})),
        ("abci_info", json!({})),
        ("block", json!({ "height": "3" })),
        ("block_results", json!({ "height": "2" })),
        ("blockchain", json!({ "minHeight": "3", "maxHeight": "3" })),
        ("commit", json!({ "height": "2" })),
        ("consensus_params", json!({})),
        ("header", json!({ "height": "2" })),
        ("num_unconfirmed_txs", json!({})),
        ("tx", json!({ "hash": hash })),
        ("tx_search", json!({ "query": "tx.height=2", "page": "1", "per_page": "5" })),
        ("validators", json!({ "height": "2" })),
    ] {
        shapes.insert(method.into(), shape(&node.result(method, params).await));
    }
    node.stop().await.unwrap();
    let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/rpc_shapes.json");
    let shapes = format!("{:#}\n", Value::Object(shapes));
    if std::env::var_os("DADBS_UPDATE_GOLDEN").is_some() {
        std::fs::write(golden, &shapes).unwrap();
    }
    assert_eq!(shapes, std::fs::read_to_string(golden).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_2_both_forms_answer_alike() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let tx = send_tx(ALICE, 0, TO, 7);
    let sent = node.get(&format!("/broadcast_tx_commit?tx=0x{}", hex::encode(&tx))).await;
    assert_eq!(sent["result"]["tx_result"]["code"], 0, "{sent}");
    let hash = sent["result"]["hash"].as_str().unwrap().to_string();
    let by_uri = node.get(&format!("/tx?hash=0x{hash}")).await;
    let by_post = node.rpc("tx", json!({ "hash": base64(&hex::decode(&hash).unwrap()) })).await;
    assert_eq!(by_uri["result"], by_post["result"]);
    assert_eq!(by_uri["result"]["hash"], json!(hash));
    assert_eq!(by_uri["result"]["tx"], json!(base64(&tx)));
    let by_position = node.rpc("block", json!(["1"])).await;
    let by_uri = node.get("/block?height=1").await;
    assert_eq!(by_uri["result"], by_position["result"]);
    let sender = key(ALICE).address();
    let query = format!("%22message.sender%3D%27{sender}%27%22");
    let found = node.get(&format!("/tx_search?query={query}")).await;
    assert_eq!(found["result"]["total_count"], "1", "{found}");

    let batch = r#"[{"id":1,"method":"health"},{"id":2,"method":"nothing"},{"id":3}]"#;
    let answers = node.post(batch).await;
    assert_eq!(answers[0], json!({ "jsonrpc": "2.0", "id": 1, "result": {} }));
    assert_eq!(answers[1]["error"]["code"], -32601);
    assert_eq!(answers[2]["error"]["code"], -32600);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_transaction_is_known_and_enters_the_next_block() {
    use dadbs_proto::dadbs::dev::v1::AdvanceBlocksRequest;
    use dadbs_proto::dadbs::dev::v1::dev_client::DevClient;
    let home = tempfile::tempdir().unwrap();
    let mut config = common::config(home.path());
    config.block_time = Some(std::time::Duration::from_hours(1));
    let node = Node::with(config).await.unwrap();
    let tx = json!({ "tx": base64(&send_tx(ALICE, 0, TO, 7)) });
    assert_eq!(node.result("broadcast_tx_sync", tx.clone()).await["code"], 0);
    let again = node.rpc("broadcast_tx_sync", tx).await["error"].take();
    assert_eq!(again["data"], "tx already exists in cache");
    assert_eq!(node.result("num_unconfirmed_txs", json!({})).await["n_txs"], "1");
    let mut dev = DevClient::connect(node.grpc_url()).await.unwrap();
    dev.advance_blocks(AdvanceBlocksRequest { blocks: 1 }).await.unwrap();
    assert_eq!(node.result("num_unconfirmed_txs", json!({})).await["n_txs"], "0");
    let found = node.get("/tx_search?query=%22tx.height=2%22").await;
    assert_eq!(found["result"]["total_count"], "1", "{found}");
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_why() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    for (method, params, code, text) in [
        ("block", json!({ "height": "99" }), -32603, "current blockchain height 1"),
        ("block", json!({ "height": "x" }), -32602, "whole number"),
        ("tx", json!({ "hash": base64(&[0; 32]) }), -32603, "not found"),
        ("tx", json!({ "hash": "AA==" }), -32602, "32 bytes"),
        ("tx_search", json!({ "query": "" }), -32602, "empty"),
        ("tx_search", json!({ "query": "a CONTAINS 'b'" }), -32602, "only ="),
        ("tx_search", json!({ "query": "tx.height=1", "page": "9" }), -32603, "page should be"),
        ("broadcast_tx_sync", json!({}), -32602, "missing"),
        ("broadcast_tx_sync", json!({ "tx": "!" }), -32602, "base64"),
        ("nothing", json!({}), -32601, "not served"),
    ] {
        let error = node.rpc(method, params).await["error"].take();
        assert_eq!(error["code"], code, "{method}: {error}");
        assert!(error["data"].as_str().unwrap().contains(text), "{method}: {error}");
    }
    assert_eq!(node.post("{").await["error"]["code"], -32700);
    let many = vec![json!({ "id": 1, "method": "health" }); 33];
    assert_eq!(node.post(&json!(many).to_string()).await["error"]["code"], -32600);
    let refused = node.result("broadcast_tx_sync", json!({ "tx": base64(&[1, 2, 3]) })).await;
    assert_eq!((&refused["code"], &refused["codespace"]), (&json!(2), &json!("sdk")));
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn abci_query_answers_as_cosmjs_expects() {
    use dadbs_proto::cosmos::auth::v1beta1::QueryAccountRequest;
    use prost::Message;
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let ask = |address: AccountAddress| {
        let data = QueryAccountRequest { address: address.to_string() }.encode_to_vec();
        json!({ "path": "/cosmos.auth.v1beta1.Query/Account", "data": hex::encode(data) })
    };
    let found = node.result("abci_query", ask(key(ALICE).address())).await["response"].take();
    assert_eq!(found["code"], 0, "{found}");
    assert!(number(&found["height"]) >= 1);
    let missing = node.result("abci_query", ask(TO)).await["response"].take();
    assert_ne!(missing["code"], 0);
    assert!(
        missing["log"].as_str().unwrap().starts_with("rpc error: code = NotFound"),
        "{missing}"
    );
    node.stop().await.unwrap();
}

async fn node_for_clients(home: &std::path::Path) -> Node {
    let mut config = common::config(home);
    let funds = dadbs_types::Amount(1_000_000_000);
    config.genesis.accounts.push((common::clients::account(), funds));
    Node::with(config).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: runs npm"]
async fn cosmjs_works() {
    let home = tempfile::tempdir().unwrap();
    let node = node_for_clients(home.path()).await;
    common::clients::cosmjs(format!("http://{}", node.ready.rpc_addr), TO).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: builds cosmrs"]
async fn cosmrs_works() {
    let home = tempfile::tempdir().unwrap();
    let node = node_for_clients(home.path()).await;
    common::clients::cosmrs(format!("http://{}", node.ready.rpc_addr), TO).await;
    node.stop().await.unwrap();
}
