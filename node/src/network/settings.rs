//! `node.json`: what one node of a network runs with. It is the only file of a home that is meant to be edited.
//!
//! 1. Unknown fields are refused, and the message names the field.
//! 2. The addresses that a node listens on are distinct.
//! 3. A peer is `ID@HOST:PORT`, the id in 40 lower-case hexadecimal digits.
//! 4. `cometbft` holds more settings of CometBFT, by the names of its `config.toml` such as
//!    `consensus.timeout_commit`; those that follow from this file are refused.

use crate::error::NodeError;
use crate::network::cometbft_config;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;

/// The file in a node's home.
pub const FILE: &str = "node.json";

/// Where a node listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// Other nodes.
    pub p2p: SocketAddr,
    /// The RPC facade, for cosmjs.
    pub rpc: SocketAddr,
    /// gRPC, for everything else.
    pub grpc: SocketAddr,
    /// CometBFT's own RPC, without TLS and limits per client: loopback.
    pub cometbft_rpc: SocketAddr,
    /// Prometheus: the node's metrics, and with them CometBFT's.
    pub metrics: SocketAddr,
    /// CometBFT's own metrics: loopback.
    pub cometbft_metrics: SocketAddr,
}

impl Listen {
    /// The ports of Cosmos chains: P2P and gRPC as asked, the rest on loopback.
    pub fn standard() -> Listen {
        Listen::numbered(Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::LOCALHOST.into(), 0)
    }

    /// Node `number` of several on one machine: ten ports up for each, gRPC one up.
    pub fn numbered(peers: IpAddr, clients: IpAddr, number: u16) -> Listen {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let up = number.saturating_mul(10);
        let port = |port: u16| port.saturating_add(up);
        Listen {
            p2p: (peers, port(26656)).into(),
            rpc: (clients, port(26657)).into(),
            grpc: (clients, 9090u16.saturating_add(number)).into(),
            cometbft_rpc: (loopback, port(26658)).into(),
            metrics: (clients, port(26660)).into(),
            cometbft_metrics: (loopback, port(26661)).into(),
        }
    }

    /// Node `number` of several on one machine, all ports from `base` up.
    pub fn from_base(base: u16, number: u16) -> Listen {
        let first = base.saturating_add(number.saturating_mul(6));
        let at = |offset: u16| (Ipv4Addr::LOCALHOST, first.saturating_add(offset)).into();
        Listen {
            p2p: at(0),
            rpc: at(1),
            grpc: at(2),
            cometbft_rpc: at(3),
            metrics: at(4),
            cometbft_metrics: at(5),
        }
    }

    /// Each address with the name of its field.
    pub fn named(&self) -> [(&'static str, SocketAddr); 6] {
        [
            ("listen.p2p in node.json", self.p2p),
            ("listen.rpc in node.json", self.rpc),
            ("listen.grpc in node.json", self.grpc),
            ("listen.cometbft_rpc in node.json", self.cometbft_rpc),
            ("listen.metrics in node.json", self.metrics),
            ("listen.cometbft_metrics in node.json", self.cometbft_metrics),
        ]
    }
}

/// Another node, as peers dial it (rule 3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Peer {
    /// 40 lower-case hexadecimal digits.
    pub id: String,
    /// `HOST:PORT`.
    pub address: String,
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}@{}", self.id, self.address)
    }
}

impl From<Peer> for String {
    fn from(peer: Peer) -> String {
        peer.to_string()
    }
}

impl TryFrom<String> for Peer {
    type Error = String;

    fn try_from(text: String) -> Result<Peer, String> {
        text.parse()
    }
}

impl FromStr for Peer {
    type Err = String;

    fn from_str(text: &str) -> Result<Peer, String> {
        let malformed = || format!("\"{text}\" is no peer; write ID@HOST:PORT");
        let (id, address) = text.split_once('@').ok_or_else(malformed)?;
        let is_id = id.len() == 40 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        let (host, port) = address.rsplit_once(':').ok_or_else(malformed)?;
        let is_host = !host.is_empty() && !host.contains([',', '"', '@', ' ']);
        if !is_id || !is_host || port.parse::<u16>().is_err() {
            return Err(malformed());
        }
        Ok(Peer { id: id.into(), address: address.into() })
    }
}

