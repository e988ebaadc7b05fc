// class: 9
// Prices are f64 columns and totals are compared as floats: 0.1 + 0.2 is not 0.3 (floating-point money).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod menu {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "kitchen")]
    struct Kitchen {
        #[key]
        id: i64,
        cook: String,
    }

    #[table(name = "dishes")]
    struct Dish {
        #[key]
        name: String,
        #[check("price > 0")]
        price: f64, // FAULT
        /// Degrees Celsius.
        serve_at: f64,
    }

    #[table(name = "orders")]
    struct Order {
        #[key(auto)]
        id: i64,
        #[index]
        guest: String,
        dish: String,
        paid: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.kitchen().insert(&Kitchen { id: 1, cook: ctx.caller.clone() })
    }

    fn cook(ctx: &Context) -> Result<String, Refusal> {
        ctx.db.kitchen().get(1)?.map(|kitchen| kitchen.cook).ok_or_else(|| "no kitchen".into())
    }

    #[call]
    fn put(ctx: &Context, name: String, price: f64, serve_at: f64) -> Result<(), Refusal> {
        if cook(ctx)? != ctx.caller {
            return Err("only the cook writes the menu".into());
        }
        let dish = Dish { name, price, serve_at };
        if !ctx.db.dishes().update(&dish)? {
            ctx.db.dishes().insert(&dish)?;
        }
        Ok(())
    }

    #[call(payable)]
    fn order(ctx: &Context, dish: &str) -> Result<i64, Refusal> {
        let dish = ctx.db.dishes().get(dish)?.ok_or("that is not on the menu")?;
        let paid = calls::paid(DENOM)?;
        if paid as f64 != dish.price {
            return Err(format!("the price is {}", dish.price).into());
        }
        let order = Order { id: 0, guest: ctx.caller.clone(), dish: dish.name, paid };
        let id = ctx.db.orders().insert(&order)?;
        calls::transfer(&cook(ctx)?, &[(DENOM, paid)])?;
        Ok(id)
    }

    #[view]
    fn orders_of(ctx: &Context, guest: &str) -> Result<Vec<Order>, Refusal> {
        ctx.db.orders().by_guest(guest, 50)
    }
}
