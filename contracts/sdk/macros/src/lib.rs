//! The macros of the SDK: `#[contract]` with all that stands in its module, and `sql!`.
//!
//! 1. The attribute stands on an inline module. Its functions with exactly one of `#[init]`, `#[call]`,
//!    `#[view]`, `#[migrate]`, `#[scheduled]` become the exports `init`, `call_<name>`, `view_<name>`,
//!    `migrate`, `scheduled_<name>`, and the module gets the marker `dadbs_abi_1`.
//! 2. There is exactly one `#[init]` and at most one `#[migrate]`; two entry points of one kind never
//!    share a name (the compiler refuses two functions of one name).
//! 3. A parameter is a plain name with a type that SQL has; others do not compile. A first parameter
//!    `&Context` takes the facts of the call and the tables.
//! 4. The section `dadbs_abi` describes the contract (`dadbs_abi::section`): first the entry points in the
//!    order of the source, then tables, errors, events and predicates.
//! 5. Structs with `#[table]` are tables (see `table`). They are made before the body of `#[init]` runs.
//!    A contract with tables always has the export `migrate`, which brings the tables to what the new
//!    code declares before the body of `#[migrate]` runs; its first parameter is `accept_losses`.
//! 6. An enum with `#[error]` becomes a refusal: `Name (number): doc, field = value`. Numbers count from
//!    1 in the order of the variants, or are their discriminants.
//! 7. A struct with `#[event]` gets `emit`, which adds the event with its fields as attributes.
//! 8. `#[can_read(table)]` and `#[can_write(table)]` stand on functions of a row and the caller, which are
//!    translated into SQL, or on string constants that are SQL (see `predicate`). A table has one of each.
//! 9. `#[validate(table)]`, `#[on_insert(table)]`, `#[on_update(table)]`, `#[on_delete(table)]` make a function
//!    the export of that name. It takes its rows, which the compiler compares: `&[Written<Row>]`, `&[Row]`,
//!    `&[Updated<Row>]` and `&[Row]`. A table has one rule of each kind.
//! 10. A function with `#[scheduled]` is a method of `ctx.later()`, which takes its parameters.

mod declared;
mod doc;
mod entry;
mod predicate;
mod rule;
mod sql;
mod sql_type;
mod table;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod translation_tests;

use dadbs_abi::section::{Kind, Row};
use declared::{ErrorEnum, EventStruct};
use entry::Entry;
use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, quote};
use rule::TableRule;
use syn::{Error, Item, ItemMod};
use table::Table;

/// Turns a module into a contract; see the rules of `dadbs_sdk`.
#[proc_macro_attribute]
pub fn contract(
    arguments: proc_macro::TokenStream,
    item: proc_macro::TokenStream,
) -> proc_macro::TokenStream {
    let expanded = if arguments.is_empty() {
        syn::parse::<ItemMod>(item).and_then(expand)
    } else {
        Err(Error::new(Span::call_site(), "#[contract] takes no arguments"))
    };
    expanded.unwrap_or_else(|error| error.to_compile_error()).into()
}

/// A statement with its parameters, checked by `dadbs contract build`; see the rules of `dadbs_sdk`.
#[proc_macro]
pub fn sql(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    let sql = syn::parse_macro_input!(input as sql::Sql);
    let span = sql.text.span().unwrap();
    let place = format!("{}:{}:{}", span.file(), span.line(), span.column());
    sql::expand(&sql, &place).into()
}

/// What stands in a contract's module.
#[derive(Default)]
struct Contract {
    entries: Vec<Entry>,
    tables: Vec<Table>,
    errors: Vec<ErrorEnum>,
    events: Vec<EventStruct>,
    predicates: Vec<Row>,
    rules: Vec<TableRule>,
}

impl Contract {
    fn take(items: &mut [Item]) -> syn::Result<Contract> {
        let mut contract = Contract::default();
        let mut marked = Vec::new();
        for (at, item) in items.iter_mut().enumerate() {
            match item {
                Item::Fn(function) => {
                    marked.extend(
                        Some((at, predicate::marks(function)?)).filter(|m| !m.1.is_empty()),
                    );
                    contract.rules.extend(TableRule::take(function)?);
                    contract.entries.extend(Entry::take(function)?);
                }
                Item::Enum(item) => contract.errors.extend(ErrorEnum::take(item)?),
                Item::Const(item) => contract.predicates.extend(predicate::of_constant(item)?),
                Item::Struct(item) => {
                    contract.tables.extend(Table::take(item)?);
                    contract.events.extend(EventStruct::take(item)?);
                }
                _ => {}
            }
        }
        let unknown = |kind: Kind, table: &str| {
            format!("#[{}({table})]: no #[table] has this name", kind.name())
        };
        for (at, marks) in marked {
            let Item::Fn(function) = &items[at] else { continue };
            let function = function.clone();
            for (kind, mark) in marks {
                let table = contract.table(&mark.to_string());
                let table = table
                    .ok_or_else(|| Error::new_spanned(&mark, unknown(kind, &mark.to_string())))?;
                let row = predicate::of_function(&function, kind, &mark, table)?;
                contract.predicates.push(row);
            }
            items[at] = predicate::kept(function);
        }
        for (at, row) in contract.predicates.iter().enumerate() {
            if contract.table(&row.name).is_none() {
                return Err(Error::new(Span::call_site(), unknown(row.kind, &row.name)));
            }
            if contract.predicates[..at].iter().any(|o| o.kind == row.kind && o.name == row.name) {
                let message = format!("{} has a #[{}] already", row.name, row.kind.name());
                return Err(Error::new(Span::call_site(), message));
            }
        }
        for (at, rule) in contract.rules.iter().enumerate() {
            let name = rule.table.to_string();
            if contract.table(&name).is_none() {
                return Err(Error::new_spanned(&rule.table, unknown(rule.kind, &name)));
            }
            let same = |other: &TableRule| other.kind == rule.kind && other.table == rule.table;
            if contract.rules[..at].iter().any(same) {
                let message = format!("{name} has a rule #[{}] already", rule.kind.name());
                return Err(Error::new_spanned(&rule.table, message));
            }
        }
        Ok(contract)
    }

