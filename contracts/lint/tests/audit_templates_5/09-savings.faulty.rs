// class: 9
// Interest is computed in floats: coins appear and vanish by rounding (CosmWasm float bans; "floating point in financial maths").
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod savings {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const YEAR_MS: i64 = 31_536_000_000;
    /// Two percent, in parts per million.
    const RATE_PPM: i64 = 20_000;

    #[table(name = "books")]
    struct Book {
        #[key]
        saver: String,
        #[check("balance >= 0")]
        balance: i64,
        since_ms: i64,
    }

    #[table(name = "reserve")]
    struct Reserve {
        #[key]
        id: i64,
        #[check("free >= 0")]
        free: i64,
    }

    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.reserve().insert(&Reserve { id: 1, free: calls::paid(DENOM)? })
    }

    fn interest(balance: i64, for_ms: i64) -> Result<i64, Refusal> {
        let years = for_ms as f64 / YEAR_MS as f64;
        let grown = balance as f64 * (RATE_PPM as f64 / 1_000_000.0) * years; // FAULT
        Ok(grown as i64)
    }

    #[call(payable)]
    fn open(ctx: &Context) -> Result<(), Refusal> {
        let balance = calls::paid(DENOM)?;
        if balance < 1_000 {
            return Err("a book begins with at least 1000".into());
        }
        let saver = ctx.caller.clone();
        ctx.db.books().insert(&Book { saver, balance, since_ms: ctx.time_ms })
    }

    /// Pays the book out, with interest as far as the reserve goes.
    #[call]
    fn close(ctx: &Context) -> Result<i64, Refusal> {
        let book = ctx.db.books().get(&ctx.caller)?.ok_or("there is no book")?;
        let mut reserve = ctx.db.reserve().get(1)?.ok_or("there is no reserve")?;
        let earned = interest(book.balance, ctx.time_ms - book.since_ms)?.clamp(0, reserve.free);
        let total = book.balance.checked_add(earned).ok_or("the payout does not fit")?;
        // The clamp keeps this at 0 or more.
        reserve.free -= earned;
        ctx.db.reserve().update(&reserve)?;
        ctx.db.books().delete(&book.saver)?;
        calls::transfer(&book.saver, &[(DENOM, total)])?;
        Ok(total)
    }

    /// Days since the book was opened, for a chart.
    #[view]
    fn days(ctx: &Context, saver: &str) -> Result<f64, Refusal> {
        let book = ctx.db.books().get(saver)?.ok_or("there is no book")?;
        Ok((ctx.time_ms - book.since_ms) as f64 / 86_400_000.0)
    }
}
