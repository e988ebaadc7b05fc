//! ABCI 2.0 for CometBFT 0.38: the adapter and its socket server.

mod adapter;
mod grammar;
mod inbox;
mod indexer;
mod server;

pub use adapter::Adapter;
pub use server::{AbciAddr, CheckAll, Server};

use crate::api::Api;
use crate::core_thread::CoreThread;
use crate::dev::{ended, stopped};
use crate::engine::Engine;
use crate::engine::cometbft::CometBft;
use crate::error::{NodeError, listen};
use crate::grpc::{self, Calls};
use crate::home::Home;
use crate::index::TxIndex;
use crate::metrics;
use crate::prover::Prover;
use crate::readiness::Readiness;
use crate::rpc::{self, Facade};
use dadbs_app::{AppConfig, Software};
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// What a node under CometBFT runs with.
#[derive(Clone, Debug)]
pub struct AbciConfig {
    /// The folder of its state; made if absent.
    pub home: PathBuf,
    /// Where CometBFT connects.
    pub abci_addr: AbciAddr,
    /// Where gRPC listens; without it there is none.
    pub grpc_addr: Option<SocketAddr>,
    /// Where the CometBFT RPC facade listens; without it there is none. It needs `cometbft_rpc`.
    pub rpc_addr: Option<SocketAddr>,
    /// CometBFT's RPC, such as `http://127.0.0.1:26657`: gRPC and the facade broadcast and prove through
    /// it, and the index fetches from it what it lacks.
    pub cometbft_rpc: Option<String>,
    /// Where metrics are served; without it they are not.
    pub metrics_addr: Option<SocketAddr>,
    /// Where CometBFT serves its own metrics, which ours pass on.
    pub cometbft_metrics: Option<SocketAddr>,
    /// Heights between two checkpoints of the tree.
    pub checkpoint_interval: u64,
    /// Compare every row with the tree at the start.
    pub verify_rows: bool,
    /// The upgrades and versions of the software.
    pub software: Software,
    /// Answers storage challenges by gRPC.
    pub prover: Option<Arc<Prover>>,
}

/// A node that waits for CometBFT.
#[derive(Clone, Debug)]
pub struct AbciReady {
    /// Where CometBFT connects.
    pub abci_addr: AbciAddr,
    /// Where gRPC listens.
    pub grpc_addr: Option<SocketAddr>,
    /// Where the RPC facade listens.
    pub rpc_addr: Option<SocketAddr>,
    /// The last committed height.
    pub height: u64,
}

struct Parts {
    core: CoreThread,
    index: Arc<TxIndex>,
    height: u64,
    home: Home,
}

fn open(config: &AbciConfig) -> Result<Parts, NodeError> {
    let home = Home::open(&config.home)?;
    let core = CoreThread::start(AppConfig {
        checkpoint_interval: config.checkpoint_interval,
        verify_rows: config.verify_rows,
        software: config.software,
        ..AppConfig::new(home.join("app"))
    })?;
    let height = core.core().info()?.height;
    let index = Arc::new(TxIndex::open(&home.join("index.db"))?);
    Ok(Parts { core, index, height, home })
}

/// Serves ABCI, and gRPC beside it, until `shutdown` resolves or a fault ends it.
pub async fn run_abci(
    config: AbciConfig,
    ready: impl FnOnce(&AbciReady),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let home = config.home.clone();
    crate::upgrade::noted(&home, run(config, ready, shutdown).await)
}

