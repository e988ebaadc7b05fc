//! Databases are apart from each other, and foreign keys cannot halt the chain.
//!
//! 1. Equal names in two databases are two things: no statement reads, changes, renames or drops the
//!    other's, whichever way its name is spelled.
//! 2. Names, columns and error texts are the user's; an error about the other database's table is the
//!    error about a table that does not exist.
//! 3. The chain's own tables are read by everyone and written by no statement. By design
//!    `chain.contracts` and `chain.schema` name all databases and what is in them: state is public.
//! 4. No order of statements leaves a violated foreign key in a block: deferrable ones are refused, and
//!    what the engine would find at COMMIT is found in the transaction that did it.
//! 5. A grant gives its verb on its table to its grantee, directly, through a role or to public, and
//!    nothing else; a batch needs the grants of all its statements; what is revoked is gone.
#![allow(clippy::too_many_lines, reason = "test data is small; tables are long")]

use dadbs_app::TxResult;
use dadbs_tests::{Chain, key};
use dadbs_types::Value;

/// Two databases with equal names inside, of the accounts 0 and 1.
fn two() -> Chain {
    let mut chain = Chain::memory(4);
    for (index, name) in [(0, "left"), (1, "right")] {
        chain.create_database(index, name);
        for sql in [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, secret TEXT UNIQUE)".to_owned(),
            "CREATE INDEX i ON t (secret)".to_owned(),
            "CREATE VIEW v AS SELECT id, secret FROM t".to_owned(),
            format!("INSERT INTO t VALUES (1, 'of {name}')"),
            format!("CREATE TABLE only_{name} (a)"),
        ] {
            let result = chain.sql(index, name, &sql);
            assert!(result.is_ok(), "{sql}: {}", result.log);
        }
    }
    chain
}

#[test]
fn rule_1_equal_names_are_two_things() {
    let mut chain = two();
    for sql in
        ["SELECT * FROM t", "SELECT * FROM v", "SELECT t.* FROM t INDEXED BY i WHERE secret > ''"]
    {
        for name in ["left", "right"] {
            let rows = chain.rows(name, sql);
            assert_eq!(rows, [[1.into(), Value::from(format!("of {name}"))]], "{sql}");
        }
    }
    let before = chain.rows("right", "SELECT * FROM t");
    for sql in [
        "UPDATE t SET secret = 'changed'",
        "INSERT INTO t VALUES (2, 'of right')",
        "ALTER TABLE t RENAME COLUMN secret TO open",
        "ALTER TABLE t ADD COLUMN more",
        "DROP VIEW v",
        "DROP INDEX i",
        "ALTER TABLE t RENAME TO u",
        "CREATE TABLE t (x)",
        "DROP TABLE t",
        "DROP TABLE u",
    ] {
        let result = chain.sql(0, "left", sql);
        assert!(result.is_ok(), "{sql}: {}", result.log);
        assert_eq!(chain.rows("right", "SELECT * FROM t"), before, "{sql}");
        assert_eq!(chain.rows("right", "SELECT * FROM v"), before, "{sql}");
    }
    chain.app.store().verify_rows().unwrap().check().unwrap();
}

/// Ways to name the table `only_right` of the database right, which has number 2.
const SPELLINGS: [&str; 30] = [
    "only_right",
    "right.only_right",
    "\"right\".\"only_right\"",
    "main.only_right",
    "d2_only_right",
    "D2_ONLY_RIGHT",
    "\"d2_only_right\"",
    "[d2_only_right]",
    "`d2_only_right`",
    "main.d2_only_right",
    "\"main\".\"d2_only_right\"",
    "temp.d2_only_right",
    "chain.d2_only_right",
    "chain.only_right",
    "chain.\"d2_only_right\"",
    "chain.\"../d2_only_right\"",
    "\"t\"\" AS x, d2_only_right --\"",
    "\"; DROP TABLE d2_only_right; --\"",
    "node_state",
    "main.node_state",
    "chain.node_state",
    "chain.state",
    "node_journal",
    "sqlite_schema",
    "sqlite_master",
    "main.sqlite_master",
    "sqlite_temp_master",
    "dbstat",
    "pragma_table_list",
    "\u{ff44}2_only_right",
];

