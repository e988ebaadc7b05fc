//! `dadbs lint`, through the real binary.
//!
//! 1. It exits with 0 if there is nothing to find, with 1 if there is, and with 2 if there is nothing to look at.
//! 2. Findings go to stdout, one for each line, or as JSON with the same facts; why it failed goes to stderr.
//! 3. It needs no node, no compiler and no home, and has no findings in the examples.
//! 4. A comment with a reason allows a finding.

mod common;

use common::cli::{BINARY, text};
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A transfer to whoever asks, and a result that is dropped.
const FAULTY: &str = r#"
#[contract]
mod shop {
    use super::*;

    #[table(name = "owner")]
    struct Owner {
        #[key]
        address: String,
    }

    #[init]
    fn init() {}

    #[call]
    fn give(ctx: &Context, amount: i64) -> Result<(), Refusal> {
        let _ = calls::transfer(&ctx.caller, &[(calls::DENOM, amount)]);
        Ok(())
    }
}
"#;

fn lint(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(BINARY);
    command.env_clear().current_dir(folder).arg("lint").args(arguments).output().unwrap()
}

/// A crate of these sources.
fn made(source: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    std::fs::write(folder.path().join("src/lib.rs"), source).unwrap();
    folder
}

fn ends(output: &Output, code: i32) -> (String, String) {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(code), "{out}{err}");
    (out, err)
}

#[test]
fn rules_1_and_2_findings_are_lines_or_json() {
    let folder = made(FAULTY);
    let (lines, why) = ends(&lint(folder.path(), &[]), 1);
    assert!(why.contains("the lint has 2 findings"), "{why}");
    let (json, _) = ends(&lint(folder.path(), &["--output", "json"]), 1);
    let json: Vec<Json> = serde_json::from_str(&json).unwrap();
    assert_eq!(lines.lines().count(), json.len());
    let facts: Vec<_> = json.iter().map(|f| (f["rule"].as_str().unwrap(), &f["line"])).collect();
    assert_eq!(facts, [("ignored-result", &17.into()), ("missing-caller-check", &17.into())]);
    for (line, finding) in lines.lines().zip(&json) {
        let place = format!(
            "./src/lib.rs:{}:{}: {}: ",
            finding["line"],
            finding["column"],
            finding["rule"].as_str().unwrap()
        );
        assert!(line.starts_with(&place), "{line} and {place}");
        for part in ["what", "advice"] {
            let part = finding[part].as_str().unwrap();
            assert!(!part.is_empty() && line.contains(part), "{line}");
        }
        assert_eq!(finding["file"], "./src/lib.rs");
    }
    // One file, from anywhere.
    let file = folder.path().join("src/lib.rs");
    ends(&lint(Path::new("/"), &[file.to_str().unwrap()]), 1);
}

#[test]
fn rule_1_where_there_is_no_contract_nothing_is_found_clean() {
    let empty = tempfile::tempdir().unwrap();
    let library = made("//! No contract.\npub fn f() {}\n");
    let broken = made("#[contract]\nmod shop {\n    fn f(a) {}\n}\n");
    let binary = made("");
    std::fs::write(binary.path().join("src/lib.rs"), [0xff, 0xfe, 0]).unwrap();
    for (folder, why) in [
        (&empty, "there is no contract in .: ./src/lib.rs does not exist; name the folder"),
        (&library, "there is no #[contract] in ./src/lib.rs"),
        (&broken, "./src/lib.rs:3:"),
        (&binary, "./src/lib.rs: stream did not contain valid UTF-8"),
    ] {
        for output in ["table", "json"] {
            let (out, err) = ends(&lint(folder.path(), &["--output", output]), 2);
            assert!(
                out.is_empty() && err.starts_with("error: ") && err.contains(why),
                "{out}{err}"
            );
        }
    }
    let (_, err) = ends(&lint(empty.path(), &["nowhere"]), 2);
    assert!(err.contains("there is no contract in nowhere"), "{err}");
}

#[test]
fn rule_3_the_examples_are_clean() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contracts");
    let entries = std::fs::read_dir(root.join("examples")).unwrap();
    let mut crates: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    crates.retain(|path| path.join("Cargo.toml").exists());
    crates.push(root.join("database"));
    assert!(crates.len() >= 12, "{crates:?}");
    for example in crates {
        assert_eq!(ends(&lint(&example, &[]), 0), ("no findings\n".into(), String::new()));
        let (json, _) = ends(&lint(&example, &["--output", "json"]), 0);
        assert_eq!(json.trim(), "[]");
    }
}

#[test]
fn rule_4_a_reason_allows() {
    let line = "        let _ = calls::transfer";
    let with = |comment: &str| made(&FAULTY.replace(line, &format!("        {comment}\n{line}")));
    let allowed = with("// lint: allow(ignored-result, missing-caller-check): a faucet gives");
    ends(&lint(allowed.path(), &[]), 0);
    let one = with("// lint: allow(ignored-result): a faucet gives");
    let (_, err) = ends(&lint(one.path(), &[]), 1);
    assert!(err.contains("the lint has 1 finding"), "{err}");
    ends(&lint(with("// lint: allow(ignored-result, missing-caller-check):").path(), &[]), 1);
}
