//! What always holds.

use super::keeper::start;
use super::{SCALE, account, pending, rewards};
use crate::bank;
use crate::context::{Rows, Table};
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Fatal, OperatorAddress};
use std::collections::BTreeMap;

const ROWS: Table = Table("chain.validator_rewards");

/// The module's invariants, given all delegations as (validator, delegator, shares): the equation of the
/// header for each validator, and a balance that is exactly what is owed. A message for each that is broken.
pub fn invariant(
    rows: &impl Rows,
    delegations: &[(AccountAddress, AccountAddress, u64)],
) -> Result<Vec<String>, Fatal> {
    let mut broken = Vec::new();
    let mut owed: BTreeMap<AccountAddress, u128> = BTreeMap::new();
    for (validator, delegator, shares) in delegations {
        if start(rows, *validator, *delegator)?.is_none() {
            broken.push(format!("the delegation of {delegator} to {validator} has no start"));
        }
        let pending = pending(rows, *validator, *delegator, *shares)?;
        *owed.entry(*validator).or_default() += pending;
    }
    let starts = rows.rows("SELECT count(*) FROM chain_reward_starts", &[])?;
    let starts = starts.first().map_or(Ok(0), |row| ROWS.count(row, 0))?;
    if starts != delegations.len() as u64 {
        broken.push(format!("{starts} starts for {} delegations", delegations.len()));
    }
    let mut sum: u128 = 0;
    for row in rows.rows("SELECT validator FROM chain_validator_rewards", &[])? {
        let OperatorAddress(validator) = ROWS.operator(&row, 0)?;
        let rewards = rewards(rows, validator)?;
        sum += u128::from(rewards.outstanding) + u128::from(rewards.commission);
        let owed = owed.remove(&validator).unwrap_or(0) + rewards.remainder;
        if u128::from(rewards.outstanding) * SCALE != owed {
            broken.push(format!("{validator} owes {owed} parts: {rewards:?}"));
        }
    }
    broken.extend(
        owed.iter()
            .filter(|(_, owed)| **owed > 0)
            .map(|(validator, owed)| format!("{validator} owes {owed} parts and has no rewards")),
    );
    let held = bank::balance(rows, account(), DENOM)?;
    if u128::from(held) != sum {
        broken.push(format!("the account holds {held}{DENOM}, {sum}{DENOM} are owed"));
    }
    Ok(broken)
}
