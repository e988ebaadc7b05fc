//! The embedded engine: blocks, restarts, replay, signed headers.

mod common;

use common::{ALICE, BOB, Node, config, http, key, number, send_tx};
use dadbs::NodeError;
use dadbs::engine::dev::blocks::{BlockStore, StoredBlock};
use dadbs_types::AccountAddress;
use serde_json::json;
use std::path::Path;
use std::time::{Duration, Instant};
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator;
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::types::{
    TrustThreshold, TrustedBlockState, UntrustedBlockState,
};
use tendermint_light_client_verifier::{ProdVerifier, Verdict, Verifier};

const TO: AccountAddress = AccountAddress([9; 20]);

fn stored(home: &Path) -> Vec<StoredBlock> {
    let blocks = BlockStore::open(&home.join("blocks.db")).unwrap();
    (1..=blocks.newest().unwrap()).map(|height| blocks.get(height).unwrap().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_5_the_first_block_comes_within_a_second() {
    let home = tempfile::tempdir().unwrap();
    let started = Instant::now();
    let node = Node::start(home.path()).await;
    assert_eq!((node.ready.height, node.ready.resumed), (1, false));
    // The dev profile compiles the stock contract slowly; an idle machine needs far less.
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_2_a_proof_block_follows_and_then_the_chain_rests() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    assert_eq!(node.height().await, 1);
    let sent = node.send(ALICE, 0, TO, 5).await;
    assert_eq!(sent["tx_result"]["code"], 0, "{sent}");
    assert_eq!(number(&sent["height"]), 2);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(node.height().await, 3, "one empty block and no more");
    node.stop().await.unwrap();
    let blocks = stored(home.path());
    let results = blocks[1].results.as_ref().unwrap();
    assert_eq!(blocks[2].header.app_hash.as_bytes(), &results.app_hash[..]);
    assert_ne!(blocks[1].header.app_hash, blocks[2].header.app_hash);
    assert!(blocks[2].txs.is_empty());
    assert_eq!(blocks[2].results.as_ref().unwrap().app_hash, results.app_hash);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_commits_satisfy_the_light_client() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    for sequence in 0..3 {
        node.send(ALICE, sequence, TO, 1).await;
    }
    let answer = node.result("validators", json!({ "height": "1" })).await;
    let info = answer["validators"][0].clone();
    let info: validator::Info = serde_json::from_value(info).unwrap();
    let set = validator::Set::without_proposer(vec![info]);
    node.stop().await.unwrap();
    let blocks = stored(home.path());
    assert!(blocks.len() >= 5);
    let options = Options {
        trust_threshold: TrustThreshold::TWO_THIRDS,
        trusting_period: Duration::from_secs(1_000_000),
        clock_drift: Duration::from_secs(10),
    };
    let signed = |block: &StoredBlock| {
        SignedHeader::new(block.header.clone(), block.commit.clone()).unwrap()
    };
    let verify = |trusted: &StoredBlock, next: &SignedHeader| {
        ProdVerifier::default().verify_update_header(
            UntrustedBlockState {
                signed_header: next,
                validators: &set,
                next_validators: Some(&set),
            },
            TrustedBlockState {
                chain_id: &trusted.header.chain_id,
                header_time: trusted.header.time,
                height: trusted.header.height,
                next_validators: &set,
                next_validators_hash: trusted.header.next_validators_hash,
            },
            &options,
            tendermint::Time::now(),
        )
    };
    for pair in blocks.windows(2) {
        assert_eq!(verify(&pair[0], &signed(&pair[1])), Verdict::Success);
        assert_eq!(pair[1].header.last_block_id, Some(pair[0].id));
        assert_eq!(pair[1].last_commit, pair[0].commit);
    }
    assert_eq!(verify(&blocks[0], &signed(&blocks[4])), Verdict::Success, "skipping");
    let mut forged = blocks[1].clone();
    forged.header.app_hash = vec![1; 32].try_into().unwrap();
    assert!(matches!(verify(&blocks[0], &signed(&forged)), Verdict::Invalid(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_continues_and_lost_files_are_made_again() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let sent = node.send(ALICE, 0, TO, 5).await;
    let hash = sent["hash"].as_str().unwrap().to_string();
    node.stop().await.unwrap();
    let before = stored(home.path());

    let node = Node::start(home.path()).await;
    assert!(node.ready.resumed);
    assert_eq!(node.ready.height, before.len() as u64, "no block without a reason");
    assert_eq!(number(&node.send(ALICE, 1, TO, 5).await["height"]), before.len() as u64 + 1);
    node.stop().await.unwrap();
    let hashes: Vec<_> = stored(home.path()).into_iter().map(|block| block.id.hash).collect();

    // Rule 4: the application is behind the block store, and the index is gone.
    std::fs::remove_dir_all(home.path().join("app")).unwrap();
    for name in ["index.db", "index.db-wal", "index.db-shm"] {
        drop(std::fs::remove_file(home.path().join(name)));
    }
    let node = Node::start(home.path()).await;
    let found = node.get(&format!("/tx?hash=0x{hash}")).await;
    assert_eq!(number(&found["result"]["height"]), 2, "{found}");
    node.send(ALICE, 2, TO, 5).await;
    node.stop().await.unwrap();
    let after: Vec<_> = stored(home.path()).into_iter().map(|block| block.id.hash).collect();
    assert_eq!(after[..hashes.len()], hashes[..]);
    assert!(after.len() > hashes.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_ahead_of_the_blocks_is_a_fault() {
    let home = tempfile::tempdir().unwrap();
    Node::start(home.path()).await.stop().await.unwrap();
    for name in ["blocks.db", "blocks.db-wal", "blocks.db-shm"] {
        drop(std::fs::remove_file(home.path().join(name)));
    }
    let error = Node::with(config(home.path())).await.err().unwrap();
    assert!(error.to_string().contains("blocks.db was removed"), "{error}");
    assert_eq!(error.exit() as u8, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_home_belongs_to_one_process_and_one_chain() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let error = Node::with(config(home.path())).await.err().unwrap();
    assert!(matches!(error, NodeError::Locked { .. }), "{error}");
    let mut taken = config(home.path());
    taken.grpc_addr = node.ready.grpc_addr;
    let error = Node::with(taken).await.err().unwrap();
    assert!(error.to_string().contains("--grpc-addr"), "{error}");
    assert!(error.to_string().contains(&node.ready.grpc_addr.port().to_string()), "{error}");
    assert_eq!(error.exit() as u8, 6);
    node.stop().await.unwrap();

    let mut other = config(home.path());
    other.genesis.chain_id = "other-1".into();
    let error = Node::with(other).await.err().unwrap();
    assert!(matches!(error, NodeError::OtherChain { .. }), "{error}");
    let error = Node::with(config(Path::new("/proc/nowhere"))).await.err().unwrap();
    assert!(error.to_string().contains("--home"), "{error}");
    assert_eq!(error.exit() as u8, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    Node::start(home.path()).await.stop().await.unwrap();
    let mode = std::fs::metadata(home.path().join("validator.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_senders_order_is_kept() {
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let mut hashes = Vec::new();
    for sequence in 0..15 {
        for sender in [ALICE, BOB] {
            let tx = common::base64(&send_tx(sender, sequence, TO, 1));
            let sent = node.result("broadcast_tx_sync", json!({ "tx": tx })).await;
            assert_eq!(sent["code"], 0, "{sent}");
            hashes.push(sent["hash"].as_str().unwrap().to_string());
        }
    }
    let gap = common::base64(&send_tx(ALICE, 99, TO, 1));
    let refused = node.result("broadcast_tx_sync", json!({ "tx": gap })).await;
    assert_eq!((&refused["code"], &refused["codespace"]), (&json!(32), &json!("sdk")));
    for hash in &hashes {
        let found = loop {
            let found = node.get(&format!("/tx?hash=0x{hash}")).await;
            if found.get("result").is_some() {
                break found;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        assert_eq!(found["result"]["tx_result"]["code"], 0, "{found}");
    }
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_3_blocks_and_time_advance_on_demand() {
    use dadbs_proto::dadbs::dev::v1::dev_client::DevClient;
    use dadbs_proto::dadbs::dev::v1::{AdvanceBlocksRequest, AdvanceTimeRequest};
    let home = tempfile::tempdir().unwrap();
    let node = Node::start(home.path()).await;
    let mut dev = DevClient::connect(node.grpc_url()).await.unwrap();
    let first = dev.advance_blocks(AdvanceBlocksRequest { blocks: 5 }).await.unwrap().into_inner();
    assert_eq!(first.height, 6);
    let day = AdvanceTimeRequest { seconds: 86_400 };
    let second = dev.advance_time(day).await.unwrap().into_inner();
    assert_eq!(second.height, 7);
    assert!(second.time_ns - first.time_ns >= 86_400_000_000_000);
    let refused = dev.advance_blocks(AdvanceBlocksRequest { blocks: 1 << 40 }).await;
    assert_eq!(refused.unwrap_err().code(), tonic::Code::InvalidArgument);
    node.stop().await.unwrap();
    let node = Node::start(home.path()).await;
    let mut dev = DevClient::connect(node.grpc_url()).await.unwrap();
    let third = dev.advance_blocks(AdvanceBlocksRequest { blocks: 1 }).await.unwrap().into_inner();
    assert!(third.time_ns - second.time_ns < 3_600_000_000_000, "time goes on from there");
    assert!(third.time_ns > second.time_ns);
    node.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_1_an_interval_makes_blocks_without_transactions() {
    let home = tempfile::tempdir().unwrap();
    let mut ticking = config(home.path());
    ticking.block_time = Some(Duration::from_millis(50));
    let node = Node::with(ticking).await.unwrap();
    while node.height().await < 5 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(node.send(ALICE, 0, TO, 5).await["tx_result"]["code"], 0);
    node.stop().await.unwrap();
}

/// Run by `a_killed_node_continues` as a process of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "slow: the child process of another test"]
async fn child_node() {
    let Ok(home) = std::env::var("DADBS_TEST_CHILD_HOME") else { return };
    let node = Node::start(Path::new(&home)).await;
    std::fs::write(Path::new(&home).join("rpc_addr.tmp"), node.ready.rpc_addr.to_string()).unwrap();
    std::fs::rename(Path::new(&home).join("rpc_addr.tmp"), Path::new(&home).join("rpc_addr"))
        .unwrap();
    std::future::pending::<()>().await;
}

struct Child {
    process: std::process::Child,
    rpc_addr: std::net::SocketAddr,
}

async fn spawn_child(home: &Path) -> Child {
    drop(std::fs::remove_file(home.join("rpc_addr")));
    let process = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_node", "--ignored", "--nocapture"])
        .env("DADBS_TEST_CHILD_HOME", home)
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let started = Instant::now();
    let rpc_addr = loop {
        if let Ok(text) = std::fs::read_to_string(home.join("rpc_addr")) {
            break text.parse().unwrap();
        }
        assert!(started.elapsed() < Duration::from_mins(1), "the child does not start");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    Child { process, rpc_addr }
}

async fn submit_async(addr: std::net::SocketAddr, tx: &[u8]) {
    let path = format!("/broadcast_tx_sync?tx=0x{}", hex::encode(tx));
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    drop(http(addr, request.as_bytes()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_4_a_killed_node_continues() {
    let home = tempfile::tempdir().unwrap();
    let mut sequence = 0;
    for round in 0..8u64 {
        let mut child = spawn_child(home.path()).await;
        for _ in 0..6 {
            submit_async(child.rpc_addr, &send_tx(ALICE, sequence, TO, 1)).await;
            sequence += 1;
        }
        tokio::time::sleep(Duration::from_millis(7 * round)).await;
        child.process.kill().unwrap();
        child.process.wait().unwrap();
        // What waited in the mempool is lost; go on from the chain's sequence.
        let blocks = stored(home.path());
        sequence = blocks.iter().map(|block| block.txs.len() as u64).sum();
    }
    let node = Node::start(home.path()).await;
    assert_eq!(node.send(ALICE, sequence, TO, 1).await["tx_result"]["code"], 0);
    node.stop().await.unwrap();
    let blocks = stored(home.path());
    for pair in blocks.windows(2) {
        let results = pair[0].results.as_ref().unwrap();
        assert_eq!(pair[1].header.app_hash.as_bytes(), &results.app_hash[..]);
    }
    let sent: usize = blocks.iter().map(|block| block.txs.len()).sum();
    assert_eq!(sent as u64, sequence + 1);
    assert!(key(ALICE).address() != TO);
}
