//! The TypeScript client.

use super::{Field, Function, Returns, camel};
use std::fmt::Write as _;

/// What every client has: the messages' encoding, and the connection.
const HEAD: &str = include_str!("client.ts");

fn plain(sql: &str) -> &'static str {
    match sql {
        "INTEGER" => "bigint",
        "REAL" => "number",
        "TEXT" => "string",
        "BLOB" => "Uint8Array",
        _ => "Value",
    }
}

fn sql_type((_, sql, nullable): &Field) -> String {
    let plain = plain(sql);
    if *nullable { format!("{plain} | null") } else { plain.into() }
}

/// The words of the language, and those that the methods and their class use.
const WORDS: &[&str] = &[
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "constructor",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
    "call",
    "check",
    "client",
    "coins",
    "contract",
    "row",
    "rows",
    "signer",
    "take",
    "view",
];

/// `of_customer` as `ofCustomer`; words of the language get an underscore.
fn lower(name: &str) -> String {
    let camel = camel(name);
    let (first, rest) = camel.split_at(camel.len().min(1));
    let name = first.to_ascii_lowercase() + rest;
    if WORDS.contains(&name.as_str()) { name + "_" } else { name }
}

fn take(field: &Field, at: usize) -> String {
    let (_, sql, nullable) = field;
    format!("take(row, {at}, \"{sql}\", {nullable}) as {}", sql_type(field))
}

fn output(function: &Function) -> (String, String) {
    let row = camel(&function.name);
    match &function.returns {
        Returns::Nothing => ("void".into(), String::new()),
        Returns::Value(field) => {
            (sql_type(field), format!("const row = rows[0] ?? [];\n    return {};", take(field, 0)))
        }
        Returns::Row(_) => (row.clone(), format!("return to{row}(rows[0] ?? []);")),
        Returns::Rows(_) => (format!("{row}[]"), format!("return rows.map(to{row});")),
        Returns::Untyped => ("Value[][]".into(), "return rows;".into()),
    }
}

pub(super) fn client(functions: &[Function], errors: &[(u32, String, String)]) -> String {
    let mut out = HEAD.to_owned();
    out.push_str("/** The contract's own errors, by number. */\nexport const ContractError = {\n");
    for (number, name, doc) in errors {
        let _ = writeln!(out, "  /** {doc} */\n  {name}: {number},");
    }
    out.push_str("} as const;\n\n");
    for function in functions {
        let (Returns::Row(fields) | Returns::Rows(fields)) = &function.returns else { continue };
        let name = camel(&function.name);
        let _ = writeln!(out, "export interface {name} {{");
        for field in fields {
            let _ = writeln!(out, "  {}: {};", field.0, sql_type(field));
        }
        let _ = writeln!(out, "}}\n\nfunction to{name}(row: Value[]): {name} {{\n  return {{");
        for (at, field) in fields.iter().enumerate() {
            let _ = writeln!(out, "    {}: {},", field.0, take(field, at));
        }
        out.push_str("  };\n}\n\n");
    }
    out.push_str("/** The contract. */\nexport class Client extends Contract {\n");
    for function in functions {
        let (ty, make) = output(function);
        let coins = function.payable.then(|| "coins: readonly Coin[]".to_owned()).into_iter();
        let own = function.parameters.iter();
        let own = own.map(|field| format!("{}: {}", lower(&field.0), sql_type(field)));
        let parameters: Vec<String> = coins.chain(own).collect();
        let values: Vec<String> = function
            .parameters
            .iter()
            .map(|field| format!("check({}, \"{}\", {})", lower(&field.0), field.1, field.2))
            .collect();
        let run = if function.is_view { "view" } else { "call" };
        let coins = if function.payable { ", coins" } else { "" };
        let _ = writeln!(
            out,
            "  /** {} */\n  async {}({}): Promise<{ty}> {{\n    const rows = await this.{run}(\"{}\", [{}]{coins});\n    {make}\n  }}\n",
            function.doc,
            lower(&function.name),
            parameters.join(", "),
            function.name,
            values.join(", ")
        );
    }
    out.push_str("}\n");
    out
}
