//! Stalls of a market: where they stand, what they sell, what they have taken in.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod stalls {
    use super::*;

    /// A stall; its place is in degrees.
    #[table(name = "stalls")]
    struct Stall {
        #[key]
        name: String,
        #[index]
        keeper: String,
        #[check("latitude BETWEEN -90 AND 90")]
        latitude: f64,
        #[check("longitude BETWEEN -180 AND 180")]
        longitude: f64,
        #[check("income >= 0")]
        income: i64,
    }

    /// Something that was sold.
    #[table(name = "sales")]
    struct Sale {
        #[key(auto)]
        id: i64,
        #[index]
        stall: String,
        what: String,
        #[check("cents > 0")]
        cents: i64,
        at_ms: i64,
    }

    #[error]
    enum StallError {
        /// The caller keeps no such stall.
        NotKeeper { stall: String },
    }

    /// Something was sold.
    #[event]
    struct Sold<'a> {
        stall: &'a str,
        cents: i64,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Opens a stall of the caller.
    #[call]
    fn open(ctx: &Context, name: String, latitude: f64, longitude: f64) -> Result<(), Refusal> {
        let keeper = ctx.caller.clone();
        ctx.db.stalls().insert(&Stall { name, keeper, latitude, longitude, income: 0 })
    }

    fn kept(ctx: &Context, name: &str) -> Result<Stall, Refusal> {
        let found = ctx.db.stalls().get(name)?.filter(|stall| stall.keeper == ctx.caller);
        Ok(found.ok_or_else(|| StallError::NotKeeper { stall: name.into() })?)
    }

    /// Moves a stall of the caller to another place.
    #[call]
    fn move_to(ctx: &Context, name: &str, latitude: f64, longitude: f64) -> Result<(), Refusal> {
        let stall = kept(ctx, name)?;
        ctx.db.stalls().update(&Stall { latitude, longitude, ..stall })?;
        Ok(())
    }

    /// Notes a sale of a stall of the caller, in euros; answers its number.
    #[call]
    fn sell(ctx: &Context, name: &str, what: String, euros: f64) -> Result<i64, Refusal> {
        let mut stall = kept(ctx, name)?;
        let cents = (euros * 100.0) as i64;
        stall.income += cents;
        ctx.db.stalls().update(&stall)?;
        Sold { stall: &stall.name, cents }.emit();
        let sale = Sale { id: 0, stall: stall.name, what, cents, at_ms: ctx.time_ms };
        ctx.db.sales().insert(&sale)
    }

    /// The latest sales of a stall, at most 50.
    #[view]
    fn sales(name: &str) -> Result<Table, Refusal> {
        let found = sql!(
            "SELECT what, cents, at_ms FROM sales WHERE stall = ? ORDER BY id DESC LIMIT 50",
            name
        )?;
        Ok(found)
    }
}
