//! Makes the home of one node: of a new chain, or of a chain that exists.
//!
//! 1. A new chain has the new node as its only validator; others join and follow. Its operator is the first account
//!    of the genesis.
//! 2. A chain that begins with an exported state has its genesis and a copy of its rows in every home. The validators are
//!    those of the state, so that their nodes take the keys of their homes along; the other chain has another id, so what
//!    they signed there does not bind them here.
//! 3. A node that joins takes the genesis as it is. Its hash is printed, to be compared with what the
//!    people of the chain publish; a hash that is given must match.

use crate::error::NodeError;
use crate::genesis_doc::Document;
use crate::network::home::Draft;
use crate::network::settings::{Listen, Peer, Settings};
use dadbs_app::staking::consensus_address;
use dadbs_app::{Genesis, GenesisValidator};
use dadbs_types::AccountAddress;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The validator with this number of a new chain: the account with this number operates it, or nobody if there are
/// fewer.
pub fn genesis_validator(
    genesis: &Genesis,
    number: usize,
    name: &str,
    key: [u8; 32],
) -> GenesisValidator {
    // Nobody has a key whose address is that of another kind of key.
    let nobody = || AccountAddress(consensus_address(&key).0);
    let operator = genesis.accounts.get(number).map_or_else(nobody, |(address, _)| *address);
    dadbs_genesis::validator(name, operator, key)
}

/// A node that is to be made.
#[derive(Clone, Debug)]
pub struct NewNode {
    /// Its home.
    pub home: PathBuf,
    /// Its name in logs and for peers.
    pub name: String,
    /// Where it listens.
    pub listen: Listen,
    /// Whom it dials.
    pub peers: Vec<Peer>,
    /// See [`Settings::private_network`].
    pub private_network: bool,
    /// More settings of CometBFT.
    pub cometbft: BTreeMap<String, Value>,
}

/// A node that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// Its chain.
    pub chain_id: String,
    /// The genesis hash, hex.
    pub genesis_hash: String,
    /// Its id for peers.
    pub node_id: String,
    /// True if the genesis names it as a validator.
    pub is_validator: bool,
}

impl NewNode {
    pub(crate) fn finish(self, draft: Draft, document: &Document) -> Result<Made, NodeError> {
        let hash = document.hash().map_err(|error| NodeError::Config(error.to_string()))?;
        let made = Made {
            chain_id: document.genesis.chain_id.clone(),
            genesis_hash: hex::encode(hash),
            node_id: draft.keys.node_id.clone(),
            is_validator: document
                .genesis
                .validators
                .iter()
                .any(|validator| validator.consensus_key == draft.keys.validator),
        };
        let settings = Settings {
            chain_id: made.chain_id.clone(),
            genesis_hash: made.genesis_hash.clone(),
            name: self.name,
            listen: self.listen,
            peers: self.peers,
            private_network: self.private_network,
            checkpoint_interval: dadbs_app::CHECKPOINT_INTERVAL,
            cometbft: self.cometbft,
        };
        draft.finish(document, &settings)?;
        Ok(made)
    }
}

/// Makes the first node of a new chain (rule 1).
pub fn new_chain(node: NewNode, mut genesis: Genesis) -> Result<Made, NodeError> {
    let draft = Draft::make(&node.home)?;
    genesis.validators = vec![genesis_validator(&genesis, 0, &node.name, draft.keys.validator)];
    node.finish(draft, &Document { genesis })
}

/// The genesis in the folder of an export.
pub const EXPORTED_GENESIS: &str = "genesis.json";
/// The rows in the folder of an export.
pub const EXPORTED_STATE: &str = "state.db";

