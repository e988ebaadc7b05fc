//! Formats that are frozen: a change of one of these files is a decision.
//!
//! 1. Every table that others build on is a file: codes, host functions, limits, prices.
//! 2. Sign bytes, signatures and hashes of fixed transactions are what they were.
//! 3. A fixed chain of every message has the results, gas and app hashes that it had.
#![allow(
    clippy::cast_precision_loss,
    clippy::wildcard_imports,
    clippy::too_many_lines,
    reason = "test data is small; tables are long"
)]

use dadbs_abi::HOST_FUNCTIONS;
use dadbs_client::tx::any;
use dadbs_proto::dadbs::contract::v1::{MsgMigrate, MsgStoreCode};
use dadbs_tests::craft::Craft;
use dadbs_tests::{CHAIN_ID, Chain, genesis, golden, key};
use dadbs_types::{Code, Value, gas, limits};
use prost::Message;
use std::fmt::Write as _;

#[test]
fn rule_1_error_codes() {
    let line = |code: &Code| {
        format!("{}/{} {code:?}: {}\n", code.codespace(), code.number(), code.meaning())
    };
    golden("error_codes.txt", &Code::ALL.iter().map(line).collect::<String>());
}

#[test]
fn rule_1_host_functions() {
    let mut text = format!("module {}\n", dadbs_abi::MODULE);
    for function in HOST_FUNCTIONS {
        let params = vec!["i32"; function.params.len()].join(", ");
        let result = if function.result.is_some() { " -> i32" } else { "" };
        let class = if function.writes { "writes" } else { "reads" };
        let (base, byte) = (function.gas_base, function.gas_byte);
        let name = function.name;
        let _ = writeln!(text, "{name}({params}){result}, {class}, gas {base} + {byte} per byte");
    }
    golden("host_functions.txt", &text);
}

#[test]
fn rule_1_limits() {
    let line =
        |(name, value, unit, _): &(&str, u64, &str, &str)| format!("{name} {value} {unit}\n");
    golden("limits.txt", &limits::TABLE.iter().map(line).collect::<String>());
}

#[test]
fn rule_1_gas_prices() {
    use gas::price::*;
    let prices = [
        ("TX_BYTE", TX_BYTE),
        ("SIGNATURE", SIGNATURE),
        ("TX_BASE", TX_BASE),
        ("WASM_OP", WASM_OP),
        ("WASM_CALL", WASM_CALL),
        ("WASM_CALL_PAGES", WASM_CALL_PAGES),
        ("WASM_PAGE", WASM_PAGE),
        ("WASM_ROW", WASM_ROW),
        ("WASM_LOAD_BYTE", WASM_LOAD_BYTE),
        ("SAVEPOINT", SAVEPOINT),
        ("CODE_BASE", CODE_BASE),
        ("CODE_BYTE", CODE_BYTE),
        ("CODE_FUNCTION", CODE_FUNCTION),
        ("CODE_OP", CODE_OP),
        ("CODE_BLOCK_LOCAL", CODE_BLOCK_LOCAL),
        ("SQL_STATEMENT", SQL_STATEMENT),
        ("SQL_TEXT_BYTE", SQL_TEXT_BYTE),
        ("SQL_STEP", SQL_STEP),
        ("ROW_WRITE", ROW_WRITE),
        ("ROW_WRITE_BYTE", ROW_WRITE_BYTE),
        ("ROW_READ", ROW_READ),
        ("ROW_READ_BYTE", ROW_READ_BYTE),
        ("SCHEMA_CHANGE", SCHEMA_CHANGE),
        ("SCHEMA_OBJECT", SCHEMA_OBJECT),
    ];
    let mut text = format!("schedule {}\n", gas::SCHEDULE_VERSION);
    for (name, price) in prices {
        let _ = writeln!(text, "{name} {price}");
    }
    golden("gas_prices.txt", &text);
}

#[test]
fn rule_2_transactions() {
    let chain = Chain::memory(3);
    let to = key(1).address();
    let send = chain.send(0, to, 12_345);
    let row = vec![
        Value::Integer(-7),
        Value::Real(0.5),
        "bolt".into(),
        Value::Blob(vec![0, 255]),
        Value::Null,
    ];
    let exec = chain.exec(0, "shop", &[("INSERT INTO item VALUES (?, ?, ?, ?, ?)", vec![row])]);
    let mut text = format!("address {}\nrecipient {to}\n", key(0).address());
    for (name, message) in [("MsgSend", send), ("MsgExec", exec)] {
        let mut craft = Craft::new(0, 3, vec![message], 200_000);
        craft.body.memo = "a memo".into();
        craft.body.timeout_height = 1_000;
        let raw = craft.raw();
        let document = dadbs_proto::cosmos::tx::v1beta1::SignDoc {
            body_bytes: raw.body_bytes.clone(),
            auth_info_bytes: raw.auth_info_bytes.clone(),
            chain_id: CHAIN_ID.into(),
            account_number: 0,
        };
        let _ = writeln!(
            text,
            "\n{name}\nsign bytes {}\nsignature {}\ntransaction {}\nhash {}",
            hex::encode(document.encode_to_vec()),
            hex::encode(&raw.signatures[0]),
            hex::encode(raw.encode_to_vec()),
            dadbs_client::tx::hash(&raw.encode_to_vec()),
        );
    }
    golden("transactions.txt", &text);
}

