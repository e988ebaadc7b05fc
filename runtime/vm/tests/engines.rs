//! Results, traps and gas belong to the module, not to who runs it: the node's compiler, the same with
//! other optimizations, and an interpreter agree on every one of them.

mod support;

use dadbs_types::value::encode_row;
use dadbs_types::{Code, Error, GasMeter, Value};
use dadbs_vm::testing::{TestHost, other_optimizations};
use dadbs_vm::{Access, Answer, Vm};
use support::interpreter::{self, Interpreted, State};
use support::{GAS, VM, contract, load, run_body, smith};

/// One call of one module.
struct Case {
    wasm: Vec<u8>,
    entry: String,
    input: Vec<u8>,
    limit: u64,
    answers: Vec<Answer>,
}

impl Case {
    fn of(wasm: Vec<u8>, limit: u64) -> Case {
        Case { wasm, entry: "call_run".into(), input: b"four".to_vec(), limit, answers: Vec::new() }
    }

    fn context() -> Vec<Value> {
        let texts = ["chain", "hash", "dadbs1caller", "shop", "dadbs1contract"].map(Value::from);
        [7i64.into(), 1_700_000_000_000i64.into()].into_iter().chain(texts).collect()
    }

    fn compiled(&self, vm: &Vm) -> Interpreted {
        let code = load(vm, &self.wasm);
        let mut host = TestHost::new();
        host.context = Case::context();
        host.answers = self.answers.iter().cloned().map(Ok).collect();
        let mut gas = GasMeter::new(self.limit);
        let result = vm.call(&code, &self.entry, &self.input, &mut host, &mut gas, Access::Write);
        let result = result.map_err(|error| match error {
            Error::Rejected(rejection) => rejection.code,
            Error::Fatal(fatal) => panic!("{}: {fatal:?}", self.entry),
        });
        Interpreted { result, gas: gas.used() }
    }

    fn interpreted(&self) -> Interpreted {
        let state = State {
            input: self.input.clone(),
            context: Case::context(),
            answers: self.answers.clone(),
            result: Vec::new(),
            output: Vec::new(),
            ended: None,
        };
        interpreter::call(&self.wasm, &self.entry, self.limit, state)
    }
}

/// What each case came to, once everybody has agreed on it.
fn agreed(cases: &[Case]) -> Vec<Interpreted> {
    let others = other_optimizations().unwrap();
    let run = |case: &Case| {
        let ours = case.compiled(&VM);
        for (name, vm) in &others {
            assert_eq!(case.compiled(vm), ours, "optimized for {name}: {}", case.entry);
        }
        let theirs = case.interpreted();
        let text = || wasmprinted(&case.wasm);
        assert_eq!(theirs, ours, "interpreted: {} of\n{}", case.entry, text());
        ours
    };
    cases.iter().map(run).collect()
}

fn wasmprinted(wasm: &[u8]) -> String {
    format!("a module of {} bytes, BLAKE3 {}", wasm.len(), blake3::hash(wasm))
}

/// Entry points with every way to end, and every kind of gas.
const BODIES: &[&str] = &[
    "",
    "(unreachable)",
    "(drop (i32.div_s (i32.const 1) (i32.const 0)))",
    "(drop (i64.rem_u (i64.const 1) (i64.const 0)))",
    "(drop (i32.div_s (i32.const -2147483648) (i32.const -1)))",
    "(drop (i32.trunc_f64_s (f64.const nan)))",
    "(drop (i64.trunc_f32_u (f32.const 1e30)))",
    "(drop (i32.load (i32.const -1)))",
    "(i64.store offset=4294967295 (i32.const -1) (i64.const 0))",
    "(memory.fill (i32.const 65535) (i32.const 0) (i32.const 2))",
    "(memory.copy (i32.const 0) (i32.const 65535) (i32.const 2))",
    "(memory.copy (i32.const 5) (i32.const 0) (i32.const 4000))",
    "(drop (memory.grow (i32.const 20))) (i32.store (i32.const 131072) (i32.const 1))",
    "(drop (memory.grow (i32.const 4000)))",
    "(loop (br 0))",
    "(loop (drop (memory.grow (i32.const 0))) (br 0))",
    "(local i32) (loop (br_if 0 (i32.lt_u (local.tee 0 (i32.add (local.get 0) (i32.const 1))) (i32.const 100000))))",
    "(drop (call $input_len)) (call $input_read (i32.const 8)) (call $output_write (i32.const 6) (i32.const 8))",
    "(call $input_read (i32.const 65534))",
    "(call $abort (i32.const 0) (i32.const 5))",
    "(call $context) (call $result_read (i32.const 100)) (call $output_write (i32.const 100) (call $result_len))",
    "(drop (call $sql_query (i32.const 0) (i32.const 9) (i32.const 0) (i32.const 0))) (unreachable)",
    "(call $output_write (i32.const 1) (i32.const -1))",
    "(i64.store (i32.const 0) (i64.reinterpret_f64 (f64.div (f64.const 0) (f64.const 0)))) (call $output_write (i32.const 0) (i32.const 8))",
    "(f32.store (i32.const 0) (f32.sqrt (f32.const -4))) (call $output_write (i32.const 0) (i32.const 4))",
];

