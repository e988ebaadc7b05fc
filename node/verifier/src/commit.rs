//! Rules 7 to 9: the commit, by the light client's predicates over votes that are all verified.

use crate::{Time, Trust, VerifyError};
use dadbs_headers::{VoteError, verify_commit_votes};
use tendermint::block::{CommitSig, Height, signed_header::SignedHeader};
use tendermint::chain;
use tendermint::validator::Set;
use tendermint_light_client_verifier::errors::VerificationError;
use tendermint_light_client_verifier::operations::{
    ProdCommitValidator, VotingPowerCalculator, VotingPowerTally,
};
use tendermint_light_client_verifier::options::Options;
use tendermint_light_client_verifier::predicates::ProdPredicates;
use tendermint_light_client_verifier::types::{
    TrustThreshold, TrustedBlockState, UntrustedBlockState,
};
use tendermint_light_client_verifier::{PredicateVerifier, Verdict, Verifier};

pub(crate) fn verify(
    signed_header: &SignedHeader,
    validators: &Set,
    trust: &Trust,
    now: Time,
) -> Result<(), VerifyError> {
    let chain_id =
        chain::Id::try_from(trust.chain_id.clone()).map_err(|error| VerifyError::trust(&error))?;
    let trusted = TrustedBlockState {
        chain_id: &chain_id,
        header_time: trust.time,
        height: Height::try_from(trust.height).map_err(|error| VerifyError::trust(&error))?,
        next_validators: &trust.validators.0,
        next_validators_hash: trust.validators.0.hash(),
    };
    if trust.height >= i64::MAX.unsigned_abs() {
        return Err(VerifyError::Trust("no height follows".into()));
    }
    let untrusted = UntrustedBlockState { signed_header, validators, next_validators: None };
    let options = Options {
        trust_threshold: TrustThreshold::ONE_THIRD,
        trusting_period: trust.trusting_period,
        clock_drift: trust.clock_drift,
    };
    let verifier = PredicateVerifier::new(ProdPredicates, EveryVote, ProdCommitValidator);
    match verifier.verify_update_header(untrusted, trusted, &options, now) {
        Verdict::Success => {}
        Verdict::NotEnoughTrust(VotingPowerTally { tallied: signed, total, .. }) => {
            return Err(VerifyError::NotEnoughTrust { signed, total });
        }
        Verdict::Invalid(detail) => return Err(VerifyError::Commit(detail.to_string())),
    }
    check_age(signed_header.header.time, trust, now)
}

/// Rule 9. A header ahead of the clock has no age; rule 8 bounds it.
fn check_age(time: Time, trust: &Trust, now: Time) -> Result<(), VerifyError> {
    let too_old = match (trust.age_max, now.duration_since(time)) {
        (Some(age_max), Ok(age)) => age > age_max,
        _ => false,
    };
    if too_old { Err(VerifyError::Stale(time.to_rfc3339())) } else { Ok(()) }
}

/// Counts power like the light client's own calculator, but verifies all votes, where that one stops
/// as soon as it has counted enough (rule 7).
struct EveryVote;

impl VotingPowerCalculator for EveryVote {
    fn voting_power_in(
        &self,
        signed_header: &SignedHeader,
        validators: &Set,
        threshold: TrustThreshold,
    ) -> Result<VotingPowerTally, VerificationError> {
        verify_votes(signed_header, validators).map_err(|error| *error)?;
        Ok(self.tally(signed_header, validators, threshold))
    }

    fn voting_power_in_sets(
        &self,
        signed_header: &SignedHeader,
        trusted: (&Set, TrustThreshold),
        signing: (&Set, TrustThreshold),
    ) -> Result<(VotingPowerTally, VotingPowerTally), VerificationError> {
        verify_votes(signed_header, signing.0).map_err(|error| *error)?;
        Ok((
            self.tally(signed_header, trusted.0, trusted.1),
            self.tally(signed_header, signing.0, signing.1),
        ))
    }
}

impl EveryVote {
    /// The power in `set` of those who signed. An address is the hash of its key, and no validator
    /// is twice in the signing set, so that every vote counts once, for the key that verified it.
    fn tally(
        &self,
        signed_header: &SignedHeader,
        set: &Set,
        trust_threshold: TrustThreshold,
    ) -> VotingPowerTally {
        let votes = signed_header.commit.signatures.iter();
        let tallied = votes
            .filter_map(CommitSig::validator_address)
            .filter_map(|address| set.validators().iter().find(|info| info.address == address))
            .fold(0u64, |sum, info| sum.saturating_add(info.power()));
        VotingPowerTally { total: self.total_power_of(set), tallied, trust_threshold }
    }
}

/// Rule 7.
fn verify_votes(
    signed_header: &SignedHeader,
    validators: &Set,
) -> Result<(), Box<VerificationError>> {
    verify_commit_votes(signed_header, validators).map_err(|error| {
        Box::new(match *error {
            VoteError::Count { votes, validators } => {
                VerificationError::mismatch_pre_commit_length(votes, validators)
            }
            VoteError::MissingSignature | VoteError::Index(_) => {
                VerificationError::missing_signature()
            }
            VoteError::FaultySigner(address) => {
                VerificationError::faulty_signer(address, validators.clone())
            }
            VoteError::InvalidSignature { validator, signature, sign_bytes } => {
                VerificationError::invalid_signature(signature, validator, sign_bytes)
            }
        })
    })
}
