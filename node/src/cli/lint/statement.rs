//! What a statement does, by its words: enough for statements that the build has checked.

/// What a statement does to rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Insert,
    Update,
    Delete,
    /// CREATE, ALTER, DROP.
    Schema,
}

/// A statement as far as it concerns the lint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    /// What it writes; `None` for a query.
    pub(super) verb: Option<Verb>,
    /// The table that it writes, or the first one that it reads.
    pub(super) table: String,
    /// True if a WHERE compares for equality, or a LIMIT stands somewhere.
    pub(super) is_bounded: bool,
    /// True if it has a WHERE.
    pub(super) has_where: bool,
    /// True if it computes with a number that has a fraction, or casts to REAL.
    pub(super) has_floats: bool,
}

/// Upper-case words, names and signs, without comments and with strings as `'`.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if first == '\'' || first == '"' {
            rest[1..].find(first).map_or(rest.len(), |end| end + 2)
        } else if rest.starts_with("--") {
            rest.find('\n').unwrap_or(rest.len())
        } else if first.is_ascii_alphanumeric() || first == '_' {
            let known = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.');
            rest.find(known).unwrap_or(rest.len())
        } else {
            first.len_utf8()
        };
        let (word, tail) = rest.split_at(end);
        rest = tail;
        match first {
            '\'' => words.push("'".into()),
            '"' => words.push(word.trim_matches('"').to_ascii_uppercase()),
            _ if word.starts_with("--") || first.is_whitespace() => {}
            _ => words.push(word.to_ascii_uppercase()),
        }
    }
    words
}

fn is_fraction(word: &str) -> bool {
    word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
}

impl Statement {
    pub(super) fn of(text: &str) -> Statement {
        let words = words(text);
        let at = |word: &str| words.iter().position(|known| known == word);
        let after = |at: Option<usize>| {
            at.and_then(|at| words.get(at + 1)).map(|name| name.to_ascii_lowercase())
        };
        // `WITH ... INSERT`: the first verb is the statement's.
        let verb = words.iter().find_map(|word| match word.as_str() {
            "INSERT" | "REPLACE" => Some(Verb::Insert),
            "UPDATE" => Some(Verb::Update),
            "DELETE" => Some(Verb::Delete),
            "CREATE" | "ALTER" | "DROP" => Some(Verb::Schema),
            _ => None,
        });
        let is_query = words.first().is_some_and(|word| word == "SELECT" || word == "VALUES");
        let verb = verb.filter(|_| !is_query);
        let table = match verb {
            Some(Verb::Insert) => after(at("INTO")),
            Some(Verb::Update) => {
                let name = after(at("UPDATE")).filter(|name| name != "or");
                name.or_else(|| {
                    at("SET").and_then(|at| words.get(at - 1)).map(|w| w.to_ascii_lowercase())
                })
            }
            Some(Verb::Schema) => after(at("TABLE")).or_else(|| after(at("ON"))),
            Some(Verb::Delete) | None => after(at("FROM")),
        };
        let condition = at("WHERE").map_or(&[][..], |at| &words[at..]);
        let equal = condition.iter().enumerate().any(|(at, word)| {
            let before = at.checked_sub(1).and_then(|at| condition.get(at));
            word == "=" && !before.is_some_and(|sign| ["<", ">", "!"].contains(&sign.as_str()))
        });
        Statement {
            verb,
            table: table.unwrap_or_default(),
            is_bounded: equal || at("LIMIT").is_some() || verb.is_none() && at("FROM").is_none(),
            has_where: !condition.is_empty(),
            has_floats: words.iter().any(|word| is_fraction(word) || word == "REAL"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_known_by_their_words() {
        let outline = |text: &str| {
            let found = Statement::of(text);
            (found.verb, found.table, found.is_bounded)
        };
        let query = |table: &str, bounded| (None, table.to_owned(), bounded);
        assert_eq!(outline("SELECT a FROM t -- WHERE a = 1\n"), query("t", false));
        assert_eq!(outline("SELECT a FROM \"T\" WHERE a = 'x = y'"), query("t", true));
        assert_eq!(outline("SELECT a FROM t WHERE a >= 1"), query("t", false));
        assert_eq!(outline("SELECT a FROM t WHERE a > 1 LIMIT ?"), query("t", true));
        assert_eq!(outline("SELECT unixepoch()"), query("", true));
        let write = |verb, table: &str, bounded| (Some(verb), table.to_owned(), bounded);
        assert_eq!(outline("DELETE FROM t WHERE at < ?"), write(Verb::Delete, "t", false));
        assert_eq!(outline("UPDATE OR IGNORE t SET a = 1"), write(Verb::Update, "t", false));
        assert_eq!(outline("INSERT INTO u SELECT * FROM t"), write(Verb::Insert, "u", false));
        assert_eq!(outline("DROP TABLE t"), write(Verb::Schema, "t", false));
        assert!(Statement::of("SELECT a * 1.5 FROM t").has_floats);
        assert!(!Statement::of("SELECT t.a FROM t").has_floats);
    }
}
