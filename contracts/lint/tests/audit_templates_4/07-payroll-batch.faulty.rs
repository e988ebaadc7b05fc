// class: 2
// Fault: in the pay loop each row is marked as paid after its coins have gone (modelled on The DAO's withdraw-then-zero, in a batch, as in "checks-effects-interactions violated in loop" findings).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::calls::DENOM;
use dadbs_sdk::prelude::*;

#[contract]
mod payroll {
    use super::*;

    /// Slips that one call pays.
    const BATCH: u32 = 25;

    #[table(name = "boss")]
    struct Boss {
        #[key]
        id: i64,
        address: String,
    }

    #[table(name = "slips", index(paid, id))]
    struct Slip {
        #[key(auto)]
        id: i64,
        #[index]
        worker: String,
        #[check("amount > 0")]
        amount: i64,
        month: String,
        paid: bool,
    }

    #[event]
    struct PaidOut {
        slips: i64,
        sum: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.boss().insert(&Boss { id: 1, address: ctx.caller.clone() })
    }

    fn only_boss(ctx: &Context) -> Result<(), Refusal> {
        match ctx.db.boss().get(1)? {
            Some(boss) if boss.address == ctx.caller => Ok(()),
            _ => Err("only the boss does this".into()),
        }
    }

    /// The coins that slips are paid from.
    #[call(payable)]
    fn fund(ctx: &Context) -> Result<i64, Refusal> {
        only_boss(ctx)?;
        calls::paid(DENOM)?;
        Ok(calls::balance(&ctx.contract_address, DENOM))
    }

    #[call]
    fn write_slip(ctx: &Context, worker: String, amount: i64, month: String) -> Result<i64, Refusal> {
        only_boss(ctx)?;
        dadbs_sdk::address::check(&worker)?;
        ctx.db.slips().insert(&Slip { id: 0, worker, amount, month, paid: false })
    }

    fn next_batch() -> Result<Vec<Slip>, Refusal> {
        let found = sql!(
            "SELECT id, worker, amount, month, paid FROM slips WHERE paid = 0 ORDER BY id LIMIT ?",
            BATCH
        )?;
        Ok(found.decode())
    }

    /// Pays the next slips; answers how many.
    #[call]
    fn pay(ctx: &Context) -> Result<i64, Refusal> {
        only_boss(ctx)?;
        let (mut slips, mut sum) = (0, 0);
        for mut slip in next_batch()? {
            calls::transfer(&slip.worker, &[(DENOM, slip.amount)])?;
            slip.paid = true;
            ctx.db.slips().update(&slip)?; // FAULT
            slips += 1;
            sum += slip.amount;
        }
        PaidOut { slips, sum }.emit();
        Ok(slips)
    }

    #[view]
    fn slips_of(ctx: &Context, worker: &str) -> Result<Vec<Slip>, Refusal> {
        ctx.db.slips().by_worker(worker, 60)
    }
}
