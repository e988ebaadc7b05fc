//! A node of a network: the application and its CometBFT, run as one.
//!
//! 1. `dadbs start` serves ABCI on a unix socket in the home and keeps CometBFT running as its child; CometBFT
//!    ends by itself when the application is gone.
//! 2. If the core stops on a fault, CometBFT is stopped and the process ends. If CometBFT cannot run, the
//!    application is closed and the process ends.
//! 3. A stop ends CometBFT first, then the application, so that no call is cut.
//! 4. Ports are tried before anything starts. A CometBFT that outlived a killed node has [`PORT_WAIT`] to let
//!    go of them.
//! 5. CometBFT's log joins the node's: its errors as warnings, unless they are about peers that come and go, or
//!    it is being stopped; all else as debug. Where it says that the state differs, the node says what to compare.
//! 6. A home without space ends the process like a fault ([`disk`]).

pub mod binary;
pub mod cometbft_config;
pub mod create;
pub mod home;
pub mod keys;
pub mod manifest;
pub mod settings;
pub mod supervise;
pub mod testnet;

use crate::abci::{AbciAddr, AbciConfig, AbciReady, run_abci};
use crate::dev::stopped;
use crate::disk;
use crate::error::NodeError;
use dadbs_app::Software;
use home::NodeHome;
use keys::SigningLock;
use settings::Settings;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use supervise::{Program, Supervised};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinError;

/// How long a port may be taken (rule 4).
pub const PORT_WAIT: Duration = Duration::from_secs(5);

/// What a node of a network runs with.
#[derive(Clone, Debug)]
pub struct StartConfig {
    /// The home.
    pub home: PathBuf,
    /// CometBFT's binary, a file or its folder; searched for if absent.
    pub cometbft: Option<PathBuf>,
    /// Refuses a home of another chain.
    pub chain_id: Option<String>,
    /// The upgrades and versions of the software.
    pub software: Software,
}

/// A node whose ports answer; CometBFT starts.
#[derive(Clone, Debug)]
pub struct StartReady {
    /// What it runs with.
    pub settings: Settings,
    /// Its id for peers.
    pub node_id: String,
    /// The last committed height.
    pub height: u64,
}

fn port_error(addr: SocketAddr, flag: &'static str, reason: impl ToString) -> NodeError {
    NodeError::Port { addr: addr.to_string(), flag, reason: reason.to_string() }
}

