//! Contracts in the text format, for tests of what contracts do with each other.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each test uses a part")]

use dadbs_abi::section::{Kind, Row};
use dadbs_app::TxResult;
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::dadbs::contract::v1::{MsgExecute, MsgExecuteResponse};
use dadbs_tests::{Chain, response};
use dadbs_types::value::encode_row;
use dadbs_types::{AccountAddress, Code, Value};
use dadbs_vm::testing::imports;
use std::fmt::Write as _;

/// Functions that all contracts of these tests have. `call_exec(sql)` runs a statement or aborts with its
/// failure; `call_query(sql)` and `view_query(sql)` answer rows; `call_forward(contract, entry, arguments,
/// coins)` and `view_forward(contract, entry, arguments)` call on and answer what came or the failure's row;
/// `call_pay(to, coins)` transfers; `call_who` answers the facts of the call;
/// `call_change(sql)` answers the number of changed rows; `call_all` and `call_exec_all` are without row access.
pub const BODY: &str = r#"
  (func $field (param $n i32) (result i32) (local $p i32)
    (local.set $p (i32.const 2))
    (block $done (loop $next
      (br_if $done (i32.eqz (local.get $n)))
      (local.set $p (i32.add (local.get $p)
        (i32.add (i32.const 5) (i32.load offset=1 (local.get $p)))))
      (local.set $n (i32.sub (local.get $n) (i32.const 1)))
      (br $next)))
    (i32.add (local.get $p) (i32.const 5)))
  (func $len (param $p i32) (result i32) (i32.load (i32.sub (local.get $p) (i32.const 4))))
  (func $rows (param $count i32) (local $n i32)
    (i32.store (i32.const 600000) (local.get $count))
    (local.set $n (call $result_len))
    (call $result_read (i32.const 600004))
    (call $output_write (i32.const 600000) (i32.add (local.get $n) (i32.const 4))))
  (func $raw (local $n i32)
    (local.set $n (call $result_len))
    (call $result_read (i32.const 600000))
    (call $output_write (i32.const 600000) (local.get $n)))
  (func $exec (param $p i32) (param $n i32)
    (if (i32.lt_s (call $sql_exec (local.get $p) (local.get $n) (i32.const 0) (i32.const 0))
                  (i32.const 0))
      (then (call $abort_sql (i32.const 0) (i32.const 0)))))
  (func (export "call_exec") (local $p i32)
    (call $input_read (i32.const 0))
    (local.set $p (call $field (i32.const 0)))
    (call $exec (local.get $p) (call $len (local.get $p))))
  (func (export "call_change") (local $p i32) (local $n i32)
    (call $input_read (i32.const 0))
    (local.set $p (call $field (i32.const 0)))
    (local.set $n (call $sql_exec (local.get $p) (call $len (local.get $p)) (i32.const 0) (i32.const 0)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then (call $abort_sql (i32.const 0) (i32.const 0))))
    (i32.store (i32.const 600000) (i32.const 1)) (i32.store (i32.const 600004) (i32.const 0x010001))
    (i64.store (i32.const 600007) (i64.extend_i32_u (local.get $n)))
    (call $output_write (i32.const 600000) (i32.const 15)))
  (func (export "call_all") (call $row_access (i32.const 0)) (call $query))
  (func (export "call_exec_all") (local $p i32)
    (call $row_access (i32.const 0)) (call $input_read (i32.const 0))
    (local.set $p (call $field (i32.const 0)))
    (call $exec (local.get $p) (call $len (local.get $p))))
  (func $query (local $p i32) (local $n i32)
    (call $input_read (i32.const 0))
    (local.set $p (call $field (i32.const 0)))
    (local.set $n (call $sql_query (local.get $p) (call $len (local.get $p)) (i32.const 0) (i32.const 0)))
    (if (i32.lt_s (local.get $n) (i32.const 0)) (then (call $abort_sql (i32.const 0) (i32.const 0))))
    (call $rows (i32.add (local.get $n) (i32.const 1))))
  (func (export "call_query") (call $query))
  (func (export "view_query") (call $query))
  (func $answer (param $status i32)
    (if (local.get $status) (then (call $rows (i32.const 1))) (else (call $raw))))
  (func (export "call_forward") (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (call $input_read (i32.const 0))
    (local.set $a (call $field (i32.const 0))) (local.set $b (call $field (i32.const 1)))
    (local.set $c (call $field (i32.const 2))) (local.set $d (call $field (i32.const 3)))
    (call $answer (call $call (local.get $a) (call $len (local.get $a))
      (local.get $b) (call $len (local.get $b)) (local.get $c) (call $len (local.get $c))
      (local.get $d) (call $len (local.get $d)))))
  (func $view_forward (local $a i32) (local $b i32) (local $c i32)
    (call $input_read (i32.const 0))
    (local.set $a (call $field (i32.const 0))) (local.set $b (call $field (i32.const 1)))
    (local.set $c (call $field (i32.const 2)))
    (call $answer (call $view (local.get $a) (call $len (local.get $a))
      (local.get $b) (call $len (local.get $b)) (local.get $c) (call $len (local.get $c)))))
  (func (export "view_forward") (call $view_forward))
  (func (export "call_view_forward") (call $view_forward))
  (func (export "call_pay") (local $a i32) (local $b i32)
    (call $input_read (i32.const 0))
    (local.set $a (call $field (i32.const 0))) (local.set $b (call $field (i32.const 1)))
    (call $answer (call $transfer (local.get $a) (call $len (local.get $a))
      (local.get $b) (call $len (local.get $b)))))
  (func $who
    (call $context) (i32.store (i32.const 600000) (i32.const 2))
    (call $result_read (i32.const 600004))
    (local.set 0 (call $result_len))
    (call $invocation) (call $result_read (i32.add (i32.const 600004) (local.get 0)))
    (call $output_write (i32.const 600000)
      (i32.add (i32.const 4) (i32.add (local.get 0) (call $result_len)))))
  (func (export "call_who") (call $who))
  (func (export "view_who") (call $who))
"#;

/// A contract with [`BODY`], more fields, and payable entry points.
pub fn contract(more: &str, payable: &[&str]) -> Vec<u8> {
    described(
        more,
        &payable.iter().map(|name| row(Kind::Call, name, &["", "payable"])).collect::<Vec<_>>(),
    )
}

pub fn row(kind: Kind, name: &str, more: &[&str]) -> Row {
    let more = more.iter().map(ToString::to_string).collect();
    Row { kind, name: name.into(), fields: String::new(), doc: String::new(), more }
}

pub fn described(more: &str, rows: &[Row]) -> Vec<u8> {
    let init = if more.contains("\"init\"") { "" } else { r#"(func (export "init"))"# };
    let body = BODY.replace("(func $who\n", "(func $who (local i32)\n");
    let text = format!(
        r#"(module {} (memory (export "memory") 32) (func (export "dadbs_abi_1")) {init} {body} {more})"#,
        imports()
    );
    let mut wasm = wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let mut section = Vec::new();
    for row in rows {
        row.encode(&mut section);
    }
    let mut payload = vec![u8::try_from(dadbs_abi::SECTION.len()).unwrap()];
    payload.extend(dadbs_abi::SECTION.as_bytes());
    payload.extend(section);
    wasm.push(0);
    let mut len = payload.len();
    loop {
        let byte = u8::try_from(len & 0x7f).unwrap();
        len >>= 7;
        wasm.push(if len > 0 { byte | 0x80 } else { byte });
        if len == 0 {
            break;
        }
    }
    wasm.extend(payload);
    wasm
}

/// Bytes as a string of the text format.
pub fn data(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("\\{byte:02x}")).collect()
}

/// A function body that runs statements, then `then`; `at` is where its texts lie.
pub fn function(export: &str, at: usize, statements: &[&str], then: &str) -> String {
    let (mut text, mut calls, mut at) = (String::new(), String::new(), at);
    for sql in statements {
        let _ = writeln!(text, "(data (i32.const {at}) \"{}\")", data(sql.as_bytes()));
        let _ = writeln!(calls, "(call $exec (i32.const {at}) (i32.const {}))", sql.len());
        at += sql.len();
    }
    format!("{text}(func (export \"{export}\") {calls} {then})")
}

pub fn make(chain: &mut Chain, name: &str, wasm: Vec<u8>) {
    let code = chain.store_code(0, wasm);
    let message = chain.instantiate(0, code, name, "");
    let result = chain.run(0, vec![message]);
    assert!(result.is_ok(), "{name}: {}", result.log);
}

pub fn call(chain: &mut Chain, name: &str, entry: &str, arguments: Vec<Value>) -> TxResult {
    chain.call(1, name, entry, arguments)
}

pub fn rows(result: &TxResult) -> Vec<Vec<Value>> {
    assert!(result.is_ok(), "{}/{} {}", result.codespace, result.code, result.log);
    response::<MsgExecuteResponse>(result).rows.into_iter().map(Vec::from).collect()
}

pub fn forward(contract: &str, entry: &str, arguments: &[Value], coins: &[Value]) -> Vec<Value> {
    let coins = if coins.is_empty() { Vec::new() } else { encode_row(coins) };
    vec![contract.into(), entry.into(), encode_row(arguments).into(), coins.into()]
}

pub fn failure(code: Code, text: &str) -> Vec<Vec<Value>> {
    vec![vec![code.codespace().into(), code.number().into(), text.into()]]
}

pub fn meaning(code: Code) -> Vec<Vec<Value>> {
    failure(code, code.meaning())
}

pub fn verdict(result: &TxResult) -> (&str, u32) {
    (&result.codespace, result.code)
}

pub fn number(code: Code) -> (&'static str, u32) {
    (code.codespace(), code.number())
}

pub fn balance(chain: &Chain, address: &str) -> Vec<Vec<Value>> {
    chain.rows("", &format!("SELECT amount FROM chain.balances WHERE address = '{address}'"))
}

pub fn udadb(amount: i64) -> Vec<Value> {
    vec!["udadb".into(), amount.into()]
}

/// The address of the contract with this id.
pub fn address(id: u64) -> String {
    AccountAddress::of_contract(id).to_string()
}

pub fn pay(chain: &Chain, contract: &str, entry: &str, amount: u64) -> prost_types::Any {
    any(&MsgExecute {
        sender: chain.address(1).to_string(),
        contract: contract.into(),
        entry: entry.into(),
        arguments: Vec::new(),
        funds: vec![Coin { denom: "udadb".into(), amount: amount.to_string() }],
    })
}
