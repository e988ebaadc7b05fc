// class: 8
//! Profiles of accounts, with the time of their last change.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod profiles {
    use super::*;

    /// What an account says of itself.
    #[table(name = "profiles")]
    struct Profile {
        #[key]
        account: String,
        #[unique]
        nick: String,
        about: String,
    }

    /// When a profile was made and changed.
    #[table(name = "stamps")]
    struct Stamp {
        #[key]
        account: String,
        made_ms: i64,
        changed_ms: i64,
        changes: i64,
    }

    #[error]
    enum ProfileError {
        /// The caller has no profile.
        NoProfile,
        /// A nick has 1 to 20 letters.
        WrongNick { nick: String },
    }

    #[init]
    fn init() {}

    /// A nick as it is kept.
    fn tidy(nick: &str) -> Result<String, ProfileError> {
        let nick = nick.trim();
        if nick.is_empty() || nick.len() > 20 {
            return Err(ProfileError::WrongNick { nick: nick.into() });
        }
        Ok(nick.to_owned())
    }

    /// Writes the caller's profile.
    #[call]
    fn write(ctx: &Context, nick: &str, about: String) -> Result<(), Refusal> {
        let profile = Profile { account: ctx.caller.clone(), nick: tidy(nick)?, about };
        if !ctx.db.profiles().update(&profile)? {
            ctx.db.profiles().insert(&profile)?;
        }
        Ok(())
    }

    /// Removes the caller's profile.
    #[call]
    fn remove(ctx: &Context) -> Result<(), Refusal> {
        let gone = ctx.db.profiles().delete(&ctx.caller)?;
        gone.then_some(()).ok_or_else(|| ProfileError::NoProfile.into())
    }

    /// Writes the time of a change.
    fn touch(ctx: &Context, profile: &Profile) -> Result<(), Refusal> {
        let Profile { account, about, .. } = profile;
        log(&format!("{} (changed at {})", about, ctx.time_ms));
        sql!(
            "UPDATE stamps SET changed_ms = ?, changes = changes + 1 WHERE account = ?",
            ctx.time_ms,
            account.as_str()
        )?;
        Ok(())
    }

    #[on_insert(profiles)]
    fn made(ctx: &Context, profiles: &[Profile]) -> Result<(), Refusal> {
        for profile in profiles {
            let account = profile.account.clone();
            let stamp = Stamp { account, made_ms: ctx.time_ms, changed_ms: ctx.time_ms, changes: 0 };
            ctx.db.stamps().insert(&stamp)?;
        }
        Ok(())
    }

    #[on_update(profiles)]
    fn changed(ctx: &Context, profiles: &[Updated<Profile>]) -> Result<(), Refusal> {
        profiles.iter().try_for_each(|profile| touch(ctx, &profile.new))
    }

    #[on_delete(profiles)]
    fn removed(ctx: &Context, profiles: &[Profile]) -> Result<(), Refusal> {
        profiles.iter().try_for_each(|profile| ctx.db.stamps().delete(&profile.account).map(drop))
    }

    /// When an account has changed its profile.
    #[view]
    fn stamp(ctx: &Context, account: &str) -> Result<Option<Stamp>, Refusal> {
        ctx.db.stamps().get(account)
    }
}