/// Rule 4.
fn check_ports(settings: &Settings) -> Result<(), NodeError> {
    let started = Instant::now();
    for (flag, addr) in settings.listen.named() {
        while let Err(error) = TcpListener::bind(addr) {
            if started.elapsed() > PORT_WAIT || error.kind() != std::io::ErrorKind::AddrInUse {
                return Err(port_error(addr, flag, error));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    Ok(())
}

/// An address under which this machine reaches a listener.
fn reachable(addr: SocketAddr) -> SocketAddr {
    let ip = if addr.ip().is_unspecified() { IpAddr::from(Ipv4Addr::LOCALHOST) } else { addr.ip() };
    (ip, addr.port()).into()
}

/// One line of CometBFT's log (rule 5).
fn fold(line: &str, is_stopping: bool) {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(line) else {
        if !line.is_empty() {
            tracing::warn!("CometBFT: {line}");
        }
        return;
    };
    let mut take = |name: &str| match fields.remove(name) {
        Some(serde_json::Value::String(text)) => text,
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let (level, module, message) = (take("level"), take("module"), take("_msg"));
    take("ts");
    let facts: Vec<String> =
        fields.iter().map(|(name, value)| format!(" {name}={value}")).collect();
    let facts = facts.concat();
    // The node says the same, better.
    let is_halt = message.contains("UPGRADE \"") || facts.contains("UPGRADE \\\"");
    // A peer that speaks for another chain stays wrong.
    let comes_and_goes =
        matches!(module.as_str(), "p2p" | "pex") && !facts.contains("different network");
    if level == "error" && !is_stopping && !is_halt && !comes_and_goes {
        tracing::warn!("CometBFT {module}: {message}{facts}");
        if facts.contains("wrong Block.Header.AppHash") {
            tracing::error!(
                "this node's state differs from the chain's: compare its genesis_hash (node.json) with that of \
                 another node; if they agree, make the home anew with `dadbs join`"
            );
        }
    } else {
        tracing::debug!("CometBFT {module}: {message}{facts}");
    }
}

fn cometbft(home: &NodeHome, binary: PathBuf, is_stopping: Arc<AtomicBool>) -> Program {
    let folder = home.path.join(home::COMET);
    let command = move || {
        let mut command = Command::new(&binary);
        // The socket's path in the configuration is relative to this folder.
        command.arg("start").arg("--home").arg(&folder).current_dir(&folder);
        // Each transaction is many short-lived objects to it; collecting them less often saves processor time.
        for (name, value) in [("GOGC", "400"), ("GOMEMLIMIT", "1GiB")] {
            if std::env::var_os(name).is_none() {
                command.env(name, value);
            }
        }
        command
    };
    Program {
        name: "CometBFT".into(),
        command: Box::new(command),
        line: Arc::new(move |line| fold(line, is_stopping.load(Ordering::Relaxed))),
        hopeless: &[],
    }
}

/// What is checked before anything starts: home, CometBFT, ports.
fn prepare(config: &StartConfig) -> Result<(NodeHome, PathBuf, SigningLock), NodeError> {
    let home = NodeHome::open(&config.home, config.chain_id.as_deref())?;
    disk::check(&home.path)?;
    let binary = binary::find(config.cometbft.as_deref())?;
    // A second process on the home meets the lock before the ports of the first.
    drop(crate::home::Home::open(&home.path)?);
    let lock = SigningLock::take(&home.keys, &home.path)?;
    check_ports(&home.settings)?;
    Ok((home, binary, lock))
}

fn joined<T>(joined: Result<Result<T, NodeError>, JoinError>) -> Result<T, NodeError> {
    joined.unwrap_or_else(|error| Err(NodeError::Config(format!("the node panicked: {error}"))))
}

/// Runs a node until `shutdown` resolves or a fault ends it. `ready` is called once, when gRPC answers.
pub async fn run_node(
    config: StartConfig,
    ready: impl FnOnce(&StartReady) + Send + 'static,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    let software = config.software;
    let prepared = tokio::task::spawn_blocking(move || prepare(&config)).await;
    let (home, binary, _lock) = joined(prepared)?;
    let settings = home.settings.clone();
    let abci = AbciConfig {
        home: home.path.clone(),
        abci_addr: AbciAddr::Unix(home::socket(&home.path)),
        grpc_addr: Some(settings.listen.grpc),
        rpc_addr: Some(settings.listen.rpc),
        metrics_addr: Some(settings.listen.metrics),
        cometbft_metrics: Some(settings.listen.cometbft_metrics),
        cometbft_rpc: Some(format!("http://{}", reachable(settings.listen.cometbft_rpc))),
        checkpoint_interval: settings.checkpoint_interval,
        verify_rows: true,
        software,
    };
    let (stop, stopping) = watch::channel(false);
    let (up, is_up) = oneshot::channel();
    let node_id = home.keys.node_id.clone();
    let when_up = move |abci: &AbciReady| {
        ready(&StartReady { settings, node_id, height: abci.height });
        // The receiver is gone only when the node stops already.
        let _ = up.send(());
    };
    let mut app = tokio::spawn(run_abci(abci, when_up, stopped(stopping)));
    tokio::select! {
        ended = &mut app => return joined(ended),
        _ = is_up => {}
    }
    let (given_up, mut reasons) = mpsc::channel(1);
    let is_stopping = Arc::new(AtomicBool::new(false));
    let engine = Supervised::start(cometbft(&home, binary, is_stopping.clone()), given_up);
    let mut engine =
        engine.map_err(|error| NodeError::Config(format!("no thread for CometBFT: {error}")))?;
    let mut app_ended = false;
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        ended = &mut app => {
            app_ended = true;
            joined(ended)
        }
        Some(given_up) = reasons.recv() => Err(NodeError::Engine(given_up.why)),
        full = disk::watch(&home.path) => Err(full),
    };
    is_stopping.store(true, Ordering::Relaxed);
    // Its thread ends with it, whatever it says (rule 3).
    drop(tokio::task::spawn_blocking(move || engine.stop()).await);
    stop.send_replace(true);
    if app_ended { outcome } else { outcome.and(joined(app.await)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_a_taken_port_is_named_with_its_field() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut settings = settings::sample();
        settings.listen = settings::Listen::from_base(taken.local_addr().unwrap().port(), 0);
        let started = Instant::now();
        let error = check_ports(&settings).unwrap_err();
        assert!(started.elapsed() >= PORT_WAIT);
        assert!(error.to_string().contains("listen.p2p in node.json"), "{error}");
        assert_eq!(error.exit() as u8, 6);
    }
}
