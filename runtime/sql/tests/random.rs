//! Random statements and mutated texts, from seeds.

mod twin;

use rusqlite::types::Value;
use twin::{Outcome, Twins};

/// xorshift64*: the same texts on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap() % bound
    }

    fn pick<'a>(&mut self, items: &[&'a str]) -> &'a str {
        items[self.below(items.len())]
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const TABLES: &[&str] = &["t", "u", "w", "\"odd name\"", "T", "v"];
const COLUMNS: &[&str] = &["id", "n", "s", "ID", "\"n\"", "[s]", "rowid"];

/// Writes random statements over the tables of [`setup`].
struct Generator {
    random: Random,
    /// The names that expressions may use, innermost last.
    scopes: Vec<Vec<String>>,
    depth: usize,
}

impl Generator {
    fn column(&mut self) -> String {
        let column = self.random.pick(COLUMNS).to_owned();
        let scope = self.random.below(self.scopes.len().max(1));
        match self.scopes.get(scope).filter(|names| !names.is_empty()) {
            Some(names) if self.random.chance(60) => {
                let name = names[self.random.below(names.len())].clone();
                format!("{name}.{column}")
            }
            _ => column,
        }
    }

    fn expression(&mut self) -> String {
        self.depth += 1;
        let kind = if self.depth > 4 { self.random.below(3) } else { self.random.below(17) };
        let text = match kind {
            0 | 1 => self.column(),
            2 => self
                .random
                .pick(&[
                    "1", "0", "-3", "2.5", "'x'", "'it''s'", "x'41'", "NULL", "true", "?1", "?2",
                    "1e2",
                ])
                .to_owned(),
            3 | 4 => {
                let operator = self.random.pick(&[
                    "+",
                    "-",
                    "*",
                    "||",
                    "=",
                    "<>",
                    "<",
                    ">=",
                    "AND",
                    "OR",
                    "IS",
                    "IS NOT",
                    "&",
                    "==",
                    "!=",
                    "%",
                    "/",
                    "<<",
                    "IS DISTINCT FROM",
                ]);
                format!("{} {operator} {}", self.expression(), self.expression())
            }
            5 => format!("({})", self.expression()),
            6 => format!(
                "{}({})",
                self.random.pick(&["abs", "TYPEOF", "length", "\"lower\"", "max"]),
                self.expression()
            ),
            7 => format!(
                "{}({}, {})",
                self.random.pick(&["coalesce", "IFNULL", "nullif", "min"]),
                self.expression(),
                self.expression()
            ),
            8 => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                self.expression(),
                self.expression(),
                self.expression()
            ),
            9 => format!(
                "{} {}IN ({}, {})",
                self.expression(),
                self.random.pick(&["", "NOT "]),
                self.expression(),
                self.expression()
            ),
            10 => format!(
                "{} BETWEEN {} AND {}",
                self.expression(),
                self.expression(),
                self.expression()
            ),
            11 => format!("({})", self.select(1)),
            12 => format!("{}EXISTS ({})", self.random.pick(&["", "NOT "]), self.select(2)),
            13 => format!("{} IN ({})", self.column(), self.select(1)),
            14 => format!("{}{}", self.random.pick(&["-", "NOT ", "~", "+"]), self.column()),
            15 => format!(
                "CAST({} AS {})",
                self.expression(),
                self.random.pick(&["TEXT", "INTEGER", "DECIMAL(4, 1)"])
            ),
            _ => format!(
                "{} {}",
                self.column(),
                self.random.pick(&[
                    "ISNULL",
                    "NOT NULL",
                    "NOTNULL",
                    "COLLATE NOCASE",
                    "LIKE 'x%'",
                    "GLOB '*'"
                ])
            ),
        };
        self.depth -= 1;
        text
    }

    fn term(&mut self, names: &mut Vec<String>) -> String {
        if self.depth < 3 && self.random.chance(15) {
            let name = self.random.pick(&["q", "t", "r"]).to_owned();
            let inner = self.select(3);
            names.push(name.clone());
            return format!("({inner}) {}{name}", self.random.pick(&["AS ", ""]));
        }
        let table = self.random.pick(TABLES).to_owned();
        if self.random.chance(40) {
            let alias = self.random.pick(&["a", "b", "t", "\"x y\"", "d2_t"]).to_owned();
            names.push(alias.clone());
            format!("{table} {}{alias}", self.random.pick(&["AS ", ""]))
        } else {
            names.push(table.clone());
            table
        }
    }

    /// A query with this many result columns (2 may also be a star).
    fn select(&mut self, columns: usize) -> String {
        self.depth += 1;
        let mut names = Vec::new();
        let mut from = self.term(&mut names);
        for _ in 0..self.random.below(3).min(3 - self.depth.min(3)) {
            let join = self.random.pick(&[
                ", ",
                " JOIN ",
                " LEFT JOIN ",
                " CROSS JOIN ",
                " NATURAL JOIN ",
                " FULL OUTER JOIN ",
            ]);
            from = format!("{from}{join}{}", self.term(&mut names));
            self.scopes.push(names.clone());
            if !join.contains("NATURAL") && join != ", " && self.random.chance(60) {
                from = format!("{from} ON {}", self.expression());
            }
            self.scopes.pop();
        }
        self.scopes.push(names);
        let mut list = Vec::new();
        for _ in 0..columns {
            let alias = match self.random.below(6) {
                0 => " AS k",
                1 => " \"l m\"",
                _ => "",
            };
            list.push(format!(
                "{}{}{alias}",
                self.random.pick(&["", " ", "\n "]),
                self.expression()
            ));
        }
        if columns == 2 && self.random.chance(30) {
            list = vec!["*".to_owned()];
        }
        let mut text =
            format!("SELECT {}{}", self.random.pick(&["", "", "DISTINCT "]), list.join(","));
        text = format!("{text} FROM {from}");
        if self.random.chance(50) {
            text = format!("{text} WHERE {}", self.expression());
        }
        if self.random.chance(15) {
            text = format!("{text} GROUP BY {}", self.expression());
        }
        if self.depth == 1 && columns == 1 && self.random.chance(15) {
            let operator = self.random.pick(&["UNION", "UNION ALL", "EXCEPT", "INTERSECT"]);
            let second = self.select(1);
            text = format!("{text} {operator} {second}");
        }
        if self.random.chance(25) {
            text = format!(
                "{text} ORDER BY {}",
                self.random.pick(&["1", "1 DESC", "1 NULLS LAST", "rowid"])
            );
        }
        if self.random.chance(15) {
            text = format!("{text} LIMIT {}", self.random.pick(&["2", "1, 2", "2 OFFSET 1", "?1"]));
        }
        self.scopes.pop();
        self.depth -= 1;
        text
    }

    fn with(&mut self) -> String {
        if !self.random.chance(20) {
            return String::new();
        }
        let name = self.random.pick(&["c", "T", "d2_t"]);
        let other = self.random.pick(&["e", "\"odd name\""]);
        let columns = self.random.pick(&["", "(id, n)"]);
        let (first, second) = (self.select(2), self.select(1));
        format!("WITH {name}{columns} AS ({first}), {other} AS ({second}) ")
    }

    fn returning(&mut self, table: &str) -> String {
        if !self.random.chance(40) {
            return String::new();
        }
        self.scopes.push(vec![table.to_owned()]);
        let text = format!(
            " RETURNING {}, {}",
            self.random.pick(&["*", "id", "rowid"]),
            self.expression()
        );
        self.scopes.pop();
        text
    }

    fn statement(&mut self) -> String {
        let with = self.with();
        match self.random.below(10) {
            0..5 => {
                let columns = 1 + self.random.below(3);
                format!("{with}{}", self.select(columns))
            }
            5 => {
                let verb = self.random.pick(&[
                    "INSERT",
                    "INSERT OR IGNORE",
                    "REPLACE",
                    "INSERT OR REPLACE",
                ]);
                let select = self.select(2);
                format!("{with}{verb} INTO t(n, s) {select}{}", self.returning("t"))
            }
            6 => {
                self.scopes.push(vec!["t".to_owned(), "excluded".to_owned()]);
                let (set, condition) = (self.expression(), self.expression());
                self.scopes.pop();
                let id = self.random.below(30);
                format!(
                    "INSERT INTO t(id, n) VALUES ({id}, {id}) ON CONFLICT(id) DO UPDATE SET n = {set} WHERE {condition}{}",
                    self.returning("t")
                )
            }
            7 => {
                let (target, alias) =
                    if self.random.chance(30) { ("u AS y", "y") } else { ("u", "u") };
                self.scopes.push(vec![alias.to_owned()]);
                let (set, condition) = (self.expression(), self.expression());
                self.scopes.pop();
                format!(
                    "{with}UPDATE OR IGNORE {target} SET n = {set} WHERE {condition}{}",
                    self.returning("u")
                )
            }
            8 => {
                self.scopes.push(vec!["w".to_owned()]);
                let condition = self.expression();
                self.scopes.pop();
                format!("{with}DELETE FROM w WHERE {condition} AND n = 3{}", self.returning("w"))
            }
            _ => self.definition(),
        }
    }

    fn definition(&mut self) -> String {
        let at = self.random.below(4);
        match self.random.below(7) {
            0 => format!(
                "CREATE TABLE IF NOT EXISTS x{at}(id INTEGER PRIMARY KEY, n INT CHECK (x{at}.n IS NOT 5), s REFERENCES t(id) ON DELETE SET NULL)"
            ),
            1 => format!("DROP TABLE IF EXISTS x{at}"),
            2 => format!(
                "CREATE INDEX i{at} ON {}(n, lower(s))",
                self.random.pick(&["t", "u", "x1", "x2"])
            ),
            3 => format!("DROP INDEX i{at}"),
            4 => format!("CREATE VIEW y{at} AS {}", self.select(2)),
            5 => format!("DROP VIEW y{at}"),
            _ => format!("ALTER TABLE x{at} RENAME TO x{}", self.random.below(4)),
        }
    }
}

