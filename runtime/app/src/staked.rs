//! What is delegated, as distribution asks for it.

use dadbs_modules::distribution::Share;
use dadbs_modules::{Rows, staking};
use dadbs_types::{AccountAddress, Fatal};

/// The shares of a delegation; 0 if there is none.
pub(crate) fn delegated(
    rows: &impl Rows,
    delegator: AccountAddress,
    validator: AccountAddress,
) -> Result<u64, Fatal> {
    staking::delegated_shares(rows, delegator, validator)
}

/// The delegations of an account: validators and shares.
pub(crate) fn delegations(
    rows: &impl Rows,
    delegator: AccountAddress,
) -> Result<Vec<(AccountAddress, u64)>, Fatal> {
    staking::delegations_of(rows, delegator)
}

/// What a validator's consensus address and power earn; `None` if the validator is gone.
pub(crate) fn share(
    rows: &impl Rows,
    address: [u8; 20],
    power: u64,
) -> Result<Option<Share>, Fatal> {
    let found = staking::by_consensus_address(rows, address)?;
    Ok(found.map(|validator| Share {
        operator: validator.operator,
        power,
        shares: validator.shares,
        commission_ppm: validator.commission.ppm,
    }))
}