async fn run(
    config: AbciConfig,
    ready: impl FnOnce(&AbciReady),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let comet: Option<CometBft> = config.cometbft_rpc.as_deref().map(str::parse).transpose()?;
    if config.rpc_addr.is_some() && comet.is_none() {
        return Err(NodeError::Config(
            "the RPC facade forwards to CometBFT: give the address of its RPC too".into(),
        ));
    }
    let server = Server::bind(&config.abci_addr).await?;
    let grpc_listener = listen_if(config.grpc_addr, "--grpc-addr").await?;
    let rpc_listener = listen_if(config.rpc_addr, "--rpc-addr").await?;
    let metrics_listener = listen_if(config.metrics_addr, "--metrics-addr").await?;
    let opened = tokio::task::spawn_blocking({
        let config = config.clone();
        move || open(&config)
    });
    let parts = opened
        .await
        .map_err(|error| NodeError::Config(format!("the start panicked: {error}")))??;
    let core = parts.core.core();
    let index = parts.index.clone();
    let api =
        Api::new(core.clone(), index.clone(), Engine::CometBft(comet.clone().map(Box::new)), None);
    let api = Arc::new(api);
    let adapter = Adapter::new(core.clone(), api.clone(), index.clone(), comet.clone())?;
    let calls = Calls::new(api);
    let readiness = Readiness::follow(comet.clone(), core.committed());
    let local = |listener: &Option<TcpListener>| {
        listener.as_ref().and_then(|listener| listener.local_addr().ok())
    };
    let seen = AbciReady {
        abci_addr: server.addr().clone(),
        grpc_addr: local(&grpc_listener),
        rpc_addr: local(&rpc_listener),
        height: parts.height,
    };
    let (stop, stopping) = watch::channel(false);
    let mut grpc = tokio::spawn(serve_if(grpc_listener, stopping.clone(), {
        let (calls, readiness) = (calls.clone(), readiness.clone());
        move |listener, stop| grpc::serve(listener, calls, readiness, stop)
    }));
    let mut rpc = tokio::spawn(serve_if(rpc_listener, stopping.clone(), move |listener, stop| {
        // Both addresses are given or the start was refused.
        let source = comet.map(|comet| rpc::Source::CometBft(Box::new(comet)));
        async move {
            match source {
                Some(source) => {
                    rpc::serve(listener, Facade::new(source, index, calls, readiness), stop).await
                }
                None => Ok(()),
            }
        }
    }));
    let mut metrics = tokio::spawn(serve_if(metrics_listener, stopping.clone(), {
        let (metrics, home) = (core.metrics(), config.home.clone());
        move |listener, stop| metrics::serve(listener, metrics, home, config.cometbft_metrics, stop)
    }));
    let mut abci = tokio::spawn(server.serve(adapter, core.clone(), stopped(stopping)));
    let prover = config.prover.zip(seen.grpc_addr);
    let prover = prover.map(|(prover, addr)| tokio::spawn(prover.run(core.clone(), addr)));
    ready(&seen);
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        fatal = core.fault() => Err(NodeError::Fatal(fatal)),
        served = &mut grpc => Err(ended("gRPC", served)),
        served = &mut rpc => Err(ended("RPC", served)),
        served = &mut metrics => Err(ended("metrics", served)),
        served = &mut abci => Err(ended("ABCI", served)),
    };
    // Lets a connection that met the fault send its exception.
    let is_halt = matches!(&outcome, Err(NodeError::Fatal(fatal)) if fatal.halt.is_some());
    let linger = if is_halt { adapter::HALT_LINGER } else { Duration::ZERO };
    tokio::time::sleep(linger + Duration::from_millis(50)).await;
    stop.send_replace(true);
    if let Some(prover) = prover {
        prover.abort();
    }
    if outcome.is_ok() {
        // How the servers end changes nothing now.
        drop(tokio::join!(grpc, rpc, metrics, abci));
    } else {
        grpc.abort();
        rpc.abort();
        metrics.abort();
        abci.abort();
    }
    let closed = tokio::task::spawn_blocking(move || {
        parts.core.stop();
        drop(parts.home);
    });
    closed.await.map_err(|error| NodeError::Config(format!("the stop panicked: {error}")))?;
    outcome
}

/// Listens if there is an address.
pub(crate) async fn listen_if(
    addr: Option<SocketAddr>,
    flag: &'static str,
) -> Result<Option<TcpListener>, NodeError> {
    match addr {
        Some(addr) => Ok(Some(listen(addr, flag).await?)),
        None => Ok(None),
    }
}

/// Serves if there is a listener, else waits for the stop.
pub(crate) async fn serve_if<S, F>(
    listener: Option<TcpListener>,
    stopping: watch::Receiver<bool>,
    serve: S,
) -> Result<(), NodeError>
where
    S: FnOnce(TcpListener, std::pin::Pin<Box<dyn Future<Output = ()> + Send>>) -> F,
    F: Future<Output = Result<(), NodeError>>,
{
    let stop = Box::pin(stopped(stopping));
    if let Some(listener) = listener {
        return serve(listener, stop).await;
    }
    stop.await;
    Ok(())
}
