//! Rules 4 and 5: a header that is not the chain's, signed by one of its validators.

use crate::set::bytes;
use crate::votes::{verify_commit_votes, verify_vote};
use crate::wire::{self, PartError};
use tendermint::Hash;
use tendermint::block::{CommitSig, Header, signed_header::SignedHeader};
use tendermint::validator::Set;
use tendermint::vote::Vote;

/// An accusation in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// `tendermint.types.Header`: the wrong one.
    pub header: &'a [u8],
    /// `tendermint.types.Vote`: a prevote or precommit for it.
    pub vote: &'a [u8],
    /// `tendermint.types.SignedHeader`: the chain's own header of that height.
    pub signed_header: &'a [u8],
    /// `tendermint.types.ValidatorSet`: the validators of that height.
    pub validator_set: &'a [u8],
}

/// An accusation that was decoded; nothing of it is verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accusation {
    header: Header,
    vote: Vote,
    finalized: SignedHeader,
    validators: Set,
}

/// What an accusation has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accused {
    /// The address of the key that signed.
    pub address: [u8; 20],
    /// Its power at that height.
    pub power: u64,
    /// The height.
    pub height: u64,
    /// The round of the vote.
    pub round: u32,
    /// The hash of the wrong header.
    pub header_hash: [u8; 32],
    /// What is wrong in it: the name of a field of headers.
    pub wrong: &'static str,
}

/// Why an accusation shows nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Doubt {
    /// Another chain, or two heights.
    #[error("{0}")]
    Foreign(String),
    /// The header that should be the chain's is not shown to be.
    #[error("the signed header is not shown to be the chain's: {0}")]
    Commit(String),
    /// The vote is not the accused's for the header.
    #[error("the vote does not accuse: {0}")]
    Vote(String),
    /// The header says what the chain says.
    #[error("the header has the chain's own app_hash and last_results_hash: it is no fault")]
    NoFault,
}

impl Accusation {
    /// Decodes the parts (rules 1 and 2).
    ///
    /// # Errors
    /// What is wrong with the first part that is not taken.
    pub fn decode(parts: &Parts<'_>) -> Result<Accusation, PartError> {
        Ok(Accusation {
            header: wire::header(parts.header)?,
            vote: wire::vote(parts.vote)?,
            finalized: wire::signed_header(parts.signed_header)?,
            validators: wire::validator_set(parts.validator_set)?,
        })
    }

    /// Signatures that judging verifies at most.
    pub fn signatures(&self) -> u64 {
        (self.finalized.commit.signatures.len() as u64).saturating_add(1)
    }

    /// The height that it is about.
    pub fn height(&self) -> u64 {
        self.finalized.header.height.value()
    }

    /// The time of the chain's own header, in seconds since 1970.
    pub fn time_s(&self) -> u64 {
        u64::try_from(self.finalized.header.time.unix_timestamp()).unwrap_or(0)
    }

    /// The hash of the validator set; whoever judges must know that it is the set of the height.
    pub fn validators_hash(&self) -> [u8; 32] {
        bytes(self.validators.hash())
    }

    /// Judges it for a chain (rules 3 to 5).
    ///
    /// # Errors
    /// Why it shows nothing.
    pub fn judge(&self, chain_id: &str) -> Result<Accused, Doubt> {
        let (accused, own) = (&self.header, &self.finalized.header);
        for header in [accused, own] {
            if header.chain_id.as_str() != chain_id {
                let message = format!("a header is of chain \"{}\"", header.chain_id);
                return Err(Doubt::Foreign(message));
            }
        }
        if accused.height != own.height || self.vote.height != own.height {
            let message = format!(
                "header, vote and signed header are of heights {}, {} and {}",
                accused.height, self.vote.height, own.height
            );
            return Err(Doubt::Foreign(message));
        }
        let wrong = if accused.app_hash != own.app_hash {
            "app_hash"
        } else if filled(accused.last_results_hash) != filled(own.last_results_hash) {
            "last_results_hash"
        } else {
            return Err(Doubt::NoFault);
        };
        self.check_finalized()?;
        let power = self.check_vote()?;
        let mut address = [0; 20];
        address.copy_from_slice(self.vote.validator_address.as_bytes());
        Ok(Accused {
            address,
            power,
            height: self.height(),
            round: self.vote.round.value(),
            header_hash: bytes(accused.hash()),
            wrong,
        })
    }

    /// Rule 4.
    fn check_finalized(&self) -> Result<(), Doubt> {
        let doubt = |message: String| Err(Doubt::Commit(message));
        let SignedHeader { header, commit, .. } = &self.finalized;
        if header.validators_hash != self.validators.hash() {
            return doubt("it names other validators".into());
        }
        if commit.block_id.hash != header.hash() {
            return doubt("its commit is for another header".into());
        }
        verify_commit_votes(&self.finalized, &self.validators)
            .map_err(|error| Doubt::Commit(error.to_string()))?;
        // Rule 3 holds, so each vote stands in the place of its validator.
        let votes = commit.signatures.iter().zip(self.validators.validators());
        let signed = votes
            .filter(|(vote, _)| matches!(vote, CommitSig::BlockIdFlagCommit { .. }))
            .fold(0_u128, |sum, (_, validator)| sum.saturating_add(validator.power().into()));
        let all = self.validators.validators().iter();
        let all = all.fold(0_u128, |sum, one| sum.saturating_add(one.power().into()));
        if signed.saturating_mul(3) <= all.saturating_mul(2) {
            return doubt(format!("{signed} of {all} power has signed, more than 2/3 must"));
        }
        Ok(())
    }

    /// The vote of rule 5; gives the accused's power.
    fn check_vote(&self) -> Result<u64, Doubt> {
        let doubt = |message: &str| Doubt::Vote(message.into());
        let voted = self.vote.block_id.ok_or_else(|| doubt("it is for nothing"))?;
        if voted.hash != self.header.hash() {
            return Err(doubt("it is for another header"));
        }
        let address = self.vote.validator_address;
        let validator = self.validators.validator(address);
        let validator = validator.ok_or_else(|| doubt("its signer is not of that height's set"))?;
        let signature = self.vote.signature.clone().ok_or_else(|| doubt("it is not signed"))?;
        verify_vote(self.vote.clone(), &signature, &self.header.chain_id, &validator)
            .map_err(|error| Doubt::Vote(error.to_string()))?;
        Ok(validator.power())
    }
}

/// A hash as headers hash it: nothing and an empty hash are the same.
fn filled(hash: Option<Hash>) -> Hash {
    hash.unwrap_or_default()
}
