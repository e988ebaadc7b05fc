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
    RequestInitChain, Response,
};
use tokio::sync::oneshot;

struct Running {
    addr: SocketAddr,
    stop: oneshot::Sender<()>,
    node: tokio::task::JoinHandle<Result<(), dadbs::NodeError>>,
}

async fn start(home: &std::path::Path) -> Running {
    let (stop, stopped) = oneshot::channel::<()>();
    let (up, is_up) = oneshot::channel();
    let config = AbciConfig {
        metrics_addr: None,
        cometbft_metrics: None,
        home: home.to_path_buf(),
        abci_addr: AbciAddr::Tcp(([127, 0, 0, 1], 0).into()),
        grpc_addr: None,
        rpc_addr: None,
        cometbft_rpc: None,
        checkpoint_interval: 1_000,
        verify_rows: true,
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
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.write_all(&[frame(asked), frame(Asked::Flush(RequestFlush {}))].concat()).unwrap();
    answers(&mut stream, 1).remove(0)
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
    let Answered::Exception(exception) = call(running.addr, Asked::InitChain(foreign)) else {
        panic!("no exception")
    };
    assert!(exception.error.contains("app_state"), "{}", exception.error);
    let error = running.node.await.unwrap().unwrap_err();
    assert!(error.to_string().contains("app_state"), "{error}");
    assert_eq!(error.exit_code(), 1);

    let home = tempfile::tempdir().unwrap();
    let running = start(home.path()).await;
    let early = RequestFinalizeBlock { height: 1, ..RequestFinalizeBlock::default() };
    let Answered::Exception(exception) = call(running.addr, Asked::FinalizeBlock(early)) else {
        panic!("no exception")
    };
    assert!(exception.error.contains("InitChain"), "{}", exception.error);
    assert_eq!(running.node.await.unwrap().unwrap_err().exit_code(), 1);
}
