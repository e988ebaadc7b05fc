//! `dadbs lint`, and the warnings of `dadbs contract build`: what `dadbs_lint` finds in the sources.

use super::context::Globals;
use super::exit::{Failure, Outcome};
use serde_json::{Value as Json, json};
use std::path::{Path, PathBuf};

/// Finds faults in the sources of a contract
#[derive(Debug, clap::Args)]
pub(crate) struct Lint {
    /// The crate's folder, or a file
    #[arg(default_value = ".")]
    path: PathBuf,
}

/// Prints the findings; fails if there are any.
pub(crate) fn run(globals: &Globals, lint: &Lint) -> Outcome {
    let found = dadbs_lint::lint(&lint.path).map_err(Failure::usage)?;
    let json: Vec<Json> = found
        .iter()
        .map(|finding| {
            json!({
                "rule": finding.rule.name(), "file": finding.path,
                "line": finding.line, "column": finding.column,
                "what": finding.what, "advice": finding.rule.advice(),
            })
        })
        .collect();
    globals.print(&json!(json), || {
        let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
        if lines.is_empty() { "no findings".into() } else { lines.join("\n") }
    });
    refuse(found.len())
}

/// Warns of the findings in a crate that is built; with `deny` they are a failure. A module has no sources.
pub(crate) fn warn(path: &Path, deny: bool) -> Outcome {
    if path.extension().is_some_and(|extension| extension == "wasm") {
        return Ok(());
    }
    let found = match dadbs_lint::lint(path) {
        Ok(found) => found,
        Err(error) if deny => return Err(Failure::usage(error)),
        // The compiler says it better, if it is a fault at all.
        Err(error) => {
            eprintln!("warning: the lint cannot read the sources: {error}");
            return Ok(());
        }
    };
    for finding in &found {
        eprintln!("{}: {finding}", if deny { "error" } else { "warning" });
    }
    if deny { refuse(found.len()) } else { Ok(()) }
}

fn refuse(found: usize) -> Outcome {
    if found == 0 {
        return Ok(());
    }
    Err(Failure::other(format!(
        "the lint has {found} findings: mend them, or write `// lint: allow(rule): reason` where they are meant"
    )))
}
