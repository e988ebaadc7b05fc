//! The plan: what becomes of every schema object, and in which order the rows go.
//!
//! 1. Every object of the source is kept, translated, left out (SQLite's own tables) or refused, with
//!    the reason. A refusal is a loss that must be accepted; so is a foreign key that is dropped, named
//!    `TABLE.fk.PARENT`.
//! 2. What the chain's front door refuses is refused here with its words: the plan asks it.
//! 3. Everything kept is made and filled on a scratch copy first, with foreign keys on and in the order of
//!    the import ([`super::rehearse`]): what fails there is refused here.
//! 4. Tables come in file order if that puts parents before children, else parents first. Of a circle one
//!    table comes first with NULL in the foreign key, which an UPDATE sets after the rows.
//! 5. A table that refers to itself is loaded in its order if that holds, else parents first.
//! 6. Names that the stock contract keeps for itself are refused.

use super::ddl::{self, quote};
use super::source::{ForeignKey, RowReader, SchemaObject, Source, TableInfo, rows};
use crate::cli::exit::Outcome;
use dadbs_sql::{Namespace, Object, ObjectKind, Purpose, Schema};
use dadbs_types::{Value, limits};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Kept,
    /// With what changes.
    Translated(String),
    /// SQLite's own, remade or not needed; why.
    LeftOut(String),
    /// Why.
    Refused(String),
}

/// One line of the report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// table, index, view, trigger, or foreign key.
    pub(crate) kind: String,
    /// What `--accept` names.
    pub(crate) name: String,
    pub(crate) verdict: Verdict,
}

/// A table that is imported.
#[derive(Clone, Debug)]
pub(crate) struct TablePlan {
    pub(crate) info: TableInfo,
    /// The CREATE TABLE that is sent.
    pub(crate) create: String,
    pub(crate) insert: String,
    pub(crate) rows: u64,
    /// Payload bytes of all rows.
    pub(crate) bytes: u64,
    /// Keys of the rows in the order of the import, where it is not the table's own (rule 5).
    pub(crate) listed: Option<Vec<Vec<Value>>>,
    /// Columns that are NULL at first and set at the end (rule 4).
    pub(crate) late: Vec<String>,
    /// Steps of SQLite's machine for one row, measured by the rehearsal.
    pub(crate) steps_per_row: u64,
}

/// An index or view that is imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ObjectPlan {
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) sql: String,
    /// Steps to make it on the full tables.
    pub(crate) steps: u64,
}

/// The whole import.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) report: Vec<Line>,
    /// In load order.
    pub(crate) tables: Vec<TablePlan>,
    /// Indexes, then views.
    pub(crate) objects: Vec<ObjectPlan>,
    /// The table that remembers how far the import is.
    pub(crate) bookkeeping: String,
    /// The hash of everything that is sent.
    pub(crate) source_hash: String,
}

impl Plan {
    /// The losses that are not accepted (rule 1).
    pub(crate) fn unaccepted(&self, accept_all: bool, accepted: &[String]) -> Vec<&Line> {
        let is_loss = |line: &&Line| matches!(line.verdict, Verdict::Refused(_));
        let is_open = |line: &&Line| {
            !accept_all && !accepted.iter().any(|name| name.eq_ignore_ascii_case(&line.name))
        };
        self.report.iter().filter(is_loss).filter(is_open).collect()
    }

