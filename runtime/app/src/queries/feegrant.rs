//! `cosmos.feegrant.v1beta1.Query`.

use super::Reading;
use super::page::Page;
use crate::messages::address;
use crate::messages::feegrant::encode;
use dadbs_modules::feegrant;
use dadbs_proto::cosmos::feegrant::v1beta1::{
    QueryAllowanceRequest, QueryAllowanceResponse, QueryAllowancesByGranterRequest,
    QueryAllowancesByGranterResponse, QueryAllowancesRequest, QueryAllowancesResponse,
};
use dadbs_types::{Code, Error};

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
    let page = Page::of(request.pagination)?;
    let grantee = address(&request.grantee)?;
    let found = feegrant::by_grantee(&reading.view, grantee, page.range())?;
    let (found, pagination) = page.cut(found);
    Ok(QueryAllowancesResponse { allowances: found.iter().map(encode).collect(), pagination })
}

pub(super) fn allowances_by_granter(
    reading: &mut Reading<'_>,
    request: QueryAllowancesByGranterRequest,
) -> Result<QueryAllowancesByGranterResponse, Error> {
    let page = Page::of(request.pagination)?;
    let granter = address(&request.granter)?;
    let found = feegrant::by_granter(&reading.view, granter, page.range())?;
    let (found, pagination) = page.cut(found);
    Ok(QueryAllowancesByGranterResponse {
        allowances: found.iter().map(encode).collect(),
        pagination,
    })
}
