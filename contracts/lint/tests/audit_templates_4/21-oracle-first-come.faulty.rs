// class: 6
// Fault: the first caller of `initialize` becomes the admin, and anybody may be first (modelled on Soroban and Solidity reviews: "initialize can be front-run").
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod oracle {
    use super::*;

    #[table(name = "admin")]
    struct Admin {
        #[key]
        slot: i64,
        address: String,
    }

    #[table(name = "feeders")]
    struct Feeder {
        #[key]
        address: String,
        #[check("pair <> ''")]
        pair: String,
    }

    #[table(name = "prices")]
    struct Price {
        #[key]
        pair: String,
        #[check("micros > 0")]
        micros: i64,
        at_ms: i64,
    }

    #[event]
    struct Fed<'a> {
        pair: &'a str,
        micros: i64,
    }

    #[init]
    fn init() {}

    /// Names the admin.
    #[call]
    fn initialize(ctx: &Context) -> Result<(), Refusal> {
        if ctx.db.admin().get(1)?.is_some() {
            return Err("this oracle is initialized".into());
        }
        ctx.db.admin().insert(&Admin { slot: 1, address: ctx.caller.clone() }) // FAULT
    }

    fn admin_of(ctx: &Context) -> Result<Admin, Refusal> {
        let admin = ctx.db.admin().get(1)?.ok_or("there is no admin yet")?;
        if admin.address != ctx.caller {
            return Err("the admin does this".into());
        }
        Ok(admin)
    }

    #[call]
    fn appoint(ctx: &Context, address: String, pair: String) -> Result<(), Refusal> {
        admin_of(ctx)?;
        dadbs_sdk::address::check(&address)?;
        ctx.db.feeders().insert(&Feeder { address, pair })
    }

    #[call]
    fn dismiss(ctx: &Context, address: &str) -> Result<bool, Refusal> {
        let _admin = admin_of(ctx)?;
        ctx.db.feeders().delete(address)
    }

    /// A feeder tells the price of its pair, in millionths.
    #[call]
    fn feed(ctx: &Context, micros: i64) -> Result<(), Refusal> {
        let Feeder { pair, .. } = ctx.db.feeders().get(&ctx.caller)?.ok_or("you feed no pair")?;
        let price = Price { pair, micros, at_ms: ctx.time_ms };
        let known = ctx.db.prices().update(&price)?;
        if !known {
            ctx.db.prices().insert(&price)?;
        }
        Fed { pair: &price.pair, micros }.emit();
        Ok(())
    }

    #[view]
    fn price(ctx: &Context, pair: &str, not_older_ms: i64) -> Result<i64, Refusal> {
        match ctx.db.prices().get(pair)? {
            Some(price) if ctx.time_ms - price.at_ms <= not_older_ms => Ok(price.micros),
            Some(_) => Err("the price is too old".into()),
            None => Err("nobody feeds this pair".into()),
        }
    }
}
