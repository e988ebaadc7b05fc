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
fn schema_rule_5_views_made_before_what_they_name_do_not_multiply() {
    let mut store = Store::memory().unwrap();
    begin(&mut store);
    exec(&mut store, "CREATE TABLE t (a)");
    // Each would be counted as 16 tables, and SQLite would expand the first to 16 * 16 * 16 ones.
    exec(&mut store, &view("v1", "v2", 16));
    assert_eq!(code(run(&mut store, &view("v2", "v3", 16), &[])), Code::SqlRefused);
    let refusal = run(&mut store, &view("\"V2\"", "t", 1), &[]).unwrap_err().to_string();
    assert!(refusal.contains("the view v1 reads this name: drop v1"), "{refusal}");
    // A table counts as what it was taken for, and names that only begin alike are others.
    exec(&mut store, "CREATE TABLE v2 (a)");
    for name in ["v", "v22", "x0", "v2_", "v1v2"] {
        exec(&mut store, &view(name, "t", 2));
    }
    end(&mut store);
}

#[test]
fn schema_rule_5_a_view_does_not_grow_behind_another_one() {
    let mut store = Store::memory().unwrap();
    begin(&mut store);
    exec(&mut store, "CREATE TABLE t (a)");
    exec(&mut store, &view("small", "t", 1));
    exec(&mut store, &view("wide", "small", 32));
    exec(&mut store, "DROP VIEW small");
    assert_eq!(code(run(&mut store, &view("small", "t", 32), &[])), Code::SqlRefused);
    exec(&mut store, "DROP VIEW wide");
    exec(&mut store, &view("small", "t", 32));
    assert_eq!(code(run(&mut store, &view("wide", "small", 8), &[])), Code::SqlTooLarge);
    exec(&mut store, &view("wide", "small", 7));
    // Another database's view of that name is another view.
    let mut gas = dadbs_types::GasMeter::new(GAS);
    store.exec(2, &view("t", "x", 1), &[], &mut gas).unwrap();
    end(&mut store);
    store.verify_rows().unwrap().check().unwrap();
}
