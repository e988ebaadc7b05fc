//! `ctx.db.<table>()`, rows by literal, and limits.

use crate::model::Kind;
use crate::rule::Rule;
use crate::value::{CALLER, LENGTH, Outcome, PARAM, Row, STATE, TIME, Value};
use crate::walk::Walk;
use crate::writes::{Verb, Write};
use quote::ToTokens;
use syn::Expr;
use syn::spanned::Spanned;

/// Rows that a statement should at most read at once.
pub(crate) const ROWS_MAX: u64 = 10_000;

impl Walk<'_> {
    /// `ctx.db.<table>().<name>(..)`.
    pub(crate) fn accessor(
        &mut self,
        table: &str,
        name: &str,
        arguments: &[Value],
        call: &syn::ExprMethodCall,
    ) -> Value {
        let span = call.method.span();
        let row_type = self.model.tables.get(table).map(|t| t.row.clone()).unwrap_or_default();
        let taint = arguments.iter().fold(0, |taint, value| taint | value.taint);
        let keys = |name: &str| name.strip_prefix("by_").map(str::to_owned);
        let row = |key: u16, constant: bool| {
            let row = Row { table: table.into(), key, key_constant: constant, ..Row::default() };
            Value {
                row: Some(Box::new(row)),
                ty: row_type.clone(),
                outcome: Some(Outcome::Read),
                ..Value::of(STATE | key & CALLER)
            }
        };
        if !matches!(name, "insert" | "update" | "delete") {
            self.seen.insert(table.into());
        }
        match name {
            "insert" | "update" => {
                let value = arguments.first().cloned().unwrap_or_default();
                let verb = if name == "insert" { Verb::Insert } else { Verb::Update };
                self.write(Write::of_row(table, verb, &value, span));
                let auto = if name == "insert" { "i64" } else { "bool" };
                let unread = !self.seen.contains(table);
                let less = |row: &Row| row.assigned.iter().any(|assigned| assigned.less);
                let is_new = |row: &Row| {
                    row.maybe_new && !less(row) || row.fresh && !row.key_constant && unread
                };
                let may_miss = name == "update" && value.row.as_deref().is_some_and(is_new);
                let missed = may_miss.then(|| table.to_owned());
                Value { outcome: Some(Outcome::Write), missed, ..Value::typed(STATE, auto) }
            }
            "delete" => {
                self.write(Write::delete(table, arguments, span));
                let counted = (!self.seen.contains(table)).then_some(false);
                Value { outcome: Some(Outcome::Write), counted, ..Value::typed(STATE, "bool") }
            }
            "scan" | "scan_after" => {
                self.limited(arguments.last(), call.args.last(), span);
                if self.endless > 0 {
                    self.report(
                        Rule::UnboundedScan,
                        span,
                        format!("this loop reads the whole table {table}"),
                    );
                }
                row(0, false)
            }
            "count" => {
                if self.entry != Kind::View {
                    self.report(
                        Rule::UnboundedScan,
                        span,
                        format!("count() reads every row of {table}"),
                    );
                }
                Value { outcome: Some(Outcome::Read), ..Value::typed(STATE | LENGTH, "i64") }
            }
            "get" => {
                self.learn_keys(table, arguments);
                if self.endless > 0 && taint & (STATE | PARAM) != 0 {
                    let what = format!("this loop follows rows of {table} as far as they go");
                    self.report(Rule::UnboundedScan, span, what);
                }
                let row = row(taint, arguments.iter().all(|value| value.constant));
                Value { verdict: true, ..row }
            }
            _ if keys(name).is_some() => {
                let column = keys(name).unwrap_or_default();
                if arguments.first().is_some_and(|value| value.taint & CALLER != 0) {
                    self.facts.owners.insert((table.into(), column));
                }
                if arguments.len() > 1 {
                    self.limited(arguments.last(), call.args.last(), span);
                    if self.endless > 0 {
                        let what = format!("this loop reads all such rows of {table}");
                        self.report(Rule::UnboundedScan, span, what);
                    }
                }
                row(taint, false)
            }
            _ => Value::of(taint),
        }
    }

    /// A key that is looked up by the caller says whose the row is.
    pub(crate) fn learn_keys(&mut self, table: &str, arguments: &[Value]) {
        let Some(declared) = self.model.tables.get(table) else { return };
        let keys = declared.columns.iter().filter(|column| column.key);
        for (column, value) in keys.zip(arguments) {
            if value.taint & CALLER != 0 && !value.of_caller() {
                self.facts.owners.insert((table.into(), column.name.clone()));
            }
        }
    }

    /// A limit is a number, not too large, and not what the caller says.
    pub(crate) fn limited(
        &mut self,
        value: Option<&Value>,
        expr: Option<&Expr>,
        span: proc_macro2::Span,
    ) {
        let Some((value, expr)) = value.zip(expr) else { return };
        if let Some(rows) = self.number(expr).or(value.number) {
            if rows > ROWS_MAX {
                self.report(Rule::UnboundedScan, span, format!("a limit of {rows} rows is none"));
            }
        } else if value.taint & PARAM != 0 && value.taint & TIME == 0 && !value.capped {
            self.report(
                Rule::UnboundedScan,
                span,
                "the caller chooses the limit; cap it: limit.min(100)",
            );
        }
    }

    /// The number behind a literal, a constant or `MAX`.
    pub(crate) fn number(&self, expr: &Expr) -> Option<u64> {
        match expr {
            Expr::Lit(literal) => match &literal.lit {
                syn::Lit::Int(int) => int.base10_parse().ok(),
                _ => None,
            },
            Expr::Path(path) => {
                let name = path.path.segments.last()?.ident.to_string();
                match self.model.constants.get(&name) {
                    Some(expr) => self.number(&expr.clone()),
                    None => (name == "MAX").then_some(u64::MAX),
                }
            }
            Expr::Cast(cast) => self.number(&cast.expr),
            Expr::Paren(paren) => self.number(&paren.expr),
            Expr::Binary(binary) => {
                let (left, right) = (self.number(&binary.left)?, self.number(&binary.right)?);
                match binary.op {
                    syn::BinOp::Mul(_) => left.checked_mul(right),
                    syn::BinOp::Add(_) => left.checked_add(right),
                    syn::BinOp::Shl(_) => Some(left << right.min(32)),
                    _ => Some(left),
                }
            }
            _ => None,
        }
    }

    pub(crate) fn literal(&mut self, literal: &syn::ExprStruct) -> Value {
        let name =
            literal.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let own = self.current().filter(|_| name == "Self").map(|function| function.home.clone());
        let name = own.unwrap_or(name);
        let base = literal.rest.as_ref().map(|rest| self.expr(rest));
        let mut named = base.as_ref().map(|base| base.named.clone()).unwrap_or_default();
        let table = self.model.table_of_row(&name).map(|table| table.name.clone());
        let mut row = Row { fresh: true, key_constant: true, ..Row::default() };
        let mut taint = base.as_ref().map_or(0, |base| base.taint);
        for field in &literal.fields {
            let value = self.expr(&field.expr);
            self.assigned(&field.expr);
            let member = field.member.to_token_stream().to_string();
            taint |= value.taint;
            row.fields.push((member.clone(), value.taint));
            let Some(table) = &table else {
                named.retain(|(known, _)| *known != member);
                named.push((member, Value { outcome: None, ..value }));
                continue;
            };
            let column = self.model.tables.get(table).and_then(|t| t.column(&member)).cloned();
            if column.as_ref().is_some_and(|column| column.key) {
                row.key |= value.taint;
                row.key_constant &= value.constant;
            }
            if value.taint & CALLER != 0 && !value.of_caller() {
                self.facts.owners.insert((table.clone(), member.clone()));
            }
            let ty = column.map(|column| column.ty).unwrap_or_default();
            let place = Value { column: Some((table.clone(), member)), ty, ..Value::default() };
            self.stored(&place, &value, field.span());
        }
        if let Some(known) = base.and_then(|base| base.row) {
            row.key |= known.key;
            row.key_constant &= known.key_constant;
            row.fresh = known.fresh;
            row.assigned = row
                .fields
                .iter()
                .map(|(field, taint)| crate::value::Assigned {
                    field: field.clone(),
                    taint: *taint,
                    less: false,
                    asked: false,
                    relative: false,
                })
                .collect();
        }
        let mut value = Value { ty: name, ..Value::of(taint) };
        if let Some(table) = table {
            row.table = table;
            value.row = Some(Box::new(row));
        } else {
            value.named = named;
        }
        value
    }
}
