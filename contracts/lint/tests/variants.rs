//! Faces of the nine classes, and what looks like them: short contracts in `variants/*.txt`.
//!
//! 1. A file begins with the items that its contracts share; `### name classes` begins one of them.
//! 2. The classes are numbers in the order of the rules, any of which may tell the fault and no other; `clean` has no
//!    finding.

use dadbs_lint::Rule;

#[test]
fn each_variant_is_found_and_its_look_alikes_are_quiet() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/variants");
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut parts = text.split("### ");
        let shared = parts.next().unwrap();
        for part in parts {
            let (title, body) = part.split_once('\n').unwrap();
            let (name, classes) = title.trim().split_once(' ').unwrap();
            let right: Vec<Rule> = classes
                .split(',')
                .filter(|class| *class != "clean")
                .map(|class| Rule::ALL[class.parse::<usize>().unwrap() - 1])
                .collect();
            let contract = format!(
                "#[contract]\nmod m {{\nuse super::*;\nuse dadbs_sdk::calls::{{self, DENOM}};\n{shared}{body}\n}}\n"
            );
            let found = dadbs_lint::lint_text(&contract).unwrap();
            let tells = found.iter().all(|finding| right.contains(&finding.rule));
            if found.is_empty() != right.is_empty() || !tells {
                wrong.push(format!("{name} {classes}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
