//! Contract code: what validation accepts is instrumented, compiles and runs inside its gas, and no
//! module makes a fault of the node.
//!
//! Bytes that begin with `\0asm` are a module; of any others a generator makes one that looks like a
//! contract.
#![no_main]

use std::sync::LazyLock;

use dadbs_types::{Error, GasMeter};
use dadbs_vm::testing::{TestHost, instrument};
use dadbs_vm::{Access, Vm, validate};

#[allow(dead_code)]
#[path = "../../../runtime/vm/tests/support/smith.rs"]
mod smith;

static VM: LazyLock<Vm> = LazyLock::new(|| Vm::new(None).expect("the engine starts"));

/// Modules below this size are compiled and called: compiling is slow.
const COMPILED_BYTES_MAX: usize = 4_096;
/// The gas of one call.
const GAS: u64 = 2_000_000;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if bytes.starts_with(b"\0asm") {
        check(bytes);
    } else if let Some(module) = smith::module_of(bytes, smith::contract_config()) {
        check(&module);
    }
});

fn check(wasm: &[u8]) {
    let Ok(info) = validate(wasm) else { return };
    assert!(info.entries.is_sorted() && info.store_gas > 0);
    let instrumented = instrument(wasm).expect("what passes validation can be instrumented");
    assert!(!instrumented.is_empty());
    if wasm.len() > COMPILED_BYTES_MAX {
        return;
    }
    let code = VM
        .load(blake3::hash(wasm).as_bytes(), &mut || Ok(wasm.to_vec()))
        .expect("what passes validation compiles");
    for entry in &info.entries {
        let call = || {
            let mut gas = GasMeter::new(GAS);
            let outcome = VM.call(
                &code,
                &entry.export(),
                b"\0\0",
                &mut TestHost::new(),
                &mut gas,
                Access::Write,
            );
            assert!(!matches!(outcome, Err(Error::Fatal(_))), "{outcome:?}");
            (outcome, gas.used())
        };
        assert_eq!(call(), call(), "the same call twice");
    }
}
