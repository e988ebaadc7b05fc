//! Headers and votes as validators of a test chain sign them, and accusations made of them.
//!
//! The chain in this process has no headers of its own: whatever the validators of a height sign with more than 2/3 of
//! their power is its header.

use crate::consensus::ValidatorSet;
use crate::{CHAIN_ID, Chain};
use dadbs_proto::dadbs::slashing::v1::MsgSubmitInvalidHeader;
use ed25519_consensus::SigningKey;
use prost::Message;
use std::sync::LazyLock;
use tendermint::block::header::Version;
use tendermint::block::parts::Header as PartSetHeader;
use tendermint::block::{Commit, CommitSig, Header, Height, Id, signed_header::SignedHeader};
use tendermint::validator::{Info, Set};
use tendermint::vote::{Power, Type, ValidatorIndex, Vote};
use tendermint::{AppHash, Hash, PublicKey, Signature, Time, account, chain};
use tendermint_proto::v0_38::types as raw;

/// The consensus keys that depend on an index alone, with their public keys.
static KEYS: LazyLock<Vec<(SigningKey, [u8; 32])>> = LazyLock::new(|| {
    (0..=u8::MAX)
        .map(|index| {
            let key = SigningKey::from([index; 32]);
            let public = key.verification_key().to_bytes();
            (key, public)
        })
        .collect()
});

/// The public key of an index.
pub fn public_key(index: u8) -> [u8; 32] {
    KEYS[usize::from(index)].1
}

/// What a vote is for, beside its block.
#[derive(Clone, Copy, Debug)]
pub struct Voted {
    /// Prevote or precommit.
    pub vote_type: Type,
    /// The height of the block.
    pub height: Height,
    /// The round of the height.
    pub round: u16,
    /// When it was signed.
    pub time: Time,
    /// The place of the validator in its set.
    pub index: u32,
}

impl Voted {
    /// A validator's vote for a block of this hash.
    ///
    /// # Panics
    /// If the index is beyond 31 bits.
    pub fn sign(self, key: &SigningKey, chain_id: &chain::Id, hash: Hash) -> Vote {
        let public = PublicKey::from_raw_ed25519(key.verification_key().as_bytes());
        let mut vote = Vote {
            vote_type: self.vote_type,
            height: self.height,
            round: self.round.into(),
            block_id: Some(block_id(hash)),
            timestamp: Some(self.time),
            validator_address: account::Id::from(public.expect("a key")),
            validator_index: ValidatorIndex::try_from(self.index).expect("an index"),
            signature: None,
            extension: Vec::new(),
            extension_signature: None,
        };
        let signature = key.sign(&vote.clone().into_signable_vec(chain_id.clone())).to_bytes();
        vote.signature = Some(Signature::try_from(&signature[..]).expect("it has 64 bytes"));
        vote
    }
}

/// An accusation before it is encoded; tests spoil its parts.
#[derive(Clone, Debug)]
pub struct Case {
    /// The chain's own header.
    pub own: Header,
    /// The accused's.
    pub wrong: Header,
    /// The validators of the height.
    pub set: Set,
    /// How many of them sign the chain's own header, in the order of the set.
    pub signing: usize,
    /// The public key that signs the wrong header.
    pub accused: [u8; 32],
    /// Prevote or precommit.
    pub vote_type: Type,
    /// What the vote is for; `None` for the wrong header.
    pub voted: Option<Hash>,
    /// The chain that signatures name.
    pub signed_chain: String,
}

