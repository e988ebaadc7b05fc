//! Reads and writes rewards.

use super::{SCALE, account, community_pool, withdraw_address};
use crate::bank;
use crate::context::{Rows, Table, account_key, certain, integer, operator_key};
use crate::params::{self, PPM, Param};
use dadbs_store::Store;
use dadbs_types::coin::DENOM;
use dadbs_types::{AccountAddress, Code, Error, Event, Fatal, OperatorAddress, Value};

const REWARDS: Table = Table("chain.validator_rewards");
const STARTS: Table = Table("chain.reward_starts");

/// A validator that shares in a distribution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The validator's account.
    pub operator: AccountAddress,
    /// Its power in the commit.
    pub power: u64,
    /// Its shares.
    pub shares: u64,
    /// Its commission, in millionths.
    pub commission_ppm: u64,
}

/// What a validator has earned and not paid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewards {
    /// What its delegators are owed together, in udadb.
    pub outstanding: u64,
    /// What it is owed itself, in udadb.
    pub commission: u64,
    /// What one share has earned since the beginning, times [`SCALE`].
    pub accumulated: u128,
    /// What no division gave to anyone yet, times [`SCALE`].
    pub remainder: u128,
}

impl Rewards {
    /// Adds a reward of the delegators (rules 2 and 4); false, and nothing, where rule 6 says so.
    #[must_use]
    pub fn earn(&mut self, amount: u64, shares: u64) -> bool {
        let earned = || {
            let outstanding = self.outstanding.checked_add(amount)?;
            let scaled = u128::from(amount).checked_mul(SCALE)?.checked_add(self.remainder)?;
            let each = scaled.checked_div(u128::from(shares))?;
            let remainder = scaled.checked_rem(u128::from(shares))?;
            let accumulated = self.accumulated.checked_add(each)?;
            Some(Rewards { outstanding, accumulated, remainder, ..*self })
        };
        let Some(after) = earned() else { return false };
        *self = after;
        true
    }

    /// What so many shares have earned since their start, times [`SCALE`] (rule 3); `None` if no sequence
    /// of rewards and payments leads here.
    pub fn owed(&self, shares: u64, start: u128) -> Option<u128> {
        self.accumulated.checked_sub(start)?.checked_mul(u128::from(shares))
    }

    /// Takes out what so many shares are paid (rules 3 and 4); `None` as for [`Rewards::owed`].
    #[must_use]
    pub fn pay(&mut self, shares: u64, start: u128) -> Option<u64> {
        let owed = self.owed(shares, start)?;
        let paid = u64::try_from(owed / SCALE).ok()?;
        self.outstanding = self.outstanding.checked_sub(paid)?;
        self.remainder = self.remainder.checked_add(owed % SCALE)?;
        Some(paid)
    }
}

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    super::SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

fn wide(table: Table, row: &[Value], column: usize) -> Result<u128, Fatal> {
    let text = table.text(row, column)?;
    text.parse().map_err(|_| {
        Fatal::new(format!("{}: \"{text}\" is no number; restore the store from a copy", table.0))
    })
}

fn broken(validator: AccountAddress) -> Fatal {
    Fatal::new(format!(
        "the rewards of {validator} do not add up: the store is damaged, restore it from a copy"
    ))
}

/// What a validator has earned; zeros before its first reward.
pub fn rewards(rows: &impl Rows, validator: AccountAddress) -> Result<Rewards, Fatal> {
    let found = rows.rows(
        "SELECT outstanding, commission, accumulated, remainder FROM chain_validator_rewards
         WHERE validator = ?1",
        &[&operator_key(validator)],
    )?;
    let Some(row) = found.first() else { return Ok(Rewards::default()) };
    Ok(Rewards {
        outstanding: REWARDS.count(row, 0)?,
        commission: REWARDS.count(row, 1)?,
        accumulated: wide(REWARDS, row, 2)?,
        remainder: wide(REWARDS, row, 3)?,
    })
}

fn save(store: &mut Store, validator: AccountAddress, rewards: &Rewards) -> Result<(), Fatal> {
    store.execute(
        "INSERT INTO chain_validator_rewards
         (validator, outstanding, commission, accumulated, remainder) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (validator) DO UPDATE SET outstanding = excluded.outstanding,
         commission = excluded.commission, accumulated = excluded.accumulated,
         remainder = excluded.remainder",
        &[
            &operator_key(validator),
            &integer(rewards.outstanding)?,
            &integer(rewards.commission)?,
            &Value::Text(rewards.accumulated.to_string()),
            &Value::Text(rewards.remainder.to_string()),
        ],
    )?;
    Ok(())
}

/// Divides `amount` and `tip`, which no balance holds any more or yet (rule 1); gives what each signer took of the
/// amount.
pub fn distribute(
    store: &mut Store,
    events: &mut Vec<Event>,
    signers: &[Share],
    proposer: Option<&Share>,
    amount: u64,
    tip: u64,
) -> Result<Vec<u64>, Fatal> {
    let tax = params::part(amount, params::get(store, Param::CommunityTax)?);
    let divided = amount.saturating_sub(tax);
    let power: u128 = signers.iter().map(|signer| u128::from(signer.power)).sum();
    let mut parts = Vec::with_capacity(signers.len());
    for signer in signers {
        let product = u128::from(divided) * u128::from(signer.power);
        // At most `divided`, since no power is above the sum.
        let part = u64::try_from(product.checked_div(power).unwrap_or(0)).unwrap_or(0);
        parts.push(allocate(store, events, signer, part)?);
    }
    let mut given: u64 = parts.iter().sum();
    if let Some(proposer) = proposer {
        given = given.saturating_add(allocate(store, events, proposer, tip)?);
    }
    bank::credit(store, account(), DENOM, given)?;
    let pool = amount.saturating_add(tip).saturating_sub(given);
    bank::credit(store, community_pool(), DENOM, pool)?;
    Ok(parts)
}

