//! What commands print: tables for people, JSON for programs, both on stdout; messages go to stderr.
//!
//! 1. JSON of SQL values: NULL is `null`, INTEGER and finite REAL are numbers (a REAL always shows a point
//!    or an exponent), TEXT is a string, BLOB is `{"blob": "<hex>"}`, an infinite REAL is
//!    `{"real": "inf"}` or `{"real": "-inf"}`.
//! 2. A table prints NULL as nothing, BLOBs as `x'..'`, control characters escaped.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{ContentArrangement, Table};
use dadbs_client::proto::dadbs::sql::v1 as sql;
use dadbs_types::Value;
use serde_json::{Value as Json, json};

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Tables and lines for people.
    Table,
    /// One JSON value for programs.
    Json,
}

/// A table with its header.
pub(crate) fn table<H: Into<String>>(header: impl IntoIterator<Item = H>) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(header.into_iter().map(Into::into).collect::<Vec<String>>());
    table
}

/// The value of the wire as the core's.
pub(crate) fn from_wire(value: sql::Value) -> Value {
    match value.value {
        None => Value::Null,
        Some(sql::value::Value::Integer(integer)) => Value::Integer(integer),
        Some(sql::value::Value::Real(real)) => Value::Real(real),
        Some(sql::value::Value::Text(text)) => Value::Text(text),
        Some(sql::value::Value::Blob(bytes)) => Value::Blob(bytes),
    }
}

/// The core's value as the wire's.
pub(crate) fn to_wire(value: &Value) -> sql::Value {
    let value = match value {
        Value::Null => None,
        Value::Integer(integer) => Some(sql::value::Value::Integer(*integer)),
        Value::Real(real) => Some(sql::value::Value::Real(*real)),
        Value::Text(text) => Some(sql::value::Value::Text(text.clone())),
        Value::Blob(bytes) => Some(sql::value::Value::Blob(bytes.clone())),
    };
    sql::Value { value }
}

/// A row of the wire as core values.
pub(crate) fn row_from_wire(row: sql::Row) -> Vec<Value> {
    row.values.into_iter().map(from_wire).collect()
}

/// A row of core values for the wire.
pub(crate) fn row_to_wire(row: &[Value]) -> sql::Row {
    sql::Row { values: row.iter().map(to_wire).collect() }
}

/// A value for programs (rule 1).
pub(crate) fn json_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Integer(integer) => json!(integer),
        Value::Real(real) if real.is_finite() => json!(real),
        Value::Real(real) => json!({ "real": if *real > 0.0 { "inf" } else { "-inf" } }),
        Value::Text(text) => json!(text),
        Value::Blob(bytes) => json!({ "blob": hex::encode(bytes) }),
    }
}

/// A text that strangers may have written, without what would command a terminal.
pub(crate) fn plain(text: &str) -> String {
    let shown = |c: char| {
        let escape = c.is_control() && c != '\n' && c != '\t';
        if escape { c.escape_default().collect::<Vec<_>>() } else { vec![c] }
    };
    text.chars().flat_map(shown).collect()
}

/// A value for people (rule 2).
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(integer) => integer.to_string(),
        Value::Real(real) => format!("{real:?}"),
        Value::Text(text) => plain(text),
        Value::Blob(bytes) => format!("x'{}'", hex::encode(bytes)),
    }
}

/// A SQL literal of a command line argument: NULL, a number, `x'..'`, `'text'`; anything else is a text.
pub(crate) fn literal(text: &str) -> Value {
    if text.eq_ignore_ascii_case("null") {
        return Value::Null;
    }
    if let Ok(integer) = text.parse::<i64>() {
        return Value::Integer(integer);
    }
    let numeric = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    if let (true, Ok(real)) = (numeric, text.parse::<f64>()) {
        return Value::Real(real);
    }
    let quoted = |prefix: &str| text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix('\''));
    if let Some(Ok(bytes)) = quoted("x'").or_else(|| quoted("X'")).map(hex::decode) {
        return Value::Blob(bytes);
    }
    match quoted("'") {
        Some(inner) => Value::Text(inner.replace("''", "'")),
        None => Value::Text(text.into()),
    }
}

/// Digits in groups of three.
pub(crate) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A size in bytes for people.
pub(crate) fn bytes(size: u64) -> String {
    match size {
        0..10_000 => format!("{size} B"),
        10_000..10_000_000 => format!("{}.{} kB", size / 1_000, size % 1_000 / 100),
        _ => format!("{}.{} MB", size / 1_000_000, size % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_1_json_keeps_the_storage_class() {
        let values = [
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(1.0),
            Value::Real(f64::NEG_INFINITY),
            Value::Text("a'b".into()),
            Value::Blob(vec![0, 255]),
        ];
        let json: Vec<String> = values.iter().map(|v| json_value(v).to_string()).collect();
        let expected = [
            "null",
            "-9223372036854775808",
            "1.0",
            r#"{"real":"-inf"}"#,
            r#""a'b""#,
            r#"{"blob":"00ff"}"#,
        ];
        assert_eq!(json, expected);
    }

    #[test]
    fn rule_2_people_see_escapes() {
        assert_eq!(shown(&Value::Text("a\u{1b}[31m".into())), "a\\u{1b}[31m");
        assert_eq!(shown(&Value::Real(0.1)), "0.1");
        assert_eq!(shown(&Value::Blob(vec![1])), "x'01'");
    }

    #[test]
    fn arguments_are_literals() {
        assert_eq!(literal("NULL"), Value::Null);
        assert_eq!(literal("-5"), Value::Integer(-5));
        assert_eq!(literal("1e3"), Value::Real(1000.0));
        assert_eq!(literal("x'0a'"), Value::Blob(vec![10]));
        assert_eq!(literal("'it''s'"), Value::Text("it's".into()));
        assert_eq!(literal("'5'"), Value::Text("5".into()));
        assert_eq!(literal("inf"), Value::Text("inf".into()));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(grouped(12), "12");
    }
}
