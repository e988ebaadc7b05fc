//! `dadbs sql shell`: an interactive shell.
//!
//! 1. A statement ends with a semicolon at the end of a line; SELECT, VALUES and WITH are read on the last
//!    committed height, anything else is sent as a transaction.
//! 2. Lines that begin with a dot are commands: `.tables`, `.schema [NAME]`, `.help`, `.quit`.

use super::context::Globals;
use super::exit::{Exit, Failure, Outcome};
use super::output::grouped;
use super::sql;
use dadbs_client::Client;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;
use std::io::{BufRead, IsTerminal};

const HELP: &str = ".tables          list tables and views\n.schema [NAME]   print the statements that make them\n\
                    .quit            leave\nEnd a statement with ; to run it. SELECT reads, everything else is a transaction.";

pub(crate) async fn run(globals: &Globals, database: &str) -> Outcome {
    let session = globals.session().await?;
    if session.client.contract(database).await?.is_none() {
        let why = format!("no database \"{database}\"; `dadbs sql create {database}` makes it");
        return Err(Failure::new(Exit::NotFound, why));
    }
    if !std::io::stdin().is_terminal() {
        return piped(globals, &session.client, database).await;
    }
    println!("{} at height {}; .help for help", session.status.chain_id, session.status.height);
    let terminal = |e: ReadlineError| Failure::other(format!("the terminal failed: {e}"));
    let mut editor = DefaultEditor::new().map_err(terminal)?;
    let mut buffer = String::new();
    loop {
        let prompt = if buffer.is_empty() { format!("{database}> ") } else { "   ...> ".into() };
        match editor.readline(&prompt) {
            Ok(line) => {
                let _ = editor.add_history_entry(line.as_str());
                match take(globals, &session.client, database, &mut buffer, &line).await {
                    Ok(true) => {}
                    Ok(false) => return Ok(()),
                    Err(failure) => eprintln!("error: {failure}"),
                }
            }
            Err(ReadlineError::Interrupted) => buffer.clear(),
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(terminal(error)),
        }
    }
}

/// Without a terminal the first failure ends the shell.
async fn piped(globals: &Globals, client: &Client, database: &str) -> Outcome {
    let mut buffer = String::new();
    let lines: Result<Vec<String>, _> = std::io::stdin().lock().lines().collect();
    for line in lines.map_err(|e| Failure::other(format!("stdin: {e}")))? {
        if !take(globals, client, database, &mut buffer, &line).await? {
            return Ok(());
        }
    }
    if buffer.trim().is_empty() {
        return Ok(());
    }
    Err(Failure::usage("the last statement does not end with a semicolon"))
}

/// Takes one line; false if it is the last.
async fn take(
    globals: &Globals,
    client: &Client,
    database: &str,
    buffer: &mut String,
    line: &str,
) -> Outcome<bool> {
    if buffer.is_empty() && line.trim_start().starts_with('.') {
        return dot(globals, client, database, line.trim()).await;
    }
    buffer.push_str(line);
    buffer.push('\n');
    if !line.trim_end().ends_with(';') {
        return Ok(true);
    }
    let script = std::mem::take(buffer);
    for piece in dadbs_sql::split(&script).map_err(|e| Failure::usage(e.message))? {
        statement(globals, client, database, piece).await?;
    }
    Ok(true)
}

async fn statement(globals: &Globals, client: &Client, database: &str, text: &str) -> Outcome {
    let first = text.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    if ["select", "values", "with"].iter().any(|word| first.eq_ignore_ascii_case(word)) {
        let answer = client.query(database, text, Vec::new()).await;
        println!("{}", sql::answer_text(&answer.map_err(|e| sql::explained(e, database))?));
        return Ok(());
    }
    let sent = sql::send(globals, database, sql::statements(text, &[])?).await?;
    if let Some((included, changes)) = sent {
        let total: u64 = changes.iter().sum();
        println!("{} rows changed in block {}", grouped(total.into()), included.height);
    }
    Ok(())
}

async fn dot(globals: &Globals, client: &Client, database: &str, line: &str) -> Outcome<bool> {
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some(".quit" | ".exit" | ".q"), _) => return Ok(false),
        (Some(".tables"), _) => {
            let command = sql::Sql::Tables { database: database.into(), all: false };
            Box::pin(sql::run(globals, &command)).await?;
        }
        (Some(".schema"), name) => {
            let objects = client.schema(database).await?.objects;
            for object in objects.iter().filter(|object| {
                let named = |n: &str| object.name.eq_ignore_ascii_case(n);
                !object.sql.is_empty() && name.map_or(sql::is_users(object), named)
            }) {
                println!("{};", object.sql);
            }
        }
        (Some(".help"), _) => println!("{HELP}"),
        _ => return Err(Failure::usage(format!("no command {line}; .help lists them"))),
    }
    Ok(true)
}
