//! `dadbs testnet`: a network of validators on this machine, or the homes of one in containers.
//!
//! 1. The network is in `<home>/testnet`; the keys of its accounts are in the keyring of the home.
//! 2. The accounts are those of [`super::funded`], at least one for each validator: `dev0` operates `node0`, and so on.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::funded::{self, Funded, MNEMONIC};
use super::output;
use dadbs::engine::cometbft::CometBft;
use dadbs::network::manifest::{Manifest, Member, Placement};
use dadbs::network::{binary, testnet};
use dadbs::{shutdown_signal, telemetry};
use dadbs_types::Amount;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Testnet {
    /// Make homes, keys and genesis
    Init(Init),
    /// Run all nodes; Ctrl-C stops them, another start goes on
    Start(Start),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Init {
    /// Validators
    #[arg(long, default_value_t = 4, value_name = "N")]
    validators: u16,
    /// Nodes that follow
    #[arg(long, default_value_t = 0, value_name = "N")]
    full_nodes: u16,
    /// Take six loopback ports for each node from this one up
    #[arg(long, value_name = "PORT")]
    base_port: Option<u16>,
    /// Funded accounts
    #[arg(long, default_value_t = 5, value_name = "N")]
    accounts: u32,
    /// What each account holds, in udadb
    #[arg(long, default_value_t = 1_000_000_000_000, value_name = "UDADB")]
    balance: u64,
    /// Take all of it from a file such as devnet/testnet.json
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["validators", "full_nodes", "base_port", "accounts", "balance"]
    )]
    manifest: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Start {
    /// CometBFT 0.38.x, a file or its folder [default: beside dadbs, else on PATH]
    #[arg(long, env = "DADBS_COMETBFT", value_name = "PATH")]
    cometbft: Option<PathBuf>,
    /// What the nodes log, such as info or warn
    #[arg(long, env = "DADBS_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

/// The chain unless `--chain-id` names another.
const CHAIN_ID: &str = "dadbs-testnet-1";
/// Between two looks at a node.
const POLL: Duration = Duration::from_millis(50);

pub(crate) async fn run(globals: &Globals, command: &Testnet) -> Outcome {
    match command {
        Testnet::Init(args) => init(globals, args),
        Testnet::Start(args) => start(globals, args).await,
    }
}

fn folder(globals: &Globals) -> Outcome<PathBuf> {
    Ok(globals.home()?.join("testnet"))
}

fn manifest(globals: &Globals, args: &Init) -> Outcome<Manifest> {
    if let Some(path) = &args.manifest {
        return Ok(Manifest::read(path)?);
    }
    Ok(Manifest {
        chain_id: globals.chain_id.as_deref().unwrap_or(CHAIN_ID).into(),
        validators: args.validators,
        full_nodes: args.full_nodes,
        placement: Placement::Processes,
        base_port: args.base_port,
        accounts: args.accounts,
        balance: args.balance,
        cometbft: BTreeMap::new(),
    })
}

fn init(globals: &Globals, args: &Init) -> Outcome {
    let manifest = manifest(globals, args)?;
    let home = globals.home()?;
    // Before the keys of its accounts are made.
    manifest.check().map_err(Failure::usage)?;
    let accounts = manifest.accounts.max(manifest.validators.into());
    let funded = funded::accounts(&home, accounts)?;
    let amount = Amount(u128::from(manifest.balance));
    let balances = funded.iter().map(|account| (account.address, amount)).collect();
    let genesis = dadbs_genesis::genesis(&*manifest.chain_id, funded::now_ns()?, balances);
    let folder = folder(globals)?;
    let is_new = testnet::init(&folder, &manifest, genesis)?;
    print_made(globals, &manifest, &funded, is_new);
    Ok(())
}

fn print_made(globals: &Globals, manifest: &Manifest, funded: &[Funded], is_new: bool) {
    let folder = folder(globals).unwrap_or_default();
    let json = json!({
        "chain_id": manifest.chain_id, "new": is_new, "folder": folder.display().to_string(),
        "nodes": nodes_json(&manifest.members()), "accounts": funded::to_json(funded),
        "mnemonic": MNEMONIC,
    });
    globals.print(&json, || {
        let balance = output::grouped(u128::from(manifest.balance));
        let state = if is_new {
            format!("new network \"{}\"; each account has {balance} udadb", manifest.chain_id)
        } else {
            format!("network \"{}\" is there already: nothing was changed", manifest.chain_id)
        };
        let next = match manifest.placement {
            Placement::Processes => "dadbs testnet start",
            Placement::Containers => "docker compose up",
        };
        format!(
            "{state}\n{}\n{}\nfolder     {}\n\nnext: {next}",
            nodes_table(&manifest.members()),
            funded::to_text(funded),
            folder.display()
        )
    });
}

fn role(member: &Member) -> &'static str {
    if member.is_validator { "validator" } else { "full node" }
}

