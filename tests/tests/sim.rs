//! The sim engine: a network of cores in one thread, from a seed.
//!
//! 1. A run is a function of its seed: two processes print the same trace of rounds and app hashes.
//! 2. A height is decided in rounds. A round has one proposer; its block is decided when validators of more than
//!    two thirds of the power vote for it. Proposers are absent, votes are absent or too late to count.
//! 3. A faulty proposer equivocates, reorders and repeats what it has, or proposes what honest nodes cannot have
//!    made; the last is refused by every honest core, the rest is executed alike.
//! 4. A core crashes at any fail point, is stopped, loses its checkpoints, or comes back from a copy of any earlier
//!    height or from genesis; it replays what was decided since, and may crash again meanwhile.
//! 5. Powers change, and validators leave and join, between heights.
//! 6. Every core answers every decided block as an undisturbed twin does: results, events and app hash.
//! 7. In the end all cores are at the same height with the same app hash, and their trees are those of their rows.
//! 8. Stake moves, votes are missing from commits and evidence turns up: a consensus engine accepts every change of the
//!    validator set, and after every block pools, shares and supply add up.
#![allow(clippy::cast_possible_truncation, reason = "numbers of a simulation are small")]

use dadbs_app::tx::Tx;
use dadbs_app::{App, AppConfig, Block, BlockOutcome, CheckKind, Checker};
use dadbs_store::failpoint::{self, Action, Crash, NAMES};
use dadbs_tests::load::{Load, staked};
use dadbs_tests::{Chain, Random, copy};
use dadbs_types::{BlockInfo, Misbehavior, MisbehaviorKind};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex};
use tempfile::TempDir;

const REPLICAS: usize = 4;
const HEIGHTS: u64 = 14;
/// Rounds after which the network behaves: proposals and votes arrive.
const FAULTY_ROUNDS: u64 = 6;
const PROPOSAL_BYTES: usize = 1 << 20;

/// A home at genesis whose code cache has the stock contract: compiling it takes longer than a run.
static GENESIS: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let mut chain = Chain::of(open(&folder.path().join("home")), &staked());
    let message = chain.instantiate(0, 1, "compiled", "");
    let tx = chain.sign(0, vec![message]);
    assert!(chain.app.simulate(&tx).unwrap().is_ok());
    drop(chain);
    folder
});

fn open(home: &Path) -> App {
    App::open(&AppConfig { checkpoint_interval: 3, ..AppConfig::new(home) }).unwrap()
}

/// What happened, to show that the faults do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Counts {
    rounds: u64,
    absent_proposers: u64,
    absent_votes: u64,
    refused: u64,
    equivocations: u64,
    crashes: u64,
    crash_points: BTreeSet<&'static str>,
    stops: u64,
    restores: u64,
    replayed: u64,
    dropped_candidates: u64,
    power_changes: u64,
    transactions: u64,
    rejections: u64,
    missed: u64,
    evidence: u64,
    set_changes: u64,
}

impl Counts {
    fn add(&mut self, other: &Counts) {
        self.rounds += other.rounds;
        self.absent_proposers += other.absent_proposers;
        self.absent_votes += other.absent_votes;
        self.refused += other.refused;
        self.equivocations += other.equivocations;
        self.crashes += other.crashes;
        self.crash_points.extend(&other.crash_points);
        self.stops += other.stops;
        self.restores += other.restores;
        self.replayed += other.replayed;
        self.dropped_candidates += other.dropped_candidates;
        self.power_changes += other.power_changes;
        self.transactions += other.transactions;
        self.rejections += other.rejections;
        self.missed += other.missed;
        self.evidence += other.evidence;
        self.set_changes += other.set_changes;
    }
}

/// A core that runs.
struct Node {
    app: App,
    checker: Checker,
    mempool: Vec<Vec<u8>>,
}

struct Replica {
    home: PathBuf,
    /// Absent while it is down.
    node: Option<Node>,
    /// The height at which a replica that is down starts again.
    wakes_at: u64,
    /// A copy of its home at some earlier height.
    backup: Option<PathBuf>,
}

