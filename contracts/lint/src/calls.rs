//! Calls: of the SDK, of the contract's own functions, and of everything else.

use crate::arithmetic::is_amount;
use crate::names::tail;
use crate::rule::Rule;
use crate::value::{ANSWER, CALLER, FUNDS, MONEY, Outcome, PARAM, STATE, Value};
use crate::walk::{Exit, Walk};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Token};

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

    #[allow(clippy::too_many_lines, reason = "one arm for each function that means something")]
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
        let home = match &path.qself {
            Some(of) => Some(self.model.type_of(&of.ty)),
            None => home.map(|home| self.model.resolved_type(home)),
        };
        let home = home.as_deref();
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
        let endless = u32::from(matches!(last, "from_fn" | "successors" | "repeat_with"));
        self.endless += endless;
        let runs_later = home.is_none_or(|home| !crate::names::is_number(home))
            && (self.model.find(home, last, false).is_some()
                || home.is_none() && self.model.find(None, last, false).is_some());
        let arguments = if runs_later {
            let pass = |walk: &mut Self, argument: &Expr| match argument {
                Expr::Closure(closure) => {
                    Value { closure: Some(std::rc::Rc::new(closure.clone())), ..Value::default() }
                }
                argument => walk.expr(argument),
            };
            call.args.iter().map(|argument| pass(self, argument)).collect()
        } else {
            self.arguments(&call.args)
        };
        self.endless -= endless;
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
            self.compared_in(&function, call.args.iter());
            return value;
        }
        let taint = arguments.iter().fold(0, |taint, value| taint | value.taint);
        match (home, last) {
            (Some(ty), "from") if crate::names::is_number(ty) => {
                let value = arguments.into_iter().next().unwrap_or_default();
                self.widened(&value, ty, call.span());
                Value {
                    ty: ty.into(),
                    taint: value.taint | float_of(ty),
                    minus: value.minus,
                    column: value.column,
                    capped: value.capped,
                    ..Value::default()
                }
            }
            (Some(ty), "try_from") if crate::names::is_number(ty) => {
                Value { ty: ty.into(), taint, checked: true, ..Value::default() }
            }
            (Some("String"), "from") => arguments.into_iter().next().unwrap_or_default(),
            (Some("String"), "new" | "with_capacity") => Value {
                constant: true,
                ty: "String".into(),
                texts: vec![String::new()],
                ..Value::default()
            },
            (_, "min" | "max") => {
                let ty = arguments.iter().map(|v| v.ty.clone()).find(|ty| !ty.is_empty());
                let clamped = arguments.iter().any(|value| value.constant);
                Value {
                    ty: ty.unwrap_or_default(),
                    taint: if clamped { taint & !PARAM } else { taint },
                    ..Value::default()
                }
            }
            (Some(ty), _) if crate::names::is_number(ty) && !arguments.is_empty() => {
                let operand = arguments.get(1).cloned().unwrap_or_default();
                let of = Value { ty: ty.into(), ..arguments[0].clone() };
                self.arithmetic_method(last, &of, &operand, call.span())
                    .unwrap_or_else(|| Value::typed(taint, ty))
            }
            (_, "Wrapping" | "Saturating") => {
                if is_amount(&arguments[0]) {
                    self.report(
                        Rule::AmountArithmetic,
                        call.span(),
                        "an amount in Wrapping(..) or Saturating(..) does not fail",
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
                for value in &arguments {
                    self.dropped(value, call.span(), "the result of this is thrown away");
                }
                Value::default()
            }
            _ => Value { taint, ..Value::default() },
        }
    }

    /// What a function has compared is what it was given.
    pub(crate) fn compared_in<'e>(
        &mut self,
        function: &crate::model::Function,
        arguments: impl Iterator<Item = &'e Expr>,
    ) {
        let skipped = usize::from(function.method);
        for ((name, _), argument) in function.parameters.iter().skip(skipped).zip(arguments) {
            let given = crate::operators::idents(argument).pop();
            if self.compared.contains(name) {
                self.compared.extend(given.clone());
            }
            if self.capped.contains(name) {
                self.capped.extend(given);
            }
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
    pub(crate) fn passed(&mut self, argument: &Expr, receiver: &Value) -> Option<Value> {
        let Expr::Path(path) = argument else { return None };
        let item = Value { outcome: None, pending: false, ..receiver.clone() };
        let mut parts: Vec<String> =
            path.path.segments.iter().map(|part| part.ident.to_string()).collect();
        let name = parts.pop()?;
        if let Some(home) = parts.pop() {
            let home = self.model.resolved_type(&home);
            if crate::names::is_number(&home) {
                let item = Value { ty: home, ..item };
                return self.arithmetic_method(&name, &item, &item, path.span());
            }
            let own = self.model.find(Some(&home), &name, true);
            let own = own.or_else(|| self.model.find(Some(&home), &name, false))?;
            return Some(self.inline(&own, vec![item]));
        }
        if let Some(known) = self.state.variables.get(&name) {
            let closure = known.closure.clone()?;
            for pattern in &closure.inputs {
                self.bind(pattern, item.clone());
            }
            return Some(self.closure(&closure));
        }
        let function = self.model.find(None, &name, false)?;
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
            "sql::inspect" | "address::check" => {
                Value { outcome: Some(Outcome::Read), ..Value::default() }
            }
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
            "address::is_address" => Value { allowed: Some(0), verdict: true, ..Value::of(taint) },
            _ => return None,
        })
    }
}

fn float_of(ty: &str) -> u16 {
    if matches!(ty, "f64" | "f32") { crate::value::FLOAT } else { 0 }
}