fn setup(twins: &Twins) {
    for text in [
        "CREATE TABLE t(id INTEGER PRIMARY KEY, n INT, s TEXT)",
        "CREATE TABLE u(id INTEGER PRIMARY KEY, n, s TEXT COLLATE NOCASE) ",
        "CREATE TABLE w(id INT, n INT, s TEXT)",
        "CREATE TABLE \"odd name\"(id INT, n INT, s TEXT)",
        "CREATE VIEW v AS SELECT t.id, n, t.s FROM t WHERE n > 1",
        "INSERT INTO t VALUES (1, 1, 'x'), (2, 2, NULL), (3, 3, 'X y')",
        "INSERT INTO u VALUES (1, 2, 'it''s'), (4, NULL, 'X')",
        "INSERT INTO w VALUES (1, 3, 'a'), (1, 3, 'b'), (2, 5, 'c')",
        "INSERT INTO \"odd name\" VALUES (3, 1, 'x')",
    ] {
        let (plain, physical) = twins.run(text, &[]).unwrap();
        assert_eq!(plain, physical);
        assert!(matches!(plain, Outcome::Rows(..)), "{text}");
    }
}

/// Outcomes are equal, but for texts of errors, which may name an alias or a physical table.
fn same(plain: &Outcome, physical: &Outcome) -> bool {
    match (plain, physical) {
        (Outcome::Failed(a, _), Outcome::Failed(b, _)) => a == b,
        (a, b) => a == b,
    }
}

