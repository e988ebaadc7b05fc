// class: unprotected-init; from: re-initialisation: anyone replaces the owner through a setup call
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod club {
    use super::*;

    /// Who leads the club; one row.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        id: i64,
        __FIELD1__: String,
        fee: i64,
        ready: bool,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        account: String,
        since: i64,
    }

    /// The publisher leads until `setup` names another.
    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        let leader = ctx.caller.clone();
        let row = __STRUCT1__ { id: 1, __FIELD1__: leader, fee: 0, ready: false };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn __HELPER1__(ctx: &Context) -> Result<__STRUCT1__, Refusal> {
        ctx.db.__TABLE1__().get(1)?.ok_or_else(|| "the club has no leader".into())
    }

    /// Second half of the initialisation: names the leader and the fee.
    #[call]
    fn __CALL1__(ctx: &Context, leader: String, fee: u32) -> Result<(), Refusal> {
        dadbs_sdk::address::check(&leader)?;
        let mut __VAR1__ = __HELPER1__(ctx)?;
        if __VAR1__.ready || __VAR1__.__FIELD1__ != ctx.caller {
            return Err("the club is set up once, by its publisher".into());
        }
        __VAR1__.ready = true;
        __VAR1__.__FIELD1__ = leader;
        __VAR1__.fee = i64::from(fee);
        ctx.db.__TABLE1__().update(&__VAR1__)?;
        Ok(())
    }

    /// Takes a member in.
    #[call]
    fn __CALL2__(ctx: &Context, account: String) -> Result<(), Refusal> {
        let row = __HELPER1__(ctx)?;
        if !row.ready || row.__FIELD1__ != ctx.caller {
            return Err("only the leader takes members in".into());
        }
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { account, since: ctx.time_ms })
    }
}
