//! The command line. stdout carries answers, stderr messages; the exit code says why it ended.

mod context;
mod contract;
mod dev;
mod distribution;
mod doctor;
mod exit;
mod export;
mod feegrant;
mod functions;
mod funded;
mod genesis;
mod gov;
mod import;
mod keys;
mod lint;
mod node;
mod output;
mod query;
mod rewards;
mod shell;
mod sql;
mod staking;
mod storage;
mod testnet;
mod tx;
mod verify;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use context::Globals;
use exit::{Exit, Failure, Outcome};
use std::process::ExitCode;

/// A decentralized autonomous database: SQL tables on a chain.
#[derive(Debug, Parser)]
#[command(name = "dadbs", version, propagate_version = true, arg_required_else_help = true)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a chain of one validator in this process, with funded accounts
    Dev(dev::Dev),
    /// Make the home of a new chain with this node as its validator
    Init(node::Init),
    /// Make the home of a node that follows a chain
    Join(node::Join),
    /// Run the node of the home with its CometBFT
    Start(node::Start),
    /// Make and run a network on this machine
    #[command(subcommand)]
    Testnet(testnet::Testnet),
    /// Make, list, show and recover keys
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Send, sign, simulate and look up transactions
    #[command(subcommand)]
    Tx(tx::Tx),
    /// Make databases, run SQL, open a shell
    #[command(subcommand)]
    Sql(sql::Sql),
    /// Write, build, publish, call and upgrade contracts
    #[command(subcommand)]
    Contract(contract::Contract),
    /// Find faults in the sources of a contract
    Lint(lint::Lint),
    /// Propose, deposit, vote, and see what becomes of it
    #[command(subcommand)]
    Gov(gov::Gov),
    /// Begin another chain with the state of this one
    #[command(subcommand)]
    Genesis(genesis::Genesis),
    /// Import a SQLite file into a database
    Import(import::Import),
    /// Write a database into a plain SQLite file
    Export(export::Export),
    /// Accounts, validators, rewards, parameters, limits, code
    #[command(subcommand)]
    Query(query::Query),
    /// Find what keeps the node of the home from running
    Doctor(doctor::Doctor),
    /// Show the node's chain, height and engine
    Status,
    /// Read one row with a proof and verify it against the validators
    Verify(verify::Verify),
    /// Ask a dev chain for coins
    Faucet(tx::Faucet),
    /// Move the block time of a dev chain ahead, so that votes end
    AdvanceTime(tx::AdvanceTime),
}

fn command() -> clap::Command {
    let rows: Vec<String> =
        exit::TABLE.iter().map(|(number, meaning)| format!("  {number}  {meaning}")).collect();
    Cli::command().after_help(format!("Exit codes:\n{}", rows.join("\n")))
}

pub(crate) fn main() -> ExitCode {
    let cli = match command().try_get_matches().and_then(|matches| Cli::from_arg_matches(&matches))
    {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not failures; a closed stdout is neither.
            let _ = error.print();
            let exit = if error.use_stderr() { Exit::Usage } else { Exit::Success };
            return ExitCode::from(exit as u8);
        }
    };
    match run(&cli) {
        Ok(()) => ExitCode::from(Exit::Success as u8),
        Err(failure) => {
            eprintln!("error: {}", output::plain(&failure.to_string()));
            ExitCode::from(failure.exit as u8)
        }
    }
}

fn run(cli: &Cli) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Failure::other(format!("cannot start threads: {e}")))?;
    let globals = &cli.globals;
    runtime.block_on(async {
        match &cli.command {
            Command::Dev(args) => dev::run(globals, args).await,
            Command::Init(args) => node::init(globals, args),
            Command::Join(args) => node::join(globals, args).await,
            Command::Start(args) => node::start(globals, args).await,
            Command::Testnet(command) => testnet::run(globals, command).await,
            Command::Keys(command) => keys::run(globals, command),
            Command::Tx(command) => tx::run(globals, command).await,
            Command::Sql(command) => sql::run(globals, command).await,
            Command::Contract(command) => contract::run(globals, command).await,
            Command::Lint(args) => lint::run(globals, args),
            Command::Gov(command) => gov::run(globals, command).await,
            Command::Genesis(command) => genesis::run(globals, command).await,
            Command::Import(args) => import::run(globals, args).await,
            Command::Export(args) => export::run(globals, args).await,
            Command::Query(command) => query::run(globals, command).await,
            Command::Doctor(args) => doctor::run(globals, args).await,
            Command::Status => query::status(globals).await,
            Command::Verify(args) => verify::run(globals, args).await,
            Command::Faucet(args) => tx::faucet(globals, args).await,
            Command::AdvanceTime(args) => tx::advance_time(globals, args).await,
        }
    })
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_consistent() {
        super::command().debug_assert();
    }

    #[test]
    fn help_lists_every_exit_code() {
        let help = super::command().render_long_help().to_string();
        for (number, meaning) in super::exit::TABLE {
            assert!(help.contains(&format!("{number}  {meaning}")), "{help}");
        }
    }
}
