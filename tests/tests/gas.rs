//! What transactions cost.
//!
//! 1. The gas of a call is the same cold and cached, first and thousandth, before and after a restart,
//!    with and without compiled code on disk, with statements prepared or not, alone or in a full block.
//! 2. Simulation tells the gas of the real transaction, but for the bytes that the signature adds.
//! 3. A transaction that fails pays its whole fee; one that runs out of gas has used its whole limit.
//! 4. A panic inside a transaction is `sdk/111222` at full gas; everything it did is undone, and the
//!    transactions around it keep their effects.
//! 5. The least limit with which a transaction passes is the gas that it uses; with less it ends as out
//!    of gas, wherever that happens, and leaves nothing.
//! 6. The parts that `explain` shows are the gas of the whole.
#![allow(clippy::too_many_lines, reason = "test data is small; tables are long")]

use dadbs_app::TxResult;
use dadbs_client::{Signer, UnsignedTx};
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, MsgExec};
use dadbs_store::failpoint::{self, Action};
use dadbs_tests::craft::Craft;
use dadbs_tests::{Chain, GAS, key};
use dadbs_types::{Code, Value, gas::price};
use prost_types::Any;

fn shop(chain: &mut Chain) {
    chain.create_database(0, "shop");
    for sql in [
        "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT NOT NULL, n INTEGER DEFAULT 0)",
        "CREATE INDEX by_name ON item (name)",
        "CREATE TABLE sale (item INTEGER NOT NULL REFERENCES item ON DELETE CASCADE, n)",
    ] {
        let result = chain.sql(0, "shop", sql);
        assert!(result.is_ok(), "{}", result.log);
    }
    let rows = (1..=50i64).map(|id| vec![id.into(), format!("item {id}").into()]).collect();
    let message = chain.exec(0, "shop", &[("INSERT INTO item (id, name) VALUES (?, ?)", rows)]);
    let result = chain.run(0, vec![message]);
    assert!(result.is_ok(), "{}", result.log);
}

/// Calls that leave the state as it was, so that the next one must cost the same.
fn calls(chain: &Chain) -> Vec<(&'static str, Any)> {
    let statements: [(&str, &[&str]); 5] = [
        (
            "insert and delete",
            &["INSERT INTO item (id, name) VALUES (1000, 'x')", "DELETE FROM item WHERE id = 1000"],
        ),
        ("update to the same", &["UPDATE item SET n = 0 WHERE id % 2"]),
        (
            "join",
            &[
                "UPDATE item SET n = 0 WHERE id IN (SELECT a.id FROM item a JOIN item b ON a.name = b.name ORDER BY b.name DESC)",
            ],
        ),
        (
            "cascade",
            &[
                "INSERT INTO item (id, name) VALUES (1000, 'x')",
                "INSERT INTO sale VALUES (1000, 1), (1000, 2), (1000, 3)",
                "DELETE FROM item WHERE id = 1000",
            ],
        ),
        ("fail", &["INSERT INTO item (id, name) VALUES (1, 'x')"]),
    ];
    statements
        .into_iter()
        .map(|(name, statements)| {
            let statements: Vec<_> = statements.iter().map(|sql| (*sql, vec![])).collect();
            (name, chain.exec(0, "shop", &statements))
        })
        .collect()
}

/// The gas without that of the bytes: the sequence's length changes with its number.
fn net(result: &TxResult, tx: &[u8]) -> u64 {
    assert_ne!(result.gas_used, 0, "{}", result.log);
    result.gas_used - price::TX_BYTE * tx.len() as u64
}

fn measure(chain: &mut Chain) -> Vec<(&'static str, u64)> {
    calls(chain)
        .into_iter()
        .map(|(name, message)| {
            let tx = chain.sign(0, vec![message]);
            let result = chain.block(vec![tx.clone()]).tx_results.remove(0);
            assert_eq!(result.is_ok(), name != "fail", "{name}: {}", result.log);
            (name, net(&result, &tx))
        })
        .collect()
}

