//! Gas: golden traces, independence of caches, and a second way of counting.

mod support;

use dadbs_types::GasMeter;
use dadbs_types::gas::price;
use dadbs_types::{Code, Error};
use dadbs_vm::testing::TestHost;
use dadbs_vm::{Access, Vm};
use support::naive::{self, Ended};
use support::{GAS, VM, call, call_with, contract, hash, load, run_body, smith};

/// Contracts whose gas is written down here: a change of weights, segments or prices shows.
const GOLDEN: &[(&str, &str, u64)] = &[
    ("nothing", "", 0),
    ("a constant", "(drop (i32.const 1))", 2),
    (
        "ten rounds",
        "(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 10))))",
        100,
    ),
    (
        "one arm",
        "(if (i32.const 1) (then (drop (i64.div_s (i64.const 7) (i64.const 2)))) (else (unreachable)))",
        18,
    ),
    ("a grown page", "(drop (memory.grow (i32.const 1)))", 1_002 + price::WASM_PAGE),
    ("a filled kibibyte", "(memory.fill (i32.const 0) (i32.const 7) (i32.const 1024))", 153 + 256),
    ("a host call", "(drop (call $input_len))", 9 + 50),
    ("a store and a load", "(i32.store (i32.const 0) (i32.load (i32.const 4)))", 18),
    ("an early return", "(block (br_if 0 (i32.const 0)) (return)) (unreachable)", 6),
];

#[test]
fn golden_traces() {
    for (name, body, gas) in GOLDEN {
        let outcome = call(&run_body(body));
        assert_eq!(outcome.result, Ok(vec![]), "{name}");
        assert_eq!(outcome.gas - price::WASM_CALL, *gas, "{name}");
    }
}

#[test]
fn gas_up_to_a_trap_is_the_segments_that_were_entered() {
    // 1,000 rounds of 10 and then a division whose segment is charged as a whole: drop, div, two
    // constants, and the constant and drop behind it.
    let outcome = call(&run_body(
        "(local i32)
        (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 1000))))
        (drop (i32.div_u (i32.const 1) (i32.const 0))) (drop (i32.const 0))",
    ));
    assert_eq!(outcome.code(), Code::WasmTrap);
    assert_eq!(outcome.gas - price::WASM_CALL, 10_000 + 13 + 2);
}

#[test]
fn initial_pages_beyond_the_free_ones_are_charged() {
    let with_pages = |pages: u64| {
        let text = format!(
            r#"(module (memory (export "memory") {pages}) (func (export "dadbs_abi_1")) (func (export "call_run")))"#
        );
        call(&wat::parse_str(text).unwrap()).gas
    };
    assert_eq!(with_pages(price::WASM_CALL_PAGES), price::WASM_CALL);
    assert_eq!(with_pages(64), price::WASM_CALL + 60 * price::WASM_PAGE);
}

#[test]
fn gas_is_the_same_cold_cached_first_thousandth_and_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let wasm = run_body(GOLDEN[2].1);
    let mut seen = std::collections::BTreeSet::new();
    for reopened in 0..3 {
        let vm = Vm::new(Some(directory.path())).unwrap();
        let mut fetched = 0;
        for _ in 0..1_000 {
            let code = vm
                .load(&hash(&wasm), &mut || {
                    fetched += 1;
                    Ok(wasm.clone())
                })
                .unwrap();
            let mut gas = GasMeter::new(GAS);
            vm.call(&code, "call_run", &[], &mut TestHost::new(), &mut gas, Access::Write).unwrap();
            seen.insert(gas.used());
        }
        assert_eq!(fetched, i32::from(reopened == 0), "the disk serves the second opening");
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [price::WASM_CALL + 100]);
}

#[test]
fn a_limit_of_exactly_the_gas_suffices_and_one_less_does_not() {
    let wasm = run_body(GOLDEN[2].1);
    let used = call(&wasm).gas;
    let with =
        |limit| call_with(&VM, &wasm, "call_run", &[], TestHost::new(), limit, Access::Write);
    assert_eq!(with(used).result, Ok(vec![]));
    let short = with(used - 1);
    assert_eq!((short.code(), short.gas), (Code::OutOfGas, used - 1));
    assert_eq!(with(price::WASM_CALL - 1).code(), Code::OutOfGas);
    assert_eq!(with(0).code(), Code::OutOfGas);
}

#[test]
fn a_meter_without_end_is_usable() {
    let mut gas = GasMeter::new(u64::MAX);
    let code = load(&VM, &run_body(GOLDEN[6].1));
    VM.call(&code, "call_run", &[], &mut TestHost::new(), &mut gas, Access::Write).unwrap();
    assert_eq!(gas.used(), price::WASM_CALL + GOLDEN[6].2);
}

#[test]
fn what_the_host_charges_counts_inside_the_contract() {
    let wasm = run_body(
        "(drop (call $sql_query (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0))) (loop (br 0))",
    );
    let mut host = TestHost::new();
    host.sql_gas = GAS;
    let outcome = call_with(&VM, &wasm, "call_run", &[], host, GAS, Access::Write);
    assert_eq!((outcome.code(), outcome.gas), (Code::OutOfGas, GAS));
}

