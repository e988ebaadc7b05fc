//! The embedded engine: one validator in this process, real headers and signed commits.
//!
//! 1. A block is made for waiting transactions at once, or every `block_time`.
//! 2. A block that changed the app hash is followed by an empty one, so that the newest rows become
//!    provable; otherwise no empty block is made unless there is an interval.
//! 3. Block time is the later of the clock (moved by `advance_time`) and the last block's time + 1 ms.
//! 4. A block is stored before it is executed; at the start, blocks that the application lacks are
//!    replayed.
//! 5. The first block follows genesis at once.
//! 6. The one validator is the chain's own of genesis, and signs every block at its first power, whatever becomes of
//!    its stake: what the application says of the validator set stands in the results, and nobody else can sign here.
//!    Validators that are made on such a chain are in its tables, and neither sign nor miss.

pub mod blocks;
mod chain;
pub mod header;
pub mod key;
pub mod mempool;

use self::blocks::BlockStore;
use self::chain::Chain;
use self::key::ValidatorKey;
use self::mempool::{Mempool, Submitted};
use crate::core_thread::Core;
use crate::error::NodeError;
use crate::home::Home;
use crate::index::TxIndex;
use dadbs_app::Genesis;
use dadbs_types::{ConsensusParams, Fatal};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tendermint::validator;
use tokio::sync::{oneshot, watch};

/// Blocks that one request may ask for.
pub const ADVANCE_BLOCKS_MAX: u64 = 10_000;
/// How far one request may move time: ten years.
pub const ADVANCE_SECONDS_MAX: u64 = 315_360_000;
/// Requests to advance that may wait.
const ADVANCES_MAX: usize = 64;

/// The newest block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tip {
    /// Its height; initial height - 1 before the first block.
    pub height: u64,
    /// Its time, nanoseconds since 1970.
    pub time_ns: i64,
    /// The app hash after it; the header of the next block carries it.
    pub app_hash: Vec<u8>,
}

struct Advance {
    blocks: u64,
    skip: Duration,
    answer: oneshot::Sender<Tip>,
}

#[derive(Default)]
struct Wanted {
    txs: bool,
    advances: VecDeque<Advance>,
    stop: bool,
}

struct Shared {
    core: Core,
    genesis: Genesis,
    blocks: BlockStore,
    index: Arc<TxIndex>,
    mempool: Mutex<Mempool>,
    wanted: Mutex<Wanted>,
    wake: Condvar,
    tip: watch::Sender<Tip>,
    validators: validator::Set,
}

impl Shared {
    /// What the block of a height is held to.
    fn params_of(&self, height: u64) -> Result<ConsensusParams, Fatal> {
        let changed = self.blocks.consensus_params(height)?;
        Ok(changed.map_or_else(
            || self.genesis.consensus_params(),
            |params| crate::convert::consensus_params_of(&params),
        ))
    }
}

/// A handle of the engine; clones share it.
#[derive(Clone)]
pub struct DevEngine {
    shared: Arc<Shared>,
}

/// Joins the engine's thread when the node ends.
pub struct DevThread {
    engine: DevEngine,
    thread: Option<std::thread::JoinHandle<()>>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DevThread {
    /// Replays what the application lacks, makes the first block, and starts the engine's thread.
    pub fn start(
        home: &Home,
        key: ValidatorKey,
        core: Core,
        genesis: Genesis,
        index: Arc<TxIndex>,
        block_time: Option<Duration>,
    ) -> Result<DevThread, NodeError> {
        let blocks = BlockStore::open(&home.join("blocks.db"))?;
        let shared = Arc::new(Shared {
            core,
            genesis,
            blocks,
            index,
            mempool: Mutex::default(),
            wanted: Mutex::default(),
            wake: Condvar::new(),
            tip: watch::channel(Tip::default()).0,
            validators: key.validators().clone(),
        });
        let mut chain = Chain::open(shared.clone(), key)?;
        if chain.proof_is_wanted() {
            chain.produce(&[])?;
        }
        let engine = DevEngine { shared };
        let thread = std::thread::Builder::new()
            .name("dev-engine".into())
            .spawn(move || run(&mut chain, block_time))
            .map_err(|error| Fatal::new(format!("cannot start the engine's thread: {error}")))?;
        Ok(DevThread { engine, thread: Some(thread) })
    }

    /// A handle.
    pub fn engine(&self) -> DevEngine {
        self.engine.clone()
    }

    /// Ends the thread after the block that it makes.
    pub fn stop(mut self) {
        self.close();
    }

    fn close(&mut self) {
        locked(&self.engine.shared.wanted).stop = true;
        self.engine.shared.wake.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was recorded as a fault before.
            drop(thread.join());
        }
    }
}

