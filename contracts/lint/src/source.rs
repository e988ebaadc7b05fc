//! Reads the sources of a crate, and the findings that its authors allow.

use crate::rule::Rule;
use std::path::{Path, PathBuf};
use syn::Item;

/// The comment that allows a finding, in its line or in the line before: `// lint: allow(rule): reason`.
const ALLOW: &str = "// lint: allow(";

/// One file.
pub(crate) struct Source {
    pub(crate) path: PathBuf,
    lines: Vec<String>,
}

impl Source {
    pub(crate) fn new(path: PathBuf, text: &str) -> Source {
        Source { path, lines: text.lines().map(str::to_owned).collect() }
    }

    /// True if a line is the attribute of a contract.
    pub(crate) fn has_contract(&self) -> bool {
        let mut lines = self.lines.iter().map(|line| line.trim_start());
        lines.any(|line| {
            line.starts_with("#[contract]") || line.starts_with("#[dadbs_sdk::contract]")
        })
    }

    /// A comment allows this rule in this line (from 1); a comment without a reason allows nothing.
    pub(crate) fn allows(&self, rule: Rule, line: usize) -> bool {
        let at = |line: usize| self.lines.get(line.wrapping_sub(1)).map_or("", String::as_str);
        let before = at(line.saturating_sub(1));
        let own_line = before.trim_start().starts_with(ALLOW);
        [Some(at(line)), own_line.then_some(before)].into_iter().flatten().any(|text| {
            let Some((_, rest)) = text.split_once(ALLOW) else { return false };
            let Some((names, reason)) = rest.split_once("):") else { return false };
            !reason.trim().is_empty()
                && names.split(',').any(|name| name.trim().replace('_', "-") == rule.name())
        })
    }
}

/// Reads a file and the modules that it names: items, and the module that they stand in, as many as sources.
pub(crate) fn read(
    path: &Path,
    files: &mut Vec<(Vec<Item>, String)>,
    sources: &mut Vec<Source>,
) -> Result<(), String> {
    let text =
        std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let items = parse(&text, path)?;
    sources.push(Source::new(path.into(), &text));
    let module =
        path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    files.push((items.clone(), module.clone()));
    let folder = path.parent().unwrap_or(Path::new("."));
    let folder = if matches!(module.as_str(), "lib" | "mod" | "main") {
        folder.into()
    } else {
        folder.join(module)
    };
    modules(&items, &folder, files, sources)
}

pub(crate) fn parse(text: &str, path: &Path) -> Result<Vec<Item>, String> {
    let file = syn::parse_file(text).map_err(|error| {
        let start = error.span().start();
        format!("{}:{}:{}: {error}", path.display(), start.line, start.column + 1)
    })?;
    Ok(file.items)
}

fn modules(
    items: &[Item],
    folder: &Path,
    files: &mut Vec<(Vec<Item>, String)>,
    sources: &mut Vec<Source>,
) -> Result<(), String> {
    for item in items {
        let Item::Mod(module) = item else { continue };
        if crate::model::is_test(&module.attrs) {
            continue;
        }
        let name = module.ident.to_string();
        if let Some((_, items)) = &module.content {
            modules(items, &folder.join(name), files, sources)?;
            continue;
        }
        let candidates = [folder.join(format!("{name}.rs")), folder.join(&name).join("mod.rs")];
        if let Some(path) = candidates.iter().find(|path| path.exists()) {
            read(path, files, sources)?;
        }
    }
    Ok(())
}
