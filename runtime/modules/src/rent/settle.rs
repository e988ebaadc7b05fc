//! The end of a block: sizes, the price, and who moves on.

use super::account::{self, Account, State};
use super::collected;
use super::keeper::{charge, name_of, state_event};
use super::price::{self, Price, wide};
use crate::context::{Rows, Writer, integer};
use crate::params::{self, Param};
use crate::{bank, distribution};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::limits::STORAGE_BLOCK_MAX;
use dadbs_types::{Error, Fatal, Value};
use std::collections::BTreeMap;

/// True if the end of this block has something to do, which few blocks without transactions have.
pub fn is_due(store: &Store, now: u64) -> Result<bool, Fatal> {
    let price = price::price(store, now)?;
    if params::get(store, Param::StoragePrice)? != price.price {
        return Ok(true);
    }
    if bank::balance(store, collected(), DENOM)? > 0 {
        return Ok(true);
    }
    Ok(!exhausted(store, &price, 1)?.is_empty() || !due_frost(store, &price, 1)?.is_empty())
}

/// Ends a block in which transactions have added `grown` bytes to contracts (rules 1, 4 and 10).
///
/// # Errors
/// A fault if the books are wrong; the bank refuses nothing that they say.
pub fn end_block(writer: &mut Writer<'_>, grown: &BTreeMap<u64, i64>) -> Result<(), Error> {
    let price = price::price(writer.store, writer.block.time_s())?;
    for (contract, bytes) in grown.iter().filter(|(_, bytes)| **bytes != 0) {
        resize(writer, &price, *contract, *bytes)?;
    }
    let mut left = STORAGE_BLOCK_MAX;
    for account in exhausted(writer.store, &price, left)? {
        left = left.saturating_sub(1);
        exhaust(writer, &price, account)?;
    }
    for mut account in due_frost(writer.store, &price, left)? {
        account.written = State::Frozen;
        move_on(writer, &account)?;
    }
    price::adopt(writer.store, &price)?;
    distribute(writer.store)
}

/// Rule 1.
fn resize(writer: &mut Writer<'_>, price: &Price, contract: u64, bytes: i64) -> Result<(), Error> {
    let mut account = account::load(writer.store, contract, price)?;
    let charged = account.settle(price);
    account.bytes = account.bytes.checked_add_signed(bytes).ok_or_else(|| {
        Fatal::new(format!("contract {contract} has fewer bytes than none: {bytes} more"))
    })?;
    if charged > 0 {
        let name = name_of(writer.store, contract)?;
        charge(writer.store, writer.events, &name, charged)?;
    }
    Ok(account::save(writer.store, &account)?)
}

/// A contract whose balance is used up.
fn exhaust(writer: &mut Writer<'_>, price: &Price, mut account: Account) -> Result<(), Error> {
    let charged = account.settle(price);
    if account.debt == 0 {
        // It shrank, or was funded, in the meantime.
        return Ok(account::save(writer.store, &account)?);
    }
    let name = name_of(writer.store, account.contract)?;
    charge(writer.store, writer.events, &name, charged)?;
    account.written = State::Grace;
    account.since = price.now;
    move_on(writer, &account)
}

fn move_on(writer: &mut Writer<'_>, account: &Account) -> Result<(), Error> {
    let name = name_of(writer.store, account.contract)?;
    writer.events.push(state_event(&name, account.written));
    Ok(account::save(writer.store, account)?)
}

/// What was charged goes to the community pool.
fn distribute(store: &mut Store) -> Result<(), Error> {
    let amount = bank::balance(store, collected(), DENOM)?;
    bank::deposit(store, collected(), distribution::community_pool(), amount)
}

/// Active contracts whose balance is used up, the first that were.
fn exhausted(store: &Store, price: &Price, most: usize) -> Result<Vec<Account>, Fatal> {
    if price.price == 0 {
        return Ok(Vec::new());
    }
    let found = store.rows(
        "SELECT contract, bytes, balance, debt, credit, charged_to, state, since FROM chain_storage
         WHERE state = 'active' AND covered < ?1 ORDER BY covered, contract LIMIT ?2",
        &[&wide(price.index), &limit(most)?],
    )?;
    found.iter().map(|row| account::read(row)).collect()
}

/// Contracts whose grace is over, the first whose was (rule 6).
fn due_frost(store: &Store, price: &Price, most: usize) -> Result<Vec<Account>, Fatal> {
    let Some(latest) = price.now.checked_sub(price.grace) else { return Ok(Vec::new()) };
    if price.price == 0 || price.on_since > latest {
        return Ok(Vec::new());
    }
    let found = store.rows(
        "SELECT contract, bytes, balance, debt, credit, charged_to, state, since FROM chain_storage
         WHERE state = 'grace' AND since <= ?1 ORDER BY since, contract LIMIT ?2",
        &[&integer(latest)?, &limit(most)?],
    )?;
    found.iter().map(|row| account::read(row)).collect()
}

fn limit(most: usize) -> Result<Value, Fatal> {
    integer(most as u64)
}

/// Every row, for audits.
pub(super) fn all(rows: &impl Rows) -> Result<Vec<Account>, Fatal> {
    let found = rows.rows(
        "SELECT contract, bytes, balance, debt, credit, charged_to, state, since FROM chain_storage
         ORDER BY contract",
        &[],
    )?;
    found.iter().map(|row| account::read(row)).collect()
}
