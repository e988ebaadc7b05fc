//! What a statement costs, part by part, before it is sent.
//!
//! 1. The statement runs in a block that is dropped, as `dadbs.sql.v1.MsgExec` would run it for `sender`.
//! 2. Parts: the transaction itself (bytes, signature, its rows, what changes for storage rent), the contract around the statement
//!    (permission checks, instructions), and the statement's own counts.
//! 3. The gas of the parts is the gas of the whole.

use crate::execute::BlockContext;
use crate::messages::{address, values};
use dadbs_modules::contract::{self, Statement};
use dadbs_modules::rent;
use dadbs_proto::dadbs::sql::v1::explain_response::Part;
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, ExplainResponse};
use dadbs_types::gas::price;
use dadbs_types::limits::TX_GAS_MAX;
use dadbs_types::{AccountAddress, Error, GasMeter};
use prost::Message;

/// Bytes of a transaction besides its message: signature, key, fee and lengths.
const ENVELOPE_BYTES: u64 = 230;

/// Answers `dadbs.sql.v1.Query/Explain` inside a block that the caller drops.
pub(crate) fn explain(
    context: &mut BlockContext<'_>,
    request: &ExplainRequest,
) -> Result<ExplainResponse, Error> {
    let statement = request.statement.clone().unwrap_or_default();
    let rows: Vec<_> = statement.rows.iter().map(|row| values(&row.values)).collect();
    let contract = contract::require(context.store, &request.database)?;

    let mut gas = GasMeter::new(TX_GAS_MAX);
    let sender = address(&request.sender)?;
    let access = contract::row_access(context.store, &contract, Some(sender))?;
    context.store.begin_tx([0; 32])?;
    let access = access.as_ref();
    let (done, sql) =
        context.store.explain(contract.id, &statement.sql, &rows, access, &mut gas)?;
    context.store.rollback_tx()?;

    let (around, storage) =
        around(context, request, sender, Statement { sql: statement.sql, rows })?;
    let bytes = ENVELOPE_BYTES.saturating_add(request.encoded_len() as u64);
    let mut parts = vec![
        part("transaction byte", bytes, price::TX_BYTE),
        part("signature", 1, price::SIGNATURE),
        part("transaction", 1, price::TX_BASE),
        part("contract", around.saturating_sub(sql.gas()), 1),
        part("row of storage rent", storage / price::ROW_WRITE, price::ROW_WRITE),
    ];
    // A written row's gas depends on its bytes: its price is the mean, rounded down.
    parts.extend(sql.table().into_iter().map(|(name, count, gas)| Part {
        gas,
        ..part(name, count, gas.checked_div(count).unwrap_or(0))
    }));
    parts.retain(|part| part.count > 0);
    let gas = parts.iter().fold(0u64, |sum, part| sum.saturating_add(part.gas));
    Ok(ExplainResponse { parts, gas, changes: done.changes })
}

fn part(name: &str, count: u64, price: u64) -> Part {
    Part { name: name.into(), count, price, gas: count.saturating_mul(price) }
}

/// The gas of the call, statement included, and of what it changes for storage rent.
fn around(
    context: &mut BlockContext<'_>,
    request: &ExplainRequest,
    sender: AccountAddress,
    statement: Statement,
) -> Result<(u64, u64), Error> {
    let mut gas = GasMeter::new(TX_GAS_MAX);
    context.store.begin_tx([0; 32])?;
    let mut events = Vec::new();
    let mut call = context.context([0; 32], &mut gas, &mut events);
    let called = contract::sql_exec(&mut call, sender, &request.database, &[statement]);
    let used = call.gas.used();
    let called = called.and_then(|_| rent::check_writes(&mut call));
    if !matches!(called, Err(Error::Fatal(_))) {
        context.store.rollback_tx()?;
    }
    called?;
    Ok((used, gas.used().saturating_sub(used)))
}
