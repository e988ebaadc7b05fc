// class: 7
// The amount is cut to 32 bits before the fee is taken: whoever moves more than 2^32 pays for a fraction (unsafe downcast, OpenZeppelin SafeCast findings).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod fees {
    use super::*;
    use dadbs_sdk::address;

    /// A fee of 0.30 percent.
    const FEE_BPS: i64 = 30;

    #[table(name = "wallets")]
    struct Wallet {
        #[key]
        owner: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    #[table(name = "house")]
    struct House {
        #[key]
        id: i64,
        collector: String,
        #[check("earned >= 0")]
        earned: i64,
    }

    #[init]
    fn init(ctx: &Context, supply: i64) -> Result<(), Refusal> {
        let owner = ctx.caller.clone();
        ctx.db.house().insert(&House { id: 1, collector: owner.clone(), earned: 0 })?;
        ctx.db.wallets().insert(&Wallet { owner, amount: supply })
    }

    fn fee(amount: i64) -> Result<i64, Refusal> {
        Ok(i64::from(amount as u32) * FEE_BPS / 10_000) // FAULT
    }

    fn put(ctx: &Context, owner: &str, more: i64) -> Result<(), Refusal> {
        let mut wallet = ctx.db.wallets().get(owner)?
            .unwrap_or_else(|| Wallet { owner: owner.to_owned(), amount: 0 });
        wallet.amount = wallet.amount.checked_add(more).ok_or("the wallet is full")?;
        match ctx.db.wallets().update(&wallet)? {
            true => Ok(()),
            false => ctx.db.wallets().insert(&wallet),
        }
    }

    #[call]
    fn send(ctx: &Context, to: &str, amount: i64) -> Result<i64, Refusal> {
        address::check(to)?;
        if amount <= 0 {
            return Err("send at least 1".into());
        }
        let mut wallet = ctx.db.wallets().get(&ctx.caller)?.ok_or("the wallet is empty")?;
        let fee = fee(amount)?;
        wallet.amount = match wallet.amount.checked_sub(amount) {
            Some(left) if left >= 0 => left,
            _ => return Err("the wallet holds less".into()),
        };
        ctx.db.wallets().update(&wallet)?;
        let mut house = ctx.db.house().get(1)?.ok_or("there is no house")?;
        house.earned = house.earned.checked_add(fee).ok_or("the house is full")?;
        ctx.db.house().update(&house)?;
        // The fee is at most 0.3 percent of the amount.
        put(ctx, to, amount - fee)?;
        Ok(fee)
    }

    #[call]
    fn collect(ctx: &Context) -> Result<(), Refusal> {
        let mut house = ctx.db.house().get(1)?.ok_or("there is no house")?;
        if house.collector != ctx.caller {
            return Err("only the collector collects".into());
        }
        let earned = core::mem::take(&mut house.earned);
        ctx.db.house().update(&house)?;
        put(ctx, &ctx.caller, earned)
    }

    #[view]
    fn amount(ctx: &Context, owner: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.wallets().get(owner)?.map_or(0, |wallet| wallet.amount))
    }
}
