// class: 9
// Fault: the fee of a sale is computed as a float and cut back to an integer: beyond 2^53 coins vanish, and nodes must agree on rounding (modelled on "floating point in fee computation" of Solana/Substrate reviews).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod market {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "house")]
    struct House {
        #[key]
        id: i64,
        owner: String,
        #[check("fee_bp BETWEEN 0 AND 1000")]
        fee_bp: u32,
        #[check("earned >= 0")]
        earned: i64,
    }

    #[table(name = "listings")]
    struct Listing {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        what: String,
        #[check("price > 0")]
        price: i64,
        buyer: Option<String>,
        stars: Option<f64>,
    }

    #[init]
    fn init(ctx: &Context, fee_bp: u32) -> Result<(), Refusal> {
        ctx.db.house().insert(&House { id: 1, owner: ctx.caller.clone(), fee_bp, earned: 0 })
    }

    impl House {
        fn open(ctx: &Context) -> Result<House, Refusal> {
            ctx.db.house().get(1)?.ok_or_else(|| "init has not run".into())
        }

        /// The house's part of a price.
        fn fee(&self, price: i64) -> Result<i64, Refusal> {
            let fee = price as f64 * f64::from(self.fee_bp) / 10_000.0; // FAULT
            Ok(fee as i64)
        }
    }

    #[call]
    fn list(ctx: &Context, what: String, price: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        ctx.db.listings().insert(&Listing { id: 0, seller, what, price, buyer: None, stars: None })
    }

    /// Buys for exactly the price; the seller gets it without the fee.
    #[call(payable)]
    fn buy(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut listing = ctx.db.listings().get(id)?.ok_or("no such listing")?;
        if listing.buyer.is_some() || listing.seller == ctx.caller {
            return Err("this is sold, or your own".into());
        }
        if calls::paid(DENOM)? != listing.price {
            return Err(format!("send {}", listing.price).into());
        }
        let mut house = House::open(ctx)?;
        let fee = house.fee(listing.price)?;
        let proceeds = match listing.price.checked_sub(fee) {
            Some(rest) if rest >= 0 => rest,
            _ => return Err("the fee is more than the price".into()),
        };
        house.earned += fee;
        listing.buyer = Some(ctx.caller.clone());
        ctx.db.house().update(&house)?;
        ctx.db.listings().update(&listing)?;
        calls::transfer(&listing.seller, &[(DENOM, proceeds)])?;
        Ok(proceeds)
    }

    /// The buyer rates with 0 to 5 stars, halves and all.
    #[call]
    fn rate(ctx: &Context, id: i64, stars: f64) -> Result<(), Refusal> {
        let mut listing = ctx.db.listings().get(id)?.ok_or("no such listing")?;
        if listing.buyer.as_ref() != Some(&ctx.caller) {
            return Err("the buyer rates".into());
        }
        if !(0.0..=5.0).contains(&stars) {
            return Err("0 to 5 stars".into());
        }
        listing.stars = Some(stars);
        ctx.db.listings().update(&listing)?;
        Ok(())
    }

    /// The owner takes what the house has earned.
    #[call]
    fn take_fees(ctx: &Context) -> Result<i64, Refusal> {
        let mut house = House::open(ctx)?;
        if house.owner != ctx.caller {
            return Err("the owner takes".into());
        }
        let sum = core::mem::take(&mut house.earned);
        ctx.db.house().update(&house)?;
        calls::transfer(&house.owner, &[(DENOM, sum)])?;
        Ok(sum)
    }

    #[view]
    fn listings(ctx: &Context, after: i64) -> Result<Vec<Listing>, Refusal> {
        ctx.db.listings().scan_after(after, 50)
    }
}
