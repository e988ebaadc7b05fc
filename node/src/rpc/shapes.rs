//! The JSON shapes of CometBFT 0.38.

use crate::engine::dev::blocks::StoredBlock;
use crate::genesis_doc;
use crate::index::IndexedTx;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};
use tendermint::block::{self, Commit, Header};
use tendermint::{Hash, validator};
use tendermint_proto::v0_38::abci::{Event, ExecTxResult, ResponseFinalizeBlock, ValidatorUpdate};
use tendermint_proto::v0_38::crypto::public_key::Sum;
use tendermint_proto::v0_38::types::ConsensusParams;

/// Bytes as base64.
pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64.encode(bytes)
}

fn hash(hash: Option<Hash>) -> String {
    hash.map(|hash| hex::encode_upper(hash.as_bytes())).unwrap_or_default()
}

/// A block id; that of nothing has empty hashes.
pub(super) fn block_id(id: Option<&block::Id>) -> Value {
    match id {
        Some(id) => json!({
            "hash": hash(Some(id.hash)),
            "parts": { "total": id.part_set_header.total, "hash": hash(Some(id.part_set_header.hash)) }
        }),
        None => json!({ "hash": "", "parts": { "total": 0, "hash": "" } }),
    }
}

/// A header.
pub(super) fn header(header: &Header) -> Value {
    json!({
        "version": { "block": header.version.block.to_string(), "app": header.version.app.to_string() },
        "chain_id": header.chain_id.as_str(),
        "height": header.height.to_string(),
        "time": header.time.to_rfc3339(),
        "last_block_id": block_id(header.last_block_id.as_ref()),
        "last_commit_hash": hash(header.last_commit_hash),
        "data_hash": hash(header.data_hash),
        "validators_hash": hash(Some(header.validators_hash)),
        "next_validators_hash": hash(Some(header.next_validators_hash)),
        "consensus_hash": hash(Some(header.consensus_hash)),
        "app_hash": hex::encode_upper(header.app_hash.as_bytes()),
        "last_results_hash": hash(header.last_results_hash),
        "evidence_hash": hash(header.evidence_hash),
        "proposer_address": hex::encode_upper(header.proposer_address.as_bytes()),
    })
}

fn commit_signature(signature: &block::CommitSig) -> Value {
    let vote = |flag: u8, address: &tendermint::account::Id, time: &tendermint::Time, signed| {
        json!({
            "block_id_flag": flag,
            "validator_address": hex::encode_upper(address.as_bytes()),
            "timestamp": time.to_rfc3339(),
            "signature": signed,
        })
    };
    let signed = |signature: &Option<tendermint::Signature>| {
        signature.as_ref().map(|signature| base64(signature.as_bytes()))
    };
    match signature {
        block::CommitSig::BlockIdFlagAbsent => json!({
            "block_id_flag": 1,
            "validator_address": "",
            "timestamp": "0001-01-01T00:00:00Z",
            "signature": null,
        }),
        block::CommitSig::BlockIdFlagCommit { validator_address, timestamp, signature } => {
            vote(2, validator_address, timestamp, signed(signature))
        }
        block::CommitSig::BlockIdFlagNil { validator_address, timestamp, signature } => {
            vote(3, validator_address, timestamp, signed(signature))
        }
    }
}

/// A commit; that before the first block has height 0 and no signatures.
pub(super) fn commit(commit: &Commit) -> Value {
    let of_nothing = commit.signatures.is_empty();
    json!({
        "height": commit.height.to_string(),
        "round": commit.round.value(),
        "block_id": block_id((!of_nothing).then_some(&commit.block_id)),
        "signatures": commit.signatures.iter().map(commit_signature).collect::<Vec<_>>(),
    })
}

/// A block.
pub(super) fn block(block: &StoredBlock) -> Value {
    json!({
        "header": header(&block.header),
        "data": { "txs": block.txs.iter().map(|tx| base64(tx)).collect::<Vec<_>>() },
        "evidence": { "evidence": [] },
        "last_commit": commit(&block.last_commit),
    })
}

/// The meta of `blockchain`.
pub(super) fn block_meta(block: &StoredBlock) -> Value {
    json!({
        "block_id": block_id(Some(&block.id)),
        "block_size": block.bytes.to_string(),
        "header": header(&block.header),
        "num_txs": block.txs.len().to_string(),
    })
}

