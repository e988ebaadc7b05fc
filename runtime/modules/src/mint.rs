//! Inflation.
//!
//! State: `chain.minter(id, time_ms, inflation, remainder)`, one row; `inflation` counts 10^-12 a year.
//!
//! Events: `mint(amount, inflation, bonded_ratio)`.
//!
//! 1. Inflation settles in a block that has transactions or evidence, before they change a share, for the time since the last such
//!    block, at most `mint.gap`; the other blocks write nothing.
//! 2. What is minted is supply * inflation * time / year, rounded down; what the division leaves over is part
//!    of the next one.
//! 3. Inflation moves by `mint.inflation_rate_change` a year, times how far the bonded part of the supply is from
//!    `mint.goal_bonded`, and stays between `mint.inflation_min` and `mint.inflation_max`.
//! 4. The supply never passes `mint.max_supply`.
//!
//! Arithmetic: supply < 2^63, inflation <= 10^12, time <= 3,600,000 ms: the product is below 2^63 * 2^40 * 2^22 =
//! 2^125. The remainder is below [`YEAR_PARTS`] < 2^75. The change of the rate is at most
//! 10^12 * 10^6 * 3.6 * 10^6 < 2^82.

use crate::bank;
use crate::context::{Rows, Table, integer};
use crate::params::{self, PPM, Param};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{Event, Fatal, Value};

const MINTER: Table = Table("chain.minter");

/// Parts of 1 that inflation is counted in.
pub const UNIT: u64 = 1_000_000_000_000;
/// Milliseconds of a year of 365.25 days.
const YEAR_MS: u64 = 31_557_600_000;
/// Parts of one udadb that are counted.
const YEAR_PARTS: u128 = UNIT as u128 * YEAR_MS as u128;
/// What inflation begins with, unless the bounds say otherwise.
const BEGIN: u64 = 130_000_000_000;

/// The module's table.
pub const SCHEMA: &str = "CREATE TABLE chain_minter (
    id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
    time_ms INTEGER NOT NULL,
    inflation INTEGER NOT NULL CHECK (inflation >= 0),
    remainder TEXT NOT NULL
) STRICT";

/// The state of inflation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Minter {
    /// The time until which was settled, milliseconds since 1970.
    pub time_ms: i64,
    /// Inflation of a year, in 10^-12.
    pub inflation: u64,
    /// What was not minted yet, below one udadb.
    remainder: u128,
}

/// How inflation moves (rules 3 and 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct MintRule {
    min: u64,
    max: u64,
    change: u64,
    goal: u64,
    gap_ms: u64,
    supply_max: u64,
}

impl MintRule {
    fn load(rows: &impl Rows) -> Result<MintRule, Fatal> {
        Ok(MintRule {
            min: params::get(rows, Param::InflationMin)?,
            max: params::get(rows, Param::InflationMax)?,
            change: params::get(rows, Param::InflationChange)?,
            goal: params::get(rows, Param::GoalBonded)?,
            gap_ms: params::get(rows, Param::InflationGap)?.saturating_mul(1_000),
            supply_max: params::get(rows, Param::MaxSupply)?,
        })
    }

    fn clamp(&self, inflation: u64) -> u64 {
        let unit = UNIT / PPM;
        inflation.clamp(self.min.saturating_mul(unit), self.max.saturating_mul(unit))
    }
}

impl Minter {
    /// Settles until `now`; gives what is minted (rules 1 to 4).
    fn settle(&mut self, rule: &MintRule, now_ms: i64, supply: u64, bonded_ppm: u64) -> u64 {
        let passed = now_ms.saturating_sub(self.time_ms);
        let passed = u64::try_from(passed).unwrap_or(0).min(rule.gap_ms);
        self.time_ms = self.time_ms.max(now_ms);
        self.inflation = self.moved(rule, passed, bonded_ppm);
        let parts = u128::from(supply) * u128::from(self.inflation) * u128::from(passed);
        let parts = parts.saturating_add(self.remainder);
        self.remainder = parts % YEAR_PARTS;
        let minted = u64::try_from(parts / YEAR_PARTS).unwrap_or(u64::MAX);
        minted.min(rule.supply_max.saturating_sub(supply))
    }

    /// Rule 3.
    fn moved(&self, rule: &MintRule, passed_ms: u64, bonded_ppm: u64) -> u64 {
        let year_change = u128::from(rule.change) * u128::from(UNIT / PPM);
        let distance = u128::from(rule.goal.abs_diff(bonded_ppm));
        let change = year_change * distance * u128::from(passed_ms)
            / (u128::from(rule.goal.max(1)) * u128::from(YEAR_MS));
        let change = u64::try_from(change).unwrap_or(u64::MAX);
        rule.clamp(if bonded_ppm < rule.goal {
            self.inflation.saturating_add(change)
        } else {
            self.inflation.saturating_sub(change)
        })
    }
}

/// Makes the module's table.
pub fn init(store: &mut Store, genesis_time_ms: i64) -> Result<(), Fatal> {
    store.execute(SCHEMA, &[])?;
    let inflation = MintRule::load(store)?.clamp(BEGIN);
    store.execute(
        "INSERT INTO chain_minter (id, time_ms, inflation, remainder) VALUES (1, ?1, ?2, '0')",
        &[&Value::Integer(genesis_time_ms), &integer(inflation)?],
    )?;
    Ok(())
}

