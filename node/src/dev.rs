//! `dadbs dev`: one validator in this process with gRPC and the CometBFT RPC facade.

use crate::abci::{listen_if, serve_if};
use crate::api::Api;
use crate::core_thread::CoreThread;
use crate::engine::Engine;
use crate::engine::dev::DevThread;
use crate::engine::dev::key::ValidatorKey;
use crate::error::{NodeError, listen};
use crate::grpc::{self, Calls};
use crate::home::Home;
use crate::index::TxIndex;
use crate::metrics;
use crate::network::create::genesis_validator;
use crate::readiness::Readiness;
use crate::rpc;
use crate::upgrade;
use dadbs_app::{AppConfig, CHECKPOINT_INTERVAL, Genesis, Software};
use dadbs_client::SecretKey;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// What a dev node runs with.
#[derive(Clone, Debug)]
pub struct DevConfig {
    /// The folder of its state; made if absent.
    pub home: PathBuf,
    /// The genesis of a new home; its validator is the home's, its operator the first account. A home that has one
    /// keeps it; the chain ids must agree.
    pub genesis: Genesis,
    /// The secret of a funded account that gives coins away.
    pub faucet: Option<[u8; 32]>,
    /// A block every interval; without it a block per transaction.
    pub block_time: Option<Duration>,
    /// Where gRPC listens; port 0 takes a free one.
    pub grpc_addr: SocketAddr,
    /// Where the RPC facade listens; port 0 takes a free one.
    pub rpc_addr: SocketAddr,
    /// Where metrics are served; without it they are not.
    pub metrics_addr: Option<SocketAddr>,
    /// Heights between two checkpoints of the tree.
    pub checkpoint_interval: u64,
    /// Compare every row with the tree at the start.
    pub verify_rows: bool,
    /// The upgrades and versions of the software.
    pub software: Software,
}

impl DevConfig {
    /// Loopback, the ports of Cosmos, no faucet, a block per transaction.
    pub fn new(home: PathBuf, genesis: Genesis) -> DevConfig {
        DevConfig {
            home,
            genesis,
            faucet: None,
            block_time: None,
            grpc_addr: (Ipv4Addr::LOCALHOST, 9090).into(),
            rpc_addr: (Ipv4Addr::LOCALHOST, 26657).into(),
            metrics_addr: None,
            checkpoint_interval: CHECKPOINT_INTERVAL,
            verify_rows: true,
            software: Software::THIS,
        }
    }
}

/// A dev node that answers.
#[derive(Clone, Debug)]
pub struct DevReady {
    /// The chain.
    pub chain_id: String,
    /// The newest height.
    pub height: u64,
    /// Where gRPC listens.
    pub grpc_addr: SocketAddr,
    /// Where the RPC facade listens.
    pub rpc_addr: SocketAddr,
    /// True if the home had blocks before.
    pub resumed: bool,
}

/// Resolves at Ctrl-C or SIGTERM.
pub async fn shutdown_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let terminate = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signals) => drop(signals.recv().await),
            Err(error) => {
                tracing::warn!(%error, "SIGTERM cannot be caught; use Ctrl-C");
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminate => {}
    }
}

pub(crate) fn secret(bytes: &[u8; 32]) -> Result<SecretKey, NodeError> {
    SecretKey::from_bytes(bytes)
        .map_err(|error| NodeError::Config(format!("the faucet's key: {error}")))
}

/// Resolves when `stop` turns true, or its sender is gone.
pub(crate) async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which stops as well.
    drop(stop.wait_for(|stop| *stop).await);
}

/// Runs a dev node until `shutdown` resolves or a fault ends it. `ready` is called once, when both ports
/// answer and the first block is made.
pub async fn run_dev(
    config: DevConfig,
    ready: impl FnOnce(&DevReady),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let home = config.home.clone();
    upgrade::noted(&home, run(config, ready, shutdown).await)
}