/// Contracts with every shape of control flow, for the second count.
const SHAPES: &[&str] = &[
    "(block (block (block (br_table 0 1 2 (i32.const 1))) (drop (i32.const 1))) (drop (i64.const 2)))",
    "(local i32) (block (loop (br_if 1 (i32.ge_u (local.get 0) (i32.const 50)))
        (local.set 0 (i32.add (local.get 0) (i32.const 3)))
        (if (i32.and (local.get 0) (i32.const 1)) (then (br 1))) (br 0)))",
    "(block $out (if (i32.const 1) (then (br $out)) (else (drop (i32.const 1)))) (unreachable))",
    "(drop (if (result i32) (i32.const 0) (then (i32.const 1)) (else (block (result i32) (br 0 (i32.const 2))))))",
    "(block (loop (loop (br 2))) (unreachable)) (drop (memory.size))",
    "(memory.copy (i32.const 0) (i32.const 8) (i32.const 77)) (drop (memory.grow (i32.const 600)))",
    "(block (block (br 1)) (block (loop (br 0)))) (drop (f64.div (f64.const 1) (f64.const 0)))",
];

#[allow(clippy::unnecessary_wraps)]
fn check_against_naive(engine: &wasmtime::Engine, wasm: &[u8], limit: u64) -> Option<Ended> {
    let code = load(&VM, wasm);
    // What is not operators.
    let pages = initial_pages(wasm).saturating_sub(price::WASM_CALL_PAGES);
    let fixed = price::WASM_CALL + price::WASM_PAGE * pages;
    let mut gas = GasMeter::new(limit + fixed);
    let outcome = VM.call(&code, "call_run", &[], &mut TestHost::new(), &mut gas, Access::Write);
    let used = gas.used() - fixed;
    let (ended, counted) = naive::run(engine, wasm, "call_run", limit);
    match (&outcome, &ended) {
        (Ok(_), Ended::Returned) => assert_eq!(used, counted, "returned"),
        (Err(Error::Rejected(rejection)), Ended::Trapped) => match rejection.code {
            Code::WasmTrap => {
                assert!(used >= counted, "a trap pays at least for what ran: {used} {counted}");
            }
            // The segment of the trap did not fit.
            Code::OutOfGas | Code::WasmStack => {}
            other => panic!("{other:?} {}", rejection.message),
        },
        (Err(Error::Rejected(rejection)), Ended::OutOfGas) => {
            assert!(matches!(rejection.code, Code::OutOfGas | Code::WasmStack), "{rejection}");
        }
        (Err(Error::Rejected(_)), Ended::OutOfStack) => {}
        other => panic!("{other:?}"),
    }
    Some(ended)
}

fn initial_pages(wasm: &[u8]) -> u64 {
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        if let wasmparser::Payload::MemorySection(section) = payload.unwrap() {
            return section.into_iter().next().unwrap().unwrap().initial;
        }
    }
    0
}

#[test]
fn segments_equal_operators_counted_one_by_one() {
    let engine = naive::engine();
    for body in SHAPES {
        let text = format!(
            r#"(module (memory (export "memory") 1) (func (export "dadbs_abi_1"))
            (func $helper (param i32) (result i32) (if (result i32) (local.get 0) (then (return (i32.const 3))) (else (i32.const 4))))
            (func (export "call_run") (drop (call $helper (i32.const 1))) (call $body) (drop (call $helper (i32.const 0))))
            (func $body {body}))"#
        );
        let ended = check_against_naive(&engine, &wat::parse_str(text).unwrap(), 50_000_000);
        assert_eq!(ended, Some(Ended::Returned), "{body}");
    }
}

fn random_programs(seeds: std::ops::Range<u64>) -> [usize; 4] {
    let engine = naive::engine();
    let mut ends = [0; 4];
    for seed in seeds {
        let Some(wasm) = smith::module(seed, smith::contract_config()) else { continue };
        if VM.validate(&wasm).is_err() {
            continue;
        }
        let ended = check_against_naive(&engine, &wasm, 1_000_000);
        ends[ended.map_or(0, |ended| ended as usize)] += 1;
    }
    ends
}

#[test]
fn random_programs_cost_the_sum_of_their_operators() {
    let ends = random_programs(0..300);
    println!("returned, trapped, out of gas, out of stack: {ends:?}");
    assert!(ends[0] > 50 && ends[1] > 10, "{ends:?}: the generator makes too few of a kind");
}

#[test]
#[ignore = "slow: 20,000 random programs"]
fn many_random_programs_cost_the_sum_of_their_operators() {
    println!("returned, trapped, out of gas, out of stack: {:?}", random_programs(300..20_300));
}

#[test]
fn unused_code_costs_nothing() {
    let lean = call(&run_body("")).gas;
    let fat = call(&contract(r#"(func $unused (loop (br 0))) (func (export "call_run"))"#)).gas;
    assert_eq!(lean, fat);
}
