//! Faults that wait before they cost stake: wrong headers that anyone proves, and what a vote attributes.
//!
//! State: `chain.faults(id, validator, kind, height, power, fraction, due, status, submitter, evidence,
//! evidence_hash, burned)`; `due` in seconds since 1970, `fraction` in millionths.
//!
//! Messages: `dadbs.slashing.v1.MsgSubmitInvalidHeader`, by anyone; `MsgResolveFault` and `MsgCancelFault`, by
//! governance.
//!
//! Events: `fault(fault_id, validator, kind, height, fraction_ppm, due, submitter)`,
//! `fault_cancelled(fault_id, validator)`, `fault_executed(fault_id, validator, burned)`,
//! `fault_failed(fault_id, validator, reason)`.
//!
//! 1. A proof is a header with another app hash or hash of results than the chain's own header of that height, and the
//!    accused's vote for it ([`dadbs_headers`]); the set that signed the chain's own header must be the one that this
//!    chain had at that height, which a table of its own says.
//! 2. The height is below this block's, and not so old that stake could leave before the fault is due: the unbonding
//!    time less the delay.
//! 3. A vote attributes a kind of fault at a height, with what it rests on, and at most the kind's fraction; what stands
//!    behind the validator then is its power.
//! 4. A validator has one fault of a kind at a height, however that ended: the same again is refused.
//! 5. A fault is due `slashing.fault_delay` after it was written down. Until it has cost stake governance may cancel
//!    it; then it never does.
//! 6. At the end of a block the faults that are due cost stake, the earliest first, at most `FAULTS_BLOCK_MAX`; the
//!    rest in the next block. One that fails costs nothing and stops no other.
//! 7. What it costs is slashed as for any other fault, in instalments where stake has left. It does not tombstone.
//! 8. Who is proven to have signed a wrong header is jailed at once, and who is judged by a vote when the fault costs
//!    stake; both as long as for missing signatures.

use super::fault::{Fault, FaultKind, FaultStatus, fault, insert, same_fault, settle};
use super::keeper::{UPDATE_DELAY, jail};
use crate::context::Writer;
use crate::params::{self, Param};
use crate::staking::{self, POWER_REDUCTION, Slash, Status, Validator};
use crate::{auth, bank};
use dadbs_headers::{Accusation, Accused, Doubt, Parts};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::FAULT_EVIDENCE_BYTES_MAX;
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, OperatorAddress, Rejection};

/// Decodes a proof; nothing of it is verified.
///
/// # Errors
/// If a part is malformed.
pub fn decode_accusation(parts: &Parts<'_>) -> Result<Accusation, Rejection> {
    Accusation::decode(parts)
        .map_err(|error| Rejection::new(Code::ProofMalformed, error.to_string()))
}

/// `MsgSubmitInvalidHeader` (rules 1 and 2); gives the fault's number. The caller has charged for its signatures.
///
/// # Errors
/// Why the proof is not taken.
pub fn accuse(
    writer: &mut Writer<'_>,
    chain_id: &str,
    submitter: AccountAddress,
    accusation: &Accusation,
) -> Result<u64, Error> {
    let height = accusation.height();
    check_past(writer, height, Code::ProofForeign)?;
    let accused = accusation.judge(chain_id).map_err(|doubt| {
        let code = match doubt {
            Doubt::Foreign(_) => Code::ProofForeign,
            Doubt::Commit(_) => Code::ProofUnfounded,
            Doubt::Vote(_) => Code::ProofUnsigned,
            Doubt::NoFault => Code::NoFault,
        };
        Error::rejected(code, doubt.to_string())
    })?;
    let known = staking::set_hash_at(writer.store, height)?;
    if known.as_deref() != Some(&accusation.validators_hash()) {
        let message = format!("its validators are not those of this chain at height {height}");
        return Err(Error::rejected(Code::ProofUnfounded, message));
    }
    check_age(writer, accusation.time_s())?;
    let validator = of_key(writer.store, &accused)?;
    let kind = FaultKind::InvalidState;
    let fault = Fault {
        id: 0,
        operator: validator.operator,
        kind,
        height,
        power: accused.power,
        ppm: params::get(writer.store, kind.fraction())?,
        due: 0,
        status: FaultStatus::Pending,
        submitter,
        evidence: format!("{} of a header, voted for in round {}", accused.wrong, accused.round),
        evidence_hash: accused.header_hash.to_vec(),
        burned: 0,
    };
    let id = note(writer, fault)?;
    jail(writer, validator.operator, kind.name())?;
    Ok(id)
}

