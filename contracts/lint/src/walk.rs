//! Walks an entry point as it would run, through the private functions that it calls.

use crate::model::{Function, Kind, Model, inner, text_of};
use crate::rule::Rule;
use crate::value::{
    ANSWER, CALLER, FALSE_IS_ALLOWED, FLOAT, MONEY, PARAM, STATE, TIME, TRUE_IS_ALLOWED, Value,
};
use proc_macro2::Span;
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use syn::spanned::Spanned;
use syn::{BinOp, Block, Expr, Local, Pat, Stmt, UnOp};

/// Expressions that one entry point may take; beyond it the walk goes no further into functions.
const BUDGET: u32 = 200_000;
const DEPTH_MAX: usize = 12;

/// How a block has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    None,
    Return,
    /// The whole call has ended.
    Abort,
}

/// What holds at one place of the walk.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) variables: BTreeMap<String, Value>,
    /// The caller was checked.
    pub(crate) guard: bool,
    /// It was, or the call would have ended.
    pub(crate) hard: bool,
    /// A condition on stored rows has let the walk come here.
    pub(crate) state_checked: bool,
    /// A condition on time has.
    pub(crate) timed: bool,
    /// Another contract, or a transfer, has run.
    pub(crate) external: Option<usize>,
    /// A row of the caller was written.
    pub(crate) own_written: bool,
    /// A statement with conditions has run, and nobody has asked how many rows it has changed.
    pub(crate) uncounted: Option<Span>,
}

/// What the first walk learns for the second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Columns that hold whose row it is: (table, column).
    pub(crate) owners: BTreeSet<(String, String)>,
    /// Tables that say who may do what: the caller is compared with a row whose key is fixed.
    pub(crate) authorities: BTreeSet<String>,
    /// Tables that `#[init]` writes.
    pub(crate) set_up: BTreeSet<String>,
    /// Tables with a rule that looks at the caller.
    pub(crate) guarded: BTreeSet<String>,
    /// Columns that `#[init]` leaves at a constant: (table, column).
    pub(crate) blank: BTreeSet<(String, String)>,
    /// From (rule, table) to (rule, table), with the place of the write.
    pub(crate) edges: BTreeMap<(String, String), Vec<(String, String, usize, usize, usize)>>,
}

/// A finding before it has a file name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Raw {
    pub(crate) file: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) rule: Rule,
    pub(crate) what: String,
}

pub(crate) struct Walk<'a> {
    pub(crate) model: &'a Model,
    pub(crate) facts: Facts,
    pub(crate) found: Vec<Raw>,
    /// Findings that a payment by the caller later in the entry point would settle.
    pub(crate) open: Vec<Raw>,
    pub(crate) paid: bool,
    pub(crate) entry: Kind,
    pub(crate) entry_name: String,
    pub(crate) file: usize,
    pub(crate) state: State,
    pub(crate) exit: Exit,
    /// Guard and value of each `return`.
    returns: Vec<(bool, Value)>,
    stack: Vec<Rc<Function>>,
    /// The parameters of the function that has run last, as it has left them.
    pub(crate) left: Vec<Value>,
    /// Results that wait for somebody to look at them.
    unseen: BTreeMap<String, Span>,
    /// Names that were compared by size.
    pub(crate) compared: BTreeSet<String>,
    /// Loops without a fixed number of rounds around the place.
    pub(crate) endless: u32,
    pub(crate) tolerate_ok: bool,
    pub(crate) as_contract: bool,
    budget: u32,
}

/// The last two parts of a path.
pub(crate) fn tail(path: &str) -> String {
    let parts: Vec<&str> = path.split("::").collect();
    parts[parts.len().saturating_sub(2)..].join("::")
}

fn idents(expr: &Expr) -> Vec<String> {
    fn collect(tokens: proc_macro2::TokenStream, names: &mut Vec<String>) {
        for token in tokens {
            match token {
                proc_macro2::TokenTree::Ident(ident) => names.push(ident.to_string()),
                proc_macro2::TokenTree::Group(group) => collect(group.stream(), names),
                _ => {}
            }
        }
    }
    let mut names = Vec::new();
    collect(expr.to_token_stream(), &mut names);
    names
}

