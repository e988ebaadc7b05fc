//! An example contract: a fungible token with allowances.
//!
//! 1. The supply is made once, for who makes the contract; it never changes.
//! 2. A holder moves what it holds; nobody moves more.
//! 3. A spender that a holder has approved moves up to what is left of the allowance.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod token {
    use super::*;
    use dadbs_sdk::address;

    /// What an account holds.
    #[table(name = "balances")]
    struct Balance {
        #[key]
        account: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    /// What a spender may still move for a holder.
    #[table(name = "allowances")]
    struct Allowance {
        #[key]
        holder: String,
        #[key]
        spender: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    #[error]
    enum TokenError {
        /// The holder does not hold so much.
        TooLittle { held: i64 },
        /// The holder has not allowed so much.
        NotAllowed { left: i64 },
        /// An amount is at least 1.
        NoAmount,
    }

    /// Tokens have moved.
    #[event]
    struct Moved<'a> {
        from: &'a str,
        to: &'a str,
        amount: i64,
    }

    /// Makes the supply for the caller.
    #[init]
    fn init(ctx: &Context, supply: i64) -> Result<(), Refusal> {
        ctx.db.balances().insert(&Balance { account: ctx.caller.clone(), amount: supply })
    }

    fn held(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.balances().get(account)?.map_or(0, |balance| balance.amount))
    }

    fn set(ctx: &Context, account: &str, amount: i64) -> Result<(), Refusal> {
        let balance = Balance { account: account.into(), amount };
        if !ctx.db.balances().update(&balance)? {
            ctx.db.balances().insert(&balance)?;
        }
        Ok(())
    }

    fn shift(ctx: &Context, from: &str, to: &str, amount: i64) -> Result<(), Refusal> {
        address::check(to)?;
        if amount < 1 {
            return Err(TokenError::NoAmount.into());
        }
        let held_before = held(ctx, from)?;
        if held_before < amount {
            return Err(TokenError::TooLittle { held: held_before }.into());
        }
        set(ctx, from, held_before - amount)?;
        set(ctx, to, held(ctx, to)? + amount)?;
        Moved { from, to, amount }.emit();
        Ok(())
    }

    /// Moves tokens of the caller.
    #[call]
    fn transfer(ctx: &Context, to: &str, amount: i64) -> Result<(), Refusal> {
        shift(ctx, &ctx.caller, to, amount)
    }

    /// Allows a spender to move so much of the caller's; 0 ends it.
    #[call]
    fn approve(ctx: &Context, spender: String, amount: i64) -> Result<(), Refusal> {
        address::check(&spender)?;
        let allowance = Allowance { holder: ctx.caller.clone(), spender, amount };
        if !ctx.db.allowances().update(&allowance)? {
            ctx.db.allowances().insert(&allowance)?;
        }
        Ok(())
    }

    /// Moves tokens of a holder who has approved the caller.
    #[call]
    fn transfer_from(ctx: &Context, holder: &str, to: &str, amount: i64) -> Result<(), Refusal> {
        let found = ctx.db.allowances().get(holder, &ctx.caller)?;
        let mut allowance = found.ok_or(TokenError::NotAllowed { left: 0 })?;
        if allowance.amount < amount {
            return Err(TokenError::NotAllowed { left: allowance.amount }.into());
        }
        allowance.amount -= amount;
        ctx.db.allowances().update(&allowance)?;
        shift(ctx, holder, to, amount)
    }

    /// What an account holds.
    #[view]
    fn balance(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        held(ctx, account)
    }

    /// What a spender may still move for a holder.
    #[view]
    fn allowance(ctx: &Context, holder: &str, spender: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.allowances().get(holder, spender)?.map_or(0, |allowance| allowance.amount))
    }
}