    /// Rows of all tables.
    pub(crate) fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

/// The schema as the front door must see it while the plan grows.
#[derive(Default)]
struct Growing {
    objects: BTreeMap<String, Object>,
}

impl Schema for Growing {
    fn object(&self, physical: &str) -> Option<Object> {
        self.objects.get(physical).copied()
    }
}

impl Growing {
    /// Asks the front door (rule 2) and remembers the object.
    fn prepare(
        &mut self,
        sql: &str,
        kind: ObjectKind,
        namespace: &Namespace,
    ) -> Result<(), String> {
        let prepared = dadbs_sql::prepare(sql, namespace, Purpose::Write, self)
            .map_err(|rejection| rejection.message)?;
        let terms = if kind == ObjectKind::View { prepared.from_terms } else { 1 };
        if let Some(physical) = prepared.object {
            let object = Object { kind, from_terms: terms };
            self.objects.insert(physical.to_ascii_lowercase(), object);
        }
        Ok(())
    }
}

/// Names of the shadow tables that virtual tables keep.
const SHADOWS: [&str; 11] = [
    "content", "data", "idx", "docsize", "config", "segments", "segdir", "stat", "node", "rowid",
    "parent",
];

pub(crate) fn lower(name: &str) -> String {
    name.to_ascii_lowercase()
}

/// Makes the plan without the rehearsal: verdicts, order, sizes.
pub(crate) fn draft(source: &Source, namespace: &Namespace) -> Outcome<Plan> {
    let objects = source.objects()?;
    let mut planner = Planner {
        source,
        namespace,
        growing: Growing::default(),
        report: Vec::new(),
        tables: Vec::new(),
        virtual_tables: objects.iter().filter(|o| is_virtual(o)).map(|o| lower(&o.name)).collect(),
    };
    for object in objects.iter().filter(|object| object.kind == "table") {
        planner.table(object)?;
    }
    planner.foreign_keys();
    planner.order()?;
    let mut made = Vec::new();
    for kind in ["index", "view"] {
        for object in objects.iter().filter(|object| object.kind == kind) {
            planner.object(object, &mut made);
        }
    }
    for object in objects.iter().filter(|object| object.kind == "trigger") {
        planner.refuse("trigger", &object.name, trigger_reason());
    }
    let taken: BTreeSet<String> = objects.iter().map(|object| lower(&object.name)).collect();
    let free = |name: &String| !taken.contains(name);
    let bookkeeping =
        (1..).map(|n| if n == 1 { "dadbs_import".into() } else { format!("dadbs_import_{n}") });
    let bookkeeping = bookkeeping.into_iter().find(free).unwrap_or_default();
    let Planner { mut report, tables, .. } = planner;
    sort_report(&mut report, &objects);
    Ok(Plan { report, tables, objects: made, bookkeeping, source_hash: String::new() })
}

/// The report in the order of the file; a dropped foreign key follows its table.
fn sort_report(report: &mut [Line], objects: &[SchemaObject]) {
    let position: BTreeMap<String, usize> =
        objects.iter().enumerate().map(|(at, object)| (lower(&object.name), at)).collect();
    report.sort_by_key(|line| {
        let table = line.name.split(".fk.").next().unwrap_or(&line.name);
        (position.get(&lower(table)).copied().unwrap_or(usize::MAX), line.kind == "foreign key")
    });
}

fn is_virtual(object: &SchemaObject) -> bool {
    let sql = object.sql.as_deref().unwrap_or_default();
    object.kind == "table" && lower(sql).split_whitespace().take(2).eq(["create", "virtual"])
}

fn trigger_reason() -> String {
    let row = dadbs_sql::refusals().iter().find(|(what, _)| *what == "triggers");
    row.map_or_else(|| "triggers are not offered".into(), |(_, why)| (*why).to_owned())
}

struct Planner<'a> {
    source: &'a Source,
    namespace: &'a Namespace,
    growing: Growing,
    report: Vec<Line>,
    tables: Vec<TablePlan>,
    virtual_tables: Vec<String>,
}

