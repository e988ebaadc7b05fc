// class: 2
// The stake is lowered, then the reward contract is called, and the coins go last.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod staking_pool {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "pool")]
    struct Pool {
        #[key]
        id: i64,
        owner: String,
        rewards: String,
    }

    #[table(name = "stakes")]
    struct Stake {
        #[key]
        staker: String,
        #[check("amount >= 0")]
        amount: i64,
        since_height: i64,
    }

    #[init]
    fn init(ctx: &Context, rewards: String) -> Result<(), Refusal> {
        ctx.db.pool().insert(&Pool { id: 1, owner: ctx.caller.clone(), rewards })
    }

    fn pool(ctx: &Context) -> Result<Pool, Refusal> {
        ctx.db.pool().get(1)?.ok_or_else(|| "there is no pool".into())
    }

    #[call]
    fn set_rewards(ctx: &Context, rewards: String) -> Result<(), Refusal> {
        let before = pool(ctx)?;
        if before.owner != ctx.caller {
            return Err("only the owner names the reward contract".into());
        }
        ctx.db.pool().update(&Pool { rewards, ..before })?;
        Ok(())
    }

    fn stake_of(ctx: &Context, staker: &str) -> Result<Stake, Refusal> {
        Ok(match ctx.db.stakes().get(staker)? {
            Some(stake) => stake,
            None => Stake { staker: staker.into(), amount: 0, since_height: ctx.height },
        })
    }

    /// Writes the changed stake; an empty one goes.
    fn settle(ctx: &Context, stake: &Stake) -> Result<(), Refusal> {
        if stake.amount == 0 {
            ctx.db.stakes().delete(&stake.staker)?;
        } else if !ctx.db.stakes().update(stake)? {
            ctx.db.stakes().insert(stake)?;
        }
        Ok(())
    }

    fn reward(ctx: &Context, staker: &str, amount: i64, blocks: i64) -> Result<(), Refusal> {
        let rewards = pool(ctx)?.rewards;
        calls::call(&rewards, "reward", params![staker, amount, blocks], &[])?;
        Ok(())
    }

    #[call(payable)]
    fn stake(ctx: &Context) -> Result<i64, Refusal> {
        let mut stake = stake_of(ctx, &ctx.caller)?;
        stake.amount = stake.amount.checked_add(calls::paid(DENOM)?).ok_or("the stake is full")?;
        stake.since_height = ctx.height;
        settle(ctx, &stake)?;
        Ok(stake.amount)
    }

    #[call]
    fn unstake(ctx: &Context, amount: i64) -> Result<(), Refusal> {
        let mut stake = stake_of(ctx, &ctx.caller)?;
        if !(1..=stake.amount).contains(&amount) {
            return Err(format!("{} is staked", stake.amount).into());
        }
        // A height is never below an earlier one.
        let blocks = ctx.height - stake.since_height;
        stake.amount -= amount;
        settle(ctx, &stake)?;
        reward(ctx, &stake.staker, amount, blocks)?;
        calls::transfer(&ctx.caller, &[(DENOM, amount)])?;
        Ok(())
    }

    #[view]
    fn staked(ctx: &Context, staker: &str) -> Result<i64, Refusal> {
        stake_of(ctx, staker).map(|stake| stake.amount)
    }
}
