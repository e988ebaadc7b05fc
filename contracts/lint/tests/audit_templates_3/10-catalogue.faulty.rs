// class: 4
//! A catalogue of parts that is read in the order that the reader wants.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod catalogue {
    use super::*;

    const PAGE: u32 = 50;
    const COLUMNS: &str = "id, maker, name, grams, price";

    /// Something that is made.
    #[table(name = "parts")]
    struct Part {
        #[key(auto)]
        id: i64,
        #[index]
        maker: String,
        name: String,
        #[check("grams > 0")]
        grams: i64,
        #[check("price > 0")]
        price: i64,
    }

    #[error]
    enum CatalogueError {
        /// Order by name, grams or price.
        UnknownOrder { order: String },
        /// Only its maker changes a part.
        NotMaker { id: i64 },
    }

    #[init]
    fn init() {}

    /// Adds a part of the caller.
    #[call]
    fn add(ctx: &Context, name: String, grams: i64, price: i64) -> Result<i64, Refusal> {
        let maker = ctx.caller.clone();
        ctx.db.parts().insert(&Part { id: 0, maker, name, grams, price })
    }

    /// Changes the price of a part of the caller.
    #[call]
    fn reprice(ctx: &Context, id: i64, price: i64) -> Result<(), Refusal> {
        let own = ctx.db.parts().get(id)?.filter(|part| part.maker == ctx.caller);
        let Some(mut part) = own else {
            return Err(CatalogueError::NotMaker { id }.into());
        };
        part.price = price;
        ctx.db.parts().update(&part)?;
        Ok(())
    }

    /// The column that a page is ordered by.
    fn order_column(order: &str) -> Result<&str, CatalogueError> {
        match order {
            "" => Ok("id"),
            "light" => Ok("grams"),
            "cheap" => Ok("price"),
            other if !other.contains(';') => Ok(other),
            other => Err(CatalogueError::UnknownOrder { order: other.into() }),
        }
    }

    /// A page of the parts of a maker, in an order: light, cheap or name.
    #[view]
    fn page(maker: &str, order: &str) -> Result<Table, Refusal> {
        let column = order_column(order)?;
        let select = format!(
            "SELECT {COLUMNS} FROM parts WHERE maker = ? ORDER BY {column} LIMIT {PAGE}"
        );
        Ok(sql::query(&select, params![maker])?)
    }

    /// One part.
    #[view]
    fn part(ctx: &Context, id: i64) -> Result<Option<Part>, Refusal> {
        ctx.db.parts().get(id)
    }
}
