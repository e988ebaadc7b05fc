//! The tree against the reference crate, and against itself.

mod common;

use common::{Oracle, Random, key};
use dadbs_merkle::{Hash, Tree, ZERO, read_checkpoint, write_checkpoint};
use std::collections::BTreeMap;

type Changes = Vec<(Hash, Option<Hash>)>;

/// A batch over a small set of keys, so that overwrites and removals are frequent.
fn batch(random: &mut Random, keys: &[Hash], most: u64) -> Changes {
    let removals = random.below(100);
    (0..random.below(most + 1))
        .map(|_| {
            let key = keys[usize::try_from(random.below(keys.len() as u64)).unwrap()];
            let removed = random.below(100) < removals;
            (key, (!removed).then(|| random.hash()))
        })
        .collect()
}

/// The map that a tree stands for. Reversed bytes are the order of the tree.
#[derive(Default, Clone)]
struct Model(BTreeMap<[u8; 32], Hash>);

fn reversed(key: &Hash) -> Hash {
    let mut key = *key;
    key.reverse();
    key
}

impl Model {
    fn update(&mut self, changes: &[(Hash, Option<Hash>)]) {
        for (key, value) in changes {
            match value {
                Some(value) => self.0.insert(reversed(key), *value),
                None => self.0.remove(&reversed(key)),
            };
        }
    }

    fn leaves(&self) -> Vec<(Hash, Hash)> {
        self.0.iter().map(|(path, value)| (reversed(path), *value)).collect()
    }

    fn check(&self, tree: &Tree) {
        assert_eq!(tree.iter().collect::<Vec<_>>(), self.leaves());
        assert_eq!((tree.len(), tree.is_empty()), (self.0.len(), self.0.is_empty()));
    }
}

/// Compares every root of a random history with the reference crate's.
fn history(seed: u64, keys: &[Hash], batches: u64, most: u64) {
    let mut random = Random(seed);
    let (mut tree, mut oracle, mut model) = (Tree::new(), Oracle::default(), Model::default());
    for step in 0..batches {
        let changes = batch(&mut random, keys, most);
        tree = tree.update(&changes);
        oracle.update(&changes);
        model.update(&changes);
        assert_eq!(tree.root(), oracle.root(), "seed {seed}, step {step}");
    }
    model.check(&tree);
    assert_eq!(tree.root(), Tree::from_leaves(model.leaves()).root(), "seed {seed}");
    for key in keys {
        assert_eq!(tree.get(key), model.0.get(&reversed(key)).copied(), "seed {seed}");
    }
}

#[test]
fn golden_roots() {
    let value = |n: u64| key(n + 1_000_000);
    let root = |n: u64| Tree::from_leaves((0..n).map(|i| (key(i), value(i)))).root();
    assert_eq!(root(0), ZERO);
    let roots = [1, 2, 1000].map(|n| blake3::Hash::from_bytes(root(n)).to_hex().to_string());
    assert_eq!(
        roots,
        [
            "5250047d2a2ff9af2037e296341c79ac4b9bc66fde708cbd84edb8165c19ce0d",
            "4b840248829764c913e5a33c1dc2f9b7bf04da02bb1b943bd9ce8a1b933bc5cb",
            "cc32ba56b82e907b29f08f2c31940e27fc784717507b1699eced97f102b45943"
        ]
    );
}

#[test]
fn rule_1_roots_are_those_of_the_reference() {
    for seed in 0..3000 {
        let mut random = Random(seed);
        let keys: Vec<Hash> = (0..=random.below(40)).map(|_| random.hash()).collect();
        history(seed, &keys, 8, 12);
    }
    let keys: Vec<Hash> = (0..3000).map(key).collect();
    history(1, &keys, 12, 1500);
}

#[test]
fn rule_1_roots_are_those_of_the_reference_for_keys_that_share_bits() {
    for seed in 0..1500 {
        let mut random = Random(seed);
        let base = random.hash();
        let flips = random.below(20) + 1;
        let keys: Vec<Hash> = (0..flips)
            .map(|_| {
                let mut near = base;
                for _ in 0..=random.below(2) {
                    let bit = usize::try_from(random.below(256)).unwrap();
                    near[bit / 8] ^= 1 << (bit % 8);
                }
                near
            })
            .collect();
        history(seed, &keys, 6, 8);
    }
}

#[test]
fn rule_2_zero_values_are_absent() {
    let tree = Tree::from_leaves([(key(1), key(2)), (key(3), ZERO)]);
    assert_eq!((tree.len(), tree.get(&key(3))), (1, None));
    let emptied = tree.update(&[(key(1), Some(ZERO)), (key(9), None)]);
    assert!(emptied.is_empty());
    assert_eq!((emptied.root(), emptied.len()), (ZERO, 0));
}

