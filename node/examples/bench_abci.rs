//! What one ABCI call costs over a unix socket and over TCP, beside a bare echo of the same bytes in the same
//! run, and what 1,000 pipelined checks of one account and of many cost:
//!
//! ```sh
//! cargo run --release -p dadbs --example bench_abci
//! ```
//!
//! A call is its request and a Flush in one write, as CometBFT sends it; it is over when both answers are read.
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

use dadbs::{AbciAddr, AbciConfig, run_abci};
use dadbs_client::tx::any;
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx};
use dadbs_proto::cosmos::bank::v1beta1::{MsgSend, QueryBalanceRequest};
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_types::Amount;
use prost::Message;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::{Duration, Instant};
use tendermint_proto::google::protobuf::Timestamp;
use tendermint_proto::v0_38::abci::request::Value as Asked;
use tendermint_proto::v0_38::abci::response::Value as Answered;
use tendermint_proto::v0_38::abci::{
    Request, RequestCheckTx, RequestCommit, RequestEcho, RequestFinalizeBlock, RequestFlush,
    RequestInfo, RequestInitChain, RequestQuery, Response,
};
use tokio::sync::oneshot;

const ROUNDS: usize = 2_000;
const ACCOUNTS: u16 = 1_000;
const CHAIN: &str = "dadbs-bench-1";
const GENESIS_SECONDS: i64 = 1_700_000_000;

trait Socket: Read + Write + Send {
    fn second(&self) -> Box<dyn Socket>;
}

impl Socket for UnixStream {
    fn second(&self) -> Box<dyn Socket> {
        Box::new(self.try_clone().expect("a second handle"))
    }
}

impl Socket for TcpStream {
    fn second(&self) -> Box<dyn Socket> {
        Box::new(self.try_clone().expect("a second handle"))
    }
}

fn connect(addr: &AbciAddr) -> Box<dyn Socket> {
    match addr {
        AbciAddr::Unix(path) => Box::new(UnixStream::connect(path).expect("the socket answers")),
        AbciAddr::Tcp(addr) => {
            let stream = TcpStream::connect(addr).expect("the port answers");
            stream.set_nodelay(true).expect("no delay");
            Box::new(stream)
        }
    }
}

fn frame(value: Asked) -> Vec<u8> {
    Request { value: Some(value) }.encode_length_delimited_to_vec()
}

/// Reads `count` answers.
fn answers(stream: &mut dyn Socket, buffer: &mut Vec<u8>, count: usize) -> Vec<Answered> {
    let mut found = Vec::with_capacity(count);
    let mut chunk = vec![0; 65_536];
    while found.len() < count {
        let mut rest = &buffer[..];
        while let Ok(response) = Response::decode_length_delimited(&mut rest) {
            found.push(response.value.expect("an answer"));
            if rest.is_empty() {
                break;
            }
        }
        let used = buffer.len() - rest.len();
        buffer.drain(..used);
        if found.len() < count {
            let read = stream.read(&mut chunk).expect("an answer");
            assert_ne!(read, 0, "the node closed the connection: {found:?}");
            buffer.extend_from_slice(&chunk[..read]);
        }
    }
    found
}

fn call(stream: &mut dyn Socket, asked: Asked) -> Answered {
    let bytes = [frame(asked), frame(Asked::Flush(RequestFlush {}))].concat();
    stream.write_all(&bytes).expect("the node reads");
    answers(stream, &mut Vec::new(), 2).remove(0)
}

fn line(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: usize| times[(times.len() * share / 100).min(times.len() - 1)];
    println!(
        "  {name:<28} p50 {:>8.1} us   p99 {:>8.1} us",
        at(50).as_secs_f64() * 1e6,
        at(99).as_secs_f64() * 1e6
    );
}

fn timed(rounds: usize, mut work: impl FnMut(usize)) -> Vec<Duration> {
    (0..rounds)
        .map(|round| {
            let began = Instant::now();
            work(round);
            began.elapsed()
        })
        .collect()
}

/// Sends back what comes, without looking.
fn echo(mut stream: Box<dyn Socket>) {
    let mut buffer = [0; 4_096];
    while let Ok(read) = stream.read(&mut buffer)
        && read > 0
        && stream.write_all(&buffer[..read]).is_ok()
    {}
}