/// Refuses a height that is not below this block's.
fn check_past(writer: &Writer<'_>, height: u64, code: Code) -> Result<(), Error> {
    if (1..writer.block.height).contains(&height) {
        return Ok(());
    }
    let message = format!("this chain has not finalized height {height}");
    Err(Error::rejected(code, message))
}

/// Rule 2.
fn check_age(writer: &Writer<'_>, time: u64) -> Result<(), Error> {
    let unbonding = params::get(writer.store, Param::UnbondingTime)?;
    let most = unbonding.saturating_sub(params::get(writer.store, Param::FaultDelay)?);
    let age = writer.block.time_s().saturating_sub(time);
    if age <= most {
        return Ok(());
    }
    let message = format!("the fault is {age} seconds old, {most} are the most");
    Err(Error::rejected(Code::FaultTooOld, message))
}

fn of_key(store: &Store, accused: &Accused) -> Result<Validator, Error> {
    let address = dadbs_types::ConsensusAddress(accused.address);
    let found = staking::by_consensus_address(store, accused.address)?;
    let validator = found.ok_or_else(|| {
        Error::rejected(Code::ValidatorNotFound, format!("the validator of {address} is gone"))
    })?;
    check_reach(&validator)?;
    Ok(validator)
}

fn check_reach(validator: &Validator) -> Result<(), Error> {
    if validator.status != Status::Unbonded {
        return Ok(());
    }
    let message = format!("{} is unbonded: its stake is out of reach", validator.address());
    Err(Error::rejected(Code::OutOfReach, message))
}

/// A fault that a vote attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution<'a> {
    /// Whose validator it was.
    pub operator: AccountAddress,
    /// What was done.
    pub kind: FaultKind,
    /// When.
    pub height: u64,
    /// What it is to cost, in millionths.
    pub ppm: u64,
    /// What it rests on, in words.
    pub evidence: &'a str,
    /// SHA-256 of a document, or nothing.
    pub evidence_hash: &'a [u8],
}

/// Refuses an attribution that can never be taken, whatever the day.
///
/// # Errors
/// What is wrong with it.
pub fn check_attribution(attribution: &Attribution<'_>) -> Result<(), Error> {
    let refuse = |message: String| Err(Error::rejected(Code::InvalidFault, message));
    let Attribution { evidence, evidence_hash, ppm, .. } = attribution;
    if evidence.is_empty() || evidence.len() > FAULT_EVIDENCE_BYTES_MAX {
        return refuse(format!(
            "the evidence has {} bytes: write 1 to {FAULT_EVIDENCE_BYTES_MAX}",
            evidence.len()
        ));
    }
    if !matches!(evidence_hash.len(), 0 | 32) {
        return refuse(format!("a hash of evidence has 32 bytes, not {}", evidence_hash.len()));
    }
    if *ppm == 0 || *ppm > params::PPM {
        return refuse(format!("a fraction of {ppm} ppm is none: 1 to 1000000"));
    }
    Ok(())
}

