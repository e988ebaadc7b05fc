//! Four validators of dadbs under CometBFT against four of CometBFT's own kvstore, on loopback, in one run:
//! `tests/bench_network.sh` builds what is needed and starts it.
//!
//! 1. All systems get the same CometBFT, the same configuration of it but for the indexer, applications over unix
//!    sockets, transactions of one size, and the same load tool on the same machine.
//! 2. A transaction of dadbs is signed, and inserts one row of 100 bytes through the stock contract; the kvstore
//!    takes `key=value` without a signature, in memory.
//! 3. Transactions are counted from blocks; afterwards the applications must hold as many.
//! 4. The machine is shared with the load tool: compare the columns of one run, never figures of two runs.
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod load;
mod process;
mod system;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use load::{Lane, Load, Saturated, Seen, paced};
use process::{cpu_seconds, resident_bytes};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use system::{Kind, System};

#[derive(Debug, Parser)]
pub(crate) struct Options {
    /// The `dadbs` binary
    #[arg(long, default_value = "target/release/dadbs")]
    dadbs: PathBuf,
    /// CometBFT's binary
    #[arg(long, default_value = "target/cometbft/cometbft")]
    cometbft: PathBuf,
    /// CometBFT's `abci-cli`, which holds the kvstore
    #[arg(long, default_value = "target/cometbft/abci-cli")]
    kvstore: PathBuf,
    /// Systems to run, in this order
    #[arg(long, value_delimiter = ',', default_value = "kv,dadbs,null")]
    systems: Vec<String>,
    /// Seconds of saturation that are measured
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Seconds of saturation before
    #[arg(long, default_value_t = 10)]
    warmup: u64,
    /// Seconds of low load, and of half load
    #[arg(long, default_value_t = 15)]
    paced: u64,
    /// Senders of each node
    #[arg(long, default_value_t = 64)]
    senders: usize,
    /// Transactions that may wait for a block
    #[arg(long, default_value_t = 5_000)]
    window: u64,
    /// Transactions that are signed before, for each second
    #[arg(long, default_value_t = 5_000)]
    signed_per_second: usize,
    /// A setting of CometBFT for all systems, such as `consensus.timeout_commit=200ms`
    #[arg(long, value_name = "NAME=VALUE")]
    set: Vec<String>,
    /// Send to CometBFT itself, not to the facade in front of it
    #[arg(long)]
    direct: bool,
}

impl Options {
    fn lanes(&self) -> usize {
        self.senders * 4
    }

    /// Transactions of one sender, over all phases.
    fn presigned(&self) -> usize {
        let seconds = usize::try_from(self.seconds + self.warmup + self.paced).unwrap_or(0);
        (self.signed_per_second * seconds).div_ceil(self.lanes()) + 64
    }
}

/// Transactions per second of low load.
const LOW: f64 = 20.0;

/// What came out for one system.
struct Figures {
    name: &'static str,
    per_second: f64,
    per_block: f64,
    low: Vec<Duration>,
    half: Vec<Duration>,
    app_cpu: f64,
    engine_cpu: f64,
    disk: f64,
    app_memory: f64,
    engine_memory: f64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let mut options = Options::parse();
    // Processes start in other folders.
    for path in [&mut options.dadbs, &mut options.cometbft, &mut options.kvstore] {
        *path = path.canonicalize().with_context(|| path.display().to_string())?;
    }
    let bytes = system::tx_bytes();
    let mut all = Vec::new();
    for name in &options.systems {
        let (name, kind) = match name.as_str() {
            "dadbs" => ("dadbs", Kind::Dadbs),
            "kv" => ("kvstore, indexed", Kind::Kvstore { indexed: true }),
            "null" => ("kvstore, no index", Kind::Kvstore { indexed: false }),
            other => anyhow::bail!("--systems takes dadbs, kv and null, not \"{other}\""),
        };
        all.push(measure(name, kind, &options, bytes).await.with_context(|| name.to_string())?);
    }
    print(&all, &options, bytes);
    Ok(())
}

async fn measure(
    name: &'static str,
    kind: Kind,
    options: &Options,
    bytes: usize,
) -> Result<Figures> {
    eprintln!("{name}: starts");
    let system = System::start(kind, options).await?;
    let lanes = system.lanes(options, bytes)?;
    let (load, _watch) = Load::start(system.comet(0)?, options.window).await?;
    let time = Duration::from_secs(options.paced);
    eprintln!("{name}: low load");
    let (lanes, low) = paced(&load, lanes, LOW, time).await?;
    eprintln!("{name}: saturation");
    let (lanes, mut figures) = saturate(&system, &load, lanes, options).await?;
    figures.name = name;
    figures.low = low;
    eprintln!("{name}: {:.0} transactions/s; half of that", figures.per_second);
    let (lanes, half) = paced(&load, lanes, figures.per_second / 2.0, time).await?;
    figures.half = half;
    drop(lanes);
    let (stored, committed) = (system.stored().await?, load.committed());
    ensure!(
        stored == committed,
        "{committed} transactions are in blocks, the application holds {stored}"
    );
    Ok(figures)
}

