//! The rules of the ballot, in the real executor: `dadbs contract test -- --test contract`.

#[path = "../examples/client/prover.rs"]
mod prover;

use dadbs_ballot::proofs::{self, Ciphertext, POINT, Point, SCALAR, Scalar, Whose};
use dadbs_testkit::{Chain, Value};
use prover::{Deal, Dealt, Secret};
use std::time::Duration;

/// Accounts 0 to 2 are trustees, two of whom decrypt; 0, 1, 3 and 4 are voters; 5 is nobody.
const THRESHOLD: usize = 2;
const TRUSTEES: [u8; 3] = [0, 1, 2];
const VOTERS: [u8; 4] = [0, 1, 3, 4];
const HOUR_MS: i64 = 3_600_000;

const NOT_OWNER: Option<u32> = Some(2);
const NOT_TRUSTEE: Option<u32> = Some(3);
const NOT_VOTER: Option<u32> = Some(4);
const WRONG_STAGE: Option<u32> = Some(5);
const TOO_FEW: Option<u32> = Some(7);
const DONE: Option<u32> = Some(9);
const NOT_YET: Option<u32> = Some(10);
const MALFORMED: Option<u32> = Some(11);
const NOT_PROVED: Option<u32> = Some(12);
const EXCLUDED: Option<u32> = Some(13);
const NO_TRUSTEE: Option<u32> = Some(14);
const UNFOUNDED: Option<u32> = Some(15);
const OTHER_SUM: Option<u32> = Some(16);

/// A chain with one ballot.
struct Tea {
    chain: Chain,
    contract: String,
}

fn secret(account: u8) -> Secret {
    Secret([account + 1; 32])
}

fn blob(bytes: &[u8]) -> Value {
    Value::Blob(bytes.to_vec())
}

impl Tea {
    fn named() -> Tea {
        let mut chain = Chain::start(6);
        // Genesis is of November 2023; every block takes a second.
        let until_ms = 1_700_000_000_000 + HOUR_MS;
        let threshold = i64::try_from(THRESHOLD).unwrap();
        chain.publish(0, "tea", &["Tea?".into(), threshold.into(), until_ms.into()]);
        let contract = chain.contract_address("tea");
        let mut tea = Tea { chain, contract };
        for trustee in TRUSTEES {
            let address = tea.chain.address(trustee);
            tea.call(0, "name_trustee", &[address.into()]).unwrap();
        }
        for voter in VOTERS {
            let address = tea.chain.address(voter);
            tea.call(0, "name_voter", &[address.into()]).unwrap();
        }
        tea
    }

    /// All have dealt; this trustee has spoiled the shares of those.
    fn dealt_by(cheat: u8, cheated: &[u8]) -> Tea {
        let mut tea = Tea::named();
        tea.call(0, "begin", &[]).unwrap();
        for trustee in TRUSTEES {
            tea.join(trustee).unwrap();
        }
        for trustee in TRUSTEES {
            let mut deal = tea.dealt(trustee);
            for of in cheated.iter().filter(|_| trustee == cheat) {
                deal.shares[POINT + usize::from(of + 1) * SCALAR - 1] ^= 1;
            }
            tea.deal(trustee, &deal).unwrap();
        }
        tea
    }

    /// Voting is open.
    fn open() -> Tea {
        let mut tea = Tea::dealt_by(0, &[]);
        for trustee in TRUSTEES {
            tea.share(trustee).unwrap();
            tea.call(trustee, "confirm", &[]).unwrap();
        }
        tea
    }

    /// The time of voting is over.
    fn end(&mut self) {
        self.chain.advance(Duration::from_millis(HOUR_MS.unsigned_abs()));
        self.chain.block();
    }

    fn call(&mut self, account: u8, entry: &str, arguments: &[Value]) -> Result<(), Option<u32>> {
        let answer = self.chain.call(account, "tea", entry, arguments);
        answer.map(drop).map_err(|error| error.number)
    }

