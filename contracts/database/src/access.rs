//! Who may do what: the rules 1, 2 and 5 of the crate.

use crate::schema::{self, OWN_PREFIX};
use crate::{plain, roles};
use dadbs_sdk::prelude::*;

/// What a grant allows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verb(&'static str);

/// The verbs, and how a sentence puts them before a table.
const VERBS: [(&str, &str); 8] = [
    ("select", "select from"),
    ("insert", "insert into"),
    ("update", "update"),
    ("delete", "delete from"),
    ("create", "create"),
    ("alter", "alter"),
    ("drop", "drop"),
    ("all", "do everything to"),
];

impl Verb {
    /// The verb of this name.
    pub(crate) fn parse(name: &str) -> Result<Verb, Refusal> {
        let known = VERBS.iter().find(|(verb, _)| verb.eq_ignore_ascii_case(name));
        known.map(|(verb, _)| Verb(verb)).ok_or_else(|| {
            Refusal::new(format!(
                "\"{name}\" is not a verb; use select, insert, update, delete, create, alter, drop or all"
            ))
        })
    }

    /// The name.
    pub(crate) fn name(self) -> &'static str {
        self.0
    }
}

/// An address and what it may do.
pub(crate) struct Caller {
    address: String,
    is_owner: bool,
    /// (verb, table) of every grant held; empty for the owner, who needs none.
    grants: Table,
}

impl Caller {
    /// The caller of this call.
    pub(crate) fn load() -> Result<Caller, Refusal> {
        let now = context();
        Caller::at(now.caller, now.height, now.time_ms)
    }

    /// Any address.
    pub(crate) fn of(address: String) -> Result<Caller, Refusal> {
        let now = context();
        Caller::at(address, now.height, now.time_ms)
    }

    /// What an address holds at a height and block time.
    fn at(address: String, height: i64, time_ms: i64) -> Result<Caller, Refusal> {
        let grants = sql::query(schema::HELD, params![address, height, time_ms])?;
        let is_owner = grants.first(1) == Some(ValueRef::Text(&address));
        Ok(Caller { address, is_owner, grants })
    }

    /// The caller, who must be the owner to use this entry point.
    pub(crate) fn owner(entry: &str) -> Result<Caller, Refusal> {
        let caller = Caller::load()?;
        if caller.is_owner {
            return Ok(caller);
        }
        let owner = caller.grants.first(1).and_then(ValueRef::text).unwrap_or_default();
        Err(Refusal::new(format!(
            "permission denied: {} may not call {entry}; only the owner {owner} may",
            caller.address
        )))
    }

    /// The address.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// True if it may do this to the table.
    pub(crate) fn may(&self, verb: &str, table: &str) -> bool {
        self.is_owner
            || self.grants.rows().skip(1).any(|row| match row[..] {
                [ValueRef::Text(granted), ValueRef::Text(on)] => {
                    (granted == "all" || granted == verb)
                        && (on == "*" || on.eq_ignore_ascii_case(table))
                }
                _ => false,
            })
    }

    /// Runs a statement once per row of parameters, if the rules allow it: the number of changed rows,
    /// or `None` if the list of rows is empty and nothing ran.
    pub(crate) fn exec(&self, sql: &str, rows: Option<&[u8]>) -> Result<Option<u32>, Refusal> {
        self.permit(sql)?;
        Ok(match rows {
            // The host would run the statement once for an empty list.
            Some([0, 0, 0, 0]) => None,
            Some(rows) => Some(sql::exec_encoded(sql, rows)?), // lint: allow(built-sql): the caller's own text, permitted before
            None => Some(sql::exec(sql, &[])?), // lint: allow(built-sql): the caller's own text, permitted before
        })
    }

