//! What a node tells Prometheus. Every name is here and nowhere else.
//!
//! 1. Names begin with `dadbs_` and use base units; counters end in `_total`.
//! 2. A label takes few values: never an address, a hash or a text of a user.
//! 3. `/metrics` answers ours and then CometBFT's, so that a node is one target; CometBFT's are left out while it
//!    does not answer.

use crate::error::NodeError;
use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use dadbs_app::{BlockOutcome, TxResult};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use prometheus_client::encoding::{EncodeLabelSet, text::encode};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use prost::bytes::Bytes;
use std::future::Future;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpListener;

/// Files of a home whose size is told.
const FILES: [&str; 4] = ["app/state.db", "app/state.db-wal", "index.db", "index.db-wal"];
/// How long CometBFT may take to answer (rule 3), and how much it may say.
const COMETBFT_WAIT: Duration = Duration::from_secs(1);
const COMETBFT_BYTES_MAX: usize = 4 << 20;

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ResultLabels {
    code: u32,
    codespace: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct PhaseLabels {
    phase: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FileLabels {
    file: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    path: String,
    status: String,
}

/// The counters of a node; recording never blocks.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    height: Gauge,
    blocks: Counter,
    foreseen: Counter,
    block_txs: Histogram,
    block_gas_used: Histogram,
    results: Family<ResultLabels, Counter>,
    checks: Family<ResultLabels, Counter>,
    phases: Family<PhaseLabels, Histogram>,
    leaves: Gauge,
    files: Family<FileLabels, Gauge>,
    calls: Family<CallLabels, Counter>,
    call_seconds: Histogram,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_05, 2.0, 18))
}

impl Default for Metrics {
    fn default() -> Metrics {
        let mut registry = Registry::with_prefix("dadbs");
        // Prometheus' own text form has no type for facts: a gauge of 1 carries them.
        let versions = Family::<[(&str, &str); 2], Gauge>::default();
        let facts = [("version", env!("CARGO_PKG_VERSION")), ("sqlite", rusqlite::version())];
        versions.get_or_create(&facts).set(1);
        registry.register("build_info", "What this binary is made of", versions);
        let phases = Family::new_with_constructor(seconds as fn() -> Histogram);
        let metrics = Metrics {
            height: Gauge::default(),
            blocks: Counter::default(),
            foreseen: Counter::default(),
            block_txs: Histogram::new(exponential_buckets(1.0, 2.0, 14)),
            block_gas_used: Histogram::new(exponential_buckets(100_000.0, 2.0, 16)),
            results: Family::default(),
            checks: Family::default(),
            phases,
            leaves: Gauge::default(),
            files: Family::default(),
            calls: Family::default(),
            call_seconds: seconds(),
            registry,
        };
        metrics.registered()
    }
}

impl Metrics {
    fn registered(mut self) -> Metrics {
        let registry = &mut self.registry;
        registry.register("block_height", "The last committed height", self.height.clone());
        registry.register("blocks", "Blocks committed since the start", self.blocks.clone());
        let help = "Blocks that were executed while the validators voted on them";
        registry.register("blocks_foreseen", help, self.foreseen.clone());
        registry.register("block_txs", "Transactions of a block", self.block_txs.clone());
        registry.register("block_gas_used", "Gas used by a block", self.block_gas_used.clone());
        let help = "Executed transactions by code; 0 is success";
        registry.register("tx_results", help, self.results.clone());
        let help = "Transactions checked for the mempool, by code";
        registry.register("checks", help, self.checks.clone());
        let help = "Time of the parts of a block: execute (with the root), commit, check";
        registry.register_with_unit("phase", help, Unit::Seconds, self.phases.clone());
        let help = "Leaves of the state tree: rows and schema objects";
        registry.register("tree_leaves", help, self.leaves.clone());
        let help = "Size of the node's files";
        registry.register_with_unit("file", help, Unit::Bytes, self.files.clone());
        registry.register("calls", "gRPC and RPC calls by path and status", self.calls.clone());
        let help = "Time of gRPC and RPC calls";
        registry.register_with_unit("call", help, Unit::Seconds, self.call_seconds.clone());
        self
    }

    fn phase(&self, phase: &'static str, began: Instant) {
        self.phases.get_or_create(&PhaseLabels { phase }).observe(began.elapsed().as_secs_f64());
    }

    /// A block, or a proposal, was executed.
    pub fn executed(&self, began: Instant) {
        self.phase("execute", began);
    }

    /// A decided block has this outcome; `foreseen` if it was executed as a proposal.
    #[expect(clippy::cast_precision_loss, reason = "a histogram rounds anyway")]
    pub fn decided(&self, outcome: &BlockOutcome, foreseen: bool) {
        self.foreseen.inc_by(u64::from(foreseen));
        let gas = outcome.tx_results.iter().map(|result| result.gas_used).sum::<u64>();
        self.block_txs.observe(outcome.tx_results.len() as f64);
        self.block_gas_used.observe(gas as f64);
        for result in &outcome.tx_results {
            self.results.get_or_create(&labels(result)).inc();
        }
    }

