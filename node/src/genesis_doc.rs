//! The genesis document: CometBFT's `genesis.json` with our genesis in `app_state`.
//!
//! 1. A document is read into typed parts and rendered from them, so that a file and the answer of an RPC
//!    of the same chain give the same bytes; the genesis hash is the SHA-256 of these bytes.
//! 2. Chain id, time and initial height stand twice; they must agree.
//! 3. The consensus parameters are those that the genesis says.
//! 4. The validators are those of the genesis, at least one, in its order, with the power of their stake.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_app::consensus::{EVIDENCE_BLOCKS, EVIDENCE_BYTES_MAX, KEY_TYPE as KEY_TYPE_OF_ENGINE};
use dadbs_app::staking::{POWER_REDUCTION, consensus_address};
use dadbs_app::{Genesis, GenesisValidator};
use dadbs_genesis::GenesisError;
use dadbs_types::ConsensusParams;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Consensus parameters in CometBFT's JSON form.
pub fn consensus_params(params: &ConsensusParams) -> Value {
    let evidence_ns = u128::from(params.evidence_age) * 1_000_000_000;
    json!({
        "block": {
            "max_bytes": params.block_bytes.to_string(),
            "max_gas": params.block_gas.to_string()
        },
        "evidence": {
            "max_age_num_blocks": EVIDENCE_BLOCKS.to_string(),
            "max_age_duration": evidence_ns.to_string(),
            "max_bytes": EVIDENCE_BYTES_MAX.to_string()
        },
        "validator": { "pub_key_types": [KEY_TYPE_OF_ENGINE] },
        "version": { "app": params.app_version.to_string() },
        "abci": { "vote_extensions_enable_height": "0" }
    })
}

/// The document of a genesis.
pub fn document(genesis: &Genesis) -> Result<Value, GenesisError> {
    let app_state: Value = serde_json::from_str(&dadbs_genesis::to_json(genesis)?)?;
    let validators: Vec<Validator> = genesis.validators.iter().map(validator).collect();
    Ok(json!({
        "genesis_time": crate::convert::time_of_ns(genesis.time_ns).to_rfc3339(),
        "chain_id": genesis.chain_id,
        "initial_height": genesis.initial_height.to_string(),
        "consensus_params": consensus_params(&genesis.consensus_params()),
        "validators": validators,
        "app_hash": "",
        "app_state": app_state,
    }))
}

/// A genesis that networks begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// The genesis of the application.
    pub genesis: Genesis,
}

/// What CometBFT writes and serves.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    genesis_time: String,
    chain_id: String,
    initial_height: String,
    consensus_params: Value,
    validators: Vec<Validator>,
    #[serde(default)]
    app_hash: String,
    app_state: Value,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Validator {
    #[serde(default)]
    address: String,
    pub_key: PublicKey,
    power: String,
    #[serde(default)]
    name: String,
}

#[derive(PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PublicKey {
    r#type: String,
    value: String,
}

const KEY_TYPE: &str = "tendermint/PubKeyEd25519";

/// A validator in CometBFT's form.
fn validator(validator: &GenesisValidator) -> Validator {
    Validator {
        address: hex::encode_upper(consensus_address(&validator.consensus_key).0),
        pub_key: PublicKey {
            r#type: KEY_TYPE.into(),
            value: BASE64.encode(validator.consensus_key),
        },
        power: (validator.tokens / POWER_REDUCTION).to_string(),
        name: validator.moniker.clone(),
    }
}

fn invalid<T>(why: impl Into<String>) -> Result<T, GenesisError> {
    Err(GenesisError::Invalid(why.into()))
}

