//! Queries: result names, FROM terms, common table expressions.
//!
//! 1. SQLite names a result column by its alias, else by the column it is, else by its source text up to
//!    the next token. The print would change that text, so it carries it as an alias.
//! 2. In a subquery SQLite also looks through COLLATE and `likely`, and makes equal names differ: by a
//!    counter, and from the fifth on by chance. A subquery that may have five is refused.
//! 3. In RETURNING a FROM term hides the target of the same name. SQLite would still find a column of the
//!    target that the term lacks; here it does not, and the statement fails: an alias resolves it.
//! 4. Names that nobody sees (IN, EXISTS, scalar, later terms of a compound) are left alone.

use dadbs_types::{Rejection, limits};
use sqlite3_parser::ast::{
    As, CommonTableExpr, CompoundOperator, Distinctness, Expr, FromClause, Indexed, IndexedColumn,
    JoinConstraint, JoinOperator, JoinType, Limit, Materialized, OneSelect, QualifiedName,
    ResultColumn, Select, SelectTable, With,
};

use crate::names;
use crate::printer::{Printed, Printer};
use crate::refusals::Refusal;
use crate::{ObjectKind, Verb};

/// Equal names in a subquery that SQLite still tells apart without chance.
const EQUAL_NAMES_MAX: usize = 4;

/// Who sees the names of the result columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Names {
    /// The caller.
    Caller,
    /// The query around it.
    Query,
    /// Nobody.
    Unseen,
}

/// A FROM term: its name (ASCII lower case) and the most equal column names it can deliver.
struct Term {
    name: String,
    equal: usize,
}

/// What the result columns of one SELECT are called.
#[derive(Default)]
struct Shape {
    names: Vec<String>,
    stars: usize,
    table_stars: Vec<String>,
}

impl Shape {
    fn add(&mut self, name: &str) {
        self.names.push(names::base_name(name).to_ascii_lowercase());
    }

    fn equal(mut self, terms: &[Term]) -> usize {
        self.names.sort_unstable();
        let explicit = self.names.chunk_by(|a, b| a == b).map(<[String]>::len).max().unwrap_or(0);
        let all: usize = terms.iter().map(|term| term.equal).sum();
        let some: usize = self
            .table_stars
            .iter()
            .flat_map(|star| terms.iter().filter(move |term| term.name == *star))
            .map(|term| term.equal)
            .sum();
        explicit + some + all * self.stars
    }
}

