//! The thread that owns the application.
//!
//! 1. One OS thread owns the [`App`] and with it the only writer; everybody else sends commands.
//! 2. Commands of consensus run before reads that need the writer (simulate, explain).
//! 3. Those reads wait while an executed block is uncommitted, and are refused when too many wait.
//! 4. Checks of transactions run on their callers' threads: what needs no order in parallel, the rest one
//!    after the other. A commit does not wait for them: it says that they begin anew.
//! 5. A proposal that is accepted is executed at once, while the validators vote on it. If exactly this block is
//!    decided, FinalizeBlock finds its outcome; any other command of consensus drops it, and so does a read that
//!    has waited [`CANDIDATE_PATIENCE`] for a decision.
//! 6. A fault is kept, every later command answers with it, and the top of the node sees it and ends the
//!    process. A panic in the thread is a fault.

use crate::metrics::Metrics;
use dadbs_app::{
    App, AppConfig, Block, BlockOutcome, ChainParams, CheckKind, Checker, Genesis, Info,
    OpenChallenges, Precheck, Prechecked, Queries, TxResult,
};
use dadbs_proto::dadbs::rewards::v1::MsgSubmitStorageProof;
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, ExplainResponse};
use dadbs_store::RowProof;
use dadbs_types::{AccountAddress, Code, Error, Fatal, Hash, Rejection, Value};
use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{oneshot, watch};

/// Native stack of the thread, bytes: a contract's call finds all it needs, and 16 MiB are left for what is
/// below it. Addresses only; pages are mapped when they are touched.
const STACK_BYTES: usize = dadbs_vm::NATIVE_STACK_BYTES + (16 << 20);
/// Threads that check transactions at once, the caller's among them.
const PRECHECK_THREADS: usize = 4;
/// Transactions for which a thread of its own pays.
const PRECHECK_SHARE: usize = 8;
/// Reads that may wait for the writer (rule 3).
const WAITING_READS_MAX: usize = 16;
/// How long reads wait for the decision on a proposal that was executed (rule 5).
const CANDIDATE_PATIENCE: Duration = Duration::from_secs(1);

type Job = Box<dyn FnOnce(&mut App) + Send>;

#[derive(Default)]
struct Queue {
    consensus: VecDeque<Job>,
    reads: VecDeque<Job>,
    block_is_open: bool,
    candidate: Option<Candidate>,
    closed: bool,
}

/// A proposal that executes or was executed, and is not decided (rule 5).
struct Candidate {
    block: Arc<Block>,
    outcome: oneshot::Receiver<Result<BlockOutcome, Fatal>>,
    began: Instant,
}

impl Queue {
    /// How long reads must wait yet; none if only a command can tell.
    fn reads_wait(&self) -> Option<Duration> {
        if self.block_is_open {
            return None;
        }
        let waited = self.candidate.as_ref().map_or(CANDIDATE_PATIENCE, |it| it.began.elapsed());
        Some(CANDIDATE_PATIENCE.saturating_sub(waited))
    }
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    fault: watch::Sender<Option<Fatal>>,
    metrics: Arc<Metrics>,
    committed: watch::Sender<Info>,
    /// Counts the commits after which checks begin anew (rule 4).
    commits: AtomicU64,
    /// Set once genesis is applied: none exists before.
    readers: OnceLock<Readers>,
}

struct Readers {
    precheck: Precheck,
    checker: Mutex<Ordered>,
    queries: Queries,
    params: ChainParams,
}

/// The checks that follow the mempool's order, and the commit that they follow.
struct Ordered {
    checker: Checker,
    commits: u64,
}

/// A handle of the application; clones share it.
#[derive(Clone)]
pub struct Core {
    shared: Arc<Shared>,
}

