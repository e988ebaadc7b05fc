//! The rules of the access list, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Random, Value};
use std::time::Duration;

const NOT_OWNER: Option<u32> = Some(3);
const NOT_WRITER: Option<u32> = Some(4);

fn content(byte: u8) -> Value {
    Value::Blob(vec![byte])
}

#[test]
fn rules_1_and_2_rights_are_given_by_the_owner_and_end() {
    let mut chain = Chain::start(3);
    chain.publish(0, "docs", &[]);
    let reader = chain.address(1);
    chain.call(0, "docs", "create", &["plan".into(), content(1)]).unwrap();
    let write = |chain: &mut Chain, account| {
        chain.call(account, "docs", "write", &["plan".into(), content(2)])
    };
    assert_eq!(write(&mut chain, 1).unwrap_err().number, NOT_WRITER);
    let grant = |right: &str, end: Value| ["plan".into(), reader.clone().into(), right.into(), end];
    let stolen = chain.call(1, "docs", "grant", &grant("write", Value::Null)).unwrap_err();
    assert_eq!(stolen.number, NOT_OWNER);
    chain.call(0, "docs", "grant", &grant("read", Value::Null)).unwrap();
    assert_eq!(write(&mut chain, 1).unwrap_err().number, NOT_WRITER);
    let in_30_days = 1_700_000_000_000 + 30 * 86_400_000i64;
    let granted = chain.call(0, "docs", "grant", &grant("write", in_30_days.into())).unwrap();
    assert_eq!(granted.events[0].0, "Granted");
    assert_eq!(write(&mut chain, 1).unwrap().integer(), 2);
    chain.advance(Duration::from_secs(30 * 86_400));
    assert_eq!(write(&mut chain, 1).unwrap_err().number, NOT_WRITER);
    let late = chain.call(0, "docs", "grant", &grant("read", in_30_days.into())).unwrap_err();
    assert_eq!(late.number, Some(5), "{}", late.message);
    assert!(chain.call(0, "docs", "grant", &grant("own", Value::Null)).is_err());
    assert_eq!(chain.call(0, "docs", "revoke", &grant("", Value::Null)[..2]).unwrap().integer(), 1);
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

/// Random calls of three accounts; a model of who may write says what must succeed.
#[test]
fn property_nobody_writes_without_a_right() {
    let mut chain = Chain::start(3);
    chain.publish(0, "docs", &[]);
    chain.call(0, "docs", "create", &["d".into(), content(0)]).unwrap();
    let addresses: Vec<String> = (0..3).map(|account| chain.address(account)).collect();
    let (mut writers, mut version) = ([true, false, false], 1);
    let mut random = Random(7);
    for step in 0..120 {
        let (caller, other) = (random.below(3) as u8, 1 + random.below(2) as usize);
        let grantee: Value = addresses[other].clone().into();
        match random.below(3) {
            0 => {
                let right = if random.below(2) == 0 { "read" } else { "write" };
                let arguments = ["d".into(), grantee, right.into(), Value::Null];
                let done = chain.call(caller, "docs", "grant", &arguments);
                assert_eq!(done.is_ok(), caller == 0, "step {step}: {done:?}");
                if caller == 0 {
                    writers[other] = right == "write";
                }
            }
            1 => {
                let done = chain.call(caller, "docs", "revoke", &["d".into(), grantee]);
                assert_eq!(done.is_ok(), caller == 0, "step {step}: {done:?}");
                if caller == 0 {
                    writers[other] = false;
                }
            }
            _ => {
                let done = chain.call(caller, "docs", "write", &["d".into(), content(caller)]);
                assert_eq!(done.is_ok(), writers[usize::from(caller)], "step {step}: {done:?}");
                version += i64::from(done.is_ok());
            }
        }
        let row = chain.select("docs", "SELECT version FROM documents");
        assert_eq!(row, [[Value::Integer(version)]], "step {step}");
    }
}
