//! Storage rent through real transactions.
//!
//! 1. Bytes are those of the rows, after whatever has happened to them.
//! 2. Without a price nothing is refused, and bytes are counted.
//! 3. A contract is funded, grows, runs out, may not grow, freezes, is funded again, and loses no row.
//! 4. A vote changes the price, within its bounds, from the next block on.
//! 5. Only the admin withdraws, only what is not needed; in one transaction, too.
//! 6. A contract that calls a frozen one goes on without it.
//! 7. Blocks in which nothing is due move no root, whatever rent accrues.
//! 8. What a transaction has undone does not count.
#![allow(clippy::too_many_lines, clippy::wildcard_imports, reason = "tests are long")]

mod support;

use dadbs_app::TxResult;
use dadbs_client::tx::any;
use dadbs_proto::cosmos::base::v1beta1::Coin;
use dadbs_proto::cosmos::gov::v1::*;
use dadbs_proto::dadbs::gov::v1::MsgLockedVote;
use dadbs_proto::dadbs::params::v1::MsgUpdateParams;
use dadbs_proto::dadbs::params::v1::msg_update_params::Change;
use dadbs_proto::dadbs::storage::v1::{
    MsgFundStorage, MsgWithdrawStorage, PriceRequest, PriceResponse, StorageRequest,
    StorageResponse,
};
use dadbs_tests::{Chain, key, response};
use dadbs_types::{AccountAddress, Code, Value};
use prost_types::Any;
use support::*;

/// udadb for a GiB and 30 days: about 931 for a byte.
const PRICE: u64 = 1_000_000_000_000;
const DAY: i64 = 86_400;

fn chain(price: u64) -> Chain {
    Chain::with_params(
        4,
        &[
            ("storage.price", price),
            ("gov.min_deposit", 1_000_000),
            ("gov.expedited_min_deposit", 5_000_000),
            ("gov.voting_period", 10),
            ("gov.expedited_voting_period", 5),
            ("gov.timelock", 4),
            // Money moves by rent alone.
            ("mint.inflation_min", 0),
            ("mint.inflation_max", 0),
        ],
    )
}

fn fund_message(index: u8, contract: &str, amount: u64) -> Any {
    let sender = key(index).address().to_string();
    any(&MsgFundStorage { sender, contract: contract.into(), amount })
}

fn withdraw_message(index: u8, contract: &str, amount: u64) -> Any {
    let sender = key(index).address().to_string();
    any(&MsgWithdrawStorage { sender, contract: contract.into(), amount })
}

fn fund(chain: &mut Chain, contract: &str, amount: u64) {
    ok(&chain.run(1, vec![fund_message(1, contract, amount)]));
    sound(chain);
}

fn ok(result: &TxResult) {
    assert!(result.is_ok(), "{}/{} {}", result.codespace, result.code, result.log);
}

fn sound(chain: &Chain) {
    assert_eq!(chain.app.invariants().unwrap(), Vec::<String>::new());
}

fn storage(chain: &Chain, contract: &str) -> StorageResponse {
    let request = StorageRequest { contract: contract.into() };
    chain.query("/dadbs.storage.v1.Query/Storage", &request).unwrap()
}

/// A database of account 0 with this much prepaid by account 1, made in one transaction of two blocks.
fn database(chain: &mut Chain, name: &str, prepaid: u64) {
    let admin = chain.address(0).to_string();
    let messages = vec![chain.instantiate(0, 1, name, &admin), fund_message(0, name, prepaid)];
    ok(&chain.run(0, messages));
    sound(chain);
}

fn states_of(chain: &mut Chain) -> Vec<String> {
    let outcome = chain.block(vec![]);
    let states = outcome.events.iter().filter(|event| event.kind == "storage_state");
    states.map(|event| event.attributes[1].1.clone()).collect()
}

