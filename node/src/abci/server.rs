//! The ABCI socket server.
//!
//! 1. A unix socket, or TCP without Nagle's delay: with it, each call waits for a delayed ACK, 40 ms.
//! 2. Every connection has a thread of its own: `CheckTx` and Query run while a block executes.
//! 3. A message is its length as an unsigned varint, at most [`MESSAGE_BYTES_MAX`], and the protobuf.
//! 4. Answers go out in order, and on Flush, as CometBFT expects.
//! 5. `CheckTx` calls that have arrived together, up to [`CHECKS_MAX`], are handed over together, with the Flush
//!    calls between them: CometBFT flushes after almost every one.
//! 6. A panic in a call is answered with an exception and ends the node: CometBFT ends with it.
//! 7. A call out of order ([`super::grammar`]) is a fault: exception, and the node ends.
//! 8. A connection that sends what is no request is closed with an exception; the node goes on.
//! 9. Requests are read while others are answered, up to [`AHEAD_BYTES_MAX`] ([`super::inbox`]).

use super::grammar::Grammar;
use super::inbox::Inbox;
use crate::core_thread::{Core, panic_text};
use crate::error::NodeError;
use dadbs_types::Fatal;
use prost::Message;
use std::future::Future;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use tendermint_abci::Application;
use tendermint_proto::v0_38::abci::request::Value as Asked;
use tendermint_proto::v0_38::abci::response::Value as Answered;
use tendermint_proto::v0_38::abci::{
    Request, RequestCheckTx, Response, ResponseCheckTx, ResponseException,
};
use tokio::sync::Semaphore;

/// Bytes of a message (rule 3): a block and its envelope, as CometBFT caps it.
pub(super) const MESSAGE_BYTES_MAX: u64 = 104_857_600;
/// Connections at once; CometBFT opens four.
const CONNECTIONS_MAX: usize = 16;
/// Calls of `CheckTx` that are handed over together (rule 5).
pub(super) const CHECKS_MAX: usize = 256;
/// Bytes of requests that wait for their answers (rule 9): as many as the mempool may hold.
pub(super) const AHEAD_BYTES_MAX: usize = 67_108_864;
/// Bytes that are read from a connection at once.
const READ_BYTES: usize = 262_144;
/// Stack of a connection's thread, bytes: queries call contracts.
const STACK_BYTES: usize = 16 << 20;

/// An application that checks many transactions at once; the answers have the order of the requests.
pub trait CheckAll: Application {
    /// Answers as many calls of `CheckTx`.
    fn check_all(&self, requests: Vec<RequestCheckTx>) -> Vec<ResponseCheckTx>;
}

/// Where ABCI is served: `unix:///path/to/socket` or `tcp://127.0.0.1:26658`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AbciAddr {
    /// The path of a unix socket.
    Unix(PathBuf),
    /// A TCP address.
    Tcp(SocketAddr),
}

impl std::fmt::Display for AbciAddr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AbciAddr::Unix(path) => write!(f, "unix://{}", path.display()),
            AbciAddr::Tcp(addr) => write!(f, "tcp://{addr}"),
        }
    }
}

impl FromStr for AbciAddr {
    type Err = NodeError;

    fn from_str(text: &str) -> Result<AbciAddr, NodeError> {
        if let Some(path) = text.strip_prefix("unix://")
            && !path.is_empty()
        {
            return Ok(AbciAddr::Unix(path.into()));
        }
        if let Some(addr) = text.strip_prefix("tcp://").and_then(|addr| addr.parse().ok()) {
            return Ok(AbciAddr::Tcp(addr));
        }
        Err(NodeError::Config(format!(
            "\"{text}\" is no ABCI address; write unix:///path/to/socket or tcp://127.0.0.1:26658"
        )))
    }
}

enum Listener {
    Unix(tokio::net::UnixListener),
    Tcp(tokio::net::TcpListener),
}

/// A connection's two ends; reads and writes share the socket.
enum Stream {
    Unix(StdUnixStream),
    Tcp(std::net::TcpStream),
}

impl Stream {
    /// Ends reads and writes of all its clones.
    fn shut_down(&self) {
        // The peer may have done so.
        drop(match self {
            Stream::Unix(stream) => stream.shutdown(Shutdown::Both),
            Stream::Tcp(stream) => stream.shutdown(Shutdown::Both),
        });
    }

