//! `dadbs lint`: faults of contracts that compile.
//!
//! 1. All sources below `src` are read; what a macro of the SDK makes of them is known, nothing runs.
//! 2. Each lint has a name, a place and what to do instead; the table is [`LINTS`].
//! 3. A comment `// lint: allow(<name>): <reason>` on the line of a finding or the one above it lets it be; it
//!    needs its reason.
//! 4. Findings end the command with exit code 1.

mod facts;
mod read;
mod rules;
mod statement;
mod syntax;
#[cfg(test)]
mod tests;

use super::context::Globals;
use super::exit::{Failure, Outcome};
use facts::{Declared, Function};
use serde_json::json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every lint and what it finds.
const LINTS: [(&str, &str); 9] = [
    ("missing_caller_check", "rows of others are changed, or coins sent, whoever calls"),
    (
        "unprotected_setup",
        "an entry point that sets the contract up, or changes tables, is open to everybody",
    ),
    ("state_after_call", "rows are written after another contract has run"),
    ("unbounded", "a statement reads or writes any number of rows"),
    ("built_sql", "the text of a statement is put together"),
    ("ignored_result", "a failure is not looked at"),
    ("wrapping_arithmetic", "an overflow is hidden, or an amount cut off"),
    ("float_money", "money is a float or is computed with fractions"),
    ("trigger_cycle", "a rule of a table makes itself run again"),
];

#[derive(Debug, clap::Args)]
pub(crate) struct Lint {
    /// The crate's folder
    #[arg(default_value = ".")]
    path: PathBuf,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    lint: &'static str,
    file: usize,
    line: usize,
    message: String,
}

/// What was read of a crate.
#[derive(Clone, Debug, Default)]
struct Crate {
    declared: Declared,
    functions: Vec<Function>,
    /// Findings of declarations.
    declarations: Vec<Finding>,
}

pub(crate) fn run(globals: &Globals, lint: &Lint) -> Outcome {
    let mut files = Vec::new();
    sources(&lint.path.join("src"), &mut files)?;
    let mut texts = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file)
            .map_err(|error| Failure::usage(format!("{}: {error}", file.display())))?;
        texts.push(text);
    }
    let findings = findings(&texts)
        .map_err(|(file, error)| Failure::usage(format!("{}:{error}", files[file].display())))?;
    let json: Vec<_> = findings
        .iter()
        .map(|f| json!({ "lint": f.lint, "file": files[f.file], "line": f.line, "message": f.message }))
        .collect();
    globals.print(&json!(json), || {
        let shown = |f: &Finding| {
            format!("{}: {}\n  --> {}:{}", f.lint, f.message, files[f.file].display(), f.line)
        };
        if findings.is_empty() {
            return format!("{} files: nothing found", files.len());
        }
        findings.iter().map(shown).collect::<Vec<_>>().join("\n\n")
    });
    if findings.is_empty() {
        return Ok(());
    }
    let names: BTreeSet<&str> = findings.iter().map(|finding| finding.lint).collect();
    let known = LINTS.iter().filter(|(name, _)| names.contains(name));
    let meanings: Vec<String> = known.map(|(name, what)| format!("  {name}: {what}")).collect();
    Err(Failure::other(format!("{} findings\n{}", findings.len(), meanings.join("\n"))))
}

/// All Rust files below a folder, in the order of their names.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    let failed = |error: std::io::Error| {
        Failure::usage(format!("{}: {error}; name the folder of a contract", folder.display()))
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    for path in paths {
        if path.is_dir() {
            sources(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

/// The findings in sources; or the file and the place that cannot be read.
fn findings(texts: &[String]) -> Result<Vec<Finding>, (usize, String)> {
    let mut files = Vec::new();
    for (at, text) in texts.iter().enumerate() {
        files.push(
            syn::parse_file(text)
                .map_err(|error| (at, format!("{}: {error}", error.span().start().line)))?,
        );
    }
    let mut read = Crate::default();
    for (file, tree) in files.iter().enumerate() {
        read.declare(file, &tree.items);
    }
    for (tree, text) in files.iter().zip(texts) {
        read.clients(&files, texts, &tree.items, text);
    }
    for (file, (tree, text)) in files.iter().zip(texts).enumerate() {
        // What `generate` has written is checked where it is made.
        if !is_generated(text) {
            read.functions(file, &tree.items);
        }
    }
    let mut found = read.declarations.clone();
    read.places(&mut found);
    read.callers(&mut found);
    read.order(&mut found);
    read.cycles(&mut found);
    found.retain(|finding| !is_allowed(&texts[finding.file], finding));
    found.sort_by_key(|finding| (finding.file, finding.line, finding.lint));
    found.dedup();
    Ok(found)
}

/// Rule 3.
fn is_allowed(text: &str, finding: &Finding) -> bool {
    let mark = format!("lint: allow({}): ", finding.lint);
    let lines = text.lines().skip(finding.line.saturating_sub(2)).take(2);
    lines
        .into_iter()
        .any(|line| line.split_once(&mark).is_some_and(|(_, why)| !why.trim().is_empty()))
}

fn is_generated(text: &str) -> bool {
    text.starts_with("//! Generated by `dadbs contract generate --lang contract`")
}
