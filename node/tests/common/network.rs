//! Networks of real processes: each node is `dadbs start` with its CometBFT, and can be killed alone.

use super::cli::{command, text};
use super::comet::Killed;
use dadbs::network::manifest::{Manifest, Member};
use dadbs_types::Vote;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Output};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

/// How long a network may take for what it does.
pub const PATIENCE: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(50);

/// Parameters of a genesis whose votes, and what waits with them, end while a test waits.
pub const SHORT: &[(&str, u64)] = &[
    ("staking.unbonding_time", 60),
    ("slashing.fault_delay", 30),
    ("gov.voting_period", 6),
    ("gov.expedited_voting_period", 6),
    ("gov.timelock", 1),
    ("gov.min_deposit", 1_000_000),
];

/// A base for `ports` free ports, below those that the system hands out; never the same twice.
pub fn free_base(ports: u16) -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test processes begin at places of their own.
    let offset = u16::try_from(std::process::id() % 200).unwrap() * 100;
    let is_free = |port| TcpListener::bind(("127.0.0.1", port)).is_ok();
    loop {
        let step = NEXT.fetch_add(ports, Ordering::Relaxed);
        let base = 10_000 + offset.wrapping_add(step) % 20_000;
        if (base..base + ports).all(is_free) {
            return base;
        }
    }
}

/// The JSON-RPC answer to a GET, if there is one.
pub fn get(addr: SocketAddr, target: &str) -> Option<Json> {
    let mut stream = TcpStream::connect(addr).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    // Of HTTP/1.0, so that a long answer does not come in chunks.
    write!(stream, "GET /{target} HTTP/1.0\r\nHost: x\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let mut answer: Json = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
    (!answer["result"].is_null()).then(|| answer["result"].take())
}

/// Waits for `found` to find something; `what` is said if it never does.
pub fn wait_for<T>(what: &str, mut found: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "never: {what}");
        std::thread::sleep(POLL);
    }
}

/// The children of a process.
pub fn children(pid: u32) -> Vec<u32> {
    let mut found = Vec::new();
    // Each thread has children of its own; one that ended has none.
    for thread in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let path = thread.unwrap().path().join("children");
        let text = std::fs::read_to_string(path).unwrap_or_default();
        found.extend(text.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()));
    }
    found
}

pub fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(i32::try_from(pid).unwrap()), signal).unwrap();
}

pub fn wait_exit(process: &mut Killed) -> ExitStatus {
    wait_for("the process ends", || process.0.try_wait().unwrap())
}

pub struct Network {
    pub dir: tempfile::TempDir,
    pub members: Vec<Member>,
    cometbft: PathBuf,
    nodes: Vec<Option<Killed>>,
}

impl Network {
    /// Makes homes, keys and genesis on free ports; nothing runs yet.
    pub fn make(validators: u16, full_nodes: u16) -> Network {
        let dir = tempfile::tempdir().unwrap();
        let base = free_base(6 * (validators + full_nodes));
        let made = command(dir.path())
            .args(["testnet", "init", "--validators", &validators.to_string()])
            .args(["--full-nodes", &full_nodes.to_string(), "--base-port", &base.to_string()])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", text(&made.stderr));
        let manifest = Manifest::read(&dir.path().join("testnet/testnet.json")).unwrap();
        let members = manifest.members();
        let nodes = members.iter().map(|_| None).collect();
        Network { dir, members, cometbft: super::comet::binary(), nodes }
    }

    /// [`Network::make`], all started, with a first block.
    pub fn start_all(validators: u16, full_nodes: u16) -> Network {
        Network::start_with(validators, full_nodes, &[])
    }

    /// The homes again, for a genesis with these parameters.
    fn change_params(&self, params: &[(&str, u64)]) {
        let document = dadbs::network::home::read_genesis(&self.home(0)).unwrap();
        let mut genesis = document.genesis;
        genesis.params = params.iter().map(|(name, value)| ((*name).into(), *value)).collect();
        let manifest = Manifest::read(&self.folder().join("testnet.json")).unwrap();
        std::fs::remove_dir_all(self.folder()).unwrap();
        dadbs::network::testnet::init(&self.folder(), &manifest, genesis).unwrap();
    }

