//! The time of compiling is bounded: by the limits of validation, and by what passes them.

#[path = "support/compile_bombs.rs"]
mod compile_bombs;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use compile_bombs::{MODULES, Make, cpu_seconds};
use dadbs_types::Code;
use dadbs_vm::Vm;

/// Of one module, in seconds of processor time; `examples/bench_compile.rs` prints what it really is.
const COMPILE_CPU_MAX: f64 = 20.0;

/// Validation looks at every byte once.
const VALIDATE_MAX: Duration = Duration::from_secs(5);

fn bounded(modules: &[(&str, Make)]) {
    let vm = Vm::new(None).unwrap();
    for (name, make) in modules {
        let wasm = make();
        let start = Instant::now();
        vm.validate(&wasm).unwrap();
        assert!(start.elapsed() < VALIDATE_MAX, "{name}: {:?}", start.elapsed());
        let before = cpu_seconds();
        vm.load(blake3::hash(&wasm).as_bytes(), &mut || Ok(wasm.clone())).unwrap();
        let took = cpu_seconds() - before;
        println!("{name}: {} bytes, {took:.2} s", wasm.len());
        assert!(took < COMPILE_CPU_MAX, "{name}: {took} s");
    }
}

#[test]
fn what_passes_the_limits_compiles_in_bounded_time() {
    let named = ["loops, 8 deep x 256 locals", "br_tables, 500 targets x 250", "small functions"];
    let worst: Vec<_> = MODULES.iter().copied().filter(|(name, _)| named.contains(name)).collect();
    assert_eq!(worst.len(), named.len());
    bounded(&worst);
}

#[test]
#[ignore = "slow: every module of bench_compile"]
fn every_bomb_inside_the_limits_compiles_in_bounded_time() {
    bounded(MODULES);
}

/// A module of a few kilobytes that would keep the compiler busy for many seconds.
fn bomb(locals: usize, body: &str) -> Vec<u8> {
    let locals = "i64 ".repeat(locals);
    let text = format!(
        r#"(module (memory (export "memory") 1) (func (export "dadbs_abi_1")) (func (local {locals}) {body}))"#
    );
    wat::parse_str(text).unwrap()
}

#[test]
fn bombs_are_refused_before_they_reach_the_compiler() {
    let loops = |nesting: usize, locals: usize| {
        let mut body = String::new();
        for level in 0..nesting {
            let (to, from) = (level % locals, level * 7 % locals);
            let _ = write!(
                body,
                "(loop (local.set {to} (i64.add (local.get {to}) (local.get {from})))"
            );
        }
        body.push_str(&"(br_if 0 (i64.eqz (local.get 0))))".repeat(nesting));
        bomb(locals, &body)
    };
    let ifs = |count: usize, locals: usize| {
        let body: String = (0..count)
            .map(|n| {
                let (to, from) = (n % locals, n * 13 % locals);
                format!(
                    "(if (i64.eqz (local.get {from})) (then (local.set {to} (local.get {from}))))"
                )
            })
            .collect();
        bomb(locals, &body)
    };
    let vm = Vm::new(None).unwrap();
    for (name, wasm) in [
        ("400 loops x 500 locals", loops(400, 500)),
        ("9 loops x 10 locals", loops(9, 10)),
        ("12,000 ifs x 2,000 locals", ifs(12_000, 2_000)),
        ("1,500 ifs x 256 locals", ifs(1_500, 256)),
        ("49,000 locals", bomb(49_000, "")),
    ] {
        let start = Instant::now();
        let refused = vm.validate(&wasm).unwrap_err();
        assert_eq!(refused.code, Code::WasmLimit, "{name}: {refused}");
        assert!(start.elapsed() < VALIDATE_MAX, "{name}");
    }
}
