//! The tables that a view expands to are counted when it is made, and the count stays true.

mod support;

use dadbs_store::Store;
use dadbs_types::Code;
use support::*;

/// A view of `count` times another table or view.
fn view(name: &str, of: &str, count: usize) -> String {
    let terms: Vec<String> = (0..count).map(|n| format!("{of} AS x{n}")).collect();
    format!("CREATE VIEW {name} AS SELECT 1 AS a FROM {}", terms.join(", "))
}

#[test]
fn rule_8_a_view_is_not_made_before_what_it_names() {
    let mut store = Store::memory().unwrap();
    begin(&mut store);
    exec(&mut store, "CREATE TABLE t (a)");
    // Else each would be counted as 8 tables, and SQLite would expand the first to 8 * 8 * 8 ones.
    assert_eq!(code(run(&mut store, &view("v1", "v2", 8), &[])), Code::SqlRefused);
    exec(&mut store, &view("v2", "t", 8));
    exec(&mut store, &view("v1", "v2", 8));
    assert_eq!(code(run(&mut store, &view("v0", "v1", 8), &[])), Code::SqlTooLarge);
    end(&mut store);
}

#[test]
fn rule_8_a_view_does_not_grow_behind_another_one() {
    let mut store = Store::memory().unwrap();
    begin(&mut store);
    exec(&mut store, "CREATE TABLE t (a)");
    exec(&mut store, &view("small", "t", 1));
    exec(&mut store, &view("wide", "small", 32));
    assert_eq!(code(run(&mut store, "DROP VIEW small", &[])), Code::SqlRefused);
    exec(&mut store, "DROP VIEW wide");
    exec(&mut store, "DROP VIEW small");
    exec(&mut store, &view("small", "t", 10));
    assert_eq!(code(run(&mut store, &view("wide", "small", 30), &[])), Code::SqlTooLarge);
    exec(&mut store, &view("wide", "small", 6));
    end(&mut store);
    store.verify_rows().unwrap().check().unwrap();
}