    fn permit(&self, sql: &str) -> Result<(), Refusal> {
        // A name cannot be spelled without its letters: SQL has no escapes in names. So a text
        // without the prefix names no table of the contract, and everything else is the owner's right.
        let names_own = contains_ignore_case(sql, OWN_PREFIX);
        if !names_own {
            if self.is_owner {
                return Ok(());
            }
            if let Some(table) = plain::insert_target(sql) {
                return self.require("insert", table);
            }
        }
        let inspection = sql::inspect(sql)?;
        for (verb, table) in inspection.accesses() {
            let own = contains_ignore_case(table, OWN_PREFIX) && verb != "select";
            let schema = matches!(verb, "create" | "alter" | "drop");
            if own || (names_own && schema) {
                return Err(Refusal::new(format!(
                    "tables whose name begins with {OWN_PREFIX} belong to the database itself: read them \
                     with SELECT, change them with grant, revoke, create_role and the like"
                )));
            }
            self.require(verb, table)?;
        }
        Ok(())
    }

    fn require(&self, verb: &str, table: &str) -> Result<(), Refusal> {
        if self.may(verb, table) {
            return Ok(());
        }
        let phrase =
            VERBS.iter().find(|(name, _)| *name == verb).map_or(verb, |(_, phrase)| phrase);
        let address = &self.address;
        Err(Refusal::new(format!(
            "permission denied: {address} may not {phrase} {table}; the owner can grant it: \
             grant('{address}', '{verb}', '{table}')"
        )))
    }
}

/// True if `text` contains the ASCII `part` in any case.
fn contains_ignore_case(text: &str, part: &str) -> bool {
    text.as_bytes().windows(part.len()).any(|window| window.eq_ignore_ascii_case(part.as_bytes()))
}

/// The last height and the last block time in milliseconds at which a grant holds.
#[derive(Clone, Copy)]
pub(crate) struct Until {
    pub(crate) height: Option<i64>,
    pub(crate) time_ms: Option<i64>,
}

/// Adds a grant, or sets until when one holds.
pub(crate) fn grant(
    caller: &Caller,
    grantee: &str,
    verb: Verb,
    table: &str,
    until: Until,
) -> Result<(), Refusal> {
    roles::check_member(grantee, true)?;
    let now = context();
    let past = |until: Option<i64>, now: i64| until.is_some_and(|until| until < now);
    if past(until.height, now.height) || past(until.time_ms, now.time_ms) {
        return Err(Refusal::new(format!(
            "the grant would be over already: this is height {}, and {} ms since 1970",
            now.height, now.time_ms
        )));
    }
    let table = table.to_ascii_lowercase();
    if table.is_empty() {
        return Err("a grant names a table, or * for every table".into());
    }
    if table.starts_with(OWN_PREFIX) && verb.name() != "select" {
        return Err(Refusal::new(format!(
            "tables whose name begins with {OWN_PREFIX} cannot be changed, so only select can be granted"
        )));
    }
    sql::exec(
        "INSERT INTO _dadbs_grants (grantee, verb, \"table\", granted_by, until_height, until_ms) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET granted_by = ?4, \
         until_height = ?5, until_ms = ?6",
        params![grantee, verb.name(), table, caller.address, until.height, until.time_ms],
    )?;
    emit("grant", &[("grantee", grantee), ("verb", verb.name()), ("table", &table)]);
    Ok(())
}

/// Removes a grant.
pub(crate) fn revoke(grantee: &str, verb: Verb, table: &str) -> Result<(), Refusal> {
    let table = table.to_ascii_lowercase();
    let removed = sql::exec(
        "DELETE FROM _dadbs_grants WHERE grantee = ?1 AND verb = ?2 AND \"table\" = ?3",
        params![grantee, verb.name(), table],
    )?;
    if removed == 0 {
        return Err(Refusal::new(format!(
            "{grantee} holds no grant of {} on {table}; the view grants lists what is held",
            verb.name()
        )));
    }
    emit("revoke", &[("grantee", grantee), ("verb", verb.name()), ("table", &table)]);
    Ok(())
}
