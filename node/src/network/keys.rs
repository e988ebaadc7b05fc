//! The keys of a node, in the files that CometBFT reads.
//!
//! 1. Both are ed25519: one names the node to its peers, one signs votes if the genesis or a later change
//!    makes the node a validator.
//! 2. Key files have mode 0600. One that others may read is refused, with the command that repairs it.
//! 3. Keys are made once: a file that exists is never overwritten.
//! 4. On one machine one node at a time signs with a key: two would sign different votes for one height, which
//!    the chain punishes. A copied home is refused, wherever it is.

use crate::error::NodeError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_app::staking::consensus_address;
use ed25519_consensus::SigningKey;
use serde_json::{Value, json};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

const NODE_KEY: &str = "config/node_key.json";
const VALIDATOR_KEY: &str = "config/priv_validator_key.json";
const VALIDATOR_STATE: &str = "data/priv_validator_state.json";

/// The public halves of a node's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeKeys {
    /// The id that peers dial: 40 lower-case hexadecimal digits.
    pub node_id: String,
    /// The key that signs votes.
    pub validator: [u8; 32],
}

fn seed(path: &Path) -> Result<SigningKey, NodeError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|error| {
        NodeError::home(path, format!("the system gives no randomness: {error}"))
    })?;
    Ok(SigningKey::from(seed))
}

/// The private key in Tendermint's JSON form: seed and public key in base64.
fn private(key: &SigningKey) -> Value {
    let mut bytes = key.to_bytes().to_vec();
    bytes.extend(key.verification_key().to_bytes());
    json!({ "type": "tendermint/PrivKeyEd25519", "value": BASE64.encode(bytes) })
}

/// Writes a new file, or says that it exists (rule 3).
fn write_new(path: &Path, mode: u32, content: &Value) -> Result<(), NodeError> {
    let write = || -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(format!("{content:#}\n").as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| NodeError::home(path, error))
}

/// The 64 bytes of the private key of a file (rule 2); returns the public half.
fn read_public(path: &Path) -> Result<[u8; 32], NodeError> {
    let metadata = fs::metadata(path).map_err(|error| NodeError::home(path, error))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(NodeError::Config(format!(
            "{} has mode {mode:04o}: others may read it. Run: chmod 600 {}",
            path.display(),
            path.display()
        )));
    }
    let text = fs::read(path).map_err(|error| NodeError::home(path, error))?;
    let value: Value = serde_json::from_slice(&text)
        .map_err(|error| NodeError::home(path, format!("it is not a key file: {error}")))?;
    let bytes = value["priv_key"]["value"].as_str().and_then(|text| BASE64.decode(text).ok());
    bytes
        .filter(|bytes| bytes.len() == 64)
        .and_then(|bytes| <[u8; 32]>::try_from(&bytes[32..]).ok())
        .ok_or_else(|| NodeError::home(path, "it is not a key file of CometBFT"))
}

impl NodeKeys {
    /// Makes both keys, and the state of a validator that has signed nothing, in CometBFT's home.
    pub fn make(comet: &Path) -> Result<NodeKeys, NodeError> {
        let path = comet.join(NODE_KEY);
        let node = seed(&path)?;
        write_new(&path, 0o600, &json!({ "priv_key": private(&node) }))?;
        let path = comet.join(VALIDATOR_KEY);
        let validator = seed(&path)?;
        let public = validator.verification_key().to_bytes();
        let file = json!({
            "address": hex::encode_upper(consensus_address(&public).0),
            "pub_key": { "type": "tendermint/PubKeyEd25519", "value": BASE64.encode(public) },
            "priv_key": private(&validator),
        });
        write_new(&path, 0o600, &file)?;
        NodeKeys::begin(comet)
    }

    /// Takes the keys of another node's CometBFT home, for a chain on which they have signed nothing.
    pub fn copy(from: &Path, comet: &Path) -> Result<NodeKeys, NodeError> {
        NodeKeys::read(from)?;
        for name in [NODE_KEY, VALIDATOR_KEY] {
            let path = from.join(name);
            let text = fs::read(&path).map_err(|error| NodeError::home(&path, error))?;
            let file: Value = serde_json::from_slice(&text).map_err(|error| {
                NodeError::home(&path, format!("it is not a key file: {error}"))
            })?;
            write_new(&comet.join(name), 0o600, &file)?;
        }
        NodeKeys::begin(comet)
    }

    /// Notes that nothing was signed yet.
    fn begin(comet: &Path) -> Result<NodeKeys, NodeError> {
        let nothing_signed = json!({ "height": "0", "round": 0, "step": 0 });
        write_new(&comet.join(VALIDATOR_STATE), 0o600, &nothing_signed)?;
        NodeKeys::read(comet)
    }

    /// Reads and checks the key files (rule 2).
    pub fn read(comet: &Path) -> Result<NodeKeys, NodeError> {
        let node = read_public(&comet.join(NODE_KEY))?;
        Ok(NodeKeys {
            node_id: hex::encode(consensus_address(&node).0),
            validator: read_public(&comet.join(VALIDATOR_KEY))?,
        })
    }
}

/// Held while a node signs with a key (rule 4).
#[derive(Debug)]
pub struct SigningLock {
    _file: File,
}

impl SigningLock {
    /// Takes the lock of the key; `home` is the node's, for the message.
    pub fn take(keys: &NodeKeys, home: &Path) -> Result<SigningLock, NodeError> {
        let address = hex::encode_upper(consensus_address(&keys.validator).0);
        let path = std::env::temp_dir().join(format!("dadbs-validator-{address}.lock"));
        // Another user's file cannot be written, but it can be locked.
        let made = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = made.or_else(|_| File::open(&path));
        let file = file.map_err(|error| NodeError::home(&path, error))?;
        match file.try_lock() {
            Ok(()) => Ok(SigningLock { _file: file }),
            Err(TryLockError::WouldBlock) => Err(NodeError::Config(format!(
                "another node on this machine signs with the validator key {address} of {}: two nodes with one key \
                 sign against each other and are punished. Stop the other, or make a node with keys of its own",
                home.display()
            ))),
            Err(TryLockError::Error(error)) => Err(NodeError::home(&path, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_4_a_key_signs_once_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let keys = NodeKeys::make(home.path()).unwrap();
        let first = SigningLock::take(&keys, home.path()).unwrap();
        let twice = SigningLock::take(&keys, home.path()).unwrap_err().to_string();
        assert!(twice.contains("sign against each other"), "{twice}");
        drop(first);
        SigningLock::take(&keys, home.path()).unwrap();
    }

    #[test]
    fn rule_2_files_that_others_may_read_are_refused() {
        let home = tempfile::tempdir().unwrap();
        let keys = NodeKeys::make(home.path()).unwrap();
        assert_eq!(NodeKeys::read(home.path()).unwrap(), keys);
        let path = home.path().join(VALIDATOR_KEY);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let refused = NodeKeys::read(home.path()).unwrap_err().to_string();
        assert!(refused.contains("chmod 600"), "{refused}");
    }

    #[test]
    fn rule_3_keys_are_never_overwritten() {
        let home = tempfile::tempdir().unwrap();
        let keys = NodeKeys::make(home.path()).unwrap();
        assert!(NodeKeys::make(home.path()).is_err());
        assert_eq!(NodeKeys::read(home.path()).unwrap(), keys);
    }
}
