// class: 4
// Each order is a constant text that a match picks; an unknown order is refused and values are bound.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod catalogue {
    use super::*;
    use dadbs_sdk::sql;

    /// Goods; prices in cents.
    #[table(name = "goods", index(price), index(title))]
    struct Good {
        #[key(auto)]
        id: i64,
        seller: String,
        #[check("length(title) BETWEEN 1 AND 80")]
        title: String,
        #[check("price > 0")]
        price: i64,
        sold: bool,
    }

    #[error]
    enum ShopError {
        /// There is no such good.
        NotFound { id: i64 },
        /// Only its seller may do this.
        NotSeller { id: i64 },
        /// Goods are sorted by `title` or `price`.
        NoOrder { order: String },
    }

    #[init]
    fn init() {}

    #[call]
    fn list(ctx: &Context, title: String, price: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        ctx.db.goods().insert(&Good { id: 0, seller, title, price, sold: false })
    }

    #[call]
    fn mark_sold(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut good = ctx.db.goods().get(id)?.ok_or(ShopError::NotFound { id })?;
        if good.seller != ctx.caller {
            return Err(ShopError::NotSeller { id }.into());
        }
        good.sold = true;
        ctx.db.goods().update(&good)?;
        Ok(())
    }

    /// At most 50 goods up to a price.
    #[view]
    fn browse(order: &str, up_to: i64) -> Result<Table, Refusal> {
        let text = match order {
            "title" => "SELECT id, title, price FROM goods WHERE price <= ? ORDER BY title LIMIT 50",
            "price" => "SELECT id, title, price FROM goods WHERE price <= ? ORDER BY price LIMIT 50",
            other => return Err(ShopError::NoOrder { order: other.into() }.into()),
        };
        Ok(sql::query(text, params![up_to])?)
    }

    #[view]
    fn good(ctx: &Context, id: i64) -> Result<Option<Good>, Refusal> {
        ctx.db.goods().get(id)
    }
}
