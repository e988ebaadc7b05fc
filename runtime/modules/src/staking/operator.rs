//! What an operator does: make a validator, change it, change its key.

use super::delegation::delegate;
use super::validator::{self, Commission, Description, Status, Validator, claim_key, save};
use crate::context::{Rows, Writer, operator_key};
use crate::params::{self, PPM, Param};
use crate::votes::Ages;
use crate::{bank, distribution};
use dadbs_types::limits::VALIDATOR_TEXT_BYTES_MAX;
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, OperatorAddress, Rejection};

/// Bytes of a moniker.
const MONIKER_BYTES_MAX: usize = 70;
/// Seconds between two changes of a commission.
const COMMISSION_CHANGE_SECONDS: u64 = 86_400;

/// A validator that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    /// Who runs it, and delegates to it first.
    pub operator: AccountAddress,
    /// The ed25519 key that it signs blocks with.
    pub consensus_key: [u8; 32],
    /// What its operator delegates.
    pub amount: u64,
    /// What it keeps; the time is the block's.
    pub commission: Commission,
    /// The least that the operator's own delegation may be worth.
    pub min_self_delegation: u64,
    /// What it says of itself.
    pub description: Description,
}

/// A change of a validator; what is absent stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Who runs it.
    pub operator: AccountAddress,
    /// What it says of itself, all of it.
    pub description: Description,
    /// What it keeps, in millionths.
    pub commission_ppm: Option<u64>,
    /// The least that the operator's own delegation may be worth.
    pub min_self_delegation: Option<u64>,
}

fn refuse<T>(code: Code, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::rejected(code, message))
}

/// Refuses a description that is too long, or a moniker that is empty.
pub fn check_description(description: &Description) -> Result<(), Rejection> {
    let Description { moniker, identity, website, security_contact, details } = description;
    let refuse = |message: String| Err(Rejection::new(Code::InvalidDescription, message));
    if moniker.is_empty() || moniker.len() > MONIKER_BYTES_MAX {
        return refuse(format!("a moniker has 1 to {MONIKER_BYTES_MAX} bytes"));
    }
    for text in [identity, website, security_contact, details] {
        if text.len() > VALIDATOR_TEXT_BYTES_MAX {
            return refuse(format!(
                "a text of the description has {} bytes, at most {VALIDATOR_TEXT_BYTES_MAX} are kept",
                text.len()
            ));
        }
    }
    Ok(())
}

fn check_commission(rows: &impl Rows, commission: &Commission) -> Result<(), Error> {
    let Commission { ppm, max_ppm, max_change_ppm, .. } = *commission;
    if max_ppm > PPM || ppm > max_ppm || max_change_ppm > max_ppm {
        return refuse(
            Code::InvalidCommission,
            format!(
                "rate {ppm} ppm and daily change {max_change_ppm} ppm must be at most the maximum {max_ppm} ppm, which is at most 1"
            ),
        );
    }
    check_least_commission(rows, ppm)
}

fn check_least_commission(rows: &impl Rows, ppm: u64) -> Result<(), Error> {
    let least = params::get(rows, Param::MinCommission)?;
    if ppm < least {
        let message = format!("a commission is at least {least} ppm, not {ppm}");
        return refuse(Code::InvalidCommission, message);
    }
    Ok(())
}

fn check_admission(rows: &impl Rows, operator: AccountAddress) -> Result<(), Error> {
    if params::get(rows, Param::AdmissionOpen)? == 1 {
        return Ok(());
    }
    let admitted = rows
        .rows("SELECT 1 FROM chain_admissions WHERE operator = ?1", &[&operator_key(operator)])?;
    if admitted.is_empty() {
        let message = format!(
            "{} is not admitted: governance admits validators here",
            OperatorAddress(operator)
        );
        return refuse(Code::NotAdmitted, message);
    }
    Ok(())
}

/// Admits an operator, or ends that; a validator that it runs stays. Governance alone may ask.
pub fn admit(
    writer: &mut Writer<'_>,
    operator: AccountAddress,
    admitted: bool,
) -> Result<(), Fatal> {
    let sql = if admitted {
        "INSERT INTO chain_admissions (operator) VALUES (?1) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM chain_admissions WHERE operator = ?1"
    };
    writer.store.execute(sql, &[&operator_key(operator)])?;
    writer.events.push(
        Event::new("admit_operator")
            .with("validator", OperatorAddress(operator))
            .with("admitted", admitted),
    );
    Ok(())
}

