//! The reference crate as an oracle, and random histories from a seed.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use dadbs_merkle::Hash;
use sparse_merkle_tree::default_store::DefaultStore;
use sparse_merkle_tree::traits::Hasher;
use sparse_merkle_tree::{CompiledMerkleProof, H256, SparseMerkleTree};

/// BLAKE3 as the reference crate wants it.
#[derive(Default)]
pub struct Blake3(blake3::Hasher);

impl Hasher for Blake3 {
    fn write_h256(&mut self, h: &H256) {
        self.0.update(h.as_slice());
    }

    fn write_byte(&mut self, b: u8) {
        self.0.update(&[b]);
    }

    fn finish(self) -> H256 {
        (*self.0.finalize().as_bytes()).into()
    }
}

/// The reference tree.
#[derive(Default)]
pub struct Oracle(SparseMerkleTree<Blake3, H256, DefaultStore<H256>>);

impl Oracle {
    pub fn update(&mut self, changes: &[(Hash, Option<Hash>)]) {
        let changes =
            changes.iter().map(|(k, v)| ((*k).into(), v.unwrap_or_default().into())).collect();
        self.0.update_all(changes).unwrap();
    }

    pub fn root(&self) -> Hash {
        (*self.0.root()).into()
    }

    pub fn prove(&self, key: Hash) -> Vec<u8> {
        let proof = self.0.merkle_proof(vec![key.into()]).unwrap();
        proof.compile(vec![key.into()]).unwrap().into()
    }
}

/// The reference crate's own verifier.
pub fn reference_verify(root: &Hash, key: &Hash, value: Option<&Hash>, proof: &[u8]) -> bool {
    let leaf = ((*key).into(), value.copied().unwrap_or_default().into());
    CompiledMerkleProof(proof.to_vec())
        .verify::<Blake3>(&(*root).into(), vec![leaf])
        .unwrap_or(false)
}

/// A seeded generator (`SplitMix64`).
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn hash(&mut self) -> Hash {
        *blake3::hash(&self.next().to_le_bytes()).as_bytes()
    }
}

pub fn key(n: u64) -> Hash {
    *blake3::hash(&n.to_le_bytes()).as_bytes()
}
