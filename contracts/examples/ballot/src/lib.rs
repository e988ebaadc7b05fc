//! An example contract: a secret ballot, whose votes are committed to first and revealed later.
//!
//! 1. Only registered voters vote; each commits once, up to and at the height at which committing ends.
//! 2. A commitment is SHA-256 of the contract's address, the voter's address, the choice and a secret of at
//!    least 16 bytes: it tells nothing, and nobody can copy it.
//! 3. Then each voter reveals, up to and at the height at which revealing ends. What does not fit the
//!    commitment is refused. A vote that is not revealed does not count.
//! 4. The tally is readable when revealing has ended, not before.
//!
//! Revealed votes are public: this keeps the outcome secret while people vote, not who voted for what.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod ballot {
    use super::*;
    use dadbs_sdk::address;
    use sha2::{Digest, Sha256};

    /// Bytes of a secret; a shorter one could be guessed.
    const SECRET_MIN: usize = 16;

    /// The one ballot.
    #[table(name = "ballot", check("commit_until < reveal_until"))]
    struct Ballot {
        #[key]
        #[check("id = 1")]
        id: i64,
        owner: String,
        question: String,
        #[check("choices BETWEEN 2 AND 100")]
        choices: u32,
        commit_until: i64,
        reveal_until: i64,
    }

    /// Who may vote, and how far each is.
    #[table(name = "voters")]
    struct Voter {
        #[key]
        address: String,
        #[unique]
        commitment: Option<Vec<u8>>,
        choice: Option<u32>,
    }

    #[error]
    enum BallotError {
        /// There is no ballot.
        None,
        /// Only who made the ballot registers voters.
        NotOwner,
        /// The caller is no registered voter.
        NotVoter,
        /// This is not the time for it; heights say which is.
        WrongTime { height: i64, commit_until: i64, reveal_until: i64 },
        /// A commitment has 32 bytes, a secret at least 16.
        WrongLength { bytes: u32 },
        /// The voter has committed.
        Committed,
        /// Choice and secret are not those of the commitment.
        NotCommitted,
    }

    /// Makes a ballot with choices 0, 1, ... and two last heights.
    #[init]
    fn init(
        ctx: &Context,
        question: String,
        choices: u32,
        commit_until: i64,
        reveal_until: i64,
    ) -> Result<(), Refusal> {
        let owner = ctx.caller.clone();
        let ballot = Ballot { id: 1, owner, question, choices, commit_until, reveal_until };
        ctx.db.ballot().insert(&ballot)
    }

    fn ballot(ctx: &Context) -> Result<Ballot, Refusal> {
        Ok(ctx.db.ballot().get(1)?.ok_or(BallotError::None)?)
    }

    /// The ballot, if `is_time` says so of it.
    fn in_time(ctx: &Context, is_time: impl Fn(&Ballot) -> bool) -> Result<Ballot, Refusal> {
        let ballot = ballot(ctx)?;
        if is_time(&ballot) {
            return Ok(ballot);
        }
        let Ballot { commit_until, reveal_until, .. } = ballot;
        Err(BallotError::WrongTime { height: ctx.height, commit_until, reveal_until }.into())
    }

    fn voter(ctx: &Context) -> Result<Voter, Refusal> {
        Ok(ctx.db.voters().get(&ctx.caller)?.ok_or(BallotError::NotVoter)?)
    }

    /// Registers a voter.
    #[call]
    fn register(ctx: &Context, address: String) -> Result<(), Refusal> {
        let ballot = in_time(ctx, |ballot| ctx.height <= ballot.commit_until)?;
        if ballot.owner != ctx.caller {
            return Err(BallotError::NotOwner.into());
        }
        address::check(&address)?;
        ctx.db.voters().insert(&Voter { address, commitment: None, choice: None })
    }

    /// Commits the caller to a vote that is not told.
    #[call]
    fn commit(ctx: &Context, commitment: Vec<u8>) -> Result<(), Refusal> {
        in_time(ctx, |ballot| ctx.height <= ballot.commit_until)?;
        let mut voter = voter(ctx)?;
        if voter.commitment.is_some() {
            return Err(BallotError::Committed.into());
        }
        if commitment.len() != 32 {
            let bytes = u32::try_from(commitment.len()).unwrap_or(u32::MAX);
            return Err(BallotError::WrongLength { bytes }.into());
        }
        voter.commitment = Some(commitment);
        ctx.db.voters().update(&voter)?;
        Ok(())
    }

    /// Tells the caller's vote.
    #[call]
    fn reveal(ctx: &Context, choice: u32, secret: &[u8]) -> Result<(), Refusal> {
        let ballot = in_time(ctx, |ballot| {
            ctx.height > ballot.commit_until && ctx.height <= ballot.reveal_until
        })?;
        if secret.len() < SECRET_MIN {
            let bytes = u32::try_from(secret.len()).unwrap_or(u32::MAX);
            return Err(BallotError::WrongLength { bytes }.into());
        }
        let mut voter = voter(ctx)?;
        let mut hash = Sha256::new();
        for part in [ctx.contract_address.as_bytes(), ctx.caller.as_bytes()] {
            hash.update(part);
        }
        hash.update(choice.to_le_bytes());
        hash.update(secret);
        let fits = voter.commitment.as_deref() == Some(&hash.finalize()[..]);
        if !fits || choice >= ballot.choices {
            return Err(BallotError::NotCommitted.into());
        }
        voter.choice = Some(choice);
        ctx.db.voters().update(&voter)?;
        Ok(())
    }

    /// Each choice that got votes, and how many.
    #[view]
    fn tally(ctx: &Context) -> Result<Table, Refusal> {
        in_time(ctx, |ballot| ctx.height > ballot.reveal_until)?;
        Ok(sql!(
            "SELECT choice, count(*) AS votes FROM voters WHERE choice IS NOT NULL
             GROUP BY choice ORDER BY votes DESC, choice LIMIT 100"
        )?)
    }
}
