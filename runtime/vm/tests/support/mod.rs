//! What the tests share: contracts in text, and one call.
#![allow(dead_code)]

pub(crate) mod interpreter;
pub(crate) mod naive;
pub(crate) mod smith;

use std::sync::{Arc, LazyLock};

use dadbs_types::{Error, GasMeter, Result};
use dadbs_vm::testing::{TestHost, imports};
use dadbs_vm::{Access, Code, Vm};

pub(crate) static VM: LazyLock<Vm> = LazyLock::new(|| Vm::new(None).unwrap());

/// A contract with these fields around the required ones.
pub(crate) fn contract(fields: &str) -> Vec<u8> {
    let text = format!(
        r#"(module {} (memory (export "memory") 1) (func (export "dadbs_abi_1")) {fields})"#,
        imports()
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// A contract whose entry point `call_run` has this body.
pub(crate) fn run_body(body: &str) -> Vec<u8> {
    contract(&format!(r#"(func (export "call_run") {body})"#))
}

/// Validates and compiles.
pub(crate) fn load(vm: &Vm, wasm: &[u8]) -> Arc<Code> {
    vm.validate(wasm).unwrap_or_else(|rejection| panic!("{rejection}"));
    load_unchecked(vm, wasm)
}

pub(crate) fn load_unchecked(vm: &Vm, wasm: &[u8]) -> Arc<Code> {
    vm.load(&hash(wasm), &mut || Ok(wasm.to_vec())).unwrap()
}

pub(crate) fn hash(wasm: &[u8]) -> [u8; 32] {
    *blake3::hash(wasm).as_bytes()
}

/// What one call came to.
#[derive(Debug, PartialEq)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<u8>>,
    pub(crate) gas: u64,
    pub(crate) calls: Vec<String>,
}

impl Outcome {
    /// The code of the rejection.
    pub(crate) fn code(&self) -> dadbs_types::Code {
        match &self.result {
            Err(Error::Rejected(rejection)) => rejection.code,
            other => panic!("not a rejection: {other:?}"),
        }
    }

    pub(crate) fn message(&self) -> String {
        match &self.result {
            Err(error) => error.to_string(),
            other => panic!("not an error: {other:?}"),
        }
    }
}

pub(crate) const GAS: u64 = 100_000_000;

pub(crate) fn call_with(
    vm: &Vm,
    wasm: &[u8],
    entry: &str,
    input: &[u8],
    mut host: TestHost,
    limit: u64,
    access: Access,
) -> Outcome {
    let code = load(vm, wasm);
    let mut gas = GasMeter::new(limit);
    let result = vm.call(&code, entry, input, &mut host, &mut gas, access);
    Outcome { result, gas: gas.used(), calls: host.calls }
}

/// Calls `call_run` with an idle host.
pub(crate) fn call(wasm: &[u8]) -> Outcome {
    call_with(&VM, wasm, "call_run", &[], TestHost::new(), GAS, Access::Write)
}
