//! The load and the watch over it, the same for every system.
//!
//! 1. A lane is one sender: it sends its transactions in order to one node, each when the one before was checked.
//! 2. While [`Load::window`] transactions wait for a block, or the mempool is full, lanes wait.
//! 3. Transactions are counted from the headers of committed blocks; a block counts when the application of the
//!    first node says that it is committed.
//! 4. With a rate, each transaction has a time; what waits longer than that waits on its account: latency counts
//!    from the time that it should have been sent.

use anyhow::{Context, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs::engine::cometbft::{CallError, CometBft};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Between two looks at the committed height.
const POLL: Duration = Duration::from_millis(10);
/// How long CometBFT may take for an answer under load.
const PATIENCE: Duration = Duration::from_secs(30);
/// Headers of one answer, CometBFT's most.
const HEADERS: u64 = 20;

/// Transactions of one sender.
pub(crate) enum Txs {
    /// Signed before.
    Signed(std::vec::IntoIter<Vec<u8>>),
    /// `key=value`, of a size.
    Pairs { lane: usize, next: u64, bytes: usize },
}

impl Txs {
    fn next(&mut self) -> Option<Vec<u8>> {
        match self {
            Txs::Signed(txs) => txs.next(),
            Txs::Pairs { lane, next, bytes } => {
                *next += 1;
                Some(format!("{:-<width$}", format!("{lane}.{next}="), width = *bytes).into_bytes())
            }
        }
    }
}

/// A sender and the node that it sends to (rule 1).
pub(crate) struct Lane {
    pub(crate) door: CometBft,
    pub(crate) txs: Txs,
}

/// A committed block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) height: u64,
    pub(crate) txs: u64,
    pub(crate) at: Instant,
}

/// What is shared by lanes and watch.
pub(crate) struct Load {
    comet: CometBft,
    /// Transactions that may wait for a block (rule 2).
    window: u64,
    accepted: AtomicU64,
    committed: AtomicU64,
    blocks: Mutex<Vec<Seen>>,
}

/// The application's committed height.
pub(crate) async fn app_height(comet: &CometBft) -> Result<u64> {
    let info = comet.call("abci_info", &json!({}), PATIENCE).await;
    let info = info.map_err(|error| anyhow::anyhow!("abci_info: {error:?}"))?;
    let height = info["response"]["last_block_height"].as_str().unwrap_or("0");
    height.parse().context("a height")
}

impl Load {
    /// A load from the newest block on, and its watch, which ends with the set.
    pub(crate) async fn start(comet: CometBft, window: u64) -> Result<(Arc<Load>, JoinSet<()>)> {
        let height = app_height(&comet).await?;
        let load = Arc::new(Load {
            comet,
            window,
            accepted: AtomicU64::new(0),
            committed: AtomicU64::new(0),
            blocks: Mutex::default(),
        });
        let watched = load.clone();
        let mut watch = JoinSet::new();
        watch.spawn(async move {
            if let Err(error) = watched.watch(height).await {
                eprintln!("bench_network: the watch ended: {error:#}");
            }
        });
        Ok((load, watch))
    }

    /// Rule 3.
    async fn watch(&self, mut height: u64) -> Result<()> {
        loop {
            tokio::time::sleep(POLL).await;
            let newest = app_height(&self.comet).await?;
            let at = Instant::now();
            while height < newest {
                let to = newest.min(height + HEADERS);
                let range =
                    json!({ "minHeight": (height + 1).to_string(), "maxHeight": to.to_string() });
                let found = self.comet.call("blockchain", &range, PATIENCE).await;
                let found = found.map_err(|error| anyhow::anyhow!("blockchain: {error:?}"))?;
                let mut blocks = Vec::new();
                for meta in found["block_metas"].as_array().context("headers")? {
                    let height = meta["header"]["height"].as_str().unwrap_or("").parse()?;
                    let txs = meta["num_txs"].as_str().unwrap_or("").parse()?;
                    blocks.push(Seen { height, txs, at });
                }
                blocks.sort_by_key(|block| block.height);
                ensure!(blocks.len() as u64 == to - height, "headers are missing: {found}");
                self.committed
                    .fetch_add(blocks.iter().map(|block| block.txs).sum(), Ordering::Relaxed);
                self.blocks.lock().unwrap_or_else(PoisonError::into_inner).extend(blocks);
                height = to;
            }
        }
    }

