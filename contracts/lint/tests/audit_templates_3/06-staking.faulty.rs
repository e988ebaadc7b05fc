// class: 2
//! Staking: tokens of another contract are locked for a time.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod staking {
    use super::*;
    use dadbs_sdk::calls::CallError;

    const LOCK_MS: i64 = 7 * 86_400_000;

    /// The token that is staked; written once.
    #[table(name = "settings")]
    struct Settings {
        #[key]
        id: i64,
        token: String,
    }

    /// What an account has locked.
    #[table(name = "stakes")]
    struct Stake {
        #[key]
        staker: String,
        #[check("amount > 0")]
        amount: i64,
        until_ms: i64,
    }

    #[error]
    enum StakingError {
        /// The caller has no stake.
        NoStake,
        /// The caller has a stake already.
        HasStake,
        /// The caller does not hold so much of the token.
        TooLittle { held: i64 },
        /// The stake is locked still.
        Locked { until_ms: i64 },
        /// The contract is not set up.
        NoToken,
    }

    /// The contract of the token.
    struct Token(String);

    impl Token {
        fn of(ctx: &Context) -> Result<Token, Refusal> {
            Ok(Token(ctx.db.settings().get(1)?.ok_or(StakingError::NoToken)?.token))
        }

        fn held(&self, account: &str) -> Result<i64, CallError> {
            let answer = calls::view(&self.0, "balance", params![account])?;
            calls::column(&answer.row(), 0)
        }

        fn pull(&self, from: &str, to: &str, amount: i64) -> Result<(), CallError> {
            calls::call(&self.0, "transfer_from", params![from, to, amount], &[]).map(drop)
        }

        fn push(&self, to: &str, amount: i64) -> Result<(), CallError> {
            calls::call(&self.0, "transfer", params![to, amount], &[]).map(drop)
        }
    }

    #[init]
    fn init(ctx: &Context, token: String) -> Result<(), Refusal> {
        ctx.db.settings().insert(&Settings { id: 1, token })
    }

    /// Locks tokens that the caller has approved this contract for.
    #[call]
    fn stake(ctx: &Context, amount: i64) -> Result<(), Refusal> {
        let token = Token::of(ctx)?;
        if ctx.db.stakes().get(&ctx.caller)?.is_some() {
            return Err(StakingError::HasStake.into());
        }
        let held = token.held(&ctx.caller)?;
        if held < amount {
            return Err(StakingError::TooLittle { held }.into());
        }
        let until_ms = ctx.time_ms + LOCK_MS;
        ctx.db.stakes().insert(&Stake { staker: ctx.caller.clone(), amount, until_ms })?;
        token.pull(&ctx.caller, &ctx.contract_address, amount)?;
        Ok(())
    }

    /// Takes the stake back after its time; answers what the caller holds then.
    #[call]
    fn unstake(ctx: &Context) -> Result<i64, Refusal> {
        let token = Token::of(ctx)?;
        let stake = match ctx.db.stakes().get(&ctx.caller)? {
            None => return Err(StakingError::NoStake.into()),
            Some(stake) if ctx.time_ms < stake.until_ms => {
                return Err(StakingError::Locked { until_ms: stake.until_ms }.into());
            }
            Some(stake) => stake,
        };
        token.push(&stake.staker, stake.amount)?;
        sql!("DELETE FROM stakes WHERE staker = ?", stake.staker)?;
        Ok(token.held(&stake.staker)?)
    }
}
