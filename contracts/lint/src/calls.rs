//! Calls: of the SDK, of the contract's own functions, and of everything else.

use crate::model::{Kind, inner};
use crate::rule::Rule;
use crate::value::{
    ANSWER, CALLER, FUNDS, LENGTH, MONEY, Outcome, PARAM, Row, STATE, TIME, TRUE_IS_ALLOWED, Value,
};
use crate::walk::{Exit, Walk, tail};
use crate::writes::{Verb, Write};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Token};

/// Rows that a statement should at most read at once.
const ROWS_MAX: u64 = 10_000;

impl Walk<'_> {
    /// The path of a call with its imports resolved, as far as the last two parts.
    fn resolved(&self, path: &syn::Path) -> String {
        let mut text = path.to_token_stream().to_string().replace(' ', "");
        if let Some(at) = text.find("::<") {
            text.truncate(at);
        }
        let first = text.split("::").next().unwrap_or_default().to_owned();
        if let Some(full) = self.model.imports.get(&first) {
            text = format!("{full}{}", &text[first.len()..]);
        }
        tail(&text)
    }

    pub(crate) fn call(&mut self, call: &syn::ExprCall) -> Value {
        let Expr::Path(path) = &*call.func else {
            let callee = self.expr(&call.func);
            let arguments = self.arguments(&call.args);
            let taint = arguments.iter().fold(callee.taint, |taint, value| taint | value.taint);
            return Value { taint, ..callee };
        };
        let name = self.resolved(&path.path);
        let mut segments = name.rsplit("::");
        let last = segments.next().unwrap_or_default();
        let home = segments
            .next()
            .filter(|home| !matches!(*home, "self" | "super" | "crate") && !home.is_empty());
        let home = if home == Some("Self") { None } else { home };
        if name.ends_with("calls::as_contract") || name == "as_contract" {
            let before = std::mem::replace(&mut self.as_contract, true);
            let value = self.arguments(&call.args).pop().unwrap_or_default();
            self.as_contract = before;
            return value;
        }
        if !call.args.is_empty()
            && (last == "Client"
                || last.ends_with("Client")
                || home.is_some_and(|h| h.ends_with("Client"))
                || self.is_client(last))
        {
            self.arguments(&call.args);
            return Value::typed(0, "@client");
        }
        let arguments = self.arguments(&call.args);
        if let Some(value) = self.sdk(&name, &arguments, call) {
            return value;
        }
        // A closure or a function pointer in a variable.
        if home.is_none()
            && let Some(known) = self.state.variables.get(last).cloned()
        {
            if let Some(closure) = known.closure.clone() {
                for (pattern, value) in closure.inputs.iter().zip(arguments) {
                    self.bind(pattern, value);
                }
                return self.closure(&closure);
            }
            let taint = arguments.iter().fold(known.taint, |taint, value| taint | value.taint);
            return Value { taint, ..known };
        }
        let own = self
            .model
            .find(home, last, false)
            .or_else(|| self.model.find(None, last, false).filter(|_| home.is_none()));
        let own = own.or_else(|| self.model.find(Some(home?), last, true));
        if let Some(function) = own {
            let value = self.inline(&function, arguments);
            self.give_back(&call.args);
            return value;
        }
        let taint = arguments.iter().fold(0, |taint, value| taint | value.taint);
        match (home, last) {
            (Some(ty), "from") if crate::walk::is_number(ty) => {
                let value = arguments.into_iter().next().unwrap_or_default();
                self.widened(&value, ty, call.span());
                Value {
                    ty: ty.into(),
                    taint: value.taint | float_of(ty),
                    minus: value.minus,
                    ..Value::default()
                }
            }
            (Some(ty), "try_from") if crate::walk::is_number(ty) => {
                Value { ty: ty.into(), taint, checked: true, ..Value::default() }
            }
            (Some("String"), "from") => arguments.into_iter().next().unwrap_or_default(),
            (Some("String"), "new" | "with_capacity") => Value {
                constant: true,
                ty: "String".into(),
                texts: vec![String::new()],
                ..Value::default()
            },
            (Some("cmp"), "min" | "max") | (_, "min" | "max") => {
                let ty = arguments.iter().map(|v| v.ty.clone()).find(|ty| !ty.is_empty());
                let clamped = arguments.iter().any(|value| value.constant);
                Value {
                    ty: ty.unwrap_or_default(),
                    taint: if clamped { taint & !PARAM } else { taint },
                    ..Value::default()
                }
            }
            (_, "Wrapping") => {
                if self.is_amount(&arguments[0]) {
                    self.report(
                        Rule::AmountArithmetic,
                        call.span(),
                        "an amount in Wrapping(..) wraps around",
                    );
                }
                arguments.into_iter().next().unwrap_or_default()
            }
            (_, "Err") => Value { is_err: true, taint, ..Value::default() },
            (_, "Ok" | "Some" | "Box" | "Rc")
            | (Some("Box" | "Rc" | "Cell" | "RefCell"), "new") => arguments
                .into_iter()
                .next()
                .map(|value| Value { is_err: false, ..value })
                .unwrap_or_default(),
            (_, "drop" | "forget") => {
                if arguments.iter().any(|value| value.outcome.is_some()) {
                    self.report(
                        Rule::IgnoredResult,
                        call.span(),
                        "the result of this is thrown away",
                    );
                }
                Value::default()
            }
            _ => Value { taint, ..Value::default() },
        }
    }

    fn is_client(&self, name: &str) -> bool {
        self.model.imports.get(name).is_some_and(|path| path.ends_with("Client"))
    }

    /// What was passed as `&mut` is what the function has left.
    fn give_back(&mut self, arguments: &Punctuated<Expr, Token![,]>) {
        let left = std::mem::take(&mut self.left);
        for (argument, value) in arguments.iter().zip(left) {
            if let Expr::Reference(reference) = argument
                && reference.mutability.is_some()
                && let Expr::Path(path) = &*reference.expr
                && let Some(name) = path.path.get_ident()
            {
                self.state.variables.insert(name.to_string(), value);
            }
        }
    }

    /// A function that is passed to an adapter runs on what the receiver holds.
    fn passed(&mut self, argument: &Expr, receiver: &Value) -> Option<Value> {
        let Expr::Path(path) = argument else { return None };
        let name = path.path.get_ident()?.to_string();
        if self.state.variables.contains_key(&name) {
            return None;
        }
        let function = self.model.find(None, &name, false)?;
        let item = Value { outcome: None, pending: false, ..receiver.clone() };
        Some(self.inline(&function, vec![item]))
    }

    pub(crate) fn arguments(&mut self, arguments: &Punctuated<Expr, Token![,]>) -> Vec<Value> {
        arguments.iter().map(|argument| self.expr(argument)).collect()
    }

    /// A function of the SDK.
    fn sdk(&mut self, name: &str, arguments: &[Value], call: &syn::ExprCall) -> Option<Value> {
        let span = call.span();
        let taint = arguments.iter().fold(0, |taint, value| taint | value.taint);
        let empty = Value::default();
        let at = |index: usize| arguments.get(index).unwrap_or(&empty);
        let external = |value: Value| Value { outcome: Some(Outcome::External), ..value };
        Some(match name {
            "sql::exec" | "sql::exec_rows" | "sql::exec_encoded" => {
                self.run_sql(at(0), at(1), span, true)
            }
            "sql::query" | "sql::query_encoded" => self.run_sql(at(0), at(1), span, false),
            "sql::inspect" => Value { outcome: Some(Outcome::Read), ..Value::default() },
            "sql::returned" => Value::typed(STATE, "Table"),
            "calls::call" | "dadbs_sdk::call" => {
                let target = at(1).texts.join(" ");
                if at(3).items.is_empty() || at(3).constant {
                    self.external_call(&target, &at(2).items.clone(), span);
                } else {
                    let to = Value::of(at(0).taint);
                    self.transfer(&to, &at(3).clone(), span);
                }
                external(Value::of(ANSWER | taint & CALLER))
            }
            "calls::transfer" => {
                self.transfer(&at(0).clone(), &at(1).clone(), span);
                external(Value::of(ANSWER))
            }
            "calls::view" => external(Value {
                outcome: Some(Outcome::Read),
                ..Value::of(STATE | taint & CALLER)
            }),
            "calls::schedule" | "calls::cancel" => external(Value::typed(0, "i64")),
            "calls::balance" => Value::typed(STATE | MONEY, "i64"),
            "calls::paid" => {
                let value = Value::typed(CALLER | FUNDS | MONEY, "i64");
                Value { outcome: Some(Outcome::Read), ..value }
            }
            "calls::invocation" => Value::typed(0, "Invocation"),
            "calls::changes" => Value::of(STATE),
            "dadbs_sdk::context" | "context" | "prelude::context" => Value::typed(0, "Context"),
            "dadbs_sdk::abort" | "abort" | "prelude::abort" | "process::abort" => {
                self.exit = Exit::Abort;
                Value::default()
            }
            "address::check" => Value { outcome: Some(Outcome::Read), ..Value::default() },
            "address::is_address" => Value { allowed: Some(0), ..Value::of(taint) },
            _ => return None,
        })
    }

    #[allow(clippy::too_many_lines, reason = "one arm for each method that means something")]
    pub(crate) fn method(&mut self, call: &syn::ExprMethodCall) -> Value {
        let name = call.method.to_string();
        let handled = ["ok_or", "ok_or_else", "is_some", "is_none", "expect", "unwrap"];
        let tolerate = std::mem::replace(&mut self.tolerate_ok, handled.contains(&name.as_str()));
        let receiver = self.expr(&call.receiver);
        self.tolerate_ok = false;
        // The parameters of closures are what the receiver holds.
        for argument in &call.args {
            if let Expr::Closure(closure) = argument {
                let row_type = inner(&receiver.ty).to_owned();
                for pattern in &closure.inputs {
                    let item = Value {
                        outcome: None,
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
                    let (value, after, _) = self.branch(|walk| walk.expr(argument));
                    self.state.external = self.state.external.or(after.external);
                    value
                } else if let Some(value) = self.passed(argument, &receiver) {
                    value
                } else {
                    self.expr(argument)
                }
            })
            .collect();
        let span = call.method.span();
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
            return self.inline(&function, all);
        }
        let taint = arguments.iter().fold(receiver.taint, |taint, value| taint | value.taint);
        let operand = arguments.first().cloned().unwrap_or_default();
        if let Some(value) = self.arithmetic_method(&name, &receiver, &operand, span) {
            return value;
        }
        if receiver.outcome.is_some() {
            let drops = matches!(
                name.as_str(),
                "unwrap_or" | "unwrap_or_default" | "unwrap_or_else" | "map_or" | "map_or_else"
            );
            if drops && receiver.ty != "bool" || name == "ok" && !tolerate {
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
                if matches!(name.as_str(), "next" | "first" | "last") && !value.items.is_empty() {
                    value.items = Vec::new();
                }
                value
            }
            "unwrap" | "expect" => {
                let proven =
                    receiver.pending || (receiver.outcome.is_none() && receiver.of_caller());
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
            | "try_for_each" => self.adapted(&name, receiver, &arguments, taint),
            "len" | "count" => Value::typed(LENGTH | taint & CALLER, "usize"),
            "min" | "clamp" => {
                let clamped = arguments.iter().any(|value| value.constant);
                Value { taint: if clamped { taint & !PARAM } else { taint }, row: None, ..receiver }
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
                let value = Value { allowed: receiver.allowed, ..Value::of(taint) };
                Value { ty: "bool".into(), ..value }
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
                Value { taint, ty, constant, ..Value::default() }
            }
        }
    }

    /// Adapters of options, results and iterators.
    fn adapted(&mut self, name: &str, receiver: Value, arguments: &[Value], taint: u16) -> Value {
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
                value.outcome =
                    receiver.outcome.or(if name == "map" { None } else { last.outcome });
                value.constant = false;
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
            "ok" => value.outcome = None,
            _ => {}
        }
        value
    }

    /// What grows in place takes over where the new part comes from.
    fn grow(&mut self, call: &syn::ExprMethodCall, receiver: &Value, part: &Value, taint: u16) {
        let mut base = &*call.receiver;
        while let Expr::MethodCall(inner) = base {
            base = &inner.receiver;
        }
        let Expr::Path(path) = base else { return };
        let Some(name) = path.path.get_ident() else { return };
        let Some(known) = self.state.variables.get_mut(&name.to_string()) else { return };
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

    /// `ctx.db.<table>().<name>(..)`.
    fn accessor(
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
        match name {
            "insert" | "update" => {
                let value = arguments.first().cloned().unwrap_or_default();
                let verb = if name == "insert" { Verb::Insert } else { Verb::Update };
                self.write(Write::of_row(table, verb, &value, span));
                let auto = if name == "insert" { "i64" } else { "bool" };
                Value { outcome: Some(Outcome::Write), ..Value::typed(STATE, auto) }
            }
            "delete" => {
                self.write(Write::delete(table, arguments, span));
                Value { outcome: Some(Outcome::Write), ..Value::typed(STATE, "bool") }
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
                Value { outcome: Some(Outcome::Read), ..Value::typed(STATE, "i64") }
            }
            "get" => {
                self.learn_keys(table, arguments);
                row(taint, arguments.iter().all(|value| value.constant))
            }
            _ if keys(name).is_some() => {
                let column = keys(name).unwrap_or_default();
                if arguments.first().is_some_and(|value| value.taint & CALLER != 0) {
                    self.facts.owners.insert((table.into(), column));
                }
                if arguments.len() > 1 {
                    self.limited(arguments.last(), call.args.last(), span);
                }
                row(taint, false)
            }
            _ => Value::of(taint),
        }
    }

    /// A key that is looked up by the caller says whose the row is.
    fn learn_keys(&mut self, table: &str, arguments: &[Value]) {
        let Some(declared) = self.model.tables.get(table) else { return };
        let keys = declared.columns.iter().filter(|column| column.key);
        for (column, value) in keys.zip(arguments) {
            if value.taint & CALLER != 0 && !value.of_caller() {
                self.facts.owners.insert((table.into(), column.name.clone()));
            }
        }
    }

    /// A limit is a number, not too large, and not what the caller says.
    fn limited(&mut self, value: Option<&Value>, expr: Option<&Expr>, span: proc_macro2::Span) {
        let Some((value, expr)) = value.zip(expr) else { return };
        if let Some(rows) = self.number(expr) {
            if rows > ROWS_MAX {
                self.report(Rule::UnboundedScan, span, format!("a limit of {rows} rows is none"));
            }
        } else if value.taint & PARAM != 0 && value.taint & TIME == 0 {
            self.report(
                Rule::UnboundedScan,
                span,
                "the caller chooses the limit; cap it: limit.min(100)",
            );
        }
    }

    /// The number behind a literal, a constant or `MAX`.
    fn number(&self, expr: &Expr) -> Option<u64> {
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
                    _ => Some(left),
                }
            }
            _ => None,
        }
    }

    pub(crate) fn literal(&mut self, literal: &syn::ExprStruct) -> Value {
        let name =
            literal.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let base = literal.rest.as_ref().map(|rest| self.expr(rest));
        let table = self.model.table_of_row(&name).map(|table| table.name.clone());
        let mut row = Row { fresh: true, key_constant: true, ..Row::default() };
        let mut taint = base.as_ref().map_or(0, |base| base.taint);
        for field in &literal.fields {
            let value = self.expr(&field.expr);
            let member = field.member.to_token_stream().to_string();
            taint |= value.taint;
            row.fields.push((member.clone(), value.taint));
            let Some(table) = &table else { continue };
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
                    relative: false,
                })
                .collect();
        }
        let mut value = Value { ty: name, ..Value::of(taint) };
        if let Some(table) = table {
            row.table = table;
            value.row = Some(Box::new(row));
        } else {
            value.items = Vec::new();
        }
        value
    }

    pub(crate) fn macro_call(&mut self, mac: &syn::Macro) -> Value {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        let parsed = mac.parse_body_with(Punctuated::<Expr, Token![,]>::parse_terminated);
        let arguments: Vec<Expr> = match (name.as_str(), parsed) {
            (_, Ok(arguments)) => arguments.into_iter().collect(),
            ("matches", Err(_)) => {
                let first = mac.parse_body_with(|input: syn::parse::ParseStream<'_>| {
                    let expr = input.parse::<Expr>()?;
                    input.parse::<proc_macro2::TokenStream>()?;
                    Ok(expr)
                });
                first.into_iter().collect()
            }
            _ => Vec::new(),
        };
        match name.as_str() {
            "panic" | "unreachable" | "todo" | "unimplemented" => {
                self.exit = Exit::Abort;
                return Value::default();
            }
            _ => {}
        }
        let values: Vec<Value> = arguments.iter().map(|argument| self.expr(argument)).collect();
        let mut taint = values.iter().fold(0, |taint, value| taint | value.taint);
        match name.as_str() {
            "sql" => {
                let parameters = Value {
                    items: values.get(1..).unwrap_or_default().to_vec(),
                    ..Value::of(taint)
                };
                let text = values.first().cloned().unwrap_or_default();
                let exec = !text.texts.first().is_some_and(|text| {
                    crate::statement::Statement::of(text).verb == crate::statement::Verb::Select
                });
                self.run_sql(&text, &parameters, mac.path.span(), exec)
            }
            "params" | "vec" => {
                let constant = values.iter().all(|value| value.constant);
                Value { items: values, constant, ..Value::of(taint) }
            }
            "matches" => Value { taint, allowed: None, ..Value::default() },
            "assert" | "debug_assert" | "ensure" | "require" => {
                if name != "debug_assert"
                    && let Some(condition) = values.first()
                {
                    let guarded = condition.bits() & TRUE_IS_ALLOWED != 0;
                    self.state.guard |= guarded;
                    self.state.hard |= guarded && name == "assert";
                    self.state.state_checked |= condition.taint & STATE != 0;
                    self.state.timed |= condition.has(STATE | TIME);
                }
                Value::default()
            }
            "assert_eq" => {
                let stored = taint & CALLER != 0 && taint & STATE != 0;
                self.state.guard |= stored;
                self.state.hard |= stored;
                self.state.state_checked |= taint & STATE != 0;
                Value::default()
            }
            "format" | "concat" | "write" | "writeln" | "stringify" => {
                let format = if name.starts_with("write") { 1 } else { 0 };
                let text =
                    arguments.get(format).and_then(crate::model::text_of).unwrap_or_default();
                let mut constant = values.iter().skip(format).all(|value| value.constant);
                for inline in inline_names(&text) {
                    let Ok(expr) = syn::parse_str::<Expr>(&inline) else { continue };
                    let value = self.expr(&expr);
                    constant &= value.constant;
                    taint |= value.taint;
                }
                if format == 1
                    && let Some(Expr::Path(path)) = arguments.first().map(peeled)
                    && let Some(ident) = path.path.get_ident()
                    && let Some(known) = self.state.variables.get_mut(&ident.to_string())
                {
                    known.constant &= constant;
                    known.texts.clear();
                    known.taint |= taint;
                    return Value::default();
                }
                let mut value = Value { constant, ty: "String".into(), ..Value::of(taint) };
                if name == "concat" || values.len() == 1 && !text.contains('{') {
                    value.texts =
                        vec![values.iter().flat_map(|v| v.texts.clone()).collect::<String>()];
                } else if name == "format" {
                    // Enough of the text to see what kind of statement it is.
                    value.texts = vec![text];
                }
                value
            }
            _ => Value::of(taint),
        }
    }
}

fn peeled(expr: &Expr) -> &Expr {
    match expr {
        Expr::Reference(reference) => peeled(&reference.expr),
        other => other,
    }
}

/// The names in `{name}` of a format string.
fn inline_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.replace("{{", "").split('{').skip(1) {
        let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            names.push(name);
        }
    }
    names
}

fn float_of(ty: &str) -> u16 {
    if matches!(ty, "f64" | "f32") { crate::value::FLOAT } else { 0 }
}
