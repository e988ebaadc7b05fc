//! The statement that most calls run, recognised without the host.
//!
//! 1. `INSERT INTO name [(name, ...)] VALUES (value, ...)[, ...]` where a name is a plain identifier and
//!    a value is `?`, `?` with digits, an integer or NULL. Nothing else: no quotes, no comments, no
//!    brackets within brackets, no OR, SELECT, ON CONFLICT, RETURNING or second statement.
//! 2. Such a statement has one access, an insert into the table of that name.
//! 3. What is not recognised is inspected by the host: this module never refuses.

/// The table of a plain insert (rule 1).
pub(crate) fn insert_target(sql: &str) -> Option<&str> {
    let mut text = Text { rest: sql.as_bytes() };
    text.word(b"insert")?;
    text.word(b"into")?;
    let table = text.name()?;
    if text.symbol(b'(') {
        text.list(|text| text.name().map(drop))?;
    }
    text.word(b"values")?;
    loop {
        if !text.symbol(b'(') {
            return None;
        }
        text.list(Text::value)?;
        if !text.symbol(b',') {
            break;
        }
    }
    // One semicolon may end it.
    text.symbol(b';');
    text.skip();
    if text.rest.is_empty() { core::str::from_utf8(table).ok() } else { None }
}

/// Text that is read from the left, byte by byte.
struct Text<'a> {
    rest: &'a [u8],
}

impl<'a> Text<'a> {
    fn skip(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn symbol(&mut self, symbol: u8) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(&[symbol]);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    /// The longest run of ASCII letters, digits and underscores; `None` before anything else.
    fn run(&mut self) -> Option<&'a [u8]> {
        self.skip();
        let ends = |byte: &u8| !byte.is_ascii_alphanumeric() && *byte != b'_';
        let end = self.rest.iter().position(ends).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at_checked(end)?;
        // A letter beyond ASCII or a dollar sign would continue the name.
        let continues = rest.first().is_some_and(|next| *next == b'$' || !next.is_ascii());
        self.rest = rest;
        if run.is_empty() || continues { None } else { Some(run) }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.run()?.eq_ignore_ascii_case(word).then_some(())
    }

    fn name(&mut self) -> Option<&'a [u8]> {
        self.run().filter(|name| !name.first().is_some_and(u8::is_ascii_digit))
    }

    fn value(&mut self) -> Option<()> {
        let placeholder = self.symbol(b'?');
        if placeholder && !self.rest.first().is_some_and(u8::is_ascii_digit) {
            return Some(());
        }
        let run = self.run()?;
        let digits = run.iter().all(u8::is_ascii_digit);
        (digits || !placeholder && run.eq_ignore_ascii_case(b"null")).then_some(())
    }

    /// Items with commas between them, then the closing bracket.
    fn list(&mut self, item: impl Fn(&mut Text<'a>) -> Option<()>) -> Option<()> {
        loop {
            item(self)?;
            if self.symbol(b')') {
                return Some(());
            }
            if !self.symbol(b',') {
                return None;
            }
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
