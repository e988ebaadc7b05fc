//! What contract code reaches of the chain: its own database, and the facts of the call.

use super::keeper::run;
use super::query::{Contract, called};
use super::rules::{Rules, check_entered};
use super::schedule;
use super::view_host::held;
use crate::context::Context;
use crate::{bank, rent};
use dadbs_abi::entry;
use dadbs_store::RowAccess;
use dadbs_types::gas::price;
use dadbs_types::limits::{WASM_EVENT_BYTES_MAX, WASM_EVENTS_MAX};
use dadbs_types::{AccountAddress, Code, Coin, Error, Event, GasMeter, Value};
use dadbs_vm::{Access, Answer, Host, Schedule, Stack};

/// What is one call's own.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Who calls: an account, or the contract around.
    pub(super) caller: AccountAddress,
    /// Who signed the transaction; a contract for its own scheduled calls.
    pub(super) origin: AccountAddress,
    /// What came with the call; it is the contract's already.
    pub(super) coins: Vec<Coin>,
    /// The contracts from the outermost to this one.
    pub(super) path: Vec<u64>,
    /// Whether it may write.
    pub(super) access: Access,
    /// The logical stack that it begins with.
    pub(super) stack: Stack,
    /// Whether statements see the caller's rows only.
    pub(super) row_access: bool,
    /// True for `init` and `migrate`: what they leave is checked when they end.
    pub(super) is_setup: bool,
}

/// The host of a call.
pub(super) struct CallHost<'a, 'b> {
    pub(super) context: &'a mut Context<'b>,
    pub(super) contract: &'a Contract,
    pub(super) rules: &'a Rules,
    pub(super) frame: Frame,
}

impl<'b> CallHost<'_, 'b> {
    /// Runs `work` in a savepoint; if it is rejected, no row, coin or event of it stays.
    pub(super) fn savepoint<T>(
        &mut self,
        gas: &mut GasMeter,
        work: impl FnOnce(&mut CallHost<'_, 'b>, &mut GasMeter) -> Result<T, Error>,
    ) -> Result<T, Error> {
        gas.charge(price::SAVEPOINT)?;
        let events = self.context.events.len();
        self.context.store.savepoint()?;
        let mut inner = CallHost {
            context: &mut *self.context,
            contract: self.contract,
            rules: self.rules,
            frame: self.frame.clone(),
        };
        match work(&mut inner, gas) {
            Ok(done) => {
                self.context.store.release()?;
                Ok(done)
            }
            Err(Error::Rejected(rejection)) => {
                self.context.store.rollback_to()?;
                self.context.events.truncate(events);
                Err(rejection.into())
            }
            Err(fatal) => Err(fatal),
        }
    }

    /// The frame of a call into another contract.
    fn inner(&self, contract: &Contract, coins: &[Coin], access: Access) -> Result<Frame, Error> {
        check_entered(&self.frame.path, contract.id, &contract.name)?;
        let mut path = self.frame.path.clone();
        path.push(contract.id);
        Ok(Frame {
            caller: self.contract.address,
            coins: coins.to_vec(),
            path,
            access,
            row_access: true,
            is_setup: false,
            ..self.frame.clone()
        })
    }

    /// What statements are held to now.
    pub(super) fn held_to(&self) -> Option<RowAccess> {
        if self.frame.row_access { self.rules.row_access(Some(self.frame.caller)) } else { None }
    }

    fn pay(&mut self, to: AccountAddress, coins: &[Coin], gas: &mut GasMeter) -> Result<(), Error> {
        pay(self.context, self.contract.address, to, coins, gas)
    }
}

