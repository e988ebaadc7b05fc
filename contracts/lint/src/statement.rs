//! What a SQL text says, as far as the rules ask: read word by word, never parsed in full.

/// The first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Select,
    Insert,
    Update,
    Delete,
    Other,
}

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct Statement {
    pub(crate) verb: Verb,
    /// The table that is written, or the first that is read.
    pub(crate) table: String,
    words: Vec<String>,
}

pub(crate) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(first) = rest.next() {
        match first {
            '\'' => {
                let mut word = String::from("'");
                while let Some(c) = rest.next() {
                    if c == '\'' && rest.peek() != Some(&'\'') {
                        break;
                    }
                    word.push(c);
                }
                words.push(word);
            }
            '"' | '`' | '[' => {
                let end = if first == '[' { ']' } else { first };
                words.push(
                    rest.by_ref().take_while(|c| *c != end).collect::<String>().to_lowercase(),
                );
            }
            '-' if rest.peek() == Some(&'-') => while rest.next().is_some_and(|c| c != '\n') {},
            c if c.is_alphanumeric() || c == '_' || c == '?' => {
                let mut word = String::from(c);
                while let Some(c) = rest.peek() {
                    let dot = *c == '.' && word.starts_with(|c: char| c.is_ascii_digit());
                    if !c.is_alphanumeric() && *c != '_' && !dot {
                        break;
                    }
                    word.push(*c);
                    rest.next();
                }
                words.push(word.to_lowercase());
            }
            c if c.is_whitespace() => {}
            '<' | '>' | '!' | '=' if matches!(rest.peek(), Some('=' | '>')) => {
                words.push(format!("{first}{}", rest.next().unwrap_or('=')));
            }
            c => words.push(c.into()),
        }
    }
    words
}

impl Statement {
    pub(crate) fn of(text: &str) -> Statement {
        let words = words(text);
        let first_of = |names: &[&str]| words.iter().find(|word| names.contains(&word.as_str()));
        let mut head = words.first().map_or("", String::as_str);
        if head == "with" {
            head = first_of(&["insert", "update", "delete"]).map_or("select", String::as_str);
        }
        let verb = match head {
            "select" | "values" => Verb::Select,
            "insert" | "replace" => Verb::Insert,
            "update" => Verb::Update,
            "delete" => Verb::Delete,
            _ => Verb::Other,
        };
        let after = |name: &str| {
            let at = words.iter().position(|word| word == name)? + 1;
            words.get(at).cloned()
        };
        let table = match verb {
            Verb::Select | Verb::Delete => after("from"),
            Verb::Insert => after("into"),
            Verb::Update if after("update").as_deref() == Some("or") => words.get(3).cloned(),
            Verb::Update => after("update"),
            Verb::Other => after("table"),
        };
        Statement { verb, table: table.unwrap_or_default(), words }
    }

