//! Liveness, evidence and the end of a jail.

use crate::context::{Rows, Table, Writer, integer, operator_key};
use crate::params::{self, PPM, Param};
use crate::staking::{self, Slash, Status, Validator};
use dadbs_store::Store;
use dadbs_types::{
    AccountAddress, Code, ConsensusAddress, Error, Event, Fatal, Misbehavior, MisbehaviorKind,
    Value, Vote,
};

const MISSED: Table = Table("chain.missed_blocks");
const JAILED: Table = Table("chain.jailed_power");

/// Heights in one row of misses.
const CHUNK: u64 = 1_024;
/// Its bytes.
const CHUNK_BYTES: usize = 128;
/// Seconds of the meter's period (rule 3).
const HOUR: u64 = 3_600;
/// From the block that changes the set to the first that the new set signs.
pub(super) const UPDATE_DELAY: u64 = 1;

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    super::SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// The begin of a block: who signed the one before, and what evidence there is.
pub fn begin_block(writer: &mut Writer<'_>) -> Result<(), Fatal> {
    let block = writer.block;
    for vote in block.votes.iter().filter(|vote| !vote.signed) {
        missed(writer, vote)?;
    }
    for misbehavior in &block.misbehavior {
        judge(writer, misbehavior)?;
    }
    staking::pay_slashes(writer)
}

/// What is known of a validator's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// The first height that counts.
    pub start_height: u64,
    /// Heights missed of the window that ends at the newest miss.
    pub missed: u64,
}

/// The misses of a validator in the window before `height`.
pub fn liveness(rows: &impl Rows, validator: &Validator, height: u64) -> Result<Liveness, Fatal> {
    let window = params::get(rows, Param::SignedBlocksWindow)?;
    // Heights after the last one of the window.
    let first = height.saturating_add(1).saturating_sub(window);
    let start_height = validator.bonded_height.saturating_add(1);
    Ok(Liveness { start_height, missed: count(rows, validator, first.max(start_height), height)? })
}

/// The bits of heights `first..=last` that are set.
fn count(rows: &impl Rows, validator: &Validator, first: u64, last: u64) -> Result<u64, Fatal> {
    let chunks = rows.rows(
        "SELECT chunk, bits FROM chain_missed_blocks WHERE operator = ?1 AND chunk BETWEEN ?2 AND ?3",
        &[&operator_key(validator.operator), &integer(first / CHUNK)?, &integer(last / CHUNK)?],
    )?;
    let mut missed = 0;
    for row in &chunks {
        let (base, bits) = (MISSED.count(row, 0)?.saturating_mul(CHUNK), MISSED.blob(row, 1)?);
        for (height, byte) in (base..).step_by(8).zip(bits) {
            let is_counted = |bit: &u64| {
                byte & (1 << bit) != 0 && (first..=last).contains(&height.saturating_add(*bit))
            };
            missed += (0..8_u64).filter(is_counted).count() as u64;
        }
    }
    Ok(missed)
}

/// Rule 1: sets the bit of a height, and drops what the window has left.
fn write_down(
    writer: &mut Writer<'_>,
    validator: &Validator,
    height: u64,
    window: u64,
) -> Result<(), Fatal> {
    let (operator, chunk) = (operator_key(validator.operator), height / CHUNK);
    let found = writer.store.rows(
        "SELECT bits FROM chain_missed_blocks WHERE operator = ?1 AND chunk = ?2",
        &[&operator, &integer(chunk)?],
    )?;
    let mut bits = found.first().map_or(Ok(vec![0; CHUNK_BYTES]), |row| MISSED.blob(row, 0))?;
    let place = height % CHUNK;
    let at = usize::try_from(place / 8).unwrap_or(0);
    if let Some(byte) = bits.get_mut(at) {
        *byte |= 1 << (place % 8);
    }
    writer.store.execute(
        "INSERT INTO chain_missed_blocks (operator, chunk, bits) VALUES (?1, ?2, ?3)
         ON CONFLICT (operator, chunk) DO UPDATE SET bits = excluded.bits",
        &[&operator, &integer(chunk)?, &Value::Blob(bits)],
    )?;
    let oldest = height.saturating_add(1).saturating_sub(window) / CHUNK;
    writer.store.execute(
        "DELETE FROM chain_missed_blocks WHERE operator = ?1 AND chunk < ?2",
        &[&operator, &integer(oldest)?],
    )?;
    Ok(())
}

/// Rules 1 and 2.
fn missed(writer: &mut Writer<'_>, vote: &Vote) -> Result<(), Fatal> {
    let Some(validator) = staking::by_consensus_address(writer.store, vote.address)? else {
        return Ok(());
    };
    if validator.jailed || validator.status != Status::Bonded {
        return Ok(());
    }
    let height = writer.block.height.saturating_sub(1);
    let window = params::get(writer.store, Param::SignedBlocksWindow)?;
    write_down(writer, &validator, height, window)?;
    let Liveness { start_height, missed } = liveness(writer.store, &validator, height)?;
    writer.events.push(
        Event::new("liveness")
            .with("validator", validator.address())
            .with("height", height)
            .with("missed", missed),
    );
    let min_signed = params::get(writer.store, Param::MinSignedPerWindow)?;
    // Both bounds keep the product far below 64 bits.
    let must_sign = window.saturating_mul(min_signed).div_ceil(PPM);
    let whole_window = height >= start_height.saturating_add(window).saturating_sub(1);
    if !whole_window || missed <= window.saturating_sub(must_sign) {
        return Ok(());
    }
    if !fits_meter(writer, vote.power)? {
        return Ok(());
    }
    let ppm = params::get(writer.store, Param::SlashFractionDowntime)?;
    let slash = Slash {
        operator: validator.operator,
        height: height.saturating_sub(UPDATE_DELAY),
        power: vote.power,
        ppm,
        reason: "missing_signature",
    };
    staking::slash(writer, &slash)?;
    jail(writer, validator.operator, "missing_signature")?;
    writer.store.execute(
        "DELETE FROM chain_missed_blocks WHERE operator = ?1",
        &[&operator_key(validator.operator)],
    )?;
    Ok(())
}

