//! Statements of users: front door, gas, capture, bounded results.
//!
//! 1. A statement is charged for its text before it is parsed, and for its compiling once per `exec`,
//!    whether or not it is cached.
//! 2. `exec` runs the statement once per row of parameters, all or none. Without rows it runs once if
//!    it takes no parameters, else not at all.
//! 3. When gas ends the whole meter is used and the caller undoes the transaction.
//! 4. Results are bounded by [`limits::SQL_RESULT_ROWS_MAX`] and [`limits::SQL_RESULT_BYTES_MAX`].
//! 5. Error texts name things as the user does.
//! 6. A statement that rewrites a table without events is charged per row of it before it runs.
//! 7. A database has at most [`limits::SQL_OBJECTS_MAX`] objects.
//! 8. A view that does not compile never comes into being, and no statement may break one: RENAME and
//!    DROP COLUMN compile the views of the whole store, so it would stop them in every database.
//!    So the tables that a view expands to are known when it is made, and stay true.
//! 9. ALTER writes stored texts anew with other names: none may become longer than a statement is
//!    after renaming.

use crate::Store;
use crate::failpoint::failpoint;
use crate::gas::{GasParts, Spend};
use crate::layout::{Layout, quoted};
use crate::schema::{self, Catalog, Made};
use dadbs_sql::{Alter, Kind, Namespace, Purpose, RowAccess, Statement, user_text};
use dadbs_sqlite::{Connection, SqlFailure, StopRow, UserStatement, ValueRef};
use dadbs_types::{Code, Error, Fatal, GasMeter, Rejection, Value, limits};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tracing::trace_span;

/// What a write statement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Executed {
    /// Rows inserted, updated or deleted by the statement itself, not by cascades.
    pub changes: u64,
    /// Names of the result columns: of a SELECT, or of RETURNING.
    pub columns: Vec<String>,
    /// Result rows of all runs.
    pub rows: Vec<Vec<Value>>,
    /// True if the statement changed the schema.
    pub schema_change: bool,
}

/// What a query returned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Queried {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Statements that passed the front door, by database and text; emptied when the schema changes.
#[derive(Default)]
pub(crate) struct Statements {
    /// Looked up, never walked through, so its order does not matter.
    passed: BTreeMap<(u64, bool), HashMap<String, Arc<Statement>>>,
    count: usize,
}

/// Beyond this many the cache starts anew; it never shows in gas or results.
const STATEMENTS_MAX: usize = 4_096;

impl Statements {
    pub(crate) fn flush(&mut self) {
        self.passed.clear();
        self.count = 0;
    }

    /// The statement of a text, from the cache or through the front door.
    pub(crate) fn pass(
        &mut self,
        connection: &Connection,
        database: u64,
        sql: &str,
        purpose: Purpose,
    ) -> Result<Arc<Statement>, Error> {
        let key = (database, purpose == Purpose::Write);
        if let Some(statement) = self.passed.get(&key).and_then(|texts| texts.get(sql)) {
            return Ok(statement.clone());
        }
        let catalog = Catalog::new(connection);
        let prepared = dadbs_sql::prepare(sql, &Namespace::database(database), purpose, &catalog);
        catalog.check()?;
        let statement = Arc::new(prepared?);
        if self.count >= STATEMENTS_MAX {
            self.flush();
        }
        self.count = self.count.saturating_add(1);
        self.passed.entry(key).or_default().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// Collects result rows within bounds (rule 4).
pub(crate) struct Collected<'a> {
    pub(crate) rows: &'a mut Vec<Vec<Value>>,
    pub(crate) rows_max: usize,
    pub(crate) bytes_left: &'a mut usize,
    /// Charged per row.
    pub(crate) charge: &'a mut dyn FnMut(u64) -> Result<(), Error>,
    /// Why the rows were stopped.
    pub(crate) stopped: Option<Error>,
}

impl Collected<'_> {
    pub(crate) fn push(&mut self, row: &[ValueRef<'_>]) -> Result<(), StopRow> {
        let row: Vec<Value> = row.iter().map(|value| value.to_value()).collect();
        let bytes = row.iter().map(Value::len).fold(0, usize::saturating_add);
        let fits = self.rows.len() < self.rows_max && bytes <= *self.bytes_left;
        let taken = (self.charge)(bytes as u64)
            .and_then(|()| if fits { Ok(()) } else { Err(self.too_large()) });
        taken.map_err(|error| {
            self.stopped = Some(error);
            StopRow
        })?;
        *self.bytes_left = self.bytes_left.saturating_sub(bytes);
        self.rows.push(row);
        Ok(())
    }

    fn too_large(&self) -> Error {
        Error::rejected(
            Code::SqlTooLarge,
            format!(
                "the result is larger than {} rows or its limit of bytes: add LIMIT or WHERE, or \
                 select fewer columns",
                self.rows_max
            ),
        )
    }
}

/// A failed statement in the user's names (rule 5).
pub(crate) fn in_users_names(rejection: &Rejection, namespace: &Namespace) -> Error {
    Rejection::new(rejection.code, user_text(&rejection.message, namespace)).into()
}

pub(crate) fn out_of_gas(gas: &mut GasMeter) -> Error {
    match gas.charge(u64::MAX) {
        Err(out) => out.into(),
        // Only a meter without a limit could pay this.
        Ok(()) => dadbs_types::OutOfGas.into(),
    }
}

impl Store {
    /// Runs a write statement once per row of parameters (rule 2), inside the open block.
    pub fn exec(
        &mut self,
        database: u64,
        sql: &str,
        rows: &[Vec<Value>],
        gas: &mut GasMeter,
    ) -> Result<Executed, Error> {
        self.exec_parts(database, sql, rows, None, gas).0
    }

