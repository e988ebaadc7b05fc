// class: missing-caller-check; from: authorization compares a caller-supplied address instead of the sender
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod bazaar {
    use super::*;

    /// What is offered.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        title: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        open: bool,
    }

    #[error]
    enum BazaarError {
        /// There is no such offer.
        NotFound { id: i64 },
        /// The offer is someone else's.
        NotSeller { id: i64 },
        /// The offer is closed.
        Closed { id: i64 },
    }

    #[init]
    fn init() {}

    fn __HELPER1__(ctx: &Context, id: i64, account: &str) -> Result<__STRUCT1__, Refusal> {
        let Some(offer) = ctx.db.__TABLE1__().get(id)? else {
            return Err(BazaarError::NotFound { id }.into());
        };
        match offer.seller == account {
            true if offer.open => Ok(offer),
            true => Err(BazaarError::Closed { id }.into()),
            false => Err(BazaarError::NotSeller { id }.into()),
        }
    }

    /// Offers a thing.
    #[call]
    fn offer(ctx: &Context, title: String, __FIELD1__: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, seller, title, __FIELD1__, open: true })
    }

    /// Changes what an offer costs; the seller is named again so that a wrong number is noticed.
    #[call]
    fn __CALL1__(ctx: &Context, id: i64, seller: &str, __VAR1__: i64) -> Result<(), Refusal> {
        let mut offer = __HELPER1__(ctx, id, &ctx.caller)?;
        if offer.seller != seller {
            return Err(BazaarError::NotSeller { id }.into());
        }
        offer.__FIELD1__ = __VAR1__;
        ctx.db.__TABLE1__().update(&offer)?;
        Ok(())
    }

    /// Closes an offer.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut offer = __HELPER1__(ctx, id, &ctx.caller)?;
        offer.open = false;
        ctx.db.__TABLE1__().update(&offer)?;
        Ok(())
    }

    #[view]
    fn of(ctx: &Context, seller: &str) -> Result<Vec<__STRUCT1__>, Refusal> {
        ctx.db.__TABLE1__().by_seller(seller, 50)
    }
}