impl Planner<'_> {
    fn refuse(&mut self, kind: &str, name: &str, why: impl Into<String>) {
        let (kind, name) = (kind.to_owned(), name.to_owned());
        self.report.push(Line { kind, name, verdict: Verdict::Refused(why.into()) });
    }

    fn say(&mut self, kind: &str, name: &str, verdict: Verdict) {
        self.report.push(Line { kind: kind.to_owned(), name: name.to_owned(), verdict });
    }

    fn table(&mut self, object: &SchemaObject) -> Outcome {
        let name = &object.name;
        if let Some(why) = left_out(name) {
            self.say("table", name, Verdict::LeftOut(why.into()));
            return Ok(());
        }
        let parent = name.rsplit_once('_').filter(|(table, suffix)| {
            self.virtual_tables.contains(&lower(table)) && SHADOWS.contains(suffix)
        });
        if let Some((table, _)) = parent {
            self.refuse("table", name, format!("it is a shadow of the virtual table \"{table}\""));
            return Ok(());
        }
        if lower(name).starts_with("_dadbs_") {
            self.refuse("table", name, "names that begin with _dadbs_ are the stock contract's");
            return Ok(());
        }
        let (create, changes) = translated(object.sql.as_deref().unwrap_or_default());
        if let Err(why) = self.growing.prepare(&create, ObjectKind::Table, self.namespace) {
            self.refuse("table", name, why);
            return Ok(());
        }
        let info = TableInfo::read(&self.source.connection, name)?;
        if !info.without_rowid && info.rowid_alias.is_none() && info.rowid_name.is_none() {
            self.refuse("table", name, "columns named rowid, _rowid_ and oid hide its rowid");
            return Ok(());
        }
        match self.measure(&info)? {
            Ok((rows, bytes)) => {
                let verdict = match changes.as_slice() {
                    [] => Verdict::Kept,
                    changes => Verdict::Translated(changes.join("; ")),
                };
                self.say("table", name, verdict);
                let (insert, late) = (info.insert(), Vec::new());
                self.tables.push(TablePlan {
                    info,
                    create,
                    insert,
                    rows,
                    bytes,
                    listed: None,
                    late,
                    steps_per_row: 0,
                });
            }
            Err(why) => self.refuse("table", name, why),
        }
        Ok(())
    }

    /// Rows and bytes, or why a row cannot be sent.
    fn measure(&self, info: &TableInfo) -> Outcome<Result<(u64, u64), String>> {
        let row_max = super::batch::ROW_BYTES_MAX;
        let (mut rows, mut bytes) = (0u64, 0u64);
        let mut reader = RowReader::new(&self.source.connection, info, 0);
        loop {
            let row = match reader.next_row() {
                Ok(Some(row)) => row,
                Ok(None) => return Ok(Ok((rows, bytes))),
                Err(failure) => {
                    return Ok(Err(format!("after row {rows}: {}", failure.message)));
                }
            };
            rows += 1;
            let len: usize = row.iter().map(Value::len).sum();
            if len > row_max {
                return Ok(Err(format!(
                    "row {rows} has {len} bytes, a transaction holds {row_max}"
                )));
            }
            let last_rowid = info.hidden_rowid() || info.rowid_alias.is_some();
            if last_rowid && row.contains(&Value::Integer(i64::MAX)) && self.full(info)? {
                return Ok(Err("it has a row with the last possible rowid".into()));
            }
            bytes += len as u64;
        }
    }

    fn full(&self, info: &TableInfo) -> Outcome<bool> {
        let order = info.order().join(", ");
        let sql = format!("SELECT max({order}) FROM {}", quote(&info.name));
        Ok(rows(&self.source.connection, &sql, &[])? == [[Value::Integer(i64::MAX)]])
    }

    fn object(&mut self, object: &SchemaObject, made: &mut Vec<ObjectPlan>) {
        let (name, kind) = (&object.name, object.kind.as_str());
        let Some(sql) = &object.sql else { return };
        let prepared_as = if kind == "view" { ObjectKind::View } else { ObjectKind::Index };
        let tables: BTreeSet<String> =
            self.tables.iter().map(|table| lower(&table.info.name)).collect();
        if kind == "index" && !tables.contains(&lower(&object.table)) {
            self.refuse(kind, name, format!("its table \"{}\" is refused", object.table));
        } else if let Err(why) = self.growing.prepare(sql, prepared_as, self.namespace) {
            self.refuse(kind, name, why);
        } else {
            self.say(kind, name, Verdict::Kept);
            let (kind, name, sql) = (kind.to_owned(), name.clone(), sql.clone());
            made.push(ObjectPlan { kind, name, sql, steps: 0 });
        }
    }

    /// Drops the foreign keys that cannot hold: to a refused or missing parent, to columns that are no
    /// key, or broken by rows of the source.
    fn foreign_keys(&mut self) {
        let known: BTreeSet<String> =
            self.tables.iter().map(|table| lower(&table.info.name)).collect();
        for index in 0..self.tables.len() {
            let info = self.tables[index].info.clone();
            let mut dropped: BTreeMap<String, String> = BTreeMap::new();
            let parents: BTreeSet<String> =
                info.foreign_keys.iter().map(|key| key.parent.clone()).collect();
            for parent in parents {
                if !known.contains(&lower(&parent)) {
                    let why = format!("\"{parent}\" is refused or does not exist");
                    dropped.insert(parent, why);
                }
            }
            if dropped.len() < info.foreign_keys.len() {
                self.broken(&info, &mut dropped);
            }
            for (parent, why) in dropped {
                self.drop_foreign_key(index, &parent, &why);
            }
        }
    }

    fn broken(&self, info: &TableInfo, dropped: &mut BTreeMap<String, String>) {
        let sql = format!("PRAGMA foreign_key_check({})", quote(&info.name));
        let found = match rows(&self.source.connection, &sql, &[]) {
            Ok(found) => found,
            Err(failure) => {
                // A parent whose columns are no key breaks the check of the whole table.
                for key in &info.foreign_keys {
                    if failure.message.contains(&format!("\"{}\"", key.parent)) {
                        let why = "its columns are no primary key and not unique in the parent";
                        dropped.entry(key.parent.clone()).or_insert_with(|| why.into());
                    }
                }
                return;
            }
        };
        let mut broken: BTreeMap<String, u64> = BTreeMap::new();
        for row in &found {
            if let Some(Value::Text(parent)) = row.get(2) {
                *broken.entry(parent.clone()).or_default() += 1;
            }
        }
        for (parent, count) in broken {
            let why = format!("{count} rows of the source have no parent in \"{parent}\"");
            dropped.entry(parent).or_insert(why);
        }
    }

    fn drop_foreign_key(&mut self, index: usize, parent: &str, why: &str) {
        let parents = [lower(parent)];
        let table = &mut self.tables[index];
        table.create = ddl::without_foreign_keys(&table.create, &parents);
        table.info.foreign_keys.retain(|key| lower(&key.parent) != parents[0]);
        let name = format!("{}.fk.{parent}", table.info.name);
        self.refuse("foreign key", &name, format!("dropped: {why}; the rows stay"));
    }

    /// Rules 4 and 5.
    fn order(&mut self) -> Outcome {
        let mut waiting = std::mem::take(&mut self.tables);
        let mut dropped = Vec::new();
        while !waiting.is_empty() {
            let names: BTreeSet<String> = waiting.iter().map(|t| lower(&t.info.name)).collect();
            let blocking = |table: &TablePlan| -> Vec<ForeignKey> {
                let is_blocking = |key: &&ForeignKey| {
                    let parent = lower(&key.parent);
                    parent != lower(&table.info.name) && names.contains(&parent)
                };
                table.info.foreign_keys.iter().filter(is_blocking).cloned().collect()
            };
            let next = waiting.iter().position(|table| blocking(table).is_empty());
            let next = next.or_else(|| {
                waiting.iter().position(|t| blocking(t).iter().all(|key| can_be_late(&t.info, key)))
            });
            let mut table = waiting.remove(next.unwrap_or(0));
            for key in blocking(&table) {
                if can_be_late(&table.info, &key) {
                    table.late.extend(key.columns.iter().cloned());
                } else {
                    dropped.push((table.info.name.clone(), key.parent.clone()));
                }
            }
            self.tables.push(table);
        }
        for index in 0..self.tables.len() {
            if !self.self_reference(index)? {
                let name = self.tables[index].info.name.clone();
                dropped.push((name.clone(), name));
            }
        }
        for (table, parent) in dropped {
            if let Some(index) = self.tables.iter().position(|t| t.info.name == table) {
                let why = "the rows form a circle of NOT NULL references, each checked at once";
                self.drop_foreign_key(index, &parent, why);
            }
        }
        for table in &mut self.tables {
            table.late.sort();
            table.late.dedup();
        }
        Ok(())
    }

    /// Orders a table that refers to itself; false if no order holds.
    fn self_reference(&mut self, index: usize) -> Outcome<bool> {
        let table = &self.tables[index];
        let own = |key: &&ForeignKey| key.parent.eq_ignore_ascii_case(&table.info.name);
        let keys: Vec<ForeignKey> = table.info.foreign_keys.iter().filter(own).cloned().collect();
        if keys.is_empty() {
            return Ok(true);
        }
        match parents_first(self.source, &table.info, &keys)? {
            Order::Natural => {}
            Order::Listed(listed) => self.tables[index].listed = Some(listed),
            Order::Circle if keys.iter().all(|key| can_be_late(&table.info, key)) => {
                let columns = keys.iter().flat_map(|key| key.columns.iter().cloned());
                self.tables[index].late.extend(columns);
            }
            Order::Circle => return Ok(false),
        }
        Ok(true)
    }
}

