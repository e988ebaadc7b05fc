//! The gRPC client: accounts, simulation, broadcast, inclusion, reads.
//!
//! 1. An error says what was wrong, with the code and codespace of a rejection, and what to do next.
//! 2. Gas is simulated gas times the adjustment, rounded up; the fee is that times the node's least price.
//! 3. A broadcast answers once the node took the transaction; inclusion is polled with growing pauses.

use crate::key::SecretKey;
use crate::tx::{Fee, GasPrice, Signer, UnsignedTx};
use dadbs_proto::cosmos::auth::v1beta1 as auth;
use dadbs_proto::cosmos::bank::v1beta1 as bank;
use dadbs_proto::cosmos::base::abci::v1beta1::{TxMsgData, TxResponse};
use dadbs_proto::cosmos::base::query::v1beta1::PageRequest;
use dadbs_proto::cosmos::base::tendermint::v1beta1 as base;
use dadbs_proto::cosmos::tx::v1beta1 as wire;
use dadbs_proto::dadbs::contract::v1 as contract;
use dadbs_proto::dadbs::dev::v1 as dev;
use dadbs_proto::dadbs::node::v1 as node;
use dadbs_proto::dadbs::sql::v1 as sql;
use dadbs_proto::tendermint::abci::Event;
use dadbs_types::AccountAddress;
use dadbs_types::coin::DENOM;
use prost::{Message, Name};
use std::time::{Duration, Instant};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Largest answer that is read; the node's own bound on answers is below it.
pub(crate) const ANSWER_BYTES_MAX: usize = 16 * 1_048_576;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const CALL_TIMEOUT: Duration = Duration::from_mins(1);

/// A rejection of a transaction, as the node reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedTx {
    /// The hash of the transaction; empty if it was only simulated.
    pub hash: String,
    /// The height of the block that holds it; 0 before a block.
    pub height: i64,
    /// The namespace of the code.
    pub codespace: String,
    /// The number of the rejection.
    pub code: u32,
    /// What was wrong.
    pub log: String,
    /// The gas that was used.
    pub gas_used: i64,
    /// The gas limit.
    pub gas_wanted: i64,
}

impl RejectedTx {
    fn of(response: &TxResponse) -> RejectedTx {
        RejectedTx {
            hash: response.txhash.clone(),
            height: response.height,
            codespace: response.codespace.clone(),
            code: response.code,
            log: response.raw_log.clone(),
            gas_used: response.gas_used,
            gas_wanted: response.gas_wanted,
        }
    }

    /// What to do next, where there is more to say than the message does.
    pub fn hint(&self) -> &'static str {
        match (self.codespace.as_str(), self.code) {
            ("sdk", 4) => "; check --from and --chain-id",
            ("sdk", 5) => "; on a dev chain `dadbs faucet` gives coins",
            ("sdk", 9) => "; send coins to the address first, or on a dev chain use `dadbs faucet`",
            ("sdk", 11) => "; raise it with --gas or --gas-adjustment",
            ("sdk", 13) => "; leave --fees out to pay the node's least price",
            ("sdk", 30) => "; sign it again",
            ("sdk", 32) => "; another transaction of this account was first: try again",
            ("sql", 2) => "; the README lists what is refused and why",
            ("contract", 2) => "; list the databases with `dadbs contract list`",
            ("gov", 50) => "; delegate coins, or lock some with --locked",
            ("contract", 3) => "; choose another name",
            _ => "",
        }
    }
}

