//! Contracts that call each other, send coins and watch their tables, as transactions.
//!
//! 1. A contract that is called sees the contract around as caller and the signer as origin; its output
//!    comes back.
//! 2. An inner call that fails leaves no row, coin, event or schema, and the outer one goes on.
//! 3. No call comes back to a contract that is being called, and calls nest up to the limit.
//! 4. Out of gas inside ends the transaction, whoever would handle it.
//! 5. Output is bounded; pointers and arguments that are not as they must be are refused.
//! 6. Coins move with the call, to payable entry points only.
//! 7. Views call views, and nothing else.
//! 8. A rule that refuses undoes its statement and says why in its own words.
//! 9. Rules see what cascades and REPLACE do; what they write has rules too, up to the limit.
//! 10. Stack is shared by calls inside each other.
//! 11. The gas of what contracts do with each other covers its time, whoever chooses what is done.
#![allow(
    clippy::too_many_lines,
    clippy::cast_possible_wrap,
    clippy::cast_precision_loss,
    clippy::wildcard_imports,
    reason = "tests are long"
)]

mod support;

use dadbs_abi::section::Kind;
use dadbs_proto::dadbs::contract::v1::{ViewRequest, ViewResponse};
use dadbs_tests::Chain;
use dadbs_types::value::{encode_row, encode_rows};
use dadbs_types::{AccountAddress, Code, Value};
use support::*;

#[test]
fn rule_1_caller_origin_and_output() {
    let mut chain = Chain::memory(2);
    make(&mut chain, "a", contract("", &[]));
    make(&mut chain, "b", contract("", &[]));
    let signer = Value::from(chain.address(1).to_string());
    let direct = rows(&call(&mut chain, "b", "who", vec![]));
    assert_eq!((&direct[0][4], &direct[1][0]), (&signer, &signer));
    let inner = rows(&call(&mut chain, "a", "forward", forward("b", "who", &[], &[])));
    assert_eq!(inner[0][4], Value::from(address(1)), "the caller is a");
    assert_eq!(inner[0][5], Value::from("b"));
    assert_eq!(inner[1][0], signer, "the origin is the signer");
    let missing = rows(&call(&mut chain, "a", "forward", forward("c", "who", &[], &[])));
    assert_eq!(missing, meaning(Code::ContractNotFound));
    let missing = rows(&call(&mut chain, "a", "forward", forward("b", "nothing", &[], &[])));
    assert_eq!(missing, meaning(Code::EntryNotFound));
    // Rules and `init` are no entry points of others.
    let hidden = rows(&call(&mut chain, "a", "forward", forward("b", "../init", &[], &[])));
    assert_eq!(hidden, meaning(Code::EntryNotFound));
}

