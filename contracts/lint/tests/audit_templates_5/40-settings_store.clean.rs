// class: 4
// The column is picked by a match of constant statements, and the value is bound.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod settings_store {
    use super::*;
    use dadbs_sdk::sql;

    #[table(name = "settings")]
    struct Settings {
        #[key]
        account: String,
        #[default("'en'")]
        language: String,
        #[default("'light'")]
        theme: String,
        #[default("''")]
        email: String,
        #[check("version > 0")]
        version: i64,
    }

    #[error]
    enum SettingError {
        /// There is no such setting.
        Unknown { name: String },
        /// A value has at most 64 letters.
        TooLong,
        /// Call `begin` first.
        NoRow,
    }

    const RESET: &str = concat!(
        "UPDATE settings SET language = 'en', theme = 'light', email = '', ",
        "version = version + 1 WHERE account = ?"
    );

    #[init]
    fn init() {}

    #[call]
    fn begin(ctx: &Context) -> Result<(), Refusal> {
        ctx.db.settings().insert(&Settings {
            account: ctx.caller.clone(),
            language: "en".into(),
            theme: "light".into(),
            email: String::new(),
            version: 1,
        })
    }

    /// Sets one of the caller's settings.
    #[call]
    fn set(ctx: &Context, name: &str, value: &str) -> Result<(), Refusal> {
        if value.len() > 64 {
            return Err(SettingError::TooLong.into());
        }
        let text = match name {
            "language" => "UPDATE settings SET language = ? WHERE account = ?",
            "theme" => "UPDATE settings SET theme = ? WHERE account = ?",
            "email" => "UPDATE settings SET email = ? WHERE account = ?",
            _ => return Err(SettingError::Unknown { name: name.into() }.into()),
        };
        match sql::exec(text, params![value, ctx.caller])? {
            0 => Err(SettingError::NoRow.into()),
            _ => Ok(()),
        }
    }

    #[call]
    fn reset(ctx: &Context) -> Result<(), Refusal> {
        if sql::exec(RESET, params![ctx.caller])? == 0 {
            return Err(SettingError::NoRow.into());
        }
        Ok(())
    }

    #[call]
    fn forget(ctx: &Context) -> Result<bool, Refusal> {
        ctx.db.settings().delete(&ctx.caller)
    }

    #[view]
    fn get(ctx: &Context, account: &str) -> Result<Option<Settings>, Refusal> {
        ctx.db.settings().get(account)
    }
}
