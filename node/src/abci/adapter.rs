//! The adapter of ABCI 2.0 over the core.
//!
//! 1. The trait is infallible: a fault unwinds out of the call with the [`Fatal`] as its payload; the
//!    server answers with an exception, and the node ends.
//! 2. Proposals, `FinalizeBlock` and Commit go to the core's thread; `CheckTx` and Query run on the caller's.
//! 3. The validators of the genesis file are those of its `app_state`; InitChain answers them.
//! 4. A node that halts for an upgrade answers [`HALT_LINGER`] later, so that CometBFT hands the last blocks to peers
//!    that are behind: all nodes halt at one height, and who lacks a block then would find nobody to give it.
//! 5. Transactions are indexed after Commit, on a thread of their own ([`super::indexer`]).

use super::indexer::{Committed, Indexer};
use super::server::CheckAll;
use crate::api::Api;
use crate::convert::{
    check_tx_response, consensus_params, finalize_response, height_i64, ns_of_time,
    validator_updates,
};
use crate::core_thread::Core;
use crate::engine::cometbft::CometBft;
use crate::index::TxIndex;
use dadbs_app::{Block, CheckKind, Genesis};
use dadbs_proto::cosmos::consensus::v1::QueryParamsResponse;
use dadbs_types::{BlockInfo, Fatal, Misbehavior, MisbehaviorKind, Vote};
use prost::Message;
use prost::bytes::Bytes;
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tendermint::Time;
use tendermint_abci::Application;
use tendermint_proto::google::protobuf::Timestamp;
use tendermint_proto::v0_38::abci::response_process_proposal::ProposalStatus;
use tendermint_proto::v0_38::abci::{
    self as abci, CheckTxType, CommitInfo, MisbehaviorType, RequestCheckTx, RequestFinalizeBlock,
    RequestInfo, RequestInitChain, RequestPrepareProposal, RequestProcessProposal, RequestQuery,
    ResponseCheckTx, ResponseCommit, ResponseFinalizeBlock, ResponseInfo, ResponseInitChain,
    ResponsePrepareProposal, ResponseProcessProposal, ResponseQuery,
};
use tendermint_proto::v0_38::types::BlockIdFlag;

/// The application as CometBFT sees it; clones share it.
#[derive(Clone)]
pub struct Adapter {
    core: Core,
    api: Arc<Api>,
    executed: Arc<Mutex<Option<Committed>>>,
    indexer: Arc<Indexer>,
}

/// For how long a halted node still serves its peers (rule 4).
pub(crate) const HALT_LINGER: Duration = Duration::from_secs(3);

/// The query of [`Adapter::app_version`].
const CONSENSUS_PARAMS: &str = "/cosmos.consensus.v1.Query/Params";

/// Rule 1.
fn or_unwind<T>(result: Result<T, Fatal>) -> T {
    result.unwrap_or_else(|fatal| resume_unwind(Box::new(fatal)))
}

fn time_ns(time: Option<Timestamp>) -> Result<i64, Fatal> {
    let time = time.unwrap_or_default();
    Time::try_from(time)
        .ok()
        .and_then(ns_of_time)
        .ok_or_else(|| Fatal::new(format!("the block's time {} s is out of range", time.seconds)))
}

fn height(height: i64) -> Result<u64, Fatal> {
    u64::try_from(height).map_err(|_| Fatal::new(format!("height {height} is negative")))
}

fn owned(txs: Vec<Bytes>) -> Vec<Vec<u8>> {
    txs.into_iter().map(Vec::from).collect()
}

impl Adapter {
    /// An adapter; starts the thread that indexes, which fetches what it lacks from `comet`. Must be called
    /// inside a runtime.
    pub fn new(
        core: Core,
        api: Arc<Api>,
        index: Arc<TxIndex>,
        comet: Option<CometBft>,
    ) -> Result<Adapter, Fatal> {
        let newest = core.info()?.height;
        let indexer = Arc::new(Indexer::start(core.clone(), index, comet, newest)?);
        Ok(Adapter { core, api, executed: Arc::default(), indexer })
    }

