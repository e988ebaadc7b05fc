//! What generated clients stand on: calls and views with plain values, and coins.

use crate::grpc::{Client, ClientError};
use crate::key::SecretKey;
use crate::tx::{GasPrice, UnsignedTx, any};
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::dadbs::contract::v1 as wire;
use dadbs_proto::dadbs::sql::v1::Row;
use dadbs_types::{AccountAddress, Value};
use std::time::Duration;

/// How long a call waits for its block.
const WAIT: Duration = Duration::from_mins(1);
/// Simulated gas times this is the limit.
const GAS_ADJUSTMENT: f64 = 1.5;

/// Who signs calls.
pub struct Sender {
    /// The key.
    pub key: SecretKey,
}

/// A contract behind a connection.
pub struct Contract {
    /// The connection.
    pub client: Client,
    /// The contract's name.
    pub name: String,
    /// Who asks views, which tell what this account may read; nobody if it is `None`.
    pub reader: Option<AccountAddress>,
}

/// A denomination and an amount.
pub type Coin<'a> = (&'a str, u64);

/// Why a call or view has failed.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// The node, or the chain's rejection.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The answer is not what the description promises.
    #[error("{0}")]
    Answer(String),
}

fn wire_coin((denom, amount): Coin<'_>) -> WireCoin {
    WireCoin { denom: denom.into(), amount: amount.to_string() }
}

fn rows(rows: Vec<Row>) -> Vec<Vec<Value>> {
    rows.into_iter().map(|row| row.values.into_iter().map(Value::from).collect()).collect()
}

impl Contract {
    /// Calls an entry point, with coins of the sender for the contract, and waits for its block.
    pub async fn call(
        &self,
        sender: &Sender,
        entry: &str,
        arguments: Vec<Value>,
        coins: &[Coin<'_>],
    ) -> Result<Vec<Vec<Value>>, CallError> {
        let address = sender.key.address();
        let message = wire::MsgExecute {
            sender: address.to_string(),
            contract: self.name.clone(),
            entry: entry.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
            funds: coins.iter().copied().map(wire_coin).collect(),
        };
        let tx = UnsignedTx::new(vec![any(&message)]);
        let status = self.client.status().await?;
        let price: GasPrice = status
            .min_gas_price
            .parse()
            .map_err(|error| CallError::Answer(format!("the node's gas price: {error}")))?;
        let signer = self.client.account(address).await?;
        let public_key = sender.key.public_key();
        let fee = self.client.estimate(&tx, &public_key, &signer, GAS_ADJUSTMENT, price).await?;
        let hash = self.client.send(&tx, &sender.key, &signer, &fee, &status.chain_id).await?;
        let included = self.client.wait(&hash, WAIT).await?;
        let response: wire::MsgExecuteResponse = included.message_response(0)?;
        Ok(rows(response.rows))
    }

    /// Asks a view.
    pub async fn view(
        &self,
        entry: &str,
        arguments: Vec<Value>,
    ) -> Result<Vec<Vec<Value>>, CallError> {
        let request = wire::ViewRequest {
            sender: self.reader.map(|address| address.to_string()).unwrap_or_default(),
            contract: self.name.clone(),
            entry: entry.into(),
            arguments: arguments.into_iter().map(Into::into).collect(),
        };
        Ok(rows(self.client.view(request).await?.rows))
    }
}

/// A type that one value of an answer becomes.
pub trait Column: Sized {
    /// The value, if it has the type.
    fn of(value: Value) -> Option<Self>;
}

macro_rules! columns {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {
        $(impl Column for $type {
            fn of(value: Value) -> Option<$type> {
                match value { $pattern => Some($value), _ => None }
            }
        })*
    };
}

columns! {
    i64: Value::Integer(integer) => integer;
    f64: Value::Real(real) => real;
    String: Value::Text(text) => text;
    Vec<u8>: Value::Blob(bytes) => bytes;
}

impl Column for Value {
    fn of(value: Value) -> Option<Value> {
        Some(value)
    }
}

impl<T: Column> Column for Option<T> {
    fn of(value: Value) -> Option<Option<T>> {
        if value == Value::Null { Some(None) } else { T::of(value).map(Some) }
    }
}

/// The next column of a row.
pub fn take<T: Column>(row: &mut impl Iterator<Item = Value>) -> Result<T, CallError> {
    let value = row.next().unwrap_or(Value::Null);
    T::of(value).ok_or_else(|| {
        let text = "a column has another type than the client: generate it again";
        CallError::Answer(text.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_of_another_type_is_an_error() {
        let one = |value: Value| [value].into_iter();
        assert_eq!(take::<i64>(&mut one(7.into())).unwrap(), 7);
        assert_eq!(take::<Option<String>>(&mut one(Value::Null)).unwrap(), None);
        assert_eq!(take::<Value>(&mut one(0.5.into())).unwrap(), 0.5.into());
        let missing = take::<i64>(&mut [].into_iter()).unwrap_err();
        for wrong in [Value::Null, 0.5.into(), "7".into(), Value::Blob(vec![7])] {
            let error = take::<i64>(&mut one(wrong)).unwrap_err();
            assert_eq!(error.to_string(), missing.to_string());
        }
        assert!(take::<Option<i64>>(&mut one("7".into())).is_err());
        assert!(take::<f64>(&mut one("7".into())).is_err());
        assert!(take::<String>(&mut one(7.into())).is_err());
        assert!(take::<Vec<u8>>(&mut one("7".into())).is_err());
    }
}
