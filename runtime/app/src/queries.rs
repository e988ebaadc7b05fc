//! Reads of the last committed height.
//!
//! 1. Every query is served under its full gRPC method name with protobuf bytes in and out: gRPC and
//!    ABCI Query answer alike, from the one table `ROUTES`.
//! 2. An answer comes from one snapshot; its height is returned with it.
//! 3. A read has bounds of steps, rows and bytes, and shares no lock with the writer.

mod distribution;
mod faults;
mod feegrant;
mod gov;
mod money;
mod page;
mod rewards;
mod staking;
mod storage;

pub use rewards::OpenChallenges;

use crate::app::ChainParams;
use crate::messages::{address, values, wire};
use dadbs_modules::{auth, bank, contract};
use dadbs_proto::cosmos::auth::v1beta1::{
    self as auth_wire, QueryAccountRequest, QueryAccountResponse, QueryParamsRequest,
    QueryParamsResponse,
};
use dadbs_proto::cosmos::bank::v1beta1::{
    QueryAllBalancesRequest, QueryAllBalancesResponse, QueryBalanceRequest, QueryBalanceResponse,
    QuerySpendableBalancesRequest, QuerySpendableBalancesResponse, QuerySupplyOfRequest,
    QuerySupplyOfResponse, QueryTotalSupplyRequest, QueryTotalSupplyResponse,
};
use dadbs_proto::cosmos::base::query::v1beta1::PageResponse;
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::cosmos::crypto::secp256k1::PubKey;
use dadbs_proto::dadbs::contract::v1::{
    CodeRequest, CodeResponse, ContractInfo, ContractRequest, ContractResponse, ContractsRequest,
    ContractsResponse, ViewRequest, ViewResponse, code_response::Entry,
};
use dadbs_proto::dadbs::sql::v1::{
    Object, QueryRequest, QueryResponse, SchemaRequest, SchemaResponse,
};
use dadbs_store::{ReadLimits, Readers, RowProof, View};
use dadbs_types::coin::DENOM;
use dadbs_types::gas::price;
use dadbs_types::limits::{
    MEMO_BYTES_MAX, QUERY_BYTES_MAX, QUERY_GAS_MAX, QUERY_ROWS_MAX, QUERY_STEPS_MAX,
};
use dadbs_types::{Code, Coin, Error, GasMeter, Rejection, Value};
use dadbs_vm::Vm;
use prost::{Message, Name};
use prost_types::Any;
use std::sync::Arc;

/// Reads for any thread.
#[derive(Clone)]
pub struct Queries {
    readers: Readers,
    vm: Arc<Vm>,
    params: ChainParams,
}

/// One query on one snapshot.
struct Reading<'a> {
    view: View,
    vm: &'a Vm,
    params: &'a ChainParams,
}

