//! What the store costs on top of bare SQLite, on the same machine in the same run.
//!
//! `cargo run --release -p dadbs-store --example bench_store [rows before, default 1,000,000]`
//!
//! The table has rows of 100 B and an integer key. Bare SQLite is the same build without capture: a
//! table named `node_...`, which the hook leaves out, written by the same prepared statement.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use dadbs_sqlite::Connection;
use dadbs_store::{Store, StoreConfig};
use dadbs_types::{GasMeter, Value};
use std::path::Path;
use std::time::{Duration, Instant};

const INSERT: &str = "INSERT INTO t VALUES (?, ?)";
const TXS_PER_BLOCK: i64 = 1_000;

fn row(id: i64) -> Vec<Value> {
    // Keys as they come from many users: not in order.
    let key = id.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64.cast_signed()) >> 1;
    vec![key.into(), Value::Blob(vec![id.to_le_bytes()[0]; 92])]
}

fn rows(ids: std::ops::Range<i64>) -> Vec<Vec<Value>> {
    ids.map(row).collect()
}

/// CPU time of this thread, which other work on the machine disturbs less than the clock.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text.split_whitespace().next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

/// Microseconds per row.
#[derive(Clone, Copy)]
struct Cost {
    wall: f64,
    cpu: f64,
}

impl Cost {
    fn of(wall: Duration, cpu: Duration, rows: i64) -> Cost {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / rows as f64;
        Cost { wall: each(wall), cpu: each(cpu) }
    }
}

#[derive(Default)]
struct Parts {
    begin: Duration,
    exec: Duration,
    end: Duration,
    finish: Duration,
    commit: Duration,
}

impl Parts {
    fn total(&self) -> Duration {
        self.begin + self.exec + self.end + self.finish + self.commit
    }
}

fn timed<T>(sum: &mut Duration, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let done = work();
    *sum += start.elapsed();
    done
}

/// A block of transactions with `batch` rows each.
fn block(store: &mut Store, ids: std::ops::Range<i64>, batch: usize, parts: &mut Parts) {
    let rows = rows(ids);
    let mut gas = GasMeter::new(u64::MAX);
    store.begin_block(store.height() + 1, 0).expect("begin");
    for batch in rows.chunks(batch) {
        timed(&mut parts.begin, || store.begin_tx([1; 32])).expect("begin_tx");
        timed(&mut parts.exec, || store.exec(1, INSERT, batch, &mut gas)).expect("insert");
        timed(&mut parts.end, || store.commit_tx()).expect("commit_tx");
    }
    timed(&mut parts.finish, || store.finish_block()).expect("finish");
    timed(&mut parts.commit, || store.commit()).expect("commit");
}

/// The same rows with the same build and no capture.
fn bare(folder: &Path, before: i64, blocks: i64, savepoints: bool) -> Cost {
    let path = folder.join(format!("bare-{savepoints}.db"));
    let connection = Connection::open_writer(&path).expect("open");
    connection.batch("CREATE TABLE node_t(k INTEGER PRIMARY KEY, v BLOB) STRICT").expect("create");
    let insert = |ids: std::ops::Range<i64>| {
        let rows = rows(ids);
        let (start, cpu_before) = (Instant::now(), cpu());
        connection.execute("BEGIN", &[]).expect("begin");
        for row in &rows {
            if savepoints {
                connection.execute("SAVEPOINT s", &[]).expect("savepoint");
            }
            let sql = "INSERT INTO node_t VALUES (?, ?)";
            connection.execute(sql, &[&row[0], &row[1]]).expect("insert");
            if savepoints {
                connection.execute("RELEASE s", &[]).expect("release");
            }
        }
        connection.execute("COMMIT", &[]).expect("commit");
        (start.elapsed(), cpu().saturating_sub(cpu_before))
    };
    insert(0..before);
    let ids = |block| before + block * TXS_PER_BLOCK..before + (block + 1) * TXS_PER_BLOCK;
    let times: Vec<_> = (0..blocks).map(|block| insert(ids(block))).collect();
    let wall = times.iter().map(|(wall, _)| *wall).sum();
    let cpu = times.iter().map(|(_, cpu)| *cpu).sum();
    Cost::of(wall, cpu, blocks * TXS_PER_BLOCK)
}

