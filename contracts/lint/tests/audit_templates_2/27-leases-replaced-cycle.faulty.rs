//! Flats of a house: a unit has one lease, a new one ends the one before.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod house {
    use super::*;

    /// Leases of a unit that are looked at; there is one, or two for a moment.
    const PER_UNIT: u32 = 4;

    /// Who lets the units.
    #[table(name = "landlord")]
    struct Landlord {
        #[key]
        address: String,
    }

    /// Who lives in a unit; nobody if there is no tenant.
    #[table(name = "leases")]
    struct Lease {
        #[key(auto)]
        id: i64,
        #[index]
        unit: String,
        tenant: Option<String>,
        since_ms: i64,
    }

    /// A lease that has ended.
    #[table(name = "past")]
    struct Past {
        #[key]
        lease: i64,
        #[index]
        unit: String,
        tenant: Option<String>,
        ended_ms: i64,
    }

    #[error]
    enum HouseError {
        /// Only the landlord lets and ends.
        NotLandlord,
        /// There is no such lease.
        NotFound { id: i64 },
    }

    /// A unit has another tenant.
    #[event]
    struct Let<'a> {
        unit: &'a str,
    }

    /// The caller is the landlord.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.landlord().insert(&Landlord { address: ctx.caller.clone() })
    }

    /// Lets a unit; answers the number of the lease.
    #[call]
    fn let_unit(ctx: &Context, unit: String, tenant: String) -> Result<i64, Refusal> {
        ctx.db.landlord().get(&ctx.caller)?.ok_or(HouseError::NotLandlord)?;
        Let { unit: &unit }.emit();
        let lease = Lease { id: 0, unit, tenant: Some(tenant), since_ms: ctx.time_ms };
        ctx.db.leases().insert(&lease)
    }

    /// Ends a lease.
    #[call]
    fn end(ctx: &Context, id: i64) -> Result<(), Refusal> {
        ctx.db.landlord().get(&ctx.caller)?.ok_or(HouseError::NotLandlord)?;
        if ctx.db.leases().delete(id)? { Ok(()) } else { Err(HouseError::NotFound { id }.into()) }
    }

    /// A new lease of a unit ends those before.
    #[on_insert(leases)]
    fn begun(ctx: &Context, rows: &[Lease]) -> Result<(), Refusal> {
        for new in rows {
            for lease in ctx.db.leases().by_unit(&new.unit, PER_UNIT)? {
                if lease.id < new.id {
                    ctx.db.leases().delete(lease.id)?;
                }
            }
        }
        Ok(())
    }

    /// A lease that ends leaves the unit without a tenant.
    #[on_delete(leases)]
    fn ended(ctx: &Context, rows: &[Lease]) -> Result<(), Refusal> {
        for old in rows {
            let unit = old.unit.clone();
            let vacant = Lease { id: 0, unit, tenant: None, since_ms: ctx.time_ms };
            ctx.db.leases().insert(&vacant)?;
        }
        Ok(())
    }

    /// Who lives in a unit.
    #[view]
    fn of_unit(ctx: &Context, unit: &str) -> Result<Vec<Lease>, Refusal> {
        ctx.db.leases().by_unit(unit, 1)
    }
}
