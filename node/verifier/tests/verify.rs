//! The verifier's rules, with headers and commits signed by real keys.

mod common;

use common::*;
use dadbs_types::limits::BUNDLE_BYTES_MAX;
use dadbs_verifier::{Bundle, Trust, TrustedValidators, VerifiedRow, VerifyError, verify};
use prost::Message;
use std::time::Duration;
use tendermint::block::{CommitSig, Header};
use tendermint::validator::Set;
use tendermint_proto::v0_38::types as raw;

type Verified = Result<VerifiedRow, VerifyError>;

fn check(bundle: &Bundle, trust: &Trust) -> Verified {
    verify(&bundle.encode_to_vec(), trust, now())
}

/// Asserts that a bundle is refused with an error whose text begins so.
fn refused(verified: Verified, beginning: &str) {
    let error = verified.expect_err(beginning).to_string();
    assert!(error.starts_with(beginning), "{error:?} does not begin with {beginning:?}");
}

#[test]
fn a_row_and_its_absence_verify() {
    for count in [1, 4, 32, 100] {
        let validators = validators(0, count);
        let trust = trust(&validators);
        let verified = check(&bundle(&validators, count.into(), 5), &trust).unwrap();
        let expected = VerifiedRow {
            table: TABLE.into(),
            key: key_of(5),
            row: Some(row_of(5)),
            height: HEIGHT,
            time: time(42),
            trust: Some(Trust { height: HEIGHT + 1, time: time(42), ..trust.clone() }),
        };
        assert_eq!(verified, expected);
        assert!(verified.answers("D3_goods", &key_of(5)) && !verified.answers(TABLE, &key_of(6)));
        let absent = check(&bundle(&validators, count.into(), 500), &trust).unwrap();
        assert_eq!((absent.row, absent.key), (None, key_of(500)));
    }
}

#[test]
fn of_genesis_is_the_set_that_signs() {
    let validators = validators(0, 4);
    let powers = validators.keys.iter().rev().map(|k| (k.verification_key().to_bytes(), 10));
    let genesis = TrustedValidators::of_genesis(powers).unwrap();
    assert_eq!(genesis, TrustedValidators::of_set(validators.set.clone()));
    for wrong in [&[][..], &[([1; 32], 0)], &[([1; 32], u64::MAX)], &[([1; 32], 1 << 62); 3]] {
        assert!(TrustedValidators::of_genesis(wrong.iter().copied()).is_err());
    }
}

#[test]
fn every_changed_bit_is_refused() {
    let validators = validators(0, 4);
    let trust = trust(&validators);
    // Three votes would do: the last one must be checked all the same; then one is absent.
    for voting in [4, 3] {
        let bytes = bundle(&validators, voting, 5).encode_to_vec();
        assert!(verify(&bytes, &trust, now()).is_ok());
        let mut changed = bytes.clone();
        for at in 0..bytes.len() {
            for bit in 0..8 {
                changed[at] = bytes[at] ^ (1 << bit);
                assert!(verify(&changed, &trust, now()).is_err(), "byte {at}, bit {bit}");
            }
            changed[at] = bytes[at];
        }
    }
}

#[test]
fn no_cut_or_extended_bundle_is_accepted() {
    let validators = validators(0, 4);
    let trust = trust(&validators);
    let bytes = bundle(&validators, 4, 5).encode_to_vec();
    for end in 0..bytes.len() {
        assert!(verify(&bytes[..end], &trust, now()).is_err(), "cut at {end}");
    }
    // Nothing, an unknown field, a field again, a field with its default.
    for more in [&[0][..], &[0x40, 1], &[0x28, 41], &[0x1a, 0]] {
        assert!(verify(&[&bytes, more].concat(), &trust, now()).is_err());
    }
}

