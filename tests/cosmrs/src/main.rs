//! Drives a node with cosmrs, unmodified: `dadbs-cosmrs-test <rpc url> <secret key> <chain id> <recipient>`.
//!
//! Reads a balance, simulates, sends, executes SQL through a message type of the chain's own, and finds the
//! transactions by hash and by event.

use anyhow::{Context, Result, ensure};
use cosmrs::bank::MsgSend;
use cosmrs::crypto::secp256k1::SigningKey;
use cosmrs::proto::cosmos::auth::v1beta1::{
    BaseAccount, QueryAccountRequest, QueryAccountResponse,
};
use cosmrs::proto::cosmos::bank::v1beta1::{QueryBalanceRequest, QueryBalanceResponse};
use cosmrs::proto::cosmos::tx::v1beta1::{SimulateRequest, SimulateResponse};
use cosmrs::rpc::endpoint::tx::Response as Found;
use cosmrs::rpc::{Client, HttpClient, Order};
use cosmrs::tendermint::node::info::TxIndexStatus;
use cosmrs::tx::{Body, Fee, Msg, SignDoc, SignerInfo};
use cosmrs::{AccountId, Any, Coin, tendermint};
use prost::Message;
use std::time::Duration;

const GAS: u64 = 10_000_000;
const FEE: u128 = 25_000;

/// `dadbs.contract.v1.MsgInstantiate`, the fields that are used.
#[derive(Clone, PartialEq, Message)]
struct MsgInstantiate {
    #[prost(string, tag = "1")]
    sender: String,
    #[prost(uint64, tag = "2")]
    code_id: u64,
    #[prost(string, tag = "3")]
    name: String,
}

/// `dadbs.sql.v1.MsgExec`.
#[derive(Clone, PartialEq, Message)]
struct MsgExec {
    #[prost(string, tag = "1")]
    sender: String,
    #[prost(string, tag = "2")]
    database: String,
    #[prost(message, repeated, tag = "3")]
    statements: Vec<Statement>,
}

#[derive(Clone, PartialEq, Message)]
struct Statement {
    #[prost(string, tag = "1")]
    sql: String,
}

struct Wallet {
    client: HttpClient,
    key: SigningKey,
    address: AccountId,
    chain_id: tendermint::chain::Id,
}

impl Wallet {
    async fn query<A: Message + Default>(&self, path: &str, request: &impl Message) -> Result<A> {
        let data = request.encode_to_vec();
        let answer = self.client.abci_query(Some(path.into()), data, None, false).await?;
        ensure!(answer.code.is_ok(), "{path}: {}", answer.log);
        Ok(A::decode(&answer.value[..])?)
    }

    async fn balance(&self, address: &AccountId) -> Result<u128> {
        let request = QueryBalanceRequest { address: address.to_string(), denom: "udadb".into() };
        let answer: QueryBalanceResponse =
            self.query("/cosmos.bank.v1beta1.Query/Balance", &request).await?;
        Ok(answer.balance.map_or("0".into(), |coin| coin.amount).parse()?)
    }

    async fn signed(&self, messages: Vec<Any>) -> Result<Vec<u8>> {
        let request = QueryAccountRequest { address: self.address.to_string() };
        let answer: QueryAccountResponse =
            self.query("/cosmos.auth.v1beta1.Query/Account", &request).await?;
        let account = answer.account.context("no account")?;
        let account = BaseAccount::decode(&account.value[..])?;
        let fee = Coin { denom: parse("udadb")?, amount: FEE };
        let body = Body::new(messages, "from cosmrs", 0u32);
        let signer = SignerInfo::single_direct(Some(self.key.public_key()), account.sequence);
        let auth = signer.auth_info(Fee::from_amount_and_gas(fee, GAS));
        let document = SignDoc::new(&body, &auth, &self.chain_id, account.account_number)
            .map_err(|error| anyhow::anyhow!("{error}"))?;
        let signed = document.sign(&self.key).map_err(|error| anyhow::anyhow!("{error}"))?;
        signed.to_bytes().map_err(|error| anyhow::anyhow!("{error}"))
    }