#[test]
fn rule_2_an_inner_failure_leaves_nothing() {
    let mut chain = Chain::memory(2);
    let to = chain.address(0).to_string();
    let coins = encode_row(&udadb(5));
    let event = encode_row(&["gone".into()]);
    let b = format!(
        r#"(data (i32.const 500000) "{}") (data (i32.const 501000) "{}") (data (i32.const 502000) "{}")
        (data (i32.const 503000) "not today")
        {} {}"#,
        data(to.as_bytes()),
        data(&coins),
        data(&event),
        function("init", 510_000, &["CREATE TABLE t (x INTEGER)", "INSERT INTO t VALUES (1)"], ""),
        function(
            "call_fail",
            520_000,
            &["INSERT INTO t VALUES (2)", "CREATE TABLE u (x)", "ALTER TABLE t ADD COLUMN y DEFAULT 7", "INSERT INTO u VALUES (3)"],
            &format!(
                "(drop (call $transfer (i32.const 500000) (i32.const {}) (i32.const 501000) (i32.const {})))
                 (call $emit (i32.const 502000) (i32.const {}))
                 (call $abort (i32.const 503000) (i32.const 9))",
                to.len(),
                coins.len(),
                event.len()
            )
        )
    );
    make(&mut chain, "b", contract(&b, &["fail"]));
    let a = format!(
        r#"(data (i32.const 500000) "bfail") (data (i32.const 501000) "{}") {} {}"#,
        data(&encode_row(&udadb(9))),
        function("init", 510_000, &["CREATE TABLE t (x INTEGER)"], ""),
        function(
            "call_go",
            520_000,
            &["INSERT INTO t VALUES (1)"],
            &format!(
                "(call $answer (call $call (i32.const 500000) (i32.const 1) (i32.const 500001) (i32.const 4)
                   (i32.const 0) (i32.const 0) (i32.const 501000) (i32.const {})))
                 (call $exec (i32.const 520000) (i32.const 24))",
                encode_row(&udadb(9)).len()
            )
        )
    );
    make(&mut chain, "a", contract(&a, &["go"]));
    let message = chain.send(0, AccountAddress::of_contract(2), 100);
    assert!(chain.run(0, vec![message]).is_ok());
    let before = balance(&chain, &to);
    let result = call(&mut chain, "a", "go", vec![]);
    assert_eq!(rows(&result), failure(Code::WasmAbort, "not today"));
    assert_eq!(chain.rows("a", "SELECT x FROM t"), [[Value::Integer(1)], [Value::Integer(1)]]);
    assert_eq!(chain.rows("b", "SELECT * FROM t"), [[Value::Integer(1)]]);
    assert!(chain.try_select("b", "SELECT * FROM u").is_err(), "the table is gone");
    assert_eq!(balance(&chain, &to), before);
    assert_eq!(balance(&chain, &address(2)), [[Value::Integer(100)]], "coins came back");
    let kinds: Vec<&str> = result.events.iter().map(|event| event.kind.as_str()).collect();
    assert!(!kinds.contains(&"wasm.gone") && !kinds.contains(&"transfer"), "{kinds:?}");
}

#[test]
fn rule_3_no_call_comes_back_and_calls_nest_up_to_the_limit() {
    let mut chain = Chain::memory(2);
    for name in ["a", "b"] {
        make(&mut chain, name, contract("", &[]));
    }
    let back = forward("a", "who", &[], &[]);
    let result = call(&mut chain, "a", "forward", forward("b", "forward", &back, &[]));
    assert_eq!(rows(&result), meaning(Code::CallDepth));
    let result = call(&mut chain, "a", "forward", forward("a", "who", &[], &[]));
    assert_eq!(rows(&result), meaning(Code::CallDepth));
    let view = vec!["a".into(), "who".into(), Value::Blob(encode_row(&[]))];
    let result = call(&mut chain, "a", "forward", forward("b", "view_forward", &view, &[]));
    assert_eq!(rows(&result), meaning(Code::CallDepth), "not for reading either");

    let names: Vec<String> = (0..9).map(|index| format!("c{index}")).collect();
    for name in &names {
        make(&mut chain, name, contract("", &[]));
    }
    let nested = |count: usize| {
        let mut arguments = vec![];
        let mut entry = "who";
        for name in names[1..count].iter().rev() {
            arguments = forward(name, entry, &arguments, &[]);
            entry = "forward";
        }
        arguments
    };
    let result = call(&mut chain, "c0", "forward", nested(8));
    assert_eq!(rows(&result)[0][5], Value::from("c7"));
    let result = call(&mut chain, "c0", "forward", nested(9));
    assert_eq!(rows(&result), meaning(Code::CallDepth));
}

#[test]
fn rule_4_out_of_gas_inside_ends_the_transaction() {
    let mut chain = Chain::memory(2);
    make(&mut chain, "a", contract("", &[]));
    let b =
        r#"(func (export "call_spin") (loop $l (br $l))) (func (export "call_trap") unreachable)"#;
    make(&mut chain, "b", contract(b, &[]));
    let result = call(&mut chain, "a", "forward", forward("b", "spin", &[], &[]));
    assert_eq!(verdict(&result), number(Code::OutOfGas), "{}", result.log);
    assert_eq!(result.gas_used, result.gas_wanted);
    let result = call(&mut chain, "a", "forward", forward("b", "trap", &[], &[]));
    assert_eq!(rows(&result), meaning(Code::WasmTrap));
}

