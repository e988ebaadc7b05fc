//! The rules of retention, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Value};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

fn start() -> Chain {
    let mut chain = Chain::start(2);
    chain.publish(0, "files", &[]);
    chain.call(0, "files", "keep", &["mail".into(), 2.into()]).unwrap();
    chain.call(0, "files", "keep", &["contract".into(), 5.into()]).unwrap();
    chain
}

fn write(chain: &mut Chain, kind: &str) -> Value {
    chain.call(1, "files", "record", &[kind.into(), "text".into()]).unwrap().value()
}

/// The kinds of the contract's and the schedules' events of an empty block one day later.
fn a_day(chain: &mut Chain) -> Vec<String> {
    chain.advance(DAY);
    let kinds = chain.block().into_iter().map(|(kind, _)| kind);
    kinds.filter(|kind| kind.starts_with("wasm.") || kind.starts_with("schedule.")).collect()
}

fn kept(chain: &mut Chain) -> Vec<Vec<Value>> {
    chain.select("files", "SELECT id FROM records ORDER BY id")
}

#[test]
fn rules_1_and_2_records_go_when_their_time_is_over() {
    let mut chain = start();
    assert_eq!(
        chain.call(1, "files", "keep", &["mail".into(), 9.into()]).unwrap_err().number,
        Some(1)
    );
    assert_eq!(
        chain.call(1, "files", "record", &["photo".into(), "".into()]).unwrap_err().number,
        Some(3)
    );
    let poor = chain.call(0, "files", "start", &[]).unwrap_err();
    assert!(
        poor.message.contains("holds too little"),
        "a sweep is paid before it begins: {}",
        poor.message
    );
    chain.pay(0, "files", "start", &[], 10_000_000).unwrap();
    assert_eq!(chain.call(0, "files", "start", &[]).unwrap_err().number, Some(4));
    let (mail, contract) = (write(&mut chain, "mail"), write(&mut chain, "contract"));
    assert_eq!(a_day(&mut chain), ["wasm.Swept", "schedule.run"]);
    assert_eq!(kept(&mut chain), [[mail.clone()], [contract.clone()]]);
    a_day(&mut chain);
    a_day(&mut chain);
    assert_eq!(kept(&mut chain), [[contract.clone()]]);
    assert_eq!(
        chain.select("files", "SELECT record, kind FROM deletions"),
        [[mail, "mail".into()]]
    );
    let contract_address = chain.contract_address("files");
    let held = chain.balance(&contract_address);
    assert_eq!(chain.view(1, "files", "left", &[]).unwrap().integer(), held);
    chain.call(0, "files", "stop", &[]).unwrap();
    assert!(chain.balance(&contract_address) > held, "what was prepaid comes back");
    for _ in 0..4 {
        assert_eq!(a_day(&mut chain), [""; 0]);
    }
    assert_eq!(kept(&mut chain), [[contract]], "no sweep after stop");
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rules_3_and_4_a_hold_stays_and_deletions_are_noted() {
    let mut chain = start();
    chain.pay(0, "files", "start", &[], 10_000_000).unwrap();
    let (held, free) = (write(&mut chain, "mail"), write(&mut chain, "mail"));
    let hold = |chain: &mut Chain, account, held: i64, id: &Value| {
        chain.call(account, "files", "hold", &[id.clone(), held.into()]).map_err(|e| e.number)
    };
    assert_eq!(hold(&mut chain, 1, 1, &held), Err(Some(1)));
    hold(&mut chain, 0, 1, &held).unwrap();
    let erased = chain.call(0, "files", "erase", &[held.clone()]).unwrap_err();
    assert_eq!(erased.number, Some(5), "{}", erased.message);
    for _ in 0..3 {
        a_day(&mut chain);
    }
    assert_eq!(kept(&mut chain), [[held.clone()]]);
    hold(&mut chain, 0, 0, &held).unwrap();
    chain.call(0, "files", "erase", &[held.clone()]).unwrap();
    let noted = chain.select("files", "SELECT record FROM deletions ORDER BY record");
    assert_eq!(noted, [[held], [free]]);
}
