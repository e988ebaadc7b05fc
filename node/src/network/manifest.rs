//! `testnet.json`: a whole network in one small file. Processes and containers are made from it alike.
//!
//! 1. Nodes are `node0`, `node1`, ...: the validators first, then the full nodes.
//! 2. `processes`: all nodes on loopback of one machine, each with ports of its own; `base_port` moves them.
//! 3. `containers`: every node has the standard ports on all addresses, and its name is its host.
//! 4. Every node dials every validator.
//! 5. Unknown fields are refused.

use crate::error::NodeError;
use crate::network::cometbft_config;
use crate::network::settings::Listen;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// The file in a network's folder.
pub const FILE: &str = "testnet.json";
/// Nodes of one network.
pub const NODES_MAX: u16 = 100;

/// Where the nodes run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Placement {
    /// On this machine (rule 2).
    Processes,
    /// Each in a container (rule 3).
    Containers,
}

/// The content of `testnet.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The chain.
    pub chain_id: String,
    /// Validators, of equal power.
    pub validators: u16,
    /// Nodes that follow.
    pub full_nodes: u16,
    /// Where they run.
    pub placement: Placement,
    /// The first of all ports of `processes`; without it the standard ports, ten up for each node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_port: Option<u16>,
    /// Funded accounts with keys that everyone knows; at least one is made for each validator.
    pub accounts: u32,
    /// What each account holds, in udadb.
    pub balance: u64,
    /// Settings of CometBFT for every node, as in `node.json`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cometbft: BTreeMap<String, Value>,
}

/// A node of the network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Its name, and that of its home.
    pub name: String,
    /// True if it is a validator.
    pub is_validator: bool,
    /// Where it listens.
    pub listen: Listen,
    /// Where peers dial it: `HOST:PORT`.
    pub dial: String,
}

impl Manifest {
    /// Reads and checks a manifest.
    pub fn read(path: &Path) -> Result<Manifest, NodeError> {
        let text = std::fs::read(path).map_err(|error| NodeError::home(path, error))?;
        let invalid = |why: String| NodeError::Config(format!("{}: {why}", path.display()));
        let manifest: Manifest =
            serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
        manifest.check().map_err(invalid)?;
        Ok(manifest)
    }

    /// Checks the numbers; the genesis checks the chain id and the accounts.
    pub fn check(&self) -> Result<(), String> {
        let nodes = self.validators.saturating_add(self.full_nodes);
        if self.validators == 0 || nodes > NODES_MAX {
            return Err(format!(
                "a network has at least one validator and at most {NODES_MAX} nodes"
            ));
        }
        if self.accounts == 0 || self.accounts > 100 {
            return Err("a network has 1 to 100 funded accounts".into());
        }
        let base = self.base_port.unwrap_or(26650);
        if base < 1024 || base.checked_add(nodes.saturating_mul(10)).is_none() {
            return Err(format!("there are no {nodes} times 6 ports from {base} up"));
        }
        cometbft_config::check(&self.cometbft)
    }

    /// The nodes (rules 1 to 3).
    pub fn members(&self) -> Vec<Member> {
        let loopback = IpAddr::from(Ipv4Addr::LOCALHOST);
        let everywhere = IpAddr::from(Ipv4Addr::UNSPECIFIED);
        (0..self.validators.saturating_add(self.full_nodes))
            .map(|number| {
                let name = format!("node{number}");
                let listen = match (self.placement, self.base_port) {
                    (Placement::Containers, _) => Listen::numbered(everywhere, everywhere, 0),
                    (Placement::Processes, None) => Listen::numbered(loopback, loopback, number),
                    (Placement::Processes, Some(base)) => Listen::from_base(base, number),
                };
                let dial = match self.placement {
                    Placement::Containers => format!("{name}:{}", listen.p2p.port()),
                    Placement::Processes => listen.p2p.to_string(),
                };
                Member { name, is_validator: number < self.validators, listen, dial }
            })
            .collect()
    }

    /// The file's text.
    pub fn to_json(&self) -> Result<String, NodeError> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| NodeError::Config(format!("{FILE}: {error}")))
    }
}

#[cfg(test)]
pub(crate) fn sample() -> Manifest {
    Manifest {
        chain_id: "dadbs-testnet-1".into(),
        validators: 4,
        full_nodes: 1,
        placement: Placement::Processes,
        base_port: None,
        accounts: 2,
        balance: 1_000,
        cometbft: BTreeMap::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_2_the_first_process_has_the_ports_that_commands_expect() {
        let members = sample().members();
        let validators: Vec<bool> = members.iter().map(|member| member.is_validator).collect();
        assert_eq!(validators, [true, true, true, true, false]);
        assert_eq!(members[0].listen.grpc.to_string(), "127.0.0.1:9090");
        assert_eq!(members[0].listen.rpc.to_string(), "127.0.0.1:26657");
        assert_eq!(members[4].dial, "127.0.0.1:26696");
        let moved = Manifest { base_port: Some(40_000), ..sample() }.members();
        assert_eq!(moved[4].listen.metrics.to_string(), "127.0.0.1:40028");
    }

    #[test]
    fn rule_3_a_container_is_dialled_by_its_name() {
        let members = Manifest { placement: Placement::Containers, ..sample() }.members();
        assert_eq!(members[4].dial, "node4:26656");
        assert_eq!(members[4].listen.grpc.to_string(), "0.0.0.0:9090");
        // Only the node itself speaks to its CometBFT.
        assert!(members[4].listen.cometbft_rpc.ip().is_loopback());
    }

    #[test]
    fn the_compose_file_runs_the_nodes_of_its_manifest() {
        let devnet = Path::new(env!("CARGO_MANIFEST_DIR")).join("../devnet");
        let manifest = Manifest::read(&devnet.join(FILE)).unwrap();
        assert_eq!(manifest.placement, Placement::Containers);
        let compose = std::fs::read_to_string(devnet.join("docker-compose.yml")).unwrap();
        let prometheus = std::fs::read_to_string(devnet.join("prometheus.yml")).unwrap();
        assert_eq!(compose.matches("command: start").count(), manifest.members().len());
        for Member { name, listen, .. } in manifest.members() {
            let service = format!(
                "  {name}:\n    <<: *node\n    command: start --home /home/dadbs/.dadbs/testnet/{name}\n"
            );
            assert!(compose.contains(&service), "{name}");
            assert!(
                prometheus.contains(&format!("\"{name}:{}\"", listen.metrics.port())),
                "{name}"
            );
        }
    }

    #[test]
    fn rule_5_what_cannot_be_is_refused() {
        for wrong in [
            Manifest { validators: 0, ..sample() },
            Manifest { full_nodes: 100, ..sample() },
            Manifest { accounts: 0, ..sample() },
            Manifest { base_port: Some(65_530), ..sample() },
            Manifest { cometbft: BTreeMap::from([("p2p.laddr".into(), "x".into())]), ..sample() },
        ] {
            assert!(wrong.check().is_err(), "{wrong:?}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, sample().to_json().unwrap()).unwrap();
        assert_eq!(Manifest::read(&path).unwrap(), sample());
        let text = sample().to_json().unwrap().replace("full_nodes", "followers");
        std::fs::write(&path, text).unwrap();
        assert!(Manifest::read(&path).unwrap_err().to_string().contains("followers"));
    }
}