impl Document {
    /// Reads CometBFT's JSON form (rules 1 to 4).
    pub fn from_json(json: &[u8]) -> Result<Document, GenesisError> {
        let file: File = serde_json::from_slice(json)?;
        let genesis = dadbs_genesis::from_json(file.app_state.to_string().as_bytes())?;
        let time = crate::convert::time_of_ns(genesis.time_ns);
        let is_same_time = tendermint::Time::parse_from_rfc3339(&file.genesis_time)
            .is_ok_and(|written| written == time);
        if !is_same_time
            || file.chain_id != genesis.chain_id
            || file.initial_height != genesis.initial_height.to_string()
        {
            return invalid(format!(
                "chain id, time and initial height (\"{}\", {}, {}) differ from those in app_state (\"{}\", {}, {})",
                file.chain_id,
                file.genesis_time,
                file.initial_height,
                genesis.chain_id,
                time.to_rfc3339(),
                genesis.initial_height
            ));
        }
        if file.consensus_params != consensus_params(&genesis.consensus_params()) {
            return invalid(
                "its consensus_params are not those of app_state: use the node version that the chain was made with",
            );
        }
        if !file.app_hash.is_empty() {
            return invalid("app_hash must be empty: the hash follows from app_state");
        }
        if file.validators != genesis.validators.iter().map(validator).collect::<Vec<_>>() {
            return invalid(
                "its validators are not those of app_state: build it with `dadbs init`",
            );
        }
        let document = Document { genesis };
        document.check()?;
        Ok(document)
    }

    /// Rule 4.
    fn check(&self) -> Result<(), GenesisError> {
        if self.genesis.validators.is_empty() {
            return invalid("it names no validators");
        }
        Ok(())
    }

    /// The JSON form, indented, always the same for the same parts.
    pub fn to_json(&self) -> Result<String, GenesisError> {
        dadbs_genesis::validate(&self.genesis)?;
        self.check()?;
        Ok(serde_json::to_string_pretty(&document(&self.genesis)?)?)
    }

    /// The genesis hash (rule 1).
    pub fn hash(&self) -> Result<[u8; 32], GenesisError> {
        Ok(Sha256::digest(self.to_json()?).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dadbs_types::{AccountAddress, Amount};

    fn sample() -> Document {
        let accounts = vec![(AccountAddress([1; 20]), Amount(7))];
        let mut genesis = dadbs_genesis::genesis("dadbs-test", 1_700_000_000_000_000_005, accounts);
        let validator =
            |n| dadbs_genesis::validator(format!("v{n}"), AccountAddress([n; 20]), [n; 32]);
        genesis.validators = vec![validator(1), validator(2)];
        Document { genesis }
    }

    #[test]
    fn rule_1_the_same_parts_give_the_same_bytes() {
        let text = sample().to_json().unwrap();
        let read = Document::from_json(text.as_bytes()).unwrap();
        assert_eq!(read, sample());
        // An RPC answers without line breaks and in another order of fields.
        let compact = serde_json::from_str::<Value>(&text).unwrap().to_string();
        assert_eq!(
            Document::from_json(compact.as_bytes()).unwrap().hash().unwrap(),
            sample().hash().unwrap()
        );
    }

    #[test]
    fn rules_2_to_4_are_checked() {
        let text = sample().to_json().unwrap();
        let second_key = BASE64.encode([2; 32]);
        for (from, to) in [
            ("\"genesis_time\": \"2023", "\"genesis_time\": \"2024"),
            ("\"chain_id\": \"dadbs-test\"", "\"chain_id\": \"other\""),
            ("\"max_gas\": \"2", "\"max_gas\": \"3"),
            ("\"app_hash\": \"\"", "\"app_hash\": \"00\""),
            ("\"power\": \"100\"", "\"power\": \"101\""),
            ("\"name\": \"v1\"", "\"name\": \"v2\""),
            ("PubKeyEd25519", "PubKeySecp256k1"),
            (second_key.as_str(), "AA=="),
            ("\"app_hash\"", "\"extra\": 1, \"app_hash\""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert!(Document::from_json(changed.as_bytes()).is_err(), "{from} -> {to}");
        }
        let mut nobody = sample();
        nobody.genesis.validators.clear();
        assert!(nobody.to_json().unwrap_err().to_string().contains("no validators"));
    }
}
