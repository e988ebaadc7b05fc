// class: 5
//! Tickets of an event, which can be given back before it begins.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tickets {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// Something that people go to.
    #[table(name = "events")]
    struct Event {
        #[key(auto)]
        id: i64,
        host: String,
        begins_ms: i64,
        #[check("price > 0")]
        price: i64,
    }

    /// A seat that was bought.
    #[table(name = "tickets")]
    struct Ticket {
        #[key]
        #[references("events(id)")]
        event: i64,
        #[key]
        holder: String,
        paid: i64,
    }

    #[error]
    enum TicketError {
        /// There is no such event, or no such ticket.
        NotFound { event: i64 },
        /// The event has begun.
        Begun { begins_ms: i64 },
        /// Send exactly the price.
        WrongPrice { price: i64 },
    }

    #[init]
    fn init() {}

    fn open_event(ctx: &Context, id: i64) -> Result<Event, Refusal> {
        let event = ctx.db.events().get(id)?.ok_or(TicketError::NotFound { event: id })?;
        if event.begins_ms <= ctx.time_ms {
            return Err(TicketError::Begun { begins_ms: event.begins_ms }.into());
        }
        Ok(event)
    }

    impl Ticket {
        /// Sends what was paid for it back.
        fn refund(&self) -> Result<(), Refusal> {
            let coins = [(DENOM, self.paid)];
            let _ = calls::transfer(&self.holder, &coins);
            Ok(())
        }
    }

    /// Announces an event of the caller.
    #[call]
    fn announce(ctx: &Context, begins_ms: i64, price: i64) -> Result<i64, Refusal> {
        let host = ctx.caller.clone();
        let id = ctx.db.events().insert(&Event { id: 0, host, begins_ms, price })?;
        let _ = open_event(ctx, id)?;
        Ok(id)
    }

    /// Buys a ticket for exactly its price.
    #[call(payable)]
    fn buy(ctx: &Context, event: i64) -> Result<(), Refusal> {
        let price = open_event(ctx, event)?.price;
        let paid = calls::paid(DENOM)?;
        if paid != price {
            return Err(TicketError::WrongPrice { price }.into());
        }
        ctx.db.tickets().insert(&Ticket { event, holder: ctx.caller.clone(), paid })
    }

    /// Gives the caller's ticket back.
    #[call]
    fn give_back(ctx: &Context, event: i64) -> Result<(), Refusal> {
        open_event(ctx, event)?;
        let found = ctx.db.tickets().get(event, &ctx.caller)?;
        let ticket = found.ok_or(TicketError::NotFound { event })?;
        ctx.db.tickets().delete(event, &ticket.holder)?;
        ticket.refund()
    }

    /// True if the account has a ticket.
    #[view]
    fn admitted(ctx: &Context, event: i64, holder: &str) -> Result<bool, Refusal> {
        ctx.db.tickets().get(event, holder).map(|found| found.is_some())
    }
}
