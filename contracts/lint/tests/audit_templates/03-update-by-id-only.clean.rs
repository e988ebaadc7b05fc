// class: missing-caller-check; from: any user can edit another user's record (missing owner constraint)
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod notebook {
    use super::*;

    /// Notes of everyone.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key(auto)]
        id: i64,
        __FIELD1__: String,
        __FIELD2__: String,
        edits: i64,
    }

    #[init]
    fn init() {}

    /// Keeps a note of the caller.
    #[call]
    fn __CALL1__(ctx: &Context, text: String) -> Result<i64, Refusal> {
        let row = __STRUCT1__ { id: 0, __FIELD1__: ctx.caller.clone(), __FIELD2__: text, edits: 0 };
        ctx.db.__TABLE1__().insert(&row)
    }

    /// Writes a note anew.
    #[call]
    fn __CALL2__(ctx: &Context, id: i64, text: &str) -> Result<(), Refusal> {
        if text.is_empty() {
            return Err("a note is not empty; use forget".into());
        }
        let changed = sql!(
            "UPDATE __TABLE1__ SET __FIELD2__ = ?, edits = edits + 1 WHERE id = ? AND __FIELD1__ = ?",
            text,
            id,
            ctx.caller
        )?;
        match changed {
            1 => {
                emit("edited", &[("by", &ctx.caller)]);
                Ok(())
            }
            _ => Err(Refusal::new(format!("you have no note {id}"))),
        }
    }

    /// Removes a note of the caller; false if there was none.
    #[call]
    fn forget(ctx: &Context, id: i64) -> Result<bool, Refusal> {
        let gone = sql!("DELETE FROM __TABLE1__ WHERE id = ? AND __FIELD1__ = ?", id, ctx.caller)?;
        Ok(gone > 0)
    }

    #[view]
    fn note(ctx: &Context, id: i64) -> Result<Option<__STRUCT1__>, Refusal> {
        ctx.db.__TABLE1__().get(id)
    }
}
