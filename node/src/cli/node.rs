//! `dadbs init`, `dadbs join`, `dadbs start`: one node of a network under CometBFT.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::funded;
use dadbs::engine::cometbft::CometBft;
use dadbs::genesis_doc::Document;
use dadbs::network::create::{self, Made, NewNode};
use dadbs::network::home::{NodeHome, read_genesis};
use dadbs::network::settings::{Listen, Peer, Settings};
use dadbs::network::testnet;
use dadbs::{NodeError, StartConfig, StartReady, run_node, shutdown_signal, telemetry};
use dadbs_app::Software;
use dadbs_types::{AccountAddress, Amount};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What `init` and `join` ask of the node itself.
#[derive(Debug, clap::Args)]
pub(crate) struct Identity {
    /// The node's name in logs and for peers
    #[arg(long, default_value = "node", value_name = "NAME")]
    name: String,
    /// Listen on six loopback ports from this one up, instead of 9090, 26656 to 26658, 26660 and 26661
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1024..65_530))]
    base_port: Option<u16>,
    /// Peers have private addresses, or share one
    #[arg(long)]
    private_network: bool,
}

impl Identity {
    fn node(&self, home: PathBuf, peers: Vec<Peer>) -> NewNode {
        NewNode {
            home,
            name: self.name.clone(),
            listen: self.base_port.map_or_else(Listen::standard, |base| Listen::from_base(base, 0)),
            peers,
            private_network: self.private_network,
            cometbft: BTreeMap::new(),
        }
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Give an account of the new chain coins; several times for several accounts. The first operates the validator
    #[arg(
        long,
        required_unless_present = "exported",
        value_name = "ADDRESS|KEY=UDADB",
        value_parser = parse_fund
    )]
    fund: Vec<(String, u128)>,
    /// Begin with the state of this folder, which `dadbs genesis export` made
    #[arg(long, value_name = "DIR", conflicts_with = "fund")]
    exported: Option<PathBuf>,
    /// Take the keys of this home, such as the one that was exported
    #[arg(long, value_name = "HOME", requires = "exported")]
    keys_of: Option<PathBuf>,
    /// A node to dial; several times for several nodes
    #[arg(long, value_name = "ID@HOST:PORT", requires = "exported")]
    peer: Vec<Peer>,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Join {
    /// RPC of a node of the chain, such as `http://host:26657`: the genesis comes from it
    #[arg(long, value_name = "URL", required_unless_present_any = ["genesis", "testnet"])]
    rpc: Option<String>,
    /// The genesis in a file
    #[arg(long, value_name = "FILE", conflicts_with = "rpc")]
    genesis: Option<PathBuf>,
    /// Follow the network of this folder, which `dadbs testnet init` made: genesis and peers come from it
    #[arg(long, value_name = "DIR", conflicts_with_all = ["rpc", "genesis"])]
    testnet: Option<PathBuf>,
    /// A node to dial; several times for several nodes
    #[arg(long, value_name = "ID@HOST:PORT", required_unless_present = "testnet")]
    peer: Vec<Peer>,
    /// Refuse a genesis with another hash
    #[arg(long, value_name = "HEX")]
    genesis_hash: Option<String>,
    #[command(flatten)]
    identity: Identity,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Start {
    /// CometBFT 0.38.x, a file or its folder [default: beside dadbs, else on PATH]
    #[arg(long, env = "DADBS_COMETBFT", value_name = "PATH")]
    cometbft: Option<PathBuf>,
    /// What is logged on stderr, such as info or info,dadbs=debug
    #[arg(long, env = "DADBS_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
    /// Log lines as JSON
    #[arg(long)]
    log_json: bool,
    /// The key that answers the validator's storage challenges and pays for it, 64 hexadecimal digits in a file of mode
    /// 600 [default: prover.key in the home, if it is there]
    #[arg(long, value_name = "FILE")]
    prover_key: Option<PathBuf>,
    /// Print nothing on stdout, stop when stdin ends: `dadbs testnet start` starts nodes so
    #[arg(long, hide = true)]
    supervised: bool,
}

fn parse_fund(text: &str) -> Result<(String, u128), String> {
    let (account, amount) = text.split_once('=').ok_or("write ADDRESS=UDADB")?;
    let amount = amount.parse().map_err(|_| format!("\"{amount}\" is no number of udadb"))?;
    Ok((account.into(), amount))
}

/// The chain of `dadbs init` unless `--chain-id` names another.
const CHAIN_ID: &str = "dadbs-1";

pub(crate) fn init(globals: &Globals, args: &Init) -> Outcome {
    if let Some(folder) = &args.exported {
        let home = globals.home()?;
        let node = args.identity.node(home.clone(), args.peer.clone());
        let expected = globals.chain_id.as_deref();
        let made = create::exported_chain(node, folder, args.keys_of.as_deref(), expected)?;
        return print_made(globals, &home, &made);
    }
    let balances: Vec<(AccountAddress, Amount)> = args
        .fund
        .iter()
        .map(|(account, amount)| Ok((globals.address(account)?, Amount(*amount))))
        .collect::<Outcome<_>>()?;
    let home = globals.home()?;
    let chain_id = globals.chain_id.as_deref().unwrap_or(CHAIN_ID);
    let genesis = dadbs_genesis::genesis(chain_id, funded::now_ns()?, balances);
    let made = create::new_chain(args.identity.node(home.clone(), Vec::new()), genesis)?;
    print_made(globals, &home, &made)
}

pub(crate) async fn join(globals: &Globals, args: &Join) -> Outcome {
    let home = globals.home()?;
    let mut node = args.identity.node(home.clone(), args.peer.clone());
    let document = if let Some(folder) = &args.testnet {
        let (document, peers) = of_testnet(folder)?;
        node.peers.extend(peers);
        node.private_network = true;
        document
    } else if let Some(path) = &args.genesis {
        let text =
            std::fs::read(path).map_err(|e| Failure::usage(format!("{}: {e}", path.display())))?;
        parse_genesis(&text, &path.display().to_string())?
    } else {
        let rpc: CometBft = args.rpc.as_deref().unwrap_or_default().parse()?;
        let document = rpc.genesis().await.map_err(|error| {
            Failure::new(
                super::exit::Exit::Unreachable,
                format!("{error}; ask another node with --rpc"),
            )
        })?;
        parse_genesis(document.to_string().as_bytes(), "the node's genesis")?
    };
    let expected = (globals.chain_id.as_deref(), args.genesis_hash.as_deref());
    let made = create::follow(node, &document, expected)?;
    if args.genesis_hash.is_none() {
        eprintln!(
            "warning: the genesis is what was handed over; compare its hash with what the chain publishes, or pin it with --genesis-hash"
        );
    }
    print_made(globals, &home, &made)
}

fn parse_genesis(text: &[u8], source: &str) -> Outcome<Document> {
    Document::from_json(text).map_err(|error| Failure::usage(format!("{source}: {error}")))
}

/// Genesis and validators of a network on this machine.
fn of_testnet(folder: &Path) -> Outcome<(Document, Vec<Peer>)> {
    let manifest = testnet::read(folder)?.ok_or_else(|| {
        Failure::usage(format!(
            "{} holds no network: `dadbs testnet init` makes one",
            folder.display()
        ))
    })?;
    let mut peers = Vec::new();
    for member in manifest.members().into_iter().filter(|member| member.is_validator) {
        let home = NodeHome::open(&folder.join(&member.name), None)?;
        peers.push(Peer { id: home.keys.node_id, address: member.dial });
    }
    Ok((read_genesis(&folder.join("node0"))?, peers))
}

fn print_made(globals: &Globals, home: &Path, made: &Made) -> Outcome {
    let settings = Settings::read(home)?;
    let listen = &settings.listen;
    let json = json!({
        "chain_id": made.chain_id, "genesis_hash": made.genesis_hash, "node_id": made.node_id,
        "validator": made.is_validator, "home": home.display().to_string(),
        "grpc": listen.grpc.to_string(), "rpc": listen.rpc.to_string(),
        "peer": format!("{}@{}", made.node_id, listen.p2p),
    });
    globals.print(&json, || {
        let role = if made.is_validator { "its validator" } else { "a full node" };
        format!(
            "chain         {} ({role})\ngenesis hash  {}\nnode id       {}\nhome          {}\n\nnext: dadbs start --home {}",
            made.chain_id,
            made.genesis_hash,
            made.node_id,
            home.display(),
            home.display()
        )
    });
    Ok(())
}

/// Resolves at the end of stdin: the parent of a supervised node holds the other end.
async fn parent_gone() {
    let (gone, is_gone) = tokio::sync::oneshot::channel();
    // A thread of its own: one of the runtime would be waited for at the end.
    std::thread::spawn(move || {
        // The end and a failure both mean that nobody holds the other end.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = gone.send(());
    });
    // The thread sends before it ends.
    let _ = is_gone.await;
}

pub(crate) async fn start(globals: &Globals, args: &Start) -> Outcome {
    let format = if args.log_json { telemetry::Format::Json } else { telemetry::Format::Plain };
    telemetry::init(format, &args.log)?;
    let config = StartConfig {
        home: globals.home()?,
        cometbft: args.cometbft.clone(),
        chain_id: globals.chain_id.clone(),
        software: Software::THIS,
        prover_key: args.prover_key.clone(),
    };
    let (printer, supervised) = (globals.clone(), args.supervised);
    let ready = move |ready: &StartReady| {
        if !supervised {
            print_ready(&printer, ready);
        }
    };
    let shutdown = async {
        tokio::select! {
            () = shutdown_signal() => {}
            () = parent_gone(), if supervised => {}
        }
    };
    let outcome: Result<(), NodeError> = run_node(config, ready, shutdown).await;
    Ok(outcome?)
}

fn print_ready(globals: &Globals, ready: &StartReady) {
    let listen = &ready.settings.listen;
    let (grpc, rpc) = (format!("http://{}", listen.grpc), format!("http://{}", listen.rpc));
    let json: Json = json!({
        "chain_id": ready.settings.chain_id, "height": ready.height, "grpc": grpc, "rpc": rpc,
        "peer": format!("{}@{}", ready.node_id, listen.p2p),
        "metrics": format!("http://{}/metrics", listen.metrics),
    });
    globals.print(&json, || {
        format!(
            "node \"{}\" of chain \"{}\" at height {}\ngRPC       {grpc}\nRPC        {rpc}\npeers      {}@{}\nmetrics    http://{}/metrics\n\nCtrl-C stops it.",
            ready.settings.name,
            ready.settings.chain_id,
            ready.height,
            ready.node_id,
            listen.p2p,
            listen.metrics
        )
    });
}