fn differential(seed: u64, statements: usize) {
    let values = [Value::Integer(2), Value::Text("x".into())];
    let random = Random(seed);
    let mut generator = Generator { random, scopes: Vec::new(), depth: 0 };
    let mut twins = Twins::new();
    setup(&twins);
    let (mut succeeded, mut rejected, mut hidden) = (0, 0, 0);
    for at in 0..statements {
        if at % 100 == 99 {
            let (plain, physical) = twins.contents();
            assert_eq!(plain, physical);
            twins = Twins::new();
            setup(&twins);
        }
        let text = generator.statement();
        match twins.run(&text, &values) {
            // A name in RETURNING that an inner FROM term hides: the one documented difference.
            Ok((Outcome::Rows(..), Outcome::Failed(1, message)))
                if text.contains("RETURNING") && message.starts_with("no such column") =>
            {
                hidden += 1;
                twins = Twins::new();
                setup(&twins);
            }
            Ok((plain, physical)) => {
                let printed = || twins.prepare(&text).map(|statement| statement.physical);
                assert!(
                    same(&plain, &physical),
                    "statement {at} of seed {seed}\n{text}\n{:?}\n{plain:?}\n{physical:?}",
                    printed()
                );
                succeeded += usize::from(matches!(plain, Outcome::Rows(..)));
            }
            Err(_) => rejected += 1,
        }
    }
    assert!(succeeded * 10 > statements * 4, "{succeeded} succeeded of {statements}");
    assert!(hidden * 200 <= statements, "{hidden} hidden of {statements}");
    assert!(rejected * 10 < statements, "{rejected} rejected of {statements}");
}

