//! A tree as bytes, to start from without reading every row.
//!
//! ```text
//! checkpoint = "dadbs tree 1\n" u64 height  u64 count  (key value){count}  BLAKE3 of all before
//! ```
//!
//! 1. Integers are little-endian; the leaves are in the order of the tree, each key once, no value
//!    zero. So a tree has one checkpoint per height.
//! 2. A checkpoint that is cut off, changed, foreign or followed by bytes is an error, never a tree.
//! 3. Only leaves are kept and all hashes computed again; the caller compares the root.

use crate::{Hash, Tree, ZERO};
use std::io::{self, ErrorKind, Read, Write};

const MAGIC: &[u8; 13] = b"dadbs tree 1\n";
const LEAF_BYTES: usize = 64;
/// Leaves per read and write.
const LEAVES_AT_ONCE: usize = 4096;

/// Why a checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The file does not begin as a checkpoint.
    #[error("this is no checkpoint of a state tree, or one of another version of this program")]
    Foreign,
    /// The bytes end too early.
    #[error("the checkpoint is cut off; remove it, the tree is rebuilt from the rows")]
    Truncated,
    /// The trailing hash, the order of the leaves, or the end is wrong.
    #[error("the checkpoint is corrupted ({0}); remove it, the tree is rebuilt from the rows")]
    Corrupted(&'static str),
    /// The reader failed.
    #[error("the checkpoint cannot be read: {0}")]
    Io(io::Error),
}

impl From<io::Error> for CheckpointError {
    fn from(error: io::Error) -> CheckpointError {
        match error.kind() {
            ErrorKind::UnexpectedEof => CheckpointError::Truncated,
            _ => CheckpointError::Io(error),
        }
    }
}

/// Writes the tree of a height, in pieces of 256 KiB; the caller syncs.
pub fn write_checkpoint(tree: &Tree, height: u64, out: &mut impl Write) -> io::Result<()> {
    let mut hasher = blake3::Hasher::new();
    let mut piece = Vec::with_capacity(LEAVES_AT_ONCE * LEAF_BYTES);
    piece.extend(MAGIC);
    piece.extend(height.to_le_bytes());
    piece.extend((tree.len() as u64).to_le_bytes());
    for (key, value) in tree {
        if piece.len() + LEAF_BYTES > LEAVES_AT_ONCE * LEAF_BYTES {
            hasher.update(&piece);
            out.write_all(&piece)?;
            piece.clear();
        }
        piece.extend(key);
        piece.extend(value);
    }
    hasher.update(&piece);
    out.write_all(&piece)?;
    out.write_all(hasher.finalize().as_bytes())
}

/// Reads a checkpoint to its end: the height and the tree, whose root the caller compares.
pub fn read_checkpoint(input: &mut impl Read) -> Result<(u64, Tree), CheckpointError> {
    let mut hasher = blake3::Hasher::new();
    let mut magic = [0; MAGIC.len()];
    input.read_exact(&mut magic)?;
    if &magic != MAGIC {
        return Err(CheckpointError::Foreign);
    }
    hasher.update(&magic);
    let height = read_u64(input, &mut hasher)?;
    let count = read_u64(input, &mut hasher)?;
    let leaves = read_leaves(input, count, &mut hasher)?;
    let mut trailer: Hash = ZERO;
    input.read_exact(&mut trailer)?;
    if hasher.finalize() != blake3::Hash::from_bytes(trailer) {
        return Err(CheckpointError::Corrupted("its hash does not fit"));
    }
    if input.read(&mut [0])? != 0 {
        return Err(CheckpointError::Corrupted("bytes follow its hash"));
    }
    let ordered = leaves.is_sorted_by(|(a, _), (b, _)| a.iter().rev().lt(b.iter().rev()));
    if !ordered || leaves.iter().any(|(_, value)| *value == ZERO) {
        return Err(CheckpointError::Corrupted("its leaves are not those of a tree"));
    }
    Ok((height, Tree::from_leaves(leaves)))
}

fn read_u64(input: &mut impl Read, hasher: &mut blake3::Hasher) -> Result<u64, CheckpointError> {
    let mut bytes = [0; 8];
    input.read_exact(&mut bytes)?;
    hasher.update(&bytes);
    Ok(u64::from_le_bytes(bytes))
}

/// Reads piece by piece, so that memory follows what is there and not what `count` says.
fn read_leaves(
    input: &mut impl Read,
    count: u64,
    hasher: &mut blake3::Hasher,
) -> Result<Vec<(Hash, Hash)>, CheckpointError> {
    let mut leaves = Vec::new();
    let mut piece = vec![0; LEAVES_AT_ONCE * LEAF_BYTES];
    let mut left = count;
    while left > 0 {
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(LEAVES_AT_ONCE);
        let bytes = &mut piece[..now * LEAF_BYTES];
        input.read_exact(bytes)?;
        hasher.update(bytes);
        for leaf in bytes.as_chunks::<LEAF_BYTES>().0 {
            let (mut key, mut value) = (ZERO, ZERO);
            key.copy_from_slice(&leaf[..32]);
            value.copy_from_slice(&leaf[32..]);
            leaves.push((key, value));
        }
        left -= now as u64;
    }
    Ok(leaves)
}
