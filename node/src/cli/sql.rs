//! `dadbs sql`: databases, statements, queries.
//!
//! 1. `exec` sends statements in one transaction, all or nothing; a script that does not fit one transaction is
//!    refused, not split.
//! 2. `query` runs one SELECT on the last committed height and pays nothing.

use super::context::Globals;
use super::exit::{Exit, Failure, Outcome};
use super::output::{self, from_wire, grouped, json_value, literal, row_to_wire, shown, to_wire};
use super::shell;
use dadbs_client::proto::dadbs::contract::v1::{MsgInstantiate, MsgInstantiateResponse};
use dadbs_client::proto::dadbs::sql::v1::{
    ExplainRequest, MsgExec, MsgExecResponse, Object, QueryResponse, Statement, Value as WireValue,
};
use dadbs_client::tx::{UnsignedTx, any};
use dadbs_client::{ClientError, Included};
use dadbs_types::Value;
use dadbs_types::limits::SQL_STATEMENTS_MAX;
use serde_json::{Value as Json, json};
use std::io::Read;
use std::path::PathBuf;

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Sql {
    /// Make an empty database that the key owns
    Create {
        /// Its name: a lower-case letter, then letters, digits and underscores
        database: String,
        /// Storage rent to prepay, in udadb; `dadbs query storage price` shows whether there is any
        #[arg(long, value_name = "UDADB")]
        prepay: Option<String>,
    },
    /// Run statements in one transaction, all or nothing
    Exec {
        /// Name of the database
        database: String,
        /// Statements, separated by semicolons; - reads stdin
        #[arg(required_unless_present = "file", conflicts_with = "file")]
        sql: Option<String>,
        /// A file of statements
        #[arg(long, short)]
        file: Option<PathBuf>,
        /// A parameter of the one statement: NULL, a number, x'hex', 'text' or text; in order
        #[arg(long = "param", short, value_name = "VALUE", allow_hyphen_values = true)]
        params: Vec<String>,
    },
    /// Run one SELECT on the last committed height
    Query {
        /// Name of the database
        database: String,
        /// The SELECT; - reads stdin
        sql: String,
        /// A parameter; in order
        #[arg(long = "param", short, value_name = "VALUE", allow_hyphen_values = true)]
        params: Vec<String>,
    },
    /// Show what a statement would cost, part by part
    Explain {
        /// Name of the database
        database: String,
        /// The statement
        sql: String,
        /// A parameter; in order
        #[arg(long = "param", short, value_name = "VALUE", allow_hyphen_values = true)]
        params: Vec<String>,
    },
    /// List tables and views
    Tables {
        /// Name of the database
        database: String,
        /// Also those of the contract itself
        #[arg(long)]
        all: bool,
    },
    /// Print the statements that make the schema
    Schema {
        /// Name of the database
        database: String,
        /// Of this table, index or view only
        name: Option<String>,
        /// Also those of the contract itself
        #[arg(long)]
        all: bool,
    },
    /// Open an interactive shell
    Shell {
        /// Name of the database
        database: String,
    },
}

pub(crate) async fn run(globals: &Globals, command: &Sql) -> Outcome {
    match command {
        Sql::Create { database, prepay } => create(globals, database, prepay.as_deref()).await,
        Sql::Exec { database, sql, file, params } => {
            let script = match (sql, file) {
                (Some(sql), _) => script_of(sql)?,
                (None, Some(file)) => std::fs::read_to_string(file)
                    .map_err(|e| Failure::usage(format!("{}: {e}", file.display())))?,
                (None, None) => return Err(Failure::usage("give statements or --file")),
            };
            exec(globals, database, &script, params).await
        }
        Sql::Query { database, sql, params } => {
            query(globals, database, &script_of(sql)?, params).await
        }
        Sql::Explain { database, sql, params } => explain(globals, database, sql, params).await,
        Sql::Tables { database, all } => tables(globals, database, *all).await,
        Sql::Schema { database, name, all } => {
            schema(globals, database, name.as_deref(), *all).await
        }
        Sql::Shell { database } => shell::run(globals, database).await,
    }
}

fn script_of(argument: &str) -> Outcome<String> {
    if argument != "-" {
        return Ok(argument.to_owned());
    }
    let mut text = String::new();
    let read = std::io::stdin().read_to_string(&mut text);
    read.map_err(|e| Failure::usage(format!("stdin: {e}")))?;
    Ok(text)
}

fn parameters(params: &[String]) -> Vec<Value> {
    params.iter().map(|param| literal(param)).collect()
}

