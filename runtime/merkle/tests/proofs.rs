//! Proofs against the reference crate's verifier, and against whoever changes them.

mod common;

use common::{Oracle, Random, key, reference_verify};
use dadbs_merkle::{Hash, PROOF_BYTES_MAX, ProofError, Tree, ZERO, verify, verify_nearest};

fn tree(n: u64) -> Tree {
    Tree::from_leaves((0..n).map(|i| (key(i), key(i + 1_000_000))))
}

/// Our own proof is accepted by both verifiers, for what the tree says and nothing else.
fn check(tree: &Tree, asked: &Hash) -> Vec<u8> {
    let (root, value, proof) = (tree.root(), tree.get(asked), tree.prove(asked));
    assert_eq!(verify(&root, asked, value.as_ref(), &proof), Ok(()));
    assert!(reference_verify(&root, asked, value.as_ref(), &proof));
    let other = value.is_none().then(|| key(77));
    assert!(verify(&root, asked, other.as_ref(), &proof).is_err());
    proof
}

#[test]
fn proofs_verify_here_and_in_the_reference() {
    for n in [0, 1, 2, 3, 4, 5, 8, 20, 300, 5000] {
        let tree = tree(n);
        for i in (0..n).step_by(7).chain(n..n + 300) {
            check(&tree, &key(i));
        }
    }
}

#[test]
fn proofs_verify_for_keys_that_share_bits() {
    for seed in 0..400 {
        let mut random = Random(seed);
        let base = random.hash();
        let mut near = || {
            let mut near = base;
            for _ in 0..=random.below(2) {
                let bit = usize::try_from(random.below(256)).unwrap();
                near[bit / 8] ^= 1 << (bit % 8);
            }
            near
        };
        let leaves: Vec<(Hash, Hash)> = (0..20).map(|i| (near(), key(i))).collect();
        let tree = Tree::from_leaves(leaves.iter().copied());
        for (asked, _) in &leaves {
            check(&tree, asked);
        }
        for _ in 0..20 {
            check(&tree, &near());
        }
    }
}

/// The distance of two keys: their bits in the order of the tree, as a number.
fn distance(a: &Hash, b: &Hash) -> Hash {
    let mut distance = *a;
    distance.iter_mut().zip(b).for_each(|(a, b)| *a ^= b);
    distance.reverse();
    distance
}

#[test]
fn the_nearest_leaf_and_no_other_is_proven_nearest() {
    assert_eq!(Tree::new().nearest(&key(1)), None);
    for seed in 0..300 {
        let mut random = Random(seed);
        let (base, count) = (random.hash(), 1 + random.below(30));
        // Half of the trees have keys that share most bits.
        let mut make = || {
            let mut made = if seed % 2 == 0 { random.hash() } else { base };
            let bit = usize::try_from(random.below(256)).unwrap();
            made[bit / 8] ^= 1 << (bit % 8);
            made
        };
        let tree = Tree::from_leaves((0..count).map(|i| (make(), key(i))));
        for target in (0..20).map(|_| make()) {
            let expected = tree.iter().min_by_key(|(key, _)| distance(key, &target));
            let nearest = tree.nearest(&target);
            assert_eq!(nearest, expected);
            for (other, value) in &tree {
                let verdict =
                    verify_nearest(&tree.root(), &target, &other, &value, &tree.prove(&other));
                let is_nearest = nearest == Some((other, value));
                let expected = if is_nearest { Ok(()) } else { Err(ProofError::NotNearest) };
                assert_eq!(verdict, expected, "seed {seed}");
            }
            let (found, value) = nearest.unwrap();
            let proof = tree.prove(&found);
            let wrong = verify_nearest(&tree.root(), &target, &found, &key(9_999), &proof);
            assert_eq!(wrong, Err(ProofError::WrongRoot));
            let absent = verify_nearest(&tree.root(), &target, &found, &ZERO, &proof);
            assert_eq!(absent, Err(ProofError::ZeroValue));
            assert!(verify_nearest(&key(5), &target, &found, &value, &proof).is_err());
        }
    }
}

/// Ours writes other sides that rose as hashes where the reference writes their parts, which is the
/// same node in fewer bytes; where no part is needed both write the same.
#[test]
fn proofs_are_never_longer_than_the_reference_s() {
    let (mut same, mut shorter) = (0, 0);
    for seed in 0..200 {
        let mut random = Random(seed);
        let changes: Vec<_> = (0..30).map(|_| (random.hash(), Some(random.hash()))).collect();
        let mut oracle = Oracle::default();
        oracle.update(&changes);
        let tree = Tree::new().update(&changes);
        let absent = random.hash();
        for asked in changes.iter().map(|(key, _)| key).chain([&absent]) {
            let (ours, theirs) = (tree.prove(asked), oracle.prove(*asked));
            assert!(ours == theirs || ours.len() < theirs.len());
            if ours == theirs { same += 1 } else { shorter += 1 }
        }
    }
    assert!(same > 100 && shorter > 100, "{same} equal, {shorter} shorter");
}

