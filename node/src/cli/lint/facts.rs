//! What the functions of a contract do, read from their syntax.
//!
//! 1. Every function has its acts in the order of the source: writes, reads, transfers, calls of other
//!    contracts, calls of own functions, and checks.
//! 2. A check is a place where it matters who calls: the caller, or a name that it was bound to, is compared,
//!    is the argument of a method or of a statement with a condition, or is the key of a row.
//! 3. A parameter that is used so is a check if the caller is passed for it.

use super::statement::{Statement, Verb};
use super::syntax::{MONEY, Names, bare, is_money, last};
use std::collections::{BTreeMap, BTreeSet};
use syn::BinOp::{Add, Div, Eq, Mul, Ne, Sub};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Expr, Pat};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    /// The caller or the origin.
    Caller,
    /// The parameter with this number.
    Parameter(usize),
}

/// What is done (rule 1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Act {
    /// Rows are written; with all rows, if `as_contract`.
    Write { verb: Verb, table: String, as_contract: bool },
    /// Rows are read.
    Read { table: String, as_contract: bool },
    /// Coins are sent.
    Transfer,
    /// What came along is looked at.
    Paid,
    /// Another contract runs.
    External,
    /// Rule 2.
    Check(Source),
    /// An own function, with where its arguments come from.
    Own { name: String, arguments: Vec<Option<Source>> },
    /// A finding that needs nothing else: the lint and its message.
    Fault(&'static str, String),
}

/// A function of the crate.
#[derive(Clone, Debug, Default)]
pub(super) struct Function {
    pub(super) name: String,
    /// The attribute that makes it an entry point or rule, and the table behind it.
    pub(super) kind: Option<(String, String)>,
    pub(super) file: usize,
    pub(super) acts: Vec<(usize, Act)>,
}

/// What a crate declares, as far as acts are known by it.
#[derive(Clone, Debug, Default)]
pub(super) struct Declared {
    /// By struct: the table and its keys.
    pub(super) tables: BTreeMap<String, (String, Vec<String>)>,
    /// Tables whose rows the caller reads by a predicate, and writes by one.
    pub(super) can_read: BTreeSet<String>,
    pub(super) can_write: BTreeSet<String>,
    /// Names of own functions.
    pub(super) own: BTreeSet<String>,
    /// By name in the source: the methods of a generated client that only read.
    pub(super) clients: BTreeMap<String, BTreeSet<String>>,
}

/// Reads one function.
pub(super) struct Reader<'a> {
    declared: &'a Declared,
    aliases: BTreeMap<String, Source>,
    /// Local names of clients of other contracts.
    clients: BTreeMap<String, BTreeSet<String>>,
    literals: BTreeSet<String>,
    as_contract: bool,
    acts: Vec<(usize, Act)>,
}

impl<'a> Reader<'a> {
    /// The acts of a function.
    pub(super) fn read(
        declared: &'a Declared,
        signature: &syn::Signature,
        body: &syn::Block,
    ) -> Vec<(usize, Act)> {
        let mut aliases = BTreeMap::new();
        for (at, input) in signature.inputs.iter().enumerate() {
            if let syn::FnArg::Typed(typed) = input
                && let Pat::Ident(name) = &*typed.pat
            {
                aliases.insert(name.ident.to_string(), Source::Parameter(at));
            }
        }
        let mut reader = Reader {
            declared,
            aliases,
            clients: BTreeMap::new(),
            literals: BTreeSet::new(),
            as_contract: false,
            acts: Vec::new(),
        };
        reader.visit_block(body);
        reader.acts
    }

    fn act(&mut self, spanned: &impl Spanned, act: Act) {
        self.acts.push((spanned.span().start().line, act));
    }

    fn fault(&mut self, spanned: &impl Spanned, lint: &'static str, message: impl Into<String>) {
        self.act(spanned, Act::Fault(lint, message.into()));
    }

    fn source(&self, expr: &Expr) -> Option<Source> {
        match bare(expr) {
            Expr::Field(field) => match &field.member {
                syn::Member::Named(name) if name == "caller" || name == "origin" => {
                    Some(Source::Caller)
                }
                _ => None,
            },
            Expr::Path(path) => self.aliases.get(&last(&path.path)).copied(),
            _ => None,
        }
    }

    fn check(&mut self, expr: &Expr) {
        if let Some(source) = self.source(expr) {
            self.act(expr, Act::Check(source));
        }
    }

    /// The table of `ctx.db.<table>()`.
    fn accessor(expr: &Expr) -> Option<String> {
        let Expr::MethodCall(call) = bare(expr) else { return None };
        let Expr::Field(field) = &*call.receiver else { return None };
        let is_db = matches!(&field.member, syn::Member::Named(name) if name == "db");
        is_db.then(|| call.method.to_string())
    }

