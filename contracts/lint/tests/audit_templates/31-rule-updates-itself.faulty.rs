// class: trigger-cycle; from: an update rule updates its own table through a helper
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod wiki {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        author: String,
        __FIELD1__: String,
        __FIELD2__: i64,
    }

    /// Former texts.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key(auto)]
        id: i64,
        page: i64,
        body: String,
    }

    #[init]
    fn init() {}

    #[call]
    fn __CALL1__(ctx: &Context, text: String) -> Result<i64, Refusal> {
        let author = ctx.caller.clone();
        let row = __STRUCT1__ { id: 0, author, __FIELD1__: text, __FIELD2__: 1 };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Writes a page of the caller anew.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64, text: String) -> Result<(), Refusal> {
        let page = ctx.db.__TABLE1__().get(id)?.filter(|row| row.author == ctx.caller);
        let mut page = page.ok_or("you have no such page")?;
        page.__FIELD1__ = text;
        ctx.db.__TABLE1__().update(&page)?;
        Ok(())
    }

    fn __HELPER1__(ctx: &Context, id: i64) -> Result<(), Refusal> {
        sql!("UPDATE __TABLE1__ SET __FIELD2__ = __FIELD2__ + 1 WHERE id = ?", id)?;
        emit("changed", &[("by", &ctx.caller)]);
        Ok(())
    }

    /// Keeps the former text.
    #[on_update(__TABLE1__)]
    fn keep(ctx: &Context) -> Result<(), Refusal> {
        for (old, _) in calls::changes() {
            let Some([ValueRef::Integer(page), _, ValueRef::Text(body), ..]) = old.as_deref() else {
                continue;
            };
            let __VAR1__ = __STRUCT2__ { id: 0, page: *page, body: (*body).into() };
            ctx.db.__TABLE2__().insert(&__VAR1__)?;
            __HELPER1__(ctx, *page)?;
        }
        Ok(())
    }
}
