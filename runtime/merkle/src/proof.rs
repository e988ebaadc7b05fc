//! Proofs that a key has a value, or is absent, under a root.
//!
//! ```text
//! proof = 0x4C step*             one step or run per height, from the leaf to the root
//! step  = 0x4F u8 n              n levels with an empty other side (0 = all 256)
//!       | 0x50 hash              the other side's hash
//!       | 0x51 u8 count base bits  the other side, where ours is empty: a risen node
//! ```
//!
//! 1. At most [`PROOF_BYTES_MAX`] bytes are looked at.
//! 2. The steps end at height 256 exactly, and nothing follows.
//! 3. Runs are maximal: none follows another, and none is written as hashes of zero.
//! 4. `0x51` is used exactly where it is needed, at the first other side of an absent key, and its
//!    `count` levels and `bits` lie directly below the height of the step.
//! 5. The computed hash is the root.
//!
//! Rules 1 to 4 leave one encoding, so that a byte string is either the proof or refused. Rule 4 is
//! also what makes absence sound: the reference crate's verifier takes any `bits`, so that whoever
//! makes the proof can hide the key itself in the "other side" of its own path, and have an existing
//! key taken for absent. The reference crate accepts every proof that [`verify`] accepts.
//!
//! The proof of a present key also shows which sides of its path are empty. So it shows that no key is nearer to a
//! target ([`verify_nearest`]): a nearer key would have to be on the other side of the path at a height at which key and
//! target differ, and at each of these heights the other side is empty.
//!
//! A proof of absence is about a region of keys that share their upper bits: it holds for every key
//! of the region.

use crate::format::{Merge, Path, TOP, fork, low_byte, rise};
use crate::tree::{Leaf, Node, Tree, bucket_at, split};
use crate::{Hash, ZERO};
use dadbs_types::limits;

const LEAF: u8 = 0x4C;
const EMPTY_RUN: u8 = 0x4F;
const OTHER_SIDE: u8 = 0x50;
const RISEN_OTHER_SIDE: u8 = 0x51;

/// The longest proof.
pub const PROOF_BYTES_MAX: usize = limits::MERKLE_PROOF_BYTES_MAX;
// 256 other sides, one of them risen.
const _: () = assert!(PROOF_BYTES_MAX == 1 + 256 * 33 + 33);

/// Why a proof is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// Rule 1.
    #[error("the Merkle proof has {0} bytes; at most {PROOF_BYTES_MAX} are possible")]
    TooLong(usize),
    /// Rule 2.
    #[error("the Merkle proof ends before height 256 or goes on after it")]
    WrongLength,
    /// Rules 3 and 4.
    #[error(
        "the Merkle proof is malformed at height {height}: byte 0x{code:02x} begins no step here"
    )]
    Malformed {
        /// The height that the step is for.
        height: u16,
        /// The first byte of the step.
        code: u8,
    },
    /// A value of 32 zeros cannot be in the tree.
    #[error("a value of zeros is no value; ask for absence instead")]
    ZeroValue,
    /// Rule 5.
    #[error("the Merkle proof is not for this key, value and root")]
    WrongRoot,
    /// See [`verify_nearest`].
    #[error("the Merkle proof shows leaves that are nearer to the target than this key")]
    NotNearest,
}

impl Tree {
    /// The proof of what [`Tree::get`] answers, for [`verify`].
    pub fn prove(&self, key: &Hash) -> Vec<u8> {
        let path = Path::of_key(key);
        let mut steps = Steps::default();
        if let Some(root) = &self.root {
            walk(&root.node, &path, &mut steps);
        }
        steps.encode()
    }
}

/// The other sides of a path, topmost first.
#[derive(Default)]
struct Steps {
    hashes: Vec<(u8, Hash)>,
    /// The node beside an absent key's path at its first fork, the lowest of all.
    beside_absent: Option<(u8, Merge)>,
}

