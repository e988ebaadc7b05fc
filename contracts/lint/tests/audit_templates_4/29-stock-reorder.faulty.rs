// class: 8
// Fault: an order makes a shipment, a shipment makes a stock move, and the rule of moves orders again: a circle of three tables through helpers (modelled on CosmWasm hook and reply loops; hop by hop each rule looks harmless).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod depot {
    use super::*;

    #[table(name = "keeper")]
    struct Keeper {
        #[key]
        id: i64,
        address: String,
    }

    #[table(name = "stock")]
    struct Stock {
        #[key]
        sku: String,
        pieces: i64,
        low: bool,
    }

    #[table(name = "orders")]
    struct Order {
        #[key(auto)]
        id: i64,
        sku: String,
        #[check("pieces BETWEEN 1 AND 10000")]
        pieces: i64,
    }

    #[table(name = "shipments")]
    struct Shipment {
        #[key]
        #[references("orders(id)")]
        order_id: i64,
        sku: String,
        pieces: i64,
    }

    #[table(name = "moves")]
    struct Move {
        #[key(auto)]
        id: i64,
        sku: String,
        pieces: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.keeper().insert(&Keeper { id: 1, address: ctx.caller.clone() })
    }

    fn kept(ctx: &Context) -> Result<(), Refusal> {
        let keeper = ctx.db.keeper().get(1)?.ok_or("there is no keeper")?;
        if keeper.address == ctx.caller { Ok(()) } else { Err("the keeper does this".into()) }
    }

    #[call]
    fn add_sku(ctx: &Context, sku: String) -> Result<(), Refusal> {
        kept(ctx)?;
        ctx.db.stock().insert(&Stock { sku, pieces: 0, low: true })
    }

    #[call]
    fn reorder(ctx: &Context, sku: &str, pieces: i64) -> Result<i64, Refusal> {
        kept(ctx)?;
        flow::order(ctx, sku, pieces)
    }

    mod flow {
        use super::*;

        pub(super) fn order(ctx: &Context, sku: &str, pieces: i64) -> Result<i64, Refusal> {
            ctx.db.orders().insert(&Order { id: 0, sku: sku.into(), pieces })
        }

        pub(super) fn ship(ctx: &Context, order: &Order) -> Result<(), Refusal> {
            let Order { id, sku, pieces } = order;
            ctx.db.shipments().insert(&Shipment { order_id: *id, sku: sku.clone(), pieces: *pieces })
        }

        pub(super) fn shift(ctx: &Context, sku: &str, pieces: i64) -> Result<i64, Refusal> {
            ctx.db.moves().insert(&Move { id: 0, sku: sku.into(), pieces })
        }

        pub(super) fn count(sku: &str, pieces: i64) -> Result<(), Refusal> {
            let changed = sql!(
                "UPDATE stock SET pieces = pieces + ?, low = (pieces + ? < 10) WHERE sku = ?",
                pieces,
                pieces,
                sku
            )?;
            if changed == 0 { Err(format!("{sku} is no article").into()) } else { Ok(()) }
        }
    }

    #[on_insert(orders)]
    fn ordered(ctx: &Context, orders: &[Order]) -> Result<(), Refusal> {
        orders.iter().try_for_each(|order| flow::ship(ctx, order))
    }

    #[on_insert(shipments)]
    fn shipped(ctx: &Context, shipments: &[Shipment]) -> Result<(), Refusal> {
        for shipment in shipments {
            flow::shift(ctx, &shipment.sku, shipment.pieces)?;
        }
        Ok(())
    }

    #[on_insert(moves)]
    fn moved(ctx: &Context, moves: &[Move]) -> Result<(), Refusal> {
        for Move { sku, pieces, .. } in moves {
            flow::count(sku, *pieces)?;
            flow::order(ctx, sku, *pieces)?; // FAULT
        }
        Ok(())
    }

    #[view]
    fn stock(ctx: &Context, sku: &str) -> Result<Option<Stock>, Refusal> {
        ctx.db.stock().get(sku)
    }
}