impl<'a> Walk<'a> {
    pub(crate) fn new(model: &'a Model, facts: Facts) -> Walk<'a> {
        Walk {
            model,
            facts,
            found: Vec::new(),
            open: Vec::new(),
            paid: false,
            entry: Kind::View,
            entry_name: String::new(),
            file: 0,
            state: State::default(),
            exit: Exit::None,
            returns: Vec::new(),
            stack: Vec::new(),
            left: Vec::new(),
            unseen: BTreeMap::new(),
            compared: BTreeSet::new(),
            endless: 0,
            tolerate_ok: false,
            as_contract: false,
            budget: BUDGET,
        }
    }

    /// Walks one entry point.
    pub(crate) fn entry(&mut self, function: &Rc<Function>, kind: &Kind) {
        self.entry = kind.clone();
        self.entry_name.clone_from(&function.name);
        self.state = State::default();
        self.budget = BUDGET;
        self.paid = false;
        self.compared.clear();
        let is_rule = matches!(kind, Kind::Rule(..));
        let arguments = function.parameters.iter().map(|(name, ty)| {
            let taint = match inner(ty) {
                "Context" => 0,
                _ if is_rule => STATE,
                _ => PARAM | money(name),
            };
            Value::typed(taint, inner(ty))
        });
        let arguments = arguments.collect();
        self.float_parameters(function);
        self.inline(function, arguments);
        let open = std::mem::take(&mut self.open);
        if !self.paid {
            self.found.extend(open);
        }
    }

    /// The function that the walk is in.
    pub(crate) fn running(&self) -> Option<&Function> {
        self.stack.last().map(Rc::as_ref)
    }

    pub(crate) fn raw(&self, rule: Rule, span: Span, what: impl Into<String>) -> Raw {
        let start = span.start();
        Raw { file: self.file, line: start.line, column: start.column + 1, rule, what: what.into() }
    }

    pub(crate) fn report(&mut self, rule: Rule, span: Span, what: impl Into<String>) {
        let raw = self.raw(rule, span, what);
        self.found.push(raw);
    }

    /// Runs a function with these arguments.
    pub(crate) fn inline(&mut self, function: &Rc<Function>, arguments: Vec<Value>) -> Value {
        let union = arguments.iter().fold(0, |taint, argument| taint | argument.taint);
        let recursive = self.stack.iter().any(|running| Rc::ptr_eq(running, function));
        if recursive || self.stack.len() >= DEPTH_MAX || self.budget == 0 {
            return Value::typed(union, &function.output);
        }
        let parameters = function.parameters.iter().zip(arguments);
        let bound = parameters.map(|((name, ty), mut value)| {
            if value.ty.is_empty() || value.ty == "str" {
                value.ty = inner(ty).into();
            }
            value.taint |= money(name) & if is_number(&value.ty) { MONEY } else { 0 };
            (name.clone(), value)
        });
        let variables = std::mem::replace(&mut self.state.variables, bound.collect());
        let returns = std::mem::take(&mut self.returns);
        let unseen = std::mem::take(&mut self.unseen);
        let file = std::mem::replace(&mut self.file, function.file);
        let endless = std::mem::take(&mut self.endless);
        let before = self.state.guard;
        self.stack.push(function.clone());
        let mut value = self.block(&function.block);
        self.stack.pop();
        let parameters = function.parameters.iter();
        let left = parameters.map(|(name, _)| self.state.variables.get(name).cloned());
        self.left = left.map(Option::unwrap_or_default).collect();
        let aborted = self.exit == Exit::Abort;
        let mut gained = self.state.guard || value.pending;
        if self.exit == Exit::None {
            value.outcome = None;
        } else {
            gained = true;
            value = Value { is_err: true, ..Value::default() };
        }
        self.exit = if aborted && self.returns.is_empty() { Exit::Abort } else { Exit::None };
        let unseen = std::mem::replace(&mut self.unseen, unseen);
        for span in unseen.into_values() {
            self.report(
                Rule::IgnoredResult,
                span,
                "the result is kept in a variable that nobody looks at",
            );
        }
        for (guarded, returned) in std::mem::replace(&mut self.returns, returns) {
            if !returned.is_err {
                gained &= guarded || returned.pending;
                value = if value.is_err { returned } else { value.either(returned) };
            }
        }
        gained &= !before;
        self.file = file;
        self.endless = endless;
        self.state.variables = variables;
        self.state.guard = before || self.state.hard;
        if function.result {
            value.outcome = Some(crate::value::Outcome::Own);
        }
        if function.result || function.option {
            value.pending = gained;
        } else {
            value.pending = false;
        }
        if gained {
            value.taint |= CALLER | STATE;
        }
        if !function.output.is_empty() && value.ty.is_empty() {
            value.ty.clone_from(&function.output);
        }
        value.is_err = false;
        value
    }

    pub(crate) fn block(&mut self, block: &Block) -> Value {
        let mut last = Value::default();
        for statement in &block.stmts {
            if self.exit != Exit::None {
                break;
            }
            last = self.statement(statement);
        }
        last
    }

    fn statement(&mut self, statement: &Stmt) -> Value {
        match statement {
            Stmt::Local(local) => {
                self.local(local);
                Value::default()
            }
            Stmt::Expr(expr, None) => self.expr(expr),
            Stmt::Expr(expr, Some(_)) => {
                let value = self.expr(expr);
                if value.counted {
                    self.state.uncounted = Some(expr.span());
                }
                if value.outcome.is_some() && self.exit == Exit::None {
                    self.report(Rule::IgnoredResult, expr.span(), "the result of this is dropped");
                }
                Value::default()
            }
            Stmt::Macro(statement) => {
                let value = self.macro_call(&statement.mac);
                if value.outcome.is_some() && statement.semi_token.is_some() {
                    self.report(
                        Rule::IgnoredResult,
                        statement.mac.span(),
                        "the result of this is dropped",
                    );
                }
                value
            }
            Stmt::Item(_) => Value::default(),
        }
    }

    fn local(&mut self, local: &Local) {
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
            let bits = value.bits();
            self.branch_off(&value, bits & FALSE_IS_ALLOWED != 0, |walk| walk.expr(otherwise));
            // That a row is there says nothing of a version.
            let known = self.state.state_checked;
            self.after_exit(&value, bits & TRUE_IS_ALLOWED != 0, Exit::Return);
            self.state.state_checked =
                known || self.entry != Kind::Migrate && self.state.state_checked;
            value.outcome = None;
        }
        let mut pattern = &local.pat;
        if let Pat::Type(typed) = pattern {
            let ty = crate::model::type_name(&typed.ty);
            if value.ty.is_empty() || is_number(&ty) {
                value.ty = inner(&ty).into();
            }
            pattern = &typed.pat;
        }
        if value.outcome.is_some() {
            match pattern {
                Pat::Wild(_) => {
                    self.report(
                        Rule::IgnoredResult,
                        local.span(),
                        "`let _ =` drops the result of this",
                    );
                    return;
                }
                Pat::Ident(name) if name.ident.to_string().starts_with('_') => {
                    self.report(
                        Rule::IgnoredResult,
                        local.span(),
                        "the result is kept in a variable that nobody looks at",
                    );
                }
                Pat::Ident(name) => {
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

    fn bind_items<'p>(&mut self, patterns: impl Iterator<Item = &'p Pat>, value: &Value) {
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

    /// Runs a branch that may not be taken; its state ends with it.
    pub(crate) fn branch<T>(&mut self, work: impl FnOnce(&mut Self) -> T) -> (T, State, Exit) {
        let before = self.state.clone();
        let exit = std::mem::replace(&mut self.exit, Exit::None);
        let value = work(self);
        let after = std::mem::replace(&mut self.state, before);
        (value, after, std::mem::replace(&mut self.exit, exit))
    }

    fn branch_off(
        &mut self,
        condition: &Value,
        guarded: bool,
        work: impl FnOnce(&mut Self) -> Value,
    ) {
        let taint = condition.taint;
        self.branch(|walk| {
            walk.state.guard |= guarded;
            walk.state.state_checked |= taint & STATE != 0;
            work(walk)
        });
    }

    /// The other branch has ended the function: what its condition excludes holds from here on.
    fn after_exit(&mut self, condition: &Value, guarded: bool, exit: Exit) {
        self.state.guard |= guarded;
        self.state.hard |= guarded && exit == Exit::Abort;
        self.state.state_checked |= condition.taint & STATE != 0;
        self.state.timed |= condition.has(STATE | TIME);
    }

    fn merge(&mut self, one: State, two: State) {
        let mut variables = one.variables;
        for (name, value) in two.variables {
            if let Some(other) = variables.remove(&name) {
                // A row that one branch has changed and the other has not keeps the changes.
                let mut merged = other.clone().either(value.clone());
                if let (Some(a), Some(b)) = (&other.row, &value.row) {
                    let more = if b.assigned.len() > a.assigned.len() { b } else { a };
                    merged.row = Some(more.clone());
                }
                variables.insert(name, merged);
            }
        }
        self.state = State {
            variables,
            guard: one.guard && two.guard,
            hard: one.hard && two.hard,
            state_checked: one.state_checked && two.state_checked,
            timed: one.timed && two.timed,
            external: one.external.or(two.external),
            own_written: one.own_written || two.own_written,
            uncounted: one.uncounted.or(two.uncounted),
        };
    }

    /// Two branches of a condition.
    pub(crate) fn fork(
        &mut self,
        condition: &Value,
        then: impl FnOnce(&mut Self) -> Value,
        otherwise: impl FnOnce(&mut Self) -> Value,
    ) -> Value {
        let bits = condition.bits();
        let checked = condition.taint & STATE != 0;
        let timed = condition.has(STATE | TIME);
        let (one, state_one, exit_one) = self.branch(|walk| {
            walk.state.guard |= bits & TRUE_IS_ALLOWED != 0;
            walk.state.state_checked |= checked;
            walk.state.timed |= timed;
            then(walk)
        });
        let (two, state_two, exit_two) = self.branch(|walk| {
            walk.state.guard |= bits & FALSE_IS_ALLOWED != 0;
            walk.state.state_checked |= checked;
            walk.state.timed |= timed;
            otherwise(walk)
        });
        match (exit_one, exit_two) {
            (Exit::None, Exit::None) if one.is_err != two.is_err => {
                // Whoever goes on behind `?` has taken the branch that has not failed.
                let (good, guarded) =
                    if one.is_err { (two, state_two.guard) } else { (one, state_one.guard) };
                let pending = good.pending || guarded && !self.state.guard;
                self.merge(state_one, state_two);
                Value {
                    pending,
                    outcome: good.outcome.or(Some(crate::value::Outcome::Own)),
                    ..good
                }
            }
            (Exit::None, Exit::None) => {
                // What the condition alone has granted ends with its branches.
                let before = (self.state.guard, self.state.state_checked, self.state.timed);
                self.merge(state_one, state_two);
                self.state.guard &= bits == 0 || before.0;
                self.state.state_checked &= !checked || before.1;
                self.state.timed &= !timed || before.2;
                one.either(two)
            }
            (Exit::None, exit) => {
                self.state = state_one;
                self.after_exit(condition, bits & TRUE_IS_ALLOWED != 0, exit);
                one
            }
            (exit, Exit::None) => {
                self.state = state_two;
                self.after_exit(condition, bits & FALSE_IS_ALLOWED != 0, exit);
                two
            }
            (one, two) => {
                self.exit = if one == two { one } else { Exit::Return };
                Value::default()
            }
        }
    }

    /// See [`Walk`].
    #[allow(clippy::too_many_lines, reason = "one arm for each form of expression")]
    pub(crate) fn expr(&mut self, expr: &Expr) -> Value {
        self.budget = self.budget.saturating_sub(1);
        match expr {
            Expr::Lit(_) => match (text_of(expr), expr) {
                (Some(text), _) => Value::text(&text),
                (None, Expr::Lit(literal)) => match &literal.lit {
                    syn::Lit::Float(_) => {
                        Value { taint: FLOAT, ty: "f64".into(), ..Value::constant() }
                    }
                    syn::Lit::Int(int) => Value { ty: int.suffix().into(), ..Value::constant() },
                    _ => Value::constant(),
                },
                _ => Value::constant(),
            },
            Expr::Path(path) => self.path(path),
            Expr::Paren(paren) => self.expr(&paren.expr),
            Expr::Group(group) => self.expr(&group.expr),
            Expr::Reference(reference) => self.expr(&reference.expr),
            Expr::Field(field) => {
                let base = self.expr(&field.base);
                self.field(&base, &field.member.to_token_stream().to_string())
            }
            Expr::Unary(unary) => {
                let value = self.expr(&unary.expr);
                match unary.op {
                    UnOp::Not(_) => {
                        let bits = value.bits();
                        let swapped = (bits & 1) << 1 | bits >> 1;
                        Value { allowed: Some(swapped), ..value }
                    }
                    _ => value,
                }
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Assign(assign) => {
                let value = self.expr(&assign.right);
                if matches!(&*assign.left, Expr::Infer(_)) {
                    if value.outcome.is_some() {
                        self.report(
                            Rule::IgnoredResult,
                            expr.span(),
                            "`_ =` drops the result of this",
                        );
                    }
                    return Value::default();
                }
                self.assign(
                    &assign.left,
                    value,
                    idents_same(&assign.left, &assign.right),
                    expr.span(),
                );
                Value::default()
            }
            Expr::Cast(cast) => {
                let value = self.expr(&cast.expr);
                let to = crate::model::type_name(&cast.ty);
                self.cast(value, &to, cast.span())
            }
            Expr::Try(inner) => {
                let mut value = self.expr(&inner.expr);
                if value.pending {
                    self.state.guard = true;
                }
                value.pending = false;
                value.outcome = None;
                value
            }
            Expr::Block(block) => self.scoped(|walk| walk.block(&block.block)),
            Expr::Unsafe(block) => self.scoped(|walk| walk.block(&block.block)),
            Expr::Const(block) => self.block(&block.block),
            Expr::If(branch) => self.branch_if(branch),
            Expr::Let(condition) => {
                let value = self.expr(&condition.expr);
                self.bind(&condition.pat, Value { outcome: None, pending: false, ..value.clone() });
                value
            }
            Expr::Match(matching) => self.branch_match(matching),
            Expr::Loop(repeat) => {
                let endless = u32::from(!stops(&repeat.body));
                self.repeat(endless, |walk| {
                    walk.block(&repeat.body);
                });
                Value::default()
            }
            Expr::While(repeat) => {
                let bounded = repeat.cond.to_token_stream().to_string().contains('<');
                let endless = u32::from(!bounded && !stops(&repeat.body));
                self.repeat(endless, |walk| {
                    let condition = walk.expr(&repeat.cond);
                    walk.state.guard |= condition.bits() & TRUE_IS_ALLOWED != 0;
                    walk.block(&repeat.body);
                });
                Value::default()
            }
            Expr::ForLoop(repeat) => {
                let over = self.expr(&repeat.expr);
                let ty = inner(&over.ty).to_owned();
                let open = matches!(&*repeat.expr, Expr::Range(range) if range.end.is_none());
                self.repeat(u32::from(open && !stops(&repeat.body)), |walk| {
                    let items = over.items.iter().cloned().reduce(Value::either);
                    let item =
                        items.unwrap_or(Value { ty, outcome: None, items: Vec::new(), ..over });
                    walk.bind(&repeat.pat, item);
                    walk.block(&repeat.body);
                });
                Value::default()
            }
            Expr::Return(value) => {
                let value = value.expr.as_ref().map(|expr| self.expr(expr)).unwrap_or_default();
                self.returns.push((self.state.guard, value));
                self.exit = Exit::Return;
                Value::default()
            }
            Expr::Break(_) | Expr::Continue(_) => {
                self.exit = Exit::Return;
                Value::default()
            }
            Expr::Closure(closure) => self.closure(closure),
            Expr::Tuple(tuple) => self.items(tuple.elems.iter()),
            Expr::Array(array) => self.items(array.elems.iter()),
            Expr::Repeat(repeat) => self.expr(&repeat.expr),
            Expr::Index(index) => {
                let base = self.expr(&index.expr);
                let at = self.expr(&index.index);
                Value { taint: base.taint | at.taint & CALLER, items: Vec::new(), ..base }
            }
            Expr::Range(range) => {
                let mut taint = 0;
                for side in [&range.start, &range.end].into_iter().flatten() {
                    taint |= self.expr(side).taint;
                }
                Value::of(taint)
            }
            Expr::Struct(literal) => self.literal(literal),
            Expr::Call(call) => self.call(call),
            Expr::MethodCall(call) => self.method(call),
            Expr::Macro(call) => self.macro_call(&call.mac),
            _ => Value::default(),
        }
    }

    /// The body of a closure, as if it ran here; a check in it is proven by `?` on its result.
    pub(crate) fn closure(&mut self, closure: &syn::ExprClosure) -> Value {
        let returns = std::mem::take(&mut self.returns);
        let (mut value, after, exit) = self.branch(|walk| walk.expr(&closure.body));
        let gained = after.guard && !self.state.guard;
        let mut pending = exit != Exit::None || gained || value.pending;
        for (guarded, returned) in std::mem::replace(&mut self.returns, returns) {
            if !returned.is_err {
                pending &= guarded;
                value = value.either(returned);
            }
        }
        value.pending = pending && (gained || value.pending);
        self.state.external = self.state.external.or(after.external);
        self.state.own_written |= after.own_written;
        self.state.variables = after.variables;
        value
    }

    fn items<'e>(&mut self, items: impl Iterator<Item = &'e Expr>) -> Value {
        let items: Vec<Value> = items.map(|item| self.expr(item)).collect();
        let taint = items.iter().fold(0, |taint, item| taint | item.taint);
        let constant = items.iter().all(|item| item.constant);
        Value { taint, constant, items, ..Value::default() }
    }

    /// A block, whose own variables end with it.
    fn scoped(&mut self, work: impl FnOnce(&mut Self) -> Value) -> Value {
        work(self)
    }

    fn repeat(&mut self, endless: u32, work: impl FnOnce(&mut Self)) {
        self.endless += endless;
        let ((), after, _) = self.branch(|walk| work(walk));
        self.endless -= endless;
        // The loop may have run, or not.
        let before = self.state.clone();
        self.merge(before, after);
    }

    fn path(&mut self, path: &syn::ExprPath) -> Value {
        let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if path.path.segments.len() == 1 {
            self.unseen.remove(&name);
            if let Some(value) = self.state.variables.get(&name) {
                return value.clone();
            }
        }
        match self.model.constants.get(&name).cloned() {
            Some(expr) => {
                let value = self.expr(&expr);
                Value {
                    constant: true,
                    taint: value.taint & FLOAT | money(&name.to_lowercase()),
                    ..value
                }
            }
            None => Value { ty: String::new(), ..Value::constant() },
        }
    }

    fn branch_if(&mut self, branch: &syn::ExprIf) -> Value {
        let condition = self.expr(&branch.cond);
        let failed = on_failure(&branch.cond);
        let outcome = condition.outcome;
        if outcome.is_some()
            && let Expr::Let(pattern) = &*branch.cond
        {
            let pattern = pattern.pat.to_token_stream().to_string();
            let empty = branch.then_branch.stmts.is_empty() && pattern.starts_with("Err");
            let no_else = branch.else_branch.is_none() && pattern.starts_with("Ok");
            if empty || no_else && outcome != Some(crate::value::Outcome::Read) {
                self.report(
                    Rule::IgnoredResult,
                    branch.cond.span(),
                    "a failure of this is passed over",
                );
            }
        }
        self.fork(
            &condition,
            |walk| {
                if failed {
                    walk.state.external = None;
                }
                walk.block(&branch.then_branch)
            },
            |walk| match &branch.else_branch {
                Some((_, otherwise)) => walk.expr(otherwise),
                None => Value::default(),
            },
        )
    }

    fn branch_match(&mut self, matching: &syn::ExprMatch) -> Value {
        let value = self.expr(&matching.expr);
        let arms: Vec<&syn::Arm> = matching.arms.iter().collect();
        if value.outcome.is_some() {
            for arm in &arms {
                let pattern = arm.pat.to_token_stream().to_string();
                let body = arm.body.to_token_stream().to_string().replace(' ', "");
                let nothing = matches!(body.as_str(), "{}" | "()")
                    || pattern == "Err (_)"
                        && matches!(
                            body.as_str(),
                            "Ok(())" | "returnOk(())" | "{Ok(())}" | "{returnOk(());}"
                        );
                let told = pattern.starts_with("Err")
                    && value.outcome != Some(crate::value::Outcome::Read)
                    && only_tells(&arm.body);
                if (pattern.starts_with("Err") || pattern == "_") && nothing || told {
                    self.report(Rule::IgnoredResult, arm.span(), "a failure is passed over here");
                }
            }
        }
        self.arms(&value, &arms)
    }

    /// The first arm against the others.
    fn arms(&mut self, value: &Value, arms: &[&syn::Arm]) -> Value {
        let [arm, rest @ ..] = arms else { return Value::default() };
        let pattern = arm.pat.to_token_stream().to_string();
        let condition = match (&arm.guard, pattern.as_str()) {
            (None, "false") => Value {
                allowed: Some((value.bits() & 1) << 1 | value.bits() >> 1),
                ..value.clone()
            },
            _ => value.clone(),
        };
        let mut guard_value = None;
        let run = |walk: &mut Self, guard_value: &mut Option<Value>| {
            if pattern.starts_with("Err") && value.taint & ANSWER != 0 {
                walk.state.external = None;
            }
            walk.bind(&arm.pat, Value { outcome: None, pending: false, ..value.clone() });
            if let Some((_, guard)) = &arm.guard {
                let guard = walk.expr(guard);
                walk.state.guard |= guard.bits() & TRUE_IS_ALLOWED != 0;
                *guard_value = Some(guard);
            }
            walk.expr(&arm.body)
        };
        if rest.is_empty() {
            return run(self, &mut guard_value);
        }
        // The guard of an arm is a part of the condition.
        let condition = match &arm.guard {
            Some((_, guard)) => {
                let ((), _, _) = self.branch(|walk| {
                    walk.bind(&arm.pat, value.clone());
                    guard_value = Some(walk.expr(guard));
                });
                let guard = guard_value.take().unwrap_or_default();
                Value {
                    allowed: Some(guard.bits() | condition.bits()),
                    taint: condition.taint | guard.taint,
                    ..condition
                }
            }
            None => condition,
        };
        self.fork(&condition, |walk| run(walk, &mut None), |walk| walk.arms(value, rest))
    }

    fn binary(&mut self, binary: &syn::ExprBinary) -> Value {
        let left = self.expr(&binary.left);
        if let BinOp::And(_) | BinOp::Or(_) = binary.op {
            let (right, after, _) = self.branch(|walk| walk.expr(&binary.right));
            self.state.variables = after.variables;
            let (l, r) = (left.bits(), right.bits());
            let (all, any) = (l & r, l | r);
            let bits = if matches!(binary.op, BinOp::And(_)) {
                any & TRUE_IS_ALLOWED | all & FALSE_IS_ALLOWED
            } else {
                all & TRUE_IS_ALLOWED | any & FALSE_IS_ALLOWED
            };
            return Value { allowed: Some(bits), ..Value::of(left.taint | right.taint) };
        }
        let right = self.expr(&binary.right);
        let taint = left.taint | right.taint;
        match binary.op {
            BinOp::Eq(_) | BinOp::Ne(_) => {
                self.learn_owner(&left, &right);
                self.learn_owner(&right, &left);
                let bits = same_caller(&left, &right, matches!(binary.op, BinOp::Eq(_)));
                Value { allowed: bits, ..Value::of(taint) }
            }
            BinOp::Lt(_) | BinOp::Le(_) | BinOp::Gt(_) | BinOp::Ge(_) => {
                if !left.constant && !right.constant {
                    self.compared.extend(idents(&binary.left));
                    self.compared.extend(idents(&binary.right));
                } else {
                    // `left < 0` looks at a difference.
                    for side in [&left, &right] {
                        self.compared.extend(side.minus.last().cloned());
                    }
                }
                Value::of(taint)
            }
            BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_) => {
                let mut value = Value { taint, ty: left.ty.clone(), ..Value::default() };
                if matches!(binary.op, BinOp::SubAssign(_)) {
                    value.minus = self.subtracted(&left, &right, &binary.right);
                }
                if !right.constant && right.ty == "str" || left.ty == "String" {
                    value.texts = Vec::new();
                    value.constant = left.constant && right.constant;
                    value.ty = "String".into();
                    if let ([one], [two]) = (&left.texts[..], &right.texts[..]) {
                        value.texts = vec![format!("{one}{two}")];
                    }
                }
                self.assign(&binary.left, value, true, binary.span());
                Value::default()
            }
            _ => {
                let mut value =
                    Value { taint, constant: left.constant && right.constant, ..Value::default() };
                value.ty = if left.ty.is_empty() || left.constant {
                    right.ty.clone()
                } else {
                    left.ty.clone()
                };
                if left.ty == "String" || left.ty == "str" {
                    if let ([one], [two]) = (&left.texts[..], &right.texts[..]) {
                        value.texts = vec![format!("{one}{two}")];
                    }
                }
                if matches!(binary.op, BinOp::Sub(_)) {
                    value.minus = self.subtracted(&left, &right, &binary.right);
                }
                self.float_arithmetic(&left, &right, binary.span());
                let whole = taint & FLOAT == 0;
                if whole && matches!(binary.op, BinOp::Div(_)) {
                    value.divided = binary.right.to_token_stream().to_string();
                }
                if whole && matches!(binary.op, BinOp::Mul(_)) && self.is_amount(&value) {
                    for (quotient, other) in [(&left, &binary.right), (&right, &binary.left)] {
                        let same = quotient.divided == other.to_token_stream().to_string();
                        if !quotient.divided.is_empty() && !same && self.entry != Kind::View {
                            self.report(
                                Rule::AmountArithmetic,
                                binary.span(),
                                "a quotient is multiplied: what the division has cut off is lost",
                            );
                        }
                    }
                }
                value
            }
        }
    }

    fn subtracted(&self, left: &Value, right: &Value, expr: &Expr) -> Vec<String> {
        let unsigned = left.ty.starts_with('u');
        let counts = left.taint & STATE != 0 && right.taint & PARAM != 0;
        let clock = (left.taint | right.taint) & TIME != 0;
        if counts && !unsigned && !clock && !right.constant { idents(expr) } else { Vec::new() }
    }

    /// A comparison of the caller with a column tells whose the rows are.
    fn learn_owner(&mut self, caller: &Value, other: &Value) {
        if caller.taint & CALLER != 0
            && !caller.of_caller()
            && let Some((table, column)) = &other.column
        {
            if let Kind::Rule(_, ruled) = &self.entry {
                self.facts.guarded.insert(ruled.clone());
            }
            self.facts.owners.insert((table.clone(), column.clone()));
            if other.checked {
                self.facts.authorities.insert(table.clone());
            }
        }
    }

    /// An assignment to a variable or to a field of one.
    fn assign(&mut self, left: &Expr, value: Value, relative: bool, span: Span) {
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
                // `change.row.amount = ..`: the outermost variable.
                while let Expr::Field(outer) = base {
                    base = &outer.base;
                }
                if let Expr::Path(path) = base
                    && let Some(variable) = path.path.get_ident()
                    && let Some(known) = self.state.variables.get_mut(&variable.to_string())
                    && let Some(row) = &mut known.row
                {
                    let relative = relative && value.taint & STATE != 0;
                    row.assigned.push(crate::value::Assigned {
                        field: name,
                        taint: value.taint,
                        relative,
                    });
                }
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

/// What the equality of two values tells about the caller.
fn same_caller(left: &Value, right: &Value, equal: bool) -> Option<u8> {
    let other = match (left.taint & CALLER != 0, right.taint & CALLER != 0) {
        (true, false) => right,
        (false, true) => left,
        _ => return None,
    };
    let caller = if std::ptr::eq(other, left) { right } else { left };
    if caller.of_caller() {
        return None;
    }
    let stored = other.taint & (STATE | ANSWER) != 0 || other.taint == 0;
    let bits = if equal { TRUE_IS_ALLOWED } else { FALSE_IS_ALLOWED };
    Some(if stored { bits } else { 0 })
}

/// The right side names the place itself.
fn idents_same(left: &Expr, right: &Expr) -> bool {
    let (left, right) = (left.to_token_stream().to_string(), right.to_token_stream().to_string());
    right.contains(&left)
}

/// Nothing but `log` and `emit`.
fn only_tells(body: &Expr) -> bool {
    match body {
        Expr::Call(call) => {
            let name = call.func.to_token_stream().to_string();
            matches!(name.rsplit(' ').next(), Some("log" | "emit"))
        }
        Expr::Block(block) => block.block.stmts.iter().all(|statement| match statement {
            Stmt::Expr(expr, _) => only_tells(expr),
            _ => false,
        }),
        _ => false,
    }
}

/// The condition holds if something has failed.
fn on_failure(condition: &Expr) -> bool {
    match condition {
        Expr::Let(condition) => condition.pat.to_token_stream().to_string().starts_with("Err"),
        Expr::MethodCall(call) => call.method == "is_err",
        _ => false,
    }
}

/// A loop whose body ends it by a counter: `if n >= MAX { break }`.
fn stops(body: &Block) -> bool {
    body.stmts.iter().any(|statement| {
        let Stmt::Expr(Expr::If(branch), _) = statement else { return false };
        let condition = branch.cond.to_token_stream().to_string();
        let then = branch.then_branch.to_token_stream().to_string();
        let ends = then.contains("break") || then.contains("return");
        ends && (condition.contains(">=") || condition.contains("> ") || condition.contains("=="))
            && !condition.contains("len")
            && !condition.contains("is_empty")
    })
}

pub(crate) fn is_number(ty: &str) -> bool {
    matches!(
        ty,
        "i8" | "i16"
            | "i32"
            | "i64"
            | "i128"
            | "u8"
            | "u16"
            | "u32"
            | "u64"
            | "u128"
            | "usize"
            | "f64"
            | "f32"
    )
}

/// `MONEY` if a name says money.
pub(crate) fn money(name: &str) -> u16 {
    const WORDS: &[&str] = &[
        "amount",
        "amounts",
        "balance",
        "balances",
        "price",
        "prices",
        "fee",
        "fees",
        "total",
        "cost",
        "costs",
        "paid",
        "payment",
        "payments",
        "payout",
        "payouts",
        "salary",
        "wage",
        "wages",
        "money",
        "cents",
        "cent",
        "coins",
        "coin",
        "credit",
        "credits",
        "debit",
        "debt",
        "deposit",
        "deposits",
        "stake",
        "staked",
        "stakes",
        "supply",
        "reward",
        "rewards",
        "interest",
        "principal",
        "premium",
        "revenue",
        "budget",
        "invoice",
        "tax",
        "refund",
        "bid",
        "bids",
        "funds",
        "fund",
        "shares",
        "share",
        "dividend",
        "dividends",
        "collateral",
        "loan",
        "loans",
        "tokens",
        "token",
        "tip",
        "rent",
        "bounty",
        "pot",
        "treasury",
        "reserve",
        "reserves",
        "royalty",
        "due",
        "owed",
        "earned",
        "charge",
        "discount",
        "subtotal",
        "sum",
        "commission",
        "fine",
        "withdrawal",
        "allowance",
        "escrow",
        "settlement",
        "liquidity",
        "wallet",
        "purse",
        "spent",
        "cash",
        "donation",
        "donated",
        "pledge",
        "pledged",
        "quote",
        "notional",
        "margin",
        "vat",
        "toll",
        "fare",
        "grant",
        "yield",
        "bonus",
        "eur",
        "usd",
        "dollars",
        "euros",
        "currency",
        "gross",
        "net",
        "payable",
        "income",
        "expense",
        "expenses",
    ];
    let lower = name.to_lowercase();
    if lower.split('_').any(|part| WORDS.contains(&part)) { MONEY } else { 0 }
}

/// `TIME` if a name says time.
pub(crate) fn clock(name: &str) -> u16 {
    let lower = name.to_lowercase();
    let ends =
        ["_ms", "_at", "_s", "_until", "_height", "_time"].iter().any(|end| lower.ends_with(end));
    let is = ["deadline", "height", "expires", "until", "timestamp", "expiry"]
        .iter()
        .any(|word| lower.contains(word));
    if ends || is { TIME } else { 0 }
}
