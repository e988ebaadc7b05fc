//! The rules of the posts, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Value};
use std::time::Duration;

const ANN: u8 = 0;
const BOB: u8 = 1;
const EVE: u8 = 2;

fn start() -> (Chain, Value, Value) {
    let mut chain = Chain::start(3);
    chain.publish(ANN, "posts", &[]);
    let mut post = |text: &str, public: i64| {
        chain.call(ANN, "posts", "post", &[text.into(), public.into()]).unwrap().value()
    };
    let (public, private) = (post("hello", 1), post("secret", 0));
    (chain, public, private)
}

fn count(chain: &mut Chain, account: u8) -> i64 {
    chain.view(account, "posts", "count", &[]).unwrap().integer()
}

fn share(chain: &mut Chain, account: u8, id: &Value, days: i64) -> Result<(), String> {
    let reader = chain.address(BOB);
    let shared = chain.call(account, "posts", "share", &[id.clone(), reader.into(), days.into()]);
    shared.map(drop).map_err(|error| error.message)
}

#[test]
fn rules_1_and_4_readers_see_what_is_theirs_until_it_ends() {
    let (mut chain, _, private) = start();
    assert_eq!([ANN, BOB, EVE].map(|who| count(&mut chain, who)), [2, 1, 1]);
    share(&mut chain, ANN, &private, 7).unwrap();
    assert_eq!([ANN, BOB, EVE].map(|who| count(&mut chain, who)), [2, 2, 1]);
    let feed = chain.view(EVE, "posts", "feed", &[9.into()]).unwrap();
    assert_eq!((feed.rows.len(), &feed.rows[0][3]), (1, &"hello".into()));
    let shares = "SELECT count(*) FROM shares";
    assert_eq!(chain.select_as(BOB, "posts", shares).unwrap(), [[Value::Integer(1)]]);
    assert_eq!(chain.select_as(EVE, "posts", shares).unwrap(), [[Value::Integer(0)]]);
    assert_eq!(chain.select("posts", "SELECT text FROM posts"), [["hello".into()]]);
    chain.advance(Duration::from_secs(8 * 86_400));
    chain.block();
    assert_eq!(count(&mut chain, BOB), 1, "the share has ended");
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rules_2_and_3_nobody_changes_or_shares_what_another_one_wrote() {
    let (mut chain, public, private) = start();
    let mut edit = |account, id: &Value| {
        chain.call(account, "posts", "edit", &[id.clone(), "new".into()]).map_err(|e| e.number)
    };
    assert_eq!(edit(EVE, &public).unwrap_err(), Some(1));
    assert_eq!(edit(EVE, &private).unwrap_err(), Some(1), "as if there were none");
    edit(ANN, &private).unwrap();
    let forged = share(&mut chain, EVE, &private, 7).unwrap_err();
    assert!(forged.contains("may not write"), "{forged}");
    assert!(share(&mut chain, ANN, &private, 366).unwrap_err().contains("WrongDays (2)"));
    share(&mut chain, ANN, &private, 7).unwrap();
    let bob = chain.address(BOB);
    let mut unshare = |account| {
        chain.call(account, "posts", "unshare", &[private.clone(), bob.clone().into()]).unwrap()
    };
    assert_eq!([unshare(EVE).integer(), unshare(BOB).integer()], [0, 0], "not theirs");
    assert_eq!(unshare(ANN).integer(), 1);
    let like = |chain: &mut Chain, id: &Value| chain.call(EVE, "posts", "like", &[id.clone()]);
    assert_eq!(like(&mut chain, &public).unwrap().integer(), 1);
    assert_eq!(like(&mut chain, &private).unwrap_err().number, Some(1));
}
