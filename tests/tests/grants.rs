//! Grants of the stock contract that end.
//!
//! 1. A grant holds up to and at its height, and up to and at its block time; whichever comes first.
//! 2. Granting again sets its end anew; one that would be over already is refused.

use dadbs_tests::Chain;
use dadbs_types::Value;

/// Grants account 1 `insert` on `t`.
fn grant(chain: &mut Chain, height: Option<i64>, time_ms: Option<i64>) -> dadbs_app::TxResult {
    let grantee = chain.address(1).to_string();
    let arguments =
        vec![grantee.into(), "insert".into(), "t".into(), height.into(), time_ms.into()];
    chain.call(0, "shop", "grant", arguments)
}

fn shop() -> (Chain, i64) {
    let mut chain = Chain::memory(2);
    chain.create_database(0, "shop");
    assert!(chain.sql(0, "shop", "CREATE TABLE t (x INTEGER)").is_ok());
    let height = i64::try_from(chain.height).unwrap();
    (chain, height)
}

/// How many of the next `blocks` inserts pass, each in a block of its own.
fn inserts(chain: &mut Chain, blocks: usize) -> Vec<bool> {
    (0..blocks).map(|_| chain.sql(1, "shop", "INSERT INTO t VALUES (1)").is_ok()).collect()
}

#[test]
fn rule_1_a_grant_ends() {
    let (mut chain, height) = shop();
    // The grant is in block height + 1.
    assert!(grant(&mut chain, Some(height + 3), None).is_ok());
    assert_eq!(inserts(&mut chain, 4), [true, true, false, false]);

    let (mut chain, height) = shop();
    let time = |height: i64| 1_700_000_000_000 + height * 1_000;
    assert!(grant(&mut chain, None, Some(time(height + 3))).is_ok());
    assert_eq!(inserts(&mut chain, 4), [true, true, false, false]);

    let (mut chain, height) = shop();
    assert!(grant(&mut chain, Some(height + 9), Some(time(height + 3) - 1)).is_ok());
    assert_eq!(inserts(&mut chain, 3), [true, false, false]);
    let held = chain.rows("shop", "SELECT until_height, until_ms FROM _dadbs_grants");
    let expected = [Value::Integer(height + 9), Value::Integer(time(height + 3) - 1)];
    assert_eq!(held, [expected]);
}

#[test]
fn rule_2_a_grant_is_renewed() {
    let (mut chain, height) = shop();
    assert!(grant(&mut chain, Some(height + 2), None).is_ok());
    assert_eq!(inserts(&mut chain, 2), [true, false]);
    let late = grant(&mut chain, Some(height + 2), None);
    assert!(late.log.contains("over already"), "{}", late.log);
    assert!(grant(&mut chain, None, None).is_ok());
    assert_eq!(inserts(&mut chain, 2), [true, true]);
}
