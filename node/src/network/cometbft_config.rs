//! CometBFT's `config.toml`, written at every start from `node.json`.
//!
//! 1. What is not named here keeps CometBFT's default.
//! 2. The settings are tuned for blocks within a fraction of a second: [`TUNED`].
//! 3. `cometbft` in `node.json` overrides what is tuned, or adds to it; what follows from other fields
//!    cannot be overridden.

use crate::network::settings::Settings;
use dadbs_types::limits::TX_BYTES_MAX;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of the ABCI socket in a home; CometBFT runs in the home's folder `cometbft`.
pub const SOCKET: &str = "abci.sock";

/// Settings that `node.json` may override, as TOML writes them.
const TUNED: &[(&str, &str)] = &[
    // Errors only: the node logs the blocks itself.
    ("log_level", "\"error\""),
    // One transaction of the greatest size in base64, and its envelope.
    ("rpc.max_body_bytes", "2097152"),
    ("p2p.flush_throttle_timeout", "\"10ms\""),
    ("p2p.send_rate", "20480000"),
    ("p2p.recv_rate", "20480000"),
    ("p2p.persistent_peers_max_dial_period", "\"2s\""),
    ("mempool.size", "20000"),
    ("mempool.max_txs_bytes", "67108864"),
    ("mempool.cache_size", "40000"),
    ("consensus.timeout_propose", "\"1s\""),
    ("consensus.timeout_propose_delta", "\"200ms\""),
    ("consensus.timeout_prevote", "\"300ms\""),
    ("consensus.timeout_prevote_delta", "\"200ms\""),
    ("consensus.timeout_precommit", "\"300ms\""),
    ("consensus.timeout_precommit_delta", "\"200ms\""),
    ("consensus.timeout_commit", "\"50ms\""),
    ("consensus.peer_gossip_sleep_duration", "\"5ms\""),
    // The root rests while nothing happens; the interval lets time pass for schedules.
    ("consensus.create_empty_blocks", "false"),
    ("consensus.create_empty_blocks_interval", "\"5s\""),
    // Transactions and events are in the node's own index.
    ("tx_index.indexer", "\"null\""),
];

/// Settings that follow from other fields of `node.json` (rule 3).
fn derived(settings: &Settings) -> Vec<(&'static str, Value)> {
    let listen = &settings.listen;
    let peers: Vec<String> = settings.peers.iter().map(ToString::to_string).collect();
    vec![
        ("proxy_app", json!(format!("unix://../{SOCKET}"))),
        ("moniker", json!(settings.name)),
        ("log_format", json!("json")),
        ("rpc.laddr", json!(format!("tcp://{}", listen.cometbft_rpc))),
        ("p2p.laddr", json!(format!("tcp://{}", listen.p2p))),
        ("p2p.persistent_peers", json!(peers.join(","))),
        ("p2p.addr_book_strict", json!(!settings.private_network)),
        ("p2p.allow_duplicate_ip", json!(settings.private_network)),
        ("mempool.max_tx_bytes", json!(TX_BYTES_MAX)),
        // The node's index fetches from here what a killed node did not write.
        ("storage.discard_abci_responses", json!(false)),
        ("instrumentation.prometheus", json!(true)),
        ("instrumentation.prometheus_listen_addr", json!(listen.cometbft_metrics.to_string())),
    ]
}

/// The names that `node.json` may not set, for [`check`].
const DERIVED: &[&str] = &[
    "proxy_app",
    "moniker",
    "log_format",
    "rpc.laddr",
    "p2p.laddr",
    "p2p.persistent_peers",
    "p2p.addr_book_strict",
    "p2p.allow_duplicate_ip",
    "mempool.max_tx_bytes",
    "storage.discard_abci_responses",
    "instrumentation.prometheus",
    "instrumentation.prometheus_listen_addr",
];

/// Checks the overrides of `node.json` (rule 3).
pub fn check(overrides: &BTreeMap<String, Value>) -> Result<(), String> {
    for (name, value) in overrides {
        if DERIVED.contains(&name.as_str()) {
            return Err(format!("cometbft.\"{name}\" follows from the other fields: leave it out"));
        }
        let is_word = |part: &str| {
            !part.is_empty()
                && part
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
        };
        if name.split('.').count() > 2 || !name.split('.').all(is_word) {
            return Err(format!("cometbft.\"{name}\" is no setting; write section.key"));
        }
        if !(value.is_string() || value.is_number() || value.is_boolean()) {
            return Err(format!("cometbft.\"{name}\" must be a text, a number, true or false"));
        }
    }
    Ok(())
}

/// The file's text. JSON's texts, numbers and booleans are TOML's as well.
pub fn render(settings: &Settings) -> String {
    let mut values: BTreeMap<(&str, &str), String> = BTreeMap::new();
    // The top of the file is the section without a name, which sorts first.
    let split = |name: &'static str| name.split_once('.').unwrap_or(("", name));
    for (name, value) in TUNED {
        values.insert(split(name), (*value).into());
    }
    for (name, value) in &settings.cometbft {
        values.insert(name.split_once('.').unwrap_or(("", name)), value.to_string());
    }
    for (name, value) in derived(settings) {
        values.insert(split(name), value.to_string());
    }
    let mut text = String::from(
        "# Written by dadbs at every start: change node.json, which has \"cometbft\" for these settings.\n",
    );
    let mut current = "";
    for ((section, key), value) in values {
        // Writing to a String cannot fail.
        if section != current {
            let _ = write!(text, "\n[{section}]\n");
            current = section;
        }
        let _ = writeln!(text, "{key} = {value}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::settings::sample;

    #[test]
    fn rule_3_overrides_win_over_what_is_tuned() {
        let mut settings = sample();
        settings.cometbft.insert("consensus.timeout_commit".into(), "1s".into());
        settings.cometbft.insert("log_level".into(), "info".into());
        settings.cometbft.insert("mempool.recheck".into(), false.into());
        let text = render(&settings);
        for line in ["timeout_commit = \"1s\"", "log_level = \"info\"", "recheck = false"] {
            assert_eq!(text.matches(line).count(), 1, "{text}");
        }
        assert!(!text.contains("\"50ms\""), "{text}");
        // Keys before the first section are those of the top.
        assert!(text.find("log_level").unwrap() < text.find('[').unwrap(), "{text}");
    }

    #[test]
    fn rule_3_names_and_values_are_checked() {
        let one = |name: &str, value: Value| BTreeMap::from([(name.to_string(), value)]);
        for (name, _) in derived(&sample()) {
            assert!(DERIVED.contains(&name), "{name}");
            assert!(check(&one(name, json!("x"))).is_err(), "{name}");
        }
        assert_eq!(derived(&sample()).len(), DERIVED.len());
        for name in ["", "a.b.c", "a.", "A.b", "a]\n"] {
            assert!(check(&one(name, json!(1))).is_err(), "{name:?}");
        }
        assert!(check(&one("rpc.cors_allowed_origins", json!(["*"]))).is_err());
        assert!(check(&one("rpc.unsafe", json!(true))).is_ok());
    }
}
