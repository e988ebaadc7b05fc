//! The state machine behind the consensus engine.
//!
//! 1. FinalizeBlock executes and hashes; only Commit persists.
//! 2. A block that was executed and not committed is dropped when another one comes.
//! 3. Genesis is the state of the height before the first block. Applied again before the first block it answers the same; another
//!    genesis is a fault.
//! 4. Heights follow each other; the first is the genesis' initial height.
//! 5. The consensus engine is told the consensus parameters whole, with genesis and in each block that changes one of
//!    them; what it is told holds from the next block on.
//! 6. Simulation and explanation run between blocks and leave nothing.

use crate::ante::{self, AnteParams};
use crate::check::{Checker, Memories, Precheck};
use crate::execute::BlockContext;
use crate::genesis::load_params;
use crate::genesis::{self, Genesis};
use crate::outcome::{BlockOutcome, TxResult, rejection};
use crate::queries::Queries;
use crate::settle::Paid;
use crate::tx::Tx;
use crate::upgrades::{self, Software};
use crate::{electorate, explain, export, proposal};
use dadbs_modules::params::{Param, get};
use dadbs_modules::{
    auth, bank, consensus, distribution, fees, gov, rent, rewards, staking, votes,
};
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, ExplainResponse};
use dadbs_store::{Store, StoreConfig};
use dadbs_types::{BlockInfo, Code, ConsensusParams, Error, Fatal, Hash, Rejection};
use dadbs_vm::Vm;
use std::path::PathBuf;
use std::sync::Arc;

/// Heights between two checkpoints of the tree, unless configured.
pub const CHECKPOINT_INTERVAL: u64 = 1_000;

/// Where the application keeps its state.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// Folder of the store and the code cache; made if absent.
    pub dir: PathBuf,
    /// Heights between two checkpoints of the tree.
    pub checkpoint_interval: u64,
    /// Compare every row with the tree at start: about two seconds per million rows.
    pub verify_rows: bool,
    /// The upgrades and versions of the software.
    pub software: Software,
}

impl AppConfig {
    /// The defaults for a folder.
    pub fn new(dir: impl Into<PathBuf>) -> AppConfig {
        AppConfig {
            dir: dir.into(),
            checkpoint_interval: CHECKPOINT_INTERVAL,
            verify_rows: true,
            software: Software::THIS,
        }
    }
}

/// What genesis fixed for the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainParams {
    /// The chain's id.
    pub chain_id: String,
    /// Height of the first block.
    pub initial_height: u64,
}

/// What ABCI's Info answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Info {
    /// The last committed height; 0 before the first block.
    pub height: u64,
    /// The app hash of that height.
    pub app_hash: Hash,
    /// True once genesis was applied.
    pub initialized: bool,
}

/// A decided block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The block's facts.
    pub info: BlockInfo,
    /// The transactions as they were proposed.
    pub txs: Vec<Vec<u8>>,
}

/// Why CheckTx is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// A transaction that the mempool does not know.
    New,
    /// A transaction of the mempool, after a block: signatures were verified before.
    Recheck,
}

/// The deterministic state machine.
pub struct App {
    store: Store,
    vm: Arc<Vm>,
    params: Option<ChainParams>,
    memories: Memories,
    software: Software,
    executed: bool,
}

impl App {
    /// Opens or makes the state in `config.dir`.
    ///
    /// # Errors
    /// If the folder cannot be used, is another process', or holds damaged state.
    pub fn open(config: &AppConfig) -> Result<App, Fatal> {
        let store = Store::open(StoreConfig {
            checkpoint_interval: config.checkpoint_interval,
            verify_rows: config.verify_rows,
            ..StoreConfig::new(&config.dir)
        })?;
        App::over(store, Vm::new(Some(&config.dir.join("code_cache")))?, config.software)
    }

    /// An application in memory, for tests.
    pub fn memory() -> Result<App, Fatal> {
        App::over(Store::memory()?, Vm::new(None)?, Software::THIS)
    }

    fn over(store: Store, vm: Vm, software: Software) -> Result<App, Fatal> {
        let params = load_params(&store)?;
        if params.is_some() {
            upgrades::check_opened(&store, &software, store.height().saturating_add(1))?;
        }
        let memories = Memories::default();
        Ok(App { store, vm: Arc::new(vm), params, memories, software, executed: false })
    }

