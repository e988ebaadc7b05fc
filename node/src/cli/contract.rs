//! `dadbs contract`: code and contracts.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use super::output::{self, json_value, literal, row_from_wire, shown, to_wire};
use super::sql::{explained, instantiate};
use dadbs_client::proto::dadbs::contract::v1 as wire;
use dadbs_client::proto::dadbs::sql::v1::{Row, Value as WireValue};
use dadbs_client::tx::{UnsignedTx, any};
use serde_json::{Value as Json, json};
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Contract {
    /// Store the code of a contract
    Store {
        /// The module of WebAssembly
        wasm: PathBuf,
    },
    /// Make a contract, which is a database with a unique name
    Instantiate {
        /// Code id; 1 is the stock database contract
        code_id: u64,
        /// Name: a lower-case letter, then letters, digits and underscores
        name: String,
        /// Arguments of `init`: NULL, numbers, x'hex', 'text' or text
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
        /// Address or key that may migrate it; nobody by default
        #[arg(long)]
        admin: Option<String>,
    },
    /// Call an entry point in a transaction
    Execute {
        /// Name of the contract
        contract: String,
        /// The entry point, without `call_`
        entry: String,
        /// Arguments
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
    },
    /// Move a contract to other code
    Migrate {
        /// Name of the contract
        contract: String,
        /// The new code
        code_id: u64,
        /// Arguments of `migrate`
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
    },
    /// Call a view on the last committed height
    Query {
        /// Name of the contract
        contract: String,
        /// The view, without `view_`
        entry: String,
        /// Arguments
        #[arg(allow_negative_numbers = true)]
        arguments: Vec<String>,
    },
    /// List contracts
    List,
}

fn arguments(texts: &[String]) -> Vec<WireValue> {
    texts.iter().map(|text| to_wire(&literal(text))).collect()
}

pub(crate) async fn run(globals: &Globals, command: &Contract) -> Outcome {
    match command {
        Contract::List => list(globals).await,
        Contract::Query { contract, entry, arguments: texts } => {
            view(globals, contract, entry, arguments(texts)).await
        }
        write => send(globals, write).await,
    }
}

async fn send(globals: &Globals, command: &Contract) -> Outcome {
    let session = globals.session().await?;
    let (ring, key) = globals.signing_key()?;
    let sender = ring.info(&key)?.address.to_string();
    let message = match command {
        Contract::Store { wasm } => {
            let module = std::fs::read(wasm);
            let wasm = module.map_err(|e| Failure::usage(format!("{}: {e}", wasm.display())))?;
            any(&wire::MsgStoreCode { sender, wasm })
        }
        Contract::Instantiate { code_id, name, arguments: texts, admin } => {
            let admin = admin.as_ref().map(|admin| globals.address(admin)).transpose()?;
            let admin = admin.map(|address| address.to_string()).unwrap_or_default();
            let mut values = arguments(texts);
            // The stock contract takes its owner; NULL means the caller.
            if *code_id == 1 && values.is_empty() {
                values.push(WireValue { value: None });
            }
            any(&instantiate(&sender, *code_id, name, &admin, values))
        }
        Contract::Execute { contract, entry, arguments: texts } => {
            let (contract, entry) = (contract.clone(), entry.clone());
            let (arguments, funds) = (arguments(texts), Vec::new());
            any(&wire::MsgExecute { sender, contract, entry, arguments, funds })
        }
        Contract::Migrate { contract, code_id, arguments: texts } => {
            let (contract, code_id) = (contract.clone(), *code_id);
            any(&wire::MsgMigrate { sender, contract, code_id, arguments: arguments(texts) })
        }
        Contract::Query { .. } | Contract::List => {
            return Err(Failure::other("this command sends nothing"));
        }
    };
    let question = match command {
        Contract::Migrate { contract, code_id, .. } => {
            Some(format!("Move \"{contract}\" to code {code_id}?"))
        }
        _ => None,
    };
    let tx = UnsignedTx::new(vec![message]);
    let Some(included) = globals.submit(&session, &tx, question.as_deref()).await? else {
        return Ok(());
    };
    let (facts, people) = match command {
        Contract::Store { .. } => {
            let response: wire::MsgStoreCodeResponse = included.message_response(0)?;
            let hash = hex::encode(&response.code_hash);
            let people = format!("stored as code {} ({hash})", response.code_id);
            (json!({ "code_id": response.code_id, "code_hash": hash }), people)
        }
        Contract::Instantiate { name, .. } => {
            let response: wire::MsgInstantiateResponse = included.message_response(0)?;
            let facts = json!({
                "name": name,
                "contract_id": response.contract_id,
                "contract_address": response.contract_address,
                "rows": rows_json(&response.rows),
            });
            (facts, format!("contract \"{name}\" made at {}", response.contract_address))
        }
        Contract::Migrate { contract, .. } => {
            let response: wire::MsgMigrateResponse = included.message_response(0)?;
            (json!({ "rows": rows_json(&response.rows) }), format!("\"{contract}\" moved"))
        }
        _ => {
            let response: wire::MsgExecuteResponse = included.message_response(0)?;
            let rows = rows_text(&response.rows);
            (json!({ "rows": rows_json(&response.rows) }), format!("{rows}done"))
        }
    };
    globals.print_included(&included, facts, &people);
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

async fn view(
    globals: &Globals,
    contract: &str,
    entry: &str,
    arguments: Vec<WireValue>,
) -> Outcome {
    let session = globals.session().await?;
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

async fn list(globals: &Globals) -> Outcome {
    let contracts = globals.session().await?.client.contracts().await?;
    let json: Vec<Json> = contracts
        .iter()
        .map(|c| {
            json!({
                "contract_id": c.contract_id, "name": c.name, "address": c.address,
                "code_id": c.code_id, "admin": c.admin, "creator": c.creator,
            })
        })
        .collect();
    globals.print(&json!(json), || {
        if contracts.is_empty() {
            return "no databases yet: `dadbs sql create NAME` makes one".into();
        }
        let mut table = output::table(["id", "name", "code", "address", "creator", "admin"]);
        for c in &contracts {
            let (id, code) = (c.contract_id.to_string(), c.code_id.to_string());
            table.add_row([&id, &c.name, &code, &c.address, &c.creator, &c.admin]);
        }
        table.to_string()
    });
    Ok(())
}
