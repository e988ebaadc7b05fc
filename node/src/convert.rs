//! Between the core's results and the protobuf forms of ABCI and Cosmos.

use dadbs_app::consensus::{EVIDENCE_BLOCKS, EVIDENCE_BYTES_MAX, KEY_TYPE};
use dadbs_app::{BlockOutcome, TxResult};
use dadbs_proto::tendermint::abci as cosmos_abci;
use dadbs_types::{Event, ValidatorUpdate};
use sha2::{Digest, Sha256};
use tendermint::Time;
use tendermint_proto::google::protobuf::Duration;
use tendermint_proto::v0_38::abci;
use tendermint_proto::v0_38::crypto::{PublicKey, public_key::Sum};
use tendermint_proto::v0_38::types::{
    BlockParams, ConsensusParams, EvidenceParams, ValidatorParams, VersionParams,
};

const NS_PER_SECOND: i64 = 1_000_000_000;

/// Nanoseconds since 1970 as Tendermint's time; what it cannot express becomes 1970.
pub fn time_of_ns(time_ns: i64) -> Time {
    let seconds = time_ns.div_euclid(NS_PER_SECOND);
    let nanos = u32::try_from(time_ns.rem_euclid(NS_PER_SECOND)).unwrap_or(0);
    Time::from_unix_timestamp(seconds, nanos).unwrap_or_else(|_| Time::unix_epoch())
}

/// The other way; `None` outside the years 1678 to 2262.
pub fn ns_of_time(time: Time) -> Option<i64> {
    i64::try_from(time.unix_timestamp_nanos()).ok()
}

/// SHA-256 of a transaction: its name.
pub fn tx_hash(tx: &[u8]) -> [u8; 32] {
    Sha256::digest(tx).into()
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// A height as protobuf has it.
pub fn height_i64(height: u64) -> i64 {
    signed(height)
}

fn abci_event(event: Event) -> abci::Event {
    abci::Event {
        r#type: event.kind,
        attributes: event
            .attributes
            .into_iter()
            .map(|(key, value)| abci::EventAttribute { key, value, index: true })
            .collect(),
    }
}

/// The result of a transaction in a block.
pub fn exec_tx_result(result: TxResult) -> abci::ExecTxResult {
    abci::ExecTxResult {
        code: result.code,
        data: result.data.into(),
        log: result.log,
        info: String::new(),
        gas_wanted: signed(result.gas_wanted),
        gas_used: signed(result.gas_used),
        events: result.events.into_iter().map(abci_event).collect(),
        codespace: result.codespace,
    }
}

/// The result of `CheckTx`.
pub fn check_tx_response(result: TxResult) -> abci::ResponseCheckTx {
    abci::ResponseCheckTx {
        code: result.code,
        data: result.data.into(),
        log: result.log,
        info: String::new(),
        gas_wanted: signed(result.gas_wanted),
        gas_used: signed(result.gas_used),
        events: result.events.into_iter().map(abci_event).collect(),
        codespace: result.codespace,
    }
}

/// The outcome of a block.
pub fn finalize_response(outcome: BlockOutcome) -> abci::ResponseFinalizeBlock {
    abci::ResponseFinalizeBlock {
        events: outcome.events.into_iter().map(abci_event).collect(),
        tx_results: outcome.tx_results.into_iter().map(exec_tx_result).collect(),
        validator_updates: validator_updates(&outcome.validator_updates),
        consensus_param_updates: outcome.consensus_params.as_ref().map(consensus_params),
        app_hash: outcome.app_hash.to_vec().into(),
    }
}

/// Consensus parameters as ABCI has them, whole.
pub fn consensus_params(params: &dadbs_types::ConsensusParams) -> ConsensusParams {
    ConsensusParams {
        block: Some(BlockParams {
            max_bytes: signed(params.block_bytes),
            max_gas: signed(params.block_gas),
        }),
        evidence: Some(EvidenceParams {
            max_age_num_blocks: signed(EVIDENCE_BLOCKS),
            max_age_duration: Some(Duration { seconds: signed(params.evidence_age), nanos: 0 }),
            max_bytes: signed(EVIDENCE_BYTES_MAX),
        }),
        validator: Some(ValidatorParams { pub_key_types: vec![KEY_TYPE.into()] }),
        version: Some(VersionParams { app: params.app_version }),
        abci: None,
    }
}

/// The other way; what is missing is 0.
pub fn consensus_params_of(params: &ConsensusParams) -> dadbs_types::ConsensusParams {
    let unsigned = |number: i64| u64::try_from(number).unwrap_or(0);
    let block = params.block.unwrap_or_default();
    let age = params.evidence.and_then(|evidence| evidence.max_age_duration);
    dadbs_types::ConsensusParams {
        block_bytes: unsigned(block.max_bytes),
        block_gas: unsigned(block.max_gas),
        evidence_age: age.map_or(0, |age| unsigned(age.seconds)),
        app_version: params.version.map_or(0, |version| version.app),
    }
}

/// Changes of the validator set as ABCI has them.
pub fn validator_updates(updates: &[ValidatorUpdate]) -> Vec<abci::ValidatorUpdate> {
    let update = |update: &ValidatorUpdate| abci::ValidatorUpdate {
        pub_key: Some(PublicKey { sum: Some(Sum::Ed25519(update.key.to_vec())) }),
        power: signed(update.power),
    };
    updates.iter().map(update).collect()
}

/// Events as Cosmos' transaction responses carry them.
pub fn cosmos_events(events: &[abci::Event]) -> Vec<cosmos_abci::Event> {
    let attribute = |attribute: &abci::EventAttribute| cosmos_abci::EventAttribute {
        key: attribute.key.clone(),
        value: attribute.value.clone(),
        index: attribute.index,
    };
    events
        .iter()
        .map(|event| cosmos_abci::Event {
            r#type: event.r#type.clone(),
            attributes: event.attributes.iter().map(attribute).collect(),
        })
        .collect()
}
