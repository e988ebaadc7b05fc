//! The validator set under random histories, against the rules of CometBFT.
//!
//! 1. Whatever happens to stake in a block, CometBFT accepts what it is told, and then has the set that the tables say.
//! 2. After every block pools hold what is theirs, shares are those of the delegations, and the supply is the sum of
//!    balances.
//! 3. A history is a function of its seed.
//! 4. CometBFT accepts every difference of two sets, however they differ, and then has the other set.
#![allow(clippy::cast_possible_truncation, reason = "numbers of a history are small")]

use dadbs_modules::params::{self, Change, Param};
use dadbs_modules::staking::{
    self, Commission, Create, Description, GenesisValidator, POWER_REDUCTION, Slash, Status,
};
use dadbs_modules::{Rows, Writer, auth, bank, distribution, slashing, votes};
use dadbs_store::Store;
use dadbs_tests::Random;
use dadbs_tests::consensus::{Consensus, TOTAL_POWER_MAX, ValidatorSet};
use dadbs_types::coin::DENOM;
use dadbs_types::{
    AccountAddress, BlockInfo, Error, Misbehavior, MisbehaviorKind, OperatorAddress,
    ValidatorUpdate, Value,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

const OPERATORS: u64 = 9;
const ACCOUNTS: u64 = 12;
const DADB: u64 = POWER_REDUCTION;

/// How often what happened, to show that it does.
type Counts = BTreeMap<&'static str, u64>;

struct History {
    random: Random,
    store: Store,
    block: BlockInfo,
    consensus: Consensus,
    keys: u64,
    counts: Counts,
}

fn account(number: u64) -> AccountAddress {
    AccountAddress([number as u8 + 1; 20])
}

impl History {
    fn new(seed: u64) -> History {
        let mut random = Random(seed);
        let mut store = Store::memory().unwrap();
        store.begin_block(0, 0).unwrap();
        let chosen = [
            ("staking.unbonding_time", 1 + random.below(30)),
            ("slashing.fault_delay", 1),
            ("gov.voting_period", 1),
            ("gov.expedited_voting_period", 1),
            ("staking.max_validators", 1 + random.below(6)),
            ("staking.min_self_delegation", 1),
            ("staking.max_entries", 3),
            ("gov.voting_period", 1),
            ("gov.expedited_voting_period", 1),
            ("slashing.signed_blocks_window", 5),
            ("slashing.min_signed_per_window", 600_000),
            ("slashing.downtime_jail_duration", 5),
            ("slashing.jailed_power_per_hour", 1_000_000),
        ];
        let chosen = chosen.map(|(name, value)| (name.to_string(), value)).into();
        params::init(&mut store, &chosen).unwrap();
        auth::init(&mut store).unwrap();
        bank::init(&mut store).unwrap();
        votes::init(&mut store).unwrap();
        distribution::init(&mut store).unwrap();
        slashing::init(&mut store).unwrap();
        for number in 0..ACCOUNTS {
            bank::mint(&mut store, account(number), DENOM, 1_000 * DADB).unwrap();
        }
        let most = params::get(&store, Param::MaxValidators).unwrap();
        let genesis: Vec<_> = (0..=random.below(most.min(3)))
            .map(|number| GenesisValidator {
                operator: account(number),
                consensus_key: [number as u8 + 1; 32],
                tokens: (1 + random.below(20)) * DADB,
                moniker: "v".into(),
                commission_ppm: 100_000,
            })
            .collect();
        let block = BlockInfo { time_ns: 1_000_000_000_000, ..BlockInfo::default() };
        let mut events = Vec::new();
        let mut writer = Writer { store: &mut store, block: &block, events: &mut events, rows: 0 };
        staking::init(&mut writer, &genesis).unwrap();
        // While tables made in it are not committed, SQLite reads its schema anew after every rollback.
        store.finish_block().unwrap();
        store.commit().unwrap();
        store.begin_block(1, 0).unwrap();
        let consensus = Consensus::begin(&staking::updates_of(&genesis));
        History { random, store, block, consensus, keys: 100, counts: Counts::new() }
    }

    fn new_key(&mut self) -> [u8; 32] {
        self.keys += 1;
        let mut key = [0xee; 32];
        key[..8].copy_from_slice(&self.keys.to_le_bytes());
        key
    }

    /// Mostly whole units and what lies just beside them.
    fn amount(&mut self) -> u64 {
        let whole = self.random.below(30) * DADB;
        match self.random.below(4) {
            0 => whole.saturating_sub(1).max(1),
            1 => whole + 1,
            2 => 1 + self.random.below(3 * DADB),
            _ => whole.max(DADB),
        }
    }

    /// Something that a user or a judge does; what is refused leaves nothing.
    fn operation(&mut self) {
        let (who, one, other) = (
            account(self.random.below(ACCOUNTS)),
            account(self.random.below(OPERATORS)),
            account(self.random.below(OPERATORS)),
        );
        let (kind, amount, key) = (self.random.below(20), self.amount(), self.new_key());
        let (ppm, height) = (self.random.below(200_000), self.block.height);
        let since = height.saturating_sub(self.random.below(8));
        let most = 1 + self.random.below(6);
        self.store.begin_tx([0; 32]).unwrap();
        let mut events = Vec::new();
        let mut writer =
            Writer { store: &mut self.store, block: &self.block, events: &mut events, rows: 0 };
        let done: Result<&str, Error> = match kind {
            0..=3 => staking::delegate(&mut writer, who, one, amount).map(|_| "delegate"),
            4..=6 => staking::undelegate(&mut writer, who, one, amount).map(|_| "undelegate"),
            7 | 8 => {
                staking::redelegate(&mut writer, who, (one, other), amount).map(|_| "redelegate")
            }
            9 => cancel(&mut writer, amount, u64::from(key[0])).map(|()| "cancel"),
            // All of the operator's own stake.
            10 => staking::validator(writer.store, one).map_err(Error::from).and_then(|found| {
                let shares = staking::delegated_shares(writer.store, one, one)?;
                let worth = found.map_or(Ok(0), |validator| validator.pool().worth(shares))?;
                staking::undelegate(&mut writer, one, one, worth).map(|_| "leave")
            }),
            11 | 12 => {
                staking::create_validator(&mut writer, create(one, key, amount)).map(|()| "create")
            }
            13 => staking::rotate_key(&mut writer, one, key).map(|()| "rotate"),
            14 => staking::jail(&mut writer, one, 0, "test").map_err(Error::from).map(|()| "jail"),
            15 | 16 => slashing::unjail(&mut writer, one).map(|()| "unjail"),
            17 => {
                let power = amount / DADB;
                let slash = Slash { operator: one, height: since, power, ppm, reason: "test" };
                staking::slash(&mut writer, &slash).map_err(Error::from).map(|_| "slash")
            }
            18 => {
                let change = Change { param: Param::MaxValidators, value: most, replaces: None };
                params::apply(writer.store, &[change]).map(|()| "most")
            }
            _ => Ok("nothing"),
        };
        match done {
            Ok(name) => {
                self.store.commit_tx().unwrap();
                *self.counts.entry(name).or_default() += 1;
            }
            Err(Error::Rejected(_)) => {
                self.store.rollback_tx().unwrap();
                *self.counts.entry("refused").or_default() += 1;
            }
            Err(Error::Fatal(fatal)) => panic!("{fatal}"),
        }
    }

    /// Who is absent, and who is shown to have signed twice.
    fn commit(&mut self) {
        let mut absent = BTreeSet::new();
        let votes = self.consensus.last.votes(&absent);
        for vote in &votes {
            if self.random.below(4) == 0 {
                absent.insert(vote.address);
            }
        }
        self.block.votes = self.consensus.last.votes(&absent);
        if self.random.below(40) == 0 && !votes.is_empty() {
            let vote = &votes[self.random.below(votes.len() as u64) as usize];
            let height = self.block.height.saturating_sub(1 + self.random.below(3));
            let time_ns = self.block.time_ns - 1_000_000_000 * self.random.below(40).cast_signed();
            self.block.misbehavior = vec![Misbehavior {
                kind: MisbehaviorKind::DuplicateVote,
                address: vote.address,
                height,
                time_ns,
                power: vote.power,
            }];
        }
    }

    fn next_block(&mut self) {
        self.block = BlockInfo {
            height: self.block.height + 1,
            time_ns: self.block.time_ns + 1_000_000_000 * self.random.below(5).cast_signed(),
            ..BlockInfo::default()
        };
        self.commit();
        let mut events = Vec::new();
        let mut writer =
            Writer { store: &mut self.store, block: &self.block, events: &mut events, rows: 0 };
        slashing::begin_block(&mut writer).unwrap();
        for _ in 0..self.random.below(6) {
            self.operation();
        }
        let mut writer =
            Writer { store: &mut self.store, block: &self.block, events: &mut events, rows: 0 };
        let updates = staking::end_block(&mut writer).unwrap();
        for event in &events {
            let name = match event.kind.as_str() {
                "validator_set_guard" => "guard",
                "tombstone" => "tombstone",
                "slash" => "slashed",
                "complete_unbonding" => "matured",
                _ => continue,
            };
            *self.counts.entry(name).or_default() += 1;
        }
        *self.counts.entry("updates").or_default() += updates.len() as u64;
        // Rule 1.
        self.consensus.advance(&updates);
        assert_eq!(self.consensus.next, told(&self.store));
    }

    /// Rule 2.
    fn holds(&self) {
        for broken in
            [staking::invariant(&self.store).unwrap(), bank::invariant(&self.store).unwrap()]
        {
            assert!(broken.is_empty(), "at {}: {broken:?}", self.block.height);
        }
    }
}

/// Takes back a part of something that is withdrawn, most often.
fn cancel(writer: &mut Writer<'_>, amount: u64, choice: u64) -> Result<(), Error> {
    let found = writer.store.query(
        "SELECT delegator, validator, creation_height, balance FROM chain_unbondings ORDER BY id DESC LIMIT 20",
        &[],
    )?;
    if found.is_empty() {
        return staking::cancel_unbonding(writer, account(0), account(0), 0, amount);
    }
    let row = &found[choice as usize % found.len()];
    let (Value::Text(delegator), Value::Text(validator)) = (&row[0], &row[1]) else {
        panic!("texts")
    };
    let (Value::Integer(height), Value::Integer(balance)) = (&row[2], &row[3]) else {
        panic!("integers")
    };
    let OperatorAddress(validator) = validator.parse().unwrap();
    let amount = if choice.is_multiple_of(2) { balance.unsigned_abs() } else { amount };
    let height = height.unsigned_abs();
    staking::cancel_unbonding(writer, delegator.parse().unwrap(), validator, height, amount)
}

fn create(operator: AccountAddress, consensus_key: [u8; 32], amount: u64) -> Create {
    Create {
        operator,
        consensus_key,
        amount,
        commission: Commission { ppm: 100_000, max_ppm: 200_000, max_change_ppm: 1, time: 0 },
        min_self_delegation: 1,
        description: Description { moniker: "m".into(), ..Description::default() },
    }
}

fn told(store: &Store) -> ValidatorSet {
    let rows = store.rows("SELECT key, power FROM chain_validator_set", &[]).unwrap();
    let update = |row: &Vec<Value>| match &row[..] {
        [Value::Blob(key), Value::Integer(power)] => {
            (key.as_slice().try_into().unwrap(), power.unsigned_abs())
        }
        other => panic!("{other:?}"),
    };
    ValidatorSet(rows.iter().map(update).collect())
}

fn history(seed: u64, blocks: u64) -> (ValidatorSet, Counts) {
    let mut history = History::new(seed);
    for block in 0..blocks {
        history.next_block();
        if block % 8 == 7 {
            history.holds();
        }
    }
    history.holds();
    (history.consensus.next, history.counts)
}

/// Runs seeds on all processors; `DADBS_SEED` runs one alone.
fn histories(seeds: u64, blocks: u64) -> Counts {
    if let Ok(seed) = std::env::var("DADBS_SEED") {
        return history(seed.parse().expect("DADBS_SEED is a number"), blocks).1;
    }
    let next = AtomicU64::new(0);
    let sum = Mutex::new(Counts::new());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        return;
                    }
                    let ran = std::panic::catch_unwind(|| history(seed, blocks));
                    let Ok((_, counts)) = ran else {
                        panic!("seed {seed} failed; DADBS_SEED={seed} runs it alone")
                    };
                    for (name, count) in counts {
                        *sum.lock().unwrap().entry(name).or_default() += count;
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

fn assert_all_happened(counts: &Counts) {
    println!("{counts:?}");
    for name in [
        "delegate",
        "undelegate",
        "redelegate",
        "cancel",
        "leave",
        "create",
        "rotate",
        "jail",
        "unjail",
        "slash",
        "most",
        "guard",
        "tombstone",
        "slashed",
        "matured",
        "updates",
        "refused",
    ] {
        let happened = counts.get(name).is_some_and(|count| *count > 0);
        assert!(happened || std::env::var("DADBS_SEED").is_ok(), "no {name}: {counts:?}");
    }
}

#[test]
fn rules_1_and_2_some_histories() {
    assert_all_happened(&histories(24, 150));
}

#[test]
#[ignore = "slow: a million blocks"]
fn rules_1_and_2_a_million_blocks() {
    assert_all_happened(&histories(2_000, 500));
}

#[test]
fn rule_3_a_seed_is_a_history() {
    assert_eq!(history(7, 60), history(7, 60));
    assert_ne!(history(7, 60), history(8, 60));
}

/// Keys that sets are made of; few, so that they come back.
const KEYS: u64 = 12;
/// Blocks of one sequence.
const BLOCKS: u64 = 20;

/// Members come and go, powers change and keys are replaced, several at once.
fn change(random: &mut Random, set: &mut BTreeMap<[u8; 32], u64>) {
    for _ in 0..=random.below(6) {
        let key = [random.below(KEYS) as u8; 32];
        match random.below(6) {
            0 | 1 => drop(set.remove(&key)),
            2 => {
                if let Some(power) = set.remove(&key) {
                    set.insert([random.below(KEYS) as u8; 32], power);
                }
            }
            // With what is removed in the same block, all together are just within CometBFT's bound.
            3 => drop(set.insert(key, TOTAL_POWER_MAX / (2 * KEYS) - random.below(3))),
            _ => drop(set.insert(key, 1 + random.below(20))),
        }
    }
}

/// One sequence of updates (rule 4): how many joined, left and changed, and how often the set would have been empty.
fn sequence(seed: u64) -> [u64; 4] {
    let mut random = Random(seed);
    let mut told = BTreeMap::from([([0; 32], 1 + random.below(20))]);
    let mut engine = ValidatorSet(told.clone());
    let mut happened = [0; 4];
    for _ in 0..BLOCKS {
        let mut desired = told.clone();
        change(&mut random, &mut desired);
        if desired.is_empty() {
            // The old set stays.
            happened[3] += 1;
            continue;
        }
        let updates = staking::difference(&told, &desired);
        for update in &updates {
            let kind = match (update.power, told.contains_key(&update.key)) {
                (0, _) => 1,
                (_, false) => 0,
                (_, true) => 2,
            };
            happened[kind] += 1;
        }
        engine = engine.update(&updates).unwrap_or_else(|why| {
            panic!("seed {seed}: CometBFT refuses {updates:?} after {told:?}: {why}")
        });
        assert_eq!(engine.0, desired, "seed {seed}");
        told = desired;
    }
    happened
}

fn sequences(seeds: u64) {
    let happened = std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, usize::from) as u64;
        let workers: Vec<_> = (0..threads)
            .map(|first| {
                scope.spawn(move || {
                    let own = (first..seeds).step_by(threads as usize);
                    own.map(sequence).fold((0, [0; 4]), |(count, sum), one| {
                        (count + 1, std::array::from_fn(|at| sum[at] + one[at]))
                    })
                })
            })
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).fold(
            (0, [0; 4]),
            |(count, sum): (u64, [u64; 4]), (more, one)| {
                (count + more, std::array::from_fn(|at| sum[at] + one[at]))
            },
        )
    });
    let (count, [joined, left, changed, empty]) = happened;
    println!(
        "{count} sequences of {BLOCKS} blocks: {joined} joined, {left} left, {changed} changed, {empty} would have been empty"
    );
    assert!(count == seeds && [joined, left, changed, empty].iter().all(|count| *count > 0));
}