/// A changed absence bundle may be a true statement about another row, which the caller compares.
#[test]
fn a_changed_absence_is_never_about_the_same_row() {
    let validators = validators(0, 4);
    let trust = trust(&validators);
    let bytes = bundle(&validators, 4, 500).encode_to_vec();
    let mut changed = bytes.clone();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            changed[at] = bytes[at] ^ (1 << bit);
            if let Ok(verified) = verify(&changed, &trust, now()) {
                assert!(!verified.answers(TABLE, &key_of(500)), "byte {at}, bit {bit}");
                let leaf_key = verified.key.leaf_key(&verified.table);
                assert!(verified.row.is_none() && tree().get(&leaf_key).is_none());
            }
        }
        changed[at] = bytes[at];
    }
}

#[test]
fn rule_1_sizes_are_bounded() {
    let trust = trust(&validators(0, 1));
    refused(verify(&vec![0; BUNDLE_BYTES_MAX + 1], &trust, now()), "rule 1: the bundle");
    let long = Bundle { signed_header: vec![0; 100_000], ..Bundle::default() };
    refused(check(&long, &trust), "rule 1: the signed header");
    let long = Bundle { validator_set: vec![0; 100_000], ..bundle(&validators(0, 1), 1, 5) };
    refused(check(&long, &trust), "rule 1: the validator set");
}

#[test]
fn rule_2_other_encodings_are_refused() {
    let validators = validators(0, 4);
    let trust = trust(&validators);
    let good = bundle(&validators, 3, 5);
    refused(verify(&[], &trust, now()), "rule 2: the signed header");
    refused(verify(&[0xff; 50], &trust, now()), "rule 2: the bundle cannot be decoded");
    let with_header = |change: &dyn Fn(&mut raw::SignedHeader)| {
        let mut header = raw::SignedHeader::decode(&good.signed_header[..]).unwrap();
        change(&mut header);
        check(&Bundle { signed_header: header.encode_to_vec(), ..good.clone() }, &trust)
    };
    assert!(with_header(&|_| ()).is_ok());
    let canonical = "rule 2: the signed header is not in its one encoding";
    refused(with_header(&|h| h.commit.as_mut().unwrap().signatures[3].timestamp = None), canonical);
    refused(
        with_header(&|h| h.commit.as_mut().unwrap().signatures[3].validator_address = vec![1; 20]),
        canonical,
    );
    let unknown_field = [&good.signed_header[..], &[0x40, 1]].concat();
    refused(check(&Bundle { signed_header: unknown_field, ..good.clone() }, &trust), canonical);
}

#[test]
fn rule_3_other_names_for_the_same_row_are_refused() {
    let validators = validators(0, 1);
    let trust = trust(&validators);
    let good = bundle(&validators, 1, 5);
    refused(check(&Bundle { table: "D3_goods".into(), ..good.clone() }, &trust), "rule 3");
    refused(check(&Bundle { key: vec![1], ..good.clone() }, &trust), "rule 3: the key");
    let real_key = dadbs_types::value::encode_row(&[5.0.into()]);
    refused(check(&Bundle { key: real_key, ..good.clone() }, &trust), "rule 2: the key");
    refused(check(&Bundle { row: vec![7], ..good.clone() }, &trust), "rule 3: the row");
}

#[test]
fn rule_4_and_5_the_state_is_the_header_s() {
    let validators = validators(0, 1);
    let trust = trust(&validators);
    let good = bundle(&validators, 1, 5);
    for height in [0, HEIGHT - 1, HEIGHT + 1, u64::MAX] {
        refused(check(&Bundle { height, ..good.clone() }, &trust), "rule 4");
    }
    let other = bundle(&validators, 1, 6);
    refused(check(&Bundle { key: other.key.clone(), ..good.clone() }, &trust), "rule 5");
    refused(check(&Bundle { row: other.row.clone(), ..good.clone() }, &trust), "rule 5");
    refused(check(&Bundle { row: Vec::new(), ..good.clone() }, &trust), "rule 5");
    refused(check(&Bundle { table: "d4_goods".into(), ..good.clone() }, &trust), "rule 5");
    let proof = other.merkle_proof.clone();
    refused(check(&Bundle { merkle_proof: proof, ..good.clone() }, &trust), "rule 5");
}

