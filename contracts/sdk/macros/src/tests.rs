//! The rules of the crate.

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
pub(crate) fn section(items: TokenStream) -> syn::Result<Vec<Row>> {
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
            (row.kind, row.name.as_str(), row.fields.as_str(), row.doc.as_str(), row.more.join("|"))
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

/// The predicates of a contract with one table, as (kind, SQL).
fn predicates(items: TokenStream) -> syn::Result<Vec<(Kind, String)>> {
    let rows = section(quote! {
        #[table]
        struct Note {
            #[key] id: i64, owner: String, reader: Option<String>, hash: Vec<u8>, public: bool,
            price: Option<i64>,
        }
        #items
    })?;
    let found = rows.into_iter().filter(|row| matches!(row.kind, Kind::CanRead | Kind::CanWrite));
    Ok(found.map(|row| (row.kind, row.more[0].clone())).collect())
}

#[test]
fn rule_8_functions_are_translated_into_sql() {
    for (body, sql) in [
        (quote!(note.owner == caller), "(\"owner\" = caller())"),
        (quote!(note.public), "\"public\""),
        (quote!(true), "1"),
        (quote!(!note.public && note.id != -3), "((NOT \"public\") AND (\"id\" <> -3))"),
        (
            quote!(note.id < 1 || note.id <= 2 && note.id > 3 || (note.id >= 4)),
            "(((\"id\" < 1) OR ((\"id\" <= 2) AND (\"id\" > 3))) OR (\"id\" >= 4))",
        ),
        (quote!(note.owner.as_str() == "it's"), "(\"owner\" = 'it''s')"),
        (quote!(*caller == note.owner), "(caller() = \"owner\")"),
        (quote!(note.hash == b"\x00\xff"), "(\"hash\" = x'00ff')"),
        (quote!(note.price.is_none()), "(\"price\" IS NULL)"),
        (quote!(note.price == None), "(\"price\" IS NULL)"),
        (quote!(note.price.is_some()), "(\"price\" IS NOT NULL)"),
        (
            quote!(note.reader.as_deref() == Some(caller)),
            "(\"reader\" IS NOT NULL AND \"reader\" = caller())",
        ),
        (quote!(Some(7) != note.price), "(NOT (\"price\" IS NOT NULL AND \"price\" = 7))"),
        (
            quote!(note.public || sql!("id IN (SELECT 1) -- some")),
            "(\"public\" OR (id IN (SELECT 1) -- some\n))",
        ),
    ] {
        let found = predicates(quote! {
            #[can_read(note)] fn mine(note: &Note, caller: &str) -> bool { #body }
        });
        assert_eq!(found.unwrap(), [(Kind::CanRead, sql.to_owned())], "{body}");
    }
    let both = predicates(quote! {
        #[can_read(note)] #[can_write(note)] fn all(note: &Note) -> bool { note.public }
    });
    let public = || "\"public\"".to_owned();
    assert_eq!(both.unwrap(), [(Kind::CanRead, public()), (Kind::CanWrite, public())]);
}

#[test]
fn rule_8_what_cannot_be_translated_does_not_compile() {
    for body in [
        quote!(note.price == note.price),
        quote!(note.price > 3),
        quote!(note.price),
        quote!(note.id == Some(3)),
        quote!(note.id == None),
        quote!(note.price > Some(3)),
        quote!(note.nothing == 3),
        quote!(other.id == 3),
        quote!(note.id + 1 == 3),
        quote!(LIMIT == note.id),
        quote!(note.owner.len() == 3),
        quote!(note.owner.starts_with(caller)),
        quote!(note.owner == "\0"),
        quote!(note.id == 99_999_999_999_999_999_999),
        quote!(sql!("id = ?", note.id)),
        quote!(let id = note.id; id == 3),
        quote!(return true;),
        quote!(if note.public { true } else { false }),
        quote!(match note.price {
            Some(price) => price == 3,
            None => false,
        }),
        quote!(matches!(note.price, Some(3))),
        quote!(note.price.is_some_and(|price| price == 3)),
        quote!(note.public & true),
        quote!(note.public ^ true),
        quote!(note.public == !true),
        quote!(note.id / 0 == 1),
        quote!(-note.id == 3),
        quote!(note.id as u32 == 3),
        quote!(note.id == 1e400),
    ] {
        let found = predicates(quote! {
            #[can_read(note)] fn mine(note: &Note, caller: &str) -> bool { #body }
        });
        assert!(found.is_err(), "{body}: {found:?}");
    }
    for wrong in [
        quote!(
            #[can_read(notes)]
            fn a(note: &Note) -> bool {
                true
            }
        ),
        quote!(
            #[can_read]
            fn a(note: &Note) -> bool {
                true
            }
        ),
        quote!(
            #[can_read(note)]
            fn a() -> bool {
                true
            }
        ),
        quote!(
            #[can_read(note)]
            fn a(note: Note) -> bool {
                true
            }
        ),
        quote!(
            #[can_read(note)]
            fn a(note: &Other) -> bool {
                true
            }
        ),
        quote!(
            #[can_read(note)]
            fn a(note: &Note, caller: String) -> bool {
                true
            }
        ),
        quote!(
            #[can_read(note)]
            fn a(note: &Note) -> i64 {
                1
            }
        ),
        quote!(
            #[can_read(note)]
            fn a(note: &Note) -> bool {
                true
            }
            #[can_read(note)]
            const B: &str = "1";
        ),
    ] {
        assert!(predicates(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn rule_8_sql_of_a_predicate_stays_in_its_brackets() {
    let predicate = |sql: &str| {
        predicates(quote! {
            #[can_read(note)] fn mine(note: &Note) -> bool { note.public && sql!(#sql) }
        })
    };
    for sql in [
        "1) OR (1",
        "1)",
        "(1",
        "1 /* ) */) OR (1",
        "1 -- (\n) OR (1",
        "owner = 'a",
        "owner = 'a''",
        "\"owner = 'a'",
        "`owner",
        "[owner",
        "1 /* one",
        "1 /*/",
    ] {
        assert!(predicate(sql).is_err(), "{sql}: {:?}", predicate(sql));
    }
    for sql in [
        "owner IN ('(', ')))', '''(', 'it''s')",
        "\"owner\" = `owner` AND [owner] = ')' /* ( */ -- (",
        "id = 3 - -3 -- '\n AND (id / 3 = 1)",
        "owner = '/*' OR owner = '--)' OR owner = '\u{e9}('",
    ] {
        predicate(sql).unwrap_or_else(|why| panic!("{sql}: {why}"));
    }
}

#[test]
fn rule_8_a_predicate_stands_in_every_build() {
    let predicate = quote! { #[can_read(note)] fn all(note: &Note) -> bool { true } };
    assert!(predicates(predicate.clone()).is_ok());
    for wrong in [
        quote! { #[cfg(test)] #predicate },
        quote! { #[cfg_attr(test, inline)] #predicate },
        quote! { #[cfg(test)] #[can_write(note)] const ALL: &str = "1"; },
    ] {
        assert!(predicates(wrong.clone()).is_err(), "{wrong}");
    }
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
    assert_eq!(exports, ["validate_note", "on_insert_note", "on_delete_note", "on_update_note"]);
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
