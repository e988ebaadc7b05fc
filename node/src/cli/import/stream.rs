//! Everything that is sent, as one stream of numbered items: the position in it is the progress.
//!
//! 1. Items come in this order: each CREATE TABLE; the rows table by table; the late foreign keys; indexes;
//!    views. The order is a function of the plan.
//! 2. A stream can begin at any position.

use super::plan::{Plan, TablePlan, fixup_sql};
use super::source::{RowReader, TableInfo, rows};
use crate::cli::exit::Outcome;
use crate::cli::import::ddl::quote;
use dadbs_types::Value;
use rusqlite::Connection;

/// The rows of a table in the order of the import, with NULL in late columns.
pub(crate) enum Rows<'a> {
    Natural(RowReader<'a>, Vec<usize>),
    Listed { connection: &'a Connection, sql: String, keys: &'a [Vec<Value>], late: Vec<usize> },
}

/// The rows of a table from row number `offset` on.
pub(crate) fn rows_of<'a>(
    connection: &'a Connection,
    table: &'a TablePlan,
    offset: u64,
) -> Rows<'a> {
    let late = late_positions(table);
    match &table.listed {
        None => Rows::Natural(RowReader::new(connection, &table.info, offset), late),
        Some(keys) => {
            let from = usize::try_from(offset).unwrap_or(usize::MAX).min(keys.len());
            let sql = by_key(&table.info, &table.info.carried());
            Rows::Listed { connection, sql, keys: &keys[from..], late }
        }
    }
}

/// Positions of the late columns among what is carried.
fn late_positions(table: &TablePlan) -> Vec<usize> {
    let carried = table.info.carried();
    let at = |name: &String| carried.iter().position(|column| *column == quote(name));
    table.late.iter().filter_map(at).collect()
}

fn by_key(info: &TableInfo, columns: &[String]) -> String {
    let key: Vec<String> = info.order().iter().map(|name| format!("{name} = ?")).collect();
    format!("SELECT {} FROM {} WHERE {}", columns.join(", "), quote(&info.name), key.join(" AND "))
}

impl Rows<'_> {
    /// The next row.
    pub(crate) fn next_row(&mut self) -> Outcome<Option<Vec<Value>>> {
        let (row, late) = match self {
            Rows::Natural(reader, late) => (reader.next_row()?, late),
            Rows::Listed { connection, sql, keys, late } => {
                let Some((key, rest)) = keys.split_first() else { return Ok(None) };
                *keys = rest;
                (rows(connection, sql, key)?.pop(), late)
            }
        };
        Ok(row.map(|mut row| {
            for at in late {
                row[*at] = Value::Null;
            }
            row
        }))
    }
}

/// The parameters of the UPDATEs that set late columns.
pub(crate) struct Fixups {
    rows: std::vec::IntoIter<Vec<Value>>,
    failure: Option<crate::cli::exit::Failure>,
}

impl Fixups {
    /// The fix-ups of a table: its rows with a late column that is not NULL.
    pub(crate) fn new(connection: &Connection, table: &TablePlan) -> Fixups {
        let late: Vec<String> = table.late.iter().map(|name| quote(name)).collect();
        let order = table.info.order();
        let some: Vec<String> = late.iter().map(|name| format!("{name} IS NOT NULL")).collect();
        let sql = format!(
            "SELECT {}, {} FROM {} WHERE {} ORDER BY {}",
            late.join(", "),
            order.join(", "),
            quote(&table.info.name),
            some.join(" OR "),
            order.join(", ")
        );
        match rows(connection, &sql, &[]) {
            Ok(rows) => Fixups { rows: rows.into_iter(), failure: None },
            Err(failure) => Fixups { rows: Vec::new().into_iter(), failure: Some(failure) },
        }
    }

    /// The next parameters.
    pub(crate) fn next_row(&mut self) -> Outcome<Option<Vec<Value>>> {
        match self.failure.take() {
            Some(failure) => Err(failure),
            None => Ok(self.rows.next()),
        }
    }
}

/// One item.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// A statement without parameters, and the steps it takes.
    Ddl { sql: String, steps: u64 },
    /// One row for a statement, the steps it takes, and the table.
    Row { table: usize, fixup: bool, values: Vec<Value> },
}

enum Part<'a> {
    Creates(usize),
    Rows(usize, Option<Rows<'a>>),
    Fixups(usize, Option<Fixups>),
    Objects(usize),
}

/// The stream (rule 1).
pub(crate) struct Stream<'a> {
    connection: &'a Connection,
    plan: &'a Plan,
    part: Part<'a>,
    /// Items still to leave out.
    skip: u64,
    position: u64,
}

impl<'a> Stream<'a> {
    /// The stream from an item on (rule 2).
    pub(crate) fn at(connection: &'a Connection, plan: &'a Plan, position: u64) -> Stream<'a> {
        Stream { connection, plan, part: Part::Creates(0), skip: position, position: 0 }
    }

    /// The number of the next item.
    pub(crate) fn position(&self) -> u64 {
        self.position.max(self.skip)
    }

    /// The plan.
    pub(crate) fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// The next item.
    pub(crate) fn next_item(&mut self) -> Outcome<Option<Item>> {
        loop {
            if let Some(item) = self.of_part()? {
                self.position += 1;
                if self.position <= self.skip {
                    continue;
                }
                return Ok(Some(item));
            }
            let tables = self.plan.tables.len();
            self.part = match &self.part {
                Part::Creates(_) => Part::Rows(0, None),
                Part::Rows(at, _) if at + 1 < tables => Part::Rows(at + 1, None),
                Part::Rows(..) => Part::Fixups(0, None),
                Part::Fixups(at, _) if at + 1 < tables => Part::Fixups(at + 1, None),
                Part::Fixups(..) => Part::Objects(0),
                Part::Objects(_) => return Ok(None),
            };
        }
    }

    fn of_part(&mut self) -> Outcome<Option<Item>> {
        match &mut self.part {
            Part::Creates(at) => {
                let table = self.plan.tables.get(*at);
                *at += 1;
                Ok(table.map(|table| Item::Ddl { sql: table.create.clone(), steps: 0 }))
            }
            Part::Rows(at, reader) => {
                let Some(table) = self.plan.tables.get(*at) else { return Ok(None) };
                if reader.is_none() {
                    // Leaving rows out by their number spares reading them.
                    let skipped = self.skip.saturating_sub(self.position).min(table.rows);
                    self.position += skipped;
                    *reader = Some(rows_of(self.connection, table, skipped));
                }
                let row = reader.as_mut().map_or(Ok(None), Rows::next_row)?;
                Ok(row.map(|values| Item::Row { table: *at, fixup: false, values }))
            }
            Part::Fixups(at, reader) => {
                let Some(table) = self.plan.tables.get(*at) else { return Ok(None) };
                if table.late.is_empty() {
                    return Ok(None);
                }
                let reader = reader.get_or_insert_with(|| Fixups::new(self.connection, table));
                let row = reader.next_row()?;
                Ok(row.map(|values| Item::Row { table: *at, fixup: true, values }))
            }
            Part::Objects(at) => {
                let object = self.plan.objects.get(*at);
                *at += 1;
                Ok(object.map(|o| Item::Ddl { sql: o.sql.clone(), steps: o.steps }))
            }
        }
    }

    /// The statement of a row.
    pub(crate) fn statement_of(&self, table: usize, fixup: bool) -> String {
        let table = &self.plan.tables[table];
        if fixup { fixup_sql(table) } else { table.insert.clone() }
    }
}
