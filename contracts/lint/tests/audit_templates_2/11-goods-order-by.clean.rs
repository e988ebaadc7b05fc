//! Goods for sale between neighbours, listed in the order that the reader wants.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod goods {
    use super::*;

    /// Something that is for sale; the price is in cents.
    #[table(name = "goods", index(sold, price), index(sold, title))]
    struct Good {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        #[check("length(title) BETWEEN 1 AND 80")]
        title: String,
        #[check("price > 0")]
        price: i64,
        #[index]
        sold: bool,
    }

    /// The lowest price that a seller takes; the seller alone reads it.
    #[table(name = "floors")]
    struct Floor {
        #[key]
        good: i64,
        seller: String,
        price: i64,
    }

    #[can_read(floors)]
    fn own_floor(floor: &Floor, caller: &str) -> bool {
        floor.seller == caller
    }

    #[error]
    enum GoodError {
        /// The caller sells no such good.
        NotFound { id: i64 },
        /// Goods are ordered by `title`, `price` or `newest`, not by this.
        NoOrder { order: String },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Offers something; answers its number.
    #[call]
    fn offer(ctx: &Context, title: String, price: i64, floor: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        let good = Good { id: 0, seller: seller.clone(), title, price, sold: false };
        let id = ctx.db.goods().insert(&good)?;
        ctx.db.floors().insert(&Floor { good: id, seller, price: floor })?;
        Ok(id)
    }

    /// Notes that a good of the caller is sold.
    #[call]
    fn sold(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let found = ctx.db.goods().get(id)?.filter(|good| good.seller == ctx.caller);
        let mut good = found.ok_or(GoodError::NotFound { id })?;
        good.sold = true;
        ctx.db.goods().update(&good)?;
        Ok(())
    }

    fn listing(order: &str) -> Result<&'static str, Refusal> {
        Ok(match order {
            "newest" => {
                "SELECT id, seller, title, price FROM goods WHERE sold = 0 ORDER BY id DESC LIMIT 50"
            }
            "title" => {
                "SELECT id, seller, title, price FROM goods WHERE sold = 0 ORDER BY title LIMIT 50"
            }
            "price" => {
                "SELECT id, seller, title, price FROM goods WHERE sold = 0 ORDER BY price LIMIT 50"
            }
            _ => return Err(GoodError::NoOrder { order: order.into() }.into()),
        })
    }

    /// At most 50 goods that are for sale.
    #[view]
    fn for_sale(order: &str) -> Result<Table, Refusal> {
        let statement = listing(order)?;
        let found = sql::query(statement, &[])?;
        Ok(found)
    }
}