#[test]
fn rule_5_output_and_pointers() {
    let mut chain = Chain::memory(2);
    make(&mut chain, "a", contract("", &[]));
    let b = r#"(func (export "call_large") (call $output_write (i32.const 0) (i32.const 1048576)))
        (func (export "call_larger") (call $output_write (i32.const 0) (i32.const 1048577)))"#;
    make(&mut chain, "b", contract(b, &[]));
    let result = call(&mut chain, "a", "forward", forward("b", "larger", &[], &[]));
    assert_eq!(rows(&result), meaning(Code::WasmHost));
    let large = call(&mut chain, "a", "forward", forward("b", "large", &[], &[]));
    assert!(large.is_ok() || verdict(&large) == number(Code::WasmHost), "{}", large.log);

    let pairs: &[(&str, usize)] =
        &[("call", 4), ("view", 3), ("transfer", 2), ("schedule", 3), ("cancel", 1)];
    for (function, count) in pairs {
        for at in 0..*count {
            for (bad, expected) in [
                ("(i32.const 2097152) (i32.const 1)", Code::WasmMemory),
                ("(i32.const -1) (i32.const 1)", Code::WasmMemory),
                ("(i32.const 4) (i32.const -1)", Code::WasmMemory),
                ("(i32.const 2097151) (i32.const 2)", Code::WasmMemory),
                ("(i32.const 0) (i32.const 1048577)", Code::WasmHost),
            ] {
                let arguments: Vec<&str> = (0..*count)
                    .map(|i| if i == at { bad } else { "(i32.const 0) (i32.const 0)" })
                    .collect();
                let text = format!(
                    r#"(func (export "call_bad") (drop (call ${function} {})))"#,
                    arguments.join(" ")
                );
                let name = format!("x{}", chain.height);
                make(&mut chain, &name, contract(&text, &[]));
                let result = call(&mut chain, &name, "bad", vec![]);
                let got = verdict(&result);
                assert_eq!(got, number(expected), "{function} {at} {bad}: {}", result.log);
            }
        }
    }
    for (name, coins) in [
        ("no pairs", encode_row(&["udadb".into()])),
        ("no amount", encode_row(&["udadb".into(), "1".into()])),
        ("negative", encode_row(&udadb(-1))),
        ("garbage", vec![255, 255, 255]),
    ] {
        let arguments = vec!["b".into(), "who".into(), Value::Blob(vec![0, 0]), Value::Blob(coins)];
        let result = call(&mut chain, "a", "forward", arguments);
        assert_eq!(verdict(&result), number(Code::WasmHost), "{name}: {}", result.log);
    }
}

#[test]
fn rule_6_coins_move_with_the_call() {
    let mut chain = Chain::memory(2);
    make(&mut chain, "a", contract("", &["forward"]));
    make(&mut chain, "b", contract("", &["who"]));
    let plain = pay(&chain, "a", "who", 7);
    let result = chain.run(1, vec![plain]);
    assert_eq!(verdict(&result), number(Code::NotPayable));
    let paid = pay(&chain, "b", "who", 7);
    let result = chain.run(1, vec![paid]);
    assert_eq!(rows(&result)[1][2..], udadb(7), "the contract sees them");
    assert_eq!(balance(&chain, &address(2)), [[Value::Integer(7)]]);

    let message = chain.send(0, AccountAddress::of_contract(1), 100);
    assert!(chain.run(0, vec![message]).is_ok());
    let result = call(&mut chain, "a", "forward", forward("b", "who", &[], &udadb(30)));
    assert_eq!(rows(&result)[1][2..], udadb(30));
    assert_eq!(balance(&chain, &address(1)), [[Value::Integer(70)]]);
    assert_eq!(balance(&chain, &address(2)), [[Value::Integer(37)]]);
    let result = call(&mut chain, "a", "forward", forward("b", "who", &[], &udadb(71)));
    assert_eq!(rows(&result), meaning(Code::InsufficientFunds));
    let result = call(&mut chain, "a", "forward", forward("b", "exec", &[], &udadb(1)));
    assert_eq!(rows(&result), meaning(Code::NotPayable));
    let result = call(&mut chain, "a", "forward", forward("b", "who", &[], &udadb(0)));
    assert_eq!(rows(&result), meaning(Code::InvalidCoins));
    let twice = [udadb(1), udadb(1)].concat();
    let result = call(&mut chain, "a", "forward", forward("b", "who", &[], &twice));
    assert_eq!(rows(&result), meaning(Code::InvalidCoins));
    assert_eq!(balance(&chain, &address(1)), [[Value::Integer(70)]]);

    let to = chain.address(0).to_string();
    let coins = |amount| Value::Blob(encode_row(&udadb(amount)));
    let result = call(&mut chain, "a", "pay", vec![to.as_str().into(), coins(71)]);
    assert_eq!(rows(&result), meaning(Code::InsufficientFunds));
    let result = call(&mut chain, "a", "pay", vec!["nobody".into(), coins(1)]);
    assert_eq!(rows(&result), meaning(Code::InvalidAddress));
    assert!(rows(&call(&mut chain, "a", "pay", vec![to.as_str().into(), coins(70)])).is_empty());
    assert!(balance(&chain, &address(1)).is_empty());
}

