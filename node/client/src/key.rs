//! Keys: BIP-39 mnemonics, BIP-32 derivation, secp256k1 signatures.
//!
//! 1. The key of a mnemonic is derived with an empty BIP-39 passphrase along `m/44'/118'/0'/0/<index>`,
//!    as Cosmos wallets do: the same words give the same 20 bytes of address there.
//! 2. A signature is 64 bytes `r ‖ s` over SHA-256 of the message, with low `s` and the nonce of RFC 6979.
//! 3. Secrets are zeroed when they are dropped and never printed.

use bip32::{DerivationPath, XPrv};
use bip39::Mnemonic;
use dadbs_types::AccountAddress;
use k256::ecdsa::signature::Signer as _;
use k256::ecdsa::{Signature, SigningKey};
use ripemd::Ripemd160;
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Why a key cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The words are not a mnemonic.
    #[error("the words are not a BIP-39 mnemonic: {0}; check spelling and order")]
    Mnemonic(String),
    /// The derivation failed.
    #[error("cannot derive the key: {0}")]
    Derivation(String),
    /// The bytes are not a secret key.
    #[error("the bytes are not a secp256k1 secret key")]
    Secret,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(String),
}

/// A secret key (rule 3).
pub struct SecretKey {
    signing: SigningKey,
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.address())
    }
}

/// A new mnemonic of 24 English words from 256 bits of the operating system's randomness.
pub fn new_mnemonic() -> Result<Zeroizing<String>, KeyError> {
    let mut entropy = Zeroizing::new([0u8; 32]);
    getrandom::fill(entropy.as_mut_slice()).map_err(|e| KeyError::Random(e.to_string()))?;
    let mnemonic = Mnemonic::from_entropy(entropy.as_slice())
        .map_err(|e| KeyError::Mnemonic(e.to_string()))?;
    Ok(Zeroizing::new(mnemonic.to_string()))
}

impl SecretKey {
    /// The key number `index` of a mnemonic (rule 1). Words may be separated by any white space.
    pub fn from_mnemonic(words: &str, index: u32) -> Result<SecretKey, KeyError> {
        let words = Zeroizing::new(words.split_whitespace().collect::<Vec<_>>().join(" "));
        let mnemonic = Mnemonic::parse_normalized(&words.to_lowercase())
            .map_err(|e| KeyError::Mnemonic(e.to_string()))?;
        let seed = Zeroizing::new(mnemonic.to_seed_normalized(""));
        let path: DerivationPath = format!("m/44'/118'/0'/0/{index}")
            .parse()
            .map_err(|e| KeyError::Derivation(format!("{e}")))?;
        let key = XPrv::derive_from_path(seed.as_slice(), &path)
            .map_err(|e| KeyError::Derivation(e.to_string()))?;
        Ok(SecretKey { signing: key.private_key().clone() })
    }

    /// The key of 32 secret bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<SecretKey, KeyError> {
        let signing = SigningKey::from_slice(bytes).map_err(|_| KeyError::Secret)?;
        Ok(SecretKey { signing })
    }

    /// The 32 secret bytes.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.signing.to_bytes().into())
    }

    /// The compressed public key, 33 bytes.
    pub fn public_key(&self) -> [u8; 33] {
        let point = self.signing.verifying_key().to_sec1_point(true);
        let mut bytes = [0; 33];
        bytes.copy_from_slice(point.as_bytes());
        bytes
    }

    /// RIPEMD-160(SHA-256(public key)).
    pub fn address(&self) -> AccountAddress {
        AccountAddress(Ripemd160::digest(Sha256::digest(self.public_key())).into())
    }

    /// Signs a message (rule 2).
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let signature: Signature = self.signing.sign(message);
        signature.normalize_s().to_bytes().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mnemonics whose addresses the Cosmos tools publish, with prefix `cosmos`.
    const VECTORS: [(&str, &str); 3] = [
        (
            "economy stock theory fatal elder harbor betray wasp final emotion task crumble siren \
             bottom lizard educate guess current outdoor pair theory focus wife stone",
            "cosmos1pkptre7fdkl6gfrzlesjjvhxhlc3r4gmmk8rs6",
        ),
        (
            "special sign fit simple patrol salute grocery chicken wheat radar tonight ceiling",
            "cosmos1jhg0e7s6gn44tfc5k37kr04sznyhedtc9rzys5",
        ),
        (
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon \
             abandon about",
            "cosmos19rl4cm2hmr8afy4kldpxz3fka4jguq0auqdal4",
        ),
    ];

    fn bytes_of_bech32(text: &str) -> Vec<u8> {
        const ALPHABET: &[u8] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
        let data = text.rsplit('1').next().unwrap().as_bytes();
        let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
        for symbol in &data[..data.len() - 6] {
            let five = ALPHABET.iter().position(|c| c == symbol).unwrap();
            bits = (bits << 5) | u32::try_from(five).unwrap();
            count += 5;
            if count >= 8 {
                count -= 8;
                bytes.push(u8::try_from((bits >> count) & 0xff).unwrap());
            }
        }
        bytes
    }

    #[test]
    fn rule_1_addresses_equal_those_of_cosmos_wallets() {
        for (words, address) in VECTORS {
            let key = SecretKey::from_mnemonic(words, 0).unwrap();
            assert_eq!(key.address().0.to_vec(), bytes_of_bech32(address), "{address}");
            assert!(key.address().to_string().starts_with("dadbs1"));
        }
        let key = SecretKey::from_mnemonic(VECTORS[0].0, 0).unwrap();
        assert_eq!(
            hex::encode(key.public_key()),
            "034f04181eeba35391b858633a765c4a0c189697b40d216354d50890d350c70290"
        );
        let second = SecretKey::from_mnemonic(VECTORS[0].0, 1).unwrap();
        assert_ne!(key.address(), second.address());
    }

    #[test]
    fn rule_2_signatures_have_low_s_and_are_deterministic() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        for message in 0..64u32 {
            let signature = key.sign(&message.to_le_bytes());
            assert_eq!(signature, key.sign(&message.to_le_bytes()));
            // Half of the group's order begins with 0x7fff.
            assert!(signature[32] <= 0x7f);
        }
    }

    #[test]
    fn rule_3_a_secret_is_not_printed() {
        let key = SecretKey::from_bytes(&[7; 32]).unwrap();
        assert!(!format!("{key:?}").contains("0707"));
    }

    #[test]
    fn a_new_mnemonic_makes_a_key_and_wrong_words_do_not() {
        let words = new_mnemonic().unwrap();
        assert_eq!(words.split(' ').count(), 24);
        let key = SecretKey::from_mnemonic(&words, 0).unwrap();
        let padded = format!("  {}\n", words.replace(' ', "  ").to_uppercase());
        assert_eq!(SecretKey::from_mnemonic(&padded, 0).unwrap().address(), key.address());
        assert!(matches!(
            SecretKey::from_mnemonic("not a mnemonic", 0),
            Err(KeyError::Mnemonic(_))
        ));
        assert_eq!(SecretKey::from_bytes(&[0; 32]).unwrap_err(), KeyError::Secret);
    }
}
