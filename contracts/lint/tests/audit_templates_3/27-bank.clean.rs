// class: 9
//! A bank of a village: deposits that bear interest once a year, and the weather at the door.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod bank {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const YEAR_MS: i64 = 365 * 86_400_000;

    /// What an account has put in, in udadb.
    #[table(name = "deposits")]
    struct Deposit {
        #[key]
        account: String,
        #[check("amount BETWEEN 0 AND 1000000000000000")]
        amount: i64,
        credited_ms: i64,
    }

    /// What the thermometer at the door has shown.
    #[table(name = "weather")]
    struct Weather {
        #[key(auto)]
        id: i64,
        observer: String,
        celsius: f64,
    }

    #[error]
    enum BankError {
        /// The caller has no deposit.
        NoDeposit,
        /// The caller has a deposit already.
        HasDeposit,
        /// Interest is credited once a year.
        TooEarly { next_ms: i64 },
    }

    #[init]
    fn init() {}

    fn deposit_of(ctx: &Context, account: &str) -> Result<Deposit, Refusal> {
        ctx.db.deposits().get(account)?.ok_or_else(|| BankError::NoDeposit.into())
    }

    /// Puts the coins in that come along.
    #[call(payable)]
    fn put_in(ctx: &Context) -> Result<(), Refusal> {
        let (account, amount) = (ctx.caller.clone(), calls::paid(DENOM)?);
        if ctx.db.deposits().get(&account)?.is_some() {
            return Err(BankError::HasDeposit.into());
        }
        ctx.db.deposits().insert(&Deposit { account, amount, credited_ms: ctx.time_ms })
    }

    /// Puts coins in that interest is paid from.
    #[call(payable)]
    fn endow() -> Result<i64, Refusal> {
        calls::paid(DENOM)
    }

    /// Credits the interest of a year to the caller: two of a hundred.
    #[call]
    fn credit(ctx: &Context) -> Result<i64, Refusal> {
        let next_ms = deposit_of(ctx, &ctx.caller)?.credited_ms + YEAR_MS;
        if ctx.time_ms < next_ms {
            return Err(BankError::TooEarly { next_ms }.into());
        }
        sql!(
            "UPDATE deposits SET amount = amount + amount * 2 / 100, credited_ms = ?
             WHERE account = ?",
            ctx.time_ms,
            ctx.caller
        )?;
        deposit_of(ctx, &ctx.caller).map(|deposit| deposit.amount)
    }

    /// Takes everything out.
    #[call]
    fn take_out(ctx: &Context) -> Result<i64, Refusal> {
        let deposit = deposit_of(ctx, &ctx.caller)?;
        ctx.db.deposits().delete(&deposit.account)?;
        calls::transfer(&deposit.account, &[(DENOM, deposit.amount)])?;
        Ok(deposit.amount)
    }

    /// Notes what the thermometer shows.
    #[call]
    fn observe(ctx: &Context, celsius: f64) -> Result<i64, Refusal> {
        ctx.db.weather().insert(&Weather { id: 0, observer: ctx.caller.clone(), celsius })
    }

    /// The mean of the last ten observations, half a degree up for the shade.
    #[view]
    fn mean() -> Result<f64, Refusal> {
        let found = sql!(
            "SELECT avg(celsius) + 0.5 FROM (SELECT celsius FROM weather ORDER BY id DESC LIMIT 10)"
        )?;
        Ok(found.value().real().unwrap_or_default())
    }
}