fn walk(node: &Node, path: &Path, steps: &mut Steps) {
    let mut node = node;
    let mut height = TOP;
    loop {
        let fork = match node {
            Node::Bucket(leaves) => return walk_bucket(leaves, path, steps),
            Node::Fork(fork) => fork,
        };
        if u16::from(fork.height) + 1 < height
            && let Some(turn) = path.fork_height(node.any_path())
            && turn > fork.height
        {
            steps.beside_absent = Some((turn, node.at(turn.into())));
            return;
        }
        let right = path.is_right(fork.height);
        steps.hashes.push((fork.height, fork.side(!right).hash));
        node = &fork.side(right).node;
        height = fork.height.into();
    }
}

fn walk_bucket(leaves: &[Leaf], path: &Path, steps: &mut Steps) {
    let mut leaves = leaves;
    loop {
        let fork = split(leaves);
        if let Some(turn) = path.fork_height(&leaves[0].path)
            && fork.is_none_or(|(height, ..)| turn > height)
        {
            steps.beside_absent = Some((turn, bucket_at(leaves, turn.into())));
            return;
        }
        let Some((height, left, right)) = fork else { return };
        let (ours, other) = if path.is_right(height) { (right, left) } else { (left, right) };
        steps.hashes.push((height, bucket_at(other, height.into()).hash()));
        leaves = ours;
    }
}

impl Steps {
    fn encode(&self) -> Vec<u8> {
        let mut out = vec![LEAF];
        let mut next = 0;
        let mut empty_run_to = |height: u16, out: &mut Vec<u8>| {
            if height > next {
                out.extend([EMPTY_RUN, low_byte(height - next)]);
            }
            next = height + 1;
        };
        if let Some((height, merge)) = &self.beside_absent {
            empty_run_to((*height).into(), &mut out);
            match merge {
                Merge::Value(hash) => {
                    out.push(OTHER_SIDE);
                    out.extend(hash);
                }
                Merge::Risen { base, bits, count } => {
                    out.extend([RISEN_OTHER_SIDE, *count]);
                    out.extend(base);
                    out.extend(bits.key());
                }
            }
        }
        for (height, hash) in self.hashes.iter().rev() {
            empty_run_to((*height).into(), &mut out);
            out.push(OTHER_SIDE);
            out.extend(hash);
        }
        empty_run_to(TOP, &mut out);
        out
    }
}

/// Checks that `key` has `value` (`None`: is absent) in the tree of this root. Reads any bytes
/// without panic.
pub fn verify(
    root: &Hash,
    key: &Hash,
    value: Option<&Hash>,
    proof: &[u8],
) -> Result<(), ProofError> {
    verified(root, key, value, proof).map(drop)
}

/// Checks that `key` has `value` in the tree of this root, and that no other key is nearer to `target`: that it is
/// what [`Tree::nearest`] answers. The distance of two keys is the number whose bits are those in which they
/// differ, the topmost first. Reads any bytes without panic.
pub fn verify_nearest(
    root: &Hash,
    target: &Hash,
    key: &Hash,
    value: &Hash,
    proof: &[u8],
) -> Result<(), ProofError> {
    let beside = verified(root, key, Some(value), proof)?;
    let differ = Path::of_key(key).distance(&Path::of_key(target));
    if differ.meets(&beside) { Err(ProofError::NotNearest) } else { Ok(()) }
}

/// [`verify`]; gives the heights, as bits, at which the other side is not empty.
fn verified(
    root: &Hash,
    key: &Hash,
    value: Option<&Hash>,
    proof: &[u8],
) -> Result<Path, ProofError> {
    if proof.len() > PROOF_BYTES_MAX {
        return Err(ProofError::TooLong(proof.len()));
    }
    if value == Some(&ZERO) {
        return Err(ProofError::ZeroValue);
    }
    let mut verifier = Verifier {
        path: Path::of_key(key),
        node: value.map(|value| Merge::Value(*value)),
        height: 0,
        after_run: false,
        beside: Path::of_key(&ZERO),
    };
    let (&first, mut rest) = proof.split_first().ok_or(ProofError::WrongLength)?;
    if first != LEAF {
        return Err(ProofError::Malformed { height: 0, code: first });
    }
    while verifier.height < TOP {
        rest = verifier.step(rest)?;
    }
    if !rest.is_empty() {
        return Err(ProofError::WrongLength);
    }
    let computed = verifier.node.map_or(ZERO, |node| node.hash());
    if computed == *root { Ok(verifier.beside) } else { Err(ProofError::WrongRoot) }
}

