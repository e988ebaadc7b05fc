//! Pauses in an emergency.
//!
//! State: `chain.pauses(scope, ends, by)`, `ends` in milliseconds since 1970; `chain.guardians(address,
//! emergency)`, `emergency` being when its last one began, 0 for never.
//!
//! Messages: `dadbs.circuit.v1.{MsgPause, MsgResume}`, by governance or a guardian; `MsgSetGuardian`, by
//! governance.
//!
//! Events: `circuit.pause(scope, ends, by)`, `circuit.resume(scope, by)`, `circuit.expire(scope)`.
//!
//! 1. A scope is `message:<type url>`, `contract:<name>`, or `contracts` for all of them.
//! 2. Every pause has an end, and ends by itself at the beginning of the first block that is not before it.
//! 3. A guardian's first pause begins an emergency of `circuit.guardian_period`, in which all of its pauses end. Then
//!    it pauses nothing for `circuit.guardian_rest`, in which governance may decide: so nothing stays paused by it for
//!    ever, also not by other scopes in turn. It does not pause what is paused already, and ends its own pauses only.
//!    Governance pauses for as long as it says, longer or shorter than before, and ends any.
//! 4. Never paused: the messages of governance, of parameters, upgrades, pauses and faults, and what releases a
//!    validator from jail.
//! 5. A paused message is refused wherever it is routed, but not in a proposal that has passed; a paused contract is
//!    refused whoever calls it, and its schedules wait. Its admin may still migrate it, and everybody read it.

use crate::context::{Rows, Table, integer};
use crate::gov;
use crate::params::{self, Param};
use dadbs_store::Store;
use dadbs_types::limits::PAUSES_MAX;
use dadbs_types::{AccountAddress, BlockInfo, Code, Error, Event, Fatal, Value};

const PAUSES: Table = Table("chain.pauses");

/// The module's tables.
pub const SCHEMA: &[&str] = &[
    "CREATE TABLE chain_pauses (
        scope TEXT NOT NULL PRIMARY KEY,
        ends INTEGER NOT NULL,
        by TEXT NOT NULL
    ) STRICT, WITHOUT ROWID",
    "CREATE TABLE chain_guardians (
        address TEXT NOT NULL PRIMARY KEY,
        emergency INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID",
];

/// Types of messages that stay open whatever happens (rule 4).
const OPEN: &[&str] = &[
    "/cosmos.consensus.v1.",
    "/cosmos.gov.v1.",
    "/cosmos.upgrade.v1beta1.",
    "/dadbs.circuit.v1.",
    "/dadbs.gov.v1.",
    "/dadbs.params.v1.",
    "/dadbs.slashing.v1.",
];
/// The message by which a validator leaves jail (rule 4).
const UNJAIL: &str = "/cosmos.slashing.v1beta1.MsgUnjail";

/// One pause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pause {
    /// What is paused (rule 1).
    pub scope: String,
    /// Its end, milliseconds since 1970.
    pub ends: u64,
    /// Who set it.
    pub by: String,
}

fn refuse(message: String) -> Error {
    Error::rejected(Code::InvalidPause, message)
}

/// Makes the module's tables.
pub fn init(store: &mut Store) -> Result<(), Fatal> {
    SCHEMA.iter().try_for_each(|sql| store.execute(sql, &[]).map(drop))
}

/// Refuses a scope that is none, or never paused (rules 1 and 4).
pub fn check_scope(scope: &str) -> Result<(), Error> {
    if let Some(url) = scope.strip_prefix("message:") {
        if url == UNJAIL || OPEN.iter().any(|open| url.starts_with(open)) {
            return Err(refuse(format!("{url} is never paused")));
        }
        if url.starts_with('/') && url.len() <= 128 {
            return Ok(());
        }
    }
    let is_contract = scope
        .strip_prefix("contract:")
        .is_some_and(|name| crate::contract::check_name(name).is_ok());
    if scope == "contracts" || is_contract {
        return Ok(());
    }
    Err(refuse(format!(
        "\"{}\" is no scope: write message:/a.type.url, contract:a_name, or contracts",
        scope.escape_debug()
    )))
}

