//! Tree checkpoints and Merkle proofs: what is read is written to the same bytes, and no bytes prove
//! what is not in the tree.
#![no_main]

use std::sync::LazyLock;

use dadbs_merkle::{Tree, read_checkpoint, verify, write_checkpoint};

static TREE: LazyLock<Tree> = LazyLock::new(|| Tree::from_leaves((1..=100).map(leaf)));

/// The leaf of a number.
fn leaf(n: u8) -> ([u8; 32], [u8; 32]) {
    (*blake3::hash(&[n]).as_bytes(), [n; 32])
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    // The hash at the end would stop every mutation, so it is put right.
    let mut sealed = bytes.to_vec();
    sealed.extend_from_slice(blake3::hash(bytes).as_bytes());
    for input in [bytes, sealed.as_slice()] {
        if let Ok((height, tree)) = read_checkpoint(&mut &input[..]) {
            let mut written = Vec::new();
            write_checkpoint(&tree, height, &mut written).expect("memory takes it");
            assert_eq!(written, input);
        }
    }

    // The first byte chooses a leaf that exists (1 to 100) or does not; the rest is the proof.
    let Some((number, proof)) = bytes.split_first() else { return };
    let (key, value) = leaf(*number);
    let (root, exists) = (TREE.root(), (1..=100).contains(number));
    assert!(!exists || verify(&root, &key, None, proof).is_err(), "absence of a leaf that exists");
    assert!(
        exists || verify(&root, &key, Some(&value), proof).is_err(),
        "a leaf that is not there"
    );
    assert!(verify(&root, &key, Some(&[0xee; 32]), proof).is_err(), "another value");
});
