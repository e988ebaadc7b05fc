//! `cosmos.feegrant.v1beta1.Query`.
//!
//! 1. A page begins at an offset; the next one's is its key, in decimal.

use super::Reading;
use crate::messages::address;
use crate::messages::feegrant::encode;
use dadbs_modules::feegrant;
use dadbs_proto::cosmos::base::query::v1beta1::{PageRequest, PageResponse};
use dadbs_proto::cosmos::feegrant::v1beta1::{
    QueryAllowanceRequest, QueryAllowanceResponse, QueryAllowancesByGranterRequest,
    QueryAllowancesByGranterResponse, QueryAllowancesRequest, QueryAllowancesResponse,
};
use dadbs_types::{Code, Error};

/// Allowances of one page.
const PAGE_MAX: i64 = 100;

/// What a page begins with, and how many entries it has (rule 1).
fn page(request: Option<PageRequest>) -> Result<(i64, i64), Error> {
    let request = request.unwrap_or_default();
    let begin = if request.key.is_empty() {
        i64::try_from(request.offset).ok()
    } else {
        std::str::from_utf8(&request.key).ok().and_then(|text| text.parse().ok())
    };
    let begin = begin.filter(|begin| *begin >= 0);
    let begin = begin
        .ok_or_else(|| Error::rejected(Code::InvalidRequest, "the page's key is malformed"))?;
    let limit = i64::try_from(request.limit).unwrap_or(PAGE_MAX).min(PAGE_MAX);
    Ok((begin, if limit == 0 { PAGE_MAX } else { limit }))
}

/// The page after one of so many entries.
fn next(begin: i64, limit: i64, found: usize) -> Option<PageResponse> {
    let full = i64::try_from(found) == Ok(limit);
    let key = if full { (begin + limit).to_string().into_bytes() } else { Vec::new() };
    Some(PageResponse { next_key: key, total: 0 })
}

pub(super) fn allowance(
    reading: &mut Reading<'_>,
    request: QueryAllowanceRequest,
) -> Result<QueryAllowanceResponse, Error> {
    let (granter, grantee) = (address(&request.granter)?, address(&request.grantee)?);
    let found = feegrant::allowance(&reading.view, granter, Some(grantee))?.ok_or_else(|| {
        Error::rejected(Code::NotFound, format!("fee-grant not found: {granter} for {grantee}"))
    })?;
    Ok(QueryAllowanceResponse { allowance: Some(encode(&found)) })
}

pub(super) fn allowances(
    reading: &mut Reading<'_>,
    request: QueryAllowancesRequest,
) -> Result<QueryAllowancesResponse, Error> {
    let (begin, limit) = page(request.pagination)?;
    let grantee = address(&request.grantee)?;
    let found = feegrant::by_grantee(&reading.view, grantee, begin, limit)?;
    Ok(QueryAllowancesResponse {
        allowances: found.iter().map(encode).collect(),
        pagination: next(begin, limit, found.len()),
    })
}

pub(super) fn allowances_by_granter(
    reading: &mut Reading<'_>,
    request: QueryAllowancesByGranterRequest,
) -> Result<QueryAllowancesByGranterResponse, Error> {
    let (begin, limit) = page(request.pagination)?;
    let granter = address(&request.granter)?;
    let found = feegrant::by_granter(&reading.view, granter, begin, limit)?;
    Ok(QueryAllowancesByGranterResponse {
        allowances: found.iter().map(encode).collect(),
        pagination: next(begin, limit, found.len()),
    })
}
