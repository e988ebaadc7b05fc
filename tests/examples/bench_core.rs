//! Transactions per second of the core on one thread, against bare SQLite inserting the same rows.
//!
//! `cargo run --release -p dadbs-tests --example bench_core [-- ROWS BLOCKS]`: rows of the table before
//! the measurement, blocks of 1,000 transactions measured; 1,000,000 and 10 unless given.
//!
//! The unit is one signed transaction that writes one row of 100 bytes through the stock contract:
//! decoding, signature, sequence and fee rows, contract, capture, journal and root included.
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

use anyhow::{Result, anyhow, ensure};
use dadbs_app::{App, AppConfig, Block};
use dadbs_sqlite::Connection;
use dadbs_tests::Chain;
use dadbs_types::Value;
use std::cell::RefCell;
use std::path::Path;
use std::time::{Duration, Instant};

// As in the node: the tree's many small nodes are what the allocator decides about.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Transactions in a block.
const BLOCK_TXS: usize = 1_000;
/// Rows of one batch transaction while the table is filled.
const BATCH_ROWS: usize = 2_000;

struct Sizes {
    table_rows: usize,
    blocks: usize,
}

fn row(id: usize) -> Vec<Value> {
    let text = format!("{id:->88}");
    vec![Value::Integer(i64::try_from(id).expect("a small id")), text.into()]
}

const CREATE: &str = "CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT NOT NULL)";
const INSERT: &str = "INSERT INTO item VALUES (?, ?)";

fn main() -> Result<()> {
    // As the node's core thread.
    let stack = dadbs_vm::NATIVE_STACK_BYTES + (16 << 20);
    let bench = std::thread::Builder::new().stack_size(stack).spawn(bench)?;
    bench.join().map_err(|_| anyhow!("the bench panicked"))?
}

fn bench() -> Result<()> {
    let sizes = std::env::args().skip(1).map(|size| size.parse());
    let sizes: Vec<usize> = sizes.collect::<Result<_, _>>()?;
    let sizes = Sizes {
        table_rows: sizes.first().copied().unwrap_or(1_000_000),
        blocks: sizes.get(1).copied().unwrap_or(10),
    };
    let folder = tempfile::tempdir()?;
    let home = folder.path().join("chain");
    let mut chain = Chain::over(App::open(&AppConfig::new(&home))?, 2);
    chain.create_database(0, "bench");
    ensure!(chain.sql(0, "bench", CREATE).is_ok());

    let batched = fill(&mut chain, sizes.table_rows)?;
    let bare = Bare::new(&folder.path().join("bare.db"), sizes.table_rows)?;
    let single = one_row(&mut chain, sizes.table_rows, sizes.blocks)?;
    let watched = sizes.table_rows + sizes.blocks * BLOCK_TXS;
    let (watched, parts) = tracing::subscriber::with_default(Watch, || {
        one_row(&mut chain, watched, sizes.blocks).map(|time| (time, Spans::take()))
    })?;
    let start_up = start_up(chain, &home)?;
    let bare_single = bare.insert(sizes.table_rows, sizes.blocks * BLOCK_TXS, BLOCK_TXS)?;

    let txs = (sizes.blocks * BLOCK_TXS) as f64;
    println!("\ntable of {} rows, blocks of {BLOCK_TXS} transactions", sizes.table_rows);
    println!("{:<44} {:>10} {:>10} {:>8}", "one row per transaction", "us/tx", "tx/s", "ratio");
    line("bare SQLite, the same rows, same blocks", bare_single, txs, None);
    line("core", single, txs, Some(bare_single));
    println!("\nwhere the time of the core goes (of as many blocks more, with every part watched)");
    for (name, time) in &parts {
        line(name, *time, txs, None);
    }
    line(
        "between the parts",
        watched.saturating_sub(parts.iter().map(|part| part.1).sum()),
        txs,
        None,
    );
    let rows = sizes.table_rows as f64;
    println!("\n{:<44} {:>10} {:>10} {:>8}", "batched rows", "us/row", "rows/s", "ratio");
    line("bare SQLite", bare.filled, rows, None);
    line("core, 2,000 rows per transaction", batched, rows, Some(bare.filled));
    println!("\nstart-up");
    for (name, time) in start_up {
        println!("{name:<44} {:>10.2} s", time.as_secs_f64());
    }
    Ok(())
}