#[test]
fn rule_1_bytes_are_those_of_the_rows() {
    let mut chain = chain(0);
    chain.create_database(0, "shop");
    let base = storage(&chain, "shop").bytes;
    assert!(base > 0, "a database's schema and its owner's rows count");
    let mut seen = vec![base];
    for sql in [
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c TEXT UNIQUE)",
        "CREATE TABLE w (k TEXT NOT NULL, v BLOB, PRIMARY KEY (k)) WITHOUT ROWID",
        "CREATE TABLE p (id INTEGER PRIMARY KEY)",
        "CREATE TABLE kid (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p(id) ON DELETE CASCADE, note TEXT)",
        "INSERT INTO t SELECT value, 'row ' || value, value FROM json_each('[1,2,3,4,5,6,7,8,9]')",
        "INSERT INTO w SELECT 'k' || a, zeroblob(a * 100) FROM t",
        "INSERT INTO p SELECT a FROM t",
        "INSERT INTO kid SELECT a, a, 'child' FROM t",
        "CREATE INDEX t_b ON t (b)",
        "CREATE INDEX t_part ON t (b) WHERE a > 5",
        "CREATE INDEX IF NOT EXISTS t_b ON t (c)",
        "UPDATE t SET b = b || b WHERE a < 4",
        "UPDATE t SET a = a + 100",
        "REPLACE INTO t VALUES (200, 'replaces', '3')",
        "DELETE FROM p WHERE id < 5",
        "ALTER TABLE t ADD COLUMN d TEXT DEFAULT 'long enough to be seen'",
        "ALTER TABLE t ADD COLUMN e",
        "ALTER TABLE t DROP COLUMN d",
        "ALTER TABLE t RENAME TO t2",
        "ALTER TABLE t2 RENAME COLUMN b TO bb",
        "DROP INDEX t_b",
        "CREATE VIEW v AS SELECT * FROM t2",
        "DELETE FROM w",
        "DROP VIEW v",
        "DROP TABLE kid",
        "DROP TABLE p",
        "DROP TABLE w",
        "DROP TABLE t2",
    ] {
        let result = chain.sql(0, "shop", sql);
        assert!(result.is_ok(), "{sql}: {}", result.log);
        sound(&chain);
        seen.push(storage(&chain, "shop").bytes);
    }
    assert_eq!(seen.last(), Some(&base), "everything is gone: {seen:?}");
    // A row of (key, value) as the header of `dadbs_store::growth` counts it.
    ok(&chain.sql(0, "shop", "CREATE TABLE n (id INTEGER PRIMARY KEY, x TEXT)"));
    let before = storage(&chain, "shop").bytes;
    ok(&chain.sql(0, "shop", "INSERT INTO n VALUES (1, 'abc')"));
    let key = dadbs_types::Key(vec![Value::Integer(1)]).encode();
    let row = dadbs_types::Row { rowid: None, values: vec![Value::Integer(1), "abc".into()] };
    let bytes = (key.len() + row.encode().len() + 64) as u64;
    assert_eq!(storage(&chain, "shop").bytes - before, bytes);
    ok(&chain.sql(0, "shop", "CREATE INDEX n_x ON n (x)"));
    let indexed = storage(&chain, "shop").bytes;
    ok(&chain.sql(0, "shop", "INSERT INTO n VALUES (2, 'abc')"));
    assert_eq!(storage(&chain, "shop").bytes - indexed, bytes + 32);
}

#[test]
fn rule_2_without_a_price_nothing_is_refused() {
    let mut chain = chain(0);
    chain.create_database(0, "shop");
    ok(&chain.sql(0, "shop", "CREATE TABLE t (x)"));
    chain.skipped_seconds += 1_000 * DAY;
    ok(&chain.sql(0, "shop", "INSERT INTO t VALUES (zeroblob(100000))"));
    let info = storage(&chain, "shop");
    assert!(info.bytes > 100_000);
    assert_eq!((info.state.as_str(), info.debt, info.paid_until), ("active", 0, None));
    // Who funds early has all of it when there is a price.
    fund(&mut chain, "shop", 5_000);
    chain.skipped_seconds += 1_000 * DAY;
    assert_eq!(storage(&chain, "shop").balance, 5_000);
}

