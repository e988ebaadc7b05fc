//! The rules of the supply chain, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Random, Value};

const MAKER: u8 = 0;
const CARRIER: u8 = 1;
const STRANGER: u8 = 2;
const NOT_OWNER: Option<u32> = Some(1);
const NOT_CUSTODIAN: Option<u32> = Some(2);
const NOT_MADE: Option<u32> = Some(3);
const BACKWARD: Option<u32> = Some(4);
const REMOVED: Option<u32> = Some(5);

fn start() -> Chain {
    let mut chain = Chain::start(3);
    chain.publish(MAKER, "goods", &[]);
    for (account, name) in [(MAKER, "maker"), (CARRIER, "carrier")] {
        let address = chain.address(account);
        chain.call(MAKER, "goods", "register", &[address.into(), name.into()]).unwrap();
    }
    chain
}

fn run(chain: &mut Chain, account: u8, statement: &str) -> Result<i64, Option<u32>> {
    let done = chain.call(account, "goods", "run", &[statement.into()]);
    done.map(|answer| answer.integer()).map_err(|error| error.number)
}

#[test]
fn rules_1_and_2_only_the_custodian_and_only_forward() {
    let mut chain = start();
    let carrier = chain.address(CARRIER);
    let stolen = chain.call(STRANGER, "goods", "register", &[carrier.clone().into(), "x".into()]);
    assert_eq!(stolen.unwrap_err().number, NOT_OWNER);
    let id = chain.call(MAKER, "goods", "make", &["bolt".into()]).unwrap().value();
    assert!(chain.call(STRANGER, "goods", "make", &["bolt".into()]).is_err(), "no party");
    let mut hand_over = |account, to: &str, state: &str| {
        let arguments = [id.clone(), to.into(), state.into()];
        chain.call(account, "goods", "hand_over", &arguments).map_err(|error| error.number)
    };
    assert_eq!(hand_over(CARRIER, &carrier, "shipped").unwrap_err(), NOT_CUSTODIAN);
    assert_eq!(hand_over(MAKER, "nobody", "shipped").unwrap_err(), None, "a foreign key");
    let shipped = hand_over(MAKER, &carrier, "shipped").unwrap();
    assert_eq!(shipped.events[0].0, "HandedOver");
    assert_eq!(hand_over(MAKER, &carrier, "delivered").unwrap_err(), NOT_CUSTODIAN);
    assert_eq!(hand_over(CARRIER, &carrier, "made").unwrap_err(), BACKWARD);
    hand_over(CARRIER, &carrier, "delivered").unwrap();
    let history = chain.view(STRANGER, "goods", "history", &[id]).unwrap().rows;
    let states: Vec<&Value> = history.iter().map(|step| &step[4]).collect();
    assert_eq!(states, [&"made".into(), &"shipped".into(), &"delivered".into()]);
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rules_3_and_4_no_statement_gets_around_them() {
    let mut chain = start();
    let (maker, carrier) = (chain.address(MAKER), chain.address(CARRIER));
    for sku in ["a", "b", "c"] {
        chain.call(MAKER, "goods", "make", &[sku.into()]).unwrap();
    }
    let stolen = format!("UPDATE items SET custodian = '{carrier}'");
    assert_eq!(run(&mut chain, CARRIER, &stolen), Err(NOT_CUSTODIAN));
    assert_eq!(
        run(&mut chain, MAKER, "UPDATE items SET sku = 'z' WHERE id = 1"),
        Err(NOT_CUSTODIAN)
    );
    assert_eq!(run(&mut chain, MAKER, "DELETE FROM items WHERE id = 1"), Err(REMOVED));
    assert_eq!(run(&mut chain, MAKER, "UPDATE items SET id = 9 WHERE id = 1"), Err(REMOVED));
    let forged =
        format!("INSERT INTO items (sku, custodian, state) VALUES ('d', '{maker}', 'made')");
    assert_eq!(run(&mut chain, CARRIER, &forged), Err(NOT_MADE));
    let replaced = format!("INSERT OR REPLACE INTO items VALUES (1, 'fake', '{carrier}', 'made')");
    assert_eq!(run(&mut chain, CARRIER, &replaced), Err(NOT_CUSTODIAN));
    for history in [
        "DELETE FROM steps",
        "UPDATE steps SET by = 'x'",
        "INSERT INTO steps VALUES (1, 9, 'x', 'x', 'made', 0)",
        "INSERT INTO parties VALUES ('x', 'x')",
        "DROP TABLE steps",
        "ALTER TABLE items DROP COLUMN sku",
    ] {
        let done = run(&mut chain, MAKER, history);
        assert!(matches!(done, Ok(0) | Err(None)), "{history}: {done:?}");
    }
    assert_eq!(
        chain.select("goods", "SELECT count(*), min(by) FROM steps"),
        [[3.into(), maker.into()]]
    );
    assert_eq!(run(&mut chain, MAKER, "UPDATE items SET state = 'shipped' WHERE id < 3"), Ok(2));
    assert_eq!(chain.select("goods", "SELECT count(*) FROM steps"), [[Value::Integer(5)]]);
}

/// Random hand-overs; whatever they are, the last step of every item is the item.
#[test]
fn property_the_last_step_is_the_item() {
    let mut chain = start();
    let parties = [chain.address(MAKER), chain.address(CARRIER)];
    let (mut random, mut done) = (Random(11), 0);
    for _ in 0..80 {
        let account = random.below(2) as u8;
        let id = 1 + random.below(5);
        let statement = match random.below(3) {
            0 => {
                drop(chain.call(account, "goods", "make", &["bolt".into()]));
                continue;
            }
            1 => format!(
                "UPDATE items SET custodian = '{}' WHERE id = {id}",
                parties[random.below(2) as usize]
            ),
            _ => format!("UPDATE items SET state = 'shipped' WHERE id <= {id}"),
        };
        done += u32::from(run(&mut chain, account, &statement).is_ok());
        let broken = chain.select(
            "goods",
            "SELECT i.id FROM items i WHERE (i.custodian, i.state) IS NOT (SELECT s.custodian, s.state
             FROM steps s WHERE s.item = i.id ORDER BY s.number DESC LIMIT 1)",
        );
        assert!(broken.is_empty(), "{broken:?} after {statement}");
    }
    assert!(done > 15, "only {done} statements passed");
}