    pub(crate) fn writes(&self) -> bool {
        !matches!(self.verb, Verb::Select | Verb::Other)
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.words.iter().position(|word| word == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    /// The words in a row.
    pub(crate) fn has_all(&self, names: &[&str]) -> bool {
        self.words.windows(names.len()).any(|window| window.iter().eq(names.iter()))
    }

    /// The condition: behind the last WHERE of the outermost level.
    fn condition(&self) -> &[String] {
        let mut depth = 0;
        let mut start = None;
        for (at, word) in self.words.iter().enumerate() {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                "where" if depth == 0 || self.is_exists() => start = Some(at + 1),
                _ => {}
            }
        }
        start.map_or(&[], |start| &self.words[start..])
    }

    /// Columns that a parameter (from 0) is subtracted from: `x = x - ?`.
    pub(crate) fn taken(&self) -> Vec<(String, usize)> {
        let parameters = self.parameters_by_word();
        let mut taken = Vec::new();
        for (at, window) in self.words.windows(5).enumerate() {
            let [column, equals, same, minus, _] = window else { continue };
            if column == same
                && equals == "="
                && minus == "-"
                && let Some(parameter) = parameters.get(at + 4).copied().flatten()
            {
                taken.push((column.clone(), parameter));
            }
        }
        taken
    }

    /// A condition compares the column.
    pub(crate) fn asks(&self, column: &str) -> bool {
        let compares = |word: &String| matches!(word.as_str(), "<" | "<=" | ">" | ">=" | "between");
        // Within `column - ? >= 0`.
        self.condition().windows(5).chain([self.condition()]).any(|window| {
            let named = window.iter().take(5).any(|word| word == column);
            named && window.iter().take(5).any(compares)
        })
    }

    /// SELECT EXISTS (..): its answer is one row.
    fn is_exists(&self) -> bool {
        self.words.get(1).is_some_and(|word| word == "exists")
    }

    /// Columns between two ends, with the parameter (from 0) at each end or none for a number.
    pub(crate) fn spans(&self) -> Vec<(String, [Option<usize>; 2])> {
        let from = self.words.len() - self.condition().len();
        let parameters = self.parameters_by_word();
        let word = |at: usize| self.words.get(at).map_or("", String::as_str);
        if self.condition().iter().any(|word| word == "or") {
            return Vec::new();
        }
        let end = |at: usize| parameters.get(at).copied().flatten();
        let mut spans = Vec::new();
        let mut lows: Vec<(String, Option<usize>)> = Vec::new();
        let mut highs: Vec<(String, Option<usize>)> = Vec::new();
        for at in from..self.words.len() {
            let column = word(at).to_owned();
            match word(at + 1) {
                "between" if word(at) != "not" => spans.push((column, [end(at + 2), end(at + 4)])),
                ">" | ">=" => lows.push((column, end(at + 2))),
                "<" | "<=" => highs.push((column, end(at + 2))),
                _ => {}
            }
        }
        for (column, low) in lows {
            let high = highs.iter().find(|(other, _)| *other == column);
            spans.extend(high.map(|(_, high)| (column, [low, *high])));
        }
        spans
    }

    /// An UPDATE of a column that its own condition asks for: the second time it finds nothing.
    pub(crate) fn moves_on(&self) -> bool {
        let Some(set) = self.position("set").filter(|_| self.verb == Verb::Update) else {
            return false;
        };
        let end = self.words.len() - self.condition().len();
        let asked = self.compared();
        let words = &self.words[set..end];
        words.windows(3).any(|window| {
            let begins = matches!(window[0].as_str(), "set" | ",");
            begins && window[2] == "=" && asked.contains(&window[1].as_str())
        })
    }

    /// INSERT of a row that begins with a number, which is its key as a rule.
    pub(crate) fn inserts_number(&self) -> bool {
        let is_number = |word: &String| word.starts_with(|c: char| c.is_ascii_digit());
        let at = self.words.windows(2).position(|pair| pair[0] == "values" && pair[1] == "(");
        let first = at.and_then(|at| self.words.get(at + 2));
        self.verb == Verb::Insert && first.is_some_and(is_number)
    }

    pub(crate) fn has_condition(&self) -> bool {
        !self.condition().is_empty()
    }

    /// The columns that the condition compares for equality or membership, at any level.
    pub(crate) fn compared(&self) -> Vec<&str> {
        let condition = self.condition();
        let mut columns = Vec::new();
        for (at, word) in condition.iter().enumerate() {
            if word == "=" || word == "==" || word == "is" || word == "in" {
                if let Some(before) = at.checked_sub(1) {
                    columns.push(condition[before].as_str());
                }
                if word != "in"
                    && let Some(after) = condition.get(at + 1)
                {
                    columns.push(after.as_str());
                }
            }
        }
        // `id = 1 OR note = ?` is no condition on a key.
        if condition.iter().any(|word| word == "or") && !condition.iter().any(|word| word == "(") {
            let known: Vec<&str> = columns.clone();
            columns.retain(|column| known.iter().filter(|other| other == &column).count() > 1);
        }
        columns
    }

    /// The parameter (from 0) at each place of the words from `from` on.
    fn parameters(&self, from: usize) -> Vec<usize> {
        self.parameters_by_word().into_iter().skip(from).flatten().collect()
    }

    /// The parameters of the condition; of all words for INSERT.
    pub(crate) fn key_parameters(&self) -> Vec<usize> {
        let from = match self.verb {
            Verb::Insert => 0,
            _ => self.words.len() - self.condition().len(),
        };
        self.parameters(from)
    }

    /// The parameter behind LIMIT.
    pub(crate) fn limit_parameter(&self) -> Option<usize> {
        let at = self.words.iter().rposition(|word| word == "limit")? + 1;
        self.words.get(at).filter(|word| word.starts_with('?'))?;
        self.parameters(at).first().copied()
    }

    /// The largest number behind LIMIT; a negative one is none.
    pub(crate) fn limit_number(&self) -> Option<u64> {
        let number = |pair: &[String]| match (pair[0].as_str(), pair[1].as_str()) {
            ("limit", "-") => Some(u64::MAX),
            ("limit", number) => number.replace('_', "").parse().ok(),
            _ => None,
        };
        self.words.windows(2).filter_map(number).max()
    }

    /// The column of `max` or `min`.
    pub(crate) fn extreme(&self) -> Option<&str> {
        let at = self
            .words
            .windows(2)
            .position(|pair| matches!(pair[0].as_str(), "max" | "min") && pair[1] == "(")?;
        self.words.get(at + 2).map(String::as_str)
    }

    /// An UPDATE or DELETE that asks for more than a key.
    pub(crate) fn is_conditional(&self) -> bool {
        let asks = self.condition().iter().any(|word| word == "and");
        asks && matches!(self.verb, Verb::Update | Verb::Delete)
    }

    /// The name behind IF NOT EXISTS.
    pub(crate) fn after_exists(&self) -> String {
        let at = self.position("exists").map_or(0, |at| at + 1);
        self.words.get(at).cloned().unwrap_or_default()
    }

    /// Every table that is named.
    pub(crate) fn reads(&self) -> Vec<&str> {
        let named = |pair: &[String]| {
            matches!(pair[0].as_str(), "from" | "join").then_some(pair[1].clone())
        };
        let names: Vec<String> = self.words.windows(2).filter_map(named).collect();
        self.words.iter().filter(|word| names.contains(word)).map(String::as_str).collect()
    }

    /// The answer has few rows, whatever the table holds: count(*) and the like without GROUP BY.
    pub(crate) fn is_aggregate(&self) -> bool {
        let call = |pair: &[String]| {
            pair[1] == "("
                && matches!(
                    pair[0].as_str(),
                    "count" | "sum" | "max" | "min" | "avg" | "total" | "exists"
                )
        };
        self.words.windows(2).any(call) && !self.has("group")
    }

    /// `SET a = a + ?` or `a = excluded.a + ...`: twice is not once.
    pub(crate) fn is_relative(&self) -> bool {
        let Some(set) = self.position("set") else { return false };
        let end = self.words.len() - self.condition().len();
        let words = &self.words[set..end.max(set)];
        words.windows(3).any(|window| {
            window[1] == "=" && words.iter().filter(|word| **word == window[0]).count() > 1
        })
    }

    /// All words, in lower case; texts begin with a quote.
    pub(crate) fn words(&self) -> &[String] {
        &self.words
    }

    /// The parameter (from 0) that stands at each word.
    pub(crate) fn parameters_by_word(&self) -> Vec<Option<usize>> {
        let mut next = 0;
        let number = |word: &String| {
            let number = word.strip_prefix('?')?;
            let number = number.parse::<usize>().map_or(next, |number| number.saturating_sub(1));
            next = number + 1;
            Some(number)
        };
        self.words.iter().map(number).collect()
    }

    /// Columns of a CREATE TABLE: name, type, and whether it is a key.
    pub(crate) fn declared(&self) -> Vec<(String, String, bool)> {
        if !self.has_all(&["create", "table"]) {
            return Vec::new();
        }
        let Some(open) = self.position("(") else { return Vec::new() };
        let mut parts: Vec<Vec<&str>> = vec![Vec::new()];
        let mut depth = 0;
        for word in &self.words[open..] {
            match word.as_str() {
                "(" => depth += 1,
                ")" => depth -= 1,
                "," if depth == 1 => {
                    parts.push(Vec::new());
                    continue;
                }
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if let Some(part) = parts.last_mut() {
                part.push(word);
            }
        }
        if let Some(first) = parts.first_mut() {
            first.remove(0);
        }
        let mut columns: Vec<(String, String, bool)> = Vec::new();
        let mut keys = Vec::new();
        for part in parts {
            let has = |name: &str| part.contains(&name);
            match part.first() {
                Some(&("primary" | "unique")) => {
                    keys.extend(part.get(2..4).into_iter().flatten().copied());
                }
                Some(&("check" | "foreign" | "constraint")) | None => {}
                Some(name) => {
                    let ty = part.get(1).copied().unwrap_or_default();
                    columns.push(((*name).into(), ty.into(), has("primary") || has("unique")));
                }
            }
        }
        for column in &mut columns {
            column.2 |= keys.contains(&column.0.as_str());
        }
        columns
    }

    /// Table and first column of a CREATE INDEX.
    pub(crate) fn index(&self) -> Option<(String, String)> {
        if !self.has("create") || !self.has("index") {
            return None;
        }
        let on = self.words.iter().position(|word| word == "on")?;
        Some((self.words.get(on + 1)?.clone(), self.words.get(on + 3)?.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_read() {
        let update = Statement::of("UPDATE t SET a = a + ?1, b = ?2 WHERE id = ?3 AND owner = ?");
        assert_eq!((update.verb, update.table.as_str()), (Verb::Update, "t"));
        assert_eq!(update.key_parameters(), [2, 3]);
        assert_eq!(update.compared(), ["id", "?3", "owner", "?"]);
        assert!(update.is_relative());
        let select = Statement::of("SELECT x FROM \"T\" WHERE y > 1.5 LIMIT ?");
        assert_eq!((select.table.as_str(), select.limit_parameter()), ("t", Some(0)));
        assert!(select.compared().is_empty());
        let create = Statement::of("CREATE TABLE t (a TEXT NOT NULL, p REAL, PRIMARY KEY (a, p))");
        assert_eq!(create.declared()[1], ("p".into(), "real".into(), false));
        assert!(create.declared()[0].2);
    }
}
