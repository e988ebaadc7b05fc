//! The last versions of the tree, by height.
//!
//! 1. Heights are pushed one after the other, without a gap.
//! 2. The last [`limits::VERSIONS_KEPT`] are kept; whoever holds an older one may keep it alive.
//! 3. The newest can be dropped again, for a block that is undone.

use crate::{Hash, Tree};
use dadbs_types::{Fatal, limits};
use std::collections::VecDeque;

/// The last versions of the tree, by height.
#[derive(Clone, Debug, Default)]
pub struct Versions {
    /// The heights are consecutive, the newest is the last.
    kept: VecDeque<(u64, Tree)>,
}

impl Versions {
    /// No version yet.
    pub fn new() -> Versions {
        Versions::default()
    }

    /// Adds the version of the next height (rule 1), and forgets the oldest beyond the limit.
    pub fn push(&mut self, height: u64, tree: Tree) -> Result<(), Fatal> {
        if let Some((newest, _)) = self.kept.back()
            && newest.checked_add(1) != Some(height)
        {
            return Err(Fatal::new(format!(
                "the state tree of height {height} follows that of height {newest}: heights were \
                 skipped or repeated; restart the node to replay its journal"
            )));
        }
        self.kept.push_back((height, tree));
        if self.kept.len() > limits::VERSIONS_KEPT {
            self.kept.pop_front();
        }
        Ok(())
    }

    /// The version of a height, if it is kept.
    pub fn get(&self, height: u64) -> Option<&Tree> {
        let (oldest, _) = self.kept.front()?;
        let index = usize::try_from(height.checked_sub(*oldest)?).ok()?;
        self.kept.get(index).map(|(_, tree)| tree)
    }

    /// The newest version and its height.
    pub fn newest(&self) -> Option<(u64, &Tree)> {
        self.kept.back().map(|(height, tree)| (*height, tree))
    }

    /// The newest version up to a height whose root is this, and its height.
    pub fn with_root(&self, root: &Hash, most: u64) -> Option<(u64, &Tree)> {
        let mut newest_first = self.kept.iter().rev();
        let found = newest_first.find(|(height, tree)| *height <= most && tree.root() == *root);
        found.map(|(height, tree)| (*height, tree))
    }

    /// Takes the newest version away (rule 3).
    pub fn drop_newest(&mut self) -> Option<(u64, Tree)> {
        self.kept.pop_back()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(height: u64) -> Tree {
        let mut value = [1; 32];
        value[..8].copy_from_slice(&height.to_le_bytes());
        Tree::from_leaves([([7; 32], value)])
    }

    #[test]
    fn rule_1_heights_have_no_gap() {
        let mut versions = Versions::new();
        versions.push(5, at(5)).unwrap();
        assert!(versions.push(7, at(7)).is_err());
        assert!(versions.push(5, at(5)).is_err());
        versions.push(6, at(6)).unwrap();
        assert_eq!(versions.newest().map(|(height, _)| height), Some(6));
    }

    #[test]
    fn rule_2_the_last_are_kept() {
        let mut versions = Versions::new();
        let last = limits::VERSIONS_KEPT as u64 + 10;
        for height in 1..=last {
            versions.push(height, at(height)).unwrap();
        }
        let oldest = last + 1 - limits::VERSIONS_KEPT as u64;
        for height in oldest..=last {
            assert_eq!(versions.get(height).unwrap().root(), at(height).root());
        }
        for gone in [0, oldest - 1, last + 1, u64::MAX] {
            assert!(versions.get(gone).is_none());
        }
        let root = at(last - 3).root();
        assert_eq!(versions.with_root(&root, last - 3).unwrap().0, last - 3);
        assert!(versions.with_root(&root, last - 4).is_none());
    }

    #[test]
    fn rule_3_the_newest_is_dropped() {
        let mut versions = Versions::new();
        versions.push(1, at(1)).unwrap();
        versions.push(2, at(2)).unwrap();
        assert_eq!(versions.drop_newest().map(|(height, _)| height), Some(2));
        versions.push(2, at(20)).unwrap();
        assert_eq!(versions.get(2).unwrap().root(), at(20).root());
    }
}
