//! What contract code reaches of the chain: its own database, and the facts of the call.

use super::query::Contract;
use crate::context::Context;
use dadbs_store::View;
use dadbs_types::limits::{WASM_EVENT_BYTES_MAX, WASM_EVENTS_MAX};
use dadbs_types::{AccountAddress, Code, Error, Event, GasMeter, Value};
use dadbs_vm::{Answer, Host};

/// The host of a call, which may write.
pub(super) struct CallHost<'a, 'b> {
    context: &'a mut Context<'b>,
    contract: &'a Contract,
    caller: AccountAddress,
}

impl<'a, 'b> CallHost<'a, 'b> {
    pub(super) fn new(
        context: &'a mut Context<'b>,
        contract: &'a Contract,
        caller: AccountAddress,
    ) -> CallHost<'a, 'b> {
        CallHost { context, contract, caller }
    }
}

/// What an attribute takes beside its texts, in bytes: an event of empty texts is not for nothing.
const ATTRIBUTE_BYTES: usize = 16;

/// An event as [`WASM_EVENT_BYTES_MAX`] counts it.
fn event_bytes(event: &Event) -> usize {
    event.attributes.iter().fold(event.kind.len(), |sum, (key, value)| {
        sum.saturating_add(ATTRIBUTE_BYTES).saturating_add(key.len()).saturating_add(value.len())
    })
}

/// The row that `context()` answers.
fn facts(
    contract: &Contract,
    caller: Option<AccountAddress>,
    height: u64,
    time_ms: i64,
    chain_id: &str,
    tx_hash: &[u8],
) -> Vec<Value> {
    vec![
        Value::Integer(i64::try_from(height).unwrap_or(i64::MAX)),
        Value::Integer(time_ms),
        Value::Text(chain_id.into()),
        Value::Blob(tx_hash.to_vec()),
        Value::Text(caller.map(|caller| caller.to_string()).unwrap_or_default()),
        Value::Text(contract.name.clone()),
        Value::Text(contract.address.to_string()),
    ]
}

fn encode(columns: &[String], rows: &[Vec<Value>]) -> Vec<u8> {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    Answer::encode(&columns, rows)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Host for CallHost<'_, '_> {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>, Error> {
        let context = &self.context;
        Ok(facts(
            self.contract,
            Some(self.caller),
            context.block.height,
            context.block.time_ms(),
            context.chain_id,
            &context.tx_hash,
        ))
    }

    fn sql_inspect(
        &mut self,
        sql: &str,
        gas: &mut GasMeter,
    ) -> Result<Vec<(String, String)>, Error> {
        self.context.store.inspect(self.contract.id, sql, gas)
    }

    fn sql_query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        gas: &mut GasMeter,
    ) -> Result<Answer, Error> {
        let found = self.context.store.query_user(self.contract.id, sql, parameters, gas)?;
        let result = encode(&found.columns, &found.rows);
        Ok(Answer { number: number(found.rows.len()), result })
    }

    fn sql_exec(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
        gas: &mut GasMeter,
    ) -> Result<Answer, Error> {
        let done = self.context.store.exec(self.contract.id, sql, rows, gas)?;
        let result =
            if done.columns.is_empty() { Vec::new() } else { encode(&done.columns, &done.rows) };
        Ok(Answer { number: u32::try_from(done.changes).unwrap_or(u32::MAX), result })
    }

    fn emit(
        &mut self,
        kind: &str,
        attributes: &[(String, String)],
        _: &mut GasMeter,
    ) -> Result<(), Error> {
        let events: &mut Vec<Event> = self.context.events;
        let mut event = Event::new(format!("wasm.{kind}")).with("contract", &self.contract.name);
        event.attributes.extend(attributes.iter().cloned());
        let total = events.iter().map(event_bytes).fold(event_bytes(&event), usize::saturating_add);
        if events.len() >= WASM_EVENTS_MAX || total > WASM_EVENT_BYTES_MAX {
            return Err(Error::rejected(
                Code::WasmHost,
                format!(
                    "a transaction emits at most {WASM_EVENTS_MAX} events of {WASM_EVENT_BYTES_MAX} bytes together"
                ),
            ));
        }
        events.push(event);
        Ok(())
    }

    fn log(&mut self, line: &str) {
        tracing::debug!(contract = self.contract.name, "{line}");
    }
}

/// The host of a view, which reads a committed height.
pub(super) struct ViewHost<'a> {
    pub(super) view: &'a mut View,
    pub(super) contract: &'a Contract,
    pub(super) caller: Option<AccountAddress>,
    pub(super) chain_id: &'a str,
}

impl ViewHost<'_> {
    fn refuse(what: &str) -> Error {
        Error::rejected(Code::WasmReadOnly, format!("a view may not {what}"))
    }
}

impl Host for ViewHost<'_> {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>, Error> {
        let (height, time_ms) = (self.view.height(), self.view.time_ms());
        Ok(facts(self.contract, self.caller, height, time_ms, self.chain_id, &[]))
    }

    fn sql_inspect(&mut self, _: &str, _: &mut GasMeter) -> Result<Vec<(String, String)>, Error> {
        Err(Self::refuse("inspect statements: it needs none, reads are public"))
    }

    fn sql_query(
        &mut self,
        sql: &str,
        parameters: &[Value],
        gas: &mut GasMeter,
    ) -> Result<Answer, Error> {
        let found = self.view.query_for_gas(self.contract.id, sql, parameters, gas)?;
        let result = encode(&found.columns, &found.rows);
        Ok(Answer { number: number(found.rows.len()), result })
    }

    fn sql_exec(&mut self, _: &str, _: &[Vec<Value>], _: &mut GasMeter) -> Result<Answer, Error> {
        Err(Self::refuse("write"))
    }

    fn emit(&mut self, _: &str, _: &[(String, String)], _: &mut GasMeter) -> Result<(), Error> {
        Err(Self::refuse("emit events"))
    }

    fn log(&mut self, line: &str) {
        tracing::debug!(contract = self.contract.name, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_attributes_fill_the_bytes_of_events_too() {
        let mut event = Event::new("wasm.x");
        event.attributes.extend((0..6_500).map(|_| (String::new(), String::new())));
        assert!(event_bytes(&event) > WASM_EVENT_BYTES_MAX);
        assert_eq!(event_bytes(&Event::new("wasm.x").with("ab", "c")), 6 + 16 + 3);
    }
}