/// Joins the thread when the node ends.
pub struct CoreThread {
    core: Core,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a panic said.
pub(crate) fn panic_text(payload: &(dyn std::any::Any + Send)) -> String {
    if let Some(fatal) = payload.downcast_ref::<Fatal>() {
        fatal.message.clone()
    } else if let Some(text) = payload.downcast_ref::<&str>() {
        (*text).to_string()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_string()
    }
}

/// `DADBS_FAILPOINT=name:nth` kills the process when this thread reaches that step for the nth time, and
/// `name:nth:micros` so much later, in the middle of what follows the step.
#[cfg(feature = "failpoints")]
fn arm_failpoint() {
    use dadbs_store::failpoint::{Action, NAMES, arm};
    let Ok(asked) = std::env::var("DADBS_FAILPOINT") else { return };
    let mut parts = asked.split(':');
    let name = parts.next().and_then(|name| NAMES.iter().find(|known| **known == name));
    let numbers: Vec<u64> = parts.map_while(|part| part.parse().ok()).collect();
    match (name, &numbers[..]) {
        (Some(name), [nth]) => arm(name, *nth, Action::Kill),
        (Some(name), [nth, micros]) => arm(name, *nth, Action::KillDuring(*micros)),
        _ => panic!("DADBS_FAILPOINT names a step, a count, and perhaps microseconds: {asked}"),
    }
}

impl CoreThread {
    /// Opens the application and starts its thread.
    pub fn start(config: AppConfig) -> Result<CoreThread, Fatal> {
        let (opened, answer) = std::sync::mpsc::sync_channel(1);
        let builder = std::thread::Builder::new().name("core".into()).stack_size(STACK_BYTES);
        let thread = builder
            .spawn(move || {
                #[cfg(feature = "failpoints")]
                arm_failpoint();
                let started = App::open(&config).and_then(|app| {
                    let shared = Arc::new(Shared {
                        queue: Mutex::default(),
                        wake: Condvar::new(),
                        fault: watch::channel(None).0,
                        committed: watch::channel(app.info()).0,
                        commits: AtomicU64::new(0),
                        metrics: Arc::default(),
                        readers: OnceLock::new(),
                    });
                    if app.info().initialized {
                        open_readers(&app, &shared)?;
                    }
                    Ok((app, shared))
                });
                match started {
                    Ok((app, shared)) => {
                        // The starter waits for this answer; it cannot be gone.
                        if opened.send(Ok(Core { shared: shared.clone() })).is_ok() {
                            run(app, &shared);
                        }
                    }
                    Err(fatal) => drop(opened.send(Err(fatal))),
                }
            })
            .map_err(|error| Fatal::new(format!("cannot start the core's thread: {error}")))?;
        let core = answer
            .recv()
            .map_err(|_| Fatal::new("the application panicked while it was opened"))??;
        Ok(CoreThread { core, thread: Some(thread) })
    }

    /// A handle.
    pub fn core(&self) -> Core {
        self.core.clone()
    }

    /// Ends the thread after the commands that wait, and closes the store.
    pub fn stop(mut self) {
        self.close();
    }

    fn close(&mut self) {
        locked(&self.core.shared.queue).closed = true;
        self.core.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was recorded as a fault before.
            drop(thread.join());
        }
    }
}

impl Drop for CoreThread {
    fn drop(&mut self) {
        self.close();
    }
}

fn no_genesis() -> Rejection {
    Rejection::new(Code::InvalidRequest, "the chain has no genesis yet; try again")
}

/// The next command, and whether the candidate is dropped for it.
fn next_job(shared: &Shared) -> Option<(Job, bool)> {
    let mut queue = locked(&shared.queue);
    loop {
        if let Some(job) = queue.consensus.pop_front() {
            return Some((job, false));
        }
        let mut wait = None;
        if !queue.reads.is_empty() {
            wait = queue.reads_wait();
            if wait == Some(Duration::ZERO)
                && let Some(job) = queue.reads.pop_front()
            {
                return Some((job, queue.candidate.take().is_some()));
            }
        }
        if queue.closed {
            return None;
        }
        queue = match wait {
            Some(wait) => {
                let woken = shared.wake.wait_timeout(queue, wait);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
            None => shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner),
        };
    }
}

fn execute(app: &mut App, block: &Block, metrics: &Metrics) -> Result<BlockOutcome, Fatal> {
    let began = Instant::now();
    let outcome = app.finalize_block(block)?;
    metrics.executed(began);
    Ok(outcome)
}