    /// [`Network::make`] with parameters of its own.
    pub fn make_with(validators: u16, full_nodes: u16, params: &[(&str, u64)]) -> Network {
        let network = Network::make(validators, full_nodes);
        if !params.is_empty() {
            network.change_params(params);
        }
        network
    }

    /// [`Network::start_all`] with parameters of its own.
    pub fn start_with(validators: u16, full_nodes: u16, params: &[(&str, u64)]) -> Network {
        let mut network = Network::make_with(validators, full_nodes, params);
        for number in 0..network.members.len() {
            network.start(number);
        }
        for number in 0..network.members.len() {
            network.wait_height(number, 1);
        }
        network
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("testnet")
    }

    pub fn home(&self, number: usize) -> PathBuf {
        self.folder().join(&self.members[number].name)
    }

    /// `dadbs start` of a home with the CometBFT of the tests; its log is appended to `log` in the home.
    pub fn start_command(&self, home: &Path) -> Command {
        let log = home.join("log");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(log).unwrap();
        let mut start = command(self.dir.path());
        start.arg("start").arg("--home").arg(home).arg("--cometbft").arg(&self.cometbft);
        start.stdout(log.try_clone().unwrap()).stderr(log);
        start
    }

    pub fn start(&mut self, number: usize) {
        let child = self.start_command(&self.home(number)).spawn().unwrap();
        self.nodes[number] = Some(Killed(child));
    }

    pub fn cometbft(&self) -> &Path {
        &self.cometbft
    }

    pub fn pid(&self, number: usize) -> u32 {
        self.nodes[number].as_ref().unwrap().0.id()
    }

    /// The process of the node's CometBFT.
    pub fn engine_pid(&self, number: usize) -> Option<u32> {
        children(self.pid(number)).first().copied()
    }

    /// SIGKILL of the node; its CometBFT ends by itself.
    pub fn kill(&mut self, number: usize) {
        drop(self.nodes[number].take().unwrap());
    }

    pub fn is_up(&self, number: usize) -> bool {
        self.nodes[number].is_some()
    }

    /// Waits until the node ended by itself.
    pub fn wait_exit(&mut self, number: usize) -> ExitStatus {
        wait_exit(&mut self.nodes[number].take().unwrap())
    }

    /// Changes `node.json` of a node.
    pub fn edit_settings(&self, number: usize, edit: impl FnOnce(&mut Json)) {
        let path = self.home(number).join("node.json");
        let mut settings = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        edit(&mut settings);
        std::fs::write(&path, settings.to_string()).unwrap();
    }

    /// SIGTERM; the node must end well.
    pub fn stop(&mut self, number: usize) {
        signal(self.pid(number), Signal::SIGTERM);
        let mut node = self.nodes[number].take().unwrap();
        let status = wait_exit(&mut node);
        assert!(status.success(), "{status}: {}", self.log(number));
    }

    pub fn log(&self, number: usize) -> String {
        std::fs::read_to_string(self.home(number).join("log")).unwrap_or_default()
    }

    /// How peers dial a node that runs.
    pub fn peer(&self, number: usize) -> String {
        let status = wait_for("a status", || self.rpc(number, "status"));
        format!("{}@{}", status["node_info"]["id"].as_str().unwrap(), self.members[number].dial)
    }

    pub fn rpc(&self, number: usize, target: &str) -> Option<Json> {
        get(self.members[number].listen.rpc, target)
    }

    /// The core's height and app hash.
    pub fn state(&self, number: usize) -> Option<(u64, String)> {
        let info = self.rpc(number, "abci_info")?;
        let info = &info["response"];
        let height = info["last_block_height"].as_str()?.parse().ok()?;
        Some((height, info["last_block_app_hash"].as_str()?.to_owned()))
    }

    pub fn height(&self, number: usize) -> u64 {
        self.state(number).map_or(0, |state| state.0)
    }

    pub fn wait_height(&self, number: usize, height: u64) {
        let what = || format!("node{number} at {height}:\n{}", self.log(number));
        let started = Instant::now();
        while self.height(number) < height {
            assert!(started.elapsed() < PATIENCE, "never: {}", what());
            std::thread::sleep(POLL);
        }
    }

