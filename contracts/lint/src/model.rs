//! What a crate declares: tables, functions, constants and imports.

use crate::statement::Statement;
use quote::ToTokens;
use std::collections::BTreeMap;
use std::rc::Rc;
use syn::{Attribute, Expr, FnArg, ImplItem, Item, Lit, Pat, ReturnType, Type, UseTree};

/// What an attribute makes of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Init,
    Call,
    View,
    Migrate,
    Scheduled,
    /// `validate`, `on_insert`, `on_update` or `on_delete`, and the table.
    Rule(String, String),
}

/// A column of a table.
#[derive(Clone, Debug, Default)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) ty: String,
    pub(crate) key: bool,
    /// An index, a unique constraint or the key begins with it.
    pub(crate) indexed: bool,
    /// A condition keeps it from going below zero.
    pub(crate) floored: bool,
    pub(crate) references: Option<String>,
}

/// A table, declared or made by a statement.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) name: String,
    /// The struct of its rows; empty if a statement makes it.
    pub(crate) row: String,
    pub(crate) columns: Vec<Column>,
    /// A `can_write` predicate names the caller.
    pub(crate) guarded: bool,
}

impl Table {
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }
}

/// A function of the crate.
pub(crate) struct Function {
    pub(crate) name: String,
    /// The type or, for a free function, the module that it stands in.
    pub(crate) home: String,
    pub(crate) kinds: Vec<Kind>,
    pub(crate) file: usize,
    /// Names (empty for a pattern), types.
    pub(crate) parameters: Vec<(String, String)>,
    pub(crate) method: bool,
    /// The type, without `Result` and `Option`.
    pub(crate) output: String,
    /// It returns `Result`.
    pub(crate) result: bool,
    /// It returns `Option`.
    pub(crate) option: bool,
    pub(crate) span: proc_macro2::Span,
    pub(crate) block: syn::Block,
}

/// A field with a float type that could be money: struct, field, type, file, place.
pub(crate) struct FloatField {
    pub(crate) item: String,
    pub(crate) field: String,
    pub(crate) doc: String,
    pub(crate) file: usize,
    pub(crate) span: proc_macro2::Span,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Model {
    pub(crate) tables: BTreeMap<String, Table>,
    pub(crate) functions: Vec<Rc<Function>>,
    pub(crate) constants: BTreeMap<String, Rc<Expr>>,
    /// Fields of structs that are no tables.
    pub(crate) structs: BTreeMap<String, BTreeMap<String, String>>,
    /// Imported names and their paths.
    pub(crate) imports: BTreeMap<String, String>,
    pub(crate) floats: Vec<FloatField>,
}

/// A type without references, lifetimes and spaces.
pub(crate) fn type_name(ty: &Type) -> String {
    match ty {
        Type::Reference(reference) => type_name(&reference.elem),
        Type::Slice(slice) => format!("[{}]", type_name(&slice.elem)),
        other => other.to_token_stream().to_string().replace(' ', ""),
    }
}

/// The innermost type of `Result`, `Option` and `Vec`.
pub(crate) fn inner(ty: &str) -> &str {
    for wrapper in ["Result<", "Option<", "Vec<", "Written<", "Updated<"] {
        if let Some(rest) = ty.strip_prefix(wrapper) {
            let mut depth = 0;
            for (at, c) in rest.char_indices() {
                match c {
                    '<' | '(' => depth += 1,
                    ',' | '>' if depth == 0 => return inner(&rest[..at]),
                    '>' | ')' => depth -= 1,
                    _ => {}
                }
            }
        }
    }
    ty.trim_start_matches(['[', '&']).trim_end_matches(']')
}

pub(crate) fn text_of(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Some(text.value()),
            _ => None,
        },
        _ => None,
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

fn argument(attribute: &Attribute) -> String {
    match &attribute.meta {
        syn::Meta::List(list) => list.tokens.to_string(),
        _ => String::new(),
    }
}

fn kinds(attributes: &[Attribute]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    for attribute in attributes {
        let Some(name) = attribute.path().segments.last().map(|last| last.ident.to_string()) else {
            continue;
        };
        kinds.extend(match name.as_str() {
            "init" => Some(Kind::Init),
            "call" => Some(Kind::Call),
            "view" => Some(Kind::View),
            "migrate" => Some(Kind::Migrate),
            "scheduled" => Some(Kind::Scheduled),
            "validate" | "on_insert" | "on_update" | "on_delete" => {
                Some(Kind::Rule(name, argument(attribute).replace(['"', ' '], "")))
            }
            _ => None,
        });
    }
    kinds
}

/// True if a predicate's function uses its second parameter, or SQL that names the caller.
fn uses_caller(function: &syn::ItemFn) -> bool {
    let name = match function.sig.inputs.iter().nth(1) {
        Some(FnArg::Typed(typed)) => typed.pat.to_token_stream().to_string(),
        _ => String::new(),
    };
    let body = function.block.to_token_stream().to_string();
    let mut words = body.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == name) && !name.is_empty() || body.replace(' ', "").contains("caller()")
}

