//! The comparison of a database on the chain with its source, cell by cell.
//!
//! 1. Both sides are read in the same order, page by page; every cell is compared by storage class and bits,
//!    generated columns left out (their expressions are compared), hidden rowids included.
//! 2. Every object of the plan exists with exactly the planned text, and there is no other.
//! 3. It reads through the public API only.

use super::plan::Plan;
use super::source::{RowReader, Source, TableInfo};
use crate::cli::exit::Outcome;
use crate::cli::output::{row_from_wire, shown, to_wire};
use dadbs_client::Client;
use dadbs_types::{Value, limits};
use std::collections::BTreeMap;

/// Bytes that one page should have: below what the read API answers.
const PAGE_BYTES: u64 = 1_000_000;
/// Differences that are listed of one table.
const LISTED_MAX: usize = 5;

/// The outcome for one table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TableResult {
    pub(crate) name: String,
    pub(crate) rows: u64,
    pub(crate) cells: u64,
    pub(crate) differences: u64,
    /// The first differences.
    pub(crate) listed: Vec<String>,
}

/// The outcome of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) tables: Vec<TableResult>,
    /// Objects that are missing, changed or not of the source.
    pub(crate) objects: Vec<String>,
    pub(crate) heights: (u64, u64),
}

impl Checked {
    pub(crate) fn is_equal(&self) -> bool {
        self.objects.is_empty() && self.tables.iter().all(|table| table.differences == 0)
    }
}

/// Reads the rows of a table on the chain in order.
pub(crate) struct RemoteRows<'a> {
    client: &'a Client,
    database: &'a str,
    table: &'a TableInfo,
    after: Option<Vec<Value>>,
    page: std::vec::IntoIter<Vec<Value>>,
    page_rows: u64,
    carried: usize,
    done: bool,
    /// The first and the last height that was read.
    pub(crate) heights: Option<(u64, u64)>,
}

