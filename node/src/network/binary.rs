//! The CometBFT binary that a node runs.
//!
//! 1. It is the one that was named, else the one beside the `dadbs` binary, else the first on PATH.
//! 2. Its version is 0.38.x: other lines speak another ABCI or other genesis files.

use crate::error::NodeError;
use std::path::{Path, PathBuf};
use std::process::Command;

const NAME: &str = "cometbft";
const LINE: &str = "0.38.";
const INSTALL: &str = "`devnet/install-cometbft.sh FOLDER` builds the pinned one; put FOLDER on PATH, \
     or name it with --cometbft FOLDER/cometbft";

/// Finds and checks the binary; `named` is what was asked for, a file or its folder.
pub fn find(named: Option<&Path>) -> Result<PathBuf, NodeError> {
    let path = match named {
        Some(path) if path.is_dir() => path.join(NAME),
        Some(path) => path.to_path_buf(),
        None => search().ok_or_else(|| {
            NodeError::Config(format!(
                "{NAME} is missing: it is neither beside the dadbs binary nor on PATH. {INSTALL}"
            ))
        })?,
    };
    let output = Command::new(&path).arg("version").output().map_err(|error| {
        NodeError::Config(format!("{} cannot be run: {error}. {INSTALL}", path.display()))
    })?;
    check_version(&path, &String::from_utf8_lossy(&output.stdout))?;
    path.canonicalize().map_err(|error| NodeError::home(&path, error))
}

/// Rule 2, of what `cometbft version` printed.
fn check_version(path: &Path, printed: &str) -> Result<(), NodeError> {
    let version = printed.lines().next().unwrap_or("").trim().trim_start_matches('v');
    if version.starts_with(LINE) {
        return Ok(());
    }
    Err(NodeError::Config(format!(
        "{} says that it is version \"{version}\", but CometBFT {LINE}x is needed. {INSTALL}",
        path.display()
    )))
}

fn search() -> Option<PathBuf> {
    let beside = std::env::current_exe().ok().and_then(|path| path.parent().map(Path::to_path_buf));
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = beside.into_iter().chain(std::env::split_paths(&on_path)).collect();
    folders.into_iter().map(|folder| folder.join(NAME)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_an_absent_binary_is_named_with_the_way_to_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let absent = find(Some(folder.path())).unwrap_err().to_string();
        assert!(absent.contains("install-cometbft.sh") && absent.contains("/cometbft"), "{absent}");
    }

    #[test]
    fn rule_2_other_versions_are_refused() {
        let path = Path::new("/somewhere/cometbft");
        for version in ["0.37.9", "0.39.4\n", "1.0.1", "", "nonsense"] {
            let refused = check_version(path, version).unwrap_err().to_string();
            assert!(refused.contains("0.38.x is needed"), "{refused}");
        }
        check_version(path, "0.38.25\n").unwrap();
        check_version(path, "v0.38.1+abc").unwrap();
    }
}
