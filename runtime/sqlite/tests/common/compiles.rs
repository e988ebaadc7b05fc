//! Statements whose compiling is long for their text.
#![allow(clippy::too_many_lines, reason = "a table")]

/// Tables that make it long.
pub(crate) fn setup() -> Vec<String> {
    let columns = |count: u32| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    let mut setup = vec![
        format!("CREATE TABLE d1_w({})", columns(250)),
        "CREATE TABLE d1_t(a INTEGER PRIMARY KEY, b, c, d)".to_owned(),
        format!("CREATE TABLE d1_i({})", columns(60)),
        format!("CREATE TABLE d1_k(a, CHECK (a{}))", " + a".repeat(190)),
        "CREATE TABLE d1_p(a INTEGER PRIMARY KEY)".to_owned(),
    ];
    setup.extend((0..300).map(|n| {
        format!(
            "CREATE INDEX d1_i{n} ON d1_i(c{}, c{}, c{})",
            n % 60,
            (n * 7 + 1) % 60,
            n * 11 % 59
        )
    }));
    setup.extend((0..100).map(|n| {
        format!("CREATE TABLE d1_p{n}(a REFERENCES d1_p ON DELETE CASCADE ON UPDATE CASCADE)")
    }));
    setup.push("CREATE VIEW d1_v0 AS SELECT a, b || c AS b, c, d FROM d1_t WHERE a > 0".into());
    setup.extend((1..12).map(|n| {
        format!(
            "CREATE VIEW d1_v{n} AS SELECT a, b || c AS b, c, d FROM d1_v{} WHERE a > {n}",
            n - 1
        )
    }));
    setup
}

fn list(count: u32, separator: &str, item: impl Fn(u32) -> String) -> String {
    (0..count).map(item).collect::<Vec<_>>().join(separator)
}

/// A balanced tree of operators, which no limit of depth stops.
fn tree(items: &[String], operator: &str) -> String {
    match items {
        [] => "1".into(),
        [one] => one.clone(),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            format!("({} {operator} {})", tree(left, operator), tree(right, operator))
        }
    }
}

