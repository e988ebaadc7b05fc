//! How long the worst modules inside the limits take to compile, beside what storing them costs.
//!
//! `cargo run --release -p dadbs-vm --features testing --example bench_compile`
//!
//! The reference of each row is one real-looking module of plain arithmetic, per byte.
#![allow(clippy::cast_precision_loss)]
#[path = "../tests/support/compile_bombs.rs"]
mod compile_bombs;

use std::time::Instant;

use compile_bombs::{MODULES, cpu_seconds};
use dadbs_vm::Vm;

fn main() {
    let vm = Vm::new(None).expect("the engine starts");
    println!(
        "{:34} {:>8} {:>6} {:>8} {:>9} {:>9} {:>9} {:>7} {:>7} {:>7}",
        "module at the limits",
        "bytes",
        "funcs",
        "check ms",
        "wall ms",
        "cpu ms",
        "gas M",
        "ns/gas",
        "us/B",
        "ratio"
    );
    let mut reference = None;
    for (name, make) in MODULES {
        let wasm = make();
        let start = Instant::now();
        let info = vm.validate(&wasm).expect("the generator stays inside the limits");
        let check = start.elapsed();
        let hash = *blake3::hash(&wasm).as_bytes();
        let cpu = cpu_seconds();
        let start = Instant::now();
        let code = vm.load(&hash, &mut || Ok(wasm.clone())).expect("what is valid compiles");
        let compile = start.elapsed();
        let cpu = cpu_seconds() - cpu;
        drop(code);
        let total = check.as_secs_f64() + cpu;
        let per_byte = total * 1e6 / wasm.len() as f64;
        let reference = *reference.get_or_insert(per_byte);
        println!(
            "{name:34} {:>8} {:>6} {:>8.1} {:>9.1} {:>9.0} {:>9.1} {:>7.2} {:>7.2} {:>7.1}",
            wasm.len(),
            info.size.functions,
            check.as_secs_f64() * 1e3,
            compile.as_secs_f64() * 1e3,
            cpu * 1e3,
            info.store_gas as f64 / 1e6,
            total * 1e9 / info.store_gas as f64,
            per_byte,
            per_byte / reference,
        );
    }
}
