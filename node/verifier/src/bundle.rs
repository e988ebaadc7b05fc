//! The bundle's bytes, and how they become headers and validators.

use crate::VerifyError;
use dadbs_headers::{decode_strictly, stripped};
use dadbs_types::limits::BUNDLE_BYTES_MAX;
use dadbs_types::{Key, Row};
use prost::Message;
use tendermint::block::signed_header::SignedHeader;
use tendermint::validator::Set;
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
        let (signed_header, validators) = stripped(signed_header, validators);
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
        Ok(decode_strictly("the bundle", bytes, BUNDLE_BYTES_MAX, Ok::<Bundle, VerifyError>)?)
    }

    /// Rules 1, 2 and 6 for its messages.
    pub(crate) fn parts(&self) -> Result<Parts, VerifyError> {
        let signed_header = dadbs_headers::signed_header(&self.signed_header)?;
        let validators = dadbs_headers::validator_set(&self.validator_set)?;
        Ok(Parts { signed_header, validators })
    }
}