    fn try_init_chain(&self, request: &RequestInitChain) -> Result<ResponseInitChain, Fatal> {
        let genesis = dadbs_genesis::from_json(&request.app_state_bytes)
            .map_err(|error| Fatal::new(format!("app_state of the genesis file: {error}")))?;
        let time_ns = time_ns(request.time)?;
        let named = Genesis {
            chain_id: request.chain_id.clone(),
            time_ns,
            initial_height: height(request.initial_height)?.max(1),
            ..genesis.clone()
        };
        if named != genesis {
            return Err(Fatal::new(format!(
                "chain id, time and initial height of the genesis file (\"{}\", {time_ns} ns, {}) differ from \
                 those in its app_state (\"{}\", {} ns, {}); build it with `dadbs genesis`",
                request.chain_id,
                request.initial_height,
                genesis.chain_id,
                genesis.time_ns,
                genesis.initial_height
            )));
        }
        let validators = validator_updates(&genesis.validator_updates());
        check_validators(request, &validators)?;
        let params = genesis.consensus_params();
        let app_hash = self.core.init_chain(genesis)?;
        Ok(ResponseInitChain {
            consensus_params: Some(consensus_params(&params)),
            validators,
            app_hash: app_hash.to_vec().into(),
        })
    }

    /// The app version of the headers to come; 0 before genesis.
    fn app_version(&self) -> u64 {
        let Ok((_, answer)) = self.api.call(CONSENSUS_PARAMS, &[]) else { return 0 };
        let answer = QueryParamsResponse::decode(&answer[..]).unwrap_or_default();
        answer.params.and_then(|params| params.version).map_or(0, |version| version.app)
    }

    fn try_process(&self, request: RequestProcessProposal) -> Result<bool, Fatal> {
        let (time, proposer) = (request.time, &request.proposer_address);
        let commit = request.proposed_last_commit;
        let info = block_info(request.height, time, proposer, commit, request.misbehavior)?;
        self.core.process(Block { info, txs: owned(request.txs) })
    }

    fn try_finalize(&self, request: RequestFinalizeBlock) -> Result<ResponseFinalizeBlock, Fatal> {
        let (time, proposer) = (request.time, &request.proposer_address);
        let commit = request.decided_last_commit;
        let info = block_info(request.height, time, proposer, commit, request.misbehavior)?;
        let (height, time_ns) = (info.height, info.time_ns);
        let txs = owned(request.txs);
        let outcome = self.core.finalize_block(Block { info, txs: txs.clone() })?;
        let response = finalize_response(outcome);
        let mut executed = self.executed.lock().unwrap_or_else(PoisonError::into_inner);
        *executed = Some(Committed { height, time_ns, txs, outcome: response.clone() });
        Ok(response)
    }

    fn try_commit(&self) -> Result<ResponseCommit, Fatal> {
        self.core.commit()?;
        self.core.reset_checks();
        let executed = self.executed.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(executed) = executed {
            tracing::info!(height = executed.height, txs = executed.txs.len(), "block");
            self.indexer.hand_over(executed);
        }
        Ok(ResponseCommit { retain_height: 0 })
    }
}

/// Rule 3.
fn check_validators(
    request: &RequestInitChain,
    ours: &[abci::ValidatorUpdate],
) -> Result<(), Fatal> {
    let key = |update: &abci::ValidatorUpdate| format!("{:?}", update.pub_key);
    let mut theirs = request.validators.clone();
    theirs.sort_by_key(key);
    let mut sorted = ours.to_vec();
    sorted.sort_by_key(key);
    if theirs != sorted {
        return Err(Fatal::new(format!(
            "the genesis file names {} validators, its app_state {}, or others, or with other powers; build it with `dadbs init`",
            theirs.len(),
            sorted.len()
        )));
    }
    Ok(())
}

/// What a proposal and a decided block say of the block.
fn block_info(
    height: i64,
    time: Option<Timestamp>,
    proposer: &[u8],
    commit: Option<CommitInfo>,
    evidence: Vec<abci::Misbehavior>,
) -> Result<BlockInfo, Fatal> {
    Ok(BlockInfo {
        height: self::height(height)?,
        time_ns: time_ns(time)?,
        proposer_address: proposer.try_into().unwrap_or_default(),
        votes: votes(commit)?,
        misbehavior: evidence.into_iter().map(misbehavior).collect::<Result<_, _>>()?,
    })
}

fn consensus_address(bytes: &[u8]) -> Result<[u8; 20], Fatal> {
    bytes
        .try_into()
        .map_err(|_| Fatal::new(format!("a validator's address has {} bytes, not 20", bytes.len())))
}

/// Who signed the block before; a vote for nothing is a signature.
fn votes(commit: Option<CommitInfo>) -> Result<Vec<Vote>, Fatal> {
    let vote = |vote: abci::VoteInfo| {
        let signed = match BlockIdFlag::try_from(vote.block_id_flag) {
            Ok(BlockIdFlag::Commit | BlockIdFlag::Nil) => true,
            Ok(BlockIdFlag::Absent) => false,
            Ok(BlockIdFlag::Unknown) | Err(_) => {
                let flag = vote.block_id_flag;
                return Err(Fatal::new(format!("a vote has the unknown flag {flag}")));
            }
        };
        let validator = vote.validator.unwrap_or_default();
        let (address, power) = (consensus_address(&validator.address)?, power(validator.power)?);
        Ok(Vote { address, power, signed })
    };
    commit.unwrap_or_default().votes.into_iter().map(vote).collect()
}

