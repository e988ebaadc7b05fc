// class: 9
// Fault: the rate of an exchange comes as a float from the caller of `quote` and makes the amount that is owed (modelled on price ratios in f64 in Solana swap and lending programs; SPL Math is the fix).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod exchange {
    use super::*;

    #[table(name = "dealers")]
    struct Dealer {
        #[key]
        address: String,
        latitude: f64,
        longitude: f64,
    }

    #[table(name = "quotes")]
    struct Quote {
        #[key(auto)]
        id: i64,
        dealer: String,
        #[index]
        client: String,
        #[check("gives > 0")]
        gives: i64,
        #[check("gets > 0")]
        gets: i64,
        valid_until_ms: i64,
        accepted: bool,
    }

    #[error]
    enum QuoteError {
        NotDealer,
        NotClient,
        NoQuote { id: i64 },
        Stale,
        BadRate,
    }

    #[init]
    fn init() {}

    /// Opens the caller's office, at a place on the map.
    #[call]
    fn open_office(ctx: &Context, latitude: f64, longitude: f64) -> Result<(), Refusal> {
        if latitude.abs() > 90.0 || longitude.abs() > 180.0 {
            return Err("this is no place on the map".into());
        }
        ctx.db.dealers().insert(&Dealer { address: ctx.caller.clone(), latitude, longitude })
    }

    fn office(ctx: &Context) -> Result<Dealer, Refusal> {
        let dealer = ctx.db.dealers().get(&ctx.caller)?;
        dealer.ok_or_else(|| QuoteError::NotDealer.into())
    }

    /// A dealer offers an exchange to a client, for ten minutes.
    #[call]
    fn quote(ctx: &Context, client: String, gives: i64, rate: f64) -> Result<i64, Refusal> {
        let dealer = office(ctx)?.address;
        if !rate.is_finite() || rate <= 0.0 || gives < 1 {
            return Err(QuoteError::BadRate.into());
        }
        let gets = (gives as f64 * rate) as i64; // FAULT
        ctx.db.quotes().insert(&Quote {
            id: 0,
            dealer,
            client,
            gives,
            gets,
            valid_until_ms: ctx.time_ms + 600_000,
            accepted: false,
        })
    }

    #[call]
    fn accept(ctx: &Context, id: i64) -> Result<(i64, i64), Refusal> {
        let mut quote = ctx.db.quotes().get(id)?.ok_or(QuoteError::NoQuote { id })?;
        if quote.client != ctx.caller {
            return Err(QuoteError::NotClient.into());
        }
        if quote.accepted || quote.valid_until_ms < ctx.time_ms {
            return Err(QuoteError::Stale.into());
        }
        quote.accepted = true;
        ctx.db.quotes().update(&quote)?;
        Ok((quote.gives, quote.gets))
    }

    /// The dealer takes a quote back that nobody has accepted.
    #[call]
    fn revoke(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let gone =
            sql!("DELETE FROM quotes WHERE id = ? AND dealer = ? AND accepted = 0", id, ctx.caller)?;
        Ok(gone == 1)
    }

    #[view]
    fn quotes(ctx: &Context, client: &str) -> Result<Vec<Quote>, Refusal> {
        ctx.db.quotes().by_client(client, 40)
    }
}
