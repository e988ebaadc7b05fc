// class: 1
//! A flea market: sellers list things for a price.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod listings {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// What is for sale.
    #[table(name = "listings")]
    struct Listing {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        title: String,
        #[check("price BETWEEN 1 AND 1000000000000")]
        price: i64,
        buyer: Option<String>,
    }

    #[error]
    enum ListingError {
        /// There is no such listing that is open to the caller.
        NotFound { id: i64 },
        /// Send exactly the price.
        WrongPrice { price: i64, paid: i64 },
    }

    #[init]
    fn init() {}

    /// Refuses a statement that has found nothing.
    fn some_row(changed: u32, id: i64) -> Result<(), ListingError> {
        (changed > 0).then_some(()).ok_or(ListingError::NotFound { id })
    }

    /// Lists something.
    #[call]
    fn list(ctx: &Context, title: String, price: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        ctx.db.listings().insert(&Listing { id: 0, seller, title, price, buyer: None })
    }

    /// Gives a listing another title.
    #[call]
    fn retitle(ctx: &Context, id: i64, title: &str) -> Result<(), Refusal> {
        let changed = sql!(
            "UPDATE listings SET title = ? WHERE id = ? AND seller = ? AND buyer IS NULL",
            title,
            id,
            ctx.caller
        )?;
        Ok(some_row(changed, id)?)
    }

    /// Gives a listing another price.
    #[call]
    fn reprice(ctx: &Context, id: i64, price: i64) -> Result<(), Refusal> {
        let changed = sql!(
            "UPDATE listings SET price = ? WHERE id = ? AND buyer IS NULL AND seller = ?",
            price,
            id,
            ctx.caller
        )?;
        log(&format!("{} has changed the price of {id}", ctx.caller));
        Ok(some_row(changed, id)?)
    }

    /// Withdraws a listing.
    #[call]
    fn withdraw(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let own = |listing: &Listing| listing.seller == ctx.caller && listing.buyer.is_none();
        let found = ctx.db.listings().get(id)?.filter(own);
        let listing = found.ok_or(ListingError::NotFound { id })?;
        ctx.db.listings().delete(listing.id)?;
        Ok(())
    }

    /// Buys for exactly the price, which goes to the seller.
    #[call(payable)]
    fn buy(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let found = ctx.db.listings().get(id)?.filter(|listing| listing.buyer.is_none());
        let mut listing = found.ok_or(ListingError::NotFound { id })?;
        let (price, paid) = (listing.price, calls::paid(DENOM)?);
        if price != paid {
            return Err(ListingError::WrongPrice { price, paid }.into());
        }
        listing.buyer = Some(ctx.caller.clone());
        ctx.db.listings().update(&listing)?;
        calls::transfer(&listing.seller, &[(DENOM, price)])?;
        Ok(())
    }
}
