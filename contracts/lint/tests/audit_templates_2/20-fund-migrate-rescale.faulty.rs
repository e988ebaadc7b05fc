//! A fund with few classes of units; version 2 keeps prices in cents, version 1 kept whole euros.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod fund {
    use super::*;

    const CODE: &str = "fund";
    const VERSION: i64 = 2;
    /// Classes that a fund may have.
    const CLASSES: [&str; 3] = ["retail", "clean", "institutional"];

    /// What the tables are.
    #[table(name = "meta")]
    struct Meta {
        #[key]
        #[check("id = 1")]
        id: i64,
        code: String,
        version: i64,
        manager: String,
    }

    /// A class of units and its price.
    #[table(name = "classes")]
    struct Class {
        #[key]
        name: String,
        #[check("price >= 0")]
        price: i64,
        set_ms: i64,
    }

    #[error]
    enum FundError {
        /// Only the manager sets prices.
        NotManager,
        /// There is no such class.
        NoClass { name: String },
        /// The tables are those of other code.
        OtherCode { code: String },
    }

    /// The fund was brought to a version.
    #[event]
    struct Migrated {
        version: i64,
    }

    /// The caller manages.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let (code, manager) = (CODE.into(), ctx.caller.clone());
        ctx.db.meta().insert(&Meta { id: 1, code, version: VERSION, manager })?;
        for name in CLASSES {
            ctx.db.classes().insert(&Class { name: name.into(), price: 0, set_ms: ctx.time_ms })?;
        }
        Ok(())
    }

    /// Brings prices from euros to cents.
    #[migrate]
    fn migrate(ctx: &Context) -> Result<(), Refusal> {
        let none = || FundError::OtherCode { code: String::new() };
        let mut meta = ctx.db.meta().get(1)?.ok_or_else(none)?;
        if meta.code != CODE {
            return Err(FundError::OtherCode { code: meta.code }.into());
        }
        for name in CLASSES {
            let Some(mut class) = ctx.db.classes().get(name)? else { continue };
            class.price *= 100;
            ctx.db.classes().update(&class)?;
        }
        meta.version = VERSION;
        ctx.db.meta().update(&meta)?;
        Migrated { version: meta.version }.emit();
        Ok(())
    }

    /// Sets the price of a class, in cents.
    #[call]
    fn set_price(ctx: &Context, name: &str, cents: i64) -> Result<(), Refusal> {
        let manager = ctx.db.meta().get(1)?.map(|meta| meta.manager);
        if manager.as_ref() != Some(&ctx.caller) {
            return Err(FundError::NotManager.into());
        }
        let found = ctx.db.classes().get(name)?;
        let class = found.ok_or_else(|| FundError::NoClass { name: name.into() })?;
        ctx.db.classes().update(&Class { price: cents, set_ms: ctx.time_ms, ..class })?;
        Ok(())
    }
}