/// `MsgResolveFault` (rule 3), by governance; gives the fault's number.
///
/// # Errors
/// Why it is not taken.
pub fn attribute(
    writer: &mut Writer<'_>,
    authority: AccountAddress,
    attribution: &Attribution<'_>,
) -> Result<u64, Error> {
    check_attribution(attribution)?;
    let Attribution { operator, kind, height, ppm, evidence, evidence_hash } = *attribution;
    check_past(writer, height, Code::InvalidFault)?;
    let param = kind.fraction();
    let most = params::get(writer.store, param)?;
    if ppm > most {
        let name = param.definition().name;
        let message = format!("{ppm} ppm are more than the {most} of {name}");
        return Err(Error::rejected(Code::InvalidFault, message));
    }
    let validator = staking::require(writer.store, operator)?;
    check_reach(&validator)?;
    let fault = Fault {
        id: 0,
        operator,
        kind,
        height,
        power: validator.tokens / POWER_REDUCTION,
        ppm,
        due: 0,
        status: FaultStatus::Pending,
        submitter: authority,
        evidence: evidence.into(),
        evidence_hash: evidence_hash.to_vec(),
        burned: 0,
    };
    note(writer, fault)
}

/// Writes a fault down with its number and when it is due (rules 4 and 5).
fn note(writer: &mut Writer<'_>, mut fault: Fault) -> Result<u64, Error> {
    let operator = OperatorAddress(fault.operator);
    if let Some(known) = same_fault(writer.store, &fault)? {
        let message = format!(
            "it is fault {known}: {} of {operator} at height {}",
            fault.kind.name(),
            fault.height
        );
        return Err(Error::rejected(Code::FaultKnown, message));
    }
    fault.id = auth::next_number(writer.store, "fault")?;
    fault.due = writer.block.time_s().saturating_add(params::get(writer.store, Param::FaultDelay)?);
    insert(writer.store, &fault)?;
    writer.events.push(
        Event::new("fault")
            .with("fault_id", fault.id)
            .with("validator", operator)
            .with("kind", fault.kind.name())
            .with("height", fault.height)
            .with("fraction_ppm", fault.ppm)
            .with("due", fault.due)
            .with("submitter", fault.submitter),
    );
    Ok(fault.id)
}

/// `MsgCancelFault` (rule 5), by governance.
///
/// # Errors
/// If there is no such fault, or it does not wait any more.
pub fn cancel_fault(writer: &mut Writer<'_>, id: u64) -> Result<(), Error> {
    let fault = fault(writer.store, id)?;
    if fault.status != FaultStatus::Pending {
        let message = format!("fault {id} is {} already", fault.status.name());
        return Err(Error::rejected(Code::FaultSettled, message));
    }
    settle(writer.store, id, FaultStatus::Cancelled, 0)?;
    writer.events.push(
        Event::new("fault_cancelled")
            .with("fault_id", id)
            .with("validator", OperatorAddress(fault.operator)),
    );
    Ok(())
}

/// Takes what a fault that is due costs (rules 7 and 8).
pub fn execute_fault(writer: &mut Writer<'_>, fault: &Fault) -> Result<(), Fatal> {
    let slash = Slash {
        operator: fault.operator,
        height: fault.height.saturating_sub(UPDATE_DELAY),
        power: fault.power,
        ppm: fault.ppm,
        reason: fault.kind.name(),
    };
    let burned = staking::slash(writer, &slash)?;
    // Who was proven to be wrong was jailed then; what the chain itself submits was decided by a vote.
    if bank::is_module_account(fault.submitter) {
        jail(writer, fault.operator, fault.kind.name())?;
    }
    settle(writer.store, fault.id, FaultStatus::Executed, burned)?;
    writer.events.push(
        Event::new("fault_executed")
            .with("fault_id", fault.id)
            .with("validator", OperatorAddress(fault.operator))
            .with("burned", format!("{burned}{DENOM}")),
    );
    Ok(())
}

/// Notes that a fault could not be executed (rule 6).
pub fn fail_fault(writer: &mut Writer<'_>, fault: &Fault, reason: &str) -> Result<(), Fatal> {
    settle(writer.store, fault.id, FaultStatus::Failed, 0)?;
    writer.events.push(
        Event::new("fault_failed")
            .with("fault_id", fault.id)
            .with("validator", OperatorAddress(fault.operator))
            .with("reason", reason),
    );
    Ok(())
}
