//! Reads about money and stake: rewards, the community pool, the price of gas, inflation, allowances, storage rent, validators.

use crate::grpc::{ANSWER_BYTES_MAX, Client, ClientError};
use dadbs_proto::cosmos::distribution::v1beta1 as distribution;
use dadbs_proto::cosmos::feegrant::v1beta1 as feegrant;
use dadbs_proto::cosmos::mint::v1beta1 as mint;
use dadbs_proto::cosmos::slashing::v1beta1 as slashing;
use dadbs_proto::cosmos::staking::v1beta1 as staking;
use dadbs_proto::dadbs::fees::v1 as fees;
use dadbs_proto::dadbs::rewards::v1 as contribution;
use dadbs_proto::dadbs::storage::v1 as storage;

macro_rules! reads {
    ($($(#[$doc:meta])* $name:ident: $module:ident.$method:ident($request:ident) -> $response:ident;)*) => {
        impl Client {
            $($(#[$doc])*
            ///
            /// # Errors
            /// If the node does not answer, or refuses.
            pub async fn $name(
                &self,
                request: $module::$request,
            ) -> Result<$module::$response, ClientError> {
                let mut service = $module::query_client::QueryClient::new(self.channel.clone())
                    .max_decoding_message_size(ANSWER_BYTES_MAX);
                let answer = service.$method(request).await;
                answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
            })*
        }
    };
}

reads! {
    /// The price of gas in the next block.
    base_fee: fees.base_fee(BaseFeeRequest) -> BaseFeeResponse;
    /// The rewards of an account at every validator.
    rewards: distribution.delegation_total_rewards(QueryDelegationTotalRewardsRequest) -> QueryDelegationTotalRewardsResponse;
    /// The commission that a validator has not withdrawn.
    commission: distribution.validator_commission(QueryValidatorCommissionRequest) -> QueryValidatorCommissionResponse;
    /// What a validator and its delegators are owed together.
    outstanding_rewards: distribution.validator_outstanding_rewards(QueryValidatorOutstandingRewardsRequest) -> QueryValidatorOutstandingRewardsResponse;
    /// Where an account's rewards go.
    withdraw_address: distribution.delegator_withdraw_address(QueryDelegatorWithdrawAddressRequest) -> QueryDelegatorWithdrawAddressResponse;
    /// The community pool.
    community_pool: distribution.community_pool(QueryCommunityPoolRequest) -> QueryCommunityPoolResponse;
    /// The validators that an account delegates to.
    delegator_validators: distribution.delegator_validators(QueryDelegatorValidatorsRequest) -> QueryDelegatorValidatorsResponse;
    /// Inflation of a year.
    inflation: mint.inflation(QueryInflationRequest) -> QueryInflationResponse;
    /// What a year of the present inflation mints.
    annual_provisions: mint.annual_provisions(QueryAnnualProvisionsRequest) -> QueryAnnualProvisionsResponse;
    /// Who pays fees for an account.
    allowances: feegrant.allowances(QueryAllowancesRequest) -> QueryAllowancesResponse;
    /// For whom an account pays fees.
    allowances_by_granter: feegrant.allowances_by_granter(QueryAllowancesByGranterRequest) -> QueryAllowancesByGranterResponse;
    /// The storage of a contract.
    storage: storage.storage(StorageRequest) -> StorageResponse;
    /// What storage costs.
    storage_price: storage.price(PriceRequest) -> PriceResponse;
    /// Validators.
    validators: staking.validators(QueryValidatorsRequest) -> QueryValidatorsResponse;
    /// One validator.
    validator: staking.validator(QueryValidatorRequest) -> QueryValidatorResponse;
    /// What an account delegates.
    delegations: staking.delegator_delegations(QueryDelegatorDelegationsRequest) -> QueryDelegatorDelegationsResponse;
    /// What an account withdraws.
    unbondings: staking.delegator_unbonding_delegations(QueryDelegatorUnbondingDelegationsRequest) -> QueryDelegatorUnbondingDelegationsResponse;
    /// What an account has moved.
    redelegations: staking.redelegations(QueryRedelegationsRequest) -> QueryRedelegationsResponse;
    /// All stake.
    staking_pool: staking.pool(QueryPoolRequest) -> QueryPoolResponse;
    /// The running epoch of rewards.
    reward_epoch: contribution.epoch(EpochRequest) -> EpochResponse;
    /// How validators stand in the running epoch.
    reward_scores: contribution.scores(ScoresRequest) -> ScoresResponse;
    /// A validator's storage challenges.
    reward_challenges: contribution.challenges(ChallengesRequest) -> ChallengesResponse;
    /// Who has missed how many blocks.
    signing_infos: slashing.signing_infos(QuerySigningInfosRequest) -> QuerySigningInfosResponse;
}
