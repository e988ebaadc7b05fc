//! The rules of the invoices, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Random, Value};

const NOT_ISSUER: Option<u32> = Some(2);
const WRONG_STATE: Option<u32> = Some(3);
const OVERPAID: Option<u32> = Some(6);

#[test]
fn rules_1_to_3_only_the_issuer_and_only_in_its_state() {
    let mut chain = Chain::start(2);
    chain.publish(0, "bills", &[]);
    let id: Value = chain.call(0, "bills", "draft", &["carol".into()]).unwrap().value();
    let mut call = |account, entry: &str, arguments: &[Value]| {
        let arguments = [&[id.clone()][..], arguments].concat();
        chain.call(account, "bills", entry, &arguments)
    };
    assert_eq!(call(0, "issue", &[]).unwrap_err().number, Some(4));
    assert_eq!(call(1, "line", &["x".into(), 5.into()]).unwrap_err().number, NOT_ISSUER);
    call(0, "line", &["work".into(), 500.into()]).unwrap();
    call(0, "line", &["travel".into(), 20.into()]).unwrap();
    assert!(call(0, "line", &["nothing".into(), 0.into()]).is_err(), "CHECK (amount > 0)");
    assert_eq!(call(0, "pay", &[1.into()]).unwrap_err().number, WRONG_STATE);
    let issued = call(0, "issue", &[]).unwrap();
    assert_eq!((issued.integer(), issued.events[0].0.as_str()), (520, "Issued"));
    assert_eq!(call(0, "line", &["late".into(), 1.into()]).unwrap_err().number, WRONG_STATE);
    assert_eq!(call(0, "pay", &[521.into()]).unwrap_err().number, OVERPAID);
    assert_eq!(call(0, "pay", &[500.into()]).unwrap().integer(), 20);
    assert_eq!(call(0, "pay", &[20.into()]).unwrap().events[0].0, "Paid");
    assert_eq!(call(0, "pay", &[1.into()]).unwrap_err().number, WRONG_STATE);
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

/// Random calls; whatever they are, totals are sums of lines and nothing is overpaid.
#[test]
fn property_totals_are_sums_and_nothing_is_overpaid() {
    let mut chain = Chain::start(2);
    chain.publish(0, "bills", &[]);
    let mut random = Random(3);
    let mut done = 0;
    for _ in 0..150 {
        let account = random.below(2) as u8;
        let id = Value::Integer(1 + random.below(6) as i64);
        let amount = Value::Integer(random.below(40) as i64);
        let result = match random.below(4) {
            0 => chain.call(account, "bills", "draft", &["carol".into()]),
            1 => chain.call(account, "bills", "line", &[id, "x".into(), amount]),
            2 => chain.call(account, "bills", "issue", &[id]),
            _ => chain.call(account, "bills", "pay", &[id, amount]),
        };
        done += u32::from(result.is_ok());
        let broken = chain.select(
            "bills",
            "SELECT i.id FROM invoices AS i WHERE i.state <> 'draft' AND (i.total <>
               (SELECT sum(amount) FROM lines WHERE invoice = i.id) OR i.paid > i.total
               OR (i.state = 'paid') <> (i.paid = i.total))",
        );
        assert!(broken.is_empty(), "{broken:?} after {result:?}");
    }
    assert!(done > 30, "only {done} calls succeeded");
}
