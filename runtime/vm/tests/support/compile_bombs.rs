//! Modules inside every limit that take the compiler as long as possible, and how long that is.
#![allow(dead_code, clippy::format_collect)]

use std::fmt::Write as _;

use dadbs_types::limits;

/// What makes a module.
pub(crate) type Make = fn() -> Vec<u8>;

/// Names and modules; the first is ordinary code, for comparison.
pub(crate) const MODULES: &[(&str, Make)] = &[
    ("plain: loads, stores", || fill(stores(60))),
    ("loops, 8 deep x 100 locals", || fill(nested_loops(8, 40, 100))),
    ("loops, 8 deep x 256 locals", || fill(nested_loops(8, 20, 256))),
    ("loops, 8 deep x 16 locals", || fill(nested_loops(8, 120, 16))),
    ("ifs, 2,000 x 60 locals", || fill(ifs(1_000, 60))),
    ("ifs, 500 x 256 locals", || fill(ifs(250, 256))),
    ("ifs, 1,500 x 16 locals", || fill(ifs(1_500, 16))),
    ("br_ifs, 500 x 250 locals", || fill(branches(500, 250))),
    ("br_ifs, 3,000 x 40 locals", || fill(branches(2_900, 40))),
    ("br_tables, 500 targets x 250", || fill(tables(250, 500, 1))),
    ("br_tables, 25 x 100 targets x 40", || fill(tables(40, 100, 25))),
    ("br_tables, 2 x 1,000 targets x 16", || fill(tables(16, 1_000, 2))),
    ("common expressions over a call", || fill(spills(3_200))),
    ("float chains, 3,000", || fill(floats(3_000))),
    ("float chains, 300", || fill(floats(300))),
    ("memory.grow, 600 x 100", || fill(grows(600, 100))),
    ("memory.grow, 1,500 x 16", || fill(grows(1_500, 16))),
    ("call_indirect, 16 arguments", || fill(indirect(1_500))),
    ("long functions, 32,000 operators", || fill(stores(5_400))),
    ("operand stack, 16,000 deep", || fill(deep_expression(16_000))),
    ("tiny functions", || fill(deep_expression(2))),
    ("small functions", || fill(deep_expression(30))),
];

/// Repeats a function while the module stays inside every limit.
fn fill(function: impl Fn(usize) -> String) -> Vec<u8> {
    let module = |count: usize| {
        let mut text = String::from(
            r#"(module (memory (export "memory") 1) (table 1 1 funcref) (type $v (func))
            (type $many (func (param i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64 i64) (result i64)))
            (func (export "dadbs_abi_1"))"#,
        );
        for index in 0..count {
            text.push_str(&function(index));
        }
        text.push(')');
        wat::parse_str(text).expect("the generator writes valid text")
    };
    let fits = |count: usize| dadbs_vm::validate(&module(count)).is_ok();
    if !fits(1) {
        let why = dadbs_vm::validate(&module(1)).map(|_| ()).map_err(|error| error.to_string());
        panic!("one function is too much: {why:?}");
    }
    let functions_max = limits::WASM_FUNCTIONS_MAX as usize;
    let mut high = 2;
    while high < functions_max && fits(high) {
        high *= 2;
    }
    let mut low = high / 2;
    while low + 1 < high {
        let middle = usize::midpoint(low, high);
        if fits(middle) { low = middle } else { high = middle }
    }
    module(low)
}

fn locals(count: usize) -> String {
    format!("(local {})", "i64 ".repeat(count))
}

fn nested_loops(nesting: usize, chains: usize, count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::new();
        for chain in 0..chains {
            for level in 0..nesting {
                let local = (chain * nesting + level) % count;
                let other = (local * 7 + 3) % count;
                let _ = write!(
                    body,
                    "(loop (local.set {local} (i64.add (local.get {local}) (local.get {other})))"
                );
            }
            for level in 0..nesting {
                let local = (chain + level * 11) % count;
                let _ = write!(body, "(br_if 0 (i64.eqz (local.get {local}))))");
            }
        }
        format!("(func {} {body})", locals(count))
    }
}