    /// Waits until every node has the newest block of any.
    pub fn wait_for_all(&self) {
        let height = |number| wait_for("an answer", || self.state(number)).0;
        let newest = (0..self.members.len()).map(height).max().unwrap();
        for number in 0..self.members.len() {
            self.wait_height(number, newest);
        }
    }

    /// The hashes of a header: of the block, and of the state before it.
    pub fn header(&self, number: usize, height: u64) -> Option<(String, String)> {
        let answer = self.rpc(number, &format!("commit?height={height}"))?;
        let signed = &answer["signed_header"];
        let hash = signed["commit"]["block_id"]["hash"].as_str()?.to_owned();
        Some((hash, signed["header"]["app_hash"].as_str()?.to_owned()))
    }

    /// Compares the blocks of all heights, and the state at the newest one, between these nodes;
    /// returns the height.
    pub fn assert_equal(&self, numbers: &[usize]) -> u64 {
        let height = wait_for("the nodes rest at one height in one state", || {
            let states: Option<Vec<_>> = numbers.iter().map(|number| self.state(*number)).collect();
            let states = states?;
            let height = states[0].0;
            if states.iter().any(|state| state.0 != height) {
                return None;
            }
            assert!(
                states.iter().all(|state| *state == states[0]),
                "the states differ: {states:?}"
            );
            Some(height)
        });
        for at in 1..=height {
            let first = wait_for("a header", || self.header(numbers[0], at));
            for number in &numbers[1..] {
                let other = wait_for("a header", || self.header(*number, at));
                assert_eq!(other, first, "node{number} at {at}");
            }
        }
        height
    }

    /// Compares what the node says of changes by all blocks with what its CometBFT says; how many there are.
    pub fn assert_block_updates(&self, number: usize) -> usize {
        let listen = self.members[number].listen;
        let updates = |addr, height: u64| {
            let results =
                wait_for("results", || get(addr, &format!("block_results?height={height}")));
            ["validator_updates", "consensus_param_updates"].map(|field| results[field].clone())
        };
        let mut found = 0;
        for height in 1..=self.height(number) {
            let own = updates(listen.rpc, height);
            assert_eq!(own, updates(listen.cometbft_rpc, height), "at {height}");
            found += own.iter().filter(|update| !update.is_null()).count();
        }
        found
    }

    /// Who signed the block before this height, as CometBFT tells the application.
    pub fn votes(&self, number: usize, height: u64) -> Vec<Vote> {
        let block = wait_for("a block", || self.rpc(number, &format!("block?height={height}")));
        let signatures = block["block"]["last_commit"]["signatures"].as_array().cloned();
        let signatures = signatures.unwrap_or_default();
        if signatures.is_empty() {
            return Vec::new();
        }
        let before = height - 1;
        let set = wait_for("validators", || {
            self.rpc(number, &format!("validators?height={before}&per_page=100"))
        });
        let validators = set["validators"].as_array().unwrap();
        assert_eq!(validators.len(), signatures.len());
        let vote = |(validator, signature): (&Json, &Json)| Vote {
            address: hex::decode(validator["address"].as_str().unwrap())
                .unwrap()
                .try_into()
                .unwrap(),
            power: validator["voting_power"].as_str().unwrap().parse().unwrap(),
            signed: signature["block_id_flag"] != 1,
        };
        validators.iter().zip(&signatures).map(vote).collect()
    }

    /// A command that asks this node.
    pub fn run(&self, number: usize, args: &[&str]) -> Output {
        let node = format!("http://{}", self.members[number].listen.grpc);
        command(self.dir.path()).args(["--node", &node]).args(args).output().unwrap()
    }

    /// A transaction by a node, which makes a block whatever the network does about empty ones.
    pub fn tick(&self) {
        assert!(self.try_tick(0), "no block takes a transaction");
    }

    /// [`Network::tick`] by any node; whether there was a block.
    pub fn try_tick(&self, number: usize) -> bool {
        let to = "dadbs15yk64u7zc9g9k2yr2wmzeva5qgwxps6y5g5299";
        self.run(number, &["tx", "send", to, "1", "--from", "dev4"]).status.success()
    }

    /// A command that must succeed; its JSON.
    pub fn json(&self, number: usize, args: &[&str]) -> Json {
        let output = self.run(number, &[args, &["-o", "json"]].concat());
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}
