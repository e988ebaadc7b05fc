//! The genesis document: CometBFT's `genesis.json` with our genesis in `app_state`.

use dadbs_app::Genesis;
use dadbs_genesis::GenesisError;
use dadbs_types::limits::{BLOCK_BYTES_MAX, BLOCK_GAS_MAX};
use serde_json::{Value, json};

/// The consensus parameters of the chain, in CometBFT's JSON form.
pub fn consensus_params() -> Value {
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

/// The document of a genesis; `validators` is a list in CometBFT's JSON form.
pub fn document(genesis: &Genesis, validators: &Value) -> Result<Value, GenesisError> {
    let app_state: Value = serde_json::from_str(&dadbs_genesis::to_json(genesis)?)?;
    Ok(json!({
        "genesis_time": crate::convert::time_of_ns(genesis.time_ns).to_rfc3339(),
        "chain_id": genesis.chain_id,
        "initial_height": genesis.initial_height.to_string(),
        "consensus_params": consensus_params(),
        "validators": validators,
        "app_hash": "",
        "app_state": app_state,
    }))
}