enum Order {
    Natural,
    Listed(Vec<Vec<Value>>),
    Circle,
}

/// The keys of a table's rows such that each row comes after those it refers to (rule 5).
fn parents_first(source: &Source, info: &TableInfo, keys: &[ForeignKey]) -> Outcome<Order> {
    let connection = &source.connection;
    let (table, order) = (quote(&info.name), info.order());
    let sql = format!("SELECT {0} FROM {table} ORDER BY {0}", order.join(", "));
    let listed = rows(connection, &sql, &[])?;
    let encode = |key: &[Value]| dadbs_types::value::encode_row(key);
    let position: BTreeMap<Vec<u8>, usize> =
        listed.iter().enumerate().map(|(at, key)| (encode(key), at)).collect();
    let mut parents: Vec<Vec<usize>> = vec![Vec::new(); listed.len()];
    for key in keys {
        let to = if key.parent_columns.is_empty() {
            let mut key: Vec<_> = info.columns.iter().filter(|c| c.key > 0).collect();
            key.sort_by_key(|column| column.key);
            key.iter().map(|column| column.name.clone()).collect()
        } else {
            key.parent_columns.clone()
        };
        let on: Vec<String> = (key.columns.iter().zip(&to))
            .map(|(from, to)| format!("p.{} = c.{}", quote(to), quote(from)))
            .collect();
        let of = |side: &str| {
            order.iter().map(|name| format!("{side}.{name}")).collect::<Vec<_>>().join(", ")
        };
        let sql = format!(
            "SELECT {}, {} FROM {table} AS c JOIN {table} AS p ON {}",
            of("c"),
            of("p"),
            on.join(" AND ")
        );
        for mut edge in rows(connection, &sql, &[])? {
            let parent = edge.split_off(order.len());
            let at = |key: &[Value]| position.get(&encode(key)).copied();
            if let (Some(child), Some(parent)) = (at(&edge), at(&parent))
                && child != parent
            {
                parents[child].push(parent);
            }
        }
    }
    if parents.iter().enumerate().all(|(child, of)| of.iter().all(|parent| *parent < child)) {
        return Ok(Order::Natural);
    }
    Ok(match sorted(&parents) {
        Some(order) => Order::Listed(order.into_iter().map(|at| listed[at].clone()).collect()),
        None => Order::Circle,
    })
}