/// Makes an account the guardian, which has paused nothing yet, and the one before it none; without an account there
/// is none.
pub fn set_guardian(store: &mut Store, guardian: Option<AccountAddress>) -> Result<(), Fatal> {
    store.execute("DELETE FROM chain_guardians", &[])?;
    if let Some(guardian) = guardian {
        let address = Value::Text(guardian.to_string());
        store.execute(
            "INSERT INTO chain_guardians (address, emergency) VALUES (?1, 0)",
            &[&address],
        )?;
    }
    Ok(())
}

/// The guardian, if there is one.
pub fn guardian(rows: &impl Rows) -> Result<Option<String>, Fatal> {
    let found = rows.rows("SELECT address FROM chain_guardians", &[])?;
    found.first().map(|row| Table("chain.guardians").text(row, 0)).transpose()
}

fn check_authority(rows: &impl Rows, by: AccountAddress) -> Result<(), Error> {
    if by == gov::authority() || guardian(rows)? == Some(by.to_string()) {
        return Ok(());
    }
    let message = format!("{by} is neither governance nor the guardian");
    Err(Error::rejected(Code::Unauthorized, message))
}

/// The pause of a scope, if it is paused.
pub fn pause_of(rows: &impl Rows, scope: &str) -> Result<Option<Pause>, Fatal> {
    let found = rows.rows(
        "SELECT scope, ends, by FROM chain_pauses WHERE scope = ?1",
        &[&Value::Text(scope.into())],
    )?;
    found.first().map(|row| read(row)).transpose()
}

fn read(row: &[Value]) -> Result<Pause, Fatal> {
    let (scope, by) = (PAUSES.text(row, 0)?, PAUSES.text(row, 2)?);
    Ok(Pause { scope, ends: PAUSES.count(row, 1)?, by })
}

/// All pauses in the order of their scopes; at most `PAUSES_MAX`.
pub fn pauses(rows: &impl Rows) -> Result<Vec<Pause>, Fatal> {
    let found = rows.rows("SELECT scope, ends, by FROM chain_pauses ORDER BY scope", &[])?;
    found.iter().map(|row| read(row)).collect()
}

/// Pauses a scope for some seconds (rules 2 and 3).
pub fn pause(
    store: &mut Store,
    events: &mut Vec<Event>,
    block: &BlockInfo,
    by: AccountAddress,
    scope: &str,
    seconds: u64,
) -> Result<(), Error> {
    check_authority(store, by)?;
    check_scope(scope)?;
    if seconds == 0 {
        return Err(refuse("a pause has at least one second".into()));
    }
    if by != gov::authority() {
        if let Some(pause) = pause_of(store, scope)? {
            return Err(refuse(format!("{scope} is paused already, until {} ms", pause.ends)));
        }
        check_emergency(store, block.unix_ms(), seconds)?;
    }
    let found = store.query("SELECT count(*) FROM chain_pauses", &[])?;
    let held = found.first().map_or(Ok(0), |row| PAUSES.count(row, 0))?;
    if held >= PAUSES_MAX && pause_of(store, scope)?.is_none() {
        return Err(refuse(format!("{held} pauses stand, the most there can be")));
    }
    let ends = block.unix_ms().saturating_add(seconds.saturating_mul(1_000)).min(i64::MAX as u64);
    store.execute(
        "INSERT INTO chain_pauses (scope, ends, by) VALUES (?1, ?2, ?3)
         ON CONFLICT (scope) DO UPDATE SET ends = excluded.ends, by = excluded.by",
        &[&scope.into(), &integer(ends)?, &Value::Text(by.to_string())],
    )?;
    events.push(Event::new("circuit.pause").with("scope", scope).with("ends", ends).with("by", by));
    Ok(())
}