    /// [`Store::exec`] for a caller who sees and touches some rows only.
    pub fn exec_as(
        &mut self,
        database: u64,
        sql: &str,
        rows: &[Vec<Value>],
        access: Option<&RowAccess>,
        gas: &mut GasMeter,
    ) -> Result<Executed, Error> {
        self.exec_parts(database, sql, rows, access, gas).0
    }

    /// [`Store::exec`] with the gas part by part, also of a failed statement.
    pub fn exec_parts(
        &mut self,
        database: u64,
        sql: &str,
        rows: &[Vec<Value>],
        access: Option<&RowAccess>,
        gas: &mut GasMeter,
    ) -> (Result<Executed, Error>, GasParts) {
        let _span = trace_span!("statement").entered();
        let before = gas.used();
        let mut spend = Spend::new(gas);
        let executed = self.exec_spending(database, sql, rows, access, &mut spend);
        let parts = spend.parts;
        self.count_statement(before, gas);
        (executed, parts)
    }

    /// What a statement would do and cost, without doing it.
    pub fn explain(
        &mut self,
        database: u64,
        sql: &str,
        rows: &[Vec<Value>],
        access: Option<&RowAccess>,
        gas: &mut GasMeter,
    ) -> Result<(Executed, GasParts), Error> {
        self.savepoint()?;
        let (executed, parts) = self.exec_parts(database, sql, rows, access, gas);
        if !matches!(executed, Err(Error::Fatal(_))) {
            self.rollback_to()?;
        }
        Ok((executed?, parts))
    }

    /// The rows of a SELECT, which sees the open transaction.
    pub fn query_user(
        &mut self,
        database: u64,
        sql: &str,
        params: &[Value],
        access: Option<&RowAccess>,
        gas: &mut GasMeter,
    ) -> Result<Queried, Error> {
        let _span = trace_span!("statement").entered();
        let before = gas.used();
        let done = self.query_spending(database, sql, params, access, &mut Spend::new(gas));
        self.count_statement(before, gas);
        let done = done?;
        Ok(Queried { columns: done.columns, rows: done.rows })
    }

    fn query_spending(
        &mut self,
        database: u64,
        sql: &str,
        params: &[Value],
        access: Option<&RowAccess>,
        spend: &mut Spend<'_>,
    ) -> Result<Executed, Error> {
        let statement = self.pass(database, sql, Purpose::Read, access, spend)?;
        self.run_rows(database, &statement, &[params.to_vec()], spend)
    }

    /// The gas of all statements of users that this store has run, undone ones included: for tests and
    /// measurements. It is no part of the state.
    pub fn statement_gas(&self) -> u64 {
        self.statement_gas
    }

    fn count_statement(&mut self, before: u64, gas: &GasMeter) {
        let spent = gas.used().saturating_sub(before);
        self.statement_gas = self.statement_gas.saturating_add(spent);
    }

    /// What a statement does to which tables, in the user's names, without running it.
    pub fn inspect(
        &mut self,
        database: u64,
        sql: &str,
        gas: &mut GasMeter,
    ) -> Result<Vec<(String, String)>, Error> {
        let statement = self.pass(database, sql, Purpose::Write, None, &mut Spend::new(gas))?;
        let pair = |access: &dadbs_sql::Access| (access.verb.as_str().into(), access.table.clone());
        Ok(statement.accesses.iter().map(pair).collect())
    }

