//! Genesis: build, validate and render it.
//!
//! The JSON form is the `app_state` of a CometBFT genesis file and the genesis file of the embedded
//! engine. Numbers beyond 53 bits are strings.
//!
//! 1. The stock contract is named by the SHA-256 of the artifact that this build embeds: a genesis never
//!    depends on who built the node. A file that names another artifact is refused.
//! 2. Any other code is carried in base64 beside its SHA-256.
//! 3. A chain id has 1 to 48 characters of `[a-zA-Z0-9._-]`.
//! 4. Accounts are distinct; what they hold and what validators' operators delegate stays below 2^63 together.
//! 5. Unknown fields are refused.
//! 6. A parameter that is named is one of the chain's, within its bounds; the least price of gas is
//!    `min_fee_per_million_gas`, and not among them.
//! 7. Validators have distinct operators and keys, at least one unit of power each, and are no more than there may be.
//! 8. A genesis with the state of another chain names its root, and neither accounts, codes nor a guardian: they are in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_app::staking::{self, POWER_REDUCTION};
use dadbs_app::{ExportedState, Genesis, GenesisValidator, Param};
use dadbs_types::{AccountAddress, Amount, OperatorAddress};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The stock `database` contract, as `contracts/artifacts` pins it.
pub const DATABASE_WASM: &[u8] = include_bytes!("../../contracts/artifacts/database.wasm");

/// Least fee for 1,000,000 gas unless a genesis says otherwise: 0.0025 udadb a gas.
pub const MIN_FEE_PER_MILLION_GAS: u64 = 2_500;

/// What the operator of a validator of a new chain delegates to it, in udadb: 100 units of power.
pub const VALIDATOR_STAKE: u64 = 100 * POWER_REDUCTION;
/// The commission of a validator of a new chain, in millionths.
pub const VALIDATOR_COMMISSION_PPM: u64 = 100_000;

/// Why a genesis cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GenesisError {
    /// The text is not the JSON form.
    #[error("the genesis is not valid JSON of this form: {0}")]
    Json(#[from] serde_json::Error),
    /// A rule is broken; the message names it.
    #[error("the genesis is invalid: {0}")]
    Invalid(String),
}

