//! Names: quoting, and the user's names as physical names and back.
//!
//! 1. A physical name is the prefix of the database and the user's name in ASCII lower case, so two
//!    spellings of one name are one object everywhere: SQLite, catalog, leaf, grant.
//! 2. Every name in a table's place gets the prefix, common table expressions included: no scope rule,
//!    right or wrong, can make a text reach another database.
//! 3. A name that was quoted is printed in double quotes; one that was not is printed as it was, since
//!    `true`, `rowid` and names after a `.` change their meaning with quotes.

use std::borrow::Cow;

use sqlite3_parser::dialect::keyword_token;

/// Which database a statement speaks to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    prefix: String,
}

impl Namespace {
    /// The database with this contract id: `d3_` for 3.
    pub fn database(id: u64) -> Namespace {
        Namespace { prefix: format!("d{id}_") }
    }

    /// What the physical names of the database begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The physical name of a table, view or index, without quotes (rule 1).
    pub fn physical(&self, name: &str) -> String {
        format!("{}{}", self.prefix, name.to_ascii_lowercase())
    }
}

/// The name that a token stands for: without its quotes.
pub(crate) fn dequote(raw: &str) -> Cow<'_, str> {
    let bytes = raw.as_bytes();
    match bytes.first() {
        Some(b'[') if raw.len() >= 2 => Cow::Borrowed(&raw[1..raw.len() - 1]),
        Some(quote @ (b'"' | b'\'' | b'`')) if raw.len() >= 2 => {
            let inner = &raw[1..raw.len() - 1];
            let quote = char::from(*quote);
            if !inner.contains(quote) {
                return Cow::Borrowed(inner);
            }
            let doubled: String = [quote, quote].iter().collect();
            Cow::Owned(inner.replace(&doubled, quote.encode_utf8(&mut [0; 4])))
        }
        _ => Cow::Borrowed(raw),
    }
}

/// Whether the token is in quotes of any kind.
pub(crate) fn is_quoted(raw: &str) -> bool {
    matches!(raw.as_bytes().first(), Some(b'"' | b'\'' | b'`' | b'['))
}

/// A name in double quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A name with quotes only where it needs them.
pub(crate) fn identifier(name: &str) -> Cow<'_, str> {
    let plain = name.bytes().enumerate().all(|(at, byte)| {
        byte == b'_' || byte.is_ascii_alphabetic() || (at > 0 && byte.is_ascii_digit())
    });
    if plain && !name.is_empty() && !is_keyword(name) {
        Cow::Borrowed(name)
    } else {
        Cow::Owned(quoted(name))
    }
}

/// Keywords have 2 to 17 letters; the parser's table may be asked for no others.
fn is_keyword(name: &str) -> bool {
    (2..=17).contains(&name.len()) && keyword_token(name.as_bytes()).is_some()
}

/// A name without the `:1` that SQLite appends to make the names of a subquery differ.
pub(crate) fn base_name(name: &str) -> &str {
    let digits = name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let rest = &name[..name.len() - digits];
    match rest.strip_suffix(':') {
        Some(base) if digits > 0 => base,
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_two_spellings_are_one_name() {
        let namespace = Namespace::database(3);
        assert_eq!(namespace.physical("Users"), "d3_users");
        assert_eq!(namespace.physical("d2_x"), "d3_d2_x");
        assert_eq!(namespace.physical("sqlite_schema"), "d3_sqlite_schema");
        assert_eq!(Namespace::database(u64::MAX).prefix(), "d18446744073709551615_");
    }

    #[test]
    fn rule_3_quotes_come_off_and_go_on() {
        for (raw, name) in [
            ("a", "a"),
            ("\"a\"\"b\"", "a\"b"),
            ("[a\"b]", "a\"b"),
            ("`a``b`", "a`b"),
            ("'a''b'", "a'b"),
            ("\"\"", ""),
        ] {
            assert_eq!(dequote(raw), name);
        }
        assert_eq!(identifier("a_1"), "a_1");
        assert_eq!(identifier("1a"), "\"1a\"");
        assert_eq!(identifier("order"), "\"order\"");
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(base_name("a:12"), "a");
        assert_eq!(base_name("a12"), "a12");
        assert_eq!(base_name("12"), "12");
    }
}
