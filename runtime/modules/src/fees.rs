//! The price of gas.
//!
//! State: `chain.gas_price(id, height, price)`, one row: `price` holds in the block of that height, in udadb
//! for 1,000,000 gas.
//!
//! Events: `base_fee(price, gas)` when a block changes the price.
//!
//! 1. A block's gas moves the price of the next one: by the target it stays; above, it rises by at most one part
//!    in `fees.change_denominator` for each target beyond, at least by 1; below, it falls alike. Rises are rounded
//!    down, falls up, so that the price always comes back to its least.
//! 2. The gas that counts for a transaction is what it used, at least half its limit: who asks for room
//!    that he does not use moves the price, too.
//! 3. The price is at least `fees.least_price`, and at most that times `fees.most_price_factor`.
//! 4. Blocks without gas lower the price without a write: the row keeps its height, and the price of a later block
//!    follows from the number of blocks since.
//!    Before the parameters of the price change, the row is written anew: what blocks have passed they have not made.
//! 5. Of a fee, the price times the gas limit is divided as `fees.burned` says: a part is burned, the rest
//!    is for those who sign; what was offered beyond it is a tip for the proposer.

use crate::context::{Rows, Table, integer};
use crate::params::{self, Param};
use dadbs_store::Store;
use dadbs_types::{Event, Fatal};

const PRICE: Table = Table("chain.gas_price");

/// The module's table.
pub const SCHEMA: &str = "CREATE TABLE chain_gas_price (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    height INTEGER NOT NULL,
    price INTEGER NOT NULL CHECK (price >= 0)
) STRICT";

/// How the price moves (rules 1 and 3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PriceRule {
    /// The least price.
    pub least: u64,
    /// The greatest price.
    pub most: u64,
    /// The gas of a block that leaves the price as it is.
    pub target: u64,
    /// The part of the price by which it moves.
    pub denominator: u64,
}

impl PriceRule {
    /// The rule that is in force.
    pub fn load(rows: &impl Rows) -> Result<PriceRule, Fatal> {
        let least = params::get(rows, Param::LeastGasPrice)?;
        Ok(PriceRule {
            least,
            most: least.saturating_mul(params::get(rows, Param::MostGasPriceFactor)?),
            target: params::get(rows, Param::TargetGas)?,
            denominator: params::get(rows, Param::GasPriceDenominator)?,
        })
    }

    /// The price after a block of this gas.
    pub fn next(&self, price: u64, gas: u64) -> u64 {
        let distance = u128::from(gas.abs_diff(self.target));
        let whole = u128::from(self.target) * u128::from(self.denominator);
        // Below 2^64 * 2^64; whole is at least 2.
        let product = u128::from(price) * distance;
        let (up, down) = (product / whole, product.div_ceil(whole));
        let moved = match gas.cmp(&self.target) {
            std::cmp::Ordering::Greater => u128::from(price).saturating_add(up.max(1)),
            std::cmp::Ordering::Less => u128::from(price).saturating_sub(down),
            std::cmp::Ordering::Equal => u128::from(price),
        };
        u64::try_from(moved).unwrap_or(u64::MAX).clamp(self.least, self.most)
    }

    /// The price after so many blocks without gas (rule 4).
    fn after_empty(&self, price: u64, blocks: u64) -> u64 {
        let mut price = price.clamp(self.least, self.most);
        for _ in 0..blocks {
            // Each round takes at least a fiftieth, so few are needed.
            if price == self.least {
                break;
            }
            price = self.next(price, 0);
        }
        price
    }
}

/// Makes the module's table; `height` is that of the first block.
pub fn init(store: &mut Store, height: u64) -> Result<(), Fatal> {
    store.execute(SCHEMA, &[])?;
    let least = params::get(store, Param::LeastGasPrice)?;
    store.execute(
        "INSERT INTO chain_gas_price (id, height, price) VALUES (1, ?1, ?2)",
        &[&integer(height)?, &integer(least)?],
    )?;
    Ok(())
}

/// The price of 1,000,000 gas in the block of a height, in udadb (rules 3 and 4).
pub fn price(rows: &impl Rows, height: u64) -> Result<u64, Fatal> {
    price_by(rows, &PriceRule::load(rows)?, height)
}

fn price_by(rows: &impl Rows, rule: &PriceRule, height: u64) -> Result<u64, Fatal> {
    let found = rows.rows("SELECT height, price FROM chain_gas_price WHERE id = 1", &[])?;
    let row = found
        .first()
        .ok_or_else(|| Fatal::new("chain.gas_price has no row: restore the store from a copy"))?;
    let since = height.saturating_sub(PRICE.count(row, 0)?);
    Ok(rule.after_empty(PRICE.count(row, 1)?, since))
}

/// Writes the price that holds in the block of a height, before its parameters change (rule 4).
pub fn pin(store: &mut Store, height: u64) -> Result<(), Fatal> {
    let price = price(store, height)?;
    store.execute(
        "UPDATE chain_gas_price SET height = ?1, price = ?2 WHERE id = 1",
        &[&integer(height)?, &integer(price)?],
    )?;
    Ok(())
}

