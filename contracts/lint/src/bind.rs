//! Variables: patterns, fields of values, assignments.

use crate::dropped::{changes, goes_on};
use crate::model::Kind;
use crate::names::{clock, is_number, money};
use crate::rule::Rule;
use crate::types::inner;
use crate::value::{CALLER, FALSE_IS_ALLOWED, FLOAT, MONEY, STATE, TIME, TRUE_IS_ALLOWED, Value};
use crate::walk::{Exit, Walk};
use proc_macro2::Span;
use quote::ToTokens;
use std::rc::Rc;
use syn::spanned::Spanned;
use syn::{Expr, Local, Pat};

impl Walk<'_> {
    pub(crate) fn local(&mut self, local: &Local) {
        let Some(init) = &local.init else {
            self.bind(&local.pat, Value::default());
            return;
        };
        let mut value = match &*init.expr {
            Expr::Closure(closure) => {
                Value { closure: Some(Rc::new(closure.clone())), ..Value::default() }
            }
            expr => self.expr(expr),
        };
        if let Some((_, otherwise)) = &init.diverge {
            let pattern = local.pat.to_token_stream().to_string();
            if changes(value.outcome) && pattern.starts_with("Ok") && goes_on(otherwise) {
                self.report(Rule::IgnoredResult, local.span(), "a failure of this is passed over");
            }
            self.looked_at(&value);
            let bits = value.bits();
            self.branch_off(&value, bits & FALSE_IS_ALLOWED != 0, |walk| walk.expr(otherwise));
            // That a row is there says nothing of a version.
            let known = self.state.row_checked;
            self.after_exit(&value, TRUE_IS_ALLOWED, Exit::Return);
            self.state.row_checked = known || self.entry != Kind::Migrate && self.state.row_checked;
            value.outcome = None;
        }
        let mut pattern = &local.pat;
        if let Pat::Type(typed) = pattern {
            let ty = self.model.type_of(&typed.ty);
            if value.ty.is_empty() || is_number(&ty) {
                value.ty = inner(&ty).into();
            }
            pattern = &typed.pat;
        }
        let counts = value.outcome.is_some() || value.verdict || value.missed.is_some();
        if counts || value.each.is_some() {
            match pattern {
                Pat::Wild(_) => {
                    self.dropped(&value, local.span(), "`let _ =` drops the result of this");
                    return;
                }
                Pat::Ident(name) if name.ident.to_string().starts_with('_') => {
                    let how = "the result is kept in a variable that nobody looks at";
                    self.dropped(&value, local.span(), how);
                }
                Pat::Ident(name) if value.outcome.is_some() => {
                    self.unseen.insert(name.ident.to_string(), local.span());
                }
                _ => {}
            }
        }
        self.bind(pattern, value);
    }

    /// Binds the names of a pattern.
    pub(crate) fn bind(&mut self, pattern: &Pat, value: Value) {
        match pattern {
            Pat::Ident(ident) => {
                let name = ident.ident.to_string();
                let mut value = value;
                if is_number(&value.ty) || value.ty.is_empty() {
                    value.taint |= money(&name);
                }
                if !value.minus.is_empty() {
                    value.minus.push(name.clone());
                }
                self.state.variables.insert(name, value);
                if let Some((_, inner)) = &ident.subpat {
                    self.bind(inner, Value::default());
                }
            }
            Pat::Type(typed) => self.bind(&typed.pat, value),
            Pat::Reference(reference) => self.bind(&reference.pat, value),
            Pat::Paren(paren) => self.bind(&paren.pat, value),
            Pat::Tuple(tuple) => self.bind_items(tuple.elems.iter(), &value),
            Pat::Slice(slice) => self.bind_items(slice.elems.iter(), &value),
            Pat::TupleStruct(tuple) => {
                let payload = Value { outcome: None, ..value };
                if tuple.elems.len() == 1 {
                    self.bind(&tuple.elems[0], payload);
                } else {
                    self.bind_items(tuple.elems.iter(), &payload);
                }
            }
            Pat::Struct(fields) => {
                for field in &fields.fields {
                    let name = field.member.to_token_stream().to_string();
                    let part = self.field(&value, &name);
                    self.bind(&field.pat, part);
                }
            }
            Pat::Or(or) => {
                for case in &or.cases {
                    self.bind(case, value.clone());
                }
            }
            _ => {}
        }
    }

    pub(crate) fn bind_items<'p>(
        &mut self,
        patterns: impl Iterator<Item = &'p Pat>,
        value: &Value,
    ) {
        for (at, pattern) in patterns.enumerate() {
            let item = value.items.get(at).cloned();
            let item =
                item.unwrap_or_else(|| Value { items: Vec::new(), outcome: None, ..value.clone() });
            self.bind(pattern, item);
        }
    }

    /// A field of a value.
    pub(crate) fn field(&mut self, base: &Value, name: &str) -> Value {
        if let Ok(at) = name.parse::<usize>()
            && let Some(item) = base.items.get(at)
        {
            return item.clone();
        }
        if let Some((_, known)) = base.named.iter().find(|(known, _)| known == name) {
            return known.clone();
        }
        match (base.ty.as_str(), name) {
            ("Context", "caller") => return Value::typed(CALLER, "String"),
            ("Context", "time_ms" | "height") => return Value::typed(TIME, "i64"),
            ("Context", "contract_address" | "contract_name" | "chain_id") => {
                return Value::typed(STATE, "String");
            }
            ("Context", "db") => return Value::typed(0, "@db"),
            ("Invocation", "funds") => return Value::of(CALLER | crate::value::FUNDS | MONEY),
            ("Invocation", _) => return Value::of(0),
            _ => {}
        }
        // Rules of tables see `change.old` and `change.new`.
        if matches!(name, "old" | "new") && self.model.field_type(&base.ty, name).is_empty() {
            return base.clone();
        }
        let ty = self.model.field_type(&base.ty, name);
        let mut taint = base.taint & !(MONEY | TIME | FLOAT);
        let ty = inner(&ty).to_owned();
        if is_number(&ty) || ty.is_empty() {
            taint |= money(name) | clock(name);
        }
        if matches!(ty.as_str(), "f64" | "f32") {
            taint |= FLOAT;
        }
        let mut column = None;
        if let Some(row) = &base.row {
            column = Some((row.table.clone(), name.to_owned()));
            if row.fresh {
                let known = row.fields.iter().find(|(field, _)| field == name);
                taint = known.map_or(taint, |(_, taint)| *taint);
            }
            if let Some(assigned) = row.assigned.iter().rev().find(|a| a.field == name) {
                taint = assigned.taint;
            }
        } else if let Some(table) = self.model.table_of_row(&base.ty) {
            column = Some((table.name.clone(), name.to_owned()));
        }
        let key_constant = base.row.as_ref().is_some_and(|row| row.key_constant);
        Value { taint, ty, column, constant: false, checked: key_constant, ..Value::default() }
    }

    /// An assignment to a variable or to a field of one.
    pub(crate) fn assign(&mut self, left: &Expr, value: Value, relative: bool, span: Span) {
        match left {
            Expr::Path(path) => {
                if let Some(name) = path.path.get_ident() {
                    self.state.variables.insert(name.to_string(), value);
                }
            }
            Expr::Field(field) => {
                let name = field.member.to_token_stream().to_string();
                let place = self.expr(left);
                self.stored(&place, &value, span);
                let mut base = &*field.base;
                let asked = self.state.row_checked;
                // `change.row.amount = ..`: the outermost variable, unless its field is known by itself.
                if self.place(base).is_none_or(|known| known.row.is_none()) {
                    while let Expr::Field(outer) = base {
                        base = &outer.base;
                    }
                }
                let Some(known) = self.place(base) else { return };
                if let Some((_, part)) = known.named.iter_mut().find(|(known, _)| *known == name) {
                    *part = value;
                    return;
                }
                let Some(row) = &mut known.row else { return };
                row.assigned.push(crate::value::Assigned {
                    field: name,
                    taint: value.taint,
                    less: value.less,
                    asked,
                    relative: relative && value.taint & STATE != 0,
                });
            }
            Expr::Unary(unary) => self.assign(&unary.expr, value, relative, span),
            Expr::Index(index) => self.assign(&index.expr, value, relative, span),
            Expr::Tuple(tuple) => {
                for (at, place) in tuple.elems.iter().enumerate() {
                    self.assign(
                        place,
                        value.items.get(at).cloned().unwrap_or_default(),
                        false,
                        span,
                    );
                }
            }
            _ => {}
        }
    }
}
