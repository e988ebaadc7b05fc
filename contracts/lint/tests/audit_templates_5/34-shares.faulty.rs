// class: 7
// The product of deposit and shares wraps before it is divided: large deposits get arbitrary shares (intermediate overflow in share maths).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod shares {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "fund")]
    struct Fund {
        #[key]
        id: i64,
        #[check("coins >= 0")]
        coins: i64,
        #[check("shares >= 0")]
        shares: i64,
    }

    #[table(name = "owners")]
    struct Owner {
        #[key]
        address: String,
        #[check("shares >= 0")]
        shares: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.fund().insert(&Fund { id: 1, coins: 0, shares: 0 })
    }

    fn fund(ctx: &Context) -> Result<Fund, Refusal> {
        ctx.db.fund().get(1)?.ok_or_else(|| "there is no fund".into())
    }

    /// a times b by c, rounded down.
    fn portion(a: i64, b: i64, c: i64) -> Result<i64, Refusal> {
        if c == 0 {
            return Err("the fund is empty".into());
        }
        Ok((a as u64).wrapping_mul(b as u64).wrapping_div(c as u64) as i64) // FAULT
    }

    fn put(ctx: &Context, shares: i64) -> Result<(), Refusal> {
        let owner = Owner { address: ctx.caller.clone(), shares };
        match ctx.db.owners().update(&owner)? {
            true => Ok(()),
            false => ctx.db.owners().insert(&owner),
        }
    }

    #[call(payable)]
    fn join(ctx: &Context) -> Result<i64, Refusal> {
        let mut fund = fund(ctx)?;
        let paid = calls::paid(DENOM)?;
        let new = if fund.shares == 0 { paid } else { portion(paid, fund.shares, fund.coins)? };
        if new < 1 {
            return Err("that buys no share".into());
        }
        fund.coins = fund.coins.checked_add(paid).ok_or("the fund is full")?;
        fund.shares = fund.shares.checked_add(new).ok_or("the fund is full")?;
        ctx.db.fund().update(&fund)?;
        let before = ctx.db.owners().get(&ctx.caller)?.map_or(0, |owner| owner.shares);
        // No more than all shares, which fit.
        put(ctx, before + new)?;
        Ok(new)
    }

    #[call]
    fn leave(ctx: &Context, shares: i64) -> Result<i64, Refusal> {
        let held = ctx.db.owners().get(&ctx.caller)?.map_or(0, |owner| owner.shares);
        if shares < 1 || shares > held {
            return Err(format!("you hold {held} shares").into());
        }
        let mut fund = fund(ctx)?;
        let coins = portion(shares, fund.coins, fund.shares)?;
        fund.coins = fund.coins.checked_sub(coins).ok_or("the fund holds less")?;
        // What is held is a part of all shares.
        fund.shares -= shares;
        ctx.db.fund().update(&fund)?;
        put(ctx, held - shares)?;
        if coins > 0 {
            calls::transfer(&ctx.caller, &[(DENOM, coins)])?;
        }
        Ok(coins)
    }

    #[view]
    fn shares(ctx: &Context, address: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.owners().get(address)?.map_or(0, |owner| owner.shares))
    }
}