type Handler = fn(&mut Reading<'_>, &[u8]) -> Result<Vec<u8>, Error>;

/// Every query by its path (rule 1).
const ROUTES: &[(&str, Handler)] = &[
    ("/cosmos.auth.v1beta1.Query/Account", |r, b| answer(r, b, account)),
    ("/cosmos.auth.v1beta1.Query/Params", |r, b| answer(r, b, auth_params)),
    ("/cosmos.bank.v1beta1.Query/Balance", |r, b| answer(r, b, balance)),
    ("/cosmos.bank.v1beta1.Query/AllBalances", |r, b| answer(r, b, all_balances)),
    ("/cosmos.bank.v1beta1.Query/SpendableBalances", |r, b| answer(r, b, spendable_balances)),
    ("/cosmos.bank.v1beta1.Query/TotalSupply", |r, b| answer(r, b, total_supply)),
    ("/cosmos.bank.v1beta1.Query/SupplyOf", |r, b| answer(r, b, supply_of)),
    ("/cosmos.staking.v1beta1.Query/Validators", |r, b| answer(r, b, staking::validators)),
    ("/cosmos.staking.v1beta1.Query/Validator", |r, b| answer(r, b, staking::validator)),
    ("/cosmos.staking.v1beta1.Query/ValidatorDelegations", |r, b| {
        answer(r, b, staking::validator_delegations)
    }),
    ("/cosmos.staking.v1beta1.Query/ValidatorUnbondingDelegations", |r, b| {
        answer(r, b, staking::validator_unbondings)
    }),
    ("/cosmos.staking.v1beta1.Query/Delegation", |r, b| answer(r, b, staking::delegation)),
    ("/cosmos.staking.v1beta1.Query/UnbondingDelegation", |r, b| {
        answer(r, b, staking::unbonding_delegation)
    }),
    ("/cosmos.staking.v1beta1.Query/DelegatorDelegations", |r, b| {
        answer(r, b, staking::delegator_delegations)
    }),
    ("/cosmos.staking.v1beta1.Query/DelegatorUnbondingDelegations", |r, b| {
        answer(r, b, staking::delegator_unbondings)
    }),
    ("/cosmos.staking.v1beta1.Query/Redelegations", |r, b| answer(r, b, staking::redelegations)),
    ("/cosmos.staking.v1beta1.Query/DelegatorValidators", |r, b| {
        answer(r, b, staking::delegator_validators)
    }),
    ("/cosmos.staking.v1beta1.Query/DelegatorValidator", |r, b| {
        answer(r, b, staking::delegator_validator)
    }),
    ("/cosmos.staking.v1beta1.Query/Pool", |r, b| answer(r, b, staking::pool)),
    ("/cosmos.staking.v1beta1.Query/Params", |r, b| answer(r, b, staking::staking_params)),
    ("/cosmos.slashing.v1beta1.Query/Params", |r, b| answer(r, b, staking::slashing_params)),
    ("/cosmos.slashing.v1beta1.Query/SigningInfo", |r, b| answer(r, b, staking::signing_info)),
    ("/cosmos.slashing.v1beta1.Query/SigningInfos", |r, b| answer(r, b, staking::signing_infos)),
    ("/dadbs.slashing.v1.Query/Fault", |r, b| answer(r, b, faults::fault)),
    ("/dadbs.slashing.v1.Query/Faults", |r, b| answer(r, b, faults::faults)),
    ("/cosmos.gov.v1.Query/Proposal", |r, b| answer(r, b, gov::proposal)),
    ("/cosmos.gov.v1.Query/Proposals", |r, b| answer(r, b, gov::proposals)),
    ("/cosmos.gov.v1.Query/Vote", |r, b| answer(r, b, gov::vote)),
    ("/cosmos.gov.v1.Query/Votes", |r, b| answer(r, b, gov::votes_of)),
    ("/cosmos.gov.v1.Query/Params", |r, b| answer(r, b, gov::gov_params)),
    ("/cosmos.gov.v1.Query/Deposit", |r, b| answer(r, b, gov::deposit)),
    ("/cosmos.gov.v1.Query/Deposits", |r, b| answer(r, b, gov::deposits)),
    ("/cosmos.gov.v1.Query/TallyResult", |r, b| answer(r, b, gov::tally)),
    ("/cosmos.consensus.v1.Query/Params", |r, b| answer(r, b, gov::consensus_params)),
    ("/cosmos.upgrade.v1beta1.Query/CurrentPlan", |r, b| answer(r, b, gov::current_plan)),
    ("/cosmos.upgrade.v1beta1.Query/AppliedPlan", |r, b| answer(r, b, gov::applied_plan)),
    ("/cosmos.upgrade.v1beta1.Query/Authority", |r, b| answer(r, b, gov::upgrade_authority)),
    ("/dadbs.gov.v1.Query/Tally", |r, b| answer(r, b, gov::standing)),
    ("/dadbs.params.v1.Query/Params", |r, b| answer(r, b, gov::all_params)),
    ("/dadbs.circuit.v1.Query/Pauses", |r, b| answer(r, b, gov::pauses)),
    ("/cosmos.distribution.v1beta1.Query/Params", |r, b| answer(r, b, distribution::params)),
    ("/cosmos.distribution.v1beta1.Query/ValidatorDistributionInfo", |r, b| {
        answer(r, b, distribution::validator_info)
    }),
    ("/cosmos.distribution.v1beta1.Query/ValidatorOutstandingRewards", |r, b| {
        answer(r, b, distribution::outstanding)
    }),
    ("/cosmos.distribution.v1beta1.Query/ValidatorCommission", |r, b| {
        answer(r, b, distribution::commission)
    }),
    ("/cosmos.distribution.v1beta1.Query/DelegationRewards", |r, b| {
        answer(r, b, distribution::delegation_rewards)
    }),
    ("/cosmos.distribution.v1beta1.Query/DelegationTotalRewards", |r, b| {
        answer(r, b, distribution::total_rewards)
    }),
    ("/cosmos.distribution.v1beta1.Query/DelegatorValidators", |r, b| {
        answer(r, b, distribution::delegator_validators)
    }),
    ("/cosmos.distribution.v1beta1.Query/DelegatorWithdrawAddress", |r, b| {
        answer(r, b, distribution::withdraw_address)
    }),
    ("/cosmos.distribution.v1beta1.Query/CommunityPool", |r, b| {
        answer(r, b, distribution::community_pool)
    }),
    ("/cosmos.mint.v1beta1.Query/Params", |r, b| answer(r, b, money::mint_params)),
    ("/cosmos.mint.v1beta1.Query/Inflation", |r, b| answer(r, b, money::inflation)),
    ("/cosmos.mint.v1beta1.Query/AnnualProvisions", |r, b| answer(r, b, money::annual_provisions)),
    ("/cosmos.feegrant.v1beta1.Query/Allowance", |r, b| answer(r, b, feegrant::allowance)),
    ("/cosmos.feegrant.v1beta1.Query/Allowances", |r, b| answer(r, b, feegrant::allowances)),
    ("/cosmos.feegrant.v1beta1.Query/AllowancesByGranter", |r, b| {
        answer(r, b, feegrant::allowances_by_granter)
    }),
    ("/dadbs.fees.v1.Query/BaseFee", |r, b| answer(r, b, money::base_fee)),
    ("/dadbs.rewards.v1.Query/Epoch", |r, b| answer(r, b, rewards::epoch)),
    ("/dadbs.rewards.v1.Query/Scores", |r, b| answer(r, b, rewards::scores)),
    ("/dadbs.rewards.v1.Query/Challenges", |r, b| answer(r, b, rewards::challenges)),
    ("/dadbs.storage.v1.Query/Storage", |r, b| answer(r, b, storage::storage)),
    ("/dadbs.storage.v1.Query/Price", |r, b| answer(r, b, storage::price)),
    ("/dadbs.contract.v1.Query/Contract", |r, b| answer(r, b, contract_by_name)),
    ("/dadbs.contract.v1.Query/Contracts", |r, b| answer(r, b, contracts)),
    ("/dadbs.contract.v1.Query/Code", |r, b| answer(r, b, code)),
    ("/dadbs.contract.v1.Query/View", |r, b| answer(r, b, view)),
    ("/dadbs.sql.v1.Query/Query", |r, b| answer(r, b, sql_query)),
    ("/dadbs.sql.v1.Query/Schema", |r, b| answer(r, b, schema)),
];

fn answer<Request: Message + Default, Response: Message>(
    reading: &mut Reading<'_>,
    bytes: &[u8],
    handler: fn(&mut Reading<'_>, Request) -> Result<Response, Error>,
) -> Result<Vec<u8>, Error> {
    let request = Request::decode(bytes)
        .map_err(|error| Error::rejected(Code::InvalidRequest, error.to_string()))?;
    Ok(handler(reading, request)?.encode_to_vec())
}

/// The paths of every query.
pub fn paths() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|(path, _)| *path)
}

