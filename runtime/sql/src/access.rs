//! Row access: which rows of a table a caller reads and writes.
//!
//! 1. A predicate is an expression over the columns of its table; `caller()` in it is the caller's
//!    address, or NULL. It may read other tables of the database, without their predicates.
//! 2. Every reference to a table with `can_read` is printed as `(SELECT * FROM t WHERE ... LIMIT -1) AS t`.
//!    The LIMIT keeps the engine from merging the query into the one around it, so no expression of the
//!    statement is ever evaluated on a row that its caller may not read, and no error tells of one.
//! 3. UPDATE, DELETE and DO UPDATE touch rows that both predicates of their table allow; what they write
//!    and what INSERT writes is compared with `can_write` afterwards ([`RowCheck`]).
//! 4. Tables inside a predicate are printed with the schema `main`, so that no common table expression
//!    of the statement can stand for one of them.
//! 5. Views, and statements that change the schema, REPLACE, UPDATE ... FROM and INDEXED BY of tables with
//!    predicates, are refused. Such a table has no rowid to be named.

use std::collections::BTreeMap;

use dadbs_types::{Code, Rejection, limits};
use sqlite3_parser::ast::{Indexed, QualifiedName};

use crate::names::{self, Namespace};
use crate::printer::{Printed, Printer};
use crate::refusals::Refusal;
use crate::scan;
use crate::select::Term;
use crate::{ObjectKind, Purpose, Schema, Statement, Verb};

/// The predicates of a database and who is asking.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowAccess {
    /// By table (lower case): which rows are read.
    pub can_read: BTreeMap<String, String>,
    /// By table (lower case): which rows are written.
    pub can_write: BTreeMap<String, String>,
    /// The caller's address, if it is known.
    pub caller: Option<String>,
}

/// What is compared after a statement has written (rule 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowCheck {
    /// The user's name of the table, lower case.
    pub table: String,
    /// Gives a row for a rowid that the caller may write.
    pub physical: String,
}

/// The forms in which a predicate is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// All columns of the rows.
    Rows,
    /// Their rowids.
    Rowids,
    /// 1 for one rowid.
    One,
    /// Without the brackets around it, which it could close and open again: only to refuse that.
    Bare,
}

/// The statements that a predicate is used in, in physical names: what must compile.
///
/// # Errors
/// What the front door refuses of them.
pub fn predicate_statements(
    table: &str,
    predicate: &str,
    namespace: &Namespace,
    schema: &dyn Schema,
) -> Result<Vec<String>, Rejection> {
    let nobody = RowAccess::default();
    print(table, predicate, Form::Bare, &nobody, namespace, schema)?;
    [Form::Rows, Form::Rowids, Form::One]
        .into_iter()
        .map(|form| Ok(print(table, predicate, form, &nobody, namespace, schema)?.physical))
        .collect()
}

fn print(
    table: &str,
    predicate: &str,
    form: Form,
    access: &RowAccess,
    namespace: &Namespace,
    schema: &dyn Schema,
) -> Result<Statement, Rejection> {
    let quoted = names::quoted(table);
    // A comment at its end ends with the line.
    let text = match form {
        Form::Rows => format!("SELECT * FROM {quoted} WHERE ({predicate}\n)"),
        Form::Rowids => format!("SELECT {quoted}.rowid FROM {quoted} WHERE ({predicate}\n)"),
        Form::One => {
            format!("SELECT 1 FROM {quoted} WHERE {quoted}.rowid = ?1 AND ({predicate}\n)")
        }
        Form::Bare => format!("SELECT 1 FROM {quoted} WHERE {predicate}\n"),
    };
    let statement = crate::prepare_in(&text, namespace, Purpose::Read, schema, Some(access), true)?;
    if statement.parameters != usize::from(form == Form::One) {
        let text = format!("the row access of {table} takes parameters: use caller() and columns");
        return Err(Rejection::new(Code::SqlParameters, text));
    }
    Ok(statement)
}

