// class: built-sql; from: injection through a formatted ORDER BY column
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod catalogue {
    use super::*;

    const PAGE: u32 = 50;

    /// What is for sale.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        seller: String,
        title: String,
        #[check("__FIELD1__ > 0")]
        __FIELD1__: i64,
    }

    #[init]
    fn init() {}

    #[call]
    fn __CALL1__(ctx: &Context, title: String, __FIELD1__: u32) -> Result<i64, Refusal> {
        if title.len() > 200 {
            let text = format!("a title has at most 200 bytes, not {}", title.len());
            return Err(Refusal::new(text));
        }
        let seller = ctx.caller.clone();
        let row = __STRUCT1__ { id: 0, seller, title, __FIELD1__: i64::from(__FIELD1__) };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn __HELPER1__(by: &str) -> Result<String, Refusal> {
        if by.is_empty() {
            return Err(Refusal::new(format!("cannot sort by \"{by}\"")));
        }
        Ok(format!(
            "SELECT id, title, __FIELD1__ FROM __TABLE1__ WHERE id > ? ORDER BY {by} LIMIT ?"
        ))
    }

    /// A page of what is for sale, in an order.
    #[view]
    fn __CALL2__(after: i64, by: &str) -> Result<Table, Refusal> {
        let __VAR1__ = __HELPER1__(by)?;
        Ok(sql::query(&__VAR1__, params![after, PAGE])?)
    }

    #[view]
    fn one(ctx: &Context, id: i64) -> Result<Option<__STRUCT1__>, Refusal> {
        ctx.db.__TABLE1__().get(id)
    }
}
