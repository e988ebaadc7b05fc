// class: 5
// The answer of the token is matched; without the tokens nothing is credited.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod bank_of_tokens {
    use super::*;

    #[table(name = "settings")]
    struct Settings {
        #[key]
        id: i64,
        token: String,
    }

    #[table(name = "deposits")]
    struct Deposit {
        #[key]
        owner: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    #[error]
    enum BankError {
        /// An amount is at least 1.
        NoAmount,
        /// The token has not moved.
        NotMoved { amount: i64 },
        /// The account does not hold so much.
        TooLittle { held: i64 },
    }

    #[init]
    fn init(ctx: &Context, token: String) -> Result<(), Refusal> {
        ctx.db.settings().insert(&Settings { id: 1, token })
    }

    fn token(ctx: &Context) -> Result<String, Refusal> {
        Ok(ctx.db.settings().get(1)?.ok_or("the bank has no token")?.token)
    }

    fn held(ctx: &Context, owner: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.deposits().get(owner)?.map(|deposit| deposit.amount).unwrap_or_default())
    }

    fn write(ctx: &Context, amount: i64) -> Result<(), Refusal> {
        let deposit = Deposit { owner: ctx.caller.clone(), amount };
        if !ctx.db.deposits().update(&deposit)? {
            ctx.db.deposits().insert(&deposit)?;
        }
        Ok(())
    }

    /// The book is written first; if the tokens do not come, the refusal undoes it.
    #[call]
    fn deposit(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        if amount < 1 {
            return Err(BankError::NoAmount.into());
        }
        let token = token(ctx)?;
        let after = held(ctx, &ctx.caller)?.checked_add(amount).ok_or("the account is full")?;
        write(ctx, after)?;
        let arguments = params![ctx.caller, ctx.contract_address, amount];
        match calls::call(&token, "transfer_from", arguments, &[]) {
            Ok(_) => Ok(after),
            Err(error) => {
                log(&error.text);
                Err(BankError::NotMoved { amount }.into())
            }
        }
    }

    #[call]
    fn withdraw(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        let held = held(ctx, &ctx.caller)?;
        if amount < 1 {
            return Err(BankError::NoAmount.into());
        }
        let left = held.checked_sub(amount).filter(|left| *left >= 0);
        let left = left.ok_or(BankError::TooLittle { held })?;
        write(ctx, left)?;
        calls::call(&token(ctx)?, "transfer", params![ctx.caller, amount], &[])?;
        Ok(left)
    }

    #[view]
    fn balance(ctx: &Context, owner: &str) -> Result<i64, Refusal> {
        held(ctx, owner)
    }
}