/// Jails a validator for as long as one that signed too little.
pub(super) fn jail(
    writer: &mut Writer<'_>,
    operator: AccountAddress,
    reason: &str,
) -> Result<(), Fatal> {
    let wait = params::get(writer.store, Param::DowntimeJailDuration)?;
    let until = writer.block.time_s().saturating_add(wait);
    staking::jail(writer, operator, until, reason)
}

/// Rule 3; counts the power if it fits.
fn fits_meter(writer: &mut Writer<'_>, power: u64) -> Result<bool, Fatal> {
    let hour = writer.block.time_s() / HOUR;
    let found = writer
        .store
        .rows("SELECT power FROM chain_jailed_power WHERE hour = ?1", &[&integer(hour)?])?;
    let before = found.first().map_or(Ok(0), |row| JAILED.count(row, 0))?;
    let all: u64 = writer.block.votes.iter().fold(0, |sum, vote| sum.saturating_add(vote.power));
    let part = params::get(writer.store, Param::JailedPowerPerHour)?;
    let most = params::part(all, part);
    let after = before.saturating_add(power);
    if before > 0 && after > most {
        return Ok(false);
    }
    writer.store.execute("DELETE FROM chain_jailed_power WHERE hour < ?1", &[&integer(hour)?])?;
    writer.store.execute(
        "INSERT INTO chain_jailed_power (hour, power) VALUES (?1, ?2)
         ON CONFLICT (hour) DO UPDATE SET power = excluded.power",
        &[&integer(hour)?, &integer(after)?],
    )?;
    Ok(true)
}

fn kind(kind: MisbehaviorKind) -> &'static str {
    match kind {
        MisbehaviorKind::DuplicateVote => "duplicate_vote",
        MisbehaviorKind::LightClientAttack => "light_client_attack",
    }
}

/// Rules 4 and 5.
fn judge(writer: &mut Writer<'_>, misbehavior: &Misbehavior) -> Result<(), Fatal> {
    let address = ConsensusAddress(misbehavior.address);
    let event = Event::new("evidence")
        .with("address", address)
        .with("kind", kind(misbehavior.kind))
        .with("height", misbehavior.height);
    let found = staking::by_consensus_address(writer.store, misbehavior.address)?;
    let wait = params::get(writer.store, Param::UnbondingTime)?;
    let age = writer.block.time_ns.saturating_sub(misbehavior.time_ns).div_euclid(1_000_000_000);
    let ignored = match &found {
        None => Some("the validator is unknown"),
        Some(validator) if validator.tombstoned => Some("the validator is tombstoned already"),
        Some(validator) if validator.status == Status::Unbonded => {
            Some("the validator is unbonded")
        }
        Some(_) if u64::try_from(age).is_ok_and(|age| age > wait) => {
            Some("it is older than the unbonding time")
        }
        Some(_) => None,
    };
    let Some(validator) = found.filter(|_| ignored.is_none()) else {
        writer.events.push(event.with("ignored", ignored.unwrap_or_default()));
        return Ok(());
    };
    writer.events.push(event.with("validator", validator.address()));
    let slash = Slash {
        operator: validator.operator,
        height: misbehavior.height.saturating_sub(UPDATE_DELAY),
        power: misbehavior.power,
        ppm: params::get(writer.store, Param::SlashFractionDoubleSign)?,
        reason: "double_sign",
    };
    let burned = staking::slash(writer, &slash)?;
    staking::tombstone(writer, validator.operator)?;
    writer.store.execute(
        "INSERT INTO chain_evidence (consensus_address, height, kind, power, burned)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
        &[
            &Value::Text(address.to_string()),
            &integer(misbehavior.height)?,
            &Value::Text(kind(misbehavior.kind).into()),
            &integer(misbehavior.power)?,
            &integer(burned)?,
        ],
    )?;
    Ok(())
}

/// `MsgUnjail` (rule 6).
pub fn unjail(writer: &mut Writer<'_>, operator: AccountAddress) -> Result<(), Error> {
    let mut validator = staking::require(writer.store, operator)?;
    let refuse = |code, message: String| Err(Error::rejected(code, message));
    if !validator.jailed {
        return refuse(Code::NotJailed, format!("{} is not jailed", validator.address()));
    }
    if validator.tombstoned {
        let message =
            format!("{} signed against itself: it is jailed for ever", validator.address());
        return refuse(Code::StillJailed, message);
    }
    let now = writer.block.time_s();
    if now < validator.jailed_until {
        let message = format!(
            "{} stays jailed for another {} seconds",
            validator.address(),
            validator.jailed_until - now
        );
        return refuse(Code::StillJailed, message);
    }
    let held = staking::delegated_shares(writer.store, operator, operator)?;
    let worth = validator.pool().worth(held)?;
    if worth < validator.min_self_delegation {
        let message = format!(
            "the operator's own delegation is worth {worth}; delegate up to {} first",
            validator.min_self_delegation
        );
        return refuse(Code::SelfDelegation, message);
    }
    Ok(staking::unjail(writer, &mut validator)?)
}
