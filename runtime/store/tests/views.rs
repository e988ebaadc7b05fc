//! Views cannot grow beyond what a statement may read.

mod support;

use dadbs_store::Store;
use dadbs_types::{Code, limits};
use support::*;

/// A view of `count` times another table or view.
fn view(name: &str, of: &str, count: usize) -> String {
    let terms: Vec<String> = (0..count).map(|n| format!("{of} AS x{n}")).collect();
    format!("CREATE VIEW {name} AS SELECT 1 AS a FROM {}", terms.join(", "))
}

#[test]
fn views_that_are_made_before_what_they_name_stay_inside_the_limit() {
    let mut store = Store::memory().unwrap();
    begin(&mut store);
    exec(&mut store, "CREATE TABLE t (a)");
    let levels: usize = std::env::var("LEVELS").map_or(3, |l| l.parse().unwrap());
    for level in 1..levels {
        let _ = run(&mut store, &view(&format!("v{level}"), &format!("v{}", level + 1), 16), &[]);
    }
    exec(&mut store, &view(&format!("v{levels}"), "t", 16));
    let start = std::time::Instant::now();
    let read = run(&mut store, "SELECT a FROM v1 LIMIT 1", &[]);
    println!("{:?} {:?}", start.elapsed(), read.as_ref().map(|_| ()));
    assert_eq!(code(read), Code::SqlTooLarge);
    let _ = limits::SQL_FROM_TERMS_MAX;
}
