//! Expressions, printed as they were written: allow-list by function, collation and operator.

use dadbs_types::{Rejection, functions};
use sqlite3_parser::ast::{
    Distinctness, Expr, FrameBound, FrameClause, FrameExclude, FrameMode, FunctionCallOrder,
    FunctionTail, Id, LikeOperator, Literal, Name, NullsOrder, Operator, Over, SortOrder,
    SortedColumn, Type, TypeSize, UnaryOperator, Window,
};
use sqlite3_parser::dialect::TokenType::TK_NOTNULL;

use crate::names;
use crate::printer::{Printed, Printer};
use crate::refusals::Refusal;
use crate::select::Names;

impl Printer<'_> {
    pub(crate) fn expression(&mut self, expression: &Expr<'_>) -> Printed {
        self.sink()?;
        self.any_expression(expression)?;
        self.rise();
        Ok(())
    }

    fn any_expression(&mut self, expression: &Expr<'_>) -> Printed {
        match expression {
            Expr::Binary(left, operator, right) => {
                self.expression(left)?;
                self.words(operator_text(*operator));
                self.expression(right)
            }
            Expr::Unary(operator, operand) => self.unary(*operator, operand),
            Expr::Literal(literal) => self.literal_value(literal),
            Expr::Variable(number) => self.literal(number, &format!("?{number}")),
            Expr::Id(id) => self.name(id.0),
            Expr::Qualified(table, column) => self.qualified(table, column),
            Expr::DoublyQualified(schema, ..) => {
                self.seek(schema.0);
                Err(self.refuse(Refusal::ThreePart))
            }
            Expr::Parenthesized(items) => {
                self.open();
                self.list(items, |printer, item| printer.expression(item))?;
                self.close();
                Ok(())
            }
            Expr::FunctionCall { .. } | Expr::FunctionCallStar { .. } => self.call(expression),
            Expr::Case { .. } => self.case(expression),
            Expr::Cast { expr, type_name } => self.cast(expr, type_name.as_ref()),
            Expr::Collate(operand, collation) => {
                self.expression(operand)?;
                self.collate(collation)
            }
            Expr::Between { .. } | Expr::Like { .. } => self.comparison(expression),
            Expr::Exists(_)
            | Expr::Subquery(_)
            | Expr::InList { .. }
            | Expr::InSelect { .. }
            | Expr::InTable { .. } => self.membership(expression),
            Expr::IsNull(operand) => {
                self.expression(operand)?;
                self.word("ISNULL");
                Ok(())
            }
            Expr::NotNull(operand) => {
                self.expression(operand)?;
                self.put("NOTNULL");
                if self.next_is(TK_NOTNULL) {
                    self.skip("NOTNULL");
                } else {
                    self.skip("NOT");
                    self.skip("NULL");
                }
                Ok(())
            }
            // Only PRAGMA has names in the place of expressions.
            Expr::Name(_) => Err(self.refuse(Refusal::Pragma)),
            Expr::Raise(..) => Err(self.refuse(Refusal::Raise)),
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Expr<'_>) -> Printed {
        let sign = match operator {
            UnaryOperator::BitwiseNot => "~",
            UnaryOperator::Negative => "-",
            UnaryOperator::Not => "NOT",
            UnaryOperator::Positive => "+",
        };
        if operator != UnaryOperator::Not && matches!(operand, Expr::Literal(_) | Expr::Id(_)) {
            self.prefix_sign(sign);
        } else {
            self.word(sign);
        }
        self.expression(operand)
    }

    fn literal_value(&mut self, literal: &Literal<'_>) -> Printed {
        match literal {
            Literal::Numeric(text) | Literal::String(text) => return self.literal(text, text),
            Literal::Blob(digits) => return self.literal(digits, &format!("X'{digits}'")),
            // Only PRAGMA has words in the place of values.
            Literal::Keyword(_) => return Err(self.refuse(Refusal::Pragma)),
            Literal::Null => self.word("NULL"),
            Literal::CurrentDate => self.word("CURRENT_DATE"),
            Literal::CurrentTime => self.word("CURRENT_TIME"),
            Literal::CurrentTimestamp => self.word("CURRENT_TIMESTAMP"),
        }
        Ok(())
    }

    /// `table.column`: in RETURNING and in stored DDL SQLite knows a table by its own name only.
    fn qualified(&mut self, table: &Name<'_>, column: &Name<'_>) -> Printed {
        let user = names::dequote(table.0).to_ascii_lowercase();
        let physical = match &self.target {
            Some(target)
                if target.user == user && !self.hiding.iter().flatten().any(|n| *n == user) =>
            {
                Some(target.printed.clone())
            }
            _ => None,
        };
        match physical {
            Some(physical) => self.literal(table.0, &physical)?,
            None => self.name(table.0)?,
        }
        self.dot();
        self.name(column.0)
    }

    fn call(&mut self, expression: &Expr<'_>) -> Printed {
        match expression {
            Expr::FunctionCall { name, distinctness, args, order_by, filter_over } => {
                if let Some(caller) = self.caller()
                    && names::dequote(name.0).eq_ignore_ascii_case("caller")
                    && args.is_none_or(<[_]>::is_empty)
                {
                    self.literal(name.0, &caller)?;
                    self.skip("(");
                    self.skip(")");
                    return Ok(());
                }
                self.function_name(name)?;
                self.open_tight();
                match distinctness {
                    Some(Distinctness::Distinct) => self.word("DISTINCT"),
                    Some(Distinctness::All) => self.word("ALL"),
                    None => {}
                }
                if let Some(args) = args {
                    self.list(args, |printer, item| printer.expression(item))?;
                }
                match order_by {
                    Some(FunctionCallOrder::SortList(terms)) => self.order_by(terms)?,
                    None => {}
                }
                self.close();
                self.function_tail(filter_over.as_ref())
            }
            Expr::FunctionCallStar { name, filter_over } => {
                self.function_name(name)?;
                self.open_tight();
                self.word("*");
                self.close();
                self.function_tail(filter_over.as_ref())
            }
            other => self.expression(other),
        }
    }

    fn function_name(&mut self, name: &Id<'_>) -> Printed {
        if let Some(offered) = functions::offered(&names::dequote(name.0)) {
            return self.literal(name.0, offered);
        }
        self.seek(name.0);
        let mut rejection = self.refuse(Refusal::Function);
        rejection.message = format!("{} (function {})", rejection.message, name.0);
        Err(rejection)
    }

    fn function_tail(&mut self, tail: Option<&FunctionTail<'_>>) -> Printed {
        let Some(tail) = tail else { return Ok(()) };
        if let Some(filter) = tail.filter_clause {
            self.word("FILTER");
            self.open();
            self.word("WHERE");
            self.expression(filter)?;
            self.close();
        }
        match tail.over_clause {
            Some(Over::Window(window)) => {
                self.word("OVER");
                self.window(window)
            }
            Some(Over::Name(name)) => {
                self.word("OVER");
                self.name(name.0)
            }
            None => Ok(()),
        }
    }

    pub(crate) fn window(&mut self, window: &Window<'_>) -> Printed {
        self.open();
        if let Some(base) = &window.base {
            self.name(base.0)?;
        }
        if let Some(partition) = window.partition_by {
            self.words("PARTITION BY");
            self.list(partition, |printer, item| printer.expression(item))?;
        }
        if let Some(order) = window.order_by {
            self.order_by(order)?;
        }
        if let Some(frame) = &window.frame_clause {
            self.frame(frame)?;
        }
        self.close();
        Ok(())
    }

    fn frame(&mut self, frame: &FrameClause<'_>) -> Printed {
        self.word(match frame.mode {
            FrameMode::Groups => "GROUPS",
            FrameMode::Range => "RANGE",
            FrameMode::Rows => "ROWS",
        });
        match &frame.end {
            Some(end) => {
                self.word("BETWEEN");
                self.frame_bound(&frame.start)?;
                self.word("AND");
                self.frame_bound(end)?;
            }
            None => self.frame_bound(&frame.start)?,
        }
        match frame.exclude {
            Some(FrameExclude::NoOthers) => self.words("EXCLUDE NO OTHERS"),
            Some(FrameExclude::CurrentRow) => self.words("EXCLUDE CURRENT ROW"),
            Some(FrameExclude::Group) => self.words("EXCLUDE GROUP"),
            Some(FrameExclude::Ties) => self.words("EXCLUDE TIES"),
            None => {}
        }
        Ok(())
    }

    fn frame_bound(&mut self, bound: &FrameBound<'_>) -> Printed {
        match bound {
            FrameBound::CurrentRow => self.words("CURRENT ROW"),
            FrameBound::UnboundedFollowing => self.words("UNBOUNDED FOLLOWING"),
            FrameBound::UnboundedPreceding => self.words("UNBOUNDED PRECEDING"),
            FrameBound::Following(distance) => {
                self.expression(distance)?;
                self.word("FOLLOWING");
            }
            FrameBound::Preceding(distance) => {
                self.expression(distance)?;
                self.word("PRECEDING");
            }
        }
        Ok(())
    }

    fn case(&mut self, expression: &Expr<'_>) -> Printed {
        let Expr::Case { base, when_then_pairs, else_expr } = expression else { return Ok(()) };
        self.word("CASE");
        if let Some(base) = base {
            self.expression(base)?;
        }
        for (when, then) in *when_then_pairs {
            self.word("WHEN");
            self.expression(when)?;
            self.word("THEN");
            self.expression(then)?;
        }
        if let Some(otherwise) = else_expr {
            self.word("ELSE");
            self.expression(otherwise)?;
        }
        self.word("END");
        Ok(())
    }

    fn cast(&mut self, operand: &Expr<'_>, type_name: Option<&Type<'_>>) -> Printed {
        self.word("CAST");
        self.open_tight();
        self.expression(operand)?;
        self.word("AS");
        if let Some(type_name) = type_name {
            self.column_type(type_name)?;
        }
        self.close();
        Ok(())
    }

    pub(crate) fn column_type(&mut self, column_type: &Type<'_>) -> Printed {
        self.type_name(column_type.name)?;
        match &column_type.size {
            None => return Ok(()),
            Some(TypeSize::MaxSize(size)) => {
                self.open_tight();
                self.expression(size)?;
            }
            Some(TypeSize::TypeSize(precision, scale)) => {
                self.open_tight();
                self.expression(precision)?;
                self.comma();
                self.expression(scale)?;
            }
        }
        self.close();
        Ok(())
    }

    /// `COLLATE name`, for the three collations that are offered.
    pub(crate) fn collate(&mut self, collation: &str) -> Printed {
        self.word("COLLATE");
        let name = names::dequote(collation).to_ascii_uppercase();
        if !matches!(name.as_str(), "BINARY" | "NOCASE" | "RTRIM") {
            self.seek(collation);
            return Err(self.refuse(Refusal::Collation));
        }
        self.literal(collation, &name)
    }

    fn comparison(&mut self, expression: &Expr<'_>) -> Printed {
        match expression {
            Expr::Between { lhs, not, start, end } => {
                self.expression(lhs)?;
                self.words(if *not { "NOT BETWEEN" } else { "BETWEEN" });
                self.expression(start)?;
                self.word("AND");
                self.expression(end)
            }
            Expr::Like { lhs, not, op, rhs, escape } => {
                self.expression(lhs)?;
                if *not {
                    self.word("NOT");
                }
                match op {
                    LikeOperator::Glob => self.word("GLOB"),
                    LikeOperator::Like => self.word("LIKE"),
                    LikeOperator::Match | LikeOperator::Regexp => {
                        return Err(self.refuse(Refusal::Match));
                    }
                }
                self.expression(rhs)?;
                match escape {
                    Some(escape) => {
                        self.word("ESCAPE");
                        self.expression(escape)
                    }
                    None => Ok(()),
                }
            }
            other => self.expression(other),
        }
    }

    fn membership(&mut self, expression: &Expr<'_>) -> Printed {
        match expression {
            Expr::Exists(select) => {
                self.word("EXISTS");
                self.subquery(select)
            }
            Expr::Subquery(select) => self.subquery(select),
            Expr::InList { lhs, not, rhs } => {
                self.expression(lhs)?;
                self.in_words(*not);
                self.open();
                if let Some(items) = rhs {
                    self.list(items, |printer, item| printer.expression(item))?;
                }
                self.close();
                Ok(())
            }
            Expr::InSelect { lhs, not, rhs } => {
                self.expression(lhs)?;
                self.in_words(*not);
                self.subquery(rhs)
            }
            Expr::InTable { lhs, not, rhs, args } => {
                self.expression(lhs)?;
                self.in_words(*not);
                if args.is_some() {
                    return Err(self.refuse(Refusal::TableFunction));
                }
                self.read_table_name(rhs)
            }
            other => self.expression(other),
        }
    }

    fn in_words(&mut self, not: bool) {
        self.words(if not { "NOT IN" } else { "IN" });
    }

    fn subquery(&mut self, select: &sqlite3_parser::ast::Select<'_>) -> Printed {
        self.open();
        self.select(select, Names::Unseen)?;
        self.close();
        Ok(())
    }

    pub(crate) fn order_by(&mut self, terms: &[SortedColumn<'_>]) -> Printed {
        self.words("ORDER BY");
        self.sorted_columns(terms)
    }

    pub(crate) fn sorted_columns(&mut self, terms: &[SortedColumn<'_>]) -> Printed {
        self.limit("the list", terms.len(), dadbs_types::limits::SQL_COLUMNS_MAX, "columns")?;
        self.list(terms, |printer, term| {
            printer.expression(&term.expr)?;
            printer.sort_order(term.order);
            match term.nulls {
                Some(NullsOrder::First) => printer.words("NULLS FIRST"),
                Some(NullsOrder::Last) => printer.words("NULLS LAST"),
                None => {}
            }
            Ok::<(), Rejection>(())
        })
    }

    pub(crate) fn sort_order(&mut self, order: Option<SortOrder>) {
        match order {
            Some(SortOrder::Asc) => self.word("ASC"),
            Some(SortOrder::Desc) => self.word("DESC"),
            None => {}
        }
    }
}

fn operator_text(operator: Operator) -> &'static str {
    match operator {
        Operator::Add => "+",
        Operator::And => "AND",
        Operator::ArrowRight => "->",
        Operator::ArrowRightShift => "->>",
        Operator::BitwiseAnd => "&",
        Operator::BitwiseOr => "|",
        Operator::Concat => "||",
        Operator::Equals => "=",
        Operator::Divide => "/",
        Operator::Greater => ">",
        Operator::GreaterEquals => ">=",
        Operator::Is => "IS",
        Operator::IsNot => "IS NOT",
        Operator::LeftShift => "<<",
        Operator::Less => "<",
        Operator::LessEquals => "<=",
        Operator::Modulus => "%",
        Operator::Multiply => "*",
        Operator::NotEquals => "<>",
        Operator::Or => "OR",
        Operator::RightShift => ">>",
        Operator::Subtract => "-",
    }
}
