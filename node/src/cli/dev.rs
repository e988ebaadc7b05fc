//! `dadbs dev`: a chain of one validator in this process.
//!
//! 1. The accounts are those of [`super::funded`]; the faucet has an account of its own.
//! 2. The state is kept in `<home>/dev`; a second start goes on with it, `--fresh` begins anew.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::funded::{self, Funded, MNEMONIC};
use super::output::grouped;
use dadbs::{DevConfig, DevReady, run_dev, shutdown_signal, telemetry};
use dadbs_client::SecretKey;
use dadbs_types::Amount;
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Where gRPC listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9090", value_name = "ADDR")]
    grpc_addr: SocketAddr,
    /// Where the CometBFT RPC listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:26657", value_name = "ADDR")]
    rpc_addr: SocketAddr,
    /// Where Prometheus finds metrics; without it they are not served
    #[arg(long, value_name = "ADDR")]
    metrics_addr: Option<SocketAddr>,
    /// Seconds between blocks; without it a block per transaction
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    block_time: Option<Duration>,
    /// Funded accounts of a new chain
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    accounts: u32,
    /// What each account of a new chain holds, in udadb
    #[arg(long, default_value_t = 1_000_000_000_000, value_name = "UDADB")]
    balance: u128,
    /// A parameter of a new chain, as `gov.voting_period=60`
    #[arg(long, value_name = "NAME=VALUE", value_parser = super::gov::parse_param)]
    param: Vec<(String, u64)>,
    /// Forget the chain of an earlier start
    #[arg(long)]
    fresh: bool,
    /// What is logged on stderr, such as info or info,dadbs=debug
    #[arg(long, env = "DADBS_LOG", default_value = "warn", value_name = "FILTER")]
    log: String,
    /// Log lines as JSON
    #[arg(long)]
    log_json: bool,
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "write a number of seconds, such as 0.5")?;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| "it must be above 0".into())
}

/// The number of the faucet's key, beyond those of the accounts.
const FAUCET_INDEX: u32 = 1_000;
const CHAIN_ID: &str = "dadbs-dev-1";

pub(crate) async fn run(globals: &Globals, args: &Dev) -> Outcome {
    let format = if args.log_json { telemetry::Format::Json } else { telemetry::Format::Plain };
    telemetry::init(format, &args.log)?;
    let home = globals.home()?;
    let state = home.join("dev");
    if args.fresh && state.exists() {
        let removed = std::fs::remove_dir_all(&state);
        removed.map_err(|e| Failure::other(format!("{}: {e}", state.display())))?;
    }
    let funded = funded::accounts(&home, args.accounts)?;
    let faucet = SecretKey::from_mnemonic(MNEMONIC, FAUCET_INDEX)?;
    let amount = Amount(args.balance);
    let mut balances: Vec<_> = funded.iter().map(|account| (account.address, amount)).collect();
    balances.push((faucet.address(), Amount(args.balance.saturating_mul(1_000))));
    let chain_id = globals.chain_id.as_deref().unwrap_or(CHAIN_ID);
    let mut genesis = dadbs_genesis::genesis(chain_id, funded::now_ns()?, balances);
    genesis.params.extend(args.param.iter().cloned());
    dadbs_genesis::validate(&genesis).map_err(|error| Failure::usage(error.to_string()))?;
    let config = DevConfig {
        faucet: Some(*faucet.to_bytes()),
        block_time: args.block_time,
        grpc_addr: args.grpc_addr,
        rpc_addr: args.rpc_addr,
        metrics_addr: args.metrics_addr,
        ..DevConfig::new(state, genesis)
    };
    let ready = |ready: &DevReady| print(globals, args, &funded, ready);
    Ok(run_dev(config, ready, shutdown_signal()).await?)
}

fn print(globals: &Globals, args: &Dev, funded: &[Funded], ready: &DevReady) {
    let (grpc, rpc) = (format!("http://{}", ready.grpc_addr), format!("http://{}", ready.rpc_addr));
    let json = json!({
        "chain_id": ready.chain_id, "height": ready.height, "resumed": ready.resumed,
        "grpc": grpc, "rpc": rpc, "accounts": funded::to_json(funded), "mnemonic": MNEMONIC,
    });
    globals.print(&json, || {
        let accounts = funded::to_text(funded);
        let state = if ready.resumed {
            format!("chain \"{}\" goes on at height {}", ready.chain_id, ready.height)
        } else {
            let each = grouped(args.balance);
            format!("new chain \"{}\"; each account has {each} udadb", ready.chain_id)
        };
        format!(
            "{state}\n{accounts}\n\
             gRPC       {grpc}\nRPC        {rpc}\n\nCtrl-C stops it."
        )
    });
}
