//! Savings: what is paid in grows by a fixed rate each month, when its saver asks for it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod savings {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const MONTH_MS: i64 = 2_592_000_000;

    /// What a saver has, in udadb, and how content the saver is with the bank, from 0 to 1.
    #[table(name = "accounts")]
    struct Account {
        #[key]
        saver: String,
        #[check("balance >= 0")]
        balance: i64,
        credited_ms: i64,
        content: Option<f64>,
    }

    #[error]
    enum SavingsError {
        /// The caller has no account.
        NoAccount,
        /// The month is not over.
        TooSoon { from_ms: i64 },
        /// The account has less, or the bank does not hold so much.
        TooMuch,
    }

    /// An account was credited.
    #[event]
    struct Credited<'a> {
        saver: &'a str,
        balance: i64,
    }

    /// The bank brings coins for interest along.
    #[init(payable)]
    fn init() {}

    fn own(ctx: &Context) -> Result<Account, Refusal> {
        Ok(ctx.db.accounts().get(&ctx.caller)?.ok_or(SavingsError::NoAccount)?)
    }

    /// Opens an account with what comes along.
    #[call(payable)]
    fn open(ctx: &Context) -> Result<(), Refusal> {
        let (saver, balance) = (ctx.caller.clone(), calls::paid(DENOM)?);
        let credited_ms = ctx.time_ms;
        ctx.db.accounts().insert(&Account { saver, balance, credited_ms, content: None })
    }

    /// Says how content the caller is; the more recent answer weighs more.
    #[call]
    fn rate(ctx: &Context, content: f64) -> Result<(), Refusal> {
        let account = own(ctx)?;
        let before = account.content.unwrap_or(content);
        let content = Some(before * 0.25 + content * 0.75);
        ctx.db.accounts().update(&Account { content, ..account })?;
        Ok(())
    }

    /// Credits a month's interest to the caller; answers the balance.
    #[call]
    fn credit(ctx: &Context) -> Result<i64, Refusal> {
        let from_ms = own(ctx)?.credited_ms + MONTH_MS;
        if ctx.time_ms < from_ms {
            return Err(SavingsError::TooSoon { from_ms }.into());
        }
        sql!(
            "UPDATE accounts SET balance = CAST(balance * 1.0025 AS INTEGER), credited_ms = ?
             WHERE saver = ?",
            from_ms,
            ctx.caller
        )?;
        let balance = own(ctx)?.balance;
        Credited { saver: &ctx.caller, balance }.emit();
        Ok(balance)
    }

    /// Takes coins of the caller out.
    #[call]
    fn take(ctx: &Context, amount: u32) -> Result<(), Refusal> {
        let (mut account, amount) = (own(ctx)?, i64::from(amount));
        if amount > account.balance || amount > calls::balance(&ctx.contract_address, DENOM) {
            return Err(SavingsError::TooMuch.into());
        }
        account.balance -= amount;
        ctx.db.accounts().update(&account)?;
        calls::transfer(&ctx.caller, &[(DENOM, amount)])?;
        Ok(())
    }
}
