//! A queue of withdrawals: accounts ask for coins that they have paid in, a keeper sends them in turn.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod withdrawals {
    use super::*;
    use dadbs_sdk::calls::{CallError, DENOM};

    /// Withdrawals that are sent in one call.
    const BATCH: u32 = 10;

    /// Who sends.
    #[table(name = "keeper")]
    struct Keeper {
        #[key]
        address: String,
    }

    /// What an account has paid in.
    #[table(name = "deposits")]
    struct Deposit {
        #[key]
        account: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    /// What is to be sent.
    #[table(name = "requests")]
    struct Request {
        #[key(auto)]
        id: i64,
        account: String,
        #[check("amount > 0")]
        amount: i64,
        #[index]
        sent: bool,
    }

    #[error]
    enum QueueError {
        /// Only the keeper sends.
        NotKeeper,
        /// The account has paid in less.
        TooLittle { amount: i64 },
    }

    /// The caller is the keeper.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.keeper().insert(&Keeper { address: ctx.caller.clone() })
    }

    /// Pays in what comes along.
    #[call(payable)]
    fn pay_in(ctx: &Context) -> Result<(), Refusal> {
        let before = ctx.db.deposits().get(&ctx.caller)?.map_or(0, |deposit| deposit.amount);
        let amount = before + calls::paid(DENOM)?;
        let deposit = Deposit { account: ctx.caller.clone(), amount };
        if !ctx.db.deposits().update(&deposit)? {
            ctx.db.deposits().insert(&deposit)?;
        }
        Ok(())
    }

    /// Asks for coins of the caller; answers the number of the request.
    #[call]
    fn ask(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        let found = ctx.db.deposits().get(&ctx.caller)?;
        let mut deposit = found.ok_or(QueueError::TooLittle { amount: 0 })?;
        if deposit.amount < amount {
            return Err(QueueError::TooLittle { amount: deposit.amount }.into());
        }
        deposit.amount -= amount;
        ctx.db.deposits().update(&deposit)?;
        let account = deposit.account;
        ctx.db.requests().insert(&Request { id: 0, account, amount, sent: false })
    }

    fn send(request: &Request) -> Result<i64, CallError> {
        calls::transfer(&request.account, &[(DENOM, request.amount)])?;
        Ok(request.amount)
    }

    /// Sends the next withdrawals; answers their sum.
    #[call]
    fn send_next(ctx: &Context) -> Result<i64, Refusal> {
        ctx.db.keeper().get(&ctx.caller)?.ok_or(QueueError::NotKeeper)?;
        let mut requests = ctx.db.requests().by_sent(false, BATCH)?;
        for request in &mut requests {
            request.sent = true;
            ctx.db.requests().update(request)?;
        }
        let sum = requests.iter().map(send).sum::<Result<i64, CallError>>()?;
        Ok(sum)
    }

    /// Whether a request was sent; NULL if there is none.
    #[view]
    fn was_sent(ctx: &Context, id: i64) -> Result<Value, Refusal> {
        let found = ctx.db.requests().get(id)?;
        Ok(found.map_or(Value::Null, |request| Value::Integer(i64::from(request.sent))))
    }
}
