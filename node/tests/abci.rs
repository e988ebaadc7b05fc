//! The ABCI socket server: garbage, order, exceptions.

mod common;

use dadbs::{AbciAddr, AbciConfig, run_abci};
use prost::Message;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;
use tendermint_proto::v0_38::abci::request::Value as Asked;
use tendermint_proto::v0_38::abci::response::Value as Answered;
use tendermint_proto::v0_38::abci::{
    Request, RequestCheckTx, RequestEcho, RequestFinalizeBlock, RequestFlush, RequestInfo,
    RequestInitChain, RequestProcessProposal, Response,
};
use tokio::sync::oneshot;

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    node: tokio::task::JoinHandle<Result<(), dadbs::NodeError>>,
}

async fn start(home: &std::path::Path) -> Running {
    start_measured(home, None).await
}

async fn start_measured(home: &std::path::Path, metrics_addr: Option<SocketAddr>) -> Running {
    let (stop, stopped) = oneshot::channel::<()>();
    let (up, is_up) = oneshot::channel();
    let config = AbciConfig {
        metrics_addr,
        cometbft_metrics: None,
        home: home.to_path_buf(),
        abci_addr: AbciAddr::Tcp(([127, 0, 0, 1], 0).into()),
        grpc_addr: None,
        rpc_addr: None,
        cometbft_rpc: None,
        checkpoint_interval: 1_000,
        verify_rows: true,
        software: dadbs_app::Software::THIS,
    };
    let node =
        tokio::spawn(run_abci(config, |ready| up.send(ready.clone()).unwrap(), async move {
            drop(stopped.await);
        }));
    let AbciAddr::Tcp(addr) = is_up.await.unwrap().abci_addr else { panic!("not TCP") };
    Running { addr, stop, node }
}

fn frame(value: Asked) -> Vec<u8> {
    Request { value: Some(value) }.encode_length_delimited_to_vec()
}

fn answers(stream: &mut TcpStream, count: usize) -> Vec<Answered> {
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut bytes = Vec::new();
    let mut found = Vec::new();
    while found.len() < count {
        let mut rest = &bytes[..];
        if let Ok(response) = Response::decode_length_delimited(&mut rest) {
            found.push(response.value.unwrap());
            bytes = rest.to_vec();
        } else {
            let mut chunk = [0; 4096];
            let read = stream.read(&mut chunk).unwrap();
            assert_ne!(read, 0, "closed after {found:?}");
            bytes.extend_from_slice(&chunk[..read]);
        }
    }
    found
}

fn call(addr: SocketAddr, asked: Asked) -> Answered {
    call_on(&mut TcpStream::connect(addr).unwrap(), asked)
}

/// For a call whose answer is the last one.
fn call_once(addr: SocketAddr, asked: Asked) -> Answered {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(&frame(asked)).unwrap();
    answers(&mut stream, 1).remove(0)
}

fn call_on(stream: &mut TcpStream, asked: Asked) -> Answered {
    stream.write_all(&[frame(asked), frame(Asked::Flush(RequestFlush {}))].concat()).unwrap();
    answers(stream, 2).remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_7_a_call_out_of_order_ends_the_node() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let mut stream = TcpStream::connect(running.addr).unwrap();
    let commit = Asked::Commit(tendermint_proto::v0_38::abci::RequestCommit {});
    stream.write_all(&frame(commit)).unwrap();
    let Answered::Exception(exception) = answers(&mut stream, 1).remove(0) else {
        panic!("no exception")
    };
    assert!(exception.error.contains("order of ABCI 2.0: Commit came first"), "{exception:?}");
    assert_eq!(running.node.await.unwrap().unwrap_err().exit() as u8, 1);
}

