//! Statements by their text: what they write, how many rows they take, and floats in them.
//!
//! 1. A condition on a key or an indexed column bounds a statement, and so does a range of whole keys whose ends are
//!    not arguments alone, a table whose key a check leaves few values, and one whose rows have constant keys only.
//! 2. A SELECT or DELETE outside views and rules that an index alone narrows takes as many rows as share it, unless they
//!    are the caller's or the columns are unique together; or, for a DELETE, a rule says who may add rows.

use crate::model::Kind;
use crate::rule::Rule;
use crate::statement::{self, Statement};
use crate::types::inner;
use crate::value::{CALLER, LENGTH, MONEY, Outcome, PARAM, STATE, TIME, Value};
use crate::walk::Walk;
use crate::writes::{Write, names_owner};
use proc_macro2::Span;

impl Walk<'_> {
    /// A statement by its text.
    pub(crate) fn run_sql(
        &mut self,
        text: &Value,
        parameters: &Value,
        span: Span,
        exec: bool,
    ) -> Value {
        if !text.constant {
            self.report(Rule::BuiltSql, span, "this statement is not a constant text");
        }
        let outcome = Some(if exec { Outcome::Write } else { Outcome::Read });
        let mut result = Value { outcome, ..Value::of(STATE | parameters.taint & CALLER) };
        let text_taint = text.taint;
        for text in text.texts.clone() {
            let statement = Statement::of(&text);
            let compared = statement.compared();
            if statement.writes() {
                let mut write = Write::of_statement(&statement, parameters, span);
                write.own |= text_taint & CALLER != 0;
                self.write(write);
            } else if self.entry == Kind::Migrate
                && statement.verb == statement::Verb::Other
                && !self.state.guard
                && !self.state.row_checked
                && !statement.has("exists")
            {
                self.report(
                    Rule::UnprotectedInit,
                    span,
                    "#[migrate] changes the schema whatever the version is",
                );
            }
            self.learn_from(&statement, parameters, &compared);
            self.bounded(&statement, parameters, span);
            self.float_sql(&statement, parameters, span);
            self.below_zero(&statement, parameters, span);
            if statement.verb == statement::Verb::Select && parameters.items.is_empty() {
                // A fixed row: what the caller is compared with may be an authority.
                result.checked = statement.has_condition() || statement.has("limit");
            }
            result.missed = result.missed.or(self.may_miss(&statement, parameters));
            result.counted = result.counted.or(self.may_change_nothing(&statement, exec));
            if !exec {
                self.seen.insert(statement.table.clone());
            }
            result.column = Some((statement.table.clone(), String::new()));
        }
        result
    }

    /// `SET balance = balance - ?`, where nothing keeps the column at 0.
    fn below_zero(&mut self, statement: &Statement, parameters: &Value, span: Span) {
        for (column, parameter) in statement.taken() {
            let declared = self.model.tables.get(&statement.table).and_then(|t| t.column(&column));
            let Some(declared) = declared else { continue };
            let amount = parameters.items.get(parameter).is_some_and(|value| {
                value.taint & PARAM != 0 && value.taint & (TIME | LENGTH) == 0 && !value.constant
            });
            let is_kept = declared.floored || statement.asks(&column) || self.state.row_checked;
            if amount && !is_kept && inner(&declared.ty) == "i64" && self.entry == Kind::Call {
                let what = format!(
                    "{column} may go below zero: no condition compares it with what is subtracted, and no check keeps it \
                     at 0"
                );
                self.report(Rule::AmountArithmetic, span, what);
            }
        }
    }

    /// A statement that may find no row; true if it counts something down.
    fn may_change_nothing(&self, statement: &Statement, exec: bool) -> Option<bool> {
        let unread = matches!(statement.verb, statement::Verb::Delete)
            && !self.seen.contains(&statement.table);
        let takes = statement.is_relative() && statement.words().iter().any(|word| word == "-");
        (exec && (statement.is_conditional() || unread)).then_some(takes)
    }

    /// What is added to a row of somebody else, who may have none, is lost.
    fn may_miss(&self, statement: &Statement, parameters: &Value) -> Option<String> {
        let adds = statement.verb == statement::Verb::Update
            && statement.is_relative()
            && statement.words().iter().any(|word| word == "+");
        let keys = statement.key_parameters();
        let given = |at: &usize| parameters.items.get(*at).map_or(0, |value| value.taint);
        let theirs =
            !keys.is_empty() && keys.iter().all(|at| given(at) & (PARAM | CALLER) == PARAM);
        let unread = !self.seen.contains(&statement.table);
        (adds && theirs && unread).then(|| statement.table.clone())
    }

    pub(crate) fn learn_from(
        &mut self,
        statement: &Statement,
        parameters: &Value,
        compared: &[&str],
    ) {
        let by_caller =
            parameters.items.iter().any(|value| value.taint & CALLER != 0 && !value.of_caller());
        if !by_caller {
            return;
        }
        let table = statement.table.clone();
        let column = compared.iter().find(|column| names_owner(column)).copied().unwrap_or("?");
        self.facts.owners.insert((table, column.to_owned()));
    }

    /// The work of a statement does not grow with the table.
    pub(crate) fn bounded(&mut self, statement: &Statement, parameters: &Value, span: Span) {
        if matches!(statement.verb, statement::Verb::Other | statement::Verb::Insert)
            && !statement.has("select")
        {
            return;
        }
        if statement.verb == statement::Verb::Insert && !statement.has("from") {
            return;
        }
        if let Some(limit) = statement.limit_parameter() {
            let value = parameters.items.get(limit);
            let large = value.and_then(|value| value.number);
            if large.is_some_and(|rows| rows > crate::accessor::ROWS_MAX) {
                self.report(Rule::UnboundedScan, span, "this LIMIT is none");
            } else if value.is_some_and(|value| value.taint & PARAM != 0 && !value.capped) {
                self.report(
                    Rule::UnboundedScan,
                    span,
                    "the caller chooses the LIMIT; cap it: limit.min(100)",
                );
            }
        }
        if statement.limit_number().is_some_and(|rows| rows > crate::accessor::ROWS_MAX) {
            self.report(Rule::UnboundedScan, span, "this LIMIT is none");
        }
        if statement.has("limit") {
            if self.endless > 0 {
                let what = format!("this loop goes through the whole table {}", statement.table);
                self.report(Rule::UnboundedScan, span, what);
            }
            return;
        }
        if statement.verb == statement::Verb::Select
            && (!statement.has("from") || statement.is_aggregate() && self.entry == Kind::View)
        {
            return;
        }
        if let Some(column) = statement.extreme()
            && self
                .model
                .tables
                .get(&statement.table)
                .and_then(|t| t.column(column))
                .is_some_and(|c| c.indexed)
        {
            return;
        }
        let facts = &self.facts;
        let single =
            facts.single.contains(&statement.table) && !facts.many.contains(&statement.table);
        if single || self.is_span(statement, parameters) {
            return;
        }
        let tables = statement.reads();
        let compared = statement.compared();
        let narrow = |table: &str| {
            let known = self.model.tables.get(table);
            match known.filter(|known| !known.columns.is_empty()) {
                Some(known) => known.columns.iter().any(|column| {
                    column.few || column.indexed && compared.iter().any(|c| *c == column.name)
                }),
                None => !compared.is_empty(),
            }
        };
        let mut asked = vec![statement.table.as_str()];
        asked.extend(tables);
        if !asked.into_iter().any(narrow) {
            let table = &statement.table;
            let what = match statement.verb {
                statement::Verb::Delete => {
                    format!("this deletes as many rows of {table} as there are")
                }
                statement::Verb::Update => {
                    format!("this writes as many rows of {table} as there are")
                }
                _ => format!("this reads as many rows of {table} as there are"),
            };
            self.report(Rule::UnboundedScan, span, what);
        } else if self.shares_index(statement, parameters, &compared) {
            let does = if statement.verb == statement::Verb::Delete { "deletes" } else { "reads" };
            let what =
                format!("this {does} as many rows of {} as share the index", statement.table);
            self.report(Rule::UnboundedScan, span, what);
        }
    }

    /// A range of whole keys whose ends the contract sets.
    fn is_span(&self, statement: &Statement, parameters: &Value) -> bool {
        let Some(table) = self.model.tables.get(&statement.table) else { return false };
        let given = |at: usize| {
            let value = parameters.items.get(at);
            value.is_none_or(|value| value.taint & PARAM != 0 && value.taint & STATE == 0)
        };
        statement.spans().iter().any(|(name, ends)| {
            let column = table.column(name);
            let whole = column.is_some_and(|column| column.unique && column.ty != "String");
            whole && !ends.iter().flatten().any(|at| given(*at))
        })
    }

    /// Rows to work on, or to delete, by an index that is no key, and not by the caller.
    fn shares_index(&self, statement: &Statement, parameters: &Value, compared: &[&str]) -> bool {
        let works = matches!(statement.verb, statement::Verb::Select | statement::Verb::Delete)
            && !matches!(self.entry, Kind::View | Kind::Rule(..))
            && !statement.is_aggregate()
            && parameters.taint & CALLER == 0
            && statement.reads().len() <= 1;
        let Some(table) = self.model.tables.get(&statement.table).filter(|_| works) else {
            return false;
        };
        if table.guarded && statement.verb == statement::Verb::Delete {
            // A rule says who adds rows.
            return false;
        }
        let asks = |column: &crate::model::Column| compared.iter().any(|c| *c == column.name);
        let keys: Vec<_> = table.columns.iter().filter(|column| column.key).collect();
        let by_key = !keys.is_empty() && keys.iter().all(|column| asks(column));
        let together =
            |columns: &Vec<String>| columns.iter().all(|c| compared.contains(&c.as_str()));
        !table.row.is_empty()
            && !by_key
            && !table.unique.iter().any(together)
            && !table.columns.iter().any(|column| column.few || column.unique && asks(column))
    }

    pub(crate) fn float_sql(&mut self, statement: &Statement, parameters: &Value, span: Span) {
        for (name, ty, _) in statement.declared() {
            if matches!(ty.as_str(), "real" | "float" | "double")
                && crate::names::money(&name) & MONEY != 0
            {
                self.report(
                    Rule::FloatMoney,
                    span,
                    format!("the column {name} keeps an amount as REAL"),
                );
            }
        }
        self.real_sql(statement, parameters, span);
    }
}
