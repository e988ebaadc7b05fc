//! The printed text does what the user's text does in plain SQLite: rows, names, errors.

mod twin;

use dadbs_types::functions::{ADDED, FUNCTIONS};
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
fn every_offered_function_is_a_builtin_of_sqlite_or_named_as_ours() {
    let names = FUNCTIONS.iter().flat_map(|(_, names)| *names);
    let twins = Twins::new();
    for name in names {
        let found: i64 = twins
            .plain
            .query_row("SELECT count(*) FROM pragma_function_list WHERE name = ?1", [name], |row| {
                row.get(0)
            })
            .unwrap();
        // `if`, `coalesce` and the like are compiled inline, but listed all the same.
        assert_eq!(found == 0, ADDED.contains(name), "{name}");
    }
}
