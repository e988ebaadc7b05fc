// class: 7
// The subtraction is checked, and an account without enough is refused before anything is written.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod points {
    use super::*;
    use dadbs_sdk::address;

    /// Loyalty points, which buy goods.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Points(u32);

    impl Points {
        fn minus(self, other: Points) -> Result<Points, Refusal> {
            match self.0.checked_sub(other.0) {
                Some(left) => Ok(Points(left)),
                None => Err(format!("there are {} points only", self.0).into()),
            }
        }

        fn plus(self, other: Points) -> Result<Points, Refusal> {
            self.0.checked_add(other.0).map(Points).ok_or_else(|| "the account is full".into())
        }
    }

    #[table(name = "accounts")]
    struct Account {
        #[key]
        member: String,
        points: u32,
    }

    #[table(name = "shop")]
    struct Shop {
        #[key]
        id: i64,
        owner: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.shop().insert(&Shop { id: 1, owner: ctx.caller.clone() })
    }

    fn load(ctx: &Context, member: &str) -> Result<Points, Refusal> {
        Ok(Points(ctx.db.accounts().get(member)?.map_or(0, |account| account.points)))
    }

    fn store(ctx: &Context, member: &str, points: Points) -> Result<(), Refusal> {
        let account = Account { member: member.into(), points: points.0 };
        if ctx.db.accounts().update(&account)? {
            return Ok(());
        }
        ctx.db.accounts().insert(&account)
    }

    #[call]
    fn award(ctx: &Context, member: &str, points: u32) -> Result<(), Refusal> {
        address::check(member)?;
        let is_owner = ctx.db.shop().get(1)?.is_some_and(|shop| shop.owner == ctx.caller);
        if !is_owner {
            return Err("only the shop awards points".into());
        }
        store(ctx, member, load(ctx, member)?.plus(Points(points))?)
    }

    #[call]
    fn give(ctx: &Context, to: &str, points: u32) -> Result<(), Refusal> {
        address::check(to)?;
        let points = Points(points);
        store(ctx, &ctx.caller, load(ctx, &ctx.caller)?.minus(points)?)?;
        store(ctx, to, load(ctx, to)?.plus(points)?)
    }

    #[view]
    fn points(ctx: &Context, member: &str) -> Result<u32, Refusal> {
        load(ctx, member).map(|points| points.0)
    }
}