/// The message that makes a database of the stock contract, which its sender owns.
pub(crate) fn instantiate(
    sender: &str,
    code_id: u64,
    name: &str,
    admin: &str,
    arguments: Vec<WireValue>,
) -> MsgInstantiate {
    let (sender, name, admin) = (sender.to_owned(), name.to_owned(), admin.to_owned());
    MsgInstantiate { sender, code_id, name, admin, arguments }
}

async fn create(globals: &Globals, database: &str, prepay: Option<&str>) -> Outcome {
    let session = globals.session().await?;
    let (ring, name) = globals.signing_key()?;
    let sender = ring.info(&name)?.address.to_string();
    // Owner NULL: the caller.
    let message = instantiate(&sender, 1, database, "", vec![to_wire(&Value::Null)]);
    let prepaid = super::storage::prepaid(&sender, database, prepay)?;
    let tx = UnsignedTx::new(std::iter::once(any(&message)).chain(prepaid).collect());
    if let Some(included) = globals.submit(&session, &tx, None).await? {
        let response: MsgInstantiateResponse = included.message_response(0)?;
        let facts = json!({
            "database": database,
            "contract_id": response.contract_id,
            "contract_address": response.contract_address,
        });
        globals.print_included(&included, facts, &format!("database \"{database}\" made"));
    }
    Ok(())
}

/// The statements of a script with the parameters of the command line.
pub(crate) fn statements(script: &str, params: &[Value]) -> Outcome<Vec<Statement>> {
    let pieces = dadbs_sql::split(script).map_err(|e| Failure::usage(e.message))?;
    if pieces.is_empty() {
        return Err(Failure::usage("no statement: write one, such as INSERT INTO t VALUES (1)"));
    }
    if pieces.len() > SQL_STATEMENTS_MAX {
        return Err(Failure::usage(format!(
            "{} statements, a transaction holds {SQL_STATEMENTS_MAX}: split the script",
            pieces.len()
        )));
    }
    if !params.is_empty() && pieces.len() > 1 {
        return Err(Failure::usage("--param goes with one statement"));
    }
    let rows = if params.is_empty() { Vec::new() } else { vec![row_to_wire(params)] };
    let statement = |sql: &&str| Statement { sql: (*sql).to_owned(), rows: rows.clone() };
    Ok(pieces.iter().map(statement).collect())
}

/// Sends statements; `None` if it was not waited for.
pub(crate) async fn send(
    globals: &Globals,
    database: &str,
    statements: Vec<Statement>,
) -> Outcome<Option<(Included, Vec<u64>)>> {
    let session = globals.session().await?;
    let (ring, name) = globals.signing_key()?;
    let sender = ring.info(&name)?.address.to_string();
    let message = MsgExec { sender, database: database.into(), statements };
    let tx = UnsignedTx::new(vec![any(&message)]);
    let Some(included) = globals.submit(&session, &tx, None).await? else { return Ok(None) };
    let response: MsgExecResponse = included.message_response(0)?;
    let changes = response.results.iter().map(|result| result.changes).collect();
    Ok(Some((included, changes)))
}

async fn exec(globals: &Globals, database: &str, script: &str, params: &[String]) -> Outcome {
    let statements = statements(script, &parameters(params))?;
    let count = statements.len();
    if let Some((included, changes)) = send(globals, database, statements).await? {
        let total: u64 = changes.iter().sum();
        let people = format!("{count} statements, {} rows changed", grouped(total.into()));
        globals.print_included(&included, json!({ "changes": changes }), &people);
    }
    Ok(())
}

/// False for the stock contract's own tables.
pub(crate) fn is_users(object: &Object) -> bool {
    !object.name.starts_with("_dadbs_")
}

/// Makes a missing database the answer that it is.
pub(crate) fn explained(error: ClientError, database: &str) -> Failure {
    match error {
        ClientError::NotFound(why) => Failure::new(
            Exit::NotFound,
            format!(
                "{why}; `dadbs contract list` shows the databases, `dadbs sql create {database}` makes one"
            ),
        ),
        error => error.into(),
    }
}

async fn query(globals: &Globals, database: &str, sql: &str, params: &[String]) -> Outcome {
    let session = globals.session().await?;
    let params = parameters(params).iter().map(to_wire).collect();
    let answer = session.client.query(database, sql.trim(), params).await;
    let answer = answer.map_err(|e| explained(e, database))?;
    globals.print(&answer_json(&answer), || answer_text(&answer));
    Ok(())
}

fn answer_json(answer: &QueryResponse) -> Json {
    let rows: Vec<Vec<Json>> = answer
        .rows
        .iter()
        .map(|row| row.values.iter().map(|value| json_value(&from_wire(value.clone()))).collect())
        .collect();
    json!({ "height": answer.height, "columns": answer.columns, "rows": rows })
}

