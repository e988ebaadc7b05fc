//! Tables: those that structs declare, and those that statements make.

use crate::model::{Column, FloatField, Model, argument, text_of};
use crate::statement::Statement;
use crate::types::inner;
use std::collections::BTreeMap;
use syn::Attribute;

impl Model {
    /// A struct: the row of a table if it says so.
    pub(crate) fn structure(&mut self, item: &syn::ItemStruct, file: usize) {
        let ident = item.ident.to_string();
        let mut fields = BTreeMap::new();
        for (at, field) in item.fields.iter().enumerate() {
            let ty = self.type_of(&field.ty);
            let Some(name) = &field.ident else {
                fields.insert(at.to_string(), ty);
                continue;
            };
            let kept = item.attrs.iter().any(|attribute| attribute.path().is_ident("table"));
            if kept && matches!(inner(&ty), "f64" | "f32") {
                self.floats.push(FloatField {
                    item: ident.clone(),
                    field: name.to_string(),
                    doc: doc(&field.attrs),
                    file,
                    span: name.span(),
                });
            }
            fields.insert(name.to_string(), ty);
        }
        let Some(attribute) = item.attrs.iter().find(|a| a.path().is_ident("table")) else {
            self.structs.insert(ident, fields);
            return;
        };
        let arguments = argument(attribute);
        let name = arguments.split("name").nth(1).and_then(|rest| {
            rest.trim_start().strip_prefix('=')?.split('"').nth(1).map(str::to_owned)
        });
        let name = name.unwrap_or_else(|| snake(&ident));
        let types: Vec<String> = item.fields.iter().map(|field| self.type_of(&field.ty)).collect();
        let table = self.tables.entry(name.clone()).or_default();
        table.name = name;
        table.row = ident;
        let mut first_key = true;
        for (field, ty) in item.fields.iter().zip(types) {
            let Some(ident) = &field.ident else { continue };
            let mut column = Column { name: ident.to_string(), ty, ..Column::default() };
            column.floored = column.ty == "u32" || floors(&arguments, &column.name);
            for attribute in &field.attrs {
                let path = attribute.path();
                if path.is_ident("key") {
                    column.key = true;
                    column.auto = argument(attribute).contains("auto");
                    column.indexed |= std::mem::take(&mut first_key);
                }
                column.indexed |= path.is_ident("index") || path.is_ident("unique");
                column.unique |= path.is_ident("unique");
                if path.is_ident("check") {
                    column.floored |= floors(&argument(attribute), &column.name);
                    column.few |= few(&argument(attribute), &column.name);
                }
                if path.is_ident("references") {
                    let target = argument(attribute).replace('"', "");
                    column.references = target.split('(').next().map(|t| t.trim().to_owned());
                }
            }
            table.columns.push(column);
        }
        let keys = table.columns.iter().filter(|column| column.key).count();
        for column in &mut table.columns {
            let only = column.key && keys == 1;
            column.unique |= only;
            column.few &= only;
        }
        for part in ["index", "unique"] {
            for rest in arguments.split(part).skip(1) {
                let list = rest.trim_start().strip_prefix('(').unwrap_or_default();
                if part == "unique" {
                    let columns = list.split(')').next().unwrap_or_default().split(',');
                    table.unique.push(columns.map(|column| column.trim().to_owned()).collect());
                }
                let first = list.split([',', ')']).next().unwrap_or_default().trim().to_owned();
                table.columns.iter_mut().filter(|c| c.name == first).for_each(|c| c.indexed = true);
            }
        }
    }

    /// Adds what a statement makes.
    pub(crate) fn statement(&mut self, statement: &Statement) {
        let declared = statement.declared();
        if !declared.is_empty() {
            let name = if statement.has_all(&["if", "not", "exists"]) {
                statement.after_exists()
            } else {
                statement.table.clone()
            };
            let table = self.tables.entry(name.clone()).or_default();
            if table.columns.is_empty() {
                table.name = name;
                table.columns = declared
                    .into_iter()
                    .map(|(name, ty, key)| Column {
                        name,
                        ty: if ty == "real" { "f64".into() } else { ty },
                        key,
                        indexed: key,
                        ..Column::default()
                    })
                    .collect();
            }
        }
        if let Some((table, column)) = statement.index()
            && let Some(table) = self.tables.get_mut(&table)
        {
            table.columns.iter_mut().filter(|c| c.name == column).for_each(|c| c.indexed = true);
        }
    }
}

fn doc(attributes: &[Attribute]) -> String {
    let mut text = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let syn::Meta::NameValue(pair) = &attribute.meta {
            text += &text_of(&pair.value).unwrap_or_default();
        }
    }
    text
}

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

/// `check("...")` that keeps a column at zero or above.
fn floors(check: &str, column: &str) -> bool {
    let check = check.to_lowercase().replace(['"', '\\', ' '], "");
    let column = column.to_lowercase();
    ["{}>0", "{}>=0", "{}>=1", "{}between0", "{}between1", "0<={}", "0<{}"]
        .iter()
        .any(|form| check.contains(&form.replace("{}", &column)))
}

/// `check("...")` that leaves few values of a column.
fn few(check: &str, column: &str) -> bool {
    let words: Vec<String> =
        crate::statement::words(&check.to_lowercase().replace(['"', '\\'], ""));
    let number = |word: Option<&String>| {
        let number = word?.replace('_', "").parse::<u64>().ok()?;
        Some(number <= crate::accessor::ROWS_MAX)
    };
    let column = column.to_lowercase();
    let at = |name: &[&str]| {
        words.windows(2).position(|pair| pair[0] == column && name.contains(&pair[1].as_str()))
    };
    let between = at(&["between"]).and_then(|at| number(words.get(at + 4))) == Some(true);
    let below = at(&["<", "<="]).and_then(|at| number(words.get(at + 2))) == Some(true);
    between
        || below && floors(check, &column)
        || at(&["="]).is_some_and(|at| number(words.get(at + 2)).is_some())
}