    /// Rule 1.
    fn pass(
        &mut self,
        database: u64,
        sql: &str,
        purpose: Purpose,
        access: Option<&RowAccess>,
        spend: &mut Spend<'_>,
    ) -> Result<Arc<Statement>, Error> {
        spend.text(sql.len())?;
        if let Some(access) = access {
            let statement = self.pass_for(database, sql, purpose, access)?;
            // Its predicates are parsed each time, and nothing of it is kept.
            spend.text(statement.physical.len())?;
            spend.text(statement.physical.len())?;
            return Ok(Arc::new(statement));
        }
        self.statements.pass(&self.connection, database, sql, purpose)
    }

    fn exec_spending(
        &mut self,
        database: u64,
        sql: &str,
        rows: &[Vec<Value>],
        access: Option<&RowAccess>,
        spend: &mut Spend<'_>,
    ) -> Result<Executed, Error> {
        self.check_open()?;
        failpoint!("user_statement");
        let statement = self.pass(database, sql, Purpose::Write, access, spend)?;
        let once = [Vec::new()];
        let rows = if rows.is_empty() && statement.parameters == 0 { &once } else { rows };
        if statement.kind.is_schema_change() {
            return self.atomically(|store| store.change_schema(database, &statement, spend));
        }
        if let Some(check) = &statement.check {
            return self.atomically(|store| {
                let mark = store.mark()?;
                let done = store.run_rows(database, &statement, rows, spend)?;
                store.check_written(database, check, mark, spend)?;
                Ok(done)
            });
        }
        if rows.len() == 1 {
            // SQLite undoes a failing statement itself.
            return self.run_rows(database, &statement, rows, spend);
        }
        self.atomically(|store| store.run_rows(database, &statement, rows, spend))
    }

    /// Runs `work` in a savepoint that is undone if it is rejected.
    fn atomically<T>(
        &mut self,
        work: impl FnOnce(&mut Store) -> Result<T, Error>,
    ) -> Result<T, Error> {
        self.savepoint()?;
        match work(self) {
            Ok(done) => {
                self.release()?;
                Ok(done)
            }
            Err(Error::Rejected(rejection)) => {
                self.rollback_to()?;
                Err(rejection.into())
            }
            Err(fatal) => Err(fatal),
        }
    }

    fn run_rows(
        &mut self,
        database: u64,
        statement: &Statement,
        rows: &[Vec<Value>],
        spend: &mut Spend<'_>,
    ) -> Result<Executed, Error> {
        let namespace = Namespace::database(database);
        // What was captured before belongs to other statements, and a failure truncates the rest.
        self.capture.absorb(&self.connection, None)?;
        let mut done = Executed::default();
        let mut bytes_left = limits::SQL_RESULT_BYTES_MAX;
        for (index, row) in rows.iter().enumerate() {
            let mark = self.capture.mark();
            let ran = self.run_once(statement, row, index == 0, &mut done, &mut bytes_left, spend);
            if let Err(error) = ran {
                self.connection.capture_truncate(0);
                return Err(match error {
                    Error::Rejected(rejection) => in_users_names(&rejection, &namespace),
                    fatal @ Error::Fatal(_) => fatal,
                });
            }
            self.capture.absorb(&self.connection, None)?;
            spend.written(self.capture.since(mark));
            failpoint!("user_row");
        }
        Ok(done)
    }

    pub(crate) fn run_once(
        &self,
        statement: &Statement,
        row: &[Value],
        is_first: bool,
        done: &mut Executed,
        bytes_left: &mut usize,
        spend: &mut Spend<'_>,
    ) -> Result<(), Error> {
        if row.len() != statement.parameters {
            return Err(Error::rejected(
                Code::SqlParameters,
                format!(
                    "the statement takes {} parameters, not {}",
                    statement.parameters,
                    row.len()
                ),
            ));
        }
        let mut prepared = if is_first {
            self.compile(&statement.physical, spend)?
        } else {
            self.connection.prepare_user(&statement.physical).map_err(|why| failed(why, spend))?
        };
        let steps_max = spend.steps_max();
        if done.columns.is_empty() {
            done.columns = prepared.columns();
        }
        let mut collected = Collected {
            rows: &mut done.rows,
            rows_max: limits::SQL_RESULT_ROWS_MAX,
            bytes_left,
            charge: &mut |bytes| Ok(spend.row_read(bytes)?),
            stopped: None,
        };
        let run = prepared.run(row, steps_max, &mut |values| collected.push(values));
        let stopped = collected.stopped;
        if let Err(SqlFailure::Fatal(fatal)) = run {
            return Err(fatal.into());
        }
        if run.is_err() {
            // What a failed statement used is charged too; nothing was kept of what it captured.
            spend.steps(prepared.steps(), 0)?;
        }
        match (run, stopped) {
            (_, Some(error)) => Err(error),
            (Err(failure), None) => Err(failed(failure, spend)),
            (Ok(run), None) => {
                done.changes = done.changes.saturating_add(run.changes);
                Ok(spend.steps(run.steps, run.captured_steps)?)
            }
        }
    }

