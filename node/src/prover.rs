//! Answers the storage challenges of the node's own validator.
//!
//! 1. A node is a prover if its home has [`FILE`], or `--prover-key` names another file: 32 bytes in hexadecimal, mode 0600, the key of
//!    an account that pays the fees. Nothing else is done with it.
//! 2. The validator is the one whose consensus key the node has now; its challenges are those of the running epoch.
//! 3. When an epoch begins, the answers are made at once, since the tree of its root is kept for some heights only, and held.
//!    This reads every row once, on a thread and a connection of its own.
//! 4. Each answer is a transaction of its own, one after the other. One that fails is sent again after later commits, at most
//!    [`ATTEMPTS`] times; what has failed then is a lost challenge, and no fault of the node.
//! 5. A node that was stopped when an epoch began, for more heights than trees are kept, has no answers for it.

use crate::core_thread::Core;
use crate::error::NodeError;
use dadbs_app::staking::consensus_address;
use dadbs_client::tx::any;
use dadbs_client::{Client, ClientError, SecretKey, UnsignedTx};
use dadbs_proto::dadbs::rewards::v1::MsgSubmitStorageProof;
use dadbs_types::AccountAddress;
use std::fs::OpenOptions;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use zeroize::Zeroizing;

/// The key's file in a home.
pub const FILE: &str = "prover.key";
/// Times that one answer is sent (rule 4).
pub const ATTEMPTS: u32 = 5;
/// Gas limit of what simulation says.
const ADJUSTMENT: f64 = 1.5;
/// How long an answer may take to come into a block.
const INCLUSION: Duration = Duration::from_secs(30);

/// Who answers, and for whom.
#[derive(Debug)]
pub struct Prover {
    key: SecretKey,
    consensus_address: [u8; 20],
}

/// An answer that was made, and the attempts that are left to send it.
struct Held {
    answer: MsgSubmitStorageProof,
    attempts: u32,
}

impl Prover {
    /// The prover of a home, if it is one (rule 1); `file` is what the command line names.
    pub fn of_home(
        home: &Path,
        file: Option<&Path>,
        validator: [u8; 32],
    ) -> Result<Option<Prover>, NodeError> {
        let standard = home.join(FILE);
        let path = match file {
            Some(path) => path,
            None if standard.exists() => &standard,
            None => return Ok(None),
        };
        let wrong = |why: &str| NodeError::Config(format!("{}: {why}", path.display()));
        let found = std::fs::metadata(path).map_err(|error| wrong(&error.to_string()))?;
        if found.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others may read this key: run `chmod 600` on it"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| wrong(&error.to_string()))?;
        let text = Zeroizing::new(text);
        let bytes = hex::decode(text.trim()).map(Zeroizing::new).ok();
        let key = bytes.and_then(|bytes| SecretKey::from_bytes(&bytes).ok());
        let key = key.ok_or_else(|| wrong("a key is 64 hexadecimal digits"))?;
        Ok(Some(Prover { key, consensus_address: consensus_address(&validator).0 }))
    }

    /// Answers challenges for as long as the node runs.
    pub(crate) async fn run(self: Arc<Self>, core: Core, grpc: SocketAddr) {
        tracing::info!(account = %self.key.address(), "storage challenges are answered");
        let mut committed = core.committed();
        let mut epoch = 0;
        let mut held: Vec<Held> = Vec::new();
        while committed.changed().await.is_ok() {
            // None before genesis, without a validator, or when all is answered.
            let Ok(Some(open)) = core.open_challenges(self.consensus_address) else { continue };
            if open.epoch != epoch {
                epoch = open.epoch;
                held = answers(&core, open.validator).await;
            }
            held.retain(|held| open.indexes.contains(&held.answer.index) && held.attempts > 0);
            for held in &mut held {
                held.attempts -= 1;
                if let Err(error) = self.send(grpc, &held.answer).await {
                    let index = held.answer.index;
                    tracing::warn!(epoch, index, "an answer to a storage challenge: {error}");
                    break;
                }
                held.attempts = 0;
            }
        }
    }

    /// Rule 4.
    async fn send(
        &self,
        grpc: SocketAddr,
        answer: &MsgSubmitStorageProof,
    ) -> Result<(), ClientError> {
        let client = Client::connect(&format!("http://{grpc}")).await?;
        let status = client.status().await?;
        let malformed = |_| ClientError::Malformed(format!("price {}", status.min_gas_price));
        let price = status.min_gas_price.parse().map_err(malformed)?;
        let signer = client.account(self.key.address()).await?;
        let submitter = self.key.address().to_string();
        let tx = UnsignedTx::new(vec![any(&MsgSubmitStorageProof { submitter, ..answer.clone() })]);
        let public_key = self.key.public_key();
        let fee = client.estimate(&tx, &public_key, &signer, ADJUSTMENT, price).await?;
        let hash = client.send(&tx, &self.key, &signer, &fee, &status.chain_id).await?;
        client.wait(&hash, INCLUSION).await?;
        Ok(())
    }
}

/// Makes the key of a home, and gives its account.
pub fn make(home: &Path) -> Result<AccountAddress, NodeError> {
    let wrong = |why: String| NodeError::home(&home.join(FILE), why);
    let mut bytes = Zeroizing::new([0u8; 32]);
    getrandom::fill(bytes.as_mut_slice()).map_err(|error| wrong(error.to_string()))?;
    let key = SecretKey::from_bytes(bytes.as_slice()).map_err(|error| wrong(error.to_string()))?;
    let text = Zeroizing::new(hex::encode(bytes.as_slice()) + "\n");
    let write = || -> std::io::Result<()> {
        let mut file =
            OpenOptions::new().create_new(true).write(true).mode(0o600).open(home.join(FILE))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| wrong(error.to_string()))?;
    Ok(key.address())
}

/// Rule 3.
async fn answers(core: &Core, validator: AccountAddress) -> Vec<Held> {
    let core = core.clone();
    let made = tokio::task::spawn_blocking(move || core.storage_answers(validator)).await;
    match made {
        Ok(Ok(answers)) => {
            answers.into_iter().map(|answer| Held { answer, attempts: ATTEMPTS }).collect()
        }
        Ok(Err(error)) => {
            tracing::warn!("storage challenges cannot be answered: {error}");
            Vec::new()
        }
        Err(error) => {
            tracing::warn!("storage challenges cannot be answered: {error}");
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_a_key_file_makes_a_prover() {
        let home = tempfile::tempdir().unwrap();
        assert!(Prover::of_home(home.path(), None, [1; 32]).unwrap().is_none());
        let path = home.path().join(FILE);
        let write = |text: &str, mode| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
            Prover::of_home(home.path(), None, [1; 32])
        };
        let good = format!("{}\n", "11".repeat(32));
        assert!(write(&good, 0o600).unwrap().is_some());
        assert!(write(&good, 0o644).unwrap_err().to_string().contains("chmod 600"));
        assert!(write("11", 0o600).unwrap_err().to_string().contains("64 hexadecimal digits"));
        let absent = home.path().join("absent");
        assert!(Prover::of_home(home.path(), Some(&absent), [1; 32]).is_err());
    }
}