impl Queries {
    pub(crate) fn new(readers: Readers, vm: Arc<Vm>, params: ChainParams) -> Queries {
        Queries { readers, vm, params }
    }

    /// Answers a path of [`paths`] with the height that was read (rules 1 and 2).
    pub fn query(&self, path: &str, request: &[u8]) -> Result<(u64, Vec<u8>), Error> {
        let (_, handler) = ROUTES.iter().find(|(route, _)| *route == path).ok_or_else(|| {
            Error::rejected(Code::UnknownRequest, format!("there is no query {path}"))
        })?;
        let view = self.readers.view()?;
        let height = view.height();
        let mut reading = Reading { view, vm: &self.vm, params: &self.params };
        Ok((height, handler(&mut reading, request)?))
    }

    /// One row, or its absence, with its proof at the newest provable height, which is at most `height`.
    ///
    /// `database` is empty for the chain's own tables.
    pub fn prove(
        &self,
        database: &str,
        table: &str,
        key: &[Value],
        height: u64,
    ) -> Result<RowProof, Error> {
        let mut view = self.readers.view()?;
        let physical = if database.is_empty() {
            format!("chain_{table}")
        } else {
            format!("d{}_{table}", contract::require(&view, database)?.id)
        };
        view.prove(&physical, key, height)
    }
}

