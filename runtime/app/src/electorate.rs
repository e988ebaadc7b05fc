//! Whose votes count: what governance reads of staking, in its one place.

use dadbs_modules::Rows;
use dadbs_modules::votes::{Electorate, Stake};
use dadbs_types::{AccountAddress, Fatal};

/// The validators of the set and all bonded tokens.
#[expect(clippy::unnecessary_wraps, reason = "it reads rows once there is stake")]
pub(crate) fn electorate(_rows: &impl Rows) -> Result<Electorate, Fatal> {
    Ok(Electorate::default())
}

/// What an account has staked.
#[expect(clippy::unnecessary_wraps, reason = "it reads rows once there is stake")]
pub(crate) fn stake_of(_rows: &impl Rows, _voter: AccountAddress) -> Result<Stake, Fatal> {
    Ok(Stake::default())
}