/// A topological order that stays near the natural one; `None` for a circle.
fn sorted(parents: &[Vec<usize>]) -> Option<Vec<usize>> {
    let mut children: Vec<Vec<usize>> = vec![Vec::new(); parents.len()];
    let mut open: Vec<usize> = vec![0; parents.len()];
    for (child, of) in parents.iter().enumerate() {
        open[child] = of.len();
        for parent in of {
            children[*parent].push(child);
        }
    }
    let mut ready: BTreeSet<usize> = (0..parents.len()).filter(|at| open[*at] == 0).collect();
    let mut order = Vec::with_capacity(parents.len());
    while let Some(next) = ready.pop_first() {
        order.push(next);
        for child in &children[next] {
            open[*child] -= 1;
            if open[*child] == 0 {
                ready.insert(*child);
            }
        }
    }
    (order.len() == parents.len()).then_some(order)
}

/// True if the columns of a foreign key may be NULL at first.
fn can_be_late(info: &TableInfo, key: &ForeignKey) -> bool {
    key.columns.iter().all(|name| {
        let column = info.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name));
        column.is_some_and(|column| !column.not_null && column.key == 0 && !column.generated)
    })
}

fn left_out(name: &str) -> Option<&'static str> {
    match lower(name).as_str() {
        "sqlite_sequence" => Some("the counters of AUTOINCREMENT, which is dropped"),
        name if name.starts_with("sqlite_stat") => {
            Some("statistics of ANALYZE, which would change plans and with them gas")
        }
        name if name.starts_with("sqlite_") => Some("a table of SQLite's own"),
        _ => None,
    }
}

/// Edits a statement; `None` if there is nothing to edit.
type Edit = fn(&str) -> Option<String>;

/// The CREATE TABLE that is sent, and what was changed.
fn translated(sql: &str) -> (String, Vec<String>) {
    let mut create = sql.to_owned();
    let mut changes = Vec::new();
    let edits: [(Edit, &str); 3] = [
        (
            ddl::without_autoincrement,
            "AUTOINCREMENT dropped: rowids stay, one that was deleted last may be used again",
        ),
        (
            ddl::without_deferrable,
            "DEFERRABLE dropped: the foreign key is checked by each statement, not at the end",
        ),
        (ddl::without_half_conflicts, "ON CONFLICT FAIL and ROLLBACK became ABORT"),
    ];
    for (edit, what) in edits {
        if let Some(edited) = edit(&create) {
            create = edited;
            changes.push(what.to_owned());
        }
    }
    (create, changes)
}

/// The UPDATE that sets the late columns of a row.
pub(crate) fn fixup_sql(table: &TablePlan) -> String {
    let set: Vec<String> = table.late.iter().map(|name| format!("{} = ?", quote(name))).collect();
    let key: Vec<String> = table.info.order().iter().map(|name| format!("{name} = ?")).collect();
    format!("UPDATE {} SET {} WHERE {}", quote(&table.info.name), set.join(", "), key.join(" AND "))
}

/// The largest database number a name is checked against when it has none yet.
pub(crate) const NAMESPACE_FOR_CHECKS: u64 = 999_999;

/// Sanity of the limits that the planner relies on.
const _: () = assert!(limits::SQL_COLUMNS_MAX < limits::SQL_PARAMETERS_MAX);
