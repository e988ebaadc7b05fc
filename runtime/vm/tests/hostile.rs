//! Contracts that mean harm: each ends as a numbered rejection, never as a fault.

#![allow(clippy::format_collect, clippy::format_push_string, clippy::type_complexity)]

mod support;

use std::fmt::Write as _;

use dadbs_types::value::encode_row;
use dadbs_types::{Code, Error, GasMeter, Value, limits};
use dadbs_vm::testing::TestHost;
use dadbs_vm::{Access, Answer};
use support::{GAS, VM, call, call_with, contract, load, run_body};

#[test]
fn loops_without_end() {
    for body in [
        "(loop (br 0))",
        "(loop (loop (br 1)))",
        "(local i64) (loop (local.set 0 (i64.mul (local.get 0) (i64.const 3))) (br_if 0 (i32.const 1)) )",
        "(loop (br_table 0 0 0 (i32.const 1)))",
        "(loop (memory.fill (i32.const 0) (i32.const 0) (i32.const 65536)) (br 0))",
        "(loop (drop (memory.grow (i32.const 0))) (br 0))",
        "(loop (drop (call $input_len)) (br 0))",
        "(loop (call $log (i32.const 0) (i32.const 65536)) (br 0))",
    ] {
        let outcome = call(&run_body(body));
        assert_eq!((outcome.code(), outcome.gas), (Code::OutOfGas, GAS), "{body}");
    }
}

#[test]
fn recursion_without_end_exhausts_the_logical_stack() {
    let direct = r#"(func $f (export "call_run") (call $f))"#;
    let mutual = r#"(func $f (export "call_run") (call $g)) (func $g (call $f))"#;
    let indirect = r#"(table 1 1 funcref) (elem (i32.const 0) $f) (type $t (func))
        (func $f (export "call_run") (call_indirect (type $t) (i32.const 0)))"#;
    let with_result = r#"(func $f (param i32) (result i32) (i32.add (call $f (local.get 0)) (i32.const 1)))
        (func (export "call_run") (drop (call $f (i32.const 1))))"#;
    for fields in [direct, mutual, indirect, with_result] {
        let outcome = call(&contract(fields));
        assert_eq!(outcome.code(), Code::WasmStack, "{fields}: {}", outcome.message());
        assert!(outcome.gas < GAS);
    }
}

#[test]
fn the_stack_is_given_back_on_every_way_out() {
    // 100,000 calls one after the other, leaving by return, br, br_if, br_table and the end.
    let mut body = String::new();
    for exit in [
        "(return (i32.const 1))",
        "(br 0 (i32.const 1))",
        "(block (br 1 (i32.const 1)))(unreachable)",
        "(drop (br_if 0 (i32.const 1) (i32.const 1))) (unreachable)",
        "(br_table 0 0 (i32.const 1) (i32.const 0))",
        "(loop (return (i32.const 1))) (unreachable)",
        "(i32.const 1)",
    ] {
        let index = body.matches("$leave").count();
        let _ = write!(body, "(func $leave{index} (result i32) (drop (call $input_len)) {exit})");
    }
    let calls: String = (0..7).map(|index| format!("(drop (call $leave{index}))")).collect();
    let outcome = call(&contract(&format!(
        r#"{body} (func (export "call_run") (local i32)
        (loop {calls} (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 5000)))))"#
    )));
    assert_eq!(outcome.result, Ok(vec![]));
}

/// Functions whose machine code keeps many more values alive than the operand stack shows: common
/// expressions before and after a call, floats, constants, joins of many locals.
fn spilling(kind: usize, count: usize) -> String {
    let mut before = String::new();
    let mut after = String::new();
    for index in 0..count {
        let multiplier = 2 * index + 3;
        let at = 8 * index;
        let value = match kind {
            0 => format!("(i64.mul (local.get 0) (i64.const {multiplier}))"),
            1 => {
                format!("(i64.rotl (i64.mul (local.get 0) (local.get 0)) (i64.const {multiplier}))")
            }
            _ => format!("(i64.reinterpret_f64 (f64.mul (local.get 1) (f64.const {multiplier})))"),
        };
        let _ = write!(before, "(i64.store offset={at} (i32.const 0) {value})");
        let _ = write!(after, "(i64.store offset={at} (i32.const 4096) {value})");
    }
    let locals = "(local f64)".to_owned();
    format!(
        r#"(func $f (param i64) {locals} (local.set 1 (f64.convert_i64_s (local.get 0)))
            {before} (call $f (i64.add (local.get 0) (i64.const 1))) {after})
        (func (export "call_run") (call $f (i64.const 7)))"#
    )
}

