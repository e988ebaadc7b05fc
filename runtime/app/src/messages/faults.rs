//! The messages of faults that wait before they cost stake.

use super::{any, operator};
use dadbs_modules::slashing::{self, Attribution, FaultKind, Parts};
use dadbs_modules::{Context, gov};
use dadbs_proto::dadbs::slashing::v1::{
    MsgCancelFault, MsgCancelFaultResponse, MsgResolveFault, MsgResolveFaultResponse,
    MsgSubmitInvalidHeader, MsgSubmitInvalidHeaderResponse,
};
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Code, Error, Rejection};
use prost::Message;
use prost_types::Any;

messages! {
    /// A message about faults.
    FaultMsg;
    /// Proves a wrong header.
    SubmitInvalidHeader(MsgSubmitInvalidHeader) submitter;
    /// Attributes a fault.
    Resolve(MsgResolveFault) authority;
    /// Ends a fault that waits.
    Cancel(MsgCancelFault) authority;
}

/// Runs a message of `sender`.
pub(super) fn run(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &FaultMsg,
) -> Result<Any, Error> {
    match msg {
        FaultMsg::SubmitInvalidHeader(msg) => submit(context, sender, msg),
        _ if sender != gov::authority() => {
            let message =
                format!("{} is for governance alone: make a proposal with it", msg.type_url());
            Err(Error::rejected(Code::Unauthorized, message))
        }
        FaultMsg::Resolve(msg) => {
            // The fault in two indexes, its number, and what it writes when it is due.
            context.gas.charge_times(price::ROW_WRITE, 5)?;
            context.gas.charge_times(price::ROW_WRITE_BYTE, msg.encoded_len() as u64)?;
            let fault_id = slashing::attribute(&mut context.writer(), sender, &attribution(msg)?)?;
            any(&MsgResolveFaultResponse { fault_id })
        }
        FaultMsg::Cancel(msg) => {
            context.gas.charge(price::ROW_WRITE)?;
            slashing::cancel_fault(&mut context.writer(), msg.fault_id)?;
            any(&MsgCancelFaultResponse {})
        }
    }
}

fn submit(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &MsgSubmitInvalidHeader,
) -> Result<Any, Error> {
    let accusation = slashing::decode_accusation(&Parts {
        header: &msg.header,
        vote: &msg.vote,
        signed_header: &msg.signed_header,
        validator_set: &msg.validator_set,
    })?;
    context.gas.charge_times(price::VALIDATOR_SIGNATURE, accusation.signatures())?;
    // The fault in two indexes, its number, the jail, and what it writes when it is due.
    context.gas.charge_times(price::ROW_WRITE, 6)?;
    let chain_id = context.chain_id;
    let fault_id = slashing::accuse(&mut context.writer(), chain_id, sender, &accusation)?;
    any(&MsgSubmitInvalidHeaderResponse { fault_id })
}

/// What a vote attributes.
pub(super) fn attribution(msg: &MsgResolveFault) -> Result<Attribution<'_>, Rejection> {
    Ok(Attribution {
        operator: operator(&msg.validator_address)?,
        kind: FaultKind::named(&msg.kind)?,
        height: msg.height,
        ppm: msg.fraction_ppm,
        evidence: &msg.evidence,
        evidence_hash: &msg.evidence_hash,
    })
}