fn power(power: i64) -> Result<u64, Fatal> {
    u64::try_from(power).map_err(|_| Fatal::new(format!("the power {power} is negative")))
}

fn misbehavior(evidence: abci::Misbehavior) -> Result<Misbehavior, Fatal> {
    let kind = match MisbehaviorType::try_from(evidence.r#type) {
        Ok(MisbehaviorType::DuplicateVote) => MisbehaviorKind::DuplicateVote,
        Ok(MisbehaviorType::LightClientAttack) => MisbehaviorKind::LightClientAttack,
        Ok(MisbehaviorType::Unknown) | Err(_) => {
            let kind = evidence.r#type;
            return Err(Fatal::new(format!("evidence has the unknown kind {kind}")));
        }
    };
    let validator = evidence.validator.unwrap_or_default();
    Ok(Misbehavior {
        kind,
        address: consensus_address(&validator.address)?,
        height: height(evidence.height)?,
        time_ns: time_ns(evidence.time)?,
        power: power(validator.power)?,
    })
}

fn check_kind(request: &RequestCheckTx) -> CheckKind {
    if request.r#type == CheckTxType::Recheck as i32 { CheckKind::Recheck } else { CheckKind::New }
}

impl CheckAll for Adapter {
    fn check_all(&self, requests: Vec<RequestCheckTx>) -> Vec<ResponseCheckTx> {
        let txs: Vec<_> = requests.iter().map(|r| (&r.tx[..], check_kind(r))).collect();
        let results = or_unwind(self.core.check_all(&txs));
        results.into_iter().map(check_tx_response).collect()
    }
}

impl Application for Adapter {
    fn info(&self, _request: RequestInfo) -> ResponseInfo {
        let info = or_unwind(self.core.info());
        ResponseInfo {
            data: "dadbs".into(),
            version: env!("CARGO_PKG_VERSION").into(),
            app_version: self.app_version(),
            last_block_height: height_i64(info.height),
            // Before the first block CometBFT takes the hash from InitChain.
            last_block_app_hash: if info.height == 0 {
                Bytes::new()
            } else {
                info.app_hash.to_vec().into()
            },
        }
    }

    fn init_chain(&self, request: RequestInitChain) -> ResponseInitChain {
        or_unwind(self.try_init_chain(&request))
    }

    fn check_tx(&self, request: RequestCheckTx) -> ResponseCheckTx {
        check_tx_response(or_unwind(self.core.check(&request.tx, check_kind(&request))))
    }

    fn query(&self, request: RequestQuery) -> ResponseQuery {
        match self.api.call(&request.path, &request.data) {
            Ok((height, value)) => ResponseQuery {
                height: height_i64(height),
                value: value.into(),
                ..ResponseQuery::default()
            },
            Err(error) => {
                let (code, codespace, log) = error.abci();
                let height = self.core.info().map_or(0, |info| height_i64(info.height));
                let codespace = codespace.into();
                ResponseQuery { code, codespace, log, height, ..ResponseQuery::default() }
            }
        }
    }

    fn prepare_proposal(&self, request: RequestPrepareProposal) -> ResponsePrepareProposal {
        let bytes_max = usize::try_from(request.max_tx_bytes).unwrap_or(0);
        let txs = or_unwind(self.core.prepare(owned(request.txs), bytes_max));
        ResponsePrepareProposal { txs: txs.into_iter().map(Bytes::from).collect() }
    }

    fn process_proposal(&self, request: RequestProcessProposal) -> ResponseProcessProposal {
        let accepted = or_unwind(self.try_process(request));
        let status = if accepted { ProposalStatus::Accept } else { ProposalStatus::Reject };
        ResponseProcessProposal { status: status.into() }
    }

    fn finalize_block(&self, request: RequestFinalizeBlock) -> ResponseFinalizeBlock {
        let finalized = self.try_finalize(request);
        if matches!(&finalized, Err(fatal) if fatal.halt.is_some()) {
            std::thread::sleep(HALT_LINGER);
        }
        or_unwind(finalized)
    }

    fn commit(&self) -> ResponseCommit {
        or_unwind(self.try_commit())
    }
}