    /// Compiles a statement within the gas left (rule 1).
    pub(crate) fn compile(
        &self,
        physical: &str,
        spend: &mut Spend<'_>,
    ) -> Result<UserStatement<'_>, Error> {
        let prepared = self.connection.prepare_user_within(physical, spend.steps_max());
        spend.compiled(self.connection.compile_steps())?;
        prepared.map_err(|why| failed(why, spend))
    }

    /// Runs a statement that changes the schema, in a savepoint of its own.
    fn change_schema(
        &mut self,
        database: u64,
        statement: &Statement,
        spend: &mut Spend<'_>,
    ) -> Result<Executed, Error> {
        spend.schema_change(schema::objects(&self.connection)?)?;
        self.check_objects(database, statement.kind)?;
        let object = statement.object.as_deref().unwrap_or("");
        let rewritten = rewrites_rows(statement);
        if rewritten {
            // Old and new rows are both hashed and journaled; DROP has no new ones.
            let sides = if statement.kind == Kind::DropTable { 1 } else { 2 };
            let mut charge = |bytes: u64| Ok(spend.row_rewritten(bytes.saturating_mul(sides))?);
            self.capture.end_rows(&self.connection, object, &mut charge)?;
        }
        let indexed = self.indexed_table(statement)?;
        self.schema_changes = self.schema_changes.saturating_add(1);
        let mark = self.capture.mark();
        let ran = self.run_statement(database, statement, spend);
        self.flush();
        let executed = ran?;
        if matches!(statement.kind, Kind::AlterTable(_)) {
            self.check_text_lengths(&Namespace::database(database))?;
        }
        let name = statement.related.as_deref().filter(|_| renames(statement)).unwrap_or(object);
        let shaped = matches!(statement.kind, Kind::CreateTable | Kind::AlterTable(_));
        if shaped && Layout::hides_rowid(&self.connection, name)? {
            return Err(Error::rejected(
                Code::SqlRefused,
                "columns named rowid, _rowid_ and oid together hide the row's number: rename one",
            ));
        }
        let dropped = (statement.kind == Kind::DropTable).then_some(object);
        self.capture.absorb(&self.connection, dropped)?;
        spend.written(self.capture.since(mark));
        failpoint!("schema_change");
        let made = Made {
            text: is_create(statement.kind).then_some(statement.user.as_str()),
            from_terms: statement.from_terms,
        };
        if is_create(statement.kind) {
            schema::add(&self.connection, database, object, &made)?;
        } else {
            schema::sync(&self.connection, database, &made)?;
        }
        self.check_views(database, statement, spend)?;
        // After the catalog: layouts are made from it.
        if rewritten && statement.kind != Kind::DropTable {
            self.capture.begin_rows(&self.connection, name)?;
        }
        self.capture.absorb(&self.connection, None)?;
        if let Some((table, before)) = indexed {
            let after = self.indexes_of(&table)?;
            if after != before {
                let rows = self.count_rows(&table, spend)?;
                self.capture.indexes_changed(database, rows, before, after);
            }
        }
        Ok(executed)
    }

    /// The table of an index that the statement makes or drops, with the number of its indexes before.
    fn indexed_table(&mut self, statement: &Statement) -> Result<Option<(String, u64)>, Fatal> {
        let table = match statement.kind {
            Kind::CreateIndex => statement.related.clone(),
            Kind::DropIndex => self.table_of_index(statement.object.as_deref().unwrap_or(""))?,
            _ => None,
        };
        let Some(table) = table else { return Ok(None) };
        let before = self.indexes_of(&table)?;
        Ok(Some((table, before)))
    }