#[test]
fn random_statements_do_the_same() {
    differential(0x5EED, 6_000);
}

#[test]
#[ignore = "slow: 200,000 random statements"]
fn many_random_statements_do_the_same() {
    for seed in 1..=20 {
        differential(seed * 0x9E37_79B9, 10_000);
    }
}

/// One to four changes of a text: bytes, words, and pieces of other texts.
fn mutate(random: &mut Random, texts: &[&str]) -> String {
    const PIECES: &[&str] = &[
        "(",
        ")",
        ",",
        ".",
        ";",
        "'",
        "\"",
        "[",
        "]",
        "`",
        "--",
        "/*",
        "*/",
        "?",
        "?1",
        ":a",
        "*",
        "d2_secret",
        "main.",
        "chain.",
        "AS",
        "SELECT",
        "FROM",
        "IN",
        "t",
        "\u{0}",
        "\u{e9}",
        "x'",
        "0x",
        "1e",
        "NOT",
        "OVER",
        "WINDOW",
        "FILTER",
        "WITH",
        "RECURSIVE",
        "ON CONFLICT",
        "RETURNING",
        "INDEXED BY",
        "->>",
        "CASE",
        "END",
    ];
    let mut text = random.pick(texts).to_owned();
    for _ in 0..=random.below(2) {
        let cut = |random: &mut Random, text: &str| {
            let mut at = random.below(text.len() + 1);
            while !text.is_char_boundary(at) {
                at -= 1;
            }
            at
        };
        let (a, b) = (cut(random, &text), cut(random, &text));
        let (from, to) = (a.min(b), a.max(b).min(a.min(b) + 12).min(text.len()));
        if !text.is_char_boundary(to) {
            continue;
        }
        match random.below(5) {
            0 => text.replace_range(from..to, ""),
            1 => text.insert_str(from, &format!(" {} ", random.pick(PIECES))),
            2 => text.insert_str(from, random.pick(PIECES)),
            3 => {
                let piece = text[from..to].to_owned();
                let at = cut(random, &text);
                text.insert_str(at, &piece);
            }
            _ => {
                let other = random.pick(texts);
                let at = cut(random, other);
                text = format!("{} {}", &text[..from], &other[at..]);
            }
        }
    }
    text
}

/// No mutated text panics, and each that is accepted compiles exactly when plain SQLite compiles it,
/// with the same column names.
fn mutations(seed: u64, count: usize) {
    let texts: Vec<&str> = include_str!("statements.sql")
        .lines()
        // Plain SQLite finds the attached chain's table without its schema.
        .filter(|line| !line.starts_with("--") && !line.contains("accounts"))
        .map(|line| line.trim_start_matches('!'))
        .collect();
    let twins = Twins::new();
    let tables = include_str!("statements.sql").split("-- Changes of tables").next().unwrap_or("");
    for line in tables.lines().filter(|line| !line.starts_with(['-', '!'])) {
        let _ = twins.run(line, &[]);
    }
    let mut random = Random(seed);
    let (mut accepted, mut compiled) = (0, 0);
    let mut wrong = Vec::new();
    for _ in 0..count {
        let text = mutate(&mut random, &texts);
        let statement = match twins.prepare(&text) {
            Ok(statement) => statement,
            Err(rejection) => {
                assert!(!rejection.message.contains("gave up"), "panic: {text}");
                continue;
            }
        };
        accepted += 1;
        let names = |connection: &rusqlite::Connection, text: &str| {
            let statement = connection.prepare(text).ok()?;
            Some(statement.column_names().map(ToString::to_string).collect::<Vec<_>>())
        };
        let plain = names(&twins.plain, &text);
        let physical = names(&twins.physical, &statement.physical);
        if plain != physical {
            wrong.push(format!("{text}\n  {}\n  {plain:?}\n  {physical:?}", statement.physical));
        }
        compiled += usize::from(plain.is_some());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(accepted * 20 > count && compiled * 50 > count, "{accepted}, {compiled} of {count}");
}

#[test]
fn mutated_texts_neither_panic_nor_change_their_meaning() {
    mutations(0xF00D, 100_000);
}

#[test]
#[ignore = "slow: 2,000,000 mutated texts"]
fn many_mutated_texts_neither_panic_nor_change_their_meaning() {
    for seed in 1..=20 {
        mutations(seed * 0x9E37_79B9, 100_000);
    }
}