fn run(mut app: App, shared: &Shared) {
    while let Some((job, displaces)) = next_job(shared) {
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
            if displaces && let Err(fatal) = app.drop_executed() {
                record(shared, &fatal);
            }
            job(&mut app);
        }));
        if let Err(payload) = outcome {
            let text = panic_text(payload.as_ref());
            record(shared, &Fatal::new(format!("the core panicked: {text}")));
        }
        if shared.fault.borrow().is_some() {
            // Dropped jobs answer their senders with the fault (rule 6).
            let mut queue = locked(&shared.queue);
            queue.closed = true;
            queue.consensus.clear();
            queue.reads.clear();
            return;
        }
    }
}

/// Runs the checks that need no order on up to [`PRECHECK_THREADS`] threads.
fn precheck_all(precheck: &Precheck, txs: &[(&[u8], CheckKind)]) -> Result<Vec<Prechecked>, Fatal> {
    let share = txs.len().div_ceil(PRECHECK_THREADS).max(PRECHECK_SHARE);
    let mut shares = txs.chunks(share);
    let Some(own) = shares.next() else { return Ok(Vec::new()) };
    std::thread::scope(|scope| {
        let others: Vec<_> = shares.map(|share| scope.spawn(move || precheck.run(share))).collect();
        let mut checked = precheck.run(own)?;
        for other in others {
            let ended = other.join().map_err(|panic| {
                let text = panic_text(panic.as_ref());
                Fatal::new(format!("a check of transactions panicked: {text}"))
            })?;
            checked.extend(ended?);
        }
        Ok(checked)
    })
}

fn open_readers(app: &App, shared: &Shared) -> Result<(), Fatal> {
    let readers = Readers {
        precheck: app.precheck()?,
        checker: Mutex::new(Ordered { checker: app.checker()?, commits: 0 }),
        queries: app.queries()?,
        params: app.params()?.clone(),
    };
    // Genesis may be applied twice; the first readers serve on.
    drop(shared.readers.set(readers));
    Ok(())
}

fn record(shared: &Shared, fatal: &Fatal) {
    shared.fault.send_if_modified(|fault| {
        let first = fault.is_none();
        if first {
            *fault = Some(fatal.clone());
        }
        first
    });
}

impl Core {
    /// What the node tells Prometheus.
    pub fn metrics(&self) -> Arc<Metrics> {
        self.shared.metrics.clone()
    }

    /// Keeps `fatal` as the reason for which the node ends, unless there is one.
    pub fn record_fault(&self, fatal: &Fatal) {
        record(&self.shared, fatal);
    }

    /// Resolves with the first fault.
    pub async fn fault(&self) -> Fatal {
        let mut faults = self.shared.fault.subscribe();
        match faults.wait_for(Option::is_some).await {
            Ok(fault) => fault.clone().unwrap_or_else(|| Fatal::new("the core stopped")),
            Err(_) => Fatal::new("the core stopped"),
        }
    }

    fn why_stopped(&self) -> Fatal {
        self.shared.fault.borrow().clone().unwrap_or_else(|| Fatal::new("the core has stopped"))
    }

    fn kept<T>(&self, result: Result<T, Fatal>) -> Result<T, Fatal> {
        if let Err(fatal) = &result {
            self.record_fault(fatal);
        }
        result
    }

