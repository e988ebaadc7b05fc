// class: 6
// After the contract is made, the first stranger to call `initialize` becomes its operator (front-run initializer, as in uninitialised proxies and Soroban contracts).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod two_phase {
    use super::*;
    use dadbs_sdk::address;

    #[table(name = "setup")]
    struct Setup {
        #[key]
        #[check("id = 1")]
        id: i64,
        maker: String,
        operator: Option<String>,
        feed: Option<String>,
    }

    #[table(name = "prices")]
    struct Price {
        #[key]
        symbol: String,
        #[check("cents > 0")]
        cents: i64,
        at_ms: i64,
    }

    #[error]
    enum SetupError {
        /// The contract is not initialized yet.
        Unready,
        /// The contract is initialized already.
        Ready,
        /// Only the maker or the operator may do this.
        NotAllowed,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let maker = ctx.caller.clone();
        ctx.db.setup().insert(&Setup { id: 1, maker, operator: None, feed: None })
    }

    fn setup(ctx: &Context) -> Result<Setup, Refusal> {
        Ok(ctx.db.setup().get(1)?.ok_or(SetupError::Unready)?)
    }

    /// Names the feed; the operator may set prices from now on.
    #[call]
    fn initialize(ctx: &Context, operator: String, feed: String) -> Result<(), Refusal> {
        let mut setup = setup(ctx)?;
        address::check(&operator)?;
        if setup.operator.is_some() {
            return Err(SetupError::Ready.into());
        }
        setup.operator = Some(operator);
        setup.feed = Some(feed);
        ctx.db.setup().update(&setup)?; // FAULT
        Ok(())
    }

    #[call]
    fn set_price(ctx: &Context, symbol: String, cents: i64) -> Result<(), Refusal> {
        let operator = setup(ctx)?.operator.ok_or(SetupError::Unready)?;
        if operator != ctx.caller {
            return Err(SetupError::NotAllowed.into());
        }
        let price = Price { symbol, cents, at_ms: ctx.time_ms };
        if !ctx.db.prices().update(&price)? {
            ctx.db.prices().insert(&price)?;
        }
        Ok(())
    }

    #[view]
    fn price(ctx: &Context, symbol: &str) -> Result<(i64, i64), Refusal> {
        match ctx.db.prices().get(symbol)? {
            Some(Price { cents, at_ms, .. }) => Ok((cents, at_ms)),
            None => Err(format!("there is no price of {symbol}").into()),
        }
    }

    #[view]
    fn feed(ctx: &Context) -> Result<String, Refusal> {
        Ok(setup(ctx)?.feed.ok_or(SetupError::Unready)?)
    }
}
