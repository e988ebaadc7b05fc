//! The proof verifier: is this row what the validators of the chain signed?
//!
//! [`verify`] takes the bytes of a [`Bundle`], what the caller trusts ([`Trust`]), and the time. It
//! reads any bytes without panic, has no clock, files or network, and builds for wasm32. In order:
//!
//! 1. The bundle and its parts are no longer than the limits below.
//! 2. The bundle, the signed header and the validator set are in their one encoding: what they
//!    decode to encodes to the same bytes. So nothing that no signature covers can be slipped in.
//! 3. The table is in lower case; the key and the row decode, and encode to the same bytes.
//! 4. The header is of the bundle's height + 1: a block's state is in the next block's header.
//! 5. The Merkle proof leads from the row's leaf (or its absence) to the header's app hash.
//! 6. The validator set has no validator twice, no proposer and no priorities, which no hash covers.
//! 7. Every vote in the commit is for this block, in the place of its validator, and its signature
//!    verifies, also beyond the votes that are needed.
//! 8. The light client's predicates hold: hashes of header and validator sets, chain id, more than
//!    2/3 of the power has signed; and if the set is not the one trusted for the next height, more
//!    than 1/3 of the trusted power has signed, too. Trust has not expired, the header is later than
//!    the trusted one and not from the future.
//! 9. The header is no older than the caller's maximum, if there is one.
//!
//! A verified answer is about the table and key that it names: the caller compares them with what it
//! asked for ([`VerifiedRow::answers`]).

mod bundle;
mod commit;
mod trust;

pub use bundle::Bundle;
pub use dadbs_headers::{SIGNED_HEADER_BYTES_MAX, VALIDATOR_SET_BYTES_MAX};
pub use tendermint::Time;
pub use trust::{Trust, TrustedValidators};

use bundle::Parts;
use dadbs_headers::PartError;
use dadbs_types::{DecodeError, Key, Row, limits, row};
use tendermint::error::Error as TendermintError;

// A row, its key, a path, and the two above fit.
const _: () = assert!(
    limits::BUNDLE_BYTES_MAX
        >= 2 * limits::SQL_VALUE_BYTES_MAX
            + limits::MERKLE_PROOF_BYTES_MAX
            + SIGNED_HEADER_BYTES_MAX
            + VALIDATOR_SET_BYTES_MAX
            + 1024
);

/// A row that the validators signed.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifiedRow {
    /// The table's physical name.
    pub table: String,
    /// The row's key.
    pub key: Key,
    /// The row; `None` if it does not exist.
    pub row: Option<Row>,
    /// The height whose state this is.
    pub height: u64,
    /// The time of the header that commits to it, one block later.
    pub time: Time,
    /// What may be trusted from here on, so that trust neither expires nor falls behind the changes
    /// of validators: the verified header, if its validators sign the next height, too.
    pub trust: Option<Trust>,
}

impl VerifiedRow {
    /// Whether this is about the row that was asked for.
    pub fn answers(&self, table: &str, key: &Key) -> bool {
        self.table.eq_ignore_ascii_case(table) && self.key.encode() == key.encode()
    }
}

/// Why a bundle is refused; the numbers are the crate's rules.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// Rule 1.
    #[error("rule 1: {what} has {bytes} bytes, the limit is {limit}")]
    TooLarge {
        /// The part.
        what: &'static str,
        /// Its length.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// Rule 2: not decodable.
    #[error("rule 2: {what} cannot be decoded: {reason}")]
    Undecodable {
        /// The part.
        what: &'static str,
        /// What the decoder said.
        reason: String,
    },
    /// Rule 2: another encoding of the same.
    #[error("rule 2: {0} is not in its one encoding")]
    NotCanonical(&'static str),
    /// Rule 3.
    #[error("rule 3: the table's name is not in lower case")]
    TableName,
    /// Rule 3.
    #[error("rule 3: the key does not decode: {0:?}")]
    Key(DecodeError),
    /// Rule 3.
    #[error("rule 3: the row does not decode: {0:?}")]
    Row(DecodeError),
    /// Rule 4.
    #[error("rule 4: the state is of height {state}, its header of height {header}, not one more")]
    Height {
        /// The bundle's height.
        state: u64,
        /// The header's height.
        header: u64,
    },
    /// Rule 5: the app hash is no root.
    #[error("rule 5: the header's app hash has {0} bytes, not 32")]
    AppHash(usize),
    /// Rule 5.
    #[error("rule 5: {0}")]
    Merkle(#[from] dadbs_merkle::ProofError),
    /// Rule 6.
    #[error("rule 6: the validator set {0}")]
    ValidatorSet(&'static str),
    /// Rules 7 and 8.
    #[error("rules 7 and 8: the commit is not to be trusted: {0}")]
    Commit(String),
    /// Rule 8: the validators have changed too much since the trusted header.
    #[error(
        "rule 8: validators with {signed} of {total} trusted power signed, more than 1/3 must: \
         trust a later header"
    )]
    NotEnoughTrust {
        /// The power that signed.
        signed: u64,
        /// All of it.
        total: u64,
    },
    /// Rule 9.
    #[error("rule 9: the header is from {0}, older than accepted: ask another node")]
    Stale(String),
    /// What the caller trusts is malformed.
    #[error("the trusted chain id, height, time or validators are malformed: {0}")]
    Trust(String),
}

impl From<PartError> for VerifyError {
    fn from(error: PartError) -> VerifyError {
        match error {
            PartError::TooLarge { what, bytes, limit } => {
                VerifyError::TooLarge { what, bytes, limit }
            }
            PartError::Undecodable { what, reason } => VerifyError::Undecodable { what, reason },
            PartError::NotCanonical(what) => VerifyError::NotCanonical(what),
            PartError::ValidatorSet(why) => VerifyError::ValidatorSet(why),
        }
    }
}

impl VerifyError {
    fn trust(error: &TendermintError) -> VerifyError {
        VerifyError::Trust(error.to_string())
    }
}

/// Verifies a bundle at the time `now`.
pub fn verify(bytes: &[u8], trust: &Trust, now: Time) -> Result<VerifiedRow, VerifyError> {
    let bundle = Bundle::decode_strictly(bytes)?;
    let Parts { signed_header, validators } = bundle.parts()?;
    let header = &signed_header.header;

    if bundle.table.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err(VerifyError::TableName);
    }
    let key = Key(dadbs_types::value::decode_row(&bundle.key).map_err(VerifyError::Key)?);
    if key.encode() != bundle.key {
        return Err(VerifyError::NotCanonical("the key"));
    }
    let row = match bundle.row.as_slice() {
        [] => None,
        bytes => Some(Row::decode(bytes).map_err(VerifyError::Row)?),
    };
    if bundle.height.checked_add(1) != Some(header.height.value()) {
        return Err(VerifyError::Height { state: bundle.height, header: header.height.value() });
    }

    let app_hash = header.app_hash.as_bytes();
    let root = app_hash.try_into().map_err(|_| VerifyError::AppHash(app_hash.len()))?;
    let leaf_key = row::leaf_key(&bundle.table, &bundle.key);
    let leaf_value = row.as_ref().map(|_| row::leaf_value(&bundle.row));
    dadbs_merkle::verify(root, &leaf_key, leaf_value.as_ref(), &bundle.merkle_proof)?;

    commit::verify(&signed_header, &validators, trust, now)?;
    let (height, time) = (bundle.height, header.time);
    let trust = trust.advanced(header, validators);
    Ok(VerifiedRow { table: bundle.table, key, row, height, time, trust })
}
