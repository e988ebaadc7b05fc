//! Errors and events (rules 6 and 7 of the crate).

use crate::doc::{doc, take};
use crate::sql_type;
use dadbs_abi::section::{Kind, Row};
use proc_macro2::{Ident, TokenStream};
use quote::quote;
use std::fmt::Write as _;
use syn::{Error, Expr, Fields, Generics, ItemEnum, ItemStruct, Lit};

/// Names and SQL types of named fields; the type of a reference with a lifetime is read without it.
fn fields(fields: &Fields) -> syn::Result<Vec<(Ident, String)>> {
    let mut list = Vec::new();
    for field in fields {
        let Some(name) = &field.ident else {
            return Err(Error::new_spanned(field, "fields have names here: Name { field: type }"));
        };
        let mut ty = field.ty.clone();
        if let syn::Type::Reference(reference) = &mut ty {
            reference.lifetime = None;
        }
        let sql = match sql_type::parameter(&ty) {
            Some(sql) if !sql.contains("NULL") && sql != "..." && sql != "ANY" && sql != "BLOB" => {
                sql
            }
            _ => {
                let message = "a field is a text or a number: &str, String, i64, u32, bool, f64";
                return Err(Error::new_spanned(&field.ty, message));
            }
        };
        list.push((name.clone(), sql));
    }
    Ok(list)
}

fn field_list(fields: &[(Ident, String)]) -> String {
    let parts: Vec<String> = fields.iter().map(|(name, sql)| format!("{name} {sql}")).collect();
    parts.join(", ")
}

struct Variant {
    ident: Ident,
    fields: Vec<(Ident, String)>,
    doc: String,
    number: u32,
}

/// An enum with `#[error]`.
pub(crate) struct ErrorEnum {
    ident: Ident,
    variants: Vec<Variant>,
}

impl ErrorEnum {
    /// The errors that an enum is marked as; its mark is removed.
    pub(crate) fn take(item: &mut ItemEnum) -> syn::Result<Option<ErrorEnum>> {
        if take(&mut item.attrs, "error")?.is_none() {
            return Ok(None);
        }
        if !item.generics.params.is_empty() {
            return Err(Error::new_spanned(&item.generics, "errors have no generics"));
        }
        let mut variants: Vec<Variant> = Vec::new();
        for variant in &mut item.variants {
            let last = variants.last().map_or(0, |last| last.number);
            // The number is the section's: the compiler would want a representation for it.
            let number = match variant.discriminant.take() {
                None => last + 1,
                Some((_, Expr::Lit(literal))) => match &literal.lit {
                    Lit::Int(number) => number.base10_parse()?,
                    other => return Err(Error::new_spanned(other, "an error has a whole number")),
                },
                Some((_, other)) => {
                    return Err(Error::new_spanned(other, "an error has a whole number"));
                }
            };
            if variants.iter().any(|other| other.number == number) {
                return Err(Error::new_spanned(&variant.ident, "two errors have this number"));
            }
            variants.push(Variant {
                ident: variant.ident.clone(),
                fields: fields(&variant.fields)?,
                doc: doc(&variant.attrs),
                number,
            });
        }
        Ok(Some(ErrorEnum { ident: item.ident.clone(), variants }))
    }

    /// Their rows of the section.
    pub(crate) fn describe(&self) -> Vec<Row> {
        let row = |variant: &Variant| Row {
            kind: Kind::Error,
            name: variant.ident.to_string(),
            fields: field_list(&variant.fields),
            doc: variant.doc.clone(),
            more: vec![variant.number.to_string()],
        };
        self.variants.iter().map(row).collect()
    }

    /// The conversion into a refusal.
    pub(crate) fn tokens(&self) -> TokenStream {
        let ident = &self.ident;
        let arms = self.variants.iter().map(|variant| {
            let (name, names) = (&variant.ident, variant.fields.iter().map(|(name, _)| name));
            let names: Vec<&Ident> = names.collect();
            let doc = if variant.doc.is_empty() {
                variant.ident.to_string()
            } else {
                variant.doc.clone()
            };
            // Doc comments are plain text; braces would be taken for places.
            let doc = if names.is_empty() { &doc[..] } else { doc.trim_end_matches('.') };
            let mut text =
                format!("{name} ({}): {doc}", variant.number).replace('{', "{{").replace('}', "}}");
            for (at, name) in names.iter().enumerate() {
                let between = if at == 0 { ":" } else { "," };
                let _ = write!(text, "{between} {name} = {{{name}}}");
            }
            quote!(#ident::#name { #(#names),* } => ::dadbs_sdk::alloc::format!(#text),)
        });
        quote! {
            impl From<#ident> for ::dadbs_sdk::Refusal {
                fn from(error: #ident) -> ::dadbs_sdk::Refusal {
                    ::dadbs_sdk::Refusal::new(match error { #(#arms)* })
                }
            }
        }
    }
}

/// A struct with `#[event]`.
pub(crate) struct EventStruct {
    ident: Ident,
    generics: Generics,
    fields: Vec<(Ident, String)>,
    doc: String,
}

impl EventStruct {
    /// The event that a struct is marked as; its mark is removed.
    pub(crate) fn take(item: &mut ItemStruct) -> syn::Result<Option<EventStruct>> {
        if take(&mut item.attrs, "event")?.is_none() {
            return Ok(None);
        }
        Ok(Some(EventStruct {
            ident: item.ident.clone(),
            generics: item.generics.clone(),
            fields: fields(&item.fields)?,
            doc: doc(&item.attrs),
        }))
    }

    /// Its row of the section.
    pub(crate) fn describe(&self) -> Row {
        Row {
            kind: Kind::Event,
            name: self.ident.to_string(),
            fields: field_list(&self.fields),
            doc: self.doc.clone(),
            more: Vec::new(),
        }
    }

    /// `emit`.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (ident, name) = (&self.ident, self.ident.to_string());
        let (generics, arguments, bounds) = self.generics.split_for_impl();
        let names: Vec<&Ident> = self.fields.iter().map(|(name, _)| name).collect();
        let texts = names.iter().map(ToString::to_string);
        quote! {
            impl #generics #ident #arguments #bounds {
                /// Adds the event to the transaction.
                pub fn emit(&self) {
                    ::dadbs_sdk::emit(
                        #name,
                        &[#((#texts, &*::dadbs_sdk::alloc::string::ToString::to_string(&self.#names))),*],
                    );
                }
            }
        }
    }
}
