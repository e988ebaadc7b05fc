//! Faults on four real validators under a load of counted transactions, from a seed.
//!
//! 1. Safety: all nodes have the same blocks and app hashes at every height, and these are the app hashes of an
//!    undisturbed core that executes the same blocks.
//! 2. Every transaction that was acknowledged is there once; none is there twice.
//! 3. Liveness: while nodes of more than two thirds of the power can talk, heights go on; and they go on again
//!    when such nodes can talk again, without a hand on them.
//!
//! `DADBS_SEED` chooses the script, `DADBS_KILLS` how many times nodes are killed.

#![allow(clippy::cast_possible_truncation, reason = "numbers of a test are small")]

mod common;

use common::cli::text;
use common::counted::Load;
use common::network::{Network, children, signal, wait_for};
use common::proxy::{self, Link};
use dadbs::genesis_doc::Document;
use nix::sys::signal::Signal;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

const NODES: usize = 4;

/// Numbers from a seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn pause(&mut self, most: Duration) {
        std::thread::sleep(Duration::from_millis(self.below(most.as_millis() as u64)));
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Rule 1: the blocks of a node, executed by a core that nothing disturbs.
fn replay(network: &Network, height: u64) {
    let genesis = network.home(0).join("cometbft/config/genesis.json");
    let genesis = Document::from_json(&std::fs::read(genesis).unwrap()).unwrap().genesis;
    let blocks = (1..=height).map(|at| {
        let block = wait_for("a block", || network.rpc(0, &format!("block?height={at}")));
        (block, network.votes(0, at))
    });
    common::replay(&genesis, blocks);
}

/// Rule 3: some node goes on by this many blocks.
fn goes_on(network: &Network, blocks: u64) -> Duration {
    let newest = || (0..NODES).map(|node| network.height(node)).max().unwrap();
    let (before, began) = (newest(), Instant::now());
    wait_for("heights go on", || (newest() >= before + blocks).then_some(()));
    began.elapsed()
}

/// How a node dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Death {
    Node,
    Engine,
    Both,
    All,
    InFinalizeBlock,
    BeforeCommit,
    InSqliteCommit,
    AfterCommit,
    InCheckpoint,
}

const DEATHS: [Death; 9] = [
    Death::InFinalizeBlock,
    Death::Node,
    Death::BeforeCommit,
    Death::Engine,
    Death::InSqliteCommit,
    Death::InCheckpoint,
    Death::Both,
    Death::AfterCommit,
    Death::All,
];

impl Death {
    /// The steps at which the node kills itself.
    fn steps(self) -> &'static [&'static str] {
        match self {
            Death::InFinalizeBlock => {
                &["user_statement", "user_row", "net_changes", "tree_updated", "journal_chunk"]
            }
            Death::BeforeCommit => &["state_row", "pruned", "commit_start"],
            Death::InSqliteCommit => &["commit_start"],
            Death::AfterCommit => &["commit_done", "version_pushed"],
            Death::InCheckpoint => &[
                "checkpoint_start",
                "checkpoint_written",
                "checkpoint_synced",
                "checkpoint_renamed",
            ],
            Death::Node | Death::Engine | Death::Both | Death::All => &[],
        }
    }
}

/// False if it died later than it should have: SQLite's commit was over.
fn kill(network: &mut Network, random: &mut Random, death: Death, victim: usize) -> bool {
    match death {
        Death::Node => network.kill(victim),
        Death::Engine => {
            if let Some(engine) = network.engine_pid(victim) {
                signal(engine, Signal::SIGKILL);
            }
            // The node starts it again.
            return true;
        }
        Death::Both => {
            let engine = network.engine_pid(victim);
            network.kill(victim);
            if let Some(engine) = engine {
                // It may have seen the end of its node.
                let pid = nix::unistd::Pid::from_raw(i32::try_from(engine).unwrap());
                let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
            }
        }
        Death::All => {
            for node in 0..NODES {
                network.kill(node);
            }
        }
        _ => {
            let step = random.pick(death.steps());
            network.stop(victim);
            let mut start = network.start_command(&network.home(victim));
            let nth = 1 + random.below(3);
            let point = match death {
                Death::InSqliteCommit => format!("{step}:{nth}:{}", random.below(40)),
                _ => format!("{step}:{nth}"),
            };
            start.env("DADBS_FAILPOINT", point);
            let mut child = common::comet::Killed(start.spawn().unwrap());
            wait_for("the node kills itself", || child.0.try_wait().unwrap());
            let log = network.log(victim);
            let said = log.lines().rfind(|line| line.contains("failpoint"));
            assert!(said.is_some_and(|said| said.contains(&format!("failpoint {step}"))), "{step}");
            println!("{}", said.unwrap_or_default());
            return_to_life(network, random);
            return death != Death::InSqliteCommit
                || said.is_some_and(|said| said.ends_with("after commit_start"));
        }
    }
    return_to_life(network, random);
    true
}

