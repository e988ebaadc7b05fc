//! Rental deposits: the tenant pays one in, the landlord settles it when the lease has ended.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod deposits {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// What a tenant has paid in.
    #[table(name = "deposits")]
    struct Deposit {
        #[key(auto)]
        id: i64,
        #[index]
        tenant: String,
        landlord: String,
        #[check("amount > 0")]
        amount: i64,
        ends_ms: i64,
        settled: bool,
    }

    #[error]
    enum DepositError {
        /// There is no such deposit.
        NotFound { id: i64 },
        /// The landlord settles, when the lease has ended.
        MayNotSettle { id: i64 },
        /// The deposit is settled.
        Settled { id: i64 },
        /// Send coins along.
        NothingSent,
        /// The landlord keeps at most the deposit.
        TooMuch { amount: i64 },
    }

    /// Has nothing to do: the table is made from its struct.
    #[init]
    fn init() {}

    /// Pays a deposit in; answers its number.
    #[call(payable)]
    fn pay_in(ctx: &Context, landlord: String, ends_ms: i64) -> Result<i64, Refusal> {
        address::check(&landlord)?;
        let amount = calls::paid(DENOM)?;
        if amount == 0 {
            return Err(DepositError::NothingSent.into());
        }
        let tenant = ctx.caller.clone();
        let deposit = Deposit { id: 0, tenant, landlord, amount, ends_ms, settled: false };
        ctx.db.deposits().insert(&deposit)
    }

    /// Settles: the landlord keeps so much, the rest goes back to the tenant.
    #[call]
    fn settle(ctx: &Context, id: i64, kept: u32) -> Result<(), Refusal> {
        let mut deposit = ctx.db.deposits().get(id)?.ok_or(DepositError::NotFound { id })?;
        if deposit.settled {
            return Err(DepositError::Settled { id }.into());
        }
        let is_stranger = deposit.landlord != ctx.caller;
        let is_running = ctx.time_ms < deposit.ends_ms;
        if is_stranger || is_running {
            return Err(DepositError::MayNotSettle { id }.into());
        }
        let kept = i64::from(kept);
        if kept > deposit.amount {
            return Err(DepositError::TooMuch { amount: deposit.amount }.into());
        }
        let rest = deposit.amount - kept;
        deposit.settled = true;
        ctx.db.deposits().update(&deposit)?;
        if kept > 0 {
            calls::transfer(&deposit.landlord, &[(DENOM, kept)])?;
        }
        if rest > 0 {
            calls::transfer(&deposit.tenant, &[(DENOM, rest)])?;
        }
        Ok(())
    }

    /// At most 100 deposits of a tenant.
    #[view]
    fn of_tenant(ctx: &Context, tenant: &str) -> Result<Vec<Deposit>, Refusal> {
        ctx.db.deposits().by_tenant(tenant, 100)
    }
}
