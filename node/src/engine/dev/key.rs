//! The one validator of the dev engine: an ed25519 key in the home.

use crate::error::NodeError;
use crate::home::Home;
use dadbs_types::Fatal;
use ed25519_consensus::SigningKey;
use std::io::ErrorKind;
use tendermint::{PublicKey, account, validator, vote};

const FILE: &str = "validator.key";
/// Voting power of the only validator: that of its stake at genesis.
const POWER: u64 = dadbs_genesis::VALIDATOR_STAKE / dadbs_app::staking::POWER_REDUCTION;

/// The key and the validator set that it makes.
pub struct ValidatorKey {
    key: SigningKey,
    validators: validator::Set,
    address: account::Id,
}

impl ValidatorKey {
    /// Reads the home's key, or makes one (mode 0600).
    pub fn load(home: &Home) -> Result<ValidatorKey, NodeError> {
        let path = home.join(FILE);
        let seed = match std::fs::read_to_string(&path) {
            Ok(text) => decode_seed(text.trim())
                .ok_or_else(|| NodeError::home(&path, "it is not 64 hexadecimal digits"))?,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let mut seed = [0; 32];
                getrandom::fill(&mut seed).map_err(|error| {
                    NodeError::home(&path, format!("the system gives no randomness: {error}"))
                })?;
                home.write_new(FILE, 0o600, format!("{}\n", hex::encode(seed)).as_bytes())?;
                seed
            }
            Err(error) => return Err(NodeError::home(&path, error)),
        };
        ValidatorKey::from_seed(seed).map_err(NodeError::Fatal)
    }

    /// The key of a seed.
    pub fn from_seed(seed: [u8; 32]) -> Result<ValidatorKey, Fatal> {
        let key = SigningKey::from(seed);
        let public = PublicKey::from_raw_ed25519(key.verification_key().as_bytes())
            .ok_or_else(|| Fatal::new("the validator's seed makes no public key"))?;
        let power = vote::Power::try_from(POWER)
            .map_err(|error| Fatal::new(format!("the validator's power: {error}")))?;
        let info = validator::Info::new(public, power);
        let address = info.address;
        let validators = validator::Set::new(vec![info.clone()], Some(info));
        Ok(ValidatorKey { key, validators, address })
    }

    /// The address: the first 20 bytes of SHA-256 of the public key.
    pub fn address(&self) -> account::Id {
        self.address
    }

    /// The validator set of every height.
    pub fn validators(&self) -> &validator::Set {
        &self.validators
    }

    /// The power of the only validator.
    pub fn power(&self) -> u64 {
        POWER
    }

    /// The public key.
    pub fn public(&self) -> [u8; 32] {
        self.key.verification_key().to_bytes()
    }

    /// Signs canonical vote bytes.
    pub fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }
}

fn decode_seed(text: &str) -> Option<[u8; 32]> {
    hex::decode(text).ok()?.try_into().ok()
}