/// A name and a text.
pub(crate) fn statements() -> Vec<(&'static str, String)> {
    let doubled = |depth| {
        (0..depth).fold("SELECT 'x' AS s".to_owned(), |inner, _| {
            format!("SELECT s || s AS s FROM ({inner})")
        })
    };
    let terms = |count, item: &dyn Fn(u32) -> String, operator| {
        tree(&(0..count).map(item).collect::<Vec<_>>(), operator)
    };
    vec![
        ("one row", "INSERT INTO d1_t VALUES (?1, ?2, ?3, ?4)".into()),
        ("point query", "SELECT * FROM d1_t WHERE a = ?1".into()),
        ("doublings", doubled(11)),
        (
            "aliases",
            format!(
                "SELECT 1{} AS x FROM d1_t WHERE x NOT IN ({} 0)",
                "+1".repeat(90),
                "x,".repeat(90)
            ),
        ),
        ("join of 32", format!("SELECT 1 FROM {}", list(32, ", ", |n| format!("d1_t t{n}")))),
        (
            "join of 32 by keys",
            format!(
                "SELECT 1 FROM {} WHERE {}",
                list(32, ", ", |n| format!("d1_t t{n}")),
                list(31, " AND ", |n| format!("t{n}.b = t{}.a", n + 1))
            ),
        ),
        (
            "join of 32, all equal",
            format!(
                "SELECT 1 FROM {} WHERE {} ORDER BY t1.b, t2.b, t3.c, t4.d",
                list(32, ", ", |n| format!("d1_t t{n}")),
                terms(1_500, &|n| format!("t{}.b=t{}.c", n % 32, n * 7 % 31), "AND")
            ),
        ),
        (
            "join of 12 with indexes",
            format!(
                "SELECT 1 FROM {} WHERE {} ORDER BY {}",
                list(12, ", ", |n| format!("d1_i t{n}")),
                terms(
                    400,
                    &|n| format!("t{}.c{}=t{}.c{}", n % 12, n % 60, n * 5 % 11, n * 7 % 60),
                    "AND"
                ),
                list(20, ", ", |n| format!("t{}.c{n}", n % 12)),
            ),
        ),
        (
            "indexes and terms",
            format!(
                "SELECT 1 FROM d1_i WHERE {}",
                terms(4_000, &|n| format!("c{}={n}", n % 60), "AND")
            ),
        ),
        (
            "indexes and ORs",
            format!(
                "SELECT 1 FROM d1_i, d1_t WHERE {}",
                terms(2_000, &|n| format!("c{}={n}", n % 60), "OR")
            ),
        ),
        (
            "ORs of ANDs",
            format!(
                "SELECT 1 FROM d1_i x, d1_i y WHERE {}",
                terms(
                    60,
                    &|n| format!(
                        "({})",
                        terms(20, &|m| format!("x.c{}=y.c{}", (n + m) % 60, m), "OR")
                    ),
                    "AND"
                )
            ),
        ),
        (
            "IN list",
            format!("SELECT 1 FROM d1_t WHERE b IN ({})", list(12_000, ",", |n| n.to_string())),
        ),
        (
            "many IN lists",
            format!(
                "SELECT 1 FROM d1_t WHERE {}",
                terms(900, &|n| format!("b IN ({n},{},c)", n + 1), "AND")
            ),
        ),
        (
            "IN subqueries",
            format!(
                "SELECT 1 FROM d1_t WHERE {}",
                terms(200, &|n| format!("b IN (SELECT c FROM d1_t WHERE d={n})"), "AND")
            ),
        ),
        ("constant functions", format!("SELECT {}", terms(5_000, &|n| format!("abs({n})"), "+"))),
        ("aggregates", format!("SELECT {} FROM d1_t", terms(250, &|n| format!("sum(b+{n})"), "+"))),
        (
            "same aggregate",
            format!("SELECT {} FROM d1_t", terms(3_000, &|_| "sum(b+1)".into(), "+")),
        ),
        (
            "windows",
            format!(
                "SELECT {} FROM d1_t",
                terms(150, &|n| format!("sum(a)OVER(ORDER BY b+{n})"), "+")
            ),
        ),
        (
            "names of wide tables",
            format!(
                "SELECT {} FROM {}",
                terms(4_000, &|n| format!("x.c{}", n % 250), "+"),
                list(32, ", ", |n| if n == 0 { "d1_w x".into() } else { format!("d1_w w{n}") })
            ),
        ),
        (
            "names through scopes",
            (0..40).fold(
                format!("SELECT {}", terms(2_000, &|_| "c249".into(), "+")),
                |inner, n| {
                    if n == 39 {
                        format!("SELECT ({inner}) FROM d1_w")
                    } else {
                        format!("SELECT ({inner}) FROM d1_t t{n}")
                    }
                },
            ),
        ),
        (
            "natural joins",
            format!(
                "SELECT 1 FROM d1_w w0 {}",
                list(31, " ", |n| format!("NATURAL JOIN d1_w w{}", n + 1))
            ),
        ),
        (
            "all columns",
            format!(
                "SELECT 1 FROM {}",
                list(60, ", ", |_| "(SELECT * FROM d1_w)".into())
                    .replace(", (SELECT", " JOIN (SELECT")
            ),
        ),
        ("compounds", list(60, " UNION ", |_| "SELECT * FROM d1_w".into()) + " ORDER BY 1, 2, 3"),
        (
            "order by expressions",
            format!("SELECT {0} FROM d1_w ORDER BY {0}", list(250, ", ", |n| format!("c{n}+1"))),
        ),
        (
            "constants everywhere",
            format!(
                "SELECT 1 FROM d1_w WHERE {} AND {}",
                list(100, " AND ", |n| format!("c{n}={n}")),
                terms(3_000, &|n| format!("c{}<c{}", n % 250, n * 7 % 250), "AND")
            ),
        ),
        ("insert with many indexes", "INSERT INTO d1_i(c0) VALUES (1)".into()),
        (
            "update with many indexes",
            format!("UPDATE d1_i SET {}", list(60, ", ", |n| format!("c{n}=c{n}+1"))),
        ),
        ("checks", "INSERT INTO d1_k VALUES (1)".into()),
        ("cascades", "DELETE FROM d1_p WHERE a = 1".into()),
        ("cascades of updates", "UPDATE d1_p SET a = a + 1".into()),
        ("views of views", "SELECT b FROM d1_v11".into()),
        (
            "views joined",
            format!("SELECT 1 FROM {}", list(20, ", ", |n| format!("d1_v{} x{n}", n % 12))),
        ),
        (
            "common tables",
            format!(
                "WITH x AS (SELECT {} AS a FROM d1_t) SELECT 1 FROM {}",
                terms(300, &|n| format!("b+{n}"), "+"),
                list(30, ", ", |n| format!("x x{n}"))
            ),
        ),
        (
            "case",
            format!(
                "SELECT CASE a {} END FROM d1_t",
                list(4_000, " ", |n| format!("WHEN {n} THEN {n}"))
            ),
        ),
        (
            "values",
            format!("INSERT INTO d1_t VALUES {}", list(4_000, ",", |n| format!("({n},1,2,3)"))),
        ),
        (
            "exists",
            format!(
                "SELECT 1 FROM d1_t x WHERE {}",
                terms(
                    120,
                    &|n| format!("EXISTS (SELECT 1 FROM d1_i y WHERE y.c{}=x.b)", n % 60),
                    "AND"
                )
            ),
        ),
        (
            "left joins",
            format!(
                "SELECT 1 FROM d1_t t0 {}",
                list(31, " ", |n| format!("LEFT JOIN d1_t t{} ON t{}.a=t{n}.b", n + 1, n + 1))
            ),
        ),
    ]
}
