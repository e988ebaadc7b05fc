//! `dadbs lint`: faults of contracts that compile.
//!
//! 1. All sources below `src` are read; what a macro of the SDK makes of them is known, nothing runs.
//! 2. Each lint has a name, a place and what to do instead; the table is [`LINTS`].
//! 3. A comment `// lint: allow(<name>): <reason>` on the line of a finding or the one above it lets it be; it
//!    needs its reason.
//! 4. Findings end the command with exit code 1.

mod facts;
mod rules;
mod statement;
#[cfg(test)]
mod tests;

use super::context::Globals;
use super::exit::{Failure, Outcome};
use facts::{Declared, Function, Reader, is_money};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use syn::spanned::Spanned;

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

/// The attribute of this name.
fn attribute<'a>(attributes: &'a [syn::Attribute], name: &str) -> Option<&'a syn::Attribute> {
    attributes.iter().find(|attribute| attribute.path().is_ident(name))
}

/// `#[validate(orders)]` as ("validate", "orders").
fn kind(attributes: &[syn::Attribute]) -> Option<(String, String)> {
    let known = [
        "init",
        "call",
        "view",
        "migrate",
        "scheduled",
        "validate",
        "on_insert",
        "on_update",
        "on_delete",
    ];
    known.iter().find_map(|name| {
        let table = attribute(attributes, name)?.parse_args::<syn::Ident>();
        Some(((*name).to_owned(), table.map(|table| table.to_string()).unwrap_or_default()))
    })
}

/// `LineItem` as `line_item`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for (at, letter) in name.char_indices() {
        if letter.is_ascii_uppercase() && at > 0 {
            out.push('_');
        }
        out.push(letter.to_ascii_lowercase());
    }
    out
}

impl Crate {
    fn declare(&mut self, file: usize, items: &[syn::Item]) {
        for item in items {
            match item {
                syn::Item::Mod(module) => {
                    if let Some((_, items)) = &module.content {
                        self.declare(file, items);
                    }
                }
                syn::Item::Fn(function) => {
                    self.declared.own.insert(function.sig.ident.to_string());
                }
                syn::Item::Impl(block) => {
                    for item in &block.items {
                        if let syn::ImplItem::Fn(function) = item {
                            self.declared.own.insert(function.sig.ident.to_string());
                        }
                    }
                }
                syn::Item::Const(constant) => {
                    for (name, tables) in [
                        ("can_read", &mut self.declared.can_read),
                        ("can_write", &mut self.declared.can_write),
                    ] {
                        let table = attribute(&constant.attrs, name)
                            .and_then(|attribute| attribute.parse_args::<syn::Ident>().ok());
                        tables.extend(table.map(|table| table.to_string()));
                    }
                }
                syn::Item::Struct(item) => self.table(file, item),
                _ => {}
            }
        }
    }

