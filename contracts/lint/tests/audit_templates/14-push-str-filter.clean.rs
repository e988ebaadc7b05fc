// class: built-sql; from: filter text is appended to a statement in a helper
#![cfg_attr(target_arch = "wasm32", no_std)]

use dadbs_sdk::prelude::*;

#[contract]
mod registry {
    use super::*;

    #[table(name = "__TABLE1__")]
    struct __STRUCT1__ {
        #[key]
        name: String,
        owner: String,
        #[index]
        __FIELD1__: String,
        #[index]
        __FIELD2__: String,
    }

    #[init]
    fn init() {}

    /// Enters a name for the caller.
    #[call]
    fn __CALL1__(
        ctx: &Context,
        name: String,
        __FIELD1__: String,
        __FIELD2__: String,
    ) -> Result<(), Refusal> {
        let owner = ctx.caller.clone();
        ctx.db.__TABLE1__().insert(&__STRUCT1__ { name, owner, __FIELD1__, __FIELD2__ })
    }

    /// Adds a condition if there is something to look for.
    fn __HELPER1__<'a>(
        text: &mut String,
        values: &mut Vec<ValueRef<'a>>,
        column: &'static str,
        wanted: Option<&'a str>,
    ) {
        if let Some(wanted) = wanted {
            text.push_str(" AND ");
            text.push_str(column);
            text.push_str(" = ?");
            values.push(ValueRef::Text(wanted));
        }
    }

    /// At most 50 entries; what is NULL is not looked for.
    #[view]
    fn __CALL2__(first: Option<&str>, second: Option<&str>) -> Result<Table, Refusal> {
        let mut __VAR1__ = String::from("SELECT name, owner FROM __TABLE1__ WHERE name <> ''");
        let mut values = Vec::new();
        __HELPER1__(&mut __VAR1__, &mut values, "__FIELD1__", first);
        __HELPER1__(&mut __VAR1__, &mut values, "__FIELD2__", second);
        __VAR1__.push_str(" ORDER BY name LIMIT 50");
        Ok(sql::query(&__VAR1__, &values)?)
    }
}
