//! The gRPC server over TCP: every method, reflection, limits, browsers.

mod common;

use common::{ALICE, Node, http, key, send_tx};
use dadbs::api;
use dadbs_proto::cosmos::auth::v1beta1::query_client::QueryClient as AuthClient;
use dadbs_proto::cosmos::auth::v1beta1::{BaseAccount, QueryAccountRequest};
use dadbs_proto::cosmos::tx::v1beta1::service_client::ServiceClient;
use dadbs_proto::cosmos::tx::v1beta1::{
    BroadcastMode, BroadcastTxRequest, GetTxRequest, GetTxsEventRequest, SimulateRequest,
};
use dadbs_proto::dadbs::dev::v1::FaucetRequest;
use dadbs_proto::dadbs::dev::v1::dev_client::DevClient;
use dadbs_proto::dadbs::node::v1::query_client::QueryClient as NodeClient;
use dadbs_proto::dadbs::node::v1::{LimitsRequest, StatusRequest, TrustRequest};
use dadbs_proto::dadbs::sql::v1::query_client::QueryClient as SqlClient;
use dadbs_proto::dadbs::sql::v1::{ProveRequest, Value, value};
use dadbs_types::AccountAddress;
use dadbs_verifier::{Time, Trust, TrustedValidators, verify};
use prost::Message;
use serde_json::json;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tonic::Code;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

const TO: AccountAddress = AccountAddress([9; 20]);

async fn channel(node: &Node) -> Channel {
    Channel::from_shared(node.grpc_url()).unwrap().connect().await.unwrap()
}

