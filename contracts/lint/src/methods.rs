//! Method calls: adapters of options, results and iterators, and everything else.

use crate::dropped::changes;
use crate::model::Kind;
use crate::operators::idents;
use crate::rule::Rule;
use crate::types::inner;
use crate::value::{ANSWER, CALLER, LENGTH, Outcome, PARAM, STATE, TRUE_IS_ALLOWED, Value};
use crate::walk::Walk;
use syn::Expr;

impl Walk<'_> {
    #[allow(clippy::too_many_lines, reason = "one arm for each method that means something")]
    pub(crate) fn method(&mut self, call: &syn::ExprMethodCall) -> Value {
        let name = call.method.to_string();
        let handled = ["ok_or", "ok_or_else", "is_some", "is_none", "expect", "unwrap"];
        let tolerate = std::mem::replace(&mut self.tolerate_ok, handled.contains(&name.as_str()));
        let mut receiver = self.expr(&call.receiver);
        self.tolerate_ok = false;
        if !matches!(
            name.as_str(),
            "map_err"
                | "inspect"
                | "inspect_err"
                | "filter"
                | "cloned"
                | "copied"
                | "as_ref"
                | "as_deref"
        ) {
            receiver.verdict = false;
            receiver.missed = None;
            receiver.counted = None;
        }
        if matches!(
            name.as_str(),
            "is_ok" | "is_err" | "map_or" | "ok" | "is_ok_and" | "is_err_and"
        ) {
            self.looked_at(&receiver);
        }
        self.leaves_out(&name, call, &receiver);
        // The parameters of closures are what the receiver holds.
        for argument in &call.args {
            if let Expr::Closure(closure) = argument {
                let row_type = inner(&receiver.ty).to_owned();
                for (at, pattern) in closure.inputs.iter().enumerate() {
                    let last = at + 1 == closure.inputs.len();
                    let item = Value {
                        outcome: receiver.each.filter(|_| last),
                        each: None,
                        pending: false,
                        ty: row_type.clone(),
                        ..receiver.clone()
                    };
                    self.bind(pattern, item);
                }
            }
        }
        let arguments: Vec<Value> = call
            .args
            .iter()
            .map(|argument| {
                if matches!(argument, Expr::Closure(_)) {
                    // A closure may not run: it cannot check the caller for what follows.
                    // It runs on what `?` would give: behind a check, if that says so.
                    let proven = matches!(name.as_str(), "map" | "and_then") && receiver.proven();
                    let (value, after, _) = self.branch(|walk| {
                        walk.state.guard |= proven;
                        walk.expr(argument)
                    });
                    self.state.external = self.state.external.or(after.external);
                    value
                } else if let Some(value) = self.passed(argument, &receiver) {
                    value
                } else {
                    let value = self.expr(argument);
                    // The path of a function, which works on what the receiver holds.
                    let constant = value.constant && (name != "map" || receiver.constant);
                    Value { constant, ..value }
                }
            })
            .collect();
        let span = call.method.span();
        let last = arguments.last().map(|last| (last.outcome, last.ty.as_str()));
        let leaves_out = match (name.as_str(), last) {
            ("flat_map", Some((outcome, _))) => changes(outcome),
            ("filter" | "take_while", Some((outcome, ty))) => changes(outcome) && ty == "bool",
            _ => false,
        };
        if leaves_out {
            let what = format!("`.{name}` leaves failures of this out");
            self.report(Rule::IgnoredResult, span, what);
        }
        if receiver.ty == "@db" {
            return Value::typed(0, &format!("@table {name}"));
        }
        if let Some(table) = receiver.ty.strip_prefix("@table ") {
            let table = table.to_owned();
            return self.accessor(&table, &name, &arguments, call);
        }
        if receiver.ty == "@client" {
            self.external_call(&name, &arguments, span);
            let taint = arguments.iter().fold(0, |taint, value| taint | value.taint);
            return Value {
                outcome: Some(Outcome::External),
                ..Value::of(ANSWER | taint & CALLER)
            };
        }
        if receiver.ty == "@later" {
            let asked = matches!(name.as_str(), "at_height" | "at_time" | "cancel");
            let outcome = asked.then_some(Outcome::External);
            return Value { outcome, ..receiver };
        }
        if name == "later" && receiver.ty == "Context" {
            return Value::typed(0, "@later");
        }
        let constant_text = crate::model::text_of(&call.receiver).is_some();
        let own =
            self.model.find(Some(receiver.ty.split('<').next().unwrap_or_default()), &name, true);
        let own = own.or_else(|| {
            let single =
                self.model.functions.iter().filter(|f| f.method && f.name == name).count() == 1;
            let unknown = receiver.ty.is_empty() || self.model.structs.contains_key(&receiver.ty);
            if single && unknown { self.model.find(None, &name, true) } else { None }
        });
        if let Some(function) = own {
            let mut all = vec![receiver];
            all.extend(arguments);
            let value = self.inline(&function, all);
            self.compared_in(&function, call.args.iter());
            if function.mutates
                && let Some(left) = self.left.first().cloned()
                && (left.row.is_some() || !left.named.is_empty())
                && let Some(place) = self.place(&call.receiver)
            {
                *place = left;
            }
            return value;
        }
        let taint = arguments.iter().fold(receiver.taint, |taint, value| taint | value.taint);
        let operand = arguments.first().cloned().unwrap_or_default();
        if let Some(value) = self.arithmetic_method(&name, &receiver, &operand, span) {
            return value;
        }
        let or = matches!(name.as_str(), "or" | "or_else" | "map_or" | "map_or_else");
        let answers = call.args.first().is_some_and(|first| {
            let text = quote::ToTokens::to_token_stream(first).to_string();
            text == "true" || text == "false" || text.contains("Err")
        });
        self.replaced(&receiver, or && !answers, span);
        if receiver.outcome.is_some() {
            let drops = matches!(
                name.as_str(),
                "unwrap_or" | "unwrap_or_default" | "unwrap_or_else" | "map_or" | "map_or_else"
            );
            let passes_on = self.current().is_some_and(|function| function.option);
            if drops && receiver.ty != "bool" || name == "ok" && !tolerate && !passes_on {
                self.report(
                    Rule::IgnoredResult,
                    span,
                    format!("`.{name}` drops the failure of this"),
                );
                return Value { outcome: None, pending: false, ..receiver };
            }
        }
        match name.as_str() {
            "clone" | "to_owned" | "as_str" | "as_ref" | "as_mut" | "as_deref" | "to_string"
            | "into" | "iter" | "into_iter" | "iter_mut" | "as_slice" | "cloned" | "copied"
            | "by_ref" | "trim" | "to_vec" | "as_bytes" | "into_bytes" | "borrow" | "rev"
            | "skip" | "take" | "first" | "last" | "next" | "into_inner" | "get_or_insert"
            | "decode" | "rows" | "enumerate" | "collect" | "peekable" | "flatten" => {
                let mut value = receiver;
                if name == "collect" {
                    value.outcome = value.outcome.or(value.each.take());
                }
                if matches!(name.as_str(), "next" | "first" | "last") && !value.items.is_empty() {
                    value.items = Vec::new();
                }
                value
            }
            "unwrap" | "expect" => {
                let proven = receiver.proven();
                self.state.guard |= proven;
                self.state.hard |= proven;
                Value { outcome: None, pending: false, checked: false, ..receiver }
            }
            "ok_or" | "ok_or_else" => {
                let pending = receiver.pending || receiver.bits() & TRUE_IS_ALLOWED != 0;
                Value { pending, outcome: Some(Outcome::Own), checked: false, ..receiver }
            }
            "map_err" | "map" | "and_then" | "inspect" | "filter" | "or_else" | "ok"
            | "is_ok_and" | "is_some_and" | "is_none_or" | "find" | "any" | "all" | "position"
            | "filter_map" | "flat_map" | "fold" | "sum" | "then" | "then_some" | "map_or"
            | "unwrap_or" | "unwrap_or_default" | "unwrap_or_else" | "min_by_key"
            | "max_by_key" | "retain" | "partition" | "find_map" | "chain" | "zip" | "for_each"
            | "try_for_each" => adapted(&name, receiver, &arguments, taint),
            "contains" if self.within(call, &operand) => {
                let names = call.args.first().and_then(|first| idents(first).pop());
                let caps = [Vec::new(), names.into_iter().collect()];
                Value { ty: "bool".into(), caps, ..Value::of(taint) }
            }
            "len" | "is_empty" if changes(receiver.outcome) && receiver.ty != "@table" => {
                let what = format!("`.{name}` does not tell which of these have failed");
                self.report(Rule::IgnoredResult, span, what);
                Value::typed(LENGTH | taint & CALLER, "usize")
            }
            "len" | "count" => Value::typed(LENGTH | taint & CALLER, "usize"),
            "max" if receiver.less && operand.constant && self.entry != Kind::View => {
                Value { floored: true, less: false, row: None, ..receiver }
            }
            "min" | "clamp" => {
                let most = call.args.last().and_then(|most| self.number(most));
                let small = most.is_none_or(|most| most <= crate::accessor::ROWS_MAX);
                let capped = small && arguments.iter().any(|value| value.constant);
                let taint = if capped { taint & !PARAM } else { taint };
                let least = operand.number.filter(|_| name == "min").or(receiver.number);
                let number = receiver.number.zip(least).map(|(one, two)| one.min(two));
                Value { taint, capped, number, row: None, ..receiver }
            }
            "integer" => Value {
                ty: "i64".into(),
                column: receiver.column.clone(),
                outcome: None,
                ..Value::of(taint)
            },
            "real" => Value::typed(taint | crate::value::FLOAT, "f64"),
            "text" | "value" | "to_value" => Value { outcome: None, ..receiver },
            "is_ok" | "is_err" => Value { ty: "bool".into(), ..receiver },
            "is_some" | "is_none" => {
                self.asked(&receiver, None);
                let value = Value { allowed: receiver.allowed, ..Value::of(taint) };
                Value { ty: "bool".into(), ..value }
            }
            "is_empty" if receiver.column.is_some() && taint & CALLER == 0 => {
                self.asked(&receiver, None);
                Value::typed(taint, "bool")
            }
            "is_empty" | "starts_with" | "ends_with" if constant_text || !receiver.of_caller() => {
                Value {
                    allowed: if taint & CALLER != 0 { Some(0) } else { None },
                    ..Value::of(taint)
                }
            }
            "push" | "push_str" | "extend" | "insert" | "append" | "extend_from_slice"
            | "push_back" => {
                self.grow(call, &receiver, &operand, taint);
                Value::default()
            }
            "concat" | "join" | "replace" | "replacen" | "repeat" => {
                let constant = receiver.constant && arguments.iter().all(|value| value.constant);
                Value { constant, ty: "String".into(), ..Value::of(taint) }
            }
            "eq" | "eq_ignore_ascii_case" | "ne" => {
                let both = taint & CALLER != 0 && taint & STATE != 0;
                let bits = if name == "ne" { 2 } else { 1 };
                Value { allowed: both.then_some(bits), ..Value::of(taint) }
            }
            "emit" => Value::default(),
            _ => {
                let ty = if arguments.is_empty() { receiver.ty.clone() } else { String::new() };
                let constant = receiver.constant && arguments.iter().all(|value| value.constant);
                let column = receiver.column.filter(|_| arguments.is_empty());
                Value { taint, constant, ty, column, ..Value::default() }
            }
        }
    }

    /// `(low..=high).contains(&value)`: true if the ends are constants; others compare it.
    fn within(&mut self, call: &syn::ExprMethodCall, operand: &Value) -> bool {
        let mut range = &*call.receiver;
        while let Expr::Paren(paren) = range {
            range = &paren.expr;
        }
        let Expr::Range(range) = range else { return false };
        let Some(end) = &range.end else { return false };
        let (end_value, ..) = self.branch(|walk| walk.expr(end));
        let names = call.args.first().map(idents).unwrap_or_default();
        if end_value.constant {
            self.capped.extend(names.last().cloned());
        } else {
            self.compared.extend(names);
            self.compared.extend(idents(end));
            self.compared.extend(operand.minus.last().cloned());
        }
        end_value.constant
    }

    /// A variable, or a field of one that is known by itself.
    pub(crate) fn place(&mut self, expr: &Expr) -> Option<&mut Value> {
        match expr {
            Expr::Path(path) => self.state.variables.get_mut(&path.path.get_ident()?.to_string()),
            Expr::Field(field) => {
                let name = quote::ToTokens::to_token_stream(&field.member).to_string();
                let base = self.place(&field.base)?;
                base.named.iter_mut().find(|(known, _)| *known == name).map(|(_, part)| part)
            }
            Expr::Paren(paren) => self.place(&paren.expr),
            Expr::Reference(reference) => self.place(&reference.expr),
            _ => None,
        }
    }

    /// What grows in place takes over where the new part comes from.
    pub(crate) fn grow(
        &mut self,
        call: &syn::ExprMethodCall,
        receiver: &Value,
        part: &Value,
        taint: u16,
    ) {
        let mut base = &*call.receiver;
        while let Expr::MethodCall(inner) = base {
            base = &inner.receiver;
        }
        let Some(known) = self.place(base) else { return };
        known.taint |= taint;
        known.constant &= part.constant;
        known.texts = match (&receiver.texts[..], &part.texts[..]) {
            ([one], [two]) => vec![format!("{one}{two}")],
            _ => Vec::new(),
        };
        if !part.items.is_empty() {
            known.items.clone_from(&part.items);
        }
    }
}

