//! The bundle's bytes, and how they become headers and validators.

use crate::{SIGNED_HEADER_BYTES_MAX, VALIDATOR_SET_BYTES_MAX, VerifyError};
use dadbs_types::limits::{BUNDLE_BYTES_MAX, VALIDATORS_MAX};
use dadbs_types::{Key, Row};
use prost::Message;
use std::collections::BTreeSet;
use tendermint::block::{CommitSig, signed_header::SignedHeader};
use tendermint::validator::{ProposerPriority, Set};
use tendermint_proto::v0_38::types as raw;

/// `dadbs.proof.v1.Bundle`: one row with all that is needed to verify it.
#[derive(Clone, PartialEq, Message)]
pub struct Bundle {
    /// The table's physical name, in ASCII lower case.
    #[prost(string, tag = "1")]
    pub table: String,
    /// [`Key::encode`].
    #[prost(bytes = "vec", tag = "2")]
    pub key: Vec<u8>,
    /// [`Row::encode`]; empty if the row does not exist.
    #[prost(bytes = "vec", tag = "3")]
    pub row: Vec<u8>,
    /// [`dadbs_merkle::Tree::prove`] at the height of the state.
    #[prost(bytes = "vec", tag = "4")]
    pub merkle_proof: Vec<u8>,
    /// The height of the state.
    #[prost(uint64, tag = "5")]
    pub height: u64,
    /// `tendermint.types.SignedHeader` of `height + 1`.
    #[prost(bytes = "vec", tag = "6")]
    pub signed_header: Vec<u8>,
    /// `tendermint.types.ValidatorSet` of `height + 1`.
    #[prost(bytes = "vec", tag = "7")]
    pub validator_set: Vec<u8>,
}

/// What a bundle's messages decode to.
pub(crate) struct Parts {
    pub(crate) signed_header: SignedHeader,
    pub(crate) validators: Set,
}

impl Bundle {
    /// The bundle of a row (`None`: of its absence) in the state whose root is the app hash of this
    /// header. What the verifier does not want is left out: votes for nil, proposer, priorities.
    pub fn new(
        table: &str,
        key: &Key,
        row: Option<&Row>,
        merkle_proof: Vec<u8>,
        signed_header: &SignedHeader,
        validators: &Set,
    ) -> Bundle {
        let mut signed_header = signed_header.clone();
        for vote in &mut signed_header.commit.signatures {
            if vote.is_nil() {
                *vote = CommitSig::BlockIdFlagAbsent;
            }
        }
        let mut validators = validators.clone();
        validators.proposer = None;
        for validator in &mut validators.validators {
            validator.proposer_priority = ProposerPriority::default();
        }
        Bundle {
            table: table.to_ascii_lowercase(),
            key: key.encode(),
            row: row.map(Row::encode).unwrap_or_default(),
            merkle_proof,
            height: signed_header.header.height.value().saturating_sub(1),
            signed_header: raw::SignedHeader::from(signed_header).encode_to_vec(),
            validator_set: raw::ValidatorSet::from(validators).encode_to_vec(),
        }
    }

    /// Rules 1 and 2 for the bundle itself.
    pub(crate) fn decode_strictly(bytes: &[u8]) -> Result<Bundle, VerifyError> {
        decode_strictly("the bundle", bytes, BUNDLE_BYTES_MAX, Ok::<Bundle, VerifyError>)
    }

    /// Rules 1, 2 and 6 for its messages.
    pub(crate) fn parts(&self) -> Result<Parts, VerifyError> {
        let signed_header = decode_strictly::<raw::SignedHeader, SignedHeader, _>(
            "the signed header",
            &self.signed_header,
            SIGNED_HEADER_BYTES_MAX,
            SignedHeader::try_from,
        )?;
        let validators = decode_strictly::<raw::ValidatorSet, Set, _>(
            "the validator set",
            &self.validator_set,
            VALIDATOR_SET_BYTES_MAX,
            Set::try_from,
        )?;
        check_validators(&validators)?;
        Ok(Parts { signed_header, validators })
    }
}

/// Rule 6.
fn check_validators(validators: &Set) -> Result<(), VerifyError> {
    let all = validators.validators();
    if all.len() > VALIDATORS_MAX {
        return Err(VerifyError::ValidatorSet("has more validators than the limit"));
    }
    let addresses: BTreeSet<_> = all.iter().map(|validator| validator.address).collect();
    if addresses.len() != all.len() {
        return Err(VerifyError::ValidatorSet("has a validator twice"));
    }
    if validators.proposer().is_some()
        || all.iter().any(|validator| validator.proposer_priority != ProposerPriority::default())
    {
        return Err(VerifyError::ValidatorSet("has a proposer or priorities"));
    }
    Ok(())
}

/// Rules 1 and 2 for one message: its type on the wire, and the type that it stands for.
fn decode_strictly<M, T, E>(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
    convert: impl FnOnce(M) -> Result<T, E>,
) -> Result<T, VerifyError>
where
    M: Message + Default + From<T>,
    T: Clone,
    E: std::fmt::Display,
{
    if bytes.len() > limit {
        return Err(VerifyError::TooLarge { what, bytes: bytes.len(), limit });
    }
    let undecodable = |reason: String| VerifyError::Undecodable { what, reason };
    let message = M::decode(bytes).map_err(|error| undecodable(error.to_string()))?;
    let value = convert(message).map_err(|error| undecodable(error.to_string()))?;
    if M::from(value.clone()).encode_to_vec() != bytes {
        return Err(VerifyError::NotCanonical(what));
    }
    Ok(value)
}
