// class: built-sql; from: an IN list is concatenated from a caller's text
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod labels {
    use super::*;

    const MOST: usize = 20;

    /// Which label stands on which thing.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        owner: String,
        #[key]
        __FIELD1__: String,
        weight: i64,
    }

    #[init]
    fn init() {}

    /// Sets a label of the caller.
    #[call]
    fn __CALL1__(ctx: &Context, label: String, weight: i64) -> Result<(), Refusal> {
        let row = __STRUCT1__ { owner: ctx.caller.clone(), __FIELD1__: label, weight };
        if !ctx.db.__TABLE1__().update(&row)? {
            ctx.db.__TABLE1__().insert(&row)?;
        }
        Ok(())
    }

    fn __HELPER1__(list: &str) -> Vec<&str> {
        list.split(',').map(str::trim).filter(|word| !word.is_empty()).take(MOST).collect()
    }

    /// Removes labels of the caller, given with commas between; answers how many.
    #[call]
    fn __CALL2__(ctx: &Context, list: &str) -> Result<u32, Refusal> {
        let __VAR1__ = __HELPER1__(list);
        if __VAR1__.is_empty() {
            return Ok(0);
        }
        let words: Vec<String> = __VAR1__.iter().map(|word| ["'", word, "'"].concat()).collect();
        let text = "DELETE FROM __TABLE1__ WHERE owner = ? AND __FIELD1__ IN (".to_owned()
            + &words.join(", ")
            + ")";
        let gone = sql::exec(&text, params![ctx.caller])?;
        emit("removed", &[("owner", &ctx.caller)]);
        Ok(gone)
    }
}
