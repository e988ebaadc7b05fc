//! `dadbs contract test`, and the chain in memory that its tests talk to.
//!
//! 1. `test` builds the module, then runs `cargo test` with the paths of this binary and of the module in
//!    `DADBS_TEST_HOST` and `DADBS_TEST_WASM`. Contracts that the manifest names under
//!    `[package.metadata.dadbs.test]` (`token = "../token"`) are built too: `DADBS_TEST_WASM_token`.
//! 2. `test-host` reads requests from stdin and answers on stdout until stdin ends; both are a length (u32,
//!    little endian) and a row. `dadbs-testkit` is the other side.
//! 3. An answer is (`ok`, rows, gas, events) or (`codespace/number`, message).

use super::super::context::Globals;
use super::super::exit::{Failure, Outcome};
use super::build;
use dadbs_app::{App, Block, TxResult};
use dadbs_client::proto::cosmos::base::abci::v1beta1::TxMsgData;
use dadbs_client::proto::cosmos::base::v1beta1::Coin;
use dadbs_client::proto::dadbs::contract::v1 as wire;
use dadbs_client::proto::dadbs::sql::v1 as sql;
use dadbs_client::tx::any;
use dadbs_client::{Fee, SecretKey, Signer, UnsignedTx};
use dadbs_types::value::{decode_row, encode_row, encode_rows};
use dadbs_types::{Amount, BlockInfo, Error, Event, Value, limits};
use prost::Message;
use std::io::{Read, Write};
use std::path::Path;
use std::process::Command;

const CHAIN_ID: &str = "dadbs-contract-test";
/// Block time of genesis.
const GENESIS_NS: i64 = 1_700_000_000_000_000_000;

/// `dadbs contract test`.
pub(super) fn test(globals: &Globals, path: &Path, arguments: &[String]) -> Outcome {
    let others = build::Package::of(path)?.tested_with;
    let others = others
        .into_iter()
        .map(|(name, folder)| Ok((format!("DADBS_TEST_WASM_{name}"), build::build(&folder)?.path)));
    let others: Vec<_> = others.collect::<Outcome<_>>()?;
    let built = build::build(path)?;
    eprintln!("testing {} ({})", built.path.display(), built.hash());
    let host = std::env::current_exe().map_err(|error| Failure::other(error.to_string()))?;
    let status = Command::new("cargo")
        .arg("test")
        .arg("--manifest-path")
        .arg(path.join("Cargo.toml"))
        .args(arguments)
        .env("DADBS_TEST_HOST", host)
        .env("DADBS_TEST_WASM", &built.path)
        .envs(others)
        .status()
        .map_err(|error| Failure::other(format!("cargo: {error}")))?;
    if !status.success() {
        return Err(Failure::other("tests have failed"));
    }
    globals.print(&serde_json::json!({ "path": built.path, "sha256": built.hash() }), || {
        "all tests have passed".into()
    });
    Ok(())
}

/// What a request gave: rows, gas and events, or a code and a message.
type Answer = Result<(Vec<Vec<Value>>, u64, Vec<Vec<Value>>), (String, String)>;

struct Host {
    app: App,
    keys: Vec<SecretKey>,
    sequences: Vec<u64>,
    height: u64,
    time_ns: i64,
    /// Of the last block of this request: the gas of its statements.
    sql_gas: u64,
}

fn wrong(what: impl ToString) -> (String, String) {
    ("test".into(), what.to_string())
}

fn rejected(error: &Error) -> (String, String) {
    match error {
        Error::Rejected(rejection) => (
            format!("{}/{}", rejection.code.codespace(), rejection.code.number()),
            rejection.message.clone(),
        ),
        Error::Fatal(fatal) => wrong(fatal),
    }
}