/// Events.
pub(super) fn events(events: &[Event]) -> Value {
    let attribute = |a: &tendermint_proto::v0_38::abci::EventAttribute| json!({ "key": a.key, "value": a.value, "index": a.index });
    let event = |event: &Event| {
        let attributes: Vec<Value> = event.attributes.iter().map(attribute).collect();
        json!({ "type": event.r#type, "attributes": attributes })
    };
    events.iter().map(event).collect()
}

/// The result of a transaction, checked or executed.
pub(super) fn tx_result(result: &ExecTxResult) -> Value {
    let data = (!result.data.is_empty()).then(|| base64(&result.data));
    json!({
        "code": result.code,
        "data": data,
        "log": result.log,
        "info": result.info,
        "gas_wanted": result.gas_wanted.to_string(),
        "gas_used": result.gas_used.to_string(),
        "events": events(&result.events),
        "codespace": result.codespace,
    })
}

/// A change of the validator set; a power of 0 is left out.
fn validator_update(update: &ValidatorUpdate) -> Value {
    let (name, key) = match update.pub_key.as_ref().and_then(|key| key.sum.as_ref()) {
        Some(Sum::Ed25519(key)) => (("PublicKey_Ed25519", "ed25519"), key.as_slice()),
        Some(Sum::Secp256k1(key)) => (("PublicKey_Secp256K1", "secp256k1"), key.as_slice()),
        None => return json!({ "pub_key": { "Sum": null } }),
    };
    let value = json!({ name.1: base64(key) });
    let sum = json!({ "type": format!("tendermint.crypto.{}", name.0), "value": value });
    let mut json = json!({ "pub_key": { "Sum": sum } });
    if update.power != 0 {
        json["power"] = update.power.to_string().into();
    }
    json
}

/// Changed consensus parameters; an app version of 0 is left out.
fn consensus_updates(params: &ConsensusParams) -> Value {
    let params = crate::convert::consensus_params_of(params);
    let mut json = genesis_doc::consensus_params(&params);
    json["version"] = match params.app_version {
        0 => json!({}),
        version => json!({ "app": version.to_string() }),
    };
    if let Some(fields) = json.as_object_mut() {
        fields.remove("abci");
    }
    json
}

/// The results of a block.
pub(super) fn block_results(height: u64, outcome: &ResponseFinalizeBlock) -> Value {
    let txs: Vec<Value> = outcome.tx_results.iter().map(tx_result).collect();
    let validators: Vec<Value> = outcome.validator_updates.iter().map(validator_update).collect();
    json!({
        "height": height.to_string(),
        "txs_results": if txs.is_empty() { Value::Null } else { txs.into() },
        "finalize_block_events": events(&outcome.events),
        "validator_updates": if validators.is_empty() { Value::Null } else { validators.into() },
        "consensus_param_updates": outcome.consensus_param_updates.as_ref().map(consensus_updates),
        "app_hash": base64(&outcome.app_hash),
    })
}

/// The results of a block, as events carry them.
pub(super) fn finalize_block(outcome: &ResponseFinalizeBlock) -> Value {
    let txs: Vec<Value> = outcome.tx_results.iter().map(tx_result).collect();
    json!({
        "events": events(&outcome.events),
        "tx_results": txs,
        "validator_updates": [],
        "app_hash": base64(&outcome.app_hash),
    })
}

/// A committed transaction, as events carry it.
pub(super) fn tx_event(found: &IndexedTx) -> Value {
    json!({
        "height": found.height.to_string(),
        "index": found.index,
        "tx": base64(&found.tx),
        "result": tx_result(&found.result),
    })
}

/// A committed transaction.
pub(super) fn tx(found: &IndexedTx) -> Value {
    json!({
        "hash": hex::encode_upper(crate::convert::tx_hash(&found.tx)),
        "height": found.height.to_string(),
        "index": found.index,
        "tx_result": tx_result(&found.result),
        "tx": base64(&found.tx),
    })
}

/// A public key.
pub(super) fn public_key(info: &validator::Info) -> Value {
    json!({ "type": "tendermint/PubKeyEd25519", "value": base64(&info.pub_key.to_bytes()) })
}

/// A validator of `validators`.
pub(super) fn validator(info: &validator::Info) -> Value {
    json!({
        "address": hex::encode_upper(info.address.as_bytes()),
        "pub_key": public_key(info),
        "voting_power": info.power.value().to_string(),
        "proposer_priority": "0",
    })
}
