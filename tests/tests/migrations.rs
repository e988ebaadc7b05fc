//! Migrations that fail halfway.
//!
//! 1. Whatever `migrate` has done when it ends (tables made, filled, renamed and dropped)
//!    is undone with it: the contract runs its old code on its old tables, and only the fee is paid.
//! 2. It does not matter how it ends: by a statement that fails, by a message, a trap, or without gas.
//! 3. The same migration succeeds later, if what kept it from it is gone.

mod support;

use dadbs_client::tx::any;
use dadbs_proto::dadbs::contract::v1::MsgMigrate;
use dadbs_tests::Chain;
use dadbs_types::{Code, Value};
use support::{call, contract, function, number, rows, verdict};

const TABLES: [&str; 3] = [
    "CREATE TABLE notes (id INTEGER NOT NULL PRIMARY KEY, owner TEXT NOT NULL, text TEXT)",
    "CREATE TABLE gone (x INTEGER)",
    "CREATE INDEX notes_owner ON notes (owner)",
];

/// What the SDK's migrations do, and more: everything that can be done halfway.
const STEPS: [&str; 9] = [
    "CREATE TABLE fresh (id INTEGER NOT NULL PRIMARY KEY, owner TEXT NOT NULL) STRICT",
    "INSERT INTO fresh SELECT id, owner FROM notes",
    "ALTER TABLE gone ADD COLUMN y DEFAULT 7",
    "DROP INDEX notes_owner",
    "DROP TABLE notes",
    "ALTER TABLE fresh RENAME TO notes",
    "DELETE FROM gone",
    "DROP TABLE gone",
    "CREATE TABLE more (y)",
];

/// Unique only if no owner has two notes.
const LAST: &str = "CREATE UNIQUE INDEX one_note ON notes (owner)";

/// Code that migrates by `steps` and then runs `then`.
fn migrating(chain: &mut Chain, steps: &[&str], then: &str) -> u64 {
    chain.store_code(0, contract(&function("migrate", 700_000, steps, then), &[]))
}

fn migrate(chain: &mut Chain, code_id: u64, gas: u64) -> dadbs_app::TxResult {
    let message = any(&MsgMigrate {
        sender: chain.address(1).to_string(),
        contract: "book".into(),
        code_id,
        ..MsgMigrate::default()
    });
    let tx = chain.sign_with_gas(1, vec![message], gas);
    let mut outcome = chain.block(vec![tx]);
    outcome.tx_results.remove(0)
}

/// Everything of the contract: its code, its schema and its rows.
fn state(chain: &mut Chain) -> Vec<Vec<Vec<Value>>> {
    let queries =
        ["SELECT id, owner, text FROM notes ORDER BY id", "SELECT x FROM gone ORDER BY x"];
    let mut all: Vec<_> = queries.iter().map(|sql| chain.rows("book", sql)).collect();
    all.push(chain.rows("", "SELECT * FROM chain.contracts"));
    all.push(chain.rows("", "SELECT * FROM chain.schema"));
    all
}

#[test]
fn rules_1_to_3_what_was_done_is_undone() {
    let mut chain = Chain::memory(2);
    let old = chain.store_code(0, contract(&function("init", 700_000, &TABLES, ""), &[]));
    let admin = chain.address(1).to_string();
    let message = chain.instantiate(0, old, "book", &admin);
    assert!(chain.run(0, vec![message]).is_ok());
    let exec = |chain: &mut Chain, sql: &str| {
        let result = call(chain, "book", "exec", vec![sql.into()]);
        assert!(result.is_ok(), "{sql}: {}", result.log);
    };
    exec(&mut chain, "INSERT INTO notes VALUES (1, 'a', 'x'), (2, 'a', 'y'), (3, 'b', NULL)");
    exec(&mut chain, "INSERT INTO gone VALUES (5)");
    let with_last = [&STEPS[..], &[LAST]].concat();
    let abort = "(call $abort (i32.const 700000) (i32.const 6))";
    let cases = [
        (migrating(&mut chain, &with_last, ""), number(Code::SqlConstraint)),
        (migrating(&mut chain, &STEPS, abort), number(Code::WasmAbort)),
        (migrating(&mut chain, &STEPS, "(unreachable)"), number(Code::WasmTrap)),
        (migrating(&mut chain, &STEPS, "(loop (br 0))"), number(Code::OutOfGas)),
    ];
    let whole = migrating(&mut chain, &STEPS, "");
    let before = state(&mut chain);
    for (code, expected) in &cases {
        let result = migrate(&mut chain, *code, 30_000_000);
        assert_eq!(verdict(&result), *expected, "{}", result.log);
        assert_eq!(state(&mut chain), before);
    }
    // Out of gas at many places between the first statement and the last.
    let mut stopped = 0;
    let needed = loop {
        let limit = 400_000 + stopped * 150_000;
        let result = migrate(&mut chain, whole, limit);
        if result.is_ok() {
            break result.gas_used;
        }
        assert_eq!(verdict(&result), number(Code::OutOfGas), "{limit}: {}", result.log);
        assert_eq!(state(&mut chain), before, "{limit}");
        let read = call(&mut chain, "book", "query", vec!["SELECT count(*) FROM notes".into()]);
        assert_eq!(rows(&read)[1], [Value::Integer(3)]);
        stopped += 1;
    };
    assert!(stopped >= 5, "{stopped} limits below {needed}");
    assert!(chain.rows("book", "SELECT * FROM more").is_empty());
    let kept = chain.rows("book", "SELECT id, owner FROM notes ORDER BY id");
    assert_eq!(kept.len(), 3);
}

#[test]
fn rule_3_a_migration_succeeds_when_its_obstacle_is_gone() {
    let mut chain = Chain::memory(2);
    let old = chain.store_code(0, contract(&function("init", 700_000, &TABLES, ""), &[]));
    let admin = chain.address(1).to_string();
    let message = chain.instantiate(0, old, "book", &admin);
    assert!(chain.run(0, vec![message]).is_ok());
    let insert = "INSERT INTO notes VALUES (1, 'a', 'x'), (2, 'a', 'y')";
    assert!(call(&mut chain, "book", "exec", vec![insert.into()]).is_ok());
    let new = migrating(&mut chain, &[&STEPS[..], &[LAST]].concat(), "");
    let result = migrate(&mut chain, new, 30_000_000);
    assert_eq!(verdict(&result), number(Code::SqlConstraint), "{}", result.log);
    let delete = "DELETE FROM notes WHERE id = 2";
    assert!(call(&mut chain, "book", "exec", vec![delete.into()]).is_ok());
    let result = migrate(&mut chain, new, 30_000_000);
    assert!(result.is_ok(), "{}", result.log);
    assert_eq!(chain.rows("book", "SELECT id, owner FROM notes"), [[1.into(), "a".into()]]);
}
