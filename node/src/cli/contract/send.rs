//! Publishing, calling, and what was called.

use super::super::context::{Globals, Session};
use super::super::exit::{Exit, Failure, Outcome};
use super::super::output::{json_value, literal, row_from_wire, shown, to_wire};
use super::super::sql::{explained, instantiate};
use super::build::{self, Built};
use dadbs_abi::section::{self, Kind, Row as Described};
use dadbs_client::proto::cosmos::base::abci::v1beta1::TxResponse;
use dadbs_client::proto::cosmos::base::v1beta1::Coin;
use dadbs_client::proto::dadbs::contract::v1 as wire;
use dadbs_client::proto::dadbs::sql::v1::{Row, Value as WireValue};
use dadbs_client::proto::tendermint::abci::Event;
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::{AccountAddress, Value};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::path::Path;

/// Where the code of a new contract is.
pub(super) enum Source<'a> {
    /// A crate or a module.
    Path(&'a Path),
    /// On the chain.
    Stored(u64),
}

/// Who may upgrade a new contract.
pub(super) enum Admin<'a> {
    /// Who publishes it.
    Publisher,
    /// This address or key.
    Named(&'a str),
    /// The account of governance.
    Governance,
    /// Nobody.
    Nobody,
}

/// Arguments as values: where the parameter is TEXT, a text stays one even if it looks like a number.
pub(super) fn arguments(texts: &[String], entry: Option<&Described>) -> Vec<WireValue> {
    let columns = entry.map(Described::columns).unwrap_or_default();
    let value = |(at, text): (usize, &String)| match (columns.get(at), literal(text)) {
        (Some((_, "TEXT", _)), Value::Integer(_) | Value::Real(_)) => Value::Text(text.clone()),
        (_, value) => value,
    };
    texts.iter().enumerate().map(value).map(|value| to_wire(&value)).collect()
}

/// What a code says of itself.
pub(super) async fn description(session: &Session, code_id: u64) -> Outcome<Vec<Described>> {
    let code = session.client.code(code_id).await?;
    section::decode(&code.description).map_err(|error| {
        Failure::other(format!("code {code_id} describes itself wrongly: {error}"))
    })
}

/// The code with this module, if it is stored already.
pub(super) async fn stored(session: &Session, wasm: &[u8]) -> Outcome<Option<u64>> {
    let hash = to_wire(&Value::Blob(Sha256::digest(wasm).to_vec()));
    let sql = "SELECT min(id) FROM chain.codes WHERE hash = ?";
    let answer = session.client.query("", sql, vec![hash]).await?;
    let row = answer.rows.into_iter().next().map(row_from_wire).unwrap_or_default();
    Ok(match row.first() {
        Some(Value::Integer(id)) => Some(id.unsigned_abs()),
        _ => None,
    })
}

/// Stores a module unless it is stored; answers its code id. `None` if it is not waited for.
pub(super) async fn store(
    globals: &Globals,
    session: &Session,
    built: &Built,
) -> Outcome<Option<u64>> {
    if let Some(code_id) = stored(session, &built.wasm).await? {
        return Ok(Some(code_id));
    }
    let (ring, key) = globals.signing_key()?;
    let sender = ring.info(&key)?.address.to_string();
    let wasm = built.wasm.clone();
    let tx = UnsignedTx::new(vec![any(&wire::MsgStoreCode { sender, wasm })]);
    let Some(included) = globals.submit(session, &tx, None).await? else { return Ok(None) };
    let response: wire::MsgStoreCodeResponse = included.message_response(0)?;
    Ok(Some(response.code_id))
}

/// `dadbs contract store`.
pub(super) async fn store_only(globals: &Globals, path: &Path) -> Outcome {
    let built = build::build(path)?;
    let session = globals.session().await?;
    let Some(code_id) = store(globals, &session, &built).await? else { return Ok(()) };
    let facts = json!({ "code_id": code_id, "code_hash": built.hash(), "bytes": built.wasm.len() });
    globals.print(&facts, || format!("code {code_id} is stored: {}", built.hash()));
    Ok(())
}

