// class: 2
//! A payroll: an employer notes wages and pays them in batches.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod payroll {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Wages of one batch.
    const BATCH: u32 = 20;

    /// Who made the contract.
    #[table(name = "employer")]
    struct Employer {
        #[key]
        address: String,
    }

    /// What somebody is owed.
    #[table(name = "wages")]
    struct Wage {
        #[key(auto)]
        id: i64,
        worker: String,
        #[check("amount > 0")]
        amount: i64,
        #[check("state IN ('due', 'paid')")]
        #[index]
        state: String,
        paid_ms: Option<i64>,
    }

    #[error]
    enum PayrollError {
        /// Only the employer may do this.
        NotEmployer,
        /// There are not enough coins for the batch.
        NotCovered { needed: i64 },
    }

    #[event]
    struct Paid<'a> {
        worker: &'a str,
        amount: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.employer().insert(&Employer { address: ctx.caller.clone() })
    }

    fn only_employer(ctx: &Context) -> Result<(), Refusal> {
        let known = ctx.db.employer().get(&ctx.caller)?;
        known.map(drop).ok_or_else(|| PayrollError::NotEmployer.into())
    }

    /// Puts coins in, from whomever.
    #[call(payable)]
    fn fund() -> Result<i64, Refusal> {
        calls::paid(DENOM)
    }

    /// Notes a wage.
    #[call]
    fn owe(ctx: &Context, worker: String, amount: i64) -> Result<i64, Refusal> {
        only_employer(ctx)?;
        address::check(&worker)?;
        let state = "due".into();
        ctx.db.wages().insert(&Wage { id: 0, worker, amount, state, paid_ms: None })
    }

    /// Pays the oldest wages; answers how many.
    #[call]
    fn pay_batch(ctx: &Context) -> Result<u32, Refusal> {
        only_employer(ctx)?;
        let mut batch = ctx.db.wages().by_state("due", BATCH)?;
        let needed = batch.iter().map(|wage| wage.amount).sum();
        if calls::balance(&ctx.contract_address, DENOM) < needed {
            return Err(PayrollError::NotCovered { needed }.into());
        }
        let mut count = 0;
        for wage in &mut batch {
            calls::transfer(&wage.worker, &[(DENOM, wage.amount)])?;
            Paid { worker: &wage.worker, amount: wage.amount }.emit();
            wage.state = "paid".into();
            wage.paid_ms = Some(ctx.time_ms);
            ctx.db.wages().update(wage)?;
            count += 1;
        }
        Ok(count)
    }

    /// The oldest wages that are due.
    #[view]
    fn due(ctx: &Context) -> Result<Vec<Wage>, Refusal> {
        ctx.db.wages().by_state("due", 100)
    }
}
