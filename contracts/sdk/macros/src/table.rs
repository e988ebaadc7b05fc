//! `#[table]`: a struct that is a row of a table.
//!
//! 1. `#[table]` names the table after the struct in snake case, `#[table(name = "orders")]` otherwise;
//!    further arguments are `index(a, b)`, `unique(a, b)` and `check("condition")`.
//! 2. Fields are columns: `String`, `Vec<u8>`, `i64`, `u32`, `bool`, `f64`, or an `Option` of these, which
//!    may be NULL. The range of `u32` and `bool` is a CHECK. The table is STRICT.
//! 3. `#[key]` marks the primary key; several make a composite one, in the order of the fields.
//!    `#[key(auto)]` on one `i64` lets the database number rows: what stands in the field is not written.
//! 4. Fields take `#[index]`, `#[unique]`, `#[check("condition")]`, `#[default("expression")]` and
//!    `#[references("table(column)")]`.
//! 5. The accessor of `ctx.db` has the table's name and offers insert, get, update, delete, scan, count,
//!    and `by_<field>` for each field with `#[index]` (rows) or `#[unique]` (one row).

use crate::doc::{doc, string, take};
use crate::sql_type::column;
use dadbs_abi::schema::{self, Item, Part};
use dadbs_abi::section::{Kind, Row};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote};
use std::fmt::Write as _;
use syn::punctuated::Punctuated;
use syn::{Attribute, Error, Fields, ItemStruct, LitStr, Meta, Token, Type, parenthesized};

/// One part of the declaration, with texts of its own.
pub(crate) struct Declared {
    item: Item,
    name: String,
    definition: String,
}

struct Field {
    ident: Ident,
    ty: Type,
    key: bool,
    indexed: bool,
    unique: bool,
}

impl Field {
    fn name(&self) -> String {
        self.ident.to_string()
    }

    /// The type of a parameter that is compared with the column.
    fn lookup(&self) -> TokenStream {
        let ty = &self.ty;
        match crate::sql_type::text(ty).as_str() {
            "String" | "Option<String>" => quote!(&str),
            "Vec<u8>" | "Option<Vec<u8>>" => quote!(&[u8]),
            "Option<i64>" => quote!(i64),
            "Option<u32>" => quote!(u32),
            "Option<bool>" => quote!(bool),
            "Option<f64>" => quote!(f64),
            _ => quote!(#ty),
        }
    }
}

/// A declared table.
pub(crate) struct Table {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    doc: String,
    fields: Vec<Field>,
    auto: bool,
    parts: Vec<Declared>,
    /// The columns as the section lists them.
    pub(crate) columns: String,
}

/// `Order` as `order`, `LineItem` as `line_item`.
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

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !name.starts_with("sqlite_")
}

