//! Orders of a shop, and reports that staff have made once and run again and again.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod reports {
    use super::*;

    /// What customers ordered.
    #[table(name = "orders", index(region, placed_ms))]
    struct Order {
        #[key(auto)]
        id: i64,
        customer: String,
        region: String,
        #[check("cents > 0")]
        cents: i64,
        placed_ms: i64,
    }

    /// A report that is run again.
    #[table(name = "reports")]
    struct Report {
        #[key(auto)]
        id: i64,
        #[index]
        author: String,
        title: String,
        region: String,
        since_ms: i64,
        latest: Option<i64>,
    }

    /// Customers read what they ordered.
    #[can_read(orders)]
    fn own_order(order: &Order, caller: &str) -> bool {
        order.customer == caller
    }

    #[error]
    enum ReportError {
        /// There is no such report.
        NotFound { id: i64 },
    }

    /// A report was run.
    #[event]
    struct Ran<'a> {
        title: &'a str,
        what: &'a str,
    }

    /// Has nothing to do: the tables are made from their structs.
    #[init]
    fn init() {}

    /// Orders something; answers the number of the order.
    #[call]
    fn order(ctx: &Context, region: String, cents: i64) -> Result<i64, Refusal> {
        let (customer, placed_ms) = (ctx.caller.clone(), ctx.time_ms);
        ctx.db.orders().insert(&Order { id: 0, customer, region, cents, placed_ms })
    }

    /// Makes a report; answers its number.
    #[call]
    fn define(ctx: &Context, title: String, region: String, since_ms: i64) -> Result<i64, Refusal> {
        let author = ctx.caller.clone();
        let report = Report { id: 0, author, title, region, since_ms, latest: None };
        ctx.db.reports().insert(&report)
    }

    /// The amount of the latest order that a report covers.
    fn latest(report: &Report) -> Result<Option<i64>, Refusal> {
        let mut statement = String::from("SELECT cents FROM orders WHERE region = '");
        statement.push_str(&report.region);
        statement.push_str("' AND placed_ms >= ? ORDER BY placed_ms DESC LIMIT 1");
        let found = sql::query(&statement, params![report.since_ms])?;
        Ok(found.value().integer())
    }

    /// Runs a report of the caller in an hour.
    #[call]
    fn run_later(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let found = ctx.db.reports().get(id)?.filter(|report| report.author == ctx.caller);
        let report = found.ok_or(ReportError::NotFound { id })?;
        Ok(ctx.later().run(report.id).gas(900_000).at_time(ctx.time_ms + 3_600_000)?)
    }

    /// Runs a report and keeps what it has found.
    #[scheduled]
    fn run(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut report = ctx.db.reports().get(id)?.ok_or(ReportError::NotFound { id })?;
        report.latest = latest(&report)?;
        ctx.db.reports().update(&report)?;
        let what = format!("SELECT of region {} since {}", report.region, report.since_ms);
        Ran { title: &report.title, what: &what }.emit();
        Ok(())
    }
}