struct Sim {
    random: Random,
    folder: TempDir,
    /// Makes the load, and says what every block gives.
    twin: Chain,
    load: Load,
    decided: Vec<(Block, BlockOutcome)>,
    replicas: Vec<Replica>,
    /// Voting power of each replica; 0 is a full node.
    powers: Vec<u64>,
    time_ns: i64,
    trace: String,
    counts: Counts,
}

/// A block that a proposer shows to one replica.
struct Proposal {
    txs: Vec<Vec<u8>>,
    /// Rule 3: no honest node can have made it.
    impossible: Option<bool>,
}

impl Sim {
    fn new(seed: u64) -> Sim {
        let folder = tempfile::tempdir().unwrap();
        let at_genesis = GENESIS.path().join("home");
        let twin = folder.path().join("twin");
        copy(&at_genesis, &twin);
        let replicas = (0..REPLICAS)
            .map(|index| {
                let home = folder.path().join(format!("replica-{index}"));
                copy(&at_genesis, &home);
                Replica { home, node: None, wakes_at: 0, backup: None }
            })
            .collect();
        let mut random = Random(seed);
        let powers = (0..REPLICAS).map(|_| 5 + random.below(10)).collect();
        Sim {
            load: Load::new(random.next_u64(), 5).with_stake(),
            random,
            twin: Chain::of(open(&twin), &staked()),
            folder,
            decided: Vec::new(),
            replicas,
            powers,
            time_ns: 1_700_000_000_000_000_000,
            trace: String::new(),
            counts: Counts::default(),
        }
    }

    fn chance(&mut self, one_in: u64) -> bool {
        self.random.below(one_in) == 0
    }

    /// Runs all heights; returns the trace and the counts.
    fn run(mut self) -> (String, Counts) {
        for height in 1..=HEIGHTS {
            self.wake(height);
            let load = self.load.block(&mut self.twin);
            self.gossip(&load);
            let block = self.decide(height, &load);
            let outcome = self.twin.apply(&block);
            self.holds();
            self.counts.set_changes += outcome.validator_updates.len() as u64;
            self.note(&block, &outcome);
            self.decided.push((block, outcome));
            for index in 0..REPLICAS {
                self.live_through(index, height);
            }
            self.change_powers();
        }
        self.finish();
        (self.trace, self.counts)
    }

    fn note(&mut self, block: &Block, outcome: &BlockOutcome) {
        self.counts.transactions += outcome.tx_results.len() as u64;
        self.counts.rejections += outcome.tx_results.iter().filter(|r| !r.is_ok()).count() as u64;
        let _ = writeln!(
            self.trace,
            "height {} proposer {} transactions {} app_hash {}",
            block.info.height,
            block.info.proposer_address[0],
            block.txs.len(),
            hex::encode(outcome.app_hash)
        );
    }

    /// Starts what is down and due; all of it if the rest has no quorum.
    fn wake(&mut self, height: u64) {
        for index in 0..REPLICAS {
            if self.replicas[index].node.is_none() && self.replicas[index].wakes_at <= height {
                self.start(index);
            }
        }
        let up: u64 = (0..REPLICAS)
            .filter(|index| self.replicas[*index].node.is_some())
            .map(|index| self.powers[index])
            .sum();
        if !self.is_quorum(up) {
            for index in 0..REPLICAS {
                while self.replicas[index].node.is_none() {
                    self.start(index);
                }
            }
        }
    }

    fn is_quorum(&self, power: u64) -> bool {
        power * 3 > self.powers.iter().sum::<u64>() * 2
    }

    /// Opens a replica and replays what was decided since (rule 4); it may crash meanwhile.
    fn start(&mut self, index: usize) {
        let home = self.replicas[index].home.clone();
        let mut app = open(&home);
        app.init_chain(&staked()).unwrap();
        let checker = app.checker().unwrap();
        let from = app.info().height as usize;
        self.replicas[index].node = Some(Node { app, checker, mempool: Vec::new() });
        for height in from..self.decided.len() {
            self.counts.replayed += 1;
            if !self.apply(index, height as u64 + 1) {
                return;
            }
        }
    }

    /// Every replica that is up hears of most transactions, in the order in which they were sent.
    fn gossip(&mut self, load: &[Vec<u8>]) {
        for index in 0..REPLICAS {
            let deaf = self.random.below(4) == 0;
            let Some(node) = &mut self.replicas[index].node else { continue };
            for tx in load {
                if deaf && self.random.below(2) == 0 {
                    continue;
                }
                if node.checker.check_tx(tx, CheckKind::New).unwrap().is_ok() {
                    node.mempool.push(tx.clone());
                }
            }
        }
    }

