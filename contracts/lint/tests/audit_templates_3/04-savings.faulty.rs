// class: 2
//! A savings bank: everybody puts coins in and takes them out again.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod savings {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// What an account has in the bank.
    #[table(name = "books")]
    struct Book {
        #[key]
        saver: String,
        #[check("held >= 0")]
        held: i64,
        last_ms: i64,
    }

    #[error]
    enum SavingsError {
        /// The saver has not so much in the bank.
        TooLittle { held: i64 },
        /// An amount is at least 1.
        NoAmount,
    }

    #[event]
    struct TakenOut<'a> {
        saver: &'a str,
        amount: i64,
    }

    #[init]
    fn init() {}

    fn book(ctx: &Context, saver: &str) -> Result<Book, Refusal> {
        let found = ctx.db.books().get(saver)?;
        Ok(found.unwrap_or_else(|| Book { saver: saver.into(), held: 0, last_ms: 0 }))
    }

    fn keep(ctx: &Context, mut book: Book) -> Result<(), Refusal> {
        book.last_ms = ctx.time_ms;
        if !ctx.db.books().update(&book)? {
            ctx.db.books().insert(&book)?;
        }
        Ok(())
    }

    fn send(to: &str, amount: i64) -> Result<(), Refusal> {
        calls::transfer(to, &[(DENOM, amount)])?;
        TakenOut { saver: to, amount }.emit();
        Ok(())
    }

    /// Puts the coins in that come along.
    #[call(payable)]
    fn put_in(ctx: &Context) -> Result<i64, Refusal> {
        let amount = calls::paid(DENOM)?;
        if amount < 1 {
            return Err(SavingsError::NoAmount.into());
        }
        let mut own = book(ctx, &ctx.caller)?;
        own.held += amount;
        let held = own.held;
        keep(ctx, own)?;
        Ok(held)
    }

    /// Takes coins out; answers what is left.
    #[call]
    fn take_out(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        if amount < 1 {
            return Err(SavingsError::NoAmount.into());
        }
        let mut own = book(ctx, &ctx.caller)?;
        if own.held < amount {
            return Err(SavingsError::TooLittle { held: own.held }.into());
        }
        own.held -= amount;
        let left = own.held;
        send(&ctx.caller, amount)?;
        keep(ctx, own)?;
        Ok(left)
    }

    /// What an account has in the bank.
    #[view]
    fn held(ctx: &Context, saver: &str) -> Result<i64, Refusal> {
        Ok(book(ctx, saver)?.held)
    }
}
