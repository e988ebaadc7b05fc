//! What contracts cost: time with gas beside it, of whole transactions and of reads.
//!
//! `contracts/build.sh --out "$PWD/target/bench" invoices && cargo run --release -p dadbs-tests --example
//! bench_contracts -- target/bench/invoices.wasm`
//!
//! A time is one transaction's share of a block of 100: signature, fee, contract, capture, root and
//! commit included. What of it is above a transfer of coins is the contract's part, and what the goals are about.
//! A query is printed with bare SQLite's time for it, of rows in memory. Without an argument the rows of the
//! invoices are left out.
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

use anyhow::{Context as _, Result, anyhow, ensure};
use dadbs_app::{App, AppConfig};
use dadbs_proto::dadbs::contract::v1::{
    MsgExecute, MsgExecuteResponse, MsgInstantiate, ViewRequest, ViewResponse,
};
use dadbs_tests::{Chain, response};
use dadbs_types::{Code, Error, GasMeter, Value};
use dadbs_vm::testing::TestHost;
use dadbs_vm::{Access, Vm};
use prost_types::Any;
use std::time::Instant;

// As in the node.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Transactions in a block.
const BLOCK_TXS: usize = 100;
/// Blocks of which the quickest and the middle one are printed.
const BLOCKS: usize = 9;
/// Rows of the table that is analysed.
const ROWS: usize = 100_000;

/// The stock contract.
const DATABASE: &[u8] = include_bytes!("../../contracts/artifacts/database.wasm");

fn main() -> Result<()> {
    // As the node's core thread.
    let stack = dadbs_vm::NATIVE_STACK_BYTES + (16 << 20);
    let bench = std::thread::Builder::new().stack_size(stack).spawn(bench)?;
    bench.join().map_err(|_| anyhow!("the bench panicked"))?
}

fn bench() -> Result<()> {
    println!("{:52} {:>10} {:>10} {:>12} {:>9}", "", "least us", "middle us", "gas", "goal us");
    machine()?;
    let folder = tempfile::tempdir()?;
    let mut chain = Chain::over(App::open(&AppConfig::new(folder.path().join("chain")))?, 2);
    let transfer = |chain: &Chain, _| vec![chain.send(0, chain.address(1), 1)];
    let floor = transactions(&mut chain, "a transfer of coins, for comparison", None, transfer)?;
    if let Some(path) = std::env::args().nth(1) {
        let wasm = std::fs::read(&path).with_context(|| format!("{path}: build it first"))?;
        invoices(&mut chain, wasm, floor)?;
    }
    database(&mut chain, floor)
}

/// What the goal of a transaction is about.
#[derive(Clone, Copy)]
struct Goal {
    /// Microseconds above `floor`.
    us: f64,
    /// The least time of a transfer, microseconds.
    floor: f64,
}

/// One line: the times of some runs in microseconds, and what the goal is.
fn line(name: &str, mut times: Vec<f64>, gas: u64, goal: Option<f64>) {
    times.sort_by(f64::total_cmp);
    let (least, middle) = (times[0], times[times.len() / 2]);
    let goal = goal.map_or(String::new(), |goal| format!("{goal:.0}"));
    println!("{name:52} {least:>10.1} {middle:>10.1} {gas:>12} {goal:>9}");
}

fn timed(run: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    run()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}

/// The VM alone: what a call costs beside its contract, and what compiling once saves.
fn machine() -> Result<()> {
    let empty = r#"(module (memory (export "memory") 1) (func (export "dadbs_abi_1")) (func (export "call_run")))"#;
    let empty = wat::parse_str(empty)?;
    let vm = Vm::new(None)?;
    vm.validate(&empty)?;
    let code = vm.load(blake3::hash(&empty).as_bytes(), &mut || Ok(empty.clone()))?;
    let mut gas = 0;
    let mut warm = Vec::new();
    for _ in 0..BLOCKS {
        let time = timed(|| {
            for _ in 0..1_000 {
                let mut meter = GasMeter::new(1 << 40);
                vm.call(&code, "call_run", &[], &mut TestHost::new(), &mut meter, Access::Write)?;
                gas = meter.used();
            }
            Ok(())
        })?;
        warm.push(time / 1_000.0);
    }
    line("overhead of a warm call", warm, gas, Some(20.0));
    let hash = *blake3::hash(DATABASE).as_bytes();
    let (mut cold, mut warm) = (Vec::new(), Vec::new());
    for _ in 0..BLOCKS {
        let vm = Vm::new(None)?;
        let mut fetch = || -> Result<Vec<u8>, Error> { Ok(DATABASE.to_vec()) };
        cold.push(timed(|| {
            vm.validate(DATABASE)?;
            owner(&vm, &hash, &mut fetch)
        })?);
        warm.push(timed(|| (0..1_000).try_for_each(|_| owner(&vm, &hash, &mut fetch)))? / 1_000.0);
    }
    let least = |times: &[f64]| times.iter().copied().fold(f64::MAX, f64::min);
    let ratio = least(&cold) / least(&warm);
    line("stock contract, a view: compiled and called", cold, 0, None);
    line("stock contract, the same view: called again", warm, 0, None);
    println!(
        "{:52} {ratio:>9.0}x {:>10} {:>12} {:>9}",
        "compiled once is quicker by", "", "", "100x"
    );
    Ok(())
}

