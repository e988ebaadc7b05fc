//! The queries of faults that wait, and of what became of them.

use super::Reading;
use super::page::Page;
use dadbs_modules::slashing::{self, Fault, FaultStatus};
use dadbs_proto::dadbs::slashing::v1::{
    self as wire, FaultRequest, FaultResponse, FaultsRequest, FaultsResponse,
};
use dadbs_types::{Code, Error, OperatorAddress};

fn fault_of(fault: Fault) -> wire::Fault {
    wire::Fault {
        fault_id: fault.id,
        validator_address: OperatorAddress(fault.operator).to_string(),
        kind: fault.kind.name().into(),
        height: fault.height,
        power: fault.power,
        fraction_ppm: fault.ppm,
        due: i64::try_from(fault.due).unwrap_or(i64::MAX),
        status: fault.status.name().into(),
        submitter: fault.submitter.to_string(),
        evidence: fault.evidence,
        evidence_hash: fault.evidence_hash,
        burned: fault.burned,
    }
}

pub(super) fn fault(
    reading: &mut Reading<'_>,
    request: FaultRequest,
) -> Result<FaultResponse, Error> {
    let fault = slashing::fault(&reading.view, request.fault_id)?;
    Ok(FaultResponse { fault: Some(fault_of(fault)) })
}

pub(super) fn faults(
    reading: &mut Reading<'_>,
    request: FaultsRequest,
) -> Result<FaultsResponse, Error> {
    let status = match request.status.as_str() {
        "" => None,
        name => Some(FaultStatus::named(name).ok_or_else(|| {
            let message =
                format!("\"{name}\" is no status: pending, executed, cancelled or failed");
            Error::rejected(Code::InvalidRequest, message)
        })?),
    };
    let page = Page::of(request.pagination)?;
    let (offset, limit) = page.range();
    let found = slashing::faults(&reading.view, status, offset, limit)?;
    let (faults, pagination) = page.cut(found);
    Ok(FaultsResponse { faults: faults.into_iter().map(fault_of).collect(), pagination })
}
