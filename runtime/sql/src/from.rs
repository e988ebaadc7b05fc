//! FROM and WITH: where names of tables are read.
//!
//! 1. A renamed table carries its own name as an alias.
//! 2. A name is a common table expression if one is visible, else a table or view of the database;
//!    `chain.name` is a table of the chain, in queries only.
//! 3. A common table expression that reaches itself is refused, with or without RECURSIVE.
//! 4. Functions that are tables ([`TABLE_FUNCTIONS`]) stand in FROM only, with arguments, and keep their
//!    names. Without arguments the name is a table of the database, if there is one, else refused: to
//!    SQLite it would be the function without rows.

use dadbs_types::functions::TABLE_FUNCTIONS;
use dadbs_types::{Rejection, limits};
use sqlite3_parser::ast::{
    As, CommonTableExpr, Expr, FromClause, Indexed, IndexedColumn, JoinConstraint, JoinOperator,
    JoinType, Materialized, OneSelect, QualifiedName, SelectTable, With,
};

use crate::names;
use crate::printer::{Printed, Printer};
use crate::refusals::Refusal;
use crate::select::{EQUAL_NAMES_MAX, Names, Shape, Term};
use crate::{ObjectKind, Verb};

impl Printer<'_> {
    pub(crate) fn print_from(&mut self, from: &FromClause<'_>) -> Result<Vec<Term>, Rejection> {
        let mut terms = Vec::new();
        self.print_terms(from, &mut terms)?;
        Ok(terms)
    }

    /// FROM of an UPDATE, whose names nobody sees.
    pub(crate) fn update_from(&mut self, from: &FromClause<'_>) -> Printed {
        self.word("FROM");
        self.print_from(from).map(|_| ())
    }

    fn print_terms(&mut self, from: &FromClause<'_>, terms: &mut Vec<Term>) -> Printed {
        if let Some(first) = from.select {
            self.print_term(first, terms)?;
        }
        for join in from.joins.iter().flatten() {
            self.join_operator(join.operator);
            self.print_term(&join.table, terms)?;
            match &join.constraint {
                Some(JoinConstraint::On(condition)) => {
                    self.word("ON");
                    self.expression(condition)?;
                }
                Some(JoinConstraint::Using(columns)) => {
                    self.word("USING");
                    self.names(columns)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    fn join_operator(&mut self, operator: JoinOperator) {
        let JoinOperator::TypedJoin(kind) = operator else {
            self.comma();
            return;
        };
        let kind = kind.unwrap_or(JoinType::empty());
        if kind.contains(JoinType::NATURAL) {
            self.word("NATURAL");
        }
        if kind.contains(JoinType::CROSS) {
            self.word("CROSS");
        } else if kind.contains(JoinType::LEFT | JoinType::RIGHT) {
            self.word("FULL");
        } else if kind.contains(JoinType::LEFT) {
            self.word("LEFT");
        } else if kind.contains(JoinType::RIGHT) {
            self.word("RIGHT");
        } else if kind.contains(JoinType::INNER) {
            self.word("INNER");
        }
        self.word("JOIN");
    }

    fn print_term(&mut self, term: &SelectTable<'_>, terms: &mut Vec<Term>) -> Printed {
        self.limit("the FROM clause", terms.len() + 1, limits::SQL_JOIN_TERMS_MAX, "tables")?;
        match term {
            SelectTable::Table(name, alias, indexed) => {
                let protected = self.protected(name, indexed.as_ref())?;
                let is_protected = protected.is_some();
                let mut term = protected.map_or_else(|| self.read_table(name), Ok)?;
                match alias {
                    Some(alias) => term.name = self.alias(alias)?,
                    None => self.put_alias(&term.name),
                }
                if !is_protected {
                    self.indexed(indexed.as_ref())?;
                }
                terms.push(term);
            }
            SelectTable::TableCall(name, arguments, alias) => {
                let offered = self.table_function(name, arguments.unwrap_or_default())?;
                let name = alias.as_ref().map_or(Ok(offered), |alias| self.alias(alias))?;
                terms.push(Term { name, equal: 1 });
            }
            SelectTable::Select(select, alias) => {
                self.open();
                // The names beside a subquery are not visible inside it.
                let beside = self.hiding.pop();
                let equal = self.select(select, Names::Query)?;
                self.hiding.extend(beside);
                self.close();
                self.terms.add(1);
                let name = alias.as_ref().map_or(Ok(String::new()), |alias| self.alias(alias))?;
                terms.push(Term { name, equal });
            }
            SelectTable::Sub(from, alias) => {
                self.open();
                let before = terms.len();
                self.print_terms(from, terms)?;
                self.close();
                if let Some(alias) = alias {
                    let name = self.alias(alias)?;
                    let equal = terms[before..].iter().map(|term| term.equal).sum();
                    terms.push(Term { name, equal });
                }
            }
        }
        Ok(())
    }

    /// Prints a function that is a table (rule 4); its name.
    fn table_function(
        &mut self,
        name: &QualifiedName<'_>,
        arguments: &[Expr<'_>],
    ) -> Result<String, Rejection> {
        let lower = names::dequote(name.name.0).to_ascii_lowercase();
        let offered = TABLE_FUNCTIONS.iter().find(|offered| **offered == lower);
        let (Some(offered), None) = (offered, &name.db_name) else {
            self.seek(name.name.0);
            return Err(self.refuse(Refusal::TableFunction));
        };
        self.literal(name.name.0, offered)?;
        self.open_tight();
        self.list(arguments, |printer, argument| printer.expression(argument))?;
        self.close();
        self.terms.add(1);
        Ok((*offered).to_owned())
    }

    fn alias(&mut self, alias: &As<'_>) -> Result<String, Rejection> {
        let (As::As(name) | As::Elided(name)) = alias;
        self.optional_as();
        self.name(name.0)?;
        Ok(names::dequote(name.0).to_ascii_lowercase())
    }

    /// Prints the name of a table, view, common table expression or chain table that is read.
    pub(crate) fn read_table_name(&mut self, name: &QualifiedName<'_>) -> Printed {
        let protected = self.protected(name, None)?;
        protected.map_or_else(|| self.read_table(name), Ok).map(|_| ())
    }

    fn read_table(&mut self, name: &QualifiedName<'_>) -> Result<Term, Rejection> {
        if let Some(schema) = &name.db_name {
            return self.chain_table(schema.0, name.name.0);
        }
        let lower = names::dequote(name.name.0).to_ascii_lowercase();
        if self.in_predicate && self.terms.find(&lower).is_none() {
            self.put_main();
        }
        let user = self.object_name(name.name.0)?;
        if let Some(expression) = self.terms.find(&user) {
            if self.terms.is_owner(expression) {
                return Err(self.refuse(Refusal::Recursive));
            }
            self.terms.refer(expression);
            let equal = self.terms.equal_names(expression).unwrap_or(EQUAL_NAMES_MAX);
            return Ok(Term { name: user, equal });
        }
        let object = self.schema.object(&self.namespace.physical(&user));
        if object.is_none() && TABLE_FUNCTIONS.contains(&user.as_str()) {
            return Err(self.refuse(Refusal::TableFunction));
        }
        self.access(Verb::Select, &user);
        let (count, equal) = match object {
            Some(object) if object.kind == ObjectKind::View => {
                (object.from_terms.saturating_add(1), object.from_terms.min(EQUAL_NAMES_MAX))
            }
            Some(_) | None => (1, 1),
        };
        self.terms.add(count);
        Ok(Term { name: user, equal })
    }

    fn chain_table(&mut self, schema: &str, table: &str) -> Result<Term, Rejection> {
        self.seek(schema);
        if !names::dequote(schema).eq_ignore_ascii_case("chain") {
            return Err(self.refuse(Refusal::Schema));
        }
        if self.in_view {
            return Err(self.refuse(Refusal::ChainView));
        }
        self.tick(schema)?;
        self.skip(".");
        let user = self.read_name(table)?.to_ascii_lowercase();
        self.put(&names::identifier(&format!("chain_{user}")));
        self.access(Verb::Select, &format!("chain.{user}"));
        self.terms.add(1);
        Ok(Term { name: user, equal: 1 })
    }

    pub(crate) fn indexed(&mut self, indexed: Option<&Indexed<'_>>) -> Printed {
        match indexed {
            Some(Indexed::IndexedBy(index)) => {
                self.words("INDEXED BY");
                self.object_name(index.0).map(|_| ())
            }
            Some(Indexed::NotIndexed) => {
                self.words("NOT INDEXED");
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Prints a WITH clause; says whether there is one, to be left after its statement.
    pub(crate) fn with(&mut self, with: Option<&With<'_>>) -> Result<bool, Rejection> {
        let Some(with) = with else { return Ok(false) };
        self.word("WITH");
        if with.recursive {
            // The word alone changes nothing: recursion is found by who reaches itself.
            self.skip("RECURSIVE");
        }
        let names = with.ctes.iter().map(|cte| names::dequote(cte.tbl_name.0).to_ascii_lowercase());
        let expressions = self.terms.enter(names);
        let count = self.terms.expressions();
        self.limit("WITH", count, limits::SQL_FROM_TERMS_MAX, "common table expressions")?;
        let mut at = 0;
        self.list(with.ctes, |printer, cte| {
            at += 1;
            printer.common_table_expression(cte, expressions[at - 1])
        })?;
        Ok(true)
    }

    fn common_table_expression(&mut self, cte: &CommonTableExpr<'_>, id: usize) -> Printed {
        self.object_name(cte.tbl_name.0)?;
        let listed = self.view_columns(cte.columns)?;
        self.word("AS");
        match cte.materialized {
            Materialized::Any => {}
            Materialized::Yes => self.word("MATERIALIZED"),
            Materialized::No => self.words("NOT MATERIALIZED"),
        }
        self.open();
        let owner = self.terms.own(id);
        let names = if listed.is_some() { Names::Unseen } else { Names::Query };
        let equal = self.select(cte.select, names)?;
        self.terms.own(owner);
        self.terms.set_equal_names(id, listed.unwrap_or(equal));
        self.close();
        Ok(())
    }

    /// Prints the column names of a view or common table expression; gives how many are equal.
    pub(crate) fn view_columns(
        &mut self,
        columns: Option<&[IndexedColumn<'_>]>,
    ) -> Result<Option<usize>, Rejection> {
        let Some(columns) = columns else { return Ok(None) };
        let mut shape = Shape::default();
        for column in columns {
            shape.add(&names::dequote(column.col_name.0));
        }
        let equal = shape.equal(&[]);
        self.indexed_columns(columns)?;
        if equal > EQUAL_NAMES_MAX {
            return Err(self.refuse(Refusal::EqualNames));
        }
        Ok(Some(equal))
    }

    /// Prints column names in brackets, as in views and foreign keys.
    pub(crate) fn indexed_columns(&mut self, columns: &[IndexedColumn<'_>]) -> Printed {
        self.limit("the list", columns.len(), limits::SQL_COLUMNS_MAX, "columns")?;
        self.open();
        self.list(columns, |printer, column| {
            printer.name(column.col_name.0)?;
            if let Some(collation) = &column.collation_name {
                printer.collate(collation.0)?;
            }
            printer.sort_order(column.order);
            Ok(())
        })?;
        self.close();
        Ok(())
    }
}

/// The names by which a SELECT's own FROM terms are known.
pub(crate) fn from_names(select: &OneSelect<'_>, found: &mut Vec<String>) {
    if let OneSelect::Select { from: Some(from), .. } = select {
        clause_names(from, found);
    }
}

fn clause_names(from: &FromClause<'_>, found: &mut Vec<String>) {
    let joined = from.joins.iter().flatten().map(|join| &join.table);
    for term in from.select.iter().copied().chain(joined) {
        let (name, alias) = match term {
            SelectTable::Table(name, alias, _) | SelectTable::TableCall(name, _, alias) => {
                (Some(name.name.0), alias)
            }
            SelectTable::Select(_, alias) => (None, alias),
            SelectTable::Sub(from, alias) => {
                clause_names(from, found);
                (None, alias)
            }
        };
        let name = match alias {
            Some(As::As(alias) | As::Elided(alias)) => Some(alias.0),
            None => name,
        };
        found.extend(name.map(|name| names::dequote(name).to_ascii_lowercase()));
    }
}
