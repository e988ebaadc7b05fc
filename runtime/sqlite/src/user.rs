//! Statements of users: metered, undone alone when they fail.
//!
//! 1. A run has at most `steps_max` steps; success means it stayed below.
//! 2. Whatever makes a run fail, its changes are undone, its events dropped, and the transaction
//!    stays open.
//! 3. Steps, those of compiling too, do not depend on whether a statement was compiled before.
//! 4. TEXT that is not UTF-8 neither leaves the engine nor enters a table.
//! 5. Compiling ends when it has taken its steps: copied expressions, plans of joins, the tables in
//!    scope of a name, and whatever else grows faster than the text counts.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use dadbs_types::{Code, Value, limits};
use libsqlite3_sys as ffi;

use crate::authorizer::Seen;
use crate::connection::Connection;
use crate::failure::{self, SqlFailure};
use crate::hook::Mode;
use crate::statement::{Statement, ValueRef};

/// Compiled statements kept per connection; then all are dropped.
const KEPT_STATEMENTS_MAX: usize = 256;

/// What a row callback answers to end the statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StopRow;

/// What a statement did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The steps it took, those of captured rows included.
    pub steps: u64,
    /// The steps of captured rows alone: what they cost by `gas::price`, in steps.
    pub captured_steps: u64,
    /// The rows it inserted, updated or deleted itself; 0 for SELECT and DDL.
    pub changes: u64,
}

/// Statements that were compiled before, by text.
pub(crate) struct UserCache {
    is_on: bool,
    statements: RefCell<HashMap<Box<str>, Compiled>>,
    /// Counts flushes, so that a statement in use across one is not kept.
    flushes: Cell<u64>,
    ddl_in_transaction: Cell<bool>,
    /// Of the last statement.
    compile_steps: Cell<u64>,
}

impl UserCache {
    /// Readers keep nothing: the writer's DDL would change columns under a kept statement.
    pub(crate) fn new(is_writer: bool) -> UserCache {
        UserCache {
            is_on: is_writer,
            statements: RefCell::default(),
            flushes: Cell::new(0),
            ddl_in_transaction: Cell::new(false),
            compile_steps: Cell::new(0),
        }
    }

    pub(crate) fn clear(&self) {
        self.statements.borrow_mut().clear();
        self.flushes.set(self.flushes.get() + 1);
    }

    /// Flushes after DDL, and after a rollback that may have undone some (rule 3).
    pub(crate) fn note(&self, seen: Seen) {
        if seen.ddl || (seen.rollback && self.ddl_in_transaction.get()) {
            self.clear();
        }
        if seen.ddl {
            self.ddl_in_transaction.set(true);
        } else if seen.commit {
            self.ddl_in_transaction.set(false);
        }
    }

    fn take(&self, sql: &str) -> Option<(Box<str>, Compiled)> {
        self.statements.borrow_mut().remove_entry(sql)
    }

    fn keep(&self, sql: Box<str>, statement: Compiled, flushes: u64) {
        if !self.is_on || self.flushes.get() != flushes {
            return;
        }
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= KEPT_STATEMENTS_MAX {
            statements.clear();
        }
        statements.insert(sql, statement);
    }
}

/// A statement with the steps that compiling it took.
struct Compiled {
    statement: Statement,
    steps: u64,
}

/// A compiled statement of a user.
pub struct UserStatement<'c> {
    connection: &'c Connection,
    /// Present until dropped.
    statement: Option<(Box<str>, Compiled)>,
    is_ddl: bool,
    flushes: u64,
    /// The last run's.
    steps: u64,
}

impl Connection {
    /// Compiles one statement of a user, which the front door has checked and renamed.
    pub fn prepare_user(&self, sql: &str) -> Result<UserStatement<'_>, SqlFailure> {
        self.prepare_user_within(sql, u64::MAX)
    }

    /// As [`Connection::prepare_user`] with at most `steps_max` steps (rule 5); what it took is
    /// [`Connection::compile_steps`].
    pub fn prepare_user_within(
        &self,
        sql: &str,
        steps_max: u64,
    ) -> Result<UserStatement<'_>, SqlFailure> {
        let flushes = self.users.flushes.get();
        if let Some((text, compiled)) = self.users.take(sql) {
            self.users.compile_steps.set(compiled.steps.min(steps_max));
            let too_long = compiled.steps > steps_max;
            let statement = Some((text, compiled));
            let kept =
                UserStatement { connection: self, statement, is_ddl: false, flushes, steps: 0 };
            return if too_long { Err(SqlFailure::Steps(steps_max)) } else { Ok(kept) };
        }
        let meter = self.state().meter.start(u64::MAX);
        let mode = self.enter(Mode::User);
        let outer = self.state().seen.take();
        self.state().meter.start_compiling(steps_max);
        let result = self.compile(sql, steps_max);
        let steps = self.state().meter.finish_compiling().min(steps_max);
        self.users.compile_steps.set(steps);
        let is_ddl = self.state().seen.replace(outer).ddl;
        self.enter(mode);
        self.state().meter.finish(meter);
        let statement = Some((sql.into(), Compiled { statement: result?, steps }));
        Ok(UserStatement { connection: self, statement, is_ddl, flushes, steps: 0 })
    }

    /// The steps of the last statement's compiling, also of one that failed or was compiled before.
    pub fn compile_steps(&self) -> u64 {
        self.users.compile_steps.get()
    }

    fn compile(&self, sql: &str, steps_max: u64) -> Result<Statement, SqlFailure> {
        match Statement::prepare(self.db(), sql) {
            Ok((Some(statement), used)) if sql[used..].trim().is_empty() => Ok(statement),
            Ok(_) => Err(SqlFailure::rejected(
                Code::SqlSyntax,
                "the text is not exactly one statement; send one at a time",
            )),
            Err(code) => Err(failure::classify(self.db(), code, self.state().meter, steps_max)),
        }
    }
}

