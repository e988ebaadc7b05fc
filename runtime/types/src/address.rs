//! Account addresses: 20 bytes, written in bech32 with the prefix `dadbs`.
//!
//! 1. An address of a key is RIPEMD-160(SHA-256(compressed secp256k1 public key)), as in Cosmos.
//! 2. An address of a contract is the first 20 bytes of BLAKE3("dadbs contract 1" ‖ u64 contract id).
//! 3. Only the lower-case form is accepted: one account has one spelling.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// The human-readable part of every address.
pub const PREFIX: &str = "dadbs";

/// An account: a key's or a contract's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountAddress(pub [u8; 20]);

impl AccountAddress {
    /// The address of a contract (rule 2).
    pub fn of_contract(contract_id: u64) -> AccountAddress {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"dadbs contract 1");
        hasher.update(&contract_id.to_le_bytes());
        AccountAddress::from_hash(*hasher.finalize().as_bytes())
    }

    /// The address of a chain module's own account, by its name.
    pub fn of_module(name: &str) -> AccountAddress {
        let mut hasher = blake3::Hasher::new();
        hasher.update(b"dadbs module 1");
        hasher.update(name.as_bytes());
        AccountAddress::from_hash(*hasher.finalize().as_bytes())
    }

    fn from_hash(hash: [u8; 32]) -> AccountAddress {
        let mut address = [0; 20];
        address.copy_from_slice(&hash[..20]);
        AccountAddress(address)
    }
}

impl fmt::Display for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hrp = bech32::Hrp::parse_unchecked(PREFIX);
        bech32::encode_lower_to_fmt::<bech32::Bech32, _>(f, hrp, &self.0).map_err(|_| fmt::Error)
    }
}

impl fmt::Debug for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not an address; the message says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError(pub String);

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl core::error::Error for AddressError {}

impl FromStr for AccountAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<AccountAddress, AddressError> {
        let error = |why: &str| AddressError(alloc::format!("\"{text}\" is not an address: {why}"));
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(error("write it in lower case"));
        }
        let checked = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text)
            .map_err(|e| error(&e.to_string()))?;
        if checked.hrp().as_str() != PREFIX {
            return Err(error("it does not begin with \"dadbs1\""));
        }
        let mut address = [0; 20];
        let mut bytes = checked.byte_iter();
        for slot in &mut address {
            *slot = bytes.next().ok_or_else(|| error("it is shorter than 20 bytes"))?;
        }
        if bytes.next().is_some() {
            return Err(error("it is longer than 20 bytes"));
        }
        Ok(AccountAddress(address))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trip() {
        let address = AccountAddress([7; 20]);
        let text = address.to_string();
        assert!(text.starts_with("dadbs1"));
        assert_eq!(text.parse(), Ok(address));
    }

    #[test]
    fn rule_3_other_spellings_are_refused() {
        let text = AccountAddress([7; 20]).to_string();
        assert!(text.to_uppercase().parse::<AccountAddress>().is_err());
        let mut flipped = text.clone().into_bytes();
        flipped[10] = if flipped[10] == b'q' { b'p' } else { b'q' };
        assert!(String::from_utf8(flipped).unwrap().parse::<AccountAddress>().is_err());
        assert!("cosmos1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqnrql8a".parse::<AccountAddress>().is_err());
        assert!("".parse::<AccountAddress>().is_err());
    }

    #[test]
    fn contracts_and_modules_never_share_an_address() {
        assert_ne!(AccountAddress::of_contract(1), AccountAddress::of_contract(2));
        assert_ne!(AccountAddress::of_module("fees"), AccountAddress::of_module("gov"));
    }
}
