//! A pool of coins: who pays in gets shares of it, whose worth grows with what its manager adds.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod pool {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Coins and shares are counted in this.
    type Units = i64;

    /// What the pool holds.
    #[table(name = "pool", check("assets >= 0 AND shares >= 0"))]
    struct Pool {
        #[key]
        #[check("id = 1")]
        id: i64,
        manager: String,
        assets: i64,
        shares: i64,
    }

    /// The shares of an account.
    #[table(name = "holdings")]
    struct Holding {
        #[key]
        account: String,
        #[check("shares >= 0")]
        shares: i64,
    }

    #[error]
    enum PoolError {
        /// The contract has no pool.
        NoPool,
        /// Only the manager adds yield, to a pool that has shares.
        NotManager,
        /// So much is worth no share.
        TooLittle,
        /// The pool does not take so much.
        TooMuch,
    }

    /// The caller manages.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let manager = ctx.caller.clone();
        ctx.db.pool().insert(&Pool { id: 1, manager, assets: 0, shares: 0 })
    }

    fn pool(ctx: &Context) -> Result<Pool, Refusal> {
        Ok(ctx.db.pool().get(1)?.ok_or(PoolError::NoPool)?)
    }

    fn held(ctx: &Context) -> Result<Units, Refusal> {
        Ok(ctx.db.holdings().get(&ctx.caller)?.map_or(0, |holding| holding.shares))
    }

    fn hold(ctx: &Context, shares: Units) -> Result<(), Refusal> {
        let holding = Holding { account: ctx.caller.clone(), shares };
        if !ctx.db.holdings().update(&holding)? {
            ctx.db.holdings().insert(&holding)?;
        }
        Ok(())
    }

    /// `amount * part / whole`, which no step in between overflows.
    fn portion(amount: Units, part: Units, whole: Units) -> Result<Units, PoolError> {
        let portion = i128::from(amount) * i128::from(part) / i128::from(whole);
        let portion = Units::try_from(portion).map_err(|_| PoolError::TooMuch)?;
        if portion < 1 { Err(PoolError::TooLittle) } else { Ok(portion) }
    }

    /// Pays in what comes along; answers the shares that it gives.
    #[call(payable)]
    fn enter(ctx: &Context) -> Result<i64, Refusal> {
        let (paid, mut pool) = (calls::paid(DENOM)?, pool(ctx)?);
        let new = if pool.shares == 0 { paid } else { portion(paid, pool.shares, pool.assets)? };
        pool.assets += paid;
        pool.shares += new;
        ctx.db.pool().update(&pool)?;
        hold(ctx, held(ctx)? + new)?;
        Ok(new)
    }

    /// Gives shares of the caller back; answers the coins that they are worth.
    #[call]
    fn leave(ctx: &Context, shares: u32) -> Result<i64, Refusal> {
        let (mut pool, shares) = (pool(ctx)?, i64::from(shares));
        let rest = held(ctx)?.checked_sub(shares).filter(|rest| *rest >= 0);
        hold(ctx, rest.ok_or(PoolError::TooLittle)?)?;
        let worth = portion(shares, pool.assets, pool.shares)?;
        pool.assets -= worth;
        pool.shares -= shares;
        ctx.db.pool().update(&pool)?;
        calls::transfer(&ctx.caller, &[(DENOM, worth)])?;
        Ok(worth)
    }

    /// Adds what comes along for all who hold shares.
    #[call(payable)]
    fn add_yield(ctx: &Context) -> Result<(), Refusal> {
        let mut pool = pool(ctx)?;
        if pool.manager != ctx.caller || pool.shares == 0 {
            return Err(PoolError::NotManager.into());
        }
        pool.assets += calls::paid(DENOM)?;
        ctx.db.pool().update(&pool)?;
        Ok(())
    }
}
