//! `dadbs doctor`: what keeps the node of a home from running, or from running well. It changes nothing.
//!
//! 1. Each check is `ok`, `warning` or `fault`, and says what to do; one fault makes the exit code 1.
//! 2. A port that is taken is well if the node of this home answers on its RPC.
//! 3. The clock is compared with the newest block while blocks are made: validators whose clock is off by more than
//!    [`CLOCK_MOST`] make blocks that others refuse.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::output;
use dadbs::disk::{COMFORTABLE, free};
use dadbs::engine::cometbft::CometBft;
use dadbs::network::binary;
use dadbs::network::home::NodeHome;
use dadbs::network::settings::Settings;
use serde_json::{Value as Json, json};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How far the newest block may be ahead of this machine's clock (rule 3).
const CLOCK_MOST: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(crate) struct Doctor {
    /// CometBFT 0.38.x, a file or its folder [default: beside dadbs, else on PATH]
    #[arg(long, env = "DADBS_COMETBFT", value_name = "PATH")]
    cometbft: Option<PathBuf>,
}

struct Check {
    name: &'static str,
    state: &'static str,
    says: String,
}

fn check(name: &'static str, found: Result<String, String>) -> Check {
    match found {
        Ok(says) => Check { name, state: "ok", says },
        Err(says) => Check { name, state: "fault", says },
    }
}

fn warning(name: &'static str, says: impl Into<String>) -> Check {
    Check { name, state: "warning", says: says.into() }
}

pub(crate) async fn run(globals: &Globals, args: &Doctor) -> Outcome {
    let home = globals.home()?;
    let mut checks = vec![check(
        "versions",
        Ok(format!("dadbs {}, SQLite {}", env!("CARGO_PKG_VERSION"), rusqlite::version())),
    )];
    let cometbft = binary::find(args.cometbft.as_deref());
    checks.push(check(
        "CometBFT",
        cometbft.map(|path| path.display().to_string()).map_err(|error| error.to_string()),
    ));
    checks.push(disk(&home));
    match NodeHome::open(&home, globals.chain_id.as_deref()) {
        Err(error) => checks.push(check("home", Err(error.to_string()))),
        Ok(node) => {
            let settings = node.settings;
            let says =
                format!("{} of {}, keys are its owner's alone", settings.name, settings.chain_id);
            checks.push(check("home", Ok(says)));
            let status = status(&settings).await;
            checks.push(ports(&settings, status.is_some()));
            checks.extend(running(status.as_ref()));
        }
    }
    print(globals, &checks);
    let faults = checks.iter().filter(|check| check.state == "fault").count();
    if faults > 0 {
        return Err(Failure::other(format!("{faults} of {} checks found a fault", checks.len())));
    }
    Ok(())
}

/// CometBFT's status, if the node of this home runs (rule 2).
async fn status(settings: &Settings) -> Option<Json> {
    let comet: CometBft = format!("http://{}", settings.listen.cometbft_rpc).parse().ok()?;
    let status = comet.demand("status", &json!({})).await.ok()?;
    (status["node_info"]["network"] == settings.chain_id.as_str()).then_some(status)
}

fn disk(home: &Path) -> Check {
    // The home may not be made yet.
    let exists = home.ancestors().find(|folder| folder.exists()).unwrap_or(home);
    match free(exists) {
        Ok(free) if free < COMFORTABLE => check(
            "disk",
            Err(format!(
                "{} has {} MiB left; a full disk stops the node",
                exists.display(),
                free >> 20
            )),
        ),
        Ok(free) => check("disk", Ok(format!("{} MiB free at {}", free >> 20, exists.display()))),
        Err(error) => check("disk", Err(format!("{}: {error}", exists.display()))),
    }
}

fn ports(settings: &Settings, runs: bool) -> Check {
    let mut taken = Vec::new();
    for (name, addr) in settings.listen.named() {
        if let Err(error) = TcpListener::bind(addr) {
            taken.push(format!("{addr} ({name}): {error}"));
        }
    }
    match (taken.is_empty(), runs) {
        (true, _) => check("ports", Ok("free".into())),
        (false, true) => check("ports", Ok("taken by this node, which runs".into())),
        (false, false) => {
            let says = format!("{}; stop what has them or change node.json", taken.join(", "));
            check("ports", Err(says))
        }
    }
}

/// Sync, peers and clock of the node that runs.
fn running(status: Option<&Json>) -> Vec<Check> {
    let Some(status) = status else {
        return vec![warning("sync", "the node does not run: `dadbs start` starts it")];
    };
    let sync = &status["sync_info"];
    let height = sync["latest_block_height"].as_str().unwrap_or("?");
    let synced = if sync["catching_up"] == true {
        warning("sync", format!("at height {height}, catching up"))
    } else {
        check("sync", Ok(format!("at height {height}, caught up")))
    };
    vec![synced, clock(sync["latest_block_time"].as_str().unwrap_or(""))]
}

/// Rule 3.
fn clock(newest: &str) -> Check {
    let Ok(block) = tendermint::Time::parse_from_rfc3339(newest) else {
        return warning("clock", "there is no block yet to compare it with");
    };
    let now = tendermint::Time::now();
    match block.duration_since(now) {
        Ok(ahead) if ahead > CLOCK_MOST => {
            let seconds = ahead.as_secs();
            check("clock", Err(format!("{seconds} s behind the newest block: set the time by NTP")))
        }
        _ => {
            let age = now.duration_since(block).unwrap_or_default().as_secs();
            check("clock", Ok(format!("the newest block is {age} s old")))
        }
    }
}

fn print(globals: &Globals, checks: &[Check]) {
    if globals.is_json() {
        let rows: Vec<Json> = checks
            .iter()
            .map(|check| json!({ "check": check.name, "state": check.state, "says": check.says }))
            .collect();
        println!("{}", Json::from(rows));
        return;
    }
    let mut table = output::table(["check", "state", "says"]);
    for check in checks {
        table.add_row([check.name, check.state, &check.says]);
    }
    println!("{table}");
}