fn print_parts(name: &str, parts: &Parts, cpu: Duration, count: i64, bare: Cost) {
    let total = Cost::of(parts.total(), cpu, count);
    let part = |time| Cost::of(time, cpu, count).wall;
    println!(
        "{name:28} {:7.2} us CPU, {:8.0}/s, {:.2}x of bare SQLite ({:.2} us CPU)\n\
         {:28} {:7.2} us wall = begin {:.2} + exec {:.2} + end {:.2} + finish {:.2} + commit {:.2}, \
         {:.2}x of bare SQLite ({:.2} us wall)",
        total.cpu,
        1e6 / total.cpu,
        total.cpu / bare.cpu,
        bare.cpu,
        "",
        total.wall,
        part(parts.begin),
        part(parts.exec),
        part(parts.end),
        part(parts.finish),
        part(parts.commit),
        total.wall / bare.wall,
        bare.wall
    );
}

fn main() {
    let before: i64 = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000_000);
    let folder = tempfile::tempdir().expect("folder");
    let mut config = StoreConfig::new(folder.path().join("store"));
    config.checkpoint_interval = 0;
    let mut store = Store::open(config.clone()).expect("open");
    let mut gas = GasMeter::new(u64::MAX);
    store.begin_block(1, 0).expect("begin");
    let create = "CREATE TABLE t(k INTEGER PRIMARY KEY, v BLOB) STRICT";
    store.exec(1, create, &[], &mut gas).expect("create");
    store.finish_block().expect("finish");
    store.commit().expect("commit");
    let mut next = 0;
    while next < before {
        let end = before.min(next + 50_000);
        block(&mut store, next..end, 10_000, &mut Parts::default());
        next = end;
    }
    println!("{before} rows of 100 B before; blocks of {TXS_PER_BLOCK} rows; one thread\n");
    let blocks = 20;
    let bare_tx = bare(folder.path(), before, blocks, true);
    let bare_row = bare(folder.path(), before, blocks, false);
    for (name, batch, bare) in
        [("one row per transaction", 1, bare_tx), ("1,000 rows per transaction", 1_000, bare_row)]
    {
        let (mut parts, cpu_before) = (Parts::default(), cpu());
        for _ in 0..blocks {
            block(&mut store, next..next + TXS_PER_BLOCK, batch, &mut parts);
            next += TXS_PER_BLOCK;
        }
        let used = cpu().saturating_sub(cpu_before);
        print_parts(name, &parts, used, blocks * TXS_PER_BLOCK, bare);
    }
    start_up(store, &config);
}

fn start_up(store: Store, config: &StoreConfig) {
    let leaves = store.leaves();
    let (written, ()) = measured(|| store.checkpoint_now().run().expect("checkpoint"));
    drop(store);
    let (from_checkpoint, store) = measured(|| Store::open(config.clone()).expect("open"));
    drop(store);
    std::fs::remove_dir_all(config.dir.join("checkpoints")).expect("remove the checkpoints");
    let (from_rows, store) = measured(|| Store::open(config.clone()).expect("open"));
    let (verified, report) = measured(|| store.verify_rows().expect("verify"));
    report.check().expect("rows are those of the tree");
    println!("\nstart with {leaves} leaves");
    println!("  checkpoint written               {written:8.2} s");
    println!("  from the checkpoint              {from_checkpoint:8.2} s");
    println!("  rebuilt from the rows            {from_rows:8.2} s");
    println!("  all rows compared with the tree  {verified:8.2} s");
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("  {line}");
    }
}

fn measured<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let done = work();
    (start.elapsed().as_secs_f64(), done)
}
