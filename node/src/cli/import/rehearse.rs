//! The rehearsal: the whole import on a scratch copy, before anything is sent.
//!
//! 1. The scratch copy is made with the node's own SQLite, foreign keys on, in the order of the import. A
//!    row that fails there is a failure of the plan with table and row.
//! 2. A view or index that cannot be made or read there is refused.
//! 3. It gives the hash of everything that is sent, and the steps that the gas model needs.

use super::plan::{Line, Plan, Verdict, fixup_sql, lower};
use super::source::{Source, parameter, rows};
use super::stream::{Fixups, rows_of};
use crate::cli::exit::{Exit, Failure, Outcome};
use dadbs_types::Value;
use dadbs_types::value::encode_row_into;
use rusqlite::{Connection, StatementStatus, params_from_iter};
use sha2::{Digest, Sha256};

/// Rehearses a drafted plan and completes it.
pub(crate) fn rehearse(source: &Source, plan: &mut Plan) -> Outcome {
    let scratch = Connection::open("")?;
    scratch.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = 1; BEGIN",
    )?;
    let mut hasher = Sha256::new();
    hasher.update(b"dadbs import 1");
    for table in &plan.tables {
        hash_text(&mut hasher, &table.create);
        scratch.execute_batch(&table.create).map_err(|e| failed("table", &table.info.name, &e))?;
    }
    for index in 0..plan.tables.len() {
        fill(source, &scratch, plan, index, &mut hasher)?;
    }
    for table in plan.tables.iter().filter(|table| !table.late.is_empty()) {
        let sql = fixup_sql(table);
        let mut statement = scratch.prepare(&sql)?;
        let mut fixups = Fixups::new(&source.connection, table);
        while let Some(parameters) = fixups.next_row()? {
            let changed = statement.execute(params_from_iter(parameters.iter().map(parameter)));
            changed.map_err(|e| failed("late foreign key of table", &table.info.name, &e))?;
        }
        hash_text(&mut hasher, &sql);
    }
    objects(&scratch, plan)?;
    for object in &plan.objects {
        hash_text(&mut hasher, &object.sql);
    }
    plan.source_hash = hex::encode(hasher.finalize());
    Ok(())
}

fn hash_text(hasher: &mut Sha256, text: &str) {
    hasher.update((text.len() as u64).to_le_bytes());
    hasher.update(text);
}

fn failed(kind: &str, name: &str, error: &rusqlite::Error) -> Failure {
    let message = format!(
        "{kind} \"{name}\" cannot be imported: {error}. Nothing was sent; correct the source, or leave the table out of a copy of it"
    );
    Failure::new(Exit::Import, message)
}

/// Copies the rows of one table.
fn fill(
    source: &Source,
    scratch: &Connection,
    plan: &mut Plan,
    index: usize,
    hasher: &mut Sha256,
) -> Outcome {
    let table = &plan.tables[index];
    let mut statement = scratch.prepare(&table.insert)?;
    let mut reader = rows_of(&source.connection, table, 0);
    let mut encoded = Vec::new();
    let mut count = 0u64;
    while let Some(row) = reader.next_row()? {
        count += 1;
        let inserted = statement.execute(params_from_iter(row.iter().map(parameter)));
        inserted.map_err(|e| failed(&format!("row {count} of table"), &table.info.name, &e))?;
        encoded.clear();
        encode_row_into(&row, &mut encoded);
        hasher.update(&encoded);
    }
    let steps = statement.get_status(StatementStatus::VmStep).unsigned_abs();
    drop(statement);
    let copied = rows(
        scratch,
        &format!("SELECT count(*) FROM {}", super::ddl::quote(&table.info.name)),
        &[],
    )?;
    if copied != [[Value::Integer(count.cast_signed())]] {
        // A conflict clause such as IGNORE or REPLACE swallowed a row.
        return Err(Failure::new(
            Exit::Import,
            format!(
                "table \"{}\" loses rows to its own conflict clauses when it is filled again",
                table.info.name
            ),
        ));
    }
    plan.tables[index].steps_per_row = u64::from(steps).div_ceil(count.max(1));
    Ok(())
}

/// Makes indexes and views (rule 2).
fn objects(scratch: &Connection, plan: &mut Plan) -> Outcome {
    let mut kept = Vec::new();
    for mut object in std::mem::take(&mut plan.objects) {
        let made = scratch.prepare(&object.sql).and_then(|mut statement| {
            statement.execute([])?;
            Ok(u64::from(statement.get_status(StatementStatus::VmStep).unsigned_abs()))
        });
        let readable = made.and_then(|steps| {
            if object.kind == "view" {
                scratch.prepare(&format!(
                    "SELECT * FROM {} LIMIT 0",
                    super::ddl::quote(&object.name)
                ))?;
            }
            Ok(steps)
        });
        match readable {
            Ok(steps) => {
                object.steps = steps;
                kept.push(object);
            }
            Err(error) => {
                let why = format!("SQLite refuses it here: {error}");
                let is_it = |line: &&mut Line| {
                    lower(&line.name) == lower(&object.name) && line.kind == object.kind
                };
                if let Some(line) = plan.report.iter_mut().find(is_it) {
                    line.verdict = Verdict::Refused(why);
                }
                scratch.execute_batch(&format!(
                    "DROP {} IF EXISTS {}",
                    object.kind,
                    super::ddl::quote(&object.name)
                ))?;
            }
        }
    }
    plan.objects = kept;
    Ok(())
}
