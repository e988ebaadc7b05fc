//! `dadbs contract describe`: what a contract offers, read from its code without running it.

use super::super::context::Globals;
use super::super::exit::{Failure, Outcome};
use super::send::{description, missing};
use dadbs_abi::section::{Kind, Row};
use serde_json::{Value as Json, json};
use std::fmt::Write as _;
use std::path::Path;

/// The rows of a module on disk, of a code on the chain, or of a contract.
pub(super) async fn rows(globals: &Globals, what: &str) -> Outcome<Vec<Row>> {
    if Path::new(what).extension().is_some_and(|extension| extension == "wasm") {
        let wasm =
            std::fs::read(what).map_err(|error| Failure::usage(format!("{what}: {error}")))?;
        let info = dadbs_vm::validate(&wasm)
            .map_err(|rejection| Failure::other(format!("{what}: {}", rejection.message)))?;
        return Ok(info.description);
    }
    let session = globals.session().await?;
    if let Ok(code_id) = what.parse() {
        return description(&session, code_id).await;
    }
    let contract = session.client.contract(what).await?.ok_or_else(|| missing(what))?;
    description(&session, contract.code_id).await
}

pub(super) async fn run(globals: &Globals, what: &str) -> Outcome {
    let rows = rows(globals, what).await?;
    let json: Vec<Json> = rows
        .iter()
        .map(|row| {
            json!({
                "kind": row.kind.name(), "name": row.name, "fields": row.fields, "doc": row.doc,
                "more": row.more,
            })
        })
        .collect();
    globals.print(&json!(json), || match &rows[..] {
        [] => format!("{what} describes nothing: its module has no section dadbs_abi"),
        rows => rows.iter().map(shown).collect::<Vec<_>>().join("\n"),
    });
    Ok(())
}

/// One row for people.
fn shown(row: &Row) -> String {
    let kind = row.kind.name();
    let mut text = match row.kind {
        Kind::Table => row.more.join(";\n"),
        Kind::Error => format!("error {} {} ({})", row.more[0], row.name, row.fields),
        Kind::CanRead | Kind::CanWrite => format!("{kind} {}: {}", row.name, row.more[0]),
        Kind::Init | Kind::Migrate => format!("{kind}({})", row.fields),
        _ => format!("{kind} {}({})", row.name, row.fields),
    };
    if row.kind.is_entry()
        && let Some(returns) = row.returns().filter(|returns| !returns.is_empty())
    {
        let _ = write!(text, " -> {returns}");
    }
    if row.payable() {
        text.push_str(" payable");
    }
    if !row.doc.is_empty() {
        let _ = write!(text, "\n    {}", row.doc);
    }
    text
}
