//! A vault: shares of it are redeemed for tokens of another contract at the price of a third one.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod vault {
    use super::*;

    mod gold {
        use super::*;
        use dadbs_sdk::calls::CallError;

        /// The token contract of this name.
        pub(super) struct Gold<'a>(pub(super) &'a str);

        impl Gold<'_> {
            pub(super) fn send(&self, to: &str, amount: i64) -> Result<(), CallError> {
                calls::call(self.0, "transfer", params![to, amount], &[]).map(drop)
            }
        }

        /// What one share is worth, by the contract that knows.
        pub(super) fn price(oracle: &str) -> Result<i64, Refusal> {
            let answer = calls::view(oracle, "price", params!["share"])?;
            answer.value().as_integer().ok_or_else(|| "the oracle has no price".into())
        }

        trait Whole {
            fn as_integer(&self) -> Option<i64>;
        }

        impl Whole for Value {
            fn as_integer(&self) -> Option<i64> {
                if let Value::Integer(whole) = self { Some(*whole) } else { None }
            }
        }
    }

    /// What an account holds of the vault.
    #[table(name = "positions")]
    struct Position {
        #[key]
        account: String,
        #[check("shares >= 0")]
        shares: i64,
        redeemed_ms: i64,
    }

    #[error]
    enum VaultError {
        /// The account has not so many shares.
        TooFew { shares: i64 },
    }

    /// The contracts that this one works with.
    const TOKEN: &str = "gold";
    const ORACLE: &str = "gold_oracle";

    impl Position {
        fn of(ctx: &Context, account: &str) -> Result<Position, Refusal> {
            let found = ctx.db.positions().get(account)?;
            Ok(found.ok_or(VaultError::TooFew { shares: 0 })?)
        }

        fn take(&mut self, shares: i64) -> Result<(), Refusal> {
            if shares < 1 || self.shares < shares {
                return Err(VaultError::TooFew { shares: self.shares }.into());
            }
            self.shares -= shares;
            Ok(())
        }

        fn save(&self, ctx: &Context) -> Result<(), Refusal> {
            ctx.db.positions().update(self)?;
            Ok(())
        }
    }

    /// All shares are the caller's at first.
    #[init]
    fn init(ctx: &Context, shares: u32) -> Result<(), Refusal> {
        let (account, shares) = (ctx.caller.clone(), i64::from(shares));
        ctx.db.positions().insert(&Position { account, shares, redeemed_ms: 0 })
    }

    /// Gives shares up for tokens; answers how many tokens.
    #[call]
    fn redeem(ctx: &Context, shares: i64) -> Result<i64, Refusal> {
        let tokens = shares * gold::price(ORACLE)?;
        let mut position = Position::of(ctx, &ctx.caller)?;
        position.take(shares)?;
        position.redeemed_ms = ctx.time_ms;
        position.save(ctx)?;
        gold::Gold(TOKEN).send(&position.account, tokens)?;
        log("shares were redeemed");
        Ok(tokens)
    }

    /// What an account holds.
    #[view]
    fn position(ctx: &Context, account: &str) -> Result<Option<Position>, Refusal> {
        ctx.db.positions().get(account)
    }
}
