//! The rules of the market, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Value};

const SELLER: u8 = 0;
const BUYER: u8 = 1;
const OTHER: u8 = 2;
const FIRST: i64 = 1_700_000_000_000;

/// A sensor with three readings at 5 udadb each.
fn start() -> Chain {
    let mut chain = Chain::start(3);
    chain.publish(SELLER, "market", &[]);
    let sensor = ["roof".into(), "C".into(), 5.into()];
    chain.call(SELLER, "market", "register", &sensor).unwrap();
    for (at, milli) in [(1, 20_500), (2, 20_750), (3, -1_000)] {
        add(&mut chain, SELLER, FIRST + at, milli).unwrap();
    }
    chain
}

fn add(chain: &mut Chain, account: u8, at_ms: i64, milli: i64) -> Result<(), Option<u32>> {
    let arguments = ["roof".into(), at_ms.into(), milli.into()];
    chain.call(account, "market", "add", &arguments).map(drop).map_err(|error| error.number)
}

fn buy(chain: &mut Chain, from: i64, to: i64, pay: i64) -> Result<(), Option<u32>> {
    let arguments = ["roof".into(), from.into(), to.into()];
    let bought = chain.pay(BUYER, "market", "buy", &arguments, pay);
    bought.map(drop).map_err(|error| error.number)
}

fn read(chain: &mut Chain, account: u8) -> Vec<Value> {
    let arguments = ["roof".into(), 1.into()];
    let rows = chain.view(account, "market", "read", &arguments).unwrap().rows;
    rows.into_iter().map(|row| row[3].clone()).collect()
}

#[test]
fn rule_1_only_the_owner_adds_and_in_order() {
    let mut chain = start();
    let again = chain.call(BUYER, "market", "register", &["roof".into(), "F".into(), 1.into()]);
    assert_eq!(again.unwrap_err().number, Some(2));
    assert_eq!(add(&mut chain, BUYER, FIRST + 9, 0), Err(Some(3)));
    assert_eq!(add(&mut chain, SELLER, FIRST + 3, 0), Err(Some(4)), "not later");
    assert_eq!(add(&mut chain, SELLER, FIRST + 1_000_000_000, 0), Err(Some(4)), "in the future");
    let free = chain.call(SELLER, "market", "register", &["free".into(), "C".into(), 0.into()]);
    assert!(free.is_err(), "CHECK (price BETWEEN ...)");
}

#[test]
fn rules_2_to_4_what_is_paid_is_seen() {
    let mut chain = start();
    let (seller, market) = (chain.address(SELLER), chain.contract_address("market"));
    let before = chain.balance(&seller);
    assert_eq!(read(&mut chain, BUYER), []);
    assert_eq!(buy(&mut chain, 1, 2, 9), Err(Some(6)), "too little");
    assert_eq!(buy(&mut chain, 1, 2, 11), Err(Some(6)), "too much");
    assert_eq!(buy(&mut chain, 3, 4, 10), Err(Some(5)));
    assert_eq!(buy(&mut chain, 2, 1, 0), Err(Some(5)));
    assert_eq!(chain.balance(&seller), before, "refused calls move nothing");
    buy(&mut chain, 1, 2, 10).unwrap();
    assert_eq!((chain.balance(&seller), chain.balance(&market)), (before + 10, 0));
    assert_eq!(read(&mut chain, BUYER), [20_500.into(), 20_750.into()]);
    buy(&mut chain, 3, 3, 5).unwrap();
    assert_eq!(read(&mut chain, BUYER).len(), 3);
    assert_eq!(read(&mut chain, OTHER), []);
    assert_eq!(read(&mut chain, SELLER).len(), 3);
    let sum = "SELECT coalesce(sum(milli), 0) FROM readings";
    assert_eq!(chain.select_as(OTHER, "market", sum).unwrap(), [[Value::Integer(0)]]);
    assert_eq!(chain.select("market", sum), [[Value::Integer(0)]], "a reader without a name");
    assert_eq!(chain.select_as(BUYER, "market", sum).unwrap(), [[Value::Integer(40_250)]]);
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}
