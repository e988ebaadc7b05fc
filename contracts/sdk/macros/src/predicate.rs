//! Row access (rule 8 of the crate): `#[can_read(table)]` and `#[can_write(table)]`.
//!
//! 1. On a constant the predicate is its text, in SQL.
//! 2. On a function `fn mine(order: &Order, caller: &str) -> bool { .. }` it is the one expression of the body,
//!    translated: fields of the row, the caller, literals, `== != < <= > >= && || !`, `is_some()`, `is_none()`, and
//!    `sql!("..")` for what only SQL says. The compiler checks names and types, since the function stays in the module.
//! 3. An `Option` is compared with `Some(..)` or `None`, and is unequal to what it is not, as in Rust: no NULL gets out of
//!    a comparison of fields.
//! 4. For reads without a caller, `caller()` is NULL: what depends on the caller is not true then, negated or not.
//! 5. A function with `sql!` cannot be called: its SQL is known to the chain only. The SQL closes every bracket, quote and
//!    comment that it opens and no other, so that what stands around it in Rust means the same in SQL; its NULL is not
//!    true, negated or not.
//! 6. A predicate stands in every build: with `#[cfg]` the chain would get what the compiler has left out.

use crate::doc::{doc, take};
use crate::sql_type;
use crate::table::Table;
use dadbs_abi::section::{Kind, Row};
use proc_macro2::Ident;
use quote::quote;
use syn::{
    Attribute, BinOp, Error, Expr, FnArg, Item, ItemConst, ItemFn, Lit, LitStr, Pat, Stmt, UnOp,
};

const KINDS: [Kind; 2] = [Kind::CanRead, Kind::CanWrite];

fn row(kind: Kind, table: &Ident, doc: String, predicate: String) -> Row {
    let (name, fields) = (table.to_string(), String::new());
    Row { kind, name, fields, doc, more: vec![predicate] }
}

/// The predicate that a constant is marked as (rule 1); its mark is removed.
pub(crate) fn of_constant(item: &mut ItemConst) -> syn::Result<Option<Row>> {
    for kind in KINDS {
        let Some(attribute) = take(&mut item.attrs, kind.name())? else { continue };
        let table: Ident = attribute.parse_args()?;
        let Expr::Lit(literal) = &*item.expr else {
            return Err(Error::new_spanned(&item.expr, "a predicate is a string literal"));
        };
        let Lit::Str(predicate) = &literal.lit else {
            return Err(Error::new_spanned(literal, "a predicate is a string literal"));
        };
        in_every_build(&item.attrs)?;
        let doc = doc(&item.attrs);
        item.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
        return Ok(Some(row(kind, &table, doc, predicate.value())));
    }
    Ok(None)
}

/// What a function is marked as; the marks are removed. One function may be both.
pub(crate) fn marks(function: &mut ItemFn) -> syn::Result<Vec<(Kind, Ident)>> {
    let mut found = Vec::new();
    for kind in KINDS {
        let Some(attribute) = take(&mut function.attrs, kind.name())? else { continue };
        let table = attribute.parse_args().map_err(|error| {
            Error::new(error.span(), format!("write #[{}(table)]", kind.name()))
        })?;
        found.push((kind, table));
    }
    if !found.is_empty() {
        in_every_build(&function.attrs)?;
    }
    Ok(found)
}

/// Rule 6.
fn in_every_build(attributes: &[Attribute]) -> syn::Result<()> {
    let conditional = |attribute: &&Attribute| {
        attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
    };
    attributes.iter().find(conditional).map_or(Ok(()), |attribute| {
        let message = "a predicate stands in every build: remove the condition";
        Err(Error::new_spanned(attribute, message))
    })
}

/// The row of a function for one of its marks (rule 2).
pub(crate) fn of_function(
    function: &ItemFn,
    kind: Kind,
    mark: &Ident,
    table: &Table,
) -> syn::Result<Row> {
    let predicate = Translation::of(function, table)?.boolean(body(function)?)?;
    Ok(row(kind, mark, doc(&function.attrs), predicate))
}