    /// The table of this name.
    fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// Rule 2.
    fn check(&self, module: &ItemMod) -> syn::Result<()> {
        for kind in [Kind::Init, Kind::Migrate] {
            if let Some(twice) = self.entries.iter().filter(|entry| entry.kind == kind).nth(1) {
                let message = format!("a contract has one #[{}]", kind.name());
                return Err(Error::new_spanned(&twice.function, message));
            }
        }
        if !self.entries.iter().any(|entry| entry.kind == Kind::Init) {
            let message = "a contract needs a function with #[init]";
            return Err(Error::new_spanned(&module.ident, message));
        }
        Ok(())
    }

    /// The columns of a row type.
    fn columns(&self, ident: &str) -> Option<String> {
        self.tables.iter().find(|table| table.ident == ident).map(|table| table.columns.clone())
    }

    fn has_migrate(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == Kind::Migrate)
    }

    /// Rule 4.
    fn section(&self) -> Vec<u8> {
        let with_tables = !self.tables.is_empty();
        let columns = |ident: &str| self.columns(ident);
        let mut rows: Vec<Row> =
            self.entries.iter().map(|entry| entry.describe(with_tables, columns)).collect();
        if with_tables && !self.has_migrate() {
            rows.push(entry::default_migrate());
        }
        rows.extend(self.rules.iter().map(TableRule::describe));
        rows.extend(self.tables.iter().map(Table::describe));
        rows.extend(self.errors.iter().flat_map(ErrorEnum::describe));
        rows.extend(self.events.iter().map(EventStruct::describe));
        rows.extend(self.predicates.iter().cloned());
        let mut bytes = Vec::new();
        for row in &rows {
            row.encode(&mut bytes);
        }
        bytes
    }

    /// Rule 10.
    fn later(&self) -> Option<TokenStream> {
        let scheduled = self.entries.iter().filter(|entry| entry.kind == Kind::Scheduled);
        let methods: Vec<_> = scheduled.map(Entry::request).collect();
        if methods.is_empty() {
            return None;
        }
        let signatures = methods.iter().map(|(signature, _)| signature);
        let bodies = methods.iter().map(|(signature, body)| quote!(#signature #body));
        Some(quote! {
            /// The scheduled entry points of the contract, as methods of `ctx.later()`.
            #[allow(dead_code, missing_docs, unreachable_pub)]
            pub trait Scheduled { #(#signatures;)* }

            impl Scheduled for ::dadbs_sdk::later::Later { #(#bodies)* }
        })
    }

    /// What the module gets beside its own items.
    fn tokens(&self) -> TokenStream {
        let with_tables = !self.tables.is_empty();
        let exports = self.entries.iter().map(|entry| entry.export(with_tables));
        let migrate = (with_tables && !self.has_migrate()).then(entry::default_migrate_export);
        let tables = self.tables.iter().map(Table::tokens);
        let errors = self.errors.iter().map(ErrorEnum::tokens);
        let events = self.events.iter().map(EventStruct::tokens);
        let parts = self.tables.iter().flat_map(Table::part_tokens);
        let methods: Vec<_> = self.tables.iter().map(Table::method).collect();
        let signatures = methods.iter().map(|(signature, _)| signature);
        let bodies = methods.iter().map(|(signature, body)| quote!(#signature #body));
        let accessors = with_tables.then(|| {
            quote! {
                /// What the contract declares of its tables.
                const __DADBS_SCHEMA: &[::dadbs_sdk::schema::Part<'_>] = &[#(#parts),*];

                /// The tables of the contract, as methods of `ctx.db`.
                #[allow(dead_code, missing_docs, private_interfaces, unreachable_pub)]
                pub trait Tables { #(#signatures;)* }

                impl Tables for ::dadbs_sdk::table::Db { #(#bodies)* }
            }
        });
        let rules = self
            .rules
            .iter()
            .filter_map(|rule| self.table(&rule.table.to_string()).map(|table| rule.export(table)));
        let later = self.later();
        let section = self.section();
        let (len, bytes) = (section.len(), Literal::byte_string(&section));
        quote! {
            #(#tables)*
            #accessors
            #(#errors)*
            #(#events)*
            #(#exports)*
            #migrate
            #(#rules)*
            #later

            #[cfg(target_arch = "wasm32")]
            const _: () = {
                #[unsafe(link_section = "dadbs_abi")]
                #[used]
                static SECTION: [u8; #len] = *#bytes;

                #[unsafe(export_name = "dadbs_abi_1")]
                extern "C" fn marker() {}
            };
        }
    }
}

fn expand(mut module: ItemMod) -> syn::Result<TokenStream> {
    let Some((_, items)) = &mut module.content else {
        return Err(Error::new_spanned(
            module,
            "#[contract] needs an inline module: mod name { ... }",
        ));
    };
    let contract = Contract::take(items)?;
    items.push(Item::Verbatim(contract.tokens()));
    contract.check(&module)?;
    Ok(module.into_token_stream())
}