fn invalid<T>(why: impl Into<String>) -> Result<T, GenesisError> {
    Err(GenesisError::Invalid(why.into()))
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    chain_id: String,
    genesis_time_ns: String,
    initial_height: String,
    min_fee_per_million_gas: String,
    /// Parameters that differ from their defaults, by name; whole numbers as text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    params: BTreeMap<String, String>,
    /// Who may pause in an emergency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    guardian: Option<String>,
    accounts: Vec<Account>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    validators: Vec<Validator>,
    codes: Vec<StoredCode>,
    /// The state of another chain that this one begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<State>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    /// The root over all rows, in hexadecimal.
    app_hash: String,
    app_version: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Validator {
    moniker: String,
    /// `dadbsvaloper1...`
    operator: String,
    /// An ed25519 key in base64.
    consensus_key: String,
    tokens: String,
    commission_ppm: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    address: String,
    amount: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCode {
    sha256: String,
    /// Absent for the artifact that the node embeds (rule 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    wasm: Option<String>,
}

/// A genesis with the stock contract as code 1.
pub fn genesis(
    chain_id: impl Into<String>,
    time_ns: i64,
    accounts: Vec<(AccountAddress, Amount)>,
) -> Genesis {
    Genesis {
        chain_id: chain_id.into(),
        time_ns,
        initial_height: 1,
        min_fee_per_million_gas: MIN_FEE_PER_MILLION_GAS,
        params: BTreeMap::new(),
        guardian: None,
        accounts,
        validators: Vec::new(),
        codes: vec![DATABASE_WASM.to_vec()],
        state: None,
    }
}

/// A validator of a new chain.
pub fn validator(
    moniker: impl Into<String>,
    operator: AccountAddress,
    consensus_key: [u8; 32],
) -> GenesisValidator {
    GenesisValidator {
        operator,
        consensus_key,
        tokens: VALIDATOR_STAKE,
        moniker: moniker.into(),
        commission_ppm: VALIDATOR_COMMISSION_PPM,
    }
}

/// Rules 3, 4, 6 and 7.
pub fn validate(genesis: &Genesis) -> Result<(), GenesisError> {
    let id = &genesis.chain_id;
    let known = |b: u8| b.is_ascii_alphanumeric() || b"._-".contains(&b);
    if id.is_empty() || id.len() > 48 || !id.bytes().all(known) {
        return invalid(format!(
            "chain id \"{id}\" must be 1 to 48 characters of letters, digits, dot, dash and underscore"
        ));
    }
    if genesis.initial_height == 0 || i64::try_from(genesis.initial_height).is_err() {
        return invalid("initial_height must be 1 to 2^63 - 1");
    }
    if genesis.params.contains_key(Param::LeastGasPrice.definition().name) {
        return invalid("fees.least_price has a field of its own: min_fee_per_million_gas");
    }
    for (name, value) in &genesis.params {
        Param::named(name)
            .and_then(|param| param.bounded(*value))
            .map_err(|rejection| GenesisError::Invalid(rejection.message))?;
    }
    let has_more = || {
        let Genesis { accounts, codes, guardian, .. } = genesis;
        !accounts.is_empty() || !codes.is_empty() || guardian.is_some()
    };
    if genesis.state.is_some() && has_more() {
        return invalid("accounts, codes and guardian are in the state that it begins with");
    }
    let mut seen = BTreeSet::new();
    let stakes = genesis.validators.iter().map(|validator| Amount(validator.tokens.into()));
    let mut sum = Amount::ZERO;
    for (address, _) in &genesis.accounts {
        if !seen.insert(address) {
            return invalid(format!("account {address} is named twice"));
        }
    }
    for amount in genesis.accounts.iter().map(|(_, amount)| *amount).chain(stakes) {
        sum = match sum.checked_add(amount).filter(|sum| i64::try_from(sum.0).is_ok()) {
            Some(sum) => sum,
            None => return invalid("accounts and stakes are more than 2^63 - 1 together"),
        };
    }
    validate_validators(genesis)
}

/// Rule 7.
fn validate_validators(genesis: &Genesis) -> Result<(), GenesisError> {
    let Genesis { validators, params, .. } = genesis;
    let most = Param::MaxValidators.definition();
    let most = params.get(most.name).copied().unwrap_or(most.default);
    if validators.len() as u64 > most {
        return invalid(format!(
            "it names {} validators, staking.max_validators is {most}",
            validators.len()
        ));
    }
    let (mut operators, mut keys) = (BTreeSet::new(), BTreeSet::new());
    for validator in validators {
        let GenesisValidator { operator, consensus_key, tokens, moniker, commission_ppm } =
            validator;
        if !operators.insert(operator) || !keys.insert(consensus_key) {
            return invalid(format!(
                "the operator or the key of validator \"{moniker}\" is named twice"
            ));
        }
        if *tokens < POWER_REDUCTION {
            return invalid(format!(
                "validator \"{moniker}\" has {tokens} udadb, one unit of power needs {POWER_REDUCTION}"
            ));
        }
        if *commission_ppm > 1_000_000 {
            return invalid(format!("the commission of validator \"{moniker}\" is above 1"));
        }
        let description =
            staking::Description { moniker: moniker.clone(), ..staking::Description::default() };
        staking::check_description(&description)
            .map_err(|rejection| GenesisError::Invalid(rejection.message))?;
    }
    Ok(())
}

fn sha256(wasm: &[u8]) -> String {
    hex::encode(Sha256::digest(wasm))
}

/// The JSON form, indented.
pub fn to_json(genesis: &Genesis) -> Result<String, GenesisError> {
    let code = |wasm: &Vec<u8>| StoredCode {
        sha256: sha256(wasm),
        wasm: (wasm.as_slice() != DATABASE_WASM).then(|| BASE64.encode(wasm)),
    };
    let account = |(address, amount): &(AccountAddress, Amount)| Account {
        address: address.to_string(),
        amount: amount.to_string(),
    };
    let validator = |validator: &GenesisValidator| Validator {
        moniker: validator.moniker.clone(),
        operator: OperatorAddress(validator.operator).to_string(),
        consensus_key: BASE64.encode(validator.consensus_key),
        tokens: validator.tokens.to_string(),
        commission_ppm: validator.commission_ppm.to_string(),
    };
    let file = File {
        chain_id: genesis.chain_id.clone(),
        genesis_time_ns: genesis.time_ns.to_string(),
        initial_height: genesis.initial_height.to_string(),
        min_fee_per_million_gas: genesis.min_fee_per_million_gas.to_string(),
        params: genesis.params.iter().map(|(n, v)| (n.clone(), v.to_string())).collect(),
        guardian: genesis.guardian.map(|guardian| guardian.to_string()),
        accounts: genesis.accounts.iter().map(account).collect(),
        validators: genesis.validators.iter().map(validator).collect(),
        codes: genesis.codes.iter().map(code).collect(),
        state: genesis.state.map(|state| State {
            app_hash: hex::encode(state.app_hash),
            app_version: state.app_version.to_string(),
        }),
    };
    Ok(serde_json::to_string_pretty(&file)?)
}

/// The genesis of a JSON form, validated.
pub fn from_json(json: &[u8]) -> Result<Genesis, GenesisError> {
    let file: File = serde_json::from_slice(json)?;
    let genesis = Genesis {
        initial_height: number("initial_height", &file.initial_height)?,
        min_fee_per_million_gas: number("min_fee_per_million_gas", &file.min_fee_per_million_gas)?,
        time_ns: file.genesis_time_ns.parse().or_else(|_| {
            invalid(format!("genesis_time_ns \"{}\" is not a number", file.genesis_time_ns))
        })?,
        params: file
            .params
            .iter()
            .map(|(name, value)| Ok((name.clone(), number(name, value)?)))
            .collect::<Result<_, GenesisError>>()?,
        guardian: file.guardian.as_deref().map(address).transpose()?,
        accounts: file.accounts.iter().map(account).collect::<Result<_, _>>()?,
        validators: file.validators.iter().map(read_validator).collect::<Result<_, _>>()?,
        codes: file.codes.iter().map(code).collect::<Result<_, _>>()?,
        state: file.state.as_ref().map(state).transpose()?,
        chain_id: file.chain_id,
    };
    validate(&genesis)?;
    Ok(genesis)
}

fn address(text: &str) -> Result<AccountAddress, GenesisError> {
    text.parse().map_err(|error: dadbs_types::address::AddressError| GenesisError::Invalid(error.0))
}

fn number(name: &str, text: &str) -> Result<u64, GenesisError> {
    match text.parse::<u64>() {
        Ok(number) if number.to_string() == text => Ok(number),
        _ => invalid(format!("{name} \"{text}\" is not a whole number")),
    }
}

fn state(state: &State) -> Result<ExportedState, GenesisError> {
    let bytes = hex::decode(&state.app_hash).ok();
    let Some(app_hash) = bytes.and_then(|bytes| bytes.try_into().ok()) else {
        return invalid("the app_hash of the state has no 32 bytes in hexadecimal");
    };
    Ok(ExportedState { app_hash, app_version: number("app_version", &state.app_version)? })
}

fn read_validator(validator: &Validator) -> Result<GenesisValidator, GenesisError> {
    let OperatorAddress(operator) = validator
        .operator
        .parse()
        .map_err(|error: dadbs_types::address::AddressError| GenesisError::Invalid(error.0))?;
    let key = BASE64.decode(&validator.consensus_key).ok();
    let Some(consensus_key) = key.and_then(|key| key.try_into().ok()) else {
        return invalid(format!("the key of validator \"{}\" has no 32 bytes", validator.moniker));
    };
    Ok(GenesisValidator {
        operator,
        consensus_key,
        tokens: number("tokens", &validator.tokens)?,
        moniker: validator.moniker.clone(),
        commission_ppm: number("commission_ppm", &validator.commission_ppm)?,
    })
}

fn account(account: &Account) -> Result<(AccountAddress, Amount), GenesisError> {
    let address = address(&account.address)?;
    match Amount::parse(&account.amount) {
        Some(amount) => Ok((address, amount)),
        None => invalid(format!("\"{}\" of {address} is not an amount", account.amount)),
    }
}

/// Rules 1 and 2.
fn code(code: &StoredCode) -> Result<Vec<u8>, GenesisError> {
    let wasm = match &code.wasm {
        None => DATABASE_WASM.to_vec(),
        Some(text) => BASE64
            .decode(text)
            .or_else(|error| invalid(format!("the code {} is not base64: {error}", code.sha256)))?,
    };
    if sha256(&wasm) != code.sha256 {
        return invalid(format!(
            "code {} is not what this node holds ({}): use the node version that the chain was made with",
            code.sha256,
            sha256(&wasm)
        ));
    }
    Ok(wasm)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Genesis {
        let mut genesis = genesis("dadbs-test", 5, vec![(AccountAddress([1; 20]), Amount(7))]);
        genesis.codes.push(b"other".to_vec());
        genesis.validators =
            [2, 3].map(|n| validator(format!("v{n}"), AccountAddress([n; 20]), [n; 32])).to_vec();
        genesis.guardian = Some(AccountAddress([2; 20]));
        genesis
    }

    #[test]
    fn json_round_trip() {
        let json = to_json(&sample()).unwrap();
        assert_eq!(from_json(json.as_bytes()).unwrap(), sample());
    }

    #[test]
    fn rule_8_a_state_brings_accounts_and_codes() {
        let mut genesis = sample();
        genesis.state = Some(ExportedState { app_hash: [7; 32], app_version: 2 });
        assert!(validate(&genesis).unwrap_err().to_string().contains("are in the state"));
        genesis.accounts.clear();
        genesis.codes.clear();
        genesis.guardian = None;
        let json = to_json(&genesis).unwrap();
        assert_eq!(from_json(json.as_bytes()).unwrap(), genesis);
        let short = json.replace("0707", "07");
        assert!(from_json(short.as_bytes()).unwrap_err().to_string().contains("32 bytes"));
    }

    #[test]
    fn rule_1_another_artifact_is_refused() {
        let json = to_json(&sample()).unwrap().replace(&sha256(DATABASE_WASM), &sha256(b"x"));
        assert!(from_json(json.as_bytes()).unwrap_err().to_string().contains("node version"));
    }

    #[test]
    fn rules_4_and_7_validators_are_checked() {
        let refused = |change: fn(&mut Genesis)| {
            let mut genesis = sample();
            change(&mut genesis);
            validate(&genesis).unwrap_err().to_string()
        };
        assert!(refused(|g| g.validators[1].operator = g.validators[0].operator).contains("twice"));
        assert!(refused(|g| g.validators[1].consensus_key = [2; 32]).contains("twice"));
        assert!(refused(|g| g.validators[0].tokens = POWER_REDUCTION - 1).contains("one unit"));
        assert!(refused(|g| g.validators[0].commission_ppm = 1_000_001).contains("above 1"));
        assert!(refused(|g| g.validators[0].moniker = String::new()).contains("moniker"));
        assert!(refused(|g| g.validators[0].tokens = 1 << 63).contains("together"));
        let most = |g: &mut Genesis| g.params = [("staking.max_validators".into(), 1)].into();
        assert!(refused(most).contains("2 validators"));
    }

    #[test]
    fn rules_3_to_5_are_checked() {
        let json = to_json(&sample()).unwrap();
        for (from, to) in [
            ("dadbs-test", "dadbs test"),
            ("dadbs-test", ""),
            ("\"7\"", "\"07\""),
            ("\"7\"", "\"9223372036854775808\""),
            ("\"chain_id\"", "\"extra\": 1, \"chain_id\""),
            ("\"initial_height\": \"1\"", "\"initial_height\": \"0\""),
        ] {
            assert!(from_json(json.replacen(from, to, 1).as_bytes()).is_err(), "{from} -> {to}");
        }
    }
}
