//! The printed text does what the user's text does in plain SQLite: rows, names, errors.

mod twin;

use rusqlite::types::Value;
use twin::{Outcome, Twins};

/// One statement per line, run in order; `!` marks those that fail on both sides.
const TABLE: &str = include_str!("statements.sql");

#[test]
fn the_table_of_statements_gives_equal_rows_names_and_errors() {
    let twins = Twins::new();
    let values: Vec<Value> =
        vec![Value::Integer(1), Value::Text("x".into()), Value::Integer(3), Value::Null];
    let mut count = 0;
    let mut wrong = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with("--")) {
        let (fails, text) = line.strip_prefix('!').map_or((false, line), |text| (true, text));
        count += 1;
        match twins.run(text, &values) {
            Err(rejection) => wrong.push(format!("{text}\n  rejected: {rejection}")),
            Ok((plain, physical)) => {
                let failed = matches!(plain, Outcome::Failed(..));
                if plain != physical || failed != fails {
                    let printed = twins.prepare(text).unwrap().physical;
                    wrong.push(format!("{text}\n  {printed}\n  {plain:?}\n  {physical:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(count >= 150, "only {count} statements");
    let (plain, physical) = twins.contents();
    assert_eq!(plain, physical);
    assert!(plain.len() > 5);
}

#[test]
fn every_offered_function_is_a_builtin_of_sqlite() {
    let page = dadbs_sql::document();
    let rows = page.split("## Functions").nth(1).unwrap().split("## Limits").next().unwrap();
    let names: Vec<&str> = rows
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| kind"))
        .flat_map(|line| line.split('|').nth(2).unwrap().split(','))
        .map(str::trim)
        .collect();
    assert!(names.len() > 80);
    let twins = Twins::new();
    for name in names {
        let found: i64 = twins
            .plain
            .query_row("SELECT count(*) FROM pragma_function_list WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .unwrap();
        // `if`, `coalesce` and the like are compiled inline, but listed all the same.
        assert!(found > 0, "{name}");
    }
}
