//! Rewards of validators and their delegators, and the community pool.
//!
//! State: `chain.validator_rewards(validator, outstanding, commission, accumulated, remainder)`,
//! `chain.reward_starts(validator, delegator, accumulated)`, `chain.withdraw_addresses(delegator, address)`.
//!
//! Accounts: `distribution` holds what is owed; `community_pool` is the pool itself.
//!
//! Messages: `cosmos.distribution.v1beta1.{MsgSetWithdrawAddress, MsgWithdrawDelegatorReward,
//! MsgWithdrawValidatorCommission, MsgFundCommunityPool, MsgCommunityPoolSpend}`.
//!
//! Events: `rewards(validator, amount, commission)`, `withdraw_rewards(amount, validator, delegator)`,
//! `withdraw_commission(amount, validator)`, `set_withdraw_address(delegator, withdraw_address)`,
//! `fund_community_pool(amount, depositor)`, `community_pool_spend(amount, recipient)`.
//!
//! 1. What a block earns is divided by power among the validators that signed; the tax, and what does not divide,
//!    go to the community pool. A tip goes to the proposer; without one, to the pool.
//! 2. A validator takes its commission first, rounded down; the rest belongs to its shares, each alike. A
//!    validator without shares earns nothing: the pool does.
//! 3. `accumulated` is what one share has earned since the beginning. A delegator is owed shares times what it
//!    grew since its start, rounded down, and is paid that before its shares change.
//! 4. Nothing is lost: what a division leaves over stays with the validator as `remainder` and is part of its
//!    next reward.
//! 5. Slashing takes tokens, not shares, so it changes nothing here.
//! 6. A reward that would carry `accumulated` beyond 128 bits goes to the community pool.
//! 7. Rewards and commission go to the withdraw address, which is the account itself unless it names another.
//! 8. A validator that ends is paid its commission; what is left of it goes to the community pool.
//! 9. Only governance spends from the community pool, at most what it holds.
//!
//! Arithmetic: `accumulated` and `remainder` count 10^-19 udadb ([`SCALE`]). For each validator, at any time,
//!
//! ```text
//! outstanding * SCALE = sum of shares * (accumulated - start) over its delegations + remainder
//! ```
//!
//! A reward r adds r to outstanding, and divides r * SCALE + remainder by the shares: the quotient
//! adds to accumulated, the rest is the new remainder. A payment divides shares * (accumulated - start) by
//! SCALE: the quotient leaves outstanding, the rest adds to the remainder. Both keep the equation. No term of it is
//! negative, and outstanding is part of a balance, so below 2^63, while SCALE is below 2^64: every product,
//! sum and remainder is below 2^127. Without shares the remainder is a multiple of SCALE, so rule 8
//! leaves nothing over. [`invariant`] checks the equation itself.

mod invariant;
mod keeper;
mod pool;
#[cfg(test)]
mod tests;

pub use invariant::invariant;
pub use keeper::{
    Rewards, Share, before_shares_change, distribute, init, pending, remove_validator, rewards,
    withdraw_commission, withdraw_rewards,
};
pub use pool::{fund_pool, set_withdraw_address, spend_pool, withdraw_address};

use dadbs_types::AccountAddress;

/// Parts of one udadb that are counted.
pub const SCALE: u128 = 10_000_000_000_000_000_000;

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_validator_rewards (
        validator TEXT NOT NULL PRIMARY KEY,
        outstanding INTEGER NOT NULL CHECK (outstanding >= 0),
        commission INTEGER NOT NULL CHECK (commission >= 0),
        accumulated TEXT NOT NULL,
        remainder TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_reward_starts (
        validator TEXT NOT NULL,
        delegator TEXT NOT NULL,
        accumulated TEXT NOT NULL,
        PRIMARY KEY (validator, delegator)
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_withdraw_addresses (
        delegator TEXT NOT NULL PRIMARY KEY,
        address TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
];

/// The account that holds what validators and delegators are owed.
pub fn account() -> AccountAddress {
    AccountAddress::of_module("distribution")
}

/// The community pool.
pub fn community_pool() -> AccountAddress {
    AccountAddress::of_module("community_pool")
}