impl<'a> RemoteRows<'a> {
    /// A reader; `row_bytes` is the expected size of a row.
    pub(crate) fn new(
        client: &'a Client,
        database: &'a str,
        table: &'a TableInfo,
        row_bytes: u64,
    ) -> RemoteRows<'a> {
        let page_rows = (PAGE_BYTES / row_bytes.max(1)).clamp(1, limits::QUERY_ROWS_MAX as u64);
        RemoteRows {
            client,
            database,
            table,
            after: None,
            page: Vec::new().into_iter(),
            page_rows,
            carried: table.carried().len(),
            done: false,
            heights: None,
        }
    }

    /// The next row of what is carried.
    pub(crate) async fn next_row(&mut self) -> Outcome<Option<Vec<Value>>> {
        loop {
            if let Some(mut row) = self.page.next() {
                self.after = Some(row.split_off(self.carried));
                return Ok(Some(row));
            }
            if self.done {
                return Ok(None);
            }
            let sql = self.table.page(self.after.is_some(), self.page_rows, 0);
            let parameters = self.after.iter().flatten().map(to_wire).collect();
            match self.client.query(self.database, &sql, parameters).await {
                Ok(answer) => {
                    let first = self.heights.map_or(answer.height, |(first, _)| first);
                    self.heights = Some((first, answer.height));
                    self.done = (answer.rows.len() as u64) < self.page_rows;
                    let rows: Vec<_> = answer.rows.into_iter().map(row_from_wire).collect();
                    self.page = rows.into_iter();
                }
                // Rows of uneven size: fewer of them fit into one answer.
                Err(dadbs_client::ClientError::Refused(_)) if self.page_rows > 1 => {
                    self.page_rows = (self.page_rows / 4).max(1);
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Compares everything (rules 1 and 2).
pub(crate) async fn check(
    client: &Client,
    database: &str,
    source: &Source,
    plan: &Plan,
) -> Outcome<Checked> {
    let mut checked =
        Checked { objects: schema(client, database, plan).await?, ..Checked::default() };
    let mut heights: Option<(u64, u64)> = None;
    let mut tables: Vec<_> = plan.tables.iter().collect();
    tables.sort_by(|a, b| a.info.name.cmp(&b.info.name));
    for table in tables {
        if checked.objects.iter().any(|line| line.starts_with(&missing("table", &table.info.name)))
        {
            continue;
        }
        let mut here = RowReader::new(&source.connection, &table.info, 0);
        let mut there =
            RemoteRows::new(client, database, &table.info, table.bytes / table.rows.max(1) + 16);
        let mut result = TableResult { name: table.info.name.clone(), ..TableResult::default() };
        let columns = table.info.carried();
        loop {
            match (here.next_row()?, there.next_row().await?) {
                (None, None) => break,
                (Some(row), None) => {
                    result.differ(|| format!("missing on the chain: {}", line(&row)));
                }
                (None, Some(row)) => result.differ(|| format!("only on the chain: {}", line(&row))),
                (Some(ours), Some(theirs)) => compare(&mut result, &columns, &ours, &theirs),
            }
        }
        if let Some((first, last)) = there.heights {
            heights = Some(heights.map_or((first, last), |(begin, _)| (begin, last)));
        }
        checked.tables.push(result);
    }
    checked.heights = heights.unwrap_or_default();
    Ok(checked)
}

fn line(row: &[Value]) -> String {
    let cells: Vec<_> = row.iter().take(4).map(shown).collect();
    format!("({}{})", cells.join(", "), if row.len() > 4 { ", ..." } else { "" })
}

fn compare(result: &mut TableResult, columns: &[String], ours: &[Value], theirs: &[Value]) {
    result.rows += 1;
    if ours.len() != theirs.len() {
        result.differ(|| format!("{} columns here, {} there", ours.len(), theirs.len()));
    }
    for ((ours_cell, theirs_cell), column) in ours.iter().zip(theirs).zip(columns) {
        result.cells += 1;
        if !ours_cell.same_bits(theirs_cell) {
            result.differ(|| {
                format!(
                    "row {}, {column}: {} here, {} there",
                    line(ours),
                    typed(ours_cell),
                    typed(theirs_cell)
                )
            });
        }
    }
}

/// A value with its storage class.
fn typed(value: &Value) -> String {
    let class = match value {
        Value::Null => return "NULL".into(),
        Value::Integer(_) => "INTEGER",
        Value::Real(_) => "REAL",
        Value::Text(_) => "TEXT",
        Value::Blob(_) => "BLOB",
    };
    format!("{class} {}", shown(value))
}

impl TableResult {
    fn differ(&mut self, what: impl FnOnce() -> String) {
        self.differences += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(what());
        }
    }
}

fn missing(kind: &str, name: &str) -> String {
    format!("{kind} \"{name}\" is missing on the chain")
}

/// Rule 2.
async fn schema(client: &Client, database: &str, plan: &Plan) -> Outcome<Vec<String>> {
    let objects = client.schema(database).await?.objects;
    let mut there: BTreeMap<(String, String), String> = objects
        .into_iter()
        .filter(|object| !object.sql.is_empty() && !object.name.starts_with("_dadbs_"))
        .map(|object| ((object.kind, object.name.to_ascii_lowercase()), object.sql))
        .collect();
    let tables = plan.tables.iter().map(|t| ("table", &t.info.name, &t.create));
    let others = plan.objects.iter().map(|o| (o.kind.as_str(), &o.name, &o.sql));
    let mut differences = Vec::new();
    for (kind, name, sql) in tables.chain(others) {
        match there.remove(&(kind.to_owned(), name.to_ascii_lowercase())) {
            None => differences.push(missing(kind, name)),
            Some(text) if normal(&text) != normal(sql) => {
                differences
                    .push(format!("{kind} \"{name}\" has another definition on the chain: {text}"));
            }
            Some(_) => {}
        }
    }
    for (kind, name) in there.into_keys() {
        differences.push(format!("{kind} \"{name}\" is on the chain and not in the source"));
    }
    Ok(differences)
}

/// The text without the white space and semicolons around it.
fn normal(sql: &str) -> &str {
    sql.trim_matches(|c: char| c.is_whitespace() || c == ';')
}
