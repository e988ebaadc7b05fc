//! A chain of one header: validators with real keys, a state tree, a signed commit.
#![allow(dead_code, unreachable_pub, reason = "each user takes its part")]

use dadbs_merkle::Tree;
use dadbs_types::{Hash as Bytes, Key, Row, Value};
use dadbs_verifier::{Bundle, Time, Trust, TrustedValidators};
use ed25519_consensus::SigningKey;
use std::time::Duration;
use tendermint::block::header::Version;
use tendermint::block::parts::Header as PartSetHeader;
use tendermint::block::{Commit, CommitSig, Header, Height, Id, signed_header::SignedHeader};
use tendermint::validator::{Info, Set};
use tendermint::vote::{SignedVote, Type, ValidatorIndex, Vote};
use tendermint::{AppHash, Hash, PublicKey, Signature, account, vote::Power};

pub const CHAIN_ID: &str = "dadbs-test-1";
pub const TABLE: &str = "d3_goods";
pub const HEIGHT: u64 = 41;

pub fn key_of(n: u64) -> Key {
    Key(vec![i64::try_from(n).unwrap().into()])
}

pub fn row_of(n: u64) -> Row {
    let text = Value::Text(format!("row {n}"));
    Row { rowid: Some(i64::try_from(n).unwrap()), values: vec![text, Value::Real(0.5)] }
}

/// The state: rows 0 to 99 of the table.
pub fn tree() -> Tree {
    let leaf = |n| (key_of(n).leaf_key(TABLE), row_of(n).leaf_value());
    Tree::from_leaves((0..100).map(leaf))
}

pub fn time(seconds: i64) -> Time {
    Time::from_unix_timestamp(1_790_000_000 + seconds, 123_456_789).unwrap()
}

/// Validators with their keys.
#[derive(Clone)]
pub struct Validators {
    pub keys: Vec<SigningKey>,
    pub set: Set,
}

/// `count` validators from `first` on, in the order of their set; all have a power of 10.
pub fn validators(first: u8, count: u8) -> Validators {
    let mut pairs: Vec<(SigningKey, Info)> = (first..first + count)
        .map(|n| {
            let key = SigningKey::from([n + 1; 32]);
            let public = PublicKey::from_raw_ed25519(key.verification_key().as_bytes()).unwrap();
            (key, Info::new(public, Power::from(10u32)))
        })
        .collect();
    pairs.sort_by_key(|(_, info)| info.address);
    let (keys, infos) = pairs.into_iter().unzip();
    Validators { keys, set: Set::without_proposer(infos) }
}

pub fn header(validators: &Validators, root: Bytes) -> Header {
    let some_hash = |n| Hash::Sha256([n; 32]);
    Header {
        version: Version { block: 11, app: 1 },
        chain_id: CHAIN_ID.parse().unwrap(),
        height: Height::try_from(HEIGHT + 1).unwrap(),
        time: time(42),
        last_block_id: Some(block_id(some_hash(1))),
        last_commit_hash: Some(some_hash(2)),
        data_hash: Some(some_hash(3)),
        validators_hash: validators.set.hash(),
        next_validators_hash: validators.set.hash(),
        consensus_hash: some_hash(4),
        app_hash: AppHash::try_from(root.to_vec()).unwrap(),
        last_results_hash: Some(some_hash(5)),
        evidence_hash: Some(some_hash(6)),
        proposer_address: validators.set.validators()[0].address,
    }
}

fn block_id(hash: Hash) -> Id {
    let part_set_header = PartSetHeader::new(1, Hash::Sha256([9; 32])).unwrap();
    Id { hash, part_set_header }
}

/// A vote of a validator for the header (`nil`: for no block).
pub fn vote(header: &Header, validators: &Validators, index: usize, nil: bool) -> CommitSig {
    let address: account::Id = validators.set.validators()[index].address;
    let timestamp = time(43 + i64::try_from(index).unwrap());
    let vote = Vote {
        vote_type: Type::Precommit,
        height: header.height,
        round: 2u16.into(),
        block_id: (!nil).then(|| block_id(header.hash())),
        timestamp: Some(timestamp),
        validator_address: address,
        validator_index: ValidatorIndex::try_from(index).unwrap(),
        signature: None,
        extension: Vec::new(),
        extension_signature: None,
    };
    let no_signature = Signature::try_from(&[0; 64][..]).unwrap();
    let unsigned = SignedVote::new(vote, header.chain_id.clone(), address, no_signature);
    let signature = validators.keys[index].sign(&unsigned.sign_bytes()).to_bytes();
    let signature = Some(Signature::try_from(&signature[..]).unwrap());
    if nil {
        CommitSig::BlockIdFlagNil { validator_address: address, timestamp, signature }
    } else {
        CommitSig::BlockIdFlagCommit { validator_address: address, timestamp, signature }
    }
}

/// The header with the votes of the first `voting` validators.
pub fn signed(header: Header, validators: &Validators, voting: usize) -> SignedHeader {
    let signatures = (0..validators.keys.len())
        .map(|index| {
            if index < voting {
                vote(&header, validators, index, false)
            } else {
                CommitSig::BlockIdFlagAbsent
            }
        })
        .collect();
    commit(header, signatures)
}

pub fn commit(header: Header, signatures: Vec<CommitSig>) -> SignedHeader {
    let (height, block_id) = (header.height, block_id(header.hash()));
    let commit = Commit { height, round: 2u16.into(), block_id, signatures };
    SignedHeader::new(header, commit).unwrap()
}

/// What a client of this chain trusts: an earlier header with these validators.
pub fn trust(validators: &Validators) -> Trust {
    Trust {
        chain_id: CHAIN_ID.into(),
        height: 7,
        time: time(7),
        validators: TrustedValidators::of_set(validators.set.clone()),
        trusting_period: Duration::from_secs(1000),
        clock_drift: Duration::from_secs(5),
        age_max: Some(Duration::from_mins(1)),
    }
}

/// The client's clock.
pub fn now() -> Time {
    time(50)
}

/// The bundle of row `n`, of which there are 100, signed by the first `voting` validators.
pub fn bundle(validators: &Validators, voting: usize, n: u64) -> Bundle {
    let tree = tree();
    let header = header(validators, tree.root());
    bundle_of(n, &tree, &signed(header, validators, voting), validators)
}

pub fn bundle_of(n: u64, tree: &Tree, signed: &SignedHeader, validators: &Validators) -> Bundle {
    let row = row_of(n);
    let leaf_key = key_of(n).leaf_key(TABLE);
    let row = tree.get(&leaf_key).map(|_| &row);
    Bundle::new(TABLE, &key_of(n), row, tree.prove(&leaf_key), signed, &validators.set)
}