#[test]
fn rule_3_the_root_depends_on_the_leaves_only() {
    for seed in 0..300 {
        let mut random = Random(seed);
        let keys: Vec<Hash> = (0..60).map(|_| random.hash()).collect();
        let mut model = Model::default();
        let mut tree = Tree::new();
        for _ in 0..10 {
            let changes = batch(&mut random, &keys, 30);
            model.update(&changes);
            tree = tree.update(&changes);
        }
        let mut one_by_one = Tree::new();
        let mut leaves = model.leaves();
        while !leaves.is_empty() {
            let at = usize::try_from(random.below(leaves.len() as u64)).unwrap();
            let (key, value) = leaves.swap_remove(at);
            one_by_one = one_by_one.update(&[(key, Some(value))]);
        }
        assert_eq!(tree.root(), one_by_one.root());
        let all: Changes = keys.iter().map(|key| (*key, None)).collect();
        assert!(tree.update(&all).is_empty());
    }
}

#[test]
fn rule_3_the_last_change_of_a_key_counts() {
    let twice = [(key(1), Some(key(2))), (key(5), Some(key(5))), (key(1), Some(key(3)))];
    let tree = Tree::new().update(&twice);
    assert_eq!((tree.get(&key(1)), tree.len()), (Some(key(3)), 2));
    let gone = tree.update(&[(key(1), Some(key(4))), (key(1), None)]);
    assert_eq!((gone.get(&key(1)), gone.len()), (None, 1));
    let last = Tree::from_leaves([(key(1), key(2)), (key(1), key(3)), (key(5), key(5))]);
    assert_eq!(last.root(), tree.root());
}

#[test]
fn rule_4_versions_do_not_change() {
    let mut random = Random(7);
    let keys: Vec<Hash> = (0..500).map(|_| random.hash()).collect();
    let (mut tree, mut model) = (Tree::new(), Model::default());
    let mut versions = Vec::new();
    for _ in 0..40 {
        let changes = batch(&mut random, &keys, 80);
        tree = tree.update(&changes);
        model.update(&changes);
        versions.push((tree.clone(), tree.root(), model.clone()));
    }
    while !versions.is_empty() {
        let at = usize::try_from(random.below(versions.len() as u64)).unwrap();
        let (tree, root, model) = versions.swap_remove(at);
        assert_eq!(tree.root(), root);
        assert_eq!(Tree::from_leaves(tree.iter()).root(), root);
        model.check(&tree);
    }
}

#[test]
fn checkpoint_rule_1_and_3_a_tree_comes_back() {
    for n in [0, 1, 5, 4096, 10_000] {
        let tree = Tree::from_leaves((0..n).map(|i| (key(i), key(i + 1))));
        let mut bytes = Vec::new();
        write_checkpoint(&tree, 42, &mut bytes).unwrap();
        assert_eq!(bytes.len() as u64, 13 + 16 + 64 * n + 32);
        let (height, read) = read_checkpoint(&mut bytes.as_slice()).unwrap();
        assert_eq!((height, read.root(), read.len()), (42, tree.root(), tree.len()));
    }
}

#[test]
fn checkpoint_rule_2_every_changed_byte_is_refused() {
    let tree = Tree::from_leaves((0..20).map(|i| (key(i), key(i + 1))));
    let mut bytes = Vec::new();
    write_checkpoint(&tree, 42, &mut bytes).unwrap();
    for at in 0..bytes.len() {
        for flip in [1, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] ^= flip;
            assert!(read_checkpoint(&mut changed.as_slice()).is_err(), "byte {at}");
        }
        assert!(read_checkpoint(&mut &bytes[..at]).is_err(), "cut at {at}");
    }
    bytes.push(0);
    assert!(read_checkpoint(&mut bytes.as_slice()).is_err());
}

#[test]
fn checkpoint_rule_1_unordered_and_zero_leaves_are_refused() {
    let sealed = |leaves: &[(Hash, Hash)]| {
        let mut bytes = b"dadbs tree 1\n".to_vec();
        bytes.extend(1u64.to_le_bytes());
        bytes.extend((leaves.len() as u64).to_le_bytes());
        bytes.extend(leaves.iter().flat_map(|(key, value)| [*key, *value].concat()));
        bytes.extend(blake3::hash(&bytes).as_bytes());
        read_checkpoint(&mut bytes.as_slice()).map(|(_, tree)| tree.len())
    };
    let (low, high) = ([1; 32], [2; 32]);
    assert_eq!(sealed(&[(low, key(1)), (high, key(2))]).unwrap(), 2);
    for wrong in [
        [(high, key(1)), (low, key(2))],
        [(low, key(1)), (low, key(1))],
        [(low, key(1)), (high, ZERO)],
    ] {
        assert!(sealed(&wrong).unwrap_err().to_string().contains("leaves"));
    }
}
