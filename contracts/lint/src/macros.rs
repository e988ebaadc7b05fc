//! Macros of the SDK and of the language.

use crate::value::{CALLER, STATE, TRUE_IS_ALLOWED, Value};
use crate::walk::{Exit, Walk};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Expr, Token};

impl Walk<'_> {
    pub(crate) fn macro_call(&mut self, mac: &syn::Macro) -> Value {
        let name = mac.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
        if let Some(arms) = self.model.macros.get(&name)
            && let Some(block) = crate::expand::expand(arms, mac.tokens.clone())
        {
            return self.block(&block);
        }
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
                    self.state.row_checked |= condition.taint & STATE != 0;
                    self.state.timed |= condition.due_bits() & TRUE_IS_ALLOWED != 0;
                }
                Value::default()
            }
            "assert_eq" => {
                let stored = taint & CALLER != 0 && taint & STATE != 0;
                self.state.guard |= stored;
                self.state.hard |= stored;
                self.state.row_checked |= taint & STATE != 0;
                Value::default()
            }
            "format" | "concat" | "write" | "writeln" | "stringify" => {
                let format = usize::from(name.starts_with("write"));
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

pub(crate) fn peeled(expr: &Expr) -> &Expr {
    match expr {
        Expr::Reference(reference) => peeled(&reference.expr),
        other => other,
    }
}

/// The names in `{name}` of a format string.
pub(crate) fn inline_names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for part in text.replace("{{", "").split('{').skip(1) {
        let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if name.starts_with(|c: char| c.is_alphabetic() || c == '_') {
            names.push(name);
        }
    }
    names
}
