//! Whose votes count: what governance reads of staking, in its one place.

use dadbs_modules::votes::{Electorate, Stake, Validator};
use dadbs_modules::{Rows, staking};
use dadbs_types::{AccountAddress, Fatal};

/// The validators of the set and all bonded tokens.
pub(crate) fn electorate(rows: &impl Rows) -> Result<Electorate, Fatal> {
    let validators = staking::bonded_validators(rows)?
        .into_iter()
        .map(|validator| Validator {
            operator: validator.operator,
            tokens: validator.tokens,
            shares: validator.shares,
            ages: validator.ages,
        })
        .collect();
    Ok(Electorate { bonded: staking::total_bonded(rows)?, validators })
}

/// What an account has staked.
pub(crate) fn stake_of(rows: &impl Rows, voter: AccountAddress) -> Result<Stake, Fatal> {
    let own = staking::validator(rows, voter)?;
    Ok(Stake {
        delegations: staking::delegations_of(rows, voter)?,
        is_operator: own.is_some_and(|validator| validator.shares > 0),
    })
}
