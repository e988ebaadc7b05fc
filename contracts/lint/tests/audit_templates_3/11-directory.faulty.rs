// class: 4
//! A directory of craftsmen; readers search it by what they know.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod directory {
    use super::*;

    const IDS_MAX: usize = 20;

    /// Somebody who works for others.
    #[table(name = "craftsmen")]
    struct Craftsman {
        #[key]
        account: String,
        #[index]
        trade: String,
        #[index]
        city: String,
        note: String,
        since_ms: i64,
    }

    #[error]
    enum DirectoryError {
        /// Ask for 1 to 20 accounts.
        WrongNumber,
    }

    #[init]
    fn init() {}

    /// Writes the entry of the caller.
    #[call]
    fn announce(ctx: &Context, trade: String, city: String, note: String) -> Result<(), Refusal> {
        let (account, since_ms) = (ctx.caller.clone(), ctx.time_ms);
        let entry = Craftsman { account, trade, city, note, since_ms };
        if !ctx.db.craftsmen().update(&entry)? {
            ctx.db.craftsmen().insert(&entry)?;
        }
        Ok(())
    }

    /// Removes the entry of the caller.
    #[call]
    fn leave(ctx: &Context) -> Result<bool, Refusal> {
        ctx.db.craftsmen().delete(&ctx.caller)
    }

    /// Appends a condition.
    fn condition(statement: &mut String, text: &str) {
        statement.push_str(if statement.contains(" WHERE ") { " AND " } else { " WHERE " });
        statement.push_str(text);
    }

    /// At most 50 entries of a trade, of a city, or of both.
    #[view]
    fn search(trade: Option<String>, city: Option<String>) -> Result<Table, Refusal> {
        let mut statement = String::from("SELECT account, trade, city, note FROM craftsmen");
        let mut values: Vec<ValueRef<'_>> = Vec::new();
        if let Some(trade) = &trade {
            condition(&mut statement, "trade = ?");
            values.push(ValueRef::Text(trade));
        }
        if let Some(city) = &city {
            condition(&mut statement, &["city = '", city.trim(), "'"].concat());
        }
        statement.push_str(" ORDER BY account LIMIT 50");
        Ok(sql::query(&statement, &values)?)
    }

    /// The entries of these accounts.
    #[view]
    fn of(accounts: Rest<'_>) -> Result<Table, Refusal> {
        if accounts.is_empty() || accounts.len() > IDS_MAX {
            return Err(DirectoryError::WrongNumber.into());
        }
        let marks = vec!["?"; accounts.len()].join(", ");
        let select =
            format!("SELECT account, trade, city FROM craftsmen WHERE account IN ({marks}) LIMIT 20");
        Ok(sql::query(&select, &accounts)?)
    }
}
