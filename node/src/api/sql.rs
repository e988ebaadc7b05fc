//! `dadbs.sql.v1.Query`: the methods that need more than a reader.

use super::{Api, ApiError};
use crate::engine::dev::DevEngine;
use crate::engine::dev::blocks::StoredBlock;
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, ExplainResponse, ProveRequest, ProveResponse};
use dadbs_types::{Key, Value};
use dadbs_verifier::Bundle;
use prost::Message;
use std::time::{Duration, Instant};
use tendermint::block::signed_header::SignedHeader;

/// How long a proof waits for the header that carries the newest root.
const HEADER_WAIT: Duration = Duration::from_secs(2);

impl Api {
    pub(super) fn explain(&self, request: ExplainRequest) -> Result<ExplainResponse, ApiError> {
        Ok(self.core.explain(request)?)
    }

    pub(super) fn prove(&self, request: ProveRequest) -> Result<ProveResponse, ApiError> {
        let key: Vec<Value> = request.key.into_iter().map(Value::from).collect();
        let newest = signed_root(self.dev()?)?;
        let height = newest.header.height.value().saturating_sub(1);
        let proof = self.core.prove(&request.database, &request.table, &key, height)?;
        let signed_header = SignedHeader::new(newest.header, newest.commit)
            .map_err(|error| ApiError::unavailable(format!("the header is unusable: {error}")))?;
        let validators = self.dev()?.validators();
        let mut bundle =
            Bundle::new(&proof.table, &Key(key), None, proof.proof, &signed_header, validators);
        bundle.key = proof.key;
        bundle.row = proof.row;
        Ok(ProveResponse { bundle: bundle.encode_to_vec() })
    }
}

/// The newest block; waits for one that carries the newest root.
fn signed_root(engine: &DevEngine) -> Result<StoredBlock, ApiError> {
    let started = Instant::now();
    loop {
        let tip = engine.tip().borrow().clone();
        let block = engine
            .blocks()
            .get(tip.height)?
            .ok_or_else(|| ApiError::unavailable("there is no block yet"))?;
        let is_signed = block.header.app_hash.as_bytes() == tip.app_hash.as_slice();
        if is_signed || started.elapsed() > HEADER_WAIT {
            return Ok(block);
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
