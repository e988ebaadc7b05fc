//! The persistent tree.
//!
//! 1. A node is a fork (leaves on both sides of one bit, both sides non-empty) or a bucket: the
//!    sorted leaves of a subtree that has at most [`BUCKET`] of them. A fork has more than that.
//!    So the shape, too, is a function of the set of leaves.
//! 2. The hash of a node is kept by the fork above it, at that fork's height: hashing a fork reads
//!    no other node. Hashes inside a bucket are not kept, they are computed again when it changes.
//! 3. No node knows its bits; where levels are skipped they are those of any leaf below.

use crate::format::{Merge, Path, TOP, fork, rise};
use crate::{Hash, ZERO};
use std::fmt;
use std::sync::Arc;

/// Leaves of a bucket, at most. More save memory, fewer save hashing.
pub(crate) const BUCKET: usize = 4;

/// A leaf; as a change, [`ZERO`] removes it.
#[derive(Clone, Copy)]
pub(crate) struct Leaf {
    pub(crate) path: Path,
    pub(crate) value: Hash,
}

#[derive(Clone)]
pub(crate) enum Node {
    Fork(Arc<Fork>),
    Bucket(Arc<[Leaf]>),
}

pub(crate) struct Fork {
    pub(crate) left: Child,
    pub(crate) right: Child,
    pub(crate) height: u8,
}

/// A node and its hash at the height of the fork that holds it ([`TOP`] for the root).
#[derive(Clone)]
pub(crate) struct Child {
    pub(crate) node: Node,
    pub(crate) hash: Hash,
}

/// One version of the map. Cloning is cheap, versions are independent of each other.
#[derive(Clone, Default)]
pub struct Tree {
    pub(crate) root: Option<Child>,
    len: usize,
}

impl Tree {
    /// The empty tree.
    pub fn new() -> Tree {
        Tree::default()
    }

    /// The tree of these (key, value) pairs, in any order; fastest in the order of the tree. The last
    /// value of a key counts, zero values are left out.
    pub fn from_leaves(leaves: impl IntoIterator<Item = (Hash, Hash)>) -> Tree {
        let mut leaves = sorted_changes(leaves.into_iter().map(|(key, value)| (key, Some(value))));
        leaves.retain(|leaf| leaf.value != ZERO);
        Tree { len: leaves.len(), root: build(&leaves, TOP) }
    }

    /// The next version: each key gets its value, `None` (or zero) removes it, the last change of a
    /// key counts.
    #[must_use]
    pub fn update(&self, changes: &[(Hash, Option<Hash>)]) -> Tree {
        let changes = sorted_changes(changes.iter().copied());
        let mut counts = Counts { added: 0, removed: 0 };
        let root = match (&self.root, changes.is_empty()) {
            (root, true) => root.clone(),
            (None, false) => insert_all(&changes, TOP, &mut counts),
            (Some(root), false) => apply(&root.node, &changes, TOP, &mut counts),
        };
        Tree { root, len: self.len + counts.added - counts.removed }
    }

    /// The root hash, [`ZERO`] for the empty tree.
    pub fn root(&self) -> Hash {
        self.root.as_ref().map_or(ZERO, |root| root.hash)
    }

    /// The number of leaves.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no leaves.
    pub fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// The value of a key.
    pub fn get(&self, key: &Hash) -> Option<Hash> {
        let path = Path::of_key(key);
        let mut node = &self.root.as_ref()?.node;
        loop {
            match node {
                Node::Fork(fork) => node = &fork.side(path.is_right(fork.height)).node,
                Node::Bucket(leaves) => {
                    return leaves.iter().find(|leaf| leaf.path == path).map(|leaf| leaf.value);
                }
            }
        }
    }

    /// The leaf nearest to a target: where the target's own side is empty, the other side's; `None` if there are no
    /// leaves. [`crate::verify_nearest`] checks it with the proof of the leaf's key.
    pub fn nearest(&self, target: &Hash) -> Option<(Hash, Hash)> {
        let target = Path::of_key(target);
        let mut node = &self.root.as_ref()?.node;
        loop {
            match node {
                Node::Fork(fork) => node = &fork.side(target.is_right(fork.height)).node,
                Node::Bucket(leaves) => {
                    let nearest = leaves.iter().min_by_key(|leaf| leaf.path.distance(&target))?;
                    return Some((nearest.path.key(), nearest.value));
                }
            }
        }
    }