/// `dadbs contract publish`.
pub(super) async fn publish(
    globals: &Globals,
    name: &str,
    texts: &[String],
    source: Source<'_>,
    admin: Admin<'_>,
    prepay: Option<&str>,
) -> Outcome {
    // The build first: what fails there needs no node.
    let built = match source {
        Source::Path(path) => Some(build::build(path)?),
        Source::Stored(_) => None,
    };
    let session = globals.session().await?;
    if session.client.contract(name).await?.is_some() {
        return Err(Failure::usage(format!(
            "\"{name}\" exists already: `dadbs contract upgrade {name}` moves it to new code"
        )));
    }
    let code_id = match (&built, source) {
        (Some(built), _) => match store(globals, &session, built).await? {
            Some(code_id) => code_id,
            None => return Ok(()),
        },
        (None, Source::Stored(code_id)) => code_id,
        (None, Source::Path(_)) => return Err(Failure::other("nothing was built")),
    };
    let (ring, key) = globals.signing_key()?;
    let sender = ring.info(&key)?.address.to_string();
    let admin = match admin {
        Admin::Publisher => sender.clone(),
        Admin::Named(named) => globals.address(named)?.to_string(),
        Admin::Governance => AccountAddress::of_module("gov").to_string(),
        Admin::Nobody => String::new(),
    };
    let described = description(&session, code_id).await?;
    let init = described.iter().find(|row| row.kind == Kind::Init);
    let mut values = arguments(texts, init);
    // The stock contract takes its owner; NULL means the caller.
    if code_id == 1 && values.is_empty() {
        values.push(WireValue { value: None });
    }
    let prepaid = crate::cli::storage::prepaid(&sender, name, prepay)?;
    let message = any(&instantiate(&sender, code_id, name, &admin, values));
    let tx = UnsignedTx::new(std::iter::once(message).chain(prepaid).collect());
    let Some(included) = globals.submit(&session, &tx, None).await? else { return Ok(()) };
    let response: wire::MsgInstantiateResponse = included.message_response(0)?;
    let facts = json!({
        "name": name,
        "code_id": code_id,
        "code_hash": built.as_ref().map(Built::hash),
        "contract_id": response.contract_id,
        "contract_address": response.contract_address,
        "rows": rows_json(&response.rows),
    });
    let people = format!("\"{name}\" runs code {code_id} at {}", response.contract_address);
    globals.print_included(&included, facts, &people);
    Ok(())
}

/// `dadbs contract call`: a transaction, or a read if the contract has a view of this name.
pub(super) async fn call(
    globals: &Globals,
    contract: &str,
    entry: &str,
    texts: &[String],
    pay: u64,
) -> Outcome {
    let session = globals.session().await?;
    let info = session.client.contract(contract).await?.ok_or_else(|| missing(contract))?;
    let described = description(&session, info.code_id).await?;
    let named = |kind| described.iter().find(|row| row.kind == kind && row.name == entry);
    if let Some(view) = named(Kind::View) {
        if pay > 0 {
            return Err(Failure::usage(format!("{entry} is a view: it takes no coins")));
        }
        return ask(globals, &session, contract, entry, arguments(texts, Some(view))).await;
    }
    let Some(row) = named(Kind::Call) else {
        let entries = described.iter().filter(|row| matches!(row.kind, Kind::Call | Kind::View));
        let names: Vec<&str> = entries.map(|row| row.name.as_str()).collect();
        return Err(Failure::new(
            Exit::NotFound,
            format!("\"{contract}\" has no entry point {entry}: it has {}", names.join(", ")),
        ));
    };
    let (ring, key) = globals.signing_key()?;
    let sender = ring.info(&key)?.address.to_string();
    let coin = Coin { denom: dadbs_types::coin::DENOM.into(), amount: pay.to_string() };
    let funds = if pay == 0 { Vec::new() } else { vec![coin] };
    let message = wire::MsgExecute {
        sender,
        contract: contract.into(),
        entry: entry.into(),
        arguments: arguments(texts, Some(row)),
        funds,
    };
    let tx = UnsignedTx::new(vec![any(&message)]);
    let Some(included) = globals.submit(&session, &tx, None).await? else { return Ok(()) };
    let response: wire::MsgExecuteResponse = included.message_response(0)?;
    let people = format!("{}done", rows_text(&response.rows));
    globals.print_included(&included, json!({ "rows": rows_json(&response.rows) }), &people);
    Ok(())
}

