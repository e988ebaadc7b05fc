//! Loops: how often they go round, and what holds afterwards.
//!
//! 1. A loop has an end of its own if constants, arguments in memory or something capped by a constant bound it:
//!    the condition of `while`, a `break` or `return` by a counter, the end of a range.
//! 2. A loop that rows, answers or arguments end has none: paging through a table in it reads the whole table.
//! 3. A function that calls itself is such a loop, and so are `from_fn`, `successors` and `repeat_with`.
//! 4. A loop may not run: what it has checked does not hold after it.
//! 5. `while let Some(..) = list.pop()` ends if nothing is put on the list in its body.

use crate::dropped::changes;
use crate::operators::idents;
use crate::rule::Rule;
use crate::types::inner;
use crate::value::{ANSWER, PARAM, STATE, TRUE_IS_ALLOWED, Value};
use crate::walk::Walk;
use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{BinOp, Block, Expr, Stmt};

impl Walk<'_> {
    pub(crate) fn endless_loop(&mut self, repeat: &syn::ExprLoop) -> Value {
        let endless = u32::from(!self.stops(&repeat.body));
        self.repeat(endless, |walk| {
            walk.block(&repeat.body);
        });
        Value::default()
    }

    pub(crate) fn while_loop(&mut self, repeat: &syn::ExprWhile) -> Value {
        let ends = self.ends(&repeat.cond) || empties(&repeat.cond, &repeat.body);
        let endless = u32::from(!ends && !self.stops(&repeat.body));
        self.repeat(endless, |walk| {
            let condition = walk.expr(&repeat.cond);
            if let Expr::Let(pattern) = &*repeat.cond
                && pattern.pat.to_token_stream().to_string().starts_with("Ok")
                && changes(condition.outcome)
            {
                let what = "a failure of this ends the loop as if it were done";
                walk.report(Rule::IgnoredResult, repeat.cond.span(), what);
            }
            walk.state.guard |= condition.bits() & TRUE_IS_ALLOWED != 0;
            walk.block(&repeat.body);
        });
        Value::default()
    }

    pub(crate) fn for_loop(&mut self, repeat: &syn::ExprForLoop) -> Value {
        let over = self.expr(&repeat.expr);
        let ty = inner(&over.ty).to_owned();
        let mut range = &*repeat.expr;
        loop {
            range = match range {
                Expr::Paren(paren) => &paren.expr,
                Expr::MethodCall(call) if call.method == "step_by" || call.method == "rev" => {
                    &call.receiver
                }
                _ => break,
            };
        }
        let open = match range {
            Expr::Range(range) => range.end.as_ref().is_none_or(|end| !self.is_fixed(end)),
            _ => false,
        };
        let endless = u32::from(open && !self.stops(&repeat.body));
        self.repeat(endless, |walk| {
            let items = over.items.iter().cloned().reduce(Value::either);
            let each = over.each;
            if each.is_some() && matches!(&*repeat.pat, syn::Pat::Wild(_)) {
                walk.dropped(&over, repeat.pat.span(), "`for _` drops the results of this");
            }
            let item = Value { ty, outcome: each, each: None, items: Vec::new(), ..over };
            let item = items.unwrap_or(item);
            walk.bind(&repeat.pat, item);
            walk.block(&repeat.body);
        });
        Value::default()
    }

    fn repeat(&mut self, endless: u32, work: impl FnOnce(&mut Self)) {
        self.endless += endless;
        let ((), after, _) = self.branch(|walk| work(walk));
        self.endless -= endless;
        // The loop may have run, or not.
        let before = self.state.clone();
        self.merge(before, after);
    }

    /// The condition of a loop ends it after so many rounds.
    fn ends(&mut self, condition: &Expr) -> bool {
        match condition {
            Expr::Paren(paren) => self.ends(&paren.expr),
            Expr::Binary(binary) => match binary.op {
                BinOp::And(_) => self.ends(&binary.left) || self.ends(&binary.right),
                BinOp::Or(_) => self.ends(&binary.left) && self.ends(&binary.right),
                BinOp::Lt(_)
                | BinOp::Le(_)
                | BinOp::Gt(_)
                | BinOp::Ge(_)
                | BinOp::Eq(_)
                | BinOp::Ne(_) => self.is_fixed(&binary.left) && self.is_fixed(&binary.right),
                _ => false,
            },
            _ => false,
        }
    }

    /// A number that neither rows nor arguments decide, or one that is capped.
    fn is_fixed(&mut self, expr: &Expr) -> bool {
        if idents(expr).last().is_some_and(|name| self.capped.contains(name)) {
            return true;
        }
        let known = match expr {
            Expr::Path(path) if path.path.segments.len() == 1 => {
                let name = path.path.segments[0].ident.to_string();
                self.state.variables.contains_key(&name) || self.model.constants.contains_key(&name)
            }
            _ => true,
        };
        let (value, ..) = self.branch(|walk| walk.expr(expr));
        known && (value.capped || value.taint & (STATE | PARAM | ANSWER) == 0)
    }

    /// A body that ends its loop by a counter: `if n >= MAX { break }`.
    fn stops(&mut self, body: &Block) -> bool {
        body.stmts.iter().any(|statement| {
            let Stmt::Expr(Expr::If(branch), _) = statement else { return false };
            let then = branch.then_branch.to_token_stream().to_string();
            let reads = idents(&branch.cond);
            (then.contains("break") || then.contains("return"))
                && !reads.iter().any(|name| name == "len" || name == "is_empty")
                && self.ends(&branch.cond)
        })
    }
}

/// `while let Some(one) = list.pop()`, and nothing is put on the list meanwhile.
fn empties(condition: &Expr, body: &Block) -> bool {
    let Expr::Let(condition) = condition else { return false };
    let Expr::MethodCall(call) = &*condition.expr else { return false };
    let Expr::Path(list) = &*call.receiver else { return false };
    let takes =
        matches!(call.method.to_string().as_str(), "pop" | "pop_front" | "pop_back" | "next");
    let list = list.to_token_stream().to_string();
    let body = body.to_token_stream().to_string();
    let grows = ["push", "push_back", "push_front", "extend", "append", "insert"]
        .iter()
        .any(|how| body.contains(&format!("{list} . {how} ")));
    takes && !grows && !body.contains(&format!("{list} ="))
}

/// A body calls the function or method of this name.
pub(crate) fn calls_itself(tokens: TokenStream, name: &str, method: bool) -> bool {
    let mut before = [const { String::new() }; 2];
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let text = match &token {
            TokenTree::Group(group) => {
                if calls_itself(group.stream(), name, method) {
                    return true;
                }
                String::new()
            }
            other => other.to_string(),
        };
        let called = matches!(tokens.peek(), Some(TokenTree::Group(_)));
        let dotted = before[1] == ".";
        let mine =
            if dotted { method && before[0] == "self" } else { before[1] != "fn" && !method };
        let path = before[1] == ":" && before[0] != "Self";
        if text == name && called && mine && !path {
            return true;
        }
        before = [std::mem::take(&mut before[1]), text];
    }
    false
}
