//! Contracts end to end: validated, instrumented, compiled, called.

mod support;

use dadbs_types::gas::price;
use dadbs_types::value::{decode_row, encode_row};
use dadbs_types::{Code, Value};
use dadbs_vm::Access;
use dadbs_vm::testing::TestHost;
use support::{GAS, VM, call, call_with, contract, run_body};

#[test]
fn an_echo_reads_its_input_and_writes_its_output() {
    let wasm = run_body(
        "(call $input_read (i32.const 100)) (call $output_write (i32.const 100) (call $input_len))",
    );
    let outcome = call_with(&VM, &wasm, "call_run", b"hello", TestHost::new(), GAS, Access::Write);
    assert_eq!(outcome.result.unwrap(), b"hello");
}

#[test]
fn the_context_row_arrives_through_the_result_slot() {
    let wasm = run_body(
        "(call $context) (call $result_read (i32.const 0)) (call $output_write (i32.const 0) (call $result_len))",
    );
    let mut host = TestHost::new();
    host.context = vec![Value::Integer(7), "devnet".into()];
    let outcome = call_with(&VM, &wasm, "call_run", &[], host, GAS, Access::Read);
    let row = decode_row(&outcome.result.unwrap()).unwrap();
    assert_eq!(row, vec![Value::Integer(7), "devnet".into()]);
}

#[test]
fn gas_used_is_what_was_used_whatever_the_limit() {
    let tell = "(call $gas_used) (call $result_read (i32.const 0)) (call $output_write (i32.const 0) (call $result_len))";
    let told = |before: &str, limit: u64| {
        let wasm = run_body(&format!("{before} {tell}"));
        let outcome = call_with(&VM, &wasm, "call_run", &[], TestHost::new(), limit, Access::Read);
        let row = decode_row(&outcome.result.unwrap()).unwrap();
        let [Value::Integer(told)] = row[..] else { panic!("{row:?}") };
        assert!(told.unsigned_abs() < outcome.gas, "{told} of {}", outcome.gas);
        told
    };
    assert_eq!(told("", GAS), told("", GAS / 2));
    // A page of memory, and the instruction that asks for it.
    let page = told("(drop (memory.grow (i32.const 1)))", GAS) - told("", GAS);
    assert!((price::WASM_PAGE..price::WASM_PAGE + 2_000).contains(&page.unsigned_abs()), "{page}");
}

#[test]
fn a_statement_reaches_the_host_with_its_parameters() {
    let rows =
        [1u8, 0, 0, 0].iter().chain(&encode_row(&[5i64.into()])).copied().collect::<Vec<u8>>();
    let data: String = rows.iter().map(|byte| format!("\\{byte:02x}")).collect();
    let wasm = contract(&format!(
        r#"(data (i32.const 0) "INSERT INTO t VALUES (?)") (data (i32.const 64) "{data}")
        (func (export "call_run")
            (if (i32.ne (call $sql_exec (i32.const 0) (i32.const 24) (i32.const 64) (i32.const {}))
                        (i32.const 0)) (then unreachable)))"#,
        rows.len()
    ));
    let outcome = call(&wasm);
    assert_eq!(outcome.calls, ["exec INSERT INTO t VALUES (?) [[Integer(5)]]"]);
    outcome.result.unwrap();
}

#[test]
fn an_empty_call_costs_its_fixed_price() {
    let outcome = call(&run_body(""));
    assert_eq!(outcome.result, Ok(vec![]));
    assert_eq!(outcome.gas, price::WASM_CALL);
}

#[test]
fn an_unknown_entry_point_is_rejected() {
    let outcome =
        call_with(&VM, &run_body(""), "call_walk", &[], TestHost::new(), GAS, Access::Write);
    assert_eq!(outcome.code(), Code::EntryNotFound);
    let marker =
        call_with(&VM, &run_body(""), "dadbs_abi_1", &[], TestHost::new(), GAS, Access::Write);
    assert_eq!(marker.code(), Code::EntryNotFound);
}

#[test]
fn an_infinite_loop_runs_out_of_gas() {
    let outcome = call(&run_body("(loop (br 0))"));
    assert_eq!(outcome.code(), Code::OutOfGas);
    assert_eq!(outcome.gas, GAS);
}