fn ifs(blocks: usize, count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::new();
        for block in 0..blocks {
            let (a, b) = (block % count, (block * 13 + 5) % count);
            let _ = write!(
                body,
                "(if (i64.eqz (local.get {a})) (then (local.set {b} (i64.add (local.get {a}) (local.get {b})))))"
            );
        }
        format!("(func {} {body})", locals(count))
    }
}

fn branches(blocks: usize, count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::from("(block ");
        for block in 0..blocks {
            let (a, b) = (block % count, (block * 17 + 1) % count);
            let _ = write!(
                body,
                "(br_if 0 (i64.eqz (local.get {a}))) (local.set {b} (i64.add (local.get {a}) (i64.const 1)))"
            );
        }
        let _ = write!(body, ")");
        for local in 0..count {
            let _ = write!(body, "(i64.store (i32.const {}) (local.get {local}))", 8 * local);
        }
        format!("(func {} {body})", locals(count))
    }
}

fn tables(count: usize, targets: usize, repeats: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::new();
        for repeat in 0..repeats {
            body.push_str("(block (block (block ");
            for local in 0..count.min(40) {
                let _ = write!(
                    body,
                    "(local.set {local} (i64.add (local.get {local}) (i64.const {repeat})))"
                );
            }
            let list: String = (0..targets).map(|target| format!("{} ", target % 3)).collect();
            let _ = write!(
                body,
                "(br_table {list} (i32.wrap_i64 (local.get 0)))) (local.set 1 (i64.const 4))) (local.set 2 (i64.const 5)))"
            );
        }
        format!("(func {} {body})", locals(count))
    }
}

fn spills(values: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut before = String::new();
        let mut after = String::new();
        for index in 0..values {
            let value = format!("(i64.mul (local.get 0) (i64.const {}))", 2 * index + 3);
            let _ = write!(before, "(i64.store (i32.const {}) {value})", 8 * index % 60_000);
            let _ = write!(after, "(i64.store (i32.const {}) {value})", 8 * index % 50_000);
        }
        format!("(func (param i64) {before} (call 0) {after})")
    }
}

fn floats(count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::from("(local.get 0)");
        for index in 0..count {
            let operator = ["f64.add", "f64.mul", "f64.div", "f64.min"][index % 4];
            let _ = write!(body, "(local.get 0) {operator}");
        }
        format!("(func (param f64) (result f64) {body})")
    }
}

fn grows(count: usize, local_count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::new();
        for index in 0..count {
            let local = index % local_count;
            let _ = write!(
                body,
                "(local.set {local} (i64.extend_i32_u (memory.grow (i32.wrap_i64 (local.get {local})))))"
            );
        }
        format!("(func {} {body})", locals(local_count))
    }
}

fn indirect(count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::from("(local i64)");
        for _ in 0..count {
            body.push_str("(local.set 0 (call_indirect (type $many)");
            body.push_str(&"(local.get 0)".repeat(16));
            body.push_str("(i32.const 0)))");
        }
        format!("(func {body})")
    }
}

fn stores(count: usize) -> impl Fn(usize) -> String {
    move |_| {
        let mut body = String::new();
        for index in 0..count {
            let _ = write!(
                body,
                "(i64.store offset={index} (local.get 0) (i64.load offset={index} (local.get 0)))"
            );
        }
        format!("(func (param i32) {body})")
    }
}

fn deep_expression(depth: usize) -> impl Fn(usize) -> String {
    move |_| {
        let body = format!("{}{}", "(local.get 0)".repeat(depth), "i64.xor ".repeat(depth - 1));
        format!("(func (param i64) (result i64) {body})")
    }
}

/// Seconds of processor time of this process, which other processes do not lengthen.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.split_whitespace().collect();
    let ticks = |index: usize| fields[index].parse::<f64>().expect("a number");
    (ticks(13) + ticks(14)) / 100.0
}