/// `check("...")` that keeps a column at zero or above.
fn floors(check: &str, column: &str) -> bool {
    let check = check.to_lowercase().replace(['"', '\\', ' '], "");
    let column = column.to_lowercase();
    ["{}>0", "{}>=0", "{}>=1", "{}between0", "{}between1", "0<={}", "0<{}"]
        .iter()
        .any(|form| check.contains(&form.replace("{}", &column)))
}

impl Model {
    /// Adds the items of one file.
    pub(crate) fn take(&mut self, items: &[Item], module: &str, file: usize) {
        for item in items {
            self.item(item, module, file);
        }
    }

    fn item(&mut self, item: &Item, module: &str, file: usize) {
        match item {
            Item::Mod(inner) if !is_test(&inner.attrs) => {
                if let Some((_, items)) = &inner.content {
                    self.take(items, &inner.ident.to_string(), file);
                }
            }
            Item::Fn(function) if !is_test(&function.attrs) => {
                self.predicate(&function.attrs, uses_caller(function));
                self.function(&function.sig, &function.attrs, &function.block, module, file);
            }
            Item::Impl(implementation) => {
                let home = type_name(&implementation.self_ty);
                let home = home.split('<').next().unwrap_or_default().to_owned();
                for item in &implementation.items {
                    if let ImplItem::Fn(function) = item {
                        self.function(&function.sig, &function.attrs, &function.block, &home, file);
                    }
                }
            }
            Item::Struct(item) => self.structure(item, file),
            Item::Const(item) => {
                let text = text_of(&item.expr).unwrap_or_default().replace(' ', "");
                self.predicate(&item.attrs, text.contains("caller()"));
                self.constants.insert(item.ident.to_string(), Rc::new((*item.expr).clone()));
            }
            Item::Static(item) => {
                self.constants.insert(item.ident.to_string(), Rc::new((*item.expr).clone()));
            }
            Item::Use(item) => self.import(&item.tree, ""),
            _ => {}
        }
    }

