// class: ignored-result; from: unchecked low-level transfer: debit stands although the payment failed
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod escrow {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        buyer: String,
        seller: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
        released: bool,
    }

    #[error]
    enum EscrowError {
        /// There is no such deal of the caller that is open.
        NotOpen { id: i64 },
        /// Coins must come along.
        NoCoins,
    }

    #[event]
    struct Released {
        id: i64,
    }

    #[init]
    fn init() {}

    #[call(payable)]
    fn __CALL1__(ctx: &Context, seller: String) -> Result<i64, Refusal> {
        dadbs_sdk::address::check(&seller)?;
        let funds = calls::invocation().funds;
        let sent = funds.iter().find(|coin| coin.0 == "udad").map(|coin| coin.1);
        let __FIELD1__ = sent.ok_or(EscrowError::NoCoins)?;
        let buyer = ctx.caller.clone();
        let deal = __STRUCT1__ { id: 0, buyer, seller, __FIELD1__, released: false };
        ctx.db.__TABLE1__().insert(&deal)
    }

    fn __HELPER1__(ctx: &Context, id: i64) -> Result<__STRUCT1__, Refusal> {
        let deal = ctx.db.__TABLE1__().get(id)?;
        deal.filter(|deal| deal.buyer == ctx.caller && !deal.released)
            .ok_or_else(|| EscrowError::NotOpen { id }.into())
    }

    /// Pays the seller.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut __VAR1__ = __HELPER1__(ctx, id)?;
        __VAR1__.released = true;
        let _known = ctx.db.__TABLE1__().update(&__VAR1__)?;
        calls::transfer(&__VAR1__.seller, &[("udad", __VAR1__.__FIELD1__)])?;
        Released { id }.emit();
        Ok(())
    }
}
