// class: trigger-cycle; from: update rule inserts, and the insert rule updates back through an upsert in a helper
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod journal {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        account: String,
        __FIELD1__: i64,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key(auto)]
        id: i64,
        account: String,
        standing: i64,
    }

    /// How many lines an account has.
    #[table(name = "line_counts")]
    struct LineCount {
        #[key]
        account: String,
        lines: i64,
    }

    #[init]
    fn init() {}

    /// Begins a book of the caller, or moves it on.
    #[call]
    fn __CALL1__(ctx: &Context) -> Result<(), Refusal> {
        if let Some(mut row) = ctx.db.__TABLE1__().get(&ctx.caller)? {
            row.__FIELD1__ += 1;
            ctx.db.__TABLE1__().update(&row)?;
            return Ok(());
        }
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { account: ctx.caller.clone(), __FIELD1__: 0 })
    }

    /// Drops a line of the caller's book.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        Ok(sql!("DELETE FROM __TABLE2__ WHERE id = ? AND account = ?", id, ctx.caller)? > 0)
    }

    fn __HELPER1__(account: &str) -> Result<(), Refusal> {
        sql!(
            "INSERT INTO __TABLE1__ (account, __FIELD1__) VALUES (?1, 1)
             ON CONFLICT (account) DO UPDATE SET __FIELD1__ = __FIELD1__ + 1",
            account
        )?;
        Ok(())
    }

    #[on_update(__TABLE1__)]
    fn standing_changed(ctx: &Context) -> Result<(), Refusal> {
        for row in calls::changes().into_iter().filter_map(|(_, new)| new) {
            if let [ValueRef::Text(account), ValueRef::Integer(__VAR1__)] = row[..] {
                let line = __STRUCT2__ { id: 0, account: account.into(), standing: __VAR1__ };
                ctx.db.__TABLE2__().insert(&line)?;
            }
        }
        Ok(())
    }

    #[on_insert(__TABLE2__)]
    fn line_added() -> Result<(), Refusal> {
        let new = calls::changes().into_iter().filter_map(|(_, new)| new);
        let accounts = new.filter_map(|row| row.get(1).and_then(|account| account.text()));
        accounts.into_iter().try_for_each(__HELPER1__)
    }
}