    /// The (key, value) pairs in the order of the tree.
    pub fn iter(&self) -> Leaves<'_> {
        Leaves { bucket: [].iter(), rest: self.root.iter().map(|root| &root.node).collect() }
    }
}

/// The root and the number of leaves; the leaves would be too many.
impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = blake3::Hash::from_bytes(self.root()).to_hex();
        f.debug_struct("Tree").field("root", &root.as_str()).field("len", &self.len).finish()
    }
}

impl<'a> IntoIterator for &'a Tree {
    type Item = (Hash, Hash);
    type IntoIter = Leaves<'a>;

    fn into_iter(self) -> Leaves<'a> {
        self.iter()
    }
}

/// The (key, value) pairs of a [`Tree`] in its order.
pub struct Leaves<'a> {
    bucket: std::slice::Iter<'a, Leaf>,
    rest: Vec<&'a Node>,
}

impl Iterator for Leaves<'_> {
    type Item = (Hash, Hash);

    fn next(&mut self) -> Option<(Hash, Hash)> {
        loop {
            if let Some(leaf) = self.bucket.next() {
                return Some((leaf.path.key(), leaf.value));
            }
            match self.rest.pop()? {
                Node::Bucket(leaves) => self.bucket = leaves.iter(),
                Node::Fork(fork) => self.rest.extend([&fork.right.node, &fork.left.node]),
            }
        }
    }
}

impl Fork {
    pub(crate) fn side(&self, right: bool) -> &Child {
        if right { &self.right } else { &self.left }
    }
}

impl Node {
    /// Any path below (module rule 3).
    pub(crate) fn any_path(&self) -> &Path {
        let mut node = self;
        loop {
            match node {
                Node::Fork(fork) => node = &fork.left.node,
                Node::Bucket(leaves) => return &leaves[0].path,
            }
        }
    }

    /// The node as it is at `height`.
    pub(crate) fn at(&self, height: u16) -> Merge {
        match self {
            Node::Bucket(leaves) => bucket_at(leaves, height),
            Node::Fork(fork) => fork.at(self.any_path(), height),
        }
    }

    fn into_child(self, height: u16) -> Child {
        Child { hash: self.at(height).hash(), node: self }
    }
}

impl Fork {
    /// The fork as it is at `height`; `path` leads through it.
    fn at(&self, path: &Path, height: u16) -> Merge {
        let hash = fork(self.height, path, &self.left.hash, &self.right.hash);
        rise(hash, path, u16::from(self.height) + 1, height)
    }
}

/// The node of these sorted leaves (at least one), as it is at `height`.
pub(crate) fn bucket_at(leaves: &[Leaf], height: u16) -> Merge {
    let path = &leaves[0].path;
    let Some((fork_height, left, right)) = split(leaves) else {
        return rise(leaves[0].value, path, 0, height);
    };
    let below = u16::from(fork_height);
    let (left, right) = (bucket_at(left, below).hash(), bucket_at(right, below).hash());
    rise(fork(fork_height, path, &left, &right), path, below + 1, height)
}

/// The topmost fork of sorted leaves and the leaves of its two sides; `None` for a single leaf.
pub(crate) fn split(leaves: &[Leaf]) -> Option<(u8, &[Leaf], &[Leaf])> {
    let height = leaves.first()?.path.fork_height(&leaves.last()?.path)?;
    let (left, right) = sides(leaves, height);
    Some((height, left, right))
}

fn sides(leaves: &[Leaf], height: u8) -> (&[Leaf], &[Leaf]) {
    leaves.split_at(leaves.partition_point(|leaf| !leaf.path.is_right(height)))
}

/// Sorted by path, one change per key: the last one.
fn sorted_changes(changes: impl Iterator<Item = (Hash, Option<Hash>)>) -> Vec<Leaf> {
    let mut sorted: Vec<Leaf> = changes
        .map(|(key, value)| Leaf { path: Path::of_key(&key), value: value.unwrap_or(ZERO) })
        .collect();
    sorted.sort_by_key(|leaf| leaf.path);
    sorted.dedup_by(|later, earlier| {
        let same = later.path == earlier.path;
        if same {
            earlier.value = later.value;
        }
        same
    });
    sorted
}

/// The node of sorted leaves without zero values, hashed at `height`.
fn build(leaves: &[Leaf], height: u16) -> Option<Child> {
    if leaves.is_empty() {
        return None;
    }
    let (fork_height, left, right) = match split(leaves) {
        Some(split) if leaves.len() > BUCKET => split,
        _ => return Some(Node::Bucket(Arc::from(leaves)).into_child(height)),
    };
    let below = u16::from(fork_height);
    join(fork_height, &leaves[0].path, build(left, below), build(right, below), height)
}

