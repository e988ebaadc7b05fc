//! Blocks as CometBFT 0.38 makes them: headers, part sets, commits.
//!
//! 1. A block is hashed by its header; the header of H carries the app hash and the results of H-1.
//! 2. The block id names the header's hash and the part set of the encoded block in parts of 64 KiB.
//! 3. A commit is the validator's precommit for the block id, signed over its canonical form.

use super::key::ValidatorKey;
use dadbs_types::{ConsensusParams, Fatal};
use prost::Message;
use tendermint::block::{self, Commit, CommitSig, Header, Height, Round, header::Version, parts};
use tendermint::crypto::default::Sha256;
use tendermint::merkle::simple_hash_from_byte_vectors;
use tendermint::{AppHash, Hash, Signature, Time, chain, vote};
use tendermint_proto::v0_38::abci::ExecTxResult;
use tendermint_proto::v0_38::types as pb;

/// CometBFT's block protocol.
const BLOCK_PROTOCOL: u64 = 11;
/// Bytes of a part (rule 2).
const PART_BYTES: usize = 65_536;

/// What the header of the next block needs of the last one.
#[derive(Clone, Debug)]
pub struct Parent {
    /// Its height; initial height - 1 before the first block.
    pub height: u64,
    /// Its time, nanoseconds since 1970; that of genesis before the first block.
    pub time_ns: i64,
    /// Its id and commit; `None` before the first block.
    pub decided: Option<(block::Id, Commit)>,
    /// The app hash after it.
    pub app_hash: Vec<u8>,
    /// The hash of its results.
    pub results_hash: Hash,
    /// What blocks after it are held to.
    pub params: ConsensusParams,
}

/// A decided block.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The header.
    pub header: Header,
    /// The encoded `tendermint.types.Block`.
    pub encoded: Vec<u8>,
    /// Its id.
    pub id: block::Id,
    /// The precommits for it.
    pub commit: Commit,
}

fn merkle(leaves: &[impl AsRef<[u8]>]) -> Hash {
    Hash::Sha256(simple_hash_from_byte_vectors::<Sha256>(leaves))
}

fn unrepresentable(what: &str, error: impl std::fmt::Display) -> Fatal {
    Fatal::new(format!("cannot put the {what} into a header: {error}"))
}

/// The hash of a block's results: code, data and gas of each.
pub fn results_hash(results: &[ExecTxResult]) -> Hash {
    let leaves: Vec<Vec<u8>> = results
        .iter()
        .map(|result| {
            ExecTxResult {
                code: result.code,
                data: result.data.clone(),
                gas_wanted: result.gas_wanted,
                gas_used: result.gas_used,
                ..ExecTxResult::default()
            }
            .encode_to_vec()
        })
        .collect();
    merkle(&leaves)
}

/// The hash of the consensus parameters: the block's limits.
fn consensus_hash(params: &ConsensusParams) -> Hash {
    let params = pb::HashedParams {
        block_max_bytes: i64::try_from(params.block_bytes).unwrap_or(i64::MAX),
        block_max_gas: i64::try_from(params.block_gas).unwrap_or(i64::MAX),
    };
    let digest = <sha2::Sha256 as sha2::Digest>::digest(params.encode_to_vec());
    Hash::Sha256(digest.into())
}

fn commit_hash(commit: Option<&Commit>) -> Hash {
    let signatures = commit.map(|commit| commit.signatures.clone()).unwrap_or_default();
    let leaves: Vec<Vec<u8>> = signatures
        .into_iter()
        .map(|signature| pb::CommitSig::from(signature).encode_to_vec())
        .collect();
    merkle(&leaves)
}

/// Makes and signs the block after `parent`.
pub fn decide(
    chain_id: &chain::Id,
    key: &ValidatorKey,
    parent: &Parent,
    time_ns: i64,
    txs: Vec<Vec<u8>>,
) -> Result<Decided, Fatal> {
    let height = Height::try_from(parent.height + 1).map_err(|e| unrepresentable("height", e))?;
    let time = crate::convert::time_of_ns(time_ns);
    let last_commit = parent.decided.as_ref().map(|(_, commit)| commit);
    let validators_hash = key.validators().hash();
    let tx_hashes: Vec<[u8; 32]> = txs.iter().map(|tx| crate::convert::tx_hash(tx)).collect();
    let header = Header {
        version: Version { block: BLOCK_PROTOCOL, app: parent.params.app_version },
        chain_id: chain_id.clone(),
        height,
        time,
        last_block_id: parent.decided.as_ref().map(|(id, _)| *id),
        last_commit_hash: Some(commit_hash(last_commit)),
        data_hash: Some(merkle(&tx_hashes)),
        validators_hash,
        next_validators_hash: validators_hash,
        consensus_hash: consensus_hash(&parent.params),
        app_hash: AppHash::try_from(parent.app_hash.clone())
            .map_err(|e| unrepresentable("app hash", e))?,
        last_results_hash: Some(parent.results_hash),
        evidence_hash: Some(merkle(&[] as &[&[u8]])),
        proposer_address: key.address(),
    };
    let block = pb::Block {
        header: Some(header.clone().into()),
        data: Some(pb::Data { txs }),
        evidence: Some(pb::EvidenceList::default()),
        last_commit: Some(last_commit.cloned().unwrap_or_default().into()),
    };
    let encoded = block.encode_to_vec();
    let part_leaves: Vec<&[u8]> = encoded.chunks(PART_BYTES).collect();
    let total = u32::try_from(part_leaves.len()).map_err(|e| unrepresentable("parts", e))?;
    let part_set_header = parts::Header::new(total, merkle(&part_leaves))
        .map_err(|e| unrepresentable("part set", e))?;
    let id = block::Id { hash: header.hash(), part_set_header };
    let commit = sign(chain_id, key, height, time, id)?;
    Ok(Decided { header, encoded, id, commit })
}

/// The validator's commit for a block id (rule 3).
fn sign(
    chain_id: &chain::Id,
    key: &ValidatorKey,
    height: Height,
    time: Time,
    id: block::Id,
) -> Result<Commit, Fatal> {
    let vote = vote::Vote {
        vote_type: vote::Type::Precommit,
        height,
        round: Round::default(),
        block_id: Some(id),
        timestamp: Some(time),
        validator_address: key.address(),
        validator_index: vote::ValidatorIndex::try_from(0u32)
            .map_err(|e| unrepresentable("validator index", e))?,
        signature: None,
        extension: Vec::new(),
        extension_signature: None,
    };
    let signature = key.sign(&vote.into_signable_vec(chain_id.clone()));
    let signature = Signature::new(signature).map_err(|e| unrepresentable("signature", e))?;
    let signature = CommitSig::BlockIdFlagCommit {
        validator_address: key.address(),
        timestamp: time,
        signature,
    };
    Ok(Commit { height, round: Round::default(), block_id: id, signatures: vec![signature] })
}