/// Moves coins that come with a call, or that a contract sends; none is nothing.
pub(super) fn pay(
    context: &mut Context<'_>,
    from: AccountAddress,
    to: AccountAddress,
    coins: &[Coin],
    gas: &mut GasMeter,
) -> Result<(), Error> {
    if coins.is_empty() {
        return Ok(());
    }
    let rows = (coins.len() as u64).saturating_mul(2).saturating_add(1);
    gas.charge_times(price::ROW_WRITE, rows)?;
    bank::transfer(context.store, context.events, from, to, coins)
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
pub(super) fn facts(
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

pub(super) fn encode(columns: &[String], rows: &[Vec<Value>]) -> Vec<u8> {
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    Answer::encode(&columns, rows)
}

pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

impl Host for CallHost<'_, '_> {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>, Error> {
        let context = &self.context;
        Ok(facts(
            self.contract,
            Some(self.frame.caller),
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
        let found = self.context.store.query_user(
            self.contract.id,
            sql,
            parameters,
            self.held_to().as_ref(),
            gas,
        )?;
        let result = encode(&found.columns, &found.rows);
        Ok(Answer { number: number(found.rows.len()), result })
    }

    fn sql_exec(
        &mut self,
        sql: &str,
        rows: &[Vec<Value>],
        gas: &mut GasMeter,
    ) -> Result<Answer, Error> {
        let done = self.exec(sql, rows, gas)?;
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

    fn stack(&mut self, left: Stack) {
        self.frame.stack = left;
    }

    fn invocation(&mut self, _: &mut GasMeter) -> Result<Vec<Value>, Error> {
        let frame = &self.frame;
        let mut row = vec![frame.origin.to_string().into(), frame.row_access.into()];
        for coin in &frame.coins {
            row.push(coin.denom.as_str().into());
            row.push(Value::Integer(i64::try_from(coin.amount.0).unwrap_or(i64::MAX)));
        }
        Ok(row)
    }

    fn call(
        &mut self,
        name: &str,
        entry: &str,
        arguments: &[u8],
        coins: &[Coin],
        gas: &mut GasMeter,
    ) -> Result<Vec<u8>, Error> {
        let contract = called(self.context.store, name)?;
        let frame = self.inner(&contract, coins, Access::Write)?;
        let entry = format!("{}{entry}", entry::CALL_PREFIX);
        self.savepoint(gas, |host, gas| {
            host.pay(contract.address, coins, gas)?;
            let output = run(host.context, &contract, frame, &entry, arguments, gas)?;
            rent::check_call(host.context, contract.id)?;
            Ok(output)
        })
    }

    fn view(
        &mut self,
        name: &str,
        entry: &str,
        arguments: &[u8],
        gas: &mut GasMeter,
    ) -> Result<Vec<u8>, Error> {
        let contract = called(self.context.store, name)?;
        let frame = self.inner(&contract, &[], Access::Read)?;
        let entry = format!("{}{entry}", entry::VIEW_PREFIX);
        run(self.context, &contract, frame, &entry, arguments, gas)
    }

    fn transfer(&mut self, to: &str, coins: &[Coin], gas: &mut GasMeter) -> Result<(), Error> {
        let to = to
            .parse::<AccountAddress>()
            .map_err(|error| Error::rejected(Code::InvalidAddress, error.0))?;
        bank::check_coins(coins)?;
        self.savepoint(gas, |host, gas| host.pay(to, coins, gas))
    }

    fn balance(&mut self, address: &str, denom: &str, gas: &mut GasMeter) -> Result<i64, Error> {
        held(&*self.context.store, address, denom, gas)
    }

    fn row_access(&mut self, on: bool) -> Result<(), Error> {
        self.frame.row_access = on;
        Ok(())
    }

    fn schedule(&mut self, schedule: &Schedule<'_>, gas: &mut GasMeter) -> Result<i64, Error> {
        let rules = self.rules;
        self.savepoint(gas, |host, _| schedule::add(host.context, host.contract, rules, schedule))
    }

    fn cancel(&mut self, number: i64, gas: &mut GasMeter) -> Result<(), Error> {
        self.savepoint(gas, |host, _| schedule::cancel(host.context, host.contract, number))
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
