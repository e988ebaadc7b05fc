//! Finds faults in the sources of contracts, before anything is built or paid.
//!
//! 1. A crate is read from `src/lib.rs` on, with its modules; tests and generated clients of other contracts
//!    are left out. Nothing is expanded or compiled: attributes and functions of the SDK are known by name.
//! 2. Each entry point is walked as it would run, into the private functions that it calls; a check in a
//!    function that is called first counts; one whose result is dropped is told as that, and not a second time as
//!    a missing check.
//! 3. The first walk learns whose rows are whose (columns that the caller is compared with, kept in or
//!    looked up by), the second reports.
//! 4. A finding names the rule, the place, what is wrong and what to do. Rules are listed in [`Rule`].
//! 5. A comment `// lint: allow(rule): reason` in the line of a finding or in a line of its own before it
//!    allows the finding; without a reason it does not.
//! 6. What is built ends the call on overflow (`overflow-checks` in the profile of contracts), so plain
//!    `+ - *` are no faults; what wraps, saturates or cuts off is.
//!
//! What it cannot see: conditions that are there but wrong, arithmetic that is meant otherwise, and
//! everything that another contract does.
#![allow(clippy::struct_excessive_bools, reason = "what is known of a place or value is yes or no")]

mod accessor;
mod arithmetic;
mod bind;
mod branch;
mod calls;
mod dropped;
mod expand;
mod macros;
mod methods;
mod model;
mod names;
mod operators;
mod real;
mod repeat;
mod rule;
mod source;
mod statement;
mod statements;
mod tables;
mod types;
mod value;
mod versions;
mod walk;
mod writes;

pub use rule::{Rule, table};

use model::{Kind, Model};
use source::Source;
use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use walk::{Facts, Raw, Walk};

/// One fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: Rule,
    /// The file, as it was named or found.
    pub path: PathBuf,
    /// From 1.
    pub line: usize,
    /// From 1.
    pub column: usize,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { rule, path, line, column, what } = self;
        write!(f, "{}:{line}:{column}: {}: {what}; {}", path.display(), rule.name(), rule.advice())
    }
}

/// Looks at the crate in a folder, or at one file with its modules.
///
/// # Errors
/// There is no contract, or a file that cannot be read or is not Rust, with its place.
pub fn lint(path: &Path) -> Result<Vec<Finding>, String> {
    let root = if path.is_dir() { path.join("src/lib.rs") } else { path.to_path_buf() };
    if !root.exists() {
        return Err(format!(
            "there is no contract in {}: {} does not exist; name the folder of a contract's crate, or a file",
            path.display(),
            root.display()
        ));
    }
    let mut model = Model::default();
    let mut sources = Vec::new();
    let mut files = Vec::new();
    source::read(&root, &mut files, &mut sources)?;
    model.read(&files);
    if !sources.iter().any(Source::has_contract) {
        return Err(format!(
            "there is no #[contract] in {}: name the folder of a contract's crate, or a file",
            root.display()
        ));
    }
    Ok(find(model, &sources))
}

/// Looks at one text.
///
/// # Errors
/// It is not Rust.
pub fn lint_text(text: &str) -> Result<Vec<Finding>, String> {
    let path = PathBuf::from("lib.rs");
    let mut model = Model::default();
    model.read(&[(source::parse(text, &path)?, "lib".into())]);
    Ok(find(model, &[Source::new(path, text)]))
}

fn find(mut model: Model, sources: &[Source]) -> Vec<Finding> {
    for expr in model.constants.clone().values() {
        let mut texts = Vec::new();
        collect(expr, &mut texts);
        for text in texts {
            model.statement(&statement::Statement::of(&text));
        }
    }
    for function in model.functions.clone() {
        let mut texts = Vec::new();
        strings(quote::ToTokens::to_token_stream(&function.block), &mut texts);
        for text in texts {
            model.statement(&statement::Statement::of(&text));
        }
    }
    let first = walk(&model, Facts::default());
    let mut walk = walk(&model, Facts { edges: std::collections::BTreeMap::new(), ..first.facts });
    let mut raws = std::mem::take(&mut walk.found);
    raws.extend(cycles(&walk.facts));
    raws.extend(floats(&model));
    let raws: BTreeSet<Raw> = raws.into_iter().collect();
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for raw in raws {
        let Some(source) = sources.get(raw.file) else { continue };
        if source.allows(raw.rule, raw.line) || !seen.insert((raw.file, raw.line, raw.rule)) {
            continue;
        }
        let Raw { rule, line, column, what, .. } = raw;
        findings.push(Finding { rule, path: source.path.clone(), line, column, what });
    }
    findings
}

fn collect(expr: &syn::Expr, texts: &mut Vec<String>) {
    strings(quote::ToTokens::to_token_stream(expr), texts);
}

/// Every string literal.
fn strings(tokens: proc_macro2::TokenStream, texts: &mut Vec<String>) {
    for token in tokens {
        match token {
            proc_macro2::TokenTree::Literal(literal) => {
                if let Ok(text) = syn::parse_str::<syn::LitStr>(&literal.to_string()) {
                    texts.push(text.value());
                }
            }
            proc_macro2::TokenTree::Group(group) => strings(group.stream(), texts),
            _ => {}
        }
    }
}

fn walk(model: &Model, facts: Facts) -> Walk<'_> {
    let mut walk = Walk::new(model, facts);
    // What init does is known before the calls are judged.
    let order = |kind: &Kind| !matches!(kind, Kind::Init);
    let mut entries: Vec<_> = model
        .functions
        .iter()
        .flat_map(|function| function.kinds.iter().map(move |kind| (order(kind), function, kind)))
        .collect();
    entries.sort_by_key(|(late, ..)| *late);
    for (_, function, kind) in entries {
        walk.entry(function, kind);
    }
    walk
}

/// Circles of rules; each is told at the write that closes it.
fn cycles(facts: &Facts) -> Vec<Raw> {
    let mut found = Vec::new();
    for (from, edges) in &facts.edges {
        for (event, table, file, line, column) in edges {
            let start = (event.clone(), table.clone());
            let mut reached = BTreeSet::from([start.clone()]);
            let mut open = vec![start];
            while let Some(at) = open.pop() {
                for (event, table, ..) in facts.edges.get(&at).into_iter().flatten() {
                    let next = (event.clone(), table.clone());
                    if reached.insert(next.clone()) {
                        open.push(next);
                    }
                }
            }
            if reached.contains(from) {
                let what = format!(
                    "{} of {} writes {table}, whose rules lead back to {}",
                    from.0, from.1, from.1
                );
                let (file, line, column) = (*file, *line, *column);
                found.push(Raw { file, line, column, rule: Rule::TriggerCycle, what });
            }
        }
    }
    found
}

/// Fields that keep money as floats, by their names.
fn floats(model: &Model) -> Vec<Raw> {
    let mut found = Vec::new();
    for field in &model.floats {
        let doc = field.doc.to_lowercase();
        let says = ["cents", "price", "coins", "euro", "dollar", "amount of money"];
        if names::money(&field.field) != 0 || says.iter().any(|word| doc.contains(word)) {
            let start = field.span.start();
            found.push(Raw {
                file: field.file,
                line: start.line,
                column: start.column + 1,
                rule: Rule::FloatMoney,
                what: format!("{}.{} keeps an amount as a float", field.item, field.field),
            });
        }
    }
    found
}