const FIELDS: &[&str] = &[
    r#"(func $f (export "call_run") (call $f))"#,
    r#"(func $f (param i64 i64) (result i64) (i64.add (call $f (local.get 1) (local.get 0)) (i64.const 1)))
       (func (export "call_run") (drop (call $f (i64.const 1) (i64.const 2))))"#,
    r#"(table 3 3 funcref) (elem (i32.const 0) $a) (type $t (func)) (func $a (param i32))
       (func (export "call_run") (call_indirect (type $t) (i32.const 0)))"#,
    r#"(table 3 3 funcref) (elem (i32.const 0) $a) (type $t (func)) (func $a)
       (func (export "call_run") (call_indirect (type $t) (i32.const 0)) (call_indirect (type $t) (i32.const 1)))"#,
    r#"(table 3 3 funcref) (type $t (func)) (func (export "call_run") (call_indirect (type $t) (i32.const 3)))"#,
    r#"(func $fib (param i32) (result i32) (if (result i32) (i32.lt_u (local.get 0) (i32.const 2)) (then (local.get 0))
         (else (i32.add (call $fib (i32.sub (local.get 0) (i32.const 1))) (call $fib (i32.sub (local.get 0) (i32.const 2)))))))
       (func (export "call_run") (i32.store (i32.const 0) (call $fib (i32.const 18))) (call $output_write (i32.const 0) (i32.const 4)))"#,
];

#[test]
fn every_way_to_end_is_the_same_everywhere() {
    let bodies = BODIES.iter().map(|body| run_body(body));
    let modules: Vec<Vec<u8>> =
        bodies.chain(FIELDS.iter().map(|fields| contract(fields))).collect();
    // Enough gas, and so little that it ends somewhere inside.
    let limits = [20_000_000, 21_000, 20_040];
    let cases: Vec<Case> =
        modules.iter().flat_map(|wasm| limits.map(|limit| Case::of(wasm.clone(), limit))).collect();
    let outcomes = agreed(&cases);
    for code in [Code::OutOfGas, Code::WasmTrap, Code::WasmStack, Code::WasmMemory, Code::WasmAbort]
    {
        assert!(outcomes.iter().any(|outcome| outcome.result == Err(code)), "{code:?}");
    }
    assert!(outcomes.iter().any(|outcome| outcome.result.as_ref().is_ok_and(|o| !o.is_empty())));
}

fn generated(seeds: std::ops::Range<u64>) {
    let cases: Vec<Case> = seeds
        .filter_map(|seed| smith::module(seed, smith::contract_config()))
        .filter(|wasm| VM.validate(wasm).is_ok())
        .map(|wasm| Case::of(wasm, 2_000_000))
        .collect();
    let outcomes = agreed(&cases);
    let count =
        |of: fn(&Interpreted) -> bool| outcomes.iter().filter(|outcome| of(outcome)).count();
    let ends = [
        count(|outcome| outcome.result.is_ok()),
        count(|outcome| outcome.result == Err(Code::WasmTrap)),
        count(|outcome| outcome.result == Err(Code::OutOfGas)),
        count(|outcome| outcome.result == Err(Code::WasmStack)),
    ];
    println!("returned, trapped, out of gas, out of stack: {ends:?}");
    assert!(ends[0] > 30 && ends[1] > 10, "{ends:?}: the generator makes too few of a kind");
}

#[test]
fn generated_modules_are_the_same_everywhere() {
    generated(0..150);
}

#[test]
#[ignore = "slow: 5,000 generated modules"]
fn many_generated_modules_are_the_same_everywhere() {
    generated(100..5_100);
}

/// The stock contract, which every chain runs.
const DATABASE: &[u8] = include_bytes!("../../../contracts/artifacts/database.wasm");

#[test]
fn a_real_contract_is_the_same_everywhere() {
    let inputs: [Vec<u8>; 5] = [
        Vec::new(),
        encode_row(&[Value::Null]),
        encode_row(&["INSERT INTO t VALUES (1)".into(), Value::Null]),
        encode_row(&["a".into(), "b".into(), "c".into(), "d".into()]),
        vec![0xff; 300],
    ];
    let owner = |rows: &[Vec<Value>]| Answer {
        number: u32::try_from(rows.len()).unwrap(),
        result: Answer::encode(&["owner"], rows),
    };
    let scripts = [
        Vec::new(),
        vec![owner(&[vec!["dadbs1caller".into()]]); 6],
        vec![owner(&[]); 6],
        vec![Answer { number: 1, result: vec![9; 40] }],
    ];
    let code = load(&VM, DATABASE);
    let mut cases = Vec::new();
    for entry in code.entries().filter(|entry| *entry != dadbs_abi::MARKER) {
        for input in &inputs {
            for answers in &scripts {
                for limit in [GAS, 30_000] {
                    let (wasm, input) = (DATABASE.to_vec(), input.clone());
                    let (entry, answers) = (entry.to_owned(), answers.clone());
                    cases.push(Case { wasm, entry, input, limit, answers });
                }
            }
        }
    }
    let outcomes = agreed(&cases);
    let returned = outcomes.iter().filter(|outcome| outcome.result.is_ok()).count();
    println!("{returned} of {} calls returned", outcomes.len());
    assert!(returned > 5, "{returned}");
}