/// Why a call failed (rule 1).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nothing answers at the endpoint.
    #[error(
        "cannot reach {endpoint}: is `dadbs dev` running? Name another node with --node ({why})"
    )]
    Unreachable {
        /// Where the node was expected.
        endpoint: String,
        /// What the transport says.
        why: String,
    },
    /// What was asked for does not exist.
    #[error("not found: {0}")]
    NotFound(String),
    /// The node refused a read or its arguments.
    #[error("the node refused the request: {0}")]
    Refused(String),
    /// The node does not serve this method.
    #[error("the node does not serve this: {0}")]
    Unserved(String),
    /// The node answered what cannot be understood.
    #[error("the node's answer is malformed: {0}")]
    Malformed(String),
    /// The transaction was rejected before it reached a block; nothing was paid.
    #[error("rejected before a block with {}/{}: {}{}", .0.codespace, .0.code, .0.log, .0.hint())]
    Rejected(RejectedTx),
    /// The transaction failed in a block; the fee is paid.
    #[error("failed in block {} with {}/{}: {}{} (hash {})", .0.height, .0.codespace, .0.code, .0.log, .0.hint(), .0.hash)]
    Failed(RejectedTx),
    /// The transaction was taken, and no block with it was seen in time.
    #[error(
        "transaction {hash} is not in a block after {seconds} s; look again with `dadbs tx show {hash}`"
    )]
    NotIncluded {
        /// The hash.
        hash: String,
        /// How long it was waited for.
        seconds: u64,
    },
}

/// A transaction that a block holds and that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub struct Included {
    /// The hash.
    pub hash: String,
    /// The height of the block.
    pub height: i64,
    /// The gas that was used.
    pub gas_used: i64,
    /// The gas limit.
    pub gas_wanted: i64,
    /// The whole response.
    pub response: TxResponse,
}

impl Included {
    /// The response of the message number `index`.
    pub fn message_response<M: Message + Name + Default>(
        &self,
        index: usize,
    ) -> Result<M, ClientError> {
        let malformed = |why: &str| ClientError::Malformed(format!("{}: {why}", M::full_name()));
        let data = hex::decode(&self.response.data).map_err(|e| malformed(&e.to_string()))?;
        let data = TxMsgData::decode(data.as_slice()).map_err(|e| malformed(&e.to_string()))?;
        let any = data.msg_responses.get(index).ok_or_else(|| malformed("no such response"))?;
        M::decode(any.value.as_slice()).map_err(|e| malformed(&e.to_string()))
    }
}

/// What a transaction would do.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulated {
    /// The gas it would use.
    pub gas_used: u64,
    /// The events that it would have: type, then keys and values.
    pub events: Vec<(String, Vec<(String, String)>)>,
}

/// A connection to one node; clones share it.
#[derive(Clone, Debug)]
pub struct Client {
    endpoint: String,
    pub(crate) channel: Channel,
}

macro_rules! service {
    ($self:ident, $module:ident :: $client:ident :: $type:ident) => {
        $module::$client::$type::new($self.channel.clone())
            .max_decoding_message_size(ANSWER_BYTES_MAX)
    };
}

impl Client {
    /// Connects to an endpoint such as `http://127.0.0.1:9090`.
    pub async fn connect(endpoint: &str) -> Result<Client, ClientError> {
        let unreachable = |why: String| ClientError::Unreachable { endpoint: endpoint.into(), why };
        let channel = Endpoint::from_shared(endpoint.to_owned())
            .map_err(|e| unreachable(deepest(&e)))?
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(CALL_TIMEOUT)
            .tcp_nodelay(true)
            .connect()
            .await
            .map_err(|e| unreachable(deepest(&e)))?;
        Ok(Client { endpoint: endpoint.into(), channel })
    }