fn nodes_json(members: &[Member]) -> Vec<serde_json::Value> {
    let node = |member: &Member| {
        json!({
            "name": member.name, "role": role(member),
            "grpc": format!("http://{}", member.listen.grpc),
            "rpc": format!("http://{}", member.listen.rpc),
            "cometbft_rpc": format!("http://{}", member.listen.cometbft_rpc),
            "p2p": member.dial,
            "metrics": format!("http://{}/metrics", member.listen.metrics),
        })
    };
    members.iter().map(node).collect()
}

fn nodes_table(members: &[Member]) -> String {
    let mut table = output::table(["node", "role", "gRPC", "RPC", "P2P", "metrics"]);
    for member in members {
        table.add_row([
            member.name.clone(),
            role(member).into(),
            member.listen.grpc.to_string(),
            member.listen.rpc.to_string(),
            member.dial.clone(),
            member.listen.metrics.to_string(),
        ]);
    }
    table.to_string()
}

async fn start(globals: &Globals, args: &Start) -> Outcome {
    telemetry::init(telemetry::Format::Plain, "warn")?;
    let folder = folder(globals)?;
    let manifest = testnet::read(&folder)?.ok_or_else(|| {
        Failure::usage(format!(
            "{} holds no network: `dadbs testnet init` makes one",
            folder.display()
        ))
    })?;
    let dadbs = std::env::current_exe()
        .map_err(|error| Failure::other(format!("where is the dadbs binary? {error}")))?;
    let cometbft = binary::find(args.cometbft.as_deref())?;
    let config = testnet::RunConfig { folder, dadbs, cometbft, log: args.log.clone() };
    let running = testnet::run(&config, &manifest, shutdown_signal());
    tokio::pin!(running);
    tokio::select! {
        ended = &mut running => return Ok(ended?),
        height = all_up(&manifest) => print_running(globals, &manifest, height?),
    }
    Ok(running.await?)
}

/// Waits until every node answers and has a block; the least height.
async fn all_up(manifest: &Manifest) -> Outcome<u64> {
    let mut least = u64::MAX;
    for member in manifest.members() {
        let comet: CometBft = member.listen.cometbft_rpc.to_string().parse()?;
        let height = loop {
            let status = comet.demand("status", &json!({})).await.unwrap_or_default();
            let height = status["sync_info"]["latest_block_height"].as_str();
            match height.and_then(|height| height.parse::<u64>().ok()) {
                Some(height) if height > 0 => break height,
                _ => tokio::time::sleep(POLL).await,
            }
        };
        least = least.min(height);
    }
    Ok(least)
}

fn print_running(globals: &Globals, manifest: &Manifest, height: u64) {
    let members = manifest.members();
    let json = json!({
        "chain_id": manifest.chain_id, "height": height, "nodes": nodes_json(&members),
    });
    globals.print(&json, || {
        // The first node of the standard ports is what commands ask by default.
        let node = match (manifest.base_port, members.first()) {
            (Some(_), Some(first)) => format!(" --node http://{}", first.listen.grpc),
            _ => String::new(),
        };
        format!(
            "network \"{}\" runs at height {height}\n{}\n\nnext: dadbs sql create shop{node}\nCtrl-C stops it.",
            manifest.chain_id,
            nodes_table(&members)
        )
    });
}