    /// The statement itself; its events stay with the engine.
    fn run_statement(
        &mut self,
        database: u64,
        statement: &Statement,
        spend: &mut Spend<'_>,
    ) -> Result<Executed, Error> {
        let mut done = Executed::default();
        let mut bytes_left = limits::SQL_RESULT_BYTES_MAX;
        let ran = self.run_once(statement, &[], true, &mut done, &mut bytes_left, spend);
        ran.map_err(|error| match error {
            Error::Rejected(rejection) => {
                in_users_names(&rejection, &Namespace::database(database))
            }
            fatal @ Error::Fatal(_) => fatal,
        })?;
        Ok(Executed { changes: 0, schema_change: true, ..done })
    }

    /// Rule 8: compiles the new view, or all views of the database if one may have lost its ground.
    fn check_views(
        &self,
        database: u64,
        statement: &Statement,
        spend: &mut Spend<'_>,
    ) -> Result<(), Error> {
        let only = match statement.kind {
            Kind::CreateView => Value::from(statement.object.as_deref().unwrap_or("")),
            Kind::DropTable | Kind::DropView | Kind::AlterTable(_) => Value::Null,
            _ => return Ok(()),
        };
        let views = self.query(
            "SELECT physical, name, physical_sql FROM chain_schema WHERE database = ?1 \
             AND kind = 'view' AND (?2 IS NULL OR physical = ?2) ORDER BY seq",
            &[&schema::id(database), &only],
        )?;
        for view in views {
            let column = |index| schema::text(view.get(index));
            spend.text(column(2).len())?;
            let select = format!("SELECT * FROM {}", quoted(&column(0)));
            if let Err(error) = self.compile(&select, spend) {
                let rejection = match error {
                    Error::Rejected(rejection) if rejection.code != Code::OutOfGas => rejection,
                    other => return Err(other),
                };
                let why = in_users_names(&rejection, &Namespace::database(database));
                return Err(Error::rejected(
                    Code::SqlRefused,
                    format!("view {} would not work: {why}; drop or change it first", column(1)),
                ));
            }
        }
        Ok(())
    }

    /// Rule 9.
    fn check_text_lengths(&self, namespace: &Namespace) -> Result<(), Error> {
        let max = limits::SQL_PHYSICAL_BYTES_MAX;
        let longest = self.query(
            "SELECT length(CAST(sql AS BLOB)), name FROM sqlite_schema ORDER BY 1 DESC LIMIT 1",
            &[],
        )?;
        let Some([Value::Integer(length), Value::Text(name)]) = longest.first().map(Vec::as_slice)
        else {
            return Ok(());
        };
        if usize::try_from(*length).is_ok_and(|length| length <= max) {
            return Ok(());
        }
        Err(Error::rejected(
            Code::SqlTooLarge,
            format!(
                "the stored text of {} would have {length} bytes, and {max} are allowed: use a \
                 shorter name, or drop what mentions it so often",
                user_text(name, namespace)
            ),
        ))
    }

    /// Rule 7.
    fn check_objects(&self, database: u64, kind: Kind) -> Result<(), Error> {
        let objects = schema::objects_of(&self.connection, database)?;
        if is_create(kind) && objects >= limits::SQL_OBJECTS_MAX as u64 {
            return Err(Error::rejected(
                Code::SqlTooLarge,
                format!("the database has {objects} objects, which is the limit: drop some first"),
            ));
        }
        Ok(())
    }
}

fn failed(failure: SqlFailure, spend: &mut Spend<'_>) -> Error {
    match failure {
        SqlFailure::Steps(_) => out_of_gas(spend.gas),
        SqlFailure::Rejected(rejection) => rejection.into(),
        SqlFailure::Fatal(fatal) => fatal.into(),
        SqlFailure::Stopped => Error::fatal("a statement stopped, but nothing stopped it"),
    }
}

fn is_create(kind: Kind) -> bool {
    matches!(kind, Kind::CreateTable | Kind::CreateIndex | Kind::CreateView)
}

fn renames(statement: &Statement) -> bool {
    statement.kind == Kind::AlterTable(Alter::Rename)
}

/// Rule 6. A column added without DEFAULT holds NULL or is VIRTUAL, which changes no leaf, and the
/// name of a column is in no leaf.
fn rewrites_rows(statement: &Statement) -> bool {
    match statement.kind {
        Kind::DropTable | Kind::AlterTable(Alter::Rename | Alter::DropColumn) => true,
        Kind::AlterTable(Alter::AddColumn) => {
            statement.physical.to_ascii_uppercase().contains("DEFAULT")
        }
        _ => false,
    }
}
