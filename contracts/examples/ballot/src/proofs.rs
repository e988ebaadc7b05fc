//! What the ballot computes with, and every proof that the contract verifies.
//!
//! G is the generator of secp256k1, whose group has a prime order; a secret is a scalar x, its public point is
//! x G. A proof is a challenge c and responses z, made non-interactive by hashing.
//!
//! 1. A point has 33 bytes, a scalar 32 with the highest first, and each has one encoding; 33 zeros are the
//!    identity.
//! 2. A challenge hashes what is proved for whom: contract, account, every point of the statement and every
//!    commitment. A proof that is copied by another account, or into another ballot, does not verify.
//! 3. `(c, z)` shows that x of X = x G is known: c is the challenge of T = z G - c X.
//! 4. `(c, z)` shows that X = x G and D = x A have the same x: as rule 3, with z A - c D beside it.
//! 5. A ciphertext of v is (A, B) = (r G, v G + r Y) for the key Y; sums of ciphertexts are ciphertexts of sums.
//! 6. `(c0, z0, c1, z1)` shows that v is 0 or 1 and not which: rule 4 for (A, B) and for (A, B - G), where only the
//!    sum c0 + c1 is the challenge, so that whoever made it could simulate one of them.
//! 7. A polynomial of degree t - 1 is committed to as its coefficients times G. Its value at j, times G, follows from
//!    them ([`share_key`]); t values give the value at 0 ([`at_zero`]).
//! 8. A share is hidden by a number that follows from a point that only its dealer and its receiver know: r K = k R for the
//!    dealer's R = r G and the receiver's K = k G ([`open`]). By rule 4 the receiver can show that point to others: it
//!    opens this share and no other.

use dadbs_sdk::prelude::*;
use k256::elliptic_curve::PrimeField;
use k256::elliptic_curve::group::GroupEncoding;
use k256::elliptic_curve::ops::{LinearCombination, Reduce};
use k256::{CompressedPoint, FieldBytes};
use sha2::{Digest, Sha256};

pub use k256::{ProjectivePoint as Point, Scalar};

/// Bytes of a point.
pub const POINT: usize = 33;
/// Bytes of a scalar.
pub const SCALAR: usize = 32;

/// For whom something is proved: the contract's address and the account's.
#[derive(Clone, Copy, Debug)]
pub struct Whose<'a> {
    /// The contract's address.
    pub contract: &'a str,
    /// The account's address.
    pub account: &'a str,
}

/// The encoding of a point (rule 1).
pub fn encode(point: &Point) -> [u8; POINT] {
    let mut bytes = [0; POINT];
    bytes.copy_from_slice(&point.to_bytes());
    bytes
}

/// The point of an encoding (rule 1).
pub fn point(bytes: &[u8]) -> Option<Point> {
    let is_one_of_two = matches!(bytes.first(), Some(2 | 3));
    if bytes.len() != POINT || !(is_one_of_two || bytes.iter().all(|byte| *byte == 0)) {
        return None;
    }
    let mut encoded = CompressedPoint::default();
    encoded.copy_from_slice(bytes);
    Point::from_bytes(&encoded).into_option()
}

/// Points that stand one behind the other.
pub fn points(bytes: &[u8]) -> Option<Vec<Point>> {
    bytes.chunks(POINT).map(point).collect()
}

/// The encodings of points, one behind the other.
pub fn encode_all(points: &[Point]) -> Vec<u8> {
    points.iter().flat_map(encode).collect()
}

/// The scalar of an encoding (rule 1).
pub fn scalar(bytes: &[u8]) -> Option<Scalar> {
    let bytes: [u8; SCALAR] = bytes.try_into().ok()?;
    Scalar::from_repr(FieldBytes::from(bytes)).into_option()
}

/// A scalar that nobody can choose: SHA-256 of a purpose and of parts, each behind its length.
pub fn hashed(purpose: &str, parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha256::new();
    for part in [purpose.as_bytes()].iter().chain(parts) {
        hash.update(u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
        hash.update(part);
    }
    <Scalar as Reduce<FieldBytes>>::reduce(&hash.finalize())
}

/// The challenge of a statement and its commitments (rule 2).
pub fn challenge(purpose: &str, whose: Whose<'_>, points: &[Point]) -> Scalar {
    let points = encode_all(points);
    hashed(purpose, &[whose.contract.as_bytes(), whose.account.as_bytes(), &points])
}

/// z P - c Q: the commitment that an answer fits.
fn commitment(z: Scalar, p: &Point, c: Scalar, q: &Point) -> Point {
    Point::lincomb_vartime(&[(*p, z), (*q, -c)])
}

fn pair(proof: &[u8]) -> Option<(Scalar, Scalar)> {
    let (c, z) = proof.split_at_checked(SCALAR)?;
    Some((scalar(c)?, scalar(z)?))
}

/// What the challenge of [`is_known`] is for.
pub const KNOWN: &str = "dadbs ballot: known";

/// Rule 3.
pub fn is_known(whose: Whose<'_>, public: &Point, proof: &[u8]) -> bool {
    let Some((c, z)) = pair(proof) else { return false };
    let t = commitment(z, &Point::GENERATOR, c, public);
    c == challenge(KNOWN, whose, &[*public, t])
}

/// What the challenge of [`is_of_secret`] is for, of a part of the decryption.
pub const DECRYPTION: &str = "dadbs ballot: decryption";

/// What the challenge of [`is_of_secret`] is for, of the point that hides a share.
pub const COMPLAINT: &str = "dadbs ballot: complaint";

/// Rule 4: the secret of `public` makes `part` of `a`.
pub fn is_of_secret(
    purpose: &str,
    whose: Whose<'_>,
    public: &Point,
    a: &Point,
    part: &Point,
    proof: &[u8],
) -> bool {
    let Some((c, z)) = pair(proof) else { return false };
    let t = commitment(z, &Point::GENERATOR, c, public);
    let of_part = commitment(z, a, c, part);
    c == challenge(purpose, whose, &[*public, *a, *part, t, of_part])
}

/// An encrypted number (rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ciphertext {
    /// r G.
    pub a: Point,
    /// v G + r Y.
    pub b: Point,
}

