//! Nanoseconds per gas of shapes of code that could be charged too little: `cargo run --release -p
//! dadbs-vm --features testing --example bench_shapes [part of a name]`.
//!
//! One gas is meant to be about one nanosecond of the slowest code. A machine that does other things
//! is slower as a whole, so each shape is also given as a multiple of the dependent additions
//! measured just before it.
#![allow(clippy::cast_precision_loss, clippy::too_many_lines)]

use std::sync::Arc;
use std::time::Instant;

use dadbs_types::{GasMeter, Result, Value};
use dadbs_vm::testing::imports;
use dadbs_vm::{Access, Answer, Code, Host, Vm};

/// Gas of each call; a shape runs until it is used up, or ends by itself.
const GAS: u64 = 50_000_000;

/// A module of these fields and the body of `call_run`.
fn module(fields: &str, body: &str) -> String {
    format!(
        r#"(module {}
            (type $void (func))
            (memory (export "memory") 1)
            (func (export "dadbs_abi_1"))
            {fields}
            (func (export "call_run") (local $a i32) (local $b i32) (local $x i64) (local $f f64)
                {body}))"#,
        imports()
    )
}

/// Answers nothing and keeps nothing.
struct IdleHost;

impl Host for IdleHost {
    fn context(&mut self, _: &mut GasMeter) -> Result<Vec<Value>> {
        Ok(Vec::new())
    }

    fn sql_inspect(&mut self, _: &str, _: &mut GasMeter) -> Result<Vec<(String, String)>> {
        Ok(Vec::new())
    }

    fn sql_query(&mut self, _: &str, _: &[Value], _: &mut GasMeter) -> Result<Answer> {
        Ok(Answer::default())
    }

    fn sql_exec(&mut self, _: &str, _: &[Vec<Value>], _: &mut GasMeter) -> Result<Answer> {
        Ok(Answer::default())
    }

    fn emit(&mut self, _: &str, _: &[(String, String)], _: &mut GasMeter) -> Result<()> {
        Ok(())
    }

    fn log(&mut self, _: &str) {}
}

fn forever(body: &str) -> String {
    format!("(loop $forever {body} (br $forever))")
}