    fn try_clone(&self) -> io::Result<Stream> {
        Ok(match self {
            Stream::Unix(stream) => Stream::Unix(stream.try_clone()?),
            Stream::Tcp(stream) => Stream::Tcp(stream.try_clone()?),
        })
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.read(buffer),
            Stream::Tcp(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.write(bytes),
            Stream::Tcp(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.flush(),
            Stream::Tcp(stream) => stream.flush(),
        }
    }
}

/// A bound server.
pub struct Server {
    listener: Listener,
    addr: AbciAddr,
}

impl Server {
    /// Binds the address. A socket file that nobody serves is replaced.
    pub async fn bind(addr: &AbciAddr) -> Result<Server, NodeError> {
        let taken = |reason: String| NodeError::Port {
            addr: addr.to_string(),
            flag: "--abci-addr",
            reason,
        };
        match addr {
            AbciAddr::Unix(path) => {
                if path.exists() {
                    if StdUnixStream::connect(path).is_ok() {
                        return Err(taken("another process serves it".into()));
                    }
                    std::fs::remove_file(path).map_err(|error| taken(error.to_string()))?;
                }
                let listener = tokio::net::UnixListener::bind(path)
                    .map_err(|error| taken(error.to_string()))?;
                Ok(Server { listener: Listener::Unix(listener), addr: addr.clone() })
            }
            AbciAddr::Tcp(tcp) => {
                let listener = crate::error::listen(*tcp, "--abci-addr").await?;
                let bound = listener.local_addr().map_err(|error| taken(error.to_string()))?;
                Ok(Server { listener: Listener::Tcp(listener), addr: AbciAddr::Tcp(bound) })
            }
        }
    }

    /// The address, with the port that was taken.
    pub fn addr(&self) -> &AbciAddr {
        &self.addr
    }

    async fn accept(&self) -> io::Result<Stream> {
        match &self.listener {
            Listener::Unix(listener) => {
                let stream = listener.accept().await?.0.into_std()?;
                stream.set_nonblocking(false)?;
                Ok(Stream::Unix(stream))
            }
            Listener::Tcp(listener) => {
                let stream = listener.accept().await?.0.into_std()?;
                stream.set_nonblocking(false)?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
        }
    }

    /// Serves until `stop` resolves; connections end with the process or with their peer.
    pub async fn serve<A: CheckAll>(
        self,
        app: A,
        core: Core,
        stop: impl Future<Output = ()>,
    ) -> Result<(), NodeError> {
        let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        tokio::pin!(stop);
        loop {
            let stream = tokio::select! {
                () = &mut stop => break,
                accepted = self.accept() => match accepted {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!(%error, "an ABCI connection could not be accepted");
                        continue;
                    }
                },
            };
            let Ok(place) = places.clone().try_acquire_owned() else {
                tracing::warn!(max = CONNECTIONS_MAX, "too many ABCI connections: closed one");
                continue;
            };
            let (app, core) = (app.clone(), core.clone());
            // Queries may reach CometBFT.
            let runtime = tokio::runtime::Handle::current();
            let spawned = std::thread::Builder::new()
                .name("abci".into())
                .stack_size(STACK_BYTES)
                .spawn(move || {
                    let _entered = runtime.enter();
                    if let Err(error) = serve_connection(stream, &app, &core) {
                        tracing::info!(%error, "an ABCI connection ended");
                    }
                    drop(place);
                });
            if let Err(error) = spawned {
                tracing::warn!(%error, "no thread for an ABCI connection");
            }
        }
        if let AbciAddr::Unix(path) = &self.addr {
            // Gone already if the home was removed.
            drop(std::fs::remove_file(path));
        }
        Ok(())
    }
}

/// One message's bytes; `None` at the end of the stream.
fn read_message(stream: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let invalid = |why: &str| io::Error::new(io::ErrorKind::InvalidData, why);
    let mut length = 0u64;
    for shift in (0..).step_by(7) {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return if shift == 0 { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
        }
        if shift > 28 {
            return Err(invalid("the length is too long"));
        }
        length |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] & 0x80 == 0 {
            break;
        }
    }
    if length > MESSAGE_BYTES_MAX {
        return Err(invalid("the message is longer than the limit"));
    }
    let mut message = Vec::new();
    // Memory grows with what arrives, not with what is announced.
    let read = stream.take(length).read_to_end(&mut message)?;
    if read as u64 != length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(Some(message))
}

fn write_message(stream: &mut impl Write, value: Answered) -> io::Result<()> {
    stream.write_all(&Response { value: Some(value) }.encode_length_delimited_to_vec())
}

fn exception(stream: &mut impl Write, error: String) -> io::Result<()> {
    write_message(stream, Answered::Exception(ResponseException { error }))?;
    stream.flush()
}

/// One request and its bytes; `None` at the end of the stream.
pub(super) fn read_request(reader: &mut impl Read) -> io::Result<Option<(Asked, usize)>> {
    let Some(message) = read_message(reader)? else { return Ok(None) };
    let request = Request::decode(&message[..]).ok().and_then(|request| request.value);
    let invalid =
        || io::Error::new(io::ErrorKind::InvalidData, "the message is no request of ABCI 2.0");
    request.map(|request| Some((request, message.len()))).ok_or_else(invalid)
}

fn serve_connection(stream: Stream, app: &impl CheckAll, core: &Core) -> io::Result<()> {
    let inbox = Inbox::default();
    let mut reader = BufReader::with_capacity(READ_BYTES, stream.try_clone()?);
    let mut writer = BufWriter::with_capacity(READ_BYTES, stream.try_clone()?);
    std::thread::scope(|scope| {
        let read = || inbox.fill(|| read_request(&mut reader));
        std::thread::Builder::new().name("abci-read".into()).spawn_scoped(scope, read)?;
        let answered = answer_calls(&inbox, &mut writer, app, core);
        inbox.close();
        stream.shut_down();
        answered
    })
}