/// What an account is told, without the name that it used.
fn told(result: &TxResult, name: &str) -> String {
    let bare = name.replace(['"', '`', '[', ']'], "");
    result.log.replace(&bare, "?").replace(name, "?")
}

#[test]
fn rules_1_and_2_the_other_database_cannot_be_named() {
    let mut chain = two();
    let right = chain.rows("right", "SELECT * FROM t");
    let root_of_right = |chain: &Chain| {
        (
            chain.rows("right", "SELECT * FROM t"),
            chain.rows("right", "SELECT count(*) FROM only_right"),
        )
    };
    let before = root_of_right(&chain);
    for spelling in SPELLINGS {
        for template in [
            "INSERT INTO {} VALUES (7)",
            "DELETE FROM {}",
            "UPDATE {} SET a = 1",
            "INSERT INTO t (secret) SELECT a FROM {}",
            "UPDATE t SET secret = (SELECT count(*) FROM {})",
            "DROP TABLE {}",
            "ALTER TABLE {} RENAME TO mine",
            "CREATE INDEX x ON {} (a)",
            "SELECT a FROM t, {}",
        ] {
            let sql = template.replace("{}", spelling);
            let result = chain.sql(0, "left", &sql);
            assert!(!result.is_ok(), "{sql} passed");
            assert!(!result.log.contains("d1_"), "{sql}: {}", result.log);
        }
        let sql = format!("SELECT * FROM {spelling}");
        assert!(chain.try_select("left", &sql).is_err(), "{sql}");
    }
    assert_eq!(root_of_right(&chain), before);
    assert_eq!(chain.rows("right", "SELECT * FROM t"), right);
    // What exists elsewhere and what exists nowhere give the same answer, for the same gas.
    for template in ["SELECT * FROM {}", "INSERT INTO {} VALUES (1)", "DROP TABLE {}"] {
        let answers = ["only_right", "only_wrong"].map(|name| {
            let result = chain.sql(0, "left", &template.replace("{}", name));
            (told(&result, name), result.gas_used, result.code)
        });
        assert_eq!(answers[0], answers[1]);
        assert!(answers[0].0.contains("no such table: ?"), "{answers:?}");
    }
}

#[test]
fn rule_2_texts_are_the_users() {
    let mut chain = two();
    for (sql, text) in [
        ("INSERT INTO t VALUES (1, 'x')", "UNIQUE constraint failed: t.id"),
        ("INSERT INTO t VALUES (3, 'of left')", "UNIQUE constraint failed: t.secret"),
        ("SELECT absent FROM t", "no such column: absent"),
        ("SELECT t.absent FROM t", "no such column: t.absent"),
        ("SELECT * FROM nowhere", "no such table: nowhere"),
        ("DROP INDEX nowhere", "no such index: nowhere"),
        ("DROP VIEW nowhere", "no such view: nowhere"),
        ("CREATE TABLE t (a)", "table t already exists"),
        ("CREATE INDEX i ON t (id)", "index i already exists"),
        ("INSERT INTO t VALUES (1)", "table t has 2 columns but 1 values were supplied"),
        ("INSERT INTO t (absent) VALUES (1)", "table t has no column named absent"),
        ("INSERT INTO v VALUES (1, 2)", "cannot modify v because it is a view"),
        ("ALTER TABLE t RENAME TO v", "v"),
        ("SELECT abs() FROM t", "abs"),
    ] {
        let result = chain.sql(0, "left", sql);
        assert!(result.log.contains(text), "{sql}: {}", result.log);
        assert!(!result.log.contains("d1_"), "{sql}: {}", result.log);
    }
    for (sql, columns) in [
        ("SELECT * FROM t", vec!["id", "secret"]),
        ("SELECT t.id, secret AS s, id + 1 FROM t", vec!["id", "s", "id + 1"]),
        ("SELECT * FROM v", vec!["id", "secret"]),
        ("SELECT count(*), max(t.id) FROM t", vec!["count(*)", "max(t.id)"]),
    ] {
        assert_eq!(chain.select("left", sql).columns, columns, "{sql}");
    }
}