impl UserStatement<'_> {
    fn inner(&self) -> &Statement {
        &self.statement.as_ref().expect("present until dropped").1.statement
    }

    /// The names of the result's columns.
    pub fn columns(&self) -> Vec<String> {
        (0..self.inner().column_count()).map(|index| self.inner().column_name(index)).collect()
    }

    /// The number of parameters: the largest `?n`.
    pub fn parameter_count(&self) -> usize {
        self.inner().parameter_count()
    }

    /// True if the statement changes nothing.
    pub fn is_readonly(&self) -> bool {
        self.inner().is_readonly()
    }

    /// The steps of the last run, however it ended: a refused statement has worked too.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// Runs the statement from its start and hands every row to `row`.
    pub fn run(
        &mut self,
        params: &[Value],
        steps_max: u64,
        row: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<(), StopRow>,
    ) -> Result<Run, SqlFailure> {
        let connection = self.connection;
        let state = connection.state();
        let mark = connection.capture_mark();
        let mode = connection.enter(Mode::User);
        let meter = state.meter.start(steps_max);
        let captured = state.captured.replace(0);
        // DDL compiles statements of its own while it runs.
        let outer = state.seen.replace(Seen { ddl: self.is_ddl, ..Seen::default() });
        let result = self.run_metered(params, steps_max, row);
        self.inner().clear();
        state.poison.borrow_mut().take();
        // What is used beyond the limit when a statement stops depends on where it was looked at.
        let steps = state.meter.finish(meter).min(steps_max);
        let captured_steps = state.captured.replace(captured);
        self.steps = steps;
        state.seen.set(outer);
        connection.enter(mode);
        if self.is_ddl {
            connection.users.note(Seen { ddl: true, ..Seen::default() });
        }
        match result {
            Ok(changes) => Ok(Run { steps, captured_steps, changes }),
            Err(failure) => {
                connection.capture_truncate(mark);
                Err(failure)
            }
        }
    }

    fn run_metered(
        &self,
        params: &[Value],
        steps_max: u64,
        row: &mut dyn FnMut(&[ValueRef<'_>]) -> Result<(), StopRow>,
    ) -> Result<u64, SqlFailure> {
        let (statement, db) = (self.inner(), self.connection.db());
        self.bind(params)?;
        let mut columns = 0;
        let mut values = Vec::new();
        loop {
            match statement.step() {
                ffi::SQLITE_ROW => {}
                ffi::SQLITE_DONE => break,
                code => return Err(self.failure(code, steps_max)),
            }
            if values.is_empty() {
                // After the first step: it may have compiled the statement anew.
                columns = statement.column_count();
                values.reserve_exact(columns);
            }
            values.clear();
            for index in 0..columns {
                // SAFETY: there is a row; the values are gone before the next step.
                match unsafe { statement.column(index) } {
                    Ok(value) => values.push(value),
                    Err(why) => return Err(self.stop(SqlFailure::Rejected(why))),
                }
            }
            if row(&values).is_err() {
                return Err(self.stop(SqlFailure::Stopped));
            }
        }
        if self.is_ddl || statement.is_readonly() {
            return Ok(0);
        }
        // SAFETY: the connection is open.
        Ok(u64::try_from(unsafe { ffi::sqlite3_changes64(db) }).unwrap_or(0))
    }

    fn bind(&self, params: &[Value]) -> Result<(), SqlFailure> {
        let statement = self.inner();
        let wanted = statement.parameter_count();
        if wanted != params.len() {
            return Err(SqlFailure::rejected(
                Code::SqlParameters,
                format!("the statement has {wanted} parameters, {} are given", params.len()),
            ));
        }
        for (index, value) in params.iter().enumerate() {
            if value.len() > limits::SQL_VALUE_BYTES_MAX {
                return Err(SqlFailure::rejected(
                    Code::SqlTooLarge,
                    format!(
                        "parameter {} has {} bytes, {} are allowed",
                        index + 1,
                        value.len(),
                        limits::SQL_VALUE_BYTES_MAX
                    ),
                ));
            }
            // SAFETY: `run` clears the statement before `params` ends.
            let code = unsafe { statement.bind(index, value) };
            if code != ffi::SQLITE_OK {
                return Err(self.failure(code, u64::MAX));
            }
        }
        Ok(())
    }

    fn failure(&self, code: i32, steps_max: u64) -> SqlFailure {
        let state = self.connection.state();
        if let Some(why) = state.poison.borrow_mut().take() {
            return why;
        }
        failure::classify(self.connection.db(), code, state.meter, steps_max)
    }

    /// Ends a statement between two rows. A reset alone would keep what it wrote (RETURNING rows
    /// come after all changes), so it runs into its limit instead (rule 2).
    fn stop(&self, why: SqlFailure) -> SqlFailure {
        let meter = self.connection.state().meter;
        if self.inner().is_readonly() {
            return why;
        }
        meter.stop();
        let code = self.inner().step();
        if meter.is_stopped() { why } else { self.failure(code, 0) }
    }
}

impl Drop for UserStatement<'_> {
    fn drop(&mut self) {
        if let Some((sql, statement)) = self.statement.take().filter(|_| !self.is_ddl) {
            self.connection.users.keep(sql, statement, self.flushes);
        }
    }
}
