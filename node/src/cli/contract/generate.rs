//! `dadbs contract generate`: typed clients from what a contract says of itself.
//!
//! 1. A client has one function for each call and view, with its parameters and what it returns; one type
//!    for each row that is returned, and one for the errors.
//! 2. INTEGER is `i64` and `bigint`, REAL `f64` and `number`, TEXT `String` and `string`, BLOB `Vec<u8>` and
//!    `Uint8Array`, ANY the chain's value; what may be NULL is an `Option`, or `| null`.
//! 3. The Rust client stands on the crate `dadbs-client`, the TypeScript one on cosmjs alone, and the one for
//!    other contracts on the SDK: there a failed call is an error that the caller may handle.
//! 4. What is payable takes coins in front of its parameters.
//! 5. Names come from the section, which strangers write: what is no plain name is refused, and doc
//!    comments cannot end the comment that they stand in.

mod contract;
mod rust;
mod typescript;

use super::super::exit::{Failure, Outcome};
use dadbs_abi::section::{Kind, Row, columns};

/// The languages of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Rust.
    Rust,
    /// TypeScript.
    Typescript,
    /// Rust inside another contract.
    Contract,
}

/// One field: name, SQL type, and whether it may be NULL.
type Field = (String, String, bool);

/// What a call or view returns.
enum Returns {
    Nothing,
    /// One value, which is the only one of the only row.
    Value(Field),
    /// One row.
    Row(Vec<Field>),
    /// Any number of rows.
    Rows(Vec<Field>),
    /// A row of names and rows, or what is not known.
    Untyped,
}

/// A call or view.
struct Function {
    name: String,
    is_view: bool,
    payable: bool,
    parameters: Vec<Field>,
    returns: Returns,
    doc: String,
}

fn name(text: &str) -> Outcome<String> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
    if starts && text.bytes().all(known) && text.len() <= 128 {
        return Ok(text.into());
    }
    Err(Failure::other(format!("\"{}\" is no name that a client can have", text.escape_debug())))
}

fn fields(text: &str) -> Outcome<Vec<Field>> {
    let field = |(field, sql, nullable): (&str, &str, bool)| {
        if !["INTEGER", "REAL", "TEXT", "BLOB", "ANY"].contains(&sql) {
            return Err(Failure::other(format!("\"{}\" is no SQL type", sql.escape_debug())));
        }
        Ok((name(field)?, sql.to_owned(), nullable))
    };
    columns(text).into_iter().map(field).collect()
}

fn returns(row: &Row) -> Outcome<Returns> {
    Ok(match row.returns() {
        None | Some("rows") => Returns::Untyped,
        Some("") => Returns::Nothing,
        Some(text) => match text.split_once(' ') {
            Some(("row", list)) => Returns::Row(fields(list)?),
            Some(("rows", list)) => Returns::Rows(fields(list)?),
            _ => Returns::Value(fields(&format!("value {text}"))?.remove(0)),
        },
    })
}

fn functions(rows: &[Row]) -> Outcome<Vec<Function>> {
    let entries = rows.iter().filter(|row| matches!(row.kind, Kind::Call | Kind::View));
    entries
        .map(|row| {
            Ok(Function {
                name: name(&row.name)?,
                is_view: row.kind == Kind::View,
                payable: row.payable(),
                parameters: fields(&row.fields)?,
                returns: returns(row)?,
                doc: row.doc.replace("*/", "* /").replace(['\n', '\r'], " "),
            })
        })
        .collect()
}

/// The errors: number, name and doc.
fn errors(rows: &[Row]) -> Outcome<Vec<(u32, String, String)>> {
    let errors = rows.iter().filter(|row| row.kind == Kind::Error);
    errors
        .map(|row| {
            let number = row.more.first().and_then(|number| number.parse().ok());
            let number = number
                .ok_or_else(|| Failure::other(format!("error {} has no number", row.name)))?;
            Ok((number, name(&row.name)?, row.doc.replace("*/", "* /").replace(['\n', '\r'], " ")))
        })
        .collect()
}

/// `of_customer` as `OfCustomer`.
fn camel(text: &str) -> String {
    text.split('_')
        .map(|word| {
            let (first, rest) = word.split_at(word.len().min(1));
            first.to_ascii_uppercase() + rest
        })
        .collect()
}

