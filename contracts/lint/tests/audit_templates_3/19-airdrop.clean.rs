// class: 7
//! A token whose holders send the same amount to many at once.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod airdrop {
    use super::*;
    use dadbs_sdk::address;

    const RECEIVERS_MAX: usize = 50;

    /// What an account holds.
    #[table(name = "balances")]
    struct Balance {
        #[key]
        account: String,
        amount: i64,
    }

    /// That an account has sent to many.
    #[table(name = "batches")]
    struct Batch {
        #[key(auto)]
        id: i64,
        sender: String,
        total: i64,
        memo_hash: i64,
    }

    #[error]
    enum AirdropError {
        /// The sender does not hold so much.
        TooLittle { held: i64 },
        /// Name 1 to 50 receivers and an amount of at least 1.
        Malformed,
        /// The sum is more than can be counted.
        TooMuch,
    }

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

    /// FNV-1a of a text.
    fn hash(text: &str) -> i64 {
        let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        text.bytes().fold(0xcbf2_9ce4_8422_2325, step).cast_signed()
    }

    fn total_of(count: i64, each: i64) -> Result<i64, AirdropError> {
        let total = count.checked_mul(each);
        total.filter(|_| each > 0).ok_or(AirdropError::TooMuch)
    }

    /// Sends an amount to each of the receivers; answers the number of the batch.
    #[call]
    fn send(ctx: &Context, each: i64, memo: &str, receivers: Rest<'_>) -> Result<i64, Refusal> {
        let receivers: Vec<&str> = receivers.into_iter().filter_map(ValueRef::text).collect();
        if each < 1 || receivers.is_empty() || receivers.len() > RECEIVERS_MAX {
            return Err(AirdropError::Malformed.into());
        }
        let count = i64::try_from(receivers.len()).map_err(|_| AirdropError::Malformed)?;
        let total = total_of(count, each)?;
        let before = held(ctx, &ctx.caller)?;
        if before < total {
            return Err(AirdropError::TooLittle { held: before }.into());
        }
        set(ctx, &ctx.caller, before - total)?;
        for receiver in receivers {
            address::check(receiver)?;
            set(ctx, receiver, held(ctx, receiver)? + each)?;
        }
        let sender = ctx.caller.clone();
        ctx.db.batches().insert(&Batch { id: 0, sender, total, memo_hash: hash(memo) })
    }

    /// What an account holds.
    #[view]
    fn balance(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        held(ctx, account)
    }
}
