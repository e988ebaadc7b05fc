// class: unprotected-init; from: migration resets the admin from a parameter without checking caller or version
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod archive {
    use super::*;

    /// Facts of the archive by name.
    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        __FIELD1__: String,
        __FIELD2__: String,
    }

    /// What is kept.
    #[table(name = "__TABLE2__")]
    struct __STRUCT2__ {
        #[key]
        hash: Vec<u8>,
        by: String,
    }

    #[init]
    fn init(ctx: &Context) -> Result<(), Refusal> {
        __HELPER1__("owner", &ctx.caller)?;
        __HELPER1__("version", "2")
    }

    fn __HELPER1__(name: &str, value: &str) -> Result<(), Refusal> {
        sql!(
            "INSERT INTO __TABLE1__ (__FIELD1__, __FIELD2__) VALUES (?1, ?2)
             ON CONFLICT (__FIELD1__) DO UPDATE SET __FIELD2__ = ?2",
            name,
            value
        )?;
        Ok(())
    }

    fn fact(ctx: &Context, name: &str) -> Result<String, Refusal> {
        Ok(ctx.db.__TABLE1__().get(name)?.map(|row| row.__FIELD2__).unwrap_or_default())
    }

    /// Moves an archive of version 1 here.
    #[migrate]
    fn migrate(ctx: &Context, owner: Option<&str>) -> Result<(), Refusal> {
        let version = fact(ctx, "version")?;
        if version != "1" || fact(ctx, "owner")? != ctx.caller {
            return Err("the owner migrates version 1, once".into());
        }
        if let Some(owner) = owner {
            dadbs_sdk::address::check(owner)?;
            __HELPER1__("owner", owner)?;
        }
        emit("migrated", &[("from", &version)]);
        __HELPER1__("version", "2")
    }

    #[call]
    fn __CALL1__(ctx: &Context, hash: Vec<u8>) -> Result<(), Refusal> {
        ctx.db.__TABLE2__().insert(&__STRUCT2__ { hash, by: ctx.caller.clone() })
    }

    #[call]
    fn __CALL2__(ctx: &Context, hash: &[u8]) -> Result<bool, Refusal> {
        let __VAR1__ = fact(ctx, "owner")?;
        if ctx.caller != __VAR1__ {
            return Err("only the owner removes".into());
        }
        ctx.db.__TABLE2__().delete(hash)
    }
}
