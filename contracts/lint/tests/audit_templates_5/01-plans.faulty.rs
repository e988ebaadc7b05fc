// class: 1
// Anybody reprices anybody's plan: the owner is never compared (missing owner check, as in many CosmWasm and Solidity "unprotected setter" findings).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod plans {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const DAY_MS: i64 = 86_400_000;

    #[table(name = "plans")]
    struct Plan {
        #[key]
        name: String,
        owner: String,
        #[check("price > 0")]
        price: i64,
        #[check("days BETWEEN 1 AND 366")]
        days: u32,
    }

    #[table(name = "members")]
    struct Member {
        #[key]
        plan: String,
        #[key]
        member: String,
        until_ms: i64,
    }

    #[table(name = "credits")]
    struct Credit {
        #[key]
        owner: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    #[init]
    fn init() {}

    fn plan(ctx: &Context, name: &str) -> Result<Plan, Refusal> {
        ctx.db.plans().get(name)?.ok_or_else(|| format!("there is no plan {name}").into())
    }

    /// The key refuses a name that is taken.
    #[call]
    fn offer(ctx: &Context, name: String, price: i64, days: u32) -> Result<(), Refusal> {
        ctx.db.plans().insert(&Plan { name, owner: ctx.caller.clone(), price, days })
    }

    #[call]
    fn reprice(ctx: &Context, name: &str, price: i64) -> Result<(), Refusal> {
        let mut plan = plan(ctx, name)?;
        plan.price = price;
        ctx.db.plans().update(&plan)?; // FAULT
        Ok(())
    }

    #[call(payable)]
    fn subscribe(ctx: &Context, name: &str) -> Result<i64, Refusal> {
        let plan = plan(ctx, name)?;
        let paid = calls::paid(DENOM)?;
        if paid != plan.price {
            return Err(format!("send exactly {}{DENOM}", plan.price).into());
        }
        let mut credit = ctx.db.credits().get(&plan.owner)?
            .unwrap_or(Credit { owner: plan.owner, amount: 0 });
        credit.amount = credit.amount.checked_add(paid).ok_or("the credit is full")?;
        if !ctx.db.credits().update(&credit)? {
            ctx.db.credits().insert(&credit)?;
        }
        let before = ctx.db.members().get(name, &ctx.caller)?.map_or(0, |member| member.until_ms);
        let until_ms = before.max(ctx.time_ms) + i64::from(plan.days) * DAY_MS;
        let member = Member { plan: plan.name, member: ctx.caller.clone(), until_ms };
        if !ctx.db.members().update(&member)? {
            ctx.db.members().insert(&member)?;
        }
        Ok(until_ms)
    }

    #[call]
    fn collect(ctx: &Context) -> Result<i64, Refusal> {
        let credit = ctx.db.credits().get(&ctx.caller)?.ok_or("nothing to collect")?;
        ctx.db.credits().delete(&ctx.caller)?;
        calls::transfer(&ctx.caller, &[(DENOM, credit.amount)])?;
        Ok(credit.amount)
    }

    #[view]
    fn active(ctx: &Context, name: &str, member: &str) -> Result<bool, Refusal> {
        Ok(ctx.db.members().get(name, member)?.is_some_and(|row| row.until_ms > ctx.time_ms))
    }
}