    fn table(&mut self, file: usize, item: &syn::ItemStruct) {
        let is_event = attribute(&item.attrs, "event").is_some();
        let table = attribute(&item.attrs, "table");
        if table.is_none() && !is_event {
            return;
        }
        for field in &item.fields {
            let Some(name) = &field.ident else { continue };
            let ty = &field.ty;
            let ty = quote::quote!(#ty).to_string();
            if (ty == "f64" || ty == "Option < f64 >") && is_money(&name.to_string()) {
                self.declarations.push(Finding {
                    lint: "float_money",
                    file,
                    line: name.span().start().line,
                    message: format!("{name} is a float: count the smallest unit, as i64"),
                });
            }
        }
        let Some(table) = table else { return };
        let mut name = snake(&item.ident.to_string());
        // What is no name is the macro's business.
        let _ = table.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                name = meta.value()?.parse::<syn::LitStr>()?.value();
            } else if meta.input.peek(syn::token::Paren) {
                let content;
                syn::parenthesized!(content in meta.input);
                content.parse::<proc_macro2::TokenStream>()?;
            }
            Ok(())
        });
        let keys = item.fields.iter().filter(|field| attribute(&field.attrs, "key").is_some());
        let keys = keys.filter_map(|field| Some(field.ident.as_ref()?.to_string())).collect();
        self.declared.tables.insert(item.ident.to_string(), (name, keys));
    }

    /// The names under which generated clients are used.
    fn clients(&mut self, files: &[syn::File], texts: &[String], items: &[syn::Item], text: &str) {
        let generated = files.iter().zip(texts).filter(|(_, text)| is_generated(text));
        let views: BTreeSet<String> = generated.flat_map(|(file, _)| views(&file.items)).collect();
        if views.is_empty() && !texts.iter().any(|text| is_generated(text)) || is_generated(text) {
            return;
        }
        for item in items {
            match item {
                syn::Item::Mod(module) => {
                    if let Some((_, items)) = &module.content {
                        self.clients(files, texts, items, "");
                    }
                }
                syn::Item::Use(import) => {
                    let mut names = Vec::new();
                    imported(&import.tree, &mut names);
                    let known = names.into_iter().map(|name| (name, views.clone()));
                    self.declared.clients.extend(known.collect::<BTreeMap<_, _>>());
                }
                _ => {}
            }
        }
    }

    fn functions(&mut self, file: usize, items: &[syn::Item]) {
        for item in items {
            match item {
                syn::Item::Mod(module) => {
                    if let Some((_, items)) = &module.content {
                        self.functions(file, items);
                    }
                }
                syn::Item::Fn(function) => {
                    self.add(file, &function.attrs, &function.sig, &function.block);
                }
                syn::Item::Impl(block) => {
                    for item in &block.items {
                        if let syn::ImplItem::Fn(function) = item {
                            self.add(file, &function.attrs, &function.sig, &function.block);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn add(
        &mut self,
        file: usize,
        attributes: &[syn::Attribute],
        signature: &syn::Signature,
        body: &syn::Block,
    ) {
        for input in &signature.inputs {
            if let syn::FnArg::Typed(typed) = input
                && let syn::Pat::Ident(name) = &*typed.pat
                && let syn::Type::Path(ty) = &*typed.ty
                && ty.path.is_ident("f64")
                && is_money(&name.ident.to_string())
            {
                self.declarations.push(Finding {
                    lint: "float_money",
                    file,
                    line: name.span().start().line,
                    message: format!("{} is a float: take the smallest unit, as i64", name.ident),
                });
            }
        }
        let acts = Reader::read(&self.declared, signature, body);
        let name = signature.ident.to_string();
        self.functions.push(Function { name, kind: kind(attributes), file, acts });
    }
}

/// What a use brings in under the name `Client`, or renamed from it.
fn imported(tree: &syn::UseTree, names: &mut Vec<String>) {
    match tree {
        syn::UseTree::Path(path) => imported(&path.tree, names),
        syn::UseTree::Name(name) if name.ident == "Client" => names.push("Client".into()),
        syn::UseTree::Rename(name) if name.ident == "Client" => names.push(name.rename.to_string()),
        syn::UseTree::Group(group) => {
            group.items.iter().for_each(|item| imported(item, names));
        }
        _ => {}
    }
}

/// The methods of a generated client that only read.
fn views(items: &[syn::Item]) -> Vec<String> {
    let blocks = items.iter().filter_map(|item| match item {
        syn::Item::Impl(block) => Some(block),
        _ => None,
    });
    let functions = blocks.flat_map(|block| &block.items).filter_map(|item| match item {
        syn::ImplItem::Fn(function) => Some(function),
        _ => None,
    });
    let reads = |function: &&syn::ImplItemFn| {
        let body = &function.block;
        quote::quote!(#body).to_string().contains("= view (")
    };
    functions.filter(reads).map(|function| function.sig.ident.to_string()).collect()
}
