// class: float-money; from: prices and totals are kept as floating point numbers
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod cafe {
    use super::*;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        name: String,
        __FIELD1__: f64,
        /// The mean of what guests say, from 1 to 5; nothing is paid by it.
        __FIELD2__: f64,
        votes: u32,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        host: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, host: ctx.caller.clone() })
    }

    fn __HELPER1__(ctx: &Context) -> Result<(), Refusal> {
        match ctx.db.__TABLE2__().get(1)? {
            Some(row) if row.host == ctx.caller => Ok(()),
            _ => Err("only the host changes the card".into()),
        }
    }

    /// Puts a dish on the card.
    #[call]
    fn __CALL1__(ctx: &Context, name: String, price: f64) -> Result<(), Refusal> {
        __HELPER1__(ctx)?;
        if price <= 0.0 {
            return Err("a dish costs something".into());
        }
        let __VAR1__ = __STRUCT1__ { name, __FIELD1__: price, __FIELD2__: 0.0, votes: 0 };
        ctx.db.__TABLE1__().insert(&__VAR1__)
    }

    /// Writes down how a guest found a dish.
    #[call]
    fn __CALL2__(ctx: &Context, name: &str, stars: u32) -> Result<f64, Refusal> {
        __HELPER1__(ctx)?;
        let mut dish = ctx.db.__TABLE1__().get(name)?.ok_or("there is no such dish")?;
        let votes = f64::from(dish.votes);
        let stars = f64::from(stars.clamp(1, 5));
        dish.__FIELD2__ = (dish.__FIELD2__ * votes + stars) / (votes + 1.0);
        dish.votes = dish.votes.saturating_add(1);
        ctx.db.__TABLE1__().update(&dish)?;
        Ok(dish.__FIELD2__)
    }
}
