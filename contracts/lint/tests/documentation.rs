//! The documentation lists the rules as the code does.

#[test]
fn the_readme_has_the_table_of_rules() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let table = dadbs_lint::table();
    assert!(readme.contains(&table), "put this into contracts/README.md:\n{table}");
}
