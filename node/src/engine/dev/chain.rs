//! One chain of blocks over the core: replay at the start, then block after block.

use super::header::{self, Parent};
use super::key::ValidatorKey;
use super::{Shared, Tip, locked};
use crate::convert::{finalize_response, ns_of_time, time_of_ns, tx_hash};
use crate::core_thread::Core;
use dadbs_app::Block;
use dadbs_types::{BlockInfo, Fatal, Vote};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tendermint::chain;
use tendermint_proto::v0_38::abci::ResponseFinalizeBlock;

const NS_PER_MS: i64 = 1_000_000;
/// The name under which the block store keeps how far time was moved, nanoseconds.
const TIME_OFFSET: &str = "time_offset_ns";

/// The writer of the chain; one thread has it.
pub(super) struct Chain {
    shared: Arc<Shared>,
    key: ValidatorKey,
    id: chain::Id,
    parent: Parent,
    proof_is_wanted: bool,
    time_offset_ns: i64,
}

fn now_ns() -> i64 {
    ns_of_time(tendermint::Time::now()).unwrap_or(0)
}

impl Chain {
    /// Brings the application to the height of the block store.
    pub(super) fn open(shared: Arc<Shared>, key: ValidatorKey) -> Result<Chain, Fatal> {
        let genesis = &shared.genesis;
        let id = chain::Id::try_from(genesis.chain_id.clone()).map_err(|error| {
            Fatal::new(format!("the chain id cannot stand in a header: {error}"))
        })?;
        let time_offset_ns = shared
            .blocks
            .fact(TIME_OFFSET)?
            .and_then(|bytes| bytes.try_into().ok())
            .map_or(0, i64::from_le_bytes);
        let stored = shared.blocks.newest()?;
        let info = shared.core.info()?;
        let genesis_hash = if info.height == 0 {
            shared.core.init_chain(genesis.clone())?.to_vec()
        } else {
            Vec::new()
        };
        if info.height > stored {
            return Err(Fatal::new(format!(
                "the application is at height {} and the block store at {stored}: blocks.db was removed or \
                 replaced; restore it, or begin with an empty home",
                info.height
            )));
        }
        let parent = Parent {
            height: genesis.initial_height - 1,
            time_ns: genesis.time_ns,
            decided: None,
            app_hash: genesis_hash,
            results_hash: header::results_hash(&[]),
            params: genesis.consensus_params(),
        };
        let mut chain = Chain { shared, key, id, parent, proof_is_wanted: true, time_offset_ns };
        if stored > 0 {
            chain.replay(info.height, stored)?;
        }
        let app_hash = chain.shared.core.info()?.app_hash;
        if chain.parent.app_hash != app_hash.as_slice() {
            return Err(Fatal::new(format!(
                "the application's hash at height {} is {}, the block store has {}: the state is damaged; \
                 begin with an empty home",
                chain.parent.height,
                hex::encode(app_hash),
                hex::encode(&chain.parent.app_hash)
            )));
        }
        chain.shared.tip.send_replace(chain.tip());
        Ok(chain)
    }

    /// Executes the blocks after `applied`, and takes up the newest one as the parent.
    fn replay(&mut self, applied: u64, stored: u64) -> Result<(), Fatal> {
        let shared = self.shared.clone();
        let initial = shared.genesis.initial_height;
        for height in (applied + 1).max(initial)..=stored {
            let block = shared.blocks.get(height)?.ok_or_else(|| missing(height))?;
            let response = self.execute(height, time_ns(&block.header), block.txs)?;
            if let Some(known) = &block.results
                && header::results_hash(&known.tx_results)
                    != header::results_hash(&response.tx_results)
            {
                return Err(Fatal::new(format!(
                    "block {height} gives other results now than when it was made: this is another \
                     version of the node; use the one that made the home"
                )));
            }
            shared.blocks.put_results(height, &response)?;
            shared.core.commit()?;
            tracing::info!(height, "replayed block");
        }
        let newest = shared.blocks.get(stored)?.ok_or_else(|| missing(stored))?;
        let results = newest.results.ok_or_else(|| {
            Fatal::new(format!("the block store lacks the results of height {stored}; restore it"))
        })?;
        self.proof_is_wanted = newest.header.app_hash.as_bytes() != &results.app_hash[..];
        self.parent = Parent {
            height: stored,
            time_ns: time_ns(&newest.header),
            decided: Some((newest.id, newest.commit)),
            app_hash: results.app_hash.to_vec(),
            results_hash: header::results_hash(&results.tx_results),
            params: shared.params_of(stored.saturating_add(1))?,
        };
        self.index_missing(stored)
    }

    /// Brings the transaction index to the block store's height.
    fn index_missing(&self, stored: u64) -> Result<(), Fatal> {
        let from = self.shared.index.height().saturating_add(1).max(self.shared.blocks.oldest()?);
        for height in from..=stored {
            let block = self.shared.blocks.get(height)?.ok_or_else(|| missing(height))?;
            let results = block.results.unwrap_or_default();
            let time_ns = time_ns(&block.header);
            self.shared.index.add(height, time_ns, &block.txs, &results)?;
        }
        Ok(())
    }