#[test]
fn rule_7_views_call_views() {
    let mut chain = Chain::memory(2);
    for name in ["a", "b"] {
        make(
            &mut chain,
            name,
            contract(
                r#"(func (export "view_write") (drop (call $call
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
            (i32.const 0) (i32.const 0))))
            (func (export "view_exec") (call $exec (i32.const 0) (i32.const 0)))"#,
                &[],
            ),
        );
    }
    let view = |chain: &Chain, entry: &str, arguments: Vec<Value>| {
        chain.query::<ViewResponse>(
            "/dadbs.contract.v1.Query/View",
            &ViewRequest {
                sender: String::new(),
                contract: "a".into(),
                entry: entry.into(),
                arguments: arguments.into_iter().map(Into::into).collect(),
            },
        )
    };
    let inner = |entry: &str| vec!["b".into(), entry.into(), Value::Blob(encode_row(&[]))];
    let answer = view(&chain, "forward", inner("who")).unwrap();
    let answer: Vec<Vec<Value>> = answer.rows.into_iter().map(Vec::from).collect();
    assert_eq!(answer[0][4], Value::from(address(1)), "the caller is the view around");
    let error = view(&chain, "write", vec![]).unwrap_err().to_string();
    assert!(error.contains("wasm/10"), "{error}");
    for entry in ["write", "exec"] {
        let answer = view(&chain, "forward", inner(entry)).unwrap();
        let answer: Vec<Vec<Value>> = answer.rows.into_iter().map(Vec::from).collect();
        assert_eq!(answer, meaning(Code::WasmReadOnly));
        let result = call(&mut chain, "a", "view_forward", inner(entry));
        assert_eq!(rows(&result), meaning(Code::WasmReadOnly), "in a call too");
    }
    let result = call(&mut chain, "a", "view_forward", inner("who"));
    assert_eq!(rows(&result)[0][5], Value::from("b"));
    let back = vec!["a".into(), "who".into(), Value::Blob(encode_row(&[]))];
    let answer =
        view(&chain, "forward", vec!["b".into(), "forward".into(), Value::Blob(encode_row(&back))]);
    let answer: Vec<Vec<Value>> = answer.unwrap().rows.into_iter().map(Vec::from).collect();
    assert_eq!(answer, meaning(Code::CallDepth));
}

/// A rule that keeps its input as a row of `seen`.
fn keep(export: &str, kind: &str, at: usize) -> String {
    let sql = format!("INSERT INTO seen VALUES ('{kind}', ?)");
    format!(
        r#"(data (i32.const {at}) "{}")
        (func (export "{export}") (local $n i32)
          (local.set $n (call $input_len))
          ;; one row of one BLOB: 01 00 00 00, 01 00, 04, length, bytes
          (i32.store (i32.const 700000) (i32.const 1))
          (i32.store (i32.const 700004) (i32.const 0x040001))
          (i32.store (i32.const 700007) (local.get $n))
          (call $input_read (i32.const 700011))
          (if (i32.lt_s (call $sql_exec (i32.const {at}) (i32.const {}) (i32.const 700000)
                (i32.add (i32.const 11) (local.get $n))) (i32.const 0))
            (then (call $abort_sql (i32.const 0) (i32.const 0)))))"#,
        data(sql.as_bytes()),
        sql.len()
    )
}