impl Ciphertext {
    /// The encrypted 0 of sums that have not begun.
    pub const ZERO: Ciphertext = Ciphertext { a: Point::IDENTITY, b: Point::IDENTITY };

    /// The encoding: two points.
    pub fn encode(&self) -> Vec<u8> {
        encode_all(&[self.a, self.b])
    }

    /// The ciphertext of an encoding.
    pub fn decode(bytes: &[u8]) -> Option<Ciphertext> {
        match points(bytes)?[..] {
            [a, b] => Some(Ciphertext { a, b }),
            _ => None,
        }
    }

    /// The ciphertext of the sum.
    #[must_use]
    pub fn plus(&self, other: &Ciphertext) -> Ciphertext {
        Ciphertext { a: self.a + other.a, b: self.b + other.b }
    }
}

/// What the challenge of [`is_vote`] is for.
pub const VOTE: &str = "dadbs ballot: vote";

/// Rule 6.
pub fn is_vote(whose: Whose<'_>, key: &Point, vote: &Ciphertext, proof: &[u8]) -> bool {
    let Some((no, yes)) = proof.split_at_checked(2 * SCALAR) else { return false };
    let (Some((c0, z0)), Some((c1, z1))) = (pair(no), pair(yes)) else { return false };
    let less = vote.b - Point::GENERATOR;
    let t0 = commitment(z0, &Point::GENERATOR, c0, &vote.a);
    let u0 = commitment(z0, key, c0, &vote.b);
    let t1 = commitment(z1, &Point::GENERATOR, c1, &vote.a);
    let u1 = commitment(z1, key, c1, &less);
    c0 + c1 == challenge(VOTE, whose, &[*key, vote.a, vote.b, t0, u0, t1, u1])
}

/// The public point of the share of number `number` (rule 7).
pub fn share_key(commitments: &[Point], number: u32) -> Point {
    let at = Scalar::from(number);
    commitments.iter().rev().fold(Point::IDENTITY, |sum, coefficient| sum * at + coefficient)
}

/// What hides the share of number `number` (rule 8): `blind` is the dealer's point, `common` the point that only two know.
pub fn mask(contract: &str, blind: &Point, common: &Point, number: u32) -> Scalar {
    let number = u64::from(number).to_le_bytes();
    hashed("dadbs ballot: share", &[contract.as_bytes(), &encode(blind), &encode(common), &number])
}

/// The dealer's point of what it has dealt (rule 8).
pub fn blind(shares: &[u8]) -> Option<Point> {
    point(shares.get(..POINT)?)
}

/// True if these are a point and a share for each of `trustees`.
pub fn are_shares(shares: &[u8], trustees: u32) -> bool {
    let hidden = shares.get(POINT..).unwrap_or_default();
    blind(shares).is_some()
        && hidden.len() == trustees as usize * SCALAR
        && hidden.chunks(SCALAR).all(|hidden| scalar(hidden).is_some())
}

/// The share of number `number` among what was dealt (rule 8).
pub fn open(contract: &str, shares: &[u8], number: u32, common: &Point) -> Option<Scalar> {
    let from = POINT + (number.checked_sub(1)? as usize) * SCALAR;
    let hidden = scalar(shares.get(from..from + SCALAR)?)?;
    Some(hidden - mask(contract, &blind(shares)?, common, number))
}

/// The value at 0 from values at t different numbers above 0 (rule 7).
pub fn at_zero(values: &[(u32, Point)]) -> Option<Point> {
    let mut sum = Point::IDENTITY;
    for (number, value) in values {
        let own = Scalar::from(*number);
        let mut weight = Scalar::ONE;
        for (other, _) in values.iter().filter(|(other, _)| other != number) {
            let other = Scalar::from(*other);
            weight *= other * (other - own).invert().into_option()?;
        }
        sum += *value * weight;
    }
    Some(sum)
}

/// The number v of `of` = v G, if it is at most `most`.
pub fn small_number(of: &Point, most: u32) -> Option<u32> {
    let mut multiple = Point::IDENTITY;
    for number in 0..=most {
        if multiple == *of {
            return Some(number);
        }
        multiple += Point::GENERATOR;
    }
    None
}