#[test]
fn rule_1_the_same_cold_and_cached_and_after_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::at(folder.path(), 2);
    shop(&mut chain);
    let first = measure(&mut chain);
    println!("{first:?}");
    assert_eq!(measure(&mut chain), first, "again");
    // Many times in full blocks, between other transactions.
    let (_, message) = calls(&chain).swap_remove(0);
    for _ in 0..10 {
        let mut txs = Vec::new();
        for _ in 0..100 {
            txs.push(chain.sign_with_gas(0, vec![message.clone()], 10_000_000));
            let send = chain.send(1, key(0).address(), 1);
            txs.push(chain.sign_with_gas(1, vec![send], 1_000_000));
        }
        let outcome = chain.block(txs.clone());
        for (tx, result) in txs.iter().zip(&outcome.tx_results).step_by(2) {
            assert!(result.is_ok(), "{}", result.log);
            assert_eq!(net(result, tx), first[0].1);
        }
    }
    assert_eq!(measure(&mut chain), first, "after a thousand");
    // A change of the schema, which empties the caches of statements, in another database.
    chain.create_database(1, "other");
    let made = chain.sql(1, "other", "CREATE TABLE item (id INTEGER PRIMARY KEY)");
    assert!(made.is_ok(), "{}", made.log);
    assert_eq!(measure(&mut chain), first, "after a change of the schema");
    drop(chain);
    let mut chain = Chain::at(folder.path(), 2);
    assert_eq!(measure(&mut chain), first, "after a restart");
    drop(chain);
    let cache = folder.path().join("code_cache");
    assert!(cache.is_dir(), "the compiled code is kept");
    std::fs::remove_dir_all(&cache).unwrap();
    let mut chain = Chain::at(folder.path(), 2);
    assert_eq!(measure(&mut chain), first, "compiled again");
    drop(chain);
    // Damaged compiled code is compiled again.
    for entry in std::fs::read_dir(&cache).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let mut bytes = std::fs::read(&path).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            std::fs::write(&path, bytes).unwrap();
        }
    }
    let mut chain = Chain::at(folder.path(), 2);
    assert_eq!(measure(&mut chain), first, "with damaged compiled code");
    // A chain in memory, whose tree and files are laid out otherwise.
    let mut other = Chain::memory(2);
    shop(&mut other);
    assert_eq!(measure(&mut other), first, "on another node");
}

#[test]
fn rule_1_dropped_candidates_and_simulations_between() {
    let mut chain = Chain::memory(2);
    shop(&mut chain);
    let first = measure(&mut chain);
    for (name, message) in calls(&chain) {
        let tx = Craft::new(0, chain.sequence(0), vec![message], GAS).bytes();
        let block = chain.next_block(vec![tx.clone()]);
        let candidate = chain.app.finalize_block(&block).unwrap();
        assert_eq!(chain.app.finalize_block(&block).unwrap(), candidate, "{name}");
        let empty = chain.next_block(vec![]);
        chain.app.finalize_block(&empty).unwrap();
        chain.app.commit().unwrap();
        chain.height += 1;
        chain.app.simulate(&tx).unwrap();
    }
    assert_eq!(measure(&mut chain), first);
}

#[test]
fn rule_2_simulation_tells_the_gas() {
    let mut chain = Chain::memory(2);
    shop(&mut chain);
    let more = [
        ("send", chain.send(0, key(1).address(), 5)),
        ("send to a new account", chain.send(0, key(77).address(), 5)),
        ("make a database", chain.instantiate(0, 1, "made", "")),
        ("create a table", chain.exec(0, "shop", &[("CREATE TABLE t9 (a)", vec![])])),
    ];
    for (name, message) in calls(&chain).into_iter().chain(more) {
        let root = chain.app.info().app_hash;
        let sequence = chain.sequence(0);
        let signer = Signer { address: key(0).address(), account_number: 0, sequence };
        let unsigned =
            UnsignedTx::new(vec![message.clone()]).unsigned_bytes(&key(0).public_key(), &signer);
        let simulated = chain.app.simulate(&unsigned).unwrap();
        assert_eq!(chain.app.info().app_hash, root);
        let tx = chain.sign(0, vec![message]);
        let signed = chain.app.simulate(&tx).unwrap();
        let result = chain.block(vec![tx.clone()]).tx_results.remove(0);
        let verdict = |result: &TxResult| (result.codespace.clone(), result.code);
        assert_eq!(verdict(&simulated), verdict(&result), "{name}: {}", simulated.log);
        assert_eq!(signed.gas_used, result.gas_used, "{name}");
        assert_eq!(net(&simulated, &unsigned), net(&result, &tx), "{name}");
        assert!(result.gas_used - simulated.gas_used < 2_000, "{name}: the margin is small");
    }
}

fn balance(chain: &Chain, index: u8) -> i64 {
    let address = key(index).address();
    let sql = format!("SELECT amount FROM chain.balances WHERE address = '{address}'");
    match chain.rows("", &sql)[0][0] {
        Value::Integer(amount) => amount,
        ref other => panic!("{other:?}"),
    }
}

fn items(chain: &Chain) -> Vec<Vec<Value>> {
    chain.rows("shop", "SELECT * FROM item ORDER BY id")
}

