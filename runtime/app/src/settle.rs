//! Where the money of a block goes.
//!
//! 1. A block settles if a transaction has passed ante, a scheduled call has begun, it carries evidence, or a fault is
//!    due; the others write nothing.
//! 2. Inflation is minted before anything in the block changes a share: what an idle chain has left unpaid belongs to those
//!    who were there. Its part for uptime is divided among those who signed the block before, by power; the other parts
//!    go where `rewards` says.
//! 3. At the end of the block a part of its fees is burned, and the rest is divided alike, by the shares as they are
//!    then. What was offered beyond the price of gas is the proposer's.
//! 4. Storage is paid if its epoch is over. Allowances that have expired are removed; then the price of gas moves by what
//!    the transactions used.

use crate::execute::BlockContext;
use dadbs_modules::distribution::{self, Share};
use dadbs_modules::params::{self, Param};
use dadbs_modules::{Rows, Writer, bank, feegrant, fees, mint, rewards, staking};
use dadbs_types::coin::DENOM;
use dadbs_types::{Amount, Event, Fatal};

/// What a block has taken in, and the gas that moves the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// True if the block settles (rule 1).
    settles: bool,
    /// True once inflation is paid (rule 2).
    minted: bool,
    /// Fees at the price of gas.
    base: u64,
    /// What was offered beyond.
    tips: u64,
    gas: u64,
}

impl Paid {
    /// Counts the fee of a transaction that has passed ante, of which `base` is the price of its gas.
    pub(crate) fn fee(&mut self, fee: Amount, base: u128) {
        self.settles = true;
        // A fee was taken from a balance, so it has 63 bits; a simulated one may be anything.
        let whole = u64::try_from(fee.0).unwrap_or(u64::MAX);
        let base = u64::try_from(base).unwrap_or(u64::MAX).min(whole);
        self.base = self.base.saturating_add(base);
        self.tips = self.tips.saturating_add(whole.saturating_sub(base));
    }

    /// Counts what was prepaid for a scheduled call that begins.
    pub(crate) fn scheduled_fee(&mut self, fee: u64) {
        self.settles = true;
        self.base = self.base.saturating_add(fee);
    }

    /// Notes that a fault is due.
    pub(crate) fn fault(&mut self) {
        self.settles = true;
    }

    /// Counts the gas of a transaction as the price does.
    pub(crate) fn gas(&mut self, used: u64, limit: u64) {
        self.gas = self.gas.saturating_add(used.max(limit / 2));
    }
}

/// What a validator's consensus address and power earn; `None` if the validator is gone.
fn share(rows: &impl Rows, address: [u8; 20], power: u64) -> Result<Option<Share>, Fatal> {
    let found = staking::by_consensus_address(rows, address)?;
    Ok(found.map(|validator| Share {
        operator: validator.operator,
        power,
        shares: validator.shares,
        commission_ppm: validator.commission.ppm,
    }))
}

impl BlockContext<'_> {
    /// Rule 2; once in a block that settles, as soon as it is known to.
    pub(crate) fn settle_inflation(&mut self) -> Result<(), Fatal> {
        if std::mem::replace(&mut self.paid.minted, true) {
            return Ok(());
        }
        let bonded = staking::total_bonded(self.store)?;
        let minted = mint::settle(self.store, &mut self.events, self.info.time_ms(), bonded)?;
        if minted == 0 {
            return Ok(());
        }
        let parts = rewards::divide(self.store, minted)?;
        rewards::collect(self.store, parts.storage)?;
        bank::credit(self.store, distribution::community_pool(), DENOM, parts.pool)?;
        let signers = self.signers()?;
        let events = &mut self.events;
        distribution::distribute(self.store, events, &signers, None, parts.uptime, 0)?;
        Ok(())
    }

    /// Who signed the block before, with power and shares.
    fn signers(&self) -> Result<Vec<Share>, Fatal> {
        let mut signers = Vec::new();
        for vote in self.info.votes.iter().filter(|vote| vote.signed) {
            signers.extend(share(self.store, vote.address, vote.power)?);
        }
        Ok(signers)
    }

    /// Rules 3 and 4.
    pub(crate) fn settle(&mut self, events: &mut Vec<Event>) -> Result<(), Fatal> {
        if !self.paid.settles && self.info.misbehavior.is_empty() {
            return Ok(());
        }
        self.settle_inflation()?;
        let Paid { base, tips, gas, .. } = self.paid;
        let burned = params::part(base, params::get(self.store, Param::BurnedFees)?);
        bank::burn_taken(self.store, DENOM, burned)?;
        let amount = base.saturating_sub(burned);
        let signers = self.signers()?;
        let proposer = share(self.store, self.info.proposer_address, 0)?;
        distribution::distribute(self.store, events, &signers, proposer.as_ref(), amount, tips)?;
        let store = &mut *self.store;
        rewards::end_block(&mut Writer { store, block: self.info, events, rows: 0 })?;
        feegrant::prune(self.store, self.info.unix_ms())?;
        fees::settle(self.store, events, self.info.height, self.params.gas_price, gas)
    }
}
