//! Loans between two accounts: the lender sends the principal, the borrower pays it back with interest.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod loans {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    const DAY_MS: i64 = 86_400_000;
    /// One, in billionths: daily rates are given in these.
    const ONE: i64 = 1_000_000_000;

    /// Coins that one account owes another.
    #[table(name = "loans")]
    struct Loan {
        #[key(auto)]
        id: i64,
        #[index]
        lender: String,
        #[index]
        borrower: String,
        #[check("principal > 0")]
        principal: i64,
        daily: u32,
        since_ms: i64,
        repaid: bool,
        memo: Option<String>,
    }

    #[error]
    enum LoanError {
        /// The caller owes no such loan.
        NotFound { id: i64 },
        /// Send exactly what is due along.
        WrongAmount { due: i64 },
    }

    /// A loan was repaid.
    #[event]
    struct Repaid<'a> {
        id: i64,
        memo: &'a str,
        interest: i64,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    /// Lends what comes along; answers the number of the loan.
    #[call(payable)]
    fn lend(
        ctx: &Context,
        borrower: String,
        daily: u32,
        memo: Option<String>,
    ) -> Result<i64, Refusal> {
        address::check(&borrower)?;
        let (lender, since_ms, principal) = (ctx.caller.clone(), ctx.time_ms, calls::paid(DENOM)?);
        let loan =
            Loan { id: 0, lender, borrower, principal, daily, since_ms, repaid: false, memo };
        let id = ctx.db.loans().insert(&loan)?;
        calls::transfer(&loan.borrower, &[(DENOM, principal)])?;
        Ok(id)
    }

    /// The interest for whole days.
    fn interest(loan: &Loan, now_ms: i64) -> Result<i64, LoanError> {
        let days = (now_ms - loan.since_ms) / DAY_MS;
        let per_day = loan.principal.checked_mul(loan.daily.into());
        let interest = per_day.and_then(|per_day| per_day.checked_mul(days));
        Ok(interest.unwrap_or_default() / ONE)
    }

    fn owed(ctx: &Context, id: i64) -> Result<Loan, Refusal> {
        let found = ctx.db.loans().get(id)?;
        let found = found.filter(|loan| loan.borrower == ctx.caller && !loan.repaid);
        Ok(found.ok_or(LoanError::NotFound { id })?)
    }

    /// What the caller owes now.
    #[view]
    fn due(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let loan = owed(ctx, id)?;
        Ok(loan.principal + interest(&loan, ctx.time_ms)?)
    }

    /// Repays a loan of the caller in full.
    #[call(payable)]
    fn repay(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut loan = owed(ctx, id)?;
        let interest = interest(&loan, ctx.time_ms)?;
        let due = loan.principal + interest;
        if calls::paid(DENOM)? != due {
            return Err(LoanError::WrongAmount { due }.into());
        }
        loan.repaid = true;
        ctx.db.loans().update(&loan)?;
        Repaid { id, memo: &loan.memo.unwrap_or_default(), interest }.emit();
        calls::transfer(&loan.lender, &[(DENOM, due)])?;
        Ok(())
    }
}