/// Looks the code up and calls a view of it, which the host gives no rows.
fn owner(
    vm: &Vm,
    hash: &[u8; 32],
    fetch: &mut dyn FnMut() -> Result<Vec<u8>, Error>,
) -> Result<()> {
    let code = vm.load(hash, fetch)?;
    let mut gas = GasMeter::new(1 << 40);
    let called = vm.call(&code, "view_owner", &[], &mut TestHost::new(), &mut gas, Access::Read);
    match called {
        Err(Error::Rejected(why)) if why.code != Code::WasmAbort => Err(anyhow!("{why}")),
        Err(Error::Fatal(fatal)) => Err(anyhow!("{fatal:?}")),
        Ok(_) | Err(Error::Rejected(_)) => Ok(()),
    }
}

/// Blocks of equal transactions: one's share, and its gas; gives the least share.
fn transactions(
    chain: &mut Chain,
    name: &str,
    goal: Option<Goal>,
    mut messages: impl FnMut(&Chain, usize) -> Vec<Any>,
) -> Result<f64> {
    let (mut times, mut gas, mut number) = (Vec::new(), 0, 0);
    for _ in 0..BLOCKS {
        let mut txs = Vec::new();
        for _ in 0..BLOCK_TXS {
            let messages = messages(chain, number);
            txs.push(chain.sign_with_gas(0, messages, 15_000_000));
            number += 1;
        }
        let start = Instant::now();
        let outcome = chain.block(txs);
        times.push(start.elapsed().as_secs_f64() * 1e6 / BLOCK_TXS as f64);
        for result in &outcome.tx_results {
            ensure!(result.is_ok(), "{name}: {}", result.log);
            gas = result.gas_used;
        }
    }
    let least = times.iter().copied().fold(f64::MAX, f64::min);
    let above = goal.map(|goal| times.iter().map(|time| time - goal.floor).collect());
    line(name, times, gas, None);
    if let (Some(goal), Some(above)) = (goal, above) {
        line("  of it above a transfer", above, 0, Some(goal.us));
    }
    Ok(least)
}

fn execute(chain: &Chain, contract: &str, entry: &str, arguments: Vec<Value>) -> Any {
    let message = MsgExecute {
        sender: chain.address(0).to_string(),
        contract: contract.into(),
        entry: entry.into(),
        arguments: arguments.into_iter().map(Into::into).collect(),
        funds: Vec::new(),
    };
    Any::from_msg(&message).expect("a message encodes")
}

fn invoices(chain: &mut Chain, wasm: Vec<u8>, floor: f64) -> Result<()> {
    let goal = |us| Some(Goal { us, floor });
    let code = chain.store_code(0, wasm);
    let message = MsgInstantiate {
        sender: chain.address(0).to_string(),
        code_id: code,
        name: "bills".into(),
        ..MsgInstantiate::default()
    };
    let made = chain.run(0, vec![Any::from_msg(&message)?]);
    ensure!(made.is_ok(), "{}", made.log);
    let draft = chain.call(0, "bills", "draft", vec!["bob".into()]);
    ensure!(draft.is_ok(), "{}", draft.log);
    let rows = response::<MsgExecuteResponse>(&draft).rows;
    let first = rows.first().cloned().map(Vec::<Value>::from).context("draft answers a number")?;
    let Some(Value::Integer(first)) = first.first().cloned() else {
        return Err(anyhow!("draft answers {first:?}"));
    };
    let add_line = |chain: &Chain, id: i64| {
        execute(chain, "bills", "line", vec![id.into(), "work".into(), 500i64.into()])
    };
    // Caller, state and count are checked, then CHECKs and a foreign key, then one row is written.
    let drafts = |chain: &Chain, _| vec![execute(chain, "bills", "draft", vec!["ann".into()])];
    transactions(chain, "validation: a row with three CHECKs, two indexes", goal(100.0), drafts)?;
    let checked = |chain: &Chain, number: usize| {
        let id = first + i64::try_from(number / 90).expect("a small number");
        vec![add_line(chain, id)]
    };
    transactions(chain, "validation: caller, state, count, foreign key", goal(100.0), checked)?;
    // Each transaction: a new invoice, three lines, issued, paid.
    let mut next = first + i64::try_from(BLOCKS * BLOCK_TXS)?;
    transactions(chain, "multi-step: draft, 3 lines, issue, pay", goal(1_000.0), |chain, _| {
        next += 1;
        let mut all = vec![execute(chain, "bills", "draft", vec!["eve".into()])];
        all.extend((0..3).map(|_| add_line(chain, next)));
        all.push(execute(chain, "bills", "issue", vec![next.into()]));
        all.push(execute(chain, "bills", "pay", vec![next.into(), 1_500i64.into()]));
        all
    })?;
    Ok(())
}

