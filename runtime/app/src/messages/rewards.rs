//! `dadbs.rewards.v1`: storage proofs.

use super::{any, operator};
use dadbs_modules::Context;
use dadbs_modules::rewards::{self, Answer};
use dadbs_proto::dadbs::rewards::v1::{MsgSubmitStorageProof, MsgSubmitStorageProofResponse};
use dadbs_types::Error;
use dadbs_types::gas::price;
use prost_types::Any;

/// Runs the message: whoever has signed it.
pub(super) fn run(context: &mut Context<'_>, msg: &MsgSubmitStorageProof) -> Result<Any, Error> {
    let answer = Answer {
        operator: operator(&msg.validator_address)?,
        epoch: msg.epoch,
        index: msg.index.into(),
        table: &msg.table,
        key: &msg.key,
        row: &msg.row,
        proof: &msg.proof,
    };
    // The score, and hashing what is proven: a step of the proof is 33 bytes and at most three hashes.
    context.gas.charge(price::ROW_WRITE)?;
    context.gas.charge_times(price::ROW_WRITE_BYTE, answer.len() as u64)?;
    rewards::submit(&mut context.writer(), &answer)?;
    any(&MsgSubmitStorageProofResponse {})
}
