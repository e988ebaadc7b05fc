//! An example contract: named counters that only grow, each changed by who made it.
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod counter {
    use super::*;

    /// Makes the table.
    #[init]
    fn init() -> Result<(), Refusal> {
        let table = "CREATE TABLE counters (
            name TEXT NOT NULL PRIMARY KEY,
            creator TEXT NOT NULL,
            count INTEGER NOT NULL CHECK (count >= 0)
        ) STRICT";
        sql::exec(table, &[])?;
        Ok(())
    }

    /// Makes a counter that stands at zero; the caller alone may add to it.
    #[call]
    fn create(name: &str) -> Result<(), Refusal> {
        let creator = context().caller;
        sql::exec("INSERT INTO counters VALUES (?, ?, 0)", params![name, creator])?;
        Ok(())
    }

    /// Adds to a counter; answers where it stands.
    #[call]
    fn add(name: &str, by: u32) -> Result<i64, Refusal> {
        let statement =
            "UPDATE counters SET count = count + ? WHERE name = ? AND creator = ? RETURNING count";
        let caller = context().caller;
        if sql::exec(statement, params![by, name, caller])? == 0 {
            return Err(Refusal::new(format!(
                "{caller} has no counter \"{name}\"; make one with create(name)"
            )));
        }
        let count = sql::returned().and_then(|table| table.value().integer());
        emit("counted", &[("name", name)]);
        count.ok_or_else(|| "the new count was not returned".into())
    }

    /// Where a counter stands; NULL if there is none.
    #[view]
    fn get(name: &str) -> Result<Value, Refusal> {
        let table = sql::query("SELECT count FROM counters WHERE name = ?", params![name])?;
        Ok(table.value().to_value())
    }
}
