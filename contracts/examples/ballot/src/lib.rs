//! An example contract: a secret ballot on a question. Votes are encrypted, and trustees decrypt their sum alone.
//!
//! 1. The owner names trustees and voters; `begin` ends that. `threshold` trustees decrypt; fewer cannot.
//! 2. Nobody ever holds the key. Each trustee deals: it shares a secret of its own among all, commits to it on the
//!    chain and proves that it knows it. The key is the sum. A trustee confirms when the shares that it was sent fit the
//!    commitments; voting opens when all have confirmed.
//! 3. A voter votes once, with an encrypted 0 or 1 and a proof that it is one of these. The proof is of this voter and
//!    this ballot: nobody can copy a vote.
//! 4. The contract adds up the ciphertexts. Voting ends at a time, or when all have voted.
//! 5. Then trustees publish their part of the decryption of the sum, each with a proof. When enough of them are there,
//!    `count` finds the number of yes votes, which anyone may ask for and nobody can change.
//! 6. A trustee who was dealt a share that does not fit complains, with a proof that opens this one share. The contract
//!    looks itself: if it does not fit, the dealer is excluded, and what it dealt leaves the key. A trustee whose part of the
//!    decryption is not proved is excluded, too. Everybody sees who it was and why.
//! 7. Whoever is excluded has no more say. The others go on; when fewer than `threshold` are left, the ballot has failed.
//!
//! What the proofs are stands in [`proofs`]; `examples/client` makes them.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

pub mod proofs;

#[contract]
#[allow(clippy::wildcard_imports)]
mod ballot {
    use super::proofs::{self, Ciphertext, POINT, Point, Whose};
    use super::*;
    use dadbs_sdk::address;

    /// Looking for the sum takes a step for each voter.
    const VOTERS_MAX: u32 = 1_000;
    const TRUSTEES_MAX: u32 = 16;

    /// The one ballot.
    #[table(name = "ballot")]
    struct Ballot {
        #[key]
        #[check("id = 1")]
        id: i64,
        owner: String,
        question: String,
        #[check("stage IN ('names', 'keys', 'deals', 'confirm', 'voting', 'done', 'failed')")]
        stage: String,
        /// Trustees who have not done what the stage is for.
        missing: u32,
        trustees: u32,
        excluded: u32,
        voters: u32,
        #[check("threshold BETWEEN 1 AND 16")]
        threshold: u32,
        until_ms: i64,
        /// The commitments of all trustees who are not excluded, added up; the first is the key.
        commitments: Vec<u8>,
        /// The ciphertext of the sum.
        sum: Vec<u8>,
        votes: u32,
        yes: Option<u32>,
    }

    /// Who decrypts, and how far each is.
    #[table(name = "trustees")]
    struct Trustee {
        #[key]
        address: String,
        #[unique]
        number: u32,
        /// The point that others encrypt shares for this trustee with.
        key: Option<Vec<u8>>,
        commitments: Option<Vec<u8>>,
        /// A point, and a share for each trustee by its number.
        shares: Option<Vec<u8>>,
        confirmed: bool,
        /// Its part of the decryption.
        part: Option<Vec<u8>>,
        /// Why it was excluded: it dealt a wrong share, or gave a wrong part.
        #[check("fault IN ('share', 'part')")]
        fault: Option<String>,
    }

    /// Who may vote.
    #[table(name = "voters")]
    struct Voter {
        #[key]
        address: String,
        vote: Option<Vec<u8>>,
        proof: Option<Vec<u8>>,
    }