    /// Rule 2.
    fn decide(&mut self, height: u64, load: &[Vec<u8>]) -> Block {
        for round in 0.. {
            self.counts.rounds += 1;
            let calm = round >= FAULTY_ROUNDS;
            if calm {
                self.wake(u64::MAX);
            }
            let proposer = ((height + round) % REPLICAS as u64) as usize;
            if self.powers[proposer] == 0 {
                continue;
            }
            let absent = !calm && self.chance(8);
            let Some(proposals) = self.propose(proposer, load, calm).filter(|_| !absent) else {
                self.counts.absent_proposers += 1;
                continue;
            };
            if let Some(txs) = self.vote(&proposals, calm) {
                self.time_ns += 1 + (self.random.below(3_000_000_000)).cast_signed();
                let info = self.facts(height, [proposer as u8; 20]);
                let block = Block { info, txs };
                self.execute_a_candidate(&proposals[0].txs, &block);
                return block;
            }
        }
        unreachable!("after {FAULTY_ROUNDS} rounds every vote arrives")
    }

    /// The facts of a block, with who signed the one before and what evidence there is (rule 8).
    fn facts(&mut self, height: u64, proposer_address: [u8; 20]) -> BlockInfo {
        let time_ns = self.time_ns;
        let known = self.twin.consensus.last.clone();
        let absent = known.votes(&BTreeSet::new()).into_iter().map(|vote| vote.address);
        let absent: BTreeSet<_> = absent.filter(|_| self.random.below(3) == 0).collect();
        let votes = known.votes(&absent);
        let mut misbehavior = Vec::new();
        if !votes.is_empty() && self.chance(15) {
            let vote = &votes[self.random.below(votes.len() as u64) as usize];
            misbehavior.push(Misbehavior {
                kind: MisbehaviorKind::DuplicateVote,
                address: vote.address,
                height: height.saturating_sub(1 + self.random.below(3)),
                time_ns: time_ns - self.random.below(8_000_000_000).cast_signed(),
                power: vote.power,
            });
        }
        self.counts.missed += absent.len() as u64;
        self.counts.evidence += misbehavior.len() as u64;
        BlockInfo { height, time_ns, proposer_address, votes, misbehavior }
    }

    /// Rule 8.
    fn holds(&self) {
        let store = self.twin.app.store();
        let broken = [
            dadbs_app::staking::invariant(store).unwrap(),
            dadbs_app::bank::invariant(store).unwrap(),
        ];
        assert!(broken.concat().is_empty(), "at {}: {broken:?}", self.twin.height);
    }

    /// What the proposer shows: one block, or two that differ (rule 3); nothing if it is down.
    fn propose(&mut self, proposer: usize, load: &[Vec<u8>], calm: bool) -> Option<Vec<Proposal>> {
        let node = self.replicas[proposer].node.as_mut()?;
        let honest = node.app.prepare_proposal(node.mempool.clone(), PROPOSAL_BYTES).unwrap();
        let honest = Proposal { txs: honest, impossible: Some(false) };
        if calm || !self.chance(3) {
            return Some(vec![honest]);
        }
        let decodable: Vec<_> = load.iter().filter(|tx| Tx::decode(tx).is_ok()).cloned().collect();
        Some(match self.random.below(5) {
            0 => {
                self.counts.equivocations += 1;
                let mut other = honest.txs.clone();
                other.pop();
                vec![honest, Proposal { txs: other, impossible: Some(false) }]
            }
            1 => {
                let mut txs = honest.txs;
                txs.push(b"garbage".to_vec());
                vec![Proposal { txs, impossible: Some(true) }]
            }
            2 => {
                let Some(tx) = decodable.first() else { return Some(vec![honest]) };
                let gas = Tx::decode(tx).unwrap().gas_limit.max(1);
                let copies = dadbs_types::limits::BLOCK_GAS_MAX / gas + 1;
                if copies > 1_000 {
                    return Some(vec![honest]);
                }
                vec![Proposal { txs: vec![tx.clone(); copies as usize], impossible: Some(true) }]
            }
            // Refused or not, every core answers the same.
            3 => vec![Proposal { txs: decodable, impossible: None }],
            _ => {
                let impossible = Some(!honest.txs.is_empty());
                let again = honest.txs.iter().rev().chain(&honest.txs).cloned().collect();
                vec![Proposal { txs: again, impossible }]
            }
        })
    }

