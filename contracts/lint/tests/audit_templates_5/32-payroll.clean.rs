// class: 5
// The first payment that fails refuses the whole batch of at most ten, so booked and paid agree.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod payroll {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    const BATCH: u32 = 10;

    #[table(name = "firm")]
    struct Firm {
        #[key]
        id: i64,
        boss: String,
    }

    #[table(name = "wages")]
    struct Wage {
        #[key]
        worker: String,
        #[check("due >= 0")]
        due: i64,
        #[check("paid >= 0")]
        paid: i64,
    }

    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.firm().insert(&Firm { id: 1, boss: ctx.caller.clone() })
    }

    fn boss_only(ctx: &Context) -> Result<(), Refusal> {
        let firm = ctx.db.firm().get(1)?.ok_or("there is no firm")?;
        if firm.boss == ctx.caller { Ok(()) } else { Err("only the boss may do this".into()) }
    }

    #[call]
    fn owe(ctx: &Context, worker: String, amount: u32) -> Result<i64, Refusal> {
        boss_only(ctx)?;
        address::check(&worker)?;
        let amount = i64::from(amount);
        let Some(mut wage) = ctx.db.wages().get(&worker)? else {
            ctx.db.wages().insert(&Wage { worker, due: amount, paid: 0 })?;
            return Ok(amount);
        };
        wage.due = wage.due.checked_add(amount).ok_or("too much is due")?;
        ctx.db.wages().update(&wage)?;
        Ok(wage.due)
    }

    /// Books what is due as paid; answers what to send.
    fn book(ctx: &Context, after: &str) -> Result<Vec<(String, i64)>, Refusal> {
        let mut to_send = Vec::new();
        for mut wage in ctx.db.wages().scan_after(after, BATCH)? {
            let amount = core::mem::take(&mut wage.due);
            if amount > 0 {
                wage.paid = wage.paid.checked_add(amount).ok_or("too much was paid")?;
                ctx.db.wages().update(&wage)?;
                to_send.push((wage.worker, amount));
            }
        }
        Ok(to_send)
    }

    /// Pays the next ten workers behind this one; answers how many were paid.
    #[call]
    fn pay(ctx: &Context, after: &str) -> Result<i64, Refusal> {
        boss_only(ctx)?;
        let mut done = 0;
        for (worker, amount) in book(ctx, after)? {
            if let Err(error) = calls::transfer(&worker, &[(DENOM, amount)]) {
                return Err(Refusal::from(error).at(&worker));
            }
            done += 1;
        }
        Ok(done)
    }

    #[call(payable)]
    fn fund() -> Result<i64, Refusal> {
        calls::paid(DENOM)
    }

    #[view]
    fn wage(ctx: &Context, worker: &str) -> Result<Option<Wage>, Refusal> {
        ctx.db.wages().get(worker)
    }
}