#[test]
fn rule_3_from_funding_to_frost_and_back() {
    let mut chain = chain(PRICE);
    // A new contract without prepaid rent has no room for its first row.
    let message = chain.instantiate(0, 1, "shop", "");
    let refused = chain.run(0, vec![message]);
    assert_eq!(verdict(&refused), number(Code::StoragePrepaid));
    assert!(refused.log.contains("dadbs tx storage fund shop"), "{}", refused.log);
    database(&mut chain, "shop", 3_000_000);
    ok(&chain.sql(0, "shop", "CREATE TABLE t (x)"));
    let info = storage(&chain, "shop");
    assert_eq!(info.state, "active");
    // The message names exactly what is missing.
    let big = "INSERT INTO t VALUES (zeroblob(10000))";
    let refused = chain.sql(0, "shop", big);
    assert_eq!(verdict(&refused), number(Code::StoragePrepaid), "{}", refused.log);
    let missing: u64 = refused
        .log
        .split("at least ")
        .nth(1)
        .and_then(|text| text.split("udadb").next())
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{}", refused.log));
    let messages = |chain: &Chain, amount| {
        vec![fund_message(0, "shop", amount), chain.exec(0, "shop", &[(big, vec![])])]
    };
    // Rent runs on: a second costs less than this.
    let short = messages(&chain, missing - 10_000);
    assert_eq!(verdict(&chain.run(0, short)), number(Code::StoragePrepaid));
    let enough = messages(&chain, missing + 10_000);
    ok(&chain.run(0, enough));
    sound(&chain);
    let info = storage(&chain, "shop");
    assert!(info.balance >= info.least, "{info:?}");
    // It is paid for 30 days and little more.
    let until = info.paid_until.unwrap();
    chain.skipped_seconds += 30 * DAY - 3_600;
    assert_eq!(states_of(&mut chain), Vec::<String>::new());
    ok(&chain.sql(0, "shop", "DELETE FROM t WHERE 0"));
    assert_eq!(storage(&chain, "shop").state, "active");
    chain.skipped_seconds += 2 * 3_600;
    assert_eq!(states_of(&mut chain), ["grace"]);
    sound(&chain);
    let info = storage(&chain, "shop");
    assert_eq!((info.state.as_str(), info.balance), ("grace", 0));
    assert!(info.debt > 0);
    let now = u64::try_from(chain.app.store().time_ms() / 1_000).unwrap();
    assert!(until <= now && until > now - 2 * 3_600);
    // It may not grow, but shrink and be written to.
    let refused = chain.sql(0, "shop", "INSERT INTO t VALUES (1)");
    assert_eq!(verdict(&refused), number(Code::StorageExhausted), "{}", refused.log);
    ok(&chain.sql(0, "shop", "UPDATE t SET x = zeroblob(9000)"));
    sound(&chain);
    // After the grace it is frozen; rows can be read.
    chain.skipped_seconds += 30 * DAY;
    assert_eq!(states_of(&mut chain), ["frozen"]);
    for sql in ["INSERT INTO t VALUES (1)", "DELETE FROM t", "DROP TABLE t", "CREATE TABLE u (x)"] {
        let refused = chain.sql(0, "shop", sql);
        assert_eq!(verdict(&refused), number(Code::StorageFrozen), "{sql}: {}", refused.log);
    }
    assert_eq!(chain.rows("shop", "SELECT length(x) FROM t"), [[Value::Integer(9_000)]]);
    sound(&chain);
    // It stays so for years.
    chain.skipped_seconds += 1_000 * DAY;
    assert_eq!(states_of(&mut chain), Vec::<String>::new());
    assert_eq!(chain.rows("shop", "SELECT count(*) FROM t"), [[Value::Integer(1)]]);
    let owed = storage(&chain, "shop").debt;
    // A part of the debt is taken, and changes nothing else.
    fund(&mut chain, "shop", owed / 2);
    assert_eq!(storage(&chain, "shop").state, "frozen");
    let pool = bank_of(&chain, "community_pool");
    let rest = storage(&chain, "shop").debt + 50_000_000;
    let paid = chain.run(1, vec![fund_message(1, "shop", rest)]);
    assert!(
        paid.events
            .iter()
            .any(|event| { event.kind == "storage_state" && event.attributes[1].1 == "active" })
    );
    sound(&chain);
    let info = storage(&chain, "shop");
    assert_eq!((info.state.as_str(), info.debt), ("active", 0));
    assert!(bank_of(&chain, "community_pool") >= pool + rest - 50_000_000);
    ok(&chain.sql(0, "shop", "INSERT INTO t VALUES (1)"));
    sound(&chain);
}

fn bank_of(chain: &Chain, module: &str) -> u64 {
    let address = AccountAddress::of_module(module);
    match balance(chain, &address.to_string()).first().map(|row| &row[0]) {
        Some(Value::Integer(amount)) => amount.unsigned_abs(),
        _ => 0,
    }
}

fn propose_price(chain: &mut Chain, value: u64) -> String {
    let authority = AccountAddress::of_module("gov").to_string();
    let change = Change { name: "storage.price".into(), value, replaces: None };
    let message = any(&MsgUpdateParams { authority, changes: vec![change] });
    let submission = MsgSubmitProposal {
        messages: vec![message],
        initial_deposit: vec![Coin { denom: "udadb".into(), amount: "1000000".into() }],
        proposer: chain.address(2).to_string(),
        title: "a title".into(),
        summary: "a summary".into(),
        ..MsgSubmitProposal::default()
    };
    let submitted = chain.run(2, vec![any(&submission)]);
    ok(&submitted);
    let proposal_id = response::<MsgSubmitProposalResponse>(&submitted).proposal_id;
    let vote = MsgLockedVote {
        proposal_id,
        voter: chain.address(2).to_string(),
        options: vec![WeightedVoteOption { option: VoteOption::Yes.into(), weight: "1".into() }],
        locked: 1_000,
        metadata: String::new(),
    };
    ok(&chain.run(2, vec![any(&vote)]));
    for _ in 0..20 {
        chain.block(vec![]);
        sound(chain);
    }
    match &chain.rows("", &format!("SELECT status FROM chain.proposals WHERE id = {proposal_id}"))
        [0][0]
    {
        Value::Text(status) => status.clone(),
        other => format!("{other:?}"),
    }
}