    /// Sends, waits, and finds the transaction by its hash.
    async fn send(&self, messages: Vec<Any>) -> Result<Found> {
        let tx = self.signed(messages).await?;
        let request = SimulateRequest { tx_bytes: tx.clone(), ..SimulateRequest::default() };
        let simulated: SimulateResponse =
            self.query("/cosmos.tx.v1beta1.Service/Simulate", &request).await?;
        ensure!(simulated.gas_info.context("no gas")?.gas_used > 0);
        let sent = self.client.broadcast_tx_sync(tx).await?;
        ensure!(sent.code.is_ok(), "{}", sent.log);
        for _ in 0..200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            if let Ok(found) = self.client.tx(sent.hash, false).await {
                ensure!(found.tx_result.code.is_ok(), "{}", found.tx_result.log);
                return Ok(found);
            }
        }
        anyhow::bail!("{} is in no block", sent.hash)
    }
}

fn parse<T: std::str::FromStr>(text: &str) -> Result<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|error| anyhow::anyhow!("{text}: {error}"))
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, secret, chain_id, recipient] = &arguments[..] else {
        anyhow::bail!("give <rpc url> <secret key> <chain id> <recipient>");
    };
    let digits = (0..secret.len()).step_by(2).map(|at| secret.get(at..at + 2).unwrap_or("?"));
    let secret: Vec<u8> =
        digits.map(|pair| u8::from_str_radix(pair, 16)).collect::<Result<_, _>>()?;
    let key = SigningKey::from_slice(&secret).map_err(|e| anyhow::anyhow!("{e}"))?;
    let address = key.public_key().account_id("dadbs").map_err(|e| anyhow::anyhow!("{e}"))?;
    let client = HttpClient::new(url.as_str())?;
    let wallet = Wallet { client, key, address, chain_id: parse(chain_id)? };
    let recipient: AccountId = parse(recipient)?;

    let status = wallet.client.status().await?;
    let node = &status.node_info;
    ensure!(node.network == wallet.chain_id && matches!(node.other.tx_index, TxIndexStatus::On));
    ensure!(wallet.balance(&wallet.address).await? > 1_000_000);
    let before = wallet.balance(&recipient).await?;
    let send = MsgSend {
        from_address: wallet.address.clone(),
        to_address: recipient.clone(),
        amount: vec![Coin { denom: parse("udadb")?, amount: 4_321 }],
    };
    let sent = wallet.send(vec![send.to_any().map_err(|e| anyhow::anyhow!("{e}"))?]).await?;
    ensure!(wallet.balance(&recipient).await? == before + 4_321);

    let sender = wallet.address.to_string();
    let instantiate =
        MsgInstantiate { sender: sender.clone(), code_id: 1, name: "cosmrs_shop".into() };
    let statement = |sql: &str| Statement { sql: sql.into() };
    let exec = MsgExec {
        sender: sender.clone(),
        database: "cosmrs_shop".into(),
        statements: vec![
            statement("CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT)"),
            statement("INSERT INTO item VALUES (1, 'bolt')"),
        ],
    };
    let any = |type_url: &str, value: Vec<u8>| Any { type_url: type_url.into(), value };
    let sql = wallet
        .send(vec![
            any("/dadbs.contract.v1.MsgInstantiate", instantiate.encode_to_vec()),
            any("/dadbs.sql.v1.MsgExec", exec.encode_to_vec()),
        ])
        .await?;
    ensure!(sql.height > sent.height);

    let query = cosmrs::rpc::query::Query::eq("message.sender", sender.as_str());
    let found = wallet.client.tx_search(query, false, 1, 10, Order::Descending).await?;
    ensure!(
        found.total_count == 2 && found.txs[0].hash == sql.hash && found.txs[1].hash == sent.hash
    );
    let block = wallet.client.block(sent.height).await?.block;
    ensure!(block.data.len() == 1);
    let results = wallet.client.block_results(sent.height).await?;
    ensure!(results.txs_results.context("no results")?.len() == 1);
    println!("cosmrs ok");
    Ok(())
}