    /// The client behind `Token(&name)`, or a name bound to one.
    fn client(&self, expr: &Expr) -> Option<&BTreeSet<String>> {
        match bare(expr) {
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => self.declared.clients.get(&last(&path.path)),
                _ => None,
            },
            Expr::Path(path) => self.clients.get(&last(&path.path)),
            _ => None,
        }
    }

    /// True if an expression can fail for reasons that matter, and nothing has looked at that yet.
    fn is_fallible(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Paren(inner) => self.is_fallible(&inner.expr),
            Expr::Macro(call) => last(&call.mac.path) == "sql",
            Expr::Call(call) => match &*call.func {
                Expr::Path(path) => {
                    let first = path.path.segments.first().map(|s| s.ident.to_string());
                    matches!(first.as_deref(), Some("calls" | "sql"))
                        && path.path.segments.len() > 1
                        && !matches!(
                            last(&path.path).as_str(),
                            "balance" | "returned" | "invocation"
                        )
                }
                _ => false,
            },
            Expr::MethodCall(call) => {
                Self::accessor(&call.receiver).is_some()
                    || self.client(&call.receiver).is_some()
                    || ["map", "map_err", "ok"].contains(&call.method.to_string().as_str())
                        && self.is_fallible(&call.receiver)
            }
            _ => false,
        }
    }

    fn statement(&mut self, spanned: &impl Spanned, text: &str) -> Statement {
        let found = Statement::of(text);
        if found.has_floats && MONEY.iter().any(|word| text.contains(word)) {
            self.fault(
                spanned,
                "float_money",
                "money is computed with fractions: count the smallest unit, as INTEGER",
            );
        }
        if !found.is_bounded {
            match found.verb {
                None => self.fault(
                    spanned,
                    "unbounded",
                    format!("all rows of {} may be read: add a LIMIT", found.table),
                ),
                Some(Verb::Update | Verb::Delete) => self.fault(
                    spanned,
                    "unbounded",
                    format!(
                        "any number of rows of {} is written at once: name a key, or choose them by a subquery with LIMIT",
                        found.table
                    ),
                ),
                _ => {}
            }
        }
        let (table, as_contract) = (found.table.clone(), self.as_contract);
        self.act(
            spanned,
            match found.verb {
                Some(verb) => Act::Write { verb, table, as_contract },
                None => Act::Read { table, as_contract },
            },
        );
        found
    }

    /// A call of `sql::exec` and its kind: literals are read, other texts are faults.
    fn sql_call(&mut self, call: &syn::ExprCall) {
        let Some(text) = call.args.first() else { return };
        if let Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(literal), .. }) = bare(text) {
            self.statement(call, &literal.value());
            return;
        }
        let is_fixed = match bare(text) {
            Expr::Path(path) => {
                let name = last(&path.path);
                self.literals.contains(&name) || name.chars().all(|c| !c.is_ascii_lowercase())
            }
            _ => false,
        };
        if !is_fixed {
            self.fault(
                call,
                "built_sql",
                "the text of the statement is not fixed: use sql! with a literal, and pass values as parameters",
            );
        }
    }

    /// The arguments of a macro, if they are expressions.
    fn arguments(mac: &syn::Macro) -> Vec<Expr> {
        let parser = syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated;
        mac.parse_body_with(parser).map(|list| list.into_iter().collect()).unwrap_or_default()
    }

    fn bind(&mut self, pattern: &Pat, value: &Expr) {
        match (pattern, value) {
            (Pat::Tuple(names), Expr::Tuple(values)) => {
                for (name, value) in names.elems.iter().zip(&values.elems) {
                    self.bind(name, value);
                }
            }
            (Pat::Type(typed), value) => self.bind(&typed.pat, value),
            (Pat::Ident(name), value) => {
                let name = name.ident.to_string();
                if let Some(source) = self.source(value) {
                    self.aliases.insert(name.clone(), source);
                } else {
                    self.aliases.remove(&name);
                }
                if let Some(methods) = self.client(value).cloned() {
                    self.clients.insert(name.clone(), methods);
                }
                if matches!(value, Expr::Lit(_)) {
                    self.literals.insert(name);
                }
            }
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_local(&mut self, local: &'ast syn::Local) {
        visit::visit_local(self, local);
        let Some(init) = &local.init else { return };
        if matches!(local.pat, Pat::Wild(_)) && self.is_fallible(&init.expr) {
            self.fault(
                local,
                "ignored_result",
                "what failed is not looked at: end with `?`, or handle the error",
            );
        }
        self.bind(&local.pat, &init.expr);
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        if let syn::Stmt::Expr(Expr::MethodCall(call), Some(_)) = statement
            && call.method == "ok"
            && self.is_fallible(&call.receiver)
        {
            self.fault(
                call,
                "ignored_result",
                "what failed is not looked at: end with `?`, or handle the error",
            );
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr_binary(&mut self, binary: &'ast syn::ExprBinary) {
        visit::visit_expr_binary(self, binary);
        if matches!(binary.op, Eq(_) | Ne(_)) {
            self.check(&binary.left);
            self.check(&binary.right);
        }
        let is_float = |side: &Expr| {
            matches!(bare(side), Expr::Lit(syn::ExprLit { lit: syn::Lit::Float(_), .. }))
        };
        let is_sum = matches!(binary.op, Add(_) | Sub(_) | Mul(_) | Div(_));
        if is_sum && (is_float(&binary.left) || is_float(&binary.right)) {
            let names = [&binary.left, &binary.right];
            if names.iter().any(|side| Names::of(side).iter().any(|name| is_money(name))) {
                self.fault(
                    binary,
                    "float_money",
                    "money is computed with fractions: count the smallest unit, as i64",
                );
            }
        }
    }

    fn visit_expr_cast(&mut self, cast: &'ast syn::ExprCast) {
        visit::visit_expr_cast(self, cast);
        let syn::Type::Path(ty) = &*cast.ty else { return };
        if !Names::of(&cast.expr).iter().any(|name| is_money(name)) {
            return;
        }
        match last(&ty.path).as_str() {
            "f64" | "f32" => {
                self.fault(
                    cast,
                    "float_money",
                    "money becomes a float: count the smallest unit, as i64",
                );
            }
            "i32" | "u32" | "i16" | "u16" | "i8" | "u8" | "usize" | "isize" => {
                self.fault(
                    cast,
                    "wrapping_arithmetic",
                    "the cast cuts an amount off: use try_from",
                );
            }
            _ => {}
        }
    }

    fn visit_expr_match(&mut self, matched: &'ast syn::ExprMatch) {
        self.check(&matched.expr);
        visit::visit_expr_match(self, matched);
    }

    fn visit_expr_struct(&mut self, made: &'ast syn::ExprStruct) {
        visit::visit_expr_struct(self, made);
        let Some((_, keys)) = self.declared.tables.get(&last(&made.path)) else { return };
        for field in &made.fields {
            if let syn::Member::Named(name) = &field.member
                && keys.contains(&name.to_string())
            {
                self.check(&field.expr);
            }
        }
    }

    fn visit_expr_call(&mut self, call: &'ast syn::ExprCall) {
        let Expr::Path(path) = &*call.func else { return visit::visit_expr_call(self, call) };
        let name = last(&path.path);
        let segments: Vec<String> =
            path.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        let module = segments.len().checked_sub(2).map_or("", |at| segments[at].as_str());
        let before = self.as_contract;
        self.as_contract |= name == "as_contract";
        visit::visit_expr_call(self, call);
        self.as_contract = before;
        if name == "drop" && call.args.first().is_some_and(|expr| self.is_fallible(expr)) {
            self.fault(
                call,
                "ignored_result",
                "what failed is not looked at: end with `?`, or handle the error",
            );
        }
        match (module, name.as_str()) {
            ("sql", "exec" | "exec_rows" | "exec_encoded" | "query" | "query_encoded") => {
                self.sql_call(call);
            }
            ("calls", "transfer") => self.act(call, Act::Transfer),
            ("calls", "paid" | "invocation") => self.act(call, Act::Paid),
            ("calls", "call") => self.act(call, Act::External),
            _ if self.declared.own.contains(&name) => {
                let arguments = call.args.iter().map(|expr| self.source(expr)).collect();
                self.act(call, Act::Own { name, arguments });
            }
            _ => {}
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        visit::visit_expr_method_call(self, call);
        let method = call.method.to_string();
        if !["push", "push_str", "insert", "extend"].contains(&method.as_str()) {
            for argument in &call.args {
                self.check(argument);
            }
        }
        if let Some(table) = Reader::accessor(&call.receiver) {
            let as_contract = self.as_contract;
            let verb = match method.as_str() {
                "insert" => Some(Verb::Insert),
                "update" => Some(Verb::Update),
                "delete" => Some(Verb::Delete),
                _ => None,
            };
            if method == "count" {
                let message =
                    format!("all rows of {table} are read: keep a number, or count some by a key");
                self.fault(call, "unbounded", message);
            }
            self.act(
                call,
                match verb {
                    Some(verb) => Act::Write { verb, table, as_contract },
                    None => Act::Read { table, as_contract },
                },
            );
        } else if self.client(&call.receiver).is_some_and(|views| !views.contains(&method)) {
            self.act(call, Act::External);
        } else if self.declared.own.contains(&method) && Names::of(&call.receiver) == ["self"] {
            let arguments = call.args.iter().map(|expr| self.source(expr)).collect();
            self.act(call, Act::Own { name: method.clone(), arguments });
        }
        if method.starts_with("unwrap_or") && self.is_fallible(&call.receiver) {
            self.fault(
                call,
                "ignored_result",
                "a failure is taken for a value: end with `?`, or handle the error",
            );
        }
        if ["wrapping_", "overflowing_", "unchecked_"].iter().any(|start| method.starts_with(start))
        {
            let message =
                format!("{method} hides an overflow: plain operators end the call instead");
            self.fault(call, "wrapping_arithmetic", message);
        }
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let name = last(&mac.path);
        let arguments = Reader::arguments(mac);
        for argument in &arguments {
            self.visit_expr(argument);
        }
        if name == "sql" {
            let Some(Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. })) = arguments.first()
            else {
                return;
            };
            let found = self.statement(mac, &text.value());
            if found.has_where {
                for argument in &arguments[1..] {
                    self.check(argument);
                }
            }
        } else if ["params", "assert_eq", "assert_ne", "matches"].contains(&name.as_str()) {
            for argument in &arguments {
                self.check(argument);
            }
        }
    }
}
