// class: 9
//! A shop: goods have a price, customers buy some of them.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod shop {
    use super::*;

    /// Who made the contract.
    #[table(name = "owner")]
    struct Owner {
        #[key]
        address: String,
    }

    /// What is sold.
    #[table(name = "goods")]
    struct Good {
        #[key]
        name: String,
        /// In kilograms, for the carrier.
        #[check("weight > 0")]
        weight: f64,
        #[check("price > 0")]
        price: f64,
    }

    /// What a customer owes for goods.
    #[table(name = "purchases")]
    struct Purchase {
        #[key(auto)]
        id: i64,
        #[index]
        customer: String,
        good: String,
        pieces: u32,
        owed: f64,
    }

    #[error]
    enum ShopError {
        /// Only the owner may do this.
        NotOwner,
        /// There is no such good.
        NotFound { good: String },
        /// Buy 1 to 100 pieces.
        WrongPieces { pieces: u32 },
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.owner().insert(&Owner { address: ctx.caller.clone() })
    }

    fn only_owner(ctx: &Context) -> Result<(), Refusal> {
        if ctx.db.owner().get(&ctx.caller)?.is_none() {
            return Err(ShopError::NotOwner.into());
        }
        Ok(())
    }

    /// Offers a good; the price is in coins.
    #[call]
    fn offer(ctx: &Context, name: String, weight: f64, price: f64) -> Result<(), Refusal> {
        only_owner(ctx)?;
        ctx.db.goods().insert(&Good { name, weight, price })
    }

    /// Buys pieces of a good; answers the number of the purchase.
    #[call]
    fn buy(ctx: &Context, good: String, pieces: u32) -> Result<i64, Refusal> {
        if !(1..=100).contains(&pieces) {
            return Err(ShopError::WrongPieces { pieces }.into());
        }
        let Some(found) = ctx.db.goods().get(&good)? else {
            return Err(ShopError::NotFound { good }.into());
        };
        let owed = found.price * f64::from(pieces);
        let customer = ctx.caller.clone();
        ctx.db.purchases().insert(&Purchase { id: 0, customer, good, pieces, owed })
    }

    /// What some pieces of a good weigh.
    #[view]
    fn weight(ctx: &Context, good: &str, pieces: u32) -> Result<f64, Refusal> {
        let found = ctx.db.goods().get(good)?;
        Ok(found.map_or(0.0, |good| good.weight * f64::from(pieces)))
    }
}
