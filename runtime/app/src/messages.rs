//! Routes each message to the keeper that runs it; the responses become the transaction's data.

/// The messages of a module as one enum: its name, then each message's variant, type, and who signs.
macro_rules! messages {
    (
        $(#[$doc:meta])* $name:ident;
        $($(#[$meaning:meta])* $variant:ident($type:ty) $signer:ident;)*
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name { $($(#[$meaning])* $variant($type),)* }

        impl $name {
            /// Decodes a message; none if the type is another module's.
            pub(crate) fn decode(
                type_url: &str,
                bytes: &[u8],
            ) -> Option<Result<$name, dadbs_types::Rejection>> {
                use prost::Name;
                let (package, name) = type_url.strip_prefix('/')?.rsplit_once('.')?;
                $(if (package, name) == (<$type>::PACKAGE, <$type>::NAME) {
                    return Some($crate::tx::strict(bytes).map($name::$variant));
                })*
                None
            }

            /// The account, or the operator's address, that must sign.
            pub fn signer(&self) -> &str {
                match self { $($name::$variant(msg) => &msg.$signer,)* }
            }

            /// The type, as in the transaction and in `message.action` events.
            pub fn type_url(&self) -> String {
                use prost::Name;
                match self { $($name::$variant(_) => <$type>::type_url(),)* }
            }
        }
    };
}

pub mod distribution;
pub mod faults;
pub mod feegrant;
pub mod gov;
pub mod rewards;
pub mod staking;
pub mod storage;

use crate::tx::{Msg, Tx};
use dadbs_modules::contract::{Instantiate, Statement};
use dadbs_modules::{Context, bank, circuit, contract};
use dadbs_proto::cosmos::bank::v1beta1::{MsgSend, MsgSendResponse};
use dadbs_proto::cosmos::base::abci::v1beta1::TxMsgData;
use dadbs_proto::cosmos::base::v1beta1::Coin as WireCoin;
use dadbs_proto::dadbs::contract::v1::{
    MsgExecuteResponse, MsgInstantiate, MsgInstantiateResponse, MsgMigrateResponse,
    MsgStoreCodeResponse,
};
use dadbs_proto::dadbs::sql::v1::{MsgExec, MsgExecResponse, Row, StatementResult, Value as Wire};
use dadbs_types::coin::valid_denom;
use dadbs_types::limits::SQL_STATEMENTS_MAX;
use dadbs_types::{
    AccountAddress, Amount, Code, Coin, Error, Event, OperatorAddress, Rejection, Value,
};
use prost::{Message, Name};
use prost_types::Any;

/// Runs the messages of a transaction in order; returns the encoded `TxMsgData`.
pub fn run(context: &mut Context<'_>, tx: &Tx) -> Result<Vec<u8>, Error> {
    let mut msg_responses = Vec::with_capacity(tx.msgs.len());
    for msg in &tx.msgs {
        context
            .events
            .push(Event::new("message").with("action", msg.type_url()).with("sender", tx.sender));
        msg_responses.push(run_one(context, tx.sender, msg)?);
    }
    Ok(TxMsgData { msg_responses }.encode_to_vec())
}

/// Runs one message of `sender`, unless its type is paused: what governance has decided is not.
fn run_one(context: &mut Context<'_>, sender: AccountAddress, msg: &Msg) -> Result<Any, Error> {
    if sender != dadbs_modules::gov::authority() {
        circuit::check_message(context.store, &msg.type_url())?;
    }
    match msg {
        Msg::Gov(msg) => gov::run(context, sender, msg),
        Msg::Send(msg) => send(context, sender, msg),
        Msg::StoreCode(msg) => {
            let (code_id, code_hash) = contract::store_code(context, sender, &msg.wasm)?;
            any(&MsgStoreCodeResponse { code_id, code_hash: code_hash.to_vec() })
        }
        Msg::Instantiate(msg) => instantiate(context, sender, msg),
        Msg::Execute(msg) => {
            let arguments = values(&msg.arguments);
            let coins = coins(&msg.funds)?;
            let rows =
                contract::execute(context, sender, &msg.contract, &msg.entry, &arguments, coins)?;
            any(&MsgExecuteResponse { rows: wire(rows) })
        }
        Msg::Migrate(msg) => {
            let request = contract::Migrate {
                name: &msg.contract,
                code_id: msg.code_id,
                code_hash: &msg.code_hash,
                replaces_hash: &msg.replaces_hash,
                arguments: &values(&msg.arguments),
            };
            let rows = contract::migrate(context, sender, &request)?;
            any(&MsgMigrateResponse { rows: wire(rows) })
        }
        Msg::SqlExec(msg) => sql_exec(context, sender, msg),
        Msg::Staking(msg) => staking::run(context, sender, msg),
        Msg::Fault(msg) => faults::run(context, sender, msg),
        Msg::Distribution(msg) => distribution::run(context, sender, msg),
        Msg::FeeGrant(msg) => feegrant::run(context, sender, msg),
        Msg::StorageProof(msg) => rewards::run(context, msg),
        Msg::Storage(msg) => storage::run(context, sender, msg),
    }
}

fn send(context: &mut Context<'_>, sender: AccountAddress, msg: &MsgSend) -> Result<Any, Error> {
    let to = address(&msg.to_address)?;
    let coins = coins(&msg.amount)?;
    context.gas.charge_times(
        dadbs_types::gas::price::ROW_WRITE,
        u64::try_from(coins.len()).unwrap_or(u64::MAX).saturating_mul(2).saturating_add(1),
    )?;
    bank::transfer(context.store, context.events, sender, to, &coins)?;
    any(&MsgSendResponse {})
}

/// Coins of a message.
fn coins(wire: &[WireCoin]) -> Result<Vec<Coin>, Rejection> {
    wire.iter()
        .map(|coin| {
            let amount = Amount::parse(&coin.amount).filter(|_| valid_denom(&coin.denom));
            let amount = amount.ok_or_else(|| {
                let message = format!("\"{}{}\" is not a coin", coin.amount, coin.denom);
                Rejection::new(Code::InvalidCoins, message)
            })?;
            Ok(Coin { denom: coin.denom.clone(), amount })
        })
        .collect()
}

fn instantiate(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &MsgInstantiate,
) -> Result<Any, Error> {
    let admin = if msg.admin.is_empty() { None } else { Some(address(&msg.admin)?) };
    let request = Instantiate {
        creator: sender,
        code_id: msg.code_id,
        name: &msg.name,
        admin,
        arguments: &values(&msg.arguments),
    };
    let (contract, rows) = contract::instantiate(context, &request)?;
    any(&MsgInstantiateResponse {
        contract_id: contract.id,
        contract_address: contract.address.to_string(),
        rows: wire(rows),
    })
}

fn sql_exec(
    context: &mut Context<'_>,
    sender: AccountAddress,
    msg: &MsgExec,
) -> Result<Any, Error> {
    if msg.statements.len() > SQL_STATEMENTS_MAX {
        let message = format!(
            "{} statements are over the limit of {SQL_STATEMENTS_MAX}: send several transactions",
            msg.statements.len()
        );
        return Err(Error::rejected(Code::SqlTooLarge, message));
    }
    let statements: Vec<Statement> = msg
        .statements
        .iter()
        .map(|statement| Statement {
            sql: statement.sql.clone(),
            rows: statement.rows.iter().map(|row| values(&row.values)).collect(),
        })
        .collect();
    let changes = contract::sql_exec(context, sender, &msg.database, &statements)?;
    let results = changes.into_iter().map(|changes| StatementResult { changes }).collect();
    any(&MsgExecResponse { results })
}

/// An address of a message.
pub fn address(text: &str) -> Result<AccountAddress, Rejection> {
    text.parse().map_err(|error: dadbs_types::address::AddressError| {
        Rejection::new(Code::InvalidAddress, error.0)
    })
}

/// A validator's address in a message: its operator's account.
pub fn operator(text: &str) -> Result<AccountAddress, Rejection> {
    match text.parse() {
        Ok(OperatorAddress(account)) => Ok(account),
        Err(error) => Err(Rejection::new(Code::InvalidAddress, error.0)),
    }
}

/// Wire values in the core's form.
pub fn values(wire: &[Wire]) -> Vec<Value> {
    wire.iter().cloned().map(Value::from).collect()
}

/// Rows in the wire's form.
pub fn wire(rows: Vec<Vec<Value>>) -> Vec<Row> {
    rows.into_iter().map(Row::from).collect()
}

fn any<M: Message + Name>(message: &M) -> Result<Any, Error> {
    Any::from_msg(message)
        .map_err(|error| Error::fatal(format!("cannot encode a response: {error}")))
}