fn bare_echo(addr: &AbciAddr, dir: &Path) -> Vec<Duration> {
    let (mut stream, server): (Box<dyn Socket>, _) = match addr {
        AbciAddr::Unix(_) => {
            let path = dir.join("echo.sock");
            let listener = UnixListener::bind(&path).expect("a socket");
            let server = std::thread::spawn(move || {
                echo(Box::new(listener.accept().expect("a peer").0));
            });
            (Box::new(UnixStream::connect(path).expect("the echo answers")), server)
        }
        AbciAddr::Tcp(_) => {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            let addr = listener.local_addr().expect("its address");
            let server = std::thread::spawn(move || {
                let stream = listener.accept().expect("a peer").0;
                stream.set_nodelay(true).expect("no delay");
                echo(Box::new(stream));
            });
            (connect(&AbciAddr::Tcp(addr)), server)
        }
    };
    let sent = frame(Asked::Echo(RequestEcho { message: "x".repeat(250) }));
    let mut read = vec![0; sent.len()];
    let times = timed(ROUNDS, |_| {
        stream.write_all(&sent).expect("the echo reads");
        stream.read_exact(&mut read).expect("the echo answers");
    });
    drop(stream);
    server.join().expect("the echo ends");
    times
}

fn key(number: u16) -> SecretKey {
    let mut bytes = [0x11; 32];
    bytes[30..].copy_from_slice(&(number + 1).to_be_bytes());
    SecretKey::from_bytes(&bytes).expect("a small scalar is a key")
}

fn send_tx(from: u16, sequence: u64) -> Vec<u8> {
    let key = key(from);
    let send = MsgSend {
        from_address: key.address().to_string(),
        to_address: key.address().to_string(),
        amount: vec![Coin { denom: "udadb".into(), amount: "1".into() }],
    };
    let signer = Signer { address: key.address(), account_number: from.into(), sequence };
    let fee = Fee { gas_limit: 500_000, amount: 1_250 };
    UnsignedTx::new(vec![any(&send)]).sign(&key, &signer, &fee, CHAIN)
}

fn init_chain() -> Asked {
    let accounts =
        (0..ACCOUNTS).map(|number| (key(number).address(), Amount(1_000_000_000))).collect();
    let genesis = dadbs_genesis::genesis(CHAIN, GENESIS_SECONDS * 1_000_000_000, accounts);
    Asked::InitChain(RequestInitChain {
        time: Some(Timestamp { seconds: GENESIS_SECONDS, nanos: 0 }),
        chain_id: CHAIN.into(),
        initial_height: 1,
        app_state_bytes: dadbs_genesis::to_json(&genesis).expect("a genesis").into(),
        ..RequestInitChain::default()
    })
}

