//! Reads and writes allowances.

use super::{ALLOWED_BYTES_MAX, ALLOWED_MAX, Allowance, PERIOD_MS_MAX, PRUNED_MAX, Period};
use crate::auth;
use crate::context::{Rows, Table, integer};
use dadbs_store::Store;
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, Value};

const ALLOWANCES: Table = Table("chain.fee_allowances");

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT granter, grantee, spend_limit, expires_ms, period_ms, period_limit, ",
            "period_left, period_reset_ms, messages, contracts FROM chain_fee_allowances ",
            $rest
        )
    };
}

/// Makes the module's table.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    store.execute(super::SCHEMA, &[]).map(drop)
}

fn refuse(what: impl Into<String>) -> Error {
    Error::rejected(Code::InvalidFeeAllowance, what)
}

fn grantee_text(grantee: Option<AccountAddress>) -> Value {
    Value::Text(grantee.map(|grantee| grantee.to_string()).unwrap_or_default())
}

fn granter_text(granter: AccountAddress) -> Value {
    Value::Text(granter.to_string())
}

fn list(row: &[Value], column: usize) -> Result<Vec<String>, Fatal> {
    let text = ALLOWANCES.optional_text(row, column)?;
    Ok(text.map(|text| text.split('\n').map(str::to_string).collect()).unwrap_or_default())
}

fn read(row: &[Value]) -> Result<Allowance, Fatal> {
    let optional = |column| ALLOWANCES.optional_count(row, column);
    let grantee = match ALLOWANCES.text(row, 1)?.as_str() {
        "" => None,
        _ => Some(ALLOWANCES.address(row, 1)?),
    };
    let period = match (optional(4)?, optional(5)?, optional(6)?, optional(7)?) {
        (Some(ms), Some(limit), Some(left), Some(reset_ms)) => {
            Some(Period { ms, limit, left, reset_ms })
        }
        _ => None,
    };
    Ok(Allowance {
        granter: ALLOWANCES.address(row, 0)?,
        grantee,
        limit: optional(2)?,
        expires_ms: optional(3)?,
        period,
        messages: list(row, 8)?,
        contracts: list(row, 9)?,
    })
}

/// The allowance of exactly this granter and grantee.
pub fn allowance(
    rows: &impl Rows,
    granter: AccountAddress,
    grantee: Option<AccountAddress>,
) -> Result<Option<Allowance>, Fatal> {
    let found = rows.rows(
        select!("WHERE granter = ?1 AND grantee = ?2"),
        &[&granter_text(granter), &grantee_text(grantee)],
    )?;
    found.first().map(|row| read(row)).transpose()
}

/// The allowance that pays for an account (rule 6).
///
/// # Errors
/// A rejection if there is none.
pub fn for_payment(
    rows: &impl Rows,
    granter: AccountAddress,
    grantee: AccountAddress,
) -> Result<Allowance, Error> {
    let found = rows.rows(
        select!("WHERE granter = ?1 AND grantee IN (?2, '') ORDER BY grantee DESC LIMIT 1"),
        &[&granter_text(granter), &grantee_text(Some(grantee))],
    )?;
    let Some(row) = found.first() else {
        let message = format!("{granter} pays no fees for {grantee}: leave the granter out");
        return Err(Error::rejected(Code::NoFeeAllowance, message));
    };
    Ok(read(row)?)
}

/// The allowances that a granter gives, by grantee: those that follow the first `offset`, at most `limit`.
pub fn by_granter(
    rows: &impl Rows,
    granter: AccountAddress,
    (offset, limit): (u64, u64),
) -> Result<Vec<Allowance>, Fatal> {
    let found = rows.rows(
        select!("WHERE granter = ?1 ORDER BY grantee LIMIT ?2 OFFSET ?3"),
        &[&granter_text(granter), &integer(limit)?, &integer(offset)?],
    )?;
    found.iter().map(|row| read(row)).collect()
}

/// The allowances of a grantee, by granter, likewise.
pub fn by_grantee(
    rows: &impl Rows,
    grantee: AccountAddress,
    (offset, limit): (u64, u64),
) -> Result<Vec<Allowance>, Fatal> {
    let found = rows.rows(
        select!("WHERE grantee = ?1 ORDER BY granter LIMIT ?2 OFFSET ?3"),
        &[&grantee_text(Some(grantee)), &integer(limit)?, &integer(offset)?],
    )?;
    found.iter().map(|row| read(row)).collect()
}