/// Adapters of options, results and iterators.
fn adapted(name: &str, receiver: Value, arguments: &[Value], taint: u16) -> Value {
    let last = arguments.last().cloned().unwrap_or_default();
    let mut value = Value { taint, ..receiver.clone() };
    match name {
        "map" | "and_then" | "fold" | "find_map" | "flat_map" | "map_or" | "filter_map" => {
            value.row = last.row.or(receiver.row);
            if !last.ty.is_empty() {
                value.ty = last.ty;
            }
            value.column = last.column.or(receiver.column);
            if last.allowed.is_some() {
                value.allowed = last.allowed;
            }
            value.items = last.items;
            value.outcome = receiver.outcome.or(if name == "map" { None } else { last.outcome });
            value.each = if name == "map" {
                last.outcome.filter(|_| receiver.outcome.is_none())
            } else {
                None
            };
            // `|_| "?"` gives the same, whatever there is.
            value.constant = name == "map" && last.constant;
            value.pending |= last.pending && matches!(name, "map" | "and_then");
            value.named = last.named;
            value.number = None;
        }
        "is_some_and" | "is_ok_and" | "is_none_or" | "any" | "all" | "position" => {
            value = Value { allowed: last.allowed, ..Value::of(taint) };
        }
        "filter" | "find" => {
            value.allowed = last.allowed.map(|bits| if bits != 0 { 3 } else { 0 });
            value.outcome = None;
        }
        "for_each" => return Value::default(),
        "try_for_each" => value.outcome = Some(Outcome::Own),
        "then" | "then_some" => value.allowed = receiver.allowed,
        "sum" | "product" | "last" => {
            value.outcome = receiver.outcome.or(receiver.each);
            value.each = None;
        }
        "unwrap_or" | "unwrap_or_default" | "unwrap_or_else" => {
            if let Some(row) = &mut value.row {
                row.maybe_new |= !row.fresh;
            }
        }
        "ok" => value.outcome = None,
        _ => {}
    }
    value
}