fn seen(kind: &str, pairs: &[(&[Value], &[Value])]) -> Vec<Value> {
    let verb = kind.split('_').nth(1).unwrap();
    let mut rows = vec![vec![verb.into(), Value::Integer(pairs.len() as i64)]];
    for (old, new) in pairs {
        rows.push(old.to_vec());
        rows.push(new.to_vec());
    }
    vec![kind.into(), Value::Blob(encode_rows(&rows))]
}

#[test]
fn rule_8_a_rule_refuses_in_its_own_words() {
    let mut chain = Chain::memory(2);
    // Refuses if the table holds a negative x once the statement has run.
    let text = "SELECT 1 FROM t WHERE x < 0";
    let more = format!(
        r#"(data (i32.const 500000) "{}") (data (i32.const 501000) "x is negative")
        (func (export "validate_T")
          (if (call $sql_query (i32.const 500000) (i32.const {}) (i32.const 0) (i32.const 0))
            (then (call $abort (i32.const 501000) (i32.const 13)))))
        (func (export "call_both") (local $s i32)
          (local.set $s (call $sql_exec (i32.const 502000) (i32.const 25) (i32.const 0) (i32.const 0)))
          (if (i32.ne (local.get $s) (i32.const -8)) (then unreachable))
          (call $exec (i32.const 503000) (i32.const 24)))
        (data (i32.const 502000) "INSERT INTO t VALUES (-2)") (data (i32.const 503000) "INSERT INTO t VALUES (9)")
        {}"#,
        data(text.as_bytes()),
        text.len(),
        function("init", 510_000, &["CREATE TABLE t (x INTEGER)"], "")
    );
    make(&mut chain, "a", contract(&more, &[]));
    make(&mut chain, "b", contract("", &[]));
    let exec = |sql: &str| vec![Value::from(sql)];
    assert!(call(&mut chain, "a", "exec", exec("INSERT INTO t VALUES (1), (2)")).is_ok());
    let refused = call(&mut chain, "a", "exec", exec("INSERT INTO t VALUES (3), (-1)"));
    assert_eq!(verdict(&refused), number(Code::SqlRule));
    assert!(refused.log.contains("x is negative"), "{}", refused.log);
    let refused = call(&mut chain, "a", "exec", exec("UPDATE t SET x = -x"));
    assert_eq!(verdict(&refused), number(Code::SqlRule));
    let through = rows(&call(
        &mut chain,
        "b",
        "forward",
        forward("a", "exec", &exec("UPDATE t SET x = -x"), &[]),
    ));
    assert_eq!(through, failure(Code::SqlRule, "x is negative"));
    assert_eq!(
        chain.rows("a", "SELECT sum(x), count(*) FROM t"),
        [[Value::Integer(3), Value::Integer(2)]]
    );
    let both = call(&mut chain, "a", "both", vec![]);
    assert!(both.is_ok(), "a contract may handle a refusal: {}", both.log);
    assert_eq!(
        chain.rows("a", "SELECT sum(x), count(*) FROM t"),
        [[Value::Integer(12), Value::Integer(3)]]
    );
}