#[test]
fn rule_3_the_chains_tables() {
    let mut chain = two();
    let names = chain.rows("left", "SELECT name FROM chain.contracts ORDER BY id");
    assert_eq!(names, [["left".into()], [Value::from("right")]]);
    // The fees of account 0 move, those of account 1 do not.
    let others = format!(
        "SELECT (SELECT group_concat(amount) FROM chain.balances WHERE address = '{}'),
         (SELECT count(*) FROM chain.accounts), (SELECT count(*) FROM chain.balances WHERE address = 'x')",
        chain.address(1)
    );
    let before = chain.rows("", &others);
    for sql in [
        "INSERT INTO chain.balances VALUES ('x', 'udadb', 5)",
        "UPDATE chain.balances SET amount = 9",
        "DELETE FROM chain.accounts",
        "DROP TABLE chain.accounts",
        "ALTER TABLE chain.accounts ADD COLUMN x",
        "CREATE TABLE chain.mine (a)",
        "CREATE INDEX chain.mine ON accounts (number)",
        "CREATE VIEW mine AS SELECT * FROM chain.accounts",
        "CREATE TABLE mine (a REFERENCES chain.accounts)",
        "INSERT INTO chain_balances VALUES ('x', 'udadb', 5)",
        "UPDATE t SET secret = 1 FROM chain.balances RETURNING chain.balances.amount",
        "WITH balances AS (SELECT 1) DELETE FROM chain.balances",
    ] {
        let result = chain.sql(0, "left", sql);
        assert!(!result.is_ok(), "{sql}");
    }
    assert_eq!(chain.rows("", &others), before);
    // Reading them is a right of everyone, in transactions too.
    let result = chain.sql(0, "left", "INSERT INTO t (secret) SELECT address FROM chain.accounts");
    assert!(result.is_ok(), "{}", result.log);
}

/// Tables with every kind of reference.
fn family() -> Chain {
    let mut chain = Chain::memory(3);
    chain.create_database(0, "shop");
    for sql in [
        "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE)",
        "CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p)",
        "CREATE TABLE cascade (p INTEGER REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE)",
        "CREATE TABLE nulled (p INTEGER REFERENCES p ON DELETE SET NULL)",
        "CREATE TABLE defaulted (p INTEGER DEFAULT 77 REFERENCES p ON DELETE SET DEFAULT)",
        "CREATE TABLE restricted (code TEXT REFERENCES p (code) ON DELETE RESTRICT ON UPDATE RESTRICT)",
        "CREATE TABLE self (id INTEGER PRIMARY KEY, up INTEGER REFERENCES self ON DELETE CASCADE)",
        "CREATE TABLE x (id INTEGER PRIMARY KEY, y INTEGER REFERENCES y)",
        "CREATE TABLE y (id INTEGER PRIMARY KEY, x INTEGER REFERENCES x)",
        "CREATE TABLE noaction (p INTEGER NOT NULL REFERENCES p ON DELETE NO ACTION)",
        "INSERT INTO p SELECT id, 'c' || id FROM (SELECT 1 AS id UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 77)",
        "INSERT INTO c VALUES (1, 1)",
        "INSERT INTO cascade VALUES (2)",
        "INSERT INTO nulled VALUES (3)",
        "INSERT INTO defaulted VALUES (4)",
        "INSERT INTO restricted VALUES ('c5')",
        "INSERT INTO noaction VALUES (6)",
        "INSERT INTO self VALUES (1, 1), (2, 1), (3, 2)",
        "INSERT INTO x VALUES (1, NULL)",
        "INSERT INTO y VALUES (1, 1)",
        "UPDATE x SET y = 1",
    ] {
        let result = chain.sql(0, "shop", sql);
        assert!(result.is_ok(), "{sql}: {}", result.log);
    }
    chain
}

/// Rows whose parent is missing.
fn orphans(chain: &Chain) -> Vec<Vec<Value>> {
    chain.rows(
        "shop",
        "SELECT 'c' FROM c WHERE p NOT IN (SELECT id FROM p)
         UNION ALL SELECT 'cascade' FROM cascade WHERE p NOT IN (SELECT id FROM p)
         UNION ALL SELECT 'nulled' FROM nulled WHERE p NOT IN (SELECT id FROM p)
         UNION ALL SELECT 'defaulted' FROM defaulted WHERE p NOT IN (SELECT id FROM p)
         UNION ALL SELECT 'restricted' FROM restricted WHERE code NOT IN (SELECT code FROM p)
         UNION ALL SELECT 'noaction' FROM noaction WHERE p NOT IN (SELECT id FROM p)
         UNION ALL SELECT 'self' FROM self WHERE up NOT IN (SELECT id FROM self)
         UNION ALL SELECT 'x' FROM x WHERE y NOT IN (SELECT id FROM y)
         UNION ALL SELECT 'y' FROM y WHERE x NOT IN (SELECT id FROM x)",
    )
}

