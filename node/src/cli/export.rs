//! `dadbs export`: a database of the chain as a plain SQLite file that opens anywhere.
//!
//! 1. Tables come in the order of their creation, then rows with their rowids, then indexes, then views.
//! 2. The file is written beside its name, checked by SQLite, and named at the end; an existing file is
//!    never overwritten.
//!    SQLite reads all of it; to write to a table whose definition calls the chain's own functions
//!    (`decimal_valid`), it has to be given them.
//! 3. The stock contract's own tables (`_dadbs_*`) are left out.

use super::context::Globals;
use super::exit::{Exit, Failure, Outcome};
use super::functions;
use super::import::check::RemoteRows;
use super::import::source::{TableInfo, parameter};
use super::output::grouped;
use dadbs_client::Client;
use dadbs_client::proto::dadbs::sql::v1::Object;
use rusqlite::{Connection, params_from_iter};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(crate) struct Export {
    /// Name of the database
    pub(crate) database: String,
    /// The file to write; it must not exist
    pub(crate) file: PathBuf,
}

pub(crate) async fn run(globals: &Globals, args: &Export) -> Outcome {
    let path = &args.file;
    if path.exists() {
        return Err(Failure::usage(format!("{} exists: choose another name", path.display())));
    }
    let session = globals.session().await?;
    if session.client.contract(&args.database).await?.is_none() {
        let why = format!("no database \"{}\": `dadbs contract list` shows them", args.database);
        return Err(Failure::new(Exit::NotFound, why));
    }
    let partial = path.with_extension("partial");
    let io = |e: std::io::Error| Failure::other(format!("{}: {e}", partial.display()));
    if partial.exists() {
        std::fs::remove_file(&partial).map_err(io)?;
    }
    let written = write(&session.client, &args.database, &partial).await;
    let (rows, objects, heights) = match written {
        Ok(written) => written,
        Err(failure) => {
            let _ = std::fs::remove_file(&partial);
            return Err(failure);
        }
    };
    // A hard link fails if the name was taken meanwhile (rule 2).
    std::fs::hard_link(&partial, path)
        .map_err(|e| Failure::other(format!("{}: {e}", path.display())))?;
    std::fs::remove_file(&partial).map_err(io)?;
    if heights.0 != heights.1 {
        eprintln!(
            "warning: blocks {} to {} were committed while reading: rows that changed meanwhile may be of different heights",
            heights.0, heights.1
        );
    }
    let file = path.display().to_string();
    let json = json!({ "file": file, "rows": rows, "objects": objects, "height": heights.1 });
    globals.print(&json, || {
        format!(
            "wrote {file}: {objects} objects, {} rows, height {}",
            grouped(rows.into()),
            heights.1
        )
    });
    Ok(())
}

/// Writes everything; answers rows, objects, and the first and last height.
async fn write(client: &Client, database: &str, path: &Path) -> Outcome<(u64, usize, (u64, u64))> {
    let connection = Connection::open(path)?;
    functions::add(&connection)?;
    connection.execute_batch("PRAGMA foreign_keys = 0; PRAGMA synchronous = OFF; BEGIN")?;
    let answer = client.schema(database).await?;
    let is_own = |object: &&Object| !object.sql.is_empty() && !object.name.starts_with("_dadbs_");
    let objects: Vec<&Object> = answer.objects.iter().filter(is_own).collect();
    let of_kind = |kind: &'static str| objects.iter().filter(move |object| object.kind == kind);
    for table in of_kind("table") {
        connection.execute_batch(&table.sql)?;
    }
    let (mut count, mut heights) = (0, (answer.height, answer.height));
    for table in of_kind("table") {
        let info = TableInfo::read(&connection, &table.name)?;
        let mut statement = connection.prepare(&info.insert())?;
        let mut rows = RemoteRows::new(client, database, &info, 200);
        while let Some(row) = rows.next_row().await? {
            statement.execute(params_from_iter(row.iter().map(parameter)))?;
            count += 1;
        }
        heights.1 = rows.heights.map_or(heights.1, |(_, last)| last);
    }
    for object in of_kind("index").chain(of_kind("view")) {
        connection.execute_batch(&object.sql)?;
    }
    connection.execute_batch("COMMIT")?;
    let result: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if result != "ok" {
        return Err(Failure::other(format!(
            "the written file fails its integrity check: {result}"
        )));
    }
    Ok((count, objects.len(), heights))
}