    /// The endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The connection, for services of other files.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) fn error(&self, status: &Status) -> ClientError {
        let mut message = status.message().to_owned();
        if let Some(rejected) = rejection(status) {
            message = format!("{} [{}/{}]", rejected.log, rejected.codespace, rejected.code);
        }
        match status.code() {
            Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => {
                ClientError::Unreachable { endpoint: self.endpoint.clone(), why: message }
            }
            Code::NotFound => ClientError::NotFound(message),
            Code::Unimplemented => ClientError::Unserved(message),
            _ => ClientError::Refused(message),
        }
    }

    /// Height, chain id, engine and prices of the node.
    pub async fn status(&self) -> Result<node::StatusResponse, ClientError> {
        let mut service = service!(self, node::query_client::QueryClient);
        let answer = service.status(node::StatusRequest {}).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// The table of limits.
    pub async fn limits(&self) -> Result<node::LimitsResponse, ClientError> {
        let mut service = service!(self, node::query_client::QueryClient);
        let answer = service.limits(node::LimitsRequest {}).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// The validators that the node names; trust it only as far as the node.
    pub async fn trust(&self) -> Result<node::TrustResponse, ClientError> {
        let mut service = service!(self, node::query_client::QueryClient);
        let answer = service.trust(node::TrustRequest {}).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// Account number and next sequence.
    pub async fn account(&self, address: AccountAddress) -> Result<Signer, ClientError> {
        let mut service = service!(self, auth::query_client::QueryClient);
        let request = auth::QueryAccountRequest { address: address.to_string() };
        let answer = service.account(request).await.map_err(|e| self.error(&e))?;
        let any = answer.into_inner().account;
        let any = any.ok_or_else(|| ClientError::Malformed("no account in it".into()))?;
        let account = auth::BaseAccount::decode(any.value.as_slice())
            .map_err(|e| ClientError::Malformed(e.to_string()))?;
        let (account_number, sequence) = (account.account_number, account.sequence);
        Ok(Signer { address, account_number, sequence })
    }

    /// The balance in udadb.
    pub async fn balance(&self, address: AccountAddress) -> Result<u128, ClientError> {
        let mut service = service!(self, bank::query_client::QueryClient);
        let denom = DENOM.to_owned();
        let request = bank::QueryBalanceRequest { address: address.to_string(), denom };
        let answer = service.balance(request).await.map_err(|e| self.error(&e))?;
        let coin = answer.into_inner().balance;
        let amount = coin.map_or_else(|| "0".to_owned(), |coin| coin.amount);
        amount.parse().map_err(|_| ClientError::Malformed(format!("the amount \"{amount}\"")))
    }

    /// Runs a transaction without its effects. A rejection is [`ClientError::Rejected`].
    pub async fn simulate(
        &self,
        tx: &UnsignedTx,
        public_key: &[u8],
        signer: &Signer,
    ) -> Result<Simulated, ClientError> {
        let mut service = service!(self, wire::service_client::ServiceClient);
        let tx_bytes = tx.unsigned_bytes(public_key, signer);
        let request = wire::SimulateRequest { tx_bytes, ..wire::SimulateRequest::default() };
        let answer = match service.simulate(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                let rejected = rejection(&status);
                return Err(rejected.map_or_else(|| self.error(&status), ClientError::Rejected));
            }
        };
        let gas = answer.gas_info.ok_or_else(|| ClientError::Malformed("no gas in it".into()))?;
        let events = answer.result.unwrap_or_default().events.into_iter();
        let pairs = |event: Event| {
            let pairs = event.attributes.into_iter().map(|pair| (pair.key, pair.value));
            (event.r#type, pairs.collect())
        };
        Ok(Simulated { gas_used: gas.gas_used, events: events.map(pairs).collect() })
    }

    /// Gas limit and fee for a transaction (rule 2).
    pub async fn estimate(
        &self,
        tx: &UnsignedTx,
        public_key: &[u8],
        signer: &Signer,
        adjustment: f64,
        price: GasPrice,
    ) -> Result<Fee, ClientError> {
        let used = self.simulate(tx, public_key, signer).await?.gas_used;
        let gas_limit = adjusted(used, adjustment);
        Ok(Fee { gas_limit, amount: price.fee(gas_limit) })
    }

    /// Hands a signed transaction to the node; answers its hash once the node took it (rule 3).
    pub async fn broadcast(&self, tx_bytes: Vec<u8>) -> Result<String, ClientError> {
        let mut service = service!(self, wire::service_client::ServiceClient);
        let mode = wire::BroadcastMode::Sync.into();
        let request = wire::BroadcastTxRequest { tx_bytes, mode };
        let answer = service.broadcast_tx(request).await.map_err(|e| self.error(&e))?;
        let response = answer.into_inner().tx_response;
        let response = response.ok_or_else(|| ClientError::Malformed("no response".into()))?;
        if response.code != 0 {
            return Err(ClientError::Rejected(RejectedTx {
                height: 0,
                ..RejectedTx::of(&response)
            }));
        }
        Ok(response.txhash)
    }

    /// A committed transaction, failed or not; `None` if no block holds it yet.
    pub async fn find(&self, hash: &str) -> Result<Option<TxResponse>, ClientError> {
        let mut service = service!(self, wire::service_client::ServiceClient);
        match service.get_tx(wire::GetTxRequest { hash: hash.into() }).await {
            Ok(answer) => Ok(answer.into_inner().tx_response),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(self.error(&status)),
        }
    }

    /// Waits until a block holds the transaction; one that failed is [`ClientError::Failed`].
    pub async fn wait(&self, hash: &str, timeout: Duration) -> Result<Included, ClientError> {
        let begin = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            if let Some(response) = self.find(hash).await? {
                return included(response);
            }
            if begin.elapsed() >= timeout {
                let seconds = timeout.as_secs();
                return Err(ClientError::NotIncluded { hash: hash.into(), seconds });
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 3 / 2).min(Duration::from_secs(1));
        }
    }

    /// Signs and broadcasts; answers the hash.
    pub async fn send(
        &self,
        tx: &UnsignedTx,
        key: &SecretKey,
        signer: &Signer,
        fee: &Fee,
        chain_id: &str,
    ) -> Result<String, ClientError> {
        self.broadcast(tx.sign(key, signer, fee, chain_id)).await
    }

    /// One SELECT on the last committed height.
    pub async fn query(
        &self,
        database: &str,
        sql_text: &str,
        parameters: Vec<sql::Value>,
    ) -> Result<sql::QueryResponse, ClientError> {
        let mut service = service!(self, sql::query_client::QueryClient);
        let (database, sql) = (database.to_owned(), sql_text.to_owned());
        let answer = service
            .query(sql::QueryRequest { database, sql, parameters, sender: String::new() })
            .await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// The schema objects of a database, in the order of their creation.
    pub async fn schema(&self, database: &str) -> Result<sql::SchemaResponse, ClientError> {
        let mut service = service!(self, sql::query_client::QueryClient);
        let answer = service.schema(sql::SchemaRequest { database: database.into() }).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// What a statement would cost.
    pub async fn explain(
        &self,
        request: sql::ExplainRequest,
    ) -> Result<sql::ExplainResponse, ClientError> {
        let mut service = service!(self, sql::query_client::QueryClient);
        let answer = service.explain(request).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// The block of a height.
    pub async fn block(&self, height: u64) -> Result<base::GetBlockByHeightResponse, ClientError> {
        let mut service = service!(self, base::service_client::ServiceClient);
        let height = i64::try_from(height).unwrap_or(i64::MAX);
        let answer = service.get_block_by_height(base::GetBlockByHeightRequest { height }).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// The validators who sign a height.
    pub async fn validators_at(&self, height: u64) -> Result<Vec<base::Validator>, ClientError> {
        let mut service = service!(self, base::service_client::ServiceClient);
        let height = i64::try_from(height).unwrap_or(i64::MAX);
        let mut validators: Vec<base::Validator> = Vec::new();
        loop {
            let pagination =
                Some(PageRequest { offset: validators.len() as u64, ..PageRequest::default() });
            let request = base::GetValidatorSetByHeightRequest { height, pagination };
            let answer = service.get_validator_set_by_height(request).await;
            let answer = answer.map_err(|e| self.error(&e))?.into_inner();
            let total = answer.pagination.map_or(0, |page| page.total);
            let is_last = answer.validators.is_empty();
            validators.extend(answer.validators);
            if is_last || validators.len() as u64 >= total {
                return Ok(validators);
            }
        }
    }

    /// One row with its proof: an encoded `dadbs.proof.v1.Bundle`.
    pub async fn prove(
        &self,
        database: &str,
        table: &str,
        key: Vec<sql::Value>,
    ) -> Result<Vec<u8>, ClientError> {
        let mut service = service!(self, sql::query_client::QueryClient);
        let (database, table) = (database.to_owned(), table.to_owned());
        let answer = service.prove(sql::ProveRequest { database, table, key }).await;
        answer.map(|answer| answer.into_inner().bundle).map_err(|e| self.error(&e))
    }

    /// A database by its name; `None` if there is none.
    pub async fn contract(
        &self,
        name: &str,
    ) -> Result<Option<contract::ContractInfo>, ClientError> {
        let mut service = service!(self, contract::query_client::QueryClient);
        match service.contract(contract::ContractRequest { name: name.into() }).await {
            Ok(answer) => Ok(answer.into_inner().contract),
            Err(status) => match self.error(&status) {
                ClientError::NotFound(_) => Ok(None),
                error => Err(error),
            },
        }
    }

    /// All databases.
    pub async fn contracts(&self) -> Result<Vec<contract::ContractInfo>, ClientError> {
        let mut service = service!(self, contract::query_client::QueryClient);
        let answer = service.contracts(contract::ContractsRequest {}).await;
        answer.map(|answer| answer.into_inner().contracts).map_err(|e| self.error(&e))
    }

    /// Code by its id.
    pub async fn code(&self, code_id: u64) -> Result<contract::CodeResponse, ClientError> {
        let mut service = service!(self, contract::query_client::QueryClient);
        let answer = service.code(contract::CodeRequest { code_id }).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// Runs an entry point that only reads.
    pub async fn view(
        &self,
        request: contract::ViewRequest,
    ) -> Result<contract::ViewResponse, ClientError> {
        let mut service = service!(self, contract::query_client::QueryClient);
        let answer = service.view(request).await;
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }

    /// The latest transactions whose events match a query of CometBFT's language, newest first.
    pub async fn search(&self, query: &str, limit: u64) -> Result<Vec<TxResponse>, ClientError> {
        let mut service = service!(self, wire::service_client::ServiceClient);
        let request = wire::GetTxsEventRequest {
            query: query.into(),
            limit,
            order_by: wire::OrderBy::Desc.into(),
            ..wire::GetTxsEventRequest::default()
        };
        let answer = service.get_txs_event(request).await;
        answer.map(|answer| answer.into_inner().tx_responses).map_err(|e| self.error(&e))
    }

    /// Coins from the dev engine's faucet; 0 asks for its default. Answers the hash.
    pub async fn faucet(
        &self,
        address: AccountAddress,
        amount: u64,
    ) -> Result<String, ClientError> {
        let mut service = service!(self, dev::dev_client::DevClient);
        let address = address.to_string();
        let answer = service.faucet(dev::FaucetRequest { address, amount }).await;
        answer.map(|answer| answer.into_inner().txhash).map_err(|e| self.error(&e))
    }

    /// Moves the block time of the dev engine ahead by one block, and makes `blocks` more; answers the newest.
    pub async fn advance_time(
        &self,
        seconds: u64,
        blocks: u64,
    ) -> Result<dev::AdvanceResponse, ClientError> {
        let mut service = service!(self, dev::dev_client::DevClient);
        let mut answer = service.advance_time(dev::AdvanceTimeRequest { seconds }).await;
        if answer.is_ok() && blocks > 0 {
            answer = service.advance_blocks(dev::AdvanceBlocksRequest { blocks }).await;
        }
        answer.map(tonic::Response::into_inner).map_err(|e| self.error(&e))
    }
}

/// `google.rpc.Status`, whose details carry the code of a rejection.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(message, repeated, tag = "3")]
    details: Vec<prost_types::Any>,
}

/// `google.rpc.ErrorInfo`.
#[derive(Clone, PartialEq, Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
    #[prost(string, tag = "2")]
    domain: String,
}

/// The rejection that a gRPC error stands for, if it stands for one: its details carry the code, or its
/// message ends in `[codespace/number]`.
fn rejection(status: &Status) -> Option<RejectedTx> {
    let details = RpcStatus::decode(status.details()).ok()?.details;
    let info = details.iter().find(|any| any.type_url.ends_with("google.rpc.ErrorInfo"));
    let (log, codespace, code) = if let Some(info) = info {
        let info = ErrorInfo::decode(info.value.as_slice()).ok()?;
        (status.message(), info.domain, info.reason)
    } else {
        let (log, code) = status.message().strip_suffix(']')?.rsplit_once('[')?;
        let (codespace, number) = code.split_once('/')?;
        (log.trim_end(), codespace.to_owned(), number.to_owned())
    };
    let (hash, code) = (String::new(), code.parse().ok()?);
    Some(RejectedTx {
        hash,
        height: 0,
        codespace,
        code,
        log: log.into(),
        gas_used: 0,
        gas_wanted: 0,
    })
}

fn included(response: TxResponse) -> Result<Included, ClientError> {
    if response.code != 0 {
        return Err(ClientError::Failed(RejectedTx::of(&response)));
    }
    Ok(Included {
        hash: response.txhash.clone(),
        height: response.height,
        gas_used: response.gas_used,
        gas_wanted: response.gas_wanted,
        response,
    })
}

/// Gas times a factor, rounded up.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "gas is far below 2^52, and the conversion back saturates"
)]
pub fn adjusted(gas: u64, adjustment: f64) -> u64 {
    (gas as f64 * adjustment).ceil() as u64
}

fn deepest(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rule_1_an_absent_node_is_named() {
        let error = Client::connect("http://127.0.0.1:1").await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.starts_with("cannot reach http://127.0.0.1:1: is `dadbs dev` running?"),
            "{text}"
        );
        assert!(text.contains("--node"), "{text}");
    }

    #[test]
    fn rule_1_a_rejection_says_its_code_and_the_next_step() {
        let response = TxResponse {
            codespace: "sdk".into(),
            code: 5,
            raw_log: "12udadb is smaller than 90udadb".into(),
            ..TxResponse::default()
        };
        let text = ClientError::Rejected(RejectedTx::of(&response)).to_string();
        assert_eq!(
            text,
            "rejected before a block with sdk/5: 12udadb is smaller than 90udadb; on a dev chain \
             `dadbs faucet` gives coins"
        );
    }

    #[test]
    fn rule_1_the_code_of_a_refused_read_is_in_its_details() {
        let info = ErrorInfo { reason: "4".into(), domain: "sql".into() };
        let any = prost_types::Any {
            type_url: "type.googleapis.com/google.rpc.ErrorInfo".into(),
            value: info.encode_to_vec(),
        };
        let details = RpcStatus { details: vec![any] }.encode_to_vec();
        let status =
            Status::with_details(Code::InvalidArgument, "no such table: x", details.into());
        let rejected = rejection(&status).unwrap();
        assert_eq!((rejected.codespace.as_str(), rejected.code), ("sql", 4));
        let status = Status::invalid_argument("no such table: x [sql/4]");
        assert_eq!(rejection(&status).unwrap(), rejected);
        assert_eq!(rejection(&Status::not_found("x")), None);
    }

    #[test]
    fn rule_2_gas_is_rounded_up() {
        assert_eq!(adjusted(100_001, 1.2), 120_002);
        assert_eq!(adjusted(10, 1.0), 10);
    }

    #[test]
    fn rule_3_a_failed_transaction_is_an_error() {
        let response = TxResponse { code: 11, height: 7, ..TxResponse::default() };
        assert!(matches!(included(response), Err(ClientError::Failed(tx)) if tx.height == 7));
    }
}
