// class: 4
// Fault: the column to order by, as the caller writes it, is put into the statement's text (modelled on CWE-89, SQL injection through ORDER BY, which no parameter can take).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod catalog {
    use super::*;

    #[table(name = "goods", index(price, id), index(name, id))]
    struct Good {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        #[check("length(name) BETWEEN 1 AND 80")]
        name: String,
        #[check("price > 0")]
        price: i64,
        stock: u32,
    }

    #[error]
    enum CatalogError {
        NoGood { id: i64 },
        NotSeller,
        TooMany { stock: u32 },
    }

    #[init]
    fn init() {}

    #[call]
    fn list(ctx: &Context, name: String, price: i64, stock: u32) -> Result<i64, Refusal> {
        ctx.db.goods().insert(&Good { id: 0, seller: ctx.caller.clone(), name, price, stock })
    }

    fn own(ctx: &Context, id: i64) -> Result<Good, Refusal> {
        let good = ctx.db.goods().get(id)?.ok_or(CatalogError::NoGood { id })?;
        if good.seller != ctx.caller {
            return Err(CatalogError::NotSeller.into());
        }
        Ok(good)
    }

    #[call]
    fn reprice(ctx: &Context, id: i64, price: i64) -> Result<(), Refusal> {
        let mut good = own(ctx, id)?;
        good.price = price;
        ctx.db.goods().update(&good)?;
        Ok(())
    }

    #[call]
    fn unload(ctx: &Context, id: i64, pieces: u32) -> Result<u32, Refusal> {
        let mut good = own(ctx, id)?;
        good.stock = good
            .stock
            .checked_sub(pieces)
            .ok_or(CatalogError::TooMany { stock: good.stock })?;
        ctx.db.goods().update(&good)?;
        Ok(good.stock)
    }

    #[call]
    fn drop_good(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let good = own(ctx, id)?;
        let label = format!("{} of {}", good.name, good.seller);
        emit("dropped", &[("what", &label)]);
        ctx.db.goods().delete(good.id)
    }

    /// Goods in an order; at most 100.
    #[view]
    fn browse(order: &str, limit: u32) -> Result<Table, Refusal> {
        let limit = limit.clamp(1, 100);
        let text = format!(
            "SELECT id, seller, name, price, stock FROM goods ORDER BY {order} LIMIT ?"
        );
        Ok(sql::query(&text, params![limit])?) // FAULT
    }

    #[view]
    fn by_seller(ctx: &Context, seller: &str) -> Result<Vec<Good>, Refusal> {
        ctx.db.goods().by_seller(seller, 100)
    }
}