/// A flood of connections, slow and half-open ones among them: those over the bound are closed, and the
/// node answers when they are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_connections_is_bounded() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let mut held = Vec::new();
    let mut closed = 0;
    for number in 0..200u32 {
        let mut stream = TcpStream::connect(running.addr).unwrap();
        // The beginning of a message of 100 MB that never comes: memory follows what arrives.
        if stream.write_all(&[0x80, 0x80, 0x80, 0x30, 1]).is_err() {
            closed += 1;
            continue;
        }
        stream
            .set_read_timeout(Some(Duration::from_millis(if number < 20 { 50 } else { 5 })))
            .unwrap();
        match stream.read(&mut [0; 64]) {
            Ok(_) => closed += 1,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => closed += 1,
            Err(_) => held.push(stream),
        }
    }
    assert!(held.len() <= 64 && closed >= 100, "{} held, {closed} closed", held.len());
    drop(held);
    let answered = loop {
        let mut stream = TcpStream::connect(running.addr).unwrap();
        let info = frame(Asked::Info(RequestInfo::default()));
        let bytes = [info, frame(Asked::Flush(RequestFlush {}))].concat();
        let mut answer = [0; 16];
        if stream.write_all(&bytes).is_ok() && stream.read(&mut answer).is_ok_and(|read| read > 0) {
            break true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert!(answered);
    running.stop.send(()).unwrap();
    running.node.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_4_answers_come_in_order() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let mut stream = TcpStream::connect(running.addr).unwrap();
    let mut bytes = Vec::new();
    for number in 0..50 {
        bytes.extend(frame(Asked::Echo(RequestEcho { message: number.to_string() })));
    }
    bytes.extend(frame(Asked::Flush(RequestFlush {})));
    stream.write_all(&bytes).unwrap();
    let found = answers(&mut stream, 51);
    for (number, answer) in found[..50].iter().enumerate() {
        let Answered::Echo(echo) = answer else { panic!("{answer:?}") };
        assert_eq!(echo.message, number.to_string());
    }
    assert!(matches!(found[50], Answered::Flush(_)));
    running.stop.send(()).unwrap();
    running.node.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_6_garbage_closes_its_connection_only() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    for garbage in
        [&[0xff; 64][..], &[0], &[3, 1, 2, 3], b"GET / HTTP/1.1\r\n\r\n", &[0xff, 0xff, 0xff, 0x7f]]
    {
        let mut stream = TcpStream::connect(running.addr).unwrap();
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut answer = Vec::new();
        drop(stream.read_to_end(&mut answer));
        let response = Response::decode_length_delimited(&answer[..]).unwrap();
        assert!(matches!(response.value, Some(Answered::Exception(_))), "{response:?}");
    }
    let Answered::Info(info) = call(running.addr, Asked::Info(RequestInfo::default())) else {
        panic!("no info")
    };
    assert_eq!(info.last_block_height, 0);
    let early = RequestCheckTx { tx: vec![1].into(), r#type: 0 };
    let Answered::CheckTx(checked) = call(running.addr, Asked::CheckTx(early)) else {
        panic!("no check")
    };
    assert_ne!(checked.code, 0, "nothing passes before genesis");
    running.stop.send(()).unwrap();
    running.node.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_5_a_fault_is_an_exception_and_ends_the_node() {
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let foreign = RequestInitChain { app_state_bytes: "{}".into(), ..RequestInitChain::default() };
    let Answered::Exception(exception) = call_once(running.addr, Asked::InitChain(foreign)) else {
        panic!("no exception")
    };
    assert!(exception.error.contains("app_state"), "{}", exception.error);
    let error = running.node.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("app_state"), "{error}");
    assert_eq!(error.exit() as u8, 1);

    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let early = RequestFinalizeBlock { height: 1, ..RequestFinalizeBlock::default() };
    let Answered::Exception(exception) = call_once(running.addr, Asked::FinalizeBlock(early))
    else {
        panic!("no exception")
    };
    assert!(exception.error.contains("InitChain"), "{}", exception.error);
    assert_eq!(running.node.await.unwrap().unwrap_err().exit() as u8, 1);
}

fn init_chain(home: &std::path::Path) -> RequestInitChain {
    let genesis = common::config(home).genesis;
    RequestInitChain {
        time: Some(tendermint_proto::google::protobuf::Timestamp {
            seconds: genesis.time_ns / 1_000_000_000,
            nanos: 0,
        }),
        chain_id: genesis.chain_id.clone(),
        initial_height: 1,
        app_state_bytes: dadbs_genesis::to_json(&genesis).unwrap().into(),
        ..RequestInitChain::default()
    }
}

fn finalize(height: i64, txs: &[Vec<u8>]) -> RequestFinalizeBlock {
    RequestFinalizeBlock {
        height,
        txs: txs.iter().map(|tx| tx.clone().into()).collect(),
        time: Some(tendermint_proto::google::protobuf::Timestamp {
            seconds: 1_700_000_000 + height,
            nanos: 0,
        }),
        ..RequestFinalizeBlock::default()
    }
}

/// The codes of pipelined checks; `kind` 1 is a recheck.
fn check_codes(stream: &mut TcpStream, txs: &[Vec<u8>], kind: i32) -> Vec<u32> {
    let check = |tx: &Vec<u8>| RequestCheckTx { tx: tx.clone().into(), r#type: kind };
    let mut bytes: Vec<u8> = txs.iter().flat_map(|tx| frame(Asked::CheckTx(check(tx)))).collect();
    bytes.extend(frame(Asked::Flush(RequestFlush {})));
    let mut writer = stream.try_clone().unwrap();
    let written = std::thread::spawn(move || writer.write_all(&bytes).unwrap());
    let found = answers(stream, txs.len() + 1);
    written.join().unwrap();
    let code = |answer: &Answered| match answer {
        Answered::CheckTx(checked) => checked.code,
        other => panic!("{other:?}"),
    };
    found[..txs.len()].iter().map(code).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_account_has_hundreds_of_transactions_in_flight() {
    use common::{ALICE, send_tx};
    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let Answered::InitChain(answer) = call(running.addr, Asked::InitChain(init_chain(home.path())))
    else {
        panic!("no InitChain")
    };
    // Evidence counts for as long as stake waits: 21 days.
    let age = answer.consensus_params.unwrap().evidence.unwrap().max_age_duration.unwrap();
    assert_eq!(age.seconds, 1_814_400);
    let to = dadbs_types::AccountAddress([9; 20]);
    let txs: Vec<_> = (0..500).map(|sequence| send_tx(ALICE, sequence, to, 1)).collect();
    let mut mempool = TcpStream::connect(running.addr).unwrap();
    assert_eq!(check_codes(&mut mempool, &txs, 0), vec![0; 500]);
    // In order: one that comes again is behind, a forged one is refused where it stands.
    assert_eq!(check_codes(&mut mempool, &txs[..1], 0), [32]);
    let mut forged = send_tx(ALICE, 500, to, 1);
    *forged.last_mut().unwrap() ^= 1;
    let after = vec![forged, send_tx(ALICE, 500, to, 1), send_tx(ALICE, 501, to, 1)];
    assert_eq!(check_codes(&mut mempool, &after, 0), [4, 0, 0]);
    let mut consensus = TcpStream::connect(running.addr).unwrap();
    let block = call_on(&mut consensus, Asked::FinalizeBlock(finalize(1, &txs[..200])));
    let Answered::FinalizeBlock(block) = block else { panic!("{block:?}") };
    assert!(block.tx_results.iter().all(|result| result.code == 0));
    let committed =
        call_on(&mut consensus, Asked::Commit(tendermint_proto::v0_38::abci::RequestCommit {}));
    assert!(matches!(committed, Answered::Commit(_)));
    // Without a recheck of what waits, the next one does not follow.
    assert_eq!(check_codes(&mut mempool, &txs[200..], 1), vec![0; 300]);
    assert_eq!(check_codes(&mut mempool, &after[1..], 1), [0, 0]);
    assert_eq!(check_codes(&mut mempool, &[send_tx(ALICE, 502, to, 1)], 0), [0]);
    running.stop.send(()).unwrap();
    running.node.await.unwrap().unwrap();
}

fn propose(consensus: &mut TcpStream, height: i64, txs: &[Vec<u8>]) {
    let RequestFinalizeBlock { txs, height, time, .. } = finalize(height, txs);
    let proposal =
        RequestProcessProposal { txs, height, time, ..RequestProcessProposal::default() };
    let Answered::ProcessProposal(answer) = call_on(consensus, Asked::ProcessProposal(proposal))
    else {
        panic!("no answer to a proposal")
    };
    assert_eq!(answer.status, 1, "accepted");
}

fn foreseen(metrics: SocketAddr) -> String {
    let mut stream = TcpStream::connect(metrics).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let line = text.lines().find(|line| line.starts_with("dadbs_blocks_foreseen_total "));
    line.unwrap().split(' ').next_back().unwrap().to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn core_rule_5_a_decided_proposal_is_not_executed_again() {
    use common::{ALICE, send_tx};
    let to = dadbs_types::AccountAddress([9; 20]);
    let txs: Vec<_> = (0..6).map(|sequence| send_tx(ALICE, sequence, to, 1)).collect();
    let blocks = [(1, &txs[..2]), (2, &txs[2..4]), (3, &txs[4..])];
    // What is proposed before each decision: nothing, the block itself, first another one, then it, another one only.
    let rounds: [&[&[&[Vec<u8>]]; 3]; 4] = [
        &[&[], &[], &[]],
        &[&[&txs[..2]], &[&txs[2..4]], &[&txs[4..]]],
        &[&[&txs[..1], &txs[..2]], &[&[], &txs[2..4]], &[&txs[4..5], &[], &txs[4..]]],
        &[&[&txs[..1]], &[&txs[2..4], &[]], &[&txs[4..5]]],
    ];
    let mut found = Vec::new();
    for (proposed, expected) in rounds.into_iter().zip(["0", "3", "3", "0"]) {
        let home = tempfile::tempdir().unwrap();
        let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let running = start_measured(home.path(), Some(metrics)).await;
        let consensus = &mut TcpStream::connect(running.addr).unwrap();
        call_on(consensus, Asked::InitChain(init_chain(home.path())));
        let mut decided = Vec::new();
        for ((height, txs), proposals) in blocks.into_iter().zip(proposed) {
            for proposal in *proposals {
                propose(consensus, height, proposal);
            }
            decided.push(call_on(consensus, Asked::FinalizeBlock(finalize(height, txs))));
            call_on(consensus, Asked::Commit(tendermint_proto::v0_38::abci::RequestCommit {}));
        }
        assert_eq!(foreseen(metrics), expected);
        found.push(decided);
        running.stop.send(()).unwrap();
        running.node.await.unwrap().unwrap();
    }
    assert!(found.iter().all(|decided| *decided == found[0]));
    let ok = |answer: &Answered| matches!(answer, Answered::FinalizeBlock(block) if block.tx_results.iter().all(|it| it.code == 0));
    assert!(found[0].iter().all(ok));
}
