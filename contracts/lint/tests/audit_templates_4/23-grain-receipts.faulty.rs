// class: 7
// Fault: sent coins are turned into units with `as u32`, which cuts off what does not fit: who pays for 2^32 units and one gets one (modelled on SWC-101 and Soroban/Solana "unsafe cast truncation" findings).
#![cfg_attr(target_arch = "wasm32", no_std)]
use dadbs_sdk::prelude::*;

#[contract]
mod grain {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const UNIT_PRICE: i64 = 4;
    const GRAMS_PER_UNIT: i64 = 60_000;

    #[table(name = "silos")]
    struct Silo {
        #[key]
        code: String,
        keeper: String,
        free_units: i64,
        /// What the keeper has not fetched yet.
        #[check("earned >= 0")]
        earned: i64,
    }

    #[table(name = "receipts")]
    struct Receipt {
        #[key]
        silo: String,
        #[key]
        holder: String,
        units: u32,
    }

    #[error]
    enum GrainError {
        NoSilo,
        NotKeeper,
        OddAmount { price: i64 },
        Full { free: i64 },
        TooFew { units: u32 },
        TooMany,
    }

    #[init]
    fn init() {}

    #[call]
    fn build(ctx: &Context, code: String, grams: i64) -> Result<(), Refusal> {
        let free_units = grams / GRAMS_PER_UNIT;
        ctx.db.silos().insert(&Silo { code, keeper: ctx.caller.clone(), free_units, earned: 0 })
    }

    fn receipt(ctx: &Context, silo: &str) -> Result<(Receipt, bool), Refusal> {
        let found = ctx.db.receipts().get(silo, &ctx.caller)?;
        let known = found.is_some();
        let fresh = || Receipt { silo: silo.into(), holder: ctx.caller.clone(), units: 0 };
        Ok((found.unwrap_or_else(fresh), known))
    }

    fn keep(ctx: &Context, row: &Receipt, known: bool) -> Result<(), Refusal> {
        if known {
            let done = ctx.db.receipts().update(row)?;
            return if done { Ok(()) } else { Err("the receipt is gone".into()) };
        }
        ctx.db.receipts().insert(row)
    }

    /// Buys units of a silo with the coins that come along.
    #[call(payable)]
    fn buy(ctx: &Context, silo: &str) -> Result<u32, Refusal> {
        let sent = calls::paid(DENOM)?;
        if sent == 0 || sent % UNIT_PRICE != 0 {
            return Err(GrainError::OddAmount { price: UNIT_PRICE }.into());
        }
        let mut place = ctx.db.silos().get(silo)?.ok_or(GrainError::NoSilo)?;
        let units = (sent / UNIT_PRICE) as u32; // FAULT
        if i64::from(units) > place.free_units {
            return Err(GrainError::Full { free: place.free_units }.into());
        }
        place.free_units -= i64::from(units);
        place.earned += sent;
        ctx.db.silos().update(&place)?;
        let (mut row, known) = receipt(ctx, silo)?;
        row.units = row.units.checked_add(units).ok_or(GrainError::TooMany)?;
        keep(ctx, &row, known)?;
        Ok(row.units)
    }

    /// Takes grain out: the units are gone.
    #[call]
    fn take_out(ctx: &Context, silo: &str, units: u32) -> Result<i64, Refusal> {
        let (mut row, known) = receipt(ctx, silo)?;
        if row.units < units {
            return Err(GrainError::TooFew { units: row.units }.into());
        }
        row.units -= units;
        keep(ctx, &row, known)?;
        // Widens: 2^32 units of 60 kg are far from 2^63 grams.
        Ok(i64::from(units) * GRAMS_PER_UNIT)
    }

    /// The keeper fetches what its silo has earned.
    #[call]
    fn fetch(ctx: &Context, silo: &str, to: &str) -> Result<(), Refusal> {
        let mut place = ctx.db.silos().get(silo)?.ok_or(GrainError::NoSilo)?;
        if place.keeper != ctx.caller {
            return Err(GrainError::NotKeeper.into());
        }
        let amount = core::mem::take(&mut place.earned);
        ctx.db.silos().update(&place)?;
        calls::transfer(to, &[(DENOM, amount)]).map_err(Refusal::from)
    }

    #[view]
    fn units(ctx: &Context, silo: &str, holder: &str) -> Result<u32, Refusal> {
        Ok(ctx.db.receipts().get(silo, holder)?.map_or(0, |row| row.units))
    }
}
