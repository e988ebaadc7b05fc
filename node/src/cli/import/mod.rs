//! `dadbs import`: a SQLite file becomes a database on the chain, cell by cell.
//!
//! 1. Before anything is sent every schema object is reported as kept, translated, left out or refused, and
//!    the cost is quoted. Refusals must be accepted, by name or all; else the exit code is 8.
//! 2. An import that was interrupted goes on where it stopped when it is run again, and one that is complete
//!    is only checked.
//! 3. At the end, and with `--check` alone, every cell is compared with the source ([`check`]).

pub(crate) mod batch;
pub(crate) mod check;
pub(crate) mod ddl;
pub(crate) mod plan;
pub(crate) mod rehearse;
pub(crate) mod send;
pub(crate) mod source;
pub(crate) mod stream;
#[cfg(test)]
mod tests;

use super::context::{Globals, Session};
use super::exit::{Exit, Failure, Outcome};
use super::output::{self, grouped};
use batch::Quote;
use check::Checked;
use dadbs_sql::Namespace;
use plan::{Line, NAMESPACE_FOR_CHECKS, Plan, Verdict};
use send::{Sender, Sent, Standing};
use serde_json::{Value as Json, json};
use source::Source;
use std::path::PathBuf;
use stream::Stream;

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// The SQLite file; it is opened read-only
    pub(crate) file: PathBuf,
    /// Name of the database; it is made if it does not exist
    #[arg(long, short, value_name = "NAME")]
    pub(crate) database: String,
    /// Report and quote only; send nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Accept every object that is refused
    #[arg(long)]
    pub(crate) accept_losses: bool,
    /// Accept this refused object; may be given several times
    #[arg(long, value_name = "OBJECT")]
    pub(crate) accept: Vec<String>,
    /// Compare only: every cell of the database with the file
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) check: bool,
    /// Bytes of one transaction, at most
    #[arg(long, default_value_t = batch::BATCH_BYTES, value_name = "BYTES")]
    pub(crate) batch_bytes: usize,
    /// Transactions in flight
    #[arg(long, default_value_t = 4, value_name = "N")]
    pub(crate) in_flight: usize,
}

/// The fee is paid for gas limits, which lie above the gas that is used.
const QUOTE_MARGIN: f64 = 1.3;

/// Where the bytes of a batch must lie: a transaction has room for little more than the upper bound.
const BATCH_BYTES_BOUNDS: std::ops::RangeInclusive<usize> = 10_000..=900_000;

pub(crate) async fn run(globals: &Globals, args: &Import) -> Outcome {
    if !BATCH_BYTES_BOUNDS.contains(&args.batch_bytes) || args.in_flight == 0 {
        return Err(Failure::usage(
            "--batch-bytes must lie between 10000 and 900000, --in-flight must be at least 1",
        ));
    }
    if globals.sign_only {
        return Err(Failure::usage("--sign-only is for one transaction, an import has many"));
    }
    let source = Source::open(&args.file)?;
    source.check()?;
    let mut plan = plan::draft(&source, &Namespace::database(NAMESPACE_FOR_CHECKS))?;
    rehearse::rehearse(&source, &mut plan)?;
    if args.check {
        let session = globals.session().await?;
        return compare(globals, &session, args, &source, &plan, None).await;
    }
    let refused = plan.unaccepted(args.accept_losses, &args.accept);
    if !globals.is_json() {
        print_report(&plan);
    }
    if !refused.is_empty() {
        if globals.is_json() {
            globals.print(&json!({ "objects": report_json(&plan), "sent": false }), String::new);
        }
        return Err(refusal(&refused));
    }
    let session = globals.session().await?;
    let standing = send::standing(&session, &args.database, &plan).await?;
    let position = match standing {
        Standing::Absent | Standing::Empty => 0,
        Standing::Begun(done) => {
            eprintln!("going on after {} items of an interrupted import", grouped(done.into()));
            done
        }
        Standing::Other => return Err(other_import(&args.database)),
        Standing::Filled if args.dry_run => {
            return Err(Failure::other(format!(
                "database \"{}\" has tables already: choose another name, or compare with --check",
                args.database
            )));
        }
        Standing::Filled => {
            eprintln!(
                "database \"{}\" has tables and no import is under way: comparing",
                args.database
            );
            return compare(globals, &session, args, &source, &plan, None).await;
        }
    };
    let create = standing == Standing::Absent;
    import(globals, session, args, &source, &plan, (position, create)).await
}

/// Quotes, asks, sends and checks.
async fn import(
    globals: &Globals,
    session: Session,
    args: &Import,
    source: &Source,
    plan: &Plan,
    (position, create): (u64, bool),
) -> Outcome {
    let account = globals.account(&session).await?;
    let balance = session.client.balance(account.signer.address).await?;
    let objects = (plan.tables.len() + plan.objects.len()) as u64 + 100;
    let mut sender = Sender {
        globals,
        session: &session,
        account,
        source,
        plan,
        database: &args.database,
        bytes_max: args.batch_bytes,
        in_flight: args.in_flight,
        objects,
        factor: 1.0,
    };
    sender.calibrate(position, create).await?;
    let mut stream = Stream::at(&source.connection, plan, position);
    let quote = batch::quote(&mut stream, args.batch_bytes, objects)?;
    let gas = batch::scaled(quote.gas, sender.factor);
    let fee = session.price.fee(batch::scaled(gas, QUOTE_MARGIN));
    let quoted = quote_json(&quote, gas, fee);
    if !globals.is_json() {
        println!("{}", quote_text(&quote, gas, fee));
    }
    if fee > balance {
        return Err(Failure::other(format!(
            "the account {} has {} udadb, the import costs about {}: send coins to it; on a dev chain `dadbs faucet` does",
            sender.account.signer.address,
            grouped(balance),
            grouped(fee)
        )));
    }
    if args.dry_run {
        let json = json!({ "objects": report_json(plan), "quote": quoted, "sent": false });
        globals.print(&json, || "dry run: nothing was sent".into());
        return Ok(());
    }
    globals.confirm(&format!("Import into database \"{}\"?", args.database))?;
    let sent = sender.send_all(position, create).await?;
    compare(globals, &session, args, source, plan, Some(sent)).await
}

