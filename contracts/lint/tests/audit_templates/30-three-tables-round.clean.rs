// class: trigger-cycle; from: update rules run in a circle over three tables
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod warehouse {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        id: i64,
        clerk: String,
        #[check("__FIELD1__ >= 0")]
        __FIELD1__: i64,
        touched: i64,
    }

    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        id: i64,
        reserved: i64,
    }

    #[table(name = "alarms")]
    struct Alarm {
        #[key]
        id: i64,
        count: i64,
    }

    #[init]
    fn init() {}

    /// Opens a shelf of the caller.
    #[call]
    fn __CALL1__(ctx: &Context, id: i64) -> Result<(), Refusal> {
        let clerk = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { id, clerk, __FIELD1__: 0, touched: 0 })?;
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { id, reserved: 0 })?;
        ctx.db.alarms().insert(&Alarm { id, count: 0 })
    }

    #[call]
    fn __CALL2__(ctx: &Context, id: i64, pieces: u32) -> Result<(), Refusal> {
        let text = "UPDATE __TABLE1__ SET __FIELD1__ = ? WHERE id = ? AND clerk = ?";
        if sql::exec(text, params![pieces, id, ctx.caller])? == 0 {
            return Err("you have no such shelf".into());
        }
        Ok(())
    }

    fn __HELPER1__() -> Vec<i64> {
        let new = calls::changes().into_iter().filter_map(|(_, new)| new);
        new.filter_map(|row| row.first().and_then(|id| id.integer())).collect()
    }

    #[on_update(__TABLE1__)]
    fn shelf_changed() -> Result<(), Refusal> {
        for __VAR1__ in __HELPER1__() {
            sql!("UPDATE __TABLE2__ SET reserved = reserved + 1 WHERE id = ?", __VAR1__)?;
        }
        Ok(())
    }

    #[on_update(__TABLE2__)]
    fn reserve_changed() -> Result<(), Refusal> {
        for __VAR1__ in __HELPER1__() {
            sql!("UPDATE alarms SET count = count + 1 WHERE id = ?", __VAR1__)?;
        }
        Ok(())
    }

    #[on_update(alarms)]
    fn alarm_changed(ctx: &Context) -> Result<(), Refusal> {
        for __VAR1__ in __HELPER1__() {
            let found = sql!("SELECT touched FROM __TABLE1__ WHERE id = ?", __VAR1__)?;
            let touched = found.value().integer().unwrap_or_default();
            emit("alarm", &[("late", if touched < ctx.time_ms { "1" } else { "0" })]);
        }
        Ok(())
    }
}
