//! The price of storage, and the index that it drives.

use super::START_PRICE_MAX;
use crate::context::{Rows, Table, integer};
use crate::params::{self, Param};
use dadbs_store::Store;
use dadbs_types::{Code, Fatal, Rejection, Value};

const PRICE: Table = Table("chain.storage_price");

/// Price and index at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// udadb for a GiB and 30 days; 0 for no rent.
    pub price: u64,
    /// What one GiB has cost since the beginning, in udadb-seconds for 30 days (rule 2).
    pub index: u128,
    /// The time, seconds since 1970.
    pub now: u64,
    /// When there was a price after none, seconds since 1970.
    pub on_since: u64,
    /// Seconds of grace.
    pub grace: u64,
}

/// A number of up to 128 bits as the tables keep it: texts of one length stand in the order of their numbers.
pub(super) fn wide(number: u128) -> Value {
    Value::Text(format!("{number:039}"))
}

/// The number of [`wide`].
pub(super) fn narrow(table: Table, row: &[Value], column: usize) -> Result<u128, Fatal> {
    table.text(row, column)?.parse().map_err(|_| {
        Fatal::new(format!("column {column} of {} is no number: restore the store", table.0))
    })
}

/// Makes the row, with the price of the genesis.
pub(super) fn init(store: &mut Store, now: u64) -> Result<(), Fatal> {
    let price = params::get(store, Param::StoragePrice)?;
    store.execute(
        "INSERT INTO chain_storage_price (id, price, accrued, at, on_since) VALUES (1, ?1, ?2, ?3, ?3)",
        &[&integer(price)?, &wide(0), &integer(now)?],
    )?;
    Ok(())
}

/// Price and index at a time, seconds since 1970 (rule 2).
pub fn price(rows: &impl Rows, now: u64) -> Result<Price, Fatal> {
    let found = rows
        .rows("SELECT price, accrued, at, on_since FROM chain_storage_price WHERE id = 1", &[])?;
    let row = found.first().ok_or_else(|| {
        Fatal::new("chain.storage_price has no row: restore the store from a copy")
    })?;
    let price = PRICE.count(row, 0)?;
    let passed = now.saturating_sub(PRICE.count(row, 2)?);
    let since = u128::from(price) * u128::from(passed);
    Ok(Price {
        price,
        index: narrow(PRICE, row, 1)?.saturating_add(since),
        now,
        on_since: PRICE.count(row, 3)?,
        grace: if price == 0 { 0 } else { params::get(rows, Param::StorageGrace)? },
    })
}

/// Takes over a price that was voted on (rule 4).
pub(super) fn adopt(store: &mut Store, now: &Price) -> Result<(), Fatal> {
    let voted = params::get(store, Param::StoragePrice)?;
    if voted == now.price {
        return Ok(());
    }
    let on_since = if now.price == 0 { now.now } else { now.on_since };
    store.execute(
        "UPDATE chain_storage_price SET price = ?1, accrued = ?2, at = ?3, on_since = ?4 WHERE id = 1",
        &[&integer(voted)?, &wide(now.index), &integer(now.now)?, &integer(on_since)?],
    )?;
    Ok(())
}

/// Refuses a price that is too far from the one that is in force (rule 4).
///
/// # Errors
/// A rejection that names the nearest prices.
pub fn check_price(rows: &impl Rows, voted: u64) -> Result<(), dadbs_types::Error> {
    let Price { price: before, .. } = price(rows, 0)?;
    let (least, most) = match before {
        0 => (0, START_PRICE_MAX),
        before => (before.div_ceil(2), before.saturating_mul(2)),
    };
    if voted == 0 || (least..=most).contains(&voted) {
        return Ok(());
    }
    let message = format!(
        "storage.price is {before} udadb: one change makes it {least} to {most} udadb, or 0"
    );
    Err(Rejection::new(Code::InvalidRequest, message).into())
}
