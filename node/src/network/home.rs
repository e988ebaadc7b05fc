//! The home of a network node.
//!
//! ```text
//! lock            held while the node runs
//! node.json       what it runs with
//! prover.key      answers storage challenges, if it is there
//! abci.sock       where CometBFT connects
//! index.db        transactions and events; rebuilt when missing
//! app/            the application's store and code cache
//! cometbft/       CometBFT's home: keys, genesis, config.toml, blocks
//! ```
//!
//! 1. `node.json` is written last: a home without it was not finished, and making it again starts over.
//! 2. A home that has a node is never changed by making another.
//! 3. The genesis file is checked against the genesis hash of `node.json` at every start.

use crate::error::NodeError;
use crate::genesis_doc::Document;
use crate::home::Home;
use crate::network::cometbft_config;
use crate::network::keys::NodeKeys;
use crate::network::settings::{self, Settings};
use std::path::{Path, PathBuf};

/// CometBFT's folder in the home.
pub const COMET: &str = "cometbft";
const GENESIS: &str = "cometbft/config/genesis.json";
/// The longest path of a unix socket, bytes.
const SOCKET_PATH_MAX: usize = 107;

/// A home that is being made: it has keys, but no chain yet.
#[derive(Debug)]
pub struct Draft {
    home: Home,
    /// The keys that were made.
    pub keys: NodeKeys,
}

/// The path of the ABCI socket of a home.
pub fn socket(home: &Path) -> PathBuf {
    home.join(cometbft_config::SOCKET)
}

impl Draft {
    /// Makes the folder and keys (rules 1 and 2).
    pub fn make(path: &Path) -> Result<Draft, NodeError> {
        Draft::with_keys_of(path, None)
    }

    /// The same with the keys of another home, if one is given.
    pub fn with_keys_of(path: &Path, other: Option<&Path>) -> Result<Draft, NodeError> {
        let home = Home::open(path)?;
        if let Ok(text) = std::fs::read_to_string(home.join(settings::FILE)) {
            let found = serde_json::from_str::<Settings>(&text).ok();
            let chain =
                found.map_or_else(String::new, |found| format!(" of chain \"{}\"", found.chain_id));
            return Err(NodeError::Config(format!(
                "{} holds a node{chain} already: `dadbs start` runs it; give another --home to make one more",
                path.display()
            )));
        }
        let comet = home.join(COMET);
        if comet.exists() {
            std::fs::remove_dir_all(&comet).map_err(|error| NodeError::home(&comet, error))?;
        }
        let keys = match other {
            None => NodeKeys::make(&comet)?,
            Some(other) => NodeKeys::copy(&other.join(COMET), &comet)?,
        };
        Ok(Draft { home, keys })
    }

    /// Gives the node its chain.
    pub fn finish(self, document: &Document, settings: &Settings) -> Result<(), NodeError> {
        settings.check().map_err(NodeError::Config)?;
        let genesis = document.to_json().map_err(|error| NodeError::Config(error.to_string()))?;
        self.home.write_new(GENESIS, 0o644, genesis.as_bytes())?;
        self.home.write_new(settings::FILE, 0o644, settings.to_json()?.as_bytes())
    }
}

/// A home that a node can start from.
#[derive(Debug)]
pub struct NodeHome {
    /// The folder, absolute.
    pub path: PathBuf,
    /// What it runs with.
    pub settings: Settings,
    /// Its keys.
    pub keys: NodeKeys,
}

/// The genesis document of a home.
pub fn read_genesis(home: &Path) -> Result<Document, NodeError> {
    let path = home.join(GENESIS);
    let text = std::fs::read(&path).map_err(|error| NodeError::home(&path, error))?;
    Document::from_json(&text)
        .map_err(|error| NodeError::Config(format!("{}: {error}", path.display())))
}

impl NodeHome {
    /// Reads and checks a home (rule 3), and writes CometBFT's configuration. `chain_id` is the chain that
    /// was asked for, if one was.
    pub fn open(path: &Path, chain_id: Option<&str>) -> Result<NodeHome, NodeError> {
        let settings = Settings::read(path)?;
        let path = path.canonicalize().map_err(|error| NodeError::home(path, error))?;
        if let Some(asked) = chain_id.filter(|asked| *asked != settings.chain_id) {
            return Err(NodeError::OtherChain {
                home: path,
                found: settings.chain_id,
                asked: asked.into(),
            });
        }
        let socket = socket(&path);
        if socket.as_os_str().len() > SOCKET_PATH_MAX {
            return Err(NodeError::Config(format!(
                "{} is longer than the {SOCKET_PATH_MAX} bytes of a socket's path: choose a shorter --home",
                socket.display()
            )));
        }
        let document = read_genesis(&path)?;
        let hash = document.hash().map_err(|error| NodeError::Config(error.to_string()))?;
        if document.genesis.chain_id != settings.chain_id
            || hex::encode(hash) != settings.genesis_hash
        {
            return Err(NodeError::Config(format!(
                "{} is the genesis of chain \"{}\" with hash {}, but node.json names \"{}\" and {}: \
                 put the genesis of the chain back, or follow the other chain in a new --home",
                path.join(GENESIS).display(),
                document.genesis.chain_id,
                hex::encode(hash),
                settings.chain_id,
                settings.genesis_hash
            )));
        }
        let keys = NodeKeys::read(&path.join(COMET))?;
        let config = path.join(COMET).join("config/config.toml");
        std::fs::write(&config, cometbft_config::render(&settings))
            .map_err(|error| NodeError::home(&config, error))?;
        Ok(NodeHome { path, settings, keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn make(path: &Path) -> Document {
        let draft = Draft::make(path).unwrap();
        let mut genesis = dadbs_genesis::genesis("dadbs-test", 5, Vec::new());
        let operator = dadbs_types::AccountAddress([1; 20]);
        let validator = dadbs_genesis::validator("node0", operator, draft.keys.validator);
        genesis.validators = vec![validator];
        let document = Document { genesis };
        let genesis_hash = hex::encode(document.hash().unwrap());
        draft.finish(&document, &Settings { genesis_hash, ..settings::sample() }).unwrap();
        document
    }

    #[test]
    fn rules_1_and_2_a_home_is_made_once() {
        let folder = tempfile::tempdir().unwrap();
        // A home that was not finished is made again.
        let unfinished = Draft::make(folder.path()).unwrap().keys;
        make(folder.path());
        let home = NodeHome::open(folder.path(), Some("dadbs-test")).unwrap();
        assert_ne!(home.keys, unfinished);
        let refused = Draft::make(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("\"dadbs-test\" already"), "{refused}");
        assert_eq!(NodeHome::open(folder.path(), None).unwrap().keys, home.keys);
        let other = NodeHome::open(folder.path(), Some("other")).unwrap_err();
        assert!(matches!(other, NodeError::OtherChain { .. }), "{other}");
    }

    #[test]
    fn rule_3_a_genesis_that_differs_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut document = make(folder.path());
        document.genesis.validators[0].tokens += 1_000_000;
        std::fs::write(folder.path().join(GENESIS), document.to_json().unwrap()).unwrap();
        let refused = NodeHome::open(folder.path(), None).unwrap_err().to_string();
        assert!(refused.contains("put the genesis of the chain back"), "{refused}");
    }

    #[test]
    fn a_socket_needs_a_short_path() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a".repeat(100));
        make(&deep);
        let refused = NodeHome::open(&deep, None).unwrap_err().to_string();
        assert!(refused.contains("shorter --home"), "{refused}");
    }
}
