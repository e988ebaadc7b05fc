// class: built-sql; from: template statement is filled by text replacement in a write
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod tickets {
    use super::*;

    /// Requests for help.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        author: String,
        __FIELD1__: String,
        #[default("''")]
        __FIELD2__: String,
    }

    const NOTE: &str = "UPDATE __TABLE1__ SET __FIELD2__ = ? WHERE id = ? AND author = ?";

    #[init]
    fn init() {}

    /// Lines of other systems end otherwise.
    fn __HELPER1__(text: &str) -> String {
        text.replace("\r\n", "\n")
    }

    /// Asks for help.
    #[call]
    fn __CALL1__(ctx: &Context, text: &str) -> Result<i64, Refusal> {
        let row = __STRUCT1__ {
            id: 0,
            author: ctx.caller.clone(),
            __FIELD1__: __HELPER1__(text),
            __FIELD2__: String::new(),
        };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Writes a note on a ticket of the caller.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64, note: &str) -> Result<(), Refusal> {
        let __VAR1__ = __HELPER1__(note);
        if __VAR1__.len() > 1000 {
            return Err("a note has at most 1000 bytes".into());
        }
        let changed = sql::exec(NOTE, params![__VAR1__, id, ctx.caller])?;
        if changed == 0 {
            return Err(Refusal::new(format!("you have no ticket {id}")));
        }
        Ok(())
    }

    #[view]
    fn ticket(ctx: &Context, id: i64) -> Result<Option<__STRUCT1__>, Refusal> {
        ctx.db.__TABLE1__().get(id)
    }
}