    /// With this account's address.
    fn whose<T>(&mut self, account: u8, work: impl FnOnce(Whose<'_>) -> T) -> T {
        let account = self.chain.address(account);
        work(Whose { contract: &self.contract, account: &account })
    }

    fn join(&mut self, account: u8) -> Result<(), Option<u32>> {
        self.call(account, "join", &[blob(&proofs::encode(&secret(account).key()))])
    }

    fn dealt(&mut self, account: u8) -> Deal {
        let keys: Vec<Point> = TRUSTEES.iter().map(|trustee| secret(*trustee).key()).collect();
        self.whose(account, |whose| secret(account).deal(whose, THRESHOLD, &keys))
    }

    fn deal(&mut self, account: u8, deal: &Deal) -> Result<(), Option<u32>> {
        let arguments = [blob(&deal.commitments), blob(&deal.proof), blob(&deal.shares)];
        self.call(account, "deal", &arguments)
    }

    fn bytes(&mut self, sql: &str) -> Vec<Vec<u8>> {
        let rows = self.chain.select("tea", sql).into_iter();
        rows.map(|row| match &row[0] {
            Value::Blob(bytes) => bytes.clone(),
            other => panic!("{sql}: {other:?}"),
        })
        .collect()
    }

    /// What the key is made of.
    fn all_dealt(&mut self) -> Vec<Dealt> {
        let sql = "SELECT number, commitments, shares FROM trustees WHERE fault IS NOT 'share' ORDER BY number";
        let rows = self.chain.select("tea", sql).into_iter();
        rows.map(|row| match &row[..] {
            [Value::Integer(number), Value::Blob(commitments), Value::Blob(shares)] => Dealt {
                number: u32::try_from(*number).unwrap(),
                commitments: proofs::points(commitments).unwrap(),
                shares: shares.clone(),
            },
            other => panic!("{other:?}"),
        })
        .collect()
    }

    /// A trustee's share.
    fn share(&mut self, account: u8) -> Result<Scalar, u32> {
        let dealt = self.all_dealt();
        secret(account).share(&self.contract, u32::from(account) + 1, &dealt)
    }

    /// A complaint about the share that trustee `number` has dealt, with the secret of `who`.
    fn complain(&mut self, account: u8, number: u32, who: u8) -> Result<(), Option<u32>> {
        let dealt = self.all_dealt();
        let dealt = dealt.iter().find(|dealt| dealt.number == number).unwrap_or(&dealt[0]);
        let made = self.whose(account, |whose| secret(who).complaint(whose, dealt));
        let (common, proof) = made.unwrap();
        let arguments = [number.into(), blob(&proofs::encode(&common)), blob(&proof)];
        self.call(account, "complain", &arguments)
    }

    fn faults(&mut self) -> Vec<Vec<Value>> {
        self.chain.select("tea", "SELECT number, fault FROM trustees WHERE fault IS NOT NULL")
    }

    fn stage(&mut self) -> Value {
        self.chain.select("tea", "SELECT stage FROM ballot")[0][0].clone()
    }

    fn key(&mut self) -> Point {
        proofs::points(&self.bytes("SELECT commitments FROM ballot")[0]).unwrap()[0]
    }

    fn sum(&mut self) -> Ciphertext {
        Ciphertext::decode(&self.bytes("SELECT sum FROM ballot")[0]).unwrap()
    }

    fn ballot(&mut self, account: u8, yes: bool) -> (Ciphertext, Vec<u8>) {
        let key = self.key();
        self.whose(account, |whose| Secret([account + 100; 32]).vote(whose, &key, yes))
    }

    fn vote(&mut self, account: u8, yes: bool) -> Result<(), Option<u32>> {
        let (vote, proof) = self.ballot(account, yes);
        self.call(account, "vote", &[blob(&vote.encode()), blob(&proof)])
    }

    fn decrypt(&mut self, account: u8) -> Result<(), Option<u32>> {
        let (share, sum) = (self.share(account).unwrap(), self.sum());
        let (part, proof) = self.whose(account, |w| secret(account).decrypt(w, share, &sum));
        let arguments = [blob(&sum.encode()), blob(&proofs::encode(&part)), blob(&proof)];
        self.call(account, "decrypt", &arguments)
    }

    fn tally(&mut self) -> Result<(i64, i64), Option<u32>> {
        let answer = self.chain.view(5, "tea", "tally", &[]).map_err(|error| error.number)?;
        match answer.rows[0][..] {
            [Value::Integer(yes), Value::Integer(no)] => Ok((yes, no)),
            ref other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_ballot_from_names_to_its_tally() {
    let mut tea = Tea::open();
    for (voter, yes) in [(0, true), (1, false), (3, true), (4, true)] {
        tea.vote(voter, yes).unwrap();
    }
    // Any two of the three decrypt.
    for trustee in [2, 0] {
        tea.decrypt(trustee).unwrap();
    }
    tea.call(5, "count", &[]).unwrap();
    assert_eq!(tea.tally(), Ok((3, 1)));
    assert_eq!(tea.call(5, "count", &[]), Err(WRONG_STAGE), "once");
    tea.chain.gas(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/gas.txt"));
}

#[test]
fn rule_1_the_owner_names_until_it_begins() {
    let mut tea = Tea::named();
    let address = tea.chain.address(5);
    assert_eq!(tea.call(1, "name_voter", &[address.clone().into()]), Err(NOT_OWNER));
    assert_eq!(tea.call(1, "begin", &[]), Err(NOT_OWNER));
    assert_eq!(tea.join(0), Err(WRONG_STAGE));
    assert_eq!(tea.call(0, "name_voter", &["dadbs1nobody".into()]), Err(None));
    tea.call(0, "begin", &[]).unwrap();
    for entry in ["name_trustee", "name_voter"] {
        assert_eq!(tea.call(0, entry, &[address.clone().into()]), Err(WRONG_STAGE));
    }
    let arguments = ["Tea?".into(), 2.into(), 1_800_000_000_000i64.into()];
    tea.chain.publish(0, "alone", &arguments);
    let begun = tea.chain.call(0, "alone", "begin", &[]);
    assert_eq!(begun.unwrap_err().number, TOO_FEW);
    for (threshold, until_ms) in [(0, i64::MAX), (17, i64::MAX), (1i64 << 32, i64::MAX), (2, 1)] {
        let arguments = ["Tea?".into(), threshold.into(), until_ms.into()];
        tea.chain.try_publish(0, "wrong", &arguments).unwrap_err();
    }
}

#[test]
fn rule_2_who_does_not_know_a_secret_cannot_deal_it() {
    let mut tea = Tea::named();
    tea.call(0, "begin", &[]).unwrap();
    assert_eq!(tea.join(5), Err(NOT_TRUSTEE));
    for wrong in [vec![0; 33], vec![2; 32], [&[5][..], &[1; 32]].concat(), vec![0xff; 33]] {
        assert_eq!(tea.call(0, "join", &[blob(&wrong)]), Err(MALFORMED));
    }
    tea.join(0).unwrap();
    assert_eq!(tea.join(0), Err(DONE));
    let first = tea.dealt(0);
    assert_eq!(tea.deal(0, &first), Err(WRONG_STAGE), "nobody deals for keys that are not there");
    tea.join(1).unwrap();
    tea.join(2).unwrap();
    tea.deal(0, &first).unwrap();
    assert_eq!(tea.deal(0, &first), Err(DONE));
    // The key of another, copied or cancelled: what is left would be the last dealer's alone.
    let own = tea.dealt(1);
    let others = proofs::points(&first.commitments).unwrap();
    let points = proofs::points(&own.commitments).unwrap();
    let cancels = proofs::encode_all(&[points[0] - others[0], points[1]]);
    for commitments in [first.commitments.clone(), cancels] {
        let rogue = Deal { commitments, proof: own.proof.clone(), shares: own.shares.clone() };
        assert_eq!(tea.deal(1, &rogue), Err(NOT_PROVED));
    }
    assert_eq!(tea.deal(1, &first), Err(NOT_PROVED), "proved by another account");
    let long = Deal { commitments: [&own.commitments[..], &[0; 33]].concat(), ..tea.dealt(1) };
    assert_eq!(tea.deal(1, &long), Err(MALFORMED));
    let short = Deal { shares: own.shares[1..].to_vec(), ..tea.dealt(1) };
    assert_eq!(tea.deal(1, &short), Err(MALFORMED));
    tea.deal(1, &own).unwrap();
    assert_eq!(tea.call(0, "confirm", &[]), Err(WRONG_STAGE));
    // What could never be opened: no point, or no number.
    for (at, byte) in [(0, 9), (POINT, 0xff)] {
        let mut wrong = tea.dealt(2);
        wrong.shares[at..at + 32].fill(byte);
        assert_eq!(tea.deal(2, &wrong), Err(MALFORMED));
    }
}

#[test]
fn rule_3_a_vote_is_one_proved_zero_or_one() {
    let mut tea = Tea::open();
    assert_eq!(tea.vote(5, true), Err(NOT_VOTER));
    let (vote, proof) = tea.ballot(0, true);
    let mut attempt = |account: u8, vote: &Ciphertext, proof: &[u8]| {
        tea.call(account, "vote", &[blob(&vote.encode()), blob(proof)])
    };
    // Two votes in one, a vote less, and another's vote.
    for more in [Point::GENERATOR, -Point::GENERATOR, -(Point::GENERATOR + Point::GENERATOR)] {
        let other = Ciphertext { a: vote.a, b: vote.b + more };
        assert_eq!(attempt(0, &other, &proof), Err(NOT_PROVED));
    }
    assert_eq!(attempt(1, &vote, &proof), Err(NOT_PROVED), "copied");
    assert_eq!(attempt(0, &Ciphertext::ZERO, &[0; 128]), Err(NOT_PROVED));
    for at in 0..proof.len() {
        let mut wrong = proof.clone();
        wrong[at] ^= 1;
        assert_eq!(attempt(0, &vote, &wrong), Err(NOT_PROVED), "byte {at}");
    }
    for wrong in [&proof[1..], &[&proof[..], &[0]].concat(), &[0xff; 128], &[]] {
        assert_eq!(attempt(0, &vote, wrong), Err(NOT_PROVED));
    }
    attempt(0, &vote, &proof).unwrap();
    assert_eq!(attempt(0, &vote, &proof), Err(DONE));
    for encoded in [vec![], vec![4; 66], vec![0; 65], vec![0; 99]] {
        let arguments = [blob(&encoded), blob(&proof)];
        assert_eq!(tea.call(1, "vote", &arguments), Err(MALFORMED));
    }
    // A proof in another ballot, of the same account with the same key.
    let other = Whose { contract: "another", account: &tea.chain.address(1) };
    let key = tea.key();
    let (vote, proof) = Secret([9; 32]).vote(other, &key, true);
    assert_eq!(tea.call(1, "vote", &[blob(&vote.encode()), blob(&proof)]), Err(NOT_PROVED));
}

#[test]
fn rules_4_and_5_the_sum_alone_is_decrypted_when_voting_has_ended() {
    let mut tea = Tea::open();
    tea.vote(3, false).unwrap();
    tea.vote(4, true).unwrap();
    assert_eq!(tea.decrypt(0), Err(WRONG_STAGE), "voting goes on");
    assert_eq!(tea.call(0, "count", &[]), Err(WRONG_STAGE));
    tea.end();
    assert_eq!(tea.vote(0, true), Err(WRONG_STAGE));
    assert_eq!(tea.call(0, "count", &[]), Err(NOT_YET));
    let (share, sum) = (tea.share(0).unwrap(), tea.sum());
    let (part, proof) = tea.whose(0, |whose| secret(0).decrypt(whose, share, &sum));
    let right = [blob(&sum.encode()), blob(&proofs::encode(&part)), blob(&proof)];
    // Of one vote.
    let single = tea.bytes("SELECT vote FROM voters WHERE vote IS NOT NULL")[0].clone();
    let single = Ciphertext::decode(&single).unwrap();
    let (part, proof) = tea.whose(0, |whose| secret(0).decrypt(whose, share, &single));
    let of_one = [blob(&single.encode()), blob(&proofs::encode(&part)), blob(&proof)];
    assert_eq!(tea.call(0, "decrypt", &of_one), Err(OTHER_SUM));
    let malformed = [right[0].clone(), blob(&[4; 33]), right[2].clone()];
    assert_eq!(tea.call(0, "decrypt", &malformed), Err(MALFORMED));
    assert_eq!(tea.call(5, "decrypt", &right), Err(NOT_TRUSTEE));
    assert!(tea.faults().is_empty());
    tea.call(0, "decrypt", &right).unwrap();
    assert_eq!(tea.decrypt(0), Err(DONE));
    assert_eq!(tea.call(0, "count", &[]), Err(NOT_YET), "one part is not enough");
    assert_eq!(tea.tally(), Err(WRONG_STAGE));
    tea.decrypt(1).unwrap();
    tea.call(0, "count", &[]).unwrap();
    assert_eq!(tea.tally(), Ok((1, 1)));
}

#[test]
fn rule_6_who_deals_a_wrong_share_is_excluded_and_the_others_go_on() {
    // Trustee 3 cheats trustee 1, and has confirmed before that is seen.
    let mut tea = Tea::dealt_by(2, &[0]);
    let key = tea.key();
    tea.call(2, "confirm", &[]).unwrap();
    assert_eq!(tea.share(0).unwrap_err(), 3);
    tea.share(1).unwrap();
    // Nobody is excluded for what fits, what another was dealt, or what is not proved.
    assert_eq!(tea.complain(0, 2, 0), Err(UNFOUNDED));
    assert_eq!(tea.complain(1, 3, 1), Err(UNFOUNDED), "its own share fits");
    assert_eq!(tea.complain(0, 3, 1), Err(NOT_PROVED), "with another secret");
    assert_eq!(tea.complain(0, 0, 0), Err(NO_TRUSTEE));
    assert_eq!(tea.complain(0, 4, 0), Err(NO_TRUSTEE));
    assert_eq!(tea.complain(5, 3, 0), Err(NOT_TRUSTEE));
    for wrong in [vec![], vec![4; POINT], vec![2; POINT + 1]] {
        let arguments = [3.into(), blob(&wrong), blob(&[0; 2 * SCALAR])];
        assert_eq!(tea.call(0, "complain", &arguments), Err(MALFORMED));
    }
    let lie = [3.into(), blob(&proofs::encode(&Point::GENERATOR)), blob(&[7; 2 * SCALAR])];
    assert_eq!(tea.call(0, "complain", &lie), Err(NOT_PROVED));
    assert!(tea.faults().is_empty());

    tea.complain(0, 3, 0).unwrap();
    assert_eq!(tea.faults(), [vec![3.into(), "share".into()]]);
    assert_ne!(tea.key(), key, "what it dealt has left the key");
    assert_eq!(tea.complain(0, 3, 0), Err(NO_TRUSTEE), "once");
    assert_eq!(tea.call(2, "confirm", &[]), Err(EXCLUDED));
    assert_eq!(tea.complain(2, 1, 2), Err(EXCLUDED));
    for trustee in [0, 1] {
        tea.share(trustee).unwrap();
        tea.call(trustee, "confirm", &[]).unwrap();
    }
    tea.vote(3, true).unwrap();
    tea.vote(4, true).unwrap();
    tea.end();
    assert_eq!(tea.decrypt(2), Err(EXCLUDED));
    tea.decrypt(1).unwrap();
    tea.decrypt(0).unwrap();
    tea.call(5, "count", &[]).unwrap();
    assert_eq!(tea.tally(), Ok((2, 0)));
}

#[test]
fn rule_6_the_last_one_missing_is_excluded_and_voting_opens() {
    let mut tea = Tea::dealt_by(2, &[0, 1]);
    tea.complain(1, 3, 1).unwrap();
    assert_eq!(tea.complain(0, 3, 0), Err(NO_TRUSTEE), "one complaint is enough");
    tea.call(0, "confirm", &[]).unwrap();
    tea.call(1, "confirm", &[]).unwrap();
    assert_eq!(tea.stage(), "voting".into());
    // All others have confirmed when the complaint comes.
    let mut tea = Tea::dealt_by(2, &[0]);
    tea.call(1, "confirm", &[]).unwrap();
    tea.call(0, "confirm", &[]).unwrap();
    assert_eq!(tea.stage(), "confirm".into());
    tea.complain(0, 3, 0).unwrap();
    assert_eq!(tea.stage(), "voting".into());
    tea.vote(3, true).unwrap();
}

#[test]
fn rules_6_and_7_who_gives_a_wrong_part_is_excluded() {
    let mut tea = Tea::open();
    tea.vote(3, true).unwrap();
    tea.end();
    let (share, sum) = (tea.share(1).unwrap(), tea.sum());
    let (part, proof) = tea.whose(1, |whose| secret(1).decrypt(whose, share, &sum));
    // A part that would shift the tally.
    let shifted = proofs::encode(&(part + Point::GENERATOR));
    let wrong = [blob(&sum.encode()), blob(&shifted), blob(&proof)];
    tea.call(1, "decrypt", &wrong).unwrap();
    assert_eq!(tea.faults(), [vec![2.into(), "part".into()]]);
    assert_eq!(tea.decrypt(1), Err(EXCLUDED));
    tea.decrypt(0).unwrap();
    assert_eq!(tea.call(5, "count", &[]), Err(NOT_YET), "a wrong part does not count");
    tea.decrypt(2).unwrap();
    tea.call(5, "count", &[]).unwrap();
    assert_eq!(tea.tally(), Ok((1, 0)));
}

#[test]
fn rule_7_fewer_than_the_threshold_are_no_ballot() {
    // One has cheated when keys were made, one when the sum is decrypted.
    let mut tea = Tea::dealt_by(2, &[0]);
    tea.complain(0, 3, 0).unwrap();
    for trustee in [0, 1] {
        tea.call(trustee, "confirm", &[]).unwrap();
    }
    tea.end();
    let (share, sum) = (tea.share(1).unwrap(), tea.sum());
    // A copied part is a wrong one.
    let (part, proof) = tea.whose(0, |whose| secret(1).decrypt(whose, share, &sum));
    let copied = [blob(&sum.encode()), blob(&proofs::encode(&part)), blob(&proof)];
    tea.call(1, "decrypt", &copied).unwrap();
    assert_eq!(tea.stage(), "failed".into());
    assert_eq!(tea.decrypt(0), Err(WRONG_STAGE));
    assert_eq!(tea.call(5, "count", &[]), Err(WRONG_STAGE));
}

#[test]
fn a_ballot_without_votes_is_counted() {
    let mut tea = Tea::open();
    tea.end();
    tea.decrypt(1).unwrap();
    tea.decrypt(2).unwrap();
    tea.call(5, "count", &[]).unwrap();
    assert_eq!(tea.tally(), Ok((0, 0)));
}