impl Printer<'_> {
    fn predicate(&mut self, predicate: &str, table: &str, form: Form) -> Result<String, Rejection> {
        let Some(access) = self.row_access else { return Ok(String::new()) };
        let statement = print(table, predicate, form, access, self.namespace, self.schema)?;
        self.terms.add(statement.from_terms);
        self.limit(
            "the statement with row access",
            statement.physical.len().saturating_add(self.printed_len()),
            limits::SQL_PHYSICAL_BYTES_MAX,
            "bytes",
        )?;
        Ok(statement.physical)
    }

    /// The predicates that statements around are held to: none inside a predicate.
    fn applied(&self) -> Option<&RowAccess> {
        self.row_access.filter(|_| !self.in_predicate)
    }

    fn reads(&self, table: &str) -> Option<String> {
        self.applied()?.can_read.get(table).cloned()
    }

    fn writes(&self, table: &str) -> Option<String> {
        self.applied()?.can_write.get(table).cloned()
    }

    /// True if a predicate stands on the table.
    pub(crate) fn is_protected(&self, table: &str) -> bool {
        self.reads(table).is_some() || self.writes(table).is_some()
    }

    /// A reference to a table with `can_read` (rule 2); `None` for every other.
    pub(crate) fn protected(
        &mut self,
        name: &QualifiedName<'_>,
        indexed: Option<&Indexed<'_>>,
    ) -> Result<Option<Term>, Rejection> {
        if self.applied().is_none() || name.db_name.is_some() {
            return Ok(None);
        }
        let user = names::dequote(name.name.0).to_ascii_lowercase();
        if self.terms.find(&user).is_some() {
            return Ok(None);
        }
        let object = self.schema.object(&self.namespace.physical(&user));
        self.seek(name.name.0);
        if object.is_some_and(|object| object.kind == ObjectKind::View) {
            return Err(self.refuse(Refusal::ProtectedView));
        }
        let Some(predicate) = self.reads(&user) else { return Ok(None) };
        if indexed.is_some() {
            return Err(self.refuse(Refusal::ProtectedTable));
        }
        self.read_name(name.name.0)?;
        let rows = self.predicate(&predicate, &user, Form::Rows)?;
        self.put(&format!("({rows} LIMIT -1)"));
        self.access(Verb::Select, &user);
        Ok(Some(Term { name: user, equal: 1 }))
    }

    /// Refuses what a protected target cannot have (rule 5).
    pub(crate) fn unprotected(&self, table: &str, refused: bool) -> Printed {
        if refused && self.is_protected(table) {
            return Err(self.refuse(Refusal::ProtectedTable));
        }
        Ok(())
    }

    /// Prints WHERE with what row access asks of the target, around `condition` (rule 3). `alias` is the
    /// name of the target as it is printed.
    pub(crate) fn guarded_where(
        &mut self,
        table: &str,
        alias: &str,
        condition: Option<&sqlite3_parser::ast::Expr<'_>>,
    ) -> Printed {
        let predicates = [self.reads(table), self.writes(table)];
        let mut guards = Vec::new();
        for predicate in predicates.into_iter().flatten() {
            let rowids = self.predicate(&predicate, table, Form::Rowids)?;
            guards.push(format!("{alias}.rowid IN ({rowids})"));
        }
        if guards.is_empty() {
            if let Some(condition) = condition {
                self.word("WHERE");
                self.expression(condition)?;
            }
            return Ok(());
        }
        let guard = guards.join(" AND ");
        let Some(condition) = condition else {
            self.put(&format!("WHERE {guard}"));
            return Ok(());
        };
        // CASE evaluates the condition for allowed rows only.
        self.skip("WHERE");
        self.put(&format!("WHERE CASE WHEN {guard} THEN ("));
        self.expression(condition)?;
        self.put(") ELSE 0 END");
        Ok(())
    }

    /// Remembers what is to be compared after the statement (rule 3).
    pub(crate) fn check_written(&mut self, table: &str) -> Printed {
        let Some(predicate) = self.writes(table) else { return Ok(()) };
        let physical = self.predicate(&predicate, table, Form::One)?;
        self.check = Some(RowCheck { table: table.to_owned(), physical });
        Ok(())
    }

    /// The caller as a literal (rule 1).
    pub(crate) fn caller(&self) -> Option<String> {
        let access = self.row_access.filter(|_| self.in_predicate)?;
        Some(match &access.caller {
            Some(caller) => format!("'{}'", caller.replace('\'', "''")),
            None => "NULL".into(),
        })
    }

    /// Refuses a change of the schema under row access (rule 5).
    pub(crate) fn unprotected_schema(&self) -> Printed {
        let guarded =
            |access: &RowAccess| !access.can_read.is_empty() || !access.can_write.is_empty();
        if self.applied().is_some_and(guarded) {
            return Err(Refusal::ProtectedSchema.at(&scan::place("", 0)));
        }
        Ok(())
    }
}
