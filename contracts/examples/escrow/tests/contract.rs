//! The rules of the escrow, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Random, Value};
use std::time::Duration;

const PAYER: u8 = 0;
const PAYEE: u8 = 1;
const ARBITER: u8 = 2;
const STRANGER: u8 = 3;
/// A day after the first block.
const DEADLINE: i64 = 1_700_000_000_000 + 86_400_000;

fn start() -> Chain {
    let mut chain = Chain::start(4);
    chain.publish(0, "escrow", &[]);
    chain
}

fn open(chain: &mut Chain, amount: i64) -> Result<Value, Option<u32>> {
    let (payee, arbiter) = (chain.address(PAYEE), chain.address(ARBITER));
    let arguments = [payee.into(), arbiter.into(), DEADLINE.into()];
    let opened = chain.pay(PAYER, "escrow", "open", &arguments, amount);
    opened.map(|answer| answer.value()).map_err(|error| error.number)
}

fn vote(chain: &mut Chain, account: u8, id: &Value, choice: &str) -> Result<Value, Option<u32>> {
    let done = chain.call(account, "escrow", "vote", &[id.clone(), choice.into()]);
    done.map(|answer| answer.value()).map_err(|error| error.number)
}

#[test]
fn rules_1_and_2_two_equal_votes_pay() {
    let mut chain = start();
    let (escrow, payee) = (chain.contract_address("escrow"), chain.address(PAYEE));
    assert_eq!(open(&mut chain, 0), Err(Some(5)), "nothing was sent");
    let id = open(&mut chain, 700).unwrap();
    assert_eq!(chain.balance(&escrow), 700);
    let before = chain.balance(&payee);
    assert_eq!(vote(&mut chain, STRANGER, &id, "release"), Err(Some(3)));
    assert_eq!(vote(&mut chain, PAYER, &id, "keep"), Err(None), "CHECK (choice IN ...)");
    assert_eq!(vote(&mut chain, PAYER, &id, "release"), Ok("open".into()));
    assert_eq!(vote(&mut chain, PAYER, &id, "release"), Err(Some(4)), "one vote each");
    assert_eq!(vote(&mut chain, PAYEE, &id, "refund"), Ok("open".into()));
    let done = chain.call(ARBITER, "escrow", "vote", &[id.clone(), "release".into()]).unwrap();
    assert_eq!((done.value(), done.events[0].0.as_str()), ("released".into(), "Paid"));
    assert!(chain.balance(&payee) < before + 700, "the payee paid the fee of a vote");
    assert_eq!(chain.balance(&escrow), 0);
    assert_eq!(vote(&mut chain, PAYEE, &id, "release"), Err(Some(2)), "it is decided");
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rule_3_the_payer_takes_back_after_the_deadline_only() {
    let mut chain = start();
    let id = open(&mut chain, 50).unwrap();
    let take_back = |chain: &mut Chain, account| {
        chain.call(account, "escrow", "take_back", &[id.clone()]).map_err(|error| error.number)
    };
    assert_eq!(take_back(&mut chain, PAYER), Err(Some(7)));
    chain.advance(Duration::from_secs(86_400));
    assert_eq!(take_back(&mut chain, PAYEE), Err(Some(7)));
    take_back(&mut chain, PAYER).unwrap();
    assert_eq!(take_back(&mut chain, PAYER), Err(Some(2)), "coins go back once");
    assert_eq!(open(&mut chain, 5), Err(Some(6)), "the deadline is past");
    let late = chain.pay(PAYER, "escrow", "take_back", &[id], 5).unwrap_err();
    assert!(late.message.contains("not payable"), "{}", late.message);
}

/// Random votes of everybody; whatever they are, the contract holds what is open.
#[test]
fn property_rule_4_the_contract_holds_its_open_deals() {
    let mut chain = start();
    let escrow = chain.contract_address("escrow");
    let (mut random, mut decided) = (Random(5), 0);
    for _ in 0..90 {
        if random.below(4) == 0 {
            open(&mut chain, 1 + random.below(100) as i64).unwrap();
        }
        let id = Value::Integer(1 + random.below(12) as i64);
        let choice = if random.below(2) == 0 { "release" } else { "refund" };
        let done = vote(&mut chain, random.below(4) as u8, &id, choice);
        decided += u32::from(done.is_ok_and(|state| state != "open".into()));
        let sql = "SELECT coalesce(sum(amount), 0) FROM deals WHERE state = 'open'";
        assert_eq!(chain.select("escrow", sql), [[chain.balance(&escrow).into()]]);
    }
    assert!(decided > 5, "only {decided} deals were decided");
}