fn price_of(chain: &Chain) -> u64 {
    let answer: PriceResponse =
        chain.query("/dadbs.storage.v1.Query/Price", &PriceRequest {}).unwrap();
    answer.price
}

#[test]
fn rule_4_a_vote_changes_the_price() {
    let mut chain = chain(0);
    database(&mut chain, "shop", 20_000_000);
    ok(&chain.sql(0, "shop", "CREATE TABLE t (x)"));
    assert_eq!(propose_price(&mut chain, 1_000_000_001), "failed", "too much to begin with");
    assert_eq!(propose_price(&mut chain, 1_000_000_000), "executed");
    assert_eq!(price_of(&chain), 1_000_000_000);
    assert_eq!(propose_price(&mut chain, 2_000_000_001), "failed");
    assert_eq!(propose_price(&mut chain, 2_000_000_000), "executed");
    let info = storage(&chain, "shop");
    let least = (u128::from(info.bytes) * 2_000_000_000).div_ceil(1 << 30);
    assert_eq!(u128::from(info.least), least);
    assert_eq!(info.state, "active");
    assert_eq!(propose_price(&mut chain, 999_999_999), "failed");
    assert_eq!(propose_price(&mut chain, 0), "executed");
    let before = storage(&chain, "shop").balance;
    chain.skipped_seconds += 1_000 * DAY;
    chain.block(vec![]);
    assert_eq!(storage(&chain, "shop").balance, before);
}

#[test]
fn rule_5_the_admin_withdraws_what_is_not_needed() {
    let mut chain = chain(PRICE);
    database(&mut chain, "shop", 20_000_000);
    ok(&chain.sql(0, "shop", "CREATE TABLE t (x)"));
    let refused = chain.run(1, vec![withdraw_message(1, "shop", 1)]);
    assert_eq!(verdict(&refused), number(Code::NotAdmin));
    let refused = chain.run(0, vec![withdraw_message(0, "shop", 20_000_000)]);
    assert_eq!(verdict(&refused), number(Code::StorageMinimum), "{}", refused.log);
    let refused = chain.run(0, vec![withdraw_message(0, "shop", 0)]);
    assert_eq!(verdict(&refused), number(Code::StorageMinimum));
    let missing = chain.run(0, vec![withdraw_message(0, "nothing", 1)]);
    assert_eq!(verdict(&missing), number(Code::ContractNotFound));
    let missing = chain.run(0, vec![fund_message(0, "nothing", 1)]);
    assert_eq!(verdict(&missing), number(Code::ContractNotFound));
    let nothing = chain.run(0, vec![fund_message(0, "shop", 0)]);
    assert_eq!(verdict(&nothing), number(Code::InvalidCoins));
    let poor = chain.run(0, vec![fund_message(0, "shop", 2_000_000_000_000)]);
    assert_eq!(verdict(&poor), number(Code::InsufficientFunds));
    ok(&chain.sql(0, "shop", "INSERT INTO t VALUES (zeroblob(5000))"));
    // Without an admin, who made it may.
    let message = chain.instantiate(1, 1, "plain", "");
    ok(&chain.run(1, vec![message, fund_message(1, "plain", 9_000_000)]));
    let refused = chain.run(0, vec![withdraw_message(0, "plain", 1)]);
    assert_eq!(verdict(&refused), number(Code::NotAdmin));
    ok(&chain.run(1, vec![withdraw_message(1, "plain", 1)]));
    // What is shed, withdrawn and grown again in one transaction is still paid for.
    let info = storage(&chain, "shop");
    let spare = info.balance - info.least;
    let messages = vec![
        chain.exec(0, "shop", &[("DELETE FROM t", vec![])]),
        withdraw_message(0, "shop", spare + 1_000_000),
        chain.exec(0, "shop", &[("INSERT INTO t VALUES (zeroblob(5000))", vec![])]),
    ];
    let refused = chain.run(0, messages);
    assert_eq!(verdict(&refused), number(Code::StorageMinimum), "{}", refused.log);
    // What a transaction has grown before counts, too.
    let messages = vec![
        chain.exec(0, "shop", &[("INSERT INTO t VALUES (zeroblob(1000))", vec![])]),
        withdraw_message(0, "shop", spare - 10_000),
    ];
    let refused = chain.run(0, messages);
    assert_eq!(verdict(&refused), number(Code::StorageMinimum), "{}", refused.log);
    sound(&chain);
    ok(&chain.run(0, vec![withdraw_message(0, "shop", spare - 10_000)]));
    sound(&chain);
    let info = storage(&chain, "shop");
    assert!(info.balance >= info.least && info.balance < info.least + 10_000, "{info:?}");
    // Two transactions of one block: the second sees what the first has grown.
    fund(&mut chain, "shop", 2_000_000);
    let insert = |chain: &mut Chain| {
        let message = chain.exec(0, "shop", &[("INSERT INTO t VALUES (zeroblob(1500))", vec![])]);
        chain.sign(0, vec![message])
    };
    let txs = vec![insert(&mut chain), insert(&mut chain)];
    let results = chain.block(txs).tx_results;
    ok(&results[0]);
    assert_eq!(verdict(&results[1]), number(Code::StoragePrepaid), "{}", results[1].log);
    sound(&chain);
}

