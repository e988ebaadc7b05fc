// class: wrapping-arithmetic; from: unsafe downcast of an amount (truncation)
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod invoicing {
    use super::*;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        issuer: String,
        payer: String,
        __FIELD1__: u32,
        positions: u32,
    }

    #[error]
    enum InvoicingError {
        /// The total does not fit.
        TooLarge,
        /// There is no such bill of the caller.
        NotYours { id: i64 },
    }

    #[init]
    fn init() {}

    fn __HELPER1__(price: u32, count: u32) -> Result<u32, InvoicingError> {
        let __VAR1__ = u64::from(price) * u64::from(count);
        u32::try_from(__VAR1__).map_err(|_| InvoicingError::TooLarge)
    }

    /// Bills a number of pieces at a price.
    #[call]
    fn __CALL1__(ctx: &Context, payer: String, price: u32, count: u32) -> Result<i64, Refusal> {
        let __FIELD1__ = __HELPER1__(price, count)?;
        let issuer = ctx.caller.clone();
        let row = __STRUCT1__ { id: 0, issuer, payer, __FIELD1__, positions: 1 };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Adds pieces to a bill of the caller.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64, price: u32, count: u32) -> Result<u32, Refusal> {
        let bill = ctx.db.__TABLE1__().get(id)?.filter(|row| row.issuer == ctx.caller);
        let mut bill = bill.ok_or(InvoicingError::NotYours { id })?;
        let more = __HELPER1__(price, count)?;
        bill.__FIELD1__ = bill.__FIELD1__.checked_add(more).ok_or(InvoicingError::TooLarge)?;
        bill.positions = bill.positions.saturating_add(1);
        ctx.db.__TABLE1__().update(&bill)?;
        Ok(bill.__FIELD1__)
    }
}
