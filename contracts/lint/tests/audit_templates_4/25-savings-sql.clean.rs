// class: 7
// Right: the comparison stands in the condition of the same statement, and the row count tells whether it held.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod savings {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const SAVE: &str = "INSERT INTO books (saver, balance, goal) VALUES (?, ?, 0)
                        ON CONFLICT (saver) DO UPDATE SET balance = balance + excluded.balance";
    const TAKE: &str =
        "UPDATE books SET balance = balance - ? WHERE saver = ? AND balance >= ?";

    #[table(name = "books")]
    struct Book {
        #[key]
        saver: String,
        balance: i64,
        #[check("goal >= 0")]
        goal: i64,
    }

    #[error]
    enum SavingsError {
        /// Send coins along.
        Empty,
        /// There is no book, or not so much in it.
        NotThere,
        /// An amount is 1 or more.
        Amount,
    }

    #[event]
    struct Saved<'a> {
        saver: &'a str,
        amount: i64,
    }

    #[event]
    struct TakenOut<'a> {
        saver: &'a str,
        amount: i64,
    }

    #[init]
    fn init() {}

    fn positive(amount: i64) -> Result<i64, SavingsError> {
        if amount > 0 { Ok(amount) } else { Err(SavingsError::Amount) }
    }

    /// Puts coins into the caller's book.
    #[call(payable)]
    fn save(ctx: &Context) -> Result<i64, Refusal> {
        let amount = positive(calls::paid(DENOM)?).map_err(|_| SavingsError::Empty)?;
        sql::exec(SAVE, params![ctx.caller, amount])?;
        Saved { saver: &ctx.caller, amount }.emit();
        Ok(amount)
    }

    #[call]
    fn set_goal(ctx: &Context, goal: i64) -> Result<(), Refusal> {
        let mut book = ctx.db.books().get(&ctx.caller)?.ok_or(SavingsError::NotThere)?;
        book.goal = positive(goal)?;
        ctx.db.books().update(&book)?;
        Ok(())
    }

    /// Takes coins out of the caller's book.
    #[call]
    fn take_out(ctx: &Context, amount: i64) -> Result<(), Refusal> {
        let amount = positive(amount)?;
        if sql::exec(TAKE, params![amount, ctx.caller, amount])? != 1 {
            return Err(SavingsError::NotThere.into());
        }
        TakenOut { saver: &ctx.caller, amount }.emit();
        Ok(calls::transfer(&ctx.caller, &[(DENOM, amount)])?)
    }

    /// Gives from one's own book to another one.
    #[call]
    fn give(ctx: &Context, to: &str, amount: i64) -> Result<(), Refusal> {
        dadbs_sdk::address::check(to)?;
        let amount = positive(amount)?;
        let mut book = ctx.db.books().get(&ctx.caller)?.ok_or(SavingsError::NotThere)?;
        let Some(rest) = book.balance.checked_sub(amount).filter(|rest| *rest >= 0) else {
            return Err(SavingsError::NotThere.into());
        };
        book.balance = rest;
        ctx.db.books().update(&book)?;
        sql::exec(SAVE, params![to, amount])?;
        Ok(())
    }

    /// How many hundredths of the goal are reached; more than all is all.
    #[view]
    fn progress(ctx: &Context, saver: &str) -> Result<i64, Refusal> {
        let book = ctx.db.books().get(saver)?.ok_or(SavingsError::NotThere)?;
        if book.goal == 0 || book.balance >= book.goal {
            return Ok(100);
        }
        let percent = i128::from(book.balance) * 100 / i128::from(book.goal);
        i64::try_from(percent).map_err(|_| Refusal::new("no percentage"))
    }
}
