//! Failures of the node: each says what was wrong, where, and what to do next.

use crate::exit::Exit;
use dadbs_types::Fatal;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why the node did not start, or stopped.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The home cannot be made, read or written.
    #[error("cannot use {path:?}: {reason}; give another folder with --home")]
    Home {
        /// The file or folder.
        path: PathBuf,
        /// What the operating system or the content says.
        reason: String,
    },
    /// Another process runs on the home.
    #[error("{home:?} is in use by another dadbs process; stop it, or give another --home")]
    Locked {
        /// The home.
        home: PathBuf,
    },
    /// The home belongs to another chain.
    #[error(
        "{home:?} holds chain \"{found}\", not \"{asked}\"; give another --home, or --chain-id {found}"
    )]
    OtherChain {
        /// The home.
        home: PathBuf,
        /// The chain in the home.
        found: String,
        /// The chain that was asked for.
        asked: String,
    },
    /// A port cannot be listened on.
    #[error("cannot listen on {addr}: {reason}; choose another address with {flag}")]
    Port {
        /// The address.
        addr: String,
        /// The flag that changes it.
        flag: &'static str,
        /// What the operating system says.
        reason: String,
    },
    /// Too little space is left under the home to go on safely.
    #[error(
        "the disk is full: {home:?} has {free_mib} MiB left, a node needs {} MiB; make space and start again, the \
         state is kept", crate::disk::LEAST >> 20
    )]
    DiskFull {
        /// The home.
        home: PathBuf,
        /// What is left, MiB.
        free_mib: u64,
    },
    /// The configuration asks for what is not possible.
    #[error("{0}")]
    Config(String),
    /// CometBFT does not run; its last lines are in the message.
    #[error("{0}\nThe state is kept; mend what it says and start again")]
    Engine(String),
    /// A node of the network halted for an upgrade.
    #[error("the network halted for an upgrade: {0}")]
    Upgrade(String),
    /// The core or the engine met a fault; the state on disk is that of the last committed block.
    #[error("the node stopped: {0}")]
    Fatal(#[from] Fatal),
}

impl NodeError {
    /// What the process ends with.
    pub fn exit(&self) -> Exit {
        match self {
            NodeError::Fatal(Fatal { halt: Some(_), .. }) | NodeError::Upgrade(_) => Exit::Upgrade,
            NodeError::Fatal(_) | NodeError::Engine(_) | NodeError::DiskFull { .. } => Exit::Other,
            NodeError::Port { .. } => Exit::Unreachable,
            _ => Exit::Usage,
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers pass errors and literals")]
    pub(crate) fn home(path: &Path, reason: impl ToString) -> NodeError {
        NodeError::Home { path: path.to_path_buf(), reason: reason.to_string() }
    }
}

/// Listens on `addr`, or names the port and the flag that changes it.
pub(crate) async fn listen(
    addr: SocketAddr,
    flag: &'static str,
) -> Result<tokio::net::TcpListener, NodeError> {
    tokio::net::TcpListener::bind(addr).await.map_err(|error| NodeError::Port {
        addr: addr.to_string(),
        flag,
        reason: error.to_string(),
    })
}
