//! Edits of DDL by tokens: what is not edited keeps its exact text.
//!
//! 1. AUTOINCREMENT and DEFERRABLE clauses are reserved words: outside of quotes they are never names.
//! 2. `ON CONFLICT FAIL` and `ON CONFLICT ROLLBACK` become `ON CONFLICT ABORT`.
//! 3. A foreign key is dropped as a whole: its constraint name, `FOREIGN KEY (...)`, `REFERENCES` with its
//!    actions, and the comma before a table constraint.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// A name in double quotes, backticks or brackets, or a string.
    Quoted,
    Other,
}

#[derive(Clone, Debug)]
struct Token<'a> {
    kind: Kind,
    text: &'a str,
    range: Range<usize>,
}

impl Token<'_> {
    fn is(&self, word: &str) -> bool {
        self.kind != Kind::Quoted && self.text.eq_ignore_ascii_case(word)
    }

    /// The name that the token is.
    fn name(&self) -> String {
        let inner = |close: &str| {
            let text = &self.text[1..self.text.len() - 1];
            text.replace(&close.repeat(2), close)
        };
        match (self.kind, self.text.as_bytes().first()) {
            (Kind::Quoted, Some(b'[')) => self.text[1..self.text.len() - 1].to_owned(),
            (Kind::Quoted, Some(b'`')) => inner("`"),
            (Kind::Quoted, Some(b'\'')) => inner("'"),
            (Kind::Quoted, _) => inner("\""),
            _ => self.text.to_owned(),
        }
    }
}

/// The tokens without white space and comments. Stored DDL is valid: an open quote ends at the end.
fn tokens(sql: &str) -> Vec<Token<'_>> {
    let bytes = sql.as_bytes();
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let rest = &sql[at..];
        let (kind, len) = match bytes[at] {
            b if b.is_ascii_whitespace() => {
                at += 1;
                continue;
            }
            b'-' if rest.starts_with("--") => {
                at += rest.find('\n').map_or(rest.len(), |end| end + 1);
                continue;
            }
            b'/' if rest.starts_with("/*") => {
                at += rest[2..].find("*/").map_or(rest.len(), |end| end + 4);
                continue;
            }
            b'[' => (Kind::Quoted, rest.find(']').map_or(rest.len(), |end| end + 1)),
            quote @ (b'"' | b'\'' | b'`') => (Kind::Quoted, quoted_len(rest.as_bytes(), quote)),
            b if is_word(b) => {
                (Kind::Word, rest.bytes().position(|b| !is_word(b)).unwrap_or(rest.len()))
            }
            _ => (Kind::Other, 1),
        };
        found.push(Token { kind, text: &rest[..len], range: at..at + len });
        at += len;
    }
    found
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

fn quoted_len(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() {
        if rest[at] == quote {
            if rest.get(at + 1) != Some(&quote) {
                return at + 1;
            }
            at += 1;
        }
        at += 1;
    }
    rest.len()
}

/// The text without these token ranges; white space before each goes, too.
fn without(sql: &str, cuts: &[Range<usize>]) -> String {
    let mut out = String::new();
    let mut at = 0;
    for cut in cuts {
        out.push_str(sql[at..cut.start].trim_end());
        at = cut.end;
    }
    out.push_str(&sql[at..]);
    out
}

/// Rule 1: the statement without the word; `None` if it is not in it.
pub(super) fn without_autoincrement(sql: &str) -> Option<String> {
    let found = tokens(sql);
    let cuts: Vec<_> =
        found.iter().filter(|t| t.is("AUTOINCREMENT")).map(|t| t.range.clone()).collect();
    (!cuts.is_empty()).then(|| without(sql, &cuts))
}

/// Rule 1: the statement without `[NOT] DEFERRABLE [INITIALLY DEFERRED | IMMEDIATE]`; `None` if there is
/// none.
pub(super) fn without_deferrable(sql: &str) -> Option<String> {
    let found = tokens(sql);
    let mut cuts = Vec::new();
    for (index, token) in found.iter().enumerate() {
        if token.is("DEFERRABLE") {
            let first = if index > 0 && found[index - 1].is("NOT") { index - 1 } else { index };
            let initially = found.get(index + 1).is_some_and(|next| next.is("INITIALLY"));
            let last = if initially { (index + 2).min(found.len() - 1) } else { index };
            cuts.push(found[first].range.start..found[last].range.end);
        }
    }
    (!cuts.is_empty()).then(|| without(sql, &cuts))
}

/// Rule 2; `None` if there is no such clause.
pub(super) fn without_half_conflicts(sql: &str) -> Option<String> {
    let found = tokens(sql);
    let mut out = String::new();
    let mut at = 0;
    for window in found.windows(3) {
        let half = window[2].is("FAIL") || window[2].is("ROLLBACK");
        if window[0].is("ON") && window[1].is("CONFLICT") && half {
            out.push_str(&sql[at..window[2].range.start]);
            out.push_str("ABORT");
            at = window[2].range.end;
        }
    }
    out.push_str(&sql[at..]);
    (at > 0).then_some(out)
}