    /// The committed blocks so far.
    pub(crate) fn blocks(&self) -> Vec<Seen> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn committed(&self) -> u64 {
        self.committed.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed).saturating_sub(self.committed())
    }

    /// Waits until every accepted transaction is in a block.
    pub(crate) async fn drain(&self) -> Result<()> {
        let began = Instant::now();
        while self.accepted.load(Ordering::Relaxed) != self.committed() {
            if began.elapsed() > Duration::from_mins(1) {
                let accepted = self.accepted.load(Ordering::Relaxed);
                bail!("{accepted} transactions were accepted, {} are in blocks", self.committed());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Hands one transaction in, again while the mempool is full (rule 2).
    async fn hand_in(&self, door: &CometBft, tx: &[u8]) -> Result<()> {
        let params = json!({ "tx": BASE64.encode(tx) });
        loop {
            match door.call("broadcast_tx_sync", &params, PATIENCE).await {
                Ok(checked) if checked["code"] == 0 => break,
                Err(CallError::Refused(error)) if error.to_string().contains("mempool is full") => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                other => bail!("a transaction was refused: {other:?}"),
            }
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Sends as fast as the system takes it, until `stop`.
    async fn saturate(&self, lane: &mut Lane, stop: &AtomicBool) -> Result<()> {
        while !stop.load(Ordering::Relaxed) {
            if self.waiting() >= self.window {
                tokio::time::sleep(Duration::from_millis(2)).await;
                continue;
            }
            let tx =
                lane.txs.next().context("too few transactions were signed: --signed-per-second")?;
            self.hand_in(&lane.door, &tx).await?;
        }
        Ok(())
    }

    /// Sends by the clock (rule 4).
    async fn pace(&self, lane: &mut Lane, pace: &Pace) -> Result<()> {
        loop {
            let number = pace.next.fetch_add(1, Ordering::Relaxed);
            let due = pace.began + pace.between.mul_f64(number as f64);
            if due >= pace.ends {
                return Ok(());
            }
            tokio::time::sleep_until(due.into()).await;
            let tx =
                lane.txs.next().context("too few transactions were signed: --signed-per-second")?;
            let hash: [u8; 32] = Sha256::digest(&tx).into();
            pace.due.lock().unwrap_or_else(PoisonError::into_inner).insert(hash, due);
            self.hand_in(&lane.door, &tx).await?;
        }
    }
}

/// Transactions by the clock.
struct Pace {
    began: Instant,
    ends: Instant,
    between: Duration,
    next: AtomicU64,
    due: Mutex<BTreeMap<[u8; 32], Instant>>,
}

/// Saturation of a system.
pub(crate) struct Saturated {
    lanes: JoinSet<Result<Lane>>,
    stop: Arc<AtomicBool>,
}

impl Saturated {
    pub(crate) fn start(load: &Arc<Load>, lanes: Vec<Lane>) -> Saturated {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for mut lane in lanes {
            let (load, stop) = (load.clone(), stop.clone());
            running.spawn(async move { load.saturate(&mut lane, &stop).await.map(|()| lane) });
        }
        Saturated { lanes: running, stop }
    }

    /// Ends the load; an error is that of the first lane that failed.
    pub(crate) async fn stop(self) -> Result<Vec<Lane>> {
        self.stop.store(true, Ordering::Relaxed);
        self.lanes.join_all().await.into_iter().collect()
    }
}

/// Sends `per_second` transactions for a time; returns the lanes and the sorted latencies.
pub(crate) async fn paced(
    load: &Arc<Load>,
    lanes: Vec<Lane>,
    per_second: f64,
    time: Duration,
) -> Result<(Vec<Lane>, Vec<Duration>)> {
    let first = load.blocks().len();
    let began = Instant::now();
    let pace = Arc::new(Pace {
        began,
        ends: began + time,
        between: Duration::from_secs_f64(1.0 / per_second),
        next: AtomicU64::new(0),
        due: Mutex::default(),
    });
    let mut running = JoinSet::new();
    for mut lane in lanes {
        let (load, pace) = (load.clone(), pace.clone());
        running.spawn(async move { load.pace(&mut lane, &pace).await.map(|()| lane) });
    }
    let lanes = running.join_all().await.into_iter().collect::<Result<Vec<_>>>()?;
    load.drain().await?;
    let mut due = std::mem::take(&mut *pace.due.lock().unwrap_or_else(PoisonError::into_inner));
    let mut latencies = Vec::with_capacity(due.len());
    for block in &load.blocks()[first..] {
        let params = json!({ "height": block.height.to_string() });
        let found = load.comet.call("block", &params, PATIENCE).await;
        let found = found.map_err(|error| anyhow::anyhow!("block: {error:?}"))?;
        for tx in found["block"]["data"]["txs"].as_array().into_iter().flatten() {
            let bytes = BASE64.decode(tx.as_str().unwrap_or(""))?;
            let hash: [u8; 32] = Sha256::digest(bytes).into();
            latencies.extend(due.remove(&hash).map(|due| block.at.saturating_duration_since(due)));
        }
    }
    ensure!(due.is_empty(), "{} transactions are in no block", due.len());
    latencies.sort();
    Ok((lanes, latencies))
}

/// A state of CometBFT for messages.
pub(crate) async fn unconfirmed(comet: &CometBft) -> Json {
    comet.demand("num_unconfirmed_txs", &json!({})).await.unwrap_or_default()
}