#[test]
fn rule_3_a_failed_transaction_pays() {
    let mut chain = Chain::memory(2);
    shop(&mut chain);
    let before = (balance(&chain, 0), items(&chain));
    let message = chain.exec(
        0,
        "shop",
        &[
            ("INSERT INTO item (id, name) VALUES (500, 'kept')", vec![]),
            ("UPDATE item SET n = (SELECT count(*) FROM item a, item b, item c, item d)", vec![]),
        ],
    );
    let tx = chain.sign_with_gas(0, vec![message], 5_000_000);
    let result = chain.block(vec![tx]).tx_results.remove(0);
    assert_eq!((result.codespace.as_str(), result.code), ("sdk", 11), "{}", result.log);
    assert_eq!((result.gas_used, result.gas_wanted), (5_000_000, 5_000_000));
    assert_eq!(balance(&chain, 0), before.0 - 12_500);
    assert_eq!(items(&chain), before.1);
}

/// A transaction that panics at a named step, between others, against one that only runs out of gas.
fn assert_panic_is_undone(point: &'static str, nth: u64) {
    let mut chains = [Chain::memory(3), Chain::memory(3)];
    let mut hashes = Vec::new();
    for (at, chain) in chains.iter_mut().enumerate() {
        shop(chain);
        let insert = |chain: &Chain, id: i64| {
            chain.exec(
                0,
                "shop",
                &[("INSERT INTO item (id, name) VALUES (?, 'x')", vec![vec![id.into()]])],
            )
        };
        let grantee = key(1).address().to_string();
        let grant = chain.execute(0, "shop", "grant", &[&grantee, "all", "*"]);
        assert!(chain.run(0, vec![grant]).is_ok());
        let one = insert(chain, 901);
        let two = insert(chain, 902);
        let bad = if at == 0 {
            chain.exec(
                1,
                "shop",
                &[
                    ("CREATE TABLE made (a)", vec![]),
                    ("INSERT INTO item (name) VALUES ('a'), ('b'), ('c')", vec![]),
                    ("DELETE FROM item WHERE id < 5 RETURNING id", vec![]),
                    ("DROP TABLE sale", vec![]),
                ],
            )
        } else {
            chain.exec(
                1,
                "shop",
                &[("SELECT count(*) FROM item a, item b, item c, item d, item e", vec![])],
            )
        };
        let send = chain.send(1, key(2).address(), 1_000);
        let txs = vec![
            chain.sign_with_gas(0, vec![one], 10_000_000),
            chain.sign_with_gas(1, vec![send, bad], 10_000_000),
            chain.sign_with_gas(0, vec![two], 10_000_000),
        ];
        let block = chain.next_block(txs);
        let outcome = if at == 0 {
            // The first insert passes some points of its own.
            failpoint::arm(point, nth, Action::Panic);
            let outcome = chain.app.finalize_block(&block).unwrap();
            failpoint::disarm();
            outcome
        } else {
            chain.app.finalize_block(&block).unwrap()
        };
        chain.app.commit().unwrap();
        chain.height += 1;
        let results = &outcome.tx_results;
        assert!(results[0].is_ok() && results[2].is_ok(), "{point}: {}", results[0].log);
        let expected = if at == 0 { Code::Panic } else { Code::OutOfGas };
        assert_eq!(
            (results[1].codespace.as_str(), results[1].code),
            (expected.codespace(), expected.number()),
            "{point}: {}",
            results[1].log
        );
        assert_eq!(results[1].gas_used, 10_000_000, "{point}");
        assert_eq!(results[1].events.len(), 1, "{point}: the fee's event");
        // The chain goes on, with equal results.
        let mut after = vec![outcome.app_hash];
        for sql in ["DELETE FROM item WHERE id = 901", "CREATE TABLE made (a)", "DROP TABLE sale"] {
            let message = chain.exec(0, "shop", &[(sql, vec![])]);
            let tx = chain.sign_with_gas(0, vec![message], 10_000_000);
            let outcome = chain.block(vec![tx]);
            assert!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
            after.push(outcome.app_hash);
        }
        chain.app.store().verify_rows().unwrap().check().unwrap();
        hashes.push(after);
    }
    assert_eq!(hashes[0], hashes[1], "{point}: all is undone");
}

#[test]
fn rule_4_a_panic_is_a_rejection_at_full_gas() {
    // What the stock contract and the first insert run before is counted away by trying.
    for (point, nth) in
        [("user_statement", 4), ("user_row", 5), ("schema_change", 1), ("schema_change", 2)]
    {
        assert_panic_is_undone(point, nth);
    }
}

/// One transaction with this limit and a fee that does not depend on it; the result and its length.
fn with_limit(chain: &Chain, message: &Any, gas_limit: u64) -> Vec<u8> {
    let mut craft = Craft::new(0, chain.sequence(0), vec![message.clone()], gas_limit);
    craft.fee().amount[0].amount = "900000".into();
    craft.bytes()
}

