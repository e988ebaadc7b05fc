//! The genesis document: CometBFT's `genesis.json` with our state in `app_state`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_app::Genesis;
use dadbs_types::{AccountAddress, Amount};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// `app_state` of the document.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct AppState {
    min_fee_per_million_gas: u64,
    accounts: Vec<Account>,
    /// Modules in base64.
    codes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    address: String,
    amount: String,
}

/// The consensus parameters of every document that the node makes.
pub fn consensus_params() -> Value {
    use dadbs_types::limits::{BLOCK_BYTES_MAX, BLOCK_GAS_MAX};
    json!({
        "block": { "max_bytes": BLOCK_BYTES_MAX.to_string(), "max_gas": BLOCK_GAS_MAX.to_string() },
        "evidence": {
            "max_age_num_blocks": "100000",
            "max_age_duration": "172800000000000",
            "max_bytes": "1048576"
        },
        "validator": { "pub_key_types": ["ed25519"] },
        "version": { "app": "0" },
        "abci": { "vote_extensions_enable_height": "0" }
    })
}

/// The document of a genesis, without validators.
pub fn to_value(genesis: &Genesis) -> Value {
    let state = AppState {
        min_fee_per_million_gas: genesis.min_fee_per_million_gas,
        accounts: genesis
            .accounts
            .iter()
            .map(|(address, amount)| Account {
                address: address.to_string(),
                amount: amount.to_string(),
            })
            .collect(),
        codes: genesis.codes.iter().map(|code| BASE64.encode(code)).collect(),
    };
    json!({
        "genesis_time": crate::convert::time_of_ns(genesis.time_ns).to_rfc3339(),
        "chain_id": genesis.chain_id,
        "initial_height": genesis.initial_height.to_string(),
        "consensus_params": consensus_params(),
        "app_hash": "",
        "app_state": state,
    })
}

/// The document as text.
pub fn to_json(genesis: &Genesis) -> String {
    format!("{:#}\n", to_value(genesis))
}

/// The genesis of a document; an error says which field is wrong.
pub fn from_json(json: &[u8]) -> Result<Genesis, String> {
    #[derive(Deserialize)]
    struct Doc {
        genesis_time: String,
        chain_id: String,
        initial_height: String,
        app_state: Value,
    }
    let doc: Doc = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let time = tendermint::Time::parse_from_rfc3339(&doc.genesis_time)
        .map_err(|error| format!("genesis_time: {error}"))?;
    let height = doc.initial_height.parse().map_err(|_| "initial_height is not a number")?;
    let time_ns = i64::try_from(time.unix_timestamp_nanos()).map_err(|_| "genesis_time")?;
    from_app_state(doc.chain_id, time_ns, height, &doc.app_state)
}

/// The genesis of ABCI's `InitChain`.
pub fn from_app_state(
    chain_id: String,
    time_ns: i64,
    initial_height: u64,
    app_state: &Value,
) -> Result<Genesis, String> {
    let state: AppState = serde_json::from_value(app_state.clone())
        .map_err(|error| format!("app_state: {error}"))?;
    let mut accounts = Vec::with_capacity(state.accounts.len());
    for account in state.accounts {
        let address: AccountAddress =
            account.address.parse().map_err(|error| format!("app_state.accounts: {error}"))?;
        let amount = Amount::parse(&account.amount)
            .ok_or_else(|| format!("app_state.accounts: \"{}\" is no amount", account.amount))?;
        accounts.push((address, amount));
    }
    let mut codes = Vec::with_capacity(state.codes.len());
    for (index, code) in state.codes.iter().enumerate() {
        let code = BASE64.decode(code).map_err(|error| format!("app_state.codes[{index}]: {error}"))?;
        codes.push(code);
    }
    Ok(Genesis {
        chain_id,
        time_ns,
        initial_height: initial_height.max(1),
        min_fee_per_million_gas: state.min_fee_per_million_gas,
        accounts,
        codes,
    })
}
