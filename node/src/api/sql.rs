//! `dadbs.sql.v1.Query`: the methods that need more than a reader.

use super::{Api, ApiError};
use dadbs_proto::dadbs::sql::v1::{ExplainRequest, ExplainResponse, ProveRequest, ProveResponse};

impl Api {
    pub(super) fn explain(&self, _request: &ExplainRequest) -> Result<ExplainResponse, ApiError> {
        Err(ApiError::unimplemented("not yet"))
    }

    pub(super) fn prove(&self, _request: &ProveRequest) -> Result<ProveResponse, ApiError> {
        Err(ApiError::unimplemented("not yet"))
    }
}
