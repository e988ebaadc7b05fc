//! Slashing and jailing, for the modules that judge, which they do at the begin of a block.
//!
//! 1. A fault costs a fraction of all stake that stood behind the validator, wherever it has gone since: the validator's
//!    tokens pay at once, what has left pays in instalments ([`super::instalments`]).
//! 2. The validator's tokens pay the fraction of what they are now, at most of the stake that its power at the fault
//!    stood for.
//! 3. Each unbonding that left since the fault pays the fraction of what it began with, at most what is left of it.
//! 4. Each redelegation that left since the fault pays the fraction of what it began with: first from what its
//!    delegator has withdrawn from the second validator since, then from the delegation there, by shares worth what
//!    is still owed, never more than the fraction of the shares that came.
//! 5. None of these depends on another, so what is burned in all is their sum, whenever each is paid.
//! 6. What is taken is burned: the supply falls. Rewards that are paid on the way have no events.

use super::delegation::{delegated_shares, remove_stake};
use super::entries::{Redelegation, Unbonding};
use super::validator::{self, Validator, save};
use super::{POWER_REDUCTION, instalments, not_bonded_pool, pool_of};
use crate::bank;
use crate::context::{Writer, certain};
use crate::params::part;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Error, Event, Fatal};

/// A fault and its price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slash {
    /// Whose validator it was.
    pub operator: AccountAddress,
    /// The height at which stake stood behind it.
    pub height: u64,
    /// The validator's power then.
    pub power: u64,
    /// The fraction, in millionths.
    pub ppm: u64,
    /// Why, for the event.
    pub reason: &'static str,
}

/// Burns what a fault costs the validator's tokens (rule 2), returns how much, and notes what has left since for
/// [`super::pay_slashes`]. Nothing if there is no such validator.
pub fn slash(writer: &mut Writer<'_>, slash: &Slash) -> Result<u64, Fatal> {
    let Some(mut validator) = validator::validator(writer.store, slash.operator)? else {
        return Ok(0);
    };
    let stood = slash.power.saturating_mul(POWER_REDUCTION);
    let cut = part(validator.tokens.min(stood), slash.ppm);
    if cut > 0 {
        certain(bank::burn(writer.store, pool_of(validator.status), cut))?;
        validator.tokens -= cut;
        save(writer.store, &validator)?;
    }
    writer.events.push(
        Event::new("slash")
            .with("address", validator.consensus_address())
            .with("validator", validator.address())
            .with("power", slash.power)
            .with("reason", slash.reason)
            .with("burned", format!("{cut}{DENOM}")),
    );
    instalments::note(writer, slash)?;
    Ok(cut)
}

/// Rule 3; returns what was burned.
pub(super) fn slash_unbonding(
    writer: &mut Writer<'_>,
    unbonding: &mut Unbonding,
    ppm: u64,
) -> Result<u64, Error> {
    let due = part(unbonding.entry.initial_balance, ppm);
    let cut = unbonding.cut(writer.store, due)?;
    bank::burn(writer.store, not_bonded_pool(), cut)?;
    Ok(cut)
}

/// Rule 4; returns what was burned.
pub(super) fn slash_moved(
    writer: &mut Writer<'_>,
    moved: &Redelegation,
    ppm: u64,
) -> Result<u64, Error> {
    let mut owed = part(moved.entry.initial_balance, ppm);
    let mut burned = 0_u64;
    for mut unbonding in Unbonding::of_pair(writer.store, moved.delegator, moved.to)? {
        if owed == 0 {
            break;
        }
        if unbonding.entry.creation_height >= moved.entry.creation_height {
            let cut = unbonding.cut(writer.store, owed)?;
            owed -= cut;
            burned = burned.saturating_add(cut);
        }
    }
    bank::burn(writer.store, not_bonded_pool(), burned)?;
    let held = delegated_shares(writer.store, moved.delegator, moved.to)?;
    let Some(mut validator) = validator::validator(writer.store, moved.to)?.filter(|_| held > 0)
    else {
        return Ok(burned);
    };
    let worth = validator.pool().worth(held)?;
    let most = part(moved.shares, ppm).min(held);
    let shares = match owed.min(worth) {
        0 => 0,
        owed => validator.pool().shares_of(owed, held)?.min(most),
    };
    if shares == 0 {
        return Ok(burned);
    }
    let pool = pool_of(validator.status);
    // As many delegators as there are would make the block's answer too long for the engine.
    let told = writer.events.len();
    let tokens = remove_stake(writer, &mut validator, moved.delegator, shares)?;
    let mut rest = writer.events.split_off(told);
    rest.retain(|event| event.kind != "withdraw_rewards");
    writer.events.append(&mut rest);
    bank::burn(writer.store, pool, tokens)?;
    Ok(burned.saturating_add(tokens))
}

/// Marks a validator as jailed; the caller saves it.
pub(super) fn jail_now(writer: &mut Writer<'_>, validator: &mut Validator, reason: &str) {
    validator.jailed = true;
    writer.events.push(
        Event::new("jail")
            .with("address", validator.consensus_address())
            .with("validator", validator.address())
            .with("reason", reason),
    );
}

/// Jails a validator until a time at least, seconds since 1970; it leaves the set at the end of the block.
pub fn jail(
    writer: &mut Writer<'_>,
    operator: AccountAddress,
    until: u64,
    reason: &str,
) -> Result<(), Fatal> {
    let Some(mut validator) = validator::validator(writer.store, operator)? else {
        return Ok(());
    };
    if !validator.jailed {
        jail_now(writer, &mut validator, reason);
    }
    validator.jailed_until = validator.jailed_until.max(until);
    save(writer.store, &validator)
}

/// Jails a validator for ever.
pub fn tombstone(writer: &mut Writer<'_>, operator: AccountAddress) -> Result<(), Fatal> {
    jail(writer, operator, FOREVER, "double_sign")?;
    let Some(mut validator) = validator::validator(writer.store, operator)? else {
        return Ok(());
    };
    validator.tombstoned = true;
    writer.events.push(Event::new("tombstone").with("validator", validator.address()));
    save(writer.store, &validator)
}

/// The year 9999, as Cosmos has it: seconds since 1970.
pub(super) const FOREVER: u64 = 253_402_300_799;

/// Lets a validator be in the set again; the caller has judged that it may.
pub fn unjail(writer: &mut Writer<'_>, validator: &mut Validator) -> Result<(), Fatal> {
    validator.jailed = false;
    writer.events.push(
        Event::new("unjail")
            .with("address", validator.consensus_address())
            .with("validator", validator.address()),
    );
    save(writer.store, validator)
}
