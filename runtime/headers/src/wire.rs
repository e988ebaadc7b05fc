//! Rules 1 and 2: from bytes to headers, votes and validators.

use dadbs_types::limits::VALIDATORS_MAX;
use prost::Message;
use std::collections::BTreeSet;
use tendermint::block::{Header, signed_header::SignedHeader};
use tendermint::validator::{ProposerPriority, Set};
use tendermint::vote::Vote;
use tendermint_proto::v0_38::types as raw;

/// Bytes of a header.
pub(crate) const HEADER_BYTES_MAX: usize = 2_048;
/// Bytes of one vote.
pub(crate) const VOTE_BYTES_MAX: usize = 2_048;
/// Bytes of a signed header: a header and a vote for each validator.
pub const SIGNED_HEADER_BYTES_MAX: usize = HEADER_BYTES_MAX + 128 * VALIDATORS_MAX;
/// Bytes of a validator set.
pub const VALIDATOR_SET_BYTES_MAX: usize = 128 * VALIDATORS_MAX;

/// Why bytes are not taken (rules 1 and 2).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PartError {
    /// Too long.
    #[error("{what} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// Not decodable.
    #[error("{what} cannot be decoded: {reason}")]
    Undecodable {
        /// The part.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Another encoding of the same.
    #[error("{0} is not in its one encoding")]
    NotCanonical(&'static str),
    /// A set that is none.
    #[error("the validator set {0}")]
    ValidatorSet(&'static str),
}

/// Rule 1 for one message: its type on the wire, and the type that it stands for.
///
/// # Errors
/// If the bytes are too long, do not decode, or are another encoding.
pub fn decode_strictly<M, T, E>(
    what: &'static str,
    bytes: &[u8],
    limit: usize,
    convert: impl FnOnce(M) -> Result<T, E>,
) -> Result<T, PartError>
where
    M: Message + Default + From<T>,
    T: Clone,
    E: std::fmt::Display,
{
    if bytes.len() > limit {
        return Err(PartError::TooLarge { what, bytes: bytes.len(), limit });
    }
    let undecodable = |reason: String| PartError::Undecodable { what, reason };
    let message = M::decode(bytes).map_err(|error| undecodable(error.to_string()))?;
    let value = convert(message).map_err(|error| undecodable(error.to_string()))?;
    if M::from(value.clone()).encode_to_vec() != bytes {
        return Err(PartError::NotCanonical(what));
    }
    Ok(value)
}

/// A `tendermint.types.SignedHeader` (rule 1).
///
/// # Errors
/// As [`decode_strictly`].
pub fn signed_header(bytes: &[u8]) -> Result<SignedHeader, PartError> {
    decode_strictly::<raw::SignedHeader, SignedHeader, _>(
        "the signed header",
        bytes,
        SIGNED_HEADER_BYTES_MAX,
        SignedHeader::try_from,
    )
}

/// A `tendermint.types.Header` (rule 1).
pub(crate) fn header(bytes: &[u8]) -> Result<Header, PartError> {
    decode_strictly::<raw::Header, Header, _>(
        "the header",
        bytes,
        HEADER_BYTES_MAX,
        Header::try_from,
    )
}

/// A `tendermint.types.Vote` (rule 1).
pub(crate) fn vote(bytes: &[u8]) -> Result<Vote, PartError> {
    decode_strictly::<raw::Vote, Vote, _>("the vote", bytes, VOTE_BYTES_MAX, Vote::try_from)
}

/// A `tendermint.types.ValidatorSet` (rules 1 and 2).
///
/// # Errors
/// As [`decode_strictly`], and if it is no set.
pub fn validator_set(bytes: &[u8]) -> Result<Set, PartError> {
    let validators = decode_strictly::<raw::ValidatorSet, Set, _>(
        "the validator set",
        bytes,
        VALIDATOR_SET_BYTES_MAX,
        Set::try_from,
    )?;
    let all = validators.validators();
    if all.len() > VALIDATORS_MAX {
        return Err(PartError::ValidatorSet("has more validators than the limit"));
    }
    let addresses: BTreeSet<_> = all.iter().map(|validator| validator.address).collect();
    if addresses.len() != all.len() {
        return Err(PartError::ValidatorSet("has a validator twice"));
    }
    if validators.proposer().is_some()
        || all.iter().any(|validator| validator.proposer_priority != ProposerPriority::default())
    {
        return Err(PartError::ValidatorSet("has a proposer or priorities"));
    }
    Ok(validators)
}
