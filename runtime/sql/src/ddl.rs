//! CREATE, ALTER and DROP of tables, indexes and views.
//!
//! 1. What is stored names physical objects only; a column qualified with its table's name gets the
//!    physical name, since stored expressions know no alias.
//! 2. STRICT, WITHOUT ROWID, types and expressions are kept as they were written.
//! 3. Conflict clauses that leave half a statement, DEFERRABLE, AUTOINCREMENT and TEMP are refused.
//! 4. A foreign key is an access `alter` to its parent: from then on rows of the child can keep rows of
//!    the parent from changing.
//! 5. RENAME TO puts rows under what is granted on another name, so it is every access to the old one.

use dadbs_types::{Rejection, limits};
use sqlite3_parser::ast::{
    AlterTableBody, ColumnConstraint, ColumnDefinition, CreateTableBody, DeferSubclause,
    ForeignKeyClause, NamedColumnConstraint, NamedTableConstraint, QualifiedName, RefAct, RefArg,
    ResolveType, Stmt, TabFlags, TableConstraint,
};

use crate::printer::{Printed, Printer};
use crate::refusals::Refusal;
use crate::select::Names;
use crate::{Alter, Kind, Verb};

impl Printer<'_> {
    pub(crate) fn create_table(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let Stmt::CreateTable { temporary, if_not_exists, tbl_name, body } = statement else {
            return Ok(Kind::CreateTable);
        };
        self.word("CREATE");
        self.not_temporary(*temporary)?;
        self.word("TABLE");
        self.if_not_exists(*if_not_exists);
        let user = self.created(tbl_name)?;
        let CreateTableBody::ColumnsAndConstraints { columns, constraints, flags } = body else {
            return Err(self.refuse(Refusal::CreateAs));
        };
        self.limit("the table", columns.len(), limits::SQL_COLUMNS_MAX, "columns")?;
        self.target = Some(self.target_named(&user));
        self.open();
        self.list(columns, |printer, column| printer.column(column, &user))?;
        if let Some(constraints) = constraints {
            self.put_comma();
            self.list(constraints, |printer, item| printer.table_constraint(item, &user))?;
        }
        self.close();
        self.target = None;
        self.table_options(*flags);
        Ok(Kind::CreateTable)
    }

    fn table_options(&mut self, flags: TabFlags) {
        self.skip_rest();
        match (flags.contains(TabFlags::WithoutRowid), flags.contains(TabFlags::Strict)) {
            (true, true) => {
                self.put("WITHOUT ROWID");
                self.put_comma();
                self.put("STRICT");
            }
            (true, false) => self.put("WITHOUT ROWID"),
            (false, true) => self.put("STRICT"),
            (false, false) => {}
        }
    }

    fn column(&mut self, column: &ColumnDefinition<'_>, table: &str) -> Printed {
        self.column_name(column.col_name.0)?;
        if let Some(column_type) = &column.col_type {
            self.column_type(column_type)?;
        }
        for constraint in column.constraints {
            self.column_constraint(constraint, table)?;
        }
        Ok(())
    }

    fn column_constraint(&mut self, named: &NamedColumnConstraint<'_>, table: &str) -> Printed {
        if let Some(name) = &named.name {
            self.word("CONSTRAINT");
            self.name(name.0)?;
        }
        match &named.constraint {
            ColumnConstraint::PrimaryKey { order, conflict_clause, auto_increment } => {
                self.words("PRIMARY KEY");
                self.sort_order(*order);
                self.on_conflict(*conflict_clause)?;
                self.no_autoincrement(*auto_increment)
            }
            ColumnConstraint::NotNull { nullable, conflict_clause } => {
                self.words(if *nullable { "NULL" } else { "NOT NULL" });
                self.on_conflict(*conflict_clause)
            }
            ColumnConstraint::Unique(conflict_clause) => {
                self.word("UNIQUE");
                self.on_conflict(*conflict_clause)
            }
            ColumnConstraint::Check(expression) => self.check(expression),
            ColumnConstraint::Default(expression) => {
                self.word("DEFAULT");
                self.expression(expression)
            }
            ColumnConstraint::Defer(defer) => self.not_deferrable(Some(defer)),
            ColumnConstraint::Collate { collation_name } => self.collate(collation_name.0),
            ColumnConstraint::ForeignKey { clause, defer_clause } => {
                self.references(clause, table)?;
                self.not_deferrable(defer_clause.as_ref())
            }
            ColumnConstraint::Generated { expr, typ } => {
                self.words("GENERATED ALWAYS AS");
                self.open();
                self.expression(expr)?;
                self.close();
                typ.as_ref().map_or(Ok(()), |kind| self.name(kind.0))
            }
        }
    }

    fn table_constraint(&mut self, named: &NamedTableConstraint<'_>, table: &str) -> Printed {
        if let Some(name) = &named.name {
            self.word("CONSTRAINT");
            self.name(name.0)?;
        }
        match &named.constraint {
            TableConstraint::PrimaryKey { columns, auto_increment, conflict_clause } => {
                self.words("PRIMARY KEY");
                self.open();
                self.sorted_columns(columns)?;
                self.no_autoincrement(*auto_increment)?;
                self.close();
                self.on_conflict(*conflict_clause)
            }
            TableConstraint::Unique { columns, conflict_clause } => {
                self.word("UNIQUE");
                self.open();
                self.sorted_columns(columns)?;
                self.close();
                self.on_conflict(*conflict_clause)
            }
            TableConstraint::Check(expression, conflict_clause) => {
                self.check(expression)?;
                self.on_conflict(*conflict_clause)
            }
            TableConstraint::ForeignKey { columns, clause, defer_clause } => {
                self.words("FOREIGN KEY");
                self.indexed_columns(columns)?;
                self.references(clause, table)?;
                self.not_deferrable(defer_clause.as_ref())
            }
        }
    }

    fn check(&mut self, expression: &sqlite3_parser::ast::Expr<'_>) -> Printed {
        self.word("CHECK");
        self.open();
        self.expression(expression)?;
        self.close();
        Ok(())
    }

    fn references(&mut self, clause: &ForeignKeyClause<'_>, table: &str) -> Printed {
        self.word("REFERENCES");
        let parent = self.object_name(clause.tbl_name.0)?;
        if parent != table {
            self.access(Verb::Select, &parent);
            self.access(Verb::Alter, &parent);
        }
        if let Some(columns) = clause.columns {
            self.indexed_columns(columns)?;
        }
        for argument in clause.args {
            match argument {
                RefArg::OnDelete(action) => self.on_event("ON DELETE", *action),
                RefArg::OnInsert(action) => self.on_event("ON INSERT", *action),
                RefArg::OnUpdate(action) => self.on_event("ON UPDATE", *action),
                RefArg::Match(name) => {
                    self.word("MATCH");
                    self.name(name.0)?;
                }
            }
        }
        Ok(())
    }

    fn on_event(&mut self, event: &str, action: RefAct) {
        self.words(event);
        self.words(match action {
            RefAct::SetNull => "SET NULL",
            RefAct::SetDefault => "SET DEFAULT",
            RefAct::Cascade => "CASCADE",
            RefAct::Restrict => "RESTRICT",
            RefAct::NoAction => "NO ACTION",
        });
    }

    fn on_conflict(&mut self, resolve: Option<ResolveType>) -> Printed {
        let Some(resolve) = resolve else { return Ok(()) };
        self.words("ON CONFLICT");
        self.resolve(resolve)
    }

    fn no_autoincrement(&mut self, auto_increment: bool) -> Printed {
        if auto_increment { Err(self.refuse(Refusal::Autoincrement)) } else { Ok(()) }
    }

    /// `NOT DEFERRABLE` is the default, with any INITIALLY, so it is left out.
    fn not_deferrable(&mut self, defer: Option<&DeferSubclause>) -> Printed {
        match defer {
            Some(DeferSubclause { deferrable: true, .. }) => Err(self.refuse(Refusal::Deferrable)),
            Some(DeferSubclause { deferrable: false, .. }) | None => Ok(()),
        }
    }

    fn not_temporary(&mut self, temporary: bool) -> Printed {
        if temporary { Err(self.refuse(Refusal::Temporary)) } else { Ok(()) }
    }

    fn if_not_exists(&mut self, present: bool) {
        if present {
            self.words("IF NOT EXISTS");
        }
    }

    /// Prints the name of an object that is created; gives the user's.
    fn created(&mut self, name: &QualifiedName<'_>) -> Result<String, Rejection> {
        self.own_schema(name)?;
        let user = self.object_name(name.name.0)?;
        self.object = Some(self.namespace.physical(&user));
        self.access(Verb::Create, &user);
        Ok(user)
    }

    pub(crate) fn create_index(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let Stmt::CreateIndex { unique, if_not_exists, idx_name, tbl_name, columns, where_clause } =
            statement
        else {
            return Ok(Kind::CreateIndex);
        };
        self.words(if *unique { "CREATE UNIQUE INDEX" } else { "CREATE INDEX" });
        self.if_not_exists(*if_not_exists);
        self.created(idx_name)?;
        self.word("ON");
        let table = self.object_name(tbl_name.0)?;
        self.access(Verb::Alter, &table);
        self.related = Some(self.namespace.physical(&table));
        self.target = Some(self.target_named(&table));
        self.open();
        self.sorted_columns(columns)?;
        self.close();
        if let Some(condition) = where_clause {
            self.word("WHERE");
            self.expression(condition)?;
        }
        Ok(Kind::CreateIndex)
    }

    pub(crate) fn create_view(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let Stmt::CreateView { temporary, if_not_exists, view_name, columns, select } = statement
        else {
            return Ok(Kind::CreateView);
        };
        self.word("CREATE");
        self.not_temporary(*temporary)?;
        self.word("VIEW");
        self.if_not_exists(*if_not_exists);
        self.created(view_name)?;
        let listed = self.view_columns(*columns)?;
        self.word("AS");
        self.in_view = true;
        self.select(select, if listed.is_some() { Names::Unseen } else { Names::Query })?;
        Ok(Kind::CreateView)
    }

    pub(crate) fn drop_object(&mut self, statement: &Stmt<'_>) -> Result<Kind, Rejection> {
        let (kind, word, if_exists, name) = match statement {
            Stmt::DropTable { if_exists, tbl_name } => {
                (Kind::DropTable, "TABLE", if_exists, tbl_name)
            }
            Stmt::DropIndex { if_exists, idx_name } => {
                (Kind::DropIndex, "INDEX", if_exists, idx_name)
            }
            Stmt::DropView { if_exists, view_name } => {
                (Kind::DropView, "VIEW", if_exists, view_name)
            }
            _ => return Err(self.refuse(Refusal::NoStatement)),
        };
        self.word("DROP");
        self.word(word);
        if *if_exists {
            self.words("IF EXISTS");
        }
        self.own_schema(name)?;
        let user = self.object_name(name.name.0)?;
        self.object = Some(self.namespace.physical(&user));
        self.access(Verb::Drop, &user);
        Ok(kind)
    }

    pub(crate) fn alter_table(
        &mut self,
        name: &QualifiedName<'_>,
        body: &AlterTableBody<'_>,
    ) -> Result<Kind, Rejection> {
        self.words("ALTER TABLE");
        self.own_schema(name)?;
        let user = self.object_name(name.name.0)?;
        self.object = Some(self.namespace.physical(&user));
        self.access(Verb::Alter, &user);
        self.target = Some(self.target_named(&user));
        let alter = match body {
            AlterTableBody::RenameTo(new) => {
                self.words("RENAME TO");
                let new = self.object_name(new.0)?;
                self.access(Verb::Create, &new);
                for verb in [Verb::Select, Verb::Insert, Verb::Update, Verb::Delete, Verb::Drop] {
                    self.access(verb, &user);
                }
                self.related = Some(self.namespace.physical(&new));
                Alter::Rename
            }
            AlterTableBody::RenameColumn { old, new } => {
                self.words("RENAME COLUMN");
                self.name(old.0)?;
                self.word("TO");
                self.column_name(new.0)?;
                Alter::RenameColumn
            }
            AlterTableBody::AddColumn(column) => {
                self.words("ADD COLUMN");
                self.column(column, &user)?;
                Alter::AddColumn
            }
            AlterTableBody::DropColumn(column) => {
                self.words("DROP COLUMN");
                self.name(column.0)?;
                Alter::DropColumn
            }
            AlterTableBody::DropColumnNotNull(_)
            | AlterTableBody::SetColumnNotNull(..)
            | AlterTableBody::AddConstraint(_)
            | AlterTableBody::DropConstraint(_) => {
                return Err(self.refuse(Refusal::AlterForm));
            }
        };
        Ok(Kind::AlterTable(alter))
    }
}
