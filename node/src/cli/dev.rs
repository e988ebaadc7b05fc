//! `dadbs dev`: a chain of one validator in this process.
//!
//! 1. The accounts are those of a mnemonic that everyone knows: they are for trying things out, never for value.
//! 2. Their keys are put into the `test` keyring of the home as `dev0`, `dev1`, ..., so that commands sign with
//!    `dev0` without more flags. The faucet has an account of its own.
//! 3. The state is kept in `<home>/dev`; a second start goes on with it, `--fresh` begins anew.

use super::context::Globals;
use super::exit::{Exit, Failure, Outcome};
use super::output::{self, grouped};
use dadbs::{DevConfig, DevReady, NodeError, run_dev, shutdown_signal, telemetry};
use dadbs_client::{Backend, Keyring, KeyringError, SecretKey};
use dadbs_types::{AccountAddress, Amount};
use serde_json::json;
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

#[derive(Debug, clap::Args)]
pub(crate) struct Dev {
    /// Where gRPC listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:9090", value_name = "ADDR")]
    grpc_addr: SocketAddr,
    /// Where the CometBFT RPC listens; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:26657", value_name = "ADDR")]
    rpc_addr: SocketAddr,
    /// Seconds between blocks; without it a block per transaction
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    block_time: Option<Duration>,
    /// Funded accounts of a new chain
    #[arg(long, default_value_t = 5, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100))]
    accounts: u32,
    /// What each account of a new chain holds, in udadb
    #[arg(long, default_value_t = 1_000_000_000_000, value_name = "UDADB")]
    balance: u128,
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

/// Everyone knows these words (rule 1).
const MNEMONIC: &str = "test test test test test test test test test test test junk";
/// The number of the faucet's key, beyond those of the accounts.
const FAUCET_INDEX: u32 = 1_000;
const CHAIN_ID: &str = "dadbs-dev-1";

/// An account that the genesis funds.
struct Funded {
    name: String,
    address: AccountAddress,
}

pub(crate) async fn run(globals: &Globals, args: &Dev) -> Outcome {
    let format = if args.log_json { telemetry::Format::Json } else { telemetry::Format::Plain };
    telemetry::init(format, &args.log).map_err(|e| failure(&e))?;
    let home = globals.home()?;
    let state = home.join("dev");
    if args.fresh && state.exists() {
        let removed = std::fs::remove_dir_all(&state);
        removed.map_err(|e| Failure::other(format!("{}: {e}", state.display())))?;
    }
    let funded = accounts(&home, args.accounts)?;
    let faucet = SecretKey::from_mnemonic(MNEMONIC, FAUCET_INDEX)?;
    let amount = Amount(args.balance);
    let mut balances: Vec<_> = funded.iter().map(|account| (account.address, amount)).collect();
    balances.push((faucet.address(), Amount(args.balance.saturating_mul(1_000))));
    let chain_id = globals.chain_id.as_deref().unwrap_or(CHAIN_ID);
    let config = DevConfig {
        faucet: Some(*faucet.to_bytes()),
        block_time: args.block_time,
        grpc_addr: args.grpc_addr,
        rpc_addr: args.rpc_addr,
        ..DevConfig::new(state, dadbs_genesis::genesis(chain_id, now_ns()?, balances))
    };
    let ready = |ready: &DevReady| print(globals, args, &funded, ready);
    run_dev(config, ready, shutdown_signal()).await.map_err(|e| failure(&e))
}

fn now_ns() -> Outcome<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok();
    let now = now.and_then(|now| i64::try_from(now.as_nanos()).ok());
    now.ok_or_else(|| Failure::other("the clock shows a time before 1970 or after 2262: set it"))
}

fn failure(error: &NodeError) -> Failure {
    let exit = match error.exit_code() {
        2 => Exit::Usage,
        6 => Exit::Unreachable,
        _ => Exit::Other,
    };
    Failure::new(exit, error.to_string())
}

/// Derives the accounts and stores their keys (rule 2).
fn accounts(home: &Path, count: u32) -> Outcome<Vec<Funded>> {
    let ring = Keyring::new(home, Backend::Test);
    let mut funded = Vec::new();
    for index in 0..count {
        let key = SecretKey::from_mnemonic(MNEMONIC, index)?;
        let name = format!("dev{index}");
        match ring.add(&name, &key, "") {
            Ok(_) => {}
            Err(KeyringError::Exists(_)) if ring.info(&name)?.address == key.address() => {}
            Err(error) => return Err(error.into()),
        }
        funded.push(Funded { name, address: key.address() });
    }
    Ok(funded)
}

fn print(globals: &Globals, args: &Dev, funded: &[Funded], ready: &DevReady) {
    let (grpc, rpc) = (format!("http://{}", ready.grpc_addr), format!("http://{}", ready.rpc_addr));
    let accounts: Vec<_> = funded
        .iter()
        .map(|account| json!({ "name": account.name, "address": account.address.to_string() }))
        .collect();
    let json = json!({
        "chain_id": ready.chain_id, "height": ready.height, "resumed": ready.resumed,
        "grpc": grpc, "rpc": rpc, "accounts": accounts, "mnemonic": MNEMONIC,
    });
    globals.print(&json, || {
        let mut table = output::table(["key", "address"]);
        for account in funded {
            table.add_row([&account.name, &account.address.to_string()]);
        }
        let state = if ready.resumed {
            format!("chain \"{}\" goes on at height {}", ready.chain_id, ready.height)
        } else {
            let each = grouped(args.balance);
            format!("new chain \"{}\"; each account has {each} udadb", ready.chain_id)
        };
        format!(
            "{state}\n{table}\nmnemonic   {MNEMONIC}\n           Everyone knows these words: never send anything of value to these accounts.\n\
             gRPC       {grpc}\nRPC        {rpc}\n\nCtrl-C stops it."
        )
    });
}
