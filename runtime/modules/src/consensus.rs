//! What the consensus engine holds blocks to: parameters of the table of all, as the engine takes them.
//!
//! Messages: `cosmos.consensus.v1.MsgUpdateParams`, by governance; it changes `consensus.*` of [`params`].
//!
//! 1. A block's bytes and gas, and the age of evidence, are governed; the rest is fixed: keys are ed25519, evidence of
//!    a block has [`EVIDENCE_BYTES_MAX`] bytes and is too old by time alone, votes have no extensions.
//! 2. Evidence counts for `consensus.evidence_age`, but never for longer than stake waits and can be slashed.
//! 3. A message names all of block, evidence and validator, since the engine replaces each as a whole; what is fixed
//!    must be named as it is, and an age beyond rule 2 is refused.

use crate::context::Rows;
use crate::params::{self, Change, Param};
use dadbs_store::Store;
use dadbs_types::{Code, ConsensusParams, Error, Fatal, Rejection};

/// Bytes of evidence in a block.
pub const EVIDENCE_BYTES_MAX: u64 = 1_048_576;
/// Evidence is too old when both bounds are passed, so that time alone decides.
pub const EVIDENCE_BLOCKS: u64 = 1;
/// The type of validators' keys.
pub const KEY_TYPE: &str = "ed25519";

/// The parameters of values (rules 1 and 2).
pub fn of(value: impl Fn(Param) -> u64, app_version: u64) -> ConsensusParams {
    ConsensusParams {
        block_bytes: value(Param::BlockBytes),
        block_gas: value(Param::BlockGas),
        evidence_age: value(Param::EvidenceAge).min(value(Param::UnbondingTime)),
        app_version,
    }
}

/// The parameters of a state.
pub fn params(rows: &impl Rows) -> Result<ConsensusParams, Fatal> {
    let mut values = std::collections::BTreeMap::new();
    for param in [Param::BlockBytes, Param::BlockGas, Param::EvidenceAge, Param::UnbondingTime] {
        values.insert(param, params::get(rows, param)?);
    }
    let value = |param: Param| values.get(&param).copied().unwrap_or(param.definition().default);
    Ok(of(value, crate::upgrade::app_version(rows)?))
}

/// Makes the changes of a message (rules 2 and 3); the caller undoes its savepoint when it is refused.
pub fn change(store: &mut Store, changes: &[Change]) -> Result<(), Error> {
    let wait = params::get(store, Param::UnbondingTime)?;
    let beyond = |change: &&Change| change.param == Param::EvidenceAge && change.value > wait;
    if let Some(Change { value, .. }) = changes.iter().find(beyond) {
        let message = format!(
            "evidence may not count for {value} s: stake can be slashed for {wait} s, staking.unbonding_time"
        );
        return Err(Error::rejected(Code::InvalidRequest, message));
    }
    params::change(store, changes)
}

/// What a message asks the engine to hold blocks to (rule 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The bytes of a block.
    pub block_bytes: i64,
    /// The gas of a block.
    pub block_gas: i64,
    /// How many blocks evidence counts for.
    pub evidence_blocks: i64,
    /// How many seconds evidence counts for; none if it is missing or no whole number.
    pub evidence_age: Option<i64>,
    /// The bytes of evidence in a block.
    pub evidence_bytes: i64,
    /// The types of validators' keys.
    pub key_types: Vec<String>,
}

impl Asked {
    /// The changes of parameters, as far as they can be judged without a state (rule 3).
    pub fn changes(&self) -> Result<Vec<Change>, Rejection> {
        let refuse = |message: String| Rejection::new(Code::InvalidRequest, message);
        if u64::try_from(self.evidence_blocks) != Ok(EVIDENCE_BLOCKS)
            || u64::try_from(self.evidence_bytes) != Ok(EVIDENCE_BYTES_MAX)
        {
            return Err(refuse(format!(
                "evidence has max_age_num_blocks {EVIDENCE_BLOCKS} and max_bytes {EVIDENCE_BYTES_MAX} on this chain"
            )));
        }
        if self.key_types != [KEY_TYPE] {
            return Err(refuse(format!(
                "validators of this chain have keys of the type {KEY_TYPE}"
            )));
        }
        let age = self
            .evidence_age
            .ok_or_else(|| refuse("max_age_duration is to be whole seconds".into()))?;
        let change = |param: Param, value: i64| {
            let value = u64::try_from(value)
                .map_err(|_| refuse(format!("{} may not be {value}", param.definition().name)))?;
            Ok(Change { param, value: param.bounded(value)?, replaces: None })
        };
        Ok(vec![
            change(Param::BlockBytes, self.block_bytes)?,
            change(Param::BlockGas, self.block_gas)?,
            change(Param::EvidenceAge, age)?,
        ])
    }
}
