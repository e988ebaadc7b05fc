// class: trigger-cycle; from: insert rules of two tables insert into each other
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod crm {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        owner: String,
        #[check("length(__FIELD1__) BETWEEN 1 AND 500")]
        __FIELD1__: String,
    }

    /// What happened.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key(auto)]
        id: i64,
        what: String,
        at_ms: i64,
    }

    /// How much happened; one row.
    #[table(name = "totals")]
    struct Total {
        #[key]
        id: i64,
        number: i64,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.totals().insert(&Total { id: 1, number: 0 })
    }

    #[call]
    fn __CALL1__(ctx: &Context, text: String) -> Result<i64, Refusal> {
        let owner = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, owner, __FIELD1__: text })
    }

    /// Everything new is written down.
    #[on_insert(__TABLE1__)]
    fn __HELPER1__(ctx: &Context) -> Result<(), Refusal> {
        for (_, new) in calls::changes() {
            let Some(row) = new else { continue };
            let what = row.get(2).and_then(|value| value.text()).unwrap_or_default().to_owned();
            let __VAR1__ = __STRUCT2__ { id: 0, what, at_ms: ctx.time_ms };
            ctx.db.__TABLE2__().insert(&__VAR1__)?;
        }
        Ok(())
    }

    #[on_insert(__TABLE2__)]
    fn __HELPER2__(ctx: &Context) -> Result<(), Refusal> {
        let by = i64::try_from(calls::changes().len()).unwrap_or_default();
        let owner = ctx.contract_address.clone();
        let __FIELD1__ = format!("{by} entries at {}", ctx.height);
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id: 0, owner, __FIELD1__ })?;
        Ok(())
    }
}
