//! Transactions per second of the core on one thread, against bare SQLite inserting the same rows.
//!
//! `cargo run --release -p dadbs-tests --example bench_core [-- ROWS BLOCKS]`: rows of the table before
//! the measurement, blocks of 1,000 transactions measured; 1,000,000 and 10 unless given.
//!
//! The unit is one signed transaction that writes one row of 100 bytes through the stock contract:
//! decoding, signature, sequence and fee rows, contract, capture, journal and root included.
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

use anyhow::{Result, anyhow, ensure};
use dadbs_app::tx::Tx;
use dadbs_app::{App, AppConfig};
use dadbs_sqlite::Connection;
use dadbs_tests::{CHAIN_ID, Chain};
use dadbs_types::Value;
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
    let mut chain = Chain::over(App::open(&AppConfig::new(folder.path().join("chain")))?, 2);
    chain.create_database(0, "bench");
    ensure!(chain.sql(0, "bench", CREATE).is_ok());

    let batched = fill(&mut chain, sizes.table_rows)?;
    let bare = Bare::new(&folder.path().join("bare.db"), sizes.table_rows)?;
    let single = one_row(&mut chain, &sizes)?;
    let bare_single = bare.insert(sizes.table_rows, sizes.blocks * BLOCK_TXS, BLOCK_TXS)?;

    let txs = (sizes.blocks * BLOCK_TXS) as f64;
    println!("\ntable of {} rows, blocks of {BLOCK_TXS} transactions", sizes.table_rows);
    println!("{:<44} {:>10} {:>10} {:>8}", "one row per transaction", "us/tx", "tx/s", "ratio");
    line("bare SQLite, the same rows, same blocks", bare_single, txs, None);
    line("core", single.total(), txs, Some(bare_single));
    println!("\nwhere the time of the core goes");
    for (name, time) in single.parts() {
        line(name, time, txs, None);
    }
    let rows = sizes.table_rows as f64;
    println!("\n{:<44} {:>10} {:>10} {:>8}", "batched rows", "us/row", "rows/s", "ratio");
    line("bare SQLite", bare.filled, rows, None);
    line("core, 2,000 rows per transaction", batched, rows, Some(bare.filled));
    Ok(())
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

#[derive(Default)]
struct Single {
    decode: Duration,
    signature: Duration,
    finalize: Duration,
    commit: Duration,
}

impl Single {
    fn total(&self) -> Duration {
        self.finalize + self.commit
    }

    fn parts(&self) -> Vec<(&'static str, Duration)> {
        let rest = self.finalize.saturating_sub(self.decode).saturating_sub(self.signature);
        vec![
            ("decode (measured apart)", self.decode),
            ("signature (measured apart)", self.signature),
            ("ante rows, contract, SQL, capture, journal, root", rest),
            ("commit", self.commit),
        ]
    }
}

fn one_row(chain: &mut Chain, sizes: &Sizes) -> Result<Single> {
    let mut spent = Single::default();
    for block in 0..sizes.blocks {
        let start = sizes.table_rows + block * BLOCK_TXS;
        let txs: Vec<_> = (start..start + BLOCK_TXS)
            .map(|id| {
                let message = chain.exec(0, "bench", &[(INSERT, vec![row(id)])]);
                chain.sign_with_gas(0, vec![message], 300_000)
            })
            .collect();
        let began = Instant::now();
        let decoded: Vec<Tx> = txs.iter().map(|tx| Tx::decode(tx)).collect::<Result<_, _>>()?;
        spent.decode += began.elapsed();
        let began = Instant::now();
        for tx in &decoded {
            tx.verify_signature(tx.sign_hash(CHAIN_ID, 0))?;
        }
        spent.signature += began.elapsed();
        let block = chain.next_block(txs);
        let began = Instant::now();
        let outcome = chain.app.finalize_block(&block)?;
        spent.finalize += began.elapsed();
        let began = Instant::now();
        chain.app.commit()?;
        spent.commit += began.elapsed();
        chain.height += 1;
        let failed = outcome.tx_results.iter().find(|result| !result.is_ok());
        ensure!(failed.is_none(), "{failed:?}");
    }
    Ok(spent)
}

/// The reference: the same build of SQLite, the same rows, the same transactions of the database.
struct Bare {
    connection: Connection,
    filled: Duration,
}

impl Bare {
    fn new(path: &std::path::Path, rows: usize) -> Result<Bare> {
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
