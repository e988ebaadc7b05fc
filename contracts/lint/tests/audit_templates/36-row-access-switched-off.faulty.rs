// class: missing-caller-check; from: write runs with elevated rights of the contract (confused deputy)
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod profiles {
    use super::*;
    use dadbs_sdk::calls;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        name: String,
        owner: String,
        __FIELD1__: String,
        version: i64,
    }

    /// Everyone sees their own profiles.
    #[can_read(__TABLE1__)]
    const READERS: &str = "owner = caller()";
    /// Everyone writes their own profiles.
    #[can_write(__TABLE1__)]
    const WRITERS: &str = "owner = caller()";

    #[init]
    fn init() {}

    /// Whether a name is taken, by anyone.
    fn taken(ctx: &Context, name: &str) -> Result<bool, Refusal> {
        calls::as_contract(|| Ok(ctx.db.__TABLE1__().get(name)?.is_some()))
    }

    #[call]
    fn __CALL1__(ctx: &Context, name: String) -> Result<(), Refusal> {
        if taken(ctx, &name)? {
            return Err(Refusal::new(format!("\"{name}\" is taken")));
        }
        let owner = ctx.caller.clone();
        let row = __STRUCT1__ { name, owner, __FIELD1__: String::new(), version: 1 };
        ctx.db.__TABLE1__().insert(&row)
    }

    fn __HELPER1__(name: &str, text: &str) -> Result<u32, Refusal> {
        Ok(sql!(
            "UPDATE __TABLE1__ SET __FIELD1__ = ?, version = version + 1 WHERE name = ?",
            text,
            name
        )?)
    }

    /// Writes what a profile says.
    #[call]
    fn __CALL2__(name: &str, text: &str) -> Result<(), Refusal> {
        if text.len() > 2000 {
            return Err("a profile has at most 2000 bytes".into());
        }
        let __VAR1__ = calls::as_contract(|| __HELPER1__(name, text))?;
        if __VAR1__ == 0 {
            return Err(Refusal::new(format!("you have no profile \"{name}\"")));
        }
        Ok(())
    }
}
