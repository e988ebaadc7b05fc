//! Tickets of an event, which their holders hand on: one, or several at once.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tickets {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Tickets that move in one call.
    const BATCH_MAX: usize = 20;
    /// Price of a ticket.
    const PRICE: i64 = 2_500_000;

    /// One seat.
    #[table(name = "tickets")]
    struct Ticket {
        #[key(auto)]
        id: i64,
        #[index]
        holder: String,
        moves: i64,
    }

    #[error]
    enum TicketError {
        /// There is no such ticket.
        NotFound { id: i64 },
        /// Only its holder hands a ticket on.
        NotHolder { id: i64 },
        /// Send exactly the price along.
        WrongPrice { paid: i64 },
        /// So many tickets do not move at once.
        TooMany { most: u32 },
        /// A ticket is named by its number.
        NotANumber,
    }

    /// A ticket has another holder.
    #[event]
    struct Moved<'a> {
        id: i64,
        to: &'a str,
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    /// Buys a ticket; answers its number.
    #[call(payable)]
    fn buy(ctx: &Context) -> Result<i64, Refusal> {
        let paid = calls::paid(DENOM)?;
        if paid != PRICE {
            return Err(TicketError::WrongPrice { paid }.into());
        }
        ctx.db.tickets().insert(&Ticket { id: 0, holder: ctx.caller.clone(), moves: 0 })
    }

    fn ticket(ctx: &Context, id: i64) -> Result<Ticket, Refusal> {
        Ok(ctx.db.tickets().get(id)?.ok_or(TicketError::NotFound { id })?)
    }

    fn held(ctx: &Context, id: i64) -> Result<Ticket, Refusal> {
        let found = ticket(ctx, id)?;
        if found.holder == ctx.caller {
            Ok(found)
        } else {
            Err(TicketError::NotHolder { id }.into())
        }
    }

    fn reassign(ctx: &Context, ticket: Ticket, to: &str) -> Result<(), Refusal> {
        let moved = Ticket { holder: to.into(), moves: ticket.moves + 1, ..ticket };
        ctx.db.tickets().update(&moved)?;
        Moved { id: moved.id, to }.emit();
        Ok(())
    }

    /// Hands one ticket on.
    #[call]
    fn hand_on(ctx: &Context, id: i64, to: &str) -> Result<(), Refusal> {
        address::check(to)?;
        reassign(ctx, held(ctx, id)?, to)
    }

    /// Hands several tickets on.
    #[call]
    fn hand_on_all(ctx: &Context, to: &str, ids: Rest<'_>) -> Result<(), Refusal> {
        address::check(to)?;
        if ids.len() > BATCH_MAX {
            return Err(TicketError::TooMany { most: 20 }.into());
        }
        for id in ids {
            let id = id.integer().ok_or(TicketError::NotANumber)?;
            reassign(ctx, held(ctx, id)?, to)?;
        }
        Ok(())
    }
}