    /// The last committed height.
    pub fn info(&self) -> Info {
        let height = self.store.height();
        let first = self.params.as_ref().map(|params| params.initial_height);
        Info {
            // A state that was exported has a height before it has a genesis.
            height: if first.is_some_and(|first| height >= first) { height } else { 0 },
            app_hash: self.store.app_hash(),
            initialized: self.params.is_some(),
        }
    }

    /// What genesis fixed.
    ///
    /// # Errors
    /// Before genesis was applied.
    pub fn params(&self) -> Result<&ChainParams, Fatal> {
        self.params.as_ref().ok_or_else(|| {
            Fatal::new("the state has no genesis: InitChain must come before anything else")
        })
    }

    /// Makes the genesis state and its app hash (rule 3).
    pub fn init_chain(&mut self, genesis: &Genesis) -> Result<Hash, Fatal> {
        if self.params.is_some() {
            genesis::check_same(&self.store, genesis)?;
            return Ok(self.store.app_hash());
        }
        let before_first = genesis.initial_height.checked_sub(1).ok_or_else(|| {
            Fatal::new("genesis is invalid: the initial height must be at least 1")
        })?;
        export::check_file(&self.store, genesis)?;
        self.store.begin_block(before_first, genesis.time_ns.div_euclid(1_000_000))?;
        genesis::apply(&mut self.store, &self.vm, &self.software, genesis)?;
        let app_hash = self.store.finish_block()?;
        self.store.commit()?;
        self.params = load_params(&self.store)?;
        Ok(app_hash)
    }

    /// Executes a block inside the open database transaction; nothing is persisted (rules 1 and 2).
    pub fn finalize_block(&mut self, block: &Block) -> Result<BlockOutcome, Fatal> {
        let params = self.params()?.clone();
        let expected = self.store.height().saturating_add(1);
        if block.info.height != expected {
            return Err(Fatal::new(format!(
                "block {} does not follow: the state expects block {expected}; restore a home of this height",
                block.info.height
            )));
        }
        self.drop_executed()?;
        self.store.begin_block(block.info.height, block.info.time_ms())?;
        self.executed = true;
        let before = self.consensus_params()?;
        let mut context = self.block_context(&params, &block.info, true)?;
        context.begin()?;
        let mut tx_results = Vec::with_capacity(block.txs.len());
        for tx in &block.txs {
            tx_results.push(context.deliver(tx)?);
        }
        let (events, validator_updates) = context.end()?;
        let consensus_params = Some(self.consensus_params()?).filter(|after| *after != before);
        let app_hash = self.store.finish_block()?;
        Ok(BlockOutcome { tx_results, events, validator_updates, consensus_params, app_hash })
    }

    /// What the consensus engine holds blocks to after the newest executed one (rule 5).
    pub fn consensus_params(&self) -> Result<ConsensusParams, Fatal> {
        consensus::params(&self.store)
    }