/// Gives a validator its part of a block (rule 2); what it took, which is nothing or all.
fn allocate(
    store: &mut Store,
    events: &mut Vec<Event>,
    share: &Share,
    amount: u64,
) -> Result<u64, Fatal> {
    if amount == 0 {
        return Ok(0);
    }
    let mut after = rewards(store, share.operator)?;
    let commission = params::part(amount, share.commission_ppm.min(PPM));
    if !after.earn(amount.saturating_sub(commission), share.shares) {
        return Ok(0);
    }
    after.commission = after.commission.saturating_add(commission);
    save(store, share.operator, &after)?;
    events.push(
        Event::new("rewards")
            .with("validator", OperatorAddress(share.operator))
            .with("amount", format!("{amount}{DENOM}"))
            .with("commission", format!("{commission}{DENOM}")),
    );
    Ok(amount)
}

/// Pays what a delegation has earned and begins anew, before its shares change (rule 3); `before` is 0 for
/// a new delegation, `after` for one that ends. Gives what was paid.
pub fn before_shares_change(
    store: &mut Store,
    events: &mut Vec<Event>,
    validator: AccountAddress,
    delegator: AccountAddress,
    before: u64,
    after: u64,
) -> Result<u64, Fatal> {
    let mut rewards = rewards(store, validator)?;
    let mut paid = 0;
    if before > 0 {
        let start = start(store, validator, delegator)?.ok_or_else(|| broken(validator))?;
        let earned = rewards;
        paid = rewards.pay(before, start).ok_or_else(|| broken(validator))?;
        if rewards != earned {
            save(store, validator, &rewards)?;
        }
        if paid > 0 {
            bank::pay_out(store, account(), withdraw_address(store, delegator)?, paid)?;
            events.push(
                Event::new("withdraw_rewards")
                    .with("amount", format!("{paid}{DENOM}"))
                    .with("validator", OperatorAddress(validator))
                    .with("delegator", delegator),
            );
        }
    }
    if after == 0 {
        store.execute(
            "DELETE FROM chain_reward_starts WHERE validator = ?1 AND delegator = ?2",
            &[&operator_key(validator), &account_key(delegator)],
        )?;
    } else {
        store.execute(
            "INSERT INTO chain_reward_starts (validator, delegator, accumulated)
             VALUES (?1, ?2, ?3)
             ON CONFLICT (validator, delegator) DO UPDATE SET accumulated = excluded.accumulated",
            &[
                &operator_key(validator),
                &account_key(delegator),
                &Value::Text(rewards.accumulated.to_string()),
            ],
        )?;
    }
    Ok(paid)
}

pub(super) fn start(
    rows: &impl Rows,
    validator: AccountAddress,
    delegator: AccountAddress,
) -> Result<Option<u128>, Fatal> {
    let found = rows.rows(
        "SELECT accumulated FROM chain_reward_starts WHERE validator = ?1 AND delegator = ?2",
        &[&operator_key(validator), &account_key(delegator)],
    )?;
    found.first().map(|row| wide(STARTS, row, 0)).transpose()
}

/// What a delegation of so many shares would be paid, times [`SCALE`].
pub fn pending(
    rows: &impl Rows,
    validator: AccountAddress,
    delegator: AccountAddress,
    shares: u64,
) -> Result<u128, Fatal> {
    match start(rows, validator, delegator)? {
        Some(start) => {
            rewards(rows, validator)?.owed(shares, start).ok_or_else(|| broken(validator))
        }
        None => Ok(0),
    }
}

/// `MsgWithdrawDelegatorReward`, for a delegation of so many shares; gives what was paid.
pub fn withdraw_rewards(
    store: &mut Store,
    events: &mut Vec<Event>,
    validator: AccountAddress,
    delegator: AccountAddress,
    shares: u64,
) -> Result<u64, Error> {
    if shares == 0 {
        let message = format!("{delegator} delegates nothing to {}", OperatorAddress(validator));
        return Err(Error::rejected(Code::NoDelegation, message));
    }
    Ok(before_shares_change(store, events, validator, delegator, shares, shares)?)
}

/// `MsgWithdrawValidatorCommission`; gives what was paid.
pub fn withdraw_commission(
    store: &mut Store,
    events: &mut Vec<Event>,
    validator: AccountAddress,
) -> Result<u64, Error> {
    let before = rewards(store, validator)?;
    if before.commission == 0 {
        let message = format!("{} has no commission to withdraw", OperatorAddress(validator));
        return Err(Error::rejected(Code::NoCommission, message));
    }
    save(store, validator, &Rewards { commission: 0, ..before })?;
    bank::pay_out(store, account(), withdraw_address(store, validator)?, before.commission)?;
    events.push(
        Event::new("withdraw_commission")
            .with("amount", format!("{}{DENOM}", before.commission))
            .with("validator", OperatorAddress(validator)),
    );
    Ok(before.commission)
}

/// Ends a validator that has no delegations any more (rule 8).
pub fn remove_validator(
    store: &mut Store,
    events: &mut Vec<Event>,
    validator: AccountAddress,
) -> Result<(), Fatal> {
    if rewards(store, validator)?.commission > 0 {
        certain(withdraw_commission(store, events, validator))?;
    }
    let left = rewards(store, validator)?.outstanding;
    certain(bank::deposit(store, account(), community_pool(), left))?;
    store.execute(
        "DELETE FROM chain_validator_rewards WHERE validator = ?1",
        &[&operator_key(validator)],
    )?;
    Ok(())
}