    /// Puts a command of consensus into the queue, and changes the queue with it.
    fn push<T: Send + 'static>(
        &self,
        answer: oneshot::Sender<Result<T, Fatal>>,
        command: impl FnOnce(&mut App) -> Result<T, Fatal> + Send + 'static,
        change: impl FnOnce(&mut Queue),
    ) -> Result<(), Fatal> {
        {
            let mut queue = locked(&self.shared.queue);
            if queue.closed {
                return Err(self.why_stopped());
            }
            change(&mut queue);
            let shared = self.shared.clone();
            queue.consensus.push_back(Box::new(move |app| {
                let result = command(app);
                if let Err(fatal) = &result {
                    record(&shared, fatal);
                }
                // The caller may have given up; the command ran all the same.
                drop(answer.send(result));
            }));
        }
        self.shared.wake.notify_one();
        Ok(())
    }

    fn consensus<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut App) -> Result<T, Fatal> + Send + 'static,
    ) -> Result<T, Fatal> {
        let (answer, answered) = oneshot::channel();
        self.push(answer, command, |queue| queue.candidate = None)?;
        answered.blocking_recv().unwrap_or_else(|_| Err(self.why_stopped()))
    }

    fn read<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut App) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        {
            let mut queue = locked(&self.shared.queue);
            if queue.closed {
                return Err(self.why_stopped().into());
            }
            if queue.reads.len() >= WAITING_READS_MAX {
                return Err(Error::rejected(
                    Code::OutOfGas,
                    "the node is busy with simulations; try again in a moment",
                ));
            }
            queue.reads.push_back(Box::new(move |app| drop(answer.send(command(app)))));
        }
        self.shared.wake.notify_one();
        let result = answered.blocking_recv().unwrap_or_else(|_| Err(self.why_stopped().into()));
        if let Err(Error::Fatal(fatal)) = &result {
            self.record_fault(fatal);
        }
        result
    }

    /// The last committed height and its app hash; does not wait for a block that executes.
    pub fn info(&self) -> Result<Info, Fatal> {
        match &*self.shared.fault.borrow() {
            Some(fatal) => Err(fatal.clone()),
            None => Ok(self.shared.committed.borrow().clone()),
        }
    }

    /// What [`Core::info`] answers, after every commit.
    pub fn committed(&self) -> watch::Receiver<Info> {
        self.shared.committed.subscribe()
    }

    /// What genesis fixed for the chain.
    pub fn params(&self) -> Result<ChainParams, Error> {
        Ok(self.readers()?.params.clone())
    }

    /// Makes the genesis state.
    pub fn init_chain(&self, genesis: Genesis) -> Result<Hash, Fatal> {
        let shared = self.shared.clone();
        self.consensus(move |app| {
            let app_hash = app.init_chain(&genesis)?;
            open_readers(app, &shared)?;
            shared.committed.send_replace(app.info());
            Ok(app_hash)
        })
    }

    /// Executes a block, unless it was executed when it was proposed (rule 5).
    pub fn finalize_block(&self, block: Block) -> Result<BlockOutcome, Fatal> {
        let candidate = {
            let mut queue = locked(&self.shared.queue);
            queue.block_is_open = true;
            queue.candidate.take()
        };
        let candidate = candidate.filter(|candidate| *candidate.block == block);
        let foreseen = candidate.is_some();
        let outcome = if let Some(candidate) = candidate {
            candidate.outcome.blocking_recv().unwrap_or_else(|_| Err(self.why_stopped()))
        } else {
            // Cheap for what the mempool has seen; a block from afar is verified on all threads.
            self.precheck(&block.txs)?;
            let metrics = self.metrics();
            self.consensus(move |app| execute(app, &block, &metrics))
        }?;
        self.shared.metrics.decided(&outcome, foreseen);
        Ok(outcome)
    }

    /// Persists the executed block.
    pub fn commit(&self) -> Result<(), Fatal> {
        let shared = self.shared.clone();
        let result = self.consensus(move |app| {
            let began = Instant::now();
            app.commit()?;
            shared.metrics.committed(app.info().height, app.store().leaves(), began);
            shared.committed.send_replace(app.info());
            Ok(())
        });
        locked(&self.shared.queue).block_is_open = false;
        self.shared.wake.notify_one();
        result
    }

    /// The transactions of a proposal.
    pub fn prepare(&self, txs: Vec<Vec<u8>>, bytes_max: usize) -> Result<Vec<Vec<u8>>, Fatal> {
        self.consensus(move |app| app.prepare_proposal(txs, bytes_max))
    }

    /// True if the proposal is acceptable; then it begins to execute (rule 5).
    pub fn process(&self, block: Block) -> Result<bool, Fatal> {
        self.precheck(&block.txs)?;
        let block = Arc::new(block);
        let proposed = Arc::clone(&block);
        let accepted = self.consensus(move |app| app.process_proposal(&proposed.txs))?;
        if accepted {
            let (answer, outcome) = oneshot::channel();
            let metrics = self.metrics();
            let candidate = Candidate { block: Arc::clone(&block), outcome, began: Instant::now() };
            self.push(
                answer,
                move |app| execute(app, &block, &metrics),
                |queue| {
                    queue.candidate = Some(candidate);
                },
            )?;
        }
        Ok(accepted)
    }

    /// Runs a transaction without its effects (rule 3).
    pub fn simulate(&self, tx: Vec<u8>) -> Result<TxResult, Error> {
        self.read(move |app| Ok(app.simulate(&tx)?))
    }

    /// What a statement costs, part by part (rule 3).
    pub fn explain(&self, request: ExplainRequest) -> Result<ExplainResponse, Error> {
        self.read(move |app| app.explain(&request))
    }

    /// Checks a transaction for the mempool, on the caller's thread.
    pub fn check(&self, tx: &[u8], kind: CheckKind) -> Result<TxResult, Fatal> {
        let mut results = self.check_all(&[(tx, kind)])?;
        results.pop().ok_or_else(|| Fatal::new("a check has no result"))
    }

    /// Checks transactions for the mempool in their order (rule 4); the results have the same order.
    pub fn check_all(&self, txs: &[(&[u8], CheckKind)]) -> Result<Vec<TxResult>, Fatal> {
        let Some(readers) = self.shared.readers.get() else {
            return Ok(vec![TxResult::rejected(&no_genesis()); txs.len()]);
        };
        let began = Instant::now();
        self.kept((|| {
            let prechecked = precheck_all(&readers.precheck, txs)?;
            let mut ordered = locked(&readers.checker);
            let mut results = Vec::with_capacity(txs.len());
            for (tx, (_, kind)) in prechecked.into_iter().zip(txs) {
                let commits = self.shared.commits.load(Ordering::Acquire);
                if ordered.commits != commits {
                    ordered.checker.reset();
                    ordered.commits = commits;
                }
                let result = ordered.checker.in_order(tx, *kind)?;
                self.shared.metrics.checked(&result, began);
                results.push(result);
            }
            Ok(results)
        })())
    }

    /// Decodes transactions and verifies their signatures in parallel, for the commands that follow; what
    /// is refused is refused again there.
    pub fn precheck(&self, txs: &[Vec<u8>]) -> Result<(), Fatal> {
        let Some(readers) = self.shared.readers.get() else { return Ok(()) };
        let txs: Vec<_> = txs.iter().map(|tx| (&tx[..], CheckKind::New)).collect();
        self.kept(precheck_all(&readers.precheck, &txs).map(drop))
    }

    /// Lets what `CheckTx` counts as pending be forgotten before the next check (rule 4).
    pub fn reset_checks(&self) {
        self.shared.commits.fetch_add(1, Ordering::Release);
    }

    fn readers(&self) -> Result<&Readers, Error> {
        self.shared.readers.get().ok_or_else(|| no_genesis().into())
    }

    /// Reads of the last committed height; they do not pass through the thread.
    pub fn query(&self, path: &str, request: &[u8]) -> Result<(u64, Vec<u8>), Error> {
        let result = self.readers()?.queries.query(path, request);
        if let Err(Error::Fatal(fatal)) = &result {
            self.record_fault(fatal);
        }
        result
    }

    /// The open storage challenges of the validator with a consensus address; `None` if there are none.
    pub fn open_challenges(
        &self,
        consensus_address: [u8; 20],
    ) -> Result<Option<OpenChallenges>, Error> {
        self.readers()?.queries.open_challenges(consensus_address)
    }

    /// The answers to a validator's open storage challenges: reads every row.
    pub fn storage_answers(
        &self,
        validator: AccountAddress,
    ) -> Result<Vec<MsgSubmitStorageProof>, Error> {
        let result = self.readers()?.queries.storage_answers(validator);
        if let Err(Error::Fatal(fatal)) = &result {
            self.record_fault(fatal);
        }
        result
    }

    /// One row, or its absence, with its proof at `height`.
    pub fn prove(
        &self,
        database: &str,
        table: &str,
        key: &[Value],
        height: u64,
    ) -> Result<RowProof, Error> {
        let result = self.readers()?.queries.prove(database, table, key, height);
        if let Err(Error::Fatal(fatal)) = &result {
            self.record_fault(fatal);
        }
        result
    }
}
