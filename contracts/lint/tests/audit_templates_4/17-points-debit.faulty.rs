// class: 5
// Fault: whether the debit of the buyer's points worked is turned into nothing by `.ok()`, and the voucher is written all the same (modelled on ERC-20 transferFrom whose `false` is not looked at).
#![cfg_attr(target_arch = "wasm32", no_std)]
//! A bonus scheme: points are collected and spent on vouchers.
use dadbs_sdk::prelude::*;

#[contract]
mod bonus {
    use super::*;

    #[table(name = "shops")]
    struct Shop {
        #[key]
        address: String,
        budget: i64,
    }

    #[table(name = "accounts")]
    struct Account {
        #[key]
        customer: String,
        #[check("points >= 0")]
        points: i64,
    }

    #[table(name = "vouchers")]
    struct Voucher {
        #[key(auto)]
        id: i64,
        #[index]
        customer: String,
        points: i64,
        used: bool,
    }

    #[table(name = "scheme")]
    struct Scheme {
        #[key]
        id: i64,
        operator: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.scheme().insert(&Scheme { id: 1, operator: ctx.caller.clone() })
    }

    fn operator_only(ctx: &Context) -> Result<(), Refusal> {
        let scheme = ctx.db.scheme().get(1)?;
        if scheme.is_some_and(|scheme| scheme.operator == ctx.caller) {
            return Ok(());
        }
        Err("only the operator".into())
    }

    #[call]
    fn add_shop(ctx: &Context, address: String, budget: i64) -> Result<(), Refusal> {
        operator_only(ctx)?;
        ctx.db.shops().insert(&Shop { address, budget })
    }

    #[call]
    fn open(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.accounts().insert(&Account { customer: ctx.caller.clone(), points: 0 })
    }

    /// A shop gives points out of its budget.
    #[call]
    fn give(ctx: &Context, customer: &str, points: u32) -> Result<i64, Refusal> {
        let mut shop = ctx.db.shops().get(&ctx.caller)?.ok_or("only shops give points")?;
        let points = i64::from(points);
        if shop.budget < points {
            return Err(format!("{} points are left to give", shop.budget).into());
        }
        let mut account = ctx.db.accounts().get(customer)?.ok_or("no such customer")?;
        shop.budget -= points;
        account.points += points;
        ctx.db.shops().update(&shop)?;
        ctx.db.accounts().update(&account)?;
        Ok(account.points)
    }

    /// Makes a voucher of the caller's points.
    #[call]
    fn redeem(ctx: &Context, points: u32) -> Result<i64, Refusal> {
        if points < 100 {
            return Err("a voucher is worth 100 points or more".into());
        }
        let customer = ctx.caller.clone();
        sql!("UPDATE accounts SET points = points - ? WHERE customer = ?", points, customer).ok(); // FAULT
        ctx.db.vouchers().insert(&Voucher { id: 0, customer, points: i64::from(points), used: false })
    }

    /// A shop takes a voucher.
    #[call]
    fn accept(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut shop = ctx.db.shops().get(&ctx.caller)?.ok_or("only shops take vouchers")?;
        let Some(mut voucher) = ctx.db.vouchers().get(id)?.filter(|voucher| !voucher.used) else {
            return Err("there is no such voucher, or it is used".into());
        };
        voucher.used = true;
        shop.budget += voucher.points;
        ctx.db.vouchers().update(&voucher)?;
        ctx.db.shops().update(&shop)?;
        Ok(voucher.points)
    }

    #[view]
    fn vouchers(ctx: &Context, customer: &str) -> Result<Vec<Voucher>, Refusal> {
        ctx.db.vouchers().by_customer(customer, 100)
    }
}