/// What a guardian may still pause (rule 3); its first pause begins an emergency.
fn check_emergency(store: &mut Store, now: u64, seconds: u64) -> Result<(), Error> {
    let found = store.query("SELECT emergency FROM chain_guardians", &[])?;
    let began = found.first().map_or(Ok(0), |row| Table("chain.guardians").count(row, 0))?;
    let period = params::millis(store, Param::CircuitGuardianPeriod)?;
    let end = began.saturating_add(period);
    let rested = end.saturating_add(params::millis(store, Param::CircuitGuardianRest)?);
    let is_over = began == 0 || now >= rested;
    if !is_over && now >= end {
        let message =
            format!("the guardian's emergency is over: it pauses again from {rested} ms on");
        return Err(refuse(message));
    }
    let most = if is_over { period } else { end - now } / 1_000;
    if seconds > most {
        return Err(refuse(format!("the guardian pauses for at most {most} seconds now")));
    }
    if is_over {
        store.execute("UPDATE chain_guardians SET emergency = ?1", &[&integer(now)?])?;
    }
    Ok(())
}

/// Ends a pause (rule 3).
pub fn resume(
    store: &mut Store,
    events: &mut Vec<Event>,
    by: AccountAddress,
    scope: &str,
) -> Result<(), Error> {
    check_authority(store, by)?;
    let pause = pause_of(store, scope)?
        .ok_or_else(|| refuse(format!("\"{}\" is not paused", scope.escape_debug())))?;
    if by != gov::authority() && pause.by != by.to_string() {
        return Err(refuse(format!("{scope} was paused by {}, who may end it", pause.by)));
    }
    remove(store, scope)?;
    events.push(Event::new("circuit.resume").with("scope", scope).with("by", by));
    Ok(())
}

fn remove(store: &mut Store, scope: &str) -> Result<(), Fatal> {
    store.execute("DELETE FROM chain_pauses WHERE scope = ?1", &[&scope.into()])?;
    Ok(())
}

/// Ends what has come to its end (rule 2); bounded by `PAUSES_MAX`.
pub fn expire(store: &mut Store, events: &mut Vec<Event>, block: &BlockInfo) -> Result<(), Fatal> {
    for pause in pauses(store)? {
        if i64::try_from(pause.ends).is_ok_and(|ends| ends <= block.time_ms()) {
            remove(store, &pause.scope)?;
            events.push(Event::new("circuit.expire").with("scope", pause.scope));
        }
    }
    Ok(())
}

/// Refuses what is paused (rule 5).
fn check(rows: &impl Rows, scope: &str) -> Result<(), Error> {
    match pause_of(rows, scope)? {
        None => Ok(()),
        Some(pause) => {
            let message = format!("{scope} is paused until {} ms since 1970", pause.ends);
            Err(Error::rejected(Code::Paused, message))
        }
    }
}

/// Refuses a message whose type is paused (rule 5).
pub fn check_message(rows: &impl Rows, type_url: &str) -> Result<(), Error> {
    check(rows, &format!("message:{type_url}"))
}

