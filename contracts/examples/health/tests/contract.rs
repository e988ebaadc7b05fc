//! The rules of the records, in the real executor: `dadbs contract test -- --test contract`. What the client does
//! is tested with a dev chain, in `node/tests/contracts.rs`.

use dadbs_testkit::{Chain, Value};
use std::time::Duration;

const PATIENT: u8 = 0;
const DOCTOR: u8 = 1;
const STRANGER: u8 = 2;

const NOT_FOUND: Option<u32> = Some(1);
const NO_IDENTITY: Option<u32> = Some(2);

fn bytes(byte: u8, length: usize) -> Value {
    Value::Blob(vec![byte; length])
}

fn call(
    chain: &mut Chain,
    account: u8,
    entry: &str,
    arguments: &[Value],
) -> Result<Value, Option<u32>> {
    let done = chain.call(account, "health", entry, arguments);
    done.map(|answer| answer.value()).map_err(|error| error.number)
}

/// A record of the patient; all but the stranger have announced a key.
fn start() -> (Chain, Value) {
    let mut chain = Chain::start(3);
    chain.publish(PATIENT, "health", &[]);
    let record = ["blood".into(), bytes(1, 60), bytes(2, 92)];
    assert_eq!(call(&mut chain, PATIENT, "add", &record), Err(NO_IDENTITY));
    for account in [PATIENT, DOCTOR] {
        call(&mut chain, account, "announce", &[bytes(account, 32)]).unwrap();
    }
    let id = call(&mut chain, PATIENT, "add", &record).unwrap();
    (chain, id)
}

fn share(chain: &mut Chain, by: u8, to: u8, id: &Value) -> Result<Value, Option<u32>> {
    let reader = chain.address(to);
    call(chain, by, "share", &[id.clone(), reader.into(), bytes(3, 92), 30.into()])
}

/// What an account sees: records in the list, rows behind the names in `open`, wrapped keys.
fn seen(chain: &mut Chain, account: u8, id: &Value) -> (usize, usize, Value) {
    let list = chain.view(account, "health", "list", &[]).unwrap().rows.len() - 1;
    let opened = chain.view(account, "health", "open", &[id.clone()]).unwrap().rows.len() - 1;
    let keys = chain.select_as(account, "health", "SELECT count(*) FROM keys").unwrap();
    (list, opened, keys[0][0].clone())
}

#[test]
fn rules_2_and_3_the_patient_shares_for_a_time() {
    let (mut chain, id) = start();
    assert_eq!(seen(&mut chain, DOCTOR, &id), (0, 0, 0.into()));
    assert_eq!(share(&mut chain, PATIENT, STRANGER, &id), Err(NO_IDENTITY));
    assert_eq!(share(&mut chain, DOCTOR, DOCTOR, &id), Err(None), "row access");
    share(&mut chain, PATIENT, DOCTOR, &id).unwrap();
    assert_eq!(seen(&mut chain, DOCTOR, &id), (1, 1, 1.into()));
    assert_eq!(seen(&mut chain, STRANGER, &id), (0, 0, 0.into()));
    assert_eq!(seen(&mut chain, PATIENT, &id), (1, 1, 2.into()));
    assert!(chain.select("health", "SELECT * FROM records").is_empty(), "a reader without a name");
    chain.advance(Duration::from_secs(31 * 86_400));
    chain.block();
    assert_eq!(seen(&mut chain, DOCTOR, &id), (0, 0, 0.into()), "the share has ended");
    share(&mut chain, PATIENT, DOCTOR, &id).unwrap();
    let doctor = chain.address(DOCTOR);
    let revoke = [id.clone(), doctor.into()];
    assert_eq!(call(&mut chain, DOCTOR, "revoke", &revoke), Ok(0.into()), "not the reader's");
    assert_eq!(call(&mut chain, PATIENT, "revoke", &revoke), Ok(1.into()));
    assert_eq!(seen(&mut chain, DOCTOR, &id), (0, 0, 0.into()));
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rule_4_erasing_removes_every_key() {
    let (mut chain, id) = start();
    share(&mut chain, PATIENT, DOCTOR, &id).unwrap();
    assert_eq!(call(&mut chain, DOCTOR, "erase", &[id.clone()]), Err(NOT_FOUND));
    assert_eq!(seen(&mut chain, PATIENT, &id), (1, 1, 2.into()), "nothing is gone");
    call(&mut chain, PATIENT, "erase", &[id.clone()]).unwrap();
    assert_eq!(seen(&mut chain, PATIENT, &id), (0, 0, 0.into()));
    for wrong in [bytes(2, 91), bytes(2, 0)] {
        let record = ["blood".into(), bytes(1, 60), wrong];
        assert_eq!(call(&mut chain, PATIENT, "add", &record), Err(Some(3)));
    }
    let large = ["scan".into(), bytes(1, 16_385), bytes(2, 92)];
    assert_eq!(call(&mut chain, PATIENT, "add", &large), Err(Some(4)));
}
