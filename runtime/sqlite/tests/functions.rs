//! The functions beside their references: Python's decimal, datetime, uuid and json modules
//! (`golden/functions.py` wrote the vectors), hostile arguments, and what they cost.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use dadbs_sqlite::{Connection, SqlFailure};
use dadbs_types::{Code, Value};

const VECTORS: &str = include_str!("golden/functions.txt");
const PLENTY: u64 = 1 << 40;

fn run(
    connection: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<(Vec<Value>, u64), SqlFailure> {
    let mut rows = Vec::new();
    let mut statement = connection.prepare_user(sql)?;
    let run = statement.run(params, PLENTY, &mut |row| {
        rows.extend(row.iter().map(|value| value.to_value()));
        Ok(())
    })?;
    Ok((rows, run.steps))
}

fn rows(connection: &Connection, sql: &str) -> Vec<Value> {
    run(connection, sql, &[]).unwrap_or_else(|why| panic!("{sql}: {why:?}")).0
}

fn rejection(connection: &Connection, sql: &str) -> (Code, String) {
    match run(connection, sql, &[]) {
        Err(SqlFailure::Rejected(why)) => (why.code, why.message),
        other => panic!("{sql}: {other:?}"),
    }
}

#[test]
fn every_vector_of_the_references_holds() {
    let connection = Connection::memory().unwrap();
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in VECTORS.lines() {
        count += 1;
        let (expression, expected) = line.split_once('\t').unwrap();
        if let Some(refused) = expression.strip_prefix('!') {
            let (code, message) = rejection(&connection, &format!("SELECT {refused}"));
            let part = expected.trim_matches('\'');
            if code != Code::SqlError || !message.contains(part) {
                wrong.push(format!("{refused}: {message}"));
            }
            continue;
        }
        let got = rows(&connection, &format!("SELECT quote({expression})"));
        if got != [expected.into()] {
            wrong.push(format!("{expression} is {got:?}, not {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count > 3_000, "{count}");
}

#[test]
fn what_is_no_decimal_is_refused_by_name() {
    let connection = Connection::memory().unwrap();
    let long = "1".repeat(39);
    let far = format!("0.{}", "1".repeat(39));
    let zeros = "0".repeat(100_000);
    for text in
        ["", "-", ".", "+.", "1e5", "1.2.3", " 1", "1 ", "abc", "--1", "0x1", "\u{0661}", "NaN"]
            .into_iter()
            .chain([long.as_str(), &far, &zeros])
    {
        let (code, message) = rejection(&connection, &format!("SELECT decimal('{text}')"));
        assert_eq!(code, Code::SqlError, "{text}");
        assert!(message.starts_with("decimal(): '") && message.len() < 200, "{message}");
    }
    for (call, part) in [
        ("decimal(1.5)", "REAL is not exact"),
        ("decimal(X'31')", "BLOB"),
        ("decimal_round('1', 39)", "scale"),
        ("decimal_round('1', -1)", "scale"),
        ("decimal_round('1', '2')", "scale"),
        ("decimal_div('1', '0.00', 2)", "division by zero"),
        ("decimal_valid('1', 39, 0)", "digits"),
        ("decimal_valid('1', 2, 3)", "more digits behind"),
        ("date_trunc('century', '2024-01-01')", "unit"),
        ("date_trunc('day', 'now')", "CURRENT_TIMESTAMP"),
        ("date_add('day', '1', '2024-01-01')", "INTEGER"),
        ("date_diff('day', 5, '2024-01-01')", "TEXT"),
    ] {
        let (code, message) = rejection(&connection, &format!("SELECT {call}"));
        assert_eq!(code, Code::SqlError, "{call}");
        assert!(message.contains(part), "{call}: {message}");
    }
    let nulls =
        "SELECT decimal(NULL), decimal_add('1', NULL), decimal_cmp(NULL, 'x'), uuid_str(NULL),
        date_add(NULL, 1, '2024-01-01'), decimal_valid(NULL, 1, 0)";
    assert_eq!(rows(&connection, nulls), vec![Value::Null; 6]);
}

#[test]
fn sums_are_exact_in_every_order_and_over_windows() {
    let connection = Connection::memory().unwrap();
    rows(&connection, "CREATE TABLE d1_t(id INTEGER PRIMARY KEY, v TEXT)");
    rows(
        &connection,
        "INSERT INTO d1_t VALUES (1, '0.1'), (2, '0.20'), (3, NULL), (4, '-5'), (5, '0.3')",
    );
    assert_eq!(rows(&connection, "SELECT decimal_sum(v) FROM d1_t"), ["-4.40".into()]);
    assert_eq!(rows(&connection, "SELECT decimal_sum(v) FROM d1_t WHERE id > 9"), [Value::Null]);
    assert_eq!(rows(&connection, "SELECT decimal_sum(v) FROM d1_t WHERE v IS NULL"), [Value::Null]);
    let window = "SELECT decimal_sum(v) OVER (ORDER BY id ROWS 1 PRECEDING) FROM d1_t ORDER BY id";
    let expected: Vec<Value> = ["0.1", "0.30", "0.20", "-5", "-4.7"].map(Value::from).into();
    assert_eq!(rows(&connection, window), expected, "a scale leaves with its rows");
    // 10^38 - 1 and 1 are too long together, whatever comes between; a failing row ends the statement.
    let most = "9".repeat(38);
    let sum = |values: &str| format!("SELECT decimal_sum(column1) FROM (VALUES {values})");
    let (code, _) = rejection(&connection, &sum(&format!("('{most}'), ('1')")));
    assert_eq!(code, Code::SqlError);
    assert_eq!(
        rows(&connection, &sum(&format!("('{most}'), ('1'), ('-1')"))),
        [most.as_str().into()],
        "only the total counts"
    );
}

#[test]
fn averages_are_exact_sums_rounded_once() {
    let connection = Connection::memory().unwrap();
    rows(&connection, "CREATE TABLE d1_t(id INTEGER PRIMARY KEY, v TEXT)");
    rows(
        &connection,
        "INSERT INTO d1_t VALUES (1, '0.1'), (2, '0.20'), (3, NULL), (4, '-5'), (5, '0.3')",
    );
    for (select, expected) in [
        ("decimal_avg(v, 2) FROM d1_t", "-1.10".into()),
        ("decimal_avg(v, 0) FROM d1_t WHERE id < 3", "0".into()),
        ("decimal_avg(v, 1) FROM d1_t WHERE id < 3", "0.2".into()),
        ("decimal_avg(-v, 1) FROM (SELECT 1 AS v UNION ALL SELECT 2)", "-1.5".into()),
        ("decimal_avg(-v, 0) FROM (SELECT 1 AS v UNION ALL SELECT 2)", "-2".into()),
        ("decimal_avg(v, 2) FROM d1_t WHERE id > 9", Value::Null),
        ("decimal_avg(v, 'x') FROM d1_t WHERE v IS NULL", Value::Null),
    ] {
        assert_eq!(rows(&connection, &format!("SELECT {select}")), [expected], "{select}");
    }
    let window =
        "SELECT decimal_avg(v, 2) OVER (ORDER BY id ROWS 1 PRECEDING) FROM d1_t ORDER BY id";
    let expected: Vec<Value> = ["0.10", "0.15", "0.20", "-5.00", "-2.35"].map(Value::from).into();
    assert_eq!(rows(&connection, window), expected, "a term leaves the count with its row");
    // A sum of 39 digits has an average.
    let most = "9".repeat(38);
    let average = |scale: &str| {
        format!("SELECT decimal_avg(column1, {scale}) FROM (VALUES ('{most}'), ('{most}'))")
    };
    assert_eq!(rows(&connection, &average("0")), [most.as_str().into()]);
    for wrong in ["1", "39", "-1", "NULL", "'2'"] {
        let (code, _) = rejection(&connection, &average(wrong));
        assert_eq!(code, Code::SqlError, "{wrong}");
    }
    let (_, message) =
        rejection(&connection, "SELECT decimal_avg(v, id) FROM d1_t WHERE id IN (1, 2)");
    assert!(message.contains("the scale is not the same in all rows"), "{message}");
}

#[test]
fn functions_stand_in_stored_definitions() {
    let connection = Connection::memory().unwrap();
    connection.set_clock(1_700_000_000_123);
    connection.batch("BEGIN").unwrap();
    rows(
        &connection,
        "CREATE TABLE d1_t(id TEXT PRIMARY KEY DEFAULT (uuid7()),
            price TEXT NOT NULL CHECK (decimal_valid(price, 12, 2)),
            at TEXT DEFAULT CURRENT_TIMESTAMP, month TEXT AS (date_trunc('month', at)) STORED) STRICT",
    );
    rows(&connection, "CREATE INDEX d1_by_price ON d1_t(decimal_key(price))");
    for price in ["10.00", "9.50", "-3.25", "1234567890.12"] {
        rows(&connection, &format!("INSERT INTO d1_t(price) VALUES ('{price}')"));
    }
    for wrong in
        ["'10'", "'10.0'", "'010.00'", "'+1.00'", "'-0.00'", "'12345678901.00'", "'x'", "''"]
    {
        let (code, _) =
            rejection(&connection, &format!("INSERT INTO d1_t(price) VALUES ({wrong})"));
        assert_eq!(code, Code::SqlConstraint, "{wrong}");
    }
    let prices = rows(&connection, "SELECT price FROM d1_t ORDER BY decimal_key(price)");
    let sorted: Vec<Value> = ["-3.25", "9.50", "10.00", "1234567890.12"].map(Value::from).into();
    assert_eq!(prices, sorted);
    assert_eq!(
        rows(&connection, "SELECT price FROM d1_t WHERE decimal_key(price) = decimal_key('9.5')"),
        ["9.50".into()]
    );
    assert_eq!(
        rows(&connection, "SELECT DISTINCT month FROM d1_t"),
        ["2023-11-01 00:00:00".into()]
    );
    for refused in
        ["CREATE INDEX d1_x ON d1_t(uuid7())", "CREATE TABLE d1_x(a, b AS (uuid()) STORED)"]
    {
        let (_, message) = rejection(&connection, refused);
        assert!(message.contains("non-deterministic"), "{message}");
    }
}

#[test]
fn uuids_follow_from_time_and_seed() {
    let connection = Connection::memory().unwrap();
    let draw = |seed: u8, time: i64| {
        connection.set_clock(time);
        connection.set_seed([seed; 32]);
        rows(&connection, "SELECT uuid(), uuid7(), uuid7()")
    };
    let first = draw(7, 1_700_000_000_123);
    assert_eq!(draw(7, 1_700_000_000_123), first);
    assert_ne!(draw(8, 1_700_000_000_123)[0], first[0]);
    let golden: Vec<Value> = GOLDEN_UUIDS.map(Value::from).into();
    assert_eq!(first, golden);
    let text = |value: &Value| match value {
        Value::Text(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    for (uuid, version) in first.iter().zip(["4", "7", "7"]) {
        let uuid = text(uuid);
        assert_eq!(&uuid[14..15], version, "{uuid}");
        assert!("89ab".contains(&uuid[19..20]), "{uuid}");
    }
    // 1,700,000,000,123 ms.
    assert!(text(&first[1]).starts_with("018bcfe5-687b-7000-8000-0"));
    // Across the transactions of a block they are ordered; the next block begins after them.
    connection.set_clock(1_700_000_000_123);
    let mut made = Vec::new();
    for transaction in 0..50 {
        connection.set_seed([transaction; 32]);
        for value in rows(&connection, "SELECT uuid7() FROM json_each('[1,2,3,4,5,6,7,8,9,10]')") {
            made.push(text(&value));
        }
    }
    connection.set_clock(1_700_000_000_124);
    made.extend(rows(&connection, "SELECT uuid7()").iter().map(text));
    assert!(made.is_sorted());
    assert_eq!(made.iter().collect::<BTreeSet<_>>().len(), 501);
    assert_eq!(made.last().unwrap()[..8], made[0][..8]);
}

const GOLDEN_UUIDS: [&str; 3] = [
    "b0163dc2-74a5-4680-9de7-92a9da2f3fdd",
    "018bcfe5-687b-7000-8000-01f999ccdfc6",
    "018bcfe5-687b-7000-8000-04728e3ad582",
];

/// Texts and bytes that are meant to hurt a JSON parser.
fn hostile() -> Vec<Value> {
    let deep = |n: usize, open: &str, close: &str| open.repeat(n) + &close.repeat(n);
    let mut all: Vec<Value> = vec![
        deep(900, "[", "]").into(),
        deep(1_001, "[", "]").into(),
        deep(100_000, "[", "]").into(),
        deep(100_000, "{\"a\":", "1}").into(),
        "[".repeat(500_000).into(),
        format!("[{}1]", "1,".repeat(200_000)).into(),
        format!("\"{}\"", "\\u0000".repeat(10_000)).into(),
        format!("{{{}\"z\":1}}", (0..20_000).map(|n| format!("\"k{n}\":{n},")).collect::<String>())
            .into(),
        format!("1{}", "0".repeat(100_000)).into(),
        "1e999999999".into(),
        "\"\\ud800\"".into(),
        "[1,2".into(),
        "{\"a\":1,\"a\":2}".into(),
        Value::Blob(vec![0xff; 100]),
        Value::Blob(vec![0xcb; 4_096]),
        Value::Blob(vec![]),
    ];
    // JSONB with lying sizes, from a small generator.
    let mut state = 88_172_645_463_325_252u64;
    for len in (1..200).step_by(3) {
        let bytes = (0..len).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            u8::try_from(state >> 56).unwrap()
        });
        let mut bytes: Vec<u8> = bytes.collect();
        bytes[0] = [0xc0, 0xd0, 0xe0, 0x20][len % 4] | [0x0b, 0x0c, 0x07][len % 3];
        all.push(Value::Blob(bytes));
    }
    all
}

#[test]
fn hostile_json_is_a_result_or_a_rejection_and_costs_what_it_costs() {
    let calls = [
        "json(?1)",
        "json_valid(?1)",
        "json_valid(?1, 8)",
        "json_type(?1)",
        "json_array_length(?1)",
        "json_extract(?1, '$')",
        "json_extract(?1, '$.a.a.a', '$[3]', '$[#-1]')",
        "?1 -> 0",
        "?1 ->> 'a'",
        "json_quote(?1)",
        "json_set(?1, '$.b', 1)",
        "json_remove(?1, '$[0]')",
        "json_patch(?1, ?1)",
        "json_pretty(?1)",
        "jsonb(?1)",
        "json(jsonb(?1))",
        "json_error_position(?1)",
        "(SELECT count(fullkey) FROM json_tree(?1))",
        "(SELECT max(value) FROM json_each(?1))",
        "(SELECT json_group_array(atom) FROM json_tree(?1))",
    ];
    let outcome = |connection: &Connection| {
        let mut all = Vec::new();
        for value in hostile() {
            for call in calls {
                let mut statement = connection.prepare_user(&format!("SELECT {call}")).unwrap();
                let start = Instant::now();
                let result =
                    statement.run(std::slice::from_ref(&value), 20_000_000, &mut |_| Ok(()));
                let took = start.elapsed();
                let steps = u32::try_from(statement.steps()).unwrap();
                // As in the test of the bombs: far above what an idle machine takes.
                let fair = Duration::from_micros(2) * (steps + 200_000);
                assert!(took < fair, "{call} of {} bytes: {took:?} for {steps}", value.len());
                assert!(u64::from(steps) >= value.len() as u64 / 16, "{call}: {steps}");
                all.push(match result {
                    Ok(run) => (run.steps, None),
                    Err(SqlFailure::Rejected(why)) => (u64::from(steps), Some(why.code)),
                    Err(SqlFailure::Steps(steps)) => (steps, None),
                    Err(why) => panic!("{call}: {why:?}"),
                });
            }
        }
        all
    };
    let first = outcome(&Connection::memory().unwrap());
    assert!(first.iter().any(|(_, code)| *code == Some(Code::SqlError)));
    let again = Connection::memory().unwrap();
    assert_eq!(outcome(&again), first);
    assert_eq!(outcome(&again), first, "statements kept");
}

#[test]
fn json_costs_more_with_more_paths_elements_and_labels() {
    let connection = Connection::memory().unwrap();
    let steps = |sql: &str, params: &[Value]| run(&connection, sql, params).unwrap().1;
    let array = |n: usize| Value::from(format!("[{}1]", "1,".repeat(n)));
    let paths = |n: usize| format!("SELECT json_extract(?1{})", ", '$[#-1]'".repeat(n));
    let (one, many) = (steps(&paths(1), &[array(10_000)]), steps(&paths(90), &[array(10_000)]));
    assert!(many > one + 80 * 10_000 / 16, "each path walks the array: {one} {many}");
    let each = "SELECT count(*) FROM json_each(?1)";
    assert!(steps(each, &[array(10_000)]) > 9 * steps(each, &[array(1_000)]));
    let object = |prefix: &str| {
        let members: Vec<String> = (0..2_000).map(|n| format!("\"{prefix}{n}\":1")).collect();
        Value::from(format!("{{{}}}", members.join(",")))
    };
    let patch = steps("SELECT json_patch(?1, ?2)", &[object("a"), object("b")]);
    assert!(patch > 2_000 * 2_000 * 2 / 16, "each label is compared with each: {patch}");
}

#[test]
fn json_costs_what_moves_and_what_is_read_again() {
    let connection = Connection::memory().unwrap();
    rows(&connection, "CREATE TABLE d1_n(id INTEGER PRIMARY KEY)");
    let numbers = "INSERT INTO d1_n WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n LIMIT 4000) SELECT i FROM n";
    run(&connection, numbers, &[]).unwrap();
    let steps = |sql: &str, params: &[Value]| run(&connection, sql, params).unwrap().1;
    // Each bracket that closes around 60,000 bytes becomes shorter in front of them.
    let nest = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        Value::from(format!("[{open}\"{}\"{close},\"{}\"]", "x".repeat(60_000), "y".repeat(9_000)))
    };
    let valid = "SELECT json_valid(?1)";
    let moved = steps(valid, &[nest(900)]) - steps(valid, &[nest(1)]);
    assert!(moved > 899 * 60_000 / 16 / 16, "{moved}");
    // So does each when it is edited: all of them become longer.
    let set = format!("SELECT length(json_set(?1, '${}', ?2))", "[0]".repeat(901));
    let edited = steps(&set, &[nest(900), "z".repeat(66_000).into()]);
    assert!(edited > 2 * moved, "{edited} {moved}");
    // For the path of the first row, what the path names is looked up from each bracket on.
    let path = |n: usize| {
        let label = "[".repeat(n);
        let params = [format!("{{\"{label}\":1}}").into(), format!("$.\"{label}\"").into()];
        steps("SELECT length(path) FROM json_tree(?1, ?2)", &params)
    };
    assert!(path(4_000) > 3 * path(2_000));
    // What leaves a window moves the rest; entries without a name are read for every row.
    let window = |n: usize| {
        let sql = format!(
            "SELECT count(g) FROM (SELECT json_group_object(NULL, 1) OVER (ORDER BY id) AS g FROM d1_n WHERE id<={n})"
        );
        steps(&sql, &[])
    };
    assert!(window(4_000) > 3 * window(2_000));
    for aggregate in ["json_group_array", "group_concat"] {
        let leaves = |frame: &str| {
            let keys = "SELECT iif(id=4000, 1000000, id) AS x FROM d1_n";
            let sql = format!(
                "SELECT sum(length(g)) FROM (SELECT {aggregate}('abcdefgh') OVER (ORDER BY x RANGE BETWEEN {frame}) AS g FROM ({keys}))"
            );
            steps(&sql, &[])
        };
        // The last row takes 3,999 into its frame; in the first statement 3,900 leave it again.
        let (some, none) = (
            leaves("996100 PRECEDING AND 990000 PRECEDING"),
            leaves("1000000 PRECEDING AND 990000 PRECEDING"),
        );
        assert!(some > none + 3_900 * 18_000 / 16 / 16, "{aggregate}: {some} {none}");
    }
}

#[test]
fn work_on_json_ends_soon_after_its_steps() {
    let connection = Connection::memory().unwrap();
    let (open, close) = ("[".repeat(900), "]".repeat(900));
    let nest = format!("[{open}\"{}\"{close},\"{}\"]", "x".repeat(60_000), "y".repeat(9_000));
    let long = "y".repeat(1_000_000);
    let members = |name: &str| {
        let all: Vec<String> =
            (0..20_000).map(|n| format!("\"{name}{n}\":{{\"b\":{n}}}")).collect();
        format!("{{{}}}", all.join(","))
    };
    for (sql, params) in [
        ("SELECT json(?1)", vec![nest.clone()]),
        ("SELECT json_valid(?1)", vec![nest.clone()]),
        ("SELECT count(*) FROM json_each(?1)", vec![nest]),
        ("SELECT length(json_set('{}', '$'||?2, ?1))", vec![long.clone(), ".a".repeat(990)]),
        ("SELECT length(json_set('[]', '$'||?2, ?1))", vec![long, "[0]".repeat(990)]),
        ("SELECT length(json_patch(?1, ?2))", vec![members("a"), members("b")]),
    ] {
        let params: Vec<Value> = params.into_iter().map(Value::from).collect();
        let mut statement = connection.prepare_user(sql).unwrap();
        let whole = statement.run(&params, PLENTY, &mut |_| Ok(())).unwrap().steps;
        // The bytes of the arguments are counted before the function begins.
        let bytes: usize = params.iter().map(Value::len).sum();
        let enough = bytes as u64 / 8;
        assert!(whole > 2 * enough, "{sql}: {whole} {enough}");
        match statement.run(&params, enough, &mut |_| Ok(())) {
            Err(SqlFailure::Steps(_)) => {}
            other => panic!("{sql}: {other:?}"),
        }
        let used = statement.steps();
        assert!(used < enough + whole / 4, "{sql}: {used} of {whole}, {enough} were given");
    }
}

#[test]
fn an_object_that_is_too_large_at_its_last_bracket_is_no_null() {
    let connection = Connection::memory().unwrap();
    let sql = "SELECT json_group_object(name, value) FROM (SELECT 'a' AS name, ?1 AS value UNION ALL SELECT 'b', ?2)";
    let params = |m: usize| [Value::from("x".repeat(1_048_500)), Value::from("y".repeat(m))];
    for m in 50..150 {
        match run(&connection, sql, &params(m)) {
            Ok((rows, _)) => assert!(matches!(&rows[0], Value::Text(_)), "{m}: {rows:?}"),
            Err(SqlFailure::Rejected(why)) => assert_eq!(why.code, Code::SqlTooLarge, "{m}"),
            Err(why) => panic!("{m}: {why:?}"),
        }
    }
}

#[test]
fn json_that_grows_beyond_a_value_is_too_large_and_no_fault() {
    let connection = Connection::memory().unwrap();
    rows(&connection, "CREATE TABLE d1_t(s TEXT)");
    // Each character becomes six.
    let text = Value::from("\u{1}".repeat(300_000));
    run(&connection, "INSERT INTO d1_t VALUES (?1), (?1), (?1), (?1)", &[text]).unwrap();
    for sql in [
        "SELECT length(json_group_array(a.s)) FROM d1_t a, d1_t b, d1_t c",
        "SELECT length(json_group_object(a.s, b.s)) FROM d1_t a, d1_t b",
        "SELECT length(json_array(s, s, s, s, s)) FROM d1_t",
        "SELECT length(json_quote(s)) FROM d1_t",
        "SELECT json_pretty('[1,2,3,4,5,6]', s) FROM d1_t",
    ] {
        let (code, message) = rejection(&connection, sql);
        assert_eq!(code, Code::SqlTooLarge, "{sql}: {message}");
    }
    assert_eq!(rows(&connection, "SELECT json_group_array(1) FROM d1_t"), ["[1,1,1,1]".into()]);
}
