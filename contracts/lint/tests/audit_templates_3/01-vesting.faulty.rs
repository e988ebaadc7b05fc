// class: 1
//! Coins that unlock for a beneficiary between two points of time.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod vesting {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Coins that unlock.
    #[table(name = "grants", check("released <= total"), check("start_ms < end_ms"))]
    struct Grant {
        #[key(auto)]
        id: i64,
        funder: String,
        #[index]
        beneficiary: String,
        #[check("total > 0")]
        total: i64,
        released: i64,
        start_ms: i64,
        end_ms: i64,
    }

    #[error]
    enum VestingError {
        /// There is no such grant.
        NotFound { id: i64 },
        /// Only its beneficiary takes from a grant.
        NotBeneficiary { id: i64 },
        /// Nothing is unlocked that was not released before.
        NothingDue { id: i64 },
        /// Send coins along, and a span of time.
        Malformed,
    }

    #[init]
    fn init() {}

    fn grant(ctx: &Context, id: i64) -> Result<Grant, Refusal> {
        Ok(ctx.db.grants().get(id)?.ok_or(VestingError::NotFound { id })?)
    }

    fn own_grant(ctx: &Context, id: i64) -> Result<Grant, Refusal> {
        let found = grant(ctx, id)?;
        if found.beneficiary == ctx.caller {
            Ok(found)
        } else {
            Err(VestingError::NotBeneficiary { id }.into())
        }
    }

    fn unlocked(grant: &Grant, now_ms: i64) -> i64 {
        let elapsed = now_ms.clamp(grant.start_ms, grant.end_ms) - grant.start_ms;
        grant.total * elapsed / (grant.end_ms - grant.start_ms)
    }

    /// Writes what is released, then sends it.
    fn pay_out(ctx: &Context, mut grant: Grant, to: &str) -> Result<i64, Refusal> {
        let due = unlocked(&grant, ctx.time_ms) - grant.released;
        if due <= 0 {
            return Err(VestingError::NothingDue { id: grant.id }.into());
        }
        grant.released += due;
        ctx.db.grants().update(&grant)?;
        calls::transfer(to, &[(DENOM, due)])?;
        Ok(due)
    }

    /// Makes a grant of the coins that come along.
    #[call(payable)]
    fn fund(ctx: &Context, beneficiary: String, start_ms: i64, end_ms: i64) -> Result<i64, Refusal> {
        address::check(&beneficiary)?;
        let total = calls::paid(DENOM)?;
        if total == 0 || start_ms >= end_ms {
            return Err(VestingError::Malformed.into());
        }
        let funder = ctx.caller.clone();
        ctx.db.grants().insert(&Grant { id: 0, funder, beneficiary, total, released: 0, start_ms, end_ms })
    }

    /// Takes what is unlocked.
    #[call]
    fn release(ctx: &Context, id: i64) -> Result<i64, Refusal> {
        pay_out(ctx, own_grant(ctx, id)?, &ctx.caller)
    }

    /// Takes what is unlocked, to another account.
    #[call]
    fn release_to(ctx: &Context, id: i64, to: &str) -> Result<i64, Refusal> {
        address::check(to)?;
        let found = grant(ctx, id)?;
        pay_out(ctx, found, to)
    }

    /// One grant.
    #[view]
    fn show(ctx: &Context, id: i64) -> Result<Option<Grant>, Refusal> {
        ctx.db.grants().get(id)
    }
}
