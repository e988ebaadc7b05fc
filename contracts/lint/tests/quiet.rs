//! The lint is quiet on the contracts of this repository; what it allows there has a reason beside it.

use std::path::{Path, PathBuf};

/// Every crate of contracts in the repository.
fn contracts() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut found = vec![root.join("database")];
    for entry in std::fs::read_dir(root.join("examples")).unwrap() {
        let path = entry.unwrap().path();
        if path.join("src/lib.rs").exists() {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_contracts_of_the_repository_have_no_findings() {
    let mut found = Vec::new();
    for path in contracts() {
        found.extend(
            dadbs_lint::lint(&path).unwrap().into_iter().map(|finding| finding.to_string()),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_template_of_new_contracts_has_no_findings() {
    let template = "../../node/src/cli/contract/template/lib.rs.txt";
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(template);
    let text = std::fs::read_to_string(path).unwrap().replace("{name}", "guestbook");
    assert_eq!(dadbs_lint::lint_text(&text).unwrap(), []);
}
