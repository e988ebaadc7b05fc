//! Walks an entry point as it would run, through the private functions that it calls.

use crate::dropped::Running;
use crate::model::{Function, Kind, Model, text_of};
use crate::names::{is_number, money};
use crate::operators::idents_same;
use crate::rule::Rule;
use crate::types::inner;
use crate::value::{CALLER, FLOAT, MONEY, Outcome, PARAM, STATE, Value};
use proc_macro2::Span;
use quote::ToTokens;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use syn::spanned::Spanned;
use syn::{Block, Expr, Stmt, UnOp};

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
    /// By an argument that names the caller, at least on one way: only what it names is the caller's.
    pub(crate) by_name: bool,
    /// It was, or the call would have ended.
    pub(crate) hard: bool,
    /// A condition on stored rows has let the walk come here.
    pub(crate) row_checked: bool,
    /// A condition on time has.
    pub(crate) timed: bool,
    /// A condition has let the owner come, and others for another reason.
    pub(crate) mixed: bool,
    /// Another contract, or a transfer, has run.
    pub(crate) external: Option<usize>,
    /// A row of the caller was written.
    pub(crate) own_written: bool,
    /// A statement has run that may have changed nothing, and nobody has asked; true if it takes from what is there.
    pub(crate) uncounted: Option<(Span, bool)>,
}

/// The event and table that a rule leads to, and file, line and column of the write.
pub(crate) type Edge = (String, String, usize, usize, usize);

