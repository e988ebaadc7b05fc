//! A real CometBFT with one validator in front of a node of its own process.
//!
//! The node runs in a child of the test's own binary (`child` below), so that it can be killed. A test
//! file that uses this has a test `child_node` that calls [`child`].

use super::{config, http};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dadbs::{AbciAddr, AbciConfig, run_abci};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Ends a process with the test.
pub struct Killed(pub Child);

impl Drop for Killed {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn set(text: &str, key: &str, value: &str) -> String {
    let prefix = format!("{key} = ");
    let lines = text.lines().map(|line| {
        if line.starts_with(&prefix) { format!("{prefix}{value}") } else { line.to_string() }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn run(binary: &Path, arguments: &[&str]) {
    assert!(Command::new(binary).args(arguments).stdout(Stdio::null()).status().unwrap().success());
}

/// CometBFT's binary, built if it is not there yet.
pub fn binary() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = std::env::var_os("DADBS_COMETBFT_DIR")
        .map_or_else(|| root.join("target/cometbft"), PathBuf::from);
    run(&root.join("devnet/install-cometbft.sh"), &[folder.to_str().unwrap()]);
    folder.join("cometbft")
}

pub async fn rpc(addr: SocketAddr, method: &str, params: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    let request = format!(
        // Of HTTP/1.0, so that a long answer does not come in chunks.
        "POST / HTTP/1.0\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    let answer = http(addr, request.as_bytes()).await;
    serde_json::from_str(&answer).unwrap_or(Value::Null)
}

/// Ports and folders of one node and its CometBFT.
pub struct Comet {
    pub dir: tempfile::TempDir,
    /// CometBFT's own RPC.
    pub rpc_addr: SocketAddr,
    pub facade: SocketAddr,
    pub grpc: SocketAddr,
    pub abci: AbciAddr,
    binary: PathBuf,
    node: Option<Killed>,
    engine: Option<Killed>,
}

impl Comet {
    /// Makes the homes; nothing runs yet. `funded` accounts join those of [`config`].
    pub fn new(funded: &[dadbs_types::AccountAddress]) -> Comet {
        let dir = tempfile::tempdir().unwrap();
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let comet = Comet {
            rpc_addr: local(free_port()),
            facade: local(free_port()),
            grpc: local(free_port()),
            abci: AbciAddr::Unix(dir.path().join("abci.sock")),
            binary: binary(),
            node: None,
            engine: None,
            dir,
        };
        comet.make_home(funded);
        comet
    }

    fn make_home(&self, funded: &[dadbs_types::AccountAddress]) {
        let home = self.dir.path().join("comet");
        run(&self.binary, &["init", "--home", home.to_str().unwrap()]);
        let path = home.join("config/genesis.json");
        let made: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let mut genesis = config(&home).genesis;
        for address in funded {
            genesis.accounts.push((*address, dadbs_types::Amount(1_000_000_000)));
        }
        let key = made["validators"][0]["pub_key"]["value"].as_str().unwrap();
        let key = STANDARD.decode(key).unwrap().try_into().unwrap();
        let operator = genesis.accounts[0].0;
        genesis.validators = vec![dadbs_genesis::validator("dev", operator, key)];
        let document = dadbs::genesis_doc::document(&genesis).unwrap();
        std::fs::write(&path, document.to_string()).unwrap();
        let path = home.join("config/config.toml");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text = set(&text, "proxy_app", &format!("\"{}\"", self.abci));
        text = set(&text, "laddr", &format!("\"tcp://{}\"", self.rpc_addr));
        // The first `laddr` is that of RPC; p2p takes any port.
        let p2p = text.find("[p2p]").unwrap();
        let (head, tail) = text.split_at(p2p);
        text = format!("{head}{}", set(tail, "laddr", "\"tcp://127.0.0.1:0\""));
        text = set(&text, "timeout_commit", "\"50ms\"");
        text = set(&text, "create_empty_blocks", "false");
        text = set(&text, "indexer", "\"null\"");
        text = set(&text, "pprof_laddr", "\"\"");
        std::fs::write(&path, text).unwrap();
    }

    /// The genesis of the chain.
    pub fn genesis(&self) -> dadbs_app::Genesis {
        let path = self.dir.path().join("comet/config/genesis.json");
        let document = std::fs::read(path).unwrap();
        dadbs::genesis_doc::Document::from_json(&document).unwrap().genesis
    }

    /// The seed of the validator's key, in hexadecimal digits.
    pub fn validator_seed(&self) -> String {
        let path = self.dir.path().join("comet/config/priv_validator_key.json");
        let key: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let pair = STANDARD.decode(key["priv_key"]["value"].as_str().unwrap()).unwrap();
        hex::encode(&pair[..32])
    }

    pub fn home(&self) -> PathBuf {
        self.dir.path().join("node")
    }

    pub fn start_node(&mut self) {
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child_node", "--ignored", "--nocapture"])
            .env("DADBS_TEST_CHILD", self.home())
            .env("DADBS_TEST_ABCI", self.abci.to_string())
            .env("DADBS_TEST_GRPC", self.grpc.to_string())
            .env("DADBS_TEST_FACADE", self.facade.to_string())
            .env("DADBS_TEST_COMET", self.rpc_addr.to_string())
            .stdout(self.log("node.log"))
            .stderr(self.log("node.log"))
            .spawn()
            .unwrap();
        self.node = Some(Killed(child));
    }

    pub fn start_engine(&mut self) {
        let home = self.dir.path().join("comet");
        let mut command = Command::new(&self.binary);
        command.args(["start", "--home", home.to_str().unwrap()]).stdout(self.log("comet.log"));
        self.engine = Some(Killed(command.spawn().unwrap()));
    }

    /// Starts both and waits for the facade and CometBFT to answer.
    pub async fn start(&mut self) {
        self.start_node();
        self.start_engine();
        self.wait_ready().await;
    }

    pub async fn wait_ready(&self) {
        let started = Instant::now();
        loop {
            if std::net::TcpStream::connect(self.facade).is_ok()
                && rpc(self.facade, "status", json!({})).await.get("result").is_some()
            {
                return;
            }
            assert!(started.elapsed() < Duration::from_mins(1), "{}", self.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn log(&self, name: &str) -> std::fs::File {
        let path = self.dir.path().join(name);
        std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap()
    }

    /// The ends of the logs, for a failure.
    pub fn logs(&self) -> String {
        let tail = |name: &str| {
            let text = std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default();
            let lines: Vec<&str> = text.lines().collect();
            lines[lines.len().saturating_sub(15)..].join("\n")
        };
        format!("node:\n{}\ncometbft:\n{}", tail("node.log"), tail("comet.log"))
    }

    /// SIGKILL.
    pub fn kill_node(&mut self) {
        self.node = None;
    }

    /// SIGKILL.
    pub fn kill_engine(&mut self) {
        self.engine = None;
    }

    pub async fn result(&self, method: &str, params: Value) -> Value {
        let mut answer = rpc(self.facade, method, params).await;
        assert!(answer.get("result").is_some(), "{method}: {answer}\n{}", self.logs());
        answer["result"].take()
    }

    /// The same method at CometBFT itself.
    pub async fn direct(&self, method: &str, params: Value) -> Value {
        let mut answer = rpc(self.rpc_addr, method, params).await;
        assert!(answer.get("result").is_some(), "{method}: {answer}\n{}", self.logs());
        answer["result"].take()
    }
}

/// The node of a [`Comet`], if this process is its child.
pub async fn child() {
    let Some(home) = std::env::var_os("DADBS_TEST_CHILD") else { return };
    let addr = |name| std::env::var(name).unwrap();
    dadbs::telemetry::init(dadbs::telemetry::Format::Plain, "info").unwrap();
    let config = AbciConfig {
        metrics_addr: None,
        cometbft_metrics: None,
        home: home.into(),
        abci_addr: addr("DADBS_TEST_ABCI").parse().unwrap(),
        grpc_addr: Some(addr("DADBS_TEST_GRPC").parse().unwrap()),
        rpc_addr: Some(addr("DADBS_TEST_FACADE").parse().unwrap()),
        cometbft_rpc: Some(addr("DADBS_TEST_COMET")),
        checkpoint_interval: 1_000,
        verify_rows: true,
        software: dadbs_app::Software::THIS,
        prover: None,
    };
    run_abci(config, |_| {}, dadbs::shutdown_signal()).await.unwrap();
}