/// The text of a client.
pub(super) fn generate(rows: &[Row], language: Language) -> Outcome<String> {
    let (functions, errors) = (functions(rows)?, errors(rows)?);
    Ok(match language {
        Language::Rust => rust::client(&functions, &errors),
        Language::Typescript => typescript::client(&functions, &errors),
        Language::Contract => contract::client(&functions, &errors),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: Kind, name: &str, fields: &str, doc: &str, more: &[&str]) -> Row {
        let more = more.iter().map(ToString::to_string).collect();
        Row { kind, name: name.into(), fields: fields.into(), doc: doc.into(), more }
    }

    const ALL: [Language; 3] = [Language::Rust, Language::Typescript, Language::Contract];

    /// What a stranger's section must not put into a program.
    const EVIL: &str = "evil()";

    #[test]
    fn rule_5_names_that_are_programs_are_refused() {
        for name in [
            "a(){} evil()",
            "a-b",
            "a b",
            "1a",
            "_a",
            "a\n",
            "a\"",
            "\u{e4}",
            "a\u{202e}",
            "",
            &"a".repeat(129),
        ] {
            for section in [
                row(Kind::Call, name, "", "", &[""]),
                row(Kind::View, name, "", "", &[""]),
                row(Kind::Error, name, "", "", &["1"]),
                row(Kind::Call, "buy", &format!("{name} TEXT"), "", &[""]),
                row(Kind::Call, "buy", "", "", &[&format!("row {name} TEXT")]),
                row(Kind::View, "all", "", "", &[&format!("rows id INTEGER, {name} TEXT")]),
            ] {
                for language in ALL {
                    let made = generate(std::slice::from_ref(&section), language);
                    assert!(made.is_err(), "{section:?}");
                }
            }
        }
    }

    #[test]
    fn rule_5_types_and_numbers_that_are_programs_are_refused() {
        for sql in ["INT", "TEXT; evil()", "text", "NULL", "", "INTEGER NULL NULL", "ANY*/ evil()"]
        {
            for section in [
                row(Kind::Call, "buy", &format!("item {sql}"), "", &[""]),
                row(Kind::Call, "buy", "", "", &[&format!("row item {sql}")]),
                row(Kind::Call, "buy", "", "", &[&format!("{sql} x")]),
            ] {
                for language in ALL {
                    assert!(
                        generate(std::slice::from_ref(&section), language).is_err(),
                        "{section:?}"
                    );
                }
            }
        }
        for number in ["", "-1", "1; evil()", "4294967296", "0x1"] {
            let section = [row(Kind::Error, "Wrong", "", "", &[number])];
            assert!(ALL.iter().all(|language| generate(&section, *language).is_err()), "{number}");
        }
    }

    #[test]
    fn rule_5_comments_end_where_they_end() {
        for doc in [
            "*/ evil() /*",
            "a\nevil()",
            "a\r\nevil()",
            "a\revil()",
            "\u{2028}evil()",
            "*/*/ evil()",
        ] {
            let section = [
                row(Kind::Call, "buy", "", doc, &[""]),
                row(Kind::Error, "Wrong", "", doc, &["1"]),
            ];
            for language in ALL {
                let text = generate(&section, language).unwrap();
                for line in text.split(['\n', '\r']).filter(|line| line.contains(EVIL)) {
                    let comment = match language {
                        Language::Typescript => {
                            let inside = line.trim().strip_prefix("/**").unwrap();
                            assert!(!inside.strip_suffix("*/").unwrap().contains("*/"), "{line}");
                            continue;
                        }
                        _ => line.trim(),
                    };
                    assert!(comment.starts_with("///"), "{line}");
                }
            }
        }
    }

    #[test]
    fn words_of_the_languages_and_of_clients_are_no_names() {
        let fields =
            "type TEXT, match TEXT, self TEXT, class TEXT, rows TEXT, sender TEXT, coins TEXT";
        let section = [
            row(Kind::Call, "delete", fields, "", &["", "payable"]),
            row(Kind::View, "call", fields, "", &["INTEGER"]),
        ];
        let rust = generate(&section, Language::Rust).unwrap();
        assert!(rust.contains("pub async fn delete(&self, sender: &Sender, coins: &[Coin<'_>], type_: String, match_: String, self_: String, class: String, rows_: String, sender_: String, coins_: String)"), "{rust}");
        let script = generate(&section, Language::Typescript).unwrap();
        assert!(script.contains("async delete_(coins: readonly Coin[], type: string, match: string, self: string, class_: string, rows_: string, sender: string, coins_: string)"), "{script}");
        assert!(script.contains("async call_("), "{script}");
        assert!(script.contains(", check(coins_, \"TEXT\", false)], coins);"), "{script}");
    }
}
