// class: 7
// Fault: the deduction is held at zero, so a deduction beyond the deposit is paid to the landlord in full from the coins of others (modelled on "saturating_sub hides insolvency" of Solana and Substrate reviews).
#![cfg_attr(target_arch = "wasm32", no_std)]
//! Deposits of tenants, held until they move out.
use dadbs_sdk::prelude::*;

#[contract]
mod rental {
    use super::*;
    use dadbs_sdk::calls::DENOM;

    const DAY_MS: i64 = 86_400_000;

    #[table(name = "leases")]
    struct Lease {
        #[key(auto)]
        id: i64,
        #[index]
        landlord: String,
        tenant: String,
        #[check("deposit >= 0")]
        deposit: i64,
        ends_ms: i64,
        over: bool,
    }

    #[error]
    enum LeaseError {
        Unknown { id: i64 },
        NotLandlord,
        NotTenant,
        TooEarly,
        Over,
        Amount,
    }

    #[event]
    struct Deducted {
        id: i64,
        amount: i64,
        left: i64,
    }

    #[init]
    fn init() {}

    /// The tenant leaves a deposit with the landlord's lease.
    #[call(payable)]
    fn sign(ctx: &Context, landlord: String, ends_ms: i64) -> Result<i64, Refusal> {
        dadbs_sdk::address::check(&landlord)?;
        let deposit = calls::paid(DENOM)?;
        let tenant = ctx.caller.clone();
        ctx.db.leases().insert(&Lease { id: 0, landlord, tenant, deposit, ends_ms, over: false })
    }

    fn running(ctx: &Context, id: i64) -> Result<Lease, LeaseError> {
        match ctx.db.leases().get(id) {
            Ok(Some(lease)) if lease.over => Err(LeaseError::Over),
            Ok(Some(lease)) => Ok(lease),
            Ok(None) => Err(LeaseError::Unknown { id }),
            Err(refusal) => abort(refusal.message()),
        }
    }

    /// The landlord keeps a part for damage.
    #[call]
    fn deduct(ctx: &Context, id: i64, amount: i64) -> Result<i64, Refusal> {
        let mut lease = running(ctx, id)?;
        if lease.landlord != ctx.caller {
            return Err(LeaseError::NotLandlord.into());
        }
        if amount < 1 {
            return Err(LeaseError::Amount.into());
        }
        lease.deposit = lease.deposit.saturating_sub(amount).max(0); // FAULT
        ctx.db.leases().update(&lease)?;
        calls::transfer(&lease.landlord, &[(DENOM, amount)])?;
        Deducted { id, amount, left: lease.deposit }.emit();
        Ok(lease.deposit)
    }

    /// The tenant moves out and gets back what is left.
    #[call]
    fn move_out(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let mut lease = running(ctx, id)?;
        if lease.tenant != ctx.caller {
            return Err(LeaseError::NotTenant.into());
        }
        if ctx.time_ms < lease.ends_ms {
            return Err(LeaseError::TooEarly.into());
        }
        let back = core::mem::take(&mut lease.deposit);
        lease.over = true;
        ctx.db.leases().update(&lease)?;
        if back > 0 {
            calls::transfer(&lease.tenant, &[(DENOM, back)])?;
        }
        Ok(back)
    }

    /// Whole days until the lease ends, 0 if it is over.
    #[view]
    fn days_left(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        let lease = running(ctx, id)?;
        Ok(lease.ends_ms.saturating_sub(ctx.time_ms).max(0) / DAY_MS)
    }

    #[view]
    fn leases_of(ctx: &Context, landlord: &str) -> Result<Vec<Lease>, Refusal> {
        ctx.db.leases().by_landlord(landlord, 100)
    }
}
