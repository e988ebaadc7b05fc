// class: 2
// Right: the loan is booked and the pool lowered first, the borrower's contract is called as the last thing; its refusal is told with what it said.
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod lender {
    use super::*;
    use dadbs_sdk::calls::{Coin, DENOM};

    #[table(name = "pool")]
    struct Pool {
        #[key]
        id: i64,
        manager: String,
        #[check("free >= 0")]
        free: i64,
    }

    #[table(name = "lines")]
    struct Line {
        #[key]
        borrower: String,
        /// The name of the contract that takes the coins.
        contract: String,
        #[check("limit_ >= 0")]
        limit_: i64,
        #[check("drawn >= 0")]
        drawn: i64,
    }

    #[init(payable)]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let free = calls::paid(DENOM)?;
        ctx.db.pool().insert(&Pool { id: 1, manager: ctx.caller.clone(), free })
    }

    struct Lending<'a> {
        ctx: &'a Context,
        pool: Pool,
        line: Line,
    }

    impl<'a> Lending<'a> {
        fn of(ctx: &'a Context) -> Result<Lending<'a>, Refusal> {
            let pool = ctx.db.pool().get(1)?.ok_or("no pool")?;
            let line = ctx.db.lines().get(&ctx.caller)?.ok_or("you have no line of credit")?;
            Ok(Lending { ctx, pool, line })
        }

        fn room(&self) -> i64 {
            (self.line.limit_ - self.line.drawn).min(self.pool.free)
        }

        fn book(mut self, change: i64) -> Result<i64, Refusal> {
            self.line.drawn += change;
            self.pool.free -= change;
            self.ctx.db.lines().update(&self.line)?;
            self.ctx.db.pool().update(&self.pool)?;
            Ok(self.line.drawn)
        }
    }

    fn hand_out(contract: &str, coins: &[Coin<'_>]) -> Result<(), Refusal> {
        match calls::call(contract, "receive_loan", &[], coins) {
            Ok(_) => Ok(()),
            Err(error) => Err(Refusal::new(format!("{contract} refuses the loan: {}", error.text))),
        }
    }

    #[call]
    fn grant_line(ctx: &Context, borrower: String, contract: String, limit: i64) -> Result<(), Refusal> {
        let pool = ctx.db.pool().get(1)?.ok_or("no pool")?;
        if pool.manager != ctx.caller {
            return Err("the manager grants".into());
        }
        ctx.db.lines().insert(&Line { borrower, contract, limit_: limit, drawn: 0 })
    }

    #[call]
    fn draw(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        let lending = Lending::of(ctx)?;
        if amount < 1 || amount > lending.room() {
            return Err(format!("there is room for {}", lending.room()).into());
        }
        let contract = lending.line.contract.clone();
        let drawn = lending.book(amount)?;
        hand_out(&contract, &[(DENOM, amount)])?;
        Ok(drawn)
    }

    #[call(payable)]
    fn repay(ctx: &Context) -> Result<i64, Refusal> {
        let sent = calls::paid(DENOM)?;
        let lending = Lending::of(ctx)?;
        if sent > lending.line.drawn {
            return Err(format!("you owe {} only", lending.line.drawn).into());
        }
        lending.book(-sent)
    }

    #[view]
    fn drawn(ctx: &Context, borrower: &str) -> Result<Option<Line>, Refusal> {
        ctx.db.lines().get(borrower)
    }
}
