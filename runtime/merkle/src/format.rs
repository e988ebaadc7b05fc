//! The bits of keys and the three hashes of the format, as the crate's header gives them.

use crate::Hash;

/// Height of the root: one above the topmost bit.
pub(crate) const TOP: u16 = 256;

/// A key with its bytes reversed: the topmost bit first, so that paths compare as leaves are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Path([u8; 32]);

impl Path {
    pub(crate) fn of_key(key: &Hash) -> Path {
        let mut bytes = *key;
        bytes.reverse();
        Path(bytes)
    }

    pub(crate) fn key(&self) -> Hash {
        let mut bytes = self.0;
        bytes.reverse();
        bytes
    }

    /// The side at `height`: true is right.
    pub(crate) fn is_right(&self, height: u8) -> bool {
        (self.0[31 - usize::from(height / 8)] >> (height % 8)) & 1 == 1
    }

    /// The height of the topmost bit in which the paths differ; `None` if they are equal.
    pub(crate) fn fork_height(&self, other: &Path) -> Option<u8> {
        let byte = self.0.iter().zip(&other.0).position(|(a, b)| a != b)?;
        let bit = (self.0[byte] ^ other.0[byte]).ilog2();
        u8::try_from(8 * (31 - byte) + bit as usize).ok()
    }

    /// The path with the bits below `height` cleared.
    pub(crate) fn from(&self, height: u16) -> Path {
        let mut bytes = self.0;
        let whole = usize::from(height / 8);
        bytes[32 - whole..].fill(0);
        if whole < 32 {
            bytes[31 - whole] &= 0xff << (height % 8);
        }
        Path(bytes)
    }

    /// The path with only the bits at heights `low..high` kept.
    pub(crate) fn window(&self, low: u16, high: u16) -> Path {
        let mut bytes = self.from(low).0;
        bytes.iter_mut().zip(self.from(high).0).for_each(|(byte, above)| *byte ^= above);
        Path(bytes)
    }

    /// The bits that are set in either.
    pub(crate) fn union(&self, other: &Path) -> Path {
        let mut bytes = self.0;
        bytes.iter_mut().zip(&other.0).for_each(|(a, b)| *a |= b);
        Path(bytes)
    }

    /// The bits in which the paths differ: as a number, the distance between them.
    pub(crate) fn distance(&self, other: &Path) -> Path {
        let mut bytes = self.0;
        bytes.iter_mut().zip(&other.0).for_each(|(a, b)| *a ^= b);
        Path(bytes)
    }

    /// True if a bit is set in both.
    pub(crate) fn meets(&self, other: &Path) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub(crate) fn with_bit(mut self, height: u8, right: bool) -> Path {
        let byte = &mut self.0[31 - usize::from(height / 8)];
        *byte = (*byte & !(1 << (height % 8))) | (u8::from(right) << (height % 8));
        self
    }
}

/// A node as the level above it sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Merge {
    /// A leaf's value at height 0, or a node with leaves on both sides.
    Value(Hash),
    /// A node that rose through levels whose other side is empty.
    Risen { base: Hash, bits: Path, count: u8 },
}

impl Merge {
    pub(crate) fn hash(&self) -> Hash {
        match self {
            Merge::Value(hash) => *hash,
            Merge::Risen { base, bits, count } => {
                let mut input = [0; 66];
                input[0] = 2;
                input[1..33].copy_from_slice(base);
                input[33..65].copy_from_slice(&bits.key());
                input[65] = *count;
                hash(&input)
            }
        }
    }
}

/// The node `value` at height `from`, on the way of `path`, as it is at height `to`.
pub(crate) fn rise(value: Hash, path: &Path, from: u16, to: u16) -> Merge {
    if from == to {
        return Merge::Value(value);
    }
    let mut input = [0; 65];
    input[0] = low_byte(from);
    input[1..33].copy_from_slice(&path.from(from + 1).key());
    input[33..].copy_from_slice(&value);
    Merge::Risen { base: hash(&input), bits: path.window(from, to), count: low_byte(to - from) }
}

/// The node whose two sides at `height` have these hashes; `path` leads through it.
pub(crate) fn fork(height: u8, path: &Path, left: &Hash, right: &Hash) -> Hash {
    let mut input = [0; 98];
    input[0] = 1;
    input[1] = height;
    input[2..34].copy_from_slice(&path.from(u16::from(height) + 1).key());
    input[34..66].copy_from_slice(left);
    input[66..].copy_from_slice(right);
    hash(&input)
}

/// Heights and counts are hashed as one byte: 256 becomes 0.
pub(crate) fn low_byte(height: u16) -> u8 {
    height.to_le_bytes()[0]
}

fn hash(input: &[u8]) -> Hash {
    *blake3::hash(input).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit_by_bit(path: &Path, keep: impl Fn(u16) -> bool) -> Path {
        (0..=255u8).filter(|h| !keep(u16::from(*h))).fold(*path, |p, h| p.with_bit(h, false))
    }

    #[test]
    fn rule_1_bits_of_a_path() {
        let path = Path::of_key(blake3::hash(b"path").as_bytes());
        for h in 0..=255u8 {
            assert_eq!(path.is_right(h), path.key()[usize::from(h / 8)] >> (h % 8) & 1 == 1);
            assert_eq!(path.fork_height(&path.with_bit(h, !path.is_right(h))), Some(h));
        }
        for low in (0..=TOP).step_by(5).chain([1, 255, TOP]) {
            assert_eq!(path.from(low), bit_by_bit(&path, |h| h >= low));
            for high in low..=TOP {
                let expected = bit_by_bit(&path, |h| (low..high).contains(&h));
                assert_eq!(path.window(low, high), expected, "{low}..{high}");
            }
        }
        assert_eq!(path.fork_height(&path), None);
    }
}
