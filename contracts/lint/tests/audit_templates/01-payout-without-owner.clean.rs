// class: missing-caller-check; from: privileged payout lacks an owner check (missing signer check)
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod treasury {
    use super::*;
    use dadbs_sdk::calls;

    /// Who runs the treasury; one row.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        id: i64,
        __FIELD1__: String,
    }

    /// What was given to the treasury.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key(auto)]
        id: i64,
        donor: String,
        #[check("amount > 0")]
        amount: i64,
    }

    #[error]
    enum TreasuryError {
        /// Only the keeper may do this.
        NotKeeper,
        /// The amount must be positive.
        BadAmount { amount: i64 },
        /// Nothing was sent.
        Empty,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 1, __FIELD1__: ctx.caller.clone() })
    }

    fn __HELPER1__(ctx: &Context) -> Result<(), Refusal> {
        let row = ctx.db.__TABLE1__().get(1)?.ok_or(TreasuryError::NotKeeper)?;
        if row.__FIELD1__ == ctx.caller { Ok(()) } else { Err(TreasuryError::NotKeeper.into()) }
    }

    fn __HELPER2__(to: &str, amount: i64) -> Result<(), Refusal> {
        calls::transfer(to, &[("udad", amount)])?;
        emit("paid", &[("to", to)]);
        Ok(())
    }

    /// Anyone may give.
    #[call(payable)]
    fn give(ctx: &Context) -> Result<i64, Refusal> {
        let funds = calls::invocation().funds;
        let sent = funds.iter().find(|(denom, _)| denom == "udad");
        let amount = sent.map(|(_, amount)| *amount).ok_or(TreasuryError::Empty)?;
        let donor = ctx.caller.clone();
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 0, donor, amount })
    }

    /// Names the next keeper.
    #[call]
    fn __CALL1__(ctx: &Context, next: String) -> Result<(), Refusal> {
        __HELPER1__(ctx)?;
        dadbs_sdk::address::check(&next)?;
        ctx.db.__TABLE1__().update(&__STRUCT1__ { id: 1, __FIELD1__: next })?;
        Ok(())
    }

    /// Pays from the treasury.
    #[call]
    fn __CALL2__(ctx: &Context, to: &str, amount: i64) -> Result<(), Refusal> {
        __HELPER1__(ctx)?;
        if amount <= 0 {
            return Err(TreasuryError::BadAmount { amount }.into());
        }
        dadbs_sdk::address::check(to)?;
        __HELPER2__(to, amount)
    }
}
