//! Batches: which items make a transaction, and what it costs.
//!
//! 1. A transaction holds consecutive items, at most the asked number of bytes, [`GAS_PER_TX`] of modelled
//!    gas and the limits on statements.
//! 2. Its first statement moves the progress from exactly where the batch begins to where it ends and fails
//!    if the progress is elsewhere. So transactions in flight cannot pass each other, nothing is sent
//!    twice, and progress and rows are one atomic step.
//! 3. The first batch makes the bookkeeping table, the last drops it.
//! 4. Gas is modelled from the chain's price table and the rehearsal's steps; a factor learned from
//!    simulation and from the transactions before corrects it.

use super::plan::Plan;
use super::stream::{Item, Stream};
use crate::cli::exit::Outcome;
use crate::cli::output::row_to_wire;
use dadbs_client::proto::dadbs::sql::v1::{MsgExec, Row, Statement};
use dadbs_types::gas::price;
use dadbs_types::{Value, limits};
use prost::Message;

/// Bytes of one row that a transaction can carry beside everything else.
pub(crate) const ROW_BYTES_MAX: usize = 700_000;
/// Bytes of statements in a transaction, by default.
pub(crate) const BATCH_BYTES: usize = 700_000;
/// Modelled gas of one transaction: several fit into a block.
const GAS_PER_TX: u64 = limits::TX_GAS_MAX / 5;
/// Instructions that the contract spends on a byte of parameters and on a statement.
const WASM_OPS_PER_BYTE: u64 = 6;
const HOST_CALLS_PER_STATEMENT: u64 = 2_000;

/// One transaction's worth of items.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Batch {
    /// Number of the first item.
    pub(crate) from: u64,
    /// Number of the item after the last.
    pub(crate) to: u64,
    pub(crate) statements: Vec<Statement>,
    pub(crate) rows: u64,
    /// Gas of the model, before the factor (rule 4).
    pub(crate) gas: u64,
    /// True if nothing follows.
    pub(crate) last: bool,
}

impl Batch {
    /// The message of the batch.
    pub(crate) fn message(&self, sender: &str, database: &str) -> MsgExec {
        let (sender, database) = (sender.to_owned(), database.to_owned());
        MsgExec { sender, database, statements: self.statements.clone() }
    }
}

/// The CREATE TABLE of the bookkeeping table.
pub(crate) fn create_bookkeeping(plan: &Plan) -> String {
    format!("CREATE TABLE {} (source TEXT NOT NULL, done INTEGER NOT NULL)", plan.bookkeeping)
}

fn statement(sql: String, row: &[Value]) -> Statement {
    let rows = if row.is_empty() { Vec::new() } else { vec![row_to_wire(row)] };
    Statement { sql, rows }
}

fn integer(number: u64) -> Value {
    Value::Integer(number.cast_signed())
}

/// Rules 2 and 3: the statements before the items.
fn guard(plan: &Plan, from: u64, to: u64) -> Vec<Statement> {
    let table = &plan.bookkeeping;
    let source = Value::Text(plan.source_hash.clone());
    if from == 0 {
        let insert = format!("INSERT INTO {table} (source, done) VALUES (?, ?)");
        return vec![
            statement(create_bookkeeping(plan), &[]),
            statement(insert, &[source, integer(to)]),
        ];
    }
    // NOT NULL refuses the update where the progress is not what it should be.
    let update =
        format!("UPDATE {table} SET done = CASE WHEN done = ?1 AND source = ?2 THEN ?3 END");
    vec![statement(update, &[integer(from), source, integer(to)])]
}

/// Modelled gas of a statement's row.
fn row_gas(bytes: usize, steps: u64) -> u64 {
    let bytes = bytes as u64;
    price::ROW_WRITE
        + bytes * (price::ROW_WRITE_BYTE + price::TX_BYTE + WASM_OPS_PER_BYTE * price::WASM_OP)
        + steps * price::SQL_STEP
}

/// Modelled gas of a statement before its rows.
fn statement_gas(sql: &str) -> u64 {
    price::SQL_STATEMENT
        + HOST_CALLS_PER_STATEMENT
        + (sql.len() as u64) * (price::SQL_TEXT_BYTE + price::TX_BYTE)
}