/// The rows of an answer as a table for people.
pub(crate) fn answer_text(answer: &QueryResponse) -> String {
    let mut table = output::table(answer.columns.iter().cloned());
    for row in &answer.rows {
        table.add_row(row.values.iter().map(|value| shown(&from_wire(value.clone()))));
    }
    let rows = answer.rows.len();
    format!("{table}\n{rows} row{} at height {}", if rows == 1 { "" } else { "s" }, answer.height)
}

async fn explain(globals: &Globals, database: &str, sql: &str, params: &[String]) -> Outcome {
    let session = globals.session().await?;
    let sender = globals.signing_key().and_then(|(ring, name)| Ok(ring.info(&name)?.address));
    let statement = statements(sql, &parameters(params))?.into_iter().next();
    let request = ExplainRequest {
        sender: sender.map(|address| address.to_string()).unwrap_or_default(),
        database: database.into(),
        statement,
    };
    let answer = session.client.explain(request).await.map_err(|e| explained(e, database))?;
    let parts: Vec<Json> = answer
        .parts
        .iter()
        .map(|p| json!({ "name": p.name, "count": p.count, "price": p.price, "gas": p.gas }))
        .collect();
    let fee = session.price.fee(answer.gas);
    let json = json!({
        "gas": answer.gas, "changes": answer.changes, "fee": fee.to_string(), "parts": parts,
    });
    globals.print(&json, || {
        let mut table = output::table(["part", "count", "price", "gas"]);
        for part in &answer.parts {
            let number = |number: u64| grouped(number.into());
            table.add_row([
                part.name.clone(),
                number(part.count),
                number(part.price),
                number(part.gas),
            ]);
        }
        let (gas, fee) = (grouped(answer.gas.into()), grouped(fee));
        format!("{table}\n{gas} gas, about {fee} udadb; {} rows would change", answer.changes)
    });
    Ok(())
}

async fn tables(globals: &Globals, database: &str, all: bool) -> Outcome {
    let session = globals.session().await?;
    let answer = session.client.schema(database).await.map_err(|e| explained(e, database))?;
    let shown = |object: &&Object| object.kind != "index" && (all || is_users(object));
    let objects: Vec<_> = answer.objects.iter().filter(shown).collect();
    let json: Vec<Json> = objects
        .iter()
        .map(|o| json!({ "kind": o.kind, "name": o.name, "key": o.key, "columns": o.columns }))
        .collect();
    globals.print(&json!(json), || {
        let mut table = output::table(["kind", "name", "key", "columns"]);
        for object in &objects {
            let key = match (object.kind.as_str(), object.key.as_slice()) {
                ("table", []) => "rowid".into(),
                (_, key) => key.join(", "),
            };
            let columns = object.columns.join(", ");
            table.add_row([object.kind.clone(), object.name.clone(), key, columns]);
        }
        table.to_string()
    });
    Ok(())
}

async fn schema(globals: &Globals, database: &str, name: Option<&str>, all: bool) -> Outcome {
    let session = globals.session().await?;
    let answer = session.client.schema(database).await.map_err(|e| explained(e, database))?;
    let wanted = |object: &Object| match name {
        Some(name) => object.name.eq_ignore_ascii_case(name),
        None => all || is_users(object),
    };
    let found: Vec<_> =
        answer.objects.iter().filter(|object| !object.sql.is_empty() && wanted(object)).collect();
    if let (Some(name), true) = (name, found.is_empty()) {
        let why = format!(
            "no object \"{name}\" in \"{database}\": `dadbs sql tables {database}` lists them"
        );
        return Err(Failure::new(Exit::NotFound, why));
    }
    let json: Vec<Json> =
        found.iter().map(|o| json!({ "kind": o.kind, "name": o.name, "sql": o.sql })).collect();
    globals.print(&json!(json), || {
        found.iter().map(|object| format!("{};", object.sql)).collect::<Vec<_>>().join("\n")
    });
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_a_script_is_split() {
        let found = statements("INSERT INTO t VALUES (';'); -- no\nDELETE FROM t;", &[]).unwrap();
        let texts: Vec<_> = found.iter().map(|statement| statement.sql.as_str()).collect();
        assert_eq!(texts, ["INSERT INTO t VALUES (';')", "DELETE FROM t"]);
        assert!(statements(" ; ", &[]).is_err());
        assert!(statements("SELECT 1; SELECT 2", &[Value::Null]).is_err());
        assert!(statements(&"SELECT 1;".repeat(1_001), &[]).is_err());
        let one = statements("INSERT INTO t VALUES (?)", &[Value::Integer(1)]).unwrap();
        assert_eq!(one[0].rows.len(), 1);
    }
}