/// Rule 3: the CREATE TABLE without its foreign keys to these tables (names in ASCII lower case).
pub(super) fn without_foreign_keys(sql: &str, parents: &[String]) -> String {
    let found = tokens(sql);
    let mut cuts = Vec::new();
    for (index, token) in found.iter().enumerate() {
        let dropped = token.is("REFERENCES")
            && found
                .get(index + 1)
                .is_some_and(|parent| parents.contains(&parent.name().to_ascii_lowercase()));
        if dropped {
            let first = clause_start(&found, index);
            let last = clause_end(&found, index);
            cuts.push(found[first].range.start..found[last].range.end);
        }
    }
    without(sql, &cuts)
}

/// The first token of the clause whose REFERENCES is at `index`.
fn clause_start(found: &[Token<'_>], index: usize) -> usize {
    let mut first = index;
    let mut table_constraint = false;
    if index > 0 && found[index - 1].is(")") {
        let mut depth = 0;
        let open = (0..index).rev().find(|at| {
            depth += i32::from(found[*at].is(")")) - i32::from(found[*at].is("("));
            depth == 0
        });
        if let Some(open) = open
            && open >= 2
            && found[open - 1].is("KEY")
            && found[open - 2].is("FOREIGN")
        {
            first = open - 2;
            table_constraint = true;
        }
    }
    if first >= 2 && found[first - 2].is("CONSTRAINT") {
        first -= 2;
    }
    if table_constraint && first >= 1 && found[first - 1].is(",") {
        first -= 1;
    }
    first
}

/// The last token of the clause whose REFERENCES is at `index`.
fn clause_end(found: &[Token<'_>], index: usize) -> usize {
    let is = |at: usize, word: &str| found.get(at).is_some_and(|token| token.is(word));
    // REFERENCES parent
    let mut last = index + 1;
    if is(last + 1, "(") {
        let close = (last + 1..found.len()).find(|at| found[*at].is(")"));
        last = close.unwrap_or(found.len() - 1);
    }
    loop {
        if is(last + 1, "ON") && (is(last + 2, "DELETE") || is(last + 2, "UPDATE")) {
            // SET NULL, SET DEFAULT and NO ACTION are two words.
            last += if is(last + 3, "SET") || is(last + 3, "NO") { 4 } else { 3 };
        } else if is(last + 1, "DEFERRABLE") {
            last += 1;
        } else if is(last + 1, "MATCH")
            || is(last + 1, "INITIALLY")
            || (is(last + 1, "NOT") && is(last + 2, "DEFERRABLE"))
        {
            last += 2;
        } else {
            return last.min(found.len() - 1);
        }
    }
}

/// A name in double quotes.
pub(super) fn quote(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_words_in_quotes_and_comments_stay() {
        let sql = "CREATE TABLE \"AUTOINCREMENT\" (id INTEGER PRIMARY KEY AUTOINCREMENT, -- AUTOINCREMENT\n \
                   b TEXT DEFAULT 'DEFERRABLE')";
        assert_eq!(
            without_autoincrement(sql).unwrap(),
            "CREATE TABLE \"AUTOINCREMENT\" (id INTEGER PRIMARY KEY, -- AUTOINCREMENT\n b TEXT DEFAULT \
             'DEFERRABLE')"
        );
        assert_eq!(without_deferrable(sql), None);
    }

    #[test]
    fn rule_1_deferrable_goes_with_its_words() {
        let sql = "CREATE TABLE t(a REFERENCES p(x) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, \
                   b REFERENCES p NOT DEFERRABLE, c REFERENCES p DEFERRABLE)";
        assert_eq!(
            without_deferrable(sql).unwrap(),
            "CREATE TABLE t(a REFERENCES p(x) ON DELETE CASCADE, b REFERENCES p, c REFERENCES p)"
        );
    }

    #[test]
    fn rule_2_half_conflicts_become_abort() {
        let sql = "CREATE TABLE t(a UNIQUE ON CONFLICT FAIL, b NOT NULL ON CONFLICT IGNORE)";
        assert_eq!(
            without_half_conflicts(sql).unwrap(),
            "CREATE TABLE t(a UNIQUE ON CONFLICT ABORT, b NOT NULL ON CONFLICT IGNORE)"
        );
        assert_eq!(without_half_conflicts("CREATE TABLE t(a)"), None);
    }

    #[test]
    fn rule_3_foreign_keys_are_dropped_whole() {
        let sql = "CREATE TABLE t(a INTEGER CONSTRAINT c1 REFERENCES [p q](x) ON DELETE SET NULL NOT NULL, \
                   b REFERENCES other, CONSTRAINT c2 FOREIGN KEY (a, b) REFERENCES \"P q\" (x, y) ON UPDATE \
                   CASCADE MATCH FULL DEFERRABLE INITIALLY DEFERRED, CHECK (a > 0))";
        assert_eq!(
            without_foreign_keys(sql, &["p q".into()]),
            "CREATE TABLE t(a INTEGER NOT NULL, b REFERENCES other, CHECK (a > 0))"
        );
        rusqlite::Connection::open_in_memory()
            .unwrap()
            .execute_batch(&without_foreign_keys(sql, &["p q".into(), "other".into()]))
            .unwrap();
    }

    #[test]
    fn names_are_quoted() {
        assert_eq!(quote("a\"b c"), "\"a\"\"b c\"");
    }
}
