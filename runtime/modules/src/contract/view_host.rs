//! What a view reaches: a committed height.
//!
//! A view of another contract runs inside the same read; it sees the contract that asks as its caller.

use super::host::{encode, facts, number};
use super::query::{Contract, called, load_module};
use super::rules::{Rules, check_entered, check_path};
use crate::bank;
use crate::context::Rows;
use dadbs_abi::entry;
use dadbs_store::View;
use dadbs_types::gas::price;
use dadbs_types::{AccountAddress, Code, Error, GasMeter, Value};
use dadbs_vm::{Access, Answer, Host, Stack, Vm};

/// One read, and what is the same for all views in it.
pub(super) struct Reading<'a> {
    pub(super) view: &'a mut View,
    pub(super) vm: &'a Vm,
    pub(super) chain_id: &'a str,
}

/// What is a view's own.
#[derive(Clone, Debug)]
pub(super) struct ViewFrame {
    /// Who asks.
    pub(super) caller: Option<AccountAddress>,
    /// Who asked first.
    pub(super) origin: Option<AccountAddress>,
    /// The contracts from the outermost to this one.
    pub(super) path: Vec<u64>,
}

impl Reading<'_> {
    /// Runs an entry point; `inside` is the stack that an outer view left.
    pub(super) fn run(
        &mut self,
        contract: &Contract,
        frame: ViewFrame,
        entry: &str,
        input: &[u8],
        gas: &mut GasMeter,
        inside: Option<Stack>,
    ) -> Result<Vec<u8>, Error> {
        check_path(&frame.path)?;
        let module = load_module(self.view, contract.code_id)?;
        if inside.is_some() {
            gas.charge_times(price::WASM_LOAD_BYTE, module.bytes)?;
        }
        let code = module.load(self.vm, self.view)?;
        let vm = self.vm;
        let reading = Reading { view: self.view, vm, chain_id: self.chain_id };
        let rules = &module.rules;
        let stack = Stack::FULL;
        let mut host = ViewHost { reading, contract, rules, frame, stack, row_access: true };
        match inside {
            None => vm.call(&code, entry, input, &mut host, gas, Access::Read),
            Some(stack) => vm.call_within(&code, entry, input, &mut host, gas, Access::Read, stack),
        }
    }
}

/// The host of a view.
struct ViewHost<'a> {
    reading: Reading<'a>,
    contract: &'a Contract,
    rules: &'a Rules,
    frame: ViewFrame,
    stack: Stack,
    row_access: bool,
}

impl ViewHost<'_> {
    fn refuse(what: &str) -> Error {
        Error::rejected(Code::WasmReadOnly, format!("a view may not {what}"))
    }
}

impl Host for ViewHost<'_> {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>, Error> {
        let view = &self.reading.view;
        let (height, time_ms) = (view.height(), view.time_ms());
        Ok(facts(self.contract, self.frame.caller, height, time_ms, self.reading.chain_id, &[]))
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
        let access = if self.row_access { self.rules.row_access(self.frame.caller) } else { None };
        let view = &mut *self.reading.view;
        let found = view.query_for_gas(self.contract.id, sql, parameters, access.as_ref(), gas)?;
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

    fn stack(&mut self, left: Stack) {
        self.stack = left;
    }

    fn invocation(&mut self, _: &mut GasMeter) -> Result<Vec<Value>, Error> {
        let origin = self.frame.origin.map(|origin| origin.to_string()).unwrap_or_default();
        Ok(vec![origin.into(), self.row_access.into()])
    }

    fn view(
        &mut self,
        name: &str,
        entry: &str,
        arguments: &[u8],
        gas: &mut GasMeter,
    ) -> Result<Vec<u8>, Error> {
        let contract = called(&*self.reading.view, name)?;
        check_entered(&self.frame.path, contract.id, name)?;
        let mut frame = self.frame.clone();
        frame.path.push(contract.id);
        frame.caller = Some(self.contract.address);
        let entry = format!("{}{entry}", entry::VIEW_PREFIX);
        self.reading.run(&contract, frame, &entry, arguments, gas, Some(self.stack))
    }

    fn balance(&mut self, address: &str, denom: &str, gas: &mut GasMeter) -> Result<i64, Error> {
        held(&*self.reading.view, address, denom, gas)
    }

    fn row_access(&mut self, on: bool) -> Result<(), Error> {
        self.row_access = on;
        Ok(())
    }
}

/// The body of `balance`.
pub(super) fn held(
    rows: &impl Rows,
    address: &str,
    denom: &str,
    gas: &mut GasMeter,
) -> Result<i64, Error> {
    gas.charge(price::ROW_READ)?;
    let address = address
        .parse::<AccountAddress>()
        .map_err(|error| Error::rejected(Code::WasmHost, format!("`balance`: {error}")))?;
    let held = bank::balance(rows, address, denom)?;
    i64::try_from(held).map_err(|_| Error::fatal("a balance is beyond 2^63 - 1: supply is broken"))
}