    fn import(&mut self, tree: &UseTree, path: &str) {
        match tree {
            UseTree::Path(part) => self.import(&part.tree, &format!("{path}{}::", part.ident)),
            UseTree::Name(name) => {
                let name = name.ident.to_string();
                if name != "self" {
                    self.imports.insert(name.clone(), format!("{path}{name}"));
                }
            }
            UseTree::Rename(rename) => {
                let full = format!("{path}{}", rename.ident);
                let full = full.trim_end_matches("::self").to_owned();
                self.imports.insert(rename.rename.to_string(), full);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, path);
                }
            }
            UseTree::Glob(_) => {}
        }
    }

    /// What may be a `can_write` predicate, and whether it names the caller.
    fn predicate(&mut self, attributes: &[Attribute], names_caller: bool) {
        for attribute in attributes.iter().filter(|a| a.path().is_ident("can_write")) {
            self.tables.entry(argument(attribute)).or_default().guarded |= names_caller;
        }
    }

    fn function(
        &mut self,
        signature: &syn::Signature,
        attributes: &[Attribute],
        block: &syn::Block,
        home: &str,
        file: usize,
    ) {
        let parameters = signature.inputs.iter().map(|input| match input {
            FnArg::Receiver(_) => ("self".to_owned(), home.to_owned()),
            FnArg::Typed(typed) => {
                let name = match &*typed.pat {
                    Pat::Ident(ident) => ident.ident.to_string(),
                    _ => String::new(),
                };
                (name, type_name(&typed.ty))
            }
        });
        let output = match &signature.output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, ty) => type_name(ty),
        };
        self.functions.push(Rc::new(Function {
            name: signature.ident.to_string(),
            home: home.into(),
            kinds: kinds(attributes),
            file,
            parameters: parameters.collect(),
            method: matches!(signature.inputs.first(), Some(FnArg::Receiver(_))),
            result: output.starts_with("Result<"),
            option: output.starts_with("Option<"),
            output: inner(&output).into(),
            span: signature.ident.span(),
            block: block.clone(),
        }));
    }

    fn structure(&mut self, item: &syn::ItemStruct, file: usize) {
        let ident = item.ident.to_string();
        let mut fields = BTreeMap::new();
        for field in &item.fields {
            let Some(name) = &field.ident else { continue };
            let ty = type_name(&field.ty);
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
        let table = self.tables.entry(name.clone()).or_default();
        table.name = name;
        table.row = ident;
        let mut first_key = true;
        for field in &item.fields {
            let Some(ident) = &field.ident else { continue };
            let mut column =
                Column { name: ident.to_string(), ty: type_name(&field.ty), ..Column::default() };
            column.floored = column.ty == "u32" || floors(&arguments, &column.name);
            for attribute in &field.attrs {
                let path = attribute.path();
                if path.is_ident("key") {
                    column.key = true;
                    column.indexed |= std::mem::take(&mut first_key);
                }
                column.indexed |= path.is_ident("index") || path.is_ident("unique");
                if path.is_ident("check") {
                    column.floored |= floors(&argument(attribute), &column.name);
                }
                if path.is_ident("references") {
                    let target = argument(attribute).replace('"', "");
                    column.references = target.split('(').next().map(|t| t.trim().to_owned());
                }
            }
            table.columns.push(column);
        }
        for part in ["index", "unique"] {
            for rest in arguments.split(part).skip(1) {
                let list = rest.trim_start().strip_prefix('(').unwrap_or_default();
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

    /// The table whose rows have this type.
    pub(crate) fn table_of_row(&self, row: &str) -> Option<&Table> {
        self.tables.values().find(|table| !table.row.is_empty() && table.row == row)
    }

    /// The type of a field of a row or another struct.
    pub(crate) fn field_type(&self, ty: &str, field: &str) -> String {
        if let Some(table) = self.table_of_row(ty) {
            return table.column(field).map(|column| column.ty.clone()).unwrap_or_default();
        }
        self.structs.get(ty).and_then(|fields| fields.get(field)).cloned().unwrap_or_default()
    }

    /// The function that a path or a method name means.
    pub(crate) fn find(
        &self,
        home: Option<&str>,
        name: &str,
        method: bool,
    ) -> Option<Rc<Function>> {
        let mut named = self.functions.iter().filter(|f| f.name == name && f.method == method);
        match home {
            None => named.next().cloned(),
            Some(home) => named.find(|f| f.home == home).cloned(),
        }
    }
}

/// `#[cfg(test)]` and `#[test]`.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg") && argument(attribute).trim() == "test")
    })
}
