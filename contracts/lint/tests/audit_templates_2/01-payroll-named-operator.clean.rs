//! A payroll: operators book hours for workers, workers take what they have earned.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod payroll {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Who books hours.
    #[table(name = "operators")]
    struct Operator {
        #[key]
        address: String,
        active: bool,
    }

    /// What a worker has earned and not yet taken.
    #[table(name = "earnings")]
    struct Earning {
        #[key]
        worker: String,
        #[check("amount >= 0")]
        amount: i64,
        booked_by: String,
    }

    #[error]
    enum PayrollError {
        /// Only an active operator books.
        NotOperator { address: String },
        /// Nothing is there to take.
        Nothing,
        /// The contract does not hold so much.
        NotFunded { held: i64 },
    }

    /// Hours were booked.
    #[event]
    struct Booked<'a> {
        worker: &'a str,
        amount: i64,
    }

    /// The caller is the first operator.
    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.operators().insert(&Operator { address: ctx.caller.clone(), active: true })
    }

    fn require_operator(ctx: &Context, address: &str) -> Result<(), Refusal> {
        match ctx.db.operators().get(address)? {
            Some(operator) if operator.active => Ok(()),
            _ => Err(PayrollError::NotOperator { address: address.into() }.into()),
        }
    }

    /// Books an amount for a worker.
    #[call]
    fn book(ctx: &Context, operator: String, worker: String, amount: u32) -> Result<i64, Refusal> {
        require_operator(ctx, &ctx.caller)?;
        require_operator(ctx, &operator)?;
        address::check(&worker)?;
        let before = ctx.db.earnings().get(&worker)?.map_or(0, |earning| earning.amount);
        let amount = before + i64::from(amount);
        let held = calls::balance(&ctx.contract_address, DENOM);
        if held < amount {
            return Err(PayrollError::NotFunded { held }.into());
        }
        Booked { worker: &worker, amount }.emit();
        let earning = Earning { worker, amount, booked_by: operator };
        if !ctx.db.earnings().update(&earning)? {
            ctx.db.earnings().insert(&earning)?;
        }
        Ok(amount)
    }

    /// Takes what the caller has earned.
    #[call]
    fn take(ctx: &Context) -> Result<i64, Refusal> {
        let mut earning = ctx.db.earnings().get(&ctx.caller)?.ok_or(PayrollError::Nothing)?;
        let due = core::mem::take(&mut earning.amount);
        if due == 0 {
            return Err(PayrollError::Nothing.into());
        }
        ctx.db.earnings().update(&earning)?;
        calls::transfer(&ctx.caller, &[(DENOM, due)])?;
        Ok(due)
    }
}
