//! A whole network from its manifest: the homes, and all nodes of one machine kept running.
//!
//! 1. The folder holds `testnet.json` and a home per node. It is made beside its place and moved there: it
//!    is whole or absent.
//! 2. Making a network where one is changes nothing: with the same manifest that is fine, with another an error.
//! 3. Account N of the genesis operates the validator of node N.
//! 4. Every node is a process `dadbs start` that is kept running; its lines carry its name. A node that ends
//!    is started again; one that cannot work ends them all.
//! 5. Nodes that halt for an upgrade are not started again. The others have [`HALT_WAIT`] to come to the same height,
//!    then all of it ends with the exit code of such a halt.

use crate::error::NodeError;
use crate::exit::Exit;
use crate::genesis_doc::Document;
use crate::network::create::{NewNode, genesis_validator};
use crate::network::home::Draft;
use crate::network::manifest::{self, Manifest, Placement};
use crate::network::settings::Peer;
use crate::network::supervise::{GivenUp, Program, Supervised};
use dadbs_app::Genesis;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// The exit code of `dadbs start` for an upgrade (rule 5).
const UPGRADE: i32 = Exit::Upgrade as i32;
/// Exit codes of `dadbs start` that another start does not change.
const HOPELESS: &[i32] = &[Exit::Usage as i32, Exit::Unreachable as i32, UPGRADE];
/// How long nodes may take to come to the height at which the first one halted.
const HALT_WAIT: Duration = Duration::from_secs(15);

/// The network of a folder, if there is one.
pub fn read(folder: &Path) -> Result<Option<Manifest>, NodeError> {
    let path = folder.join(manifest::FILE);
    if path.exists() { Manifest::read(&path).map(Some) } else { Ok(None) }
}

/// Makes the homes (rules 1 and 2). Returns false if the network was there.
pub fn init(folder: &Path, manifest: &Manifest, genesis: Genesis) -> Result<bool, NodeError> {
    manifest.check().map_err(NodeError::Config)?;
    if let Some(found) = read(folder)? {
        if found == *manifest {
            return Ok(false);
        }
        return Err(NodeError::Config(format!(
            "{} holds network \"{}\" of another manifest: `dadbs testnet start` runs it; \
             remove the folder to make a new one, or give another --home",
            folder.display(),
            found.chain_id
        )));
    }
    let draft = folder.with_extension("new");
    if draft.exists() {
        std::fs::remove_dir_all(&draft).map_err(|error| NodeError::home(&draft, error))?;
    }
    make_homes(&draft, manifest, genesis)?;
    let path = draft.join(manifest::FILE);
    std::fs::write(&path, manifest.to_json()?).map_err(|error| NodeError::home(&path, error))?;
    std::fs::rename(&draft, folder).map_err(|error| NodeError::home(folder, error))?;
    Ok(true)
}

fn make_homes(folder: &Path, manifest: &Manifest, mut genesis: Genesis) -> Result<(), NodeError> {
    let members = manifest.members();
    let drafts = members
        .iter()
        .map(|member| Draft::make(&folder.join(&member.name)))
        .collect::<Result<Vec<_>, _>>()?;
    let validators = || members.iter().zip(&drafts).filter(|(member, _)| member.is_validator);
    genesis.validators = validators()
        .enumerate()
        .map(|(number, (member, draft))| {
            genesis_validator(&genesis, number, &member.name, draft.keys.validator)
        })
        .collect();
    let document = Document { genesis };
    let peers: Vec<(String, Peer)> = validators()
        .map(|(member, draft)| {
            let peer = Peer { id: draft.keys.node_id.clone(), address: member.dial.clone() };
            (member.name.clone(), peer)
        })
        .collect();
    for (member, draft) in members.iter().zip(drafts) {
        let others = peers.iter().filter(|(name, _)| *name != member.name);
        let node = NewNode {
            home: folder.join(&member.name),
            name: member.name.clone(),
            listen: member.listen,
            peers: others.map(|(_, peer)| peer.clone()).collect(),
            private_network: true,
            cometbft: manifest.cometbft.clone(),
        };
        node.finish(draft, &document)?;
    }
    Ok(())
}

/// What all nodes are started with.
#[derive(Clone, Debug)]
pub struct RunConfig {
    /// The folder of the network.
    pub folder: PathBuf,
    /// The `dadbs` binary.
    pub dadbs: PathBuf,
    /// CometBFT's binary.
    pub cometbft: PathBuf,
    /// The filter of the nodes' logs.
    pub log: String,
}

