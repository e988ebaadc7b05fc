//! Serves HTTP/1 and HTTP/2 on a port that strangers may reach.
//!
//! 1. At most [`CONNECTIONS_MAX`] connections; one more is closed at once. The log says so, once a second at most.
//! 2. The head of a request comes within [`HEAD_TIMEOUT`]; a connection that sends nothing for [`SILENCE_MAX`] is
//!    closed. HTTP/2 is asked for a sign of life before.
//! 3. When the node stops, requests may end within the given time.

use crate::error::NodeError;
use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::Sleep;

/// Connections of one port at once (rule 1).
pub const CONNECTIONS_MAX: usize = 400;
/// How long the head of a request may take (rule 2).
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may send nothing (rule 2).
pub const SILENCE_MAX: Duration = Duration::from_mins(1);
/// Between two signs of life that HTTP/2 connections are asked for.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// Streams of one HTTP/2 connection.
const STREAMS_MAX: u32 = 128;
/// Largest header block of a request, bytes.
const HEAD_BYTES_MAX: u32 = 16_384;

/// A connection that ends in an error when its peer is silent (rule 2).
struct Watched {
    stream: TcpStream,
    silence: Pin<Box<Sleep>>,
}

impl AsyncRead for Watched {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if let Poll::Ready(read) = Pin::new(&mut this.stream).poll_read(context, buffer) {
            this.silence.as_mut().reset(tokio::time::Instant::now() + SILENCE_MAX);
            return Poll::Ready(read);
        }
        ready!(this.silence.as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_INTERVAL)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_BYTES_MAX);
    builder
}

async fn serve_connection(stream: TcpStream, router: Router) {
    // Latency suffers without it; the connection works all the same.
    drop(stream.set_nodelay(true));
    let silence = Box::pin(tokio::time::sleep(SILENCE_MAX));
    let io = TokioIo::new(Watched { stream, silence });
    let service = TowerToHyperService::new(router);
    if let Err(error) = builder().serve_connection_with_upgrades(io, service).await {
        tracing::debug!(%error, "a connection ended");
    }
}

/// Serves `router` until `stop` resolves, then lets requests end within `drain`. `name` is for the log.
pub(crate) async fn serve(
    name: &'static str,
    listener: TcpListener,
    router: Router,
    stop: impl Future<Output = ()>,
    drain: Duration,
) -> Result<(), NodeError> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    let mut refused: Option<Instant> = None;
    tokio::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
            // Collects the ended ones.
            Some(_) = connections.join_next() => continue,
        };
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(name, %error, "a connection could not be accepted");
                // Out of file descriptors: without a pause this would spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            if refused.is_none_or(|last| last.elapsed() > Duration::from_secs(1)) {
                refused = Some(Instant::now());
                tracing::warn!(name, max = CONNECTIONS_MAX, "too many connections: closed one");
            }
            continue;
        };
        let router = router.clone();
        connections.spawn(async move {
            serve_connection(stream, router).await;
            drop(place);
        });
    }
    drop(listener);
    let all = u32::try_from(CONNECTIONS_MAX).unwrap_or(u32::MAX);
    // What does not end in time is cut off with the set.
    drop(tokio::time::timeout(drain, places.acquire_many(all)).await);
    Ok(())
}
