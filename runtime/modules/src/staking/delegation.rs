//! Delegations: stake comes, goes, moves and comes back.

use super::entries::{self, Redelegation, Unbonding};
use super::validator::{self, Status, Validator, save};
use super::{bonded_pool, instalments, not_bonded_pool, pool_of};
use crate::context::{Rows, Table, Writer, account_key, integer, operator_key};
use crate::params::{self, Param};
use crate::votes::{self, Held};
use crate::{bank, distribution};
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, OperatorAddress, Value};

const DELEGATIONS: Table = Table("chain.delegations");

fn refuse<T>(code: Code, message: impl Into<String>) -> Result<T, Error> {
    Err(Error::rejected(code, message))
}

/// The shares that a delegator has of a validator; 0 if none.
pub fn delegated_shares(
    rows: &impl Rows,
    delegator: AccountAddress,
    operator: AccountAddress,
) -> Result<u64, Fatal> {
    Ok(delegated(rows, delegator, operator)?.shares)
}

/// The shares that a delegator has of a validator, and their age; none are 0.
fn delegated(
    rows: &impl Rows,
    delegator: AccountAddress,
    operator: AccountAddress,
) -> Result<Held, Fatal> {
    let found = rows.rows(
        "SELECT shares, since FROM chain_delegations WHERE delegator = ?1 AND validator = ?2",
        &[&account_key(delegator), &operator_key(operator)],
    )?;
    found.first().map_or(Ok(Held::default()), |row| held(row, 0))
}

fn held(row: &[Value], column: usize) -> Result<Held, Fatal> {
    Ok(Held { shares: DELEGATIONS.count(row, column)?, since: DELEGATIONS.count(row, column + 1)? })
}

/// Every validator that a delegator has shares of, with the shares and their age.
pub fn delegations_of(
    rows: &impl Rows,
    delegator: AccountAddress,
) -> Result<Vec<(AccountAddress, Held)>, Fatal> {
    let found = rows.rows(
        "SELECT validator, shares, since FROM chain_delegations WHERE delegator = ?1 ORDER BY validator",
        &[&account_key(delegator)],
    )?;
    found.iter().map(|row| Ok((DELEGATIONS.operator(row, 0)?.0, held(row, 1)?))).collect()
}

/// The one place where the shares of a delegator change: rewards are paid before, votes follow.
fn set_shares(
    writer: &mut Writer<'_>,
    validator: &mut Validator,
    delegator: AccountAddress,
    (before, after): (Held, Held),
) -> Result<(), Error> {
    let operator = validator.operator;
    let Writer { store, events, rows, block } = writer;
    let (had, has) = (before.shares, after.shares);
    distribution::before_shares_change(store, events, operator, delegator, had, has)?;
    validator.ages.replace(before, after, block.time_s())?;
    let now = block.unix_ms();
    let written = votes::shares_changed(store, now, delegator, operator, (before, after))?;
    *rows = rows.saturating_add(written);
    let keys = (account_key(delegator), operator_key(operator));
    if has == 0 {
        writer.store.execute(
            "DELETE FROM chain_delegations WHERE delegator = ?1 AND validator = ?2",
            &[&keys.0, &keys.1],
        )?;
    } else {
        writer.store.execute(
            "INSERT INTO chain_delegations (delegator, validator, shares, since)
             VALUES (?1, ?2, ?3, ?4) ON CONFLICT (delegator, validator) DO UPDATE SET
             shares = excluded.shares, since = excluded.since",
            &[&keys.0, &keys.1, &integer(has)?, &integer(after.since)?],
        )?;
    }
    Ok(())
}

/// Gives a delegator shares for tokens that are in the validator's pool already, at stake since a time; returns the
/// shares.
pub(super) fn add_stake(
    writer: &mut Writer<'_>,
    validator: &mut Validator,
    delegator: AccountAddress,
    amount: u64,
    since: u64,
) -> Result<u64, Error> {
    let shares = validator.pool().shares_for(amount)?;
    let pool = validator.pool().with(amount, shares)?;
    let before = delegated(writer.store, delegator, validator.operator)?;
    let full = params::get(writer.store, Param::GovAgeFull)?;
    let oldest = writer.block.time_s().saturating_sub(full);
    let after = before.joined(Held { shares, since }, oldest);
    set_shares(writer, validator, delegator, (before, after))?;
    validator.set_pool(pool);
    save(writer.store, validator)?;
    Ok(shares)
}