#[test]
fn rule_4_some_sequences() {
    sequences(10_000);
}

#[test]
#[ignore = "slow: a million sequences"]
fn rule_4_a_million_sequences() {
    sequences(1_000_000);
}

/// A set in which every class of change happens at once.
#[test]
fn rule_1_key_and_power_and_membership_change_in_one_block() {
    let mut history = History::new(3);
    let param = Param::MaxValidators;
    params::apply(&mut history.store, &[Change { param, value: 3, replaces: None }]).unwrap();
    for _ in 0..400 {
        history.block.height += 1;
        let (one, two) = (history.new_key(), history.new_key());
        let (block, store) = (history.block.clone(), &mut history.store);
        let mut events = Vec::new();
        let mut writer = Writer { store, block: &block, events: &mut events, rows: 0 };
        // Refused where it cannot be, which is the point of trying.
        for operator in [account(0), account(1)] {
            drop(staking::rotate_key(&mut writer, operator, one));
            drop(staking::rotate_key(&mut writer, operator, two));
            drop(staking::delegate(&mut writer, account(10), operator, DADB));
        }
        let updates: Vec<ValidatorUpdate> = staking::end_block(&mut writer).unwrap();
        history.consensus.advance(&updates);
        history.block.time_ns += 10_000_000_000;
    }
    let bonded = staking::bonded_validators(&history.store).unwrap();
    assert!(bonded.iter().all(|validator| validator.status == Status::Bonded));
    assert!(bonded.iter().any(|validator| validator.key_time > 0));
}