/// What an allowance may be when it is granted.
fn check(allowance: &Allowance, now_ms: u64) -> Result<(), Error> {
    if allowance.grantee == Some(allowance.granter) {
        return Err(refuse("nobody grants himself an allowance"));
    }
    if allowance.limit == Some(0) {
        return Err(refuse("an allowance of nothing pays for nothing"));
    }
    if allowance.expires_ms.is_some_and(|last| last < now_ms) {
        return Err(refuse("the allowance has expired already"));
    }
    if let Some(period) = &allowance.period {
        if period.ms == 0 || period.ms > PERIOD_MS_MAX || period.limit == 0 {
            return Err(refuse("a period has a length of up to 100 years, and a limit above 0"));
        }
        if allowance.limit.is_some_and(|limit| period.limit > limit) {
            return Err(refuse("the limit of a period is above the limit in all"));
        }
    }
    for list in [&allowance.messages, &allowance.contracts] {
        if list.len() > ALLOWED_MAX {
            return Err(refuse(format!("a list has more than {ALLOWED_MAX} entries")));
        }
        let plain = |text: &String| text.len() <= ALLOWED_BYTES_MAX && is_graphic(text);
        if let Some(bad) = list.iter().find(|text| !plain(text)) {
            return Err(refuse(format!("{} is no type and no contract", bad.escape_debug())));
        }
    }
    Ok(())
}

fn is_graphic(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Grants an allowance (rules 1 and 4); where a period stands at the moment is not the granter's to say.
///
/// # Errors
/// A rejection if it is not as it may be, or there is one.
pub fn grant(
    store: &mut Store,
    events: &mut Vec<Event>,
    mut granted: Allowance,
    now_ms: u64,
) -> Result<(), Error> {
    check(&granted, now_ms)?;
    if allowance(store, granted.granter, granted.grantee)?.is_some() {
        return Err(refuse("there is an allowance already: revoke it first"));
    }
    if let Some(period) = &mut granted.period {
        period.left = period.limit;
        period.reset_ms = now_ms.saturating_add(period.ms);
    }
    if let Some(grantee) = granted.grantee {
        auth::create_account(store, grantee)?;
    }
    write(store, &granted)?;
    events.push(event("set_feegrant", &granted));
    Ok(())
}

fn event(kind: &str, allowance: &Allowance) -> Event {
    let grantee = allowance.grantee.map(|grantee| grantee.to_string()).unwrap_or_default();
    Event::new(kind).with("granter", allowance.granter).with("grantee", grantee)
}

fn write(store: &mut Store, allowance: &Allowance) -> Result<(), Fatal> {
    let optional = |number: Option<u64>| number.map_or(Ok(Value::Null), integer);
    let list = |list: &[String]| match list {
        [] => Value::Null,
        list => Value::Text(list.join("\n")),
    };
    let period = allowance.period;
    store.execute(
        "INSERT INTO chain_fee_allowances (granter, grantee, spend_limit, expires_ms, period_ms,
         period_limit, period_left, period_reset_ms, messages, contracts)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
         ON CONFLICT (granter, grantee) DO UPDATE SET spend_limit = excluded.spend_limit,
         period_left = excluded.period_left, period_reset_ms = excluded.period_reset_ms",
        &[
            &granter_text(allowance.granter),
            &grantee_text(allowance.grantee),
            &optional(allowance.limit)?,
            &optional(allowance.expires_ms)?,
            &optional(period.map(|period| period.ms))?,
            &optional(period.map(|period| period.limit))?,
            &optional(period.map(|period| period.left))?,
            &optional(period.map(|period| period.reset_ms))?,
            &list(&allowance.messages),
            &list(&allowance.contracts),
        ],
    )?;
    Ok(())
}

fn remove(
    store: &mut Store,
    granter: AccountAddress,
    grantee: Option<AccountAddress>,
) -> Result<usize, Fatal> {
    store.execute(
        "DELETE FROM chain_fee_allowances WHERE granter = ?1 AND grantee = ?2",
        &[&granter_text(granter), &grantee_text(grantee)],
    )
}

/// Writes an allowance that has paid (rule 3).
pub fn save_paid(store: &mut Store, paid: &Allowance) -> Result<(), Fatal> {
    if paid.is_spent() {
        remove(store, paid.granter, paid.grantee)?;
        return Ok(());
    }
    if paid.limit.is_none() && paid.period.is_none() {
        return Ok(());
    }
    write(store, paid)
}

/// Ends an allowance.
///
/// # Errors
/// A rejection if there is none.
pub fn revoke(
    store: &mut Store,
    events: &mut Vec<Event>,
    granter: AccountAddress,
    grantee: Option<AccountAddress>,
) -> Result<(), Error> {
    let Some(ended) = allowance(store, granter, grantee)? else {
        return Err(Error::rejected(Code::NoFeeAllowance, "there is no such allowance"));
    };
    remove(store, granter, grantee)?;
    events.push(event("revoke_feegrant", &ended));
    Ok(())
}

/// Rule 7.
pub fn prune(store: &mut Store, now_ms: u64) -> Result<(), Fatal> {
    store.execute(
        "DELETE FROM chain_fee_allowances WHERE (granter, grantee) IN (SELECT granter, grantee
         FROM chain_fee_allowances WHERE expires_ms < ?1 ORDER BY expires_ms, granter, grantee LIMIT ?2)",
        &[&integer(now_ms)?, &Value::Integer(PRUNED_MAX)],
    )?;
    Ok(())
}
