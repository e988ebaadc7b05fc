//! Lists for readers: those that follow the first `offset`, at most `limit`.

use super::entries::{Redelegation, Unbonding, redelegations, unbondings};
use crate::context::{Rows, Table, account_key, integer, operator_key};
use dadbs_types::{AccountAddress, Fatal, Value};

const DELEGATIONS: Table = Table("chain.delegations");

/// Stake of a delegator behind a validator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delegation {
    /// Whose it is.
    pub delegator: AccountAddress,
    /// The operator of the validator.
    pub operator: AccountAddress,
    /// In shares of the validator.
    pub shares: u64,
}

fn delegation(row: &[Value]) -> Result<Delegation, Fatal> {
    Ok(Delegation {
        delegator: DELEGATIONS.address(row, 0)?,
        operator: DELEGATIONS.operator(row, 1)?.0,
        shares: DELEGATIONS.count(row, 2)?,
    })
}

/// The delegations of a delegator, by validator.
pub fn delegations_page(
    rows: &impl Rows,
    delegator: AccountAddress,
    (offset, limit): (u64, u64),
) -> Result<Vec<Delegation>, Fatal> {
    let found = rows.rows(
        "SELECT delegator, validator, shares FROM chain_delegations WHERE delegator = ?1
         ORDER BY validator LIMIT ?3 OFFSET ?2",
        &[&account_key(delegator), &integer(offset)?, &integer(limit)?],
    )?;
    found.iter().map(|row| delegation(row)).collect()
}

/// Every delegation as validator, delegator and shares: for audits, not for blocks.
pub fn every_delegation(
    rows: &impl Rows,
) -> Result<Vec<(AccountAddress, AccountAddress, u64)>, Fatal> {
    let found = rows.rows("SELECT delegator, validator, shares FROM chain_delegations", &[])?;
    let delegations = found.iter().map(|row| delegation(row));
    delegations.map(|found| found.map(|d| (d.operator, d.delegator, d.shares))).collect()
}

/// The delegations to a validator, by delegator.
pub fn delegations_to_page(
    rows: &impl Rows,
    operator: AccountAddress,
    (offset, limit): (u64, u64),
) -> Result<Vec<Delegation>, Fatal> {
    let found = rows.rows(
        "SELECT delegator, validator, shares FROM chain_delegations WHERE validator = ?1
         ORDER BY delegator LIMIT ?3 OFFSET ?2",
        &[&operator_key(operator), &integer(offset)?, &integer(limit)?],
    )?;
    found.iter().map(|row| delegation(row)).collect()
}

/// The operators of the validators that a delegator has shares of.
pub fn delegators_validators_page(
    rows: &impl Rows,
    delegator: AccountAddress,
    page: (u64, u64),
) -> Result<Vec<AccountAddress>, Fatal> {
    let found = delegations_page(rows, delegator, page)?;
    Ok(found.into_iter().map(|delegation| delegation.operator).collect())
}

/// What a delegator withdraws, by validator and age; from one validator if it is named.
pub fn unbondings_page(
    rows: &impl Rows,
    delegator: AccountAddress,
    from: Option<AccountAddress>,
    (offset, limit): (u64, u64),
) -> Result<Vec<Unbonding>, Fatal> {
    let from = from.map_or(Value::Null, operator_key);
    let found = rows.rows(
        unbondings!(
            "WHERE delegator = ?1 AND (?2 IS NULL OR validator = ?2)
             ORDER BY validator, id LIMIT ?4 OFFSET ?3"
        ),
        &[&account_key(delegator), &from, &integer(offset)?, &integer(limit)?],
    )?;
    found.iter().map(|row| Unbonding::of_row(row)).collect()
}

/// What is withdrawn from a validator, by delegator and age.
pub fn unbondings_from_page(
    rows: &impl Rows,
    operator: AccountAddress,
    (offset, limit): (u64, u64),
) -> Result<Vec<Unbonding>, Fatal> {
    let found = rows.rows(
        unbondings!("WHERE validator = ?1 ORDER BY delegator, id LIMIT ?3 OFFSET ?2"),
        &[&operator_key(operator), &integer(offset)?, &integer(limit)?],
    )?;
    found.iter().map(|row| Unbonding::of_row(row)).collect()
}

/// What has moved, by validators and age; what is absent of delegator, source and destination may be any.
pub fn redelegations_page(
    rows: &impl Rows,
    delegator: Option<AccountAddress>,
    (from, to): (Option<AccountAddress>, Option<AccountAddress>),
    (offset, limit): (u64, u64),
) -> Result<Vec<Redelegation>, Fatal> {
    let found = rows.rows(
        redelegations!(
            "WHERE (?1 IS NULL OR delegator = ?1) AND (?2 IS NULL OR source = ?2)
             AND (?3 IS NULL OR destination = ?3)
             ORDER BY delegator, source, destination, id LIMIT ?5 OFFSET ?4"
        ),
        &[
            &delegator.map_or(Value::Null, account_key),
            &from.map_or(Value::Null, operator_key),
            &to.map_or(Value::Null, operator_key),
            &integer(offset)?,
            &integer(limit)?,
        ],
    )?;
    found.iter().map(|row| Redelegation::of_row(row)).collect()
}
