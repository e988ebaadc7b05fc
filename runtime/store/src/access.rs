//! Row access in the open block (see `dadbs_sql::RowAccess`).
//!
//! 1. Rows that a statement has written to a table with `can_write` are compared with its predicate, one by
//!    one; the first that differs undoes the statement.
//! 2. A table with predicates has a rowid that no column hides, and no constraint with ON CONFLICT REPLACE.

use crate::Store;
use crate::gas::Spend;
use crate::schema::{self, Catalog};
use crate::user::Executed;
use dadbs_sql::{Kind, Namespace, Purpose, RowAccess, RowCheck, Statement, predicate_statements};
use dadbs_types::{Code, Error, Fatal, GasMeter, Rejection, Value};

impl Store {
    /// Statements under row access are not kept: their texts hold the caller.
    pub(crate) fn pass_for(
        &self,
        database: u64,
        sql: &str,
        purpose: Purpose,
        access: &RowAccess,
    ) -> Result<Statement, Error> {
        let catalog = Catalog::new(&self.connection);
        let namespace = Namespace::database(database);
        let prepared = dadbs_sql::prepare_for(sql, &namespace, purpose, &catalog, access);
        catalog.check()?;
        Ok(prepared?)
    }

    /// Rule 1.
    pub(crate) fn check_written(
        &mut self,
        database: u64,
        check: &RowCheck,
        mark: usize,
        spend: &mut Spend<'_>,
    ) -> Result<(), Error> {
        let changed = self.changed_rows(database, mark, &|table| table == check.table)?;
        let statement = Statement {
            kind: Kind::Select,
            physical: check.physical.clone(),
            user: String::new(),
            accesses: Vec::new(),
            object: None,
            related: None,
            from_terms: 1,
            parameters: 1,
            check: None,
        };
        let written = changed.iter().filter(|row| row.new.is_some());
        for (index, row) in written.enumerate() {
            let rowid = row.rowid.ok_or_else(|| {
                Fatal::new(format!("{} has row access and no rowid", check.table))
            })?;
            let mut found = Executed::default();
            let key = [Value::Integer(rowid)];
            self.run_once(&statement, &key, index == 0, &mut found, &mut 64, spend)?;
            if found.rows.is_empty() {
                let text = format!("the caller may not write such a row of {}", check.table);
                return Err(Error::rejected(Code::SqlRowAccess, text));
            }
        }
        Ok(())
    }

    /// Refuses predicates that do not fit the schema (rule 2). Tables that do not exist are left out, if
    /// `is_partial`.
    pub fn check_row_access(
        &mut self,
        database: u64,
        access: &RowAccess,
        is_partial: bool,
        gas: &mut GasMeter,
    ) -> Result<(), Error> {
        let mut spend = Spend::new(gas);
        for (kind, predicates) in [("can_read", &access.can_read), ("can_write", &access.can_write)]
        {
            for (table, predicate) in predicates {
                spend.text(predicate.len())?;
                let checked =
                    self.check_predicate(database, table, predicate, is_partial, &mut spend);
                checked.map_err(|error| match error {
                    Error::Rejected(why) if why.code != Code::OutOfGas => Error::rejected(
                        Code::InvalidRowAccess,
                        format!("{kind} of {}: {}", table.escape_debug(), why.message),
                    ),
                    other => other,
                })?;
            }
        }
        Ok(())
    }

    fn check_predicate(
        &mut self,
        database: u64,
        table: &str,
        predicate: &str,
        is_partial: bool,
        spend: &mut Spend<'_>,
    ) -> Result<(), Error> {
        let namespace = Namespace::database(database);
        let physical = Value::from(namespace.physical(table));
        let made = self.query(
            "SELECT sql FROM chain_schema WHERE physical = ?1 AND kind = 'table'",
            &[&physical],
        )?;
        let refuse = |what: &str| Err(Rejection::new(Code::SqlRefused, what).into());
        let Some(row) = made.first() else {
            return if is_partial { Ok(()) } else { refuse("there is no such table") };
        };
        let sql = schema::text(row.first()).to_ascii_uppercase();
        if sql.contains("CONFLICT") && sql.contains("REPLACE") {
            return refuse("the table has ON CONFLICT REPLACE, which would remove hidden rows");
        }
        let hidden = self.query(
            "SELECT 1 FROM pragma_table_xinfo(?1) WHERE lower(name) = 'rowid'",
            &[&physical],
        )?;
        if !hidden.is_empty() {
            return refuse("a column is named rowid: rename it");
        }
        let catalog = Catalog::new(&self.connection);
        let statements = predicate_statements(table, predicate, &namespace, &catalog);
        catalog.check()?;
        for statement in statements? {
            drop(self.compile(&statement, spend)?);
        }
        Ok(())
    }
}
