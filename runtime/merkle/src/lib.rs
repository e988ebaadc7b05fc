//! The versioned sparse Merkle tree: what the app hash commits to.
//!
//! A map from 32-byte keys to 32-byte values, with the roots and proofs of the crate
//! `sparse-merkle-tree` 0.6.1 over BLAKE3, held in memory as a persistent tree.
//!
//! 1. A key is a hash, always. Bit `h` of a key is bit `h % 8` of byte `h / 8`; it decides the side
//!    (0 left, 1 right) at height `h`; height 255 is the top. Leaves are in the order of their bits
//!    from the top, which is the order of the reversed bytes.
//! 2. A value of 32 zeros is an absent key. The root of the empty tree is 32 zeros.
//! 3. The root is a function of the set of leaves, never of the order in which it came about.
//! 4. A [`Tree`] never changes. [`Tree::update`] makes the next version, which shares every
//!    untouched node with the last one; a version is freed when its last holder drops it.
//! 5. A batch hashes every node that it touches once.
//!
//! # The format
//! With `||` for concatenation, `from(h)` for the key with the bits below `h` cleared, and a *node at
//! height `h`* for the leaves that agree in all bits from `h` on:
//!
//! ```text
//! one leaf, h = 0        value
//! leaves on both sides   H(0x01 || u8 h-1 || from(h) || left at h-1 || right at h-1)
//! one side empty         the lower node, risen: H(0x02 || base || bits || u8 count)
//!                        count = levels risen (256 as 0), bits = the key's bits at these levels,
//!                        base  = H(u8 b || from(b + 1) || node at b), b = the height it rose from
//! ```
//!
//! The keys must be hashes because the costs grow with the number of bits that keys share, and
//! because the reference crate makes wrong proofs for keys that differ in their lowest bits only.
//!
//! # Proofs
//! A proof's bytes are a `CompiledMerkleProof` of the reference crate, which verifies them; but
//! [`verify`] accepts one encoding only, and refuses the forged absence proofs that the crate's own
//! verifier accepts (see [`proof`]).

mod format;
mod tree;

pub mod checkpoint;
pub mod proof;
pub mod versions;

pub use checkpoint::{CheckpointError, read_checkpoint, write_checkpoint};
pub use dadbs_types::Hash;
pub use proof::{PROOF_BYTES_MAX, ProofError, verify, verify_nearest};
pub use tree::{Leaves, Tree};
pub use versions::Versions;

/// The value of an absent key, and the root of the empty tree.
pub const ZERO: Hash = [0; 32];
