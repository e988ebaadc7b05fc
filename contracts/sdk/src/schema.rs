//! Makes the declared tables, and brings them to another declaration (`dadbs_abi::schema`).

pub use dadbs_abi::schema::{Item, Part};

use crate::entry::Refusal;
use crate::host::{emit, gas_used};
use crate::value::{Rows, Table, ValueRef};
use crate::{params, sql};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use dadbs_abi::schema::{Class, KEPT, MIGRATION, MIGRATION_STEPS_TOLD, Step, plan};

/// Makes the tables of a new contract, or ends the call.
#[doc(hidden)]
pub fn create(new: &[Part<'_>]) {
    bring(new, false, false);
}

/// Brings the tables to what `new` declares and tells the gas of each step, or ends the call.
#[doc(hidden)]
pub fn migrate(new: &[Part<'_>], accept_losses: bool) {
    bring(new, accept_losses, true);
}

fn bring(new: &[Part<'_>], accept_losses: bool, tells_gas: bool) {
    match apply(new, accept_losses) {
        Ok(steps) if tells_gas && !steps.is_empty() => {
            let told: Vec<(&str, &str)> = steps
                .iter()
                .take(MIGRATION_STEPS_TOLD)
                .map(|(what, gas)| (what.as_str(), gas.as_str()))
                .collect();
            emit(MIGRATION, &told);
        }
        Ok(_) => {}
        Err(refusal) => refusal.end(),
    }
}

/// The steps that were taken, and the gas of each.
fn apply(new: &[Part<'_>], accept_losses: bool) -> Result<Vec<(String, String)>, Refusal> {
    let kept = format!(
        "CREATE TABLE IF NOT EXISTS {KEPT} (at INTEGER NOT NULL PRIMARY KEY, \"table\" TEXT NOT NULL, \
         item TEXT NOT NULL, name TEXT NOT NULL, definition TEXT NOT NULL) STRICT"
    );
    sql::exec(&kept, &[])?;
    let found = sql::query(
        &format!("SELECT \"table\", item, name, definition FROM {KEPT} ORDER BY at"),
        &[],
    )?;
    let steps = plan(&parts(&found), new).map_err(Refusal::new)?;
    let lost = |step: &&Step| step.class == Class::Loses;
    if !accept_losses && steps.iter().any(|step| lost(&step)) {
        let what: Vec<&str> = steps.iter().filter(lost).map(|step| step.what.as_str()).collect();
        return Err(Refusal::new(format!(
            "this would lose data: {}; pass accept_losses = 1 if that is meant",
            what.join(", ")
        )));
    }
    let mut taken = Vec::new();
    for step in &steps {
        let before = gas_used();
        for statement in &step.statements {
            sql::exec(statement, &[]).map_err(|error| Refusal::from(error).at(&step.what))?;
        }
        taken.push((step.what.clone(), (gas_used() - before).to_string()));
    }
    if !steps.is_empty() {
        keep(new)?;
    }
    Ok(taken)
}

/// The kept declaration; a row of an unknown kind is left out, as the plan would leave it.
fn parts(found: &Table) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    for row in found.rows() {
        if let [
            ValueRef::Text(table),
            ValueRef::Text(item),
            ValueRef::Text(name),
            ValueRef::Text(definition),
        ] = row[..]
            && let Some(item) = Item::of(item)
        {
            parts.push(Part { table, item, name, definition });
        }
    }
    parts
}

fn keep(new: &[Part<'_>]) -> Result<(), Refusal> {
    sql::exec(&format!("DELETE FROM {KEPT}"), &[])?;
    let mut rows = Rows::new();
    for part in new {
        rows.push(params![part.table, part.item.name(), part.name, part.definition]);
    }
    let insert =
        format!("INSERT INTO {KEPT} (\"table\", item, name, definition) VALUES (?, ?, ?, ?)");
    sql::exec_rows(&insert, &rows)?;
    Ok(())
}
