//! What trustees and voters compute: the other side of `dadbs_ballot::proofs`, whose rules it follows.
//!
//! 1. A trustee has one secret of 32 bytes. All that it needs in a ballot follows from the secret and the contract's
//!    address, so nothing else is kept.
//! 2. The number that hides a proof follows from the secret and from what is proved: it never hides two proofs.
//! 3. A complaint opens the one share that it is about.

use dadbs_ballot::proofs::{
    COMPLAINT, Ciphertext, DECRYPTION, KNOWN, Point, Scalar, VOTE, Whose, blind, challenge, encode,
    encode_all, hashed, mask, open, share_key,
};

/// The secret of an account.
pub(crate) struct Secret(pub(crate) [u8; 32]);

/// What a trustee deals: the arguments of `deal`.
pub(crate) struct Deal {
    pub(crate) commitments: Vec<u8>,
    pub(crate) proof: Vec<u8>,
    pub(crate) shares: Vec<u8>,
}

/// What a trustee has dealt, as the chain holds it.
pub(crate) struct Dealt {
    pub(crate) number: u32,
    pub(crate) commitments: Vec<Point>,
    pub(crate) shares: Vec<u8>,
}

fn join_scalars(scalars: &[Scalar]) -> Vec<u8> {
    scalars.iter().flat_map(Scalar::to_bytes).collect()
}

impl Secret {
    fn derived(&self, purpose: &str, parts: &[&[u8]]) -> Scalar {
        hashed(purpose, &[&[&self.0[..]], parts].concat())
    }

    /// Rule 2.
    fn nonce(&self, purpose: &str, whose: Whose<'_>, points: &[Point]) -> Scalar {
        let points = encode_all(points);
        let (contract, account) = (whose.contract.as_bytes(), whose.account.as_bytes());
        self.derived("dadbs ballot: nonce", &[purpose.as_bytes(), contract, account, &points])
    }

    fn receiver(&self) -> Scalar {
        self.derived("dadbs ballot: receiver", &[])
    }

    fn coefficient(&self, contract: &str, at: usize) -> Scalar {
        let at = (at as u64).to_le_bytes();
        self.derived("dadbs ballot: coefficient", &[contract.as_bytes(), &at])
    }

    /// The argument of `join`.
    pub(crate) fn key(&self) -> Point {
        Point::GENERATOR * self.receiver()
    }

    /// The arguments of `deal`, for the keys of all trustees in the order of their numbers.
    pub(crate) fn deal(&self, whose: Whose<'_>, threshold: usize, keys: &[Point]) -> Deal {
        let polynomial: Vec<Scalar> =
            (0..threshold).map(|at| self.coefficient(whose.contract, at)).collect();
        let commitments: Vec<Point> =
            polynomial.iter().map(|coefficient| Point::GENERATOR * coefficient).collect();
        let hiding = self.nonce(KNOWN, whose, &commitments[..1]);
        let c = challenge(KNOWN, whose, &[commitments[0], Point::GENERATOR * hiding]);
        let proof = join_scalars(&[c, hiding + c * polynomial[0]]);
        let blind = self.derived("dadbs ballot: blind", &[whose.contract.as_bytes()]);
        let public = Point::GENERATOR * blind;
        let mut shares = encode(&public).to_vec();
        for (at, key) in keys.iter().enumerate() {
            let number = u32::try_from(at + 1).unwrap_or(u32::MAX);
            let x = Scalar::from(number);
            let value = polynomial.iter().rev().fold(Scalar::ZERO, |sum, c| sum * x + c);
            let hidden = value + mask(whose.contract, &public, &(*key * blind), number);
            shares.extend(hidden.to_bytes());
        }
        Deal { commitments: encode_all(&commitments), proof, shares }
    }

    /// The share of trustee `number` in the key, from all that was dealt and is in the key.
    ///
    /// # Errors
    /// The number of a trustee whose share does not fit its commitments.
    pub(crate) fn share(
        &self,
        contract: &str,
        number: u32,
        dealt: &[Dealt],
    ) -> Result<Scalar, u32> {
        let mut sum = Scalar::ZERO;
        for dealt in dealt {
            let common = self.common(dealt).ok_or(dealt.number)?;
            let value = open(contract, &dealt.shares, number, &common).ok_or(dealt.number)?;
            if Point::GENERATOR * value != share_key(&dealt.commitments, number) {
                return Err(dealt.number);
            }
            sum += value;
        }
        Ok(sum)
    }

    /// The point that only this trustee and a dealer know.
    fn common(&self, dealt: &Dealt) -> Option<Point> {
        Some(blind(&dealt.shares)? * self.receiver())
    }

    /// The arguments of `complain` behind the number (rule 3): the common point and its proof.
    pub(crate) fn complaint(&self, whose: Whose<'_>, dealt: &Dealt) -> Option<(Point, Vec<u8>)> {
        let blind = blind(&dealt.shares)?;
        Some(self.part(COMPLAINT, whose, self.receiver(), &blind))
    }

    /// The point that a secret makes of another point, and the proof that it does.
    fn part(
        &self,
        purpose: &str,
        whose: Whose<'_>,
        secret: Scalar,
        of: &Point,
    ) -> (Point, Vec<u8>) {
        let (public, part) = (Point::GENERATOR * secret, *of * secret);
        let hiding = self.nonce(purpose, whose, &[public, *of, part]);
        let (t, u) = (Point::GENERATOR * hiding, *of * hiding);
        let c = challenge(purpose, whose, &[public, *of, part, t, u]);
        (part, join_scalars(&[c, hiding + c * secret]))
    }

    /// The arguments of `decrypt` behind the sum, with the trustee's share.
    pub(crate) fn decrypt(
        &self,
        whose: Whose<'_>,
        share: Scalar,
        sum: &Ciphertext,
    ) -> (Point, Vec<u8>) {
        self.part(DECRYPTION, whose, share, &sum.a)
    }

    /// The arguments of `vote`. The secret is a fresh one for each vote.
    pub(crate) fn vote(&self, whose: Whose<'_>, key: &Point, yes: bool) -> (Ciphertext, Vec<u8>) {
        let random = |purpose: &str| self.derived(purpose, &[]);
        let r = random("dadbs ballot: encryption");
        let message = if yes { Point::GENERATOR } else { Point::IDENTITY };
        let vote = Ciphertext { a: Point::GENERATOR * r, b: message + *key * r };
        let less = vote.b - Point::GENERATOR;
        // The other answer is simulated: challenge and response first, then what they fit.
        let (c, z) = (random("dadbs ballot: other c"), random("dadbs ballot: other z"));
        let other = if yes { vote.b } else { less };
        let simulated = [Point::GENERATOR * z - vote.a * c, *key * z - other * c];
        let hiding = random("dadbs ballot: hiding");
        let real = [Point::GENERATOR * hiding, *key * hiding];
        let [[t0, u0], [t1, u1]] = if yes { [simulated, real] } else { [real, simulated] };
        let sum = challenge(VOTE, whose, &[*key, vote.a, vote.b, t0, u0, t1, u1]);
        let own = sum - c;
        let (real, simulated) = ([own, hiding + own * r], [c, z]);
        let proof = if yes { [simulated, real] } else { [real, simulated] };
        (vote, join_scalars(proof.as_flattened()))
    }
}