fn answer_calls(
    inbox: &Inbox,
    writer: &mut impl Write,
    app: &impl CheckAll,
    core: &Core,
) -> io::Result<()> {
    let mut grammar = Grammar::default();
    loop {
        let calls = match inbox.take() {
            Ok(calls) if calls.is_empty() => return Ok(()),
            Ok(calls) => calls,
            Err(error) => {
                // The peer may be gone; the first error counts.
                drop(exception(writer, error.to_string()));
                return Err(error);
            }
        };
        let flushes = calls.iter().any(|call| matches!(call, Asked::Flush(_)));
        if let Err(text) = calls.iter().try_for_each(|call| grammar.take(call)) {
            let sent = exception(writer, text.clone());
            core.record_fault(&Fatal::new(text));
            return sent;
        }
        match catch_unwind(AssertUnwindSafe(|| answer_all(app, calls))) {
            Ok(answers) => {
                for answer in answers {
                    write_message(writer, answer)?;
                }
            }
            Err(payload) => {
                let text = panic_text(payload.as_ref());
                let sent = exception(writer, text.clone());
                core.record_fault(&Fatal::new(text));
                return sent;
            }
        }
        if flushes {
            writer.flush()?;
        }
    }
}

/// Answers calls in their order; the checks among them together (rule 5).
fn answer_all(app: &impl CheckAll, mut calls: Vec<Asked>) -> Vec<Answered> {
    let take = |call: &mut Asked| match call {
        Asked::CheckTx(request) => Some(std::mem::take(request)),
        _ => None,
    };
    let checks: Vec<RequestCheckTx> = calls.iter_mut().filter_map(take).collect();
    let checked = if checks.is_empty() { Vec::new() } else { app.check_all(checks) };
    let mut checked = checked.into_iter();
    let answer = |call| match call {
        Asked::CheckTx(request) => {
            Answered::CheckTx(checked.next().unwrap_or_else(|| app.check_tx(request)))
        }
        call => dispatch(app, call),
    };
    calls.into_iter().map(answer).collect()
}

fn dispatch(app: &impl Application, asked: Asked) -> Answered {
    match asked {
        Asked::Echo(request) => Answered::Echo(app.echo(request)),
        Asked::Flush(_) => Answered::Flush(app.flush()),
        Asked::Info(request) => Answered::Info(app.info(request)),
        Asked::InitChain(request) => Answered::InitChain(app.init_chain(request)),
        Asked::Query(request) => Answered::Query(app.query(request)),
        Asked::CheckTx(request) => Answered::CheckTx(app.check_tx(request)),
        Asked::Commit(_) => Answered::Commit(app.commit()),
        Asked::ListSnapshots(_) => Answered::ListSnapshots(app.list_snapshots()),
        Asked::OfferSnapshot(request) => Answered::OfferSnapshot(app.offer_snapshot(request)),
        Asked::LoadSnapshotChunk(request) => {
            Answered::LoadSnapshotChunk(app.load_snapshot_chunk(request))
        }
        Asked::ApplySnapshotChunk(request) => {
            Answered::ApplySnapshotChunk(app.apply_snapshot_chunk(request))
        }
        Asked::PrepareProposal(request) => Answered::PrepareProposal(app.prepare_proposal(request)),
        Asked::ProcessProposal(request) => Answered::ProcessProposal(app.process_proposal(request)),
        Asked::ExtendVote(request) => Answered::ExtendVote(app.extend_vote(request)),
        Asked::VerifyVoteExtension(request) => {
            Answered::VerifyVoteExtension(app.verify_vote_extension(request))
        }
        Asked::FinalizeBlock(request) => Answered::FinalizeBlock(app.finalize_block(request)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_3_lengths_are_bounded() {
        let mut huge: &[u8] = &[0xff, 0xff, 0xff, 0xff, 0x7f];
        assert!(read_message(&mut huge).is_err());
        let mut endless: &[u8] = &[0xff; 64];
        assert!(read_message(&mut endless).is_err());
        let mut cut: &[u8] = &[5, 1, 2];
        assert!(read_message(&mut cut).is_err());
        let mut two: &[u8] = &[2, 1, 2, 0];
        assert_eq!(read_message(&mut two).unwrap(), Some(vec![1, 2]));
        assert_eq!(read_message(&mut two).unwrap(), Some(vec![]));
        assert_eq!(read_message(&mut two).unwrap(), None);
    }

    #[test]
    fn addresses_have_two_forms() {
        let unix: AbciAddr = "unix:///tmp/a.sock".parse().unwrap();
        assert_eq!(unix, AbciAddr::Unix("/tmp/a.sock".into()));
        assert_eq!(
            "tcp://127.0.0.1:1".parse::<AbciAddr>().unwrap().to_string(),
            "tcp://127.0.0.1:1"
        );
        for bad in ["", "unix://", "tcp://x", "127.0.0.1:26658"] {
            assert!(bad.parse::<AbciAddr>().is_err(), "{bad}");
        }
    }
}
