// class: 8
//! A warehouse: orders are packed, the stock follows.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod warehouse {
    use super::*;
    const SHORT: i64 = 10;

    #[table(name = "keeper")]
    struct Keeper {
        #[key]
        address: String,
    }

    #[table(name = "stock")]
    struct Stock {
        #[key]
        item: String,
        #[check("pieces >= 0")]
        pieces: i64,
    }

    #[table(name = "orders")]
    struct Order {
        #[key(auto)]
        id: i64,
        item: String,
        packed: bool,
        note: String,
    }

    #[table(name = "shipments")]
    struct Shipment {
        #[key(auto)]
        id: i64,
        order_id: i64,
        item: String,
    }

    #[table(name = "reorders")]
    struct Reorder {
        #[key(auto)]
        id: i64,
        item: String,
        pieces: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.keeper().insert(&Keeper { address: ctx.caller.clone() })
    }

    fn only_keeper(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.keeper().get(&ctx.caller)?.map(drop).ok_or_else(|| "only the keeper".into())
    }

    #[call]
    fn stock_up(ctx: &Context, item: String, pieces: i64) -> Result<(), Refusal> {
        only_keeper(ctx)?;
        ctx.db.stock().insert(&Stock { item, pieces })
    }

    #[call]
    fn order(ctx: &Context, item: String) -> Result<i64, Refusal> {
        ctx.db.orders().insert(&Order { id: 0, item, packed: false, note: String::new() })
    }

    #[call]
    fn pack(ctx: &Context, id: i64) -> Result<u32, Refusal> {
        only_keeper(ctx)?;
        Ok(sql!("UPDATE orders SET packed = 1 WHERE id = ? AND packed = 0", id)?)
    }

    #[call]
    fn delivered(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        only_keeper(ctx)?;
        ctx.db.reorders().delete(id)
    }

    #[on_update(orders)]
    fn ship(ctx: &Context, orders: &[Updated<Order>]) -> Result<(), Refusal> {
        orders.iter().map(|order| &order.new).filter(|order| order.packed).try_for_each(|order| {
            let (order_id, item) = (order.id, order.item.clone());
            ctx.db.shipments().insert(&Shipment { id: 0, order_id, item }).map(drop)
        })
    }

    #[on_insert(shipments)]
    fn take(shipments: &[Shipment]) -> Result<(), Refusal> {
        shipments.iter().try_for_each(|shipment| shift(&shipment.item, -1))
    }

    fn shift(item: &str, pieces: i64) -> Result<(), Refusal> {
        sql!("UPDATE stock SET pieces = pieces + ? WHERE item = ?", pieces, item)?;
        Ok(())
    }

    #[on_update(stock)]
    fn watch(ctx: &Context, items: &[Updated<Stock>]) -> Result<(), Refusal> {
        for Updated { new, .. } in items.iter().filter(|stock| stock.new.pieces < SHORT) {
            let reorder = Reorder { id: 0, item: new.item.clone(), pieces: SHORT * 2 };
            ctx.db.reorders().insert(&reorder)?;
            sql!(
                "UPDATE orders SET note = 'short' WHERE id IN (SELECT order_id FROM shipments
                 WHERE item = ? ORDER BY order_id DESC LIMIT 1)",
                new.item
            )?;
        }
        Ok(())
    }

    #[on_delete(reorders)]
    fn put_away(reorders: &[Reorder]) -> Result<(), Refusal> {
        reorders.iter().try_for_each(|reorder| shift(&reorder.item, reorder.pieces))
    }
}
