//! The tariff of a parking lot: its owner sets it, drivers pay by the hour.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod parking {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const DEFAULT_PER_HOUR: i64 = 400_000;
    const DEFAULT_HOURS_MAX: u32 = 12;
    const HOUR_MS: i64 = 3_600_000;

    /// Who is paid, and how much.
    #[table(name = "tariff")]
    struct Tariff {
        #[key]
        #[check("id = 1")]
        id: i64,
        owner: String,
        #[check("per_hour > 0")]
        per_hour: i64,
        hours_max: u32,
    }

    /// Until when a car is parked.
    #[table(name = "cars")]
    struct Car {
        #[key]
        plate: String,
        #[key]
        paid_by: String,
        until_ms: i64,
    }

    #[error]
    enum ParkingError {
        /// Only the owner sets the tariff.
        NotOwner,
        /// There is no tariff.
        NoTariff,
        /// Nobody parks so long.
        TooLong { hours_max: u32 },
        /// Send exactly the price along.
        WrongPrice { price: i64 },
    }

    /// Writes the tariff as it is at first.
    fn set_up(ctx: &Context) -> Result<(), Refusal> {
        let (owner, per_hour) = (ctx.caller.clone(), DEFAULT_PER_HOUR);
        let tariff = Tariff { id: 1, owner, per_hour, hours_max: DEFAULT_HOURS_MAX };
        if !ctx.db.tariff().update(&tariff)? {
            ctx.db.tariff().insert(&tariff)?;
        }
        Ok(())
    }

    /// The caller owns the lot.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        set_up(ctx)
    }

    fn tariff(ctx: &Context) -> Result<Tariff, Refusal> {
        Ok(ctx.db.tariff().get(1)?.ok_or(ParkingError::NoTariff)?)
    }

    fn owned(ctx: &Context) -> Result<Tariff, Refusal> {
        let tariff = tariff(ctx)?;
        if tariff.owner == ctx.caller { Ok(tariff) } else { Err(ParkingError::NotOwner.into()) }
    }

    /// Sets the tariff.
    #[call]
    fn set(ctx: &Context, per_hour: i64, hours_max: u32) -> Result<(), Refusal> {
        let tariff = Tariff { per_hour, hours_max, ..owned(ctx)? };
        ctx.db.tariff().update(&tariff)?;
        Ok(())
    }

    /// Brings the first tariff back.
    #[call]
    fn restore_defaults(ctx: &Context) -> Result<(), Refusal> {
        owned(ctx)?;
        set_up(ctx)
    }

    /// Parks a car for some hours from now; answers until when.
    #[call(payable)]
    fn park(ctx: &Context, plate: String, hours: u32) -> Result<i64, Refusal> {
        let Tariff { owner, per_hour, hours_max, .. } = tariff(ctx)?;
        if hours > hours_max {
            return Err(ParkingError::TooLong { hours_max }.into());
        }
        let price = i64::from(hours) * per_hour;
        if price == 0 || calls::paid(DENOM)? != price {
            return Err(ParkingError::WrongPrice { price }.into());
        }
        let until_ms = ctx.time_ms + i64::from(hours) * HOUR_MS;
        let car = Car { plate, paid_by: ctx.caller.clone(), until_ms };
        if !ctx.db.cars().update(&car)? {
            ctx.db.cars().insert(&car)?;
        }
        calls::transfer(&owner, &[(DENOM, price)])?;
        Ok(until_ms)
    }
}
