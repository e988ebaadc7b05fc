// class: 7
// Fault: the total of a batch is multiplied with wrapping, so that a huge amount to two heads costs nothing (modelled on BeautyChain's batchTransfer, CVE-2018-10299).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

/// A checksum of a memo (FNV-1a), for display: it wraps by definition.
fn checksum(memo: &str) -> i64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in memo.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash.cast_signed()
}

#[contract]
mod coin {
    use super::*;

    #[table(name = "wallets")]
    struct Wallet {
        #[key]
        owner: String,
        #[check("coins >= 0")]
        coins: i64,
    }

    #[table(name = "payments")]
    struct Payment {
        #[key(auto)]
        id: i64,
        #[index]
        from_owner: String,
        heads: i64,
        each: i64,
        memo_sum: i64,
    }

    #[error]
    enum CoinError {
        Poor { coins: i64 },
        Heads,
        NoAmount,
        TooMuch,
    }

    #[init]
    fn mint(ctx: &Context, supply: i64) -> Result<(), Refusal> {
        ctx.db.wallets().insert(&Wallet { owner: ctx.caller.clone(), coins: supply })
    }

    impl Wallet {
        fn of(ctx: &Context, owner: &str) -> Result<Wallet, Refusal> {
            let found = ctx.db.wallets().get(owner)?;
            Ok(found.unwrap_or_else(|| Wallet { owner: owner.into(), coins: 0 }))
        }

        fn store(&self, ctx: &Context) -> Result<(), Refusal> {
            match ctx.db.wallets().update(self) {
                Ok(true) => Ok(()),
                Ok(false) => ctx.db.wallets().insert(self),
                Err(refusal) => Err(refusal),
            }
        }
    }

    /// The price of a batch.
    fn total(heads: usize, each: i64) -> Result<i64, CoinError> {
        if !(1..=20).contains(&heads) {
            return Err(CoinError::Heads);
        }
        if each < 1 {
            return Err(CoinError::NoAmount);
        }
        let heads = i64::try_from(heads).map_err(|_| CoinError::Heads)?;
        let total = each.wrapping_mul(heads); // FAULT
        if total < 0 { Err(CoinError::TooMuch) } else { Ok(total) }
    }

    /// Sends as much to each of up to 20 heads.
    #[call]
    fn pay_all(ctx: &Context, each: i64, memo: &str, heads: Rest<'_>) -> Result<i64, Refusal> {
        let total = total(heads.len(), each)?;
        let mut own = Wallet::of(ctx, &ctx.caller)?;
        if own.coins < total {
            return Err(CoinError::Poor { coins: own.coins }.into());
        }
        own.coins -= total;
        own.store(ctx)?;
        for head in &heads {
            let head = head.text().ok_or(CoinError::Heads)?;
            dadbs_sdk::address::check(head)?;
            let mut wallet = Wallet::of(ctx, head)?;
            wallet.coins = wallet.coins.checked_add(each).ok_or(CoinError::TooMuch)?;
            wallet.store(ctx)?;
        }
        let heads = i64::try_from(heads.len()).map_err(|_| CoinError::Heads)?;
        let payment = Payment {
            id: 0,
            from_owner: ctx.caller.clone(),
            heads,
            each,
            memo_sum: checksum(memo),
        };
        ctx.db.payments().insert(&payment)
    }

    #[view]
    fn coins(ctx: &Context, owner: &str) -> Result<i64, Refusal> {
        Wallet::of(ctx, owner).map(|wallet| wallet.coins)
    }

    #[view]
    fn payments(ctx: &Context, owner: &str) -> Result<Vec<Payment>, Refusal> {
        ctx.db.payments().by_from_owner(owner, 30)
    }
}