#[test]
fn rule_6_a_caller_goes_on_without_a_frozen_contract() {
    let mut chain = chain(0);
    let made = |name| {
        let init = function("init", 510_000, &["CREATE TABLE t (x)"], "");
        (name, contract(&init, &[]))
    };
    for (name, wasm) in [made("outer"), made("inner")] {
        make(&mut chain, name, wasm);
    }
    fund(&mut chain, "outer", 900_000_000);
    assert_eq!(propose_price(&mut chain, 1_000_000_000), "executed");
    let insert: Vec<Value> = vec!["INSERT INTO t VALUES (1)".into()];
    // The inner contract is in grace from the first block with a price.
    let called = forward("inner", "exec", &insert, &[]);
    let answer = rows(&call(&mut chain, "outer", "forward", called.clone()));
    assert_eq!(answer, meaning(Code::StorageExhausted));
    sound(&chain);
    chain.skipped_seconds += 31 * DAY;
    assert_eq!(states_of(&mut chain), ["frozen"]);
    let answer = rows(&call(&mut chain, "outer", "forward", called));
    assert_eq!(answer, meaning(Code::StorageFrozen));
    let update = forward("inner", "exec", &["UPDATE t SET x = 1 WHERE 0".into()], &[]);
    assert_eq!(rows(&call(&mut chain, "outer", "forward", update)), Vec::<Vec<Value>>::new());
    // It can be read, by calls too.
    let query = forward("inner", "query", &["SELECT count(*) FROM t".into()], &[]);
    let answer = rows(&call(&mut chain, "outer", "forward", query));
    assert_eq!(answer[1], [Value::Integer(0)]);
    sound(&chain);
}

#[test]
fn rule_7_rent_that_accrues_moves_no_root() {
    let mut chain = chain(PRICE);
    database(&mut chain, "shop", 20_000_000);
    let root = chain.block(vec![]).app_hash;
    for _ in 0..5 {
        chain.skipped_seconds += DAY;
        assert_eq!(chain.block(vec![]).app_hash, root);
    }
    assert!(storage(&chain, "shop").balance < 20_000_000, "it is counted when it is asked for");
}

#[test]
fn rule_8_what_is_undone_does_not_count() {
    let mut chain = chain(0);
    make(&mut chain, "outer", contract("", &[]));
    let spoiled = [
        function("init", 510_000, &["CREATE TABLE t (x)"], ""),
        function(
            "call_fail",
            520_000,
            &[
                "INSERT INTO t VALUES (zeroblob(1000))",
                "CREATE INDEX t_x ON t (x)",
                "ALTER TABLE t ADD COLUMN y DEFAULT 7",
                "CREATE TABLE u (x UNIQUE)",
                "INSERT INTO u VALUES (1)",
            ],
            "unreachable",
        ),
    ];
    make(&mut chain, "inner", contract(&spoiled.concat(), &[]));
    let before = storage(&chain, "inner").bytes;
    let answer = rows(&call(&mut chain, "outer", "forward", forward("inner", "fail", &[], &[])));
    assert_eq!(answer, meaning(Code::WasmTrap));
    assert_eq!(storage(&chain, "inner").bytes, before);
    sound(&chain);
    let failed = call(&mut chain, "inner", "fail", vec![]);
    assert!(!failed.is_ok());
    assert_eq!(storage(&chain, "inner").bytes, before);
    sound(&chain);
}
