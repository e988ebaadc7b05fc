//! Names that are leased for a yearly price, which goes to a treasury.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod names {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    const YEAR_MS: i64 = 31_536_000_000;

    /// What the contract was made with.
    #[table(name = "settings")]
    struct Settings {
        #[key]
        #[check("id = 1")]
        id: i64,
        deployer: String,
        treasury: Option<String>,
        #[check("price >= 0")]
        price: i64,
    }

    /// A name and who leases it.
    #[table(name = "names")]
    struct Name {
        #[key]
        #[check("length(name) BETWEEN 3 AND 40")]
        name: String,
        #[index]
        holder: String,
        until_ms: i64,
    }

    #[error]
    enum NameError {
        /// The contract has its settings.
        Configured,
        /// The contract has no settings yet.
        NotConfigured,
        /// Somebody else leases the name.
        Taken { until_ms: i64 },
        /// Send exactly the price along.
        WrongPrice { price: i64 },
    }

    /// Settings follow with `configure`, once the treasury is there.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let deployer = ctx.caller.clone();
        ctx.db.settings().insert(&Settings { id: 1, deployer, treasury: None, price: 0 })
    }

    fn settings(ctx: &Context) -> Result<Settings, Refusal> {
        Ok(ctx.db.settings().get(1)?.ok_or(NameError::NotConfigured)?)
    }

    /// Sets treasury and price, once and for all.
    #[call]
    fn configure(ctx: &Context, treasury: String, price: i64) -> Result<(), Refusal> {
        let mut settings = settings(ctx)?;
        if settings.treasury.is_some() {
            return Err(NameError::Configured.into());
        }
        address::check(&treasury)?;
        settings.treasury = Some(treasury);
        settings.price = price;
        ctx.db.settings().update(&settings)?;
        Ok(())
    }

    /// Leases a name for a year, or for another year.
    #[call(payable)]
    fn lease(ctx: &Context, name: String) -> Result<i64, Refusal> {
        let Settings { treasury, price, .. } = settings(ctx)?;
        let treasury = treasury.ok_or(NameError::NotConfigured)?;
        if calls::paid(DENOM)? != price {
            return Err(NameError::WrongPrice { price }.into());
        }
        let mut until_ms = ctx.time_ms + YEAR_MS;
        if let Some(lease) = ctx.db.names().get(&name)?.filter(|l| l.until_ms > ctx.time_ms) {
            if lease.holder != ctx.caller {
                return Err(NameError::Taken { until_ms: lease.until_ms }.into());
            }
            until_ms = lease.until_ms + YEAR_MS;
        }
        let lease = Name { name, holder: ctx.caller.clone(), until_ms };
        if !ctx.db.names().update(&lease)? {
            ctx.db.names().insert(&lease)?;
        }
        if price > 0 {
            calls::transfer(&treasury, &[(DENOM, price)])?;
        }
        Ok(until_ms)
    }
}
