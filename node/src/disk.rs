//! The space under a home.
//!
//! 1. A home with less than [`LEAST`] bytes left stops the node, and does not let it start: CometBFT's own log would
//!    often meet the full disk first, and CometBFT lives on without voting.
//! 2. The space is that of users without privileges, looked at every [`LOOK`].

use crate::error::NodeError;
use std::path::Path;
use std::time::Duration;

/// What must be left for a node to run, bytes.
pub const LEAST: u64 = 16 << 20;
/// Below this a node should not start, and `dadbs doctor` says so, bytes.
pub const COMFORTABLE: u64 = 1 << 30;
/// Between two looks: a disk that fills at 80 MB/s is seen in time.
const LOOK: Duration = Duration::from_millis(200);

/// Bytes that are left under `path`.
pub fn free(path: &Path) -> std::io::Result<u64> {
    let space = nix::sys::statvfs::statvfs(path)?;
    Ok(space.blocks_available().saturating_mul(space.fragment_size()))
}

/// Rule 1, once.
pub fn check(home: &Path) -> Result<(), NodeError> {
    let free = free(home).map_err(|error| NodeError::home(home, error))?;
    if free >= LEAST {
        return Ok(());
    }
    Err(NodeError::DiskFull { home: home.to_path_buf(), free_mib: free >> 20 })
}

/// Rule 1, until it fails.
pub(crate) async fn watch(home: &Path) -> NodeError {
    loop {
        if let Err(error) = check(home) {
            return error;
        }
        tokio::time::sleep(LOOK).await;
    }
}