fn other_import(database: &str) -> Failure {
    Failure::other(format!(
        "database \"{database}\" holds an unfinished import of another file, of other contents of this file, or with other accepted losses: finish that one, or import into another name"
    ))
}

fn refusal(refused: &[&Line]) -> Failure {
    let names: Vec<String> =
        refused.iter().take(5).map(|line| format!("\"{}\"", line.name)).collect();
    let more = if refused.len() > 5 { ", ..." } else { "" };
    Failure::new(
        Exit::Import,
        format!(
            "{} objects cannot be imported ({}{more}); nothing was sent. Accept each with --accept NAME, or all with --accept-losses",
            refused.len(),
            names.join(", ")
        ),
    )
}

fn verdict(line: &Line) -> (&'static str, &str) {
    match &line.verdict {
        Verdict::Kept => ("kept", ""),
        Verdict::Translated(what) => ("translated", what),
        Verdict::LeftOut(why) => ("left out", why),
        Verdict::Refused(why) => ("refused", why),
    }
}

fn report_json(plan: &Plan) -> Json {
    let line = |line: &Line| {
        let (verdict, reason) = verdict(line);
        json!({ "kind": line.kind, "name": line.name, "verdict": verdict, "reason": reason })
    };
    plan.report.iter().map(line).collect()
}

fn print_report(plan: &Plan) {
    let mut table = output::table(["object", "name", "verdict", "why"]);
    for line in &plan.report {
        let (verdict, reason) = verdict(line);
        table.add_row([line.kind.as_str(), &line.name, verdict, reason]);
    }
    println!("{table}");
}

fn quote_json(quote: &Quote, gas: u64, fee: u128) -> Json {
    json!({
        "transactions": quote.transactions,
        "bytes": quote.bytes,
        "rows": quote.rows,
        "gas": gas,
        "fee": fee.to_string(),
        "seconds": seconds(quote, gas),
    })
}

/// A guess of the time: one gas is about a nanosecond at worst, and a transaction waits for its block.
fn seconds(quote: &Quote, gas: u64) -> u64 {
    (gas / 1_000_000_000 + quote.transactions / 10).max(1)
}

fn quote_text(quote: &Quote, gas: u64, fee: u128) -> String {
    format!(
        "cost: {} transactions, {}, {} rows, about {} gas, a fee of about {} udadb, about {} s",
        grouped(quote.transactions.into()),
        output::bytes(quote.bytes),
        grouped(quote.rows.into()),
        grouped(gas.into()),
        grouped(fee),
        seconds(quote, gas)
    )
}

/// Checks and reports (rule 3).
async fn compare(
    globals: &Globals,
    session: &Session,
    args: &Import,
    source: &Source,
    plan: &Plan,
    sent: Option<Sent>,
) -> Outcome {
    let checked = check::check(&session.client, &args.database, source, plan).await?;
    let tables: Vec<Json> = checked.tables.iter().map(table_json).collect();
    let json = json!({
        "objects": report_json(plan),
        "equal": checked.is_equal(),
        "object_differences": checked.objects,
        "tables": tables,
        "height": checked.heights.1,
        "sent": sent.map(sent_json),
    });
    globals.print(&json, || checked_text(&checked, sent));
    if checked.is_equal() {
        return Ok(());
    }
    Err(Failure::other(format!(
        "database \"{}\" differs from {}",
        args.database,
        args.file.display()
    )))
}

fn table_json(table: &check::TableResult) -> Json {
    json!({
        "table": table.name,
        "rows": table.rows,
        "cells": table.cells,
        "differences": table.differences,
        "first_differences": table.listed,
    })
}

fn sent_json(sent: Sent) -> Json {
    json!({
        "transactions": sent.transactions,
        "rows": sent.rows,
        "gas_used": sent.gas_used,
        "fee": sent.fee.to_string(),
        "seconds": sent.seconds,
    })
}

fn checked_text(checked: &Checked, sent: Option<Sent>) -> String {
    let mut table = output::table(["table", "rows", "cells", "result"]);
    for result in &checked.tables {
        let (rows, cells) = (grouped(result.rows.into()), grouped(result.cells.into()));
        let verdict = match result.differences {
            0 => "equal".to_owned(),
            count => format!("{count} differences\n{}", result.listed.join("\n")),
        };
        table.add_row([result.name.clone(), rows, cells, verdict]);
    }
    let mut lines = vec![table.to_string()];
    lines.extend(checked.objects.iter().cloned());
    if let Some(sent) = sent {
        lines.push(format!(
            "sent {} transactions with {} rows in {:.1} s: {} gas, {} udadb",
            sent.transactions,
            grouped(sent.rows.into()),
            sent.seconds,
            grouped(sent.gas_used.into()),
            grouped(sent.fee)
        ));
    }
    if checked.is_equal() {
        let cells: u64 = checked.tables.iter().map(|table| table.cells).sum();
        let height = checked.heights.1;
        lines.push(format!(
            "every one of {} cells is equal at height {height}",
            grouped(cells.into())
        ));
    }
    lines.join("\n")
}
