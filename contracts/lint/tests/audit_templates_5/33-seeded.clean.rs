// class: 6
// The helper is private and init alone seeds; migrate only moves the version and asks for the owner.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod seeded {
    use super::*;
    use dadbs_sdk::address;

    const VERSION: i64 = 3;

    #[table(name = "meta")]
    struct Meta {
        #[key]
        id: i64,
        owner: String,
        version: i64,
        #[check("unminted >= 0")]
        unminted: i64,
    }

    #[table(name = "coins")]
    struct Coins {
        #[key]
        holder: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    fn seed(ctx: &Context, unminted: i64) -> Result<(), Refusal> {
        let meta = Meta { id: 1, owner: ctx.caller.clone(), version: VERSION, unminted };
        if ctx.db.meta().update(&meta)? { Ok(()) } else { ctx.db.meta().insert(&meta) }
    }

    fn meta(ctx: &Context) -> Result<Meta, Refusal> {
        ctx.db.meta().get(1)?.ok_or_else(|| Refusal::new("nothing was seeded"))
    }

    #[init]
    fn init(ctx: &Context, supply: i64) -> Result<(), Refusal> {
        seed(ctx, supply)
    }

    /// From an older version to this one, once each, by the owner.
    #[migrate]
    fn migrate(ctx: &Context) -> Result<(), Refusal> {
        let mut meta = meta(ctx)?;
        if meta.owner != ctx.caller {
            return Err("only the owner migrates".into());
        }
        if meta.version >= VERSION {
            return Err("this version is in place".into());
        }
        meta.version = VERSION;
        ctx.db.meta().update(&meta)?;
        Ok(())
    }

    #[call]
    fn mint(ctx: &Context, to: String, amount: u32) -> Result<i64, Refusal> {
        let mut meta = meta(ctx)?;
        if meta.owner != ctx.caller {
            return Err("only the owner mints".into());
        }
        address::check(&to)?;
        let amount = i64::from(amount);
        if amount > meta.unminted {
            return Err(format!("{} are left to mint", meta.unminted).into());
        }
        meta.unminted -= amount;
        ctx.db.meta().update(&meta)?;
        let before = ctx.db.coins().get(&to)?.map_or(0, |coins| coins.amount);
        let after = before.checked_add(amount).ok_or("the holder is full")?;
        let coins = Coins { holder: to, amount: after };
        if !ctx.db.coins().update(&coins)? {
            ctx.db.coins().insert(&coins)?;
        }
        Ok(after)
    }

    /// Destroys coins of the caller.
    #[call]
    fn burn(ctx: &Context, amount: u32) -> Result<i64, Refusal> {
        let mut coins = ctx.db.coins().get(&ctx.caller)?.ok_or("you hold nothing")?;
        if i64::from(amount) > coins.amount {
            return Err(format!("you hold {}", coins.amount).into());
        }
        coins.amount -= i64::from(amount);
        ctx.db.coins().update(&coins)?;
        Ok(coins.amount)
    }
}
