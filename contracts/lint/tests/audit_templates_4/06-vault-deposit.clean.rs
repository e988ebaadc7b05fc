// class: 2
// Right: the shares are written first and the token runs last; if it refuses, `?` ends the call and takes the shares back.
#![cfg_attr(target_arch = "wasm32", no_std)]
//! Deposits of one token, with shares for those who deposit.
use dadbs_sdk::prelude::*;

#[contract]
mod vault {
    use super::*;

    /// Which token it is; made once, by `init`.
    #[table(name = "config")]
    struct Config {
        #[key]
        #[check("one = 1")]
        one: i64,
        token: String,
        total: i64,
    }

    #[table(name = "stakes")]
    struct Stake {
        #[key]
        owner: String,
        #[check("shares >= 0")]
        shares: i64,
    }

    /// What a token contract offers, as far as it is needed here.
    struct Token<'a>(&'a str);

    impl Token<'_> {
        fn pull(&self, from: &str, to: &str, amount: i64) -> Result<(), calls::CallError> {
            calls::call(self.0, "transfer_from", params![from, to, amount], &[]).map(drop)
        }

        fn push(&self, to: &str, amount: i64) -> Result<(), calls::CallError> {
            calls::call(self.0, "transfer", params![to, amount], &[])?;
            Ok(())
        }

        fn allowed(&self, holder: &str, spender: &str) -> Result<i64, Refusal> {
            let answer = calls::view(self.0, "allowance", params![holder, spender])?;
            match answer.value() {
                Value::Integer(amount) => Ok(amount),
                _ => Err("the token does not tell allowances".into()),
            }
        }
    }

    #[init]
    fn init(ctx: &Context, token: String) -> Result<(), Refusal> {
        ctx.db.config().insert(&Config { one: 1, token, total: 0 })
    }

    fn config(ctx: &Context) -> Result<Config, Refusal> {
        ctx.db.config().get(1)?.ok_or_else(|| Refusal::new("init has not run"))
    }

    /// Adds to the shares of an account (or takes, below zero), and to the total.
    fn add(ctx: &Context, mut config: Config, owner: &str, change: i64) -> Result<i64, Refusal> {
        let before = ctx.db.stakes().get(owner)?;
        let shares = before.as_ref().map_or(0, |stake| stake.shares) + change;
        if shares < 0 {
            return Err("there are fewer shares".into());
        }
        let row = Stake { owner: owner.into(), shares };
        match before {
            Some(_) => drop(ctx.db.stakes().update(&row)?),
            None => ctx.db.stakes().insert(&row)?,
        }
        config.total += change;
        ctx.db.config().update(&config)?;
        Ok(shares)
    }

    #[call]
    fn deposit(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        let config = config(ctx)?;
        let token = config.token.clone();
        // A view runs nothing that writes: state may follow it.
        let allowed = Token(&token).allowed(&ctx.caller, &ctx.contract_address)?;
        if amount < 1 || allowed < amount {
            return Err(format!("deposit 1 to {allowed}").into());
        }
        let shares = add(ctx, config, &ctx.caller, amount)?;
        Token(&token).pull(&ctx.caller, &ctx.contract_address, amount)?;
        Ok(shares)
    }

    #[call]
    fn withdraw(ctx: &Context, amount: i64) -> Result<i64, Refusal> {
        if amount < 1 {
            return Err("withdraw 1 or more".into());
        }
        let config = config(ctx)?;
        let token = config.token.clone();
        let left = add(ctx, config, &ctx.caller, -amount)?;
        Token(&token).push(&ctx.caller, amount)?;
        Ok(left)
    }

    #[view]
    fn shares(ctx: &Context, owner: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.stakes().get(owner)?.map_or(0, |stake| stake.shares))
    }
}