#[test]
fn rule_4_deferred_keys_are_refused() {
    let mut chain = family();
    for sql in [
        "CREATE TABLE d (p REFERENCES p DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE d (p REFERENCES p DEFERRABLE)",
        "CREATE TABLE d (p, FOREIGN KEY (p) REFERENCES p DEFERRABLE INITIALLY IMMEDIATE)",
        "CREATE TABLE d (p REFERENCES p ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED)",
        "CREATE TABLE d (p REFERENCES p /* */ deferrable initially deferred)",
        "ALTER TABLE c ADD COLUMN d REFERENCES p DEFERRABLE INITIALLY DEFERRED",
        "PRAGMA defer_foreign_keys = ON",
        "PRAGMA foreign_keys = OFF",
        "PRAGMA writable_schema = ON",
        "SELECT * FROM pragma_foreign_key_check",
        "BEGIN",
        "COMMIT",
        "SAVEPOINT s",
        "ATTACH ':memory:' AS m",
    ] {
        let result = chain.sql(0, "shop", sql);
        assert!(!result.is_ok(), "{sql} passed");
    }
    // What SQLite takes as immediate is kept, and is.
    let immediate = "CREATE TABLE d (p REFERENCES p NOT DEFERRABLE INITIALLY DEFERRED)";
    let made = chain.sql(0, "shop", immediate);
    assert!(made.is_ok(), "{}", made.log);
    let made = chain.sql(0, "shop", "INSERT INTO d VALUES (999)");
    assert!(made.log.contains("FOREIGN KEY constraint failed"), "{}", made.log);
    let made = chain.sql(0, "shop", "INSERT INTO c VALUES (2, 999)");
    assert!(made.log.contains("FOREIGN KEY constraint failed"), "{}", made.log);
    assert_eq!(orphans(&chain), Vec::<Vec<Value>>::new());
}

#[test]
fn rule_4_no_transaction_leaves_an_orphan() {
    // Each a transaction of statements; together in one block, and again in blocks of their own.
    let attempts: [&[&str]; 24] = [
        &["DELETE FROM p WHERE id = 1"],
        &["DELETE FROM p WHERE id = 1", "DELETE FROM c"],
        &["DELETE FROM p WHERE id = 2"],
        &["DELETE FROM p WHERE id = 3"],
        &["DELETE FROM p WHERE id = 77", "DELETE FROM p WHERE id = 4"],
        &["DELETE FROM p WHERE code = 'c5'"],
        &["UPDATE p SET code = 'other' WHERE id = 5"],
        &["UPDATE p SET id = id + 100"],
        &["REPLACE INTO p VALUES (1, 'replaced')"],
        &["REPLACE INTO p VALUES (900, 'c5')"],
        &["INSERT OR REPLACE INTO p VALUES (6, 'six')"],
        &["UPDATE OR REPLACE p SET id = 1 WHERE id = 77"],
        &["UPDATE OR IGNORE p SET id = 1000 WHERE id = 1"],
        &["DROP TABLE p"],
        &["DROP TABLE p", "CREATE TABLE p (id INTEGER PRIMARY KEY, code TEXT UNIQUE)"],
        &["ALTER TABLE p RENAME TO q", "DROP TABLE q"],
        &["ALTER TABLE p DROP COLUMN code"],
        &["DROP TABLE x"],
        &["DELETE FROM x", "DELETE FROM y"],
        &["UPDATE self SET id = 50 WHERE id = 1"],
        &["DELETE FROM self WHERE id = 1", "INSERT INTO self VALUES (9, 8)"],
        &["INSERT INTO self VALUES (20, 21), (21, 20)"],
        &["INSERT INTO y VALUES (5, 6)", "INSERT INTO x VALUES (6, 5)"],
        &["CREATE TABLE z (a REFERENCES missing)", "INSERT INTO z VALUES (1)"],
    ];
    let mut chain = family();
    let mut txs = Vec::new();
    for statements in &attempts {
        let statements: Vec<_> = statements.iter().map(|sql| (*sql, vec![])).collect();
        let message = chain.exec(0, "shop", &statements);
        txs.push(chain.sign_with_gas(0, vec![message], 50_000_000));
    }
    let results = chain.block(txs).tx_results;
    let passed = results.iter().filter(|result| result.is_ok()).count();
    for (statements, result) in attempts.iter().zip(&results) {
        println!("{statements:?}: {} {}", result.code, result.log);
    }
    assert!(passed >= 4 && passed < attempts.len(), "{passed} passed");
    chain.app.store().verify_rows().unwrap().check().unwrap();
    for statements in attempts {
        let mut chain = family();
        for sql in statements {
            chain.sql(0, "shop", sql);
        }
        // A block commits after whatever was tried.
        chain.block(vec![]);
        let tables = chain.rows("shop", "SELECT count(*) FROM c");
        assert_eq!(tables.len(), 1);
        if chain.try_select("shop", "SELECT code FROM p").is_ok()
            && chain.try_select("shop", "SELECT * FROM x").is_ok()
        {
            assert_eq!(orphans(&chain), Vec::<Vec<Value>>::new(), "{statements:?}");
        }
        chain.app.store().verify_rows().unwrap().check().unwrap();
    }
}

