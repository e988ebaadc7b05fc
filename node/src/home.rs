//! The home: one folder per node, locked by one process.
//!
//! ```text
//! lock            held while a process runs
//! genesis.json    the genesis, written once
//! validator.key   the dev engine's ed25519 seed, hex, mode 0600
//! blocks.db       the dev engine's blocks, commits and results
//! index.db        transactions and events; rebuilt when missing
//! app/            the application's store and code cache
//! ```

use crate::error::NodeError;
use dadbs_app::Genesis;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A folder that this process alone works in.
#[derive(Debug)]
pub struct Home {
    path: PathBuf,
    _lock: File,
}

impl Home {
    /// Makes the folder if needed and locks it.
    pub fn open(path: &Path) -> Result<Home, NodeError> {
        fs::create_dir_all(path).map_err(|error| NodeError::home(path, error))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| NodeError::home(&lock_path, error))?;
        match lock.try_lock() {
            Ok(()) => Ok(Home { path: path.to_path_buf(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(NodeError::Locked { home: path.to_path_buf() }),
            Err(TryLockError::Error(error)) => Err(NodeError::home(&lock_path, error)),
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A file or folder in it.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The stored genesis, or `None` in a new home.
    pub fn genesis(&self) -> Result<Option<Genesis>, NodeError> {
        let path = self.join("genesis.json");
        match fs::read(&path) {
            Ok(json) => dadbs_genesis::from_json(&json)
                .map(Some)
                .map_err(|reason| NodeError::home(&path, reason)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(NodeError::home(&path, error)),
        }
    }

    /// The stored genesis if it is of the same chain, else `genesis`, which is stored.
    pub fn adopt_genesis(&self, genesis: Genesis) -> Result<Genesis, NodeError> {
        if let Some(stored) = self.genesis()? {
            if stored.chain_id != genesis.chain_id {
                return Err(NodeError::OtherChain {
                    home: self.path.clone(),
                    found: stored.chain_id,
                    asked: genesis.chain_id,
                });
            }
            return Ok(stored);
        }
        let json = dadbs_genesis::to_json(&genesis)
            .map_err(|error| NodeError::Config(error.to_string()))?;
        self.write_new("genesis.json", 0o644, json.as_bytes())?;
        Ok(genesis)
    }

    /// Writes a file that does not exist yet; it appears complete or not at all.
    pub fn write_new(&self, name: &str, mode: u32, bytes: &[u8]) -> Result<(), NodeError> {
        let path = self.join(name);
        let draft = self.join(&format!("{name}.tmp"));
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                .mode(mode)
                .open(&draft)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            fs::rename(&draft, &path)?;
            File::open(&self.path)?.sync_all()
        };
        write().map_err(|error| NodeError::home(&path, error))
    }
}