fn node(config: &RunConfig, name: &str) -> Program {
    let (config, name) = (config.clone(), name.to_string());
    let prefix = name.clone();
    let home = config.folder.join(&name);
    let command = move || {
        let mut command = Command::new(&config.dadbs);
        command.arg("start").arg("--supervised").arg("--home").arg(&home);
        command.arg("--cometbft").arg(&config.cometbft).args(["--log", &config.log]);
        command
    };
    Program {
        name,
        command: Box::new(command),
        line: Arc::new(move |line| eprintln!("{prefix} | {line}")),
        hopeless: HOPELESS,
    }
}

/// Keeps all nodes running until `shutdown` resolves or one cannot work (rule 4).
pub async fn run(
    config: &RunConfig,
    manifest: &Manifest,
    shutdown: impl Future<Output = ()>,
) -> Result<(), NodeError> {
    if manifest.placement == Placement::Containers {
        return Err(NodeError::Config(format!(
            "the nodes of {} run in containers: start them with docker compose",
            config.folder.display()
        )));
    }
    let (given_up, mut reasons) = mpsc::channel(manifest.members().len().max(1));
    let mut nodes = Vec::new();
    for member in manifest.members() {
        let started = Supervised::start(node(config, &member.name), given_up.clone());
        nodes.push(started.map_err(|error| NodeError::Config(format!("no thread: {error}")))?);
    }
    let outcome = tokio::select! {
        () = shutdown => Ok(()),
        Some(first) = reasons.recv() => Err(ended(first, &mut reasons, nodes.len()).await),
    };
    let stopped = tokio::task::spawn_blocking(move || {
        nodes.iter_mut().for_each(Supervised::ask_to_stop);
        nodes.iter_mut().for_each(Supervised::stop);
    });
    // The nodes end with their stdin, whatever the threads say.
    drop(stopped.await);
    outcome
}

/// Rule 5: waits for the other nodes if the first one halted for an upgrade.
async fn ended(first: GivenUp, reasons: &mut mpsc::Receiver<GivenUp>, nodes: usize) -> NodeError {
    if first.code != Some(UPGRADE) {
        return NodeError::Engine(first.why);
    }
    let halted = async {
        for _ in 1..nodes {
            match reasons.recv().await {
                Some(GivenUp { code: Some(UPGRADE), .. }) => {}
                Some(other) => return Some(other),
                None => return None,
            }
        }
        None
    };
    if let Ok(Some(other)) = tokio::time::timeout(HALT_WAIT, halted).await {
        return NodeError::Engine(other.why);
    }
    // Who has not come so far goes on with the software of before, once the others run.
    let last = first.why.lines().last().unwrap_or_default().trim();
    NodeError::Upgrade(last.trim_start_matches("error: the node stopped: ").into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::home::{NodeHome, read_genesis};
    use crate::network::manifest::sample;

    fn genesis() -> Genesis {
        dadbs_genesis::genesis(sample().chain_id, 5, Vec::new())
    }

    #[test]
    fn all_homes_share_a_genesis_and_dial_the_validators() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("testnet");
        assert!(init(&folder, &sample(), genesis()).unwrap());
        let first = read_genesis(&folder.join("node0")).unwrap();
        assert_eq!(first.genesis.validators.len(), 4);
        for (number, member) in sample().members().iter().enumerate() {
            let home = NodeHome::open(&folder.join(&member.name), None).unwrap();
            assert_eq!(read_genesis(&home.path).unwrap(), first);
            assert_eq!(home.settings.listen, member.listen);
            assert_eq!(home.settings.peers.len(), if number < 4 { 3 } else { 4 });
            let dials_itself = home.settings.peers.iter().any(|peer| peer.id == home.keys.node_id);
            assert!(!dials_itself);
        }
    }

    #[test]
    fn rule_2_a_network_is_made_once() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("testnet");
        assert!(init(&folder, &sample(), genesis()).unwrap());
        let before = read_genesis(&folder.join("node0")).unwrap();
        assert!(!init(&folder, &sample(), genesis()).unwrap());
        assert_eq!(read_genesis(&folder.join("node0")).unwrap(), before);
        let other = Manifest { validators: 3, ..sample() };
        let refused = init(&folder, &other, genesis()).unwrap_err().to_string();
        assert!(refused.contains("of another manifest"), "{refused}");
    }
}
