//! What a contract call costs: warm, from the disk cache, cold; and what metering adds, against bare
//! wasmtime running the same module in the same process.
//!
//! `cargo run --release -p dadbs-vm --features testing --example bench_call`
#![allow(clippy::cast_precision_loss, clippy::semicolon_if_nothing_returned)]

use std::time::Instant;

use dadbs_types::GasMeter;
use dadbs_vm::testing::TestHost;
use dadbs_vm::{Access, Code, Vm};

const FIB: &str = r#"(func $fib (param i32) (result i32)
    (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
    (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1)))
                   (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
    (func (export "call_run") (drop (call $fib (i32.const 27))))"#;

const MIX: &str = r#"(func (export "call_run") (local i32 i64) (local.set 1 (i64.const 88172645463325252))
    (loop (local.set 1 (i64.xor (local.get 1) (i64.shl (local.get 1) (i64.const 13))))
          (local.set 1 (i64.xor (local.get 1) (i64.shr_u (local.get 1) (i64.const 7))))
          (local.set 1 (i64.xor (local.get 1) (i64.shl (local.get 1) (i64.const 17))))
          (i64.store (i32.and (i32.wrap_i64 (local.get 1)) (i32.const 65528)) (local.get 1))
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000000)))))"#;

/// Follows pointers through 32 MiB: every load misses.
const CHASE: &str = r#"(func (export "call_run") (local i32 i32)
    (drop (memory.grow (i32.const 508)))
    (loop (i32.store (i32.shl (local.get 0) (i32.const 6))
            (i32.shl (i32.and (i32.add (i32.mul (local.get 0) (i32.const 1664525)) (i32.const 1013904223)) (i32.const 524287)) (i32.const 6)))
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 524288))))
    (local.set 0 (i32.const 0))
    (loop (local.set 1 (i32.load (local.get 1)))
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 2000000)))))"#;

const FILL: &str = r#"(func (export "call_run") (drop (memory.grow (i32.const 508)))
    (memory.fill (i32.const 0) (i32.const 1) (i32.const 33554432)))"#;

const DIVIDE: &str = r#"(func (export "call_run") (local i32 i64) (local.set 1 (i64.const -3))
    (loop (local.set 1 (i64.add (i64.div_u (i64.const -1) (i64.or (local.get 1) (i64.const 1))) (i64.const 77)))
          (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000000)))))"#;

fn contract(fields: &str) -> Vec<u8> {
    wat::parse_str(format!(
        r#"(module (memory (export "memory") 4) (func (export "dadbs_abi_1")) {fields})"#
    ))
    .expect("valid text")
}

fn load(vm: &Vm, wasm: &[u8]) -> std::sync::Arc<Code> {
    vm.validate(wasm).expect("valid");
    vm.load(blake3::hash(wasm).as_bytes(), &mut || Ok(wasm.to_vec())).expect("compiles")
}

/// The least time of some runs, in microseconds.
fn least(runs: usize, mut run: impl FnMut()) -> f64 {
    let mut least = f64::MAX;
    for _ in 0..runs {
        let start = Instant::now();
        run();
        least = least.min(start.elapsed().as_secs_f64() * 1e6);
    }
    least
}

fn call(vm: &Vm, code: &Code) -> u64 {
    let mut gas = GasMeter::new(u64::MAX);
    vm.call(code, "call_run", &[], &mut TestHost::new(), &mut gas, Access::Write).expect("runs");
    gas.used()
}

fn bare(wasm: &[u8]) -> impl FnMut() {
    let mut config = wasmtime::Config::new();
    config.cranelift_nan_canonicalization(true).wasm_backtrace_max_frames(None);
    config.allocation_strategy(wasmtime::InstanceAllocationStrategy::pooling());
    let engine = wasmtime::Engine::new(&config).expect("starts");
    let module = wasmtime::Module::new(&engine, wasm).expect("compiles");
    let linker = wasmtime::Linker::<()>::new(&engine);
    let ready = linker.instantiate_pre(&module).expect("links");
    move || {
        let mut store = wasmtime::Store::new(&engine, ());
        let instance = ready.instantiate(&mut store).expect("instantiates");
        let run = instance.get_typed_func::<(), ()>(&mut store, "call_run").expect("exported");
        run.call(&mut store, ()).expect("runs");
    }
}

fn overhead() {
    let directory = tempfile::tempdir().expect("a directory");
    let wasm = contract(r#"(func (export "call_run"))"#);
    let hash = *blake3::hash(&wasm).as_bytes();
    let vm = Vm::new(Some(directory.path())).expect("starts");
    let cold = least(1, || drop(load(&vm, &wasm)));
    let code = load(&vm, &wasm);
    let warm = least(20_000, || {
        call(&vm, &code);
    });
    let many = least(5, || {
        (0..10_000).for_each(|_| {
            call(&vm, &code);
        })
    }) / 10_000.0;
    let big = std::thread::Builder::new().stack_size(2 * dadbs_vm::NATIVE_STACK_BYTES);
    let on_big = std::thread::scope(|scope| {
        let run = || {
            least(5, || {
                (0..10_000).for_each(|_| {
                    call(&vm, &code);
                })
            }) / 10_000.0
        };
        big.spawn_scoped(scope, run).expect("a thread").join().expect("runs")
    });
    let mut disk = f64::MAX;
    for _ in 0..20 {
        let vm = Vm::new(Some(directory.path())).expect("starts");
        disk = disk.min(least(1, || {
            vm.load(&hash, &mut || unreachable!()).expect("on disk");
        }));
    }
    let mut reference = bare(&wasm);
    let reference = least(5, || (0..10_000).for_each(|_| reference())) / 10_000.0;
    println!(
        "empty call                          us    ratio to bare wasmtime ({reference:.2} us)"
    );
    for (name, time) in [
        ("warm, least", warm),
        ("warm, mean, small stack", many),
        ("warm, mean, large stack", on_big),
        ("load from disk", disk),
        ("validate and compile, cold", cold),
    ] {
        println!("{name:32} {time:>9.2} {:>8.1}", time / reference);
    }
}

fn main() {
    overhead();
    println!(
        "\n{:12} {:>10} {:>10} {:>7} {:>14} {:>8}",
        "body", "ours us", "bare us", "ratio", "gas", "ns/gas"
    );
    for (name, fields) in
        [("fib(27)", FIB), ("xorshift", MIX), ("chase", CHASE), ("fill", FILL), ("divide", DIVIDE)]
    {
        let wasm = contract(fields);
        let vm = Vm::new(None).expect("starts");
        let code = load(&vm, &wasm);
        let gas = call(&vm, &code);
        let ours = least(10, || {
            call(&vm, &code);
        });
        let mut reference = bare(&wasm);
        let bare = least(10, &mut reference);
        println!(
            "{name:12} {ours:>10.0} {bare:>10.0} {:>7.2} {gas:>14} {:>8.3}",
            ours / bare,
            ours * 1e3 / gas as f64
        );
    }
}