fn header(height: u64, time_ns: i64, set: &Set) -> Header {
    let hash = |n| Hash::Sha256([n; 32]);
    let (seconds, nanos) = (time_ns.div_euclid(1_000_000_000), time_ns.rem_euclid(1_000_000_000));
    let nanos = u32::try_from(nanos).expect("below a second");
    Header {
        version: Version { block: 11, app: 0 },
        chain_id: CHAIN_ID.parse().expect("a chain id"),
        height: Height::try_from(height).expect("a height"),
        time: Time::from_unix_timestamp(seconds, nanos).expect("a time"),
        last_block_id: Some(block_id(hash(1))),
        last_commit_hash: Some(hash(2)),
        data_hash: Some(hash(3)),
        validators_hash: set.hash(),
        next_validators_hash: set.hash(),
        consensus_hash: hash(4),
        app_hash: AppHash::try_from(vec![5; 32]).expect("an app hash"),
        last_results_hash: Some(hash(6)),
        evidence_hash: Some(hash(7)),
        proposer_address: set.validators()[0].address,
    }
}

fn block_id(hash: Hash) -> Id {
    let parts = PartSetHeader::new(1, Hash::Sha256([9; 32])).expect("a part set");
    Id { hash, part_set_header: parts }
}

fn set_of(set: &ValidatorSet) -> Set {
    let info = |(key, power): (&[u8; 32], &u64)| {
        let key = PublicKey::from_raw_ed25519(key).expect("a key");
        Info::new(key, Power::try_from(*power).expect("a power"))
    };
    Set::without_proposer(set.0.iter().map(info).collect())
}

impl Case {
    /// That a key of the set has voted for a wrong app hash at a height of the chain.
    ///
    /// # Panics
    /// If this process has not seen the height.
    pub fn new(chain: &Chain, height: u64, accused: [u8; 32]) -> Case {
        let (time_ns, set) = chain.past.get(&height).expect("the height was seen");
        let set = set_of(set);
        let own = header(height, *time_ns, &set);
        let app_hash = AppHash::try_from(vec![0xbd; 32]).expect("an app hash");
        let wrong = Header { app_hash, ..own.clone() };
        let signing = set.validators().len();
        Case {
            own,
            wrong,
            set,
            signing,
            accused,
            vote_type: Type::Precommit,
            voted: None,
            signed_chain: CHAIN_ID.into(),
        }
    }

    fn vote(&self, key: &[u8], header: &Header, hash: Hash, vote_type: Type) -> Vote {
        let found = KEYS.iter().find(|(_, known)| known == key);
        let (key, _) = found.expect("the key is one of the kit's");
        let chain_id = self.signed_chain.parse().expect("a chain id");
        let (height, time) = (header.height, header.time);
        Voted { vote_type, height, round: 1, time, index: 0 }.sign(key, &chain_id, hash)
    }

    fn signed_header(&self) -> SignedHeader {
        let hash = self.own.hash();
        let validators = self.set.validators().iter().enumerate();
        let signatures = validators
            .map(|(index, validator)| {
                if index >= self.signing {
                    return CommitSig::BlockIdFlagAbsent;
                }
                let key = validator.pub_key.to_bytes();
                let vote = self.vote(&key, &self.own, hash, Type::Precommit);
                CommitSig::BlockIdFlagCommit {
                    validator_address: validator.address,
                    timestamp: self.own.time,
                    signature: vote.signature,
                }
            })
            .collect();
        let commit = Commit {
            height: self.own.height,
            round: 1_u16.into(),
            block_id: block_id(hash),
            signatures,
        };
        SignedHeader::new(self.own.clone(), commit).expect("the heights agree")
    }

    /// The message of a submitter.
    pub fn message(&self, submitter: impl ToString) -> MsgSubmitInvalidHeader {
        let hash = self.voted.unwrap_or_else(|| self.wrong.hash());
        let vote = self.vote(&self.accused, &self.wrong, hash, self.vote_type);
        let (signed, set) = dadbs_headers::stripped(&self.signed_header(), &self.set);
        MsgSubmitInvalidHeader {
            submitter: submitter.to_string(),
            header: raw::Header::from(self.wrong.clone()).encode_to_vec(),
            vote: raw::Vote::from(vote).encode_to_vec(),
            signed_header: raw::SignedHeader::from(signed).encode_to_vec(),
            validator_set: raw::ValidatorSet::from(set).encode_to_vec(),
        }
    }
}
