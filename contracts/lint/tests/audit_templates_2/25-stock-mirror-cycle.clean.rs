//! The stock of a warehouse and what the shop offers of it, kept in step by rules.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod warehouse {
    use super::*;

    /// What lies in the warehouse, and who keeps it.
    #[table(name = "stock")]
    struct Stock {
        #[key]
        sku: String,
        keeper: String,
        #[check("pieces >= 0")]
        pieces: i64,
        revision: i64,
    }

    /// What the shop offers.
    #[table(name = "offers")]
    struct Offer {
        #[key]
        sku: String,
        available: i64,
        #[check("cents > 0")]
        cents: i64,
        revision: i64,
    }

    /// What offers have cost.
    #[table(name = "prices")]
    struct Price {
        #[key]
        sku: String,
        #[key]
        revision: i64,
        cents: i64,
    }

    #[error]
    enum StockError {
        /// The caller keeps no such stock.
        NotKeeper { sku: String },
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Begins to keep and to offer something.
    #[call]
    fn add(ctx: &Context, sku: String, pieces: i64, cents: i64) -> Result<(), Refusal> {
        let (keeper, revision) = (ctx.caller.clone(), 0);
        ctx.db.stock().insert(&Stock { sku: sku.clone(), keeper, pieces, revision })?;
        ctx.db.offers().insert(&Offer { sku, available: pieces, cents, revision })
    }

    fn kept(ctx: &Context, sku: &str) -> Result<Stock, Refusal> {
        let found = ctx.db.stock().get(sku)?.filter(|stock| stock.keeper == ctx.caller);
        Ok(found.ok_or_else(|| StockError::NotKeeper { sku: sku.into() })?)
    }

    /// Notes how many pieces there are.
    #[call]
    fn count(ctx: &Context, sku: &str, pieces: i64) -> Result<(), Refusal> {
        let stock = kept(ctx, sku)?;
        let revision = stock.revision + 1;
        ctx.db.stock().update(&Stock { pieces, revision, ..stock })?;
        Ok(())
    }

    /// Offers something at another price.
    #[call]
    fn price(ctx: &Context, sku: &str, cents: i64) -> Result<(), Refusal> {
        let sku = kept(ctx, sku)?.sku;
        sql!("UPDATE offers SET cents = ?, revision = revision + 1 WHERE sku = ?", cents, sku)?;
        Ok(())
    }

    impl Offer {
        /// Takes over what stock there is.
        fn follow(stock: &Stock) -> Result<(), Refusal> {
            sql!(
                "UPDATE offers SET available = ?, revision = revision + 1 WHERE sku = ?",
                stock.pieces,
                stock.sku
            )?;
            Ok(())
        }

        /// Notes that the offer was changed.
        fn note(&self, ctx: &Context) -> Result<(), Refusal> {
            let (sku, revision, cents) = (self.sku.clone(), self.revision, self.cents);
            ctx.db.prices().insert(&Price { sku, revision, cents })
        }
    }

    /// The offer follows the stock.
    #[on_update(stock)]
    fn stock_changed(rows: &[Updated<Stock>]) -> Result<(), Refusal> {
        rows.iter().try_for_each(|row| Offer::follow(&row.new))
    }

    /// Changes of offers are noted.
    #[on_update(offers)]
    fn offer_changed(ctx: &Context, rows: &[Updated<Offer>]) -> Result<(), Refusal> {
        rows.iter().try_for_each(|row| row.new.note(ctx))
    }
}
