//! Rule 3: signatures of votes.

use tendermint::block::{CommitSig, signed_header::SignedHeader};
use tendermint::validator::{Info, Set};
use tendermint::vote::{SignedVote, Type, ValidatorIndex, Vote};
use tendermint::{Signature, account, chain, crypto::default::signature::Verifier as Ed25519};

/// Why the votes of a commit are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// Not a place for each validator.
    #[error("the commit has {votes} places for {validators} validators")]
    Count {
        /// Places of the commit.
        votes: usize,
        /// Validators of the set.
        validators: usize,
    },
    /// A vote that is there is for nothing, or has no signature.
    #[error("a vote of the commit is for no block or has no signature")]
    MissingSignature,
    /// A vote stands in another's place.
    #[error("{0} votes in another validator's place")]
    FaultySigner(account::Id),
    /// A signature does not verify.
    #[error("the signature of {} does not verify", .validator.address)]
    InvalidSignature {
        /// Whose it should be.
        validator: Box<Info>,
        /// The signature.
        signature: Vec<u8>,
        /// What it should cover.
        sign_bytes: Vec<u8>,
    },
    /// A place beyond what a vote can name.
    #[error("a vote has a place that cannot be named: {0}")]
    Index(String),
}

/// Every vote of the commit is for its header, in the place of its validator, and verifies; whether they are enough is
/// not judged.
///
/// # Errors
/// The first breach of rule 3.
pub fn verify_commit_votes(
    signed_header: &SignedHeader,
    validators: &Set,
) -> Result<(), Box<VoteError>> {
    let votes = &signed_header.commit.signatures;
    let (given, expected) = (votes.len(), validators.validators().len());
    if given != expected {
        return Err(VoteError::Count { votes: given, validators: expected }.into());
    }
    for (index, (vote, validator)) in votes.iter().zip(validators.validators()).enumerate() {
        if !vote.is_absent() {
            verify_commit_vote(signed_header, index, vote, validator)?;
        }
    }
    Ok(())
}

fn verify_commit_vote(
    signed_header: &SignedHeader,
    index: usize,
    vote: &CommitSig,
    validator: &Info,
) -> Result<(), Box<VoteError>> {
    let CommitSig::BlockIdFlagCommit { validator_address, timestamp, signature: Some(signature) } =
        vote
    else {
        return Err(VoteError::MissingSignature.into());
    };
    if *validator_address != validator.address {
        return Err(VoteError::FaultySigner(*validator_address).into());
    }
    let commit = &signed_header.commit;
    let vote = Vote {
        vote_type: Type::Precommit,
        height: commit.height,
        round: commit.round,
        block_id: Some(commit.block_id),
        timestamp: Some(*timestamp),
        validator_address: *validator_address,
        validator_index: ValidatorIndex::try_from(index)
            .map_err(|error| VoteError::Index(error.to_string()))?,
        signature: Some(signature.clone()),
        extension: Vec::new(),
        extension_signature: None,
    };
    verify_vote(vote, signature, &signed_header.header.chain_id, validator)
}

/// The vote is signed by the validator's key for the chain.
///
/// # Errors
/// [`VoteError::InvalidSignature`].
pub fn verify_vote(
    vote: Vote,
    signature: &Signature,
    chain_id: &chain::Id,
    validator: &Info,
) -> Result<(), Box<VoteError>> {
    let address = vote.validator_address;
    let signed = SignedVote::new(vote, chain_id.clone(), address, signature.clone());
    let sign_bytes = signed.sign_bytes();
    validator.verify_signature(&Ed25519, &sign_bytes, signature).map_err(|_| {
        Box::new(VoteError::InvalidSignature {
            validator: Box::new(validator.clone()),
            signature: signature.as_bytes().to_vec(),
            sign_bytes,
        })
    })
}
