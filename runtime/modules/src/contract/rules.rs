//! What the chain does around a contract's own code: a function of its module, kept with the code.
//!
//! 1. Rules are rows (kind, name, text), sorted, each kind and name once: `validate`, `on_insert`,
//!    `on_update`, `on_delete` by table (lower case), with the export; `scheduled` and `payable` by
//!    export; `can_read`, `can_write` by table, with the predicate.
//! 2. Calls and rules of tables stand on top of each other up to `CALL_DEPTH_MAX`; no contract stands
//!    there twice, but for its own rules.

use dadbs_abi::section::Kind;
use dadbs_store::RowAccess;
use dadbs_types::limits::{CALL_DEPTH_MAX, PREDICATE_BYTES_MAX};
use dadbs_types::value::{decode_rows, encode_rows};
use dadbs_types::{AccountAddress, Code, Error, Fatal, Rejection, Value};
use dadbs_vm::{CodeInfo, EntryKind};
use std::collections::BTreeMap;

/// The kinds that run when rows of a table change, in the order in which they run.
pub(super) const TABLE_RULES: [&str; 4] = ["validate", "on_insert", "on_update", "on_delete"];

/// The rules of a module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rules {
    rows: BTreeMap<(String, String), String>,
}

impl Rules {
    /// The rules that a module describes (rule 1).
    pub(super) fn of(info: &CodeInfo) -> Result<Rules, Rejection> {
        let mut rules = Rules::default();
        for entry in &info.entries {
            match entry.kind {
                EntryKind::Init | EntryKind::Migrate | EntryKind::Call | EntryKind::View => {}
                EntryKind::Scheduled => rules.add("scheduled", &entry.export(), "")?,
                kind => rules.add(kind.name(), &entry.name, &entry.export())?,
            }
        }
        for row in &info.description {
            match (row.kind, row.export()) {
                (Kind::CanRead | Kind::CanWrite, _) => {
                    let predicate = row.more.first().map_or("", String::as_str);
                    if predicate.len() > PREDICATE_BYTES_MAX {
                        return Err(Rejection::new(
                            Code::WasmLimit,
                            format!(
                                "{} of {} has {} bytes; PREDICATE_BYTES_MAX is {PREDICATE_BYTES_MAX}",
                                row.kind.name(),
                                row.name.escape_debug(),
                                predicate.len()
                            ),
                        ));
                    }
                    rules.add(row.kind.name(), &row.name, predicate)?;
                }
                (_, Some(export)) if row.payable() => rules.add("payable", &export, "")?,
                _ => {}
            }
        }
        Ok(rules)
    }

    fn add(&mut self, kind: &str, name: &str, text: &str) -> Result<(), Rejection> {
        // Exports keep their case, tables have none.
        let name = if matches!(kind, "scheduled" | "payable") {
            name.to_owned()
        } else {
            name.to_ascii_lowercase()
        };
        let message = format!("{kind} of {} is there twice", name.escape_debug());
        match self.rows.insert((kind.to_owned(), name), text.to_owned()) {
            None => Ok(()),
            Some(_) => Err(Rejection::new(Code::WasmExport, message)),
        }
    }

    /// The rows, encoded; nothing for none.
    pub(super) fn encode(&self) -> Vec<u8> {
        let row = |((kind, name), text): (&(String, String), &String)| {
            [kind, name, text].map(|text| Value::from(text.as_str()))
        };
        let rows: Vec<[Value; 3]> = self.rows.iter().map(row).collect();
        if rows.is_empty() { Vec::new() } else { encode_rows(&rows) }
    }

    /// The rules of a stored code.
    pub(super) fn decode(bytes: &[u8]) -> Result<Rules, Fatal> {
        if bytes.is_empty() {
            return Ok(Rules::default());
        }
        let fault =
            |what: &str| Fatal::new(format!("chain.codes: rules: {what}: restore the store"));
        let rows = decode_rows(bytes, usize::MAX).map_err(|error| fault(&error.to_string()))?;
        let rows = rows.into_iter().map(|row| match <[Value; 3]>::try_from(row) {
            Ok([Value::Text(kind), Value::Text(name), Value::Text(text)]) => {
                Ok(((kind, name), text))
            }
            _ => Err(fault("not three texts")),
        });
        Ok(Rules { rows: rows.collect::<Result<_, _>>()? })
    }

    fn get(&self, kind: &str, name: &str) -> Option<&str> {
        if self.rows.is_empty() {
            return None;
        }
        self.rows.get(&(kind.to_owned(), name.to_owned())).map(String::as_str)
    }

    /// The export that runs for a table, if there is one.
    pub(super) fn of_table(&self, kind: &str, table: &str) -> Option<&str> {
        self.get(kind, table)
    }

    /// True if some table has a rule that runs when its rows change.
    pub(super) fn watches(&self) -> bool {
        self.rows.keys().any(|(kind, _)| TABLE_RULES.contains(&kind.as_str()))
    }

    /// True if this table has one.
    pub(super) fn watches_table(&self, table: &str) -> bool {
        TABLE_RULES.iter().any(|kind| self.get(kind, table).is_some())
    }

    /// True if the entry point takes coins.
    pub(super) fn is_payable(&self, export: &str) -> bool {
        self.get("payable", export).is_some()
    }

    /// True if the entry point may be scheduled.
    pub(super) fn is_scheduled(&self, export: &str) -> bool {
        self.get("scheduled", export).is_some()
    }

    /// True if some table has a predicate of row access.
    pub(super) fn protects(&self) -> bool {
        self.rows.keys().any(|(kind, _)| matches!(kind.as_str(), "can_read" | "can_write"))
    }

    /// What statements for this caller are held to; `None` without predicates.
    pub(super) fn row_access(&self, caller: Option<AccountAddress>) -> Option<RowAccess> {
        self.protects().then(|| RowAccess {
            can_read: self.predicates("can_read"),
            can_write: self.predicates("can_write"),
            caller: caller.map(|caller| caller.to_string()),
        })
    }

    /// The predicates of a kind, by table.
    fn predicates(&self, kind: &str) -> BTreeMap<String, String> {
        let of_kind = self.rows.iter().filter(|((of, _), _)| of == kind);
        of_kind.map(|((_, table), text)| (table.clone(), text.clone())).collect()
    }
}

/// Rule 2, as far as depth goes.
pub(super) fn check_path(path: &[u64]) -> Result<(), Error> {
    if path.len() <= CALL_DEPTH_MAX as usize {
        return Ok(());
    }
    Err(Error::rejected(
        Code::CallDepth,
        format!(
            "calls and rules of tables are nested more than CALL_DEPTH_MAX = {CALL_DEPTH_MAX} deep"
        ),
    ))
}

/// Rule 2, for a contract that another one calls.
pub(super) fn check_entered(path: &[u64], contract: u64, name: &str) -> Result<(), Error> {
    if path.contains(&contract) {
        let text = format!("{name} is being called already: a call may not come back to it");
        return Err(Error::rejected(Code::CallDepth, text));
    }
    Ok(())
}
