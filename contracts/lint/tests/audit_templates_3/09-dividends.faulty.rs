// class: 3
//! Dividends: holders of shares are credited from what the company pays in.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod dividends {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Holders that are read at once.
    const PAGE: u32 = u32::MAX;

    /// The company, and how far the round is.
    #[table(name = "company")]
    struct Company {
        #[key]
        id: i64,
        owner: String,
        per_share: i64,
        /// The holder that was credited last; empty before the first.
        done_to: String,
    }

    /// What an account holds, and what it may take.
    #[table(name = "holders")]
    struct Holder {
        #[key]
        account: String,
        #[check("shares > 0")]
        shares: i64,
        #[check("credit >= 0")]
        credit: i64,
    }

    #[error]
    enum DividendError {
        /// Only the company may do this.
        NotOwner,
        /// There is nothing to take.
        NoCredit,
    }

    #[init]
    fn init(ctx: &Context, per_share: i64) -> Result<(), Refusal> {
        let (owner, done_to) = (ctx.caller.clone(), String::new());
        ctx.db.company().insert(&Company { id: 1, owner, per_share, done_to })
    }

    fn company(ctx: &Context) -> Result<Company, Refusal> {
        let found = ctx.db.company().get(1)?.filter(|company| company.owner == ctx.caller);
        found.ok_or_else(|| DividendError::NotOwner.into())
    }

    fn page_after(ctx: &Context, last: &str, rows: u32) -> Result<Vec<Holder>, Refusal> {
        ctx.db.holders().scan_after(last, rows)
    }

    /// Gives shares to an account that has none.
    #[call]
    fn issue(ctx: &Context, account: String, shares: i64) -> Result<(), Refusal> {
        company(ctx)?;
        dadbs_sdk::address::check(&account)?;
        ctx.db.holders().insert(&Holder { account, shares, credit: 0 })
    }

    /// Credits holders from the one behind the last; true if all of them were credited.
    #[call(payable)]
    fn credit(ctx: &Context) -> Result<bool, Refusal> {
        calls::paid(DENOM)?;
        let mut company = company(ctx)?;
        let mut page = page_after(ctx, &company.done_to, PAGE)?;
        for holder in &mut page {
            holder.credit += holder.shares * company.per_share;
            ctx.db.holders().update(holder)?;
        }
        let complete = page.len() < PAGE as usize;
        let last = page.pop().filter(|_| !complete);
        company.done_to = last.map(|holder| holder.account).unwrap_or_default();
        ctx.db.company().update(&company)?;
        Ok(complete)
    }

    /// Takes what the caller was credited.
    #[call]
    fn take(ctx: &Context) -> Result<i64, Refusal> {
        let found = ctx.db.holders().get(&ctx.caller)?.filter(|holder| holder.credit > 0);
        let mut holder = found.ok_or(DividendError::NoCredit)?;
        let amount = core::mem::take(&mut holder.credit);
        ctx.db.holders().update(&holder)?;
        calls::transfer(&holder.account, &[(DENOM, amount)])?;
        Ok(amount)
    }
}