fn account(
    reading: &mut Reading<'_>,
    request: QueryAccountRequest,
) -> Result<QueryAccountResponse, Error> {
    let address = address(&request.address)?;
    let account = auth::load_account(&reading.view, address)?
        .ok_or_else(|| Error::rejected(Code::NotFound, format!("account {address} not found")))?;
    let pub_key = account.public_key.map(|key| pack(&PubKey { key })).transpose()?;
    let base = auth_wire::BaseAccount {
        address: address.to_string(),
        pub_key,
        account_number: account.number,
        sequence: account.sequence,
    };
    Ok(QueryAccountResponse { account: Some(pack(&base)?) })
}

#[expect(clippy::unnecessary_wraps, reason = "every handler has this type")]
fn auth_params(_: &mut Reading<'_>, _: QueryParamsRequest) -> Result<QueryParamsResponse, Error> {
    let params = auth_wire::Params {
        max_memo_characters: MEMO_BYTES_MAX as u64,
        tx_sig_limit: 1,
        tx_size_cost_per_byte: price::TX_BYTE,
        sig_verify_cost_ed25519: 0,
        sig_verify_cost_secp256k1: price::SIGNATURE,
    };
    Ok(QueryParamsResponse { params: Some(params) })
}

fn coin(coin: Coin) -> WireCoin {
    WireCoin { denom: coin.denom, amount: coin.amount.to_string() }
}

fn balance(
    reading: &mut Reading<'_>,
    request: QueryBalanceRequest,
) -> Result<QueryBalanceResponse, Error> {
    let amount = bank::balance(&reading.view, address(&request.address)?, &request.denom)?;
    let balance = WireCoin { denom: request.denom, amount: amount.to_string() };
    Ok(QueryBalanceResponse { balance: Some(balance) })
}

fn held(reading: &Reading<'_>, text: &str) -> Result<(Vec<WireCoin>, Option<PageResponse>), Error> {
    let balances: Vec<_> =
        bank::balances(&reading.view, address(text)?)?.into_iter().map(coin).collect();
    let total = balances.len() as u64;
    Ok((balances, Some(PageResponse { next_key: Vec::new(), total })))
}

fn all_balances(
    reading: &mut Reading<'_>,
    request: QueryAllBalancesRequest,
) -> Result<QueryAllBalancesResponse, Error> {
    let (balances, pagination) = held(reading, &request.address)?;
    Ok(QueryAllBalancesResponse { balances, pagination })
}

fn spendable_balances(
    reading: &mut Reading<'_>,
    request: QuerySpendableBalancesRequest,
) -> Result<QuerySpendableBalancesResponse, Error> {
    let (mut balances, pagination) = held(reading, &request.address)?;
    let spendable = bank::spendable(&reading.view, address(&request.address)?)?;
    for coin in balances.iter_mut().filter(|coin| coin.denom == DENOM) {
        coin.amount = spendable.to_string();
    }
    balances.retain(|coin| coin.amount != "0");
    Ok(QuerySpendableBalancesResponse { balances, pagination })
}

fn total_supply(
    reading: &mut Reading<'_>,
    _: QueryTotalSupplyRequest,
) -> Result<QueryTotalSupplyResponse, Error> {
    let supply = bank::supply(&reading.view)?.into_iter().map(coin).collect();
    Ok(QueryTotalSupplyResponse { supply, pagination: None })
}

fn supply_of(
    reading: &mut Reading<'_>,
    request: QuerySupplyOfRequest,
) -> Result<QuerySupplyOfResponse, Error> {
    let found = bank::supply(&reading.view)?.into_iter().find(|coin| coin.denom == request.denom);
    let amount = found.map_or_else(|| "0".into(), |coin| coin.amount.to_string());
    Ok(QuerySupplyOfResponse { amount: Some(WireCoin { denom: request.denom, amount }) })
}