#[test]
fn rule_9_rules_see_everything_and_are_bounded() {
    let mut chain = Chain::memory(2);
    let tables = [
        "CREATE TABLE p (id INTEGER PRIMARY KEY, u TEXT UNIQUE, z)",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p ON DELETE CASCADE)",
        "CREATE TABLE seen (kind TEXT, rows BLOB)",
        "CREATE TABLE loops (n INTEGER)",
    ];
    let more = [
        keep("on_insert_p", "on_insert", 500_000),
        keep("on_update_p", "on_update", 501_000),
        keep("on_delete_p", "on_delete", 502_000),
        keep("on_delete_c", "on_delete_c", 503_000),
        function("init", 510_000, &tables, ""),
        function("on_insert_loops", 520_000, &["INSERT INTO loops VALUES (1)"], ""),
    ];
    make(&mut chain, "a", contract(&more.concat(), &[]));
    let taken = |chain: &mut Chain, sql: &str| {
        let result = chain.call(1, "a", "exec", vec![sql.into()]);
        assert!(result.is_ok(), "{sql}: {}", result.log);
        let rows = chain.rows("a", "SELECT kind, rows FROM seen ORDER BY rowid");
        assert!(chain.call(1, "a", "exec", vec!["DELETE FROM seen".into()]).is_ok());
        rows
    };
    let one: &[Value] = &[1.into(), "a".into(), Value::Null];
    let two: &[Value] = &[2.into(), "b".into(), Value::Null];
    let rows = taken(&mut chain, "INSERT INTO p VALUES (2, 'b', NULL), (1, 'a', NULL)");
    assert_eq!(rows, [seen("on_insert", &[(&[], one), (&[], two)])], "in the order of keys");
    let moved: &[Value] = &[1.into(), "b".into(), 7.into()];
    let rows = taken(&mut chain, "REPLACE INTO p VALUES (1, 'b', 7)");
    assert_eq!(rows, [seen("on_update", &[(one, moved)]), seen("on_delete", &[(two, &[])])]);
    assert_eq!(taken(&mut chain, "INSERT INTO c VALUES (5, 1), (6, 1)").len(), 0);
    let rows = taken(&mut chain, "DELETE FROM p");
    let children =
        seen("on_delete_c", &[(&[5.into(), 1.into()], &[]), (&[6.into(), 1.into()], &[])]);
    assert_eq!(rows, [children, seen("on_delete", &[(moved, &[])])]);
    assert_eq!(taken(&mut chain, "DELETE FROM p").len(), 0, "nothing changed");

    let result = chain.call(1, "a", "exec", vec!["INSERT INTO loops VALUES (1)".into()]);
    assert_eq!(verdict(&result), number(Code::SqlRule), "{}", result.log);
    assert!(result.log.contains("CALL_DEPTH_MAX"), "{}", result.log);
    assert_eq!(chain.rows("a", "SELECT count(*) FROM loops"), [[Value::Integer(0)]]);
    // A statement of the schema runs no rules.
    assert_eq!(taken(&mut chain, "ALTER TABLE p ADD COLUMN w DEFAULT 3").len(), 0);
}

#[test]
fn rule_10_stack_is_shared() {
    let mut chain = Chain::memory(2);
    let deep = r#"(func $deep (param i32) (if (local.get 0) (then (call $deep (i32.sub (local.get 0) (i32.const 1))))
          (else (call $more))))
        (func $more (drop (call $call (i32.const 800000) (i32.const 1) (i32.const 800001) (i32.const 4)
            (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))) (call $rows (i32.const 1)))
        (data (i32.const 800000) "bdeep")
        (func (export "call_deep") (call $deep (i32.const 1500)))"#;
    make(&mut chain, "a", contract(deep, &[]));
    make(&mut chain, "b", contract(deep, &[]));
    assert_eq!(
        rows(&call(&mut chain, "b", "deep", vec![])),
        meaning(Code::CallDepth),
        "alone it fits"
    );
    assert_eq!(rows(&call(&mut chain, "a", "deep", vec![])), meaning(Code::WasmStack));
}

