//! `dadbs.sql.v1.Query`: the methods that need more than a reader.

use super::{Api, ApiError};
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, ExplainResponse, ProveRequest, ProveResponse};
use dadbs_types::{Key, Value};
use dadbs_verifier::Bundle;
use prost::Message;

impl Api {
    pub(super) fn explain(&self, request: ExplainRequest) -> Result<ExplainResponse, ApiError> {
        Ok(self.core.explain(request)?)
    }

    pub(super) fn prove(&self, request: ProveRequest) -> Result<ProveResponse, ApiError> {
        let key: Vec<Value> = request.key.into_iter().map(Value::from).collect();
        let (signed, validators) = self.engine.newest_root(&self.core)?;
        let height = signed.header.height.value().saturating_sub(1);
        let proof = self.core.prove(&request.database, &request.table, &key, height)?;
        let mut bundle =
            Bundle::new(&proof.table, &Key(key), None, proof.proof, &signed, &validators);
        bundle.key = proof.key;
        bundle.row = proof.row;
        Ok(ProveResponse { bundle: bundle.encode_to_vec() })
    }
}