async fn run(
    config: DevConfig,
    ready: impl FnOnce(&DevReady),
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let faucet = config.faucet.as_ref().map(secret).transpose()?;
    let grpc_listener = listen(config.grpc_addr, "--grpc-addr").await?;
    let rpc_listener = listen(config.rpc_addr, "--rpc-addr").await?;
    let metrics_listener = listen_if(config.metrics_addr, "--metrics-addr").await?;
    let opened = tokio::task::spawn_blocking({
        let config = config.clone();
        move || open(&config)
    });
    let parts = opened
        .await
        .map_err(|error| NodeError::Config(format!("the start panicked: {error}")))??;
    let core = parts.core.core();
    let engine = parts.engine.engine();
    let api = Api::new(core.clone(), parts.index.clone(), Engine::Dev(engine.clone()), faucet);
    let calls = Calls::new(Arc::new(api));
    // The embedded engine is the whole network.
    let readiness = Readiness::caught_up();
    let local = |listener: &tokio::net::TcpListener, asked| listener.local_addr().unwrap_or(asked);
    let seen = DevReady {
        chain_id: parts.genesis.chain_id.clone(),
        height: engine.tip().borrow().height,
        grpc_addr: local(&grpc_listener, config.grpc_addr),
        rpc_addr: local(&rpc_listener, config.rpc_addr),
        resumed: parts.resumed,
    };
    let (stop, stopping) = watch::channel(false);
    let mut grpc = tokio::spawn(grpc::serve(
        grpc_listener,
        calls.clone(),
        readiness.clone(),
        stopped(stopping.clone()),
    ));
    let facade = rpc::Facade::new(rpc::Source::Dev(engine), parts.index.clone(), calls, readiness);
    let mut rpc = tokio::spawn(rpc::serve(rpc_listener, facade, stopped(stopping.clone())));
    let mut metrics = tokio::spawn(serve_if(metrics_listener, stopping, {
        let (metrics, home) = (core.metrics(), config.home.clone());
        move |listener, stop| metrics::serve(listener, metrics, home, None, stop)
    }));
    ready(&seen);
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        fatal = core.fault() => Err(NodeError::Fatal(fatal)),
        served = &mut grpc => Err(ended("gRPC", served)),
        served = &mut rpc => Err(ended("RPC", served)),
        served = &mut metrics => Err(ended("metrics", served)),
    };
    stop.send_replace(true);
    // The servers drain within their own bound; how they end changes nothing now.
    if outcome.is_ok() {
        drop(tokio::join!(grpc, rpc, metrics));
    } else {
        grpc.abort();
        rpc.abort();
        metrics.abort();
    }
    let closed = tokio::task::spawn_blocking(move || parts.close());
    closed.await.map_err(|error| NodeError::Config(format!("the stop panicked: {error}")))?;
    outcome
}

pub(crate) fn ended(
    server: &str,
    served: Result<Result<(), NodeError>, tokio::task::JoinError>,
) -> NodeError {
    match served {
        Ok(Err(error)) => error,
        Ok(Ok(())) => NodeError::Config(format!("the {server} server ended")),
        Err(error) => NodeError::Config(format!("the {server} server panicked: {error}")),
    }
}

/// What runs beside the servers; fields in the order in which they stop.
struct Parts {
    engine: DevThread,
    core: CoreThread,
    index: Arc<TxIndex>,
    genesis: Genesis,
    resumed: bool,
    home: Home,
}

impl Parts {
    /// Stops the engine, closes the store, unlocks the home.
    fn close(self) {
        self.engine.stop();
        self.core.stop();
        drop(self.home);
    }
}

fn open(config: &DevConfig) -> Result<Parts, NodeError> {
    let home = Home::open(&config.home)?;
    let key = ValidatorKey::load(&home)?;
    let mut genesis = config.genesis.clone();
    genesis.validators = vec![genesis_validator(&genesis, 0, "dev", key.public())];
    let genesis = home.adopt_genesis(genesis)?;
    let core = CoreThread::start(AppConfig {
        checkpoint_interval: config.checkpoint_interval,
        verify_rows: config.verify_rows,
        software: config.software,
        ..AppConfig::new(home.join("app"))
    })?;
    let resumed = core.core().info()?.height > 0;
    let index = Arc::new(TxIndex::open(&home.join("index.db"))?);
    let engine = DevThread::start(
        &home,
        key,
        core.core(),
        genesis.clone(),
        index.clone(),
        config.block_time,
    )?;
    Ok(Parts { engine, core, index, genesis, resumed, home })
}
