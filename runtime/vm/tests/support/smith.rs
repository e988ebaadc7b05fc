//! Random modules that look like contracts.

use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
use wasm_encoder::{ExportKind, ExportSection, Module, RawSection};
use wasmparser::{Parser, Payload};

/// Bytes from a seed, for the generator.
pub(crate) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// A random module with the exports that contracts have, and what else comes with `config`.
pub(crate) fn module(seed: u64, config: wasm_smith::Config) -> Option<Vec<u8>> {
    module_of(&bytes(seed, 8_000), config)
}

/// The same from the caller's bytes.
pub(crate) fn module_of(data: &[u8], mut config: wasm_smith::Config) -> Option<Vec<u8>> {
    let exports = r#"(module (func (export "call_run")) (func (export "dadbs_abi_1")))"#;
    config.exports = Some(wat::parse_str(exports).unwrap());
    config.min_memories = 1;
    config.max_memories = 1;
    let module = wasm_smith::Module::new(config, &mut arbitrary::Unstructured::new(data)).ok()?;
    Some(export_memory(&module.to_bytes()))
}

/// What contracts may use, with little of each.
pub(crate) fn contract_config() -> wasm_smith::Config {
    wasm_smith::Config {
        allow_start_export: false,
        bulk_memory_enabled: true,
        exceptions_enabled: false,
        extended_const_enabled: false,
        gc_enabled: false,
        max_imports: 0,
        max_memory32_bytes: 4 << 20,
        max_tables: 0,
        max_globals: 8,
        max_funcs: 12,
        min_funcs: 3,
        max_instructions: 120,
        max_element_segments: 0,
        max_data_segments: 3,
        memory64_enabled: false,
        multi_value_enabled: false,
        reference_types_enabled: false,
        relaxed_simd_enabled: false,
        simd_enabled: false,
        tail_call_enabled: false,
        threads_enabled: false,
        wide_arithmetic_enabled: false,
        ..wasm_smith::Config::default()
    }
}

fn export_memory(wasm: &[u8]) -> Vec<u8> {
    let mut module = Module::new();
    for payload in Parser::new(0).parse_all(wasm) {
        let payload = payload.unwrap();
        if let Payload::ExportSection(section) = &payload {
            let mut exports = ExportSection::new();
            RoundtripReencoder.parse_export_section(&mut exports, section.clone()).unwrap();
            exports.export("memory", ExportKind::Memory, 0);
            module.section(&exports);
        } else if let Some((id, range)) = payload.as_section() {
            module.section(&RawSection { id, data: &wasm[range] });
        }
    }
    module.finish()
}