#[test]
fn rules_2_to_5_every_changed_bit_is_refused() {
    for n in [1, 2, 40, 1000] {
        let tree = tree(n);
        for i in [0, n / 2, n + 1, n + 2, n + 3] {
            let (asked, root) = (key(i), tree.root());
            let (value, proof) = (tree.get(&asked), check(&tree, &asked));
            let value = value.as_ref();
            for (at, bit) in (0..proof.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let mut changed = proof.clone();
                changed[at] ^= 1 << bit;
                assert!(verify(&root, &asked, value, &changed).is_err(), "proof byte {at}");
            }
            for (at, bit) in (0..32).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
                let flipped = |hash: &Hash| {
                    let mut hash = *hash;
                    hash[at] ^= 1 << bit;
                    hash
                };
                assert!(verify(&flipped(&root), &asked, value, &proof).is_err());
                if let Some(value) = value {
                    assert!(verify(&root, &asked, Some(&flipped(value)), &proof).is_err());
                    assert!(verify(&root, &flipped(&asked), Some(value), &proof).is_err());
                }
                // A region is absent as a whole: then the changed key is absent, too.
                if value.is_none() && verify(&root, &flipped(&asked), None, &proof).is_ok() {
                    assert_eq!(tree.get(&flipped(&asked)), None);
                }
            }
            for end in 0..proof.len() {
                assert!(verify(&root, &asked, value, &proof[..end]).is_err());
            }
            for more in [&[0][..], &[0x4C], &[0x4F, 1], &[0x4F, 0], &[0x50; 33]] {
                assert!(verify(&root, &asked, value, &[&proof, more].concat()).is_err());
            }
        }
    }
}

#[test]
fn rule_1_and_2_bounds() {
    let root = tree(3).root();
    let refused = |proof: &[u8]| verify(&root, &key(0), Some(&key(1)), proof).unwrap_err();
    assert_eq!(refused(&vec![0x4C; PROOF_BYTES_MAX + 1]), ProofError::TooLong(PROOF_BYTES_MAX + 1));
    let longest = [&[0x4C][..], &[0x50; 256 * 33]].concat();
    assert_eq!(refused(&longest), ProofError::WrongRoot);
    assert_eq!(refused(&[&longest[..], &[0x4F]].concat()), ProofError::WrongLength);
    assert_eq!(refused(&[]), ProofError::WrongLength);
    assert_eq!(refused(&[0x4C]), ProofError::WrongLength);
    assert_eq!(refused(&[0x4C, 0x4F]), ProofError::WrongLength);
    assert_eq!(verify(&ZERO, &key(0), None, &[0x4C, 0x4F, 0]), Ok(()));
    assert_eq!(verify(&ZERO, &key(0), Some(&ZERO), &[0x4C, 0x4F, 0]), Err(ProofError::ZeroValue));
}

#[test]
fn rule_3_split_runs_and_zero_hashes_are_refused() {
    let tree = Tree::from_leaves([(key(1), key(2))]);
    let (root, value) = (tree.root(), key(2));
    assert_eq!(tree.prove(&key(1)), [0x4C, 0x4F, 0]);
    let zero = [&[0x4C, 0x50][..], &ZERO, &[0x4F, 255]].concat();
    for other in [&[0x4C, 0x4F, 255, 0x4F, 1][..], &[0x4C, 0x4F, 1, 0x4F, 255], &zero] {
        assert!(reference_verify(&root, &key(1), Some(&value), other));
        let refused = verify(&root, &key(1), Some(&value), other).unwrap_err();
        assert!(matches!(refused, ProofError::Malformed { .. }), "{refused}");
    }
}

/// The forgery of rule 4: the key itself, written as the other side of its own path.
#[test]
fn rule_4_an_existing_key_is_not_taken_for_absent() {
    let victim = (0..100).map(key).find(|key| key[0] & 0x80 != 0).unwrap();
    let tree = Tree::from_leaves([(victim, key(2)), (key(5000), key(3)), (key(5001), key(4))]);
    let honest = tree.prove(&victim);
    let [0x4C, 0x4F, run, rest @ ..] = &honest[..] else { panic!("begins with a run") };
    let leaf_base = {
        let mut cleared = victim;
        cleared[0] &= 0xfe;
        blake3::hash(&[&[0][..], &cleared, &key(2)].concat())
    };
    // Seven empty levels, then at height 7 "the other side": the victim's own seven levels.
    let mut bits = ZERO;
    bits[0] = victim[0];
    let mut forged = vec![0x4C, 0x4F, 7, 0x51, 7];
    forged.extend(leaf_base.as_bytes());
    forged.extend(bits);
    forged.extend([0x4F, run - 8]);
    forged.extend(rest);
    assert!(tree.get(&victim).is_some());
    assert!(reference_verify(&tree.root(), &victim, None, &forged), "the reference is fooled");
    let refused = verify(&tree.root(), &victim, None, &forged);
    assert_eq!(refused, Err(ProofError::Malformed { height: 7, code: 0x51 }));
}

/// Random programs of valid opcodes around a real proof never panic and are never accepted.
#[test]
fn hostile_bytes_are_refused() {
    let tree = tree(50);
    let root = tree.root();
    let mut random = Random(3);
    for round in 0..60_000 {
        let asked = key(random.below(100));
        let (value, honest) = (tree.get(&asked), tree.prove(&asked));
        let mut bytes = honest.clone();
        for _ in 0..=random.below(3) {
            let at = usize::try_from(random.below(bytes.len() as u64)).unwrap();
            let code = [0x4C, 0x4F, 0x50, 0x51, 0x48, 0, 1, 0xff];
            let byte = code[usize::try_from(random.below(8)).unwrap()];
            match random.below(4) {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                _ => bytes.truncate(at + 1),
            }
            if bytes.is_empty() {
                break;
            }
        }
        let accepted = verify(&root, &asked, value.as_ref(), &bytes).is_ok();
        assert_eq!(accepted, bytes == honest, "round {round}");
        let opposite = if value.is_some() { None } else { Some(key(1)) };
        assert!(verify(&root, &asked, opposite.as_ref(), &bytes).is_err(), "round {round}");
    }
}