    /// The block that gets more than two thirds of the power, if one does.
    fn vote(&mut self, proposals: &[Proposal], calm: bool) -> Option<Vec<Vec<u8>>> {
        let mut power = vec![0; proposals.len()];
        let mut verdicts = vec![None; proposals.len()];
        for index in 0..REPLICAS {
            let shown = self.random.below(proposals.len() as u64) as usize;
            let absent = self.random.below(10) == 0 && !calm;
            let Some(node) = &mut self.replicas[index].node else { continue };
            let accepted = node.app.process_proposal(&proposals[shown].txs).unwrap();
            if let Some(impossible) = proposals[shown].impossible {
                assert_eq!(accepted, !impossible, "what honest nodes refuse");
            }
            let first = *verdicts[shown].get_or_insert(accepted);
            assert_eq!(accepted, first, "all judge a proposal alike");
            if !accepted {
                self.counts.refused += 1;
            } else if absent {
                self.counts.absent_votes += 1;
            } else {
                power[shown] += self.powers[index];
            }
        }
        let winner = power.iter().position(|power| self.is_quorum(*power))?;
        Some(proposals[winner].txs.clone())
    }

    /// Some core executes a candidate that may not be the decided block, and must drop it.
    fn execute_a_candidate(&mut self, candidate: &[Vec<u8>], decided: &Block) {
        let index = self.random.below(REPLICAS as u64) as usize;
        let early = self.chance(4);
        let Some(node) = self.replicas[index].node.as_mut().filter(|_| early) else { return };
        let txs = candidate.iter().rev().take(3).cloned().collect();
        node.app.finalize_block(&Block { info: decided.info.clone(), txs }).unwrap();
        self.counts.dropped_candidates += 1;
    }

    /// The decided block reaches a replica, or something else does.
    fn live_through(&mut self, index: usize, height: u64) {
        if self.replicas[index].node.is_none() {
            if self.chance(6) {
                self.damage(index);
            }
        } else if self.chance(14) {
            self.counts.stops += 1;
            self.replicas[index].node = None;
            self.replicas[index].wakes_at = height + self.random.below(4);
            if self.chance(2) {
                let backup = self.folder.path().join(format!("backup-{index}-{height}"));
                copy(&self.replicas[index].home, &backup);
                self.replicas[index].backup = Some(backup);
            }
        } else {
            self.apply(index, height);
        }
    }

    /// A replica that is down finds another home when it starts (rule 4).
    fn damage(&mut self, index: usize) {
        let replica = &self.replicas[index];
        match (self.random.below(3), &replica.backup) {
            (0, _) => {
                // Absent if none was written yet.
                let _ = fs::remove_dir_all(replica.home.join("checkpoints"));
            }
            (1, Some(backup)) => {
                fs::remove_dir_all(&replica.home).unwrap();
                copy(backup, &replica.home);
            }
            _ => {
                fs::remove_dir_all(&replica.home).unwrap();
                copy(&GENESIS.path().join("home"), &replica.home);
            }
        }
        self.counts.restores += 1;
    }

