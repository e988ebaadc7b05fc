//! Rules of tables: what runs when a statement has changed rows.
//!
//! 1. After each statement of INSERT, UPDATE or DELETE, whoever wrote it, the net changes of its rows
//!    are taken by table: those of cascades and of REPLACE too. Nothing runs inside the engine.
//! 2. First `validate_<table>` of every table sees the rows that are new; then `on_insert_`, `on_update_` and
//!    `on_delete_` run, table by table in the order of their names.
//! 3. A rule is a call of the contract itself with the statement's caller and gas, without row access;
//!    `validate_` may not write. What `on_...` writes is a statement with rules of its own, up to
//!    `CALL_DEPTH_MAX`.
//! 4. If a rule fails, the statement is undone with all that followed from it and is rejected as
//!    `SqlRule`, with what the rule said. Out of gas ends the transaction.
//! 5. Rows are handed over in pieces of `RULE_BATCH_BYTES_MAX` bytes, in the format of `dadbs_abi`, rule 8.

use super::host::{CallHost, Frame};
use super::keeper::run;
use super::rules::TABLE_RULES;
use dadbs_store::{ChangedRow, Executed};
use dadbs_types::gas::price;
use dadbs_types::limits::RULE_BATCH_BYTES_MAX;
use dadbs_types::value::encode_rows;
use dadbs_types::{Code, Error, GasMeter, Rejection, Value};
use dadbs_vm::Access;
use std::collections::BTreeSet;

impl CallHost<'_, '_> {
    /// A statement with the rules of its tables.
    pub(super) fn exec(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
        gas: &mut GasMeter,
    ) -> Result<Executed, Error> {
        let (id, access) = (self.contract.id, self.held_to());
        if !self.rules.watches() && !self.rules.protects() {
            return self.context.store.exec_as(id, sql, rows, access.as_ref(), gas);
        }
        self.savepoint(gas, |host, gas| {
            let mark = host.context.store.mark()?;
            let done = host.context.store.exec_as(id, sql, rows, access.as_ref(), gas)?;
            if !done.schema_change {
                host.run_rules(mark, gas)?;
            } else if let Some(access) =
                host.rules.row_access(None).filter(|_| !host.frame.is_setup)
            {
                // A predicate whose names are gone would take those of the statement around it.
                host.context.store.check_row_access(id, &access, true, gas)?;
            }
            Ok(done)
        })
    }

    /// Rules 1 and 2.
    fn run_rules(&mut self, mark: usize, gas: &mut GasMeter) -> Result<(), Error> {
        let rules = self.rules;
        let watched = |table: &str| rules.watches_table(table);
        let changed = self.context.store.changed_rows(self.contract.id, mark, &watched)?;
        let tables: BTreeSet<&str> = changed.iter().map(|row| row.table.as_str()).collect();
        let (first, later) = TABLE_RULES.split_at(1);
        for kinds in [first, later] {
            for table in &tables {
                for kind in kinds {
                    let Some(export) = rules.of_table(kind, table) else { continue };
                    let rows = changed.iter().filter(|row| row.table == **table);
                    let rows: Vec<&ChangedRow> = rows.filter(|row| concerns(kind, row)).collect();
                    self.run_rule(kind, table, export, &rows, gas)?;
                }
            }
        }
        Ok(())
    }

    /// Rules 3 to 5.
    fn run_rule(
        &mut self,
        kind: &str,
        table: &str,
        export: &str,
        mut rows: &[&ChangedRow],
        gas: &mut GasMeter,
    ) -> Result<(), Error> {
        while !rows.is_empty() {
            let mut bytes = 0;
            let fits = rows.iter().take_while(|row| {
                bytes += row.bytes;
                bytes <= RULE_BATCH_BYTES_MAX as u64
            });
            let (piece, rest) = rows.split_at(fits.count().max(1));
            rows = rest;
            let bytes = piece.iter().map(|row| row.bytes).fold(0, u64::saturating_add);
            gas.charge_times(price::ROW_READ, piece.len() as u64)?;
            gas.charge_times(price::ROW_READ_BYTE, bytes)?;
            let mut path = self.frame.path.clone();
            path.push(self.contract.id);
            let access = if kind == "validate" { Access::Read } else { Access::Write };
            let coins = Vec::new();
            let frame = Frame { coins, path, access, row_access: false, ..self.frame.clone() };
            let input = input(kind, piece);
            run(self.context, self.contract, frame, export, &input, gas)
                .map_err(|error| refused(kind, table, error))?;
        }
        Ok(())
    }
}

/// Whether a rule of this kind is shown the row.
fn concerns(kind: &str, row: &ChangedRow) -> bool {
    match kind {
        "validate" => row.new.is_some(),
        "on_insert" => row.old.is_none() && row.new.is_some(),
        "on_update" => row.old.is_some() && row.new.is_some(),
        _ => row.old.is_some() && row.new.is_none(),
    }
}

/// Rule 5.
fn input(kind: &str, rows: &[&ChangedRow]) -> Vec<u8> {
    let verb = kind.strip_prefix("on_").unwrap_or(kind);
    let count = i64::try_from(rows.len()).unwrap_or(i64::MAX);
    let head = vec![verb.into(), Value::Integer(count)];
    let side = |side: &Option<Vec<Value>>| side.clone().unwrap_or_default();
    let pairs = rows.iter().flat_map(|row| [side(&row.old), side(&row.new)]);
    encode_rows(&std::iter::once(head).chain(pairs).collect::<Vec<_>>())
}

/// Rule 4.
fn refused(kind: &str, table: &str, error: Error) -> Error {
    match error {
        Error::Rejected(rejection) if rejection.code != Code::OutOfGas => {
            let said = rejection.agreed_text().to_owned();
            let text = format!("{kind} of {table}: {}", rejection.message);
            Rejection::new(Code::SqlRule, text).saying(said).into()
        }
        other => other,
    }
}
