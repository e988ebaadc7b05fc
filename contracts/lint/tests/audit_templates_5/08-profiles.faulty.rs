// class: 8
// A change of a profile writes its audit row, and a new audit row changes the profile: each sets off the other without end (mutually recursive triggers).
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod profiles {
    use super::*;

    #[table(name = "profiles")]
    struct Profile {
        #[key]
        account: String,
        #[check("length(nick) BETWEEN 1 AND 32")]
        nick: String,
        bio: String,
        changes: i64,
    }

    #[table(name = "audits")]
    struct Audit {
        #[key(auto)]
        id: i64,
        #[index]
        account: String,
        nick: String,
        at_ms: i64,
    }

    /// Only the contract writes history.
    #[can_write(audits)]
    const NO_AUDIT: &str = "0";

    #[can_write(profiles)]
    fn own(profile: &Profile, caller: &str) -> bool {
        profile.account == caller
    }

    #[init]
    fn init() {}

    #[call]
    fn join(ctx: &Context, nick: String, bio: String) -> Result<(), Refusal> {
        ctx.db.profiles().insert(&Profile { account: ctx.caller.clone(), nick, bio, changes: 0 })
    }

    #[call]
    fn rename(ctx: &Context, nick: String) -> Result<(), Refusal> {
        let mut profile = ctx.db.profiles().get(&ctx.caller)?.ok_or("join first")?;
        profile.nick = nick;
        ctx.db.profiles().update(&profile)?;
        Ok(())
    }

    #[on_update(profiles)]
    fn profile_changed(ctx: &Context, changed: &[Updated<Profile>]) -> Result<(), Refusal> {
        changed.iter().try_for_each(|Updated { new, .. }| record(ctx, new))
    }

    fn record(ctx: &Context, profile: &Profile) -> Result<(), Refusal> {
        let (account, nick) = (profile.account.clone(), profile.nick.clone());
        ctx.db.audits().insert(&Audit { id: 0, account, nick, at_ms: ctx.time_ms })?;
        Ok(())
    }

    #[on_insert(audits)]
    fn audited(ctx: &Context, rows: &[Audit]) -> Result<(), Refusal> {
        for row in rows {
            if let Some(mut profile) = ctx.db.profiles().get(&row.account)? {
                profile.changes += 1;
                ctx.db.profiles().update(&profile)?; // FAULT
            }
        }
        Ok(())
    }

    #[view]
    fn history(ctx: &Context, account: &str) -> Result<Vec<Audit>, Refusal> {
        ctx.db.audits().by_account(account, 50)
    }
}
