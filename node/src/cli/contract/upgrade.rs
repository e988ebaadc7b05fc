//! `dadbs contract upgrade`: new code and the tables it declares, planned on the real state first.
//!
//! 1. The plan compares what the contract keeps of its declaration (`dadbs_abi::schema`) with what the
//!    new code declares; it is the plan that the contract itself follows when it migrates.
//! 2. What loses data needs `--accept-losses`; the contract refuses it otherwise, too.
//! 3. The whole is simulated on the real state before anything is sent: if the code is not stored yet,
//!    storing it and migrating to it in one transaction that is not sent.
//! 4. The simulated migration tells the gas of each step ([`schema::MIGRATION`]), which is shown with the plan.
//! 5. What is sent is the code, and then one migration, all or nothing.

use super::super::context::{Globals, Session};
use super::super::exit::{Exit, Failure, Outcome};
use super::super::output::{grouped, plain, row_from_wire};
use super::build::{self, Built};
use super::send;
use dadbs_abi::schema::{self, Class, Item, KEPT, MIGRATION, Part, Step};
use dadbs_abi::section::{Kind, Row};
use dadbs_client::Simulated;
use dadbs_client::proto::dadbs::contract::v1 as wire;
use dadbs_client::proto::dadbs::sql::v1::Value as WireValue;
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_types::Value;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

#[derive(Debug, clap::Args)]
pub(crate) struct Upgrade {
    /// Name of the contract
    name: String,
    /// Arguments of `migrate`, behind `accept_losses`
    #[arg(allow_negative_numbers = true)]
    arguments: Vec<String>,
    /// The crate's folder, or a module
    #[arg(long, default_value = ".")]
    path: PathBuf,
    /// Code that is stored already, instead of a path
    #[arg(long, conflicts_with = "path")]
    code_id: Option<u64>,
    /// Drop columns and tables that are no longer declared
    #[arg(long)]
    accept_losses: bool,
    /// Show the plan and its gas, send nothing
    #[arg(long)]
    dry_run: bool,
}

/// The declaration that a contract keeps, with texts of its own.
type Kept = Vec<(String, Item, String, String)>;

fn parts(kept: &Kept) -> Vec<Part<'_>> {
    kept.iter()
        .map(|(table, item, name, definition)| Part { table, item: *item, name, definition })
        .collect()
}

async fn kept(session: &Session, contract: &str) -> Outcome<Kept> {
    let sql = format!("SELECT \"table\", item, name, definition FROM {KEPT} ORDER BY at");
    // A contract without declared tables has no such table.
    let Ok(answer) = session.client.query(contract, &sql, Vec::new()).await else {
        return Ok(Vec::new());
    };
    let rows = answer.rows.into_iter().map(row_from_wire);
    Ok(rows
        .filter_map(|row| match <[Value; 4]>::try_from(row) {
            Ok(
                [Value::Text(table), Value::Text(item), Value::Text(name), Value::Text(definition)],
            ) => Some((table, Item::of(&item)?, name, definition)),
            _ => None,
        })
        .collect())
}

/// The declaration of new code.
fn declared(description: &[Row]) -> Outcome<Vec<Part<'_>>> {
    let mut parts = Vec::new();
    for table in description.iter().filter(|row| row.kind == Kind::Table) {
        let statements: Vec<&str> = table.more.iter().map(String::as_str).collect();
        let of_table = schema::parse(&table.name, &statements).ok_or_else(|| {
            Failure::other(format!("the code describes its table {} unlike the SDK", table.name))
        })?;
        parts.extend(of_table);
    }
    Ok(parts)
}

/// Everything that an upgrade needs, looked up.
struct Planned {
    built: Option<Built>,
    /// The code, if it is stored.
    code_id: Option<u64>,
    steps: Vec<Step>,
    migrate: Option<Row>,
}

async fn planned(session: &Session, upgrade: &Upgrade) -> Outcome<Planned> {
    let contract = session.client.contract(&upgrade.name).await?.ok_or_else(|| {
        let why = format!("there is no contract \"{}\" to upgrade: publish it first", upgrade.name);
        Failure::new(Exit::NotFound, why)
    })?;
    let (built, code_id, description) = if let Some(code_id) = upgrade.code_id {
        (None, Some(code_id), send::description(session, code_id).await?)
    } else {
        let built = build::build(&upgrade.path)?;
        let stored = send::stored(session, &built.wasm).await?;
        let description = built.info.description.clone();
        (Some(built), stored, description)
    };
    if code_id == Some(contract.code_id) {
        return Err(Failure::usage(format!(
            "\"{}\" runs this very code ({}) already",
            upgrade.name, contract.code_id
        )));
    }
    let before = kept(session, &upgrade.name).await?;
    let steps = schema::plan(&parts(&before), &declared(&description)?).map_err(Failure::other)?;
    let migrate = description.into_iter().find(|row| row.kind == Kind::Migrate);
    Ok(Planned { built, code_id, steps, migrate })
}

