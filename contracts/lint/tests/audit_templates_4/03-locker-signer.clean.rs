// class: 1
// Right: the locker is opened by the stored owner or a stored deputy, and both are compared with `ctx.caller`.
#![cfg_attr(target_arch = "wasm32", no_std)]
//! Coins in lockers that open at a time.
use dadbs_sdk::address;
use dadbs_sdk::prelude::*;

#[contract]
mod lockers {
    use super::*;

    const COIN: &str = calls::DENOM;

    #[table(name = "lockers")]
    struct Locker {
        #[key]
        label: String,
        owner: String,
        deputy: Option<String>,
        #[check("held >= 0")]
        held: i64,
        opens_ms: i64,
    }

    #[event]
    struct Taken<'a> {
        label: &'a str,
        amount: i64,
    }

    #[init]
    fn init() {}

    fn locker(ctx: &Context, label: &str) -> Result<Locker, Refusal> {
        ctx.db.lockers().get(label)?.ok_or_else(|| format!("no locker is labelled {label}").into())
    }

    /// Makes a locker and puts the coins in that come along.
    #[call(payable)]
    fn rent(ctx: &Context, label: String, opens_ms: i64) -> Result<(), Refusal> {
        if label.is_empty() || label.len() > 40 {
            return Err("a label has 1 to 40 letters".into());
        }
        let held = calls::paid(COIN)?;
        let owner = ctx.caller.clone();
        ctx.db.lockers().insert(&Locker { label, owner, deputy: None, held, opens_ms })
    }

    /// Owner and deputy put more coins in.
    #[call(payable)]
    fn top_up(ctx: &Context, label: &str) -> Result<i64, Refusal> {
        let sent = calls::paid(COIN)?;
        let mut found = locker(ctx, label)?;
        if found.owner != ctx.caller && found.deputy.as_deref() != Some(&*ctx.caller) {
            return Err("only owner and deputy fill a locker".into());
        }
        found.held = found.held.checked_add(sent).ok_or("the locker is full")?;
        ctx.db.lockers().update(&found)?;
        Ok(found.held)
    }

    #[call]
    fn appoint(ctx: &Context, label: &str, deputy: Option<String>) -> Result<(), Refusal> {
        if let Some(who) = &deputy {
            address::check(who)?;
        }
        // The owner stands in the condition: another caller changes no row.
        let changed =
            sql!("UPDATE lockers SET deputy = ? WHERE label = ? AND owner = ?", deputy, label, ctx.caller)?;
        match changed {
            1 => Ok(()),
            _ => Err("this is not a locker of yours".into()),
        }
    }

    #[call]
    fn take(ctx: &Context, label: &str, amount: i64) -> Result<(), Refusal> {
        let mut found = locker(ctx, label)?;
        let by_deputy = found.deputy.as_ref().is_some_and(|deputy| *deputy == ctx.caller);
        if !(by_deputy || found.owner == ctx.caller) {
            return Err("only owner and deputy open a locker".into());
        }
        if ctx.time_ms < found.opens_ms {
            return Err("the locker is still shut".into());
        }
        if !(1..=found.held).contains(&amount) {
            return Err(format!("the locker holds {}", found.held).into());
        }
        found.held -= amount;
        ctx.db.lockers().update(&found)?;
        calls::transfer(&ctx.caller, &[(COIN, amount)])?;
        Taken { label, amount }.emit();
        Ok(())
    }

    #[view]
    fn look(ctx: &Context, label: &str) -> Result<Option<Locker>, Refusal> {
        ctx.db.lockers().get(label)
    }
}