fn big_memory(fields: &str) -> Vec<u8> {
    let text =
        format!(r#"(module (memory (export "memory") 4) (func (export "dadbs_abi_1")) {fields})"#);
    wat::parse_str(text).unwrap()
}

#[test]
fn functions_that_spill_hit_the_logical_limit_first() {
    for kind in 0..3 {
        for count in [1, 50, 400, 1_500] {
            let outcome = call(&big_memory(&spilling(kind, count)));
            let message = outcome.message();
            assert_eq!(outcome.code(), Code::WasmStack, "kind {kind}, {count} values: {message}");
        }
    }
}

#[test]
fn joins_of_many_locals_hit_the_logical_limit_first() {
    let locals = 200;
    let mut body = String::new();
    for block in 0..80 {
        let _ = write!(body, "(block (br_if 0 (i32.const 1))");
        for local in 0..locals {
            if (local + block) % 7 == 0 {
                let _ = write!(
                    body,
                    "(local.set {} (i64.mul (local.get {local}) (i64.const {})))",
                    local + 1,
                    block + 3
                );
            }
        }
        body.push(')');
    }
    let mut sum = "(i64.const 0)".to_owned();
    for local in 0..=locals {
        sum = format!("(i64.xor {sum} (local.get {local}))");
        if local % 40 == 39 {
            let _ = write!(body, "(i64.store (i32.const {}) {sum})", 8 * local);
            sum = "(i64.const 0)".to_owned();
        }
    }
    let locals = "i64 ".repeat(locals);
    let outcome = call(&big_memory(&format!(
        r#"(func $f (param i64) (local {locals}) {body} (call $f (i64.add (local.get 0) (i64.const 1))) {body})
        (func (export "call_run") (call $f (i64.const 7)))"#
    )));
    assert_eq!(outcome.code(), Code::WasmStack, "{}", outcome.message());
}

#[test]
fn a_call_needs_no_stack_of_its_thread() {
    // The native stack is mapped if the thread's is small.
    let handle = std::thread::Builder::new()
        .stack_size(256 << 10)
        .spawn(|| call(&contract(r#"(func $f (export "call_run") (call $f))"#)).code());
    assert_eq!(handle.unwrap().join().unwrap(), Code::WasmStack);
}

#[test]
fn memory_grows_to_the_limit_and_not_beyond() {
    let rest = limits::WASM_MEMORY_PAGES_MAX - 1;
    let grow = |pages: u32| format!("(memory.grow (i32.const {}))", pages.cast_signed());
    let outcome = call(&run_body(&format!(
        "(if (i32.ne {} (i32.const 1)) (then unreachable))
         (i32.store (i32.const 33554428) (i32.const 5))
         (if (i32.ne {} (i32.const -1)) (then unreachable))
         (if (i32.ne (memory.size) (i32.const 512)) (then unreachable))",
        grow(rest),
        grow(1)
    )));
    assert_eq!(outcome.result, Ok(vec![]));
    // Gas for an absurd request is charged before it is refused.
    let absurd = call(&run_body(&format!("(drop {})", grow(u32::MAX))));
    assert_eq!((absurd.code(), absurd.gas), (Code::OutOfGas, GAS));
    // A module's own maximum counts if it is smaller.
    let own = r#"(module (memory (export "memory") 1 2) (func (export "dadbs_abi_1"))
        (func (export "call_run") (if (i32.ne (memory.grow (i32.const 2)) (i32.const -1)) (then unreachable))))"#;
    assert_eq!(call(&wat::parse_str(own).unwrap()).result, Ok(vec![]));
}

#[test]
fn traps_are_rejections_with_our_own_text() {
    let table = "(table 2 2 funcref) (elem (i32.const 0) $other) (type $t (func)) (func $other (param i32))";
    for (body, text) in [
        ("(unreachable)", "unreachable"),
        ("(drop (i32.div_s (i32.const 1) (i32.const 0)))", "division by zero"),
        ("(drop (i64.rem_u (i64.const 1) (i64.const 0)))", "division by zero"),
        ("(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))", "integer overflow"),
        ("(drop (i32.trunc_f64_s (f64.const nan)))", "float that is no integer"),
        ("(drop (i32.trunc_f64_s (f64.const 1e300)))", "integer overflow"),
        ("(drop (i32.load (i32.const -1)))", "outside the memory"),
        ("(drop (i32.load (i32.const 65533)))", "outside the memory"),
        ("(i64.store offset=4294967295 (i32.const -1) (i64.const 0))", "outside the memory"),
        ("(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))", "outside the memory"),
        ("(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))", "outside the memory"),
        ("(call_indirect (type $t) (i32.const 0))", "another type"),
        ("(call_indirect (type $t) (i32.const 1))", "empty table element"),
        ("(call_indirect (type $t) (i32.const 2))", "outside the table"),
    ] {
        let outcome = call(&contract(&format!(r#"{table} (func (export "call_run") {body})"#)));
        assert_eq!(outcome.code(), Code::WasmTrap, "{body}");
        assert!(outcome.message().contains(text), "{body}: {}", outcome.message());
    }
}

#[test]
fn nan_has_one_bit_pattern() {
    for nan in [
        "(f64.div (f64.const 0) (f64.const 0))",
        "(f64.sqrt (f64.const -1))",
        "(f64.sub (f64.const inf) (f64.const inf))",
        "(f64.add (f64.const nan:0x123) (f64.const 1))",
        "(f64.mul (f64.const -nan:0xfffff) (f64.const 1))",
        "(f64.promote_f32 (f32.div (f32.const 0) (f32.const 0)))",
        "(f64.min (f64.const nan) (f64.const 1))",
    ] {
        let outcome = call(&run_body(&format!(
            "(i64.store (i32.const 0) (i64.reinterpret_f64 {nan})) (call $output_write (i32.const 0) (i32.const 8))"
        )));
        assert_eq!(outcome.result.unwrap(), 0x7ff8_0000_0000_0000u64.to_le_bytes(), "{nan}");
    }
}

/// Every host function with a hostile value in place of each pointer and length.
#[test]
fn pointers_outside_the_memory_end_the_call() {
    // `row_access` alone takes a number that is no address.
    for function in dadbs_abi::HOST_FUNCTIONS.iter().filter(|f| f.name != "row_access") {
        let hostile: &[(&str, &str)] = match function.params.len() {
            0 => &[],
            1 => &[("-1", ""), ("65533", ""), ("65537", ""), ("2147483647", "")],
            _ => &[
                ("-1", "1"),
                ("0", "-1"),
                ("1", "-1"),
                ("65535", "2"),
                ("65537", "0"),
                ("-1", "-1"),
                ("2147483647", "2147483647"),
                ("1", "65536"),
            ],
        };
        for (pointer, len) in hostile {
            for pair in 0..function.params.len().div_ceil(2) {
                let mut arguments = String::new();
                for (index, _) in function.params.iter().enumerate() {
                    let hit = index / 2 == pair;
                    let value = match (hit, index % 2) {
                        (true, 0) => pointer,
                        (true, _) => len,
                        (false, _) => "0",
                    };
                    let _ = write!(arguments, "(i32.const {value})");
                }
                let run = format!("(call ${} {arguments})", function.name);
                let run = if function.result.is_some() { format!("(drop {run})") } else { run };
                // The input and result slots hold four bytes.
                let body = format!("(call $context) {run}");
                let mut host = TestHost::new();
                host.context = vec![Value::Null, Value::Null];
                let wasm = run_body(&body);
                let outcome = call_with(&VM, &wasm, "call_run", b"four", host, GAS, Access::Write);
                assert_eq!(outcome.code(), Code::WasmMemory, "{run}: {:?}", outcome.result);
                assert_eq!(outcome.calls, ["context"], "{run}: nothing else reached the host");
            }
        }
    }
}

#[test]
fn empty_pairs_at_the_very_end_of_the_memory_are_inside() {
    let outcome = call(&run_body("(call $output_write (i32.const 65536) (i32.const 0))"));
    assert_eq!(outcome.result, Ok(vec![]));
    let outcome = call(&run_body("(call $result_read (i32.const 65536))"));
    assert_eq!(outcome.result, Ok(vec![]));
}

#[test]
fn what_crosses_is_limited() {
    let pages = "(drop (memory.grow (i32.const 40)))";
    for (body, code) in [
        ("(call $output_write (i32.const 0) (i32.const 1048577))", Code::WasmHost),
        (
            "(drop (call $sql_query (i32.const 0) (i32.const 1048577) (i32.const 0) (i32.const 0)))",
            Code::WasmHost,
        ),
        (
            "(drop (call $sql_exec (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 1048577)))",
            Code::WasmHost,
        ),
        ("(call $emit (i32.const 0) (i32.const 65537))", Code::WasmHost),
    ] {
        let outcome = call(&run_body(&format!("{pages} {body}")));
        assert_eq!(outcome.code(), code, "{body}: {}", outcome.message());
    }
    let full =
        call(&run_body(&format!("{pages} (call $output_write (i32.const 0) (i32.const 1048576))")));
    assert_eq!(full.result.unwrap().len(), 1_048_576);
    let input = vec![0; limits::WASM_INPUT_BYTES_MAX + 1];
    let wasm = run_body("");
    let outcome = call_with(&VM, &wasm, "call_run", &input, TestHost::new(), GAS, Access::Write);
    assert_eq!(outcome.code(), Code::WasmHost);
    // Long messages are cut, not refused.
    let long = call(&run_body(&format!("{pages} (call $abort (i32.const 0) (i32.const 1048576))")));
    assert_eq!(long.code(), Code::WasmAbort);
    assert!(long.message().len() < limits::WASM_LOG_BYTES_MAX + 100);
}

#[test]
fn arguments_that_do_not_decode_end_the_call() {
    let data = r#"(data (i32.const 0) "\ff\fe") (data (i32.const 16) "\01\00\09")"#;
    for body in [
        "(drop (call $sql_query (i32.const 0) (i32.const 2) (i32.const 0) (i32.const 0)))",
        "(drop (call $sql_query (i32.const 8) (i32.const 1) (i32.const 16) (i32.const 3)))",
        "(drop (call $sql_exec (i32.const 8) (i32.const 1) (i32.const 16) (i32.const 3)))",
        "(drop (call $sql_inspect (i32.const 0) (i32.const 2)))",
        "(call $emit (i32.const 16) (i32.const 3))",
        "(call $emit (i32.const 8) (i32.const 0))",
    ] {
        let outcome = call(&contract(&format!(r#"{data} (func (export "call_run") {body})"#)));
        assert_eq!(outcome.code(), Code::WasmHost, "{body}");
        assert_eq!(outcome.calls, [""; 0], "{body}");
    }
}

#[test]
fn events_are_a_type_and_pairs_of_texts() {
    let emit = |row: &[Value]| {
        let row = encode_row(row);
        let data: String = row.iter().map(|byte| format!("\\{byte:02x}")).collect();
        call(&contract(&format!(
            r#"(data (i32.const 0) "{data}") (func (export "call_run") (call $emit (i32.const 0) (i32.const {})))"#,
            row.len()
        )))
    };
    assert_eq!(
        emit(&["sale".into(), "by".into(), "ann".into()]).calls,
        [r#"emit sale [("by", "ann")]"#]
    );
    assert_eq!(emit(&["sale".into()]).calls, ["emit sale []"]);
    for wrong in [
        &["sale".into(), "by".into()][..],
        &[],
        &[5i64.into()],
        &["a".into(), "b".into(), Value::Null],
    ] {
        assert_eq!(emit(wrong).code(), Code::WasmHost, "{wrong:?}");
    }
}

#[test]
fn a_view_cannot_write() {
    for function in dadbs_abi::HOST_FUNCTIONS.iter().filter(|function| function.writes) {
        let arguments = "(i32.const 0)".repeat(function.params.len());
        let run = format!("(call ${} {arguments})", function.name);
        let run = if function.result.is_some() { format!("(drop {run})") } else { run };
        let wasm = contract(&format!(r#"(func (export "view_run") {run})"#));
        let outcome = call_with(&VM, &wasm, "view_run", &[], TestHost::new(), GAS, Access::Read);
        assert_eq!(outcome.code(), Code::WasmReadOnly, "{}", function.name);
        assert_eq!(outcome.calls, [""; 0]);
    }
}

#[test]
fn sql_rejections_are_statuses_and_others_end_the_call() {
    let query = "(call $sql_query (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0))";
    let wasm = run_body(&format!(
        "(i32.store (i32.const 0) {query}) (i32.store (i32.const 4) (call $result_len))
        (call $output_write (i32.const 0) (i32.const 8))"
    ));
    for code in Code::ALL {
        let host = TestHost::rejecting(*code);
        let outcome = call_with(&VM, &wasm, "call_run", &[], host, GAS, Access::Write);
        if code.codespace() == "sql" {
            let status = (-code.number().cast_signed()).to_le_bytes();
            assert_eq!(outcome.result.unwrap(), [status, [0; 4]].concat(), "{code:?}");
        } else {
            assert_eq!(outcome.code(), *code);
        }
    }
    let mut host = TestHost::new();
    host.answers.push_back(Err(Error::fatal("the disk is gone")));
    let outcome = call_with(&VM, &wasm, "call_run", &[], host, GAS, Access::Write);
    assert_eq!(outcome.result, Err(Error::fatal("the disk is gone")));
}

#[test]
fn an_abort_tells_of_the_statement_that_failed() {
    let wasm = run_body(
        "(drop (call $sql_query (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))
        (i32.store8 (i32.const 0) (i32.const 104)) (call $abort (i32.const 0) (i32.const 1))",
    );
    let host = TestHost::rejecting(Code::SqlConstraint);
    let outcome = call_with(&VM, &wasm, "call_run", &[], host, GAS, Access::Write);
    assert_eq!(
        outcome.message(),
        "h (the last statement that failed: as the test wishes) [wasm/7]"
    );
}

#[test]
fn the_result_slot_keeps_its_bytes_while_it_is_read_again_and_again() {
    let mut host = TestHost::new();
    let result = Answer::encode(&["a"], &[vec![5i64.into()]]);
    host.answers.push_back(Ok(Answer { number: 1, result: result.clone() }));
    let wasm = run_body(
        "(drop (call $sql_query (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0)))
        (call $result_read (i32.const 100)) (call $result_read (i32.const 101)) (call $result_read (i32.const 99))
        (call $output_write (i32.const 99) (call $result_len))",
    );
    let outcome = call_with(&VM, &wasm, "call_run", &[], host, GAS, Access::Write);
    assert_eq!(outcome.result.unwrap(), result);
}

#[test]
fn nothing_survives_a_call() {
    let wasm = contract(
        r#"(global $count (mut i32) (i32.const 0)) (func (export "call_run")
        (global.set $count (i32.add (global.get $count) (i32.const 1)))
        (i32.store (i32.const 0) (i32.add (i32.load (i32.const 0)) (global.get $count)))
        (drop (memory.grow (i32.const 3)))
        (i32.store (i32.const 200000) (i32.add (i32.load (i32.const 200000)) (i32.load (i32.const 0))))
        (call $output_write (i32.const 200000) (i32.const 4)))"#,
    );
    let code = load(&VM, &wasm);
    for _ in 0..200 {
        let mut gas = GasMeter::new(GAS);
        let output = VM.call(&code, "call_run", &[], &mut TestHost::new(), &mut gas, Access::Write);
        assert_eq!(output.unwrap(), 1u32.to_le_bytes());
    }
}

#[test]
fn many_threads_read_at_once() {
    let wasm = run_body(
        "(call $input_read (i32.const 0)) (call $output_write (i32.const 0) (call $input_len))",
    );
    let code = load(&VM, &wasm);
    std::thread::scope(|scope| {
        for thread in 0..100u32 {
            let code = &code;
            scope.spawn(move || {
                for _ in 0..20 {
                    let mut gas = GasMeter::new(GAS);
                    let input = thread.to_le_bytes();
                    let output = VM.call(
                        code,
                        "call_run",
                        &input,
                        &mut TestHost::new(),
                        &mut gas,
                        Access::Read,
                    );
                    assert_eq!(output.unwrap(), input);
                }
            });
        }
    });
}
