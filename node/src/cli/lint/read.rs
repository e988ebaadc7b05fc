//! Declarations and functions of a crate, from its syntax trees.

use super::facts::{Function, Reader};
use super::syntax::is_money;
use super::{Crate, Finding, is_generated};
use std::collections::{BTreeMap, BTreeSet};
use syn::spanned::Spanned;

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
    pub(super) fn declare(&mut self, file: usize, items: &[syn::Item]) {
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
    pub(super) fn clients(
        &mut self,
        files: &[syn::File],
        texts: &[String],
        items: &[syn::Item],
        text: &str,
    ) {
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

    pub(super) fn functions(&mut self, file: usize, items: &[syn::Item]) {
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
