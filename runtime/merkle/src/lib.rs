//! The versioned sparse Merkle tree
