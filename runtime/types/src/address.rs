//! Addresses: 20 bytes, written in bech32: of accounts with the prefix `dadbs`, of validators' operators with
//! `dadbsvaloper`, of consensus keys with `dadbsvalcons`.
//!
//! 1. An address of a key is RIPEMD-160(SHA-256(compressed secp256k1 public key)), as in Cosmos.
//! 2. An address of a contract is the first 20 bytes of BLAKE3("dadbs contract 1" ‖ u64 contract id).
//! 3. Only the lower-case form is accepted: one account has one spelling.
//! 4. The operator of a validator is an account: the same 20 bytes.
//! 5. A consensus address is the first 20 bytes of SHA-256 of an ed25519 key.

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

/// The human-readable part of an account's address.
pub const PREFIX: &str = "dadbs";
/// The human-readable part of an operator's address.
pub const OPERATOR_PREFIX: &str = "dadbsvaloper";
/// The human-readable part of a consensus address.
pub const CONSENSUS_PREFIX: &str = "dadbsvalcons";

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

/// The operator of a validator (rule 4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperatorAddress(pub AccountAddress);

/// The address of a consensus key (rule 5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConsensusAddress(pub [u8; 20]);

fn write(f: &mut fmt::Formatter<'_>, prefix: &str, bytes: &[u8; 20]) -> fmt::Result {
    let hrp = bech32::Hrp::parse_unchecked(prefix);
    bech32::encode_lower_to_fmt::<bech32::Bech32, _>(f, hrp, bytes).map_err(|_| fmt::Error)
}

impl fmt::Display for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, PREFIX, &self.0)
    }
}

impl fmt::Display for OperatorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, OPERATOR_PREFIX, &self.0.0)
    }
}

impl fmt::Display for ConsensusAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write(f, CONSENSUS_PREFIX, &self.0)
    }
}

impl fmt::Debug for AccountAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for OperatorAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for ConsensusAddress {
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

fn parse(prefix: &str, text: &str) -> Result<[u8; 20], AddressError> {
    let error = |why: &str| AddressError(alloc::format!("\"{text}\" is not an address: {why}"));
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        return Err(error("write it in lower case"));
    }
    let checked = bech32::primitives::decode::CheckedHrpstring::new::<bech32::Bech32>(text)
        .map_err(|e| error(&e.to_string()))?;
    if checked.hrp().as_str() != prefix {
        return Err(error(&alloc::format!("it does not begin with \"{prefix}1\"")));
    }
    let mut address = [0; 20];
    let mut bytes = checked.byte_iter();
    for slot in &mut address {
        *slot = bytes.next().ok_or_else(|| error("it is shorter than 20 bytes"))?;
    }
    if bytes.next().is_some() {
        return Err(error("it is longer than 20 bytes"));
    }
    Ok(address)
}

impl FromStr for AccountAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<AccountAddress, AddressError> {
        parse(PREFIX, text).map(AccountAddress)
    }
}

impl FromStr for OperatorAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<OperatorAddress, AddressError> {
        parse(OPERATOR_PREFIX, text).map(AccountAddress).map(OperatorAddress)
    }
}

impl FromStr for ConsensusAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<ConsensusAddress, AddressError> {
        parse(CONSENSUS_PREFIX, text).map(ConsensusAddress)
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
    fn rule_4_an_operator_has_the_bytes_of_an_account_and_another_prefix() {
        let account = AccountAddress([7; 20]);
        let operator = OperatorAddress(account).to_string();
        assert!(operator.starts_with("dadbsvaloper1"));
        assert_eq!(operator.parse(), Ok(OperatorAddress(account)));
        assert!(operator.parse::<AccountAddress>().is_err());
        assert!(account.to_string().parse::<OperatorAddress>().is_err());
        let consensus = ConsensusAddress([7; 20]).to_string();
        assert!(consensus.starts_with("dadbsvalcons1"));
        assert_eq!(consensus.parse(), Ok(ConsensusAddress([7; 20])));
    }

    #[test]
    fn contracts_and_modules_never_share_an_address() {
        assert_ne!(AccountAddress::of_contract(1), AccountAddress::of_contract(2));
        assert_ne!(AccountAddress::of_module("fees"), AccountAddress::of_module("gov"));
    }
}
