//! Contracts through transactions: what is refused at upload, and what hostile code can do.
//!
//! 1. A module that is invalid, too large or asks for what is not offered is refused when it is stored,
//!    and costs its sender.
//! 2. Whatever code does, its transaction ends with a numbered rejection within its gas, undone; the
//!    other transactions of the block keep their effects.
//! 3. Names of contracts are checked and unique; code must exist.
//! 4. Only the admin migrates; a contract without one never changes.
//! 5. `init` and `migrate` that fail leave no contract and no new code.
//! 6. A view cannot write, whichever way it tries.
//! 7. Events are bounded; output that is not rows is refused.
#![allow(
    clippy::cast_possible_wrap,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "test data is small; tables are long"
)]

use dadbs_app::TxResult;
use dadbs_client::tx::any;
use dadbs_proto::dadbs::contract::v1::{
    ContractsRequest, ContractsResponse, MsgMigrate, MsgStoreCode, ViewRequest, ViewResponse,
};
use dadbs_tests::{Chain, key};
use dadbs_types::value::{encode_row, encode_rows};
use dadbs_types::{Code, Error, Value, limits};
use dadbs_vm::testing::imports;
use prost_types::Any;
use std::fmt::Write as _;

/// A contract with these fields and an `init` that does nothing.
fn contract(fields: &str) -> Vec<u8> {
    let init = if fields.contains("\"init\"") { "" } else { r#"(func (export "init"))"# };
    let text = format!(
        r#"(module {} (memory (export "memory") 1) (func (export "dadbs_abi_1")) {init} {fields})"#,
        imports()
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

/// Bytes as a string of the text format.
fn data(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "\\{byte:02x}");
        text
    })
}

fn code(code: Code) -> (&'static str, u32) {
    (code.codespace(), code.number())
}

fn verdict(result: &TxResult) -> (&str, u32) {
    (&result.codespace, result.code)
}

fn store(chain: &Chain, wasm: Vec<u8>) -> Any {
    any(&MsgStoreCode { sender: chain.address(0).to_string(), wasm })
}

/// Runs a message between two others, which must not notice.
fn run(chain: &mut Chain, message: Any, gas: u64) -> TxResult {
    let send = chain.send(1, key(2).address(), 3);
    let txs = vec![
        chain.sign_with_gas(1, vec![send.clone()], 200_000),
        chain.sign_with_gas(0, vec![message], gas),
        chain.sign_with_gas(1, vec![send], 200_000),
    ];
    let mut results = chain.block(txs).tx_results;
    assert!(results[0].is_ok() && results[2].is_ok());
    let result = results.remove(1);
    assert!(result.gas_used > 70_000 && result.gas_used <= gas, "it costs: {}", result.gas_used);
    result
}