impl Drop for DevThread {
    fn drop(&mut self) {
        self.close();
    }
}

/// What the thread does next.
enum Work {
    Transactions,
    Tick,
    Proof,
    Advance(Advance),
    Stop,
}

fn next_work(shared: &Shared, proof_is_wanted: bool, next_tick: Option<Instant>) -> Work {
    let mut wanted = locked(&shared.wanted);
    loop {
        if wanted.stop {
            return Work::Stop;
        }
        if let Some(advance) = wanted.advances.pop_front() {
            return Work::Advance(advance);
        }
        let Some(tick) = next_tick else {
            if std::mem::take(&mut wanted.txs) {
                return Work::Transactions;
            }
            if proof_is_wanted {
                return Work::Proof;
            }
            wanted = shared.wake.wait(wanted).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        let now = Instant::now();
        if now >= tick {
            return Work::Tick;
        }
        let waited = shared.wake.wait_timeout(wanted, tick - now);
        wanted = waited.unwrap_or_else(PoisonError::into_inner).0;
    }
}

fn run(chain: &mut Chain, block_time: Option<Duration>) {
    let core = chain.core().clone();
    let ran =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| make_blocks(chain, block_time)));
    match ran {
        Ok(Ok(())) => {}
        Ok(Err(fatal)) => core.record_fault(&fatal),
        Err(payload) => {
            let text = crate::core_thread::panic_text(payload.as_ref());
            core.record_fault(&Fatal::new(format!("the dev engine panicked: {text}")));
        }
    }
}

fn make_blocks(chain: &mut Chain, block_time: Option<Duration>) -> Result<(), Fatal> {
    let mut next_tick = block_time.map(|interval| Instant::now() + interval);
    loop {
        match next_work(chain.shared(), chain.proof_is_wanted(), next_tick) {
            Work::Stop => return Ok(()),
            Work::Transactions => chain.produce_if_waiting()?,
            Work::Proof => chain.produce(&[])?,
            Work::Tick => {
                chain.produce_waiting()?;
                next_tick = block_time.map(|interval| Instant::now() + interval);
            }
            Work::Advance(advance) => {
                chain.skip_time(advance.skip)?;
                for _ in 0..advance.blocks {
                    chain.produce_waiting()?;
                }
                // The asker may be gone.
                drop(advance.answer.send(chain.tip()));
            }
        }
    }
}

impl DevEngine {
    /// Checks a transaction and lets it wait for the next block. Blocks for the time of the check.
    pub fn submit(&self, tx: Vec<u8>) -> Result<Submitted, Fatal> {
        let submitted = locked(&self.shared.mempool).submit(&self.shared.core, tx)?;
        if matches!(&submitted, Submitted::Checked(result) if result.is_ok()) {
            locked(&self.shared.wanted).txs = true;
            self.shared.wake.notify_all();
        }
        Ok(submitted)
    }

    /// Moves time ahead and makes blocks; waits for them. `None` if too many such requests wait.
    pub fn advance(&self, blocks: u64, skip: Duration) -> Option<Tip> {
        let (answer, answered) = oneshot::channel();
        {
            let mut wanted = locked(&self.shared.wanted);
            if wanted.stop || wanted.advances.len() >= ADVANCES_MAX {
                return None;
            }
            wanted.advances.push_back(Advance { blocks, skip, answer });
        }
        self.shared.wake.notify_all();
        answered.blocking_recv().ok()
    }

    /// The newest block and its successors.
    pub fn tip(&self) -> watch::Receiver<Tip> {
        self.shared.tip.subscribe()
    }

    /// Transactions and bytes that wait.
    pub fn waiting(&self) -> (usize, usize) {
        let mempool = locked(&self.shared.mempool);
        (mempool.len(), mempool.bytes())
    }

    /// The blocks.
    pub fn blocks(&self) -> &BlockStore {
        &self.shared.blocks
    }

    /// What the block of a height is held to.
    pub fn consensus_params(&self, height: u64) -> Result<ConsensusParams, Fatal> {
        self.shared.params_of(height)
    }

    /// The genesis of the chain.
    pub fn genesis(&self) -> &Genesis {
        &self.shared.genesis
    }

    /// The validators of every height.
    pub fn validators(&self) -> &validator::Set {
        &self.shared.validators
    }
}
