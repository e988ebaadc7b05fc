//! The application from genesis to proofs, without an engine.

use dadbs_proto::cosmos::bank::v1beta1::{QueryBalanceRequest, QueryBalanceResponse};
use dadbs_proto::dadbs::sql::v1::MsgExecResponse;
use dadbs_tests::{Chain, response};
use dadbs_types::Value;

fn shop() -> Chain {
    let mut chain = Chain::memory(3);
    chain.create_database(0, "shop");
    let created = chain.sql(0, "shop", "CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)");
    assert!(created.is_ok(), "{}", created.log);
    chain
}

#[test]
fn a_row_is_written_and_read() {
    let mut chain = shop();
    let insert = chain.exec(
        0,
        "shop",
        &[(
            "INSERT INTO item VALUES (?, ?)",
            vec![vec![1.into(), "bolt".into()], vec![2.into(), "nut".into()]],
        )],
    );
    let result = chain.run(0, vec![insert]);
    assert!(result.is_ok(), "{}", result.log);
    assert_eq!(response::<MsgExecResponse>(&result).results[0].changes, 2);
    assert_eq!(
        chain.rows("shop", "SELECT name FROM item ORDER BY id"),
        vec![vec![Value::from("bolt")], vec![Value::from("nut")]]
    );
    assert_eq!(chain.select("shop", "SELECT name AS n FROM item").columns, ["n"]);
}

#[test]
fn a_failed_transaction_pays_and_changes_nothing_else() {
    let mut chain = shop();
    let before = chain.rows("", "SELECT sequence FROM chain.accounts WHERE number = 0");
    let ok = ("INSERT INTO item VALUES (1, 'a')", vec![]);
    let twice = chain.exec(0, "shop", &[ok.clone(), ok]);
    let result = chain.run(0, vec![twice]);
    assert_eq!((result.codespace.as_str(), result.code), ("sql", 5), "{}", result.log);
    assert!(result.log.contains("UNIQUE constraint failed: item.id"), "{}", result.log);
    assert!(result.gas_used > 0);
    assert_eq!(chain.rows("shop", "SELECT count(*) FROM item"), vec![vec![0.into()]]);
    let after = chain.rows("", "SELECT sequence FROM chain.accounts WHERE number = 0");
    assert_ne!(before, after);
}

#[test]
fn strangers_need_a_grant() {
    let mut chain = shop();
    let refused = chain.sql(1, "shop", "INSERT INTO item VALUES (1, 'x')");
    assert_eq!((refused.codespace.as_str(), refused.code), ("wasm", 7));
    assert!(refused.log.contains("permission denied"), "{}", refused.log);
    let grantee = Value::from(chain.address(1).to_string());
    let granted = chain.call(0, "shop", "grant", vec![grantee, "insert".into(), "item".into()]);
    assert!(granted.is_ok(), "{}", granted.log);
    let allowed = chain.sql(1, "shop", "INSERT INTO item VALUES (1, 'x')");
    assert!(allowed.is_ok(), "{}", allowed.log);
    let refused = chain.sql(1, "shop", "DELETE FROM item");
    assert!(!refused.is_ok());
}

#[test]
fn coins_move_and_fees_are_collected() {
    let mut chain = Chain::memory(2);
    let to = chain.address(1);
    let send = chain.send(0, to, 5_000);
    let result = chain.run(0, vec![send]);
    assert!(result.is_ok(), "{}", result.log);
    let request = QueryBalanceRequest { address: to.to_string(), denom: "udadb".into() };
    let answer: QueryBalanceResponse =
        chain.query("/cosmos.bank.v1beta1.Query/Balance", &request).unwrap();
    assert_eq!(answer.balance.unwrap().amount, "1000000005000");
    assert_eq!(
        chain.rows("", "SELECT sum(amount) FROM chain.balances"),
        chain.rows("", "SELECT amount FROM chain.supply")
    );
}

#[test]
fn the_root_rests_on_empty_blocks() {
    let mut chain = shop();
    let first = chain.block(vec![]).app_hash;
    let second = chain.block(vec![]).app_hash;
    assert_eq!(first, second);
    let third = chain.sql(0, "shop", "INSERT INTO item VALUES (1, 'x')");
    assert!(third.is_ok(), "{}", third.log);
    assert_ne!(chain.app.info().app_hash, second);
}

#[test]
fn an_executed_block_can_be_dropped() {
    let mut chain = shop();
    let insert = chain.exec(0, "shop", &[("INSERT INTO item VALUES (1, 'x')", vec![])]);
    let tx = chain.sign(0, vec![insert]);
    let first = chain.app.finalize_block(&chain.next_block(vec![tx.clone()])).unwrap();
    let other = chain.app.finalize_block(&chain.next_block(vec![])).unwrap();
    let again = chain.app.finalize_block(&chain.next_block(vec![tx])).unwrap();
    assert_eq!(first, again);
    assert_ne!(first.app_hash, other.app_hash);
    chain.app.commit().unwrap();
    assert_eq!(chain.rows("shop", "SELECT count(*) FROM item"), vec![vec![1.into()]]);
}