/// The arguments of a `migrate`, which has `accept_losses` before its own if its tables follow the declaration.
pub(super) fn arguments(
    migrate: Option<&Row>,
    texts: &[String],
    accept_losses: bool,
) -> Vec<WireValue> {
    let mut texts = texts.to_vec();
    if migrate.is_some_and(|row| row.fields.starts_with("accept_losses")) {
        texts.insert(0, if accept_losses { "1" } else { "0" }.into());
    }
    send::arguments(&texts, migrate)
}

/// The migration, as a message.
fn migration(upgrade: &Upgrade, planned: &Planned, sender: &str, code_id: u64) -> wire::MsgMigrate {
    wire::MsgMigrate {
        sender: sender.into(),
        contract: upgrade.name.clone(),
        code_id,
        arguments: arguments(planned.migrate.as_ref(), &upgrade.arguments, upgrade.accept_losses),
        ..wire::MsgMigrate::default()
    }
}

/// The whole on the real state (rule 3).
async fn simulate(
    globals: &Globals,
    session: &Session,
    upgrade: &Upgrade,
    planned: &Planned,
    sender: &str,
) -> Outcome<Simulated> {
    let mut messages = Vec::new();
    let code_id = match (planned.code_id, &planned.built) {
        (Some(code_id), _) => code_id,
        (None, built) => {
            let wasm = built.as_ref().map(|built| built.wasm.clone()).unwrap_or_default();
            messages.push(any(&wire::MsgStoreCode { sender: sender.into(), wasm }));
            let sql = "SELECT coalesce(max(id), 0) + 1 FROM chain.codes";
            let answer = session.client.query("", sql, Vec::new()).await?;
            let row = answer.rows.into_iter().next().map(row_from_wire).unwrap_or_default();
            match row.first() {
                Some(Value::Integer(next)) => next.unsigned_abs(),
                _ => return Err(Failure::other("the chain tells no next code id")),
            }
        }
    };
    messages.push(any(&migration(upgrade, planned, sender, code_id)));
    let tx = UnsignedTx::new(messages);
    let account = globals.account(session).await?;
    let public_key = account.key.public_key();
    Ok(session.client.simulate(&tx, &public_key, &account.signer).await?)
}

/// The gas of a step, as the migration tells it (rule 4).
fn gas_of(step: &Step, simulated: &Simulated) -> Option<u64> {
    let told =
        simulated.events.iter().find(|(kind, _)| kind.strip_prefix("wasm.") == Some(MIGRATION));
    let (_, gas) = told?.1.iter().find(|(what, _)| *what == step.what)?;
    gas.parse().ok()
}

/// Shows the plan; without a simulation, without gas.
async fn show(session: &Session, contract: &str, steps: &[Step], simulated: Option<&Simulated>) {
    for step in steps {
        let class = match step.class {
            Class::Safe => "safe    ",
            Class::Rewrites => "rewrites",
            Class::Loses => "LOSES   ",
        };
        let mut facts = Vec::new();
        if step.class != Class::Safe {
            facts.push(format!(
                "{} rows",
                grouped(rows_of(session, contract, &step.table).await.into())
            ));
        }
        let gas = simulated.and_then(|simulated| gas_of(step, simulated));
        facts.extend(gas.map(|gas| format!("{} gas", grouped(gas.into()))));
        let facts =
            if facts.is_empty() { String::new() } else { format!(" ({})", facts.join(", ")) };
        eprintln!("{class}  {}{facts}", plain(&step.what));
    }
    if steps.is_empty() {
        eprintln!("the tables stay as they are");
    }
}

async fn rows_of(session: &Session, contract: &str, table: &str) -> u64 {
    let sql = format!("SELECT count(*) FROM \"{table}\"");
    let Ok(answer) = session.client.query(contract, &sql, Vec::new()).await else { return 0 };
    let row = answer.rows.into_iter().next().map(row_from_wire).unwrap_or_default();
    match row.first() {
        Some(Value::Integer(count)) => count.unsigned_abs(),
        _ => 0,
    }
}