/// What the first walk learns for the second.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// Columns that hold whose row it is: (table, column).
    pub(crate) owners: BTreeSet<(String, String)>,
    /// Tables that say who may do what: the caller is compared with a row whose key is fixed.
    pub(crate) authorities: BTreeSet<String>,
    /// Tables in which `#[init]` keeps who has made the contract.
    pub(crate) appointed: BTreeSet<String>,
    /// Tables with rows whose key is a constant, and tables with others.
    pub(crate) single: BTreeSet<String>,
    pub(crate) many: BTreeSet<String>,
    /// Tables that `#[init]` writes.
    pub(crate) set_up: BTreeSet<String>,
    /// Tables with a rule that looks at the caller.
    pub(crate) guarded: BTreeSet<String>,
    /// Columns that `#[init]` leaves at a constant: (table, column).
    pub(crate) blank: BTreeSet<(String, String)>,
    /// From (rule, table) to (rule, table), with the place of the write.
    pub(crate) edges: BTreeMap<(String, String), Vec<Edge>>,
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
    pub(crate) unseen: BTreeMap<String, Span>,
    /// Names that were compared by size.
    pub(crate) compared: BTreeSet<String>,
    /// Names that were compared with constants.
    pub(crate) capped: BTreeSet<String>,
    /// Loops without a fixed number of rounds around the place.
    pub(crate) endless: u32,
    pub(crate) tolerate_ok: bool,
    pub(crate) as_contract: bool,
    pub(crate) running: Running,
    /// Updates of rows that may not be there, with their tables.
    pub(crate) missed: Vec<(String, Raw)>,
    /// Tables that the entry point has read.
    pub(crate) seen: BTreeSet<String>,
    /// Tables that it has inserted into.
    pub(crate) inserted: BTreeSet<String>,
    /// Columns that conditions ask whether they are free: (table, column).
    pub(crate) free: BTreeSet<(String, String)>,
    /// Tables whose one row the entry point has deleted.
    pub(crate) emptied: BTreeSet<String>,
    pub(crate) migration: crate::versions::Migration,
    budget: u32,
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
            capped: BTreeSet::new(),
            endless: 0,
            tolerate_ok: false,
            as_contract: false,
            running: Running::default(),
            missed: Vec::new(),
            seen: BTreeSet::new(),
            inserted: BTreeSet::new(),
            free: BTreeSet::new(),
            emptied: BTreeSet::new(),
            migration: crate::versions::Migration::default(),
            budget: BUDGET,
        }
    }

    /// Walks one entry point.
    pub(crate) fn entry(&mut self, function: &Rc<Function>, kind: &Kind) {
        let told = self.found.len();
        self.entry = kind.clone();
        self.entry_name.clone_from(&function.name);
        self.state = State::default();
        self.budget = BUDGET;
        self.paid = false;
        self.compared.clear();
        self.capped.clear();
        self.seen.clear();
        self.inserted.clear();
        self.free.clear();
        self.emptied.clear();
        let is_rule = matches!(kind, Kind::Rule(..));
        let arguments = function.parameters.iter().map(|(name, ty)| {
            let taint = match inner(ty) {
                "Context" => 0,
                _ if is_rule => STATE,
                "f64" | "f32" => PARAM | FLOAT | money(name),
                _ => PARAM | money(name) | crate::names::counted(name),
            };
            Value::typed(taint, inner(ty))
        });
        let arguments = arguments.collect();
        self.float_parameters(function);
        self.inline(function, arguments);
        let open = std::mem::take(&mut self.open);
        // Whoever may set up the contract may do the rest as well: one fault.
        let told = &self.found[told..];
        let set_up = told.iter().any(|raw| raw.rule == Rule::UnprotectedInit);
        if !self.paid && !set_up {
            self.found.extend(open);
        }
        self.migrated();
        for (table, raw) in std::mem::take(&mut self.missed) {
            if !self.inserted.contains(&table) {
                self.found.push(raw);
            }
        }
    }

    /// The function that the walk is in.
    pub(crate) fn current(&self) -> Option<&Function> {
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
        let mut bound: BTreeMap<String, Value> = bound.collect();
        if bound.values().any(|value| value.closure.is_some()) {
            // A closure takes what it has captured with it.
            for (name, value) in &self.state.variables {
                bound.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        let variables = std::mem::replace(&mut self.state.variables, bound);
        let returns = std::mem::take(&mut self.returns);
        let unseen = std::mem::take(&mut self.unseen);
        let file = std::mem::replace(&mut self.file, function.file);
        let endless = self.endless;
        self.endless += u32::from(function.recursive);
        let before = self.state.guard;
        let running = std::mem::take(&mut self.running);
        self.stack.push(function.clone());
        let mut value = self.block(&function.block);
        self.stack.pop();
        let ran = std::mem::replace(&mut self.running, running);
        self.running.effects += ran.effects;
        let parameters = function.parameters.iter();
        let left = parameters.map(|(name, _)| self.state.variables.get(name).cloned());
        self.left = left.map(Option::unwrap_or_default).collect();
        let aborted = self.exit == Exit::Abort;
        let mut gained = self.state.guard || value.pending;
        if self.exit == Exit::None {
            // Who comes behind `?` has not come by a failure at the end.
            gained |= value.is_err && function.result;
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
            let pure = ran.effects == 0 && !function.mutates;
            value.outcome = Some(if pure { Outcome::Look } else { Outcome::Own });
        }
        value.verdict = self.is_verdict(function, &value, ran);
        value.missed = value.missed.filter(|_| function.answer == "bool");
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
                if self.exit == Exit::None {
                    self.statement_dropped(expr, &value, expr.span());
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
                    syn::Lit::Int(int) => Value {
                        ty: int.suffix().into(),
                        number: int.base10_parse().ok(),
                        ..Value::constant()
                    },
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
                        let [no, yes] = value.caps.clone();
                        let due = value.due.map(|bits| (bits & 1) << 1 | bits >> 1);
                        Value { allowed: Some(swapped), due, caps: [yes, no], ..value }
                    }
                    _ => value,
                }
            }
            Expr::Binary(binary) => self.binary(binary),
            Expr::Assign(assign) => {
                self.assigned(&assign.right);
                let value = self.expr(&assign.right);
                if matches!(&*assign.left, Expr::Infer(_)) {
                    self.dropped(&value, expr.span(), "`_ =` drops the result of this");
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
                let to = self.model.type_of(&cast.ty);
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
            Expr::Loop(repeat) => self.endless_loop(repeat),
            Expr::While(repeat) => self.while_loop(repeat),
            Expr::ForLoop(repeat) => self.for_loop(repeat),
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

    fn path(&mut self, path: &syn::ExprPath) -> Value {
        let name = path.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if path.path.segments.len() == 1 {
            self.unseen.remove(&name);
            if let Some(value) = self.state.variables.get(&name) {
                return value.clone();
            }
        }
        if let Some(expr) = self.model.constants.get(&name).cloned() {
            let value = self.expr(&expr);
            let taint = value.taint & FLOAT | money(&name.to_lowercase());
            return Value { constant: true, taint, ..value };
        }
        let mut parts = path.path.segments.iter().rev().skip(1);
        let home = parts.next().map(|part| part.ident.to_string()).unwrap_or_default();
        let ty = if self.model.enums.contains(&home) { home } else { String::new() };
        let number = (name == "MAX").then_some(u64::MAX);
        Value { number, ty, ..Value::constant() }
    }
}