/// The state of inflation.
pub fn minter(rows: &impl Rows) -> Result<Minter, Fatal> {
    let damaged = || Fatal::new("chain.minter is damaged: restore the store from a copy");
    let found = rows.rows("SELECT time_ms, inflation, remainder FROM chain_minter", &[])?;
    let row = found.first().ok_or_else(damaged)?;
    let Some(Value::Integer(time_ms)) = row.first() else { return Err(damaged()) };
    Ok(Minter {
        time_ms: *time_ms,
        inflation: MINTER.count(row, 1)?,
        remainder: MINTER.text(row, 2)?.parse().map_err(|_| damaged())?,
    })
}

/// The bonded part of a supply, in millionths.
pub fn bonded_ratio(bonded: u64, supply: u64) -> u64 {
    let ratio = u128::from(bonded) * u128::from(PPM);
    let ratio = ratio.checked_div(u128::from(supply)).unwrap_or(0);
    u64::try_from(ratio).unwrap_or(PPM).min(PPM)
}

/// Mints what is due (rules 1 to 4); the caller credits it in the same block.
pub fn settle(
    store: &mut Store,
    events: &mut Vec<Event>,
    now_ms: i64,
    bonded: u64,
) -> Result<u64, Fatal> {
    let before = minter(store)?;
    let supply = bank::supply_of(store, DENOM)?;
    let mut after = before;
    let bonded_ratio = bonded_ratio(bonded, supply);
    let minted = after.settle(&MintRule::load(store)?, now_ms, supply, bonded_ratio);
    if after != before {
        store.execute(
            "UPDATE chain_minter SET time_ms = ?1, inflation = ?2, remainder = ?3 WHERE id = 1",
            &[
                &Value::Integer(after.time_ms),
                &integer(after.inflation)?,
                &Value::Text(after.remainder.to_string()),
            ],
        )?;
    }
    if minted > 0 {
        bank::issue(store, DENOM, minted)?;
        events.push(
            Event::new("mint")
                .with("amount", format!("{minted}{DENOM}"))
                .with("inflation", after.inflation)
                .with("bonded_ratio", bonded_ratio),
        );
    }
    Ok(minted)
}

/// What a year of the present inflation mints, in udadb.
pub fn annual_provisions(rows: &impl Rows) -> Result<u64, Fatal> {
    let year = u128::from(bank::supply_of(rows, DENOM)?) * u128::from(minter(rows)?.inflation);
    Ok(u64::try_from(year / u128::from(UNIT)).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: MintRule = MintRule {
        min: 70_000,
        max: 200_000,
        change: 130_000,
        goal: 670_000,
        gap_ms: 600_000,
        supply_max: i64::MAX as u64,
    };
    const SUPPLY: u64 = 1_000_000_000_000_000;

    fn minter() -> Minter {
        Minter { time_ms: 0, inflation: BEGIN, remainder: 0 }
    }

    #[test]
    fn rule_1_a_long_pause_is_paid_for_up_to_the_gap() {
        let (mut short, mut long) = (minter(), minter());
        let gap = short.settle(&RULE, 600_000, SUPPLY, 670_000);
        assert_eq!(long.settle(&RULE, 900_000_000, SUPPLY, 670_000), gap);
        assert_eq!(long.time_ms, 900_000_000);
        assert_eq!(long.settle(&RULE, 900_000_000, SUPPLY, 670_000), 0, "no time has passed");
        assert_eq!(long.settle(&RULE, 1_000, SUPPLY, 670_000), 0, "time does not run back");
        assert_eq!(long.time_ms, 900_000_000);
    }

    #[test]
    fn rule_2_many_settlements_mint_what_one_does() {
        // At the goal the rate rests, and the supply is held constant to compare.
        let (mut often, mut once) = (minter(), minter());
        let mut sum = 0;
        for step in 1..=1_000 {
            sum += often.settle(&RULE, step * 377, 123_456_789_012, 670_000);
        }
        assert_eq!(sum, once.settle(&RULE, 377_000, 123_456_789_012, 670_000));
        assert_eq!(often, once);
        // 13 % of a year, of which 377 seconds are about 1/83,707.
        assert_eq!(sum, 123_456_789_012 * 13 / 100 * 377 / 31_557_600);
    }

    #[test]
    fn rule_3_the_rate_moves_towards_the_goal_and_stays_within_its_bounds() {
        let year = |bonded| {
            let mut minter = minter();
            for step in 1..=52_596 {
                minter.settle(&RULE, step * 600_000, SUPPLY, bonded);
            }
            minter.inflation
        };
        assert_eq!(year(670_000), BEGIN);
        // Half of the goal: half of 13 % more in a year, less what divisions drop.
        let half = year(335_000);
        assert!((194_999_000_000..=195_000_000_000).contains(&half), "{half}");
        assert_eq!(year(0), 200_000_000_000);
        let all = year(1_000_000);
        assert!((70_000_000_000..=70_000_000_000).contains(&all), "{all}");
    }

    #[test]
    fn rule_4_the_supply_stops_at_its_limit() {
        let rule = MintRule { supply_max: SUPPLY + 5, ..RULE };
        assert_eq!(minter().settle(&rule, 600_000, SUPPLY, 0), 5);
        assert_eq!(minter().settle(&rule, 600_000, SUPPLY + 5, 0), 0);
        assert_eq!(minter().settle(&rule, 600_000, SUPPLY + 6, 0), 0, "it was lowered since");
    }

    #[test]
    fn the_largest_numbers_fit() {
        let rule = MintRule { min: 1_000_000, max: 1_000_000, gap_ms: 3_600_000, ..RULE };
        let supply = i64::MAX as u64;
        assert_eq!(minter().settle(&rule, i64::MAX, supply, 0), 0);
        let minted = minter().settle(&rule, i64::MAX, supply - (1 << 60), 0);
        assert_eq!(
            minted,
            u64::try_from(u128::from(supply - (1 << 60)) * 3_600 / 31_557_600).unwrap()
        );
    }
}