#[test]
fn rule_6_what_no_hash_covers_is_refused() {
    let validators = validators(0, 4);
    let trust = trust(&validators);
    let good = bundle(&validators, 4, 5);
    let with_set = |change: &dyn Fn(&mut raw::ValidatorSet)| {
        let mut set = raw::ValidatorSet::decode(&good.validator_set[..]).unwrap();
        change(&mut set);
        check(&Bundle { validator_set: set.encode_to_vec(), ..good.clone() }, &trust)
    };
    assert!(with_set(&|_| ()).is_ok());
    refused(with_set(&|set| set.validators[2].proposer_priority = 1), "rule 6");
    refused(with_set(&|set| set.proposer = set.validators.first().cloned()), "rule 6");
    refused(with_set(&|set| set.total_voting_power = 0), "rule 2");
    refused(with_set(&|set| set.validators.swap(0, 1)), "rule 2");
    let twice = |set: &mut raw::ValidatorSet| {
        set.validators[1] = set.validators[0].clone();
    };
    refused(with_set(&twice), "rule 6: the validator set has a validator twice");
}

#[test]
fn rule_7_every_vote_is_for_this_block_in_its_place() {
    let validators = validators(0, 7);
    let (trust, tree) = (trust(&validators), tree());
    let header = header(&validators, tree.root());
    let votes = votes(&header, &validators);
    let check = |votes| {
        let signed = commit(header.clone(), votes);
        check(&bundle_of(5, &tree, &signed, &validators), &trust)
    };
    assert!(check(votes.clone()).is_ok());
    // The maker leaves votes for nil out.
    let mut one_nil = votes.clone();
    one_nil[6] = vote(&header, &validators, 6, true);
    assert!(check(one_nil).is_ok());
    let mut swapped = votes.clone();
    swapped.swap(5, 6);
    refused(check(swapped), "rules 7 and 8");
    let mut doubled = votes.clone();
    doubled[6] = votes[5].clone();
    refused(check(doubled), "rules 7 and 8");
    let mut foreign = votes.clone();
    let stranger = common::validators(100, 7);
    foreign[6] = vote(&header, &stranger, 6, false);
    refused(check(foreign), "rules 7 and 8");
    refused(check(votes[..6].to_vec()), "rules 7 and 8");
}

#[test]
fn rule_8_more_than_two_thirds_sign() {
    let validators = validators(0, 9);
    let trust = trust(&validators);
    for voting in 0..=9 {
        let verified = check(&bundle(&validators, voting, 5), &trust);
        assert_eq!(verified.is_ok(), voting > 6, "{voting} of 9");
    }
}

#[test]
fn rule_8_changed_validators_need_a_third_of_the_trusted_ones() {
    // Validators 0 to 8 are trusted; those who sign share some of them.
    let trusted = validators(0, 9);
    for first in 0..=9 {
        let signing = validators(first, 9);
        let verified = check(&bundle(&signing, 9, 5), &trust(&trusted));
        assert_eq!(verified.is_ok(), 9 - first > 3, "{} of 9 are trusted", 9 - first);
        if 9 - first <= 3 {
            refused(verified, "rule 8: validators with ");
        }
    }
    // At the very next height, the trusted validators are the only ones.
    let next = Trust { height: HEIGHT, ..trust(&trusted) };
    assert!(check(&bundle(&trusted, 9, 5), &next).is_ok());
    refused(check(&bundle(&validators(1, 9), 9, 5), &next), "rules 7 and 8");
}

#[test]
fn trust_advances_through_changes_of_validators() {
    let (old, new) = (validators(0, 9), validators(5, 9));
    let (later, tree) = (validators(8, 9), tree());
    let first = trust(&old);
    assert!(check(&bundle(&later, 9, 5), &first).is_err());
    let advanced = check(&bundle(&new, 9, 5), &first).unwrap().trust.unwrap();
    assert_eq!(advanced.validators, TrustedValidators::of_set(new.set.clone()));
    let mut next = header(&later, tree.root());
    next.height = 60u32.into();
    next.time = time(48);
    let signed = commit(next.clone(), votes(&next, &later));
    assert!(check(&bundle_of(5, &tree, &signed, &later), &first).is_err());
    assert!(check(&bundle_of(5, &tree, &signed, &later), &advanced).is_ok());
    next.next_validators_hash = old.set.hash();
    let signed = commit(next.clone(), votes(&next, &later));
    let verified = check(&bundle_of(5, &tree, &signed, &later), &advanced).unwrap();
    assert_eq!(verified.trust, None, "others sign the next height");
}