/// Takes shares of a delegator, who holds them; returns the tokens, which stay in the validator's pool. May jail or
/// remove the validator (rules 8 and 10).
pub(super) fn remove_stake(
    writer: &mut Writer<'_>,
    validator: &mut Validator,
    delegator: AccountAddress,
    shares: u64,
) -> Result<u64, Error> {
    let (pool, tokens) = validator.pool().without(shares)?;
    let before = delegated(writer.store, delegator, validator.operator)?;
    let after = before.shares.checked_sub(shares).ok_or_else(|| {
        Error::fatal(format!(
            "{delegator} has {} shares, {shares} were taken: restore the store",
            before.shares
        ))
    })?;
    set_shares(writer, validator, delegator, (before, before.left(after)))?;
    validator.set_pool(pool);
    let is_own = delegator == validator.operator;
    if is_own && !validator.jailed && pool.worth(after)? < validator.min_self_delegation {
        super::slash::jail_now(writer, validator, "self_delegation");
    }
    if validator.status == Status::Unbonded && pool.shares == 0 && !validator.tombstoned {
        validator::remove(writer, validator.operator)?;
    } else {
        save(writer.store, validator)?;
    }
    Ok(tokens)
}

/// Moves tokens between the pools.
pub(super) fn move_tokens(
    writer: &mut Writer<'_>,
    from: AccountAddress,
    to: AccountAddress,
    amount: u64,
) -> Result<(), Error> {
    if from == to { Ok(()) } else { bank::deposit(writer.store, from, to, amount) }
}

fn positive(amount: u64) -> Result<(), Error> {
    if amount == 0 {
        return refuse(Code::InvalidCoins, "the amount is 0: name at least 1");
    }
    Ok(())
}

/// `MsgDelegate`: returns the new shares.
pub fn delegate(
    writer: &mut Writer<'_>,
    delegator: AccountAddress,
    operator: AccountAddress,
    amount: u64,
) -> Result<u64, Error> {
    positive(amount)?;
    let mut validator = validator::require(writer.store, operator)?;
    validator.pool().shares_for(amount)?;
    bank::deposit(writer.store, delegator, pool_of(validator.status), amount)?;
    let now = writer.block.time_s();
    let shares = add_stake(writer, &mut validator, delegator, amount, now)?;
    writer.events.push(
        Event::new("delegate")
            .with("validator", validator.address())
            .with("delegator", delegator)
            .with("amount", format!("{amount}{DENOM}"))
            .with("new_shares", shares),
    );
    Ok(shares)
}

/// The shares of a delegator that an amount takes.
fn shares_to_take(
    writer: &Writer<'_>,
    validator: &Validator,
    delegator: AccountAddress,
    amount: u64,
) -> Result<u64, Error> {
    let held = delegated_shares(writer.store, delegator, validator.operator)?;
    if held == 0 {
        let message = format!("{delegator} delegates nothing to {}", validator.address());
        return refuse(Code::DelegationNotFound, message);
    }
    validator.pool().shares_of(amount, held)
}

fn later(writer: &Writer<'_>) -> Result<u64, Fatal> {
    let wait = params::get(writer.store, Param::UnbondingTime)?;
    Ok(writer.block.time_s().saturating_add(wait))
}

/// Ends a delegation whose shares are worth nothing any more, with its rewards; false if it is worth something.
fn abandon(
    writer: &mut Writer<'_>,
    validator: &mut Validator,
    delegator: AccountAddress,
) -> Result<bool, Error> {
    let held = delegated_shares(writer.store, delegator, validator.operator)?;
    if held == 0 || validator.pool().worth(held)? > 0 {
        return Ok(false);
    }
    remove_stake(writer, validator, delegator, held)?;
    writer.events.push(
        Event::new("unbond")
            .with("validator", validator.address())
            .with("delegator", delegator)
            .with("amount", format!("0{DENOM}"))
            .with("completion_time", writer.block.time_s()),
    );
    Ok(true)
}

/// `MsgUndelegate`: returns when the stake is free, seconds since 1970, and how much it is. Where slashing left nothing,
/// any amount ends the delegation, at once.
pub fn undelegate(
    writer: &mut Writer<'_>,
    delegator: AccountAddress,
    operator: AccountAddress,
    amount: u64,
) -> Result<(u64, u64), Error> {
    positive(amount)?;
    let mut validator = validator::require(writer.store, operator)?;
    if abandon(writer, &mut validator, delegator)? {
        return Ok((writer.block.time_s(), 0));
    }
    let shares = shares_to_take(writer, &validator, delegator, amount)?;
    let most = params::get(writer.store, Param::MaxEntries)?;
    // Stake that has moved here is never free before the first validator cannot be slashed any more.
    let moved = entries::moving_until(writer.store, delegator, operator)?;
    let completion_time = later(writer)?.max(moved.unwrap_or(0));
    let known = Unbonding::of_pair(writer.store, delegator, operator)?;
    let same = known.iter().find(|unbonding| {
        unbonding.entry.creation_height == writer.block.height
            && unbonding.entry.completion_time == completion_time
    });
    if same.is_none() && known.len() as u64 >= most {
        let message = format!(
            "{} unbondings from this validator wait already, at most {most} may",
            known.len()
        );
        return refuse(Code::TooManyEntries, message);
    }
    let from = pool_of(validator.status);
    let tokens = remove_stake(writer, &mut validator, delegator, shares)?;
    move_tokens(writer, from, not_bonded_pool(), tokens)?;
    match same {
        Some(same) => same.grow(writer.store, tokens)?,
        None => Unbonding::add(writer, delegator, operator, completion_time, tokens)?,
    }
    writer.events.push(
        Event::new("unbond")
            .with("validator", OperatorAddress(operator))
            .with("delegator", delegator)
            .with("amount", format!("{tokens}{DENOM}"))
            .with("completion_time", completion_time),
    );
    Ok((completion_time, tokens))
}

