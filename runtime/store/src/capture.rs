//! From events of the engine to changes of leaves.
//!
//! 1. Events become changes with the layout that the table has at that moment, so they are taken
//!    over before every statement that changes the schema.
//! 2. Whoever undoes work cuts the changes back to the mark that was taken before it.
//! 3. A statement that rewrites a table without events (ALTER, DROP) is bracketed by two full reads
//!    of the table: all rows end, then all rows begin; the net of both is what changed.

use crate::change::Change;
use crate::growth::{self, Growths};
use crate::layout::Layout;
use dadbs_sqlite::{Connection, SqlFailure};
use dadbs_types::{Error, Fatal, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The changes of the open block, in the order they happened.
#[derive(Default)]
pub(crate) struct Capture {
    changes: Vec<Change>,
    pub(crate) growths: Growths,
    /// Layouts by the name that the engine reports; emptied when the schema changes.
    layouts: BTreeMap<String, Arc<Layout>>,
}

/// Runs a statement that this crate wrote; every failure is fatal.
pub(crate) fn scan(
    connection: &Connection,
    sql: &str,
    params: &[Value],
    row: &mut dyn FnMut(&[Value]) -> Result<(), Error>,
) -> Result<(), Error> {
    let fatal = |failure: SqlFailure| match failure {
        SqlFailure::Fatal(fatal) => fatal,
        other => Fatal::new(format!("{sql} failed, which no data should cause: {other:?}")),
    };
    let mut statement = connection.prepare_user(sql).map_err(fatal)?;
    let mut stopped = None;
    let mut values = Vec::new();
    let run = statement.run(params, u64::MAX, &mut |refs| {
        values.clear();
        values.extend(refs.iter().map(|value| value.to_value()));
        row(&values).map_err(|error| {
            stopped = Some(error);
            dadbs_sqlite::StopRow
        })
    });
    match (run, stopped) {
        (_, Some(error)) => Err(error),
        (Ok(_), None) => Ok(()),
        (Err(failure), None) => Err(fatal(failure).into()),
    }
}

impl Capture {
    /// How many changes there are: a mark to cut back to.
    pub(crate) fn mark(&self) -> usize {
        self.changes.len()
    }

    /// The changes since a mark.
    pub(crate) fn since(&self, mark: usize) -> &[Change] {
        self.changes.get(mark..).unwrap_or(&[])
    }

    /// Drops the changes after a mark (rule 2).
    pub(crate) fn truncate(&mut self, mark: usize) {
        self.changes.truncate(mark);
    }

    /// Takes all changes out.
    pub(crate) fn take(&mut self) -> Vec<Change> {
        std::mem::take(&mut self.changes)
    }

    /// Forgets the layouts: the schema changed, or a change of it was undone.
    pub(crate) fn flush_layouts(&mut self) {
        self.layouts.clear();
    }

    pub(crate) fn layout(
        &mut self,
        connection: &Connection,
        table: &str,
    ) -> Result<Option<Arc<Layout>>, Fatal> {
        if let Some(layout) = self.layouts.get(table) {
            return Ok(Some(layout.clone()));
        }
        let Some(layout) = Layout::load(connection, table)? else { return Ok(None) };
        let layout = Arc::new(layout);
        self.layouts.insert(table.to_owned(), layout.clone());
        Ok(Some(layout))
    }

    /// Takes the engine's events over (rule 1), except those of a table that was just dropped.
    pub(crate) fn absorb(
        &mut self,
        connection: &Connection,
        dropped: Option<&str>,
    ) -> Result<(), Fatal> {
        let events = connection.capture_take();
        if events.is_empty() {
            return Ok(());
        }
        let _span = tracing::trace_span!("capture").entered();
        for event in events {
            if dropped.is_some_and(|dropped| event.table.eq_ignore_ascii_case(dropped)) {
                continue;
            }
            let layout = self.layout(connection, &event.table)?.ok_or_else(|| {
                Fatal::new(format!("captured a row of {}, which does not exist", event.table))
            })?;
            let (old, new) = (layout.before(&event)?, layout.after(&event)?);
            match (old, new) {
                (Some((key, old)), Some((new_key, new))) if key == new_key => {
                    self.push(&layout, key, Some(old), Some(new))?;
                }
                (old, new) => {
                    if let Some((key, old)) = old {
                        self.push(&layout, key, Some(old), None)?;
                    }
                    if let Some((key, new)) = new {
                        self.push(&layout, key, None, Some(new))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn push(
        &mut self,
        layout: &Layout,
        key: Vec<u8>,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> Result<(), Fatal> {
        let (database, bytes) = growth::of_change(layout, &key, old.as_deref(), new.as_deref())?;
        self.growths.push(database, bytes);
        self.changes.push(Change { table: layout.table.clone(), key, old, new });
        Ok(())
    }

    /// All rows of a table end (rule 3). `charge` is called per row with its bytes, before the next
    /// row is read; if it refuses, the changes so far stay for the caller to cut.
    pub(crate) fn end_rows(
        &mut self,
        connection: &Connection,
        table: &str,
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.read_rows(connection, table, &mut |bytes| charge(bytes), false)
    }

    /// All rows of a table begin (rule 3).
    pub(crate) fn begin_rows(&mut self, connection: &Connection, table: &str) -> Result<(), Error> {
        self.read_rows(connection, table, &mut |_| Ok(()), true)
    }

    fn read_rows(
        &mut self,
        connection: &Connection,
        table: &str,
        charge: &mut dyn FnMut(u64) -> Result<(), Error>,
        begin: bool,
    ) -> Result<(), Error> {
        let Some(layout) = self.layout(connection, table)? else { return Ok(()) };
        scan(connection, &layout.select(false), &[], &mut |row| {
            let (key, row) = layout.scanned(row)?;
            charge((key.len() + row.len()) as u64)?;
            let (old, new) = if begin { (None, Some(row)) } else { (Some(row), None) };
            self.push(&layout, key, old, new)?;
            Ok(())
        })
    }
}
