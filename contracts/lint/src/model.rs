//! What a crate declares: tables, functions, constants and imports.

use crate::types::{answer, inner};
use quote::ToTokens;
use std::collections::BTreeMap;
use std::rc::Rc;
use syn::{
    Attribute, Expr, FnArg, ImplItem, Item, Lit, Pat, ReturnType, Stmt, TraitItem, Type, UseTree,
};

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
    /// No two rows have the same: the only key, or unique by itself.
    pub(crate) unique: bool,
    /// A key that the store counts up.
    pub(crate) auto: bool,
    /// The only key, of which a condition leaves few: the table is small.
    pub(crate) few: bool,
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
    /// Columns that are unique together.
    pub(crate) unique: Vec<Vec<String>>,
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
    /// The type, without `Result`.
    pub(crate) answer: String,
    /// A branch by a comparison answers `false` or `None`.
    pub(crate) refuses: bool,
    /// Its body calls it again.
    pub(crate) recursive: bool,
    /// A parameter is `&mut`.
    pub(crate) mutates: bool,
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
    /// Names of enums.
    pub(crate) enums: std::collections::BTreeSet<String>,
    pub(crate) aliases: BTreeMap<String, crate::types::Alias>,
    /// `macro_rules!` by name.
    pub(crate) macros: BTreeMap<String, Vec<crate::expand::Arm>>,
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

pub(crate) fn argument(attribute: &Attribute) -> String {
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

impl Model {
    /// Adds files: items, and the module that they stand in.
    pub(crate) fn read(&mut self, files: &[(Vec<Item>, String)]) {
        for (items, _) in files {
            self.take_aliases(items);
        }
        for (file, (items, module)) in files.iter().enumerate() {
            self.take(items, module, file);
        }
    }

    /// Adds the items of one file.
    fn take(&mut self, items: &[Item], module: &str, file: usize) {
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
                let home = self.type_of(&implementation.self_ty);
                let home = home.split('<').next().unwrap_or_default().to_owned();
                for item in &implementation.items {
                    match item {
                        ImplItem::Fn(function) => self.function(
                            &function.sig,
                            &function.attrs,
                            &function.block,
                            &home,
                            file,
                        ),
                        ImplItem::Const(item) => {
                            self.constants
                                .insert(item.ident.to_string(), Rc::new(item.expr.clone()));
                        }
                        _ => {}
                    }
                }
            }
            Item::Trait(item) => {
                let home = item.ident.to_string();
                for item in &item.items {
                    if let TraitItem::Fn(function) = item
                        && let Some(block) = &function.default
                    {
                        self.function(&function.sig, &function.attrs, block, &home, file);
                    }
                }
            }
            Item::Struct(item) => self.structure(item, file),
            Item::Enum(item) => {
                self.enums.insert(item.ident.to_string());
            }
            Item::Const(item) => {
                let text = text_of(&item.expr).unwrap_or_default().replace(' ', "");
                self.predicate(&item.attrs, text.contains("caller()"));
                self.constants.insert(item.ident.to_string(), Rc::new((*item.expr).clone()));
            }
            Item::Static(item) => {
                self.constants.insert(item.ident.to_string(), Rc::new((*item.expr).clone()));
            }
            Item::Use(item) => self.import(&item.tree, ""),
            Item::Macro(item) => {
                if let Some(name) = &item.ident {
                    let arms = crate::expand::arms(item.mac.tokens.clone());
                    self.macros.insert(name.to_string(), arms);
                }
            }
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
        let parameters: Vec<_> = signature
            .inputs
            .iter()
            .map(|input| match input {
                FnArg::Receiver(_) => ("self".to_owned(), home.to_owned()),
                FnArg::Typed(typed) => {
                    let name = match &*typed.pat {
                        Pat::Ident(ident) => ident.ident.to_string(),
                        _ => String::new(),
                    };
                    (name, self.type_of(&typed.ty))
                }
            })
            .collect();
        let output = match &signature.output {
            ReturnType::Default => String::new(),
            ReturnType::Type(_, ty) => own_name(&self.type_of(ty), home),
        };
        let mutates = signature.inputs.iter().any(|input| match input {
            FnArg::Receiver(receiver) => receiver.mutability.is_some(),
            FnArg::Typed(typed) => {
                matches!(&*typed.ty, Type::Reference(r) if r.mutability.is_some())
            }
        });
        let body = block.to_token_stream();
        let name = signature.ident.to_string();
        let method = matches!(signature.inputs.first(), Some(FnArg::Receiver(_)));
        self.functions.push(Rc::new(Function {
            refuses: crate::dropped::refuses(body.clone()),
            recursive: crate::repeat::calls_itself(body, &name, method),
            name,
            home: home.into(),
            kinds: kinds(attributes),
            file,
            parameters,
            method,
            result: output.starts_with("Result<"),
            option: output.starts_with("Option<"),
            answer: answer(&output),
            mutates,
            output: inner(&output).into(),
            span: signature.ident.span(),
            block: block.clone(),
        }));
        for statement in &block.stmts {
            if let Stmt::Item(item) = statement {
                self.item(item, home, file);
            }
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

/// A type with the name of the type that it stands in for `Self`.
fn own_name(ty: &str, home: &str) -> String {
    let parts = ty.split_inclusive(|c: char| !c.is_alphanumeric() && c != '_');
    parts
        .map(|part| {
            part.strip_prefix("Self").map_or(part.to_owned(), |rest| {
                let whole = !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
                if whole { format!("{home}{rest}") } else { part.to_owned() }
            })
        })
        .collect()
}

/// `#[cfg(test)]` and `#[test]`.
pub(crate) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || (attribute.path().is_ident("cfg") && argument(attribute).trim() == "test")
    })
}
