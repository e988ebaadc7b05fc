// class: call-before-state; from: claim flag is set after an external token call, in a helper
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod airdrop {
    use super::*;
    use dadbs_sdk::calls;

    /// Who may claim how much.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        #[check("amount > 0")]
        amount: i64,
        __FIELD1__: bool,
    }

    /// The token and who set this up; one row.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        token: String,
        sponsor: String,
    }

    #[init]
    fn init(ctx: &Context, token: String) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id: 1, token, sponsor: ctx.caller.clone() })
    }

    fn setup(ctx: &Context) -> Result<__STRUCT2__, Refusal> {
        ctx.db.__TABLE2__().get(1)?.ok_or_else(|| "not set up".into())
    }

    /// Asks the token to mint.
    fn __HELPER1__(token: &str, to: &str, amount: i64) -> Result<(), Refusal> {
        let arguments = params![to, amount];
        calls::call(token, "mint", arguments, &[])?;
        Ok(())
    }

    fn __HELPER2__(ctx: &Context, mut row: __STRUCT1__) -> Result<(), Refusal> {
        row.__FIELD1__ = true;
        ctx.db.__TABLE1__().update(&row)?;
        Ok(())
    }

    /// Lets an account claim.
    #[call]
    fn __CALL1__(ctx: &Context, account: String, amount: u32) -> Result<(), Refusal> {
        if setup(ctx)?.sponsor != ctx.caller {
            return Err("only the sponsor adds claims".into());
        }
        let amount = i64::from(amount);
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { account, amount, __FIELD1__: false })
    }

    /// Claims what was set aside for the caller.
    #[call]
    fn __CALL2__(ctx: &Context) -> Result<i64, Refusal> {
        let token = setup(ctx)?.token;
        let row = match ctx.db.__TABLE1__().get(&ctx.caller)? {
            Some(row) if !row.__FIELD1__ => row,
            Some(_) => return Err("this was claimed before".into()),
            None => return Err("there is nothing to claim".into()),
        };
        let amount = row.amount;
        __HELPER1__(&token, &ctx.caller, amount)?;
        __HELPER2__(ctx, row)?;
        Ok(amount)
    }
}
