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
    As, CompoundOperator, Distinctness, Expr, Limit, OneSelect, ResultColumn, Select,
};

use crate::from::from_names;
use crate::names;
use crate::printer::{Printed, Printer};
use crate::refusals::Refusal;

/// Equal names in a subquery that SQLite still tells apart without chance.
pub(crate) const EQUAL_NAMES_MAX: usize = 4;

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
pub(crate) struct Term {
    pub(crate) name: String,
    pub(crate) equal: usize,
}

/// What the result columns of one SELECT are called.
#[derive(Default)]
pub(crate) struct Shape {
    names: Vec<String>,
    stars: usize,
    table_stars: Vec<String>,
}

impl Shape {
    pub(crate) fn add(&mut self, name: &str) {
        self.names.push(names::base_name(name).to_ascii_lowercase());
    }

    pub(crate) fn equal(mut self, terms: &[Term]) -> usize {
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
                self.print_from(from)?
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