/// What stays of the function in the module: rule 5.
pub(crate) fn kept(mut function: ItemFn) -> Item {
    let mut fragments = 0;
    if let [Stmt::Expr(expression, None)] = &mut function.block.stmts[..] {
        fragments = without_sql(expression);
    }
    function.attrs.push(syn::parse_quote!(#[allow(dead_code)]));
    if fragments == 0 {
        return Item::Fn(function);
    }
    function.attrs.push(syn::parse_quote!(#[allow(clippy::all, unused_variables)]));
    Item::Verbatim(quote!(const _: () = { #function };))
}

/// Puts `true` in the place of SQL, for the compiler's check of the rest; the number of places.
fn without_sql(expression: &mut Expr) -> u32 {
    if fragment(expression).is_some() {
        *expression = syn::parse_quote!(true);
        return 1;
    }
    match expression {
        Expr::Paren(inner) => without_sql(&mut inner.expr),
        Expr::Unary(inner) => without_sql(&mut inner.expr),
        Expr::Binary(binary) => without_sql(&mut binary.left) + without_sql(&mut binary.right),
        _ => 0,
    }
}

/// The tokens of `sql!(..)`.
fn fragment(expression: &Expr) -> Option<&proc_macro2::TokenStream> {
    match expression {
        Expr::Macro(call) if call.mac.path.segments.last()?.ident == "sql" => {
            Some(&call.mac.tokens)
        }
        _ => None,
    }
}

fn body(function: &ItemFn) -> syn::Result<&Expr> {
    match &function.block.stmts[..] {
        [Stmt::Expr(expression, None)] => Ok(expression),
        _ => Err(Error::new_spanned(&function.block, "a predicate is one expression")),
    }
}

/// A value in SQL, and whether it may be NULL.
struct Operand {
    sql: String,
    nullable: bool,
}

/// The names that the body knows.
struct Translation<'a> {
    table: &'a Table,
    row: Ident,
    caller: Option<Ident>,
}

fn quoted(text: &LitStr) -> syn::Result<String> {
    if text.value().contains('\0') {
        return Err(Error::new(text.span(), "SQL has no text with a zero byte"));
    }
    Ok(format!("'{}'", text.value().replace('\'', "''")))
}

impl<'a> Translation<'a> {
    fn of(function: &ItemFn, table: &'a Table) -> syn::Result<Translation<'a>> {
        let signature = &function.sig;
        let row_type = format!("&{}", table.ident);
        let mut names = Vec::new();
        for input in &signature.inputs {
            if let FnArg::Typed(typed) = input
                && let Pat::Ident(pattern) = &*typed.pat
            {
                names.push((pattern.ident.clone(), sql_type::text(&typed.ty)));
            }
        }
        let mut names = names.into_iter();
        let is_bool = matches!(&signature.output,
            syn::ReturnType::Type(_, ty) if sql_type::text(ty) == "bool");
        match (names.next(), names.next(), signature.inputs.len()) {
            (Some((row, ty)), caller, 1 | 2)
                if ty == row_type
                    && is_bool
                    && caller.as_ref().is_none_or(|(_, ty)| ty == "&str") =>
            {
                Ok(Translation { table, row, caller: caller.map(|(name, _)| name) })
            }
            _ => Err(Error::new_spanned(
                signature,
                format!(
                    "a predicate of {} is fn {}(row: {row_type}, caller: &str) -> bool",
                    table.name, signature.ident
                ),
            )),
        }
    }

    /// A condition, in brackets where its neighbours could bind closer.
    fn boolean(&self, expression: &Expr) -> syn::Result<String> {
        if let Some(tokens) = fragment(expression) {
            let text: LitStr = syn::parse2(tokens.clone()).map_err(|error| {
                Error::new(error.span(), "sql! in a predicate is one string literal")
            })?;
            closed(&text.value()).map_err(|why| Error::new(text.span(), why))?;
            // The end of the line ends a comment in it.
            return Ok(format!("({}\n)", text.value()));
        }
        match expression {
            Expr::Paren(inner) => self.boolean(&inner.expr),
            Expr::Group(inner) => self.boolean(&inner.expr),
            Expr::Unary(not) if matches!(not.op, UnOp::Not(_)) => {
                Ok(format!("(NOT {})", self.boolean(&not.expr)?))
            }
            Expr::Binary(binary) => match binary.op {
                BinOp::And(_) | BinOp::Or(_) => {
                    let word = if matches!(binary.op, BinOp::And(_)) { "AND" } else { "OR" };
                    let (left, right) = (self.boolean(&binary.left)?, self.boolean(&binary.right)?);
                    Ok(format!("({left} {word} {right})"))
                }
                _ => self.comparison(binary),
            },
            Expr::MethodCall(call) if call.method == "is_none" || call.method == "is_some" => {
                let value = self.operand(&call.receiver)?;
                let not = if call.method == "is_none" { "" } else { "NOT " };
                Ok(format!("({} IS {not}NULL)", value.sql))
            }
            _ => {
                let value = self.operand(expression)?;
                if value.nullable {
                    let message = "compare an Option with Some(..) or None";
                    return Err(Error::new_spanned(expression, message));
                }
                Ok(value.sql)
            }
        }
    }

    fn comparison(&self, binary: &syn::ExprBinary) -> syn::Result<String> {
        let (equality, operator) = match binary.op {
            BinOp::Eq(_) => (Some(true), "="),
            BinOp::Ne(_) => (Some(false), "<>"),
            BinOp::Lt(_) => (None, "<"),
            BinOp::Le(_) => (None, "<="),
            BinOp::Gt(_) => (None, ">"),
            BinOp::Ge(_) => (None, ">="),
            _ => {
                let message = "a predicate compares; write sql!(\"..\") for what computes";
                return Err(Error::new_spanned(binary.op, message));
            }
        };
        for (side, other) in [(&binary.left, &binary.right), (&binary.right, &binary.left)] {
            let inner = some(side);
            if inner.is_none() && !is_none(side) {
                continue;
            }
            let option = self.operand(other)?;
            let Some(equal) = equality.filter(|_| option.nullable) else {
                let message =
                    "Some and None are compared with a field that is an Option, by == or !=";
                return Err(Error::new_spanned(binary, message));
            };
            let same = match inner {
                None => format!("({} IS NULL)", option.sql),
                Some(inner) => {
                    let value = self.plain(inner)?;
                    format!("({} IS NOT NULL AND {0} = {value})", option.sql)
                }
            };
            return Ok(if equal { same } else { format!("(NOT {same})") });
        }
        let (left, right) = (self.plain(&binary.left)?, self.plain(&binary.right)?);
        Ok(format!("({left} {operator} {right})"))
    }

    /// A value that is never NULL, but for the caller.
    fn plain(&self, expression: &Expr) -> syn::Result<String> {
        let value = self.operand(expression)?;
        if value.nullable {
            let message = "compare an Option with Some(..) or None";
            return Err(Error::new_spanned(expression, message));
        }
        Ok(value.sql)
    }

    fn operand(&self, expression: &Expr) -> syn::Result<Operand> {
        let plain = |sql: String| Ok(Operand { sql, nullable: false });
        match expression {
            Expr::Paren(inner) => self.operand(&inner.expr),
            Expr::Group(inner) => self.operand(&inner.expr),
            Expr::Reference(inner) => self.operand(&inner.expr),
            Expr::Unary(unary) => match (&unary.op, &*unary.expr) {
                (UnOp::Deref(_), inner) => self.operand(inner),
                (UnOp::Neg(_), Expr::Lit(literal)) => plain(number(literal, "-")?),
                _ => Err(unknown(expression)),
            },
            // The same value for SQL.
            Expr::MethodCall(call)
                if ["as_str", "as_deref", "as_slice"].iter().any(|name| call.method == name) =>
            {
                self.operand(&call.receiver)
            }
            Expr::Field(field) => match (&*field.base, &field.member) {
                (Expr::Path(base), syn::Member::Named(name)) if base.path.is_ident(&self.row) => {
                    let nullable = self.table.is_nullable(name).ok_or_else(|| {
                        Error::new_spanned(name, format!("{} has no such column", self.table.name))
                    })?;
                    Ok(Operand { sql: format!("\"{name}\""), nullable })
                }
                _ => Err(unknown(expression)),
            },
            Expr::Path(path) if self.caller.as_ref().is_some_and(|c| path.path.is_ident(c)) => {
                plain("caller()".into())
            }
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => plain(quoted(text)?),
                Lit::Bool(truth) => plain(if truth.value { "1".into() } else { "0".into() }),
                Lit::ByteStr(bytes) => {
                    let digits =
                        bytes.value().iter().map(|b| format!("{b:02x}")).collect::<String>();
                    plain(format!("x'{digits}'"))
                }
                _ => plain(number(literal, "")?),
            },
            _ => Err(unknown(expression)),
        }
    }
}

/// Refuses SQL that leaves its place: rule 5. The parser of the chain refuses the rest.
fn closed(sql: &str) -> Result<(), String> {
    let mut rest = sql;
    let mut depth = 0_u32;
    while let Some(first) = rest.chars().next() {
        let (begin, end) = match first {
            '\'' => ("'", "'"),
            '"' => ("\"", "\""),
            '`' => ("`", "`"),
            '[' => ("[", "]"),
            '/' if rest.starts_with("/*") => ("/*", "*/"),
            '-' if rest.starts_with("--") => {
                // The end of the text is the end of a line, too.
                rest = rest.split_once('\n').map_or("", |(_, after)| after);
                continue;
            }
            '(' => {
                depth += 1;
                ("(", "")
            }
            ')' => {
                depth = depth
                    .checked_sub(1)
                    .ok_or("this SQL closes a bracket that it has not opened")?;
                (")", "")
            }
            _ => {
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        // A doubled quote in quotes ends one text and begins another one, which is the same here.
        let after = rest[begin.len()..].split_once(end);
        rest = after.ok_or_else(|| format!("this SQL does not close {begin}"))?.1;
    }
    if depth == 0 { Ok(()) } else { Err("this SQL does not close (".to_owned()) }
}

/// A number as SQL reads it: of a REAL the digits of the value that Rust reads.
fn number(literal: &syn::ExprLit, sign: &str) -> syn::Result<String> {
    let (digits, suffix) = match &literal.lit {
        Lit::Int(number) => (number.base10_digits(), number.suffix()),
        Lit::Float(number) => (number.base10_digits(), "f64"),
        other => return Err(unknown(other)),
    };
    let text = format!("{sign}{digits}");
    let wrong = |why: &dyn std::fmt::Display| Error::new_spanned(literal, why);
    if !suffix.starts_with('f') {
        // With its sign, since the least number has no positive.
        return Ok(text.parse::<i64>().map_err(|why| wrong(&why))?.to_string());
    }
    let number: f64 = text.parse().map_err(|why| wrong(&why))?;
    if number.is_finite() { Ok(format!("{number:?}")) } else { Err(wrong(&"too large a number")) }
}

fn unknown(expression: &impl quote::ToTokens) -> Error {
    let message = "a predicate knows fields of its row, its caller and literals; write sql!(\"..\") for what only SQL says";
    Error::new_spanned(expression, message)
}

/// What is inside of `Some(..)`.
fn some(expression: &Expr) -> Option<&Expr> {
    match expression {
        Expr::Paren(inner) => some(&inner.expr),
        Expr::Call(call) if call.args.len() == 1 => match &*call.func {
            Expr::Path(path) if path.path.is_ident("Some") => call.args.first(),
            _ => None,
        },
        _ => None,
    }
}

fn is_none(expression: &Expr) -> bool {
    match expression {
        Expr::Paren(inner) => is_none(&inner.expr),
        Expr::Path(path) => path.path.is_ident("None"),
        _ => false,
    }
}
