//! Reads of governance and of faults.

use crate::grpc::{Client, ClientError};
use dadbs_proto::cosmos::gov::v1 as gov;
use dadbs_proto::cosmos::upgrade::v1beta1 as upgrade;
use dadbs_proto::dadbs::{circuit, gov as ours, params, slashing};

macro_rules! reads {
    ($($(#[$meaning:meta])* $name:ident: $service:path, $method:ident($request:ty) -> $response:ty;)*) => {
        impl Client {
            $($(#[$meaning])*
            pub async fn $name(&self, request: $request) -> Result<$response, ClientError> {
                use $service as Service;
                let mut service = Service::new(self.channel());
                let answer = service.$method(request).await;
                answer.map(tonic::Response::into_inner).map_err(|status| self.error(&status))
            })*
        }
    };
}

reads! {
    /// One proposal.
    proposal: gov::query_client::QueryClient, proposal(gov::QueryProposalRequest) -> gov::QueryProposalResponse;
    /// A page of proposals.
    proposals: gov::query_client::QueryClient, proposals(gov::QueryProposalsRequest) -> gov::QueryProposalsResponse;
    /// What a proposal has come to, and what it takes.
    tally: ours::v1::query_client::QueryClient, tally(ours::v1::TallyRequest) -> ours::v1::TallyResponse;
    /// Every parameter.
    params: params::v1::query_client::QueryClient, params(params::v1::ParamsRequest) -> params::v1::ParamsResponse;
    /// What is paused.
    pauses: circuit::v1::query_client::QueryClient, pauses(circuit::v1::PausesRequest) -> circuit::v1::PausesResponse;
    /// The planned software upgrade.
    upgrade_plan: upgrade::query_client::QueryClient, current_plan(upgrade::QueryCurrentPlanRequest) -> upgrade::QueryCurrentPlanResponse;
    /// One fault.
    fault: slashing::v1::query_client::QueryClient, fault(slashing::v1::FaultRequest) -> slashing::v1::FaultResponse;
    /// A page of faults.
    faults: slashing::v1::query_client::QueryClient, faults(slashing::v1::FaultsRequest) -> slashing::v1::FaultsResponse;
}
