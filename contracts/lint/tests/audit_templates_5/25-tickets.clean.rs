// class: 7
// The product is checked; the other sums are bounded by the size of the hall.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod tickets {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const HALL: i64 = 50_000;

    #[table(name = "shows")]
    struct Show {
        #[key(auto)]
        id: i64,
        host: String,
        #[check("price > 0")]
        price: i64,
        #[check("sold >= 0")]
        sold: i64,
        #[check("takings >= 0")]
        takings: i64,
    }

    #[table(name = "seats")]
    struct Seats {
        #[key]
        show: i64,
        #[key]
        guest: String,
        #[check("number > 0")]
        number: i64,
    }

    #[init]
    fn init() {}

    fn show(ctx: &Context, id: i64) -> Result<Show, Refusal> {
        ctx.db.shows().get(id)?.ok_or_else(|| format!("there is no show {id}").into())
    }

    #[call]
    fn announce(ctx: &Context, price: i64) -> Result<i64, Refusal> {
        let host = ctx.caller.clone();
        ctx.db.shows().insert(&Show { id: 0, host, price, sold: 0, takings: 0 })
    }

    fn total(price: i64, number: i64) -> Result<i64, Refusal> {
        price.checked_mul(number).ok_or_else(|| Refusal::new("so many seats have no price"))
    }

    #[call(payable)]
    fn book(ctx: &Context, id: i64, number: i64) -> Result<i64, Refusal> {
        let mut show = show(ctx, id)?;
        if number < 1 || number > HALL - show.sold {
            return Err(format!("{} seats are free", HALL - show.sold).into());
        }
        let total = total(show.price, number)?;
        if calls::paid(DENOM)? != total {
            return Err(format!("send exactly {total}").into());
        }
        // No more than the hall has.
        show.sold += number;
        show.takings = show.takings.checked_add(total).ok_or("the show takes no more")?;
        ctx.db.shows().update(&show)?;
        let before = ctx.db.seats().get(id, &ctx.caller)?.map_or(0, |seats| seats.number);
        let seats = Seats { show: id, guest: ctx.caller.clone(), number: before + number };
        if before == 0 {
            ctx.db.seats().insert(&seats)?;
        } else {
            ctx.db.seats().update(&seats)?;
        }
        Ok(seats.number)
    }

    #[call]
    fn cash(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut show = show(ctx, id)?;
        if show.host != ctx.caller {
            return Err("only the host takes the takings".into());
        }
        let takings = core::mem::replace(&mut show.takings, 0);
        if takings == 0 {
            return Ok(0);
        }
        ctx.db.shows().update(&show)?;
        calls::transfer(&show.host, &[(DENOM, takings)])?;
        Ok(takings)
    }
}