/// The content of `node.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The chain that the home belongs to.
    pub chain_id: String,
    /// The genesis hash, hex: a genesis file that differs is refused.
    pub genesis_hash: String,
    /// The node's name in logs and for peers.
    pub name: String,
    /// Where it listens.
    pub listen: Listen,
    /// Whom it dials.
    pub peers: Vec<Peer>,
    /// True where nodes share addresses, or have private ones: one machine, containers, a laboratory.
    pub private_network: bool,
    /// Heights between two checkpoints of the state tree: a start replays the journal since the last.
    #[serde(default = "checkpoint_interval")]
    pub checkpoint_interval: u64,
    /// More settings of CometBFT (rule 4).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cometbft: BTreeMap<String, Value>,
}

fn checkpoint_interval() -> u64 {
    dadbs_app::CHECKPOINT_INTERVAL
}

impl Settings {
    /// Reads the file of a home, or says how to make one.
    pub fn read(home: &Path) -> Result<Settings, NodeError> {
        let path = home.join(FILE);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(NodeError::Config(format!(
                    "{} holds no node: `dadbs init` makes a chain, `dadbs join` follows one, \
                     `dadbs testnet init` makes a network on this machine",
                    home.display()
                )));
            }
            Err(error) => return Err(NodeError::home(&path, error)),
        };
        let settings: Settings =
            serde_json::from_slice(&text).map_err(|error| NodeError::home(&path, error))?;
        settings.check().map_err(|why| NodeError::Config(format!("{}: {why}", path.display())))?;
        Ok(settings)
    }

    /// Rules 2 and 4.
    pub fn check(&self) -> Result<(), String> {
        let mut seen = BTreeSet::new();
        for (name, address) in self.listen.named() {
            if address.port() != 0 && !seen.insert(address.port()) {
                return Err(format!("{name} takes port {} a second time", address.port()));
            }
        }
        cometbft_config::check(&self.cometbft)
    }

    /// The file's text.
    pub fn to_json(&self) -> Result<String, NodeError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| NodeError::Config(format!("node.json: {error}")))
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Settings {
    Settings {
        chain_id: "dadbs-test".into(),
        genesis_hash: "00".repeat(32),
        name: "node0".into(),
        listen: Listen::standard(),
        peers: vec![format!("{}@10.0.0.1:26656", "ab".repeat(20)).parse().unwrap()],
        private_network: false,
        checkpoint_interval: dadbs_app::CHECKPOINT_INTERVAL,
        cometbft: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_unknown_fields_are_named() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join(FILE);
        std::fs::write(&path, sample().to_json().unwrap()).unwrap();
        assert_eq!(Settings::read(home.path()).unwrap(), sample());
        let text = sample().to_json().unwrap().replace("\"peers\"", "\"friends\"");
        std::fs::write(&path, text).unwrap();
        let refused = Settings::read(home.path()).unwrap_err().to_string();
        assert!(refused.contains("friends"), "{refused}");
        let nothing = Settings::read(&home.path().join("absent")).unwrap_err().to_string();
        assert!(nothing.contains("dadbs init"), "{nothing}");
    }

    #[test]
    fn rule_2_addresses_are_distinct() {
        let mut settings = sample();
        settings.listen.metrics = settings.listen.p2p;
        assert!(settings.check().unwrap_err().contains("26656"));
        let mut seen = BTreeSet::new();
        for number in 0..20 {
            for listen in [
                Listen::numbered(Ipv4Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into(), number),
                Listen::from_base(30_000, number),
            ] {
                assert!(listen.named().iter().all(|(_, address)| seen.insert(*address)));
            }
        }
    }

    #[test]
    fn rule_3_peers_have_one_form() {
        let id = "0123456789abcdef0123456789abcdef01234567";
        for good in ["10.0.0.1:26656", "node1:1", "[::1]:5"] {
            assert!(format!("{id}@{good}").parse::<Peer>().is_ok(), "{good}");
        }
        for bad in [
            format!("{id}@h"),
            format!("{id}@:1"),
            "x@h:1".into(),
            format!("{id}@h:1,x"),
            id.into(),
        ] {
            assert!(bad.parse::<Peer>().is_err(), "{bad}");
        }
    }

    #[test]
    fn rule_4_what_this_file_decides_is_not_set_twice() {
        let mut settings = sample();
        settings.cometbft.insert("consensus.timeout_commit".into(), "1s".into());
        settings.check().unwrap();
        settings.cometbft.insert("p2p.laddr".into(), "tcp://0.0.0.0:1".into());
        assert!(settings.check().unwrap_err().contains("p2p.laddr"));
    }
}
