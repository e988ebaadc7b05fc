//! INSERT, UPDATE and DELETE.
//!
//! 1. The target keeps its own name as an alias where an expression may name it; RETURNING, where SQLite
//!    ignores aliases, names the physical table instead.
//! 2. OR FAIL and OR ROLLBACK are refused.
//! 3. RETURNING, like a query, needs the right to read the table.

use dadbs_types::{Rejection, limits};
use sqlite3_parser::ast::{
    InsertBody, QualifiedName, ResolveType, ResultColumn, Set, Stmt, Upsert, UpsertDo,
};
use sqlite3_parser::dialect::TokenType::TK_REPLACE;

use crate::names;
use crate::printer::{Printed, Printer, Target};
use crate::refusals::Refusal;
use crate::select::Names;
use crate::{Kind, Verb};

impl Printer<'_> {
    pub(crate) fn insert(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let Stmt::Insert { with, or_conflict, tbl_name, columns, body, returning } = statement
        else {
            return Ok(Kind::Insert);
        };
        let entered = self.with(with.as_ref())?;
        if self.next_is(TK_REPLACE) {
            self.word("REPLACE");
        } else {
            self.word("INSERT");
            self.or_conflict(*or_conflict)?;
        }
        self.word("INTO");
        let user = self.written_table(tbl_name, upserts(body))?;
        self.unprotected(&user, *or_conflict == Some(ResolveType::Replace))?;
        self.access(Verb::Insert, &user);
        if *or_conflict == Some(ResolveType::Replace) {
            self.access(Verb::Delete, &user);
        }
        if let Some(columns) = columns {
            self.names(columns)?;
        }
        match body {
            InsertBody::DefaultValues => self.words("DEFAULT VALUES"),
            InsertBody::Select(select, upsert) => {
                self.select(select, Names::Unseen)?;
                let mut next = *upsert;
                while let Some(upsert) = next {
                    self.upsert(upsert, &user, &alias(tbl_name, &user))?;
                    next = upsert.next;
                }
            }
        }
        self.dml_returning(*returning, &user)?;
        self.check_written(&user)?;
        if entered {
            self.terms.leave();
        }
        Ok(Kind::Insert)
    }

    fn upsert(&mut self, upsert: &Upsert<'_>, user: &str, alias: &str) -> Printed {
        self.words("ON CONFLICT");
        if let Some(index) = &upsert.index {
            self.open();
            self.sorted_columns(index.targets)?;
            self.close();
            if let Some(condition) = &index.where_clause {
                self.word("WHERE");
                self.expression(condition)?;
            }
        }
        match &upsert.do_clause {
            UpsertDo::Nothing => {
                self.words("DO NOTHING");
                Ok(())
            }
            UpsertDo::Set { sets, where_clause } => {
                self.access(Verb::Update, user);
                self.words("DO UPDATE SET");
                self.sets(sets)?;
                self.guarded_where(user, alias, where_clause.as_ref())
            }
        }
    }

    pub(crate) fn update(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let Stmt::Update {
            with,
            or_conflict,
            tbl_name,
            indexed,
            sets,
            from,
            where_clause,
            returning,
            order_by,
            limit,
        } = statement
        else {
            return Ok(Kind::Update);
        };
        let entered = self.with(with.as_ref())?;
        self.word("UPDATE");
        self.or_conflict(*or_conflict)?;
        let user = self.written_table(tbl_name, true)?;
        let replaces = *or_conflict == Some(ResolveType::Replace);
        self.unprotected(&user, replaces || from.is_some() || indexed.is_some())?;
        self.access(Verb::Update, &user);
        if *or_conflict == Some(ResolveType::Replace) {
            self.access(Verb::Delete, &user);
        }
        self.indexed(indexed.as_ref())?;
        self.word("SET");
        self.sets(sets)?;
        if let Some(from) = from {
            self.update_from(from)?;
        }
        self.guarded_where(&user, &alias(tbl_name, &user), where_clause.as_ref())?;
        self.dml_returning(*returning, &user)?;
        self.check_written(&user)?;
        if order_by.is_some() || limit.is_some() {
            return Err(self.refuse(Refusal::OrderedWrite));
        }
        if entered {
            self.terms.leave();
        }
        Ok(Kind::Update)
    }

    pub(crate) fn delete(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let Stmt::Delete { with, tbl_name, indexed, where_clause, returning, order_by, limit } =
            statement
        else {
            return Ok(Kind::Delete);
        };
        let entered = self.with(with.as_ref())?;
        self.words("DELETE FROM");
        let user = self.written_table(tbl_name, true)?;
        self.unprotected(&user, indexed.is_some())?;
        self.access(Verb::Delete, &user);
        self.indexed(indexed.as_ref())?;
        self.guarded_where(&user, &alias(tbl_name, &user), where_clause.as_ref())?;
        self.dml_returning(*returning, &user)?;
        if order_by.is_some() || limit.is_some() {
            return Err(self.refuse(Refusal::OrderedWrite));
        }
        if entered {
            self.terms.leave();
        }
        Ok(Kind::Delete)
    }

    fn sets(&mut self, sets: &[Set<'_>]) -> Printed {
        self.limit("SET", sets.len(), limits::SQL_COLUMNS_MAX, "columns")?;
        self.list(sets, |printer, set| {
            match set.col_names.as_slice() {
                [name] => printer.name(name.0)?,
                names => printer.names(names)?,
            }
            printer.word("=");
            printer.expression(&set.expr)
        })
    }

    fn or_conflict(&mut self, resolve: Option<ResolveType>) -> Printed {
        let Some(resolve) = resolve else { return Ok(()) };
        self.word("OR");
        self.resolve(resolve)
    }

    /// The word of a conflict resolution that leaves whole statements (rule 2).
    pub(crate) fn resolve(&mut self, resolve: ResolveType) -> Printed {
        match resolve {
            ResolveType::Abort => self.word("ABORT"),
            ResolveType::Ignore => self.word("IGNORE"),
            ResolveType::Replace => self.word("REPLACE"),
            ResolveType::Fail => return Err(self.refuse(Refusal::ConflictFail)),
            ResolveType::Rollback => return Err(self.refuse(Refusal::ConflictRollback)),
        }
        Ok(())
    }

    /// Prints the target of a write, with an alias if it has one or `named` asks for it (rule 1).
    fn written_table(
        &mut self,
        name: &QualifiedName<'_>,
        named: bool,
    ) -> Result<String, Rejection> {
        self.own_schema(name)?;
        let user = self.object_name(name.name.0)?;
        self.terms.add(1);
        match &name.alias {
            Some(alias) => {
                self.word("AS");
                self.name(alias.0)?;
            }
            None if named => self.put_alias(&user),
            None => {}
        }
        Ok(user)
    }

    /// Refuses a name with a schema, for everything but reading.
    pub(crate) fn own_schema(&mut self, name: &QualifiedName<'_>) -> Printed {
        let Some(schema) = &name.db_name else { return Ok(()) };
        self.seek(schema.0);
        if names::dequote(schema.0).eq_ignore_ascii_case("chain") {
            return Err(self.refuse(Refusal::ChainWrite));
        }
        Err(self.refuse(Refusal::Schema))
    }

    fn dml_returning(&mut self, columns: Option<&[ResultColumn<'_>]>, user: &str) -> Printed {
        let Some(columns) = columns else { return Ok(()) };
        self.access(Verb::Select, user);
        self.target = Some(self.target_named(user));
        self.returning(columns)?;
        self.target = None;
        Ok(())
    }

    /// The table that expressions name physically from here on.
    pub(crate) fn target_named(&self, user: &str) -> Target {
        let physical = self.namespace.physical(user);
        Target { user: user.to_owned(), printed: names::identifier(&physical).into_owned() }
    }
}

/// The target's name as its alias is printed.
fn alias(name: &QualifiedName<'_>, user: &str) -> String {
    let alias = name.alias.as_ref().map_or_else(|| user.into(), |alias| names::dequote(alias.0));
    names::quoted(&alias)
}

/// Whether an expression of the INSERT may name its target.
fn upserts(body: &InsertBody<'_>) -> bool {
    match body {
        InsertBody::Select(_, upsert) => upsert.is_some(),
        InsertBody::DefaultValues => false,
    }
}