/// Makes a node of a chain that begins with an exported state (rule 2), with the keys of another home if one is given.
pub fn exported_chain(
    node: NewNode,
    folder: &Path,
    keys_of: Option<&Path>,
    chain_id: Option<&str>,
) -> Result<Made, NodeError> {
    let path = folder.join(EXPORTED_GENESIS);
    let text = std::fs::read(&path).map_err(|error| NodeError::home(&path, error))?;
    let document = Document::from_json(&text)
        .map_err(|error| NodeError::Config(format!("{}: {error}", path.display())))?;
    let found = &document.genesis.chain_id;
    if let Some(asked) = chain_id.filter(|asked| asked != found) {
        return Err(NodeError::Config(format!(
            "{} is of chain \"{found}\", not of \"{asked}\": leave --chain-id out",
            path.display()
        )));
    }
    if document.genesis.state.is_none() {
        return Err(NodeError::Config(format!(
            "{} names no state: `dadbs genesis export` makes one that does",
            path.display()
        )));
    }
    let draft = Draft::with_keys_of(&node.home, keys_of)?;
    let app = node.home.join("app");
    let copied = std::fs::create_dir_all(&app)
        .and_then(|()| std::fs::copy(folder.join(EXPORTED_STATE), app.join("state.db")).map(drop));
    copied.map_err(|error| NodeError::home(&folder.join(EXPORTED_STATE), error))?;
    node.finish(draft, &document)
}

/// Makes a node that follows a chain (rule 3); `expected` is the chain id and genesis hash that were asked
/// for, as far as they were.
pub fn follow(
    node: NewNode,
    document: &Document,
    expected: (Option<&str>, Option<&str>),
) -> Result<Made, NodeError> {
    let found = &document.genesis.chain_id;
    if let Some(asked) = expected.0.filter(|asked| asked != found) {
        return Err(NodeError::Config(format!(
            "the genesis is of chain \"{found}\", not of \"{asked}\": ask a node of \"{asked}\", or leave --chain-id out"
        )));
    }
    let hash = document.hash().map_err(|error| NodeError::Config(error.to_string()))?;
    let hash = hex::encode(hash);
    if let Some(asked) = expected.1.filter(|asked| !asked.eq_ignore_ascii_case(&hash)) {
        return Err(NodeError::Config(format!(
            "the genesis has the hash {hash}, not {asked}: it is of another chain of the same name, or was changed; ask another node"
        )));
    }
    let draft = Draft::make(&node.home)?;
    node.finish(draft, document)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::home::{NodeHome, read_genesis};

    fn node(home: &std::path::Path) -> NewNode {
        NewNode {
            home: home.into(),
            name: "one".into(),
            listen: Listen::standard(),
            peers: Vec::new(),
            private_network: true,
            cometbft: BTreeMap::new(),
        }
    }

    #[test]
    fn rule_1_the_first_node_is_the_validator() {
        let folder = tempfile::tempdir().unwrap();
        let genesis = dadbs_genesis::genesis("dadbs-test", 5, Vec::new());
        let made = new_chain(node(folder.path()), genesis).unwrap();
        assert!(made.is_validator);
        assert_eq!(NodeHome::open(folder.path(), None).unwrap().keys.node_id, made.node_id);
    }

    #[test]
    fn rule_3_the_genesis_that_was_asked_for_is_taken() {
        let first = tempfile::tempdir().unwrap();
        let genesis = dadbs_genesis::genesis("dadbs-test", 5, Vec::new());
        let chain = new_chain(node(first.path()), genesis).unwrap();
        let document = read_genesis(first.path()).unwrap();
        let second = tempfile::tempdir().unwrap();
        let join = |expected| follow(node(second.path()), &document, expected);
        let other = join((Some("other"), None)).unwrap_err().to_string();
        assert!(other.contains("\"dadbs-test\", not of \"other\""), "{other}");
        let changed = join((None, Some("00"))).unwrap_err().to_string();
        assert!(changed.contains(&chain.genesis_hash), "{changed}");
        let made = join((Some("dadbs-test"), Some(&chain.genesis_hash))).unwrap();
        assert!(!made.is_validator);
        assert_eq!(made.genesis_hash, chain.genesis_hash);
    }
}
