//! Points of a shop: its owner gives them, customers exchange them for vouchers.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod points {
    use super::*;
    use dadbs_sdk::address;

    /// Between two vouchers of a customer.
    const PAUSE_MS: i64 = 60_000;

    /// Who gives points.
    #[table(name = "shop")]
    struct Shop {
        #[key]
        owner: String,
    }

    /// The points of a customer.
    #[table(name = "wallets")]
    struct Wallet {
        #[key]
        customer: String,
        points: u32,
        claimed_ms: i64,
    }

    /// What a customer shows at the till; the worth is in cents.
    #[table(name = "vouchers")]
    struct Voucher {
        #[key(auto)]
        id: i64,
        #[index]
        customer: String,
        #[check("cents > 0")]
        cents: u32,
        redeemed: bool,
    }

    #[error]
    enum PointError {
        /// Only the owner of the shop may do this.
        NotOwner,
        /// The customer has not so many points.
        TooFew { points: u32 },
        /// The last voucher was a moment ago.
        TooSoon,
    }

    impl Wallet {
        fn of(ctx: &Context, customer: &str) -> Result<Wallet, Refusal> {
            let none = || Wallet { customer: customer.into(), points: 0, claimed_ms: 0 };
            Ok(ctx.db.wallets().get(customer)?.unwrap_or_else(none))
        }

        /// Takes points out.
        fn debit(&mut self, points: u32) -> Result<(), PointError> {
            if self.points == 0 {
                return Err(PointError::TooFew { points: 0 });
            }
            let rest = self.points.checked_sub(points);
            self.points = rest.ok_or(PointError::TooFew { points: self.points })?;
            Ok(())
        }

        fn save(&self, ctx: &Context) -> Result<(), Refusal> {
            if !ctx.db.wallets().update(self)? {
                ctx.db.wallets().insert(self)?;
            }
            Ok(())
        }
    }

    /// The caller owns the shop.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.shop().insert(&Shop { owner: ctx.caller.clone() })
    }

    /// Gives points to a customer.
    #[call]
    fn give(ctx: &Context, customer: &str, points: u32) -> Result<(), Refusal> {
        ctx.db.shop().get(&ctx.caller)?.ok_or(PointError::NotOwner)?;
        address::check(customer)?;
        let mut wallet = Wallet::of(ctx, customer)?;
        wallet.points += points;
        wallet.save(ctx)
    }

    /// Exchanges points of the caller, one for a cent; answers the number of the voucher.
    #[call]
    fn claim(ctx: &Context, points: u32) -> Result<i64, Refusal> {
        let mut wallet = Wallet::of(ctx, &ctx.caller)?;
        if ctx.time_ms.saturating_sub(wallet.claimed_ms) < PAUSE_MS {
            return Err(PointError::TooSoon.into());
        }
        wallet.debit(points)?;
        wallet.claimed_ms = ctx.time_ms;
        wallet.save(ctx)?;
        let customer = wallet.customer;
        ctx.db.vouchers().insert(&Voucher { id: 0, customer, cents: points, redeemed: false })
    }
}