async fn ask(
    globals: &Globals,
    session: &Session,
    contract: &str,
    entry: &str,
    arguments: Vec<WireValue>,
) -> Outcome {
    let sender = globals.signing_key().and_then(|(ring, name)| Ok(ring.info(&name)?.address));
    let request = wire::ViewRequest {
        sender: sender.map(|address| address.to_string()).unwrap_or_default(),
        contract: contract.into(),
        entry: entry.into(),
        arguments,
    };
    let answer = session.client.view(request).await.map_err(|e| explained(e, contract))?;
    let json = json!({
        "height": answer.height,
        "rows": rows_json(&answer.rows),
        "gas_used": answer.gas_used,
    });
    globals.print(&json, || format!("{}height {}", rows_text(&answer.rows), answer.height));
    Ok(())
}

fn rows_json(rows: &[Row]) -> Json {
    let row =
        |row: &Row| -> Vec<Json> { row_from_wire(row.clone()).iter().map(json_value).collect() };
    rows.iter().map(row).collect()
}

fn rows_text(rows: &[Row]) -> String {
    let row = |row: &Row| -> String {
        let values: Vec<String> = row_from_wire(row.clone()).iter().map(shown).collect();
        format!("{}\n", values.join(" | "))
    };
    rows.iter().map(row).collect()
}

/// The failure of a name that no contract has.
pub(super) fn missing(contract: &str) -> Failure {
    let why = format!("there is no contract \"{contract}\": `dadbs contract list` shows all");
    Failure::new(Exit::NotFound, why)
}

/// `dadbs contract logs`.
pub(super) async fn logs(globals: &Globals, contract: &str, limit: u64) -> Outcome {
    let session = globals.session().await?;
    session.client.contract(contract).await?.ok_or_else(|| missing(contract))?;
    let query = format!("contract.execute.name='{}'", contract.replace('\'', ""));
    let found = session.client.search(&query, limit).await?;
    let own = |event: &Event| {
        event.r#type.starts_with("wasm.")
            && event.attributes.iter().any(|a| a.key == "contract" && a.value == contract)
    };
    let entry = |tx: &TxResponse| {
        let event = tx.events.iter().find(|event| event.r#type == "contract.execute");
        let pair = event.and_then(|e| e.attributes.iter().find(|a| a.key == "entry"));
        pair.map(|pair| pair.value.clone()).unwrap_or_default()
    };
    let json: Vec<Json> = found
        .iter()
        .map(|tx| {
            let events: Vec<Json> = tx
                .events
                .iter()
                .filter(|event| own(event))
                .map(|event| {
                    let pairs = event.attributes.iter().filter(|a| a.key != "contract");
                    let pairs: serde_json::Map<String, Json> =
                        pairs.map(|a| (a.key.clone(), json!(a.value))).collect();
                    json!({ "event": &event.r#type["wasm.".len()..], "fields": pairs })
                })
                .collect();
            json!({
                "height": tx.height, "txhash": tx.txhash, "entry": entry(tx), "code": tx.code,
                "log": tx.raw_log, "gas_used": tx.gas_used, "events": events,
            })
        })
        .collect();
    globals.print(&json!(json), || {
        let line = |tx: &Json| {
            let verdict = if tx["code"] == 0 {
                "ok".to_owned()
            } else {
                tx["log"].as_str().unwrap_or_default().to_owned()
            };
            let mut text =
                format!("{} {} {verdict}", tx["height"], tx["entry"].as_str().unwrap_or_default());
            for event in tx["events"].as_array().into_iter().flatten() {
                let _ = write!(
                    text,
                    "\n    {} {}",
                    event["event"].as_str().unwrap_or_default(),
                    event["fields"]
                );
            }
            text
        };
        json.iter().map(line).collect::<Vec<_>>().join("\n")
    });
    Ok(())
}
