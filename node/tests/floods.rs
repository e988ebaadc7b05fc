//! Floods against a real node under CometBFT, while a load of counted transactions goes on.
//!
//! 1. The chain goes on: heights rise, and the load is acknowledged.
//! 2. Every transaction that was acknowledged is there once; none is there twice, and nothing of the flood is.
//! 3. The memory of the node and of its CometBFT stays within [`MEMORY_MAX`].
//! 4. Neither ends, and when the flood ends the node serves as before.
//!
//! `DADBS_FLOOD_SECONDS` says how long it lasts.

mod common;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use common::counted::Load;
use common::network::{Network, wait_for};
use dadbs_client::tx::any;
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx};
use dadbs_proto::cosmos::bank::v1beta1::MsgSend;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Resident bytes of each process under all floods (rule 3).
const MEMORY_MAX: u64 = 512 << 20;
/// The words of the accounts `dev0` and on; the load takes the first four.
const WORDS: &str = "test test test test test test test test test test test junk";
const FLOODER: u32 = 4;
/// How long a peer may keep a flooder waiting.
const SHORT: Duration = Duration::from_millis(500);

/// What the floods sent, and what the node said to transactions.
#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    frames: AtomicU64,
    txs: AtomicU64,
    accepted: AtomicU64,
}

impl Counts {
    fn go_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// A transfer of the flooder to itself.
fn transfer(sequence: u64, fee: u128) -> Vec<u8> {
    let key = SecretKey::from_mnemonic(WORDS, FLOODER).unwrap();
    let address = key.address();
    let message = MsgSend {
        from_address: address.to_string(),
        to_address: address.to_string(),
        amount: vec![Coin { denom: "udadb".into(), amount: "1".into() }],
    };
    let signer = Signer { address, account_number: FLOODER.into(), sequence };
    let fee = Fee { gas_limit: 500_000, amount: fee };
    UnsignedTx::new(vec![any(&message)]).sign(&key, &signer, &fee, "dadbs-testnet-1")
}

/// The answer to a transaction, if there is one.
fn broadcast(rpc: SocketAddr, method: &str, tx: &[u8]) -> Option<Json> {
    let params = json!({ "tx": BASE64.encode(tx) });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let mut stream = TcpStream::connect(rpc).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let head = "POST / HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length:";
    write!(stream, "{head} {}\r\n\r\n{body}", body.len()).ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
}

/// Transactions that are wrong in every way, to the facade; none may be accepted but the one that is flooded
/// again and again, and that once.
fn flood_txs(rpc: SocketAddr, counts: &Counts, seed: u64) {
    let good = transfer(0, 1_250);
    let cut = &good[..good.len() / 2];
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let unpaid = transfer(1, 0);
    let ahead = transfer(1_000, 1_250);
    let huge = vec![0x0a; 1_048_577];
    for round in seed.. {
        if !counts.go_on() {
            return;
        }
        let garbage = round.to_be_bytes().repeat(40);
        let txs = [&good[..], cut, &forged, &unpaid, &ahead, &garbage, &[], &good];
        let method = if round % 2 == 0 { "broadcast_tx_sync" } else { "broadcast_tx_async" };
        for tx in txs.into_iter().chain((round % 50 == 0).then_some(&huge[..])) {
            counts.txs.fetch_add(1, Ordering::Relaxed);
            let answer = broadcast(rpc, method, tx).unwrap_or_default();
            let passed = method == "broadcast_tx_sync" && answer["result"]["code"] == 0;
            counts.accepted.fetch_add(u64::from(passed), Ordering::Relaxed);
        }
    }
}

/// What is no request of any protocol that the ports speak.
fn frames() -> Vec<Vec<u8>> {
    let random: Vec<u8> =
        (0..4_096u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let head =
        |length: &str| format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    vec![
        random.clone(),
        vec![0xff; 65_536],
        b"GET / HT".to_vec(),
        [b"GET /".to_vec(), vec![b'a'; 1 << 20], b" HTTP/1.1\r\n\r\n".to_vec()].concat(),
        [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; 1 << 20]].concat(),
        [head("1000000000000").into_bytes(), vec![b'{'; 1 << 20]].concat(),
        [head("100000").into_bytes(), vec![b'['; 100_000]].concat(),
        [head("4000000").into_bytes(), vec![b'1'; 4_000_000]].concat(),
        // HTTP/2 with a frame that announces 16 MiB, and with nonsense.
        [&preface[..], &[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1], &random].concat(),
        [&preface[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0], &random].concat(),
    ]
}

/// Sends what the peer takes, and reads a little of what it says.
fn send(mut stream: impl Read + Write, frame: &[u8], counts: &Counts) {
    counts.frames.fetch_add(1, Ordering::Relaxed);
    // It may close at once, or stop reading.
    if stream.write_all(frame).is_ok() {
        let mut answer = [0; 1_024];
        let _ = stream.read(&mut answer);
    }
}

fn flood_port(addr: SocketAddr, counts: &Counts) {
    let mut open = Vec::new();
    for frame in frames().iter().cycle() {
        if !counts.go_on() {
            return;
        }
        let Ok(stream) = TcpStream::connect(addr) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        stream.set_read_timeout(Some(SHORT)).unwrap();
        stream.set_write_timeout(Some(SHORT)).unwrap();
        // Some say nothing, and stay.
        if open.len() < 100 {
            open.push(TcpStream::connect(addr));
        }
        send(stream, frame, counts);
    }
}

fn flood_socket(path: &Path, counts: &Counts) {
    // A length of 100 MB and little of it; a length without end; no request; a request of another ABCI.
    let frames: [&[u8]; 5] = [
        &[0x80, 0x80, 0x80, 0x30, 1, 2, 3],
        &[0xff; 64],
        &[4, 0xff, 0xff, 0xff, 0xff],
        &[3, 0xaa, 0x01, 0x00],
        &[0],
    ];
    for frame in frames.into_iter().cycle() {
        if !counts.go_on() {
            return;
        }
        let Ok(stream) = UnixStream::connect(path) else { continue };
        stream.set_read_timeout(Some(SHORT)).unwrap();
        send(stream, frame, counts);
    }
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
#[ignore = "slow: builds and runs CometBFT, floods it"]
fn rules_1_to_4_a_flooded_node_serves_on() {
    let seconds = std::env::var("DADBS_FLOOD_SECONDS").map_or(20, |text| text.parse().unwrap());
    let network = Network::start_all(1, 0);
    let load = Load::start(&network);
    wait_for("the load", || (load.acknowledged() > 4).then_some(()));
    let (node, engine) = (network.pid(0), network.engine_pid(0).unwrap());
    let listen = network.members[0].listen;
    let socket = network.home(0).join("abci.sock");
    let (height, acknowledged) = (network.height(0), load.acknowledged());
    let (counts, mut most, mut highest) = (Counts::default(), (0, 0), height);
    std::thread::scope(|scope| {
        let counts = &counts;
        for seed in 0..4 {
            scope.spawn(move || flood_txs(listen.rpc, counts, seed));
        }
        for (_, addr) in listen.named() {
            for _ in 0..2 {
                scope.spawn(move || flood_port(addr, counts));
            }
        }
        scope.spawn(|| flood_socket(&socket, counts));
        let began = Instant::now();
        while began.elapsed() < Duration::from_secs(seconds) {
            std::thread::sleep(Duration::from_millis(200));
            most = (most.0.max(resident(node)), most.1.max(resident(engine)));
            highest = highest.max(network.height(0));
        }
        counts.stop.store(true, Ordering::Relaxed);
    });
    let during = load.acknowledged() - acknowledged;
    let (node_mb, engine_mb) = (most.0 >> 20, most.1 >> 20);
    let [frames, txs, accepted] =
        [&counts.frames, &counts.txs, &counts.accepted].map(|count| count.load(Ordering::Relaxed));
    println!(
        "{seconds} s: {frames} frames, {txs} transactions, {accepted} accepted; heights {height} to {highest}, \
         {during} acknowledged; the node had at most {node_mb} MiB, CometBFT {engine_mb} MiB"
    );
    assert_eq!(network.engine_pid(0), Some(engine), "CometBFT was restarted: {}", network.log(0));
    assert!(highest > height + 3, "{height} to {highest}");
    assert!(during > 0, "nothing was acknowledged while it was flooded");
    assert!(most.0 < MEMORY_MAX && most.1 < MEMORY_MAX, "{node_mb} and {engine_mb} MiB");
    // One transfer of the flooder was right; it is repeated for ever, and runs once.
    let began = Instant::now();
    network.json(0, &["sql", "exec", "load", "CREATE TABLE afterwards (n INTEGER)"]);
    println!("a transaction {:.1} s after the flood", began.elapsed().as_secs_f64());
    load.check(&network);
    let flooder = SecretKey::from_mnemonic(WORDS, FLOODER).unwrap().address();
    let sql = format!("SELECT sequence FROM chain.accounts WHERE address = '{flooder}'");
    let read = network.json(0, &["sql", "query", "", &sql]);
    assert_eq!(read["rows"], json!([[1]]));
}
