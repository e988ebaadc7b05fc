// class: call-before-state; from: balance is reduced after the coins were sent (classic re-entrancy order)
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod vault {
    use super::*;
    use dadbs_sdk::calls;

    /// What everyone holds.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        holder: String,
        #[check("__FIELD1__ >= 0")]
        __FIELD1__: i64,
    }

    #[error]
    enum VaultError {
        /// The caller holds too little.
        TooLittle { held: i64 },
        /// No coins came along.
        NoCoins,
    }

    #[init]
    fn init() {}

    fn __HELPER1__(ctx: &Context) -> Result<__STRUCT1__, Refusal> {
        let found = ctx.db.__TABLE1__().get(&ctx.caller)?;
        Ok(found.unwrap_or_else(|| __STRUCT1__ { holder: ctx.caller.clone(), __FIELD1__: 0 }))
    }

    #[call(payable)]
    fn __CALL1__(ctx: &Context) -> Result<i64, Refusal> {
        let funds = calls::invocation().funds;
        let Some((_, sent)) = funds.into_iter().find(|(denom, _)| denom == "udad") else {
            return Err(VaultError::NoCoins.into());
        };
        let mut row = __HELPER1__(ctx)?;
        row.__FIELD1__ = row.__FIELD1__.checked_add(sent).ok_or("the vault is full")?;
        if !ctx.db.__TABLE1__().update(&row)? {
            ctx.db.__TABLE1__().insert(&row)?;
        }
        Ok(row.__FIELD1__)
    }

    #[call]
    fn __CALL2__(ctx: &Context, amount: u32) -> Result<i64, Refusal> {
        let amount = i64::from(amount);
        let mut row = __HELPER1__(ctx)?;
        if amount > row.__FIELD1__ {
            return Err(VaultError::TooLittle { held: row.__FIELD1__ }.into());
        }
        row.__FIELD1__ -= amount;
        ctx.db.__TABLE1__().update(&row)?;
        calls::transfer(&ctx.caller, &[("udad", amount)])?;
        emit("withdrawn", &[("holder", &ctx.caller)]);
        Ok(row.__FIELD1__)
    }
}
