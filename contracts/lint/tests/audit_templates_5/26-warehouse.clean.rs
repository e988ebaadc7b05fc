// class: 8
// A movement changes the shelf and a low shelf orders once; an order is filled by a call, not by a trigger.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod warehouse {
    use super::*;

    #[table(name = "shelves")]
    struct Shelf {
        #[key]
        sku: String,
        keeper: String,
        #[check("pieces BETWEEN 0 AND 1000000")]
        pieces: i64,
    }

    #[table(name = "movements")]
    struct Movement {
        #[key(auto)]
        id: i64,
        sku: String,
        #[check("pieces BETWEEN -1000 AND 1000")]
        pieces: i64,
    }

    #[table(name = "orders")]
    struct Order {
        #[key]
        sku: String,
        number: i64,
        filled: bool,
    }

    #[init]
    fn init() {}

    #[call]
    fn add_shelf(ctx: &Context, sku: String) -> Result<(), Refusal> {
        ctx.db.shelves().insert(&Shelf { sku, keeper: ctx.caller.clone(), pieces: 0 })
    }

    fn kept(ctx: &Context, sku: &str) -> Result<Shelf, Refusal> {
        let shelf = ctx.db.shelves().get(sku)?.ok_or("there is no such shelf")?;
        if shelf.keeper == ctx.caller { Ok(shelf) } else { Err("this is another's shelf".into()) }
    }

    fn note(ctx: &Context, sku: &str, pieces: i64) -> Result<(), Refusal> {
        ctx.db.movements().insert(&Movement { id: 0, sku: sku.into(), pieces }).map(|_number| ())
    }

    #[call]
    fn take(ctx: &Context, sku: &str, pieces: u32) -> Result<(), Refusal> {
        kept(ctx, sku)?;
        note(ctx, sku, -i64::from(pieces))
    }

    #[on_insert(movements)]
    fn moved(ctx: &Context, rows: &[Movement]) -> Result<(), Refusal> {
        for row in rows {
            let mut shelf = ctx.db.shelves().get(&row.sku)?.ok_or("there is no such shelf")?;
            // Both are small by their checks.
            shelf.pieces += row.pieces;
            ctx.db.shelves().update(&shelf)?;
        }
        Ok(())
    }

    #[on_update(shelves)]
    fn restock(ctx: &Context, changed: &[Updated<Shelf>]) -> Result<(), Refusal> {
        for Updated { new, .. } in changed.iter().filter(|change| change.new.pieces < 10) {
            let number = ctx.db.orders().get(&new.sku)?.map_or(1, |order| order.number + 1);
            let order = Order { sku: new.sku.clone(), number, filled: false };
            if !ctx.db.orders().update(&order)? {
                ctx.db.orders().insert(&order)?;
            }
        }
        Ok(())
    }

    /// The goods of an order have come.
    #[call]
    fn fill(ctx: &Context, sku: &str) -> Result<(), Refusal> {
        let shelf = kept(ctx, sku)?;
        let mut order = ctx.db.orders().get(sku)?.ok_or("nothing is ordered")?;
        if order.filled {
            return Err("the order is filled".into());
        }
        order.filled = true;
        ctx.db.orders().update(&order)?;
        note(ctx, &shelf.sku, 100)
    }

    #[view]
    fn shelf(ctx: &Context, sku: &str) -> Result<Option<Shelf>, Refusal> {
        ctx.db.shelves().get(sku)
    }
}
