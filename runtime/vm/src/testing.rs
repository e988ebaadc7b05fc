//! A host without a database, for tests of contracts' machinery.

use core::fmt::Write as _;

use dadbs_abi::{HOST_FUNCTIONS, MODULE};
use dadbs_types::{Code, Error, GasMeter, Result, Value};

use crate::host::{Answer, Host};

/// Answers from what a test puts in, keeps what a contract does.
#[derive(Debug, Default)]
pub struct TestHost {
    /// The row that `context` gives.
    pub context: Vec<Value>,
    /// What `sql_inspect`, `sql_query` and `sql_exec` answer; taken from the front, empty answers behind.
    pub answers: std::collections::VecDeque<Result<Answer>>,
    /// Gas that each SQL call charges.
    pub sql_gas: u64,
    /// Every call in order, as text.
    pub calls: Vec<String>,
}

impl TestHost {
    /// A host that answers everything with nothing.
    pub fn new() -> TestHost {
        TestHost::default()
    }

    /// A host whose next SQL call is rejected with this code.
    pub fn rejecting(code: Code) -> TestHost {
        let mut host = TestHost::new();
        host.answers.push_back(Err(Error::rejected(code, "as the test wishes")));
        host
    }

    fn answer(&mut self, gas: &mut GasMeter) -> Result<Answer> {
        gas.charge(self.sql_gas)?;
        self.answers.pop_front().unwrap_or(Ok(Answer::default()))
    }
}

impl Host for TestHost {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>> {
        self.calls.push("context".into());
        Ok(self.context.clone())
    }

    fn sql_inspect(&mut self, sql: &str, gas: &mut GasMeter) -> Result<Vec<(String, String)>> {
        self.calls.push(format!("inspect {sql}"));
        self.answer(gas).map(|_| vec![("insert".into(), "t".into())])
    }

    fn sql_query(&mut self, sql: &str, parameters: &[Value], gas: &mut GasMeter) -> Result<Answer> {
        self.calls.push(format!("query {sql} {parameters:?}"));
        self.answer(gas)
    }

    fn sql_exec(&mut self, sql: &str, rows: &[Vec<Value>], gas: &mut GasMeter) -> Result<Answer> {
        self.calls.push(format!("exec {sql} {rows:?}"));
        self.answer(gas)
    }

    fn emit(
        &mut self,
        kind: &str,
        attributes: &[(String, String)],
        _: &mut GasMeter,
    ) -> Result<()> {
        self.calls.push(format!("emit {kind} {attributes:?}"));
        Ok(())
    }

    fn log(&mut self, line: &str) {
        self.calls.push(format!("log {line}"));
    }
}

/// The weight of an operator and, as a function of its topmost operand, its dynamic gas: for tests that
/// count gas in another way.
pub fn weight(operator: &wasmparser::Operator<'_>) -> Option<u64> {
    crate::operators::weight(operator)
}

/// The dynamic gas of an operator whose topmost operand is `operand`; 0 for most.
pub fn dynamic_gas(operator: &wasmparser::Operator<'_>, operand: u32) -> u64 {
    crate::operators::dynamic(operator)
        .map_or(0, |dynamic| crate::operators::dynamic_gas(dynamic, operand))
}

/// `Some` for a load or store, which costs one gas more for every `1 << shift` pages of memory.
pub fn access_shift(operator: &wasmparser::Operator<'_>) -> Option<i32> {
    crate::operators::accesses_memory(operator).then_some(crate::operators::ACCESS_SHIFT)
}

/// The instrumented form of a validated module, for benches and tests of the code itself.
pub fn instrument(wasm: &[u8]) -> Result<Vec<u8>, dadbs_types::Fatal> {
    crate::instrument::instrument(wasm)
}

/// The imports of every host function in the text format, each function under its name.
pub fn imports() -> String {
    HOST_FUNCTIONS.iter().fold(String::new(), |mut text, function| {
        let (name, params) = (function.name, " i32".repeat(function.params.len()));
        let params = if params.is_empty() { params } else { format!(" (param{params})") };
        let result = if function.result.is_some() { " (result i32)" } else { "" };
        // Writing to a string cannot fail.
        let _ = writeln!(text, r#"(import "{MODULE}" "{name}" (func ${name}{params}{result}))"#);
        text
    })
}

/// The exported globals of an instrumented module that hold gas (i64) and logical stack (i32).
pub const GLOBALS: (&str, &str) = (crate::instrument::GAS, crate::instrument::STACK);

/// VMs whose compiler optimizes less than a node's, and for size.
pub fn other_optimizations() -> Result<Vec<(&'static str, crate::Vm)>, dadbs_types::Fatal> {
    let vm = |level| crate::Vm::on(crate::engine::engine_at(level)?, None);
    Ok(vec![
        ("none", vm(wasmtime::OptLevel::None)?),
        ("speed and size", vm(wasmtime::OptLevel::SpeedAndSize)?),
    ])
}