/// The node with these two sides at `fork_height`, hashed at `height` (module rule 1); `path` leads
/// through it, which saves the search for one.
fn join(
    fork_height: u8,
    path: &Path,
    left: Option<Child>,
    right: Option<Child>,
    height: u16,
) -> Option<Child> {
    let (left, right) = match (left, right) {
        (None, None) => return None,
        (Some(only), None) | (None, Some(only)) => return Some(only.node.into_child(height)),
        (Some(left), Some(right)) => (left, right),
    };
    if let (Node::Bucket(a), Node::Bucket(b)) = (&left.node, &right.node)
        && a.len() + b.len() <= BUCKET
    {
        return Some(Node::Bucket(a.iter().chain(b.iter()).copied().collect()).into_child(height));
    }
    let fork = Fork { left, right, height: fork_height };
    Some(Child { hash: fork.at(path, height).hash(), node: Node::Fork(Arc::new(fork)) })
}

struct Counts {
    added: usize,
    removed: usize,
}

/// The node of the changes that are not removals.
fn insert_all(changes: &[Leaf], height: u16, counts: &mut Counts) -> Option<Child> {
    let leaves: Vec<Leaf> = changes.iter().filter(|leaf| leaf.value != ZERO).copied().collect();
    counts.added += leaves.len();
    build(&leaves, height)
}

/// The node after these sorted changes (at least one), hashed at `height`; all of them agree with
/// the node in the bits from `height` on.
fn apply(node: &Node, changes: &[Leaf], height: u16, counts: &mut Counts) -> Option<Child> {
    let old = match node {
        Node::Bucket(leaves) => return build(&merged(leaves, changes, counts), height),
        Node::Fork(old) => old,
    };
    let below = u16::from(old.height);
    if below + 1 < height
        && let Some(fork_height) = leaves_above(node.any_path(), changes, old.height)
    {
        return apply_above(node, changes, fork_height, height, counts);
    }
    let (left_changes, right_changes) = sides(changes, old.height);
    let mut side = |child: &Child, changes: &[Leaf]| match changes {
        [] => Some(child.clone()),
        _ => apply(&child.node, changes, below, counts),
    };
    let left = side(&old.left, left_changes);
    let right = side(&old.right, right_changes);
    join(old.height, &changes[0].path, left, right, height)
}

/// The topmost height above `fork_height` at which a change turns away from `path`.
fn leaves_above(path: &Path, changes: &[Leaf], fork_height: u8) -> Option<u8> {
    let ends = [changes.first()?, changes.last()?];
    let topmost = ends.iter().filter_map(|end| end.path.fork_height(path)).max()?;
    (topmost > fork_height).then_some(topmost)
}

/// [`apply`] where changes turn away from the node at `fork_height`, above its own fork.
fn apply_above(
    node: &Node,
    changes: &[Leaf],
    fork_height: u8,
    height: u16,
    counts: &mut Counts,
) -> Option<Child> {
    let below = u16::from(fork_height);
    let (left, right) = sides(changes, fork_height);
    let node_is_right = node.any_path().is_right(fork_height);
    let (inside, outside) = if node_is_right { (right, left) } else { (left, right) };
    let beside = insert_all(outside, below, counts);
    let kept = match inside {
        [] => Some(node.clone().into_child(below)),
        _ => apply(node, inside, below, counts),
    };
    let (left, right) = if node_is_right { (beside, kept) } else { (kept, beside) };
    join(fork_height, &changes[0].path, left, right, height)
}

/// A bucket's leaves after sorted changes.
fn merged(leaves: &[Leaf], changes: &[Leaf], counts: &mut Counts) -> Vec<Leaf> {
    let mut out = Vec::with_capacity(leaves.len() + changes.len());
    let mut old = leaves.iter().peekable();
    for change in changes {
        while let Some(leaf) = old.next_if(|leaf| leaf.path < change.path) {
            out.push(*leaf);
        }
        let replaces = old.next_if(|leaf| leaf.path == change.path).is_some();
        let inserts = change.value != ZERO;
        counts.added += usize::from(inserts && !replaces);
        counts.removed += usize::from(replaces && !inserts);
        if inserts {
            out.push(*change);
        }
    }
    out.extend(old);
    out
}