/// Quoted column names, with commas.
fn list(names: &[String]) -> String {
    names.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

impl Table {
    /// The table that a struct is marked as; its marks are removed.
    pub(crate) fn take(item: &mut ItemStruct) -> syn::Result<Option<Table>> {
        let Some(attribute) = take(&mut item.attrs, "table")? else { return Ok(None) };
        let Fields::Named(fields) = &mut item.fields else {
            return Err(Error::new_spanned(
                &item.ident,
                "#[table] needs a struct with named fields",
            ));
        };
        if !item.generics.params.is_empty() {
            return Err(Error::new_spanned(&item.generics, "a table has no generics"));
        }
        let mut table = Table {
            ident: item.ident.clone(),
            name: snake(&item.ident.to_string()),
            doc: doc(&item.attrs),
            fields: Vec::new(),
            auto: false,
            parts: Vec::new(),
            columns: String::new(),
        };
        table.arguments(&attribute, true)?;
        if !is_name(&table.name) {
            let message =
                "a table's name is a lower-case letter, then letters, digits and underscores";
            return Err(Error::new_spanned(&item.ident, message));
        }
        let keys = fields.named.iter().filter(|f| f.attrs.iter().any(|a| a.path().is_ident("key")));
        let one_key = keys.count() == 1;
        for field in &mut fields.named {
            table.field(field, one_key)?;
        }
        let keys: Vec<String> = table.keys().map(Field::name).collect();
        if keys.is_empty() {
            let message = "mark the primary key with #[key]";
            return Err(Error::new_spanned(&item.ident, message));
        }
        if !one_key {
            table.constraint(format!("PRIMARY KEY ({})", list(&keys)));
        }
        table.arguments(&attribute, false)?;
        table.columns = table.column_list();
        Ok(Some(table))
    }

    fn keys(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.key)
    }

    /// True if the column may be NULL; `None` if there is no such column.
    pub(crate) fn is_nullable(&self, name: &Ident) -> Option<bool> {
        let field = self.fields.iter().find(|field| field.ident == *name)?;
        column(&field.ty).map(|(_, _, nullable)| nullable)
    }

    fn constraint(&mut self, definition: String) {
        self.parts.push(Declared { item: Item::Constraint, name: String::new(), definition });
    }

    fn index(&mut self, columns: &[String], unique: bool) {
        let name = format!("{}_{}", self.name, columns.join("_"));
        let unique = if unique { "UNIQUE " } else { "" };
        let definition =
            format!("CREATE {unique}INDEX \"{name}\" ON \"{}\" ({})", self.name, list(columns));
        self.parts.push(Declared { item: Item::Index, name, definition });
    }

    /// The arguments of `#[table(..)]`: the name first, since indexes are named by it.
    fn arguments(&mut self, attribute: &Attribute, name_only: bool) -> syn::Result<()> {
        if matches!(attribute.meta, Meta::Path(_)) {
            return Ok(());
        }
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                let name: LitStr = meta.value()?.parse()?;
                self.name = name.value();
                return Ok(());
            }
            let content;
            parenthesized!(content in meta.input);
            if meta.path.is_ident("check") {
                let condition: LitStr = content.parse()?;
                if !name_only {
                    self.constraint(format!("CHECK ({})", condition.value()));
                }
                return Ok(());
            }
            let unique = meta.path.is_ident("unique");
            if !unique && !meta.path.is_ident("index") {
                return Err(
                    meta.error("a table takes name = \"..\", index(..), unique(..), check(\"..\")")
                );
            }
            let columns = Punctuated::<Ident, Token![,]>::parse_terminated(&content)?;
            if name_only {
                return Ok(());
            }
            for column in &columns {
                if !self.fields.iter().any(|field| field.ident == *column) {
                    return Err(Error::new_spanned(
                        column,
                        format!("{} has no such column", self.name),
                    ));
                }
            }
            let columns: Vec<String> = columns.iter().map(ToString::to_string).collect();
            self.index(&columns, unique);
            Ok(())
        })
    }

    fn field(&mut self, field: &mut syn::Field, one_key: bool) -> syn::Result<()> {
        let Some(ident) = field.ident.clone() else { return Ok(()) };
        let name = ident.to_string();
        let Some((sql, range, nullable)) = column(&field.ty) else {
            let message = "a column is String, Vec<u8>, i64, u32, bool, f64, or an Option of these";
            return Err(Error::new_spanned(&field.ty, message));
        };
        let key = take(&mut field.attrs, "key")?;
        if let Some(key) = &key
            && nullable
        {
            return Err(Error::new_spanned(key, "a key is never NULL"));
        }
        if let Some(key) = &key
            && matches!(key.meta, Meta::List(_))
        {
            let auto: Ident = key.parse_args()?;
            if auto != "auto" || !one_key || crate::sql_type::text(&field.ty) != "i64" {
                return Err(Error::new_spanned(key, "#[key(auto)] stands on the one key, an i64"));
            }
            self.auto = true;
        }
        let mut definition = sql.to_owned();
        if !nullable {
            definition.push_str(" NOT NULL");
        }
        if key.is_some() && one_key {
            definition.push_str(" PRIMARY KEY");
        }
        if let Some(default) = take(&mut field.attrs, "default")? {
            let _ = write!(definition, " DEFAULT ({})", string(&default)?);
        }
        if !range.is_empty() {
            let _ = write!(definition, " CHECK (\"{name}\" {range})");
        }
        if let Some(check) = take(&mut field.attrs, "check")? {
            let _ = write!(definition, " CHECK ({})", string(&check)?);
        }
        if let Some(references) = take(&mut field.attrs, "references")? {
            let target = string(&references)?;
            let Some((table, column)) = target.strip_suffix(')').and_then(|t| t.split_once('('))
            else {
                return Err(Error::new_spanned(
                    references,
                    "write #[references(\"table(column)\")]",
                ));
            };
            let _ = write!(definition, " REFERENCES \"{table}\" (\"{column}\")");
        }
        self.parts.push(Declared { item: Item::Column, name: name.clone(), definition });
        let indexed = take(&mut field.attrs, "index")?.is_some();
        let unique = take(&mut field.attrs, "unique")?.is_some();
        if indexed || unique {
            self.index(&[name], unique);
        }
        let (key, ty) = (key.is_some(), field.ty.clone());
        self.fields.push(Field { ident, ty, key, indexed, unique });
        Ok(())
    }

    fn column_list(&self) -> String {
        let columns = self.fields.iter().filter_map(|field| {
            let (sql, _, nullable) = column(&field.ty)?;
            let null = if nullable { " NULL" } else { "" };
            Some(format!("{} {sql}{null}", field.name()))
        });
        columns.collect::<Vec<_>>().join(", ")
    }

    fn parts(&self) -> Vec<Part<'_>> {
        self.parts
            .iter()
            .map(|part| Part {
                table: &self.name,
                item: part.item,
                name: &part.name,
                definition: &part.definition,
            })
            .collect()
    }

    /// The parts as expressions of the generated constant.
    pub(crate) fn part_tokens(&self) -> impl Iterator<Item = TokenStream> {
        let table = &self.name;
        self.parts.iter().map(move |part| {
            let item = format_ident!(
                "{}",
                match part.item {
                    Item::Column => "Column",
                    Item::Constraint => "Constraint",
                    Item::Index => "Index",
                }
            );
            let (name, definition) = (&part.name, &part.definition);
            quote! {
                ::dadbs_sdk::schema::Part {
                    table: #table,
                    item: ::dadbs_sdk::schema::Item::#item,
                    name: #name,
                    definition: #definition,
                }
            }
        })
    }

    /// Its row of the section.
    pub(crate) fn describe(&self) -> Row {
        Row {
            kind: Kind::Table,
            name: self.name.clone(),
            fields: self.columns.clone(),
            doc: self.doc.clone(),
            more: schema::create(&self.parts(), &self.name),
        }
    }

    /// The name of the accessor's type.
    fn accessor(&self) -> Ident {
        format_ident!("{}Table", self.ident)
    }

    /// The method of `ctx.db` (rule 5), as a signature and its body.
    pub(crate) fn method(&self) -> (TokenStream, TokenStream) {
        let (name, accessor) = (Ident::new(&self.name, Span::call_site()), self.accessor());
        (quote!(fn #name(&self) -> #accessor), quote!({ #accessor }))
    }

    /// The row's codec and the accessor's type.
    pub(crate) fn tokens(&self) -> TokenStream {
        let (codec, accessor) = (self.codec_tokens(), self.accessor_tokens());
        quote!(#codec #accessor)
    }

    /// The row's codec.
    fn codec_tokens(&self) -> TokenStream {
        let ident = &self.ident;
        let idents: Vec<&Ident> = self.fields.iter().map(|field| &field.ident).collect();
        let names: Vec<String> = self.fields.iter().map(Field::name).collect();
        let keys: Vec<&Ident> = self.keys().map(|field| &field.ident).collect();
        let places = 0..names.len();
        let Statements { insert, update, .. } = &self.statements(&names);
        let written = self.fields.iter().map(|field| {
            let ident = &field.ident;
            if self.auto && field.key {
                quote!(::dadbs_sdk::ValueRef::Null)
            } else {
                quote!(::dadbs_sdk::value::AsValue::as_value(&self.#ident))
            }
        });
        quote! {
            impl ::dadbs_sdk::table::Row for #ident {
                const INSERT: &'static str = #insert;
                const UPDATE: &'static str = #update;

                fn write(&self, out: &mut ::dadbs_sdk::alloc::vec::Vec<u8>) {
                    ::dadbs_sdk::table::encode(&[#(#written),*], out);
                }

                fn write_update(&self, out: &mut ::dadbs_sdk::alloc::vec::Vec<u8>) {
                    ::dadbs_sdk::table::encode(
                        &[
                            #(::dadbs_sdk::value::AsValue::as_value(&self.#idents),)*
                            #(::dadbs_sdk::value::AsValue::as_value(&self.#keys),)*
                        ],
                        out,
                    );
                }

                fn write_output(&self, out: &mut ::dadbs_sdk::alloc::vec::Vec<u8>) {
                    ::dadbs_sdk::table::encode_output(
                        &[#(::dadbs_sdk::value::AsValue::as_value(&self.#idents)),*],
                        out,
                    );
                }

                fn read(row: &[::dadbs_sdk::ValueRef<'_>]) -> Self {
                    #ident { #(#idents: ::dadbs_sdk::table::field(row, #places, #names)),* }
                }
            }

            impl ::dadbs_sdk::table::FromRow for #ident {
                fn from_row(row: &[::dadbs_sdk::ValueRef<'_>]) -> Self {
                    <#ident as ::dadbs_sdk::table::Row>::read(row)
                }
            }

            impl ::dadbs_sdk::entry::Output for #ident {
                fn write(self) {
                    let row = [#(::dadbs_sdk::value::AsValue::as_value(&self.#idents)),*];
                    ::dadbs_sdk::table::write_row(&row);
                }
            }
        }
    }

    /// The accessor's type.
    fn accessor_tokens(&self) -> TokenStream {
        let (ident, accessor) = (&self.ident, self.accessor());
        let names: Vec<String> = self.fields.iter().map(Field::name).collect();
        let keys: Vec<&Ident> = self.keys().map(|field| &field.ident).collect();
        let Statements { select, delete, by_key, table, .. } = &self.statements(&names);
        let key_names: Vec<String> = self.keys().map(Field::name).collect();
        let after =
            format!(" WHERE ({}) > ({})", list(&key_names), vec!["?"; keys.len()].join(", "));
        let order = format!(" ORDER BY {} LIMIT ?", list(&key_names));
        let by_field = self.fields.iter().filter(|field| field.indexed || field.unique);
        let by_field = by_field.map(|field| self.lookup(field, &order));
        let key_parameters: Vec<TokenStream> = self
            .keys()
            .map(|field| {
                let (name, ty) = (&field.ident, field.lookup());
                quote!(#name: #ty)
            })
            .collect();
        let insert_doc =
            if self.auto { "Adds a row; answers the key that it got." } else { "Adds a row." };
        let (insert_type, insert_run) = if self.auto {
            (quote!(i64), quote!(::dadbs_sdk::table::insert_numbered(row)))
        } else {
            (quote!(()), quote!(::dadbs_sdk::table::insert(row)))
        };
        quote! {
            #[doc = "The rows of the table, by keys and indexes."]
            #[allow(private_interfaces, unreachable_pub)]
            #[derive(Clone, Copy, Debug)]
            pub struct #accessor;

            #[allow(dead_code, private_interfaces, unreachable_pub, clippy::unused_self)]
            impl #accessor {
                #[doc = #insert_doc]
                pub fn insert(self, row: &#ident) -> Result<#insert_type, ::dadbs_sdk::Refusal> {
                    #insert_run
                }

                /// The row with this key.
                pub fn get(self, #(#key_parameters),*) -> Result<Option<#ident>, ::dadbs_sdk::Refusal> {
                    ::dadbs_sdk::table::one(concat!(#select, #by_key), ::dadbs_sdk::params![#(#keys),*])
                }

                /// Writes the row over the one with its key; false if there is none.
                pub fn update(self, row: &#ident) -> Result<bool, ::dadbs_sdk::Refusal> {
                    ::dadbs_sdk::table::update(row)
                }

                /// Removes the row with this key; false if there is none.
                pub fn delete(self, #(#key_parameters),*) -> Result<bool, ::dadbs_sdk::Refusal> {
                    Ok(::dadbs_sdk::sql::exec(#delete, ::dadbs_sdk::params![#(#keys),*])? > 0)
                }

                /// At most `limit` rows, by key.
                pub fn scan(self, limit: u32) -> Result<::dadbs_sdk::alloc::vec::Vec<#ident>, ::dadbs_sdk::Refusal> {
                    ::dadbs_sdk::table::many(concat!(#select, #order), ::dadbs_sdk::params![limit])
                }

                /// At most `limit` rows behind this key, by key.
                pub fn scan_after(
                    self,
                    #(#key_parameters,)*
                    limit: u32,
                ) -> Result<::dadbs_sdk::alloc::vec::Vec<#ident>, ::dadbs_sdk::Refusal> {
                    ::dadbs_sdk::table::many(
                        concat!(#select, #after, #order),
                        ::dadbs_sdk::params![#(#keys,)* limit],
                    )
                }

                /// The number of rows; every row is read for it.
                pub fn count(self) -> Result<i64, ::dadbs_sdk::Refusal> {
                    ::dadbs_sdk::table::count(#table)
                }

                #(#by_field)*
            }
        }
    }

    /// `by_<field>`.
    fn lookup(&self, field: &Field, order: &str) -> TokenStream {
        let (ident, name, ty) = (&self.ident, &field.ident, field.lookup());
        let method = format_ident!("by_{name}");
        let names: Vec<String> = self.fields.iter().map(Field::name).collect();
        let select = self.statements(&names).select;
        let condition = format!(" WHERE \"{name}\" = ?");
        if field.unique {
            return quote! {
                /// The row with this value, which is unique.
                pub fn #method(self, #name: #ty) -> Result<Option<#ident>, ::dadbs_sdk::Refusal> {
                    ::dadbs_sdk::table::one(concat!(#select, #condition), ::dadbs_sdk::params![#name])
                }
            };
        }
        quote! {
            /// At most `limit` rows with this value, by key.
            pub fn #method(
                self,
                #name: #ty,
                limit: u32,
            ) -> Result<::dadbs_sdk::alloc::vec::Vec<#ident>, ::dadbs_sdk::Refusal> {
                ::dadbs_sdk::table::many(
                    concat!(#select, #condition, #order),
                    ::dadbs_sdk::params![#name, limit],
                )
            }
        }
    }

    fn statements(&self, names: &[String]) -> Statements {
        let table = self.name.clone();
        let marks = vec!["?"; names.len()].join(", ");
        let set: Vec<String> = names.iter().map(|name| format!("\"{name}\" = ?")).collect();
        let keys: Vec<String> = self.keys().map(|key| format!("\"{}\" = ?", key.ident)).collect();
        let by_key = format!(" WHERE {}", keys.join(" AND "));
        let returning = match self.keys().next() {
            Some(key) if self.auto => format!(" RETURNING \"{}\"", key.ident),
            _ => String::new(),
        };
        Statements {
            insert: format!(
                "INSERT INTO \"{table}\" ({}) VALUES ({marks}){returning}",
                list(names)
            ),
            select: format!("SELECT {} FROM \"{table}\"", list(names)),
            update: format!("UPDATE \"{table}\" SET {}{by_key}", set.join(", ")),
            delete: format!("DELETE FROM \"{table}\"{by_key}"),
            by_key,
            table,
        }
    }
}

/// The texts that an accessor runs.
struct Statements {
    insert: String,
    select: String,
    update: String,
    delete: String,
    by_key: String,
    table: String,
}