pub(super) async fn run(globals: &Globals, upgrade: &Upgrade) -> Outcome {
    let session = globals.session().await?;
    let planned = planned(&session, upgrade).await?;
    let loses = planned.steps.iter().any(|step| step.class == Class::Loses);
    if loses && !upgrade.accept_losses {
        show(&session, &upgrade.name, &planned.steps, None).await;
        return Err(Failure::usage(
            "this upgrade loses data: pass --accept-losses if that is meant; nothing was sent",
        ));
    }
    let (ring, key) = globals.signing_key()?;
    let sender = ring.info(&key)?.address.to_string();
    let simulated = simulate(globals, &session, upgrade, &planned, &sender).await;
    show(&session, &upgrade.name, &planned.steps, simulated.as_ref().ok()).await;
    let simulated = simulated?;
    let gas = simulated.gas_used;
    let what =
        if planned.code_id.is_some() { "migrating" } else { "storing the code and migrating" };
    eprintln!("simulated on the real state: {what} takes {} gas", grouped(gas.into()));
    let steps: Vec<_> = planned
        .steps
        .iter()
        .map(|step| {
            let class = format!("{:?}", step.class).to_lowercase();
            json!({ "class": class, "what": step.what, "gas": gas_of(step, &simulated) })
        })
        .collect();
    if upgrade.dry_run {
        globals.print(&json!({ "steps": steps, "gas": gas }), || "nothing was sent".into());
        return Ok(());
    }
    let code_id = match (planned.code_id, &planned.built) {
        (Some(code_id), _) => code_id,
        (None, Some(built)) => match send::store(globals, &session, built).await? {
            Some(code_id) => code_id,
            None => return Ok(()),
        },
        (None, None) => return Err(Failure::other("nothing was built")),
    };
    let message = migration(upgrade, &planned, &sender, code_id);
    let tx = UnsignedTx::new(vec![any(&message)]);
    let question = format!("Move \"{}\" to code {code_id}?", upgrade.name);
    let Some(included) = globals.submit(&session, &tx, Some(&question)).await? else {
        return Ok(());
    };
    let facts = json!({ "code_id": code_id, "steps": steps });
    globals.print_included(&included, facts, &format!("\"{}\" runs code {code_id}", upgrade.name));
    Ok(())
}

/// When the newest source file was changed.
fn newest(folder: &Path) -> Option<SystemTime> {
    let mut newest = None;
    for entry in std::fs::read_dir(folder).ok()?.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        let changed = if path.is_dir() {
            if name == "target" || name.to_string_lossy().starts_with('.') {
                continue;
            }
            self::newest(&path)
        } else {
            entry.metadata().ok().and_then(|metadata| metadata.modified().ok())
        };
        newest = newest.max(changed);
    }
    newest
}

/// Builds and upgrades whenever a file is saved; a failure is told, and the next save tried.
pub(super) async fn watch(globals: &Globals, name: &str, path: &Path) -> Outcome {
    let mut seen = newest(path);
    eprintln!("watching {}; Ctrl-C ends", path.display());
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = newest(path);
        if now == seen {
            continue;
        }
        seen = now;
        let upgrade = Upgrade {
            name: name.into(),
            arguments: Vec::new(),
            path: path.into(),
            code_id: None,
            accept_losses: false,
            dry_run: false,
        };
        if let Err(failure) = run(globals, &upgrade).await {
            eprintln!("{failure}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::to_wire;

    #[test]
    fn accept_losses_stands_before_the_arguments() {
        let row = |fields: &str| Row {
            kind: Kind::Migrate,
            name: "migrate".into(),
            fields: fields.into(),
            doc: String::new(),
            more: vec![String::new()],
        };
        let texts = ["7".to_owned()];
        let of = |row: Option<&Row>, accepts| arguments(row, &texts, accepts);
        let (seven, text) = (to_wire(&Value::Integer(7)), to_wire(&Value::Text("7".into())));
        let declared = row("accept_losses INTEGER NULL, name TEXT");
        for (accepts, number) in [(false, 0), (true, 1)] {
            assert_eq!(
                of(Some(&declared), accepts),
                [to_wire(&Value::Integer(number)), text.clone()]
            );
        }
        assert_eq!(of(Some(&row("name TEXT")), true), [text]);
        assert_eq!(of(None, true), [seven]);
    }
}
