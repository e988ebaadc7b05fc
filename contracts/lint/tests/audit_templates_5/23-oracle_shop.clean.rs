// class: 5
// Without a price from the feed there is no sale; only an optional label has a default.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod oracle_shop {
    use super::*;
    use dadbs_sdk::calls::{DENOM, column};

    #[table(name = "shop")]
    struct Shop {
        #[key]
        id: i64,
        owner: String,
        feed: String,
    }

    #[table(name = "stock")]
    struct Stock {
        #[key]
        symbol: String,
        #[check("pieces BETWEEN 0 AND 1000000")]
        pieces: i64,
        label: Option<String>,
    }

    #[table(name = "owned")]
    struct Owned {
        #[key]
        owner: String,
        #[key]
        symbol: String,
        pieces: i64,
    }

    #[init]
    fn init(ctx: &Context, feed: String) -> Result<(), Refusal> {
        ctx.db.shop().insert(&Shop { id: 1, owner: ctx.caller.clone(), feed })
    }

    fn shop(ctx: &Context) -> Result<Shop, Refusal> {
        ctx.db.shop().get(1)?.ok_or_else(|| Refusal::new("there is no shop"))
    }

    fn ask(feed: &str, symbol: &str) -> Result<i64, calls::CallError> {
        let answer = calls::view(feed, "price", params![symbol])?;
        column(&answer.row(), 0)
    }

    fn price(ctx: &Context, symbol: &str) -> Result<i64, Refusal> {
        let shop = shop(ctx)?;
        match ask(&shop.feed, symbol) {
            Ok(price) if price > 0 => Ok(price),
            Ok(price) => Err(format!("the feed says {price}, which is no price").into()),
            Err(error) => Err(Refusal::from(error).at("the feed")),
        }
    }

    #[call]
    fn supply(ctx: &Context, symbol: String, pieces: i64, label: Option<String>) -> Result<(), Refusal> {
        if shop(ctx)?.owner != ctx.caller {
            return Err("only the owner supplies".into());
        }
        let stock = Stock { symbol, pieces, label };
        if !ctx.db.stock().update(&stock)? {
            ctx.db.stock().insert(&stock)?;
        }
        Ok(())
    }

    /// Buys one piece for exactly its price, which stays in the contract for the owner.
    #[call(payable)]
    fn buy(ctx: &Context, symbol: &str) -> Result<i64, Refusal> {
        let mut stock = ctx.db.stock().get(symbol)?.ok_or("that is not for sale")?;
        let price = price(ctx, symbol)?;
        if stock.pieces == 0 || calls::paid(DENOM)? != price {
            return Err(format!("one piece costs {price}; {} are left", stock.pieces).into());
        }
        stock.pieces -= 1;
        ctx.db.stock().update(&stock)?;
        let before = ctx.db.owned().get(&ctx.caller, symbol)?.map_or(0, |row| row.pieces);
        let pieces = before + 1;
        let row = Owned { owner: ctx.caller.clone(), symbol: stock.symbol, pieces };
        if !ctx.db.owned().update(&row)? {
            ctx.db.owned().insert(&row)?;
        }
        Ok(pieces)
    }

    #[view]
    fn label(ctx: &Context, symbol: &str) -> Result<String, Refusal> {
        Ok(ctx.db.stock().get(symbol)?.and_then(|stock| stock.label).unwrap_or_default())
    }
}
