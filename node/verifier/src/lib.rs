//! The proof verifier: row, Merkle proof, header, commit
