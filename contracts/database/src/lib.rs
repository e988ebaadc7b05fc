//! The stock contract: a SQL database with an owner, roles and grants.
//!
//! 1. The owner may run every statement. Everyone else needs a grant for each access (verb, table) of
//!    a statement: their own, one of a role that they hold, or one of `public`.
//! 2. Verbs are `select`, `insert`, `update`, `delete`, `create`, `alter`, `drop`; a grant of `all`
//!    means every verb, a grant on `*` every table. A grant is bound to the name of a table, which need
//!    not exist yet, and stays when the table is dropped. A grant may end: it holds up to and at a height, a
//!    block time, or whichever comes first. Granting again sets its end anew.
//! 3. A role is granted to addresses and to roles; roles nest at most eight deep (each the
//!    member of the next), never in a circle.
//! 4. Only the owner grants, revokes, and makes and drops roles.
//! 5. The contract's own tables begin with `_dadbs_`. Everyone may SELECT from them; no statement may
//!    change them, and none that changes the schema may name them, not even the owner's.
//! 6. `query` asks for no grant: every replica can be read by whoever runs it, so a refusal would
//!    protect nothing. A statement of `exec` does need `select` for the tables that it reads.
//! 7. A call is all or nothing: an error undoes every statement before it.
//! 8. A statement of the owner costs three host calls beside input and output: the context, the
//!    grants, the statement. Others pay one more to have the statement inspected, except for a plain
//!    `INSERT INTO name (columns) VALUES (?, ...)`, whose only access is its text.
#![cfg_attr(target_arch = "wasm32", no_std)]

mod access;
mod plain;
mod roles;
mod schema;

use dadbs_sdk::prelude::*;

#[contract]
#[allow(clippy::wildcard_imports)]
mod database {
    use super::*;
    use crate::access::{Caller, Until, Verb};
    use dadbs_sdk::address;

    /// Makes the database. Without an owner the caller owns it.
    #[init]
    fn init(owner: Option<&str>) -> Result<(), Refusal> {
        let owner = match owner {
            Some(owner) => owner.into(),
            None => context().caller,
        };
        address::check(&owner)?;
        schema::create(&owner)
    }

    /// Runs one statement, once per row of parameters, and needs the caller's grants.
    /// Answers a row with the number of changed rows and, after RETURNING, a row of column names and
    /// the rows.
    #[call]
    fn exec(sql: &str, rows: Option<&[u8]>) -> Result<Rows, Refusal> {
        let changed = Caller::load()?.exec(sql, rows)?;
        let mut output = Rows::new();
        output.push(params![changed.unwrap_or(0)]);
        if let Some(table) = changed.and_then(|_| sql::returned()) {
            output.append(&table);
        }
        Ok(output)
    }

    /// Runs statements in order: each is a TEXT and its rows of parameters, a BLOB or NULL. Answers
    /// one row per statement with the number of changed rows.
    #[call]
    #[allow(clippy::needless_pass_by_value)]
    fn batch(statements: Rest<'_>) -> Result<Rows, Refusal> {
        let caller = Caller::load()?;
        let mut output = Rows::new();
        for (index, pair) in statements.chunks(2).enumerate() {
            let (sql, rows) = match *pair {
                [ValueRef::Text(sql)] | [ValueRef::Text(sql), ValueRef::Null] => (sql, None),
                [ValueRef::Text(sql), ValueRef::Blob(rows)] => (sql, Some(rows)),
                _ => {
                    return Err(Refusal::new(format!(
                        "statement {} must be a TEXT and then a BLOB of parameter rows or NULL",
                        index + 1
                    )));
                }
            };
            let changed = caller
                .exec(sql, rows)
                .map_err(|refusal| refusal.at(&format!("statement {}", index + 1)))?;
            output.push(params![changed.unwrap_or(0)]);
        }
        Ok(output)
    }

    /// Runs a SELECT with one row of parameters. Answers a row of column names and the rows.
    #[view]
    fn query(sql: &str, params: Option<&[u8]>) -> Result<Table, Refusal> {
        // An empty row is two zero bytes.
        Ok(sql::query_encoded(sql, params.unwrap_or(&[0, 0]))?) // lint: allow(built-sql): a view runs what it is asked
    }

    /// Gives the database to another address; the caller keeps no right that was not granted.
    #[call]
    fn transfer_ownership(address: &str) -> Result<(), Refusal> {
        let caller = Caller::owner("transfer_ownership")?;
        address::check(address)?;
        schema::set_owner(address)?;
        emit("transfer_ownership", &[("from", caller.address()), ("to", address)]);
        Ok(())
    }

    /// Makes a role without members and grants.
    #[call]
    fn create_role(name: &str) -> Result<(), Refusal> {
        Caller::owner("create_role")?;
        roles::create(name)
    }

    /// Drops a role, its memberships and its grants.
    #[call]
    fn drop_role(name: &str) -> Result<(), Refusal> {
        Caller::owner("drop_role")?;
        roles::drop(name)
    }

    /// Makes an address or a role a member of a role.
    #[call]
    fn grant_role(role: &str, member: &str) -> Result<(), Refusal> {
        Caller::owner("grant_role")?;
        roles::grant(role, member)
    }

    /// Ends a membership.
    #[call]
    fn revoke_role(role: &str, member: &str) -> Result<(), Refusal> {
        Caller::owner("revoke_role")?;
        roles::revoke(role, member)
    }

    /// Grants an address, a role or public a verb (select, insert, update, delete, create, alter,
    /// drop or all) on a table or on * for every table; up to a height, or a block time in ms since
    /// 1970, if one is given.
    #[call]
    fn grant(
        grantee: &str,
        verb: &str,
        table: &str,
        until_height: Option<i64>,
        until_ms: Option<i64>,
    ) -> Result<(), Refusal> {
        let caller = Caller::owner("grant")?;
        let until = Until { height: until_height, time_ms: until_ms };
        access::grant(&caller, grantee, Verb::parse(verb)?, table, until)
    }

    /// Takes back exactly what a grant gave.
    #[call]
    fn revoke(grantee: &str, verb: &str, table: &str) -> Result<(), Refusal> {
        Caller::owner("revoke")?;
        access::revoke(grantee, Verb::parse(verb)?, table)
    }

    /// The owner's address.
    #[view]
    fn owner() -> Result<Value, Refusal> {
        Ok(sql::query(schema::OWNER, &[])?.value().to_value())
    }

    /// Who holds which grant: a row of column names, then (grantee, verb, table,
    /// `granted_by`, `until_height`, `until_ms`).
    #[view]
    fn grants() -> Result<Table, Refusal> {
        Ok(sql::query(schema::GRANTS, &[])?) // lint: allow(unbounded-scan): a view, held to the limits of reads
    }

    /// Roles and members: a row of column names, then (role, member); the member of an empty role is
    /// NULL.
    #[view]
    fn roles() -> Result<Table, Refusal> {
        Ok(sql::query(schema::ROLES, &[])?) // lint: allow(unbounded-scan): a view, held to the limits of reads
    }

    /// 1 if the address may do this to the table, otherwise 0.
    #[view]
    fn can(address: &str, verb: &str, table: &str) -> Result<bool, Refusal> {
        address::check(address)?;
        Ok(Caller::of(address.into())?.may(Verb::parse(verb)?.name(), table))
    }

    /// Moves an older database to this code.
    #[migrate]
    fn migrate() -> Result<(), Refusal> {
        schema::migrate()
    }
}
