//! A load of counted transactions on a network of processes.

use super::cli::command;
use super::network::Network;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// Accounts that send, `dev0` and on, each on a thread of its own.
const SENDERS: usize = 4;

/// Inserts numbers, each once, through any node; remembers what was acknowledged.
pub struct Load {
    stop: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    acknowledged: Arc<Mutex<Vec<u64>>>,
    senders: Vec<JoinHandle<()>>,
}

impl Load {
    pub fn start(network: &Network) -> Load {
        network.json(0, &["sql", "create", "load"]);
        // Not a key: a number that came twice would show.
        network.json(0, &["sql", "exec", "load", "CREATE TABLE counted (n INTEGER NOT NULL)"]);
        network.json(0, &["contract", "call", "load", "grant", "public", "insert", "counted"]);
        network.wait_for_all();
        let (stop, sent) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let acknowledged = Arc::new(Mutex::new(Vec::new()));
        let nodes: Vec<String> =
            network.members.iter().map(|node| format!("http://{}", node.listen.grpc)).collect();
        let senders = (0..SENDERS)
            .map(|sender| {
                let (stop, sent, acknowledged) = (stop.clone(), sent.clone(), acknowledged.clone());
                let (nodes, home) = (nodes.clone(), network.dir.path().to_owned());
                std::thread::spawn(move || {
                    while !stop.load(Ordering::Relaxed) {
                        let number = sent.fetch_add(1, Ordering::Relaxed);
                        let node = &nodes[usize::try_from(number).unwrap() % nodes.len()];
                        let output = command(&home)
                            .args(["--node", node, "--from", &format!("dev{sender}")])
                            .args(["--timeout", "15", "sql", "exec", "load"])
                            .arg(format!("INSERT INTO counted VALUES ({number})"))
                            .output()
                            .unwrap();
                        if output.status.success() {
                            acknowledged.lock().unwrap().push(number);
                        }
                    }
                })
            })
            .collect();
        Load { stop, sent, acknowledged, senders }
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.lock().unwrap().len() as u64
    }

    /// Every number that was acknowledged is there, on every node, and none is there twice; returns (sent,
    /// acknowledged, committed).
    pub fn check(self, network: &Network) -> (u64, u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        for sender in self.senders {
            sender.join().unwrap();
        }
        network.wait_for_all();
        let mut committed = 0;
        for node in 0..network.members.len() {
            let counts = network.json(
                node,
                &["sql", "query", "load", "SELECT n, count(*) FROM counted GROUP BY n"],
            );
            let counts: BTreeMap<u64, u64> = counts["rows"]
                .as_array()
                .unwrap()
                .iter()
                .map(|row| (row[0].as_u64().unwrap(), row[1].as_u64().unwrap()))
                .collect();
            let twice: Vec<_> = counts.iter().filter(|(_, count)| **count != 1).collect();
            assert!(twice.is_empty(), "node{node} has these twice: {twice:?}");
            let acknowledged = self.acknowledged.lock().unwrap();
            let lost: Vec<_> = acknowledged.iter().filter(|n| !counts.contains_key(n)).collect();
            assert!(lost.is_empty(), "node{node} lost these: {lost:?}");
            committed = counts.len() as u64;
        }
        let acknowledged = self.acknowledged.lock().unwrap().len() as u64;
        (self.sent.load(Ordering::Relaxed), acknowledged, committed)
    }
}
