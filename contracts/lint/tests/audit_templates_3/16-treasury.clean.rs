// class: 6
//! A treasury: coins come in from everybody, its owner spends them.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod treasury {
    use super::*;
    use dadbs_sdk::address;
    use dadbs_sdk::calls::DENOM;

    /// Who spends, and how much at once.
    #[table(name = "settings")]
    struct Settings {
        #[key]
        #[check("id = 1")]
        id: i64,
        owner: String,
        #[check("most > 0")]
        most: i64,
    }

    /// What was spent.
    #[table(name = "payments")]
    struct Payment {
        #[key(auto)]
        id: i64,
        receiver: String,
        amount: i64,
        at_ms: i64,
    }

    #[error]
    enum TreasuryError {
        /// Only the owner may do this.
        NotOwner,
        /// An amount is at least 1, and not more than the limit.
        WrongAmount { amount: i64 },
    }

    /// The deployer owns the treasury.
    #[init]
    fn init(ctx: &Context, most: i64) -> Result<(), Refusal> {
        store(ctx, &Settings { id: 1, owner: ctx.caller.clone(), most })
    }

    fn store(ctx: &Context, settings: &Settings) -> Result<(), Refusal> {
        if !ctx.db.settings().update(settings)? {
            ctx.db.settings().insert(settings)?;
        }
        Ok(())
    }

    fn settings(ctx: &Context) -> Result<Settings, Refusal> {
        ctx.db.settings().get(1)?.ok_or_else(|| TreasuryError::NotOwner.into())
    }

    fn owned(ctx: &Context) -> Result<Settings, Refusal> {
        let found = settings(ctx)?;
        if found.owner != ctx.caller {
            return Err(TreasuryError::NotOwner.into());
        }
        Ok(found)
    }

    /// Sets the treasury up for an owner.
    #[call]
    fn configure(ctx: &Context, owner: String, most: i64) -> Result<(), Refusal> {
        address::check(&owner)?;
        if most < 1 {
            return Err(TreasuryError::WrongAmount { amount: most }.into());
        }
        let before = owned(ctx)?;
        store(ctx, &Settings { owner, most, ..before })
    }

    /// Puts coins in.
    #[call(payable)]
    fn fund() -> Result<i64, Refusal> {
        calls::paid(DENOM)
    }

    /// Spends coins.
    #[call]
    fn spend(ctx: &Context, receiver: String, amount: i64) -> Result<i64, Refusal> {
        let limit = owned(ctx)?.most;
        address::check(&receiver)?;
        if !(1..=limit).contains(&amount) {
            return Err(TreasuryError::WrongAmount { amount }.into());
        }
        let payment = Payment { id: 0, receiver, amount, at_ms: ctx.time_ms };
        let id = ctx.db.payments().insert(&payment)?;
        calls::transfer(&payment.receiver, &[(DENOM, amount)])?;
        Ok(id)
    }

    /// Who owns the treasury.
    #[view]
    fn owner(ctx: &Context) -> Result<String, Refusal> {
        settings(ctx).map(|found| found.owner)
    }
}