#[test]
fn rule_1_modules_are_checked_when_they_are_stored() {
    let mut chain = Chain::memory(2);
    let good = contract("");
    let bare = |text: &str| wat::parse_str(text).unwrap();
    let marker = r#"(func (export "dadbs_abi_1"))"#;
    let memory = r#"(memory (export "memory") 1)"#;
    let import = |what: &str| bare(&format!("(module (import {what}) {memory} {marker})"));
    let nops = |count: usize| contract(&format!("(func {})", "(nop)".repeat(count)));
    let rows: Vec<(&str, Code, Vec<u8>)> = vec![
        ("nothing", Code::WasmInvalid, vec![]),
        ("text", Code::WasmInvalid, b"not wasm at all".to_vec()),
        ("a cut module", Code::WasmInvalid, good[..good.len() - 3].to_vec()),
        ("a component", Code::WasmInvalid, b"\0asm\x0d\0\x01\0".to_vec()),
        ("a foreign import", Code::WasmImport, import(r#""env" "abort" (func)"#)),
        ("a system call", Code::WasmImport, {
            import(
                r#""wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32))"#,
            )
        }),
        ("an unknown host function", Code::WasmImport, import(r#""dadbs_1" "exit" (func)"#)),
        ("a host function of a later interface", Code::WasmImport, {
            import(r#""dadbs_2" "context" (func)"#)
        }),
        ("a host function of another type", Code::WasmImport, {
            import(r#""dadbs_1" "input_len" (func (result i64))"#)
        }),
        ("an imported memory", Code::WasmImport, {
            bare(&format!(r#"(module (import "dadbs_1" "memory" (memory 1)) {marker})"#))
        }),
        ("no memory", Code::WasmExport, bare(&format!("(module {marker})"))),
        ("no marker", Code::WasmExport, bare(&format!("(module {memory})"))),
        ("an entry point with a parameter", Code::WasmExport, {
            contract(r#"(func (export "call_x") (param i32))"#)
        }),
        ("too large", Code::WasmLimit, {
            let half = "x".repeat(limits::WASM_DATA_BYTES_MAX);
            let mut wasm = contract(&format!(r#"(data (i32.const 0) "{}")"#, &half[..100]));
            // Custom sections until it is over the limit.
            while wasm.len() <= limits::WASM_CODE_BYTES_MAX {
                wasm.extend([0, 0x80, 0x80, 4, 1, b'x']);
                wasm.extend(vec![0; 65_534]);
            }
            wasm
        }),
        ("a memory that starts too large", Code::WasmLimit, {
            bare(&format!(r#"(module (memory (export "memory") 65) {marker})"#))
        }),
        ("a function too long", Code::WasmLimit, nops(40_000)),
        ("too many functions", Code::WasmLimit, {
            contract(&"(func)".repeat(limits::WASM_FUNCTIONS_MAX as usize + 1))
        }),
        ("too many globals", Code::WasmLimit, {
            contract(&"(global i32 (i32.const 0))".repeat(limits::WASM_GLOBALS_MAX as usize + 1))
        }),
        ("a start function", Code::WasmInvalid, contract("(func $s) (start $s)")),
        ("threads", Code::WasmInvalid, { b"\0asm\x01\0\0\0\x05\x04\x01\x03\x01\x01".to_vec() }),
        ("vectors", Code::WasmInvalid, { contract("(func (result v128) (v128.const i64x2 0 0))") }),
    ];
    for (name, expected, wasm) in rows {
        let codes = chain.rows("", "SELECT count(*) FROM chain.codes");
        let message = store(&chain, wasm);
        let result = run(&mut chain, message, 400_000_000);
        let got = verdict(&result);
        // Which of the two a refusal of the format is, the validator's order decides.
        let near = [code(Code::WasmInvalid), code(Code::WasmLimit), code(Code::WasmExport)];
        let same = got == code(expected) || (near.contains(&code(expected)) && near.contains(&got));
        assert!(same, "{name}: {got:?} {}", result.log);
        if got != code(expected) {
            println!("{name}: {got:?} where {expected} was expected: {}", result.log);
        }
        assert!(result.log.len() > 10, "{name}");
        assert_eq!(chain.rows("", "SELECT count(*) FROM chain.codes"), codes, "{name}");
    }
    let message = store(&chain, good);
    assert!(run(&mut chain, message, 400_000_000).is_ok());
}

/// Stores and instantiates a contract under its own name.
fn deploy(chain: &mut Chain, name: &str, fields: &str) {
    let id = chain.store_code(0, contract(fields));
    let message = chain.instantiate(0, id, name, "");
    let result = chain.run(0, vec![message]);
    assert!(result.is_ok(), "{name}: {}", result.log);
}

#[test]
fn rule_2_hostile_code_ends_within_its_gas() {
    let mut chain = Chain::memory(2);
    let insert = data(b"INSERT INTO t VALUES (1)");
    let create = data(b"CREATE TABLE t (a)");
    let wrote = format!(
        r#"(data (i32.const 0) "{create}") (data (i32.const 100) "{insert}")
        (func $write (drop (call $sql_exec (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0)))
            (drop (call $sql_exec (i32.const 100) (i32.const 24) (i32.const 0) (i32.const 0))))"#
    );
    let rows: [(&str, Code, &str); 22] = [
        ("loop", Code::OutOfGas, "(loop (br 0))"),
        ("loop_of_host_calls", Code::OutOfGas, "(loop (call $context) (br 0))"),
        (
            "loop_of_logs",
            Code::OutOfGas,
            "(loop (call $log (i32.const 0) (i32.const 65536)) (br 0))",
        ),
        ("loop_of_inspections", Code::OutOfGas, {
            "(loop (drop (call $sql_inspect (i32.const 100) (i32.const 24))) (br 0))"
        }),
        ("loop_of_queries", Code::OutOfGas, {
            "(loop (drop (call $sql_query (i32.const 100) (i32.const 24) (i32.const 0) (i32.const 0))) (br 0))"
        }),
        ("loop_of_inserts", Code::OutOfGas, "(loop (call $write) (br 0))"),
        ("recursion", Code::WasmStack, "(call $again)"),
        ("grow_all", Code::OutOfGas, "(drop (memory.grow (i32.const -1)))"),
        ("grow_step_by_step", Code::OutOfGas, "(loop (drop (memory.grow (i32.const 1))) (br 0))"),
        (
            "fill",
            Code::OutOfGas,
            "(loop (memory.fill (i32.const 0) (i32.const 7) (i32.const 65536)) (br 0))",
        ),
        ("unreachable", Code::WasmTrap, "(unreachable)"),
        ("divide", Code::WasmTrap, "(drop (i32.div_s (i32.const 1) (i32.const 0)))"),
        ("load_outside", Code::WasmTrap, "(drop (i32.load (i32.const -4)))"),
        ("sql_outside", Code::WasmMemory, {
            "(drop (call $sql_exec (i32.const -1) (i32.const 24) (i32.const 0) (i32.const 0)))"
        }),
        ("sql_wraps", Code::WasmMemory, {
            "(drop (call $sql_exec (i32.const 65530) (i32.const -1) (i32.const 0) (i32.const 0)))"
        }),
        ("rows_outside", Code::WasmMemory, {
            "(drop (call $sql_exec (i32.const 100) (i32.const 24) (i32.const 70000) (i32.const 9)))"
        }),
        (
            "output_outside",
            Code::WasmMemory,
            "(call $output_write (i32.const 65535) (i32.const 2))",
        ),
        ("abort_outside", Code::WasmMemory, "(call $abort (i32.const 65535) (i32.const 2))"),
        ("emit_outside", Code::WasmMemory, "(call $emit (i32.const 70000) (i32.const 0))"),
        ("result_outside", Code::WasmMemory, {
            "(call $context) (call $result_read (i32.const 65530))"
        }),
        ("rows_that_are_none", Code::WasmHost, {
            "(drop (call $sql_exec (i32.const 100) (i32.const 24) (i32.const 100) (i32.const 24)))"
        }),
        ("sql_that_is_no_text", Code::WasmHost, {
            "(i32.store (i32.const 500) (i32.const -1)) (drop (call $sql_exec (i32.const 500) (i32.const 4) (i32.const 0) (i32.const 0)))"
        }),
    ];
    for (name, expected, body) in rows {
        let fields = format!(
            r#"{wrote} (func $again (call $again)) (func (export "call_run") (call $write) {body})"#
        );
        deploy(&mut chain, name, &fields);
        let message = chain.execute(0, name, "run", &[]);
        let start = std::time::Instant::now();
        let result = run(&mut chain, message, 30_000_000);
        println!("{name}: {:?}, gas {}", start.elapsed(), result.gas_used);
        assert_eq!(verdict(&result), code(expected), "{name}: {}", result.log);
        if expected == Code::OutOfGas {
            assert_eq!(result.gas_used, 30_000_000, "{name}");
        }
        // The table that it made first is undone.
        let error = chain.try_select(name, "SELECT * FROM t").unwrap_err().to_string();
        assert!(error.contains("no such table: t"), "{name}: {error}");
    }
    deploy(&mut chain, "honest", &format!(r#"{wrote} (func (export "call_run") (call $write))"#));
    let message = chain.execute(0, "honest", "run", &[]);
    let result = run(&mut chain, message, 30_000_000);
    assert!(result.is_ok(), "{}", result.log);
    assert_eq!(chain.rows("honest", "SELECT * FROM t"), [[Value::Integer(1)]]);
}

#[test]
fn rule_3_names_and_codes() {
    let mut chain = Chain::memory(2);
    chain.create_database(0, "taken");
    let long = "x".repeat(64);
    for name in [
        "",
        "Upper",
        "9a",
        "a-b",
        "a b",
        "a.b",
        "chain",
        "main",
        "temp",
        "node",
        "caf\u{e9}",
        &long,
        "a'b",
        "a\"b",
        "a;b",
    ] {
        let message = chain.instantiate(1, 1, name, "");
        let result = chain.run(1, vec![message]);
        assert_eq!(verdict(&result), code(Code::InvalidName), "{name}: {}", result.log);
    }
    let message = chain.instantiate(1, 1, "taken", "");
    let result = chain.run(1, vec![message]);
    assert_eq!(verdict(&result), code(Code::NameTaken), "{}", result.log);
    for id in [0, 2, u64::MAX] {
        let message = chain.instantiate(1, id, "fresh", "");
        let result = chain.run(1, vec![message]);
        assert_eq!(verdict(&result), code(Code::CodeNotFound), "{id}: {}", result.log);
    }
    let unknown = chain.execute(1, "fresh", "exec", &["SELECT 1"]);
    assert_eq!(verdict(&chain.run(1, vec![unknown])), code(Code::ContractNotFound));
    for entry in ["nothing", "", "call_exec", "query", "init", "exec\0"] {
        let message = chain.execute(1, "taken", entry, &["SELECT 1"]);
        let result = chain.run(1, vec![message]);
        assert_eq!(verdict(&result), code(Code::EntryNotFound), "{entry}: {}", result.log);
    }
    // Failed attempts use no number: the next contract is number 2.
    chain.create_database(1, "next");
    let id = chain.rows("", "SELECT id FROM chain.contracts WHERE name = 'next'");
    assert_eq!(id, [[Value::Integer(2)]]);
}

fn migrate(chain: &Chain, index: u8, contract: &str, code_id: u64) -> Any {
    any(&MsgMigrate {
        sender: chain.address(index).to_string(),
        contract: contract.into(),
        code_id,
        arguments: vec![],
        ..MsgMigrate::default()
    })
}

fn code_of(chain: &Chain, name: &str) -> Vec<Vec<Value>> {
    chain.rows("", &format!("SELECT code_id FROM chain.contracts WHERE name = '{name}'"))
}

#[test]
fn rules_4_and_5_migration() {
    let mut chain = Chain::memory(3);
    let first = chain.store_code(0, contract(r#"(func (export "call_one"))"#));
    let second =
        chain.store_code(0, contract(r#"(func (export "migrate")) (func (export "call_two"))"#));
    let failing = chain.store_code(0, contract(r#"(func (export "migrate") (unreachable))"#));
    let without = chain.store_code(0, contract(""));
    let admin = chain.address(1).to_string();
    let message = chain.instantiate(0, first, "shop", &admin);
    assert!(chain.run(0, vec![message]).is_ok());
    let message = chain.instantiate(0, first, "fixed", "");
    assert!(chain.run(0, vec![message]).is_ok());
    // Neither the maker nor anyone else, and nobody without an admin.
    for (index, name) in [(0, "shop"), (2, "shop"), (0, "fixed"), (1, "fixed")] {
        let message = migrate(&chain, index, name, second);
        let result = chain.run(index, vec![message]);
        assert_eq!(verdict(&result), code(Code::NotAdmin), "{name}: {}", result.log);
    }
    for (target, expected) in
        [(99, Code::CodeNotFound), (failing, Code::WasmTrap), (without, Code::EntryNotFound)]
    {
        let message = migrate(&chain, 1, "shop", target);
        let result = chain.run(1, vec![message]);
        assert_eq!(verdict(&result), code(expected), "{target}: {}", result.log);
        assert_eq!(code_of(&chain, "shop"), [[Value::from(first as i64)]]);
    }
    let message = migrate(&chain, 1, "nowhere", second);
    assert_eq!(verdict(&chain.run(1, vec![message])), code(Code::ContractNotFound));
    let one = chain.execute(2, "shop", "one", &[]);
    assert!(chain.run(2, vec![one.clone()]).is_ok());
    let message = migrate(&chain, 1, "shop", second);
    let result = chain.run(1, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
    assert_eq!(code_of(&chain, "shop"), [[Value::from(second as i64)]]);
    let two = chain.execute(2, "shop", "two", &[]);
    assert!(chain.run(2, vec![two]).is_ok());
    assert_eq!(verdict(&chain.run(2, vec![one])), code(Code::EntryNotFound));
}

#[test]
fn rule_5_a_failing_init_leaves_no_contract() {
    let mut chain = Chain::memory(2);
    let create = data(b"CREATE TABLE t (a)");
    let body = format!(
        r#"(data (i32.const 0) "{create}")
        (func (export "init") (drop (call $sql_exec (i32.const 0) (i32.const 18) (i32.const 0) (i32.const 0))) (unreachable))"#
    );
    let id = chain.store_code(0, contract(&body));
    let before = chain.rows("", "SELECT * FROM chain.contracts");
    let accounts = chain.rows("", "SELECT count(*) FROM chain.accounts");
    let message = chain.instantiate(0, id, "broken", "");
    let result = run(&mut chain, message, 30_000_000);
    assert_eq!(verdict(&result), code(Code::WasmTrap), "{}", result.log);
    assert_eq!(chain.rows("", "SELECT * FROM chain.contracts"), before);
    // The account that coins were sent to in the same blocks is the only new one.
    let after = chain.rows("", "SELECT count(*) - 1 FROM chain.accounts");
    assert_eq!(after, accounts);
    // The name is free, and so is the number.
    chain.create_database(0, "broken");
    let made = chain.sql(0, "broken", "CREATE TABLE t (b)");
    assert!(made.is_ok(), "{}", made.log);
}

fn view(chain: &Chain, name: &str, entry: &str) -> Result<ViewResponse, Error> {
    let request = ViewRequest {
        sender: String::new(),
        contract: name.into(),
        entry: entry.into(),
        arguments: vec![],
    };
    chain.query("/dadbs.contract.v1.Query/View", &request)
}

#[test]
fn rule_6_a_view_cannot_write() {
    let mut chain = Chain::memory(2);
    let create = data(b"CREATE TABLE t (a)");
    let insert = data(b"INSERT INTO t VALUES (2)");
    let select = data(b"SELECT a FROM t");
    let exec = |at: u32, length: u32| {
        format!(
            "(drop (call $sql_exec (i32.const {at}) (i32.const {length}) (i32.const 0) (i32.const 0)))"
        )
    };
    let query = |at: u32, length: u32| {
        format!(
            "(drop (call $sql_query (i32.const {at}) (i32.const {length}) (i32.const 200) (i32.const 2)))"
        )
    };
    // One row, the columns' names, after its count.
    let count = data(&encode_rows(&[vec![]])[..4]);
    let read = "(call $result_read (i32.const 1004))
        (call $output_write (i32.const 1000) (i32.add (call $result_len) (i32.const 4)))";
    let row = data(&encode_row(&["kind".into()]));
    let fields = format!(
        r#"(data (i32.const 0) "{create}") (data (i32.const 100) "{insert}") (data (i32.const 150) "{select}")
        (data (i32.const 200) "\00\00") (data (i32.const 300) "{row}") (data (i32.const 1000) "{count}")
        (func (export "init") {})
        (func (export "view_exec") {})
        (func (export "view_query_that_writes") {})
        (func (export "view_emits") (call $emit (i32.const 300) (i32.const {})))
        (func (export "view_reads") {} {read})
        (func (export "view_loops") (loop (br 0)))"#,
        exec(0, 18),
        exec(100, 24),
        query(100, 24),
        encode_row(&["kind".into()]).len(),
        query(150, 15),
    );
    deploy(&mut chain, "reader", &fields);
    let root = chain.app.info().app_hash;
    for (entry, allowed) in [
        ("exec", vec![Code::WasmReadOnly]),
        ("emits", vec![Code::WasmReadOnly]),
        ("loops", vec![Code::OutOfGas]),
        ("nothing", vec![Code::EntryNotFound]),
    ] {
        let Err(Error::Rejected(rejection)) = view(&chain, "reader", entry) else {
            panic!("{entry} passed")
        };
        assert!(allowed.contains(&rejection.code), "{entry}: {rejection}");
    }
    // A status, which this view ignores: nothing was written.
    view(&chain, "reader", "query_that_writes").unwrap();
    let answer = view(&chain, "reader", "reads").unwrap();
    assert_eq!(answer.rows.len(), 1, "the column's name and no row: {answer:?}");
    assert!(answer.gas_used > 0);
    assert_eq!(chain.block(vec![]).app_hash, root);
    assert!(view(&chain, "nobody", "reads").is_err());
}

#[test]
fn rule_7_events_and_output_are_bounded() {
    let mut chain = Chain::memory(2);
    let event = encode_row(&["kind".into(), "key".into(), "value".into()]);
    let odd = encode_row(&["kind".into(), "key".into()]);
    let number = encode_row(&[Value::Integer(5)]);
    let big = encode_row(&["kind".into(), "key".into(), "v".repeat(30_000).into()]);
    let fields = format!(
        r#"(data (i32.const 0) "{}") (data (i32.const 200) "{}") (data (i32.const 300) "{}") (data (i32.const 400) "{}")
        (func $emits (param i32) (loop (call $emit (i32.const 0) (i32.const {}))
            (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "call_few") (call $emits (i32.const 3)))
        (func (export "call_most") (call $emits (i32.const 253)))
        (func (export "call_many") (call $emits (i32.const 257)))
        (func (export "call_odd") (call $emit (i32.const 200) (i32.const {})))
        (func (export "call_number") (call $emit (i32.const 300) (i32.const {})))
        (func (export "call_garbage") (call $emit (i32.const 1) (i32.const 9)))
        (func (export "call_big") (call $emit (i32.const 400) (i32.const {len})) (call $emit (i32.const 400) (i32.const {len})) (call $emit (i32.const 400) (i32.const {len})))
        (func (export "call_output") (call $output_write (i32.const 1) (i32.const 7)))
        (func (export "call_no_output"))
        (func (export "call_abort") (call $abort (i32.const 400) (i32.const 10000)))"#,
        data(&event),
        data(&odd),
        data(&number),
        data(&big),
        event.len(),
        odd.len(),
        number.len(),
        len = big.len(),
    );
    deploy(&mut chain, "events", &fields);
    for (entry, expected) in [
        ("many", Code::WasmHost),
        ("odd", Code::WasmHost),
        ("number", Code::WasmHost),
        ("garbage", Code::WasmHost),
        ("big", Code::WasmHost),
        ("output", Code::WasmHost),
        ("abort", Code::WasmAbort),
    ] {
        let message = chain.execute(0, "events", entry, &[]);
        let result = run(&mut chain, message, 30_000_000);
        assert_eq!(verdict(&result), code(expected), "{entry}: {}", result.log);
        assert_eq!(result.events.len(), 1, "{entry}: the fee's event alone stays");
        assert!(result.log.len() <= limits::TX_FAILURE_LOG_BYTES_MAX, "{entry}");
    }
    for (entry, events) in [("few", 3), ("most", 253), ("no_output", 0)] {
        let message = chain.execute(0, "events", entry, &[]);
        let result = run(&mut chain, message, 30_000_000);
        assert!(result.is_ok(), "{entry}: {}", result.log);
        let own = result.events.iter().filter(|event| event.kind == "wasm.kind").count();
        assert_eq!(own, events, "{entry}");
    }
    let request = ContractsRequest {};
    let all: ContractsResponse =
        chain.query("/dadbs.contract.v1.Query/Contracts", &request).unwrap();
    assert_eq!(all.contracts.len(), 1);
}
