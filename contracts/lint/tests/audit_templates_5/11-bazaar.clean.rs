// class: 2
// The listing is deleted before the other contract runs; a refusal there brings it back.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod bazaar {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    #[table(name = "listings")]
    struct Listing {
        #[key(auto)]
        id: i64,
        #[index]
        seller: String,
        collection: String,
        item: i64,
        #[check("price > 0")]
        price: i64,
    }

    #[table(name = "proceeds")]
    struct Proceed {
        #[key]
        seller: String,
        #[check("amount >= 0")]
        amount: i64,
    }

    #[event]
    struct Sold<'a> {
        id: i64,
        buyer: &'a str,
        price: i64,
    }

    #[init]
    fn init() {}

    /// Another contract's items; this contract is allowed to move them by their owner.
    struct Collection<'a>(&'a str);

    impl Collection<'_> {
        fn hand(&self, from: &str, to: &str, item: i64) -> Result<(), Refusal> {
            calls::call(self.0, "transfer_from", params![from, to, item], &[])?;
            Ok(())
        }
    }

    #[call]
    fn list(ctx: &Context, collection: String, item: i64, price: i64) -> Result<i64, Refusal> {
        let seller = ctx.caller.clone();
        ctx.db.listings().insert(&Listing { id: 0, seller, collection, item, price })
    }

    #[call]
    fn unlist(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        match ctx.db.listings().get(id)? {
            Some(listing) if listing.seller == ctx.caller => ctx.db.listings().delete(id),
            Some(_) => Err("only the seller takes a listing back".into()),
            None => Ok(false),
        }
    }

    fn credit(ctx: &Context, listing: &Listing) -> Result<(), Refusal> {
        let before = ctx.db.proceeds().get(&listing.seller)?.map_or(0, |row| row.amount);
        let amount = before.checked_add(listing.price).ok_or("the seller holds too much")?;
        let row = Proceed { seller: listing.seller.clone(), amount };
        if !ctx.db.proceeds().update(&row)? {
            ctx.db.proceeds().insert(&row)?;
        }
        Ok(())
    }

    #[call(payable)]
    fn buy(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let listing = ctx.db.listings().get(id)?.ok_or("there is no such listing")?;
        if calls::paid(DENOM)? != listing.price {
            return Err(format!("send exactly {}", listing.price).into());
        }
        ctx.db.listings().delete(id)?;
        credit(ctx, &listing)?;
        Sold { id, buyer: &ctx.caller, price: listing.price }.emit();
        Collection(&listing.collection).hand(&listing.seller, &ctx.caller, listing.item)
    }

    #[call]
    fn cash_out(ctx: &Context) -> Result<i64, Refusal> {
        let Some(row) = ctx.db.proceeds().get(&ctx.caller)? else {
            return Err("nothing was sold".into());
        };
        ctx.db.proceeds().delete(&row.seller)?;
        calls::transfer(&row.seller, &[(DENOM, row.amount)])?;
        Ok(row.amount)
    }
}