/// Refuses a contract that is paused (rule 5).
pub fn check_contract(rows: &impl Rows, name: &str) -> Result<(), Error> {
    check(rows, "contracts")?;
    check(rows, &format!("contract:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    const GUARDIAN: AccountAddress = AccountAddress([7; 20]);

    fn store() -> Store {
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        params::init(&mut store, &BTreeMap::new()).unwrap();
        init(&mut store).unwrap();
        set_guardian(&mut store, Some(GUARDIAN)).unwrap();
        store
    }

    fn at(seconds: i64) -> BlockInfo {
        BlockInfo { height: 1, time_ns: seconds * 1_000_000_000, ..BlockInfo::default() }
    }

    fn code(result: Result<(), Error>) -> Option<Code> {
        match result {
            Ok(()) => None,
            Err(Error::Rejected(rejection)) => Some(rejection.code),
            Err(Error::Fatal(fatal)) => panic!("{fatal}"),
        }
    }

    #[test]
    fn rules_1_and_4_scopes() {
        for good in ["contracts", "contract:shop", "message:/cosmos.bank.v1beta1.MsgSend"] {
            assert_eq!(code(check_scope(good)), None, "{good}");
        }
        for bad in [
            "",
            "contract:",
            "contract:Shop",
            "message:",
            "message:x",
            "all",
            "message:/cosmos.gov.v1.MsgVote",
            "message:/cosmos.gov.v1.MsgSubmitProposal",
            "message:/dadbs.gov.v1.MsgLockedVote",
            "message:/dadbs.params.v1.MsgUpdateParams",
            "message:/cosmos.upgrade.v1beta1.MsgCancelUpgrade",
            "message:/dadbs.circuit.v1.MsgResume",
            "message:/cosmos.slashing.v1beta1.MsgUnjail",
        ] {
            assert_eq!(code(check_scope(bad)), Some(Code::InvalidPause), "{bad}");
        }
    }

    #[test]
    fn rule_2_a_pause_ends_by_itself() {
        let mut store = store();
        let events = &mut Vec::new();
        pause(&mut store, events, &at(100), GUARDIAN, "contract:shop", 60).unwrap();
        assert_eq!(code(check_contract(&store, "shop")), Some(Code::Paused));
        assert_eq!(code(check_contract(&store, "shop2")), None);
        expire(&mut store, events, &at(159)).unwrap();
        assert_eq!(code(check_contract(&store, "shop")), Some(Code::Paused));
        expire(&mut store, events, &at(160)).unwrap();
        assert_eq!(code(check_contract(&store, "shop")), None);
        assert_eq!(events.last().unwrap().kind, "circuit.expire");
    }

    #[test]
    fn rule_3_what_a_guardian_may() {
        let mut store = store();
        let events = &mut Vec::new();
        let mut by = |by, scope: &str, seconds| {
            code(pause(&mut store, &mut Vec::new(), &at(1), by, scope, seconds))
        };
        let stranger = AccountAddress([8; 20]);
        assert_eq!(by(stranger, "contracts", 60), Some(Code::Unauthorized));
        assert_eq!(by(GUARDIAN, "contracts", 259_201), Some(Code::InvalidPause));
        assert_eq!(by(GUARDIAN, "contracts", 0), Some(Code::InvalidPause));
        assert_eq!(by(GUARDIAN, "contracts", 259_200), None);
        assert_eq!(by(GUARDIAN, "contracts", 60), Some(Code::InvalidPause));
        assert_eq!(by(gov::authority(), "contracts", 9_000_000), None);
        assert_eq!(by(gov::authority(), "contract:a", u64::MAX), None);
        let refused = resume(&mut store, events, GUARDIAN, "contracts");
        assert_eq!(code(refused), Some(Code::InvalidPause));
        assert_eq!(code(resume(&mut store, events, gov::authority(), "contracts")), None);
        let gone = resume(&mut store, events, gov::authority(), "contracts");
        assert_eq!(code(gone), Some(Code::InvalidPause));
    }

    #[test]
    fn rule_3_a_guardian_cannot_go_on_for_ever() {
        const PERIOD: i64 = 259_200;
        const REST: i64 = 604_800;
        let mut store = store();
        let mut by_guardian = |time: i64, scope: &str, seconds| {
            expire(&mut store, &mut Vec::new(), &at(time)).unwrap();
            code(pause(&mut store, &mut Vec::new(), &at(time), GUARDIAN, scope, seconds))
        };
        assert_eq!(by_guardian(1_000, "contract:a", 200_000), None);
        // Another scope in the same emergency, which it does not make longer.
        assert_eq!(by_guardian(11_000, "contracts", 249_201), Some(Code::InvalidPause));
        assert_eq!(by_guardian(11_000, "contracts", 249_200), None);
        assert_eq!(by_guardian(201_000, "contract:a", 59_201), Some(Code::InvalidPause));
        assert_eq!(by_guardian(201_000, "contract:a", 59_200), None);
        for time in [1_000 + PERIOD, 1_000 + PERIOD + REST - 1] {
            for scope in ["contract:a", "contracts", "contract:b"] {
                assert_eq!(by_guardian(time, scope, 1), Some(Code::InvalidPause), "{scope}");
            }
        }
        assert_eq!(by_guardian(1_000 + PERIOD + REST, "contracts", 259_200), None);
        // Who ends its pause early has no other emergency for it.
        let time = 1_000 + 2 * (PERIOD + REST);
        assert_eq!(by_guardian(time, "contracts", 259_200), None);
        resume(&mut store, &mut Vec::new(), GUARDIAN, "contracts").unwrap();
        let again =
            pause(&mut store, &mut Vec::new(), &at(time + 9), GUARDIAN, "contracts", 259_200);
        assert_eq!(code(again), Some(Code::InvalidPause));
    }
}
