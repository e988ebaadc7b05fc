// class: 4
// The column to sort by is pasted into the statement: the caller writes SQL (ORDER BY injection, CWE-89).
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
        if order.is_empty() {
            return Err(ShopError::NoOrder { order: order.into() }.into());
        }
        let text = format!(
            "SELECT id, title, price FROM goods WHERE price <= ? ORDER BY {order} LIMIT 50"
        );
        Ok(sql::query(&text, params![up_to])?) // FAULT
    }

    #[view]
    fn good(ctx: &Context, id: i64) -> Result<Option<Good>, Refusal> {
        ctx.db.goods().get(id)
    }
}