fn return_to_life(network: &mut Network, random: &mut Random) {
    random.pause(Duration::from_secs(2));
    for node in 0..NODES {
        if !network.is_up(node) {
            network.start(node);
        }
    }
}

#[test]
#[ignore = "slow: builds and runs CometBFT, kills it for minutes"]
fn rules_1_to_3_nodes_are_killed() {
    let mut random = Random(variable("DADBS_SEED", 1));
    let kills = variable("DADBS_KILLS", 63);
    let mut network = Network::make(NODES as u16, 0);
    for node in 0..NODES {
        network.edit_settings(node, |settings| settings["checkpoint_interval"] = json!(5));
        network.start(node);
    }
    for node in 0..NODES {
        network.wait_height(node, 1);
    }
    let load = Load::start(&network);
    let mut counts: BTreeMap<Death, u64> = BTreeMap::new();
    let (mut longest, mut late) = (Duration::ZERO, 0);
    for number in 0..kills {
        let death = DEATHS[usize::try_from(number).unwrap() % DEATHS.len()];
        let victim = usize::try_from(random.below(NODES as u64)).unwrap();
        while !kill(&mut network, &mut random, death, victim) {
            late += 1;
            assert!(late < 5 * kills, "it always dies too late");
        }
        *counts.entry(death).or_default() += 1;
        longest = longest.max(goes_on(&network, 2));
        println!(
            "kill {} of {kills}: {death:?} of node{victim}, height {}, {} acknowledged",
            number + 1,
            network.height((victim + 1) % NODES),
            load.acknowledged()
        );
        if number % 9 == 8 {
            network.wait_for_all();
        }
    }
    let (sent, acknowledged, committed) = load.check(&network);
    let height = network.assert_equal(&[0, 1, 2, 3]);
    replay(&network, height);
    println!("{counts:?}");
    println!(
        "{kills} kills, {height} heights equal on {NODES} nodes and an undisturbed core; {sent} sent, \
         {acknowledged} acknowledged, {committed} committed once; the longest wait for two blocks was {:.1} s",
        longest.as_secs_f64()
    );
    assert!(acknowledged > kills, "the load went on: {acknowledged}");
}

/// The links of a network whose nodes dial each other through proxies.
struct Links(BTreeMap<(usize, usize), Arc<Link>>);

impl Links {
    fn between(network: &Network) -> Links {
        let mut links = BTreeMap::new();
        for from in 0..NODES {
            network.edit_settings(from, |settings| {
                // Nodes must not tell each other the addresses behind the proxies.
                settings["cometbft"]["p2p.pex"] = json!(false);
                for peer in settings["peers"].as_array_mut().unwrap() {
                    let (id, addr) = peer.as_str().unwrap().split_once('@').unwrap();
                    let dialled = |member: &dadbs::network::manifest::Member| member.dial == addr;
                    let to = network.members.iter().position(dialled).unwrap();
                    let (proxy, link) = proxy::start(addr.parse().unwrap());
                    links.insert((from, to), link);
                    *peer = json!(format!("{id}@{proxy}"));
                }
            });
        }
        Links(links)
    }

    /// Nodes of different groups cannot talk; one group is no partition.
    fn partition(&self, group: impl Fn(usize) -> usize) {
        for ((from, to), link) in &self.0 {
            link.cut(group(*from) != group(*to));
        }
    }

    fn slow(&self, delay: Duration) {
        self.0.values().for_each(|link| link.slow(delay));
    }
}

/// True if no node goes on within this time.
fn rests(network: &Network, time: Duration) -> bool {
    // A block may be on its way.
    std::thread::sleep(Duration::from_secs(2));
    let heights = || -> Vec<u64> { (0..NODES).map(|node| network.height(node)).collect() };
    let before = heights();
    std::thread::sleep(time);
    before == heights()
}