/// Moves the price after a block of this price and gas (rules 1 and 4).
pub fn settle(
    store: &mut Store,
    events: &mut Vec<Event>,
    height: u64,
    price_of_block: u64,
    gas: u64,
) -> Result<(), Fatal> {
    let next = height.saturating_add(1);
    let rule = PriceRule::load(store)?;
    let after = rule.next(price_of_block, gas);
    if price_by(store, &rule, next)? == after {
        return Ok(());
    }
    store.execute(
        "UPDATE chain_gas_price SET height = ?1, price = ?2 WHERE id = 1",
        &[&integer(next)?, &integer(after)?],
    )?;
    events.push(Event::new("base_fee").with("price", after).with("gas", gas));
    Ok(())
}

/// What a gas limit costs at a price of 1,000,000 gas, rounded up.
pub fn fee(price: u64, gas_limit: u64) -> u128 {
    (u128::from(price) * u128::from(gas_limit)).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const RULE: PriceRule =
        PriceRule { least: 1_000, most: 1_000_000_000, target: 1_000, denominator: 8 };

    fn store() -> Store {
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        let chosen = [("fees.least_price", 1_000), ("fees.target_gas", 1_000)];
        let chosen: BTreeMap<_, _> = chosen.map(|(name, value)| (name.to_string(), value)).into();
        params::init(&mut store, &chosen).unwrap();
        init(&mut store, 1).unwrap();
        store
    }

    #[test]
    fn rule_1_full_blocks_raise_the_price_by_an_eighth_and_empty_ones_lower_it() {
        assert_eq!(RULE.next(8_000, 2_000), 9_000);
        assert_eq!(RULE.next(8_000, 1_500), 8_500);
        assert_eq!(RULE.next(8_000, 1_000), 8_000);
        assert_eq!(RULE.next(8_000, 500), 7_500);
        assert_eq!(RULE.next(8_000, 0), 7_000);
        assert_eq!(RULE.next(8_001, 0), 7_000, "falls are rounded up");
        let tiny = PriceRule { least: 1, ..RULE };
        assert_eq!(tiny.next(1, 1_001), 2, "a rise is at least 1");
        assert_eq!(tiny.next(2, 999), 1, "a fall is at least 1");
    }

    #[test]
    fn rule_3_the_price_stays_within_its_bounds() {
        assert_eq!(RULE.next(1_000, 0), 1_000);
        assert_eq!(RULE.next(999_999_999, 2_000), 1_000_000_000);
        assert_eq!(RULE.next(u64::MAX, u64::MAX), 1_000_000_000);
        let free = PriceRule { least: 0, most: 0, ..RULE };
        assert_eq!(free.next(0, u64::MAX), 0, "a chain without a price stays one");
    }

    #[test]
    fn rule_4_empty_blocks_lower_the_price_without_a_write() {
        let mut store = store();
        let mut price = price(&store, 1).unwrap();
        for height in 1..=20 {
            assert_eq!(super::price(&store, height).unwrap(), price);
            settle(&mut store, &mut Vec::new(), height, price, 2_000).unwrap();
            price = RULE.next(price, 2_000);
        }
        let rows = |store: &Store| store.query("SELECT height, price FROM chain_gas_price", &[]);
        let row = rows(&store).unwrap();
        // Each empty block says nothing, and the price falls as if it had been settled.
        for height in 21..200 {
            assert_eq!(super::price(&store, height).unwrap(), price, "{height}");
            price = RULE.next(price, 0);
        }
        assert_eq!(price, 1_000);
        // A block without gas settles to what is known already, at any height.
        let at = super::price(&store, 30).unwrap();
        settle(&mut store, &mut Vec::new(), 30, at, 0).unwrap();
        assert_eq!(rows(&store).unwrap(), row);
    }

    #[test]
    fn rule_4_a_change_of_parameters_does_not_bring_an_old_price_back() {
        let changed = |is_pinned: bool| {
            let mut store = store();
            settle(&mut store, &mut Vec::new(), 1, 1_000, 1_000_000).unwrap();
            let high = price(&store, 2).unwrap();
            assert!(high > 50_000, "{high}");
            assert_eq!(price(&store, 60).unwrap(), 1_000);
            if is_pinned {
                pin(&mut store, 60).unwrap();
            }
            for param in [Param::GasPriceDenominator, Param::LeastGasPrice] {
                let value = if param == Param::LeastGasPrice { 1_001 } else { 50 };
                params::apply(&mut store, &[params::Change { param, value, replaces: None }])
                    .unwrap();
            }
            price(&store, 61).unwrap()
        };
        assert!(changed(false) > 10_000, "what is guarded against");
        assert_eq!(changed(true), 1_001);
    }

    #[test]
    fn rule_4_the_longest_fall_is_short() {
        let slow = PriceRule { least: 1, most: 1_000_000, target: 1_000, denominator: 50 };
        let mut price = slow.most;
        let mut blocks = 0;
        while price > slow.least {
            price = slow.next(price, 0);
            blocks += 1;
        }
        assert!(blocks < 700, "{blocks}");
    }

    #[test]
    fn rule_5_a_fee_is_rounded_up() {
        assert_eq!(fee(2_500, 1), 1);
        assert_eq!(fee(2_500, 1_000_000), 2_500);
        assert_eq!(fee(u64::MAX, u64::MAX), (u128::from(u64::MAX).pow(2)).div_ceil(1_000_000));
    }
}
