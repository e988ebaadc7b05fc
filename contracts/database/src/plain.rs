//! The statement that most calls run, recognised without the host.
//!
//! 1. `INSERT INTO name [(name, ...)] VALUES (value, ...)[, ...]` where a name is a plain identifier and
//!    a value is `?`, `?` with digits, an integer or NULL. Nothing else: no quotes, no comments, no
//!    brackets within brackets, no OR, SELECT, ON CONFLICT, RETURNING or second statement.
//! 2. Such a statement has one access, an insert into the table of that name.
//! 3. What is not recognised is inspected by the host: this module never refuses.

/// The table of a plain insert (rule 1).
pub(crate) fn insert_target(sql: &str) -> Option<&str> {
    let mut text = Text { rest: sql };
    text.word("insert")?;
    text.word("into")?;
    let table = text.name()?;
    if text.symbol('(').is_some() {
        text.list(|text| text.name().map(drop))?;
    }
    text.word("values")?;
    loop {
        text.symbol('(')?;
        text.list(Text::value)?;
        if text.symbol(',').is_none() {
            break;
        }
    }
    // One semicolon may end it.
    text.symbol(';');
    text.skip();
    text.rest.is_empty().then_some(table)
}

struct Text<'a> {
    rest: &'a str,
}

impl<'a> Text<'a> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    fn symbol(&mut self, symbol: char) -> Option<()> {
        self.skip();
        self.rest = self.rest.strip_prefix(symbol)?;
        Some(())
    }

    /// The longest run of ASCII letters, digits and underscores; `None` before anything else.
    fn run(&mut self) -> Option<&'a str> {
        self.skip();
        let end = self
            .rest
            .bytes()
            .position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_')
            .unwrap_or(self.rest.len());
        // A letter beyond ASCII or a dollar sign would continue the name.
        if end == 0 || self.rest[end..].starts_with(|next: char| next == '$' || !next.is_ascii()) {
            return None;
        }
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        Some(run)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.run()?.eq_ignore_ascii_case(word).then_some(())
    }

    fn name(&mut self) -> Option<&'a str> {
        self.run().filter(|name| !name.starts_with(|first: char| first.is_ascii_digit()))
    }

    fn value(&mut self) -> Option<()> {
        let placeholder = self.symbol('?').is_some();
        if placeholder && !self.rest.starts_with(|next: char| next.is_ascii_digit()) {
            return Some(());
        }
        let run = self.run()?;
        let digits = run.bytes().all(|byte| byte.is_ascii_digit());
        (digits || !placeholder && run.eq_ignore_ascii_case("null")).then_some(())
    }

    /// Items with commas between them, then the closing bracket.
    fn list(&mut self, item: impl Fn(&mut Text<'a>) -> Option<()>) -> Option<()> {
        loop {
            item(self)?;
            if self.symbol(')').is_some() {
                return Some(());
            }
            self.symbol(',')?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::insert_target;

    #[test]
    fn rule_1_plain_inserts_are_recognised() {
        for sql in [
            "INSERT INTO t VALUES (?)",
            "insert into t(a,b_2) values(?1, ?2),(3,NULL) ; ",
            "INSERT\n INTO\tt (a) VALUES (?)",
        ] {
            assert_eq!(insert_target(sql), Some("t"), "{sql}");
        }
    }

    #[test]
    fn rule_1_everything_else_is_not() {
        for sql in [
            "",
            "INSERT",
            "INSERT INTO t",
            "INSERT INTO t VALUES ()",
            "INSERT INTO t VALUES (?",
            "INSERT INTO t VALUES (?) RETURNING a",
            "INSERT INTO t VALUES (?) ON CONFLICT DO UPDATE SET a = 1",
            "INSERT INTO t VALUES (?); DELETE FROM t",
            "INSERT INTO t VALUES ((SELECT 1 FROM u))",
            "INSERT INTO t VALUES (abs(1))",
            "INSERT INTO t VALUES (a)",
            "INSERT INTO t VALUES (?x)",
            "INSERT INTO t VALUES (1.5)",
            "INSERT INTO t VALUES ('x')",
            "INSERT INTO t SELECT * FROM u",
            "INSERT INTO t DEFAULT VALUES",
            "INSERT OR REPLACE INTO t VALUES (?)",
            "INSERT INTO main.t VALUES (?)",
            "INSERT INTO \"t\" VALUES (?)",
            "INSERT INTO t AS u VALUES (?)",
            "INSERT INTO t VALUES (?) -- comment",
            "INSERT INTO t/**/VALUES (?)",
            "INSERT INTO t$ VALUES (?)",
            "INSERT INTO t\u{e9} VALUES (?)",
            "INSERT INTO 1t VALUES (?)",
            "REPLACE INTO t VALUES (?)",
            "WITH a AS (SELECT 1) INSERT INTO t VALUES (?)",
        ] {
            assert_eq!(insert_target(sql), None, "{sql}");
        }
    }
}
