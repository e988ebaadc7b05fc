// class: 9
// The broker's percentage is a float and is multiplied with coins: the fee is off by rounding, and wrong above 2^53 (floating-point fee).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod broker {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "terms")]
    struct Terms {
        #[key]
        id: i64,
        broker: String,
        #[check("fee_bps BETWEEN 0 AND 1000")]
        fee_bps: i64,
    }

    #[table(name = "asks")]
    struct Ask {
        #[key(auto)]
        id: i64,
        seller: String,
        #[check("price BETWEEN 1 AND 1000000000000")]
        price: i64,
    }

    struct Split {
        broker: i64,
        seller: i64,
    }

    #[init]
    fn init(ctx: &Context, fee_bps: i64) -> Result<(), Refusal> {
        ctx.db.terms().insert(&Terms { id: 1, broker: ctx.caller.clone(), fee_bps })
    }

    fn terms(ctx: &Context) -> Result<Terms, Refusal> {
        ctx.db.terms().get(1)?.ok_or_else(|| "there are no terms".into())
    }

    #[call]
    fn set_fee(ctx: &Context, fee_bps: i64) -> Result<(), Refusal> {
        let mut terms = terms(ctx)?;
        if terms.broker != ctx.caller {
            return Err("only the broker sets the fee".into());
        }
        terms.fee_bps = fee_bps;
        ctx.db.terms().update(&terms)?;
        Ok(())
    }

    impl Split {
        fn of(price: i64, fee_bps: i64) -> Split {
            let rate = fee_bps as f64 / 10_000.0;
            let broker = (price as f64 * rate).round() as i64; // FAULT
            Split { broker, seller: price - broker }
        }
    }

    #[call]
    fn ask(ctx: &Context, price: i64) -> Result<i64, Refusal> {
        ctx.db.asks().insert(&Ask { id: 0, seller: ctx.caller.clone(), price })
    }

    #[call]
    fn withdraw(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        // One row: the key.
        Ok(sql!("DELETE FROM asks WHERE id = ? AND seller = ?", id, ctx.caller)? == 1)
    }

    /// The ask is gone before coins move.
    #[call(payable)]
    fn take(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let ask = ctx.db.asks().get(id)?.ok_or("there is no such ask")?;
        let terms = terms(ctx)?;
        if calls::paid(DENOM)? != ask.price {
            return Err(format!("send exactly {}", ask.price).into());
        }
        ctx.db.asks().delete(id)?;
        let split = Split::of(ask.price, terms.fee_bps);
        for (to, amount) in [(&terms.broker, split.broker), (&ask.seller, split.seller)] {
            if amount > 0 {
                calls::transfer(to, &[(DENOM, amount)])?;
            }
        }
        Ok(())
    }

    #[view]
    fn fee(ctx: &Context) -> Result<i64, Refusal> {
        terms(ctx).map(|terms| terms.fee_bps)
    }
}