/// `MsgCancelUnbondingDelegation`: stake that waits is delegated again.
pub fn cancel_unbonding(
    writer: &mut Writer<'_>,
    delegator: AccountAddress,
    operator: AccountAddress,
    creation_height: u64,
    amount: u64,
) -> Result<(), Error> {
    positive(amount)?;
    let mut validator = validator::require(writer.store, operator)?;
    if validator.jailed {
        return refuse(Code::UnbondingNotFound, "the validator is jailed: let the stake mature");
    }
    let now = writer.block.time_s();
    let known = Unbonding::of_pair(writer.store, delegator, operator)?;
    let found = known.iter().find(|unbonding| {
        unbonding.entry.creation_height == creation_height && unbonding.entry.completion_time > now
    });
    let Some(found) = found else {
        let message =
            format!("no stake that was withdrawn at height {creation_height} waits still");
        return refuse(Code::UnbondingNotFound, message);
    };
    if amount > found.balance {
        let message = format!("{} wait, {amount} are asked for", found.balance);
        return refuse(Code::UnbondingNotFound, message);
    }
    if instalments::pending(writer.store)?.iter().any(|slash| slash.waits_for(found)) {
        let message = "the stake is being slashed: try again some blocks later";
        return refuse(Code::StakeSlashed, message);
    }
    validator.pool().shares_for(amount)?;
    found.shrink(writer.store, amount)?;
    move_tokens(writer, not_bonded_pool(), pool_of(validator.status), amount)?;
    add_stake(writer, &mut validator, delegator, amount, now)?;
    writer.events.push(
        Event::new("cancel_unbonding_delegation")
            .with("validator", validator.address())
            .with("delegator", delegator)
            .with("amount", format!("{amount}{DENOM}"))
            .with("creation_height", creation_height),
    );
    Ok(())
}

/// `MsgBeginRedelegate`: returns until when the moved stake can be slashed for the first validator, seconds since
/// 1970.
pub fn redelegate(
    writer: &mut Writer<'_>,
    delegator: AccountAddress,
    (from, to): (AccountAddress, AccountAddress),
    amount: u64,
) -> Result<u64, Error> {
    positive(amount)?;
    if from == to {
        return refuse(Code::InvalidRedelegation, "both validators are the same");
    }
    let mut source = validator::require(writer.store, from)?;
    let mut destination = validator::require(writer.store, to)?;
    let shares = shares_to_take(writer, &source, delegator, amount)?;
    destination.pool().shares_for(source.pool().worth(shares)?)?;
    let now = writer.block.time_s();
    if entries::moving_until(writer.store, delegator, from)?.is_some() {
        let message = "stake that came to this validator by redelegation must mature first";
        return refuse(Code::InvalidRedelegation, message);
    }
    let most = params::get(writer.store, Param::MaxEntries)?;
    let known = entries::redelegations_between(writer.store, delegator, from, to)?;
    if known >= most {
        let message = format!(
            "{known} redelegations between these validators wait already, at most {most} may"
        );
        return refuse(Code::TooManyEntries, message);
    }
    let completion = match source.status {
        Status::Bonded => Some((writer.block.height, later(writer)?)),
        Status::Unbonding => Some((source.unbonding_height, source.unbonding_time)),
        Status::Unbonded => None,
    };
    let (left, entered) = (pool_of(source.status), pool_of(destination.status));
    let since = delegated(writer.store, delegator, from)?.since;
    let tokens = remove_stake(writer, &mut source, delegator, shares)?;
    move_tokens(writer, left, entered, tokens)?;
    let shares = add_stake(writer, &mut destination, delegator, tokens, since)?;
    if let Some((height, time)) = completion {
        let entry = entries::Entry {
            creation_height: height,
            completion_time: time,
            initial_balance: tokens,
        };
        Redelegation { id: 0, delegator, from, to, entry, shares }.add(writer.store)?;
    }
    let completion_time = completion.map_or(now, |(_, time)| time);
    writer.events.push(
        Event::new("redelegate")
            .with("source_validator", OperatorAddress(from))
            .with("destination_validator", OperatorAddress(to))
            .with("delegator", delegator)
            .with("amount", format!("{tokens}{DENOM}"))
            .with("completion_time", completion_time),
    );
    Ok(completion_time)
}

/// Stake of genesis: the tokens are made in the bonded pool.
pub(super) fn genesis_delegation(
    writer: &mut Writer<'_>,
    validator: &mut Validator,
    amount: u64,
) -> Result<(), Error> {
    bank::mint(writer.store, bonded_pool(), DENOM, amount)?;
    let (operator, now) = (validator.operator, writer.block.time_s());
    add_stake(writer, validator, operator, amount, now).map(drop)
}
