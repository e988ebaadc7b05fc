//! Feeds the index behind CometBFT, off the consensus path.
//!
//! 1. Commit hands its block over and never waits: a block that finds no room is left to rule 2.
//! 2. What the index lacks is fetched from CometBFT's `block` and `block_results`. CometBFT stores both before
//!    it calls Commit, so they are there for every committed block, whatever was killed when; this is
//!    cheaper than a second copy of every result in the block's own transaction. It needs
//!    `discard_abci_responses = false`, CometBFT's default.
//! 3. Blocks enter the index in order. A block that CometBFT does not have is named in the log and left out.
//! 4. Without the address of CometBFT's RPC nothing can be fetched: then Commit waits for room.

use crate::convert::ns_of_time;
use crate::core_thread::Core;
use crate::engine::cometbft::{CallError, CometBft, TIMEOUT};
use crate::index::TxIndex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use dadbs_types::Fatal;
use prost::bytes::Bytes;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tendermint::Time;
use tendermint_proto::v0_38::abci::{Event, EventAttribute, ExecTxResult, ResponseFinalizeBlock};

/// Blocks that may wait (rule 1).
const BLOCKS_MAX: usize = 256;
/// Bytes of transactions that may wait (rule 1).
const BYTES_MAX: usize = 67_108_864;
/// Between two tries to reach CometBFT.
const RETRY: Duration = Duration::from_millis(200);
/// Refusals of a block after which it is left out (rule 3).
const REFUSALS_MAX: u32 = 25;

/// A committed block and what came of it.
pub(super) struct Committed {
    pub(super) height: u64,
    pub(super) time_ns: i64,
    pub(super) txs: Vec<Vec<u8>>,
    pub(super) outcome: ResponseFinalizeBlock,
}

impl Committed {
    fn bytes(&self) -> usize {
        self.txs.iter().map(Vec::len).sum()
    }
}

#[derive(Default)]
struct Queue {
    blocks: VecDeque<Committed>,
    bytes: usize,
    /// The newest committed height, handed over or not.
    newest: u64,
    closed: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    index: Arc<TxIndex>,
    comet: Option<CometBft>,
}

/// The thread's handle; the thread ends with it.
pub(super) struct Indexer {
    shared: Arc<Shared>,
}