/// One write of all checks, as CometBFT pipelines them; the time until the last answer. Under a load CometBFT
/// flushes after almost each.
fn pipelined(stream: &mut dyn Socket, name: &str, txs: &[Vec<u8>], kind: i32, each_flushed: bool) {
    let check = |tx: &Vec<u8>| RequestCheckTx { tx: tx.clone().into(), r#type: kind };
    let flush = frame(Asked::Flush(RequestFlush {}));
    let mut bytes = Vec::new();
    for tx in txs {
        bytes.extend(frame(Asked::CheckTx(check(tx))));
        if each_flushed {
            bytes.extend(&flush);
        }
    }
    bytes.extend(&flush);
    let flushes = if each_flushed { txs.len() + 1 } else { 1 };
    let mut writer = stream.second();
    let began = Instant::now();
    let written = std::thread::spawn(move || writer.write_all(&bytes).expect("the node reads"));
    let found = answers(stream, &mut Vec::new(), txs.len() + flushes);
    let took = began.elapsed();
    written.join().expect("the writer ends");
    let passed =
        found.iter().filter(|answer| matches!(answer, Answered::CheckTx(c) if c.code == 0));
    assert_eq!(passed.count(), txs.len(), "{name}");
    println!(
        "  {name:<28} {:>7.1} ms   {:>8.0} checks/s",
        took.as_secs_f64() * 1e3,
        txs.len() as f64 / took.as_secs_f64()
    );
}

fn measure(addr: &AbciAddr, dir: &Path) {
    let mut consensus = connect(addr);
    let (mut mempool, mut query) = (connect(addr), connect(addr));
    assert!(matches!(call(&mut *consensus, init_chain()), Answered::InitChain(_)));
    line("bare echo", bare_echo(addr, dir));
    let message = "x".repeat(250);
    line(
        "Echo",
        timed(ROUNDS, |_| {
            call(&mut *query, Asked::Echo(RequestEcho { message: message.clone() }));
        }),
    );
    line("Info", timed(ROUNDS, |_| drop(call(&mut *query, Asked::Info(RequestInfo::default())))));
    let balance =
        QueryBalanceRequest { address: key(0).address().to_string(), denom: "udadb".into() };
    let balance = RequestQuery {
        path: "/cosmos.bank.v1beta1.Query/Balance".into(),
        data: balance.encode_to_vec().into(),
        ..RequestQuery::default()
    };
    line(
        "Query of a balance",
        timed(ROUNDS, |_| drop(call(&mut *query, Asked::Query(balance.clone())))),
    );
    let txs: Vec<_> = (0..500).map(|sequence| send_tx(0, sequence)).collect();
    line(
        "CheckTx, one by one",
        timed(txs.len(), |at| {
            let tx = RequestCheckTx { tx: txs[at].clone().into(), r#type: 0 };
            let Answered::CheckTx(checked) = call(&mut *mempool, Asked::CheckTx(tx)) else {
                panic!("no check")
            };
            assert_eq!(checked.code, 0, "{}", checked.log);
        }),
    );
    let mut commits = Vec::new();
    line(
        "FinalizeBlock, 1 transaction",
        (1..=200)
            .map(|height| {
                let block = RequestFinalizeBlock {
                    height,
                    txs: vec![txs[usize::try_from(height).unwrap_or(1) - 1].clone().into()],
                    time: Some(Timestamp { seconds: GENESIS_SECONDS + height, nanos: 0 }),
                    ..RequestFinalizeBlock::default()
                };
                let began = Instant::now();
                let answer = call(&mut *consensus, Asked::FinalizeBlock(block));
                let took = began.elapsed();
                let Answered::FinalizeBlock(block) = answer else { panic!("no block") };
                assert_eq!(block.tx_results[0].code, 0, "{}", block.tx_results[0].log);
                let began = Instant::now();
                call(&mut *consensus, Asked::Commit(RequestCommit {}));
                commits.push(began.elapsed());
                took
            })
            .collect(),
    );
    line("Commit", commits);
    let one: Vec<_> = (200..1_200).map(|sequence| send_tx(0, sequence)).collect();
    let many: Vec<_> = (1..=1_000)
        .map(|number| send_tx(number % (ACCOUNTS - 1) + 1, u64::from(number > ACCOUNTS - 1)))
        .collect();
    let then: Vec<_> = (1_200..2_200).map(|sequence| send_tx(0, sequence)).collect();
    pipelined(&mut *mempool, "1,000 CheckTx, one account", &one, 0, false);
    pipelined(&mut *mempool, "1,000 CheckTx, each flushed", &then, 0, true);
    pipelined(&mut *mempool, "1,000 CheckTx, many accounts", &many, 0, false);
    // A block lets the checks begin anew.
    let block = RequestFinalizeBlock {
        height: 201,
        time: Some(Timestamp { seconds: GENESIS_SECONDS + 201, nanos: 0 }),
        ..RequestFinalizeBlock::default()
    };
    call(&mut *consensus, Asked::FinalizeBlock(block));
    call(&mut *consensus, Asked::Commit(RequestCommit {}));
    pipelined(&mut *mempool, "1,000 rechecks, one account", &one, 1, false);
    pipelined(&mut *mempool, "1,000 rechecks, many accounts", &many, 1, false);
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    for unix in [true, false] {
        let dir = tempfile::tempdir()?;
        let addr = if unix {
            AbciAddr::Unix(dir.path().join("abci.sock"))
        } else {
            AbciAddr::Tcp(([127, 0, 0, 1], 0).into())
        };
        let config = AbciConfig {
            home: dir.path().join("home"),
            abci_addr: addr,
            grpc_addr: None,
            rpc_addr: None,
            cometbft_rpc: None,
            metrics_addr: None,
            cometbft_metrics: None,
            checkpoint_interval: 1_000,
            verify_rows: false,
            software: dadbs_app::Software::THIS,
            prover: None,
        };
        let (up, is_up) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let node = tokio::spawn(run_abci(
            config,
            move |ready| drop(up.send(ready.abci_addr.clone())),
            async move { drop(stopped.await) },
        ));
        let addr = is_up.await?;
        println!("{}", if unix { "unix socket" } else { "TCP, loopback" });
        let path = dir.path().to_path_buf();
        tokio::task::spawn_blocking(move || measure(&addr, &path)).await?;
        drop(stop);
        node.await??;
    }
    Ok(())
}
