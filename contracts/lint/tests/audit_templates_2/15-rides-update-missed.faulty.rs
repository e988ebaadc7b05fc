//! Prepaid rides: an account buys credits and gives some of them to others.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod rides {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// What one ride costs, in udadb.
    const RIDE: i64 = 150_000;

    /// The rides that an account has.
    #[table(name = "credits")]
    struct Credit {
        #[key]
        account: String,
        #[check("rides >= 0")]
        rides: i64,
        used: i64,
    }

    #[error]
    enum RideError {
        /// The account has not so many rides.
        TooFew { rides: i64 },
        /// Rides are bought whole: send a multiple of this.
        NotWhole { ride: i64 },
    }

    /// Rides were given away.
    #[event]
    struct Given<'a> {
        to: &'a str,
        rides: i64,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    fn of(ctx: &Context, account: &str) -> Result<Credit, Refusal> {
        let none = || Credit { account: account.into(), rides: 0, used: 0 };
        Ok(ctx.db.credits().get(account)?.unwrap_or_else(none))
    }

    /// Buys rides for what comes along; answers how many the caller has now.
    #[call(payable)]
    fn buy(ctx: &Context) -> Result<i64, Refusal> {
        let paid = calls::paid(DENOM)?;
        if paid == 0 || paid % RIDE != 0 {
            return Err(RideError::NotWhole { ride: RIDE }.into());
        }
        let mut credit = of(ctx, &ctx.caller)?;
        credit.rides += paid / RIDE;
        if !ctx.db.credits().update(&credit)? {
            ctx.db.credits().insert(&credit)?;
        }
        Ok(credit.rides)
    }

    fn debit(ctx: &Context, rides: i64, used: i64) -> Result<(), Refusal> {
        let found = ctx.db.credits().get(&ctx.caller)?;
        let mut credit = found.ok_or(RideError::TooFew { rides: 0 })?;
        if credit.rides < rides {
            return Err(RideError::TooFew { rides: credit.rides }.into());
        }
        credit.rides -= rides;
        credit.used += used;
        ctx.db.credits().update(&credit)?;
        Ok(())
    }

    /// Uses a ride of the caller.
    #[call]
    fn ride(ctx: &Context) -> Result<(), Refusal> {
        debit(ctx, 1, 1)
    }

    /// Gives rides of the caller to another account.
    #[call]
    fn give(ctx: &Context, to: &str, rides: u32) -> Result<(), Refusal> {
        address::check(to)?;
        let rides = i64::from(rides);
        debit(ctx, rides, 0)?;
        let mut credit = of(ctx, to)?;
        credit.rides += rides;
        ctx.db.credits().update(&credit)?;
        Given { to, rides }.emit();
        Ok(())
    }

    /// What an account has.
    #[view]
    fn credit(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        Ok(of(ctx, account)?.rides)
    }
}
