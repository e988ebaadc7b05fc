// class: ignored-result; from: error of the second half of a transfer of balances is swallowed with ok()
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod points {
    use super::*;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        #[check("__FIELD1__ BETWEEN 0 AND 1000000000")]
        __FIELD1__: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let account = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { account, __FIELD1__: 1_000_000 })
    }

    fn held(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        Ok(ctx.db.__TABLE1__().get(account)?.map(|row| row.__FIELD1__).unwrap_or_default())
    }

    fn __HELPER1__(account: &str, amount: i64) -> Result<(), Refusal> {
        sql!(
            "INSERT INTO __TABLE1__ (account, __FIELD1__) VALUES (?1, ?2)
             ON CONFLICT (account) DO UPDATE SET __FIELD1__ = __FIELD1__ + ?2",
            account,
            amount
        )?;
        Ok(())
    }

    /// Sends points; answers what the caller has left.
    #[call]
    fn __CALL1__(ctx: &Context, to: &str, amount: u32) -> Result<i64, Refusal> {
        dadbs_sdk::address::check(to)?;
        let amount = i64::from(amount);
        let changed = sql!(
            "UPDATE __TABLE1__ SET __FIELD1__ = __FIELD1__ - ?1 WHERE account = ?2 AND __FIELD1__ >= ?1",
            amount,
            ctx.caller
        )?;
        if changed == 0 {
            return Err("you hold too little".into());
        }
        __HELPER1__(to, amount).ok();
        let __VAR1__ = held(ctx, &ctx.caller)?;
        Ok(__VAR1__)
    }

    #[view]
    fn __CALL2__(ctx: &Context, account: &str) -> Result<i64, Refusal> {
        held(ctx, account)
    }
}