#[test]
fn rule_4_parents_and_children_in_two_transactions_of_a_block() {
    let mut chain = family();
    let statement = |chain: &mut Chain, sql: &str| {
        let message = chain.exec(0, "shop", &[(sql, vec![])]);
        chain.sign_with_gas(0, vec![message], 20_000_000)
    };
    let txs = [
        "DELETE FROM p WHERE id = 1",
        "DELETE FROM c WHERE p = 1",
        "DELETE FROM p WHERE id = 1",
        "INSERT INTO c VALUES (5, 1)",
        "INSERT INTO p VALUES (1, 'again')",
        "INSERT INTO c VALUES (5, 1)",
    ]
    .map(|sql| statement(&mut chain, sql));
    let results = chain.block(txs.to_vec()).tx_results;
    let passed: Vec<_> = results.iter().map(TxResult::is_ok).collect();
    assert_eq!(passed, [false, true, true, false, true, true]);
    for failed in [&results[0], &results[3]] {
        assert!(failed.log.contains("FOREIGN KEY constraint failed"), "{}", failed.log);
    }
    assert_eq!(orphans(&chain), Vec::<Vec<Value>>::new());
}

/// One statement for each verb on `t`; the gas of a caller's refusal says nothing about the rows.
const VERBS: [(&str, &str); 6] = [
    ("insert", "INSERT INTO t (name) VALUES ('x')"),
    ("update", "UPDATE t SET name = 'y' WHERE id = 1"),
    ("delete", "DELETE FROM t WHERE id = 99"),
    ("create", "CREATE TABLE made (a)"),
    ("alter", "ALTER TABLE t ADD COLUMN more"),
    ("drop", "DROP TABLE spare"),
];

fn granted(how: &[(&str, Vec<&str>)]) -> Vec<&'static str> {
    let mut allowed = Vec::new();
    for (verb, sql) in VERBS {
        let mut chain = Chain::memory(3);
        chain.create_database(0, "shop");
        for sql in [
            "CREATE TABLE t (id INTEGER PRIMARY KEY, name)",
            "CREATE TABLE spare (a)",
            "INSERT INTO t VALUES (1, 'a')",
        ] {
            assert!(chain.sql(0, "shop", sql).is_ok());
        }
        let member = key(1).address().to_string();
        for (entry, arguments) in how {
            let arguments: Vec<_> = arguments
                .iter()
                .map(|text| if *text == "M" { member.as_str() } else { *text })
                .collect();
            let message = chain.execute(0, "shop", entry, &arguments);
            let result = chain.run(0, vec![message]);
            assert!(result.is_ok(), "{entry} {arguments:?}: {}", result.log);
        }
        let root = chain.rows("shop", "SELECT * FROM t");
        let result = chain.sql(1, "shop", sql);
        if result.is_ok() {
            allowed.push(verb);
        } else {
            assert!(result.log.contains("permission denied"), "{sql}: {}", result.log);
            assert_eq!(chain.rows("shop", "SELECT * FROM t"), root);
        }
        // Nobody else gained anything, unless public did.
        if !how.iter().any(|(_, arguments)| arguments.contains(&"public")) {
            assert!(!chain.sql(2, "shop", sql).is_ok(), "{sql}");
        }
    }
    allowed
}

