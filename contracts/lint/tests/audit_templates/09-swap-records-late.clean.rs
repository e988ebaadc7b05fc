// class: call-before-state; from: order status is written after calling an untrusted counterparty contract
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod desk {
    use super::*;
    use dadbs_sdk::calls;

    /// Orders that wait for a venue.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        trader: String,
        venue: String,
        #[check("amount > 0")]
        amount: i64,
        #[check("__FIELD1__ IN ('open', 'sent', 'dropped')")]
        __FIELD1__: String,
    }

    #[init]
    fn init() {}

    #[call]
    fn __CALL1__(ctx: &Context, venue: String, amount: u32) -> Result<i64, Refusal> {
        let row = __STRUCT1__ {
            id: 0,
            trader: ctx.caller.clone(),
            venue,
            amount: i64::from(amount),
            __FIELD1__: "open".into(),
        };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn __HELPER1__(ctx: &Context, id: i64) -> Result<__STRUCT1__, Refusal> {
        let row = ctx.db.__TABLE1__().get(id)?.ok_or("there is no such order")?;
        let mine = row.trader == ctx.caller && row.__FIELD1__ == "open";
        if mine { Ok(row) } else { Err("this order is not yours, or not open".into()) }
    }

    /// Sends an order to its venue, or drops it if the venue is closed; answers the venue's number.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64) -> Result<Value, Refusal> {
        let mut __VAR1__ = __HELPER1__(ctx, id)?;
        let state = calls::view(&__VAR1__.venue, "is_open", &[])?;
        if state.value() != Value::Integer(1) {
            __VAR1__.__FIELD1__ = "dropped".into();
            ctx.db.__TABLE1__().update(&__VAR1__)?;
            return Ok(Value::Null);
        }
        sql!("UPDATE __TABLE1__ SET __FIELD1__ = 'sent' WHERE id = ?", id)?;
        let answer = calls::call(&__VAR1__.venue, "place", params![id, __VAR1__.amount], &[])?;
        let number = answer.value();
        Ok(number)
    }
}
