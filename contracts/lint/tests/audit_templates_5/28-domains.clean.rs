// class: 1
// The owner stands in the WHERE of the statement, and no changed row is a refusal.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod domains {
    use super::*;
    use dadbs_sdk::address;

    const YEAR_MS: i64 = 31_536_000_000;

    #[table(name = "names")]
    struct Name {
        #[key]
        #[check("length(name) BETWEEN 3 AND 63")]
        name: String,
        #[index]
        owner: String,
        target: String,
        until_ms: i64,
    }

    #[event]
    struct Registered<'a> {
        name: &'a str,
        owner: &'a str,
    }

    #[init]
    fn init() {}

    fn is_label(name: &str) -> bool {
        name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    }

    /// A name that is free, or whose time is over, goes to who asks first.
    #[call]
    fn register(ctx: &Context, name: String) -> Result<(), Refusal> {
        if !is_label(&name) {
            return Err("a name is small letters, digits and hyphens".into());
        }
        let taken = ctx.db.names().get(&name)?.filter(|row| row.until_ms > ctx.time_ms);
        if let Some(row) = taken {
            return Err(format!("{} holds this name", row.owner).into());
        }
        let owner = ctx.caller.clone();
        Registered { name: &name, owner: &owner }.emit();
        let target = owner.clone();
        let row = Name { name, owner, target, until_ms: ctx.time_ms + YEAR_MS };
        if ctx.db.names().update(&row)? { Ok(()) } else { ctx.db.names().insert(&row) }
    }

    #[call]
    fn point(ctx: &Context, name: &str, target: &str) -> Result<(), Refusal> {
        address::check(target)?;
        let changed = sql!(
            "UPDATE names SET target = ? WHERE name = ? AND until_ms > ? AND owner = ?",
            target,
            name,
            ctx.time_ms,
            ctx.caller
        )?;
        if changed == 0 {
            return Err("there is no such name of yours".into());
        }
        Ok(())
    }

    #[call]
    fn hand_over(ctx: &Context, name: &str, to: String) -> Result<(), Refusal> {
        address::check(&to)?;
        let mut row = ctx.db.names().get(name)?.ok_or("there is no such name")?;
        if row.owner != ctx.caller || row.until_ms <= ctx.time_ms {
            return Err("this name is not yours".into());
        }
        row.owner = to;
        ctx.db.names().update(&row)?;
        Ok(())
    }

    #[view]
    fn resolve(ctx: &Context, name: &str) -> Result<Option<Name>, Refusal> {
        Ok(ctx.db.names().get(name)?.filter(|row| row.until_ms > ctx.time_ms))
    }
}