struct Verifier {
    path: Path,
    /// Our side as it is at `height`; `None` if it is empty.
    node: Option<Merge>,
    height: u16,
    after_run: bool,
    /// The heights so far whose other side is not empty, as bits.
    beside: Path,
}

impl Verifier {
    /// Takes one step and returns the bytes after it.
    fn step<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], ProofError> {
        let (&code, rest) = bytes.split_first().ok_or(ProofError::WrongLength)?;
        let malformed = ProofError::Malformed { height: self.height, code };
        let was_after_run = std::mem::replace(&mut self.after_run, code == EMPTY_RUN);
        match code {
            EMPTY_RUN if !was_after_run => {
                let (&n, rest) = rest.split_first().ok_or(ProofError::WrongLength)?;
                let to = self.height + if n == 0 { TOP } else { u16::from(n) };
                if to > TOP {
                    return Err(malformed);
                }
                self.rise_to(to);
                Ok(rest)
            }
            OTHER_SIDE => {
                let (other, rest) = rest.split_first_chunk().ok_or(ProofError::WrongLength)?;
                if *other == ZERO {
                    return Err(malformed);
                }
                self.join(Merge::Value(*other))?;
                Ok(rest)
            }
            RISEN_OTHER_SIDE if self.node.is_none() => {
                let (&count, rest) = rest.split_first().ok_or(ProofError::WrongLength)?;
                let (base, rest) = rest.split_first_chunk().ok_or(ProofError::WrongLength)?;
                let (bits, rest) = rest.split_first_chunk().ok_or(ProofError::WrongLength)?;
                let bits = Path::of_key(bits);
                let levels = u16::from(count);
                if count == 0
                    || levels > self.height
                    || bits.window(self.height - levels, self.height) != bits
                {
                    return Err(malformed);
                }
                self.join(Merge::Risen { base: *base, bits, count })?;
                Ok(rest)
            }
            _ => Err(malformed),
        }
    }

    /// Through levels whose other side is empty.
    fn rise_to(&mut self, to: u16) {
        self.node = self.node.map(|node| risen(&node, &self.path, self.height, to));
        self.height = to;
    }

    /// Up one level, where the other side is not empty.
    fn join(&mut self, other: Merge) -> Result<(), ProofError> {
        // `step` is called below height 256 only.
        let height = u8::try_from(self.height).map_err(|_| ProofError::WrongLength)?;
        let right = self.path.is_right(height);
        self.beside = self.beside.with_bit(height, true);
        self.node = Some(match self.node {
            None => {
                let beside = self.path.with_bit(height, !right);
                risen(&other, &beside, self.height, self.height + 1)
            }
            Some(ours) => {
                let (ours, other) = (ours.hash(), other.hash());
                let (left, right) = if right { (other, ours) } else { (ours, other) };
                Merge::Value(fork(height, &self.path, &left, &right))
            }
        });
        self.height += 1;
        Ok(())
    }
}

/// A node at height `from`, on the way of `path`, as it is at height `to`.
fn risen(node: &Merge, path: &Path, from: u16, to: u16) -> Merge {
    match *node {
        Merge::Value(hash) => rise(hash, path, from, to),
        Merge::Risen { base, bits, count } => Merge::Risen {
            base,
            bits: bits.union(&path.window(from, to)),
            count: count.wrapping_add(low_byte(to - from)),
        },
    }
}
