//! What must hold after every block; a message for everything that does not.

use super::set::{desired, told};
use super::validator::{bonded_validators, validators};
use super::{POWER_REDUCTION, bonded_pool, not_bonded_pool};
use crate::bank;
use crate::context::{Rows, Table};
use crate::votes::Held;
use dadbs_types::Fatal;
use dadbs_types::coin::DENOM;
use std::collections::BTreeMap;

const SUMS: Table = Table("the sums of staking");

/// The module's invariants: pools against tokens, shares against delegations, the set against validators.
pub fn invariant(rows: &impl Rows) -> Result<Vec<String>, Fatal> {
    let mut broken = Vec::new();
    let mut expect = |what: &str, holds: bool, found: String| {
        if !holds {
            broken.push(format!("{what}: {found}"));
        }
    };
    let sums = rows.rows(
        "SELECT (SELECT coalesce(sum(tokens), 0) FROM chain_validators WHERE status = 'bonded'),
         (SELECT coalesce(sum(tokens), 0) FROM chain_validators WHERE status <> 'bonded')
         + (SELECT coalesce(sum(balance), 0) FROM chain_unbondings)",
        &[],
    )?;
    let sum = |column| sums.first().map_or(Ok(0), |row| SUMS.count(row, column));
    for (name, pool, tokens) in
        [("bonded", bonded_pool(), sum(0)?), ("not bonded", not_bonded_pool(), sum(1)?)]
    {
        let held = bank::balance(rows, pool, DENOM)?;
        expect("a pool holds what is its", held == tokens, format!("{name}: {held}, not {tokens}"));
    }
    let shares = rows.rows(
        "SELECT operator FROM chain_validators v WHERE shares IS NOT
         (SELECT coalesce(sum(shares), 0) FROM chain_delegations d WHERE d.validator = v.operator)",
        &[],
    )?;
    expect("shares are those of the delegations", shares.is_empty(), format!("{shares:?}"));
    let mut held: BTreeMap<_, Vec<Held>> = BTreeMap::new();
    for row in rows.rows("SELECT validator, shares, since FROM chain_delegations", &[])? {
        let one = Held { shares: SUMS.count(&row, 1)?, since: SUMS.count(&row, 2)? };
        held.entry(SUMS.operator(&row, 0)?.0).or_default().push(one);
    }
    for validator in validators(rows, None, 0, i64::MAX as u64)? {
        let delegations = held.remove(&validator.operator).unwrap_or_default();
        let counted = validator.ages.recounted(delegations.into_iter());
        expect(
            "ages are those of the delegations",
            counted == validator.ages,
            format!("{counted:?}"),
        );
    }
    let orphans = rows.rows(
        "SELECT delegator, validator FROM chain_delegations
         WHERE validator NOT IN (SELECT operator FROM chain_validators)",
        &[],
    )?;
    expect("every delegation has its validator", orphans.is_empty(), format!("{orphans:?}"));
    let told = told(rows)?;
    let bonded = bonded_validators(rows)?;
    let keys: Vec<_> = bonded.iter().map(|validator| validator.consensus_key).collect();
    let desired: BTreeMap<_, _> = desired(rows)?
        .into_iter()
        .map(|validator| (validator.consensus_key, validator.tokens / POWER_REDUCTION))
        .collect();
    if !desired.is_empty() {
        expect("the set is the strongest", desired == told, format!("{told:?}, not {desired:?}"));
        let same = keys.len() == told.len() && keys.iter().all(|key| told.contains_key(key));
        expect("the set is what is bonded", same, format!("{keys:?}"));
    }
    Ok(broken)
}
