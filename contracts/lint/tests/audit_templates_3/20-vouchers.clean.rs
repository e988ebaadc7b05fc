// class: 7
//! Vouchers: bought for coins, redeemed by whom they were bought for.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod vouchers {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    const DAY_MS: i64 = 86_400_000;
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];

    /// Coins for somebody.
    #[table(name = "vouchers")]
    struct Voucher {
        #[key(auto)]
        id: i64,
        giver: String,
        #[index]
        holder: String,
        amount: u32,
        day: String,
        redeemed: bool,
    }

    #[error]
    enum VoucherError {
        /// The caller holds no such voucher that is open.
        NotFound { id: i64 },
        /// Send coins along, but not more than a voucher holds.
        WrongAmount { paid: i64 },
    }

    #[init]
    fn init() {}

    /// The day of the week of a block time.
    fn weekday(time_ms: i64) -> &'static str {
        let day = (time_ms / DAY_MS).rem_euclid(7);
        DAYS[day as usize]
    }

    /// What a voucher is made over.
    fn amount_of(paid: i64) -> Result<u32, VoucherError> {
        if paid < 1 {
            return Err(VoucherError::WrongAmount { paid });
        }
        u32::try_from(paid).map_err(|_| VoucherError::WrongAmount { paid })
    }

    /// Makes a voucher of the coins that come along.
    #[call(payable)]
    fn give(ctx: &Context, holder: String) -> Result<i64, Refusal> {
        address::check(&holder)?;
        let amount = amount_of(calls::paid(DENOM)?)?;
        let (giver, day) = (ctx.caller.clone(), weekday(ctx.time_ms).to_owned());
        ctx.db.vouchers().insert(&Voucher { id: 0, giver, holder, amount, day, redeemed: false })
    }

    /// Takes the coins of a voucher of the caller.
    #[call]
    fn redeem(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let found = ctx.db.vouchers().get(id)?;
        let own = found.filter(|voucher| voucher.holder == ctx.caller && !voucher.redeemed);
        let mut voucher = own.ok_or(VoucherError::NotFound { id })?;
        voucher.redeemed = true;
        ctx.db.vouchers().update(&voucher)?;
        let amount = i64::from(voucher.amount);
        calls::transfer(&voucher.holder, &[(DENOM, amount)])?;
        Ok(amount)
    }

    /// What the first 100 vouchers of an account are worth together.
    #[view]
    fn worth(ctx: &Context, holder: &str) -> Result<i64, Refusal> {
        let vouchers = ctx.db.vouchers().by_holder(holder, 100)?;
        let open = vouchers.iter().filter(|voucher| !voucher.redeemed);
        Ok(open.map(|voucher| i64::from(voucher.amount)).sum())
    }
}
