//! Checkpoints: files that hold the tree of a height, so that a start need not read every row.
//!
//! 1. A checkpoint is written under a temporary name, synced, renamed, and its folder synced: under
//!    its own name there is never half a file.
//! 2. The newest [`CHECKPOINTS_KEPT`] are kept: when the newest is damaged, the one before serves,
//!    and the journal since then is kept too.
//! 3. A checkpoint is only a shortcut. Whatever is wrong with it, the tree can be rebuilt from the
//!    rows; the stored root decides whether the tree is right.
//! 4. It is written from an immutable version, so a [`CheckpointJob`] can run on any thread while
//!    blocks go on.

use crate::failpoint::failpoint;
use dadbs_merkle::{Tree, read_checkpoint, write_checkpoint};
use dadbs_types::Fatal;
use std::fs::{self, File};
use std::io::{BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// How many checkpoints stay on disk (rule 2).
pub const CHECKPOINTS_KEPT: usize = 2;

const SUFFIX: &str = "tree";

/// The folder of checkpoints and the heights it holds.
#[derive(Clone, Debug)]
pub(crate) struct Checkpoints {
    folder: PathBuf,
    /// Heights on disk, ascending; jobs on other threads add to it.
    heights: Arc<Mutex<Vec<u64>>>,
}

fn fatal(what: &str, path: &Path, error: &std::io::Error) -> Fatal {
    Fatal::new(format!("{what} {}: {error}", path.display()))
}

impl Checkpoints {
    /// Opens the folder, making it if it is missing; leftovers of interrupted writes are removed.
    pub(crate) fn open(folder: PathBuf) -> Result<Checkpoints, Fatal> {
        fs::create_dir_all(&folder).map_err(|e| fatal("cannot make the folder", &folder, &e))?;
        let mut heights = Vec::new();
        let entries =
            fs::read_dir(&folder).map_err(|e| fatal("cannot read the folder", &folder, &e))?;
        for entry in entries {
            let path = entry.map_err(|e| fatal("cannot read the folder", &folder, &e))?.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str());
            match (stem.and_then(|stem| stem.parse().ok()), path.extension()) {
                (Some(height), Some(suffix)) if suffix == SUFFIX => heights.push(height),
                (_, Some(suffix)) if suffix == "tmp" => {
                    fs::remove_file(&path).map_err(|e| fatal("cannot remove", &path, &e))?;
                }
                _ => {}
            }
        }
        heights.sort_unstable();
        Ok(Checkpoints { folder, heights: Arc::new(Mutex::new(heights)) })
    }

    fn path(&self, height: u64) -> PathBuf {
        self.folder.join(format!("{height}.{SUFFIX}"))
    }

    fn locked<T>(&self, f: impl FnOnce(&mut Vec<u64>) -> T) -> T {
        // The list is changed by single calls only, so a panic cannot leave it half done.
        f(&mut self.heights.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The heights on disk, ascending.
    pub(crate) fn heights(&self) -> Vec<u64> {
        self.locked(|heights| heights.clone())
    }

    /// Reads the tree of a height; the error is what is wrong with the file (rule 3).
    pub(crate) fn read(&self, height: u64) -> Result<Tree, String> {
        let path = self.path(height);
        let file = File::open(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        match read_checkpoint(&mut BufReader::with_capacity(1 << 20, file)) {
            Ok((found, tree)) if found == height => Ok(tree),
            Ok((found, _)) => Err(format!("{} is of height {found}", path.display())),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    /// Removes a checkpoint that is of no use.
    pub(crate) fn remove(&self, height: u64) -> Result<(), Fatal> {
        let path = self.path(height);
        fs::remove_file(&path).map_err(|e| fatal("cannot remove", &path, &e))?;
        self.locked(|heights| heights.retain(|kept| *kept != height));
        Ok(())
    }

    /// The work of writing a checkpoint.
    pub(crate) fn job(&self, height: u64, tree: Tree) -> CheckpointJob {
        CheckpointJob { checkpoints: self.clone(), height, tree }
    }
}

/// A checkpoint to be written (rule 4).
pub struct CheckpointJob {
    checkpoints: Checkpoints,
    height: u64,
    tree: Tree,
}

impl CheckpointJob {
    /// The height of the tree.
    pub fn height(&self) -> u64 {
        self.height
    }

    /// Writes the checkpoint durably (rule 1) and removes the ones beyond rule 2.
    pub fn run(self) -> Result<(), Fatal> {
        failpoint!("checkpoint_start");
        let path = self.checkpoints.path(self.height);
        let temporary = path.with_extension("tmp");
        self.write(&temporary).map_err(|e| {
            fatal("cannot write the checkpoint (is the disk full?)", &temporary, &e)
        })?;
        failpoint!("checkpoint_synced");
        let folder = &self.checkpoints.folder;
        fs::rename(&temporary, &path)
            .and_then(|()| File::open(folder))
            .and_then(|folder| folder.sync_all())
            .map_err(|e| fatal("cannot name the checkpoint", &path, &e))?;
        failpoint!("checkpoint_renamed");
        let extra = self.checkpoints.locked(|heights| {
            heights.retain(|kept| *kept != self.height);
            heights.push(self.height);
            heights.sort_unstable();
            let extra = heights.len().saturating_sub(CHECKPOINTS_KEPT);
            heights.iter().copied().take(extra).collect::<Vec<u64>>()
        });
        for height in extra {
            self.checkpoints.remove(height)?;
        }
        failpoint!("checkpoint_pruned");
        tracing::debug!(height = self.height, leaves = self.tree.len(), "checkpoint written");
        Ok(())
    }

    fn write(&self, temporary: &Path) -> std::io::Result<()> {
        let mut file = File::create(temporary)?;
        write_checkpoint(&self.tree, self.height, &mut file)?;
        file.flush()?;
        failpoint!("checkpoint_written");
        file.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_2_the_newest_two_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(folder.path().join("c")).unwrap();
        let tree = Tree::from_leaves([([7; 32], [8; 32])]);
        for height in [3, 9, 11] {
            checkpoints.job(height, tree.clone()).run().unwrap();
        }
        assert_eq!(checkpoints.heights(), [9, 11]);
        fs::write(folder.path().join("c/12.tmp"), "half").unwrap();
        let again = Checkpoints::open(folder.path().join("c")).unwrap();
        assert_eq!(again.heights(), [9, 11]);
        assert!(!folder.path().join("c/12.tmp").exists());
        assert_eq!(again.read(11).map(|tree| tree.root()), Ok(tree.root()));
        fs::copy(folder.path().join("c/11.tree"), folder.path().join("c/9.tree")).unwrap();
        assert!(again.read(9).is_err_and(|error| error.contains("is of height 11")));
    }
}