fn shapes() -> Vec<(&'static str, String)> {
    let grow = "(drop (memory.grow (i32.const 511)))";
    let next = "(local.set $b (i32.add (i32.mul (local.get $b) (i32.const 1664525)) (i32.const 1013904223)))";
    let leaves: String = (0..64).map(|n| format!("(func $f{n} (type $void))")).collect();
    let list: String = (0..64).map(|n| format!("$f{n} ")).collect();
    let table = format!("{leaves} (table 64 64 funcref) (elem (i32.const 0) {list})");
    let blocks = "(block $z (block $y (block $x (block $w (br_table $w $x $y $z $w $y $x $z (i32.shr_u (local.get $b) (i32.const 29)))) (local.set $a (i32.const 1))) (local.set $a (i32.const 2))) (local.set $a (i32.const 3)))";
    // Every cache line names the next one: a permutation by a generator of full period.
    let fill = |lines: u32| {
        let (mask, pages) = (lines - 1, lines / 1024);
        format!(
            "(drop (memory.grow (i32.const {pages}))) (loop $l (local.set $a (local.get $b)) (i32.store (i32.shl (local.get $b) (i32.const 6))
                (i32.shl (i32.and (i32.add (i32.mul (local.get $a) (i32.const 1664525)) (i32.const 1013904223)) (i32.const {mask})) (i32.const 6)))
                (br_if $l (i32.lt_u (local.tee $b (i32.add (local.get $b) (i32.const 1))) (i32.const {lines}))))
             (local.set $a (i32.const 0))"
        )
    };
    let chase = |lines: u32| {
        let loads = "(local.set $a (i32.load (local.get $a)))".repeat(16);
        module("", &format!("{} {}", fill(lines), forever(&loads)))
    };
    let float = |op: &str| {
        let step = format!("(local.set $f (f64.{op} (local.get $f) (f64.const 1.0000001)))");
        module("", &format!("(local.set $f (f64.const 1.5)) {}", forever(&step.repeat(16))))
    };
    let subnormal = |op: &str, by: &str| {
        let step = format!("(local.set $f (f64.{op} (local.get $f) (f64.const {by})))").repeat(16);
        let start = "(i64.store (i32.const 0) (i64.const 0xfffff))";
        let load = "(local.set $f (f64.load (i32.const 0)))";
        module(
            "",
            &format!(
                "{start} {}",
                forever(&format!("{load} {step} (f64.store (i32.const 8) (local.get $f))"))
            ),
        )
    };
    let mul =
        "(local.set $x (i64.mul (i64.add (local.get $x) (i64.const 3)) (local.get $x)))".repeat(16);
    let rem = "(local.set $x (i64.rem_s (i64.const -3) (i64.or (local.get $x) (i64.const 3))))"
        .repeat(16);
    let count =
        "(local.set $x (i64.popcnt (i64.add (local.get $x) (i64.clz (local.get $x)))))".repeat(16);
    let trap = "(local.set $x (i64.add (local.get $x) (i64.trunc_f64_s (f64.convert_i64_s (local.get $x)))))".repeat(16);
    let choose = "(local.set $a (select (i32.add (local.get $a) (i32.const 1)) (local.get $b) (i32.and (local.get $a) (i32.const 1))))".repeat(16);
    let globals = "(global.set $g (i32.add (global.get $g) (i32.const 1)))".repeat(16);
    let split = "(local.set $x (i64.add (local.get $x) (i64.load (i32.const 4093))))".repeat(16);
    let large = {
        // Nesting is limited; the targets repeat 200 blocks.
        let blocks: String = (0..200).rev().map(|n| format!("(block $b{n} ")).collect();
        let targets: String = (0..1000).map(|n| format!("$b{} ", n * 7 % 200)).collect();
        let ends = "(local.set $a (i32.add (local.get $a) (i32.const 1))))".repeat(200);
        format!(
            "{blocks} (br_table {targets} (i32.rem_u (i32.shr_u (local.get $b) (i32.const 8)) (i32.const 999))) {ends}"
        )
    };
    let divide = "(local.set $x (i64.div_u (i64.or (local.get $x) (i64.const -3)) (i64.or (i64.shr_u (local.get $x) (i64.const 40)) (i64.const 3))))".repeat(16);
    let sqrt = "(local.set $x (i64.reinterpret_f64 (f64.sqrt (f64.add (f64.reinterpret_i64 (local.get $x)) (f64.const 1e300)))))".repeat(16);
    let trunc = "(local.set $x (i64.add (local.get $x) (i64.trunc_sat_f64_u (f64.nearest (f64.convert_i64_u (local.get $x))))))".repeat(16);
    let rec = "(func $r (param i32) (if (local.get 0) (then (call $r (i32.sub (local.get 0) (i32.const 1))))))";
    vec![
        ("empty loop", module("", &forever(""))),
        (
            "add",
            module(
                "",
                &forever(&"(local.set $a (i32.add (local.get $a) (i32.const 3)))".repeat(16)),
            ),
        ),
        ("br_table, random", module("", &forever(&format!("{next} {blocks}")))),
        (
            "if, random",
            module(
                "",
                &forever(&format!(
                    "{next} (if (i32.lt_s (local.get $b) (i32.const 0)) (then (local.set $a (local.get $b))))"
                )),
            ),
        ),
        (
            "call_indirect, random",
            module(
                &table,
                &forever(&format!(
                    "{next} (call_indirect (type $void) (i32.shr_u (local.get $b) (i32.const 26)))"
                )),
            ),
        ),
        ("call", module("(func $f)", &forever("(call $f)"))),
        ("recursion, 1000 deep", module(rec, &forever("(call $r (i32.const 1000))"))),
        ("i64.div_u, dependent", module("", &forever(&divide))),
        ("f64.sqrt, dependent", module("", &forever(&sqrt))),
        ("f64 nearest + trunc", module("", &forever(&trunc))),
        ("loads over 32 KiB, dependent", chase(1 << 9)),
        ("loads over 256 KiB, dependent", chase(1 << 12)),
        ("loads over 1 MiB, dependent", chase(1 << 14)),
        ("loads over 4 MiB, dependent", chase(1 << 16)),
        ("loads over 16 MiB, dependent", chase(1 << 18)),
        ("loads over two lines", module("", &forever(&split))),
        ("i64.mul, dependent", module("", &forever(&mul))),
        ("i64.rem_s, dependent", module("", &forever(&rem))),
        ("popcnt and clz", module("", &forever(&count))),
        ("select", module("", &forever(&choose))),
        ("globals", module("(global $g (mut i32) (i32.const 0))", &forever(&globals))),
        ("f64.add, dependent", float("add")),
        ("f64.mul, dependent", float("mul")),
        ("f64.div, dependent", float("div")),
        ("f64.min, dependent", float("min")),
        ("f64.copysign, dependent", float("copysign")),
        ("f64.mul of subnormals", subnormal("mul", "0.999")),
        ("f64.add of subnormals", subnormal("add", "0x1p-1070")),
        ("f64.div of subnormals", subnormal("div", "1.001")),
        ("i64.trunc_f64_s", module("", &forever(&trap))),
        ("br_table of 1000, random", module("", &forever(&format!("{next} {large}")))),
        (
            "stores over 32 MiB, random",
            module(
                "",
                &format!(
                    "{grow} {}",
                    forever(&format!(
                        "{next} (i64.store (i32.shr_u (local.get $b) (i32.const 7)) (local.get $x))"
                    ))
                ),
            ),
        ),
        ("memory.grow to 32 MiB, once", module("", grow)),
        (
            "memory.grow, touched",
            module(
                "",
                "(loop $l (if (i32.ge_s (memory.grow (i32.const 1)) (i32.const 0)) (then (i32.store (i32.sub (i32.mul (memory.size) (i32.const 65536)) (i32.const 8)) (i32.const 1)) (br $l))))",
            ),
        ),
        (
            "memory.grow, refused",
            module("", &format!("{grow} {}", forever("(drop (memory.grow (i32.const 1)))"))),
        ),
        (
            "memory.fill 32 MiB",
            module(
                "",
                &format!(
                    "{grow} {}",
                    forever("(memory.fill (i32.const 0) (i32.const 1) (i32.const 33554432))")
                ),
            ),
        ),
        (
            "memory.fill 0 bytes",
            module("", &forever("(memory.fill (i32.const 0) (i32.const 1) (i32.const 0))")),
        ),
        (
            "memory.copy 16 MiB",
            module(
                "",
                &format!(
                    "{grow} {}",
                    forever(
                        "(memory.copy (i32.const 0) (i32.const 16777216) (i32.const 16777216))"
                    )
                ),
            ),
        ),
        (
            "memory.copy 3 bytes",
            module("", &forever("(memory.copy (i32.const 0) (i32.const 99) (i32.const 3))")),
        ),
        ("input_len", module("", &forever("(drop (call $input_len))"))),
        ("context", module("", &forever("(call $context)"))),
        ("log 2 KiB", module("", &forever("(call $log (i32.const 0) (i32.const 2048))"))),
        (
            "output_write 1 MiB",
            module(
                "",
                &format!(
                    "{grow} {}",
                    forever("(call $output_write (i32.const 0) (i32.const 1048576))")
                ),
            ),
        ),
        (
            "input_read 1 MiB",
            module("", &format!("{grow} {}", forever("(call $input_read (i32.const 0))"))),
        ),
        (
            "sql_exec 100,000 rows of one NULL",
            module(
                "",
                &format!(
                    "{grow} (i32.store (i32.const 0) (i32.const 100000)) (local.set $a (i32.const 4)) (loop $l (i32.store16 (local.get $a) (i32.const 1)) (br_if $l (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 3))) (i32.const 300004)))) {}",
                    forever(
                        "(drop (call $sql_exec (i32.const 1000000) (i32.const 1) (i32.const 0) (i32.const 300004)))"
                    )
                ),
            ),
        ),
        (
            "emit 13,000 empty texts",
            module(
                "",
                &format!(
                    "{grow} (i32.store16 (i32.const 0) (i32.const 13001)) (local.set $a (i32.const 2)) (loop $l (i32.store8 (local.get $a) (i32.const 3)) (br_if $l (i32.lt_u (local.tee $a (i32.add (local.get $a) (i32.const 5))) (i32.const 65007)))) {}",
                    forever("(call $emit (i32.const 0) (i32.const 65007))")
                ),
            ),
        ),
        (
            "sql_query 65,535 NULLs",
            module(
                "",
                &format!(
                    "{grow} (i32.store16 (i32.const 0) (i32.const 65535)) {}",
                    forever(
                        "(drop (call $sql_query (i32.const 100000) (i32.const 8) (i32.const 0) (i32.const 65537)))"
                    )
                ),
            ),
        ),
    ]
}

