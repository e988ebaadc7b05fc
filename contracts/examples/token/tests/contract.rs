//! The rules of the token, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Random, Value};

const TOO_LITTLE: Option<u32> = Some(1);
const NOT_ALLOWED: Option<u32> = Some(2);

#[test]
fn rules_2_and_3_nobody_moves_more_than_is_there_or_allowed() {
    let mut chain = Chain::start(3);
    chain.publish(0, "gold", &[100.into()]);
    let (ann, bob) = (chain.address(0), chain.address(1));
    let mut call = |account, entry: &str, arguments: &[Value]| {
        chain.call(account, "gold", entry, arguments).map(drop).map_err(|error| error.number)
    };
    call(0, "transfer", &[bob.clone().into(), 40.into()]).unwrap();
    assert_eq!(call(0, "transfer", &[bob.clone().into(), 61.into()]), Err(TOO_LITTLE));
    assert_eq!(call(0, "transfer", &[bob.clone().into(), (-5).into()]), Err(Some(3)));
    assert_eq!(call(0, "transfer", &["bob".into(), 1.into()]), Err(None), "no address");
    let from_ann = [ann.clone().into(), bob.clone().into(), 10.into()];
    assert_eq!(call(1, "transfer_from", &from_ann), Err(NOT_ALLOWED));
    call(0, "approve", &[bob.clone().into(), 15.into()]).unwrap();
    call(1, "transfer_from", &from_ann).unwrap();
    assert_eq!(call(1, "transfer_from", &from_ann), Err(NOT_ALLOWED), "5 are left");
    assert_eq!(
        call(1, "transfer_from", &[ann.into(), bob.clone().into(), (-1).into()]),
        Err(Some(3))
    );
    assert_eq!(chain.view(2, "gold", "balance", &[bob.into()]).unwrap().integer(), 50);
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn property_rule_1_the_supply_never_changes() {
    let mut chain = Chain::start(3);
    chain.publish(0, "gold", &[100.into()]);
    let who: Vec<String> = (0..3).map(|account| chain.address(account)).collect();
    let (mut random, mut done) = (Random(2), 0);
    for _ in 0..100 {
        let caller = random.below(3) as u8;
        let (a, b) = (&who[random.below(3) as usize], &who[random.below(3) as usize]);
        let amount = Value::Integer(random.below(60) as i64 - 5);
        let result = match random.below(3) {
            0 => chain.call(caller, "gold", "transfer", &[a.clone().into(), amount]),
            1 => chain.call(caller, "gold", "approve", &[a.clone().into(), amount]),
            _ => {
                let arguments = [a.clone().into(), b.clone().into(), amount];
                chain.call(caller, "gold", "transfer_from", &arguments)
            }
        };
        done += u32::from(result.is_ok());
        let supply = chain.select("gold", "SELECT sum(amount) FROM balances");
        assert_eq!(supply, [[Value::Integer(100)]], "after {result:?}");
    }
    assert!(done > 20, "only {done} calls succeeded");
}