/// How long the folder takes to open again.
fn start_up(chain: Chain, home: &Path) -> Result<[(&'static str, Duration); 3]> {
    let info = chain.next_block(Vec::new()).info;
    drop(chain);
    let open = |verify_rows| -> Result<Duration> {
        let began = Instant::now();
        App::open(&AppConfig { verify_rows, ..AppConfig::new(home) })?;
        Ok(began.elapsed())
    };
    let (restored, compared) = (open(false)?, open(true)?);
    let mut app = App::open(&AppConfig { checkpoint_interval: 1, ..AppConfig::new(home) })?;
    app.finalize_block(&Block { info, txs: Vec::new() })?;
    app.commit()?;
    drop(app);
    Ok([
        ("tree rebuilt from the rows", restored),
        ("and every row compared with it", compared),
        ("tree read from a checkpoint", open(false)?),
    ])
}

fn line(name: &str, time: Duration, count: f64, reference: Option<Duration>) {
    let micros = time.as_secs_f64() * 1e6 / count;
    let ratio = reference
        .map(|reference| format!("{:.2}x", time.as_secs_f64() / reference.as_secs_f64()))
        .unwrap_or_default();
    println!("{name:<44} {micros:>10.1} {:>10.0} {ratio:>8}", 1e6 / micros);
}

/// Fills the table by batches; returns the time of execution and commit, without signing.
fn fill(chain: &mut Chain, rows: usize) -> Result<Duration> {
    let mut spent = Duration::ZERO;
    for start in (0..rows).step_by(BATCH_ROWS) {
        let batch: Vec<_> = (start..rows.min(start + BATCH_ROWS)).map(row).collect();
        let message = chain.exec(0, "bench", &[(INSERT, batch)]);
        let tx = chain.sign_with_gas(0, vec![message], 1_000_000_000);
        let began = Instant::now();
        let outcome = chain.block(vec![tx]);
        spent += began.elapsed();
        ensure!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
        if start % 100_000 == 0 {
            eprintln!("filled {start} of {rows} rows");
        }
    }
    Ok(spent)
}

/// Executes and commits blocks of one-row transactions; returns the time without signing.
fn one_row(chain: &mut Chain, start: usize, blocks: usize) -> Result<Duration> {
    let mut spent = Duration::ZERO;
    for block in 0..blocks {
        let start = start + block * BLOCK_TXS;
        let txs: Vec<_> = (start..start + BLOCK_TXS)
            .map(|id| {
                let message = chain.exec(0, "bench", &[(INSERT, vec![row(id)])]);
                chain.sign_with_gas(0, vec![message], 300_000)
            })
            .collect();
        let block = chain.next_block(txs);
        let began = Instant::now();
        let outcome = chain.apply(&block);
        spent += began.elapsed();
        let failed = outcome.tx_results.iter().find(|result| !result.is_ok());
        ensure!(failed.is_none(), "{failed:?}");
    }
    Ok(spent)
}

thread_local! {
    static SPANS: RefCell<Spans> = RefCell::default();
}

/// The time of each span of the core, without that of the spans inside it.
#[derive(Default)]
struct Spans {
    made: &'static str,
    /// Name, start, time of the spans inside.
    open: Vec<(&'static str, Instant, Duration)>,
    times: Vec<(&'static str, Duration)>,
}

impl Spans {
    fn take() -> Vec<(&'static str, Duration)> {
        SPANS.with_borrow_mut(|spans| std::mem::take(&mut spans.times))
    }

    fn exit(&mut self) {
        let Some((name, began, inside)) = self.open.pop() else { return };
        let whole = began.elapsed();
        if let Some((_, _, of_parent)) = self.open.last_mut() {
            *of_parent += whole;
        }
        let own = whole.saturating_sub(inside);
        match self.times.iter_mut().find(|(known, _)| *known == name) {
            Some((_, time)) => *time += own,
            None => self.times.push((name, own)),
        }
    }
}

/// Watches the spans of this thread: each is entered once, as soon as it is made.
struct Watch;

impl tracing::Subscriber for Watch {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target().starts_with("dadbs")
    }

    fn new_span(&self, attributes: &tracing::span::Attributes<'_>) -> tracing::Id {
        SPANS.with_borrow_mut(|spans| spans.made = attributes.metadata().name());
        tracing::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::Id, _: &tracing::Id) {}

    fn event(&self, _: &tracing::Event<'_>) {}

    fn enter(&self, _: &tracing::Id) {
        SPANS
            .with_borrow_mut(|spans| spans.open.push((spans.made, Instant::now(), Duration::ZERO)));
    }

    fn exit(&self, _: &tracing::Id) {
        SPANS.with_borrow_mut(Spans::exit);
    }
}

/// The reference: the same build of SQLite, the same rows, the same transactions of the database.
struct Bare {
    connection: Connection,
    filled: Duration,
}

impl Bare {
    fn new(path: &Path, rows: usize) -> Result<Bare> {
        let connection = Connection::open_writer(path)?;
        connection.batch(CREATE)?;
        let mut bare = Bare { connection, filled: Duration::ZERO };
        bare.filled = bare.insert(0, rows, BATCH_ROWS)?;
        Ok(bare)
    }

    fn insert(&self, start: usize, rows: usize, per_transaction: usize) -> Result<Duration> {
        let rows: Vec<_> = (start..start + rows).map(row).collect();
        let began = Instant::now();
        for chunk in rows.chunks(per_transaction) {
            self.connection.batch("BEGIN")?;
            for row in chunk {
                self.connection.execute(INSERT, &[&row[0], &row[1]])?;
            }
            self.connection.capture_truncate(0);
            self.connection.batch("COMMIT")?;
        }
        Ok(began.elapsed())
    }
}