/// `MsgCreateValidator`.
pub fn create_validator(writer: &mut Writer<'_>, create: Create) -> Result<(), Error> {
    let Create { operator, consensus_key, amount, min_self_delegation, .. } = create;
    check_description(&create.description)?;
    check_commission(writer.store, &create.commission)?;
    check_admission(writer.store, operator)?;
    if validator::validator(writer.store, operator)?.is_some() {
        let message = format!("{} runs a validator already", OperatorAddress(operator));
        return refuse(Code::ValidatorExists, message);
    }
    let least = min_self_delegation.max(params::get(writer.store, Param::MinSelfDelegation)?);
    if min_self_delegation == 0 || amount < least {
        let message =
            format!("the operator delegates {amount}; at least {least}, and never 0, is needed");
        return refuse(Code::SelfDelegation, message);
    }
    if i64::try_from(min_self_delegation).is_err() {
        return refuse(Code::SelfDelegation, "the least self-delegation is beyond 2^63 - 1");
    }
    claim_key(writer.store, operator, &consensus_key)?;
    let time = writer.block.time_s();
    let made = Validator {
        operator,
        consensus_key,
        key_time: 0,
        status: Status::Unbonded,
        jailed: false,
        jailed_until: 0,
        tombstoned: false,
        tokens: 0,
        shares: 0,
        ages: Ages::default(),
        commission: Commission { time, ..create.commission },
        min_self_delegation,
        bonded_height: 0,
        unbonding_height: 0,
        unbonding_time: 0,
        description: create.description,
    };
    save(writer.store, &made)?;
    writer.events.push(
        Event::new("create_validator")
            .with("validator", made.address())
            .with("consensus_address", made.consensus_address())
            .with("amount", format!("{amount}{}", dadbs_types::coin::DENOM)),
    );
    delegate(writer, operator, operator, amount).map(drop)
}

/// `MsgEditValidator`.
pub fn edit_validator(writer: &mut Writer<'_>, edit: Edit) -> Result<(), Error> {
    let mut validator = validator::require(writer.store, edit.operator)?;
    check_description(&edit.description)?;
    validator.description = edit.description;
    if let Some(ppm) = edit.commission_ppm {
        change_commission(writer, &mut validator, ppm)?;
    }
    if let Some(least) = edit.min_self_delegation {
        if least <= validator.min_self_delegation || least > validator.tokens {
            let message = format!(
                "the least self-delegation only grows, from {} up to the stake of {}",
                validator.min_self_delegation, validator.tokens
            );
            return refuse(Code::SelfDelegation, message);
        }
        validator.min_self_delegation = least;
    }
    save(writer.store, &validator)?;
    writer.events.push(
        Event::new("edit_validator")
            .with("validator", validator.address())
            .with("commission_ppm", validator.commission.ppm)
            .with("min_self_delegation", validator.min_self_delegation),
    );
    Ok(())
}

fn change_commission(
    writer: &Writer<'_>,
    validator: &mut Validator,
    ppm: u64,
) -> Result<(), Error> {
    let Commission { ppm: before, max_ppm, max_change_ppm, time } = validator.commission;
    check_least_commission(writer.store, ppm)?;
    let now = writer.block.time_s();
    if now < time.saturating_add(COMMISSION_CHANGE_SECONDS) {
        return refuse(Code::InvalidCommission, "a commission changes once in 24 hours");
    }
    if ppm > max_ppm || ppm > before.saturating_add(max_change_ppm) {
        let message = format!(
            "the commission of {before} ppm grows by at most {max_change_ppm} ppm a day, and to at most {max_ppm} ppm"
        );
        return refuse(Code::InvalidCommission, message);
    }
    validator.commission = Commission { ppm, time: now, ..validator.commission };
    Ok(())
}

/// `MsgRotateConsPubKey`: the validator signs with another key from the second height after this one on.
pub fn rotate_key(
    writer: &mut Writer<'_>,
    operator: AccountAddress,
    key: [u8; 32],
) -> Result<(), Error> {
    let mut validator = validator::require(writer.store, operator)?;
    if validator.status != Status::Bonded || validator.jailed {
        let message = "only a validator of the set that is not jailed changes its key";
        return refuse(Code::KeyRotation, message);
    }
    let now = writer.block.time_s();
    let wait = params::get(writer.store, Param::UnbondingTime)?;
    if validator.key_time > 0 && now < validator.key_time.saturating_add(wait) {
        return refuse(Code::KeyRotation, "a key changes once in the unbonding time");
    }
    let old = validator.consensus_address();
    claim_key(writer.store, operator, &key)?;
    let fee = params::get(writer.store, Param::KeyRotationFee)?;
    bank::deposit(writer.store, operator, distribution::community_pool(), fee)?;
    validator.consensus_key = key;
    validator.key_time = now.max(1);
    save(writer.store, &validator)?;
    writer.events.push(
        Event::new("rotate_cons_pubkey")
            .with("validator", validator.address())
            .with("old", old)
            .with("new", validator.consensus_address()),
    );
    Ok(())
}
