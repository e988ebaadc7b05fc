//! Validator sets: their hash, and the form in which they and signed headers are handed on.

use tendermint::block::{CommitSig, signed_header::SignedHeader};
use tendermint::validator::{Info, ProposerPriority, Set};
use tendermint::vote::Power;
use tendermint::{Error, Hash, PublicKey};

/// The hash by which headers name a validator set, of its ed25519 keys and powers in any order.
///
/// # Errors
/// If a power is beyond 2^63 - 1.
pub fn set_hash(powers: impl IntoIterator<Item = ([u8; 32], u64)>) -> Result<[u8; 32], Error> {
    let info = |(key, power): ([u8; 32], u64)| {
        let key = PublicKey::from_raw_ed25519(&key)
            .ok_or_else(|| Error::invalid_key("no ed25519 key".into()))?;
        Ok(Info::new(key, Power::try_from(power)?))
    };
    let infos = powers.into_iter().map(info).collect::<Result<Vec<_>, Error>>()?;
    Ok(bytes(Set::without_proposer(infos).hash()))
}

/// A SHA-256; 32 zeros if there is none.
pub(crate) fn bytes(hash: Hash) -> [u8; 32] {
    match hash {
        Hash::Sha256(bytes) => bytes,
        Hash::None => [0; 32],
    }
}

/// A signed header and its validators as they are verified: votes for nil are absent, and there are neither proposer
/// nor priorities.
pub fn stripped(signed_header: &SignedHeader, validators: &Set) -> (SignedHeader, Set) {
    let (mut signed_header, mut validators) = (signed_header.clone(), validators.clone());
    for vote in &mut signed_header.commit.signatures {
        if vote.is_nil() {
            *vote = CommitSig::BlockIdFlagAbsent;
        }
    }
    validators.proposer = None;
    for validator in &mut validators.validators {
        validator.proposer_priority = ProposerPriority::default();
    }
    (signed_header, validators)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_has_one_hash_in_any_order() {
        let (one, two) = (([1; 32], 5), ([2; 32], 70));
        let hash = set_hash([one, two]).unwrap();
        assert_eq!(hash, set_hash([two, one]).unwrap());
        assert_ne!(hash, set_hash([([1; 32], 6), two]).unwrap());
        // As CometBFT 0.38 hashes it: the format of headers.
        let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, "06728a32a95a283b4fe9e9dd3e2d2a1783987e07c3b61106314ed939d916c8dc");
    }
}