impl Printer<'_> {
    /// A query whose rows go to the caller.
    pub(crate) fn top_select(&mut self, select: &Select<'_>) -> Printed {
        self.select(select, Names::Caller).map(|_| ())
    }

    /// Prints a query; gives the most equal column names that it can have.
    pub(crate) fn select(&mut self, select: &Select<'_>, names: Names) -> Result<usize, Rejection> {
        let with = self.with(select.with.as_ref())?;
        let mut hiding = Vec::new();
        if self.target.is_some() {
            from_names(&select.body.select, &mut hiding);
            for compound in select.body.compounds.iter().flatten() {
                from_names(&compound.select, &mut hiding);
            }
        }
        self.hiding.push(hiding);
        let equal = self.one_select(&select.body.select, names)?;
        if let Some(compounds) = &select.body.compounds {
            let count = compounds.len() + 1;
            self.limit("the compound", count, limits::SQL_COMPOUND_MAX, "SELECTs")?;
            for compound in compounds {
                self.words(match compound.operator {
                    CompoundOperator::Union => "UNION",
                    CompoundOperator::UnionAll => "UNION ALL",
                    CompoundOperator::Except => "EXCEPT",
                    CompoundOperator::Intersect => "INTERSECT",
                });
                self.one_select(&compound.select, Names::Unseen)?;
            }
        }
        if let Some(order_by) = select.order_by {
            self.order_by(order_by)?;
        }
        if let Some(limit) = select.limit {
            self.limit_clause(limit)?;
        }
        self.hiding.pop();
        if with {
            self.terms.leave();
        }
        Ok(equal)
    }

    fn limit_clause(&mut self, limit: &Limit<'_>) -> Printed {
        self.word("LIMIT");
        self.expression(&limit.expr)?;
        match &limit.offset {
            Some(second) => {
                self.limit_separator()?;
                self.expression(second)
            }
            None => Ok(()),
        }
    }

    fn one_select(&mut self, select: &OneSelect<'_>, names: Names) -> Result<usize, Rejection> {
        let OneSelect::Select {
            distinctness,
            columns,
            from,
            where_clause,
            group_by,
            having,
            window_clause,
        } = select
        else {
            return self.values(select).map(|()| 1);
        };
        self.word("SELECT");
        match distinctness {
            Some(Distinctness::Distinct) => self.word("DISTINCT"),
            Some(Distinctness::All) => self.word("ALL"),
            None => {}
        }
        let start = self.place();
        let shape = self.result_columns(columns, names)?;
        let terms = match from {
            Some(from) => {
                self.word("FROM");
                self.from_clause(from)?
            }
            None => Vec::new(),
        };
        let equal = shape.equal(&terms);
        if names == Names::Query && equal > EQUAL_NAMES_MAX {
            return Err(Refusal::EqualNames.at(&start));
        }
        if let Some(condition) = where_clause {
            self.word("WHERE");
            self.expression(condition)?;
        }
        if let Some(group_by) = group_by {
            self.words("GROUP BY");
            self.list(group_by, |printer, item| printer.expression(item))?;
        }
        if let Some(condition) = having {
            self.word("HAVING");
            self.expression(condition)?;
        }
        if let Some(windows) = window_clause {
            self.word("WINDOW");
            self.list(windows, |printer, definition| {
                printer.name(definition.name.0)?;
                printer.word("AS");
                printer.window(&definition.window)
            })?;
        }
        Ok(equal)
    }

    fn values(&mut self, values: &OneSelect<'_>) -> Printed {
        let OneSelect::Values(rows) = values else { return Ok(()) };
        self.word("VALUES");
        self.list(rows, |printer, row| {
            printer.limit("the row", row.len(), limits::SQL_COLUMNS_MAX, "columns")?;
            printer.open();
            printer.list(row, |printer, item| printer.expression(item))?;
            printer.close();
            Ok(())
        })
    }

    /// RETURNING, whose rows go to the caller.
    pub(crate) fn returning(&mut self, columns: &[ResultColumn<'_>]) -> Printed {
        self.word("RETURNING");
        self.result_columns(columns, Names::Caller).map(|_| ())
    }

    fn result_columns(
        &mut self,
        columns: &[ResultColumn<'_>],
        names: Names,
    ) -> Result<Shape, Rejection> {
        self.limit("the result", columns.len(), limits::SQL_COLUMNS_MAX, "columns")?;
        let mut shape = Shape::default();
        self.list(columns, |printer, column| printer.result_column(column, names, &mut shape))?;
        Ok(shape)
    }

    fn result_column(
        &mut self,
        column: &ResultColumn<'_>,
        names: Names,
        shape: &mut Shape,
    ) -> Printed {
        match column {
            ResultColumn::Star => {
                shape.stars += 1;
                self.word("*");
                Ok(())
            }
            ResultColumn::TableStar(table) => {
                shape.table_stars.push(names::dequote(table.0).to_ascii_lowercase());
                self.name(table.0)?;
                self.dot();
                self.word("*");
                Ok(())
            }
            ResultColumn::Expr(expression, alias) => {
                let start = self.offset();
                self.expression(expression)?;
                if let Some(As::As(name) | As::Elided(name)) = alias {
                    shape.add(&names::dequote(name.0));
                    self.optional_as();
                    return self.name(name.0);
                }
                match own_name(expression, names) {
                    Some(name) => shape.add(&name),
                    None if names == Names::Unseen => {}
                    None => {
                        let source = self.source(start).to_owned();
                        shape.add(&source);
                        self.put("AS");
                        self.put(&names::quoted(&source));
                    }
                }
                Ok(())
            }
        }
    }

    // ---- FROM

    fn from_clause(&mut self, from: &FromClause<'_>) -> Result<Vec<Term>, Rejection> {
        let mut terms = Vec::new();
        self.from_terms(from, &mut terms)?;
        Ok(terms)
    }

    /// FROM of an UPDATE, whose names nobody sees.
    pub(crate) fn update_from(&mut self, from: &FromClause<'_>) -> Printed {
        self.word("FROM");
        self.from_clause(from).map(|_| ())
    }

    fn from_terms(&mut self, from: &FromClause<'_>, terms: &mut Vec<Term>) -> Printed {
        if let Some(first) = from.select {
            self.from_term(first, terms)?;
        }
        for join in from.joins.iter().flatten() {
            self.join_operator(join.operator);
            self.from_term(&join.table, terms)?;
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

    fn from_term(&mut self, term: &SelectTable<'_>, terms: &mut Vec<Term>) -> Printed {
        self.limit("the FROM clause", terms.len() + 1, limits::SQL_JOIN_TERMS_MAX, "tables")?;
        match term {
            SelectTable::Table(name, alias, indexed) => {
                let mut term = self.read_table(name)?;
                match alias {
                    Some(alias) => term.name = self.alias(alias)?,
                    None => self.put_alias(&term.name),
                }
                self.indexed(indexed.as_ref())?;
                terms.push(term);
            }
            SelectTable::TableCall(name, ..) => {
                self.seek(name.name.0);
                return Err(self.refuse(Refusal::TableFunction));
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
                self.from_terms(from, terms)?;
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

    fn alias(&mut self, alias: &As<'_>) -> Result<String, Rejection> {
        let (As::As(name) | As::Elided(name)) = alias;
        self.optional_as();
        self.name(name.0)?;
        Ok(names::dequote(name.0).to_ascii_lowercase())
    }

    /// Prints the name of a table, view, common table expression or chain table that is read.
    pub(crate) fn read_table_name(&mut self, name: &QualifiedName<'_>) -> Printed {
        self.read_table(name).map(|_| ())
    }

    fn read_table(&mut self, name: &QualifiedName<'_>) -> Result<Term, Rejection> {
        if let Some(schema) = &name.db_name {
            return self.chain_table(schema.0, name.name.0);
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
        self.access(Verb::Select, &user);
        let (count, equal) = match self.schema.object(&self.namespace.physical(&user)) {
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

    // ---- WITH

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

/// The name that a result column has without its source text (rules 1 and 2).
fn own_name(expression: &Expr<'_>, names: Names) -> Option<String> {
    match expression {
        Expr::Parenthesized(items) if items.len() == 1 => own_name(&items[0], names),
        Expr::Collate(operand, _) if names == Names::Query => own_name(operand, names),
        Expr::FunctionCall { name, args: Some(args), .. }
            if names == Names::Query
                && !args.is_empty()
                && ["likely", "unlikely", "likelihood"]
                    .contains(&names::dequote(name.0).to_ascii_lowercase().as_str()) =>
        {
            own_name(&args[0], names)
        }
        // In a subquery SQLite passes over these two and numbers the column.
        Expr::Id(id) if names == Names::Caller && is_boolean(id.0) => None,
        Expr::Id(id) => Some(names::dequote(id.0).into_owned()),
        Expr::Qualified(_, column) => Some(names::dequote(column.0).into_owned()),
        _ => None,
    }
}

fn is_boolean(word: &str) -> bool {
    word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false")
}

/// The names by which a SELECT's own FROM terms are known.
fn from_names(select: &OneSelect<'_>, found: &mut Vec<String>) {
    if let OneSelect::Select { from: Some(from), .. } = select {
        clause_names(from, found);
    }
}

fn clause_names(from: &FromClause<'_>, found: &mut Vec<String>) {
    let joined = from.joins.iter().flatten().map(|join| &join.table);
    for term in from.select.iter().copied().chain(joined) {
        let (name, alias) = match term {
            SelectTable::Table(name, alias, _) => (Some(name.name.0), alias),
            SelectTable::TableCall(name, _, alias) => (Some(name.name.0), alias),
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
