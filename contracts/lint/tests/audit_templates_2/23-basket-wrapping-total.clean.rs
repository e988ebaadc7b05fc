//! A shop: customers pay a basket of things in one call, the owner takes the coins.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod baskets {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Lines of one basket.
    const LINES_MAX: usize = 16;

    /// What is for sale, in udadb.
    #[table(name = "things")]
    struct Thing {
        #[key]
        sku: String,
        #[index]
        seller: String,
        #[check("price > 0")]
        price: i64,
    }

    /// What was bought.
    #[table(name = "orders")]
    struct Order {
        #[key(auto)]
        id: i64,
        #[index]
        customer: String,
        sku: String,
        #[check("pieces > 0")]
        pieces: i64,
        basket: u32,
    }

    #[error]
    enum BasketError {
        /// There is no such thing.
        NotFound { sku: String },
        /// A basket is pairs of a thing and the pieces, all of one seller, at most 16.
        Malformed,
        /// Nobody pays so much.
        TooMuch,
        /// Send exactly the total along.
        WrongTotal { total: i64 },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Puts something up for sale.
    #[call]
    fn put_up(ctx: &Context, sku: String, price: i64) -> Result<(), Refusal> {
        ctx.db.things().insert(&Thing { sku, seller: ctx.caller.clone(), price })
    }

    /// A short name of a basket, the same for the same things (FNV-1a).
    fn label(lines: &[(Thing, i64)]) -> u32 {
        let bytes = lines.iter().flat_map(|(thing, _)| thing.sku.bytes());
        bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193))
    }

    fn lines(ctx: &Context, pairs: &[ValueRef<'_>]) -> Result<Vec<(Thing, i64)>, Refusal> {
        let mut lines: Vec<(Thing, i64)> = Vec::new();
        for pair in pairs.chunks(2) {
            let [ValueRef::Text(sku), ValueRef::Integer(pieces @ 1..)] = *pair else {
                return Err(BasketError::Malformed.into());
            };
            let found = ctx.db.things().get(sku)?;
            let thing = found.ok_or_else(|| BasketError::NotFound { sku: sku.into() })?;
            let other = lines.first().is_some_and(|(first, _)| first.seller != thing.seller);
            if other || lines.len() == LINES_MAX {
                return Err(BasketError::Malformed.into());
            }
            lines.push((thing, pieces));
        }
        Ok(lines)
    }

    /// Buys a basket for exactly its total; answers the total.
    #[call(payable)]
    fn buy(ctx: &Context, pairs: Rest<'_>) -> Result<i64, Refusal> {
        let lines = lines(ctx, &pairs)?;
        let Some(seller) = lines.first().map(|(thing, _)| thing.seller.clone()) else {
            return Err(BasketError::Malformed.into());
        };
        let cost = |(thing, pieces): &(Thing, i64)| thing.price.checked_mul(*pieces);
        let total = lines.iter().map(cost).try_fold(0, |sum: i64, cost| sum.checked_add(cost?));
        let total = total.ok_or(BasketError::TooMuch)?;
        if calls::paid(DENOM)? != total {
            return Err(BasketError::WrongTotal { total }.into());
        }
        let basket = label(&lines);
        for (Thing { sku, .. }, pieces) in lines {
            let customer = ctx.caller.clone();
            ctx.db.orders().insert(&Order { id: 0, customer, sku, pieces, basket })?;
        }
        calls::transfer(&seller, &[(DENOM, total)])?;
        Ok(total)
    }
}