/// What a row of the analysed table holds.
fn sale(id: usize) -> Vec<Value> {
    let number = i64::try_from(id).expect("a small number");
    vec![
        number.into(),
        format!("region {}", id % 17).into(),
        (number * 37 % 10_000).into(),
        format!("2024-{:02}-{:02}", id % 12 + 1, id % 28 + 1).into(),
        format!("{}.{:02}", id % 1_000, id % 100).into(),
    ]
}

const SALE: &str =
    "CREATE TABLE sale(id INTEGER PRIMARY KEY, region TEXT, cents INTEGER, at TEXT, price TEXT)";
const INSERT: &str = "INSERT INTO sale VALUES (?, ?, ?, ?, ?)";
const REGIONS: &str =
    "SELECT region, count(*), sum(cents) FROM sale GROUP BY region ORDER BY 3 DESC";
const INDEX: &str = "CREATE INDEX sale_region ON sale(region, cents)";

/// The same rows in a database of SQLite's own, as rusqlite builds it.
fn bare() -> Result<rusqlite::Connection> {
    let mut connection = rusqlite::Connection::open_in_memory()?;
    connection.execute_batch(SALE)?;
    let block = connection.transaction()?;
    for id in 0..ROWS {
        let row = sale(id).into_iter().map(|value| match value {
            Value::Integer(number) => rusqlite::types::Value::Integer(number),
            Value::Text(text) => rusqlite::types::Value::Text(text),
            _ => rusqlite::types::Value::Null,
        });
        block.prepare_cached(INSERT)?.execute(rusqlite::params_from_iter(row))?;
    }
    block.commit()?;
    Ok(connection)
}

fn database(chain: &mut Chain, floor: f64) -> Result<()> {
    chain.create_database(0, "data");
    let made = chain.sql(0, "data", SALE);
    ensure!(made.is_ok(), "{}", made.log);
    for start in (0..ROWS).step_by(2_000) {
        large(chain, (INSERT, (start..start + 2_000).map(sale).collect()))?;
    }
    let goal = Some(Goal { us: 1_000.0, floor });
    transactions(chain, "transformation: UPDATE of 100 rows", goal, |chain, number| {
        let start = i64::try_from(number * 100 % ROWS).expect("a small number");
        let text = "UPDATE sale SET cents = cents * 2 % 9973, region = upper(region) WHERE id >= ? AND id < ?";
        vec![chain.exec(0, "data", &[(text, vec![vec![start.into(), (start + 100).into()]])])]
    })?;
    let bare = bare()?;
    analytics(
        chain,
        &bare,
        "100,000 rows, three sums",
        "SELECT count(*), sum(cents), max(cents) FROM sale",
    )?;
    analytics(chain, &bare, "100,000 rows by 17 regions, no index", REGIONS)?;
    large(chain, (INDEX, Vec::new()))?;
    bare.execute_batch(INDEX)?;
    analytics(chain, &bare, "100,000 rows by 17 regions, index", REGIONS)?;
    analytics(
        chain,
        &bare,
        "100,000 texts, exact decimal sum",
        "SELECT decimal_sum(price) FROM sale",
    )
}

/// A block of one statement with much gas.
fn large(chain: &mut Chain, statement: (&str, Vec<Vec<Value>>)) -> Result<()> {
    let message = chain.exec(0, "data", &[statement]);
    let tx = chain.sign_with_gas(0, vec![message], 1_000_000_000);
    let outcome = chain.block(vec![tx]);
    ensure!(outcome.tx_results[0].is_ok(), "{}", outcome.tx_results[0].log);
    Ok(())
}

/// A query, the same as a view, and bare SQLite's time if it knows the functions.
fn analytics(chain: &mut Chain, bare: &rusqlite::Connection, name: &str, sql: &str) -> Result<()> {
    let goal = Some(20_000.0);
    let query =
        (0..BLOCKS).map(|_| timed(|| chain.try_select("data", sql).map(drop).map_err(Into::into)));
    line(&format!("analytics: {name}"), query.collect::<Result<_>>()?, 0, goal);
    let request = ViewRequest {
        contract: "data".into(),
        entry: "query".into(),
        arguments: vec![Value::from(sql).into(), Value::Null.into()],
        ..ViewRequest::default()
    };
    let (mut times, mut gas) = (Vec::new(), 0);
    for _ in 0..BLOCKS {
        times.push(timed(|| {
            let answer: ViewResponse = chain.query("/dadbs.contract.v1.Query/View", &request)?;
            gas = answer.gas_used;
            Ok(())
        })?);
    }
    line("  the same as a view of the contract", times, gas, goal);
    let Ok(mut statement) = bare.prepare(sql) else { return Ok(()) };
    let times = (0..BLOCKS).map(|_| {
        timed(|| {
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        })
    });
    line("  bare SQLite", times.collect::<Result<_>>()?, 0, None);
    Ok(())
}