#[test]
fn rule_5_grants_from_end_to_end() {
    let all = ["insert", "update", "delete", "create", "alter", "drop"];
    assert_eq!(granted(&[]), Vec::<&str>::new());
    assert_eq!(granted(&[("grant", vec!["M", "insert", "t"])]), ["insert"]);
    assert_eq!(
        granted(&[("grant", vec!["M", "delete", "t"]), ("grant", vec!["M", "select", "t"])]),
        ["delete"]
    );
    assert_eq!(granted(&[("grant", vec!["M", "all", "*"])]), all);
    assert_eq!(granted(&[("grant", vec!["M", "insert", "other"])]), Vec::<&str>::new());
    assert_eq!(granted(&[("grant", vec!["public", "insert", "t"])]), ["insert"]);
    let role = [
        ("create_role", vec!["staff"]),
        ("grant", vec!["staff", "insert", "*"]),
        ("grant_role", vec!["staff", "M"]),
    ];
    assert_eq!(granted(&role), ["insert"]);
    let mut revoked = role.to_vec();
    revoked.push(("revoke_role", vec!["staff", "M"]));
    assert_eq!(granted(&revoked), Vec::<&str>::new());
    let mut dropped = role.to_vec();
    dropped.push(("drop_role", vec!["staff"]));
    assert_eq!(granted(&dropped), Vec::<&str>::new());
    let taken = [("grant", vec!["M", "all", "*"]), ("revoke", vec!["M", "all", "*"])];
    assert_eq!(granted(&taken), Vec::<&str>::new());
    let given = [("grant", vec!["M", "drop", "spare"]), ("transfer_ownership", vec!["M"])];
    assert_eq!(granted(&given), all);
}

#[test]
fn rule_5_a_batch_needs_every_grant() {
    let mut chain = Chain::memory(3);
    chain.create_database(0, "shop");
    for sql in [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, name)",
        "CREATE TABLE u (a)",
        "INSERT INTO u VALUES ('secret')",
    ] {
        assert!(chain.sql(0, "shop", sql).is_ok());
    }
    let member = key(1).address().to_string();
    let grant = chain.execute(0, "shop", "grant", &[&member, "insert", "t"]);
    assert!(chain.run(0, vec![grant]).is_ok());
    let batch = |chain: &Chain, statements: &[&str]| {
        let statements: Vec<_> = statements.iter().map(|sql| (*sql, vec![])).collect();
        chain.exec(1, "shop", &statements)
    };
    for statements in [
        &["INSERT INTO t (name) VALUES ('a')", "DELETE FROM t"][..],
        &["INSERT INTO t (name) VALUES ('a')", "INSERT INTO u VALUES (1)"],
        &["INSERT INTO t (name) SELECT a FROM u"],
        &["INSERT INTO t (name) VALUES ((SELECT a FROM u))"],
        &["INSERT INTO t VALUES (1, 'a') ON CONFLICT DO UPDATE SET name = 'b'"],
        &["REPLACE INTO t VALUES (1, 'a')"],
        &["INSERT INTO _dadbs_grants VALUES ('public', 'all', '*', 'me')"],
        &["INSERT INTO t (name) VALUES ('a'); DELETE FROM u"],
        &["WITH t AS (SELECT 1) INSERT INTO u VALUES (1)"],
    ] {
        let message = batch(&chain, statements);
        let result = chain.run(1, vec![message]);
        assert!(!result.is_ok(), "{statements:?}");
        assert_eq!(chain.rows("shop", "SELECT count(*) FROM t"), [[Value::Integer(0)]]);
    }
    let message =
        batch(&chain, &["INSERT INTO t (name) VALUES ('a')", "INSERT INTO t (name) VALUES ('b')"]);
    assert!(chain.run(1, vec![message]).is_ok());
    // The owner's own statements cannot change the grants behind the contract.
    for sql in [
        "DELETE FROM _dadbs_grants",
        "DROP TABLE _dadbs_meta",
        "UPDATE _dadbs_meta SET value = 'x'",
    ] {
        assert!(!chain.sql(0, "shop", sql).is_ok(), "{sql}");
    }
}
