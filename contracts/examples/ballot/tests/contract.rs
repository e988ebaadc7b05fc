//! The rules of the ballot, in the real executor: `dadbs contract test -- --test contract`.

use dadbs_testkit::{Chain, Value};
use sha2::{Digest, Sha256};

const COMMIT_UNTIL: i64 = 20;
const REVEAL_UNTIL: i64 = 30;
const SECRET: [u8; 16] = [7; 16];

const WRONG_TIME: Option<u32> = Some(4);
const NOT_COMMITTED: Option<u32> = Some(7);

/// Accounts 0 to 2 are voters, 3 is none.
fn start() -> Chain {
    let mut chain = Chain::start(4);
    let arguments = ["Tea?".into(), 2.into(), COMMIT_UNTIL.into(), REVEAL_UNTIL.into()];
    chain.publish(0, "tea", &arguments);
    for account in 0..3 {
        let voter = chain.address(account);
        chain.call(0, "tea", "register", &[voter.into()]).unwrap();
    }
    chain
}

fn commitment(chain: &mut Chain, account: u8, choice: u32) -> Value {
    let (contract, voter) = (chain.contract_address("tea"), chain.address(account));
    let bytes = [contract.as_bytes(), voter.as_bytes(), &choice.to_le_bytes(), &SECRET].concat();
    Value::Blob(Sha256::digest(bytes).to_vec())
}

fn call(
    chain: &mut Chain,
    account: u8,
    entry: &str,
    arguments: &[Value],
) -> Result<(), Option<u32>> {
    chain.call(account, "tea", entry, arguments).map(drop).map_err(|error| error.number)
}

fn reveal(chain: &mut Chain, account: u8, choice: i64) -> Result<(), Option<u32>> {
    call(chain, account, "reveal", &[choice.into(), Value::Blob(SECRET.to_vec())])
}

#[test]
fn rules_1_to_4_commit_then_reveal_then_tally() {
    let mut chain = start();
    let stolen = chain.address(3);
    assert_eq!(call(&mut chain, 1, "register", &[stolen.into()]), Err(Some(2)));
    for (account, choice) in [(0, 1), (1, 0)] {
        let arguments = [commitment(&mut chain, account, choice)];
        call(&mut chain, account, "commit", &arguments).unwrap();
        assert_eq!(call(&mut chain, account, "commit", &arguments), Err(Some(6)), "once");
    }
    let copied = [commitment(&mut chain, 1, 0)];
    assert_eq!(call(&mut chain, 2, "commit", &copied), Err(None), "UNIQUE");
    assert_eq!(call(&mut chain, 2, "commit", &[Value::Blob(vec![1; 31])]), Err(Some(5)));
    assert_eq!(call(&mut chain, 3, "commit", &copied), Err(Some(3)), "no voter");
    // A choice that there is none of is found when it is revealed.
    let arguments = [commitment(&mut chain, 2, 2)];
    call(&mut chain, 2, "commit", &arguments).unwrap();
    assert_eq!(reveal(&mut chain, 0, 1), Err(WRONG_TIME), "too early");
    chain.advance_to(COMMIT_UNTIL.unsigned_abs());
    assert_eq!(call(&mut chain, 2, "commit", &copied), Err(WRONG_TIME), "too late");
    assert_eq!(reveal(&mut chain, 0, 0), Err(NOT_COMMITTED), "another choice");
    assert_eq!(reveal(&mut chain, 2, 2), Err(NOT_COMMITTED), "no such choice");
    let short = [1.into(), Value::Blob(vec![7; 15])];
    assert_eq!(call(&mut chain, 0, "reveal", &short), Err(Some(5)));
    reveal(&mut chain, 0, 1).unwrap();
    reveal(&mut chain, 1, 0).unwrap();
    assert_eq!(chain.view(3, "tea", "tally", &[]).unwrap_err().number, WRONG_TIME);
    chain.advance_to(REVEAL_UNTIL.unsigned_abs() + 1);
    assert_eq!(reveal(&mut chain, 0, 1), Err(WRONG_TIME));
    let tally = chain.view(3, "tea", "tally", &[]).unwrap();
    let row = |choice: i64| vec![Value::Integer(choice), Value::Integer(1)];
    assert_eq!(tally.rows[1..], [row(0), row(1)], "behind the row of column names");
    chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}
