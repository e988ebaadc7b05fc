//! The rules of the swap, with two tokens, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Value};

const MAKER: u8 = 0;
const TAKER: u8 = 1;

/// The maker holds 100 gold, the taker 100 silver.
fn start() -> Chain {
    let mut chain = Chain::start(3);
    chain.publish_other(MAKER, "token", "gold", &[100.into()]);
    chain.publish_other(TAKER, "token", "silver", &[100.into()]);
    chain.publish(2, "swap", &[]);
    chain
}

fn approve(chain: &mut Chain, account: u8, token: &str, amount: i64) {
    let swap = chain.contract_address("swap");
    chain.call(account, token, "approve", &[swap.into(), amount.into()]).unwrap();
}

/// 10 gold for 20 silver.
fn offer(chain: &mut Chain) -> Result<Value, Option<u32>> {
    let arguments = ["gold".into(), 10.into(), "silver".into(), 20.into()];
    let offered = chain.call(MAKER, "swap", "offer", &arguments);
    offered.map(|answer| answer.value()).map_err(|error| error.number)
}

/// What maker and taker hold of gold and silver.
fn held(chain: &mut Chain) -> [i64; 4] {
    [(MAKER, "gold"), (MAKER, "silver"), (TAKER, "gold"), (TAKER, "silver")].map(|(who, token)| {
        let address = chain.address(who);
        chain.view(2, token, "balance", &[address.into()]).unwrap().integer()
    })
}

#[test]
fn rules_1_and_2_both_move_or_neither() {
    let mut chain = start();
    assert_eq!(offer(&mut chain), Err(Some(4)), "the maker has approved nothing");
    approve(&mut chain, MAKER, "gold", 30);
    let id = offer(&mut chain).unwrap();
    let refused = chain.call(TAKER, "swap", "accept", &[id.clone()]).unwrap_err();
    assert!(refused.message.contains("NotAllowed (2)"), "{}", refused.message);
    assert_eq!(held(&mut chain), [100, 0, 0, 100], "the gold went back");
    let state = chain.select("swap", "SELECT state FROM offers");
    assert_eq!(state, [["open".into()]]);
    approve(&mut chain, TAKER, "silver", 20);
    let done = chain.call(TAKER, "swap", "accept", &[id.clone()]).unwrap();
    assert_eq!((done.integer(), done.events[0].0.as_str()), (1, "Swapped"));
    assert_eq!(held(&mut chain), [90, 20, 10, 80]);
    assert_eq!(chain.call(TAKER, "swap", "accept", &[id]).unwrap_err().number, Some(2));
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rule_3_what_is_not_covered_is_void_and_costs_the_taker_nothing() {
    let mut chain = start();
    approve(&mut chain, MAKER, "gold", 10);
    approve(&mut chain, TAKER, "silver", 100);
    let id = offer(&mut chain).unwrap();
    approve(&mut chain, MAKER, "gold", 5);
    let done = chain.call(TAKER, "swap", "accept", &[id.clone()]).unwrap();
    assert_eq!((done.integer(), done.events[0].0.as_str()), (0, "Voided"));
    assert_eq!(held(&mut chain), [100, 0, 0, 100]);
    assert_eq!(chain.call(TAKER, "swap", "accept", &[id]).unwrap_err().number, Some(2));
    let arguments = ["nothing".into(), 1.into(), "silver".into(), 1.into()];
    let unknown = chain.call(MAKER, "swap", "offer", &arguments).unwrap_err();
    assert_eq!(unknown.number, None, "{}", unknown.message);
}

#[test]
fn rule_4_only_its_maker_withdraws() {
    let mut chain = start();
    approve(&mut chain, MAKER, "gold", 10);
    let id = offer(&mut chain).unwrap();
    let mut withdraw = |account| {
        chain.call(account, "swap", "withdraw", &[id.clone()]).map_err(|error| error.number)
    };
    assert_eq!(withdraw(TAKER).unwrap_err(), Some(3));
    withdraw(MAKER).unwrap();
    assert_eq!(withdraw(MAKER).unwrap_err(), Some(2));
    approve(&mut chain, TAKER, "silver", 20);
    assert_eq!(chain.call(TAKER, "swap", "accept", &[id]).unwrap_err().number, Some(2));
}
