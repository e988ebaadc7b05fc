//! Rust types as SQL types: of parameters, columns and what entry points return.

use quote::ToTokens;
use syn::{ReturnType, Type};

/// A type without the spaces of its tokens.
pub(crate) fn text(ty: &Type) -> String {
    ty.to_token_stream().to_string().replace(' ', "")
}

/// What stands between `prefix<` and `>`.
fn inside<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    text.strip_prefix(prefix)?.strip_prefix('<')?.strip_suffix('>')
}

/// The SQL type of a parameter; `None` if there is none.
pub(crate) fn parameter(ty: &Type) -> Option<String> {
    let text = text(ty);
    if let Some(inner) = inside(&text, "Option") {
        return Some(format!("{} NULL", plain(inner)?));
    }
    plain(&text).map(str::to_owned)
}

fn plain(text: &str) -> Option<&'static str> {
    Some(match text {
        "&str" | "String" => "TEXT",
        "&[u8]" | "Vec<u8>" => "BLOB",
        "i64" | "u32" | "bool" => "INTEGER",
        "f64" => "REAL",
        "Value" | "ValueRef<'_>" => "ANY",
        "Rest<'_>" => "...",
        _ => return None,
    })
}

/// The SQL type of a column, what its definition says beyond the type, and whether it may be NULL.
pub(crate) fn column(ty: &Type) -> Option<(&'static str, &'static str, bool)> {
    let text = text(ty);
    let (plain, nullable) = match inside(&text, "Option") {
        Some(inner) => (inner, true),
        None => (text.as_str(), false),
    };
    let (sql, range) = match plain {
        "String" => ("TEXT", ""),
        "Vec<u8>" => ("BLOB", ""),
        "i64" => ("INTEGER", ""),
        "u32" => ("INTEGER", "BETWEEN 0 AND 4294967295"),
        "bool" => ("INTEGER", "IN (0, 1)"),
        "f64" => ("REAL", ""),
        _ => return None,
    };
    Some((sql, range, nullable))
}

/// What an entry point returns, as the section tells it; `fields` are the columns of a row type.
pub(crate) fn returns(
    output: &ReturnType,
    fields: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let ReturnType::Type(_, ty) = output else { return Some(String::new()) };
    let text = text(ty);
    let text = match inside(&text, "Result") {
        Some(inner) => inner.rsplit_once(',').map_or(inner, |(ok, _)| ok),
        None => &text,
    };
    if let Some(sql) = plain(text) {
        return Some(sql.to_owned());
    }
    if let Some(row) = fields(text) {
        return Some(format!("row {row}"));
    }
    if let Some(row) = inside(text, "Vec").or(inside(text, "Option")) {
        return fields(row).map(|row| format!("rows {row}"));
    }
    match text {
        "()" => return Some(String::new()),
        "Table" | "Rows" => return Some("rows".into()),
        _ => {}
    }
    let tuple = text.strip_prefix('(')?.strip_suffix(')')?;
    let parts = tuple.split(',').filter(|part| !part.is_empty()).enumerate();
    let columns: Option<Vec<String>> =
        parts.map(|(at, part)| Some(format!("column_{} {}", at + 1, plain(part)?))).collect();
    Some(format!("row {}", columns?.join(", ")))
}