fn run(vm: &Vm, code: &Arc<Code>, input: &[u8]) -> (Result<Vec<u8>>, u64, f64) {
    let mut gas = GasMeter::new(GAS);
    let start = Instant::now();
    let outcome = vm.call(code, "call_run", input, &mut IdleHost, &mut gas, Access::Write);
    (outcome, gas.used(), start.elapsed().as_secs_f64() * 1e9)
}

/// Nanoseconds of one dependent addition now: how fast the machine is at this moment.
fn addition() -> f64 {
    let start = Instant::now();
    let mut sum = std::hint::black_box(1u64);
    for _ in 0..10_000_000 {
        sum = std::hint::black_box(sum + 3);
    }
    start.elapsed().as_secs_f64() * 1e9 / 1e7
}

fn main() {
    let vm = Vm::new(None).expect("the engine starts");
    let input = vec![7; 1 << 20];
    let only = std::env::args().nth(1).unwrap_or_default();
    println!("{:32} {:>10} {:>8} {:>9}  outcome", "shape", "us", "ns/gas", "additions");
    for (name, text) in shapes().into_iter().filter(|(name, _)| name.contains(&only)) {
        let wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        vm.validate(&wasm).unwrap_or_else(|rejection| panic!("{name}: {rejection}"));
        let code = vm.load(blake3::hash(&wasm).as_bytes(), &mut || Ok(wasm.clone()));
        let code = code.unwrap_or_else(|error| panic!("{name}: {error}"));
        let unit = addition();
        let runs = (0..3).map(|_| run(&vm, &code, &input));
        let best = runs.min_by(|a, b| a.2.total_cmp(&b.2)).expect("there are three runs");
        let (outcome, gas, nanos) = best;
        let outcome = outcome.map_or_else(|error| error.to_string(), |_| "ok".into());
        let per_gas = nanos / gas as f64;
        println!(
            "{name:32} {:10.0} {per_gas:8.2} {:9.2}  {}",
            nanos / 1e3,
            per_gas / unit,
            outcome.chars().take(40).collect::<String>()
        );
    }
}