/// Calls a method with an empty request.
async fn call_empty(channel: Channel, path: &str) -> Result<Vec<u8>, tonic::Status> {
    let mut client = tonic::client::Grpc::new(channel);
    client.ready().await.unwrap();
    let codec = tonic_prost::ProstCodec::<(), ()>::default();
    let path: PathAndQuery = path.parse().unwrap();
    client.unary(tonic::Request::new(()), path, codec).await.map(|_| Vec::new())
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_1_every_method_is_routed_and_reflection_lists_exactly_them() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let channel = channel(&node).await;
    for path in api::paths() {
        if let Err(status) = call_empty(channel.clone(), &path).await {
            assert_ne!(status.code(), Code::Unimplemented, "{path}: {status}");
            assert_ne!(status.code(), Code::Internal, "{path}: {status}");
        }
    }
    let unknown = call_empty(channel.clone(), "/dadbs.sql.v1.Query/Nothing").await;
    assert_eq!(unknown.unwrap_err().code(), Code::Unimplemented);
    let msg = call_empty(channel.clone(), "/cosmos.bank.v1beta1.Msg/Send").await;
    assert_eq!(msg.unwrap_err().code(), Code::Unimplemented);

    let mut reflection = ServerReflectionClient::new(channel.clone());
    let request = ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let answers = reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap();
    let answer = answers.into_inner().message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(listed)) = answer else { panic!("{answer:?}") };
    let mut listed: Vec<_> = listed.service.into_iter().map(|service| service.name).collect();
    listed.retain(|name| !name.starts_with("grpc."));
    listed.sort();
    assert_eq!(listed, api::services());
    assert!(listed.len() >= 7, "{listed:?}");

    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
    assert_eq!(health.check(request).await.unwrap().into_inner().status, 1);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_go_in_and_are_found() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let channel = channel(&node).await;
    let mut txs = ServiceClient::new(channel.clone());
    let tx_bytes = send_tx(ALICE, 0, TO, 7);
    let simulated = txs
        .simulate(SimulateRequest { tx: None, tx_bytes: tx_bytes.clone() })
        .await
        .unwrap()
        .into_inner();
    assert!(simulated.gas_info.unwrap().gas_used > 0);
    let mode = BroadcastMode::Sync.into();
    let request = BroadcastTxRequest { tx_bytes: tx_bytes.clone(), mode };
    let sent = txs.broadcast_tx(request).await.unwrap().into_inner().tx_response.unwrap();
    assert_eq!(sent.code, 0, "{}", sent.raw_log);
    let hash = sent.txhash.clone();
    let found = loop {
        match txs.get_tx(GetTxRequest { hash: hash.clone() }).await {
            Ok(found) => break found.into_inner(),
            Err(status) => assert_eq!(status.code(), Code::NotFound, "{status}"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let response = found.tx_response.unwrap();
    assert_eq!((response.code, response.txhash.as_str()), (0, hash.as_str()));
    assert_eq!(response.tx.unwrap().value, tx_bytes);
    assert!(response.timestamp.ends_with('Z') && response.height >= 2);
    assert_eq!(found.tx.unwrap().encode_to_vec(), tx_bytes);
    let sender = key(ALICE).address().to_string();
    let query = format!("message.sender='{sender}' AND tx.height>=2");
    let request = GetTxsEventRequest { query, ..GetTxsEventRequest::default() };
    let events = txs.get_txs_event(request).await.unwrap().into_inner();
    assert_eq!((events.total, events.tx_responses.len()), (1, 1));

    let mode = BroadcastMode::Sync.into();
    let request = BroadcastTxRequest { tx_bytes: send_tx(ALICE, 0, TO, 8), mode };
    let refused = txs.broadcast_tx(request).await.unwrap().into_inner().tx_response.unwrap();
    assert_eq!((refused.code, refused.codespace.as_str()), (32, "sdk"), "{}", refused.raw_log);
    let missing = txs.get_tx(GetTxRequest { hash: "00".repeat(32) }).await.unwrap_err();
    assert_eq!(missing.code(), Code::NotFound);
    let bad = txs.get_tx(GetTxRequest { hash: "xyz".into() }).await.unwrap_err();
    assert_eq!(bad.code(), Code::InvalidArgument);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_faucet_gives_and_says_no() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let mut dev = DevClient::connect(node.grpc_url()).await.unwrap();
    for _ in 0..3 {
        let request = FaucetRequest { address: TO.to_string(), amount: 5 };
        let given = dev.faucet(request).await.unwrap().into_inner();
        assert_eq!(given.txhash.len(), 64);
    }
    let client = dadbs_client::Client::connect(&node.grpc_url()).await.unwrap();
    assert_eq!(client.balance(TO).await.unwrap(), 15);
    let request = FaucetRequest { address: "dadbs1nobody".into(), amount: 5 };
    assert_eq!(dev.faucet(request).await.unwrap_err().code(), Code::InvalidArgument);
    let request = FaucetRequest { address: TO.to_string(), amount: u64::MAX };
    assert_eq!(dev.faucet(request).await.unwrap_err().code(), Code::InvalidArgument);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_is_proved_against_a_signed_header() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    node.send(ALICE, 0, TO, 77).await;
    let channel = channel(&node).await;
    let mut sql = SqlClient::new(channel.clone());
    let text = |text: String| Value { value: Some(value::Value::Text(text)) };
    let answer = node.result("validators", json!({})).await;
    let info = answer["validators"][0].clone();
    let info = serde_json::from_value(info).unwrap();
    let set = tendermint::validator::Set::without_proposer(vec![info]);
    let trust = Trust {
        chain_id: common::CHAIN.into(),
        height: 0,
        time: Time::unix_epoch(),
        validators: TrustedValidators::of_set(set),
        trusting_period: Duration::from_hours(100 * 365 * 24),
        clock_drift: Duration::from_secs(10),
        age_max: None,
    };
    for (address, exists) in [(TO, true), (AccountAddress([8; 20]), false)] {
        let key = vec![text(address.to_string()), text("udadb".into())];
        let request = ProveRequest { database: String::new(), table: "balances".into(), key };
        let bundle = sql.prove(request).await.unwrap().into_inner().bundle;
        let verified = verify(&bundle, &trust, Time::now()).unwrap();
        assert_eq!(verified.row.is_some(), exists);
        assert_eq!(verified.table, "chain_balances");
        for at in (0..bundle.len()).step_by(7) {
            let mut forged = bundle.clone();
            forged[at] ^= 1;
            assert!(verify(&forged, &trust, Time::now()).is_err(), "byte {at}");
        }
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_tells_of_itself() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let channel = channel(&node).await;
    let mut query = NodeClient::new(channel.clone());
    let status = query.status(StatusRequest {}).await.unwrap().into_inner();
    assert_eq!((status.chain_id.as_str(), status.engine.as_str()), (common::CHAIN, "dev"));
    assert_eq!((status.height, status.app_hash.len()), (1, 32));
    assert_eq!(status.min_gas_price, "0.0025");
    let limits = query.limits(LimitsRequest {}).await.unwrap().into_inner().limits;
    assert_eq!(limits.len(), dadbs_types::limits::TABLE.len());
    let trust = query.trust(TrustRequest {}).await.unwrap().into_inner();
    assert_eq!((trust.height, trust.validators_hash.len()), (1, 32));
    let mut auth = AuthClient::new(channel);
    let request = QueryAccountRequest { address: key(ALICE).address().to_string() };
    let account = auth.account(request).await.unwrap().into_inner().account.unwrap();
    assert_eq!(account.type_url, "/cosmos.auth.v1beta1.BaseAccount");
    assert_eq!(BaseAccount::decode(&account.value[..]).unwrap().account_number, 1);
    let request = QueryAccountRequest { address: AccountAddress([77; 20]).to_string() };
    assert_eq!(auth.account(request).await.unwrap_err().code(), Code::NotFound);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_2_a_browser_may_call() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let head = "POST /dadbs.node.v1.Query/Status HTTP/1.1\r\nHost: x\r\nOrigin: http://a.example\r\n\
                Content-Type: application/grpc-web+proto\r\nX-Grpc-Web: 1\r\nContent-Length: 5\r\n\
                Connection: close\r\n\r\n";
    let mut request = head.as_bytes().to_vec();
    request.extend([0, 0, 0, 0, 0]);
    let mut stream = tokio::net::TcpStream::connect(node.ready.grpc_addr).await.unwrap();
    stream.write_all(&request).await.unwrap();
    let mut answer = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer).to_lowercase();
    assert!(answer.starts_with("http/1.1 200"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
    assert!(answer.contains("grpc-status:0"), "{answer}");
    assert!(answer.contains(common::CHAIN), "{answer}");
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_3_garbage_and_oversized_requests_do_not_end_the_node() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let mut seed = 0x9e37_79b9_7f4a_7c15u64;
    for addr in [node.ready.grpc_addr, node.ready.rpc_addr] {
        for _ in 0..30 {
            let mut noise = Vec::new();
            for _ in 0..300 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                noise.push(seed.to_le_bytes()[5]);
            }
            let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
            drop(stream.write_all(&noise).await);
        }
    }
    let mut txs = ServiceClient::new(channel(&node).await);
    let tx_bytes = vec![7; dadbs::grpc::REQUEST_BYTES_MAX + 1];
    let refused = txs.simulate(SimulateRequest { tx: None, tx_bytes }).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange, "{refused}");
    let tx_bytes = vec![7; dadbs_types::limits::TX_BYTES_MAX + 1];
    let request = BroadcastTxRequest { tx_bytes, mode: BroadcastMode::Sync.into() };
    let refused = txs.broadcast_tx(request).await.unwrap().into_inner().tx_response.unwrap();
    assert_ne!(refused.code, 0);
    let length = dadbs::rpc::BODY_BYTES_MAX + 1;
    let head = format!(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let mut request = head.into_bytes();
    request.resize(request.len() + 1000, b' ');
    drop(tokio::time::timeout(Duration::from_secs(2), http(node.ready.rpc_addr, &request)).await);
    assert_eq!(node.send(ALICE, 0, TO, 1).await["tx_result"]["code"], 0);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_is_bounded_and_slow_heads_are_cut_off() {
    use tokio::io::AsyncReadExt;
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    for addr in [node.ready.grpc_addr, node.ready.rpc_addr] {
        let mut slow = tokio::net::TcpStream::connect(addr).await.unwrap();
        slow.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nA: ").await.unwrap();
        let cut_off = tokio::spawn(async move {
            let mut answer = Vec::new();
            let began = std::time::Instant::now();
            // A byte now and then does not help.
            while slow.write_all(b"a").await.is_ok() {
                let read = slow.read_buf(&mut answer);
                let read = tokio::time::timeout(Duration::from_millis(500), read).await;
                if let Ok(Ok(0) | Err(_)) = read {
                    break;
                }
            }
            began.elapsed()
        });
        let mut held = Vec::new();
        let mut closed = 0;
        for _ in 0..dadbs::http::CONNECTIONS_MAX + 20 {
            held.push(tokio::net::TcpStream::connect(addr).await.unwrap());
        }
        for stream in &mut held {
            let read = tokio::time::timeout(Duration::from_millis(1), stream.read(&mut [0])).await;
            closed += usize::from(matches!(read, Ok(Ok(0) | Err(_))));
        }
        assert!((20..=60).contains(&closed), "{closed} closed");
        drop(held);
        let took = cut_off.await.unwrap();
        assert!(took < dadbs::http::HEAD_TIMEOUT * 2, "{took:?}");
    }
    assert_eq!(node.send(ALICE, 0, TO, 1).await["tx_result"]["code"], 0);
    channel(&node).await;
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn blocks_and_validators_answer_as_cosmos_clients_ask() {
    use dadbs_proto::cosmos::base::tendermint::v1beta1::service_client::ServiceClient as Blocks;
    use dadbs_proto::cosmos::base::tendermint::v1beta1::{
        GetBlockByHeightRequest, GetLatestBlockRequest, GetLatestValidatorSetRequest,
        GetNodeInfoRequest, GetSyncingRequest,
    };
    use dadbs_proto::cosmos::tx::v1beta1::GetBlockWithTxsRequest;
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let sent = node.send(ALICE, 0, TO, 7).await;
    let height: i64 = sent["height"].as_str().unwrap().parse().unwrap();
    let channel = channel(&node).await;
    let mut blocks = Blocks::new(channel.clone());
    let latest = blocks.get_latest_block(GetLatestBlockRequest {}).await.unwrap().into_inner();
    assert!(latest.block.unwrap().header.unwrap().height >= height);
    let request = GetBlockByHeightRequest { height };
    let found = blocks.get_block_by_height(request).await.unwrap().into_inner();
    let block = found.block.unwrap();
    let at = node.result("block", json!({ "height": height.to_string() })).await;
    let hash = hex::encode_upper(found.block_id.unwrap().hash);
    assert_eq!(at["block_id"]["hash"], json!(hash));
    assert_eq!(block.data.as_ref().unwrap().txs, [send_tx(ALICE, 0, TO, 7)]);
    let request = GetBlockWithTxsRequest { height, pagination: None };
    let with_txs = ServiceClient::new(channel).get_block_with_txs(request).await.unwrap();
    let with_txs = with_txs.into_inner();
    assert_eq!(with_txs.block.unwrap(), block);
    assert_eq!(with_txs.txs[0].encode_to_vec(), send_tx(ALICE, 0, TO, 7));
    let info = blocks.get_node_info(GetNodeInfoRequest {}).await.unwrap().into_inner();
    assert_eq!(info.default_node_info.unwrap().network, common::CHAIN);
    assert!(!blocks.get_syncing(GetSyncingRequest {}).await.unwrap().into_inner().syncing);
    let request = GetLatestValidatorSetRequest { pagination: None };
    let set = blocks.get_latest_validator_set(request).await.unwrap().into_inner();
    assert_eq!((set.validators.len(), set.pagination.unwrap().total), (1, 1));
    for (height, code) in [(0, Code::InvalidArgument), (99, Code::NotFound)] {
        let request = GetBlockByHeightRequest { height };
        assert_eq!(blocks.get_block_by_height(request).await.unwrap_err().code(), code);
    }
    let healthz = node.get("/healthz").await;
    assert_eq!(healthz["serves"], true, "{healthz}");
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: installs and runs Chromium"]
async fn rule_2_a_page_in_a_browser_calls_and_sees_why_it_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let url = format!("http://{}", node.ready.grpc_addr);
    let address = common::key(ALICE).address().to_string();
    let shown = common::clients::browser(url, address).await;
    assert!(shown.contains("balance: 1000000000000 udadb\n"), "{shown}");
    assert!(shown.contains("refused: status 3: \"nobody\" is not an address"), "{shown}");
    node.stop().await.unwrap();
}