    /// A block was committed, at this height, with this many leaves.
    pub fn committed(&self, height: u64, leaves: usize, began: Instant) {
        self.phase("commit", began);
        self.blocks.inc();
        self.height.set(height.cast_signed());
        self.leaves.set(leaves.cast_signed() as i64);
    }

    /// A transaction was checked.
    pub fn checked(&self, result: &TxResult, began: Instant) {
        self.phase("check", began);
        self.checks.get_or_create(&labels(result)).inc();
    }

    /// A call was answered. `path` is one of the table's (rule 2).
    pub fn called(&self, path: &str, status: &str, began: Instant) {
        let labels = CallLabels { path: path.into(), status: status.into() };
        self.calls.get_or_create(&labels).inc();
        self.call_seconds.observe(began.elapsed().as_secs_f64());
    }

    /// The text of all metrics; sizes are those of the files in `home` now.
    pub fn text(&self, home: &Path) -> Result<String, std::fmt::Error> {
        for file in FILES {
            // Absent until the first write.
            let bytes = std::fs::metadata(home.join(file)).map_or(0, |file| file.len());
            self.files.get_or_create(&FileLabels { file }).set(bytes.cast_signed());
        }
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

fn labels(result: &TxResult) -> ResultLabels {
    ResultLabels { code: result.code, codespace: result.codespace.clone() }
}

struct Served {
    metrics: Arc<Metrics>,
    home: PathBuf,
    cometbft: Option<SocketAddr>,
}

/// Serves `/metrics` until `stop` resolves. `cometbft` is where CometBFT serves its own (rule 3).
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    home: PathBuf,
    cometbft: Option<SocketAddr>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), NodeError> {
    let served = Arc::new(Served { metrics, home, cometbft });
    let router = Router::new().route("/metrics", get(answer)).with_state(served);
    axum::serve(listener, router)
        .with_graceful_shutdown(stop)
        .await
        .map_err(|error| NodeError::Config(format!("the metrics server: {error}")))
}

async fn answer(State(served): State<Arc<Served>>) -> impl IntoResponse {
    let ours = served.metrics.text(&served.home).unwrap_or_default();
    // Prometheus reads one text: ours ends with a line that says so.
    let mut text = ours.trim_end_matches("# EOF\n").to_string();
    if let Some(addr) = served.cometbft {
        text.push_str(&of_cometbft(addr).await.unwrap_or_default());
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

async fn of_cometbft(addr: SocketAddr) -> Option<String> {
    let client: Client<HttpConnector, Empty<Bytes>> =
        Client::builder(TokioExecutor::new()).build_http();
    let uri = format!("http://{addr}/metrics").parse().ok()?;
    let fetched = async {
        let response = client.get(uri).await.ok()?;
        let body = Limited::new(response.into_body(), COMETBFT_BYTES_MAX).collect().await.ok()?;
        String::from_utf8(body.to_bytes().into()).ok()
    };
    tokio::time::timeout(COMETBFT_WAIT, fetched).await.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_names_have_the_prefix_and_base_units() {
        let metrics = Metrics::default();
        let began = Instant::now();
        let failed = TxResult { code: 5, codespace: "sdk".into(), ..TxResult::default() };
        metrics.checked(&failed, began);
        let outcome = BlockOutcome {
            tx_results: vec![TxResult::default(), failed],
            events: Vec::new(),
            validator_updates: Vec::new(),
            consensus_params: None,
            app_hash: [0; 32],
        };
        metrics.executed(began);
        metrics.decided(&outcome, true);
        metrics.committed(7, 12, began);
        metrics.called("/dadbs.sql.v1.Query/Query", "OK", began);
        let folder = tempfile::tempdir().unwrap();
        let text = metrics.text(folder.path()).unwrap();
        for line in [
            "dadbs_block_height 7",
            "dadbs_blocks_total 1",
            "dadbs_blocks_foreseen_total 1",
            "dadbs_tree_leaves 12",
            r#"dadbs_tx_results_total{code="5",codespace="sdk"} 1"#,
            r#"dadbs_checks_total{code="5",codespace="sdk"} 1"#,
            r#"dadbs_calls_total{path="/dadbs.sql.v1.Query/Query",status="OK"} 1"#,
            r#"dadbs_file_bytes{file="app/state.db"} 0"#,
            r#"dadbs_phase_seconds_count{phase="commit"} 1"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("dadbs_"), "{line}");
        }
        for line in text.lines().filter(|line| line.starts_with("# TYPE")) {
            let kind = line.rsplit(' ').next().unwrap();
            assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
        }
    }
}