async fn saturate(
    system: &System,
    load: &Arc<Load>,
    lanes: Vec<Lane>,
    options: &Options,
) -> Result<(Vec<Lane>, Figures)> {
    let (apps, engines) = system.pids()?;
    let saturated = Saturated::start(load, lanes);
    tokio::time::sleep(Duration::from_secs(options.warmup)).await;
    let began = Instant::now();
    let before =
        (cpu_seconds(&apps)?, cpu_seconds(&engines)?, load.committed(), system.disk_bytes());
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let ended = Instant::now();
    let after =
        (cpu_seconds(&apps)?, cpu_seconds(&engines)?, load.committed(), system.disk_bytes());
    let (app_memory, engine_memory) = (resident_bytes(&apps)?, resident_bytes(&engines)?);
    let waiting = load::unconfirmed(&system.comet(0)?).await;
    eprintln!("  in the first mempool: {} transactions", waiting["n_txs"]);
    let lanes = saturated.stop().await?;
    load.drain().await?;
    let blocks: Vec<Seen> = load.blocks();
    let blocks: Vec<&Seen> =
        blocks.iter().filter(|block| block.at >= began && block.at <= ended).collect();
    let (Some(first), Some(last)) = (blocks.first(), blocks.last()) else {
        anyhow::bail!("no block while it was measured")
    };
    // Between two blocks: the first one's own transactions were waiting before.
    let txs: u64 = blocks.iter().skip(1).map(|block| block.txs).sum();
    let time = last.at.duration_since(first.at).as_secs_f64();
    let thousands = (after.2 - before.2) as f64 / 1_000.0;
    ensure!(txs > 0 && thousands > 0.0, "no transaction while it was measured");
    let nodes = apps.len() as f64;
    let figures = Figures {
        name: "",
        per_second: txs as f64 / time,
        per_block: txs as f64 / (blocks.len() - 1) as f64,
        low: Vec::new(),
        half: Vec::new(),
        app_cpu: (after.0 - before.0) / thousands,
        engine_cpu: (after.1 - before.1) / thousands,
        disk: after.3.saturating_sub(before.3) as f64 / nodes / thousands / 1_000.0,
        app_memory: app_memory / nodes / 1e6,
        engine_memory: engine_memory / nodes / 1e6,
    };
    Ok((lanes, figures))
}

/// The latency below which this share of all is, ms.
fn percentile(sorted: &[Duration], share: usize) -> f64 {
    let at = (sorted.len() * share / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1e3)
}

fn print(all: &[Figures], options: &Options, bytes: usize) {
    let row = |name: &str, digits: usize, value: &dyn Fn(&Figures) -> f64| {
        let cells: Vec<String> = all.iter().map(|f| format!("{:>18.digits$}", value(f))).collect();
        println!("{name:<44}{}", cells.concat());
    };
    let indexed = all.iter().find(|figures| figures.name == "kvstore, indexed");
    println!(
        "\nfour validators, transactions of {bytes} bytes, {} s measured after {} s, {} waiting, load on the same machine",
        options.seconds, options.warmup, options.window
    );
    let names: Vec<String> = all.iter().map(|figures| format!("{:>18}", figures.name)).collect();
    println!("{:<44}{}", "", names.concat());
    row("transactions/s", 0, &|f| f.per_second);
    if let Some(indexed) = indexed {
        row("of the indexed kvstore", 2, &|f| f.per_second / indexed.per_second);
    }
    row("transactions of a block", 0, &|f| f.per_block);
    row("submit to commit, 20/s, p50, ms", 0, &|f| percentile(&f.low, 50));
    row("submit to commit, 20/s, p95, ms", 0, &|f| percentile(&f.low, 95));
    row("submit to commit, half load, p50, ms", 0, &|f| percentile(&f.half, 50));
    row("submit to commit, half load, p95, ms", 0, &|f| percentile(&f.half, 95));
    row("CPU s per 1,000: applications", 2, &|f| f.app_cpu);
    row("CPU s per 1,000: engines", 2, &|f| f.engine_cpu);
    row("CPU s per 1,000: together", 2, &|f| f.app_cpu + f.engine_cpu);
    row("bytes on disk per transaction and validator", 0, &|f| f.disk);
    row("memory of an application, MB", 0, &|f| f.app_memory);
    row("memory of an engine, MB", 0, &|f| f.engine_memory);
}
