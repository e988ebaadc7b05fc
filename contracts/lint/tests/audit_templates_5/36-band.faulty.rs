// class: 9
// The parts of a payment are made by multiplying the amount with a float share: the first two are off by rounding, and wrong above 2^53 (float money).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod band {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "band", check("a <> b AND b <> c AND a <> c"))]
    struct Band {
        #[key]
        id: i64,
        a: String,
        b: String,
        c: String,
    }

    #[table(name = "purses")]
    struct Purse {
        #[key]
        player: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    /// Hundredths of the first two; the third has the rest.
    const FIRST: i64 = 50;
    const SECOND: i64 = 30;

    #[init]
    fn init(ctx: &Context, a: String, b: String, c: String) -> Result<(), Refusal> {
        for player in [&a, &b, &c] {
            address::check(player)?;
            ctx.db.purses().insert(&Purse { player: player.clone(), amount: 0 })?;
        }
        ctx.db.band().insert(&Band { id: 1, a, b, c })
    }

    fn part(amount: i64, hundredths: i64) -> Result<i64, Refusal> {
        Ok((amount as f64 * (hundredths as f64 / 100.0)) as i64) // FAULT
    }

    fn add(ctx: &Context, player: &str, amount: i64) -> Result<(), Refusal> {
        let mut purse = ctx.db.purses().get(player)?.ok_or("there is no such purse")?;
        purse.amount = purse.amount.checked_add(amount).ok_or("the purse is full")?;
        ctx.db.purses().update(&purse)?;
        Ok(())
    }

    /// Splits what comes along.
    #[call(payable)]
    fn pay(ctx: &Context) -> Result<(i64, i64, i64), Refusal> {
        let band = ctx.db.band().get(1)?.ok_or("there is no band")?;
        let amount = calls::paid(DENOM)?;
        let (first, second) = (part(amount, FIRST)?, part(amount, SECOND)?);
        let third = amount
            .checked_sub(first)
            .and_then(|rest| rest.checked_sub(second))
            .ok_or("the parts are more than the payment")?;
        for (player, part) in [(&band.a, first), (&band.b, second), (&band.c, third)] {
            add(ctx, player, part)?;
        }
        Ok((first, second, third))
    }

    #[call]
    fn draw(ctx: &Context) -> Result<i64, Refusal> {
        let mut purse = ctx.db.purses().get(&ctx.caller)?.ok_or("you do not play here")?;
        let amount = purse.amount;
        if amount == 0 {
            return Ok(0);
        }
        purse.amount = 0;
        ctx.db.purses().update(&purse)?;
        calls::transfer(&purse.player, &[(DENOM, amount)])?;
        Ok(amount)
    }

    #[view]
    fn purse(ctx: &Context, player: &str) -> Result<Option<Purse>, Refusal> {
        ctx.db.purses().get(player)
    }
}
