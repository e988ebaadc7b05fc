// class: 9
//! A gallery: pictures are sold, their artists get a part of every sale.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod gallery {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    /// A picture and who owns it.
    #[table(name = "pictures")]
    struct Picture {
        #[key(auto)]
        id: i64,
        artist: String,
        owner: String,
        /// In udadb; not for sale if NULL.
        #[check("price BETWEEN 1 AND 1000000000000000")]
        price: Option<i64>,
        /// Width by height.
        ratio: f64,
    }

    #[error]
    enum GalleryError {
        /// The caller has no such picture, or it is not for sale.
        NotFound { id: i64 },
        /// Send exactly the price.
        WrongPrice { price: i64 },
    }

    #[event]
    struct Sold {
        id: i64,
        price: i64,
        royalty: i64,
    }

    #[init]
    fn init() {}

    /// Two and a half of a hundred.
    fn royalty(price: i64) -> i64 {
        price * 25 / 1_000
    }

    /// The shape that a picture is hung by.
    fn shape(ratio: f64) -> &'static str {
        if ratio > 1.05 {
            "landscape"
        } else if ratio < 0.95 {
            "portrait"
        } else {
            "square"
        }
    }

    /// Shows a picture of the caller.
    #[call]
    fn show(ctx: &Context, width_mm: u32, height_mm: u32) -> Result<i64, Refusal> {
        let ratio = f64::from(width_mm.max(1)) / f64::from(height_mm.max(1));
        let (artist, owner) = (ctx.caller.clone(), ctx.caller.clone());
        log(&format!("a {} picture", shape(ratio)));
        ctx.db.pictures().insert(&Picture { id: 0, artist, owner, price: None, ratio })
    }

    /// Offers a picture of the caller for a price, or no longer.
    #[call]
    fn offer(ctx: &Context, id: i64, price: Option<i64>) -> Result<(), Refusal> {
        let found = ctx.db.pictures().get(id)?.filter(|picture| picture.owner == ctx.caller);
        let mut picture = found.ok_or(GalleryError::NotFound { id })?;
        picture.price = price;
        ctx.db.pictures().update(&picture)?;
        Ok(())
    }

    /// Buys a picture for exactly its price.
    #[call(payable)]
    fn buy(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let mut picture = ctx.db.pictures().get(id)?.ok_or(GalleryError::NotFound { id })?;
        let price = picture.price.take().ok_or(GalleryError::NotFound { id })?;
        if calls::paid(DENOM)? != price {
            return Err(GalleryError::WrongPrice { price }.into());
        }
        let seller = core::mem::replace(&mut picture.owner, ctx.caller.clone());
        ctx.db.pictures().update(&picture)?;
        let royalty = royalty(price);
        Sold { id, price, royalty }.emit();
        if royalty > 0 {
            calls::transfer(&picture.artist, &[(DENOM, royalty)])?;
        }
        calls::transfer(&seller, &[(DENOM, price - royalty)])?;
        Ok(())
    }
}
