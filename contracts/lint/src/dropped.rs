//! Results that nobody looks at.
//!
//! 1. A `Result` is dropped by `;`, `let _`, a variable that is never read, `drop`, `.ok()`, a default in its place,
//!    an arm or branch for the failure that does nothing, or tells only.
//! 2. An answer of an own function is as good as a `Result` if it is a bool, an option or an enum and the function
//!    changes nothing (what else should it be for), has made it of a failure, or refuses by it what a comparison
//!    does not allow.
//! 3. The bool of `update` matters if nothing says that the row is there: it was read with a default, or never.
//!    It does not if the entry point inserts rows of that table as well.
//! 4. How many rows a statement has changed matters if coins are sent then, or it has taken from one and gives to
//!    another.
//! 5. Items of an iterator that are results are dropped by what leaves failures out: `filter_map(Result::ok)`,
//!    `flatten`, `count`, `for_each(drop)`.

use crate::model::Function;
use crate::rule::Rule;
use crate::value::{Outcome, Value};
use crate::walk::Walk;
use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, Stmt};

/// What is known of a function while it runs.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Running {
    /// Writes and calls so far.
    pub(crate) effects: u32,
    /// It has looked at a failure of something that changes state.
    pub(crate) caught: bool,
}

impl Walk<'_> {
    /// A value that nobody will look at.
    pub(crate) fn dropped(&mut self, value: &Value, span: Span, how: &str) {
        if value.outcome.is_some() || value.each.is_some() && how != "the result of this is dropped"
        {
            self.report(Rule::IgnoredResult, span, how);
            // One fault: that the check is there is not asked again.
            self.state.guard |= value.pending;
        } else if value.verdict {
            self.state.guard |= value.bits() != 0;
            self.report(
                Rule::IgnoredResult,
                span,
                "what this answers tells of a failure, and is dropped",
            );
        } else if let Some(table) = &value.missed {
            let what = format!("nobody asks whether there is such a row of {table}");
            let raw = self.raw(Rule::IgnoredResult, span, what);
            self.missed.push((table.clone(), raw));
        }
    }

    /// A statement with a semicolon.
    pub(crate) fn statement_dropped(&mut self, expr: &Expr, value: &Value, span: Span) {
        if let Some(debit) = value.counted {
            self.state.uncounted = Some((span, debit));
        }
        let answers =
            matches!(expr, Expr::Call(_) | Expr::MethodCall(_) | Expr::Try(_) | Expr::Macro(_));
        if answers || value.outcome.is_some() {
            self.dropped(value, span, "the result of this is dropped");
        }
    }

    /// Whoever asks for a failure of something that changes state may turn it into an answer.
    pub(crate) fn looked_at(&mut self, value: &Value) {
        self.running.caught |= changes(value.outcome);
    }

    /// The answer of a function tells of a failure (rule 2).
    pub(crate) fn is_verdict(&self, function: &Function, value: &Value, ran: Running) -> bool {
        let answer = function.answer.as_str();
        let bare = matches!(answer, "" | "()");
        let tells = answer == "bool" || answer.starts_with("Option<");
        let pure = ran.effects == 0 && !function.mutates;
        let of_kind = tells || self.model.enums.contains(answer);
        !bare && (ran.caught || of_kind && (pure || value.verdict)) || tells && function.refuses
    }

    /// An adapter of an iterator over results (rule 5).
    pub(crate) fn leaves_out(&mut self, name: &str, call: &syn::ExprMethodCall, receiver: &Value) {
        let results = changes(receiver.each) || changes(receiver.outcome);
        let argument =
            call.args.first().map(|first| first.to_token_stream().to_string().replace(' ', ""));
        let argument = argument.unwrap_or_default();
        let drops = match name {
            "filter_map" | "flat_map" | "map_while" => argument.ends_with("Result::ok"),
            "filter" | "take_while" => argument.ends_with("Result::is_ok"),
            "flatten" => true,
            "count" | "last" => receiver.each.is_some(),
            "or_else" => argument.starts_with("|_|Ok"),
            "for_each" => argument.ends_with("drop") || argument.starts_with("|_"),
            _ => false,
        };
        if results && drops {
            let what = format!("`.{name}` leaves failures of this out");
            self.report(Rule::IgnoredResult, call.method.span(), what);
        }
    }
}

/// A failure of something that changes state.
pub(crate) fn changes(outcome: Option<Outcome>) -> bool {
    matches!(outcome, Some(Outcome::External | Outcome::Write | Outcome::Own))
}

/// A branch for a failure that goes on as if there were none.
pub(crate) fn goes_on(body: &Expr) -> bool {
    let text = body.to_token_stream().to_string().replace(' ', "");
    matches!(text.as_str(), "continue" | "break" | "returnOk(())" | "Ok(())" | "return")
        || match body {
            Expr::Block(block) => block.block.stmts.iter().all(|statement| match statement {
                Stmt::Expr(expr, _) => goes_on(expr) || crate::branch::only_tells(expr),
                _ => false,
            }),
            _ => false,
        }
}

/// A branch by a comparison answers `false` or `None`.
pub(crate) fn refuses(tokens: TokenStream) -> bool {
    let tokens: Vec<TokenTree> = tokens.into_iter().collect();
    let names = |tokens: TokenStream| {
        let text = tokens.to_string();
        text.split(|c: char| !c.is_alphanumeric() && c != '_')
            .any(|word| matches!(word, "false" | "None"))
    };
    let mut at = 0;
    while at < tokens.len() {
        if let TokenTree::Ident(ident) = &tokens[at]
            && ident == "if"
        {
            let is_brace = |token: &TokenTree| match token {
                TokenTree::Group(group) => group.delimiter() == proc_macro2::Delimiter::Brace,
                _ => false,
            };
            let Some(end) = tokens[at..].iter().position(is_brace) else { return false };
            let condition: TokenStream = tokens[at + 1..at + end].iter().cloned().collect();
            let condition = condition.to_string();
            let compares =
                [" < ", " > ", "<=", ">=", "==", "!="].iter().any(|sign| condition.contains(sign));
            let branches = [Some(at + end), Some(at + end + 2)];
            let answers = branches
                .into_iter()
                .flatten()
                .filter_map(|at| tokens.get(at))
                .any(|token| matches!(token, TokenTree::Group(group) if names(group.stream())));
            if compares && answers {
                return true;
            }
        }
        if let TokenTree::Group(group) = &tokens[at]
            && refuses(group.stream())
        {
            return true;
        }
        at += 1;
    }
    false
}