#[test]
#[ignore = "slow: builds and runs CometBFT, cuts and slows its links"]
fn rules_1_to_3_links_are_cut_and_slow_and_nodes_stand_still() {
    let mut network = Network::make(NODES as u16, 0);
    let links = Links::between(&network);
    for node in 0..NODES {
        network.start(node);
    }
    for node in 0..NODES {
        network.wait_height(node, 1);
    }
    let load = Load::start(&network);
    let say = |what: &str, time: Duration| println!("{what}: {:.1} s", time.as_secs_f64());

    for isolated in 0..NODES {
        links.partition(|node| usize::from(node == isolated));
        say("1-3, four blocks of the three", goes_on(&network, 4));
        links.partition(|_| 0);
        network.wait_for_all();
    }
    links.partition(|node| node % 2);
    assert!(rests(&network, Duration::from_secs(5)), "two halves decide nothing");
    links.partition(|_| 0);
    say("2-2, two blocks after it ended", goes_on(&network, 2));
    for round in 0..6 {
        links.partition(|node| usize::from(node == round % NODES));
        std::thread::sleep(Duration::from_millis(700));
        links.partition(|_| 0);
        std::thread::sleep(Duration::from_millis(700));
    }
    say("flapping links, two blocks after", goes_on(&network, 2));
    links.slow(Duration::from_millis(40));
    say("slow links, four blocks", goes_on(&network, 4));
    links.slow(Duration::ZERO);

    let stand_still = |network: &Network, nodes: &[usize], how: Signal| {
        for node in nodes {
            for pid in std::iter::once(network.pid(*node)).chain(children(network.pid(*node))) {
                signal(pid, how);
            }
        }
    };
    stand_still(&network, &[3], Signal::SIGSTOP);
    say("one stands still, four blocks of the others", goes_on(&network, 4));
    stand_still(&network, &[2], Signal::SIGSTOP);
    std::thread::sleep(Duration::from_secs(2));
    let (before, _) = network.state(0).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(network.state(0).unwrap().0, before, "half of the power decides nothing");
    stand_still(&network, &[2, 3], Signal::SIGCONT);
    say("both go on, two blocks", goes_on(&network, 2));

    network.kill(1);
    let far = network.height(0) + variable("DADBS_BLOCKS_BEHIND", 200);
    let began = Instant::now();
    while network.height(0) < far {
        assert!(began.elapsed() < Duration::from_mins(10), "200 blocks took too long");
        std::thread::sleep(Duration::from_millis(200));
    }
    network.start(1);
    let began = Instant::now();
    network.wait_height(1, far);
    say("200 blocks behind, caught up", began.elapsed());

    let (sent, acknowledged, committed) = load.check(&network);
    let height = network.assert_equal(&[0, 1, 2, 3]);
    replay(&network, height);
    println!(
        "{height} heights equal on {NODES} nodes and an undisturbed core; {sent} sent, {acknowledged} \
         acknowledged, {committed} committed once"
    );
}

#[test]
#[ignore = "slow: builds and runs CometBFT; needs root for a small file system"]
fn rules_1_to_3_the_disk_of_one_is_full() {
    let mut network = Network::make(NODES as u16, 0);
    let small = Small::mount(&network.home(2));
    for node in 0..NODES {
        network.start(node);
    }
    for node in 0..NODES {
        network.wait_height(node, 1);
    }
    let load = Load::start(&network);
    goes_on(&network, 3);
    small.fill();
    network.wait_exit(2);
    let log = network.log(2);
    assert!(log.contains("the disk is full"), "it says why: {log}");
    goes_on(&network, 5);
    small.free();
    network.start(2);
    network.wait_for_all();
    load.check(&network);
    let height = network.assert_equal(&[0, 1, 2, 3]);
    replay(&network, height);
    for node in 0..NODES {
        network.stop(node);
    }
}

/// A file system of 96 MiB over a home.
struct Small(PathBuf);

impl Small {
    fn mount(home: &std::path::Path) -> Small {
        let kept = home.with_extension("kept");
        std::fs::rename(home, &kept).unwrap();
        std::fs::create_dir(home).unwrap();
        let run = |program: &str, args: &[&std::ffi::OsStr]| {
            let output = std::process::Command::new(program).args(args).output().unwrap();
            assert!(output.status.success(), "{program}: {}", text(&output.stderr));
        };
        run(
            "mount",
            &["-t", "tmpfs", "-o", "size=96m,mode=700", "tmpfs"]
                .map(std::ffi::OsStr::new)
                .into_iter()
                .chain([home.as_os_str()])
                .collect::<Vec<_>>(),
        );
        run("cp", &["-a".as_ref(), kept.join(".").as_os_str(), home.as_os_str()]);
        Small(home.to_owned())
    }

    fn fill(&self) {
        use std::io::Write;
        let mut file = std::fs::File::create(self.0.join("filler")).unwrap();
        while file.write_all(&[0; 16_384]).is_ok() {}
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Lazily: a node may still be ending.
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
