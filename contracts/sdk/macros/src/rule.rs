//! Rules of tables (rule 9 of the crate): functions that run when rows change.

use crate::doc::{doc, take};
use crate::sql_type;
use crate::table::Table;
use dadbs_abi::section::{Kind, Row};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, ItemFn};

const KINDS: [Kind; 4] = [Kind::Validate, Kind::OnInsert, Kind::OnUpdate, Kind::OnDelete];

/// A function that is a rule.
pub(crate) struct TableRule {
    pub(crate) kind: Kind,
    pub(crate) table: Ident,
    function: Ident,
    takes_context: bool,
    /// Where the parameter's type stands, for the compiler's messages.
    rows: Span,
    doc: String,
}

/// The type that rows of this kind come as.
fn row_type(kind: Kind, row: &str) -> String {
    match kind {
        Kind::Validate => format!("Written<{row}>"),
        Kind::OnUpdate => format!("Updated<{row}>"),
        _ => row.to_owned(),
    }
}

impl TableRule {
    /// The rules that a function is marked as; its marks are removed. One function may be several.
    pub(crate) fn take(function: &mut ItemFn) -> syn::Result<Vec<TableRule>> {
        let mut rules = Vec::new();
        for kind in KINDS {
            let Some(attribute) = take(&mut function.attrs, kind.name())? else { continue };
            let table: Ident = attribute.parse_args().map_err(|error| {
                Error::new(error.span(), format!("write #[{}(table)]", kind.name()))
            })?;
            let inputs: Vec<&FnArg> = function.sig.inputs.iter().collect();
            let is_context = |input: &FnArg| match input {
                FnArg::Typed(typed) => sql_type::text(&typed.ty) == "&Context",
                FnArg::Receiver(_) => false,
            };
            let (takes_context, rows) = match inputs[..] {
                [rows] if !is_context(rows) => (false, rows),
                [context, rows] if is_context(context) => (true, rows),
                _ => {
                    let message = format!(
                        "a rule takes its rows, and &Context in front if it wants it: \
                         fn {}(ctx: &Context, rows: &[{}])",
                        function.sig.ident,
                        row_type(kind, "Row")
                    );
                    return Err(Error::new_spanned(&function.sig, message));
                }
            };
            if !function.sig.generics.params.is_empty() || function.sig.asyncness.is_some() {
                let message = "a rule is a plain function without generics";
                return Err(Error::new_spanned(&function.sig, message));
            }
            rules.push(TableRule {
                kind,
                table,
                function: function.sig.ident.clone(),
                takes_context,
                rows: rows.span(),
                doc: doc(&function.attrs),
            });
        }
        Ok(rules)
    }

    /// Its row of the section.
    pub(crate) fn describe(&self) -> Row {
        Row {
            kind: self.kind,
            name: self.table.to_string(),
            fields: String::new(),
            doc: self.doc.clone(),
            more: Vec::new(),
        }
    }

    /// The exported function.
    pub(crate) fn export(&self, table: &Table) -> TokenStream {
        let kind = self.kind.name();
        let export = format!("{kind}_{}", self.table);
        let wrapper = format_ident!("__dadbs_{kind}_{}", self.table);
        let (function, row) = (&self.function, &table.ident);
        let read = format_ident!(
            "{}",
            match self.kind {
                Kind::Validate => "written",
                Kind::OnInsert => "inserted",
                Kind::OnUpdate => "updated",
                _ => "deleted",
            }
        );
        let context = self.takes_context.then(|| quote!(&::dadbs_sdk::context(),));
        let rows = quote_spanned!(self.rows=> &rows);
        quote! {
            #[cfg_attr(target_arch = "wasm32", unsafe(export_name = #export))]
            #[allow(dead_code)]
            extern "C" fn #wrapper() {
                ::dadbs_sdk::rules::run(|| {
                    let rows = ::dadbs_sdk::rules::#read::<#row>();
                    #function(#context #rows)
                });
            }
        }
    }
}