    #[error]
    enum BallotError {
        /// There is no ballot.
        None,
        /// Only who made the ballot names trustees and voters.
        NotOwner,
        /// The caller is no trustee.
        NotTrustee,
        /// The caller is no voter.
        NotVoter,
        /// This is not the time for it.
        WrongStage { stage: String },
        /// There are enough of them.
        TooMany { most: u32 },
        /// A ballot has voters, and at least `threshold` trustees.
        TooFew,
        /// Voting ends in the future.
        Past { until_ms: i64 },
        /// The caller has done this.
        Done,
        /// More trustees must decrypt.
        NotYet { missing: u32 },
        /// It has another length, or it is no point.
        Malformed,
        /// The proof does not show what it should.
        NotProved,
        /// The caller was excluded for a fault.
        Excluded,
        /// There is no such trustee, or it is excluded.
        NoTrustee { number: u32 },
        /// The share fits what its dealer has committed to.
        Unfounded,
        /// It is not the sum that is decrypted.
        OtherSum,
    }

    /// Voting is open, for this key.
    #[event]
    struct Opened<'a> {
        question: &'a str,
    }

    /// A trustee was excluded: `share` if it dealt a wrong one, `part` if its part of the decryption was wrong.
    #[event]
    struct Faulty<'a> {
        number: u32,
        address: &'a str,
        fault: &'a str,
    }

    /// Fewer trustees than the threshold are left: there will be no result.
    #[event]
    struct Failed {
        left: u32,
    }

    /// The votes are counted.
    #[event]
    struct Counted {
        yes: u32,
        no: u32,
    }

    /// Makes a ballot of the caller on a question; voting ends at a block time in milliseconds since 1970, or when all
    /// have voted.
    #[init]
    fn init(ctx: &Context, question: String, threshold: u32, until_ms: i64) -> Result<(), Refusal> {
        if until_ms <= ctx.time_ms {
            return Err(BallotError::Past { until_ms }.into());
        }
        if threshold > TRUSTEES_MAX {
            return Err(BallotError::TooMany { most: TRUSTEES_MAX }.into());
        }
        let (owner, stage) = (ctx.caller.clone(), "names".into());
        let commitments = proofs::encode_all(&vec![Point::IDENTITY; threshold as usize]);
        let sum = Ciphertext::ZERO.encode();
        ctx.db.ballot().insert(&Ballot {
            id: 1,
            owner,
            question,
            stage,
            missing: 0,
            trustees: 0,
            excluded: 0,
            voters: 0,
            threshold,
            until_ms,
            commitments,
            sum,
            votes: 0,
            yes: None,
        })
    }

    /// The ballot in this stage.
    fn at(ctx: &Context, stage: &str) -> Result<Ballot, Refusal> {
        let ballot = ctx.db.ballot().get(1)?.ok_or(BallotError::None)?;
        if ballot.stage == stage {
            return Ok(ballot);
        }
        Err(BallotError::WrongStage { stage: ballot.stage }.into())
    }

    /// The caller's ballot, while it takes names.
    fn owned(ctx: &Context) -> Result<Ballot, Refusal> {
        let ballot = at(ctx, "names")?;
        if ballot.owner == ctx.caller { Ok(ballot) } else { Err(BallotError::NotOwner.into()) }
    }

    fn trustee(ctx: &Context) -> Result<Trustee, Refusal> {
        let trustee = ctx.db.trustees().get(&ctx.caller)?.ok_or(BallotError::NotTrustee)?;
        if trustee.fault.is_some() {
            return Err(BallotError::Excluded.into());
        }
        Ok(trustee)
    }

    fn whose(ctx: &Context) -> Whose<'_> {
        Whose { contract: &ctx.contract_address, account: &ctx.caller }
    }

    /// A trustee has done what the stage is for; the last one begins the next stage.
    fn step(ctx: &Context, mut ballot: Ballot, next: &str) -> Result<(), Refusal> {
        ballot.missing -= 1;
        if ballot.missing == 0 {
            ballot.stage = next.into();
            ballot.missing = ballot.trustees - ballot.excluded;
            if next == "voting" {
                Opened { question: &ballot.question }.emit();
            }
        }
        ctx.db.ballot().update(&ballot)?;
        Ok(())
    }

    /// Excludes a trustee for a fault that is shown (rules 6 and 7). The ballot is not written yet.
    fn exclude(
        ctx: &Context,
        ballot: &mut Ballot,
        mut trustee: Trustee,
        fault: &str,
    ) -> Result<(), Refusal> {
        ballot.excluded += 1;
        let left = ballot.trustees - ballot.excluded;
        trustee.fault = Some(fault.into());
        ctx.db.trustees().update(&trustee)?;
        Faulty { number: trustee.number, address: &trustee.address, fault }.emit();
        if left < ballot.threshold {
            ballot.stage = "failed".into();
            Failed { left }.emit();
        }
        Ok(())
    }

    /// Names a trustee; answers its number.
    #[call]
    fn name_trustee(ctx: &Context, address: String) -> Result<u32, Refusal> {
        let mut ballot = owned(ctx)?;
        address::check(&address)?;
        if ballot.trustees == TRUSTEES_MAX {
            return Err(BallotError::TooMany { most: TRUSTEES_MAX }.into());
        }
        ballot.trustees += 1;
        let number = ballot.trustees;
        ctx.db.ballot().update(&ballot)?;
        ctx.db.trustees().insert(&Trustee {
            address,
            number,
            key: None,
            commitments: None,
            shares: None,
            confirmed: false,
            part: None,
            fault: None,
        })?;
        Ok(number)
    }

    /// Names a voter.
    #[call]
    fn name_voter(ctx: &Context, address: String) -> Result<(), Refusal> {
        let mut ballot = owned(ctx)?;
        address::check(&address)?;
        if ballot.voters == VOTERS_MAX {
            return Err(BallotError::TooMany { most: VOTERS_MAX }.into());
        }
        ballot.voters += 1;
        ctx.db.ballot().update(&ballot)?;
        ctx.db.voters().insert(&Voter { address, vote: None, proof: None })
    }

    /// Ends the naming; trustees make the key.
    #[call]
    fn begin(ctx: &Context) -> Result<(), Refusal> {
        let mut ballot = owned(ctx)?;
        if ballot.trustees < ballot.threshold || ballot.voters == 0 {
            return Err(BallotError::TooFew.into());
        }
        (ballot.stage, ballot.missing) = ("keys".into(), ballot.trustees);
        ctx.db.ballot().update(&ballot)?;
        Ok(())
    }

    /// A trustee's point, with which others encrypt shares for it.
    #[call]
    fn join(ctx: &Context, key: Vec<u8>) -> Result<(), Refusal> {
        let ballot = at(ctx, "keys")?;
        let mut trustee = trustee(ctx)?;
        if trustee.key.is_some() {
            return Err(BallotError::Done.into());
        }
        if proofs::point(&key).is_none_or(|point| point == Point::IDENTITY) {
            return Err(BallotError::Malformed.into());
        }
        trustee.key = Some(key);
        ctx.db.trustees().update(&trustee)?;
        step(ctx, ballot, "deals")
    }

    /// A trustee's secret, shared: commitments to its polynomial, the proof that the secret is known, and the encrypted
    /// shares (rule 2).
    #[call]
    fn deal(
        ctx: &Context,
        commitments: Vec<u8>,
        proof: &[u8],
        shares: Vec<u8>,
    ) -> Result<(), Refusal> {
        let mut ballot = at(ctx, "deals")?;
        let mut trustee = trustee(ctx)?;
        if trustee.commitments.is_some() {
            return Err(BallotError::Done.into());
        }
        let own = proofs::points(&commitments).ok_or(BallotError::Malformed)?;
        let mut all = proofs::points(&ballot.commitments).ok_or(BallotError::Malformed)?;
        if own.len() != all.len() || !proofs::are_shares(&shares, ballot.trustees) {
            return Err(BallotError::Malformed.into());
        }
        if !proofs::is_known(whose(ctx), &own[0], proof) {
            return Err(BallotError::NotProved.into());
        }
        for (sum, own) in all.iter_mut().zip(&own) {
            *sum += own;
        }
        ballot.commitments = proofs::encode_all(&all);
        trustee.commitments = Some(commitments);
        trustee.shares = Some(shares);
        ctx.db.trustees().update(&trustee)?;
        step(ctx, ballot, "confirm")
    }

    /// A trustee says that its shares fit the commitments of those who dealt them. The last one opens the voting.
    #[call]
    fn confirm(ctx: &Context) -> Result<(), Refusal> {
        let ballot = at(ctx, "confirm")?;
        let mut trustee = trustee(ctx)?;
        if trustee.confirmed {
            return Err(BallotError::Done.into());
        }
        trustee.confirmed = true;
        ctx.db.trustees().update(&trustee)?;
        step(ctx, ballot, "voting")
    }

    /// A trustee complains about the share that trustee `number` has dealt to it: `common` is the point that hides it, with
    /// the proof that it is (rule 6). The complainer confirms after it.
    #[call]
    fn complain(ctx: &Context, number: u32, common: &[u8], proof: &[u8]) -> Result<(), Refusal> {
        let mut ballot = at(ctx, "confirm")?;
        let own = trustee(ctx)?;
        let dealer = ctx.db.trustees().by_number(number)?;
        let dealer = dealer.filter(|dealer| dealer.fault.is_none());
        let dealer = dealer.ok_or(BallotError::NoTrustee { number })?;
        let dealt = |bytes: &Option<Vec<u8>>| bytes.as_deref().and_then(proofs::points);
        let shares = dealer.shares.as_deref().unwrap_or_default();
        let (Some(key), Some(blind), Some(common), Some(commitments), Some(mut all)) = (
            own.key.as_deref().and_then(proofs::point),
            proofs::blind(shares),
            proofs::point(common),
            dealt(&dealer.commitments),
            proofs::points(&ballot.commitments),
        ) else {
            return Err(BallotError::Malformed.into());
        };
        if !proofs::is_of_secret(proofs::COMPLAINT, whose(ctx), &key, &blind, &common, proof) {
            return Err(BallotError::NotProved.into());
        }
        let share = proofs::open(&ctx.contract_address, shares, own.number, &common);
        let share = share.ok_or(BallotError::Malformed)?;
        if Point::GENERATOR * share == proofs::share_key(&commitments, own.number) {
            return Err(BallotError::Unfounded.into());
        }
        for (sum, dealt) in all.iter_mut().zip(&commitments) {
            *sum -= dealt;
        }
        ballot.commitments = proofs::encode_all(&all);
        let confirms = !dealer.confirmed;
        exclude(ctx, &mut ballot, dealer, "share")?;
        if confirms && ballot.stage == "confirm" {
            return step(ctx, ballot, "voting");
        }
        ctx.db.ballot().update(&ballot)?;
        Ok(())
    }

    /// True if nobody votes any more (rule 4).
    fn has_ended(ctx: &Context, ballot: &Ballot) -> bool {
        ballot.votes == ballot.voters || ctx.time_ms >= ballot.until_ms
    }

    /// Votes: a ciphertext of 0 for no or of 1 for yes, and the proof that it is one of them (rule 3).
    #[call]
    fn vote(ctx: &Context, vote: Vec<u8>, proof: Vec<u8>) -> Result<(), Refusal> {
        let mut ballot = at(ctx, "voting")?;
        let mut voter = ctx.db.voters().get(&ctx.caller)?.ok_or(BallotError::NotVoter)?;
        if voter.vote.is_some() {
            return Err(BallotError::Done.into());
        }
        if has_ended(ctx, &ballot) {
            return Err(BallotError::WrongStage { stage: "decryption".into() }.into());
        }
        let key = ballot.commitments.get(..POINT).and_then(proofs::point);
        let (Some(key), Some(sum), Some(own)) =
            (key, Ciphertext::decode(&ballot.sum), Ciphertext::decode(&vote))
        else {
            return Err(BallotError::Malformed.into());
        };
        if !proofs::is_vote(whose(ctx), &key, &own, &proof) {
            return Err(BallotError::NotProved.into());
        }
        (voter.vote, voter.proof) = (Some(vote), Some(proof));
        ctx.db.voters().update(&voter)?;
        ballot.sum = sum.plus(&own).encode();
        ballot.votes += 1;
        ctx.db.ballot().update(&ballot)?;
        Ok(())
    }

    /// A trustee's part of the decryption of `sum`, and the proof that it is the part (rule 5). A wrong one excludes the
    /// trustee (rule 6); that of another sum, which a client saw too early, is only refused.
    #[call]
    fn decrypt(ctx: &Context, sum: &[u8], part: Vec<u8>, proof: &[u8]) -> Result<(), Refusal> {
        let mut ballot = at(ctx, "voting")?;
        let mut trustee = trustee(ctx)?;
        if trustee.part.is_some() {
            return Err(BallotError::Done.into());
        }
        if !has_ended(ctx, &ballot) {
            return Err(BallotError::WrongStage { stage: ballot.stage }.into());
        }
        if sum != ballot.sum {
            return Err(BallotError::OtherSum.into());
        }
        let commitments = proofs::points(&ballot.commitments);
        let (Some(commitments), Some(sum), Some(own)) =
            (commitments, Ciphertext::decode(&ballot.sum), proofs::point(&part))
        else {
            return Err(BallotError::Malformed.into());
        };
        let public = proofs::share_key(&commitments, trustee.number);
        if !proofs::is_of_secret(proofs::DECRYPTION, whose(ctx), &public, &sum.a, &own, proof) {
            exclude(ctx, &mut ballot, trustee, "part")?;
            ctx.db.ballot().update(&ballot)?;
            return Ok(());
        }
        trustee.part = Some(part);
        ctx.db.trustees().update(&trustee)?;
        Ok(())
    }

    /// Counts, once enough trustees have decrypted; answers the votes for yes and for no.
    #[call]
    fn count(ctx: &Context) -> Result<(u32, u32), Refusal> {
        let mut ballot = at(ctx, "voting")?;
        if !has_ended(ctx, &ballot) {
            return Err(BallotError::WrongStage { stage: ballot.stage }.into());
        }
        let found = sql!(
            "SELECT number, part FROM trustees WHERE part IS NOT NULL ORDER BY number LIMIT ?",
            ballot.threshold
        )?;
        let parts: Vec<(u32, Vec<u8>)> = found.decode();
        let missing =
            ballot.threshold.saturating_sub(u32::try_from(parts.len()).unwrap_or(u32::MAX));
        if missing > 0 {
            return Err(BallotError::NotYet { missing }.into());
        }
        let parts = parts.iter().map(|(number, part)| Some((*number, proofs::point(part)?)));
        let parts: Option<Vec<_>> = parts.collect();
        let sum = Ciphertext::decode(&ballot.sum).ok_or(BallotError::Malformed)?;
        let mask = parts.and_then(|parts| proofs::at_zero(&parts)).ok_or(BallotError::Malformed)?;
        let yes = proofs::small_number(&(sum.b - mask), ballot.votes);
        let yes = yes.ok_or(BallotError::NotProved)?;
        let no = ballot.votes - yes;
        ballot.yes = Some(yes);
        ballot.stage = "done".into();
        // lint: allow(missing-caller-check): what is written follows from what is stored, whoever asks
        ctx.db.ballot().update(&ballot)?;
        Counted { yes, no }.emit();
        Ok((yes, no))
    }

    /// The ballot.
    #[view]
    fn state(ctx: &Context) -> Result<Option<Ballot>, Refusal> {
        ctx.db.ballot().get(1)
    }

    /// The trustees by their numbers.
    #[view]
    fn trustees(ctx: &Context) -> Result<Vec<Trustee>, Refusal> {
        let mut all = ctx.db.trustees().scan(16)?;
        all.sort_by_key(|trustee| trustee.number);
        Ok(all)
    }

    /// The votes for yes and for no, once they are counted.
    #[view]
    fn tally(ctx: &Context) -> Result<(u32, u32), Refusal> {
        let ballot = at(ctx, "done")?;
        let yes = ballot.yes.unwrap_or_default();
        Ok((yes, ballot.votes - yes))
    }
}