/// Does one thing until the gas is used up.
fn endless(name: &str, body: &str) -> String {
    format!(r#"(func (export "call_{name}") (loop $l {body} (br $l)))"#)
}

#[test]
#[ignore = "slow: prints a table of gas and time"]
fn rule_11_gas_covers_time() {
    const GAS: u64 = 500_000_000;
    let mut chain = Chain::memory(2);
    let to = chain.address(0).to_string();
    let coins = encode_row(&[Value::from("udadb"), Value::from(1)]);
    let when = encode_row(&["height".into(), Value::from(1_i64 << 40), 0.into(), 100_000.into()]);
    let texts = [
        (900_000, b"bnop".to_vec()),
        (900_100, to.clone().into_bytes()),
        (900_200, coins.clone()),
        (900_300, when.clone()),
        (900_400, b"tick".to_vec()),
        (900_500, b"DELETE FROM t".to_vec()),
        (900_600, b"INSERT INTO t VALUES (1)".to_vec()),
        (900_700, b"missing".to_vec()),
        (900_800, b"SELECT 1 FROM p, p q, p r".to_vec()),
        (900_900, b"INSERT INTO p VALUES (1)".to_vec()),
        (901_000, b"DELETE FROM p".to_vec()),
    ];
    let data: String = texts
        .iter()
        .map(|(at, bytes)| format!("(data (i32.const {at}) \"{}\")", data(bytes)))
        .collect();
    let pair = |at: i32, len: usize| format!("(i32.const {at}) (i32.const {len})");
    let none = "(i32.const 0) (i32.const 0)";
    let (b, nop) = (pair(900_000, 1), pair(900_001, 3));
    let bodies = [
        endless("calls", &format!("(drop (call $call {b} {nop} {none} {none}))")),
        endless("paid", &format!("(drop (call $call {b} {nop} {none} {}))", pair(900_200, coins.len()))),
        endless("views", &format!("(drop (call $view {b} {nop} {none}))")),
        endless("misses", &format!("(drop (call $call {} {nop} {none} {none}))", pair(900_700, 7))),
        endless(
            "transfers",
            &format!("(drop (call $transfer {} {}))", pair(900_100, to.len()), pair(900_200, coins.len())),
        ),
        endless("balances", &format!("(call $balance {} {})", pair(900_100, to.len()), pair(900_200, 5))),
        endless(
            "plans",
            &format!("(drop (call $schedule {} {none} {}))", pair(900_400, 4), pair(900_300, when.len())),
        ),
        endless("rules", &format!("(call $exec {}) (call $exec {})", pair(900_600, 24), pair(900_500, 13))),
        r#"(func (export "scheduled_tick")) (func (export "validate_t")) (func (export "on_insert_t"))
           (func (export "on_delete_t"))"#
            .into(),
        endless("reads", &format!("(drop (call $sql_query {} {none}))", pair(900_800, 25))),
        endless("writes", &format!("(call $exec {}) (call $exec {})", pair(900_900, 24), pair(901_000, 13))),
        function("init", 510_000, &["CREATE TABLE t (x INTEGER)", "CREATE TABLE p (x)"], ""),
    ];
    let predicate = ["x <> caller() AND x IN (SELECT x FROM t WHERE x = 2) OR x = 1"];
    let predicates = [Kind::CanRead, Kind::CanWrite].map(|kind| row(kind, "p", &predicate));
    let wasm = described(&format!("{data}{}", bodies.concat()), &predicates);
    make(&mut chain, "a", wasm);
    let nop = r#"(func (export "call_nop")) (func (export "view_nop"))"#;
    make(&mut chain, "b", contract(nop, &["nop"]));
    let message = chain.send(0, AccountAddress::of_contract(1), 100_000_000);
    assert!(chain.run(0, vec![message]).is_ok());
    println!("{:<10} {:>8} ns per gas", "", "");
    for entry in [
        "calls",
        "paid",
        "views",
        "misses",
        "transfers",
        "balances",
        "plans",
        "rules",
        "reads",
        "writes",
        "calls",
    ] {
        let message = chain.execute(1, "a", entry, &[]);
        let tx = chain.sign_with_gas(1, vec![message], GAS);
        let begun = std::time::Instant::now();
        let result = chain.block(vec![tx]).tx_results.remove(0);
        let spent = begun.elapsed();
        assert_eq!(verdict(&result), number(Code::OutOfGas), "{entry}: {}", result.log);
        println!("{entry:<10} {:>8.3}", spent.as_secs_f64() * 1e9 / GAS as f64);
    }
}
