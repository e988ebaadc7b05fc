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
//! 8. `#[can_read(table)]` and `#[can_write(table)]` stand on string constants: SQL predicates.
//! 9. `#[validate(table)]`, `#[on_insert(table)]`, `#[on_update(table)]`, `#[on_delete(table)]` make a function
//!    the export of that name. It takes its rows, which the compiler compares: `&[Written<Row>]`, `&[Row]`,
//!    `&[Updated<Row>]` and `&[Row]`. A table has one rule of each kind.
//! 10. A function with `#[scheduled]` is a method of `ctx.later()`, which takes its parameters.

mod declared;
mod doc;
mod entry;
mod rule;
mod sql;
mod sql_type;
mod table;

use dadbs_abi::section::{Kind, Row};
use declared::{ErrorEnum, EventStruct, predicate};
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
        for item in items {
            match item {
                Item::Fn(function) => {
                    contract.rules.extend(TableRule::take(function)?);
                    contract.entries.extend(Entry::take(function)?);
                }
                Item::Enum(item) => contract.errors.extend(ErrorEnum::take(item)?),
                Item::Const(item) => contract.predicates.extend(predicate(item)?),
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
        for row in &contract.predicates {
            if contract.table(&row.name).is_none() {
                return Err(Error::new(Span::call_site(), unknown(row.kind, &row.name)));
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

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{ItemFn, parse_quote};

    #[test]
    fn rule_1_exports_are_named_by_kind() {
        let module = parse_quote! {
            mod shop {
                #[init] fn start() {}
                #[call] fn buy(item: &str, count: u32) {}
                #[view] fn stock() -> i64 { 0 }
                fn private() {}
            }
        };
        let text = expand(module).unwrap().to_string();
        for export in ["\"init\"", "\"call_buy\"", "\"view_stock\"", "\"dadbs_abi_1\""] {
            assert!(text.contains(export), "{export} is missing in {text}");
        }
        assert!(!text.contains("private ()  }") && !text.contains("call_private"));
    }

    #[test]
    fn rule_2_one_init() {
        assert!(expand(parse_quote! { mod shop { #[call] fn buy() {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] fn a() {} #[init] fn b() {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] #[call] fn a() {} } }).is_err());
    }

    #[test]
    fn rule_3_parameters_have_sql_types() {
        assert!(expand(parse_quote! { mod shop { #[init] fn a(x: Vec<String>) {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] fn a((x, y): i64) {} } }).is_err());
        assert!(expand(parse_quote! { mod shop { #[init] fn a(x: Option<i64>) {} } }).is_ok());
    }

    #[test]
    fn rule_4_the_section_is_golden() {
        let mut function: ItemFn = parse_quote! {
            /// Buys.
            ///
            /// At the price of today.
            #[call]
            fn buy(item: &str, note: Option<&[u8]>, more: Rest<'_>) {}
        };
        let row = Entry::take(&mut function).unwrap().unwrap().describe(false, |_| None);
        assert_eq!(row.export().as_deref(), Some("call_buy"));
        assert_eq!(row.fields, "item TEXT, note BLOB NULL, ...");
        assert_eq!(row.doc, "Buys. At the price of today.");
        assert_eq!(row.more, [""]);
        assert!(function.attrs.iter().all(|attribute| !attribute.path().is_ident("call")));
    }

    /// The section of a contract with an empty `init`.
    fn section(items: TokenStream) -> syn::Result<Vec<Row>> {
        let mut module: ItemMod = parse_quote! { mod shop { #[init] fn init() {} #items } };
        let (_, items) = module.content.as_mut().unwrap();
        let contract = Contract::take(items)?;
        contract.check(&parse_quote! { mod shop {} })?;
        let text = contract.tokens().to_string();
        syn::parse_str::<syn::File>(&text).unwrap();
        Ok(dadbs_abi::section::decode(&contract.section()).unwrap())
    }

    #[test]
    fn rule_5_tables_are_described_with_their_statements() {
        let rows = section(quote! {
            /// What customers bought.
            #[table(name = "orders", index(customer, paid), check("amount < 100"))]
            struct Order {
                #[key(auto)] id: i64,
                #[references("customers(name)")] #[index] customer: String,
                #[check("amount > 0")] amount: u32,
                #[unique] reference: Option<Vec<u8>>,
                #[default("0")] paid: bool,
            }
            #[table] struct LineItem { #[key] a: i64, #[key] b: String }
            #[view] fn open(customer: &str) -> Result<Vec<Order>, Refusal> { todo!() }
        })
        .unwrap();
        assert_eq!(
            rows[1].more,
            ["rows id INTEGER, customer TEXT, amount INTEGER, reference BLOB NULL, paid INTEGER"]
        );
        assert_eq!(
            (rows[2].kind, rows[2].fields.as_str()),
            (Kind::Migrate, "accept_losses INTEGER NULL")
        );
        assert_eq!((rows[3].kind, rows[3].name.as_str()), (Kind::Table, "orders"));
        assert_eq!(
            rows[3].more,
            [
                "CREATE TABLE \"orders\" (\"id\" INTEGER NOT NULL PRIMARY KEY, \
                 \"customer\" TEXT NOT NULL REFERENCES \"customers\" (\"name\"), \
                 \"amount\" INTEGER NOT NULL CHECK (\"amount\" BETWEEN 0 AND 4294967295) CHECK (amount > 0), \
                 \"reference\" BLOB, \
                 \"paid\" INTEGER NOT NULL DEFAULT (0) CHECK (\"paid\" IN (0, 1)), \
                 CHECK (amount < 100)) STRICT",
                "CREATE INDEX \"orders_customer\" ON \"orders\" (\"customer\")",
                "CREATE UNIQUE INDEX \"orders_reference\" ON \"orders\" (\"reference\")",
                "CREATE INDEX \"orders_customer_paid\" ON \"orders\" (\"customer\", \"paid\")",
            ]
        );
        assert_eq!(
            rows[4].more,
            [
                "CREATE TABLE \"line_item\" (\"a\" INTEGER NOT NULL, \"b\" TEXT NOT NULL, PRIMARY KEY (\"a\", \"b\")) STRICT"
            ]
        );
        for wrong in [
            quote! { #[table] struct T { a: i64 } },
            quote! { #[table] struct T { #[key] a: Option<i64> } },
            quote! { #[table] struct T { #[key] a: i128 } },
            quote! { #[table(index(b))] struct T { #[key] a: i64 } },
            quote! { #[table(name = "a b")] struct T { #[key] a: i64 } },
            quote! { #[table] struct T { #[key(auto)] a: String } },
        ] {
            assert!(section(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rules_6_to_8_errors_events_and_predicates_are_described() {
        let rows = section(quote! {
            #[table] struct Note { #[key] owner: String }
            #[error] enum Wrong {
                /// There is no such note.
                Missing,
                /// It is too long.
                Long { most: u32 } = 7,
            }
            /// A note was kept.
            #[event] struct Kept<'a> { owner: &'a str, at: i64 }
            /// Your own.
            #[can_read(note)] const MINE: &str = "owner = caller()";
            #[call(payable)] fn pay() {}
        })
        .unwrap();
        let shown: Vec<_> = rows[4..]
            .iter()
            .map(|row| {
                (
                    row.kind,
                    row.name.as_str(),
                    row.fields.as_str(),
                    row.doc.as_str(),
                    row.more.join("|"),
                )
            })
            .collect();
        let text = |text: &str| text.to_owned();
        assert_eq!(
            shown,
            [
                (Kind::Error, "Missing", "", "There is no such note.", text("1")),
                (Kind::Error, "Long", "most INTEGER", "It is too long.", text("7")),
                (Kind::Event, "Kept", "owner TEXT, at INTEGER", "A note was kept.", text("")),
                (Kind::CanRead, "note", "", "Your own.", text("owner = caller()")),
            ]
        );
        assert!(rows[1].payable());
        assert!(section(quote! { #[can_read(note)] const MINE: &str = "1"; }).is_err());
    }

    #[test]
    fn rule_9_rules_of_tables_are_exports_of_typed_rows() {
        let note = quote! { #[table] struct Note { #[key] owner: String } };
        let rows = section(quote! {
            #note
            /// Names are short.
            #[validate(note)] fn short(rows: &[Written<Note>]) -> Result<(), Refusal> { Ok(()) }
            #[on_insert(note)] #[on_delete(note)] fn count(ctx: &Context, rows: &[Note]) {}
            #[on_update(note)] fn moved(rows: &[Updated<Note>]) {}
        })
        .unwrap();
        let exports: Vec<_> = rows[2..6].iter().map(|row| row.export().unwrap()).collect();
        assert_eq!(
            exports,
            ["validate_note", "on_insert_note", "on_delete_note", "on_update_note"]
        );
        assert_eq!(rows[2].doc, "Names are short.");
        for wrong in [
            quote! { #[validate(notes)] fn a(rows: &[Written<Note>]) {} },
            quote! { #[validate(note)] fn a() {} },
            quote! { #[validate(note)] fn a(rows: &[Written<Note>], ctx: &Context) {} },
            quote! { #[validate] fn a(rows: &[Written<Note>]) {} },
            quote! { #[on_insert(note)] fn a(rows: &[Note]) {} #[on_insert(note)] fn b(rows: &[Note]) {} },
            quote! { #[on_insert(note)] #[call] fn a(rows: &[Note]) {} },
        ] {
            assert!(section(quote! { #note #wrong }).is_err(), "{wrong}");
        }
    }

    #[test]
    fn rule_10_scheduled_entry_points_are_methods_of_later() {
        let module = parse_quote! {
            mod shop { #[init] fn init() {} #[scheduled] fn remind(ctx: &Context, id: i64, who: &str) {} }
        };
        let text = expand(module).unwrap().to_string();
        assert!(text.contains("fn remind (& self , id : i64 , who : & str)"), "{text}");
        assert!(section(quote! { #[scheduled] fn a(more: Rest<'_>) {} }).is_err());
    }
}