    pub(super) fn core(&self) -> &Core {
        &self.shared.core
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(super) fn tip(&self) -> Tip {
        Tip {
            height: self.parent.height,
            time_ns: self.parent.time_ns,
            app_hash: self.parent.app_hash.clone(),
        }
    }

    /// True if the newest app hash is in no signed header yet.
    pub(super) fn proof_is_wanted(&self) -> bool {
        self.proof_is_wanted
    }

    /// Moves time ahead of the last block, for good: many blocks in a moment run ahead of the clock.
    pub(super) fn skip_time(&mut self, skip: Duration) -> Result<(), Fatal> {
        if skip.is_zero() {
            return Ok(());
        }
        let skip = i64::try_from(skip.as_nanos()).unwrap_or(i64::MAX);
        let clock = now_ns().saturating_add(self.time_offset_ns);
        let lead = self.parent.time_ns.saturating_sub(clock).max(0);
        self.time_offset_ns = self.time_offset_ns.saturating_add(lead).saturating_add(skip);
        self.shared.blocks.put_fact(TIME_OFFSET, &self.time_offset_ns.to_le_bytes())
    }

    /// Makes a block of what waits, if something waits.
    pub(super) fn produce_if_waiting(&mut self) -> Result<(), Fatal> {
        if locked(&self.shared.mempool).is_empty() {
            return Ok(());
        }
        self.produce_waiting()
    }

    /// Makes a block of what waits, empty if nothing does.
    pub(super) fn produce_waiting(&mut self) -> Result<(), Fatal> {
        let bytes_max = usize::try_from(self.parent.params.block_bytes).unwrap_or(usize::MAX);
        let offered = locked(&self.shared.mempool).reap(bytes_max);
        let hashes: BTreeSet<_> = offered.iter().map(|tx| tx_hash(tx)).collect();
        let txs = if offered.is_empty() {
            offered
        } else {
            self.shared.core.prepare(offered, bytes_max)?
        };
        if txs.is_empty() && !hashes.is_empty() {
            tracing::warn!(txs = hashes.len(), "no proposal takes these transactions: dropped");
            locked(&self.shared.mempool).remove(&hashes);
        }
        self.produce(&txs)
    }

    /// Makes one block of these transactions.
    pub(super) fn produce(&mut self, txs: &[Vec<u8>]) -> Result<(), Fatal> {
        let started = Instant::now();
        let shared = self.shared.clone();
        let height = self.parent.height + 1;
        let now = now_ns().saturating_add(self.time_offset_ns);
        let time = now.max(self.parent.time_ns.saturating_add(NS_PER_MS));
        let decided = header::decide(&self.id, &self.key, &self.parent, time, txs.to_vec())?;
        shared.blocks.append(height, &decided)?;
        let response = self.execute(height, time, txs.to_vec())?;
        shared.blocks.put_results(height, &response)?;
        {
            let mut mempool = locked(&shared.mempool);
            shared.core.commit()?;
            mempool.remove(&txs.iter().map(|tx| tx_hash(tx)).collect());
            mempool.recheck(&shared.core)?;
            locked(&shared.wanted).txs |= !mempool.is_empty();
        }
        shared.index.add(height, time, txs, &response)?;
        self.proof_is_wanted = self.parent.app_hash != response.app_hash;
        self.parent = Parent {
            height,
            time_ns: time,
            decided: Some((decided.id, decided.commit)),
            app_hash: response.app_hash.to_vec(),
            results_hash: header::results_hash(&response.tx_results),
            params: shared.params_of(height.saturating_add(1))?,
        };
        shared.tip.send_replace(self.tip());
        let micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        let app_hash = hex::encode(&response.app_hash);
        tracing::info!(height, txs = txs.len(), app_hash, micros, "block");
        Ok(())
    }

    /// Executes a block; the core has not committed it yet.
    fn execute(
        &self,
        height: u64,
        time_ns: i64,
        txs: Vec<Vec<u8>>,
    ) -> Result<ResponseFinalizeBlock, Fatal> {
        let proposer = self.key.address();
        let mut proposer_address = [0; 20];
        proposer_address.copy_from_slice(proposer.as_bytes());
        // The first block has no commit before it (rule 6).
        let signed = (height > self.shared.genesis.initial_height).then(|| Vote {
            address: proposer_address,
            power: self.key.power(),
            signed: true,
        });
        let votes = signed.into_iter().collect();
        let info = BlockInfo { height, time_ns, proposer_address, votes, misbehavior: Vec::new() };
        let outcome = self.shared.core.finalize_block(Block { info, txs })?;
        Ok(finalize_response(outcome))
    }
}

fn missing(height: u64) -> Fatal {
    Fatal::new(format!(
        "the block store lacks block {height}; restore it, or begin with an empty home"
    ))
}

fn time_ns(header: &tendermint::block::Header) -> i64 {
    ns_of_time(header.time).unwrap_or_else(|| ns_of_time(time_of_ns(0)).unwrap_or(0))
}