fn locked(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Indexer {
    /// Starts the thread; `newest` is the application's committed height. Must be called inside the
    /// runtime that reaches CometBFT.
    pub(super) fn start(
        core: Core,
        index: Arc<TxIndex>,
        comet: Option<CometBft>,
        newest: u64,
    ) -> Result<Indexer, Fatal> {
        let queue = Mutex::new(Queue { newest, ..Queue::default() });
        let shared = Arc::new(Shared { queue, changed: Condvar::new(), index, comet });
        let (runtime, work) = (tokio::runtime::Handle::current(), shared.clone());
        std::thread::Builder::new()
            .name("indexer".into())
            .spawn(move || {
                let _entered = runtime.enter();
                let run = std::panic::AssertUnwindSafe(|| run(&work, &core));
                match std::panic::catch_unwind(run) {
                    Ok(Ok(())) => {}
                    Ok(Err(fatal)) => core.record_fault(&fatal),
                    Err(_) => core.record_fault(&Fatal::new("the indexer panicked")),
                }
            })
            .map_err(|error| Fatal::new(format!("cannot start the indexer's thread: {error}")))?;
        Ok(Indexer { shared })
    }

    /// Hands a committed block over (rules 1 and 4).
    pub(super) fn hand_over(&self, block: Committed) {
        let mut queue = locked(&self.shared.queue);
        let bytes = block.bytes();
        queue.newest = queue.newest.max(block.height);
        while !queue.has_room(bytes) && self.shared.comet.is_none() && !queue.closed {
            queue = self.shared.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        if queue.has_room(bytes) && !queue.closed {
            queue.bytes += bytes;
            queue.blocks.push_back(block);
        }
        self.shared.changed.notify_all();
    }
}

impl Drop for Indexer {
    fn drop(&mut self) {
        locked(&self.shared.queue).closed = true;
        self.shared.changed.notify_all();
    }
}

impl Queue {
    fn has_room(&self, bytes: usize) -> bool {
        self.blocks.is_empty()
            || (self.blocks.len() < BLOCKS_MAX && self.bytes + bytes <= BYTES_MAX)
    }
}

/// What the thread does next.
enum Work {
    Add(Box<Committed>),
    Fetch(u64),
    Stop,
}

impl Shared {
    /// The next block: from the queue if it is at hand, else from CometBFT.
    fn next(&self, left_out: u64) -> Work {
        let next = self.index.height().max(left_out) + 1;
        let mut queue = locked(&self.queue);
        loop {
            if queue.closed {
                return Work::Stop;
            }
            while queue.blocks.front().is_some_and(|block| block.height < next) {
                let passed = queue.blocks.pop_front();
                queue.bytes -= passed.map_or(0, |block| block.bytes());
            }
            let at_hand = queue.blocks.front().is_some_and(|block| block.height == next);
            if at_hand && let Some(block) = queue.blocks.pop_front() {
                queue.bytes -= block.bytes();
                self.changed.notify_all();
                return Work::Add(Box::new(block));
            }
            if queue.newest >= next {
                return Work::Fetch(next);
            }
            queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The oldest height that can follow: that at hand, or the newest.
    fn oldest_at_hand(&self) -> u64 {
        let queue = locked(&self.queue);
        queue.blocks.front().map_or(queue.newest + 1, |block| block.height)
    }

    fn is_closed_after(&self, wait: Duration) -> bool {
        let queue = locked(&self.queue);
        let waited = self.changed.wait_timeout_while(queue, wait, |queue| !queue.closed);
        waited.unwrap_or_else(PoisonError::into_inner).0.closed
    }
}

fn run(shared: &Shared, core: &Core) -> Result<(), Fatal> {
    let mut left_out = 0;
    loop {
        match shared.next(left_out) {
            Work::Stop => return Ok(()),
            Work::Add(block) => {
                shared.index.add(block.height, block.time_ns, &block.txs, &block.outcome)?;
            }
            Work::Fetch(height) => {
                let first = core.params().map_or(1, |params| params.initial_height);
                if height < first {
                    left_out = first - 1;
                } else if let Some(missing) = fill(shared, height)? {
                    left_out = missing;
                }
            }
        }
    }
}

/// Fetches a block and adds it; or the height up to which blocks are left out (rule 3).
fn fill(shared: &Shared, height: u64) -> Result<Option<u64>, Fatal> {
    let Some(comet) = &shared.comet else {
        let to = shared.oldest_at_hand() - 1;
        tracing::error!(
            from = height,
            to,
            "blocks are missing in the index; start with the address of CometBFT's RPC and they are fetched"
        );
        return Ok(Some(to));
    };
    let mut refusals = 0;
    loop {
        let why = match tokio::runtime::Handle::current().block_on(fetch(comet, height)) {
            Ok(block) => {
                shared.index.add(height, block.time_ns, &block.txs, &block.outcome)?;
                return Ok(None);
            }
            Err(Missing::Pruned(earliest)) => {
                tracing::warn!(height, earliest, "CometBFT begins later: the index does too");
                return Ok(Some(earliest - 1));
            }
            Err(Missing::Call(why)) => why,
        };
        refusals += u32::from(matches!(why, CallError::Refused(_)));
        if refusals > REFUSALS_MAX {
            tracing::error!(
                height,
                ?why,
                "CometBFT does not have this block, so its transactions are not in the index; \
                 keep discard_abci_responses = false"
            );
            return Ok(Some(height));
        }
        tracing::debug!(height, ?why, "a block cannot be fetched yet");
        if shared.is_closed_after(RETRY) {
            return Ok(None);
        }
    }
}

/// Why a block was not fetched.
enum Missing {
    /// CometBFT's blocks begin at this height.
    Pruned(u64),
    Call(CallError),
}

impl From<CallError> for Missing {
    fn from(error: CallError) -> Missing {
        Missing::Call(error)
    }
}

/// A block and its results from CometBFT (rule 2).
async fn fetch(comet: &CometBft, height: u64) -> Result<Committed, Missing> {
    let params = json!({ "height": height.to_string() });
    let block = match comet.call("block", &params, TIMEOUT).await {
        Ok(block) => block,
        Err(why) => {
            let status = comet.call("status", &json!({}), TIMEOUT).await?;
            let earliest = status["sync_info"]["earliest_block_height"].as_str();
            return Err(match earliest.and_then(|earliest| earliest.parse().ok()) {
                Some(earliest) if earliest > height => Missing::Pruned(earliest),
                _ => why.into(),
            });
        }
    };
    let results = comet.call("block_results", &params, TIMEOUT).await?;
    parse(height, &block["block"], &results).ok_or_else(|| {
        let data = format!("block {height} or its results have an unknown shape");
        CallError::Refused(json!({ "data": data })).into()
    })
}

fn parse(height: u64, block: &Value, results: &Value) -> Option<Committed> {
    let time: Time = serde_json::from_value(block["header"]["time"].clone()).ok()?;
    let txs = list(&block["data"]["txs"], bytes)?;
    let outcome = ResponseFinalizeBlock {
        events: list(&results["finalize_block_events"], event)?,
        tx_results: list(&results["txs_results"], tx_result)?,
        validator_updates: Vec::new(),
        consensus_param_updates: None,
        app_hash: bytes(&results["app_hash"])?.into(),
    };
    let same = results["height"].as_str()? == height.to_string();
    same.then_some(())?;
    Some(Committed { height, time_ns: ns_of_time(time)?, txs, outcome })
}

/// A list; null is an empty one.
fn list<T>(value: &Value, item: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    match value {
        Value::Null => Some(Vec::new()),
        value => value.as_array()?.iter().map(item).collect(),
    }
}

fn bytes(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Null => Some(Vec::new()),
        value => BASE64.decode(value.as_str()?).ok(),
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        value => value.as_str().map(str::to_string),
    }
}

fn event(value: &Value) -> Option<Event> {
    let attribute = |value: &Value| {
        Some(EventAttribute {
            key: text(&value["key"])?,
            value: text(&value["value"])?,
            index: value["index"].as_bool().unwrap_or(false),
        })
    };
    Some(Event {
        r#type: text(&value["type"])?,
        attributes: list(&value["attributes"], attribute)?,
    })
}

fn tx_result(value: &Value) -> Option<ExecTxResult> {
    let gas = |value: &Value| match value {
        Value::Null => Some(0),
        value => value.as_str()?.parse().ok(),
    };
    Some(ExecTxResult {
        code: u32::try_from(value["code"].as_u64().unwrap_or(0)).ok()?,
        data: Bytes::from(bytes(&value["data"])?),
        log: text(&value["log"])?,
        info: text(&value["info"])?,
        gas_wanted: gas(&value["gas_wanted"])?,
        gas_used: gas(&value["gas_used"])?,
        events: list(&value["events"], event)?,
        codespace: text(&value["codespace"])?,
    })
}