fn votes(header: &Header, validators: &Validators) -> Vec<CommitSig> {
    (0..validators.keys.len()).map(|index| vote(header, validators, index, false)).collect()
}

#[test]
fn rule_8_and_9_times_heights_and_chains() {
    let validators = validators(0, 4);
    let good = trust(&validators);
    let bytes = bundle(&validators, 4, 5).encode_to_vec();
    let with = |trust: &Trust, now: i64| verify(&bytes, trust, time(now));
    assert!(with(&good, 42).is_ok() && with(&good, 38).is_ok() && with(&good, 102).is_ok());
    refused(with(&good, 37), "rules 7 and 8");
    refused(with(&good, 103), "rule 9");
    assert!(with(&Trust { age_max: None, ..good.clone() }, 1006).is_ok());
    refused(with(&Trust { age_max: None, ..good.clone() }, 1007), "rules 7 and 8");
    refused(with(&Trust { chain_id: "dadbs-test-2".into(), ..good.clone() }, 50), "rules 7");
    refused(with(&Trust { height: HEIGHT + 1, ..good.clone() }, 50), "rules 7");
    refused(with(&Trust { time: time(42), ..good.clone() }, 50), "rules 7");
    for wrong in [
        Trust { chain_id: "not a chain".into(), ..good.clone() },
        Trust { height: u64::MAX, ..good.clone() },
        Trust { height: i64::MAX.unsigned_abs(), ..good.clone() },
    ] {
        refused(with(&wrong, 50), "the trusted");
    }
    let forever = Trust { trusting_period: Duration::MAX, clock_drift: Duration::MAX, ..good };
    assert!(with(&forever, 50).is_err());
}

#[test]
fn hostile_bytes_are_refused() {
    hostile_bytes(1, 20_000);
}

#[test]
#[ignore = "slow: a million changed bundles"]
fn a_million_hostile_bundles_are_refused() {
    hostile_bytes(2, 1_000_000);
}

/// Random changes of several bytes at once, in the bundle and inside its messages.
fn hostile_bytes(seed: u64, rounds: u32) {
    let validators = validators(0, 4);
    let trust = trust(&validators);
    let good = bundle(&validators, 4, 5);
    let mut state = seed;
    let mut random = |bound: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    for round in 0..rounds {
        let mut changed = good.clone();
        let part = match random(4) {
            0 => &mut changed.merkle_proof,
            1 => &mut changed.signed_header,
            2 => &mut changed.validator_set,
            _ => &mut changed.row,
        };
        for _ in 0..=random(4) {
            let at = random(part.len().max(1));
            if part.is_empty() {
                break;
            }
            let byte = u8::try_from(random(256)).unwrap();
            match random(4) {
                0 => part[at] = byte,
                1 => part.insert(at, byte),
                2 => drop(part.remove(at)),
                _ => part.truncate(at + 1),
            }
        }
        assert!(changed == good || check(&changed, &trust).is_err(), "round {round}");
    }
}

#[test]
fn a_set_of_the_limit_verifies_and_beyond_is_refused() {
    let four = validators(0, 4);
    let mut set = four.set.clone();
    set.validators = std::iter::repeat_n(set.validators[0].clone(), 501).collect();
    let set = Set::without_proposer(set.validators);
    let good = bundle(&four, 4, 5);
    let bytes = raw::ValidatorSet::from(set).encode_to_vec();
    let verified = check(&Bundle { validator_set: bytes, ..good }, &trust(&four));
    refused(verified, "rule 6: the validator set has more validators");
}
