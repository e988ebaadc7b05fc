// class: 5
//! Points of a shop: customers earn them and give them to each other.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod points {
    use super::*;
    use dadbs_sdk::address;

    /// Who made the contract.
    #[table(name = "shop")]
    struct Shop {
        #[key]
        owner: String,
    }

    /// What a customer has.
    #[table(name = "accounts")]
    struct Account {
        #[key]
        customer: String,
        #[check("points >= 0")]
        points: i64,
    }

    #[error]
    enum PointsError {
        /// Only the shop may do this.
        NotShop,
        /// The customer has not so many points.
        TooFew { points: i64 },
        /// A number of points is at least 1.
        NoPoints { text: String },
    }

    #[event]
    struct Given<'a> {
        to: &'a str,
        points: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.shop().insert(&Shop { owner: ctx.caller.clone() })
    }

    fn credit(ctx: &Context, customer: &str, points: i64) -> Result<(), Refusal> {
        let before = ctx.db.accounts().get(customer)?.map_or(0, |account| account.points);
        let account = Account { customer: customer.into(), points: before + points };
        if !ctx.db.accounts().update(&account)? {
            ctx.db.accounts().insert(&account)?;
        }
        Ok(())
    }

    fn debit(ctx: &Context, customer: &str, points: i64) -> Result<(), Refusal> {
        let found = ctx.db.accounts().get(customer)?;
        let mut account = found.ok_or(PointsError::TooFew { points: 0 })?;
        if account.points < points {
            return Err(PointsError::TooFew { points: account.points }.into());
        }
        account.points -= points;
        ctx.db.accounts().update(&account).map(drop)
    }

    /// The number of points that a customer has typed.
    fn typed(text: &str) -> Result<i64, PointsError> {
        let number = text.trim().parse::<i64>().ok().filter(|points| *points > 0);
        number.ok_or_else(|| PointsError::NoPoints { text: text.into() })
    }

    /// Gives a customer points for what was bought.
    #[call]
    fn reward(ctx: &Context, customer: &str, points: &str) -> Result<(), Refusal> {
        if ctx.db.shop().get(&ctx.caller)?.is_none() {
            return Err(PointsError::NotShop.into());
        }
        address::check(customer)?;
        credit(ctx, customer, typed(points)?)
    }

    /// Gives points of the caller to another customer.
    #[call]
    fn give(ctx: &Context, to: &str, points: &str) -> Result<(), Refusal> {
        address::check(to)?;
        let points = typed(points)?;
        match debit(ctx, &ctx.caller, points) {
            Ok(()) => log("points were taken from their giver"),
            Err(refusal) => return Err(refusal.at("give")),
        }
        credit(ctx, to, points)?;
        Given { to, points }.emit();
        Ok(())
    }

    /// What a customer has.
    #[view]
    fn points(ctx: &Context, customer: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.accounts().get(customer)?.map(|account| account.points).unwrap_or_default())
    }
}