fn contract_info(contract: contract::Contract) -> ContractInfo {
    ContractInfo {
        contract_id: contract.id,
        name: contract.name,
        address: contract.address.to_string(),
        code_id: contract.code_id,
        admin: contract.admin.map(|admin| admin.to_string()).unwrap_or_default(),
        creator: contract.creator,
    }
}

fn contract_by_name(
    reading: &mut Reading<'_>,
    request: ContractRequest,
) -> Result<ContractResponse, Error> {
    let contract = contract::require(&reading.view, &request.name)?;
    Ok(ContractResponse { contract: Some(contract_info(contract)) })
}

fn contracts(reading: &mut Reading<'_>, _: ContractsRequest) -> Result<ContractsResponse, Error> {
    let contracts = contract::contracts(&reading.view)?.into_iter().map(contract_info).collect();
    Ok(ContractsResponse { contracts })
}

fn code(reading: &mut Reading<'_>, request: CodeRequest) -> Result<CodeResponse, Error> {
    let code = contract::code_info(&reading.view, reading.vm, request.code_id)?;
    let entries = code
        .info
        .entries
        .into_iter()
        .map(|entry| {
            let export = Some(entry.export());
            let described = code.info.description.iter().find(|row| row.export() == export);
            Entry {
                parameters: described.map(|row| row.fields.clone()).unwrap_or_default(),
                doc: described.map(|row| row.doc.clone()).unwrap_or_default(),
                kind: entry.kind.name().into(),
                name: entry.name,
            }
        })
        .collect();
    Ok(CodeResponse {
        code_id: request.code_id,
        code_hash: code.hash,
        creator: code.creator,
        bytes: code.bytes,
        entries,
        description: code.info.description.iter().fold(Vec::new(), |mut bytes, row| {
            row.encode(&mut bytes);
            bytes
        }),
    })
}

fn view(reading: &mut Reading<'_>, request: ViewRequest) -> Result<ViewResponse, Error> {
    let caller = if request.sender.is_empty() { None } else { Some(address(&request.sender)?) };
    let mut gas = GasMeter::new(QUERY_GAS_MAX);
    let rows = contract::view(
        &mut reading.view,
        reading.vm,
        &contract::ViewCall {
            chain_id: &reading.params.chain_id,
            caller,
            name: &request.contract,
            entry: &request.entry,
            arguments: &values(&request.arguments),
        },
        &mut gas,
    )?;
    Ok(ViewResponse { height: reading.view.height(), rows: wire(rows), gas_used: gas.used() })
}

fn sql_query(reading: &mut Reading<'_>, request: QueryRequest) -> Result<QueryResponse, Error> {
    let caller = if request.sender.is_empty() { None } else { Some(address(&request.sender)?) };
    let (database, access) = if request.database.is_empty() {
        (None, None)
    } else {
        let contract = contract::require(&reading.view, &request.database)?;
        (Some(contract.id), contract::row_access(&reading.view, &contract, caller)?)
    };
    let limits =
        ReadLimits { steps: QUERY_STEPS_MAX, rows: QUERY_ROWS_MAX, bytes: QUERY_BYTES_MAX };
    let parameters = values(&request.parameters);
    let found =
        reading.view.query_as(database, &request.sql, &parameters, access.as_ref(), limits)?;
    Ok(QueryResponse {
        height: reading.view.height(),
        columns: found.columns,
        rows: wire(found.rows),
    })
}

fn schema(reading: &mut Reading<'_>, request: SchemaRequest) -> Result<SchemaResponse, Error> {
    let contract = contract::require(&reading.view, &request.database)?;
    let objects = reading
        .view
        .schema(contract.id)?
        .into_iter()
        .map(|object| {
            let rows = object.rows.unwrap_or_default();
            Object {
                kind: object.kind,
                name: object.name,
                sql: object.sql,
                key: rows.key,
                columns: rows.columns,
                hidden_rowid: rows.hidden_rowid,
                physical: object.physical,
            }
        })
        .collect();
    Ok(SchemaResponse { height: reading.view.height(), objects })
}

fn pack<M: Message + Name>(message: &M) -> Result<Any, Rejection> {
    Any::from_msg(message)
        .map_err(|error| Rejection::new(Code::InvalidRequest, format!("cannot encode: {error}")))
}