#[test]
fn rule_5_out_of_gas_anywhere_leaves_the_block_intact() {
    // What is burned of a fee depends on the limit; nothing else of the state does.
    let mut chain = Chain::with_params(2, &[("fees.burned", 0)]);
    shop(&mut chain);
    let messages = [
        (
            "insert",
            chain.exec(
                0,
                "shop",
                &[(
                    "INSERT INTO item (name, n) SELECT name || 'x', n FROM item WHERE id < 30",
                    vec![],
                )],
            ),
        ),
        (
            "delete with cascade",
            chain.exec(
                0,
                "shop",
                &[
                    ("INSERT INTO sale SELECT id, 1 FROM item", vec![]),
                    ("DELETE FROM item WHERE id > 10", vec![]),
                ],
            ),
        ),
        (
            "schema",
            chain.exec(
                0,
                "shop",
                &[
                    ("ALTER TABLE item ADD COLUMN more TEXT DEFAULT 'x'", vec![]),
                    ("UPDATE item SET more = name", vec![]),
                    ("CREATE INDEX by_more ON item (more)", vec![]),
                    ("ALTER TABLE item DROP COLUMN n", vec![]),
                ],
            ),
        ),
    ];
    for (name, message) in messages {
        let run = |chain: &mut Chain, limit: u64| {
            let tx = with_limit(chain, &message, limit);
            // A twin block in the same height is executed and dropped.
            let send = chain.send(1, key(0).address(), 1);
            let after = Craft::new(1, chain.sequence(1), vec![send], 1_000_000).bytes();
            let block = chain.next_block(vec![tx, after]);
            let outcome = chain.app.finalize_block(&block).unwrap();
            assert!(outcome.tx_results[1].is_ok(), "{name}: {}", outcome.tx_results[1].log);
            (outcome.tx_results[0].clone(), outcome.app_hash)
        };
        // Limits of equally many bytes, so that the transaction's length stays.
        let (mut full, _) = run(&mut chain, (1 << 21) - 1);
        let mut least = 100_000;
        if !full.is_ok() {
            full = run(&mut chain, GAS).0;
            least = 1 << 21;
        }
        assert!(full.is_ok(), "{name}: {}", full.log);
        let used = full.gas_used;
        assert!(used > least + 10_000, "{name}: {used} is too little to sweep");
        let (exact, root) = run(&mut chain, used);
        assert!(exact.is_ok(), "{name} with exactly its gas: {}", exact.log);
        assert_eq!(exact.gas_used, used, "{name}");
        let mut roots = Vec::new();
        let mut random = dadbs_tests::Random(9);
        let mut limits = vec![used - 1, used - 2, least];
        limits.extend((0..120).map(|_| least + random.below(used - least)));
        for limit in limits {
            let (result, root) = run(&mut chain, limit);
            assert_eq!(
                (result.codespace.as_str(), result.code),
                ("sdk", 11),
                "{name} {limit} of {used}: {}",
                result.log
            );
            assert_eq!(result.gas_used, limit, "{name}");
            roots.push(root);
        }
        roots.dedup();
        assert_eq!(roots.len(), 1, "{name}: all failures leave the same state");
        assert_ne!(roots[0], root);
    }
    chain.block(vec![]);
    chain.app.store().verify_rows().unwrap().check().unwrap();
}

#[test]
fn rule_6_explain_sums_up_to_the_whole() {
    let mut chain = Chain::memory(2);
    shop(&mut chain);
    for sql in [
        "INSERT INTO item (name) VALUES ('a'), ('b')",
        "UPDATE item SET n = n + 1",
        "CREATE TABLE wide (a, b, c)",
        "DELETE FROM item WHERE id IN (SELECT id FROM item ORDER BY name LIMIT 5)",
    ] {
        let message = chain.exec(0, "shop", &[(sql, vec![])]);
        let decoded: MsgExec = message.to_msg().unwrap();
        let request = ExplainRequest {
            sender: decoded.sender,
            database: decoded.database,
            statement: decoded.statements.into_iter().next(),
        };
        let root = chain.app.info().app_hash;
        let explained = chain.app.explain(&request).unwrap();
        assert_eq!(chain.app.info().app_hash, root);
        let parts: u64 = explained.parts.iter().map(|part| part.gas).sum();
        assert_eq!(parts, explained.gas, "{sql}");
        let result = chain.run(0, vec![message]);
        assert!(result.is_ok(), "{}", result.log);
        let difference = explained.gas.abs_diff(result.gas_used);
        println!("{sql}: explained {}, used {}", explained.gas, result.gas_used);
        // The envelope's bytes are estimated.
        assert!(difference < 2_000, "{sql}: {} and {}", explained.gas, result.gas_used);
    }
}