/// `dadbs contract test-host` (rule 2).
pub(super) fn host() -> Outcome {
    let failed = |error: std::io::Error| Failure::other(format!("test host: {error}"));
    let (mut input, mut output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let mut host: Option<Host> = None;
    let mut len = [0; 4];
    while input.read_exact(&mut len).is_ok() {
        let mut request = vec![0; u32::from_le_bytes(len) as usize];
        input.read_exact(&mut request).map_err(failed)?;
        let request = decode_row(&request).map_err(|error| Failure::other(error.to_string()))?;
        let answer = match (&request[..], &mut host) {
            ([Value::Text(start), Value::Integer(accounts)], None) if start == "start" => {
                Host::start(*accounts).map(|new| {
                    host = Some(new);
                    Default::default()
                })
            }
            (request, Some(host)) => host.answer(request),
            _ => Err(wrong("the first request is start")),
        };
        let sql_gas = host.as_ref().map_or(0, |host| host.sql_gas);
        let row = match answer {
            Ok((rows, gas, events)) => vec![
                "ok".into(),
                Value::Blob(encode_rows(&rows)),
                i64::try_from(gas).unwrap_or(i64::MAX).into(),
                Value::Blob(encode_rows(&events)),
                i64::try_from(sql_gas).unwrap_or(i64::MAX).into(),
            ],
            Err((code, message)) => vec![code.into(), message.into()],
        };
        let row = encode_row(&row);
        let len = u32::try_from(row.len()).map_err(|error| Failure::other(error.to_string()))?;
        output.write_all(&len.to_le_bytes()).map_err(failed)?;
        output.write_all(&row).and_then(|()| output.flush()).map_err(failed)?;
    }
    Ok(())
}

fn arguments(encoded: &[u8]) -> Result<Vec<sql::Value>, (String, String)> {
    let row = decode_row(encoded).map_err(wrong)?;
    Ok(row.into_iter().map(Into::into).collect())
}

impl Host {
    fn start(accounts: i64) -> Result<Host, (String, String)> {
        let mut keys = Vec::new();
        for account in 0..u8::try_from(accounts).map_err(wrong)? {
            let mut bytes = [0x11; 32];
            bytes[31] = account;
            keys.push(SecretKey::from_bytes(&bytes).map_err(wrong)?);
        }
        let funded = keys.iter().map(|key| (key.address(), Amount(1_000_000_000_000_000)));
        let genesis = dadbs_genesis::genesis(CHAIN_ID, GENESIS_NS, funded.collect());
        let mut app = App::memory().map_err(wrong)?;
        app.init_chain(&genesis).map_err(wrong)?;
        let (height, sequences) = (app.info().height, vec![0; keys.len()]);
        Ok(Host { app, keys, sequences, height, time_ns: GENESIS_NS, sql_gas: 0 })
    }

    fn answer(&mut self, request: &[Value]) -> Answer {
        let text = |at: usize| match request.get(at) {
            Some(Value::Text(text)) => Ok(text.as_str()),
            _ => Err(wrong("a text is missing")),
        };
        let integer = |at: usize| match request.get(at) {
            Some(Value::Integer(integer)) => Ok(*integer),
            _ => Err(wrong("a number is missing")),
        };
        let blob = |at: usize| match request.get(at) {
            Some(Value::Blob(bytes)) => Ok(bytes.as_slice()),
            _ => Err(wrong("bytes are missing")),
        };
        self.sql_gas = 0;
        match text(0)? {
            "address" => {
                let address = self.key(integer(1)?)?.1.address().to_string();
                Ok((vec![vec![address.into()]], 0, Vec::new()))
            }
            "publish" => self.publish(integer(1)?, text(2)?, blob(3)?, blob(4)?),
            "call" => {
                let (account, key) = self.key(integer(1)?)?;
                let message = wire::MsgExecute {
                    sender: key.address().to_string(),
                    contract: text(2)?.into(),
                    entry: text(3)?.into(),
                    arguments: arguments(blob(4)?)?,
                    funds: coins(integer(5)?),
                };
                let (result, data) = self.run(account, any(&message))?;
                let response = wire::MsgExecuteResponse::decode(&*data).map_err(wrong)?;
                Ok((rows(response.rows), result.gas_used, events(&result, text(2)?)))
            }
            "view" => {
                let request = wire::ViewRequest {
                    sender: self.key(integer(1)?)?.1.address().to_string(),
                    contract: text(2)?.into(),
                    entry: text(3)?.into(),
                    arguments: arguments(blob(4)?)?,
                };
                let answer = self.query("/dadbs.contract.v1.Query/View", &request)?;
                let answer = wire::ViewResponse::decode(&*answer).map_err(wrong)?;
                Ok((rows(answer.rows), answer.gas_used, Vec::new()))
            }
            "select" => {
                let (database, sql) = (text(1)?.into(), text(2)?.into());
                let sender = match integer(3)? {
                    -1 => String::new(),
                    account => self.key(account)?.1.address().to_string(),
                };
                let request = sql::QueryRequest { database, sql, parameters: Vec::new(), sender };
                let answer = self.query("/dadbs.sql.v1.Query/Query", &request)?;
                let answer = sql::QueryResponse::decode(&*answer).map_err(wrong)?;
                Ok((rows(answer.rows), 0, Vec::new()))
            }
            "advance" => {
                let time = integer(1)?.checked_mul(1_000_000);
                let time = time.and_then(|time| self.time_ns.checked_add(time));
                self.time_ns = time.ok_or_else(|| wrong("block time ends in 2262"))?;
                Ok(Default::default())
            }
            "block" => {
                let (_, events) = self.block(Vec::new())?;
                Ok((Vec::new(), 0, events.iter().map(event_row).collect()))
            }
            "height" => {
                let height = u64::try_from(integer(1)?).map_err(wrong)?;
                while self.height < height {
                    self.block(Vec::new())?;
                }
                Ok(Default::default())
            }
            other => Err(wrong(format!("there is no request \"{other}\""))),
        }
    }

    fn key(&self, account: i64) -> Result<(usize, &SecretKey), (String, String)> {
        let account = usize::try_from(account).map_err(wrong)?;
        let key = self.keys.get(account).ok_or_else(|| wrong("there is no such account"))?;
        Ok((account, key))
    }

    fn publish(&mut self, account: i64, name: &str, wasm: &[u8], encoded: &[u8]) -> Answer {
        let (account, key) = self.key(account)?;
        let sender = key.address().to_string();
        let message = wire::MsgStoreCode { sender: sender.clone(), wasm: wasm.to_vec() };
        let (_, data) = self.run(account, any(&message))?;
        let code_id = wire::MsgStoreCodeResponse::decode(&*data).map_err(wrong)?.code_id;
        let message = wire::MsgInstantiate {
            sender: sender.clone(),
            code_id,
            name: name.into(),
            admin: sender,
            arguments: arguments(encoded)?,
        };
        let (result, data) = self.run(account, any(&message))?;
        let response = wire::MsgInstantiateResponse::decode(&*data).map_err(wrong)?;
        Ok((rows(response.rows), result.gas_used, events(&result, name)))
    }

    /// Runs one message in a transaction and a block of its own; the message's response.
    fn run(
        &mut self,
        account: usize,
        message: prost_types::Any,
    ) -> Result<(TxResult, Vec<u8>), (String, String)> {
        let key = &self.keys[account];
        let signer = Signer {
            address: key.address(),
            account_number: account as u64,
            sequence: self.sequences[account],
        };
        let gas_limit = limits::TX_GAS_MAX;
        let price = u128::from(dadbs_genesis::MIN_FEE_PER_MILLION_GAS);
        let amount = (u128::from(gas_limit) * price).div_ceil(1_000_000);
        let fee = Fee { gas_limit, amount };
        let tx = UnsignedTx::new(vec![message]).sign(key, &signer, &fee, CHAIN_ID);
        self.sequences[account] += 1;
        let result = self.block(vec![tx])?.0.ok_or_else(|| wrong("the block has no result"))?;
        if result.code != 0 {
            return Err((format!("{}/{}", result.codespace, result.code), result.log));
        }
        let data = TxMsgData::decode(&*result.data).map_err(wrong)?;
        let response = data.msg_responses.into_iter().next();
        Ok((result, response.map(|any| any.value).unwrap_or_default()))
    }

    /// Makes a block; answers the result of its transaction and the events at its end.
    fn block(
        &mut self,
        txs: Vec<Vec<u8>>,
    ) -> Result<(Option<TxResult>, Vec<Event>), (String, String)> {
        self.height += 1;
        self.time_ns = self.time_ns.saturating_add(1_000_000_000);
        let info = BlockInfo { height: self.height, time_ns: self.time_ns, ..BlockInfo::default() };
        let before = self.app.store().statement_gas();
        let outcome = self.app.finalize_block(&Block { info, txs }).map_err(wrong)?;
        self.sql_gas = self.app.store().statement_gas().saturating_sub(before);
        self.app.commit().map_err(wrong)?;
        Ok((outcome.tx_results.into_iter().next(), outcome.events))
    }

    fn query(&self, path: &str, request: &impl Message) -> Result<Vec<u8>, (String, String)> {
        let queries = self.app.queries().map_err(wrong)?;
        let answer = queries.query(path, &request.encode_to_vec());
        answer.map(|(_, bytes)| bytes).map_err(|error| rejected(&error))
    }
}

fn rows(rows: Vec<sql::Row>) -> Vec<Vec<Value>> {
    rows.into_iter().map(Vec::from).collect()
}

/// So much of the chain's coin.
fn coins(amount: i64) -> Vec<Coin> {
    let coin = Coin { denom: dadbs_types::coin::DENOM.into(), amount: amount.to_string() };
    if amount == 0 { Vec::new() } else { vec![coin] }
}

/// An event: its kind, then keys and values.
fn event_row(event: &Event) -> Vec<Value> {
    let pairs = event.attributes.iter();
    let pairs = pairs.flat_map(|(key, value)| [key.as_str().into(), value.as_str().into()]);
    [Value::from(event.kind.as_str())].into_iter().chain(pairs).collect()
}

/// The events of a contract: name, then keys and values.
fn events(result: &TxResult, contract: &str) -> Vec<Vec<Value>> {
    let own = result.events.iter().filter_map(|event| {
        let name = event.kind.strip_prefix("wasm.")?;
        let of = event.attributes.iter().any(|(key, value)| key == "contract" && value == contract);
        of.then_some((name, event))
    });
    own.map(|(name, event)| {
        let pairs = event.attributes.iter().filter(|(key, _)| key != "contract");
        let pairs = pairs.flat_map(|(key, value)| [key.as_str().into(), value.as_str().into()]);
        [Value::from(name)].into_iter().chain(pairs).collect()
    })
    .collect()
}