    fn block_context<'a>(
        &'a mut self,
        params: &'a ChainParams,
        info: &'a BlockInfo,
        signed: bool,
    ) -> Result<BlockContext<'a>, Fatal> {
        let gas_price = fees::price(&self.store, info.height)?;
        let block_gas = get(&self.store, Param::BlockGas)?;
        Ok(BlockContext {
            store: &mut self.store,
            vm: &self.vm,
            info,
            params: AnteParams {
                chain_id: &params.chain_id,
                height: info.height,
                gas_price,
                block_gas,
                signed,
            },
            software: self.software,
            memories: &self.memories,
            gas_wanted: 0,
            paid: Paid::default(),
            steps: 0,
            events: Vec::new(),
        })
    }

    /// Drops a block that was executed and not committed, if there is one (rule 2).
    pub fn drop_executed(&mut self) -> Result<(), Fatal> {
        if std::mem::take(&mut self.executed) {
            self.store.drop_block()?;
        }
        Ok(())
    }

    /// Persists exactly what `finalize_block` hashed (rule 1).
    pub fn commit(&mut self) -> Result<(), Fatal> {
        if !std::mem::take(&mut self.executed) {
            return Err(Fatal::new("Commit without FinalizeBlock: the engine broke the protocol"));
        }
        self.store.commit()
    }

    /// The transactions of a proposal, from the mempool's order.
    pub fn prepare_proposal(
        &mut self,
        txs: Vec<Vec<u8>>,
        tx_bytes_max: usize,
    ) -> Result<Vec<Vec<u8>>, Fatal> {
        self.drop_executed()?;
        let price = self.next_gas_price()?;
        let block_gas = get(&self.store, Param::BlockGas)?;
        proposal::prepare(&self.memories.known, txs, (tx_bytes_max, block_gas), |tx| {
            Ok(ante::check_fee(tx, price).is_ok() && self.is_signed(tx)?)
        })
    }

    /// True if honest nodes can have proposed these transactions, judged by the last committed state.
    pub fn process_proposal(&mut self, txs: &[Vec<u8>]) -> Result<bool, Fatal> {
        self.drop_executed()?;
        let price = self.next_gas_price()?;
        let block_gas = get(&self.store, Param::BlockGas)?;
        proposal::process(&self.memories.known, txs, block_gas, |tx| {
            Ok(ante::check_fee(tx, price).is_ok() && self.is_signed(tx)?)
        })
    }

    /// The price of gas in the block after the last committed one.
    fn next_gas_price(&self) -> Result<u64, Fatal> {
        fees::price(&self.store, self.store.height().saturating_add(1))
    }

    /// True if the sender's account is committed and the signature verifies.
    fn is_signed(&self, tx: &Tx) -> Result<bool, Fatal> {
        let load = || Ok(auth::load_account(&self.store, tx.sender)?);
        let verified = self.memories.verify(tx, &self.params()?.chain_id, load);
        Ok(rejection(verified)?.unwrap_or(false))
    }

    /// Runs a transaction without its effects and without verifying its signature (rule 6).
    pub fn simulate(&mut self, tx: &[u8]) -> Result<TxResult, Fatal> {
        let simulated = self.between_blocks(|context| context.deliver(tx))?;
        Ok(simulated.unwrap_or_else(|rejection| TxResult::rejected(&rejection)))
    }

    /// What a statement costs, part by part (rule 6).
    pub fn explain(&mut self, request: &ExplainRequest) -> Result<ExplainResponse, Error> {
        self.between_blocks(|context| match explain::explain(context, request) {
            Err(Error::Fatal(fatal)) => Err(fatal),
            answer => Ok(answer),
        })??
    }

    /// Runs `work` in a block that is dropped.
    fn between_blocks<T>(
        &mut self,
        work: impl FnOnce(&mut BlockContext<'_>) -> Result<T, Fatal>,
    ) -> Result<Result<T, Rejection>, Fatal> {
        if self.executed {
            let message = "a block is being committed: try again";
            return Ok(Err(Rejection::new(Code::InvalidRequest, message)));
        }
        let params = self.params()?.clone();
        let info = BlockInfo {
            height: self.store.height().saturating_add(1),
            time_ns: self.store.time_ms().saturating_mul(1_000_000),
            ..BlockInfo::default()
        };
        self.store.begin_block(info.height, info.time_ms())?;
        let result = work(&mut self.block_context(&params, &info, false)?);
        self.store.drop_block()?;
        result.map(Ok)
    }

    /// A checker for the mempool.
    ///
    /// # Errors
    /// Before genesis was applied.
    pub fn checker(&self) -> Result<Checker, Fatal> {
        Ok(Checker::new(self.precheck()?))
    }

    /// The part of CheckTx that any thread runs.
    ///
    /// # Errors
    /// Before genesis was applied.
    pub fn precheck(&self) -> Result<Precheck, Fatal> {
        Ok(Precheck::new(
            self.store.readers().apart(),
            self.params()?.clone(),
            self.memories.clone(),
        ))
    }

    /// Reads for any thread.
    ///
    /// # Errors
    /// Before genesis was applied.
    pub fn queries(&self) -> Result<Queries, Fatal> {
        Ok(Queries::new(self.store.readers(), Arc::clone(&self.vm), self.params()?.clone()))
    }

    /// What must hold in every committed state; a message for each breach.
    pub fn invariants(&self) -> Result<Vec<String>, Fatal> {
        let mut broken = bank::invariant(&self.store)?;
        broken.extend(staking::invariant(&self.store)?);
        broken.extend(gov::invariant(&self.store)?);
        broken.extend(votes::invariant(&self.store, |voter| {
            electorate::stake_of(&self.store, voter)
        })?);
        let delegations = staking::every_delegation(&self.store)?;
        broken.extend(distribution::invariant(&self.store, &delegations)?);
        broken.extend(rewards::invariant(&self.store)?);
        broken.extend(rent::invariant(&self.store)?);
        Ok(broken)
    }

    /// The store, for tests and audits.
    pub fn store(&self) -> &Store {
        &self.store
    }
}