fn ddl_gas(sql: &str, steps: u64, objects: u64) -> u64 {
    statement_gas(sql)
        + price::SCHEMA_CHANGE
        + price::SCHEMA_OBJECT * objects
        + steps * price::SQL_STEP
}

/// Takes the next batch from a stream; `None` at its end. `objects` is the number of schema objects in the
/// whole store, as far as it is known.
pub(crate) fn next_batch(
    stream: &mut Stream<'_>,
    pending: &mut Option<Item>,
    bytes_max: usize,
    gas_factor: f64,
    objects: u64,
) -> Outcome<Option<Batch>> {
    let plan = stream.plan();
    let from = stream.position() - u64::from(pending.is_some());
    let gas_max = scaled(GAS_PER_TX, 1.0 / gas_factor.max(1.0));
    let base = price::SIGNATURE + price::TX_BASE + price::WASM_CALL + 3 * statement_gas("");
    let mut batch =
        Batch { from, to: from, statements: Vec::new(), rows: 0, gas: base, last: false };
    let mut bytes = 1_000;
    loop {
        let item = match pending.take() {
            Some(item) => Some(item),
            None => stream.next_item()?,
        };
        let Some(item) = item else {
            batch.last = true;
            break;
        };
        let (gas, len) = match &item {
            Item::Ddl { sql, steps } => (ddl_gas(sql, *steps, objects), sql.len() + 16),
            Item::Row { table, values, .. } => {
                let len: usize = values.iter().map(|value| value.len() + 3).sum();
                (row_gas(len, plan.tables[*table].steps_per_row), len + 6)
            }
        };
        let full = bytes + len > bytes_max
            || batch.gas + gas > gas_max
            || batch.statements.len() + 4 > limits::SQL_STATEMENTS_MAX;
        if full && batch.to > batch.from {
            *pending = Some(item);
            break;
        }
        bytes += len;
        batch.gas += gas;
        batch.to += 1;
        append(&mut batch, stream, item, &mut bytes);
    }
    if batch.to == batch.from && batch.from > 0 {
        return Ok(None);
    }
    finish(&mut batch, plan);
    Ok(Some(batch))
}

fn append(batch: &mut Batch, stream: &Stream<'_>, item: Item, bytes: &mut usize) {
    match item {
        Item::Ddl { sql, .. } => batch.statements.push(statement(sql, &[])),
        Item::Row { table, fixup, values } => {
            let sql = stream.statement_of(table, fixup);
            batch.rows += u64::from(!fixup);
            let row: Row = row_to_wire(&values);
            if let Some(last) = batch.statements.last_mut().filter(|last| last.sql == sql) {
                last.rows.push(row);
            } else {
                *bytes += sql.len() + 16;
                batch.gas += statement_gas(&sql);
                batch.statements.push(Statement { sql, rows: vec![row] });
            }
        }
    }
}

fn finish(batch: &mut Batch, plan: &Plan) {
    let mut statements = guard(plan, batch.from, batch.to);
    statements.append(&mut batch.statements);
    if batch.from == 0 {
        batch.gas += ddl_gas(&create_bookkeeping(plan), 0, 100);
    }
    if batch.last {
        let sql = format!("DROP TABLE {}", plan.bookkeeping);
        batch.gas += ddl_gas(&sql, 100, 100) + price::ROW_WRITE;
        statements.push(statement(sql, &[]));
    }
    batch.statements = statements;
}

/// Gas times a factor.
pub(crate) fn scaled(gas: u64, factor: f64) -> u64 {
    dadbs_client::grpc::adjusted(gas, factor)
}

/// What an import will cost.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Quote {
    pub(crate) transactions: u64,
    pub(crate) bytes: u64,
    pub(crate) rows: u64,
    /// Modelled gas, before the factor.
    pub(crate) gas: u64,
}

/// Adds up every batch from a position on.
pub(crate) fn quote(stream: &mut Stream<'_>, bytes_max: usize, objects: u64) -> Outcome<Quote> {
    let mut total = Quote::default();
    let mut pending = None;
    while let Some(batch) = next_batch(stream, &mut pending, bytes_max, 1.0, objects)? {
        total.transactions += 1;
        total.bytes += batch.message("", "").encoded_len() as u64 + 300;
        total.rows += batch.rows;
        total.gas += batch.gas;
        if batch.last {
            break;
        }
    }
    Ok(total)
}
