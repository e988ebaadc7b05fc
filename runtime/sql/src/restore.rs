//! Physical names back to the user's: in messages of SQLite and in stored DDL.
//!
//! 1. In DDL only names in the place of a table, view or index lose the prefix; `AS t` behind a name that
//!    became `t` goes too.
//! 2. In a message every word that begins with the prefix loses it, outside of single quotes; a table that
//!    is missing from the chain is called `chain.name`.

use sqlite3_parser::dialect::TokenType::{
    self, TK_AS, TK_BY, TK_COMMA, TK_DOT, TK_EXISTS, TK_FROM, TK_ID, TK_IN, TK_INDEX, TK_INTO,
    TK_JOIN, TK_LP, TK_ON, TK_REFERENCES, TK_SEMI, TK_TABLE, TK_TO, TK_UPDATE, TK_VIEW, TK_WITH,
};

use crate::names::{self, Namespace};
use crate::scan::{self, Token};

/// A message or stored DDL with the user's names.
pub fn user_text(physical: &str, namespace: &Namespace) -> String {
    let ddl = physical.get(..7).is_some_and(|head| head.eq_ignore_ascii_case("CREATE "));
    match scan::tokens(physical) {
        Ok(tokens) if ddl => definition(physical, &tokens, namespace),
        Ok(_) | Err(_) => message(physical, namespace),
    }
}

fn definition(text: &str, tokens: &[Token<'_>], namespace: &Namespace) -> String {
    let kind = |at: Option<usize>| at.and_then(|at| tokens.get(at)).map_or(TK_SEMI, |t| t.kind);
    let mut out = String::with_capacity(text.len());
    let mut copied = 0;
    let mut renamed: Option<(usize, String)> = None;
    for (at, token) in tokens.iter().enumerate() {
        if let Some((place, name)) = &renamed
            && *place + 2 == at
            && kind(Some(at - 1)) == TK_AS
            && names::dequote(token.text).eq_ignore_ascii_case(name)
        {
            out.truncate(out.trim_end().len());
            copied = token.end;
            continue;
        }
        let next = kind(Some(at + 1));
        if token.kind != TK_ID || !names_object(kind(at.checked_sub(1)), next) {
            // `AS` is copied late, when it is known to stay.
            let before_alias = renamed.as_ref().is_some_and(|(place, _)| place + 1 == at);
            if !(token.kind == TK_AS && before_alias && redundant(tokens, at, renamed.as_ref())) {
                out.push_str(&text[copied..token.end]);
                copied = token.end;
            }
            continue;
        }
        out.push_str(&text[copied..token.start]);
        copied = token.end;
        let name = names::dequote(token.text);
        match name.strip_prefix(namespace.prefix()) {
            Some(user) => {
                out.push_str(&names::identifier(user));
                renamed = Some((at, user.to_owned()));
            }
            None => out.push_str(token.text),
        }
    }
    out.push_str(&text[copied..]);
    out
}

fn redundant(tokens: &[Token<'_>], at: usize, renamed: Option<&(usize, String)>) -> bool {
    match (tokens.get(at + 1), renamed) {
        (Some(alias), Some((_, name))) => names::dequote(alias.text).eq_ignore_ascii_case(name),
        _ => false,
    }
}

/// Whether a name between these tokens is one of a table, view or index (rule 1).
fn names_object(before: TokenType, after: TokenType) -> bool {
    match before {
        TK_TABLE | TK_INDEX | TK_VIEW | TK_EXISTS | TK_ON | TK_REFERENCES | TK_FROM | TK_JOIN
        | TK_IN | TK_INTO | TK_UPDATE | TK_TO | TK_WITH | TK_BY => true,
        TK_COMMA | TK_LP => matches!(after, TK_AS | TK_DOT | TK_LP),
        _ => after == TK_DOT,
    }
}

fn message(text: &str, namespace: &Namespace) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_word = false;
    let mut in_quotes = false;
    while let Some(next) = rest.chars().next() {
        if !in_word && !in_quotes {
            if let Some(after) = rest.strip_prefix(namespace.prefix())
                && after.starts_with(|c: char| c != ' ')
            {
                rest = after;
                in_word = true;
                continue;
            }
            if out.ends_with("table: ")
                && let Some(after) = rest.strip_prefix("chain_")
            {
                out.push_str("chain.");
                rest = after;
                in_word = true;
                continue;
            }
        }
        in_quotes ^= next == '\'';
        in_word = next == '_' || next == '$' || next.is_ascii_alphanumeric() || !next.is_ascii();
        out.push(next);
        rest = &rest[next.len_utf8()..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> String {
        user_text(text, &Namespace::database(3))
    }

    #[test]
    fn rule_1_stored_definitions_read_as_the_user_wrote_them() {
        for (physical, expected) in [
            (
                "CREATE TABLE d3_t (d3_x TEXT REFERENCES d3_u (a), CHECK (d3_t.a > 'd3_t'))",
                "CREATE TABLE t (d3_x TEXT REFERENCES u (a), CHECK (t.a > 'd3_t'))",
            ),
            ("CREATE INDEX d3_i ON d3_t (a)", "CREATE INDEX i ON t (a)"),
            (
                "CREATE VIEW d3_v AS SELECT a.b FROM d3_a AS a, \"d3_b\" AS b JOIN d3_c AS x",
                "CREATE VIEW v AS SELECT a.b FROM a, b JOIN c AS x",
            ),
            ("CREATE TABLE \"d3_order\" (a)", "CREATE TABLE \"order\" (a)"),
            ("CREATE TABLE d33_t (a)", "CREATE TABLE d33_t (a)"),
        ] {
            assert_eq!(user(physical), expected);
        }
    }

    #[test]
    fn rule_2_messages_name_the_users_objects() {
        for (physical, expected) in [
            ("no such table: d3_foo", "no such table: foo"),
            ("no such table: d3_chain_foo", "no such table: chain_foo"),
            ("no such table: chain_foo", "no such table: chain.foo"),
            ("no such column: chain_id", "no such column: chain_id"),
            ("UNIQUE constraint failed: d3_t.a, d3_t.b", "UNIQUE constraint failed: t.a, t.b"),
            ("index d3_i already exists", "index i already exists"),
            ("CHECK constraint failed: d3_t.a <> 'd3_t'", "CHECK constraint failed: t.a <> 'd3_t'"),
            ("add3_t", "add3_t"),
            ("no such table: d3_d3_x", "no such table: d3_x"),
        ] {
            assert_eq!(user(physical), expected);
        }
    }
}