    /// Executes and commits a decided block; false if the replica crashed.
    fn apply(&mut self, index: usize, height: u64) -> bool {
        let armed = self.chance(8).then(|| NAMES[self.random.below(NAMES.len() as u64) as usize]);
        if let Some(name) = armed {
            failpoint::arm(name, 1 + self.random.below(4), Action::Crash);
        }
        let (block, expected) = &self.decided[height as usize - 1];
        let node = self.replicas[index].node.as_mut().expect("it is up");
        let ran = catch_unwind(AssertUnwindSafe(|| {
            let outcome = node.app.finalize_block(block).unwrap();
            node.app.commit().unwrap();
            outcome
        }));
        failpoint::disarm();
        match ran {
            Ok(outcome) => {
                assert_eq!(&outcome, expected, "replica {index} at height {height} (rule 6)");
                node.checker.reset();
                let checker = &mut node.checker;
                node.mempool.retain(|tx| {
                    !block.txs.contains(tx)
                        && checker.check_tx(tx, CheckKind::Recheck).unwrap().is_ok()
                });
                true
            }
            Err(crash) if crash.is::<Crash>() => {
                self.counts.crashes += 1;
                self.counts.crash_points.extend(armed);
                self.replicas[index].node = None;
                self.replicas[index].wakes_at = height + self.random.below(3);
                false
            }
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Rule 5.
    fn change_powers(&mut self) {
        if self.chance(5) {
            let index = self.random.below(REPLICAS as u64) as usize;
            self.powers[index] = self.random.below(4) * 5;
            if self.powers.iter().sum::<u64>() == 0 {
                self.powers[index] = 10;
            }
            self.counts.power_changes += 1;
        }
    }

    /// Rule 7.
    fn finish(&mut self) {
        let tip = self.twin.app.info();
        for index in 0..REPLICAS {
            loop {
                match &self.replicas[index].node {
                    None => self.start(index),
                    Some(node) if node.app.info().height == tip.height => break,
                    Some(_) => unreachable!("a replica that is up follows"),
                }
            }
            self.replicas[index].node = None;
            // It compares every row with the tree.
            assert_eq!(open(&self.replicas[index].home).info(), tip, "replica {index}");
        }
        assert!(self.twin.app.store().verify_rows().is_ok());
    }
}

fn run(seed: u64) -> (String, Counts) {
    match catch_unwind(|| Sim::new(seed).run()) {
        Ok(done) => done,
        Err(panic) => {
            eprintln!("seed {seed} failed; DADBS_SEED={seed} runs it alone");
            resume_unwind(panic)
        }
    }
}

/// Runs seeds on a few threads; each seed on one.
fn run_all(seeds: std::ops::Range<u64>) -> Counts {
    if let Ok(seed) = std::env::var("DADBS_SEED") {
        let (trace, counts) = run(seed.parse().expect("DADBS_SEED is a number"));
        println!("{trace}{counts:#?}");
        return counts;
    }
    let next = AtomicU64::new(seeds.start);
    let sum = Mutex::new(Counts::default());
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let (_, counts) = run(seed);
                    sum.lock().unwrap().add(&counts);
                    if (seed + 1).is_multiple_of(100) {
                        println!("{} of {} seeds", seed + 1, seeds.end);
                    }
                }
            });
        }
    });
    sum.into_inner().unwrap()
}

#[test]
fn rules_2_to_7_some_seeds() {
    let counts = run_all(0..24);
    println!("{counts:#?}");
    for (what, count) in [
        ("refused", counts.refused),
        ("equivocations", counts.equivocations),
        ("crashes", counts.crashes),
        ("restores", counts.restores),
        ("replayed", counts.replayed),
        ("rejections", counts.rejections),
        ("missed", counts.missed),
        ("evidence", counts.evidence),
        ("changes of the set", counts.set_changes),
    ] {
        assert!(count > 0 || std::env::var("DADBS_SEED").is_ok(), "no {what}: {counts:?}");
    }
}

#[test]
#[ignore = "slow: a thousand seeds"]
fn rules_2_to_7_a_thousand_seeds() {
    let counts = run_all(0..1_000);
    println!("{counts:#?}");
    let missed: Vec<_> = NAMES.iter().filter(|name| !counts.crash_points.contains(*name)).collect();
    assert!(missed.is_empty(), "no crash at {missed:?}");
}

/// Prints the trace of one seed: the other process of the next test.
#[test]
#[ignore = "the other process of rule_1_a_seed_is_a_run"]
fn the_trace_of_a_seed() {
    println!("{}", run(7).0);
}

#[test]
fn rule_1_a_seed_is_a_run() {
    let other = Command::new(std::env::current_exe().unwrap())
        .args(["the_trace_of_a_seed", "--exact", "--ignored", "--nocapture"])
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&other.stdout);
    let (trace, _) = run(7);
    assert_eq!(trace.lines().count() as u64, HEIGHTS);
    assert!(printed.contains(&trace), "{trace}\n{printed}");
    assert_ne!(trace, run(8).0);
}