/// A contract whose `migrate` answers nothing.
const MIGRATED: &str = r#"(module (memory (export "memory") 1)
    (func (export "dadbs_abi_1")) (func (export "init")) (func (export "migrate")))"#;

/// The transactions of the scenario: a name, who signs, and the message.
fn scenario(chain: &Chain) -> Vec<(&'static str, u8, prost_types::Any)> {
    let sql = |index: u8, sql: &str| chain.exec(index, "shop", &[(sql, vec![])]);
    let call =
        |index: u8, entry: &str, arguments: &[&str]| chain.execute(index, "shop", entry, arguments);
    let member = key(1).address().to_string();
    let rows: Vec<Vec<Value>> = (1..=20i64)
        .map(|id| {
            vec![
                id.into(),
                format!("item {id}").into(),
                Value::Real(f64::from(i32::try_from(id).unwrap()) / 4.0),
            ]
        })
        .collect();
    let instantiate = |admin: &str, name: &str| chain.instantiate(0, 1, name, admin);
    let wasm = wat::parse_str(MIGRATED).unwrap();
    let owner = key(0).address().to_string();
    let insert = "INSERT INTO item VALUES (?, ?, ?, CURRENT_TIMESTAMP)";
    vec![
        ("send", 0, chain.send(0, key(2).address(), 1_000)),
        ("send more than is held", 0, chain.send(0, key(2).address(), u64::MAX / 2)),
        ("instantiate", 0, instantiate("", "shop")),
        ("create", 0, {
            sql(
                0,
                "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price REAL, added TEXT) STRICT",
            )
        }),
        ("insert rows", 0, chain.exec(0, "shop", &[(insert, rows)])),
        ("insert a key twice", 0, sql(0, "INSERT INTO item VALUES (1, 'again', 0, '')")),
        ("create a child", 0, {
            sql(
                0,
                "CREATE TABLE sale (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item ON DELETE CASCADE, n)",
            )
        }),
        ("create an index", 0, sql(0, "CREATE INDEX by_name ON item (name DESC)")),
        ("insert from a select", 0, {
            sql(
                0,
                "INSERT INTO sale (item, n) SELECT id, abs(random() % 100) FROM item WHERE id > 5",
            )
        }),
        ("create a view", 0, {
            sql(
                0,
                "CREATE VIEW sold AS SELECT name, sum(n) AS total FROM item JOIN sale ON item = item.id GROUP BY name",
            )
        }),
        ("no grant", 1, sql(1, "DELETE FROM item WHERE id = 3")),
        ("grant", 0, call(0, "grant", &[&member, "all", "item"])),
        ("granted", 1, sql(1, "DELETE FROM item WHERE id = 3")),
        ("cascade", 0, sql(0, "DELETE FROM item WHERE id > 15")),
        (
            "update",
            0,
            sql(0, "UPDATE item SET price = price * 1.1, name = upper(name) WHERE id % 2"),
        ),
        ("upsert", 0, {
            sql(
                0,
                "INSERT INTO item (id, name) VALUES (2, 'x'), (99, 'y') ON CONFLICT (id) DO UPDATE SET name = excluded.name",
            )
        }),
        ("alter", 0, sql(0, "ALTER TABLE sale ADD COLUMN note TEXT DEFAULT 'none'")),
        ("refused", 0, sql(0, "PRAGMA foreign_keys = off")),
        ("endless", 0, {
            sql(0, "SELECT count(*) FROM item a, item b, item c, item d, item e, item f")
        }),
        ("store code", 2, { any(&MsgStoreCode { sender: key(2).address().to_string(), wasm }) }),
        ("instantiate with an admin", 0, instantiate(&owner, "other")),
        ("migrate", 0, {
            any(&MsgMigrate {
                sender: owner.clone(),
                contract: "other".into(),
                code_id: 2,
                arguments: vec![],
                ..MsgMigrate::default()
            })
        }),
        ("drop what a view needs", 0, sql(0, "DROP TABLE sale")),
        ("drop the view", 0, sql(0, "DROP VIEW sold")),
        ("drop", 0, sql(0, "DROP TABLE sale")),
    ]
}

#[test]
fn rule_3_a_chain_of_every_message() {
    let mut chain = Chain::memory(3);
    let mut text = format!("genesis {}\n", hex::encode(chain.app.info().app_hash));
    assert_eq!(genesis(3), genesis(3));
    for (name, index, message) in scenario(&chain) {
        let tx = chain.sign_with_gas(index, vec![message], 30_000_000);
        let outcome = chain.block(vec![tx]);
        let result = &outcome.tx_results[0];
        let verdict = match result.code {
            0 => "ok".to_owned(),
            code => format!("{}/{code}", result.codespace),
        };
        let _ = writeln!(
            text,
            "{:2} {name}: {verdict}, gas {}, data {}, root {}",
            chain.height,
            result.gas_used,
            hex::encode(&result.data),
            hex::encode(outcome.app_hash)
        );
    }
    golden("scenario.txt", &text);
}
